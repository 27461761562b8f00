//! When things happen in the best run so far: calls of clients, and faults.
//!
//! Taking an operation away makes its client's next one come earlier, and then everything after it is another run. So an
//! operation is taken away *in time*: those behind it wait longer, and are called when they were called before. For the
//! same reason faults that are bound to events are first given back their times, because an event such as
//! `Prepare(v0 op60)` is another one when there are fewer operations before it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Shrinker;
use super::attempt::{steps, steps_mut};
use super::tail::phase_at;
use crate::base::{Event, EventKind, Instant, NodeId};
use crate::scenario::{Scenario, When};

/// When the nth operation of a client was called and when it returned, if it did.
pub(super) type Calls = BTreeMap<(NodeId, u64), (Instant, Option<Instant>)>;

/// When the calls of a run were.
pub(super) fn calls(trace: &[Event]) -> Calls {
    let mut calls = Calls::new();
    for event in trace {
        let Some(node) = event.node else { continue };
        match &event.kind {
            EventKind::Call { number, .. } => drop(calls.insert((node, *number), (event.at, None))),
            EventKind::Return { number, .. } => {
                if let Some((_, returned)) = calls.get_mut(&(node, *number)) {
                    *returned = Some(event.at);
                }
            }
            _ => {}
        }
    }
    calls
}

/// The number of each operation of a plan among those of its client, from 1.
pub(super) fn numbers(plan: &Scenario) -> Vec<u64> {
    let mut counts: BTreeMap<NodeId, u64> = BTreeMap::new();
    let number = |step: &crate::scenario::Step| {
        let count = counts.entry(step.client).or_default();
        *count += 1;
        *count
    };
    steps(plan).iter().map(number).collect()
}

/// Keeps only some operations of a plan, and these at their times. One that was never called goes as well.
pub(super) fn keep_in_time(plan: &Scenario, calls: &Calls, keep: impl Fn(usize) -> bool) -> Scenario {
    let numbers = numbers(plan);
    let mut plan = plan.clone();
    // Where each client's last operation that is kept ended, as far as is known.
    let mut ended: BTreeMap<NodeId, Instant> = BTreeMap::new();
    let steps = steps_mut(&mut plan);
    let mut place = 0;
    steps.retain_mut(|step| {
        place += 1;
        let called = calls.get(&(step.client, numbers[place - 1]));
        let (true, Some((called, returned))) = (keep(place - 1), called) else { return false };
        step.wait = called.since(ended.get(&step.client).copied().unwrap_or(Instant::START));
        ended.insert(step.client, returned.unwrap_or(*called));
        true
    });
    plan
}

/// The plan with every fault at the time at which it strikes.
pub(super) fn unbound(plan: &Scenario, trace: &[Event]) -> Scenario {
    let mut plan = plan.clone();
    let original = plan.clone();
    let mut begun = Instant::START;
    for (place, phase) in plan.phases.iter_mut().enumerate() {
        // Faults are recorded in the order in which they strike.
        let mut said = trace.iter().filter(|event| phase_at(&original, event.at).0 == place);
        for fault in &mut phase.faults {
            let text = fault.what.to_string();
            let struck = said.find(|event| matches!(&event.kind, EventKind::Fault(said) if **said == *text));
            let (When::On { before, .. }, Some(struck)) = (&fault.when, struck) else { continue };
            // At the same moment the world's faults strike before its deliveries.
            let after = Duration::from_nanos(u64::from(!*before));
            fault.when = When::At((struck.at.since(begun) + after).min(phase.duration));
        }
        begun = begun + phase.duration;
    }
    plan
}

impl Shrinker<'_> {
    /// Does something to the plan in which all faults have times. Unless `gained` says afterwards that it was worth
    /// it, everything is as before.
    pub(super) fn in_time(&mut self, work: impl FnOnce(&mut Self), gained: impl Fn(&Self, &super::Size) -> bool) {
        let trace = self.trace();
        let timed = unbound(&self.best, &trace);
        let before = (self.best.clone(), self.run.clone(), self.size);
        if timed != self.best {
            // Binding was a success once; giving it up is none.
            let successes = self.counts.clone();
            let kept = self.attempt_again(timed);
            self.counts = successes;
            if !kept {
                return;
            }
        }
        let size = before.2;
        work(self);
        if !gained(self, &size) {
            (self.best, self.run, self.size) = before;
        }
    }
}
