//! Shaking: taking something away, and letting the rest happen at slightly other times.
//!
//! What is taken away is often missed only because what is left no longer meets at the right moment. A hundred cheap tries
//! with times moved at random find such a moment where there is one. Times are drawn by keyed dice, so the same job shrinks to
//! the same plan, always.

use std::time::Duration;

use super::Shrinker;
use super::attempt::steps_mut;
use super::items::{faults_of, retain_faults};
use super::values::end_of;
use crate::base::hash::mix;
use crate::base::{Distribution, Draw, NodeId};
use crate::scenario::{Fault, Scenario, Split, Target, What, When};

/// How often times are moved for each thing that is taken away.
const SHAKES: u64 = 12;

/// The same for each choice of fewer replicas, which changes more.
const SHAKES_OF_REPLICAS: u64 = 40;

/// A plan with no more faults than this is not shaken to lose another one.
const FEW_FAULTS: usize = 1;

/// So many replicas are as few as shaking aims at.
const FEW_REPLICAS: u16 = 3;

/// Takes away one fault, or puts one partition in the place of two faults.
pub(super) fn faults(shrinker: &mut Shrinker<'_>) {
    if shrinker.size.faults > FEW_FAULTS {
        shrinker.in_time(fewer_faults, |shrinker, before| shrinker.size.faults < before.faults);
    }
}

fn fewer_faults(shrinker: &mut Shrinker<'_>) {
    let mut place = 0;
    while place < faults_of(&shrinker.best).count() && !shrinker.is_over() {
        if !shrinker.shaken(mix(1, place as u64), SHAKES, |plan| without(plan, place)) {
            place += 1;
        }
    }
    shrinker.each_pair_of_faults(Shrinker::one_for_two);
}

/// Takes away replicas.
pub(super) fn replicas(shrinker: &mut Shrinker<'_>) {
    if shrinker.best.cluster.replicas > FEW_REPLICAS {
        let before = shrinker.best.cluster.replicas;
        shrinker.in_time(fewer_replicas, move |shrinker, _| shrinker.best.cluster.replicas < before);
    }
}

fn fewer_replicas(shrinker: &mut Shrinker<'_>) {
    let replicas = shrinker.best.cluster.replicas;
    for kept in super::cluster::fewest_first(replicas, FEW_REPLICAS) {
        let name = kept.iter().fold(2, |name, replica| mix(name, u64::from(*replica)));
        let clients: Vec<u16> = (0..shrinker.best.cluster.clients).collect();
        if shrinker.shaken(name, SHAKES_OF_REPLICAS, |plan| *plan = super::cluster::kept(plan, &kept, &clients))
            || shrinker.is_over()
        {
            return;
        }
    }
}

impl Shrinker<'_> {
    /// Changes the plan, and tries it with the rest at other times.
    fn shaken(&mut self, name: u64, shakes: u64, change: impl Fn(&mut Scenario)) -> bool {
        let mut changed = self.best.clone();
        change(&mut changed);
        (0..shakes).any(|nth| {
            let mut draw = Draw::keyed(mix(self.round, name), nth);
            !self.is_over() && self.attempt(shake(&changed, &mut draw))
        })
    }

    /// Puts one partition that isolates a replica in the place of two faults.
    fn one_for_two(&mut self, first: usize, second: usize) -> bool {
        let whens: Vec<When> = [first, second].iter().filter_map(|place| when_of(&self.best, *place)).collect();
        let replicas: Vec<NodeId> = self.best.cluster.replicas().collect();
        for when in whens {
            for alone in &replicas {
                let mut candidate = self.best.clone();
                let others = candidate.cluster.nodes().filter(|node| node != alone).map(Target::Node).collect();
                let split = Split::Groups(vec![vec![Target::Node(*alone)], others]);
                replace(
                    &mut candidate,
                    first,
                    Fault { when: when.clone(), what: What::Partition { split, heal_after: None } },
                );
                without(&mut candidate, second);
                if self.attempt(candidate) {
                    return true;
                }
            }
        }
        false
    }
}

fn when_of(plan: &Scenario, place: usize) -> Option<When> {
    faults_of(plan).nth(place).map(|fault| fault.when.clone())
}

fn replace(plan: &mut Scenario, place: usize, by: Fault) {
    if let Some(fault) = plan.phases.iter_mut().flat_map(|phase| &mut phase.faults).nth(place) {
        *fault = by;
    }
}

fn without(plan: &mut Scenario, gone: usize) {
    retain_faults(plan, |place, _| place != gone);
}

/// The plan with times moved: faults, their ends, and calls.
fn shake(plan: &Scenario, draw: &mut Draw) -> Scenario {
    let mut plan = plan.clone();
    for phase in &mut plan.phases {
        let lasts = phase.duration;
        for fault in &mut phase.faults {
            if let When::At(at) = &mut fault.when {
                *at = moved(*at, draw).min(lasts);
            }
            if let Some(Some(Distribution::Constant(span))) = end_of(&mut fault.what) {
                *span = moved(*span, draw);
            }
        }
    }
    for step in steps_mut(&mut plan) {
        step.wait = moved(step.wait, draw);
    }
    plan
}

/// From half to one and a half of a span, in whole milliseconds; one in three stays as it is.
fn moved(span: Duration, draw: &mut Draw) -> Duration {
    let (kind, share) = (draw.below(3), draw.between(50, 150));
    match kind {
        0 => span,
        _ => Duration::from_millis((span.as_millis() as u64).saturating_mul(share) / 100),
    }
}
