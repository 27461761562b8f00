//! Shrinking: from a run that fails to the smallest plan that fails in the same way.
//!
//! A recorded run is the calm run and a list of what was not calm: faults, operations of clients, deviations. Each pass
//! takes some of that away, runs what is left, and keeps it if the same promise is still broken by a node that plays the
//! same part. Because dice are keyed by name, what is left behaves as before wherever it is not touched; that is
//! why taking away works at all. What was kept is recorded again, so that everything that no longer comes up is gone.
//!
//! An example. Seed 2,041 breaks BACK with 31 faults, 88 operations and 5,412 deviations. Cutting the tail leaves 9
//! faults, since the violation came early. Calming whole classes leaves no deviation at all: no latency and no loss
//! mattered. Of the 9 faults one partition is enough, of 31 operations one put. The partition, which struck at
//! 1.207385s, is bound to the send before it; and the put, which came after 803ms, may as well come at once.
//!
//! Passes are data: a name, what holds after it, and what it does. They run in an order in which the cheap ones, which
//! take away much at once, come first, over and over until none of them finds anything. Then nothing that is left can be
//! taken away alone.

mod anchors;
mod attempt;
mod cluster;
mod items;
mod names;
mod relabel;
mod renumber;
mod shake;
mod size;
mod squeeze;
mod tail;
mod timeline;
mod values;

use std::collections::BTreeMap;

use super::{Mishap, Runner, Signature, quietly};
use crate::check::OracleId;
use crate::scenario::{Run, Scenario, Settings};

pub use size::Size;

/// What is to be made smaller.
#[derive(Clone)]
pub struct Job<'a> {
    /// The scenario that fails: one of a family, or a plan.
    pub scenario: &'a Scenario,
    /// With this seed; without meaning for a plan.
    pub seed: u64,
    /// Which oracles watch; those of the scenario if absent.
    pub oracles: Option<&'a [OracleId]>,
    /// Asked before every run: whether to stop with the best so far.
    pub stop: &'a dyn Fn() -> bool,
}

/// How far a shrinker is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The pass at work.
    pub pass: &'static str,
    /// Runs so far.
    pub tries: u64,
    /// How large the best so far is.
    pub size: Size,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest plan found.
    pub plan: Scenario,
    /// Its run.
    pub run: Run,
    /// What fails.
    pub signature: Signature,
    /// How large it was.
    pub before: Size,
    /// How large it is.
    pub after: Size,
    /// What each pass did.
    pub passes: Vec<PassCount>,
    /// Other failures that showed on the way, each with the first plan that shows it.
    pub slips: BTreeMap<Signature, Box<Scenario>>,
    /// Whether it was stopped before it was done.
    pub interrupted: bool,
}

/// What a pass did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PassCount {
    /// Its name.
    pub name: &'static str,
    /// What holds once it finds nothing more.
    pub invariant: &'static str,
    /// Runs.
    pub tries: u64,
    /// Those that still failed and were kept.
    pub successes: u64,
}

/// Why there is nothing to shrink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The run keeps every promise.
    NoFailure,
    /// An oracle gave up.
    Inconclusive(String),
    /// The recorded plan does not repeat the run: digests of both.
    NotRepeated(crate::base::Digest, crate::base::Digest),
    /// There was no run.
    Mishap(Mishap),
}

impl From<Mishap> for Refusal {
    fn from(mishap: Mishap) -> Refusal {
        Refusal::Mishap(mishap)
    }
}

/// One way to make a plan smaller.
struct Pass {
    name: &'static str,
    /// What holds of the plan once the pass finds nothing more.
    invariant: &'static str,
    run: fn(&mut Shrinker<'_>),
}

const PASSES: [Pass; 16] = [
    Pass {
        name: "tail",
        invariant: "no phase begins after the violation, and the last one ends with it",
        run: tail::cut,
    },
    Pass {
        name: "calm classes",
        invariant: "of no class of deviations could all be taken away",
        run: items::calm_classes,
    },
    Pass { name: "fault kinds", invariant: "of no kind of fault could all be taken away", run: items::fault_kinds },
    Pass { name: "cluster", invariant: "no choice of fewer replicas or fewer clients fails", run: cluster::shrink },
    Pass {
        name: "settings",
        invariant: "each latency is the default, or a default latency does not fail",
        run: values::settings,
    },
    Pass { name: "faults", invariant: "no fault can be taken away, alone or with one other", run: items::faults },
    Pass { name: "operations", invariant: "no operation can be taken away", run: items::operations },
    Pass { name: "deviations", invariant: "no deviation can be taken away", run: items::deviations },
    Pass { name: "phases", invariant: "no two neighbouring phases can be one", run: tail::merge },
    Pass {
        name: "time",
        invariant: "no stretch of time between calls and faults can be left out, or halved",
        run: squeeze::squeeze,
    },
    Pass {
        name: "anchors",
        invariant: "a fault at a time cannot be bound to any of the events before it",
        run: anchors::bind,
    },
    Pass { name: "ends of faults", invariant: "no fault that ends by itself could as well not end", run: values::ends },
    Pass {
        name: "values",
        invariant: "no duration, shift or value could be a simpler one of those tried",
        run: values::lower,
    },
    Pass {
        name: "shaken replicas",
        invariant: "with times moved at random, dozens of tries with fewer replicas did not fail",
        run: shake::replicas,
    },
    Pass {
        name: "shaken faults",
        invariant: "likewise without any one fault, and with one partition in the place of two faults",
        run: shake::faults,
    },
    Pass {
        name: "names",
        invariant: "clients, keys and values are numbered by first use, and the first to lead is r0 if it can be",
        run: names::normalise,
    },
];

/// However it goes: no plan is worth more runs than this.
const TRIES_MAX: u64 = 200_000;

/// Makes a failing run smaller.
///
/// `watch` is told how far it is after every run.
///
/// # Errors
/// If there is nothing to shrink, or it cannot be repeated.
pub fn shrink(runner: &Runner<'_>, job: &Job<'_>, watch: &mut dyn FnMut(&Step)) -> Result<Shrunk, Refusal> {
    let settings =
        Settings { seed: job.seed, oracles: job.oracles.map(<[OracleId]>::to_vec), trace: false, record: true };
    let first = runner.run(job.scenario, &settings)?;
    let plan = attempt::plan_of(&first);
    let again = runner.run(&plan, &settings)?;
    if again.digest != first.digest {
        return Err(Refusal::NotRepeated(first.digest, again.digest));
    }
    let signature = match &first.verdict {
        crate::scenario::Verdict::Pass => return Err(Refusal::NoFailure),
        crate::scenario::Verdict::Inconclusive(why) => return Err(Refusal::Inconclusive(why.clone())),
        verdict => Signature::of(verdict.finding().expect("neither passed nor undecided")),
    };
    let before = Size::of(&plan, &again);
    let system = runner.registry.make(&plan).map_err(Mishap::Input)?;
    // A system that cannot say what it needs of so few replicas is not asked to run on them.
    let core_size = |replicas| quietly(|| system.quorums(replicas).view_change).unwrap_or(u16::MAX);
    let core_sizes = (1..=plan.cluster.replicas).map(core_size).collect();
    let mut shrinker = Shrinker::new(runner, job, settings, plan, again, signature, watch);
    shrinker.core_sizes = core_sizes;
    shrinker.rounds();
    match shrinker.mishap.take() {
        Some(mishap) => Err(mishap.into()),
        None => Ok(shrinker.finish(before)),
    }
}

/// How often a plan is shrunk from the beginning, each time in another order; the smallest result counts.
const ROUNDS: u64 = 8;

/// No new round begins when those before it took so many runs.
const ROUNDS_TRIES_MAX: u64 = 12_000;

/// A result of so few faults, operations and deviations together is small enough for one more round to be enough.
const SMALL: usize = 3;

/// A shrinker at work.
struct Shrinker<'a> {
    runner: &'a Runner<'a>,
    stop: &'a dyn Fn() -> bool,
    settings: Settings,
    signature: Signature,
    best: Scenario,
    run: Run,
    size: Size,
    /// Which order is tried.
    round: u64,
    /// By number of replicas less one: how many of them a core needs to make progress.
    core_sizes: Vec<u16>,
    pass: &'static str,
    counts: BTreeMap<&'static str, (u64, u64)>,
    tries: u64,
    slips: BTreeMap<Signature, Box<Scenario>>,
    /// Candidates that were tried, by the hash of their text: passes come upon the same ones again and again.
    seen: std::collections::BTreeSet<u64>,
    interrupted: bool,
    mishap: Option<Mishap>,
    watch: &'a mut dyn FnMut(&Step),
}

impl<'a> Shrinker<'a> {
    fn new(
        runner: &'a Runner<'a>,
        job: &'a Job<'a>,
        settings: Settings,
        best: Scenario,
        run: Run,
        signature: Signature,
        watch: &'a mut dyn FnMut(&Step),
    ) -> Shrinker<'a> {
        let size = Size::of(&best, &run);
        Shrinker {
            runner,
            stop: job.stop,
            settings,
            signature,
            best,
            run,
            size,
            round: 0,
            core_sizes: Vec::new(),
            pass: "",
            counts: BTreeMap::new(),
            tries: 0,
            slips: BTreeMap::new(),
            seen: std::collections::BTreeSet::new(),
            interrupted: false,
            mishap: None,
            watch,
        }
    }

    /// Shrinks in several orders, and keeps the smallest result.
    fn rounds(&mut self) {
        let start = (self.best.clone(), self.run.clone(), self.size);
        let mut smallest: Option<(Scenario, Run, Size)> = None;
        for round in 0..ROUNDS {
            self.round = round;
            self.seen.clear();
            (self.best, self.run, self.size) = start.clone();
            self.passes();
            if smallest.as_ref().is_none_or(|(_, _, size)| self.size < *size) {
                smallest = Some((self.best.clone(), self.run.clone(), self.size));
            }
            let size = smallest.as_ref().map_or(self.size, |(_, _, size)| *size);
            let is_small = size.faults + size.operations + size.deviations <= SMALL && round > 0;
            if self.is_over() || is_small || self.tries >= ROUNDS_TRIES_MAX {
                break;
            }
        }
        if let Some(smallest) = smallest {
            (self.best, self.run, self.size) = smallest;
        }
    }

    /// All passes, over and over until none of them finds anything.
    fn passes(&mut self) {
        loop {
            let before = self.best.clone();
            for pass in &PASSES {
                if self.is_over() {
                    return;
                }
                self.pass = pass.name;
                (pass.run)(self);
            }
            if self.is_over() || self.best == before {
                return;
            }
        }
    }

    fn is_over(&mut self) -> bool {
        if self.tries >= TRIES_MAX || (self.stop)() {
            self.interrupted = true;
        }
        self.interrupted || self.mishap.is_some()
    }

    fn finish(self, before: Size) -> Shrunk {
        let count = |pass: &Pass| {
            let (tries, successes) = self.counts.get(pass.name).copied().unwrap_or_default();
            PassCount { name: pass.name, invariant: pass.invariant, tries, successes }
        };
        Shrunk {
            passes: PASSES.iter().map(count).collect(),
            plan: self.best,
            signature: self.run.verdict.finding().map_or(self.signature, Signature::of),
            run: self.run,
            before,
            after: self.size,
            slips: self.slips,
            interrupted: self.interrupted,
        }
    }
}

#[cfg(test)]
mod tests;
