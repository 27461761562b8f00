//! How our log changes: it grows, a hole of it is filled, its end is cut. Memory and journal change together, and whoever
//! watches is told.

use crate::base::Probe;

use super::entry::{Entry, Place};
use super::replica::Replica;

impl Replica {
    /// Whether there is room for the entry of this op.
    pub fn has_room(&self, op: u64) -> bool {
        self.journal.has_room(op) && !self.is_syncing()
    }

    /// Adds an entry to the log, in which there is room for it.
    pub fn append(&mut self, entry: Entry) {
        assert!(self.has_room(entry.op()), "a slot is used again only when it is free");
        let (place, ring) = (entry.place(), self.journal.ring());
        if place.op > ring.slots() && ring.slot(place.op) == 0 {
            self.env.mark("ring wrapped");
        }
        self.journal.write(&entry);
        self.log.push(entry);
        assert_eq!(self.log.head(), place, "the log ends with what was added");
        self.probe_head();
    }

    /// Puts an entry into a hole of the log, if it is the one that is missing there.
    pub fn fill(&mut self, entry: &Entry) -> bool {
        if self.is_syncing() || !self.journal.is_hole(entry.op()) || !self.log.fill(entry) {
            return false;
        }
        assert!(self.log.holds(entry.place()));
        assert!(self.log.get(entry.op()).is_some(), "the hole is filled");
        self.env.mark("faulty slot repaired");
        if entry.op() == self.log.op() {
            self.env.mark("head recovered from peers");
        }
        self.journal.repair(entry);
        true
    }

    /// Removes the entries after `op`, which a later view does not have.
    pub fn cut(&mut self, op: u64) {
        assert!(op >= self.commit, "a committed entry is never cut");
        assert!(op >= self.log_head.op, "the disk must not vouch for an entry that is cut");
        if op == self.log.op() && self.log.doubtful() == 0 {
            return;
        }
        // So does doubt end: whatever may have been there is not in the view's log.
        self.say_truncated(op);
        if op < self.log.op() {
            self.env.mark("uncommitted op truncated");
        }
        self.journal.cut(op);
        self.log.cut(op);
        assert_eq!(self.log.op(), op, "the log ends where it was cut");
        assert!(self.journal.durable() <= op, "nothing that is cut is durable");
        self.probe_head();
    }

    /// Says that nothing behind this op is acknowledged any more, because a later view does without it. That has to be said
    /// before a superblock is written that no longer vouches for it: as soon as that may be durable, a restart may find
    /// the log as it will be.
    pub fn say_truncated(&self, op: u64) {
        assert!(op >= self.log.base().op, "what a checkpoint covers is never cut");
        assert!(op <= self.log.op(), "a log is cut within itself");
        self.env.probe(Probe::Truncated { index: op, epoch: self.view.0 });
    }

    pub fn probe_head(&self) {
        if self.log.doubtful() > 0 {
            // Where it ends it cannot say.
            return;
        }
        let head = self.log.head();
        assert!(head.op >= self.commit, "what is executed is in the log");
        assert!(head.op > 0 || head == Place::default(), "nothing has a checksum before op 1");
        self.env.probe(Probe::Head { index: head.op, digest: head.checksum });
    }
}
