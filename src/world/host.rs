//! The host behind a node's `Env`: one life of one machine.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::disk::Disk;
use super::happen::CALLS_PER_POLL;
use super::machine::{DiskJob, Packet, Timer};
use super::network::Repeats;
use super::shared::{Item, Shared};
use crate::base::hash::{hash_bytes, mix};
use crate::base::label::Labelled;
use crate::base::name::key;
use crate::base::{EventKind, Incarnation, Instant, Label, Lost, Name, NodeId, Payload, Probe, WallTime};
use crate::env::{DiskDone, DiskError, DiskOp, Host, Incoming, IoId, Local, TaskId, TimerId};
use crate::exec::{Class, Task, TaskFacts};

/// One life of one machine.
pub(super) struct NodeHost {
    pub shared: Rc<Shared>,
    pub slot: usize,
    pub life: Incarnation,
}

impl NodeHost {
    /// Whether this life goes on. A life that has ended may still be in the middle of a poll, or in the destructors of
    /// its futures; nothing it does then has any effect.
    fn alive(&self) -> bool {
        let machine = &self.shared.machines[self.slot];
        machine.up.get() && machine.life.get() == self.life && !self.shared.stopped.get()
    }

    fn node(&self) -> NodeId {
        self.shared.machines[self.slot].id
    }

    /// Counts a call, and ends a poll that calls on and on. A loop that calls nothing cannot be ended.
    fn count_call(&self) {
        let calls = self.shared.calls.get() + 1;
        self.shared.calls.set(calls);
        assert!(calls < CALLS_PER_POLL, "a task called its host {calls} times within one poll");
    }

    /// Lets faults strike that wait for just before this. Whether the life goes on.
    fn before(&self, kind: impl FnOnce() -> EventKind) -> bool {
        self.shared.foresee(self.node(), kind);
        self.alive()
    }

    /// Lets faults strike that waited for what was just done.
    fn after(&self) {
        self.shared.strike_struck();
    }
}

impl Host for NodeHost {
    fn id(&self) -> NodeId {
        self.node()
    }

    fn incarnation(&self) -> Incarnation {
        self.life
    }

    fn now(&self) -> Instant {
        self.count_call();
        Instant::from_nanos(self.shared.now().as_nanos() + self.shared.machines[self.slot].offset)
    }

    fn wall(&self) -> WallTime {
        self.count_call();
        WallTime(WallTime::START.0 + self.now().as_nanos())
    }

    fn timer_start(&self, at: Instant) -> TimerId {
        if !self.alive() {
            return TimerId(u64::MAX);
        }
        let offset = self.shared.machines[self.slot].offset;
        let due = Instant::from_nanos(at.as_nanos().saturating_sub(offset));
        let (task, nth) = self.shared.executor.count_timer().expect("only a task being polled starts a timer");
        let timer = Timer {
            owner: self.slot,
            task,
            nth,
            cause: self.shared.executor.cause(),
            ticket: None,
            fired: None,
            waker: None,
        };
        let id = self.shared.timers.borrow_mut().insert(timer);
        // A wait for ever needs no place in the agenda.
        if at != Instant::NEVER {
            let ticket = self.shared.enter(due, Class::Usual, Item::Timer(id));
            self.shared.timers.borrow_mut().get_mut(id).expect("it was just inserted").ticket = Some(ticket);
        }
        TimerId(id)
    }

    fn timer_poll(&self, timer: TimerId, context: &mut Context<'_>) -> Poll<()> {
        if !self.alive() {
            return Poll::Pending;
        }
        let mut timers = self.shared.timers.borrow_mut();
        let waiting = timers.get_mut(timer.0).expect("a timer lasts until it was seen to be due");
        let Some(fired) = waiting.fired else {
            waiting.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        timers.remove(timer.0);
        self.shared.executor.set_cause(fired);
        Poll::Ready(())
    }

    fn timer_cancel(&self, timer: TimerId) {
        let removed = self.shared.timers.borrow_mut().remove(timer.0);
        if let Some(ticket) = removed.and_then(|timer| timer.ticket) {
            self.shared.agenda.borrow_mut().withdraw(ticket);
        }
    }

    fn send(&self, to: NodeId, label: Label, body: Payload) {
        self.count_call();
        if !self.alive() {
            return;
        }
        let (shared, from) = (&self.shared, self.node());
        assert!(!shared.formatting.get(), "{from} sends while its disk is formatted, when there is nobody to hear it");
        assert!(shared.cluster.contains(to), "{from} sends to {to}, which is not in the cluster");
        let hash = label.hash();
        let repeat = shared.network.borrow_mut().count(from, to, hash);
        let event = || EventKind::Send { to, label, repeat, size: body.len() as u32, hash: hash_bytes(&body) };
        if !self.before(event) {
            return;
        }
        let sent = shared.emit(Some(from), event());
        let now = shared.now();
        let mut network = shared.network.borrow_mut();
        if network.is_cut(from, to) {
            drop(network);
            shared.count("packet cut off");
            shared.lose(from, to, label, repeat, Lost::Cut, sent);
            return self.after();
        }
        let config = if shared.quiet.get() { &shared.network_quiet } else { &shared.network_config };
        let name = || Name::Packet { from, to, label, repeat };
        let fate = shared.decider.borrow_mut().packet(config, key::packet(from, to, hash, repeat), body.len(), name);
        if fate.dropped {
            drop(network);
            shared.count("packet lost");
            shared.lose(from, to, label, repeat, Lost::Dropped, sent);
            return self.after();
        }
        let first = network.arrival(from, to, now, fate.latency, fate.reordered);
        drop(network);
        if fate.reordered {
            shared.count("packet reordered");
        }
        let packet = |copy, corrupt: Option<u64>| Packet {
            from,
            to,
            label,
            repeat,
            copy,
            corrupt: corrupt.is_some(),
            body: corrupt.map_or_else(|| body.clone(), |bit| body.with_bit_flipped(bit)),
            sent,
        };
        if fate.corrupt.is_some() {
            shared.count("packet corrupted");
        }
        let launch = |at: Instant, packet: Packet| {
            let id = shared.packets.borrow_mut().insert(packet);
            shared.enter(at, Class::Usual, Item::Packet(id));
        };
        launch(first, packet(0, fate.corrupt));
        if let Some(latency) = fate.duplicate {
            shared.count("packet duplicated");
            launch(now + latency, packet(1, None));
        }
        self.after();
    }

    fn recv_poll(&self, context: &mut Context<'_>) -> Poll<Incoming> {
        if !self.alive() {
            return Poll::Pending;
        }
        let machine = &self.shared.machines[self.slot];
        match machine.inbox.borrow_mut().pop_front() {
            Some((from, body, arrived)) => {
                self.shared.executor.set_cause(arrived);
                Poll::Ready(Incoming::Message { from, body })
            }
            None => {
                let mut receivers = machine.receivers.borrow_mut();
                if !receivers.iter().any(|waker| waker.will_wake(context.waker())) {
                    receivers.push(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    fn disk_start(&self, label: Label, operation: DiskOp) -> IoId {
        let shared = &self.shared;
        Disk::admit(&operation);
        if shared.formatting.get() {
            return self.disk_at_once(label, operation);
        }
        if !self.alive() {
            return IoId(u64::MAX);
        }
        let hash = label.hash();
        let machine = &shared.machines[self.slot];
        let repeat = machine.disk_repeats.borrow_mut().get_or_insert_with(Repeats::new).next(hash);
        let event = || EventKind::DiskStart { label, repeat, hash: operation_hash(&operation) };
        if !self.before(event) {
            return IoId(u64::MAX);
        }
        let started = shared.emit(Some(machine.id), event());
        let snapshot = shared.disks.borrow()[self.slot].begin(&operation);
        let name = || Name::Disk { node: machine.id, label, repeat };
        let latency = match &operation {
            DiskOp::Read { .. } | DiskOp::Length { .. } | DiskOp::List | DiskOp::Open { create: false, .. } => {
                &shared.storage.read_latency
            }
            DiskOp::Write { .. } | DiskOp::SetLength { .. } | DiskOp::Open { .. } => &shared.storage.write_latency,
            DiskOp::Rename { .. } | DiskOp::Remove { .. } => &shared.storage.write_latency,
            DiskOp::Sync { .. } | DiskOp::SyncDir => &shared.storage.sync_latency,
        };
        let latency = shared.decider.borrow_mut().disk(latency, key::disk(machine.id, hash, repeat), name);
        let number = shared.job_count.get();
        shared.job_count.set(number + 1);
        let job = DiskJob {
            owner: self.slot,
            number,
            label,
            repeat,
            operation,
            snapshot: Some(snapshot),
            started,
            ticket: None,
            outcome: None,
            forgotten: false,
            waker: None,
        };
        let id = shared.jobs.borrow_mut().insert(job);
        let ticket = shared.enter(shared.now() + latency, Class::Usual, Item::Disk(id));
        shared.jobs.borrow_mut().get_mut(id).expect("it was just inserted").ticket = Some(ticket);
        self.after();
        IoId(id)
    }

    fn disk_poll(&self, io: IoId, context: &mut Context<'_>) -> Poll<Result<DiskDone, DiskError>> {
        if !self.alive() {
            return Poll::Pending;
        }
        let mut jobs = self.shared.jobs.borrow_mut();
        let job = jobs.get_mut(io.0).expect("a disk operation lasts until its outcome was taken");
        if job.outcome.is_none() {
            job.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let (outcome, done) = jobs.remove(io.0).and_then(|job| job.outcome).expect("it was there a line ago");
        self.shared.executor.set_cause(done);
        Poll::Ready(outcome)
    }

    fn disk_forget(&self, io: IoId) {
        let mut jobs = self.shared.jobs.borrow_mut();
        match jobs.get_mut(io.0) {
            Some(job) if job.outcome.is_some() => drop(jobs.remove(io.0)),
            Some(job) => job.forgotten = true,
            None => {}
        }
    }

    fn spawn(&self, name: Label, future: Local<()>) -> TaskId {
        if !self.alive() {
            return TaskId(u64::MAX);
        }
        let facts = self.shared.task_facts(self.slot, name);
        TaskId(self.shared.executor.spawn(facts, future).to_bits())
    }

    fn abort(&self, task: TaskId) {
        if self.alive() {
            self.shared.executor.cancel(Task::from_bits(task.0));
        }
    }

    fn random(&self, stream: Label) -> u64 {
        self.count_call();
        let machine = &self.shared.machines[self.slot];
        let nth = if self.alive() || self.shared.formatting.get() {
            let mut streams = machine.streams.borrow_mut();
            let nth = streams.entry(stream.hash()).or_default();
            *nth += 1;
            *nth
        } else {
            // What a dead life draws must not move the stream of the next one.
            0
        };
        let place = u64::from(machine.id.to_bits()) << 32 | u64::from(self.life.0);
        mix(mix(mix(self.shared.entropy, place), stream.hash()), nth)
    }

    fn probe(&self, probe: Probe) {
        self.count_call();
        if self.alive() {
            self.shared.emit(Some(self.node()), EventKind::Probe(probe));
            self.after();
        }
    }

    fn mark(&self, name: &'static str) {
        self.count_call();
        if self.alive() && self.before(|| EventKind::Mark(name)) {
            self.shared.emit(Some(self.node()), EventKind::Mark(name));
            self.after();
        }
    }
}

impl NodeHost {
    /// A disk operation while disks are formatted, before time begins.
    fn disk_at_once(&self, label: Label, operation: DiskOp) -> IoId {
        let mut disks = self.shared.disks.borrow_mut();
        let snapshot = disks[self.slot].begin(&operation);
        let outcome = disks[self.slot].finish(&operation, snapshot);
        let job = DiskJob {
            owner: self.slot,
            number: 0,
            label,
            repeat: 0,
            operation,
            snapshot: None,
            started: crate::base::EventId(0),
            ticket: None,
            outcome: Some((outcome, crate::base::EventId(0))),
            forgotten: false,
            waker: None,
        };
        IoId(self.shared.jobs.borrow_mut().insert(job))
    }
}

impl Shared {
    /// The name, counted, of a new task of a machine's present life.
    pub fn task_facts(&self, slot: usize, label: Label) -> TaskFacts {
        let machine = &self.machines[slot];
        let (life, hash) = (machine.life.get(), label.hash());
        let mut labels = machine.labels.borrow_mut();
        let nth = labels.entry(hash).or_default();
        *nth += 1;
        TaskFacts { owner: slot, life, label, nth: *nth, key: key::task(machine.id, life, hash, *nth) }
    }
}

/// A hash of an operation, down to the bytes it writes.
fn operation_hash(operation: &DiskOp) -> u64 {
    let text = |name: &str| hash_bytes(name.as_bytes());
    match operation {
        DiskOp::Open { name, create } => mix(1, mix(text(name), u64::from(*create))),
        DiskOp::Read { file, offset, length } => mix(2, mix(u64::from(file.0), mix(*offset, *length))),
        DiskOp::Write { file, offset, bytes } => mix(3, mix(u64::from(file.0), mix(*offset, hash_bytes(bytes)))),
        DiskOp::Sync { file } => mix(4, u64::from(file.0)),
        DiskOp::Length { file } => mix(5, u64::from(file.0)),
        DiskOp::SetLength { file, length } => mix(6, mix(u64::from(file.0), *length)),
        DiskOp::Rename { from, to } => mix(7, mix(text(from), text(to))),
        DiskOp::Remove { name } => mix(8, text(name)),
        DiskOp::List => 9,
        DiskOp::SyncDir => 10,
    }
}

/// A hash of an outcome, down to the bytes that were read.
pub(super) fn outcome_hash(outcome: &Result<DiskDone, DiskError>) -> u64 {
    match outcome {
        Ok(DiskDone::Done) => 1,
        Ok(DiskDone::Opened(file)) => mix(2, u64::from(file.0)),
        Ok(DiskDone::Bytes(bytes)) => mix(3, hash_bytes(bytes)),
        Ok(DiskDone::Length(length)) => mix(4, *length),
        Ok(DiskDone::Names(names)) => names.iter().fold(5, |hash, name| mix(hash, hash_bytes(name.as_bytes()))),
        Err(error) => mix(6, *error as u64),
    }
}
