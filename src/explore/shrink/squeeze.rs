//! Leaving out time in which nothing that matters happens.
//!
//! A run that failed after two seconds has two seconds of heartbeats in it. Everything from some call or fault on is moved
//! ahead together, so that what has to coincide still does.

use std::time::Duration;

use super::attempt::steps_mut;
use super::tail::phase_at;
use super::timeline::{Calls, calls, numbers};
use super::{Shrinker, Size};
use crate::base::Instant;
use crate::base::time::nanos;
use crate::scenario::{Scenario, When};

/// Stretches shorter than this are not worth a run.
const STRETCH: Duration = Duration::from_millis(2);

/// Leaves out stretches of time between calls and faults.
pub(super) fn squeeze(shrinker: &mut Shrinker<'_>) {
    let gained = |shrinker: &Shrinker<'_>, before: &Size| shrinker.size < *before;
    shrinker.in_time(stretches, gained);
}

fn stretches(shrinker: &mut Shrinker<'_>) {
    let mut place = 0;
    loop {
        let calls = calls(&shrinker.trace());
        let moments = moments(&shrinker.best, &calls);
        let Some(moment) = moments.get(place).copied() else { return };
        let before = if place == 0 { Instant::START } else { moments[place - 1] };
        let mut shift = moment.since(before);
        let mut moved = false;
        while shift >= STRETCH && !moved && !shrinker.is_over() {
            // Whole milliseconds, so that what is left reads well.
            let whole = Duration::from_millis(shift.as_millis() as u64);
            moved = shrinker.attempt_simpler(ahead(&shrinker.best, &calls, moment, whole));
            shift /= 2;
        }
        if shrinker.is_over() {
            return;
        }
        if !moved {
            place += 1;
        }
    }
}

/// When clients call and faults strike at a time, in order.
fn moments(plan: &Scenario, calls: &Calls) -> Vec<Instant> {
    let mut moments: Vec<Instant> = calls.values().map(|(called, _)| *called).collect();
    let mut begun = Instant::START;
    for phase in &plan.phases {
        moments.extend(phase.faults.iter().filter_map(|fault| match fault.when {
            When::At(at) => Some(begun + at),
            _ => None,
        }));
        begun = begun + phase.duration;
        moments.push(begun);
    }
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// The plan in which everything from a moment on comes earlier.
fn ahead(plan: &Scenario, calls: &Calls, from: Instant, shift: Duration) -> Scenario {
    let numbers = numbers(plan);
    let mut plan = plan.clone();
    let (within, _) = phase_at(&plan, from);
    let mut begun = Instant::START;
    for (place, phase) in plan.phases.iter_mut().enumerate() {
        for fault in &mut phase.faults {
            if let When::At(at) = &mut fault.when
                && begun + *at >= from
                && place == within
            {
                *at = at.saturating_sub(shift);
            }
        }
        begun = begun + phase.duration;
        if place == within {
            let least = phase.faults.iter().filter_map(|fault| match fault.when {
                When::At(at) => Some(at),
                _ => None,
            });
            let least = least.max().unwrap_or_default().max(Duration::from_millis(1));
            phase.duration = phase.duration.saturating_sub(shift).max(least);
        }
    }
    // Each client's first call from that moment on waits less; those behind it follow.
    let mut moved = Vec::new();
    for (place, number) in numbers.into_iter().enumerate() {
        let step = &mut steps_mut(&mut plan)[place];
        let is_later = calls.get(&(step.client, number)).is_none_or(|(called, _)| *called >= from);
        if is_later && !moved.contains(&step.client) {
            moved.push(step.client);
            step.wait = Duration::from_nanos(nanos(step.wait).saturating_sub(nanos(shift)));
        }
    }
    plan
}
