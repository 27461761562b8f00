//! What people and machines read: verdicts and traces, as text and as JSON.
//!
//! A [`Report`] is one run with what a reader needs beside it: whether it came out as the scenario expects, the causal
//! past of a finding, and the line that repeats it. A [`Sweep`] is the same for a range of seeds. [`text`] and [`json`]
//! write both, `junit` and [`github`] write sweeps for build servers; [`trace`] writes the events of a run. [`past`] takes
//! of a trace what led to a finding; [`lanes`] draws that, [`mermaid`] makes a diagram of it, [`retell`] tells it; [`stand`] says where
//! everybody stands when nothing goes on.
//! [`explain`] says what a run will do before it is run. [`linearizable`] says what came of checking a recorded history.
//!
//! Nothing here runs anything, prints anything, or knows the time of day: the same run gives the same text on every
//! machine, so that text can be pinned by snapshot tests.

pub mod explain;
pub mod github;
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
pub mod lanes;
mod left_out;
pub mod linearizable;
pub mod mermaid;
pub mod past;
mod problems;
pub mod retell;
pub mod stand;
mod steps;
pub mod text;
pub mod trace;
pub mod words;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::base::hash::hash_bytes;
use crate::base::{Digest, Event, EventId};
use crate::explore::{Judgement, Signature, Tally};
use crate::scenario::{Expectation, Family, Run, Scenario};

/// One run, and what is needed to understand and repeat it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub run: &'a Run,
    /// How that compares with what the scenario expects.
    pub judgement: Judgement,
    /// The events that led to the finding, oldest first; empty if there is none. See [`causal_past`].
    pub past: &'a [Event],
    /// Where everybody stood at a finding that is about progress. See [`stand::stands`].
    pub stands: &'a [String],
    /// Remarks about this run, a sentence each: "the recorded digest is stale", say.
    pub notes: &'a [String],
    /// The command that repeats it.
    pub repeat: &'a str,
}

/// A range of seeds of one scenario, and what came of them.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    /// What was run.
    pub family: &'a Family,
    /// The scenario as it can be named again.
    pub name: &'a str,
    /// The file that the scenario was read from, as a path from where the reader stands, if there is one.
    pub file: Option<&'a str>,
    /// Which seeds were asked for.
    pub seeds: &'a Range<u64>,
    /// What came of those that were run.
    pub tally: &'a Tally,
    /// Whether the sweep ended before the last seed that was asked for.
    pub interrupted: bool,
    /// How the whole compares with what the scenario expects.
    pub judgement: Judgement,
    /// The command that repeats one seed, or with `None` the whole sweep.
    pub repeat: &'a dyn Fn(Option<u64>) -> String,
}

/// Where a moment did not come in so many runs that waited for it, it is no accident.
const DRAWN_OFTEN: u64 = 100;

/// Where shrunk findings were written: by the scenario's place and the signature.
pub type Kept = BTreeMap<(usize, Signature), String>;

impl Sweep<'_> {
    /// Marks that the scenario wants reached and that no seed reached. Not known while seeds are missing.
    pub fn never_reached(&self) -> Vec<&str> {
        if self.interrupted { Vec::new() } else { self.tally.never_reached(&self.family.check().reached) }
    }

    /// Moments that faults wait for and that came in no seed, of a scenario that draws its faults, so that only many seeds can tell. Not
    /// known while seeds are missing, or where runs end early as they should; and what is left of a plan may well have faults that do not
    /// strike any more.
    pub fn never_came(&self) -> Vec<&str> {
        if self.is_sure() && self.family.only().is_none() { self.tally.never_came(DRAWN_OFTEN) } else { Vec::new() }
    }

    /// Faults of the scenario that struck in no seed, and why not; nothing where [`Sweep::never_came`] knows nothing, or where they
    /// are drawn.
    pub fn never_struck(&self) -> Vec<(&str, &str)> {
        if self.is_sure() && self.family.only().is_some() { self.tally.never_struck() } else { Vec::new() }
    }

    /// Whether what did not come in these seeds is missing.
    fn is_sure(&self) -> bool {
        let passes = *self.family.expect() == Expectation::Pass && self.judgement.is_met();
        passes && !self.interrupted && !self.family.is_plan()
    }

    /// Whether the sweep does not see something that the scenario is made to see.
    pub fn is_blind(&self) -> bool {
        !self.never_reached().is_empty() || !self.never_came().is_empty() || !self.never_struck().is_empty()
    }

    /// The word for what came of it. What passes because it no longer sees what it should see, or because seeds are missing,
    /// must not look green.
    pub fn word(&self) -> &'static str {
        match self.tally.word() {
            "pass" if self.is_blind() => "blind",
            "pass" if self.interrupted => "incomplete",
            word => word,
        }
    }

    /// Whether everything is as the scenario expects, and complete.
    pub fn is_met(&self) -> bool {
        self.judgement.is_met() && !self.interrupted && !self.is_blind()
    }

    /// The command that repeats what matters most: the smallest seed with an unexpected finding, else the whole.
    pub fn repeat_line(&self) -> String {
        (self.repeat)(self.tally.groups().first().filter(|_| !self.is_met()).map(|group| group.seed))
    }
}

/// One digest for all the scenarios of a sweep; that of the one scenario if there is one.
pub fn combined_digest(sweeps: &[Sweep<'_>]) -> Digest {
    match sweeps {
        [one] => one.tally.digest(),
        // A sum, so that the order of the scenarios does not matter; each times a factor from its name, so that two that
        // trade their runs do. A product with an odd factor loses nothing, and halves of a range still add up.
        many => {
            let factor = |sweep: &Sweep<'_>| hash_bytes(sweep.name.as_bytes()) | 1;
            let term = |sweep: &Sweep<'_>| factor(sweep).wrapping_mul(sweep.tally.digest().to_bits());
            Digest::from_bits(many.iter().map(term).fold(0, u64::wrapping_add))
        }
    }
}

/// The last `limit` events of the chain of causes that ends with `event`, oldest first.
///
/// `trace` is the whole trace of a run, in order. The event itself is the last one.
pub fn causal_past(trace: &[Event], event: EventId, limit: usize) -> Vec<Event> {
    let mut past = Vec::new();
    let mut next = event;
    while past.len() < limit {
        let Ok(place) = trace.binary_search_by_key(&next, |event| event.id) else { break };
        let event = &trace[place];
        past.push(event.clone());
        // A cause always comes before its effect. A trace that says otherwise must not keep a reader here for ever.
        if event.cause >= event.id {
            break;
        }
        next = event.cause;
    }
    past.reverse();
    past
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_follows_causes_and_not_neighbours() {
        let trace = samples::trace();
        let ids = |event, limit| -> Vec<u64> {
            causal_past(&trace, EventId(event), limit).iter().map(|event| event.id.0).collect()
        };
        assert_eq!(ids(9, 12), [1, 2, 5, 7, 9]);
        assert_eq!(ids(9, 2), [7, 9]);
        assert_eq!(ids(99, 12), [0; 0]);
    }
}
