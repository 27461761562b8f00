//! Taking things away: classes of deviations, kinds of faults, then faults, operations and deviations one by one.
//!
//! Lists are gone through in chunks, from the whole list down to single items, halving each time: the counting form of
//! delta debugging, which skips the complements of the classic one (Zeller & Hildebrandt, TSE 2002) because they are
//! nearly always larger than what the chunks leave.

use super::Shrinker;
use super::attempt::{steps, steps_mut};
use super::renumber::{Removed, guesses, with_fewer_lives};
use super::timeline::{Calls, calls, keep_in_time};
use crate::base::{Draw, LabelText};
use crate::scenario::{Deviation, Fault, Scenario, Target, What};

/// Takes away all deviations of one class.
pub(super) fn calm_classes(shrinker: &mut Shrinker<'_>) {
    // Most failures need none at all.
    shrinker.keep_deviations(|_| false);
    let class = |deviation: &Deviation<LabelText>| std::mem::discriminant(&deviation.choice);
    for one in distinct(deviations_of(&shrinker.best).iter().map(class)) {
        shrinker.keep_deviations(|deviation| class(deviation) != one);
    }
}

/// Takes away all faults, or all of one kind.
pub(super) fn fault_kinds(shrinker: &mut Shrinker<'_>) {
    shrinker.keep_faults(|_| false);
    let kind = |fault: &Fault| std::mem::discriminant(&fault.what);
    for one in distinct(faults_of(&shrinker.best).map(kind)) {
        shrinker.keep_faults(|fault| kind(fault) != one);
    }
}

/// Each of them once, in the order in which they first come.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut known, item| {
        if !known.contains(&item) {
            known.push(item);
        }
        known
    })
}

/// So many faults at most are tried in pairs.
const PAIRS_MAX: usize = 24;

/// Takes away faults.
pub(super) fn faults(shrinker: &mut Shrinker<'_>) {
    shrinker.each_chunk(
        |plan| faults_of(plan).count(),
        |shrinker, start, end| {
            shrinker.without_faults(&|place| (start..end).contains(&place));
        },
    );
    // Some only make sense together: a crash and a restart, a partition and the heal that ends it.
    if shrinker.size.faults <= PAIRS_MAX {
        shrinker.each_pair_of_faults(|shrinker, first, second| {
            shrinker.without_faults(&|place| place == first || place == second)
        });
    }
}

/// Takes away operations: first so that those behind them come when they came before, then so that they follow at once.
pub(super) fn operations(shrinker: &mut Shrinker<'_>) {
    shrinker.in_time(in_time, |shrinker, before| shrinker.size.operations < before.operations);
    shrinker.without_chunks(|plan| steps(plan).len(), |plan, from, to| drop(steps_mut(plan).drain(from..to)));
}

fn in_time(shrinker: &mut Shrinker<'_>) {
    let mut called = calls(&shrinker.trace());
    shrinker.each_chunk(
        |plan| steps(plan).len(),
        |shrinker, start, end| {
            if shrinker.without_in_time(&called, start, end) {
                called = calls(&shrinker.trace());
            }
        },
    );
}

/// Takes away deviations.
pub(super) fn deviations(shrinker: &mut Shrinker<'_>) {
    shrinker
        .without_chunks(|plan| deviations_of(plan).len(), |plan, from, to| drop(deviations_mut(plan).drain(from..to)));
}

impl Shrinker<'_> {
    fn keep_deviations(&mut self, keep: impl Fn(&Deviation<LabelText>) -> bool) -> bool {
        let mut candidate = self.best.clone();
        deviations_mut(&mut candidate).retain(keep);
        self.attempt(candidate)
    }

    fn keep_faults(&mut self, keep: impl Fn(&Fault) -> bool) -> bool {
        let mut candidate = self.best.clone();
        candidate.phases.iter_mut().for_each(|phase| phase.faults.retain(&keep));
        self.attempt(candidate)
    }

    /// Tries without some faults, counted over all phases, and with deviations as they might be called then.
    fn without_faults(&mut self, gone: &dyn Fn(usize) -> bool) -> bool {
        let mut candidate = self.best.clone();
        let mut crashes = Removed::new();
        retain_faults(&mut candidate, |place, fault| {
            let gone = gone(place);
            if let What::Crash { target: Target::Node(node), .. } | What::Wipe { target: Target::Node(node), .. } =
                &fault.what
            {
                *crashes.entry(*node).or_default() += u64::from(gone);
            }
            !gone
        });
        let renamed = with_fewer_lives(&candidate, &crashes);
        std::iter::once(candidate).chain(renamed).any(|candidate| self.attempt(candidate))
    }

    /// Goes through all pairs of faults. After a success, of which `work` tells, others stand at these places.
    pub(super) fn each_pair_of_faults(&mut self, mut work: impl FnMut(&mut Self, usize, usize) -> bool) {
        let mut first = 0;
        while first < self.size.faults && !self.is_over() {
            let mut second = first + 1;
            while second < self.size.faults && !self.is_over() {
                if !work(self, first, second) {
                    second += 1;
                }
            }
            first += 1;
        }
    }

    /// Tries without some operations, with the others at their times, and with deviations as they might be called then.
    fn without_in_time(&mut self, called: &Calls, start: usize, end: usize) -> bool {
        let candidate = keep_in_time(&self.best, called, |place| !(start..end).contains(&place));
        let mut removed = Removed::new();
        for step in &steps(&self.best)[start..end] {
            *removed.entry(step.client).or_default() += 1;
        }
        let guesses = guesses(&candidate, &removed);
        std::iter::once(candidate).chain(guesses).any(|candidate| self.attempt(candidate))
    }

    /// Takes away chunks of a list: of all sizes, from the whole of it down to single items.
    pub(super) fn without_chunks(
        &mut self,
        count: impl Fn(&Scenario) -> usize,
        remove: impl Fn(&mut Scenario, usize, usize),
    ) {
        self.each_chunk(count, |shrinker, start, end| {
            let mut candidate = shrinker.best.clone();
            remove(&mut candidate, start, end);
            shrinker.attempt(candidate);
        });
    }

    /// Goes through a list in chunks, from the whole of it down to single items.
    ///
    /// In the first round the last ones come first: what comes late depends on what comes early, and not the other way
    /// round. Other rounds have other orders, because which of two things can be taken away may depend on which is
    /// tried first.
    fn each_chunk(&mut self, count: impl Fn(&Scenario) -> usize, mut work: impl FnMut(&mut Self, usize, usize)) {
        let mut chunk = count(&self.best);
        while chunk > 0 {
            let mut tried = 0;
            // After a success the list is shorter, and what has not been tried is elsewhere.
            'again: loop {
                let length = count(&self.best);
                let starts = self.order(length, chunk);
                for start in starts.into_iter().skip(tried) {
                    work(self, start, (start + chunk).min(length));
                    if self.is_over() {
                        return;
                    }
                    if count(&self.best) != length {
                        continue 'again;
                    }
                    tried += 1;
                }
                break;
            }
            chunk /= 2;
        }
    }

    /// Where the chunks of a list begin, in the order in which this round tries them.
    fn order(&self, length: usize, chunk: usize) -> Vec<usize> {
        let mut starts: Vec<usize> =
            (0..length).rev().step_by(chunk).map(|end| (end + 1).saturating_sub(chunk)).collect();
        match self.round {
            0 => {}
            1 => starts.reverse(),
            round => Draw::keyed(round, chunk as u64).shuffle(&mut starts),
        }
        starts
    }
}

/// The faults of a plan, phase by phase.
pub(super) fn faults_of(plan: &Scenario) -> impl Iterator<Item = &Fault> {
    plan.phases.iter().flat_map(|phase| &phase.faults)
}

/// Keeps those faults of a plan that are to be kept, by their place among all of them.
pub(super) fn retain_faults(plan: &mut Scenario, mut keep: impl FnMut(usize, &Fault) -> bool) {
    let mut places = 0..;
    for phase in &mut plan.phases {
        phase.faults.retain(|fault| keep(places.next().expect("places have no end"), fault));
    }
}

/// The deviations of a plan.
pub(super) fn deviations_of(plan: &Scenario) -> &[Deviation<LabelText>] {
    plan.plan.as_ref().map_or(&[], |plan| &plan.deviations)
}

/// The deviations of a plan, to be changed.
pub(super) fn deviations_mut(plan: &mut Scenario) -> &mut Vec<Deviation<LabelText>> {
    &mut plan.plan.as_mut().expect("what is shrunk is a plan").deviations
}
