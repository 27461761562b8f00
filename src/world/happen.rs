//! The run: one item of the agenda after the other, and between them the tasks that became ready.

use std::rc::Rc;

use super::shared::{Item, Moment, Shared, task_name};
use crate::base::name::key;
use crate::base::time::nanos;
use crate::base::{EventId, EventKind, Instant, Lost, Name};
use crate::exec::{Class, Polled};

/// So many polls without time moving mean that a task runs for ever.
pub(super) const POLLS_PER_MOMENT: u64 = 1_000_000;

/// So many calls of its host within one poll mean the same: it sleeps for no time at all, say, and again.
pub(super) const CALLS_PER_POLL: u64 = 1_000_000;

impl Shared {
    /// Runs until nothing is left to happen, the end is reached, or an observer says stop.
    pub fn run(self: &Rc<Self>) {
        self.begin_phase(0);
        let end = self.end();
        loop {
            self.run_ready();
            if self.stopped.get() || self.is_over() {
                return;
            }
            let Some(item) = self.agenda.borrow_mut().next(end) else { return };
            let strikes = matches!(item, Item::Strike { .. });
            self.happen(item);
            // A fault that strikes several is several faults in a plan; tasks run after the last of them in both.
            while strikes && !self.stopped.get() {
                let Some(item) = self.agenda.borrow_mut().next_now(crate::exec::Class::FaultBegins) else { break };
                self.happen(item);
            }
        }
    }

    /// The latest moment of the run.
    fn end(&self) -> Instant {
        let phases: u64 = self.phases.iter().map(|phase| nanos(phase.duration)).sum();
        Instant::from_nanos(phases) + self.settle
    }

    fn is_over(&self) -> bool {
        self.closing.get() && self.observer.borrow_mut().is_settled(&self.core.borrow())
    }

    /// Polls tasks until none is ready.
    fn run_ready(self: &Rc<Self>) {
        self.bury();
        while !self.stopped.get() {
            let config = &self.schedule;
            let next = self.executor.next(|wake| {
                let key = key::wake(wake.task.key, wake.moment, wake.repeat);
                let name = || Name::Wake {
                    task: Box::new(task_name(self.machines[wake.task.owner].id, &wake.task)),
                    moment: Box::new(self.moment_name(wake.moment)),
                    repeat: wake.repeat,
                };
                self.decider.borrow_mut().wake(config, key, name)
            });
            let Some(polled) = next else { break };
            self.poll(polled);
        }
        if let Some(moments) = &mut *self.moments.borrow_mut() {
            moments.clear();
        }
    }

    fn poll(self: &Rc<Self>, polled: Polled) {
        let machine = &self.machines[polled.task.owner];
        if machine.paused.get() {
            machine.held.borrow_mut().push(polled);
            return;
        }
        let task = polled.task;
        assert!(machine.life.get() == task.life, "a task of a past life of {} is still there", machine.id);
        let (moment, polls) = match self.polls.get() {
            (moment, polls) if moment == self.now() => (moment, polls + 1),
            _ => (self.now(), 1),
        };
        self.polls.set((moment, polls));
        if polls > POLLS_PER_MOMENT {
            self.executor.set_cause(polled.cause);
            self.emit(Some(machine.id), EventKind::Spin { task: task.label, polls: POLLS_PER_MOMENT });
            self.stopped.set(true);
            return;
        }
        self.calls.set(0);
        let result = self.executor.run(polled);
        if self.calls.get() >= CALLS_PER_POLL && !self.stopped.get() {
            // Its own call ended the poll; what it said then is not the system's.
            self.emit(Some(machine.id), EventKind::Spin { task: task.label, polls: 1 });
            self.stopped.set(true);
            return;
        }
        let alive = machine.up.get() && machine.life.get() == task.life;
        if let (Err(message), true) = (result, alive) {
            self.emit(Some(machine.id), EventKind::Panic(message.into()));
            if !self.stopped.get() {
                self.crash(task.owner);
            }
        }
        self.bury();
    }

    fn happen(self: &Rc<Self>, item: Item) {
        match item {
            Item::Timer(id) => self.fire(id),
            Item::Packet(id) => self.arrive(id),
            Item::Disk(id) => self.finish_job(id),
            Item::Phase(index) => self.begin_phase(index),
            Item::Close => self.closing.set(true),
            Item::Strike { phase, fault, nth } => self.strike_due(phase, fault, nth),
            Item::Restart { slot, life } => {
                let machine = &self.machines[slot];
                if !machine.up.get() && machine.life.get() == life {
                    self.boot(slot, EventId(0));
                }
            }
            Item::Resume { slot, life, pause } => {
                let machine = &self.machines[slot];
                if machine.paused.get() && machine.life.get() == life && machine.resumes.get() == pause {
                    self.resume(slot, EventId(0));
                }
            }
            Item::Heal { generation } => {
                let healed = self.network.borrow_mut().heal(generation);
                if healed {
                    self.begin(Moment::World, EventId(0));
                    self.count("heal");
                    self.emit_fault("the links heal");
                }
            }
        }
    }

    fn fire(&self, id: u64) {
        let (owner, task, nth, cause, waker) = {
            let mut timers = self.timers.borrow_mut();
            let timer = timers.get_mut(id).expect("a timer on the agenda is waited for");
            timer.ticket = None;
            (timer.owner, timer.task, timer.nth, timer.cause, timer.waker.take())
        };
        let node = self.machines[owner].id;
        self.begin(Moment::Timer { node, task, nth }, cause);
        let fired = self.emit(Some(node), EventKind::Timer { task: task.label, nth });
        self.executor.set_cause(fired);
        if let Some(timer) = self.timers.borrow_mut().get_mut(id) {
            timer.fired = Some(fired);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn arrive(self: &Rc<Self>, id: u64) {
        let packet = self.packets.borrow_mut().remove(id).expect("a packet on the agenda is on its way");
        let (from, to, label, repeat, copy) = (packet.from, packet.to, packet.label, packet.repeat, packet.copy);
        self.begin(Moment::Delivery { from, to, label, repeat, copy }, packet.sent);
        let machine = self.machine(to);
        let event = || EventKind::Deliver {
            from,
            label,
            repeat,
            copy,
            hash: crate::base::hash::hash_bytes(&packet.body),
            corrupt: packet.corrupt,
        };
        if machine.up.get() {
            self.foresee(to, event);
        }
        if !machine.up.get() {
            self.lose(from, to, label, repeat, Lost::Down, packet.sent);
            return;
        }
        let arrived = self.emit(Some(to), event());
        self.executor.set_cause(arrived);
        machine.inbox.borrow_mut().push_back((from, packet.body, arrived));
        let waiting = machine.receivers.take();
        waiting.into_iter().for_each(std::task::Waker::wake);
        self.strike_struck();
    }

    /// Begins a phase: its faults are entered and its triggers armed; those of the last phase end.
    pub fn begin_phase(self: &Rc<Self>, index: usize) {
        let now = self.now();
        let phase = &self.phases[index];
        self.phase.set((index, now));
        self.begin(Moment::World, EventId(0));
        let begun = self.emit(None, EventKind::Phase(phase.name.as_str().into()));
        let next = if index + 1 < self.phases.len() { Item::Phase(index + 1) } else { Item::Close };
        self.enter(now + phase.duration, Class::Phase, next);
        if self.quiet.replace(phase.quiet.is_some()) && phase.quiet.is_none() {
            self.observer.borrow_mut().on_quiet_end();
        }
        self.faults.borrow_mut().disarm();
        if index == 0 {
            for slot in 0..self.machines.len() {
                self.boot(slot, begun);
            }
        }
        match &phase.quiet {
            Some(quiet) => self.begin_quiet(index, quiet),
            None => self.arm(index, now),
        }
    }
}
