//! Execution: what is committed is handed to the service, in order, once.

use crate::base::Probe;

use super::entry::Header;
use super::plant::Plant;
use super::replica::{Replica, Status};
use super::sessions::Turn;

impl Replica {
    /// Executes everything up to here that is in the log, and not part of what may still be cut.
    pub fn commit_up_to(&mut self, op: u64) {
        let last = if self.lacks_state { self.commit } else { op.min(self.own_head()) };
        while self.commit < last && self.log.get(self.commit + 1).is_some() {
            self.execute_next();
        }
        self.write_snapshot();
        assert!(self.commit <= self.log.op(), "what is executed is in the log");
        assert!(self.commit >= self.log.base().op, "what a checkpoint covers is executed");
    }

    pub fn execute_next(&mut self) {
        let entry = self.log.get(self.commit + 1).expect("an entry that is here is executed").clone();
        let (Header { client, request, op, view, .. }, digest) = (*entry.header(), entry.checksum());
        assert!(!self.lacks_state, "without the state nothing is executed");
        assert_eq!(op, self.commit + 1, "entries are executed in order");
        let leads = self.leads();
        if leads && view < self.view {
            self.env.mark("older view's op committed by new primary");
        }
        self.commit = op;
        self.commit_known = self.commit_known.max(op);
        if self.status == Status::Normal && op > self.committed_at_start {
            self.failures = 0;
        }
        self.env.probe(Probe::Committed { epoch: self.view.0, index: op, digest });
        match self.sessions.turn(client, request) {
            Turn::Register => {
                let (reply, evicted) = self.sessions.open(client, op);
                if evicted.is_some() {
                    self.env.mark("session evicted");
                }
                self.probe_applied(op);
                self.answer(client, request, reply);
            }
            Turn::Skip => {
                // Its client is told when it asks again.
                self.env.mark("entry of an evicted client skipped");
                self.probe_applied(op);
            }
            Turn::Apply => {
                let reply = self.service.apply(entry.body());
                self.probe_applied(op);
                self.env.probe(Probe::Executed { client, request, index: op });
                if leads || !self.planted(Plant::ClientTablePrimaryOnly) {
                    self.sessions.applied(client, request, op, reply.clone());
                }
                self.answer(client, request, reply);
            }
        }
        self.take_snapshot(&entry);
    }

    pub fn probe_applied(&self, op: u64) {
        assert_eq!(op, self.commit, "what was just executed is the last that was");
        self.env.probe(Probe::Applied { index: op, state: self.service.digest() });
    }
}
