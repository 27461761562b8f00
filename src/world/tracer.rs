//! What happened: the running digest, and the events themselves where somebody wants to read them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::base::{Digest, Disks, Event, EventId, Instant, NodeId};

/// Somebody who watches a run: the oracles.
pub trait Observer {
    /// Told of every event, in order. The run stops if the answer is no.
    fn on_event(&mut self, event: &Event, disks: &dyn Disks) -> bool;
    /// A quiet phase begins, with this core.
    fn on_quiet(&mut self, at: Instant, core: &[NodeId]);
    /// It ends, and faults begin again.
    fn on_quiet_end(&mut self);
    /// Asked after the last phase: whether nothing is left to wait for.
    fn is_settled(&mut self, core: &[NodeId]) -> bool;
    /// What it wants to be shown. Asked at the start, when a quiet phase begins or ends, and after each event it was shown.
    fn attention(&self) -> Attention {
        Attention::ALL
    }
}

/// Which events an observer wants to be shown. Most events of a run are packets, disk operations and timers, and most
/// observers want none of those; an event that nobody wants costs no more than its place in the digest. All others are
/// always shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attention {
    /// Packets that leave and arrive. Those that are lost are always shown.
    pub packets: bool,
    /// Disk operations that begin and end.
    pub disks: bool,
    /// Timers that fire.
    pub timers: bool,
    /// Whatever happens later than this.
    pub later_than: Instant,
    /// Whatever happens from this event on.
    pub from: EventId,
}

impl Attention {
    /// Everything.
    pub const ALL: Attention =
        Attention { packets: true, disks: true, timers: true, later_than: Instant::NEVER, from: EventId(u64::MAX) };
    /// Nothing but what is always shown.
    pub const LEAST: Attention = Attention { packets: false, disks: false, timers: false, ..Attention::ALL };
}

/// What the world does to the nodes, as it is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    Crash,
    Wipe,
    Restart,
    Pause,
    Partition,
    Cut,
    Heal,
    Clog,
    Hold,
    Release,
    ClockJump,
    ClockDrift,
    ConnectionBroken,
    QueueFull,
    PacketMisrouted,
    PacketCutOff,
    PacketLost,
    PacketReordered,
    PacketCorrupted,
    PacketDuplicated,
    SectorKept,
    SectorTorn,
    Rot,
    SectorUnreadable,
    WriteLost,
    WriteMisdirected,
    ReadMisdirected,
    ReadFailed,
    SyncFailed,
    SyncLied,
    DiskFull,
    DiskStall,
    NamesTorn,
    Refused,
    Spared,
}

/// What each is called, in the order of the kinds.
const DEEDS: [&str; 35] = [
    "crash",
    "wipe",
    "restart",
    "pause",
    "partition",
    "cut",
    "heal",
    "clog",
    "hold",
    "release",
    "clock jump",
    "clock drift",
    "connection broken",
    "packet lost to a full queue",
    "packet misrouted",
    "packet cut off",
    "packet lost",
    "packet reordered",
    "packet corrupted",
    "packet duplicated",
    "unsynced sector kept",
    "unsynced sector torn",
    "rot",
    "sector unreadable",
    "write lost",
    "write misdirected",
    "read misdirected",
    "read failed",
    "sync failed",
    "sync lied",
    "disk full",
    "disk stall",
    "names torn",
    "refused by the budget",
    "spared by max_down",
];

/// The record of a run.
#[derive(Debug)]
pub(super) struct Tracer {
    digest: Cell<Digest>,
    last: Cell<EventId>,
    pub trace: Option<RefCell<Vec<Event>>>,
    /// One byte of the digest after each event, where a plan is written down.
    pub bytes: Option<RefCell<Vec<u8>>>,
    deeds: [Cell<u64>; DEEDS.len()],
    /// How many packets have arrived.
    pub deliveries: Cell<u64>,
}

impl Tracer {
    pub fn new(trace: bool, record: bool) -> Tracer {
        Tracer {
            digest: Cell::new(Digest::START),
            last: Cell::new(EventId(0)),
            trace: trace.then(RefCell::default),
            bytes: record.then(RefCell::default),
            deeds: std::array::from_fn(|_| Cell::new(0)),
            deliveries: Cell::new(0),
        }
    }

    /// The number of the last event.
    #[inline]
    pub fn last(&self) -> EventId {
        self.last.get()
    }

    /// The number of the next event.
    #[inline]
    pub fn next(&self) -> EventId {
        // It would take centuries to run over.
        let next = EventId(self.last.get().0.wrapping_add(1));
        self.last.set(next);
        next
    }

    pub fn digest(&self) -> Digest {
        self.digest.get()
    }

    /// Takes an event into account, as `feed` feeds it.
    #[inline(always)]
    pub fn note(&self, feed: impl FnOnce(&mut Digest)) {
        let mut digest = self.digest.get();
        feed(&mut digest);
        self.digest.set(digest);
    }

    /// Whether something is written down of every event.
    pub fn writes(&self) -> bool {
        self.trace.is_some() || self.bytes.is_some()
    }

    /// Where a plan is written down, takes down where the digest stands: all later bytes differ as well once one does, but for
    /// one in 256, so a byte an event is enough to find the place.
    pub fn write_byte(&self) {
        if let Some(bytes) = &self.bytes {
            bytes.borrow_mut().push(self.digest.get().to_bits() as u8);
        }
    }

    #[inline]
    pub fn count(&self, deed: Deed) {
        let count = &self.deeds[deed as usize];
        count.set(count.get().wrapping_add(1));
    }

    /// How often each was done that was done at all.
    pub fn deeds(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.deeds.iter().map(Cell::get);
        DEEDS.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deed_has_its_own_name() {
        let tracer = Tracer::new(false, false);
        tracer.count(Deed::Crash);
        tracer.count(Deed::PacketDuplicated);
        tracer.count(Deed::SectorTorn);
        tracer.count(Deed::SectorTorn);
        let deeds: Vec<_> = tracer.deeds().into_iter().collect();
        assert_eq!(deeds, [("crash", 1), ("packet duplicated", 1), ("unsynced sector torn", 2)]);
    }
}
