//! `run`: one scenario, with one seed or many.

use crate::base::Digest;
use crate::explore::{Judgement, Runner, Tally};
use crate::report::past::Past;
use crate::report::words::{counted, grouped};
use crate::report::{Kept, Report, Sweep, causal_past, json, lanes, mermaid, stand, text, trace};
use crate::scenario::{Expectation, Family, Run, Scenario, Settings, Shows};

use super::arguments::{Format, RunArguments, TraceFormat};
use super::chosen::{self, Chosen, Options};
use super::console::{Console, write_file};
use super::exit::{self, Exit, Failure};
use super::shelf::Shelf;
use super::{determinism, interrupt, plan, seeds};

/// How many events of the past of a finding are shown.
const PAST: usize = 12;

/// A run of more events than this is not run again just to show the past of its finding.
const PAST_EVENTS_MAX: u64 = 2_000_000;

/// What was typed, with its meaning.
pub(super) struct Request<'a> {
    pub(super) arguments: &'a RunArguments,
    pub(super) chosen: Chosen,
    pub(super) runner: &'a Runner<'a>,
}

/// Which seeds to run.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Which {
    /// This one.
    One(u64),
    /// From 0 on, until the expected violation shows, and at most so many.
    Until(u64),
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
            "--out is where a trace goes; add --trace text, brief, jsonl, lanes or mermaid",
        ));
    }
    let options = Options { program, plant: arguments.plant.as_deref(), oracles: arguments.oracles.as_deref() };
    let chosen = Chosen::find(&arguments.name, &options, shelf, runner.registry)?;
    perform(&Request { arguments, chosen, runner }, console)
}

fn perform(request: &Request<'_>, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match which(request.arguments, &request.chosen.family)? {
        Which::One(seed) => one(request, seed, None, request.chosen.notes.clone(), console),
        Which::Until(limit) => until(request, limit, console),
    }
}

fn which(arguments: &RunArguments, family: &Family) -> Result<Which, Failure> {
    if let Some(entropy) = chosen::entropy(&arguments.name, family, arguments.seed)? {
        return Ok(Which::One(entropy));
    }
    Ok(match (arguments.seed, family.expect()) {
        (Some(seed), _) => Which::One(seed),
        (None, Expectation::Violation { shows: Shows::Seed(seed), .. }) => Which::One(*seed),
        (None, Expectation::Violation { shows: Shows::WithinSeeds(limit), .. }) => Which::Until(*limit),
        (None, _) => Which::One(seeds::drawn()),
    })
}

impl Request<'_> {
    /// The settings of a run that is only judged.
    pub(super) fn settings(&self, seed: u64) -> Settings {
        Settings { seed, oracles: self.arguments.oracles.clone(), trace: false, record: false }
    }

    /// Runs once, and a second time if asked to compare.
    fn run(&self, scenario: &Scenario, settings: &Settings) -> Result<Run, Failure> {
        let run = self.runner.run(scenario, settings)?;
        if self.arguments.check_determinism {
            determinism::check(self.runner, scenario, settings, &run)?;
        }
        Ok(run)
    }

    /// A failure that is not the user's ends with the line that repeats it.
    fn repeatable(&self, seed: u64, failure: Failure) -> Failure {
        failure.repeatable_by_run(&self.chosen.repeat_one(seed))
    }
}

/// Runs seeds from 0 on until one shows the violation, and then reports that one.
fn until(request: &Request<'_>, limit: u64, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut tally = Tally::new(request.chosen.family.expect());
    let mut interrupted = false;
    interrupt::be_patient();
    for seed in 0..limit {
        if interrupt::wanted() {
            interrupted = true;
            break;
        }
        let scenario = request.chosen.scenario(seed)?;
        let ran = request.run(&scenario, &request.settings(seed));
        let run = ran.map_err(|failure| request.repeatable(seed, failure))?;
        if tally.add(&run) == Judgement::Shown {
            interrupt::be_prompt();
            let mut notes = request.chosen.notes.clone();
            notes.push(format!("seed {seed} is the first of {} that shows it", grouped(tally.runs)));
            for group in tally.groups().iter().filter(|group| !group.expected) {
                let count = counted(group.count, "seed");
                notes.push(format!("before it, {count} broke {}, seed {} first", group.signature, group.seed));
            }
            return one(request, seed, Some(run.digest), notes, console);
        }
    }
    let Chosen { family, repeat, .. } = &request.chosen;
    let name = repeat.scenario.as_str();
    let repeat = |seed: Option<u64>| seed.map_or_else(|| repeat.plain(), |seed| repeat.seed(seed));
    let judgement = tally.judgement();
    let (seeds, repeat) = (&(0..limit), &repeat);
    let file = Some(request.chosen.found.file.as_str()).filter(|_| !request.chosen.found.is_embedded);
    let sweeps = [Sweep { family, name, file, seeds, tally: &tally, interrupted, judgement, repeat }];
    console.say(&match request.arguments.format {
        Format::Human => text::sweep(&sweeps, &Kept::new()),
        Format::Json => json::sweep(&sweeps, &Kept::new()),
    })?;
    Ok(exit::of_sweeps(&sweeps))
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
    let Request { arguments, runner, .. } = request;
    let scenario = &request.chosen.scenario(seed)?;
    let traced = arguments.trace != TraceFormat::None;
    let settings = Settings { trace: traced, record: arguments.record.is_some(), ..request.settings(seed) };
    let run = request.run(scenario, &settings)?;
    let repeat = request.chosen.repeat_one(seed);
    if let Some(seen) = seen.filter(|seen| *seen != run.digest) {
        let word = run.verdict.word();
        return Err(determinism::explain(runner, scenario, &settings, (seen, word), (run.digest, word)));
    }
    // With other oracles the run may stop elsewhere, and with another bug it is another run.
    if arguments.plant.is_none() && arguments.oracles.is_none() {
        notes.extend(plan::note(scenario, &run)?);
    }
    if let Some(path) = &arguments.record {
        plan::record(path, runner, &run)?;
        notes.push(format!("the plan of this run is in {}", path.display()));
    }
    if run.verdict.finding().is_some() && !traced {
        let shrink = if scenario.plan.is_some() { "" } else { &format!(" --seed {seed}") };
        let shrink = request.chosen.repeat.line("shrink", shrink);
        notes.push(format!("to see more of it: {repeat} --trace lanes; to make it small: {shrink}"));
    }
    let (past, stands) = what_led_to_it(request, scenario, &settings, &run)?;
    write_trace(arguments, &run, console)?;

    let judgement = Judgement::of(&scenario.expect, &run.verdict);
    let report =
        Report { scenario, run: &run, judgement, past: &past, stands: &stands, notes: &notes, repeat: &repeat };
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

/// The events that led to the finding, if there is one and somebody will read them; and where everybody stood then, if it is about
/// progress.
fn what_led_to_it(
    request: &Request<'_>,
    scenario: &Scenario,
    settings: &Settings,
    run: &Run,
) -> Result<(Vec<crate::base::Event>, Vec<String>), Failure> {
    let Some(finding) = run.verdict.finding().filter(|_| request.arguments.format == Format::Human) else {
        return Ok((Vec::new(), Vec::new()));
    };
    // What came last before patience ended, timers mostly, led to nothing.
    let told = |trace: &[crate::base::Event]| match finding.oracle.is_liveness() {
        true => (Vec::new(), stand::stands(trace)),
        false => (causal_past(trace, finding.event, PAST), Vec::new()),
    };
    if let Some(trace) = &run.trace {
        return Ok(told(trace));
    }
    if run.events > PAST_EVENTS_MAX {
        return Ok((Vec::new(), Vec::new()));
    }
    let traced = Settings { trace: true, record: false, ..settings.clone() };
    let again = request.runner.run(scenario, &traced)?;
    if again.digest != run.digest {
        let seen = [run, &again].map(|run| (run.digest, run.verdict.word()));
        return Err(determinism::explain(request.runner, scenario, settings, seen[0], seen[1]));
    }
    Ok(told(&again.trace.unwrap_or_default()))
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
pub(super) mod tests;
