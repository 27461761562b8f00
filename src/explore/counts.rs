//! What a tally counts: places that were reached, oracles that watched, faults that struck.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::Checked;

/// In how many runs an oracle watched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Those in which it watched everything.
    pub whole: u64,
    /// Those in which it could not watch at all, with one of the reasons.
    pub not: Option<(u64, String)>,
    /// Those in which it gave up, with one of the reasons.
    pub undecided: Option<(u64, String)>,
}

impl Watched {
    pub(super) fn add(&mut self, checked: &Checked) {
        match checked {
            Checked::Checked(_) => self.whole += 1,
            Checked::NotChecked(why) => count(&mut self.not, &(1, why.clone())),
            Checked::Undecided(why) => count(&mut self.undecided, &(1, why.clone())),
        }
    }

    pub(super) fn merge(&mut self, other: &Watched) {
        self.whole += other.whole;
        other.not.iter().for_each(|not| count(&mut self.not, not));
        other.undecided.iter().for_each(|undecided| count(&mut self.undecided, undecided));
    }

    /// All of them.
    pub fn runs(&self) -> u64 {
        [&self.not, &self.undecided].into_iter().flatten().map(|(runs, _)| runs).sum::<u64>() + self.whole
    }
}

fn count(sum: &mut Option<(u64, String)>, more: &(u64, String)) {
    match sum {
        None => *sum = Some(more.clone()),
        Some((runs, why)) => {
            *runs += more.0;
            // The smaller text wins, so that the order of the runs does not matter.
            if more.1 < *why {
                why.clone_from(&more.1);
            }
        }
    }
}

/// How often a range of seeds came to some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// In how many seeds.
    pub seeds: u64,
    /// How often, all seeds together.
    pub times: u64,
}

/// In how many runs there was a fault.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aims {
    /// In so many its phase began.
    pub seeds: u64,
    /// In so many of them it struck; or its moment came.
    pub struck: u64,
    /// One of the reasons why it did not.
    pub why: Option<String>,
}

/// So many faults of a scenario are kept apart; more are only drawn.
pub(super) const AIMS_KEPT: usize = 64;

/// Adds what became of a fault.
pub(super) fn add_aims(all: &mut BTreeMap<String, Aims>, name: &str, more: &Aims) {
    match all.get_mut(name) {
        Some(sum) => {
            sum.seeds += more.seeds;
            sum.struck += more.struck;
            // The smaller text wins, so that the order of the runs does not matter.
            sum.why = [sum.why.take(), more.why.clone()].into_iter().flatten().min();
        }
        None => drop(all.insert(name.to_string(), more.clone())),
    }
    // What is put out comes in no more, so those that are left have been counted from their first run on.
    if all.len() > AIMS_KEPT {
        all.pop_last();
    }
}

/// Adds what a run reached.
pub(super) fn add_reach(total: &mut BTreeMap<&'static str, Reach>, run: &BTreeMap<&'static str, u64>) {
    for (name, times) in run.iter().filter(|(_, times)| **times > 0) {
        let reach = total.entry(name).or_default();
        reach.seeds += 1;
        reach.times = reach.times.saturating_add(*times);
    }
}
