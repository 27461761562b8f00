//! What a crash makes of changes of names that were not synced.
//!
//! A directory with a journal keeps the first so many of them. One without may keep any of their *steps* and lose the
//! others: making a file is one step and removing one is another, and renaming is two, for the new name appears before
//! the old one goes. So a rename that is torn leaves the old name, the new one, or both; a later change may be there
//! without an earlier one. Names that were durable are never lost by it, for nothing could be recovered then.

use crate::base::name::key;
use crate::base::{Draw, Name, Ratio};

use crate::world::config::StorageConfig;
use crate::world::decisions::decide::Decider;
use crate::world::decisions::deviation::Choice;

/// What a crash makes of changes of names that were not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamesFate {
    /// The first so many of them are there.
    Kept(u64),
    /// These steps of them are there: bit 0 stands for the first. Only 64 steps can be told apart; later ones are lost.
    Torn(u64),
}

/// How often a step survives where names are torn.
const STEP: Ratio = Ratio::per_thousand(500);

impl Decider {
    /// What becomes of so many changes of names, which are so many steps. A plan that names neither keeps none.
    pub fn names(
        &mut self,
        config: &StorageConfig,
        key: u64,
        changes: u64,
        steps: u64,
        name: impl Fn() -> Name,
    ) -> NamesFate {
        assert!(changes > 0, "nothing becomes of no changes");
        assert!(changes <= steps, "a change has a step at least");
        assert!(steps <= 2 * changes, "a change has two steps at most");
        let drawn = |mut draw: Draw| {
            let torn = draw.chance(config.crash_tear_names);
            torn.then(|| (0..steps.min(64)).filter(|_| draw.chance(STEP)).fold(0, |steps, step| steps | 1 << step))
        };
        let torn = match self.has_dice() {
            true if config.crash_tear_names.is_zero() => None,
            true => self.chance_beside(key, key::torn_names(key)).and_then(drawn),
            false => self.plan(key).iter().find_map(|choice| match choice {
                Choice::TearNames(steps) => Some(*steps),
                _ => None,
            }),
        };
        match torn {
            Some(steps) if steps != 0 => {
                self.record(&name, Choice::TearNames(steps));
                NamesFate::Torn(steps)
            }
            _ => NamesFate::Kept(self.entries(config, key, changes, name)),
        }
    }
}

/// The steps of a torn directory, as plans number them: from 1, with commas between them.
pub(in crate::world) fn format_steps(steps: u64) -> String {
    let numbers = (0..64).filter(|step| steps & (1 << step) != 0).map(|step: u32| (step + 1).to_string());
    numbers.collect::<Vec<_>>().join(",")
}

/// Reads them.
pub(in crate::world) fn parse_steps(text: &str) -> Option<u64> {
    let mut steps = 0u64;
    for number in text.split(',') {
        let number = number.parse::<u32>().ok().filter(|number| (1..=64).contains(number))?;
        steps |= 1 << (number - 1);
    }
    // As they are printed, so that nothing is said in two ways.
    (format_steps(steps) == text).then_some(steps)
}
