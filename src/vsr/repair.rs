//! Catching up: whoever lacks entries asks for them.
//!
//! A backup whose view is running lacks the middle or the end of its view's log. It takes entries, in order, from
//! anybody whose log is of that very view. A replica that installs the log of a new view knows where that log ends and
//! takes entries backwards from there, from anybody at all: each of them is named by the checksum in the one after it.

use crate::base::Instant;

use super::config::{CHUNK, FETCH_RETRY, VOTE_RESEND};
use super::entry::{Entry, View};
use super::message::{LogEnd, Message};
use super::replica::{Replica, Status};
use super::timers::Timer;

impl Replica {
    /// Asks the primary of a view that has started without us how it started. Until it answers nothing changes here:
    /// that a view is running does not tell what is in its log.
    pub fn request_start_view(&mut self, view: View) {
        assert!(view >= self.view);
        let (now, primary) = (self.env.now(), view.primary(self.config.replicas));
        if now < self.ask_again || primary == self.me {
            return;
        }
        assert_ne!(primary, self.me);
        self.ask_again = now + VOTE_RESEND / 4;
        self.env.mark("start view requested");
        self.send(primary, &Message::RequestStartView { view });
    }

    pub fn on_request_start_view(&mut self, from: u16, view: View) {
        self.note_vote(from, view);
        if !self.leads() || self.abdicated || view != self.view {
            return;
        }
        self.heard(from);
        self.send(from, &self.start_view());
    }

    /// How the view that is running looks now. A backup's log is a beginning of it that holds all it started with, so
    /// a backup may tell others as well.
    pub fn start_view(&self) -> Message {
        assert_eq!(self.status, Status::Normal);
        assert_eq!(self.log_view, self.view);
        Message::StartView { view: self.view, commit: self.commit, log: self.log_end() }
    }

    /// The end of our log: all that may be uncommitted, and not more than fits into a message.
    pub fn log_end(&self) -> LogEnd {
        let op = self.log.op();
        let first = (self.commit + 1).max((op + 1).saturating_sub(CHUNK));
        let end = LogEnd { head: self.log.head(), suffix: self.log.range(first, op).to_vec() };
        assert!(end.is_whole());
        end
    }

    /// A backup: the view's log is known to go on up to `op`.
    pub fn want(&mut self, op: u64) {
        self.wanted = self.wanted.max(op);
        if self.wanted > self.log.op() && !self.timers.is_set(Timer::Fetch) {
            self.fetch();
        }
    }

    /// Asks for what is lacking, and sees to it that the question is repeated.
    pub fn fetch(&mut self) {
        let (to, first, last) = if let Some(install) = &self.install {
            if self.log.holds(install.needed) {
                return;
            }
            let last = install.needed.op;
            assert!(last > 0, "every log holds the place before its first entry");
            (install.source, (last + 1).saturating_sub(CHUNK).max(1), last)
        } else if self.status == Status::Normal && !self.is_primary() && self.wanted > self.log.op() {
            let first = self.log.op() + 1;
            (self.fetch_from, first, self.wanted.min(first + CHUNK - 1))
        } else {
            return;
        };
        assert!(first <= last);
        self.send(to, &Message::GetEntries { view: self.view, from: first, to: last });
        self.timers.set(Timer::Fetch, self.env.now() + FETCH_RETRY);
    }

    pub fn on_fetch_timeout(&mut self) {
        // Somebody else may have them too, and be in better health, or within reach: one may hear a primary that one
        // cannot ask.
        let (me, replicas) = (self.me, self.config.replicas);
        let source = self.install.as_mut().map_or(&mut self.fetch_from, |install| &mut install.source);
        let next = (1..=replicas).map(|step| (*source + step) % replicas).find(|next| *next != me);
        *source = next.expect("a replica that lacks entries is not alone");
        self.fetch();
    }

    fn ignore_get_entries(&self, from: u64, to: u64) -> bool {
        // While a log is on its way into ours it is not clear of which view ours is.
        let mixed =
            self.half_installed.is_some() || self.install.as_ref().is_some_and(|install| install.kept.is_some());
        mixed || from > to || from > self.log.op()
    }

    pub fn on_get_entries(&mut self, from: u16, view: View, first: u64, to: u64) {
        self.note_vote(from, view);
        if self.ignore_get_entries(first, to) {
            return;
        }
        if self.leads() && view == self.view {
            self.heard(from);
        }
        let entries = self.log.range(first, to.min(first.saturating_add(CHUNK - 1))).to_vec();
        assert!(entries.len() as u64 <= CHUNK);
        self.send(from, &Message::Entries { log_view: self.log_view, entries });
    }

    pub fn on_entries(&mut self, log_view: View, entries: Vec<Entry>) {
        if self.install.is_some() {
            self.take_backwards(entries);
        } else if self.status == Status::Normal && !self.is_primary() && log_view == self.view {
            self.take_forwards(entries);
        }
    }

    /// A backup of our own view, who hears the primary that we do not, tells how the view looks.
    pub fn take_relayed(&mut self, from: u16, commit: u64, log: LogEnd) {
        assert_eq!(self.status, Status::Normal);
        assert!(!self.is_primary());
        self.commit_known = self.commit_known.max(commit);
        let (head, first) = (log.head.op, log.suffix.first().map_or(log.head.op + 1, Entry::op));
        if self.log.op() + 1 >= first {
            self.take_forwards(log.suffix);
        } else {
            let last = head.min(self.log.op() + CHUNK);
            self.send(from, &Message::GetEntries { view: self.view, from: self.log.op() + 1, to: last });
        }
        self.commit_up_to(self.commit_known);
    }

    /// Entries from a log of our own view.
    fn take_forwards(&mut self, entries: Vec<Entry>) {
        assert_eq!(self.log_view, self.view);
        let before = self.log.op();
        for entry in entries {
            assert!(entry.op() > self.log.op() || self.log.holds(entry.place()), "a view has one log");
            if entry.op() == self.log.op() + 1 {
                self.append(entry);
            }
        }
        if self.log.op() == before {
            return;
        }
        self.env.mark("missing entries fetched");
        self.append_early();
        self.timers.stop(Timer::Fetch);
        self.commit_up_to(self.commit_known);
        self.fetch();
    }

    /// Entries that the log being installed names by their checksums.
    fn take_backwards(&mut self, entries: Vec<Entry>) {
        let install = self.install.as_mut().expect("a log is being installed");
        let before = install.needed;
        for entry in entries.into_iter().rev() {
            if !self.log.holds(install.needed) && entry.place() == install.needed {
                install.needed = entry.before();
                install.staged.push_front(entry);
            }
        }
        if install.needed == before {
            return;
        }
        assert!(install.needed.op < before.op);
        self.env.mark("missing entries fetched");
        self.timers.stop(Timer::Fetch);
        self.rearm_view_change();
        self.fetch();
        self.advance();
    }

    /// The moment from which on a question may be asked again is reset with every view.
    pub fn may_ask_at_once(&mut self) {
        self.ask_again = Instant::START;
    }
}
