//! The log of a new view, on its way into ours.
//!
//! Its primary says where that log ends. From there each entry names the one before it, so a replica fetches downwards until
//! it meets its own log, cuts what is not of the new view's, and appends the rest. Nothing is promised meanwhile, and nothing is
//! cut while it is being written; once the log is durably ours, the disk may say so, and then the view starts here.

use std::collections::VecDeque;

use crate::base::Probe;

use super::entry::{Entry, Place, View};
use super::message::LogEnd;
use super::plant::Plant;
use super::replica::{Replica, Status};
use super::timers::Timer;

/// The log of a new view, on its way into ours.
#[derive(Debug)]
pub(super) struct Install {
    /// The view whose log it is: the one that is about to start, but for a replica that recovers.
    pub log_view: View,
    /// Where that log ends.
    pub head: Place,
    /// Everything up to here is committed.
    pub commit: u64,
    /// Its last entries, without holes, those that our log has too perhaps among them.
    staged: VecDeque<Entry>,
    /// The place that the first of them follows. Once our log holds it, nothing is lacking.
    pub needed: Place,
    /// Entries that may turn out to lead there.
    pub pool: Vec<Entry>,
    /// Whom to ask for more.
    pub source: u16,
    /// Set once the entries have been appended to our log: how much of it was kept.
    pub kept: Option<u64>,
}

impl Install {
    /// Goes past the first entries, as long as they need not be put into our log.
    fn pass(&mut self, is_there: impl Fn(&Entry) -> bool) {
        while let Some(entry) = self.staged.front().filter(|entry| is_there(entry)) {
            self.needed = entry.place();
            self.staged.pop_front();
        }
        assert!(self.needed.op <= self.head.op, "nothing is needed beyond its end");
    }
}

impl Replica {
    pub fn on_start_view(&mut self, from: u16, view: View, commit: u64, log: LogEnd) {
        self.note_vote(from, view);
        let primary = view.primary(self.config.replicas);
        if view < self.view || primary == self.me {
            return;
        }
        if view > self.view {
            self.enter_view(view);
        }
        assert_eq!(view, self.view);
        assert!(!self.is_primary());
        if self.status == Status::Normal && from == primary {
            self.hear_primary();
        } else if self.status == Status::Normal {
            self.take_relayed(from, commit, log);
        } else if self.status == Status::ViewChange && self.log_view < self.view && self.install.is_none() {
            self.begin_install(from, view, commit, log.head, log.entries().cloned().collect());
            self.advance();
        }
    }

    pub fn begin_install(&mut self, source: u16, log_view: View, commit: u64, head: Place, pool: Vec<Entry>) {
        assert!(self.install.is_none());
        assert!(source < self.config.replicas);
        let source = if source == self.me { (source + 1) % self.config.replicas } else { source };
        self.fill_from(&pool);
        let staged = VecDeque::new();
        self.install = Some(Install { log_view, head, commit, staged, needed: head, pool, source, kept: None });
        self.stage();
        self.fetch();
    }

    /// Another log is to be ours, or another view comes first.
    pub fn break_off_install(&mut self) {
        if let Some(kept) = self.install.take().and_then(|install| install.kept) {
            // Between the break and the cut nothing is installed, so the first break knows best.
            assert!(self.half_installed.is_none());
            self.half_installed = Some(kept);
        }
    }

    /// Where our own log ends: what follows belongs to another that is being installed, and is cut if that is broken off.
    pub fn own_head(&self) -> u64 {
        let kept = self.half_installed.or(self.install.as_ref().and_then(|install| install.kept));
        let head = kept.unwrap_or(self.log.op());
        assert!(head >= self.log.base().op, "what a checkpoint covers is ours");
        assert!(head <= self.log.op(), "our own part is in the log");
        head
    }

    /// Takes from the pool what leads from the new log's end to ours.
    pub fn stage(&mut self) {
        let Some(install) = self.install.as_mut().filter(|install| install.kept.is_none()) else { return };
        while !self.log.holds(install.needed) {
            let needed = install.needed;
            if needed.op <= self.commit {
                return self.abandon_install();
            }
            let Some(found) = install.pool.iter().position(|entry| entry.place() == needed) else { return };
            let entry = install.pool.swap_remove(found);
            install.needed = entry.before();
            install.staged.push_front(entry);
        }
        assert!(install.needed.op <= install.head.op);
        install.pool.clear();
    }

    /// The log that is being installed does not go through what is committed here: it is that of a view which a later one has
    /// overtaken. Where it and what is committed part, nothing of it was ever committed.
    fn abandon_install(&mut self) {
        let committed = self.log.place(self.commit).expect("what is executed is in the log");
        let install = self.install.as_mut().expect("a log is being installed");
        assert!(install.kept.is_none(), "what has been appended went through what is committed");
        self.env.mark("overtaken log not installed");
        if self.status == Status::Recovering {
            // Those who answered had no later log when they did. So nothing that we acknowledged before we lost our disk is in
            // one, and of this one only what is committed counts.
            install.staged.clear();
            install.pool.clear();
            (install.head, install.needed) = (committed, committed);
        } else {
            self.break_off_install();
        }
    }

    /// Our log begins at this place now: what of the new view's log is covered need not be installed.
    pub fn restage(&mut self, base: Place) {
        // What of a log that was broken off is covered is committed, and need not be cut.
        self.half_installed = self.half_installed.map(|kept| kept.max(base.op)).filter(|kept| *kept < self.log.op());
        let Some(install) = &mut self.install else { return };
        if let Some(kept) = install.kept {
            if self.log.holds(install.head) {
                install.kept = Some(kept.max(base.op));
                if install.needed.op < base.op {
                    install.needed = base;
                }
                return;
            }
            // What was being installed has gone with our log.
            (install.kept, install.needed) = (None, install.head);
            install.staged.clear();
        }
        install.pass(|entry| entry.op() <= base.op);
        if install.needed.op < base.op {
            // It ends before our log begins.
            assert_eq!(install.needed, install.head, "whatever goes on from here is staged");
            (install.needed, install.head) = (base, base);
        }
        self.stage();
    }

    /// Whether all of the new log is here, and our ring has no place for it.
    pub fn has_no_room_for(&self, install: &Install) -> bool {
        install.kept.is_none() && self.log.holds(install.needed) && !self.journal.has_room(install.head.op)
    }

    /// Puts the new log into ours, if nothing of it is lacking. False if there is something to wait for.
    pub fn write_install(&mut self) -> bool {
        let install = self.install.as_mut().expect("a log is being installed");
        assert!(install.kept.is_none());
        if !self.log.holds(install.needed) {
            return false;
        }
        install.pass(|entry| self.log.holds(entry.place()));
        let (kept, head, commit) = (install.needed, install.head, install.commit);
        assert!(kept.op >= self.commit, "what is committed is in the log of every later view");
        if !self.has_room(head.op) {
            // What is committed of it is executed, until a checkpoint makes room: our own, or that of another.
            self.commit_up_to(commit.min(kept.op));
            if !self.timers.is_set(Timer::Fetch) {
                self.fetch();
            }
            return false;
        }
        if kept.op < self.log_head.op {
            // The disk vouches for entries that are about to be cut, and has to stop doing so first.
            self.log_head = kept;
            self.say_truncated(kept.op);
            self.save();
            return true;
        }
        let install = self.install.as_mut().expect("it is still there");
        install.kept = Some(kept.op);
        let staged = std::mem::take(&mut install.staged);
        self.cut(kept.op);
        if self.planted(Plant::LogViewDurableBeforeLog) {
            self.log_view = self.view;
            self.save();
        }
        staged.into_iter().for_each(|entry| self.append(entry));
        self.fetch();
        true
    }

    /// The new log is durably ours; now the disk may say so.
    pub fn finish_install(&mut self) {
        assert!(self.journal.is_idle());
        let install = self.install.take().expect("a log is being installed");
        assert_eq!(self.log.head(), install.head, "a log ends where its primary said");
        assert!(self.log.is_whole());
        self.log_view = install.log_view;
        self.log_head = install.head;
        self.commit_known = self.commit_known.max(install.commit);
        // With the same superblock that says what the log is now.
        self.recovery = None;
        self.save();
    }

    /// That our log is the view's log is durable: the view starts here.
    pub fn begin_view(&mut self) {
        assert_eq!(self.log_view, self.view);
        assert!(self.promises.is_settled());
        self.status = Status::Normal;
        self.committed_at_start = self.commit_known;
        if self.commit_known == self.log.op() {
            self.failures = 0;
        }
        self.vote = self.view;
        self.timers.stop_all();
        self.env.probe(Probe::Epoch { epoch: self.view.0, log_epoch: self.log_view.0 });
        if self.is_primary() {
            self.lead();
        } else {
            self.follow();
        }
        self.fetch();
    }
}
