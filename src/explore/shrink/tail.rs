//! Phases: what comes after the violation, and what need not be told apart.

use std::time::Duration;

use super::Shrinker;
use crate::base::Instant;
use crate::base::time::nanos;
use crate::check::OracleId;
use crate::scenario::{Phase, Scenario, When};

const MILLISECOND: u64 = 1_000_000;

/// Cuts off what comes after the violation, and what a violation of this kind does not need.
pub(super) fn cut(shrinker: &mut Shrinker<'_>) {
    let mut candidate = shrinker.best.clone();
    candidate.check.reached.clear();
    shrinker.attempt(candidate);

    let Some(at) = shrinker.run.verdict.finding().map(|violation| violation.at) else { return };
    let (last, begun) = phase_at(&shrinker.best, at);
    let mut short = shrinker.best.clone();
    short.phases.truncate(last + 1);
    let phase = short.phases.last_mut().expect("one is left");
    // A whole millisecond reads better, and a phase has to last longer than what happens in it. While progress is judged a
    // run goes on after its last phase; where it is judged no more, the phase has to last as long as that.
    let lasts = Duration::from_nanos((nanos(at.since(begun)) / MILLISECOND + 1) * MILLISECOND);
    let before = phase.duration;
    phase.duration = lasts;
    let mut unjudged = short.clone();
    let oracle = shrinker.signature.oracle;
    if oracle != OracleId::Live {
        unjudged.check.all_requests_complete = None;
    }
    if oracle != OracleId::Conv {
        unjudged.check.converged = None;
    }
    let mut loud = unjudged.clone();
    loud.phases.iter_mut().for_each(|phase| phase.quiet = None);
    short.phases[last].duration = lasts.min(before);
    if oracle == OracleId::Conv {
        // Which is judged some time after the last phase, however long that is.
        unjudged.phases[last].duration = lasts.min(before);
    }
    let candidates = if oracle.is_liveness() { vec![unjudged, short] } else { vec![loud, unjudged, short] };
    let _ = candidates.into_iter().any(|candidate| shrinker.attempt(candidate));
    without_phases(shrinker);
}

fn without_phases(shrinker: &mut Shrinker<'_>) {
    let mut place = shrinker.best.phases.len();
    while place > 0 && shrinker.best.phases.len() > 1 {
        place -= 1;
        let mut candidate = shrinker.best.clone();
        candidate.phases.remove(place);
        shrinker.attempt(candidate);
        place = place.min(shrinker.best.phases.len());
    }
}

/// Makes one of two neighbouring phases.
pub(super) fn merge(shrinker: &mut Shrinker<'_>) {
    let mut place = 1;
    while place < shrinker.best.phases.len() {
        let mut candidate = shrinker.best.clone();
        if candidate.phases[place - 1].quiet.is_none() && candidate.phases[place].quiet.is_none() {
            let second = candidate.phases.remove(place);
            let first = &mut candidate.phases[place - 1];
            let later = |mut fault: crate::scenario::Fault| {
                if let When::At(at) = &mut fault.when {
                    *at += first.duration;
                }
                fault
            };
            let faults: Vec<_> = second.faults.into_iter().map(later).collect();
            first.faults.extend(faults);
            first.duration += second.duration;
            if shrinker.attempt(candidate) {
                continue;
            }
        }
        place += 1;
    }
}

/// Which phase a moment falls into, and when that phase begins.
pub(super) fn phase_at(plan: &Scenario, at: Instant) -> (usize, Instant) {
    let mut begun = Instant::START;
    let last = plan.phases.len() - 1;
    for (place, Phase { duration, .. }) in plan.phases.iter().enumerate() {
        if place == last || at < begun + *duration {
            return (place, begun);
        }
        begun = begun + *duration;
    }
    unreachable!("the last phase is returned from the loop")
}
