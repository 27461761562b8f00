//! The backup, while its view runs: it takes what the primary prepares, in order, and acknowledges what is durable.
//!
//! An acknowledgement is for the whole log up to a place. So a prepare that comes early waits, and is asked for what it
//! follows.

use crate::base::{Probe, Role};

use super::config::PIPELINE;
use super::entry::{Entry, Place, View};
use super::message::Message;
use super::plant::Plant;
use super::replica::{Replica, Status};

impl Replica {
    /// Begins to follow in a view whose log is ours and durable.
    pub fn follow(&mut self) {
        assert_eq!(self.status, Status::Normal);
        assert!(!self.is_primary());
        assert_eq!(self.log_view, self.view);
        self.probe_role(Role::Backup);
        self.wanted = 0;
        self.fetch_from = self.view.primary(self.config.replicas);
        self.early.clear();
        self.draw_patience();
        self.commit_up_to(self.commit_known);
        self.acknowledge();
    }

    /// Whether it takes part in `view` as a backup.
    pub fn follows(&self, view: View) -> bool {
        if self.planted(Plant::AcksAfterDvc) && self.status == Status::ViewChange && self.install.is_none() {
            return view == self.log_view && self.view > view && view.primary(self.config.replicas) != self.me;
        }
        self.status == Status::Normal && view == self.view && !self.is_primary()
    }

    /// Guards everything that a primary says to its backups. Signs of a view that has started without us are followed
    /// up, but never acted upon.
    fn ignore_primary(&mut self, from: u16, view: View) -> bool {
        self.note_vote(from, view);
        if from != view.primary(self.config.replicas) {
            return true;
        }
        if view == self.view {
            // Whether or not the view has started here.
            self.primary_heard = self.env.now();
        }
        if self.follows(view) {
            return false;
        }
        let lacks_start = view == self.view && view > self.log_view && self.install.is_none();
        if lacks_start && self.journal.is_idle() && self.planted(Plant::StateTransferTruncates) {
            self.cut(self.commit.max(self.log_head.op));
            (self.log_view, self.log_head) = (view, self.log.head());
            self.save();
        }
        if view > self.view || lacks_start {
            self.request_start_view(view);
        }
        true
    }

    pub fn on_prepare(&mut self, from: u16, view: View, commit: u64, entry: Entry) {
        if view < self.view {
            self.env.mark("prepare of an older view dropped");
        }
        if self.ignore_primary(from, view) {
            return;
        }
        assert_eq!(view, self.log_view);
        assert!(entry.view() <= view);
        self.hear_primary();
        self.commit_known = self.commit_known.max(commit);
        let (op, place) = (entry.op(), entry.place());
        if op <= self.log.op() {
            self.fill(&entry);
            let is_one = self.log.place(op).is_none_or(|known| known == place);
            assert!(is_one || op < self.log.base().op, "a view has one log");
            self.env.mark("duplicate prepare");
            if self.planted(Plant::DupPrepareAckedUndurable) {
                self.say_prepare_ok(place);
            } else if op <= self.journal.durable() {
                self.acknowledge();
            }
        } else if op == self.log.op() + 1 && self.has_room(op) {
            self.append(entry);
            self.append_early();
        } else {
            if self.planted(Plant::GapAccepted) {
                self.say_prepare_ok(place);
            }
            if op <= self.log.op() + 2 * PIPELINE {
                self.early.insert(op, entry);
            }
            self.want(op - 1);
        }
        self.commit_up_to(self.commit_known);
    }

    /// Appends prepares that came early and now follow.
    pub fn append_early(&mut self) {
        while let Some((op, _)) = self.early.first_key_value() {
            if *op > self.log.op() + 1 || !self.has_room(*op) {
                break;
            }
            let (_, entry) = self.early.pop_first().expect("it was looked at");
            assert!(entry.op() <= self.log.op() + 1, "what is early waits");
            if entry.op() == self.log.op() + 1 {
                self.append(entry);
            }
        }
    }

    pub fn on_commit(&mut self, from: u16, view: View, place: Place) {
        if self.ignore_primary(from, view) {
            return;
        }
        assert_eq!(view, self.log_view);
        let is_one = self.log.place(place.op).is_none_or(|known| known == place);
        assert!(is_one, "a view has one log");
        self.hear_primary();
        self.commit_known = self.commit_known.max(place.op);
        self.want(place.op);
        self.commit_up_to(self.commit_known);
        // Repeats an acknowledgement that was lost, and shows the primary that it is heard.
        self.acknowledge();
    }

    /// Tells the primary how far our log is durable.
    pub fn acknowledge(&mut self) {
        if !self.follows(self.log_view) {
            return;
        }
        assert!(self.journal.durable() <= self.log.op());
        let place = self.log.place(self.journal.durable()).expect("what is durable is in the log");
        self.say_prepare_ok(place);
    }

    fn say_prepare_ok(&mut self, place: Place) {
        let view = self.log_view;
        let is_ours = place.op <= self.log.op() || self.planted(Plant::GapAccepted);
        assert!(is_ours, "nothing is acknowledged that is not in the log");
        assert_ne!(view.primary(self.config.replicas), self.me, "nobody acknowledges to itself");
        self.probe_acked(view, place);
        self.send(
            view.primary(self.config.replicas),
            &Message::PrepareOk { view, life: self.lives[usize::from(self.me)], place },
        );
    }

    /// Says once in each view what is acknowledged; repeats tell nothing new.
    pub fn probe_acked(&mut self, view: View, place: Place) {
        assert!(self.log_view <= self.view);
        if place.op == 0 || self.acked == (view, place.op) {
            return;
        }
        assert!(view >= self.acked.0, "views only go up");
        self.acked = (view, place.op);
        self.env.probe(Probe::Acked { epoch: view.0, index: place.op, digest: place.checksum });
    }
}
