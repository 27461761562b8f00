//! The way of a packet where more may become of it than its dice say: how it leaves, what stops it at the door, and how
//! connections break. Everybody else's packets never come here.

use std::rc::Rc;
use std::time::Duration;

use super::gates::{Admission, Why};
use super::links::LinkId;
use super::streams::Offer;
use crate::base::text::format_duration;
use crate::base::{EventId, EventKind, Kind, Label, LabelText, Lost, Name, NodeId, Payload};
use crate::exec::Class;
use crate::world::decisions::decide::PacketFate;
use crate::world::decisions::links::Detour;
use crate::world::flight::{NOBODY, Packet, Step};
use crate::world::machines::host::{NodeHost, Parcel};
use crate::world::moment::{Moment, Told};
use crate::world::shared::Shared;
use crate::world::tracer::Deed;

static RESET: Kind = Kind::new("reset", &[]);

/// A packet that leaves.
pub(in crate::world) struct Outgoing {
    pub link: LinkId,
    /// The place of the receiver among the machines.
    pub receiver: usize,
    pub to: NodeId,
    pub label: Label,
    pub repeat: u32,
    /// The key of its name.
    pub key: u64,
    pub body: Payload,
    /// The event of its sending.
    pub sent: EventId,
}

impl NodeHost {
    /// Sends a packet of which more may become than its dice say.
    #[cold]
    pub(in crate::world) fn send_eventfully(&self, packet: Outgoing) {
        let (shared, from) = (&*self.shared, self.machine.id);
        let Outgoing { link, receiver, to, label, repeat, key, sent, .. } = packet;
        assert!(shared.network.borrow().is_eventful(link), "the usual packet has a shorter way");
        let carrier = match self.admitted(&packet) {
            Ok(carrier) => carrier,
            Err((deed, reason)) => return self.lose(deed, to, label, repeat, reason, sent),
        };
        let is_stream = shared.traffic.streams.is_some();
        assert_eq!(carrier.is_some(), is_stream && receiver != self.slot, "a connection carries what leaves a node");
        let fate = shared.fate_of(&packet, from);
        assert!(!is_stream || !fate.reordered && fate.duplicate.is_none(), "a stream brings everything once, in order");
        assert!(!is_stream || fate.corrupt.is_none(), "a stream brings everything as it was sent");
        if fate.dropped {
            self.lose(Deed::PacketLost, to, label, repeat, Lost::Dropped, sent);
            return shared.break_connection(self.slot, receiver, sent);
        }
        let detour = shared.detour_of(&packet, from, self.slot);
        assert!(!is_stream || detour.misroute.is_none(), "a stream leads nowhere else");
        assert!(receiver != self.slot || detour == Detour::default(), "what a node says to itself does not leave it");
        if let Some(nanos) = detour.clog {
            shared.clog(link, (from, to), nanos);
        }
        // What a node says to itself needs no wire.
        let left = match receiver == self.slot {
            true => Some(shared.now()),
            false => shared.traffic.pipes.borrow_mut().transmit(link, shared.now(), packet.body.len() as u64),
        };
        let Some(left) = left else {
            return self.lose(Deed::QueueFull, to, label, repeat, Lost::QueueFull, sent);
        };
        assert!(left >= shared.now(), "a packet leaves when it is sent, or later");
        let alone = left.after(fate.latency);
        let way = match detour.misroute {
            Some(node) => {
                self.lose(Deed::PacketMisrouted, to, label, repeat, Lost::Misrouted, sent);
                let slot = shared.cluster.slot(node);
                let network = shared.network.borrow();
                (!network.is_cut(network.link(self.slot, slot))).then_some((alone, slot))
            }
            None if fate.reordered => {
                shared.count(Deed::PacketReordered);
                Some((alone, receiver))
            }
            None => Some((shared.network.borrow_mut().arrival(link, alone), receiver)),
        };
        let second = fate.duplicate.map(|latency| (left.after(latency), packet.body.clone()));
        let (corrupt, body) = match fate.corrupt {
            Some(bit) => {
                shared.count(Deed::PacketCorrupted);
                (true, packet.body.with_bit_flipped(bit))
            }
            None => (false, packet.body),
        };
        let one = |slot: usize, copy, corrupt, body| {
            let slot = slot as u16;
            Packet { from, to, slot, label, repeat, copy, corrupt, key, body, event: sent, next: NOBODY }
        };
        if let Some((at, slot)) = way {
            let place = shared.flight.enter_packet(at, one(slot, 0, corrupt, body));
            if let (Some(streams), Some(nth)) = (&shared.traffic.streams, carrier) {
                streams.borrow_mut().carry(place, nth);
            }
        }
        if let Some((at, body)) = second {
            shared.count(Deed::PacketDuplicated);
            shared.flight.enter_packet(at, one(receiver, 1, false, body));
        }
        self.after();
    }

    /// Whether the network takes the packet; on a network of streams, the number of the connection that does.
    fn admitted(&self, packet: &Outgoing) -> Result<Option<u32>, (Deed, Lost)> {
        let (shared, slot) = (&*self.shared, self.slot);
        let Outgoing { link, receiver, label, sent, .. } = packet;
        let cut = (Deed::PacketCutOff, Lost::Cut);
        let (is_cut, is_cut_off) = {
            let network = shared.network.borrow();
            let back = network.link(*receiver, slot);
            (network.is_cut(*link) || network.is_cut(back), network.cuts_off(*link, label))
        };
        let Some(streams) = shared.traffic.streams.as_ref().filter(|_| *receiver != slot) else {
            return if is_cut_off { Err(cut) } else { Ok(None) };
        };
        // A connection needs both ways, and somebody at the other end.
        let is_up = shared.machines[*receiver].up.get();
        let offer = streams.borrow_mut().offer(slot, *receiver, is_up && !is_cut);
        let is_open = matches!(offer, Offer::Taken(_));
        assert!(!is_open || is_up && !is_cut, "what is cut off, or dead, has no open connection");
        match offer {
            Offer::Late => Err((Deed::PacketLost, Lost::Broken)),
            Offer::Refused => {
                shared.spread_news(slot, *receiver, *sent);
                Err(if is_up { cut } else { (Deed::PacketLost, Lost::Down) })
            }
            // A stream has no gaps: where one message is cut off, so is everything behind it.
            Offer::Taken(_) if is_cut_off => {
                shared.break_connection(slot, *receiver, *sent);
                Err(cut)
            }
            Offer::Taken(nth) => Ok(Some(nth)),
        }
    }
}

impl Shared {
    /// What every packet meets. A stream has second copies and damage in no plan either, and a node's connection to itself
    /// does not break.
    fn fate_of(&self, packet: &Outgoing, from: NodeId) -> PacketFate {
        let Outgoing { to, label, repeat, key, ref body, .. } = *packet;
        let is_stream = self.traffic.streams.is_some();
        let calm = PacketFate {
            dropped: false,
            latency: self.packet_dice.calm(),
            reordered: false,
            duplicate: None,
            corrupt: None,
        };
        if is_stream && from == to {
            return calm;
        }
        let fate = self.packet_fate(key, body.len() as u32, Parcel { from, to, label, repeat });
        if is_stream { PacketFate { dropped: fate.dropped, latency: fate.latency, ..calm } } else { fate }
    }

    /// What few packets meet. A node's packets to itself do not leave it.
    fn detour_of(&self, packet: &Outgoing, from: NodeId, slot: usize) -> Detour {
        let Outgoing { to, label, repeat, key, receiver, .. } = *packet;
        if receiver == slot || self.quiet.get() {
            return Detour::default();
        }
        let others: Vec<NodeId> = match self.traffic.streams {
            Some(_) => Vec::new(),
            None => self.cluster.nodes().filter(|node| *node != from && *node != to).collect(),
        };
        let name = || Name::Packet { from, to, label, repeat };
        self.decider.borrow_mut().detour(&self.traffic.detours, key, &others, name)
    }

    /// Clogs a link between two nodes for so many nanoseconds.
    fn clog(&self, link: LinkId, (from, to): (NodeId, NodeId), nanos: u64) {
        assert_ne!(from, to, "what a node says to itself waits behind nothing");
        self.count(Deed::Clog);
        self.emit_fault(&format!("clog {from} -> {to} for {}", format_duration(Duration::from_nanos(nanos))));
        let generation = self.close_gate(Why::Clogged, vec![link], None);
        self.enter(self.now().after(nanos), Class::FaultEnds, Step::OpenGate { generation });
    }

    /// Closes links for packets that come to the door. Names the gate, to open it.
    pub fn close_gate(&self, why: Why, links: Vec<LinkId>, only: Option<LabelText>) -> u32 {
        let generation = self.traffic.gates.borrow_mut().close(why, links, only);
        self.traffic.look();
        assert!(self.traffic.watched.get(), "a door with a gate is watched");
        generation
    }

    /// Lets packets that waited come to the door again, in order.
    pub fn let_go(&self, places: &[u32]) {
        places.iter().for_each(|place| self.flight.enter_packet_again(self.now(), *place));
        self.traffic.look();
    }

    /// Whether a packet that comes to the door is stopped there: it waits, is lost, or arrives at somebody else.
    #[cold]
    pub fn is_stopped(self: &Rc<Self>, place: u32) -> bool {
        let (from, to, slot, label) = {
            let packets = self.flight.packets.borrow();
            let packet = packets.at(place);
            assert_ne!(packet.copy, Packet::RESET, "a notice comes through no door");
            (self.cluster.slot(packet.from), self.cluster.slot(packet.to), usize::from(packet.slot), packet.label)
        };
        if slot != to {
            assert!(self.traffic.streams.is_none(), "a stream leads nowhere else");
            assert_ne!(slot, from, "a packet does not stray to who sent it");
            self.arrive_astray(place);
            return true;
        }
        if from == to {
            return false;
        }
        let link = self.network.borrow().link(from, to);
        if let Some(streams) = &self.traffic.streams
            && !streams.borrow_mut().carries(from, to, place)
        {
            self.traffic.gates.borrow_mut().forget(link, place);
            self.traffic.look();
            self.lose_under_way(place);
            return true;
        }
        let strictly = self.traffic.streams.is_some();
        let admission = self.traffic.gates.borrow_mut().admit(link, &label, place, strictly);
        assert!(
            admission == Admission::Passes || self.traffic.watched.get(),
            "where something waits the door is watched"
        );
        match admission {
            Admission::Passes => self.traffic.look(),
            Admission::Waits => {}
            Admission::Queues => self.flight.enter_packet_again(self.now(), place),
        }
        admission != Admission::Passes
    }

    /// Loses a packet with its connection.
    fn lose_under_way(&self, place: u32) {
        let (from, to, label, repeat, sent) = {
            let mut packets = self.flight.packets.borrow_mut();
            let Packet { from, to, label, repeat, event: sent, .. } = *packets.at(place);
            packets.take(place);
            (from, to, label, repeat, sent)
        };
        assert!(self.traffic.streams.is_some(), "only a connection takes what is under way with it");
        assert_ne!(from, to, "a node has no connection to itself");
        self.count(Deed::PacketLost);
        self.lose(from, to, label, repeat, Lost::Broken, sent);
    }

    /// A packet arrives where it was not sent to.
    fn arrive_astray(self: &Rc<Self>, place: u32) {
        let (slot, event) = {
            let packets = self.flight.packets.borrow();
            let packet = packets.at(place);
            self.begin(Moment::delivery(packet.key, packet.copy), packet.event, || packet.told());
            let Packet { from, to: meant, label, repeat, .. } = *packet;
            (usize::from(packet.slot), EventKind::Stray { from, meant, label, repeat, hash: packet.body.hash() })
        };
        let machine = &self.machines[slot];
        if !machine.up.get() {
            // That it did not arrive where it should was told when it left.
            self.flight.packets.borrow_mut().take(place);
            return;
        }
        let arrived = self.emit(Some(machine.id), event);
        self.tracer.deliveries.set(self.tracer.deliveries.get() + u64::from(arrived != EventId(0)));
        self.put_in_inbox(slot, place, arrived);
    }

    /// Puts what has come to a node into its inbox.
    fn put_in_inbox(self: &Rc<Self>, slot: usize, place: u32, arrived: EventId) {
        let machine = &self.machines[slot];
        self.executor.set_cause(arrived);
        machine.receive(place, arrived, &mut self.flight.packets.borrow_mut());
        machine.wake_receivers(&self.executor);
        self.strike_struck();
    }

    /// Breaks the connection between two nodes, if there is one, because of an event.
    pub fn break_connection(&self, one: usize, other: usize, cause: EventId) {
        let Some(streams) = self.traffic.streams.as_ref().filter(|_| one != other) else { return };
        let broke = streams.borrow_mut().break_off(one, other);
        if broke {
            self.count(Deed::ConnectionBroken);
            self.spread_news(one, other, cause);
        }
    }

    /// The ends of a connection that is gone learn of it as soon as a calm packet would have come from one to the other. That
    /// is no decision: a real one is told by its own timeouts, or by a peer that is alive again.
    fn spread_news(&self, one: usize, other: usize, cause: EventId) {
        assert!(self.traffic.streams.is_some(), "only a stream is reset");
        assert_ne!(one, other, "a node has no connection to itself");
        let mut network = self.network.borrow_mut();
        for (from, to) in [(one, other), (other, one)] {
            let link = network.link(from, to);
            network.forget_order(link);
            self.traffic.pipes.borrow_mut().clear(link);
        }
        let at = self.now().after(self.packet_dice.calm());
        self.enter(at, Class::Usual, Step::Reset { one, other, cause });
    }

    /// Breaks the connections of a node that dies.
    pub fn hang_up(&self, slot: usize, cause: EventId) {
        assert!(!self.machines[slot].up.get(), "who lives does not hang up");
        if self.traffic.streams.is_some() {
            (0..self.machines.len()).for_each(|other| self.break_connection(slot, other, cause));
        }
    }

    /// Breaks the connections whose links have been cut, either way.
    pub fn hang_up_cut_off(&self, cause: EventId) {
        if self.traffic.streams.is_none() {
            return;
        }
        for one in 0..self.machines.len() {
            for other in one + 1..self.machines.len() {
                let is_cut = {
                    let network = self.network.borrow();
                    network.is_cut(network.link(one, other)) || network.is_cut(network.link(other, one))
                };
                if is_cut {
                    self.break_connection(one, other, cause);
                }
            }
        }
    }

    /// The ends of a connection learn that it is gone.
    pub fn reset(self: &Rc<Self>, one: usize, other: usize, cause: EventId) {
        let streams = self.traffic.streams.as_ref().expect("only a stream is reset");
        let news = streams.borrow_mut().learn(one, other);
        let [(low, _), (high, _)] = news.ends;
        assert!(low < high && high < self.machines.len(), "the ends of a connection are two nodes");
        for (slot, peer) in [(low, high), (high, low)] {
            let learns = news.ends.contains(&(slot, true));
            let machine = &self.machines[slot];
            if !learns || !machine.up.get() || self.stopped.get() {
                continue;
            }
            let (node, peer, nth) = (machine.id, self.machines[peer].id, news.nth);
            self.begin(Moment::reset(node, peer, nth), cause, || Told::Reset { node, peer, nth });
            let learned = self.emit(Some(node), EventKind::Reset { peer, nth });
            assert_ne!(learned, EventId(0), "while the run goes on what is learned is an event");
            let notice = Packet {
                from: peer,
                to: node,
                slot: slot as u16,
                label: RESET.label([]),
                repeat: nth,
                copy: Packet::RESET,
                corrupt: false,
                key: 0,
                body: Payload::EMPTY,
                event: learned,
                next: NOBODY,
            };
            let place = self.flight.packets.borrow_mut().insert(notice);
            machine.resets.set(machine.resets.get() + 1);
            self.put_in_inbox(slot, place, learned);
        }
    }
}
