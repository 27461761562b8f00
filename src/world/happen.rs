//! The run: one item of the agenda after the other, and between them the tasks that became ready.

use std::rc::Rc;

use super::flight::{Due, In, Packet, Step};
use super::moment::{Moment, Told, task_name};
use super::shared::Shared;
use super::tracer::Deed;
use crate::base::name::key;
use crate::base::time::nanos;
use crate::base::{EventId, EventKind, Instant, Lost, Name};
use crate::exec::{Arbiter, Class, Polled, TaskFacts, Ticket, Wake};

/// So many polls without time moving mean that a task runs for ever.
pub(super) const POLLS_PER_MOMENT: u64 = 1_000_000;

/// So many calls of its host within one poll mean the same: it sleeps for no time at all, say, and again.
pub(super) const CALLS_PER_POLL: u64 = 1_000_000;

/// Decides which ready task goes first: the wakes of a world are decisions like any other.
struct Wakes<'a>(&'a Shared);

impl Arbiter for Wakes<'_> {
    fn moment_key(&mut self, moment: u32) -> u64 {
        self.0.moments.key(moment)
    }

    fn priority(&mut self, wake: &Wake<'_>) -> u32 {
        let shared = self.0;
        let key = key::wake(wake.task.key, wake.moment_key, wake.repeat);
        let name = || Name::Wake {
            task: Box::new(task_name(shared.machines[wake.task.owner].id, wake.task)),
            moment: Box::new(shared.moments.name(wake.moment)),
            repeat: wake.repeat,
        };
        shared.decider.borrow_mut().wake(&shared.schedule, key, name)
    }
}

impl Shared {
    /// Runs until nothing is left to happen, the end is reached, or an observer says stop.
    pub fn run(self: &Rc<Self>) {
        assert!(!self.formatting.get(), "disks are formatted before time begins");
        assert!(!self.stopped.get() && !self.closing.get(), "a world is run once");
        assert_eq!(self.now(), Instant::START, "a run begins at the start of time");
        self.begin_phase(0);
        self.go_on(self.end());
        self.check(usize::from(!self.closing.get()));
    }

    fn go_on(self: &Rc<Self>, end: Instant) {
        loop {
            self.run_ready();
            if self.stopped.get() || self.is_over() {
                return;
            }
            let before = self.now();
            let Some(due) = self.flight.next(end) else { return };
            if self.now() > before {
                self.polls.set(0);
            }
            match due.table() {
                In::Packets => self.arrive(due.place()),
                In::Timers => self.fire(due.place() as usize),
                In::Jobs => self.finish_job(due.place() as usize),
                In::Steps => self.step_on(due),
            }
        }
    }

    /// Does what the world itself does at this moment.
    #[inline(never)]
    fn step_on(self: &Rc<Self>, due: Due) {
        let step = self.flight.take_step(due);
        let strikes = matches!(step, Step::Strike { .. });
        self.step(step);
        // A fault that strikes several is several faults in a plan; tasks run after the last of them in both.
        while strikes && !self.stopped.get() {
            let Some(due) = self.flight.next_now(Class::FaultBegins) else { break };
            self.step(self.flight.take_step(due));
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
    #[inline]
    fn run_ready(self: &Rc<Self>) {
        self.bury();
        while !self.stopped.get() {
            let Some(polled) = self.executor.next(&mut Wakes(self)) else { break };
            self.poll(polled);
        }
        self.moments.clear();
    }

    #[inline]
    fn poll(self: &Rc<Self>, polled: Polled) {
        let TaskFacts { owner, life, .. } = *polled.task();
        let machine = &self.machines[owner];
        if machine.paused.get() {
            machine.held.borrow_mut().push(polled);
            return;
        }
        assert!(machine.life.get() == life, "a task of a past life of {} is still there", machine.id);
        assert!(machine.up.get(), "a task of {} is still there, which is down", machine.id);
        let polls = self.polls.get() + 1;
        self.polls.set(polls);
        if polls > POLLS_PER_MOMENT {
            self.executor.set_cause(polled.cause);
            return self.spin(polled.task(), POLLS_PER_MOMENT);
        }
        self.calls.set(0);
        let result = self.executor.run(&polled);
        if self.calls.get() >= CALLS_PER_POLL && !self.stopped.get() {
            // Its own call ended the poll; what it said then is not the system's.
            return self.spin(polled.task(), 1);
        }
        if let Err(caught) = result
            && machine.lives(life)
        {
            self.emit(Some(machine.id), EventKind::Panic(caught.words().into()));
            if !self.stopped.get() {
                self.crash(owner);
            }
        }
        self.bury();
    }

    /// Ends the run, because a task lets time not move.
    #[cold]
    fn spin(&self, task: &TaskFacts, polls: u64) {
        self.emit(Some(self.machines[task.owner].id), EventKind::Spin { task: task.label, polls });
        self.stop();
    }

    fn step(self: &Rc<Self>, step: Step) {
        match step {
            Step::Phase(index) => self.begin_phase(index),
            Step::Close => self.closing.set(true),
            Step::Strike { phase, fault, nth } => self.strike_due(phase, fault, nth),
            Step::Restart { slot, life } => {
                let machine = &self.machines[slot];
                if !machine.up.get() && machine.life.get() == life {
                    self.boot(slot, EventId(0));
                }
            }
            Step::Resume { slot, life, pause } => {
                let machine = &self.machines[slot];
                if machine.paused.get() && machine.life.get() == life && machine.resumes.get() == pause {
                    self.resume(slot, EventId(0));
                }
            }
            Step::OpenGate { generation } => self.open_gate(generation),
            Step::Reset { one, other, cause } => self.reset(one, other, cause),
            Step::Heal { generation } => {
                let healed = self.network.borrow_mut().heal(generation);
                if healed {
                    self.begin_deed(EventId(0));
                    self.count(Deed::Heal);
                    self.emit_fault("the links heal");
                }
            }
        }
    }

    #[inline(always)]
    fn fire(&self, place: usize) {
        let (task, nth, cause, foreign) = {
            let mut timers = self.flight.timers.borrow_mut();
            let timer = &mut timers.places[place];
            assert!(!timer.fired, "a timer fires once");
            timer.ticket = Ticket::NONE;
            let task = timer.task.clone().expect("a timer on the agenda is waited for");
            (task, timer.nth, timer.event, timer.foreign.take())
        };
        let TaskFacts { owner, label, key, .. } = *task.facts();
        let node = self.machines[owner].id;
        self.begin(Moment::timer(key, nth), cause, || Told::Timer { node, task: task.clone(), nth });
        let fired = self.emit_frequent(
            node,
            |seen| &seen.timers,
            |here, digest| here.feed_timer(digest, &label, nth),
            || EventKind::Timer { task: label, nth },
        );
        self.executor.set_cause(fired);
        {
            // Nothing that watches an event forgets a timer, so it is still there.
            let timer = &mut self.flight.timers.borrow_mut().places[place];
            (timer.fired, timer.event) = (true, fired);
        }
        match foreign {
            None => self.executor.wake_task(task),
            Some(waker) => waker.wake(),
        }
    }

    #[inline(always)]
    fn arrive(self: &Rc<Self>, place: u32) {
        if self.traffic.watched.get() && self.is_stopped(place) {
            return;
        }
        let (to, slot, copy, corrupt) = {
            let packets = self.flight.packets.borrow();
            let packet = packets.at(place);
            let tell = || packet.told();
            self.begin(Moment::delivery(packet.key, packet.copy), packet.event, tell);
            (packet.to, packet.slot, packet.copy, packet.corrupt.then_some(packet.body.hash()))
        };
        let event = || self.flight.packets.borrow().at(place).delivery();
        let machine = &self.machines[usize::from(slot)];
        if self.alert.get().before && machine.up.get() {
            self.foresee(to, event);
        }
        if !machine.up.get() {
            return self.lose_at_the_door(place);
        }
        let arrived = self.emit_frequent(
            to,
            |seen| &seen.packets,
            |here, digest| here.feed_delivery(digest, copy, corrupt),
            event,
        );
        self.tracer.deliveries.set(self.tracer.deliveries.get().wrapping_add(u64::from(arrived != EventId(0))));
        self.executor.set_cause(arrived);
        machine.receive(place, arrived, &mut self.flight.packets.borrow_mut());
        machine.wake_receivers(&self.executor);
        self.strike_struck();
    }

    /// Loses a packet whose receiver is down.
    #[cold]
    fn lose_at_the_door(&self, place: u32) {
        let (from, to, label, repeat, sent) = {
            let mut packets = self.flight.packets.borrow_mut();
            let Packet { from, to, label, repeat, event: sent, .. } = *packets.at(place);
            packets.take(place);
            (from, to, label, repeat, sent)
        };
        self.lose(from, to, label, repeat, Lost::Down, sent);
    }

    /// Begins a phase: its faults are entered and its triggers armed; those of the last phase end.
    pub fn begin_phase(self: &Rc<Self>, index: usize) {
        let now = self.now();
        self.check(0);
        let (last, begun) = self.phase.get();
        assert!(!self.closing.get(), "no phase comes after the last");
        assert!(index == 0 || index == last + 1, "phases come one after the other");
        assert!(index == 0 || now == begun + self.phases[last].duration, "a phase lasts as long as it says");
        let phase = &self.phases[index];
        self.phase.set((index, now));
        self.begin_deed(EventId(0));
        let begun = self.emit(None, EventKind::Phase(phase.name.as_str().into()));
        let next = if index + 1 < self.phases.len() { Step::Phase(index + 1) } else { Step::Close };
        self.enter(now + phase.duration, Class::Phase, next);
        if self.quiet.replace(phase.quiet.is_some()) && phase.quiet.is_none() {
            self.tell(|observer| observer.on_quiet_end());
        }
        self.disarm();
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
