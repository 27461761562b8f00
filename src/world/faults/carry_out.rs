//! Faults in action: waiting for their moment, resolved when they strike, carried out, and written down without chance.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::aim::{Aims, Miss};
use super::fault::{Fault, Target, What, When};
use super::resolve::{Resolver, Scene};
use super::strikes::Strikes;
use super::trigger::{Trigger, Which};
use crate::base::{Distribution, Draw, Event, EventId, EventKind, Instant, NodeId};
use crate::exec::Class;
use crate::world::disk::decay::ArmedMishap;
use crate::world::flight::{Entered, Step};
use crate::world::shared::Shared;
use crate::world::tracer::Deed;

/// Triggers that are armed, and what is written down.
#[derive(Debug)]
pub(in crate::world) struct Faults {
    armed: Vec<Armed>,
    struck: VecDeque<Struck>,
    /// Struck faults are being carried out; what they set off waits its turn.
    striking: bool,
    /// Ends of faults that are still to come.
    pending: Vec<Entered>,
    recorded: Option<Vec<Vec<Fault>>>,
    cores: BTreeMap<usize, (Vec<NodeId>, Vec<NodeId>)>,
    pub aims: Aims,
}

#[derive(Debug)]
struct Armed {
    phase: usize,
    fault: usize,
    trigger: Trigger,
    before: bool,
    seen: u32,
}

#[derive(Debug)]
struct Struck {
    phase: usize,
    fault: usize,
    when: When,
    event: Event,
}

/// What there is to look out for at every event. Known without looking at the triggers, because mostly it is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::world) struct Alert {
    /// A fault waits for just before an event.
    pub before: bool,
    /// A fault waits for an event.
    pub after: bool,
    /// A fault has struck and is to be carried out.
    pub struck: bool,
}

/// What was written down: the faults of each phase without chance, and the cores of quiet phases with those healed beside them.
pub(in crate::world) type Written = (Vec<Vec<Fault>>, BTreeMap<usize, (Vec<NodeId>, Vec<NodeId>)>);

impl Faults {
    pub fn new(phases: usize, record: bool) -> Faults {
        Faults {
            armed: Vec::new(),
            struck: VecDeque::new(),
            striking: false,
            pending: Vec::new(),
            recorded: record.then(|| vec![Vec::new(); phases]),
            cores: BTreeMap::new(),
            aims: Aims::default(),
        }
    }

    fn alert(&self) -> Alert {
        Alert {
            before: self.armed.iter().any(|armed| armed.before),
            after: self.armed.iter().any(|armed| !armed.before),
            struck: !self.struck.is_empty(),
        }
    }

    pub fn take_pending(&mut self) -> Vec<Entered> {
        std::mem::take(&mut self.pending)
    }

    pub fn record_quiet(&mut self, phase: usize, core: &[NodeId], healed: &[NodeId]) {
        if self.recorded.is_some() {
            self.cores.insert(phase, (core.to_vec(), healed.to_vec()));
        }
    }

    pub fn finish(&mut self) -> Option<Written> {
        self.recorded.take().map(|faults| (faults, std::mem::take(&mut self.cores)))
    }
}

impl Shared {
    /// Forgets the triggers of a phase that ends.
    pub fn disarm(&self) {
        let mut faults = self.faults.borrow_mut();
        faults.armed.clear();
        faults.struck.clear();
        self.decay.disarm();
        self.set_alert(faults.alert());
    }

    /// Enters the faults of a phase that begins.
    pub fn arm(&self, phase: usize, begun: Instant) {
        let faults = &self.phases[phase].faults;
        self.faults.borrow_mut().aims.begin_phase(phase, faults.len());
        for (index, fault) in faults.iter().enumerate() {
            match &fault.when {
                When::At(_) | When::Every(_) => self.enter_strike(phase, index, 1, begun),
                When::On { trigger, before } => self.faults.borrow_mut().armed.push(Armed {
                    phase,
                    fault: index,
                    trigger: trigger.clone(),
                    before: *before,
                    seen: 0,
                }),
            }
        }
        let alert = self.faults.borrow().alert();
        self.set_alert(alert);
    }

    /// What the seed decides of a fault.
    fn strikes(&self, phase: usize, fault: usize) -> Strikes<'_> {
        Strikes::of(&self.phases[phase], fault, self.decider.borrow().seed())
    }

    /// Enters the nth strike of a fault, if there is one, that follows a strike or the start of the phase.
    fn enter_strike(&self, phase: usize, fault: usize, nth: u32, last: Instant) {
        if let Some(wait) = self.strikes(phase, fault).wait(nth) {
            self.enter(last + wait, Class::FaultBegins, Step::Strike { phase, fault, nth });
        }
    }

    /// Holds an event against the armed triggers.
    pub fn notice(&self, event: &Event, before: bool) {
        let mut faults = self.faults.borrow_mut();
        let faults = &mut *faults;
        let armed_before = faults.armed.len();
        let role = |node: NodeId| self.machine(node).role.get();
        faults.armed.retain_mut(|armed| {
            if armed.before != before {
                return true;
            }
            let Some(repeat) = armed.trigger.matches(event, role) else { return true };
            let repeat = self.repeat(event, repeat, before);
            armed.seen += 1;
            let fires = match armed.trigger.which {
                Which::Nth(nth) => armed.seen == nth,
                Which::Exactly(exactly) => repeat == exactly,
            };
            if fires {
                let when = When::On { trigger: exact(event, repeat), before };
                faults.struck.push_back(Struck { phase: armed.phase, fault: armed.fault, when, event: event.clone() });
            }
            !fires
        });
        if faults.armed.len() < armed_before {
            self.set_alert(faults.alert());
        }
    }

    /// A mark carries no repeat number of its own; its count on its node is one.
    fn repeat(&self, event: &Event, repeat: u32, before: bool) -> u32 {
        match (&event.kind, event.node) {
            (EventKind::Mark(name), Some(node)) => self.machine(node).passed(name) as u32 + u32::from(before),
            _ => repeat,
        }
    }

    /// Lets faults strike that wait for just before an event.
    pub fn foresee(self: &Rc<Self>, node: NodeId, kind: impl FnOnce() -> EventKind) {
        if !self.alert.get().before {
            return;
        }
        let id = EventId(self.tracer.last().0 + 1);
        let event = Event { id, cause: self.executor.cause(), at: self.now(), node: Some(node), kind: kind() };
        self.notice(&event, true);
        self.strike_struck();
    }

    /// Lets faults strike whose moment has come. What goes on at present goes on afterwards, as far as it still can.
    #[inline]
    pub fn strike_struck(self: &Rc<Self>) {
        if self.alert.get().struck {
            self.strike_all_struck();
        }
    }

    #[cold]
    fn strike_all_struck(self: &Rc<Self>) {
        if std::mem::replace(&mut self.faults.borrow_mut().striking, true) {
            return;
        }
        let (moment, cause) = (self.moments.present(), self.executor.cause());
        loop {
            let Some(struck) = self.faults.borrow_mut().struck.pop_front() else { break };
            let mut draw = self.strikes(struck.phase, struck.fault).whom(1);
            // The event a fault waits for just before has not happened yet and can be nobody's cause; by the number it
            // would have had, another one may have happened since.
            let before = matches!(struck.when, When::On { before: true, .. });
            let reason = if before { cause } else { struck.event.id };
            self.begin_deed(reason);
            self.strike(struck.phase, struck.fault, &struck.when, &mut draw, Some(&struck.event));
        }
        {
            let mut faults = self.faults.borrow_mut();
            faults.striking = false;
            self.set_alert(faults.alert());
        }
        self.moments.resume(moment);
        self.executor.begin_moment(moment);
        self.executor.set_cause(cause);
    }

    /// Lets a fault strike whose time has come.
    pub fn strike_due(self: &Rc<Self>, phase: usize, fault: usize, nth: u32) {
        let (current, begun) = self.phase.get();
        if current != phase {
            return;
        }
        self.begin_deed(EventId(0));
        let mut draw = self.strikes(phase, fault).whom(nth);
        let when = When::At(self.now() - begun);
        self.enter_strike(phase, fault, nth + 1, self.now());
        self.strike(phase, fault, &when, &mut draw, None);
    }

    fn strike(self: &Rc<Self>, phase: usize, fault: usize, when: &When, draw: &mut Draw, event: Option<&Event>) {
        let what = &self.phases[phase].faults[fault].what;
        let (resolved, spared) = {
            let down = |node: NodeId| !self.machine(node).up.get();
            let scene = Scene {
                cluster: self.cluster,
                up: &|node| !down(node),
                paused: &|node| self.machine(node).paused.get(),
                primary: self.primary(),
                event,
                file_length: &|node, file| self.file_length(self.cluster, node, file),
            };
            Resolver { scene, draw, spared: Vec::new() }.resolve(what)
        };
        for node in &spared {
            let verb = || what.to_string().split(' ').next().unwrap_or_default().to_owned();
            self.leave_out(Miss::Spared, || format!("{} {node}", verb()));
        }
        let misfit = match what {
            What::Rot { .. } | What::Unreadable { .. } => Miss::Nowhere,
            What::Release { .. } => Miss::NothingHeld,
            _ => Miss::Nobody,
        };
        let mut miss = if !spared.is_empty() { Miss::Spared } else { misfit };
        self.faults.borrow_mut().aims.is_due(phase, fault);
        let (mut strikes, mut met_later) = (false, Vec::new());
        for what in resolved {
            if self.stopped.get() {
                break;
            }
            // What was carried out before it may have set off other faults.
            if !self.still_fits(&what) {
                miss = misfit;
                continue;
            }
            if !self.is_within_budget(&what) {
                self.leave_out(Miss::Refused, || what.to_string());
                miss = Miss::Refused;
                continue;
            }
            if let Some(recorded) = &mut self.faults.borrow_mut().recorded {
                recorded[phase].push(Fault { when: when.clone(), what: what.clone() });
            }
            match &what {
                // It strikes when its operation ends.
                What::Disk { target, next, mishap, pick } => {
                    let node = self.machines[self.slot(*target)].id;
                    let mishap = ArmedMishap { kind: *mishap, pick: pick.unwrap_or(0), phase, fault };
                    self.announce(&what, |_| self.decay.arm(node, next.clone(), mishap));
                    miss = Miss::NoOperation;
                }
                what => {
                    self.carry_out(what);
                    let met = match what {
                        What::CutOnly { .. } => Some(self.network.borrow().met_by_last()),
                        What::Hold { .. } => Some(self.traffic.gates.borrow().met_by_last()),
                        _ => None,
                    };
                    strikes |= met.is_none();
                    met_later.extend(met);
                }
            }
        }
        let aims = &mut self.faults.borrow_mut().aims;
        let waits = !met_later.is_empty();
        met_later.into_iter().for_each(|met| aims.strikes_when_met(phase, fault, met));
        match strikes {
            true => aims.has_struck(phase, fault),
            // The world ended amid it: nobody knows whether it would have.
            false if waits || self.stopped.get() => {}
            false => aims.has_missed(phase, fault, miss),
        }
    }

    fn still_fits(&self, what: &What) -> bool {
        let up = |target: &Target| self.machines[self.slot(*target)].up.get();
        match what {
            What::Crash { target, .. } | What::Wipe { target, .. } => up(target),
            What::Pause { target, .. } => up(target) && !self.machines[self.slot(*target)].paused.get(),
            What::Restart { target } => !up(target),
            What::Partition { .. } | What::Cut { .. } | What::CutOnly { .. } | What::Heal => true,
            What::Release { from, to } => self.traffic.gates.borrow().holds(&self.links(from, to)),
            What::Clog { .. } | What::Hold { .. } | What::Clock { .. } => true,
            What::Rot { .. } | What::Unreadable { .. } => self.decay_hit(what).is_some(),
            What::Disk { .. } | What::Stall { .. } => true,
        }
    }

    /// Of the replicas that are up, the one that most recently said it was primary.
    fn primary(&self) -> Option<NodeId> {
        let said = self.machines.iter().filter(|machine| machine.up.get() && machine.led.get() > EventId(0));
        said.max_by_key(|machine| machine.led.get()).map(|machine| machine.id)
    }

    /// Tells of a fault without chance, and does what it says with that as its cause.
    fn announce(self: &Rc<Self>, what: &What, carry_out: impl FnOnce(EventId)) {
        let cause = self.executor.cause();
        let event = self.emit_fault(&what.to_string());
        self.executor.set_cause(event);
        carry_out(event);
        self.executor.set_cause(cause);
    }

    /// Counts trouble that would be too much, and remembers what it would have been.
    pub fn leave_out(&self, why: Miss, what: impl FnOnce() -> String) {
        self.count(if why == Miss::Spared { Deed::Spared } else { Deed::Refused });
        self.faults.borrow_mut().aims.is_refused(self.now(), why, what);
    }

    /// Does what a fault without chance says.
    fn carry_out(self: &Rc<Self>, what: &What) {
        self.announce(what, |event| self.do_what(what, event));
    }

    fn do_what(self: &Rc<Self>, what: &What, event: EventId) {
        match what {
            What::Crash { target, restart_after, .. } => {
                let slot = self.slot(*target);
                self.count(Deed::Crash);
                self.crash(slot);
                self.machines[slot].returns.set(restart_after.is_some());
                self.restart_later(slot, restart_after);
            }
            What::Wipe { target, restart_after, .. } => {
                let slot = self.slot(*target);
                self.count(Deed::Wipe);
                self.wipe(slot);
                self.machines[slot].returns.set(restart_after.is_some());
                self.restart_later(slot, restart_after);
            }
            What::Restart { target } => self.boot(self.slot(*target), event),
            What::Pause { target, resume_after } => {
                let slot = self.slot(*target);
                self.count(Deed::Pause);
                self.pause(slot);
                let machine = &self.machines[slot];
                machine.returns.set(resume_after.is_some());
                let resume = Step::Resume { slot, life: machine.life.get(), pause: machine.resumes.get() };
                self.end_later(resume_after, resume);
            }
            What::Partition { split, heal_after } => {
                self.count(Deed::Partition);
                let generation = self.network.borrow_mut().partition(super::resolve::concrete_groups(split));
                self.hang_up_cut_off(event);
                self.end_later(heal_after, Step::Heal { generation });
            }
            What::Cut { from, to, both_ways, heal_after } => {
                self.count(Deed::Cut);
                let links = super::resolve::concrete_links(from, to, *both_ways);
                let generation = self.network.borrow_mut().cut(links, None);
                self.hang_up_cut_off(event);
                self.end_later(heal_after, Step::Heal { generation });
            }
            What::Heal => {
                self.count(Deed::Heal);
                self.network.borrow_mut().heal_all();
            }
            What::Rot { .. } | What::Unreadable { .. } | What::Stall { .. } => self.decay(what),
            network => self.carry_out_network(network, event),
        }
    }

    pub(in crate::world) fn slot(&self, target: Target) -> usize {
        match target {
            Target::Node(node) => self.cluster.slot(node),
            other => unreachable!("{other} was resolved to a node"),
        }
    }

    fn restart_later(&self, slot: usize, after: &Option<Distribution>) {
        self.end_later(after, Step::Restart { slot, life: self.machines[slot].life.get() });
    }

    pub(in crate::world) fn end_later(&self, after: &Option<Distribution>, step: Step) {
        if let Some(after) = after {
            let entered = self.enter(self.now() + after.calm(), Class::FaultEnds, step);
            self.faults.borrow_mut().pending.push(entered);
        }
    }
}

fn exact(event: &Event, repeat: u32) -> Trigger {
    Trigger::exact(event, repeat).expect("an event that a trigger matches has a trigger")
}
