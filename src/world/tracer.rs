//! What happened: the running digest, and the events themselves where somebody wants to read them.

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
}

/// The record of a run.
#[derive(Debug)]
pub(super) struct Tracer {
    pub digest: Digest,
    pub last: EventId,
    pub trace: Option<Vec<Event>>,
    /// One byte of the digest after each event, where a plan is written down.
    pub bytes: Option<Vec<u8>>,
    /// What the world did, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What the system passed, by name and node.
    pub marks: BTreeMap<(&'static str, NodeId), u64>,
}

impl Tracer {
    pub fn new(trace: bool, record: bool) -> Tracer {
        Tracer {
            digest: Digest::START,
            last: EventId(0),
            trace: trace.then(Vec::new),
            bytes: record.then(Vec::new),
            faults: BTreeMap::new(),
            marks: BTreeMap::new(),
        }
    }

    /// The number of the next event.
    pub fn next(&mut self) -> EventId {
        self.last = EventId(self.last.0 + 1);
        self.last
    }

    /// Writes down where the digest stands after an event. All later bytes differ as well once one does, but for one in
    /// 256, so a byte is enough to find the place.
    pub fn note_digest(&mut self) {
        if let Some(bytes) = &mut self.bytes {
            bytes.push(self.digest.to_bits() as u8);
        }
    }

    pub fn count(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }
}
