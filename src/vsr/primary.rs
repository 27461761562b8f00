//! The primary, while its view runs: requests become entries, and entries that are durable on a quorum are executed.
//!
//! What it adopted from earlier views is committed in the same way, once a quorum has acknowledged it in this view.

use crate::base::{Instant, Probe, Role};

use super::config::{ABDICATION, ARRIVAL, HEARTBEAT, PIPELINE, PREPARE_RESEND, RESEND_BATCH, VIEW_CHANGE_PACES};
use super::entry::{Entry, Header, Place, View};
use super::message::Message;
use super::plant::Plant;
use super::quorum;
use super::replica::Replica;
use super::timers::Timer;

/// What a primary knows of a backup, in this view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backup {
    /// Everything up to here is durable in the backup's log of this view.
    pub acked: u64,
    /// What `acked` was when prepares were last sent again.
    acked_before: u64,
    /// When it last showed that it hears the primary.
    heard: Instant,
    /// Since when it has been on its way into the view, and when it last said so, if it has acknowledged nothing since.
    arriving: Option<(Instant, Instant)>,
}

impl Backup {
    pub fn new(now: Instant) -> Backup {
        Backup { acked: 0, acked_before: 0, heard: now, arriving: None }
    }
}

impl Replica {
    /// Begins to lead a view whose log is ours and durable.
    pub fn lead(&mut self) {
        assert!(self.leads());
        assert!(self.journal.is_idle());
        assert_eq!(self.log_view, self.view);
        self.probe_role(Role::Primary);
        self.commit_up_to(self.commit_known);
        assert!(self.log.is_whole(), "whoever leads has every entry");
        let chain = self.log.entries(self.commit + 1, self.log.op()).map(Entry::checksum).collect();
        self.env.probe(Probe::Leads { epoch: self.view.0, committed: self.commit, chain });
        if self.view > View(0) {
            self.env.mark("view change done");
        }
        if self.planted(Plant::AdoptedLogTakenAsCommitted) {
            self.commit_up_to(self.log.op());
        }
        self.note_pipeline();
        let now = self.env.now();
        self.abdicated = false;
        self.resend_head = 0;
        self.backups.fill(Backup::new(now));
        self.broadcast(&self.start_view());
        self.timers.set(Timer::Heartbeat, now + HEARTBEAT);
        self.timers.set(Timer::PrepareResend, now + PREPARE_RESEND);
        self.timers.set(Timer::Abdication, now + ABDICATION);
        // What was adopted is committed only when a quorum has acknowledged it in this view; ours is the first voice.
        self.count_acks();
    }

    /// Whose requests are in the log and not yet executed.
    pub fn note_pipeline(&mut self) {
        assert!(self.leads());
        let uncommitted = self.log.entries(self.commit + 1, self.log.op());
        self.sessions.restart_pipeline(uncommitted.map(|entry| (entry.header().client, entry.header().request)));
    }

    /// Gives a request its place in the log. Beyond the pipeline's length it is dropped, and its client asks again.
    pub fn prepare(&mut self, client: u64, request: u64, body: &[u8]) {
        assert!(self.leads());
        if self.log.op() - self.commit >= PIPELINE || !self.has_room(self.log.op() + 1) {
            return;
        }
        let Place { op, checksum: parent } = self.log.head();
        // The clock of whoever was primary before may be ahead of ours.
        let before = self.log.get(op).map_or(self.log.base_timestamp(), |entry| entry.header().timestamp);
        let mut timestamp = self.env.wall().0.max(before + 1);
        if self.planted(Plant::TimestampRegressesAcrossViews) {
            timestamp = self.env.wall().0;
        }
        let header =
            Header { cluster: self.config.cluster, view: self.view, op: op + 1, client, request, timestamp, parent };
        let entry = Entry::new(header, body);
        self.append(entry.clone());
        assert!(self.log.op() - self.commit <= PIPELINE, "no more is prepared than the pipeline takes");
        self.sessions.prepared(client, request);
        self.broadcast(&Message::Prepare { view: self.view, commit: self.commit, entry });
        self.timers.set(Timer::Heartbeat, self.env.now() + HEARTBEAT);
    }

    pub fn on_prepare_ok(&mut self, from: u16, view: View, life: u32, place: Place) {
        if self.is_of_an_earlier_life(from, life) {
            return self.env.mark("acknowledgement of an earlier life dropped");
        }
        self.note_vote(from, view);
        let is_ours = place.op <= self.log.base().op || self.log.holds(place);
        let mut counts = view == self.view && is_ours;
        if self.planted(Plant::AckViewUnchecked) {
            counts = place.op <= self.log.op();
        }
        if !self.leads() || !counts {
            return;
        }
        assert!(place.op <= self.log.op());
        self.heard(from);
        let acked = self.backups[usize::from(from)].acked;
        if self.planted(Plant::AckCountedPerMessage) && place.op == acked {
            let fewest = self.peers().min_by_key(|peer| self.backups[usize::from(*peer)].acked).unwrap_or(from);
            self.backups[usize::from(fewest)].acked = acked;
        }
        let backup = &mut self.backups[usize::from(from)];
        backup.acked = backup.acked.max(place.op);
        assert!(backup.acked >= backup.acked_before, "what is acknowledged stays so");
        self.count_acks();
    }

    /// Commits what a quorum holds durably, ourselves included.
    pub fn count_acks(&mut self) {
        assert!(self.leads());
        let durable = self.journal.durable();
        assert!(durable <= self.log.op(), "what is durable is in the log");
        self.probe_acked(self.view, self.log.place(durable).expect("what is durable is in the log"));
        self.backups[usize::from(self.me)].acked = durable;
        // Room for the largest cluster: this is asked too often for a place on the heap.
        let mut acked = [0; quorum::REPLICAS_MAX as usize];
        let acked = &mut acked[..self.backups.len()];
        acked.iter_mut().zip(&self.backups).for_each(|(acked, backup)| *acked = backup.acked);
        acked.sort_unstable_by(|a, b| b.cmp(a));
        let mut needed = usize::from(quorum::replication(self.config.replicas));
        assert!((1..=acked.len()).contains(&needed));
        if self.planted(Plant::ShortQuorum) {
            needed = (needed - 1).max(1);
        }
        self.commit_up_to(acked[needed - 1]);
    }

    /// The backup has shown that it hears us.
    fn heard(&mut self, from: u16) {
        assert_ne!(from, self.me);
        let backup = &mut self.backups[usize::from(from)];
        (backup.heard, backup.arriving) = (self.env.now(), None);
    }

    /// Somebody is on its way into our view, and perhaps hears us. If so it acknowledges something before long; if it does not,
    /// a view that only it holds up would go on without end.
    pub fn heard_arriving(&mut self, from: u16) {
        assert_ne!(from, self.me);
        assert!(self.leads(), "whoever arrives asks the primary");
        let now = self.env.now();
        // Where disks are slow it takes longer.
        let arrival = ARRIVAL.max(self.pace.saturating_mul(2 * VIEW_CHANGE_PACES));
        let backup = &mut self.backups[usize::from(from)];
        // After a silence it is another arrival, of another life perhaps.
        let before = backup.arriving.filter(|(_, last)| now.since(*last) < ABDICATION);
        let since = before.map_or(now, |(since, _)| since);
        backup.arriving = Some((since, now));
        if now.since(since) < arrival {
            backup.heard = now;
        } else if now.since(backup.heard) >= ABDICATION {
            self.env.mark("arrival without end");
        }
    }

    pub fn on_heartbeat_timeout(&mut self) {
        assert!(self.leads());
        assert!(!self.abdicated);
        let place = self.log.place(self.commit).expect("what is executed is in the log");
        self.broadcast(&Message::Commit { view: self.view, place });
        self.timers.set(Timer::Heartbeat, self.env.now() + HEARTBEAT);
    }

    /// Sends again what a backup has not acknowledged since the last time.
    pub fn on_prepare_resend_timeout(&mut self) {
        assert!(self.leads());
        assert!(!self.abdicated);
        let now = self.env.now();
        self.timers.set(Timer::PrepareResend, now + PREPARE_RESEND);
        for peer in self.peers() {
            let backup = &mut self.backups[usize::from(peer)];
            let stuck = backup.acked == backup.acked_before;
            backup.acked_before = backup.acked;
            if !stuck || self.planted(Plant::NoPrepareResend) {
                continue;
            }
            let backup = self.backups[usize::from(peer)];
            // One that is not heard from gets no more than what shows whether it is back.
            let batch = if now.since(backup.heard) < ABDICATION { RESEND_BATCH } else { 1 };
            let last = (backup.acked + batch).min(self.resend_head);
            for entry in self.log.entries(backup.acked + 1, last) {
                self.send(peer, &Message::Prepare { view: self.view, commit: self.commit, entry: entry.clone() });
            }
        }
        self.resend_head = self.log.op();
    }

    /// A primary that no quorum hears only keeps the others from electing one that is.
    pub fn on_abdication_timeout(&mut self) {
        assert!(self.leads());
        let now = self.env.now();
        let in_touch = self.peers().filter(|peer| now.since(self.backups[usize::from(*peer)].heard) < ABDICATION);
        let in_touch = 1 + in_touch.count() as u16;
        if in_touch >= quorum::replication(self.config.replicas) || self.planted(Plant::DeafPrimaryStays) {
            return self.timers.set(Timer::Abdication, now + ABDICATION / 4);
        }
        self.env.mark("primary abdicates");
        self.abdicated = true;
        self.timers.stop_all();
        self.on_vote_timeout();
    }
}
