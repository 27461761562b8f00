//! One replica: its state, its boot, and its main loop.
//!
//! One task owns all state and waits for whatever comes first: a message, a deadline, or the report that something is
//! durable. Two more tasks write the journal and the superblock, so that disk and messages overlap. The handlers are in
//! `primary`, `backup`, `requests` and `execution` (the log grows), `view_change` (the primary changes) and `repair` (somebody
//! catches up).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::future::or;

use crate::base::{Instant, NodeId, Payload, Probe, Role};
use crate::env::{Env, File, Incoming, Queue, Sleep};

use super::boot::{Found, Report};
use super::codec;
use super::config::Config;
use super::disk::{self, Checkpoint, Checkpoints, Journal, Log, Promises, Superblock, Written};
use super::entry::{Entry, Place, View};
use super::install::Install;
use super::message::Message;
use super::plant::Plant;
use super::primary::Backup;
use super::recovery::{Owed, Recovery};
use super::service::Service;
use super::sessions::Sessions;
use super::state::{Snapshot, Transfer};
use super::timers::{Timer, Timers};
use super::view_change::{Promise, Vote};

/// What a replica does in its view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// Its log is the view's log, and the view is running.
    Normal,
    /// It has left the views before; the view has not started here.
    ViewChange,
    /// It was this view's primary in an earlier life. Prepares it had sent may not be on its disk, so it must not go on,
    /// and waits for a later view.
    Ended,
    /// Its disk is lost, and it does not know yet what it knew. It answers nobody.
    Recovering,
}

/// One life of a replica.
pub(super) struct Replica {
    pub env: Env,
    pub config: Config,
    /// The number of this replica.
    pub me: u16,
    pub service: Box<dyn Service>,
    pub status: Status,
    /// The view it is in. Promised, once `promises` are settled.
    pub view: View,
    /// The view whose log its log is; at most `view`, and equal to it when normal.
    pub log_view: View,
    /// A place the log goes through for as long as `log_view` lasts; see [`Superblock::log_head`].
    pub log_head: Place,
    /// The log, all of it handed to the journal.
    pub log: Log,
    pub journal: Journal,
    pub journal_file: File,
    /// Where tasks that work for this one report.
    pub reports: Queue<Report>,
    pub promises: Promises,
    pub checkpoints: Checkpoints,
    /// The checkpoint that a superblock written now names.
    pub checkpoint: Checkpoint,
    /// Its content, or that of the one before while it is being written.
    pub content: Bytes,
    /// The newest state worth a checkpoint, until its turn comes.
    pub snapshot: Option<Snapshot>,
    /// What is being written as a checkpoint, or waits for the superblock that names it.
    pub written: Option<Snapshot>,
    /// The content of our checkpoint has decayed, and with it the state. Until another replica's takes its place nothing is
    /// executed; all else goes on.
    pub lacks_state: bool,
    /// A checkpoint of another replica on its way to us.
    pub transfer: Option<Transfer>,
    /// The newest life known of each replica, our own among them.
    pub lives: [u32; disk::superblock::LIVES],
    /// Everything up to here was executed.
    pub commit: u64,
    /// Everything up to here is known to be committed; may be more than the log has.
    pub commit_known: u64,
    pub sessions: Sessions,
    /// Where each client was last heard from.
    pub clients: BTreeMap<u64, NodeId>,
    /// A backup: by client, the last request that it passed on and has not seen executed, and where it came from.
    pub passed_on: BTreeMap<u64, (u64, NodeId)>,
    pub timers: Timers,
    /// The last acknowledgement that was probed, so that repeats are not.
    pub acked: (View, u64),

    /// A backup: prepares that came before those they follow.
    pub early: BTreeMap<u64, Entry>,
    /// A backup: the greatest op number that the view's log is known to have.
    pub wanted: u64,
    /// When it last heard the primary of its view, or entered the view.
    pub primary_heard: Instant,
    /// A backup: whom it asks for entries that it lacks.
    pub fetch_from: u16,
    /// A backup: how long it bears the primary's silence in this view.
    pub patience: Duration,

    /// A primary: what it knows of each replica, itself included, in this view.
    pub backups: Vec<Backup>,
    /// A primary: the log's end when prepares were last sent again.
    pub resend_head: u64,
    /// A primary that has given up its view. It says nothing more in it, so that its backups notice.
    pub abdicated: bool,

    /// The greatest view each replica, itself excluded, has voted for.
    pub votes: Vec<Vote>,
    /// The view it votes for itself; that it is in, if it is content.
    pub vote: View,
    /// Whether it has said its promise of `view`.
    pub promised: bool,
    /// The primary of a view that has not started: the others' promises of exactly this view.
    pub received: Vec<Option<Promise>>,
    /// The log of `view`, on its way into ours.
    pub install: Option<Install>,
    /// An installation was broken off; our own log goes up to here, and what follows is to be cut.
    pub half_installed: Option<u64>,
    /// Views in a row that failed to start, or started and committed nothing.
    pub failures: u32,
    /// What was known to be committed when the view started here; only what is committed beyond it shows that the view works.
    pub committed_at_start: u64,
    /// When the superblock that is being written was handed over.
    pub saving_since: Instant,
    /// How long the last superblock took to become durable. A view takes longer to start where disks are slow.
    pub pace: Duration,
    /// Not to ask for a start of the view again before this.
    pub ask_again: Instant,

    /// A replica whose disk is lost: how far its recovery is. None once it has what it needs and makes it durable.
    pub recovery: Option<Recovery>,
    /// Those who recover and have not been answered.
    pub owed: Vec<Option<Owed>>,
}

impl Replica {
    pub fn new(env: Env, config: Config, service: Box<dyn Service>, found: Found, reports: &Queue<Report>) -> Replica {
        let Found { files, superblock, recovered, content } = found;
        let (journal_file, to_holes) = (files.journal.clone(), reports.clone());
        let (to_journal, to_promises, to_checkpoints) = (reports.clone(), reports.clone(), reports.clone());
        let journal = Journal::start(&env, &files, &recovered, &config, move |written| {
            to_journal.push(Report::Journal(written));
        });
        let promises = Promises::start(&env, files.superblock, superblock.sequence, move |count| {
            to_promises.push(Report::Superblock(count));
        });
        let Superblock { checkpoint, .. } = superblock;
        let checkpoints = Checkpoints::start(&env, files.checkpoints, config.cluster, checkpoint, move |written| {
            to_checkpoints.push(Report::Checkpoint(written));
        });
        let replicas = usize::from(config.replicas);
        assert!(env.id().is_replica(), "a client has no journal");
        assert!(usize::from(env.id().index()) < replicas, "we are one of the cluster");
        assert!(superblock.log_view <= superblock.view, "the log of a view is installed after the view is promised");
        assert_eq!(recovered.log.base(), checkpoint.place, "the log begins at the checkpoint");
        Replica {
            me: env.id().index(),
            status: Status::Ended,
            view: superblock.view,
            log_view: superblock.log_view,
            log_head: superblock.log_head,
            log: recovered.log,
            journal,
            promises,
            checkpoints,
            checkpoint,
            lacks_state: content.is_none(),
            content: content.unwrap_or_default(),
            snapshot: None,
            written: None,
            transfer: None,
            lives: superblock.lives,
            commit: 0,
            commit_known: superblock.commit.max(checkpoint.place.op),
            sessions: Sessions::new(config.sessions),
            clients: BTreeMap::new(),
            passed_on: BTreeMap::new(),
            timers: Timers::new(),
            acked: (View(0), 0),
            early: BTreeMap::new(),
            wanted: 0,
            primary_heard: Instant::START,
            fetch_from: 0,
            patience: Duration::ZERO,
            backups: vec![Backup::new(env.now()); replicas],
            resend_head: 0,
            abdicated: false,
            votes: vec![Vote::NONE; replicas],
            vote: superblock.view,
            promised: false,
            received: vec![None; replicas],
            install: None,
            half_installed: None,
            failures: 0,
            committed_at_start: 0,
            saving_since: Instant::START,
            pace: Duration::ZERO,
            ask_again: Instant::START,
            journal_file,
            reports: to_holes,
            recovery: None,
            owed: vec![None; replicas],
            env,
            config,
            service,
        }
    }

    /// Finds its place in the view it had promised.
    pub fn start(&mut self, superblock: &Superblock) {
        assert!(self.promises.is_settled());
        assert!(self.journal.is_idle());
        if superblock.is_recovering {
            return self.begin_recovery();
        }
        self.env.probe(Probe::Epoch { epoch: self.view.0, log_epoch: self.log_view.0 });
        if self.lacks_state {
            self.env.mark("checkpoint decayed");
            // That it is committed is known all the same.
            self.commit = self.checkpoint.place.op;
        } else if self.checkpoint.place.op > 0 {
            self.take_on(&self.content.clone(), self.checkpoint.place);
        }
        self.fetch_from = (self.me + 1) % self.config.replicas;
        self.want_state();
        self.probe_head();
        self.fetch();
        if self.planted(Plant::RestartExecutesWholeWal) {
            self.commit_known = self.log.op();
        }
        self.commit_up_to(self.commit_known);
        if self.log_view < self.view {
            self.wait_for_view();
            self.advance();
        } else if !self.is_primary() {
            self.status = Status::Normal;
            self.follow();
        } else if superblock.sequence == disk::superblock::SEQUENCE_FORMATTED {
            // Never before has it led. A superblock with a greater sequence number goes first, so that it never thinks
            // so again.
            self.wait_for_view();
            self.save();
        } else {
            self.probe_role(Role::Between);
            self.timers.set(Timer::Vote, self.env.now());
        }
    }

    pub async fn run(&mut self, reports: Queue<Report>) {
        let env = self.env.clone();
        let mut alarm = env.sleep_until(self.timers.next());
        loop {
            // A deadline that has moved away is left to fire early, because most of them move with every message.
            if self.timers.next() < alarm.deadline() {
                alarm = env.sleep_until(self.timers.next());
            }
            match next_input(&env, &reports, &mut alarm).await {
                Input::Report(Report::Journal(written)) => self.on_written(written),
                Input::Report(Report::Superblock(count)) => self.on_promised(count),
                Input::Report(Report::Checkpoint(written)) => self.on_checkpoint_written(written),
                Input::Report(Report::Found(entry)) => self.fill_from(&[entry]),
                Input::Incoming(Incoming::Message { from, body }) => self.on_packet(from, &body),
                // What was lost with a connection is asked for again when it is missed, like anything else that is lost.
                Input::Incoming(Incoming::Reset { .. }) => {}
                Input::Alarm => {
                    while let Some(timer) = self.timers.take_due(env.now()) {
                        self.on_timer(timer);
                    }
                    assert!(self.timers.next() > env.now(), "what was due is done");
                    alarm = env.sleep_until(self.timers.next());
                }
            }
            self.check();
        }
    }

    fn on_packet(&mut self, from: NodeId, body: &Payload) {
        let Some(message) = codec::decode(self.config.cluster, body) else {
            return self.env.mark("corrupt message dropped");
        };
        if let Message::Request { client, request, body } = message {
            return self.on_request(from, client, request, &body);
        }
        let is_peer = from.is_replica() && from.index() < self.config.replicas && from.index() != self.me;
        if is_peer {
            self.on_message(from.index(), message);
        }
    }

    fn on_message(&mut self, from: u16, message: Message) {
        assert_ne!(from, self.me, "nobody writes to itself");
        assert!(from < self.config.replicas, "only the cluster writes such messages");
        if self.status == Status::Recovering && !message.helps_recovery() {
            return;
        }
        match message {
            Message::Prepare { view, commit, entry } => self.on_prepare(from, view, commit, entry),
            Message::PrepareOk { view, life, place } => self.on_prepare_ok(from, view, life, place),
            Message::Commit { view, place } => self.on_commit(from, view, place),
            Message::StartViewChange { view, current } => self.on_start_view_change(from, view, current),
            Message::DoViewChange { view, log_view, lives, commit, log } => {
                self.on_do_view_change(from, view, Promise { log_view, lives, commit, log });
            }
            Message::StartView { view, commit, log } => self.on_start_view(from, view, commit, log),
            Message::RequestStartView { view } => self.on_request_start_view(from, view),
            Message::GetEntries { view, from: first, to } => self.on_get_entries(from, view, first, to),
            Message::Entries { log_view, entries } => self.on_entries(log_view, entries),
            Message::Checkpointed { log_view, checkpoint } => self.on_checkpointed(from, log_view, checkpoint),
            Message::GetCheckpoint { view, op, offset } => self.on_get_checkpoint(from, view, op, offset),
            Message::CheckpointPiece { op, offset, bytes } => self.on_checkpoint_piece(op, offset, &bytes),
            Message::Recovery { asker, nonce, life } => self.on_recovery(from, asker, nonce, life),
            Message::RecoveryResponse { asker, replica, nonce, answer } => {
                self.on_recovery_response(asker, replica, nonce, answer);
            }
            Message::Request { .. } | Message::Reply { .. } | Message::Evicted { .. } => {}
        }
    }

    fn on_timer(&mut self, timer: Timer) {
        assert!(!self.timers.is_set(timer), "whoever wants to wait again says so");
        match timer {
            Timer::Heartbeat => self.on_heartbeat_timeout(),
            Timer::PrepareResend => self.on_prepare_resend_timeout(),
            Timer::Abdication => self.on_abdication_timeout(),
            Timer::Vote => self.on_vote_timeout(),
            Timer::PromiseResend => self.on_promise_resend_timeout(),
            Timer::ViewChange => self.on_view_change_timeout(),
            Timer::Fetch => self.on_fetch_timeout(),
            Timer::Recovery => self.on_recovery_timeout(),
        }
    }

    fn on_written(&mut self, written: Written) {
        let before = self.journal.durable();
        self.journal.on_written(&written, &self.log);
        assert!(self.journal.durable() >= before, "what is durable stays so");
        assert!(self.journal.durable() <= self.log.op(), "what is durable is in the log");
        if self.leads() {
            self.count_acks();
        } else {
            self.acknowledge();
        }
        self.write_snapshot();
        self.advance();
    }

    fn on_promised(&mut self, count: u64) {
        assert!(!self.promises.is_settled(), "something was being written");
        self.promises.on_written(count);
        if self.promises.is_settled() {
            self.pace = self.env.now().since(self.saving_since);
            self.adopt_checkpoint();
            self.answer_recoveries();
            self.write_snapshot();
        }
        self.advance();
    }

    /// Hands what is to be promised to the superblock's writer. Nothing of it may be said before it is durable.
    pub fn save(&mut self) {
        assert!(self.log_head.op < self.log.base().op || self.log.holds(self.log_head) || self.is_syncing());
        assert!(self.log_view <= self.view, "the log of a later view is not installed before the view is promised");
        assert!(self.checkpoint.place.op >= self.log.base().op, "checkpoints do not go back");
        if self.promises.is_settled() {
            self.saving_since = self.env.now();
        }
        let checkpoint = self.checkpoint;
        self.promises.write(Superblock {
            cluster: self.config.cluster,
            replica: self.me,
            // Given by the writer.
            sequence: disk::superblock::SEQUENCE_FORMATTED,
            view: self.view,
            log_view: self.log_view,
            log_head: self.log_head,
            commit: self.commit.min(self.journal.durable()).max(checkpoint.place.op),
            slots: self.journal.ring().slots(),
            life: self.lives[usize::from(self.me)],
            lives: self.lives,
            checkpoint,
            is_recovering: self.recovery.is_some(),
        });
    }

    pub fn is_primary(&self) -> bool {
        self.view.primary(self.config.replicas) == self.me
    }

    /// Whether it is the primary of a running view.
    pub fn leads(&self) -> bool {
        self.status == Status::Normal && self.is_primary()
    }

    pub fn peers(&self) -> impl Iterator<Item = u16> + use<> {
        let me = self.me;
        (0..self.config.replicas).filter(move |replica| *replica != me)
    }

    pub fn send(&self, to: u16, message: &Message) {
        assert_ne!(to, self.me, "nobody writes to itself");
        assert!(to < self.config.replicas, "only the cluster reads such messages");
        self.env.send(NodeId::replica(to), message.label(), codec::encode(self.config.cluster, message));
    }

    pub fn broadcast(&self, message: &Message) {
        let payload = codec::encode(self.config.cluster, message);
        for peer in self.peers() {
            self.env.send(NodeId::replica(peer), message.label(), payload.clone());
        }
    }

    pub fn planted(&self, plant: Plant) -> bool {
        self.config.planted(plant)
    }

    pub fn probe_role(&self, role: Role) {
        match role {
            Role::Primary => assert!(self.leads(), "whoever says that it leads does"),
            Role::Backup => assert!(self.status == Status::Normal && !self.is_primary(), "a backup follows"),
            Role::Between => assert_ne!(self.status, Status::Normal, "a view that runs is no time between views"),
        }
        self.env.probe(Probe::Role { role, epoch: self.view.0 });
    }
}

enum Input {
    Report(Report),
    Incoming(Incoming),
    Alarm,
}

/// Whatever comes first; what is durable before what was said, and both before what was feared.
async fn next_input(env: &Env, reports: &Queue<Report>, alarm: &mut Sleep) -> Input {
    let report = async { Input::Report(reports.pop().await) };
    let incoming = async { Input::Incoming(env.recv().await) };
    let alarm = async {
        alarm.await;
        Input::Alarm
    };
    or(report, or(incoming, alarm)).await
}
