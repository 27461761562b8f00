//! When a fault strikes, as far as the seed alone decides it.
//!
//! The times of a fault are keyed by its phase, by what it says, and by how often it has struck; nothing that happens in
//! a run moves them. So they can be known before it, and whoever wants to know asks the same function as the world does.

use std::time::Duration;

use super::fault::{Fault, When};
use super::phase::Phase;
use crate::base::Draw;
use crate::base::name::key;

/// What a seed decides of one fault of a phase.
pub(in crate::world) struct Strikes<'a> {
    phase: &'a Phase,
    fault: &'a Fault,
    /// How many equal faults stand before it in its phase.
    repeat: u32,
    seed: u64,
}

impl<'a> Strikes<'a> {
    pub fn of(phase: &'a Phase, fault: usize, seed: u64) -> Strikes<'a> {
        assert!(fault < phase.faults.len(), "a fault is one of its phase's");
        let same = |other: &&Fault| **other == phase.faults[fault];
        let repeat = phase.faults[..fault].iter().filter(same).count() as u32;
        Strikes { phase, fault: &phase.faults[fault], repeat, seed }
    }

    fn dice(&self, nth: u32) -> Draw {
        assert!(nth > 0, "strikes are counted from 1");
        let text = format!("{:?}", self.fault);
        Draw::keyed(self.seed, key::fault(&self.phase.name, &text, self.repeat, nth))
    }

    /// How long after the strike before it, or for the first after the start of its phase, the nth strike comes; none if
    /// there is no such strike, or if an event is waited for.
    pub fn wait(&self, nth: u32) -> Option<Duration> {
        assert!(nth > 0, "strikes are counted from 1");
        match &self.fault.when {
            When::At(at) => (nth == 1).then_some(*at),
            When::Every(interval) => {
                let wait = interval.sample(&mut self.dice(nth));
                // An interval of zero would strike for ever at one moment.
                Some(if nth == 1 { wait } else { wait.max(Duration::from_nanos(1)) })
            }
            When::On { .. } => None,
        }
    }

    /// The dice that say whom the nth strike means.
    pub fn whom(&self, nth: u32) -> Draw {
        assert!(
            nth == 1 || matches!(self.fault.when, When::Every(_)),
            "only what strikes every so often strikes again"
        );
        let mut dice = self.dice(nth);
        // The first word is that of the wait, also where nobody waits, so that `at` and `every` strike the same nodes.
        dice.word();
        dice
    }
}

/// The times at which a fault strikes with this seed, counted from the start of its phase, without end; none if it waits
/// for an event. Those after the end of the phase do not come any more. Whom it strikes depends on the run, and so
/// does whether there is anybody whom it can strike.
pub fn strike_times(phase: &Phase, fault: usize, seed: u64) -> impl Iterator<Item = Duration> {
    let strikes = Strikes::of(phase, fault, seed);
    let mut at = Duration::ZERO;
    (1..=u32::MAX).map_while(move |nth| {
        at = at.checked_add(strikes.wait(nth)?)?;
        Some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Distribution;
    use crate::world::What;

    fn phase(whens: Vec<When>) -> Phase {
        let faults = whens.into_iter().map(|when| Fault { when, what: What::Heal }).collect();
        Phase { name: "trouble".to_string(), duration: Duration::from_secs(5), quiet: None, faults }
    }

    #[test]
    fn once_or_again_and_again_or_not_by_the_clock() {
        let second = Duration::from_secs(1);
        let on = When::On { trigger: "r0 boots".parse().expect("it is a moment"), before: false };
        let phase = phase(vec![When::At(second), When::Every(Distribution::Constant(second)), on]);
        let times = |fault| -> Vec<u64> {
            strike_times(&phase, fault, 7).take_while(|at| *at < phase.duration).map(|at| at.as_secs()).collect()
        };
        assert_eq!([times(0), times(1), times(2)], [vec![1], vec![1, 2, 3, 4], vec![]]);
    }

    #[test]
    fn a_fault_keeps_its_times_when_another_is_taken_out_and_two_alike_differ() {
        let every =
            |millis| When::Every(Distribution::Uniform { min: Duration::ZERO, max: Duration::from_millis(millis) });
        let times = |phase: &Phase, fault| strike_times(phase, fault, 7).take(5).collect::<Vec<_>>();
        let three = phase(vec![every(10), every(20), every(20)]);
        let two = phase(vec![every(20), every(20)]);
        assert_eq!([times(&three, 1), times(&three, 2)], [times(&two, 0), times(&two, 1)]);
        assert_ne!(times(&two, 0), times(&two, 1));
    }

    #[test]
    fn an_interval_of_zero_moves_on() {
        let phase = phase(vec![When::Every(Distribution::Constant(Duration::ZERO))]);
        let nanos: Vec<u128> = strike_times(&phase, 0, 7).take(3).map(|at| at.as_nanos()).collect();
        assert_eq!(nanos, [0, 1, 2]);
    }
}
