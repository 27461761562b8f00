//! The normal case: requests become entries, entries become durable on a quorum, and are executed.

use bytes::Bytes;

use crate::base::{Instant, NodeId, Probe, Role};

use super::codec;
use super::config::{ABDICATION, HEARTBEAT, PIPELINE, PREPARE_RESEND, RESEND_BATCH};
use super::entry::{BODY_SIZE_MAX, Entry, Header, Place, View};
use super::message::Message;
use super::plant::Plant;
use super::quorum;
use super::replica::{Replica, Status};
use super::sessions::{REGISTER, Turn, Verdict};
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
}

impl Backup {
    pub fn new(now: Instant) -> Backup {
        Backup { acked: 0, acked_before: 0, heard: now }
    }
}

impl Replica {
    // The primary.

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

    fn ignore_request(&self, body: &[u8]) -> bool {
        // Without its state it does not know which requests were executed.
        !self.leads() || self.abdicated || self.lacks_state || body.len() > BODY_SIZE_MAX
    }

    pub fn on_request(&mut self, from: NodeId, client: u64, request: u64, body: &[u8]) {
        if self.ignore_request(body) {
            return self.pass_on_request(from, client, request, body);
        }
        assert!(self.leads());
        assert_eq!(self.log_view, self.view);
        // A backup that passes a request on is no address for the answer: it answers the retry from its own table.
        if !from.is_replica() {
            self.clients.insert(client, from);
        }
        if self.planted(Plant::StalePrimaryRead)
            && !from.is_replica()
            && let Some(reply) = self.service.query(body)
        {
            return self.reply(client, request, reply);
        }
        match self.sessions.judge(client, request, self.commit) {
            Verdict::InFlight if request != REGISTER && self.planted(Plant::InflightRetryPreparedTwice) => {
                self.prepare(client, request, body)
            }
            Verdict::New => self.prepare(client, request, body),
            Verdict::Answered(reply) => {
                self.env.mark("retry answered from table");
                self.reply(client, request, reply);
            }
            Verdict::Evicted => self.say_evicted(client),
            Verdict::InFlight | Verdict::Old => {}
        }
    }

    /// A client that cannot reach the primary may reach a backup that can. The backup passes its request on, and
    /// answers when it has executed it, or a retry from its own table.
    ///
    /// Without this a backup that hears the primary keeps it in office, and a client beyond the cut waits for ever.
    fn pass_on_request(&mut self, from: NodeId, client: u64, request: u64, body: &[u8]) {
        let follows = self.status == Status::Normal && !self.is_primary() && !self.lacks_state;
        if !follows || from.is_replica() || body.len() > BODY_SIZE_MAX {
            return;
        }
        assert_eq!(self.log_view, self.view);
        match self.sessions.judge(client, request, self.commit) {
            Verdict::Answered(reply) => {
                self.env.mark("retry answered by a backup");
                self.clients.insert(client, from);
                return self.reply(client, request, reply);
            }
            Verdict::Evicted => {
                self.clients.insert(client, from);
                return self.say_evicted(client);
            }
            Verdict::New | Verdict::InFlight | Verdict::Old => {}
        }
        if self.planted(Plant::BackupLocalRead)
            && let Some(reply) = self.service.query(body)
        {
            self.clients.insert(client, from);
            return self.reply(client, request, reply);
        }
        if self.passed_on.len() < self.config.sessions {
            self.passed_on.insert(client, (request, from));
        }
        let message = Message::Request { client, request, body: Bytes::copy_from_slice(body) };
        self.send(self.view.primary(self.config.replicas), &message);
    }

    /// Gives a request its place in the log. Beyond the pipeline's length it is dropped, and its client asks again.
    fn prepare(&mut self, client: u64, request: u64, body: &[u8]) {
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
        self.sessions.prepared(client, request);
        self.broadcast(&Message::Prepare { view: self.view, commit: self.commit, entry });
        self.timers.set(Timer::Heartbeat, self.env.now() + HEARTBEAT);
    }

    fn reply(&self, client: u64, request: u64, body: Bytes) {
        // Unknown if the request came to an earlier primary. The client will ask again, and be answered from the table.
        let Some(to) = self.clients.get(&client) else { return };
        let message = Message::Reply { view: self.view, client, request, body };
        self.env.send(*to, message.label(), codec::encode(self.config.cluster, &message));
    }

    /// Tells a client that its session has ended. Whoever has executed the op that opened it knows that for certain.
    fn say_evicted(&self, client: u64) {
        assert_eq!(self.status, Status::Normal);
        self.env.mark("evicted client told");
        let Some(to) = self.clients.get(&client) else { return };
        let message = Message::Evicted { client };
        self.env.send(*to, message.label(), codec::encode(self.config.cluster, &message));
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
        self.count_acks();
    }

    /// Commits what a quorum holds durably, ourselves included.
    pub fn count_acks(&mut self) {
        assert!(self.leads());
        let durable = self.journal.durable();
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

    /// The backup, or whoever is to become one, has shown that it hears us.
    pub fn heard(&mut self, from: u16) {
        assert_ne!(from, self.me);
        self.backups[usize::from(from)].heard = self.env.now();
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

    // The backup.

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
    fn follows(&self, view: View) -> bool {
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
        self.probe_acked(view, place);
        self.send(
            view.primary(self.config.replicas),
            &Message::PrepareOk { view, life: self.lives[usize::from(self.me)], place },
        );
    }

    // Both.

    /// Says once in each view what is acknowledged; repeats tell nothing new.
    fn probe_acked(&mut self, view: View, place: Place) {
        assert!(self.log_view <= self.view);
        if place.op == 0 || self.acked == (view, place.op) {
            return;
        }
        self.acked = (view, place.op);
        self.env.probe(Probe::Acked { epoch: view.0, index: place.op, digest: place.checksum });
    }

    /// Executes everything up to here that is in the log.
    pub fn commit_up_to(&mut self, op: u64) {
        let last = if self.lacks_state { self.commit } else { op.min(self.log.op()) };
        while self.commit < last && self.log.get(self.commit + 1).is_some() {
            self.execute_next();
        }
        self.write_snapshot();
        assert!(self.commit <= self.log.op());
    }

    fn execute_next(&mut self) {
        let entry = self.log.get(self.commit + 1).expect("an entry that is here is executed").clone();
        let (Header { client, request, op, view, .. }, digest) = (*entry.header(), entry.checksum());
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

    /// A primary answers whom it has just executed an entry for, and a backup whose request it had passed on.
    fn answer(&mut self, client: u64, request: u64, reply: Bytes) {
        assert!(self.commit > 0);
        if self.leads() {
            self.reply(client, request, reply);
        } else if let Some((asked, to)) = self.passed_on.remove(&client)
            && asked == request
            && self.status == Status::Normal
        {
            self.env.mark("request passed on is answered");
            self.clients.insert(client, to);
            self.reply(client, request, reply);
        }
    }
}
