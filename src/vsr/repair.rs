//! Catching up: whoever lacks entries asks for them.
//!
//! A backup whose view is running lacks the middle or the end of its view's log. It takes entries, in order, from
//! anybody whose log is of that very view. A replica that installs the log of a new view knows where that log ends and
//! takes entries backwards from there, from anybody at all: each of them is named by the checksum in the one after it.

use crate::base::{Instant, Kind};

use super::boot::Report;
use super::config::{CHUNK, FETCH_RETRY, VOTE_RESEND};
use super::disk::{Position, scan};
use super::entry::{Entry, View};
use super::message::{LogEnd, Message};
use super::replica::{Replica, Status};
use super::state::Transfer;
use super::timers::Timer;

static READ_AGAIN: Kind = Kind::new("read-again", &["op"]);

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
        assert_eq!(self.log_view, self.view, "a view runs on its own log");
        self.heard_arriving(from);
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
        assert!(first > self.commit, "what is committed needs no mention");
        let suffix: Vec<Position> = (first..=op).filter_map(|op| self.log.position(op)).cloned().collect();
        let end = LogEnd { head: self.log.head(), doubt: self.log.doubtful().min(CHUNK), suffix };
        assert!(end.suffix.len() as u64 <= CHUNK, "the end of a log fits into a message");
        assert!(end.is_sound());
        end
    }

    /// A backup: the view's log is known to go on up to `op`.
    pub fn want(&mut self, op: u64) {
        assert!(self.follows(self.log_view), "only a backup wants to catch up");
        self.wanted = self.wanted.max(op);
        if self.wanted > self.log.op() && !self.timers.is_set(Timer::Fetch) {
            self.fetch();
        }
    }

    /// Asks for what is lacking, and sees to it that the question is repeated.
    pub fn fetch(&mut self) {
        let Some((to, message)) = self.lacking() else { return };
        assert_ne!(to, self.me, "nobody asks itself");
        assert!(to < self.config.replicas, "it is asked of somebody who is there");
        self.send(to, &message);
        self.timers.set(Timer::Fetch, self.env.now() + FETCH_RETRY);
    }

    /// Whom to ask for what, if anything is lacking: a checkpoint that is on its way; what leads to the log that is being
    /// installed; entries that the disk has lost; or the end of the view's log.
    fn lacking(&self) -> Option<(u16, Message)> {
        if self.config.replicas == 1 || self.is_syncing() {
            return None;
        }
        // Any word from a later view counts as a vote for it, and whoever recovers does not vote.
        let view = if self.status == Status::Recovering { View(0) } else { self.view };
        let transfer = self.transfer.as_ref().map(|Transfer { checkpoint, received, source }| {
            let (op, offset) = (checkpoint.place.op, received.len() as u64);
            (*source, Message::GetCheckpoint { view, op, offset })
        });
        // That of our own state comes last: perhaps nobody has made that checkpoint yet, and waits for us to go on. We can, as
        // long as there is room.
        let is_own = |op| self.lacks_state && op == self.log.base().op;
        if self.transfer.as_ref().is_some_and(|transfer| !is_own(transfer.checkpoint.place.op)) {
            return transfer;
        }
        if let Some(install) = self.install.as_ref().filter(|install| !self.log.holds(install.needed)) {
            let to = install.needed.op;
            assert!(to > 0, "every log holds the place before its first entry");
            let from = (to + 1).saturating_sub(CHUNK).max(1);
            assert!(from <= to && to < from + CHUNK, "a question for entries that fit into one message");
            return Some((install.source, Message::GetEntries { view, from, to }));
        }
        if let Some(install) = self.install.as_ref().filter(|install| self.has_no_room_for(install)) {
            // Who is so far ahead has a checkpoint that makes room.
            let next = self.log.base().op + 1;
            return Some((install.source, Message::GetEntries { view, from: next, to: next }));
        }
        if let Some(to) = self.last_hole() {
            let from = self.log.first_missing().expect("one is missing").max((to + 1).saturating_sub(CHUNK));
            assert!(from <= to && to < from + CHUNK, "a question for entries that fit into one message");
            return Some((self.fetch_from, Message::GetEntries { view, from, to }));
        }
        let can_go_on = !self.lacks_state || self.has_room(self.log.op() + 1);
        if self.status == Status::Normal && !self.is_primary() && self.wanted > self.log.op() && can_go_on {
            let from = self.log.op() + 1;
            let to = self.wanted.min(from + CHUNK - 1);
            assert!(from <= to && to < from + CHUNK, "a question for entries that fit into one message");
            return Some((self.fetch_from, Message::GetEntries { view, from, to }));
        }
        transfer
    }

    /// The last entry that the disk has lost and that is not being written again.
    fn last_hole(&self) -> Option<u64> {
        let last = self.log.missing().map(|missing| missing.op).rfind(|op| self.journal.is_hole(*op));
        assert!(last.is_none_or(|op| op > self.log.base().op), "nothing is missing of what a checkpoint covers");
        assert!(last.is_none_or(|op| op <= self.log.op()), "nothing is missing beyond the end");
        last
    }

    pub fn on_fetch_timeout(&mut self) {
        // Somebody else may have them too, and be in better health, or within reach: one may hear a primary that one
        // cannot ask.
        let (me, replicas) = (self.me, self.config.replicas);
        let next = |source: u16| (1..=replicas).map(|step| (source + step) % replicas).find(|next| *next != me);
        let next = |source: u16| next(source).unwrap_or(source);
        self.fetch_from = next(self.fetch_from);
        assert!(self.fetch_from != me || replicas == 1, "nobody asks itself who could ask another");
        if let Some(transfer) = &mut self.transfer {
            // Another may have a newer one, and then begins anew; whoever has this very one goes on with it.
            transfer.source = next(transfer.source);
        }
        if let Some(install) = &mut self.install {
            install.source = next(install.source);
        }
        self.read_again();
        self.fetch();
    }

    /// An entry that our own disk has lost may have been misread only.
    fn read_again(&self) {
        let Some(op) = self.last_hole() else { return };
        assert!(self.log.get(op).is_none(), "what is there need not be read");
        let (file, reports) = (self.journal_file.clone(), self.reports.clone());
        let (ring, cluster) = (self.journal.ring(), self.config.cluster);
        self.env.spawn(READ_AGAIN.label([op]), async move {
            if let Some(entry) = scan::read_again(&file, ring, cluster, op).await {
                reports.push(Report::Found(entry));
            }
        });
    }

    /// Whether part of another log is in ours, so that it is not clear of which view ours is.
    pub fn is_mixed(&self) -> bool {
        self.half_installed.is_some() || self.install.as_ref().is_some_and(|install| install.kept.is_some())
    }

    fn ignore_get_entries(&self, from: u64, to: u64) -> bool {
        self.is_mixed() || from > to || self.is_syncing()
    }

    pub fn on_get_entries(&mut self, from: u16, view: View, first: u64, to: u64) {
        self.note_vote(from, view);
        if self.ignore_get_entries(first, to) {
            return;
        }
        if self.leads() && view == self.view {
            self.heard_arriving(from);
        }
        let named = *self.checkpoints.named();
        if first <= named.place.op && !self.lacks_state {
            self.send(from, &Message::Checkpointed { log_view: self.log_view, checkpoint: named });
        }
        // The last stretch without a hole: what is asked for backwards is found there, and what is asked for forwards, too,
        // from a log without holes.
        let to = to.min(first.saturating_add(CHUNK - 1)).min(self.log.op());
        let first = first.max(self.log.base().op + 1);
        let hole = (first..=to).rfind(|op| self.log.get(*op).is_none());
        let first = hole.map_or(first, |hole| hole + 1);
        let entries: Vec<Entry> = self.log.entries(first, to).cloned().collect();
        assert!(entries.first().is_none_or(|entry| entry.op() == first), "the answer begins where it says");
        assert!(entries.len() as u64 <= CHUNK);
        if !entries.is_empty() {
            self.send(from, &Message::Entries { log_view: self.log_view, entries });
        }
    }

    pub fn on_entries(&mut self, log_view: View, entries: Vec<Entry>) {
        self.fill_from(&entries);
        assert!(self.install.is_none() || self.status != Status::Normal, "the log of a running view grows");
        if self.install.is_some() {
            self.take_backwards(entries);
        } else if self.status == Status::Normal && !self.is_primary() && log_view == self.view {
            self.take_forwards(entries);
        }
    }

    /// Fills holes of our log with these entries, if they are what is missing there. From above, because each names the one
    /// below it.
    pub fn fill_from(&mut self, entries: &[Entry]) {
        let filled = entries.iter().rev().filter(|entry| self.fill(entry)).count();
        if filled == 0 {
            return;
        }
        assert!(filled <= entries.len(), "each entry fills one hole");
        self.timers.stop(Timer::Fetch);
        self.commit_up_to(self.commit_known);
        self.fetch();
    }

    /// A backup of our own view, who hears the primary that we do not, tells how the view looks.
    pub fn take_relayed(&mut self, from: u16, commit: u64, log: LogEnd) {
        assert_eq!(self.status, Status::Normal);
        assert!(!self.is_primary());
        assert_ne!(from, self.me, "nobody tells itself");
        self.commit_known = self.commit_known.max(commit);
        let entries: Vec<Entry> = log.entries().cloned().collect();
        let (head, first) = (log.head.op, log.suffix.first().map_or(log.head.op + 1, Position::op));
        let (have, is_whole) = (self.log.op(), entries.len() == log.suffix.len());
        if is_whole && have + 1 >= first {
            self.take_forwards(entries);
        } else if have < head {
            let last = head.min(have + CHUNK);
            self.send(from, &Message::GetEntries { view: self.view, from: have + 1, to: last });
        }
        self.commit_up_to(self.commit_known);
    }

    /// Entries from a log of our own view.
    fn take_forwards(&mut self, entries: Vec<Entry>) {
        assert_eq!(self.log_view, self.view);
        let before = self.log.op();
        for entry in entries {
            let (op, place) = (entry.op(), entry.place());
            let is_one = op > self.log.op() || self.log.place(op).is_none_or(|known| known == place);
            assert!(is_one, "a view has one log");
            if op == self.log.op() + 1 && self.has_room(op) && entry.before() == self.log.head() {
                self.append(entry);
            }
        }
        assert!(self.log.op() >= before, "the log of a running view grows");
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
        install.pool.extend(entries);
        self.stage();
        let needed = self.install.as_ref().map_or(0, |install| install.needed.op);
        assert!(needed <= before.op, "what is needed comes ever closer to what we have");
        if self.install.as_ref().is_none_or(|install| install.needed == before) {
            return;
        }
        self.env.mark("missing entries fetched");
        self.timers.stop(Timer::Fetch);
        if self.status == Status::ViewChange {
            self.rearm_view_change();
        }
        self.fetch();
        self.advance();
    }

    /// The moment from which on a question may be asked again is reset with every view.
    pub fn may_ask_at_once(&mut self) {
        self.ask_again = Instant::START;
    }
}
