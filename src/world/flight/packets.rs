//! Packets on their way, and arrived ones until they are taken.

use crate::base::{EventId, EventKind, Label, NodeId, Payload};
use crate::world::moment::Told;

/// A packet on its way, or arrived.
#[derive(Debug)]
pub(in super::super) struct Packet {
    pub from: NodeId,
    pub to: NodeId,
    /// The place of the receiver among the machines; another's, if it strays.
    pub slot: u16,
    pub label: Label,
    pub repeat: u32,
    pub copy: u8,
    pub corrupt: bool,
    /// The key of its name.
    pub key: u64,
    pub body: Payload,
    /// The event of its sending; once it has arrived, the event of that.
    pub event: EventId,
    /// Once it has arrived: the one behind it in the inbox, or [`NOBODY`].
    pub next: u32,
}

/// The place of no packet.
pub(in super::super) const NOBODY: u32 = u32::MAX;

impl Packet {
    /// In the place of the number of a copy: not a packet, but the notice to its receiver that a connection is gone.
    pub const RESET: u8 = u8::MAX;

    /// A second copy of it.
    pub fn second_copy(&self) -> Packet {
        assert_eq!(self.copy, 0, "only the first of a packet is copied");
        assert!(!self.corrupt && self.next == NOBODY, "it is copied as it was sent");
        let Packet { from, to, slot, label, repeat, key, event, .. } = *self;
        Packet {
            from,
            to,
            slot,
            label,
            repeat,
            copy: 1,
            corrupt: false,
            key,
            body: self.body.clone(),
            event,
            next: NOBODY,
        }
    }

    /// Something of each line of the cache that it lies in.
    #[inline]
    pub fn glance(&self) -> u64 {
        self.key ^ self.event.0 ^ u64::from(self.slot)
    }

    /// The event of its arrival.
    pub fn delivery(&self) -> EventKind {
        assert_ne!(self.copy, Packet::RESET, "a notice is told as what it is");
        let Packet { from, label, repeat, copy, corrupt, .. } = *self;
        EventKind::Deliver { from, label, repeat, copy, hash: self.body.hash(), corrupt }
    }

    /// What is happening when it arrives.
    pub fn told(&self) -> Told {
        assert_ne!(self.copy, Packet::RESET, "a notice is told as what it is");
        let Packet { from, to, label, repeat, copy, .. } = *self;
        Told::Delivery { from, to, label, repeat, copy }
    }
}

/// The table of packets. A place that is free keeps what lay there, but for its payload, until it is used again: most of a
/// packet is numbers, and need not be moved out only to be forgotten.
#[derive(Debug, Default)]
pub(in super::super) struct Packets {
    places: Vec<Packet>,
    free: Vec<u32>,
}

impl Packets {
    #[inline(always)]
    pub fn insert(&mut self, packet: Packet) -> u32 {
        match self.free.pop() {
            Some(place) => {
                assert!(self.places[place as usize].body.is_empty(), "nothing is left of what lay in a free place");
                self.places[place as usize] = packet;
                place
            }
            None => {
                self.places.push(packet);
                u32::try_from(self.places.len() - 1).expect("there are fewer than 2^32 packets")
            }
        }
    }

    #[inline]
    pub fn at(&self, place: u32) -> &Packet {
        &self.places[place as usize]
    }

    #[inline]
    pub fn at_mut(&mut self, place: u32) -> &mut Packet {
        &mut self.places[place as usize]
    }

    /// Takes a packet out: from whom, with what, and the last event of it.
    #[inline]
    pub fn take(&mut self, place: u32) -> (NodeId, Payload, EventId) {
        self.free.push(place);
        let packet = &mut self.places[place as usize];
        (packet.from, std::mem::replace(&mut packet.body, Payload::EMPTY), packet.event)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Checks what holds at any time.
    pub fn check(&self) {
        assert!(self.free.len() <= self.places.len(), "no more places are free than there are");
        for place in &self.free {
            assert!(self.at(*place).body.is_empty(), "nothing is left of what lay in a free place");
        }
    }
}
