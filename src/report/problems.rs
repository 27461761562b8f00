//! What is wrong with a sweep, one thing after the other, for reports that list things.

use crate::explore::Judgement;

use super::Sweep;
use super::words::{counted, grouped};

/// How grave a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Gravity {
    /// Seeds are missing.
    Incomplete,
    /// An oracle gave up, so that nobody can say.
    Undecided,
    /// A promise was broken, or what was expected did not happen.
    Failure,
}

/// Something that is wrong with a sweep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    pub gravity: Gravity,
    /// What kind of thing, for a machine to sort by.
    pub kind: &'static str,
    /// What, in a few words, without the name of the scenario.
    pub title: String,
    /// The same in a sentence or two.
    pub message: String,
    /// The command that shows it.
    pub repeat: String,
}

/// The problems of a sweep; none if everything is as its scenario expects, and complete. The gravest come first, and
/// among findings those with the smallest seed.
pub(super) fn problems(sweep: &Sweep<'_>) -> Vec<Problem> {
    let Sweep { seeds, tally, judgement, interrupted, .. } = sweep;
    let mut problems = Vec::new();
    let whole = || (sweep.repeat)(None);
    if *judgement == Judgement::Found {
        for group in tally.groups().into_iter().filter(|group| !group.expected) {
            let count = counted(group.count, "seed");
            problems.push(Problem {
                gravity: Gravity::Failure,
                kind: group.signature.oracle.tag(),
                title: group.signature.to_string(),
                message: format!("{count}, the smallest is {}: {}", group.seed, group.happened),
                repeat: (sweep.repeat)(Some(group.seed)),
            });
        }
    }
    if *judgement == Judgement::NotShown && !interrupted {
        problems.push(Problem {
            gravity: Gravity::Failure,
            kind: "not-shown",
            title: "the expected violation does not show".to_string(),
            message: super::text::sweep_remark(sweep).unwrap_or_default(),
            repeat: whole(),
        });
    }
    let mut never = |kind, title: String, message: String| {
        problems.push(Problem { gravity: Gravity::Failure, kind, title, message, repeat: whole() });
    };
    for mark in sweep.never_reached() {
        never("never-reached", format!("never reached: {mark}"), super::text::never_reached(sweep, mark));
    }
    for (fault, why) in sweep.never_struck() {
        never("never-struck", format!("never struck: {fault}"), super::text::never_struck(fault, why));
    }
    for moment in sweep.never_came() {
        never("never-came", format!("never came: {moment}"), super::text::never_came(moment));
    }
    if let Some((seed, reason)) = tally.gave_up.as_ref().filter(|_| !judgement.is_met()) {
        problems.push(Problem {
            gravity: Gravity::Undecided,
            kind: "inconclusive",
            title: "undecided".to_string(),
            message: format!("{}, the smallest is {seed}: {reason}", counted(tally.inconclusive, "seed")),
            repeat: (sweep.repeat)(Some(*seed)),
        });
    }
    if *interrupted {
        let all = grouped(seeds.end - seeds.start);
        problems.push(Problem {
            gravity: Gravity::Incomplete,
            kind: "interrupted",
            title: "stopped early".to_string(),
            message: format!("after {} of {all}", counted(tally.runs, "seed")),
            repeat: whole(),
        });
    }
    // Whoever reads only this must not be told that all is well when it is not, nor the other way round.
    assert_eq!(problems.is_empty(), sweep.is_met(), "the problems of a sweep are not those of its judgement");
    problems
}
