//! The host behind a node's `Env`: one life of one machine.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::machine::Machine;
use crate::base::hash::{hash_bytes, mix};
use crate::base::label::Labelled;
use crate::base::name::key;
use crate::base::{EventId, EventKind, Incarnation, Instant, Label, Lost, Name, NodeId, Payload, Probe, WallTime};
use crate::env::{DiskDone, DiskError, DiskOp, Host, IoId, Local, Received, TaskId, TimerId};
use crate::exec::{Task, TaskFacts, TaskRef, Ticket};
use crate::world::decisions::decide::{PacketDice, PacketFate};
use crate::world::disk::Disk;
use crate::world::flight::{DiskJob, NOBODY, Packet, Timer};
use crate::world::happen::CALLS_PER_POLL;
use crate::world::network::{links::LinkId, transit::Outgoing};
use crate::world::shared::Shared;
use crate::world::tracer::Deed;

/// One life of one machine.
pub(in crate::world) struct NodeHost {
    pub shared: Rc<Shared>,
    pub machine: Rc<Machine>,
    pub slot: usize,
    /// Its first link.
    pub links: LinkId,
    pub life: Incarnation,
}

impl NodeHost {
    /// Whether this life goes on. A life that has ended may still be in the middle of a poll, or in the destructors of
    /// its futures; nothing it does then has any effect.
    #[inline]
    fn alive(&self) -> bool {
        self.machine.lives(self.life)
    }

    #[inline]
    fn node(&self) -> NodeId {
        self.machine.id
    }

    /// Counts a call, and ends a poll that calls on and on. A loop that calls nothing cannot be ended.
    #[inline]
    fn count_call(&self) {
        // It is set to zero before every poll, so it does not run over.
        let calls = self.shared.calls.get().wrapping_add(1);
        self.shared.calls.set(calls);
        assert!(calls < CALLS_PER_POLL, "a task called its host {calls} times within one poll");
    }

    /// Lets faults strike that wait for just before this. Whether the life goes on.
    #[inline]
    fn before(&self, kind: impl FnOnce() -> EventKind) -> bool {
        if !self.shared.alert.get().before {
            return true;
        }
        self.shared.foresee(self.node(), kind);
        self.alive()
    }

    /// Lets faults strike that waited for what was just done.
    #[inline]
    pub(in crate::world) fn after(&self) {
        self.shared.strike_struck();
    }

    /// Loses a packet that was sent.
    #[cold]
    pub(in crate::world) fn lose(
        &self,
        deed: Deed,
        to: NodeId,
        label: Label,
        repeat: u32,
        reason: Lost,
        sent: EventId,
    ) {
        self.shared.count(deed);
        self.shared.lose(self.node(), to, label, repeat, reason, sent);
        self.after();
    }

    /// Sends a packet that something may befall, or whose fate is written down or was.
    #[inline(never)]
    fn send_at_risk(&self, link: LinkId, mut packet: Packet) {
        let shared = &*self.shared;
        let Packet { from, to, label, repeat, key, event: sent, .. } = packet;
        let fate = shared.packet_fate(key, packet.body.len() as u32, Parcel { from, to, label, repeat });
        if fate.dropped {
            return self.lose(Deed::PacketLost, to, label, repeat, Lost::Dropped, sent);
        }
        let now = shared.now();
        let alone = now.after(fate.latency);
        let first = if fate.reordered {
            shared.count(Deed::PacketReordered);
            alone
        } else {
            shared.network.borrow_mut().arrival(link, alone)
        };
        let second = fate.duplicate.map(|latency| (now.after(latency), packet.second_copy()));
        if let Some(bit) = fate.corrupt {
            shared.count(Deed::PacketCorrupted);
            packet.body = packet.body.with_bit_flipped(bit);
            packet.corrupt = true;
        }
        // The copy lies in the agenda behind the original, where both arrive at once.
        shared.flight.enter_packet(first, packet);
        if let Some((at, copy)) = second {
            shared.count(Deed::PacketDuplicated);
            shared.flight.enter_packet(at, copy);
        }
        self.after();
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
        self.machine.clock.shows(self.shared.now())
    }

    fn wall(&self) -> WallTime {
        self.count_call();
        self.machine.clock.calendar(self.shared.now())
    }

    fn timer_start(&self, at: Instant, context: &mut Context<'_>) -> Option<TimerId> {
        self.count_call();
        if !self.alive() {
            return Some(TimerId(u64::MAX));
        }
        let (shared, clock) = (&*self.shared, &self.machine.clock);
        let due = clock.due(shared.now(), at)?;
        let (task, nth) = shared.executor.count_timer().expect("only a task being polled starts a timer");
        let event = shared.executor.cause();
        let foreign = (!shared.executor.is_own(context)).then(|| context.waker().clone());
        let timer =
            Timer { task: Some(task), nth, at, event, fired: false, ticket: Ticket::NONE, foreign, generation: 0 };
        Some(TimerId(shared.flight.enter_timer(due, timer)))
    }

    fn timer_poll(&self, timer: TimerId, context: &mut Context<'_>) -> Poll<()> {
        if !self.alive() {
            return Poll::Pending;
        }
        let (executor, mut timers) = (&self.shared.executor, self.shared.flight.timers.borrow_mut());
        let waiting = timers.find(timer.0).expect("a timer lasts until it was seen to be due");
        if !waiting.fired {
            // A future may have been handed to another task since it began to wait.
            let own = executor.is_own(context) && waiting.task.as_ref().is_some_and(TaskRef::is_polled);
            let foreign = (!own).then(|| context.waker().clone());
            let before = std::mem::replace(&mut waiting.foreign, foreign);
            drop(timers);
            drop(before);
            return Poll::Pending;
        }
        executor.set_cause(waiting.event);
        let ended = timers.remove(timer.0);
        drop(timers);
        drop(ended);
        Poll::Ready(())
    }

    fn timer_cancel(&self, timer: TimerId) {
        self.shared.flight.cancel_timer(timer.0);
    }

    fn send(&self, to: NodeId, label: Label, body: Payload) {
        self.count_call();
        let (shared, from) = (&*self.shared, self.node());
        if !self.alive() {
            return;
        }
        assert!(!shared.formatting.get(), "{from} sends while its disk is formatted, when there is nobody to hear it");
        let Some(receiver) = shared.cluster.find(to) else {
            panic!("{from} sends to {to}, which is not in the cluster");
        };
        let link = self.links.to(receiver);
        let (repeat, key, mut is_eventful) = shared.network.borrow_mut().count(link, label.hash());
        let size = body.len() as u32;
        let event = || EventKind::Send { to, label, repeat, size, hash: body.hash() };
        if shared.alert.get().before {
            if !self.before(event) {
                return;
            }
            // What struck before it may have cut the link.
            is_eventful = shared.network.borrow().is_eventful(link);
        }
        let sent = shared.emit_frequent(
            from,
            |seen| &seen.packets,
            |here, digest| here.feed_send(digest, key, body.hash()),
            event,
        );
        let slot = receiver as u16;
        // Made in each branch, so that mostly it is written only once, into the table.
        let packet = |body| Packet {
            from,
            to,
            slot,
            label,
            repeat,
            copy: 0,
            corrupt: false,
            key,
            body,
            event: sent,
            next: NOBODY,
        };
        if is_eventful {
            return self.send_eventfully(Outgoing { link, receiver, to, label, repeat, key, body, sent });
        }
        let Some((latency, reordered)) = shared.plain_fate(key) else {
            return self.send_at_risk(link, packet(body));
        };
        let alone = shared.now().after(latency);
        let at = if reordered {
            shared.count(Deed::PacketReordered);
            alone
        } else {
            shared.network.borrow_mut().arrival(link, alone)
        };
        shared.flight.enter_packet(at, packet(body));
        self.after();
    }

    fn recv_poll(&self, context: &mut Context<'_>) -> Poll<Received> {
        if !self.alive() {
            return Poll::Pending;
        }
        let (shared, machine) = (&*self.shared, &*self.machine);
        if machine.resets.get() > 0 {
            return self.recv_among_resets();
        }
        let Some((from, body, arrived)) = machine.take_received(&shared.flight.packets) else {
            machine.wait_to_receive(&shared.executor, context);
            return Poll::Pending;
        };
        shared.executor.set_cause(arrived);
        Poll::Ready(Received { body, from, is_reset: false })
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
        let machine = &*self.machine;
        let repeat = machine.disk_repeats.borrow_mut().next(hash);
        let content = operation_hash(&operation);
        let event = || EventKind::DiskStart { label, repeat, hash: content };
        if !self.before(event) {
            return IoId(u64::MAX);
        }
        let started = shared.emit_frequent(
            machine.id,
            |seen| &seen.disks,
            |here, digest| here.feed_disk_start(digest, &label, repeat, content),
            event,
        );
        let name = || Name::Disk { node: machine.id, label, repeat };
        let latency = match &operation {
            DiskOp::Read { .. } | DiskOp::Length { .. } | DiskOp::List | DiskOp::Open { create: false, .. } => {
                &shared.disk_latencies.read
            }
            DiskOp::Write { .. } | DiskOp::SetLength { .. } | DiskOp::Open { .. } => &shared.disk_latencies.write,
            DiskOp::Rename { .. } | DiskOp::Remove { .. } => &shared.disk_latencies.write,
            DiskOp::Sync { .. } | DiskOp::SyncDir => &shared.disk_latencies.sync,
        };
        let key = key::disk(machine.id, hash, repeat);
        let (latency, armed) = match shared.decay.possible {
            false => (shared.decider.borrow_mut().disk(latency, key, name), None),
            true => {
                let armed = shared.decay.take(machine.id, &label, &operation);
                (shared.stalling_latency(self.slot, latency, key, name), armed)
            }
        };
        let job = DiskJob {
            owner: self.slot,
            key,
            label,
            repeat,
            begun: Some(shared.disks.borrow_mut()[self.slot].begin(operation)),
            started,
            ticket: Ticket::NONE,
            outcome: None,
            forgotten: false,
            waiter: None,
            armed,
        };
        let id = shared.flight.enter_job(shared.now().after(latency), job);
        self.after();
        IoId(id)
    }

    fn disk_poll(&self, io: IoId, context: &mut Context<'_>) -> Poll<Result<DiskDone, DiskError>> {
        if !self.alive() {
            return Poll::Pending;
        }
        let mut jobs = self.shared.flight.jobs.borrow_mut();
        let job = jobs.get_mut(io.0).expect("a disk operation lasts until its outcome was taken");
        if job.outcome.is_none() {
            let before = job.waiter.replace(self.shared.executor.waiter(context));
            // Not within the borrow: a waker is anybody's, and may call anything when it goes.
            drop(jobs);
            drop(before);
            return Poll::Pending;
        }
        let (outcome, done) = jobs.remove(io.0).and_then(|job| job.outcome).expect("it was there a line ago");
        self.shared.executor.set_cause(done);
        Poll::Ready(outcome)
    }

    fn disk_forget(&self, io: IoId) {
        let mut jobs = self.shared.flight.jobs.borrow_mut();
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
        let machine = &*self.machine;
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
    /// Takes the first of the inbox where some of it are notices of resets.
    #[cold]
    #[inline(never)]
    fn recv_among_resets(&self) -> Poll<Received> {
        let (shared, machine) = (&*self.shared, &*self.machine);
        let is_reset = machine.next_is_reset(&shared.flight.packets.borrow());
        let (from, body, event) = machine.take_received(&shared.flight.packets).expect("it was looked at");
        shared.executor.set_cause(event);
        machine.resets.set(machine.resets.get() - u32::from(is_reset));
        Poll::Ready(Received { body, from, is_reset })
    }

    /// A disk operation while disks are formatted, before time begins.
    fn disk_at_once(&self, label: Label, operation: DiskOp) -> IoId {
        let mut disks = self.shared.disks.borrow_mut();
        let begun = disks[self.slot].begin(operation);
        let outcome = disks[self.slot].finish(begun);
        let job = DiskJob {
            owner: self.slot,
            key: 0,
            label,
            repeat: 0,
            begun: None,
            started: EventId(0),
            ticket: Ticket::NONE,
            outcome: Some((outcome, EventId(0))),
            forgotten: false,
            waiter: None,
            armed: None,
        };
        IoId(self.shared.flight.jobs.borrow_mut().insert(job))
    }
}

/// What a packet is called.
pub(in crate::world) struct Parcel {
    pub from: NodeId,
    pub to: NodeId,
    pub label: Label,
    pub repeat: u32,
}

impl Shared {
    fn dice_of_packets(&self) -> &PacketDice {
        if self.quiet.get() { &self.packet_dice_quiet } else { &self.packet_dice }
    }

    /// How long a packet travels and whether it may overtake others, where that is all there is to its fate and nobody
    /// writes it down.
    #[inline]
    fn plain_fate(&self, key: u64) -> Option<(u64, bool)> {
        if self.records {
            return None;
        }
        let draw = self.dice.as_ref()?.draw(key)?;
        self.dice_of_packets().throw_plain(draw)
    }

    /// What becomes of a packet whose payload has this many bytes.
    pub(in crate::world) fn packet_fate(&self, key: u64, bytes: u32, parcel: Parcel) -> PacketFate {
        let dice = self.dice_of_packets();
        let fate = match self.dice.as_ref().and_then(|dice| dice.draw(key)) {
            Some(draw) => dice.throw(draw, bytes as usize),
            None => self.decider.borrow_mut().planned_packet(dice.calm(), key),
        };
        if self.records {
            let Parcel { from, to, label, repeat } = parcel;
            let name = || Name::Packet { from, to, label, repeat };
            self.decider.borrow_mut().record_packet(dice.calm(), &fate, name);
        }
        fate
    }

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
pub(in crate::world) fn outcome_hash(outcome: &Result<DiskDone, DiskError>) -> u64 {
    match outcome {
        Ok(DiskDone::Done) => 1,
        Ok(DiskDone::Opened(file)) => mix(2, u64::from(file.0)),
        Ok(DiskDone::Bytes(bytes)) => mix(3, hash_bytes(bytes)),
        Ok(DiskDone::Length(length)) => mix(4, *length),
        Ok(DiskDone::Names(names)) => names.iter().fold(5, |hash, name| mix(hash, hash_bytes(name.as_bytes()))),
        Err(error) => mix(6, *error as u64),
    }
}
