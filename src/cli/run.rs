//! `run`: one scenario, with one seed or many.

use std::ops::Range;

use crate::base::Digest;
use crate::explore::{Judgement, Tally};
use crate::report::past::Past;
use crate::report::words::{counted, grouped};
use crate::report::{Report, causal_past, json, lanes, mermaid, text, trace};
use crate::scenario::run::Settings;
use crate::scenario::{Expectation, Run, Scenario, Shows};

use super::arguments::{Format, RunArguments, TraceFormat};
use super::console::{Console, write_file};
use super::exit::{Exit, Failure};
use super::repeat::Repeat;
use super::shelf::{Shelf, nearest};
use super::{determinism, interrupt, plan, seeds, sweep};
use crate::explore::Runner;

/// How many events of the past of a finding are shown.
const PAST: usize = 12;

/// A run of more events than this is not run again just to show the past of its finding.
const PAST_EVENTS_MAX: u64 = 2_000_000;

/// What was typed, with its meaning.
pub(super) struct Request<'a> {
    pub(super) arguments: &'a RunArguments,
    pub(super) scenario: Scenario,
    pub(super) repeat: Repeat,
    pub(super) runner: &'a Runner<'a>,
}

/// Which seeds to run.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Which {
    /// This one.
    One(u64),
    /// From 0 on, until the expected violation shows, and at most so many.
    Until(u64),
    /// All of these.
    All(Range<u64>),
}

/// Runs a scenario as asked.
pub(super) fn command(
    arguments: &RunArguments,
    program: &str,
    shelf: &Shelf,
    runner: &Runner<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    if arguments.out.is_some() && arguments.trace == TraceFormat::None {
        return Err(Failure::bad_input(
            "--out is where a trace goes; add --trace text, --trace brief or --trace jsonl",
        ));
    }
    let found = shelf.find(&arguments.name)?;
    let mut scenario = found.parse(runner.registry)?;
    let mut notes = Vec::new();
    if let Some(plant) = &arguments.plant {
        scenario.plant = planted(runner, &scenario, plant)?;
        if scenario.plant.is_none() && scenario.expect != Expectation::Pass {
            scenario.expect = Expectation::Pass;
            notes.push("without its planted bug this scenario is expected to pass".to_string());
        }
    }
    let repeat = Repeat {
        program: program.to_string(),
        scenario: found.name,
        plant: arguments.plant.clone(),
        oracles: arguments.oracles.clone(),
    };
    let which = which(arguments, &scenario)?;
    let request = Request { arguments, scenario, repeat, runner };
    match which {
        Which::One(seed) => one(&request, seed, None, notes, console),
        Which::Until(limit) => until(&request, limit, console),
        Which::All(seeds) => sweep::command(&request, &seeds, console),
    }
}

/// The bug that `--plant` names; `none` is none.
fn planted(runner: &Runner<'_>, scenario: &Scenario, plant: &str) -> Result<Option<String>, Failure> {
    if plant == "none" {
        return Ok(None);
    }
    let plants = runner.registry.plants(&scenario.system);
    if plants.contains(&plant) {
        return Ok(Some(plant.to_string()));
    }
    let advice = match (nearest(plant, plants.iter().copied()).as_slice(), plants) {
        (_, []) => "it has none in this build".to_string(),
        ([], all) => format!("there are {}", all.join(", ")),
        (near, _) => format!("did you mean {}?", near.join(", or ")),
    };
    Err(Failure::bad_input(format!("`{}` has no planted bug `{plant}`; {advice}", scenario.system)))
}

fn which(arguments: &RunArguments, scenario: &Scenario) -> Result<Which, Failure> {
    if let Some(plan) = &scenario.plan {
        if arguments.seed.is_some() || arguments.seeds.is_some() {
            let message =
                format!("`{}` is a plan: nothing in it is left to chance, so it takes no seed", arguments.name);
            return Err(Failure::bad_input(message));
        }
        return Ok(Which::One(plan.entropy));
    }
    Ok(match (&arguments.seeds, arguments.seed, &scenario.expect) {
        (Some(seeds), _, _) => Which::All(seeds.clone()),
        (None, Some(seed), _) => Which::One(seed),
        (None, None, Expectation::Violation { shows: Shows::Seed(seed), .. }) => Which::One(*seed),
        (None, None, Expectation::Violation { shows: Shows::WithinSeeds(limit), .. }) => Which::Until(*limit),
        (None, None, _) => Which::One(seeds::drawn()),
    })
}

impl Request<'_> {
    /// The settings of a run that is only judged.
    pub(super) fn settings(&self, seed: u64) -> Settings {
        Settings { seed, oracles: self.arguments.oracles.clone(), trace: false, record: false }
    }

    /// The line that repeats one seed, or the plan.
    pub(super) fn repeat_one(&self, seed: u64) -> String {
        if self.scenario.plan.is_some() { self.repeat.plain() } else { self.repeat.seed(seed) }
    }

    /// Runs once, and a second time if asked to compare.
    fn run(&self, settings: &Settings) -> Result<Run, Failure> {
        let run = self.runner.run(&self.scenario, settings)?;
        if self.arguments.check_determinism {
            determinism::check(self.runner, &self.scenario, settings, &run)?;
        }
        Ok(run)
    }

    /// Runs one of many seeds.
    pub(super) fn run_seed(&self, seed: u64) -> Result<Run, Failure> {
        self.run(&self.settings(seed)).map_err(|failure| self.repeatable(seed, failure))
    }

    /// A failure that is not the user's ends with the line that repeats it.
    fn repeatable(&self, seed: u64, failure: Failure) -> Failure {
        match failure.exit {
            Exit::Broken => {
                let repeat = self.repeat_one(seed);
                Failure::broken(format!("{}\n\nrepeat: {repeat}", failure.message.trim_end()))
            }
            _ => failure,
        }
    }
}

/// Runs seeds from 0 on until one shows the violation, and then reports that one.
fn until(request: &Request<'_>, limit: u64, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut tally = Tally::new(&request.scenario.expect);
    interrupt::be_patient();
    for seed in 0..limit {
        if interrupt::wanted() {
            return sweep::conclude(request, &(0..limit), &tally, true, console);
        }
        let run = request.run_seed(seed)?;
        if tally.add(&run) == Judgement::Shown {
            interrupt::be_prompt();
            let mut notes = vec![format!("seed {seed} is the first of {} that shows it", grouped(tally.runs))];
            for group in tally.groups().iter().filter(|group| !group.expected) {
                let count = counted(group.count, "seed");
                notes.push(format!("before it, {count} broke {}, seed {} first", group.signature, group.seed));
            }
            return one(request, seed, Some(run.digest), notes, console);
        }
    }
    sweep::conclude(request, &(0..limit), &tally, false, console)
}

/// Runs one seed, or the plan, and reports it. `seen` is the digest that this seed has had before.
fn one(
    request: &Request<'_>,
    seed: u64,
    seen: Option<Digest>,
    notes: Vec<String>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    run_and_report(request, seed, seen, notes, console).map_err(|failure| request.repeatable(seed, failure))
}

fn run_and_report(
    request: &Request<'_>,
    seed: u64,
    seen: Option<Digest>,
    mut notes: Vec<String>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let Request { arguments, scenario, runner, .. } = request;
    let traced = arguments.trace != TraceFormat::None;
    let settings = Settings { trace: traced, record: arguments.record.is_some(), ..request.settings(seed) };
    let run = request.run(&settings)?;
    let repeat = request.repeat_one(seed);
    if let Some(seen) = seen.filter(|seen| *seen != run.digest) {
        let before = Run { digest: seen, ..run.clone() };
        return Err(determinism::explain(runner, scenario, &settings, &before, &run));
    }
    // With other oracles the run may stop elsewhere, and with another bug it is another run.
    if arguments.plant.is_none() && arguments.oracles.is_none() {
        notes.extend(plan::compare(scenario, &run)?);
    }
    if let Some(path) = &arguments.record {
        plan::record(path, runner, &run, &settings)?;
        notes.push(format!("the plan of this run is in {}", path.display()));
    }
    let past = past(request, &settings, &run)?;
    write_trace(arguments, &run, console)?;

    let judgement = Judgement::of(&scenario.expect, &run.verdict);
    let report = Report { scenario, run: &run, judgement, past: &past, notes: &notes, repeat: &repeat };
    let verdict = match arguments.format {
        Format::Human => text::run(&report),
        Format::Json => json::run(&report),
    };
    if traced && arguments.out.is_none() {
        console.remark(&verdict);
    } else {
        console.say(&verdict)?;
    }
    Ok(judgement.into())
}

/// The events that led to the finding, if there is one and somebody will read them.
fn past(request: &Request<'_>, settings: &Settings, run: &Run) -> Result<Vec<crate::base::Event>, Failure> {
    let Some(finding) = run.verdict.finding().filter(|_| request.arguments.format == Format::Human) else {
        return Ok(Vec::new());
    };
    if let Some(trace) = &run.trace {
        return Ok(causal_past(trace, finding.event, PAST));
    }
    if run.events > PAST_EVENTS_MAX {
        return Ok(Vec::new());
    }
    let traced = Settings { trace: true, record: false, ..settings.clone() };
    let again = request.runner.run(&request.scenario, &traced)?;
    if again.digest != run.digest {
        return Err(determinism::explain(request.runner, &request.scenario, settings, run, &again));
    }
    Ok(causal_past(&again.trace.unwrap_or_default(), finding.event, PAST))
}

fn write_trace(arguments: &RunArguments, run: &Run, console: &mut Console<'_>) -> Result<(), Failure> {
    let events = run.trace.as_deref().unwrap_or_default();
    let write = |out: &mut dyn std::io::Write| match arguments.trace {
        TraceFormat::None => Ok(()),
        TraceFormat::Text => trace::write_text(out, events, trace::Detail::Everything),
        TraceFormat::Brief => trace::write_text(out, events, trace::Detail::Brief),
        TraceFormat::Jsonl => trace::write_jsonl(out, events),
        TraceFormat::Lanes => out.write_all(lanes::lanes(&Past::of(run)).as_bytes()),
        TraceFormat::Mermaid => out.write_all(mermaid::mermaid(&Past::of(run)).as_bytes()),
    };
    match &arguments.out {
        Some(path) => write_file(path, write),
        None => console.stream(write),
    }
}

#[cfg(test)]
mod tests;
