//! Simpler values: durations, shifts, operations.

use std::time::Duration;

use super::anchors::no_larger;
use super::attempt::{steps, steps_mut};
use super::items::{deviations_mut, deviations_of};
use super::{Shrinker, Size};
use crate::base::time::nanos;
use crate::base::{Distribution, Key, Operation};
use crate::scenario::{Choice, Scenario, What, When};

/// Entropies that are tried in the place of a drawn one.
const ENTROPIES: u64 = 4;

/// Default latencies, and an entropy that can be remembered.
pub(super) fn settings(shrinker: &mut Shrinker<'_>) {
    let mut candidate = shrinker.best.clone();
    (candidate.network, candidate.storage) = Default::default();
    if !shrinker.attempt_simpler(candidate) {
        let mut candidate = shrinker.best.clone();
        candidate.network = Default::default();
        shrinker.attempt_simpler(candidate);
        let mut candidate = shrinker.best.clone();
        candidate.storage = Default::default();
        shrinker.attempt_simpler(candidate);
    }
    let entropy = |plan: &Scenario| plan.plan.as_ref().map_or(0, |plan| plan.entropy);
    for simpler in 0..ENTROPIES.min(entropy(&shrinker.best)) {
        let mut candidate = shrinker.best.clone();
        candidate.plan.as_mut().expect("what is shrunk is a plan").entropy = simpler;
        if shrinker.attempt_simpler(candidate) {
            break;
        }
    }
}

/// Faults that do not end, and strike after their moment rather than before.
pub(super) fn ends(shrinker: &mut Shrinker<'_>) {
    for_each_fault(shrinker, |shrinker, phase, place| {
        shrinker.change_fault(phase, place, |_, what| end_of(what).is_some_and(|end| end.take().is_some()));
        shrinker.change_fault(phase, place, |when, _| match when {
            When::On { before, .. } => std::mem::take(before),
            _ => false,
        });
    });
}

/// Lower and rounder durations and shifts; simpler operations.
pub(super) fn lower(shrinker: &mut Shrinker<'_>) {
    for place in 0..shrinker.operations().len() {
        if shrinker.is_over() || place >= steps(&shrinker.best).len() {
            return;
        }
        shrinker.lower_duration(|plan| steps_mut(plan).get_mut(place).map(|step| &mut step.wait));
        let mut candidate = shrinker.best.clone();
        if let Some(step) = steps_mut(&mut candidate).get_mut(place) {
            step.give_up_after = None;
            shrinker.attempt_simpler(candidate);
        }
        shrinker.lower_duration(|plan| steps_mut(plan).get_mut(place).and_then(|step| step.give_up_after.as_mut()));
        let Some(operation) = steps(&shrinker.best).get(place).map(|step| step.operation.clone()) else { return };
        for simpler in simpler_operations(&operation) {
            let mut candidate = shrinker.best.clone();
            steps_mut(&mut candidate)[place].operation = simpler;
            if shrinker.attempt_simpler(candidate) {
                break;
            }
        }
    }
    for_each_fault(shrinker, |shrinker, phase, place| {
        shrinker.lower_duration(|plan| match &mut plan.phases.get_mut(phase)?.faults.get_mut(place)?.when {
            When::At(at) => Some(at),
            _ => None,
        });
        shrinker.lower_duration(|plan| {
            match end_of(&mut plan.phases.get_mut(phase)?.faults.get_mut(place)?.what)?.as_mut()? {
                Distribution::Constant(span) => Some(span),
                _ => None,
            }
        });
        shrinker.lower_duration(|plan| match &mut plan.phases.get_mut(phase)?.faults.get_mut(place)?.what {
            What::Clog { span: Distribution::Constant(span), .. }
            | What::Stall { span: Distribution::Constant(span), .. } => Some(span),
            _ => None,
        });
    });
    for place in 0..deviations_of(&shrinker.best).len() {
        if shrinker.is_over() {
            return;
        }
        shrinker.lower_shift(place);
    }
}

fn for_each_fault(shrinker: &mut Shrinker<'_>, change: impl Fn(&mut Shrinker<'_>, usize, usize)) {
    for phase in 0..shrinker.best.phases.len() {
        let mut place = 0;
        while place < shrinker.best.phases.get(phase).map_or(0, |phase| phase.faults.len()) {
            if shrinker.is_over() {
                return;
            }
            change(shrinker, phase, place);
            place += 1;
        }
    }
}

/// How long after a fault it ends by itself, if it is one that can.
pub(super) fn end_of(what: &mut What) -> Option<&mut Option<Distribution>> {
    match what {
        What::Crash { restart_after: end, .. }
        | What::Wipe { restart_after: end, .. }
        | What::Pause { resume_after: end, .. }
        | What::Partition { heal_after: end, .. }
        | What::Cut { heal_after: end, .. }
        | What::CutOnly { heal_after: end, .. }
        | What::Hold { release_after: end, .. } => Some(end),
        What::Restart { .. } | What::Clog { .. } | What::Release { .. } | What::Heal | What::Clock { .. } => None,
        What::Rot { .. } | What::Unreadable { .. } | What::Disk { .. } | What::Stall { .. } => None,
    }
}

impl Shrinker<'_> {
    /// Tries something that is simpler by itself, and keeps it unless there is then more to read.
    pub(super) fn attempt_simpler(&mut self, candidate: Scenario) -> bool {
        let accept =
            |new: &Size, old: &Size| no_larger(new, old) && new.deliveries <= old.deliveries + old.deliveries / 8 + 4;
        self.attempt_if(candidate, accept)
    }

    fn change_fault(&mut self, phase: usize, place: usize, change: impl Fn(&mut When, &mut What) -> bool) -> bool {
        let mut candidate = self.best.clone();
        let Some(fault) = candidate.phases.get_mut(phase).and_then(|phase| phase.faults.get_mut(place)) else {
            return false;
        };
        change(&mut fault.when, &mut fault.what) && self.attempt_simpler(candidate)
    }

    /// Tries simpler durations until none of them will do.
    fn lower_duration(&mut self, of: impl Fn(&mut Scenario) -> Option<&mut Duration>) {
        loop {
            let mut candidate = self.best.clone();
            let Some(present) = of(&mut candidate).copied() else { return };
            let lowered = simpler(nanos(present)).into_iter().any(|nanos| {
                let mut candidate = self.best.clone();
                if let Some(span) = of(&mut candidate) {
                    *span = Duration::from_nanos(nanos);
                }
                self.attempt_simpler(candidate)
            });
            if !lowered || self.is_over() {
                return;
            }
        }
    }

    fn lower_shift(&mut self, place: usize) {
        loop {
            let Some(deviation) = deviations_of(&self.best).get(place) else { return };
            let (shift, make): (i64, fn(i64) -> Choice) = match deviation.choice {
                Choice::Delay(shift) => (shift, Choice::Delay),
                Choice::Duplicate(shift) => (shift, Choice::Duplicate),
                Choice::Slow(shift) => (shift, Choice::Slow),
                Choice::Offset(shift) => (shift, Choice::Offset),
                Choice::Clog(span) => {
                    (i64::try_from(span).unwrap_or(i64::MAX), |span| Choice::Clog(span.unsigned_abs()))
                }
                Choice::Drift(drift) => {
                    let make = |drift| Choice::Drift(i32::try_from(drift).expect("no larger than the greatest drift"));
                    (i64::from(drift), make)
                }
                _ => return,
            };
            let lowered = simpler(shift.unsigned_abs()).into_iter().any(|size| {
                let mut candidate = self.best.clone();
                let size = i64::try_from(size).expect("smaller than a shift, or rounded up by less than as much");
                deviations_mut(&mut candidate)[place].choice = make(size * shift.signum());
                self.attempt_simpler(candidate)
            });
            if !lowered || self.is_over() {
                return;
            }
        }
    }
}

/// Simpler numbers than this: zero, then those with one digit, two and three, first below and then above it; and the
/// next lower one with as many digits, if it has one digit only.
fn simpler(number: u64) -> Vec<u64> {
    let mut out = Vec::new();
    if number == 0 {
        return out;
    }
    out.push(0);
    let digits = number.ilog10() + 1;
    for kept in 1..=3_u32 {
        let Some(cut) = digits.checked_sub(kept) else { break };
        let unit = 10_u64.pow(cut);
        let below = number / unit * unit;
        if below == number {
            // It has no more digits than these. One lower is simpler still; with more digits there is no end to that.
            if kept == 1 && number > unit {
                out.push(number - unit);
            }
            break;
        }
        out.push(below);
        out.extend(below.checked_add(unit));
    }
    out
}

/// Operations that say less: on the first key, and a put rather than anything that looks before it writes.
fn simpler_operations(operation: &Operation) -> Vec<Operation> {
    let first = Key(0);
    let mut out = Vec::new();
    match operation {
        Operation::Get { key } if *key != first => out.push(Operation::Get { key: first }),
        Operation::Put { key, value } if *key != first => out.push(Operation::Put { key: first, value: value.clone() }),
        Operation::Append { key, value } => {
            let plain = value.trim_end_matches(';').to_string();
            out.push(Operation::Put { key: *key, value: plain });
            if *key != first {
                out.push(Operation::Append { key: first, value: value.clone() });
            }
        }
        Operation::Cas { key, to, .. } => out.push(Operation::Put { key: *key, value: to.clone() }),
        Operation::Delete { key } => out.push(Operation::Get { key: *key }),
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simpler_numbers_have_fewer_digits() {
        assert_eq!(simpler(0), [0; 0]);
        assert_eq!(simpler(1), [0]);
        assert_eq!(simpler(7), [0, 6]);
        assert_eq!(simpler(300), [0, 200]);
        assert_eq!(simpler(1_372), [0, 1_000, 2_000, 1_300, 1_400, 1_370, 1_380]);
        assert_eq!(simpler(1_300), [0, 1_000, 2_000]);
        assert_eq!(simpler(u64::MAX)[..2], [0, 10_000_000_000_000_000_000]);
    }
}
