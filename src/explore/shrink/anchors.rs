//! Binding faults to events instead of times.
//!
//! A time is where a fault happened to strike; an event says why it struck there. A plan that says "after r1 sent
//! PrepareOk" outlives changes that make everything a millisecond slower, and tells a reader what mattered.

use std::time::Duration;

use super::tail::phase_at;
use super::{Shrinker, Size};
use crate::base::{Event, EventKind, NodeId};
use crate::scenario::{Fault, Target, Trigger, What, When};

/// So many events before a fault are tried.
const EVENTS_BEFORE: usize = 12;
/// So many events after it are tried, to strike just before them.
const EVENTS_AFTER: usize = 3;

/// Binds each fault that strikes at a time to an event near by; one that may as well strike at once does that.
pub(super) fn bind(shrinker: &mut Shrinker<'_>) {
    for phase in 0..shrinker.best.phases.len() {
        let mut place = 0;
        while place < shrinker.best.phases.get(phase).map_or(0, |phase| phase.faults.len()) {
            bind_one(shrinker, phase, place);
            if shrinker.is_over() {
                return;
            }
            place += 1;
        }
    }
}

fn bind_one(shrinker: &mut Shrinker<'_>, phase: usize, place: usize) {
    let fault = shrinker.best.phases[phase].faults[place].clone();
    let When::At(at) = fault.when else { return };
    if at.is_zero() || shrinker.attempt_when(phase, place, When::At(Duration::ZERO)) {
        return;
    }
    let trace = shrinker.trace();
    let Some(struck) = struck_at(shrinker, &trace, phase, place) else { return };
    let first = trace.iter().position(|event| phase_at(&shrinker.best, event.at).0 == phase).unwrap_or(0);
    let concerned = nodes(&fault);
    // Nearest first, and of those the ones of nodes that the fault strikes.
    let mut before: Vec<&Event> = trace[first..struck].iter().rev().filter(|event| event.node.is_some()).collect();
    before.retain(|event| trigger(&trace, event).is_some());
    before.truncate(EVENTS_BEFORE);
    before.sort_by_key(|event| !event.node.is_some_and(|node| concerned.contains(&node)));
    let after = trace[struck..].iter().filter(|event| trigger(&trace, event).is_some()).take(EVENTS_AFTER);
    let moments = before.into_iter().map(|event| (event, false)).chain(after.map(|event| (event, true)));
    for (event, before) in moments {
        let trigger = trigger(&trace, event).expect("those without were left out");
        if shrinker.attempt_when(phase, place, When::On { trigger, before }) {
            return;
        }
    }
}

impl Shrinker<'_> {
    fn attempt_when(&mut self, phase: usize, place: usize, when: When) -> bool {
        let mut candidate = self.best.clone();
        candidate.phases[phase].faults[place].when = when;
        // A run that goes on for much longer is no gain, however well its faults are bound.
        self.attempt_if(candidate, |new, old| {
            no_larger(new, old) && new.deliveries <= old.deliveries + old.deliveries / 8 + 4
        })
    }
}

/// Whether there is no more to read.
pub(super) fn no_larger(new: &Size, old: &Size) -> bool {
    new.faults <= old.faults && new.operations <= old.operations && new.deviations <= old.deviations
}

/// Where in the trace a fault of the best plan strikes.
fn struck_at(shrinker: &Shrinker<'_>, trace: &[Event], phase: usize, place: usize) -> Option<usize> {
    let fault = &shrinker.best.phases[phase].faults[place];
    let When::At(at) = fault.when else { return None };
    let text = fault.what.to_string();
    trace.iter().position(|event| {
        let (is_in, begun) = phase_at(&shrinker.best, event.at);
        is_in == phase && event.at == begun + at && matches!(&event.kind, EventKind::Fault(said) if **said == *text)
    })
}

/// The trigger that means this event and no other, if there is one.
fn trigger(trace: &[Event], event: &Event) -> Option<Trigger> {
    let repeat = match &event.kind {
        // A mark carries no number of its own: it is counted on its node.
        EventKind::Mark(name) => {
            let same = |other: &&Event| other.node == event.node && other.kind == EventKind::Mark(name);
            trace.iter().take_while(|other| other.id <= event.id).filter(same).count() as u32
        }
        kind => kind.repeat()?,
    };
    Trigger::exact(event, repeat)
}

/// The nodes that a fault strikes.
fn nodes(fault: &Fault) -> Vec<NodeId> {
    let node = |target: &Target| match target {
        Target::Node(node) => Some(*node),
        _ => None,
    };
    match &fault.what {
        What::Crash { target, .. }
        | What::Restart { target }
        | What::Pause { target, .. }
        | What::Wipe { target, .. }
        | What::Clock { target, .. }
        | What::Rot { target, .. }
        | What::Unreadable { target, .. }
        | What::Disk { target, .. }
        | What::Stall { target, .. } => node(target).into_iter().collect(),
        What::Cut { from, to, .. }
        | What::CutOnly { from, to, .. }
        | What::Clog { from, to, .. }
        | What::Hold { from, to, .. }
        | What::Release { from, to } => from.iter().chain(to).filter_map(node).collect(),
        What::Partition { .. } | What::Heal => Vec::new(),
    }
}
