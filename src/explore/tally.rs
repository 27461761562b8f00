//! What many runs of one scenario came to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Digest;
use crate::base::hash::mix;
use crate::check::{OracleId, Violation};
use crate::scenario::{Expectation, Run, Shows, Verdict};

use super::counts::{add_aims, add_reach};
use super::{Judgement, Signature, written};

pub use super::counts::{Aims, Reach, Watched};

/// What many runs of one scenario came to. The order in which runs are added does not matter.
///
/// Written down and read again it is the same, but for what the scenario expects; see [`Tally::restored`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    #[serde(skip, default = "nothing_special")]
    expectation: Expectation,
    /// Runs added.
    pub runs: u64,
    /// Those that kept every promise.
    pub passed: u64,
    /// Those in which an oracle gave up.
    pub inconclusive: u64,
    /// The smallest seed in which an oracle gave up, and why.
    pub gave_up: Option<(u64, String)>,
    /// Those that showed what the scenario expects to break.
    pub shown: u64,
    /// The smallest seed that did not.
    pub not_shown: Option<u64>,
    /// Whether the one seed for which the expected violation is promised was run, and showed it.
    promised: Option<bool>,
    #[serde(with = "written::groups")]
    findings: BTreeMap<Signature, Group>,
    /// Events of all runs.
    pub events: u64,
    /// Virtual time of all runs.
    pub virtual_time: Duration,
    /// Faults that struck, by kind.
    #[serde(deserialize_with = "written::named")]
    pub faults: BTreeMap<&'static str, Reach>,
    /// Marks that were passed, by name.
    #[serde(deserialize_with = "written::named")]
    pub marks: BTreeMap<&'static str, Reach>,
    /// The faults, in words, and how often they struck: the first 64 of them, for where they are drawn there is no end
    /// of them.
    pub aims: BTreeMap<String, Aims>,
    /// The moments that faults waited for, without their numbers; also those that never came.
    pub moments: BTreeMap<String, Aims>,
    /// In how many runs each oracle watched.
    pub checked: BTreeMap<OracleId, Watched>,
    digest: u64,
}

/// The findings of one signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What they have in common.
    pub signature: Signature,
    /// Whether the scenario expects this oracle to object.
    pub expected: bool,
    /// In how many seeds it did.
    pub count: u64,
    /// The smallest of them.
    pub seed: u64,
    /// The [`SEEDS_KEPT`] smallest of them.
    pub seeds: BTreeSet<u64>,
    /// What happened there.
    pub happened: String,
}

/// So many seeds of a group are kept; the others repeat what these show.
pub const SEEDS_KEPT: usize = 10;

impl Group {
    fn keep(&mut self, seeds: impl IntoIterator<Item = u64>) {
        self.seeds.extend(seeds);
        while self.seeds.len() > SEEDS_KEPT {
            self.seeds.pop_last();
        }
    }
}

impl Tally {
    /// No run yet, of a scenario that expects this.
    pub fn new(expectation: &Expectation) -> Tally {
        Tally {
            expectation: expectation.clone(),
            runs: 0,
            passed: 0,
            inconclusive: 0,
            gave_up: None,
            shown: 0,
            not_shown: None,
            promised: None,
            findings: BTreeMap::new(),
            events: 0,
            virtual_time: Duration::ZERO,
            faults: BTreeMap::new(),
            marks: BTreeMap::new(),
            aims: BTreeMap::new(),
            moments: BTreeMap::new(),
            checked: BTreeMap::new(),
            digest: 0,
        }
    }

    /// A tally that was written down, of a scenario that expects this.
    pub fn restored(self, expectation: &Expectation) -> Tally {
        Tally { expectation: expectation.clone(), ..self }
    }

    /// Adds a run, and says how it compares with the expectation.
    pub fn add(&mut self, run: &Run) -> Judgement {
        let judgement = Judgement::of(&self.expectation, &run.verdict);
        self.runs += 1;
        self.events = self.events.saturating_add(run.events);
        self.virtual_time = self.virtual_time.saturating_add(run.virtual_time);
        // A sum does not depend on the order of its terms, so any split of the range gives the same digest. The seed is
        // mixed in, so that two seeds that trade their runs do not cancel out.
        self.digest = self.digest.wrapping_add(mix(run.seed, run.digest.to_bits()));
        match &run.verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Inconclusive(reason) => {
                self.inconclusive += 1;
                if self.gave_up.as_ref().is_none_or(|(seed, _)| run.seed < *seed) {
                    self.gave_up = Some((run.seed, reason.clone()));
                }
            }
            Verdict::Violation(violation) | Verdict::Stuck(violation) => {
                self.find(run.seed, violation, judgement == Judgement::Shown);
            }
        }
        if judgement == Judgement::Shown {
            self.shown += 1;
        } else {
            self.not_shown = Some(self.not_shown.map_or(run.seed, |seed| seed.min(run.seed)));
        }
        if matches!(self.expectation, Expectation::Violation { shows: Shows::Seed(seed), .. } if seed == run.seed) {
            self.promised = Some(judgement == Judgement::Shown);
        }
        add_reach(&mut self.faults, &run.faults);
        add_reach(&mut self.marks, &run.marks);
        for aimed in &run.aims {
            let one = Aims { seeds: 1, struck: u64::from(aimed.struck > 0), why: aimed.why.clone() };
            add_aims(&mut self.aims, &aimed.fault, &one);
            if let Some(moment) = &aimed.moment {
                add_aims(&mut self.moments, moment, &Aims { struck: u64::from(aimed.due > 0), ..one });
            }
        }
        for (oracle, checked) in &run.checked {
            self.checked.entry(*oracle).or_default().add(checked);
        }
        judgement
    }

    /// Takes note of the finding of a run, if it has one, and of nothing else: for a seed that is run beside the range,
    /// because it failed before.
    pub fn remember(&mut self, run: &Run) {
        if let Some(violation) = run.verdict.finding() {
            let judgement = Judgement::of(&self.expectation, &run.verdict);
            self.find(run.seed, violation, judgement == Judgement::Shown);
        }
    }

    fn find(&mut self, seed: u64, violation: &Violation, expected: bool) {
        let signature = Signature::of(violation);
        let group = self.findings.entry(signature.clone()).or_insert_with(|| Group {
            signature,
            expected,
            count: 0,
            seed: u64::MAX,
            seeds: BTreeSet::new(),
            happened: String::new(),
        });
        group.count += 1;
        if seed <= group.seed {
            group.seed = seed;
            group.happened.clone_from(&violation.happened);
        }
        group.keep([seed]);
    }

    /// Adds what other runs of the same scenario came to.
    pub fn merge(&mut self, other: &Tally) {
        assert_eq!(self.expectation, other.expectation, "only runs of one scenario add up");
        self.runs += other.runs;
        self.passed += other.passed;
        self.inconclusive += other.inconclusive;
        self.gave_up = [self.gave_up.take(), other.gave_up.clone()].into_iter().flatten().min();
        self.shown += other.shown;
        self.not_shown = [self.not_shown, other.not_shown].into_iter().flatten().min();
        self.promised = self.promised.or(other.promised);
        for (signature, group) in &other.findings {
            match self.findings.get_mut(signature) {
                None => drop(self.findings.insert(signature.clone(), group.clone())),
                Some(mine) => {
                    mine.count += group.count;
                    mine.keep(group.seeds.iter().copied());
                    if group.seed < mine.seed {
                        (mine.seed, mine.happened) = (group.seed, group.happened.clone());
                    }
                }
            }
        }
        self.events = self.events.saturating_add(other.events);
        self.virtual_time = self.virtual_time.saturating_add(other.virtual_time);
        for (mine, theirs) in [(&mut self.faults, &other.faults), (&mut self.marks, &other.marks)] {
            for (name, reach) in theirs {
                let sum = mine.entry(name).or_default();
                sum.seeds += reach.seeds;
                sum.times = sum.times.saturating_add(reach.times);
            }
        }
        for (mine, theirs) in [(&mut self.aims, &other.aims), (&mut self.moments, &other.moments)] {
            theirs.iter().for_each(|(name, aims)| add_aims(mine, name, aims));
        }
        for (oracle, watched) in &other.checked {
            self.checked.entry(*oracle).or_default().merge(watched);
        }
        self.digest = self.digest.wrapping_add(other.digest);
    }

    /// How the whole compares with the expectation.
    ///
    /// A violation that shows *always* must show in every seed; one that shows with a certain seed must show there if
    /// that seed is among them; otherwise one seed that shows it is enough.
    pub fn judgement(&self) -> Judgement {
        let enough = match &self.expectation {
            Expectation::Pass if !self.findings.is_empty() => return Judgement::Found,
            Expectation::Pass if self.inconclusive > 0 => return Judgement::Undecided,
            Expectation::Pass => return Judgement::Kept,
            Expectation::Violation { shows: Shows::Always, .. } => self.runs > 0 && self.shown == self.runs,
            Expectation::Violation { shows: Shows::Seed(_), .. } => self.promised.unwrap_or(self.shown > 0),
            Expectation::Violation { shows: Shows::WithinSeeds(_), .. } => self.shown > 0,
        };
        if enough {
            Judgement::Shown
        } else if self.findings.values().any(|group| !group.expected) {
            Judgement::Found
        } else if self.inconclusive > 0 {
            Judgement::Undecided
        } else {
            Judgement::NotShown
        }
    }

    /// The findings, one group for each signature, those the scenario does not expect first, then the smallest seed first.
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.findings.values().collect();
        groups.sort_by_key(|group| (group.expected, group.seed));
        groups
    }

    /// Seeds with a finding.
    pub fn found(&self) -> u64 {
        self.findings.values().map(|group| group.count).sum()
    }

    /// Those of them that the scenario does not expect.
    pub fn unexpected(&self) -> u64 {
        self.findings.values().filter(|group| !group.expected).map(|group| group.count).sum()
    }

    /// The gravest verdict among the runs, in the word that [`Verdict::word`] has for it.
    pub fn word(&self) -> &'static str {
        match (self.findings.keys().any(|signature| !signature.oracle.is_liveness()), self.findings.is_empty()) {
            (true, _) => "violation",
            (false, false) => "stuck",
            (false, true) if self.inconclusive > 0 => "inconclusive",
            (false, true) => "pass",
        }
    }

    /// Which of these marks no run reached. A kind of fault counts as a mark.
    pub fn never_reached<'a>(&self, wanted: &'a [String]) -> Vec<&'a str> {
        let reached = |mark: &&str| self.marks.contains_key(*mark) || self.faults.contains_key(*mark);
        wanted.iter().map(String::as_str).filter(|mark| !reached(mark)).collect()
    }

    /// The faults that struck in no run, and why not.
    pub fn never_struck(&self) -> Vec<(&str, &str)> {
        let never = self.aims.iter().filter(|(_, aims)| aims.struck == 0);
        never.map(|(fault, aims)| (fault.as_str(), aims.why.as_deref().unwrap_or_default())).collect()
    }

    /// The moments that faults waited for in so many runs or more, and that came in none.
    pub fn never_came(&self, least: u64) -> Vec<&str> {
        let never = self.moments.iter().filter(|(_, aims)| aims.struck == 0 && aims.seeds >= least);
        never.map(|(moment, _)| moment.as_str()).collect()
    }

    /// One digest for all runs, the same for every order and every split of the seeds.
    pub fn digest(&self) -> Digest {
        Digest::from_bits(self.digest)
    }
}

fn nothing_special() -> Expectation {
    Expectation::Pass
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::counts::AIMS_KEPT;
    use crate::report::samples;
    use crate::scenario::Aimed;

    fn violation(shows: Shows) -> Expectation {
        Expectation::Violation { check: Some(OracleId::Agree), shows }
    }

    fn tally(expectation: &Expectation, runs: &[Run]) -> Tally {
        let mut tally = Tally::new(expectation);
        runs.iter().for_each(|run| {
            tally.add(run);
        });
        tally
    }

    #[test]
    fn the_order_of_runs_does_not_matter() {
        let mut runs = samples::five_runs();
        let forward = tally(&Expectation::Pass, &runs);
        runs.reverse();
        assert_eq!(tally(&Expectation::Pass, &runs), forward);
        for split in 0..=runs.len() {
            let mut parts = tally(&Expectation::Pass, &runs[split..]);
            parts.merge(&tally(&Expectation::Pass, &runs[..split]));
            assert_eq!(parts, forward, "split at {split}");
        }
        let text = serde_json::to_string(&forward).expect("a tally can be written down");
        let again: Tally = serde_json::from_str(&text).expect("what was written can be read");
        assert_eq!(again.restored(&Expectation::Pass), forward);
        runs[0].seed = 77;
        assert_ne!(tally(&Expectation::Pass, &runs).digest(), forward.digest());
    }

    #[test]
    fn a_range_is_judged_by_where_the_violation_should_show() {
        // Of the five, seed 2 and 4 break AGREE, seed 3 breaks LIVE, seed 1 gives up, seed 0 passes.
        let runs = samples::five_runs();
        let judge = |expectation: Expectation, runs: &[Run]| tally(&expectation, runs).judgement();
        assert_eq!(judge(Expectation::Pass, &runs), Judgement::Found);
        assert_eq!(judge(Expectation::Pass, &runs[..2]), Judgement::Undecided);
        assert_eq!(judge(Expectation::Pass, &runs[..1]), Judgement::Kept);
        assert_eq!(judge(violation(Shows::WithinSeeds(5)), &runs), Judgement::Shown);
        assert_eq!(judge(violation(Shows::WithinSeeds(5)), &runs[..1]), Judgement::NotShown);
        assert_eq!(judge(violation(Shows::WithinSeeds(5)), &runs[..2]), Judgement::Undecided);
        assert_eq!(judge(violation(Shows::Always), &runs), Judgement::Found);
        assert_eq!(judge(violation(Shows::Always), &runs[2..3]), Judgement::Shown);
        assert_eq!(judge(violation(Shows::Seed(4)), &runs), Judgement::Shown);
        assert_eq!(judge(violation(Shows::Seed(3)), &runs), Judgement::Found);
        assert_eq!(judge(violation(Shows::Seed(9)), &runs), Judgement::Shown);
    }

    #[test]
    fn groups_name_the_smallest_seed_and_the_unexpected_first() {
        let runs = samples::five_runs();
        let order = |expectation: Expectation| -> Vec<(OracleId, u64, u64)> {
            let tally = tally(&expectation, &runs);
            tally.groups().iter().map(|group| (group.signature.oracle, group.seed, group.count)).collect()
        };
        assert_eq!(order(Expectation::Pass), [(OracleId::Agree, 2, 2), (OracleId::Live, 3, 1)]);
        assert_eq!(order(violation(Shows::Always)), [(OracleId::Live, 3, 1), (OracleId::Agree, 2, 2)]);
    }

    #[test]
    fn a_fault_that_never_struck_and_a_moment_that_never_came_are_known() {
        let aimed = |number: u64, due: u64, struck: u64| Aimed {
            fault: format!("crash r1, on `r1 sends Prepare #{number}`"),
            moment: Some("r1 sends Prepare".to_string()),
            due,
            struck,
            why: (struck == 0).then(|| "its moment did not come".to_string()),
        };
        let run = |seed, aims: Vec<Aimed>| Run { aims, ..samples::run(seed, Verdict::Pass) };
        let runs = [run(0, vec![aimed(3, 0, 0)]), run(1, vec![aimed(3, 1, 1), aimed(4, 0, 0)])];
        let mut both = tally(&Expectation::Pass, &runs[..1]);
        assert_eq!(both.never_struck(), [("crash r1, on `r1 sends Prepare #3`", "its moment did not come")]);
        assert_eq!(both.never_came(1), ["r1 sends Prepare"]);
        assert_eq!(both.never_came(2), [""; 0]);
        both.merge(&tally(&Expectation::Pass, &runs[1..]));
        assert_eq!(both.never_struck(), [("crash r1, on `r1 sends Prepare #4`", "its moment did not come")]);
        assert_eq!(both.never_came(1), [""; 0]);
    }

    #[test]
    fn of_faults_without_end_some_are_kept_whatever_the_order() {
        let run = |seed: u64| {
            let fault = format!("crash r1, at {}ns", mix(seed, 7));
            let aims = vec![Aimed { fault, moment: None, due: 1, struck: 1, why: None }];
            Run { aims, ..samples::run(seed, Verdict::Pass) }
        };
        let mut runs: Vec<Run> = (0..200).map(run).collect();
        let forward = tally(&Expectation::Pass, &runs);
        assert_eq!(forward.aims.len(), AIMS_KEPT);
        runs.reverse();
        assert_eq!(tally(&Expectation::Pass, &runs), forward);
    }

    #[test]
    fn a_wanted_mark_may_be_a_fault() {
        let tally = tally(&Expectation::Pass, &samples::five_runs());
        let wanted = ["crash", "view change done", "wrapped"].map(String::from);
        assert_eq!(tally.never_reached(&wanted), ["wrapped"]);
    }
}
