//! `replay`: the run that a plan was recorded from, once more.

use serde::Serialize;

use crate::base::{Event, LabelText, Name};
use crate::explore::{Judgement, Runner};
use crate::report::words::counted;
use crate::report::{Report, text, trace};
use crate::scenario::{Deviation, Fault, Run, Scenario, Settings, What, When};

use super::arguments::{Format, ReplayArguments};
use super::chosen::{Chosen, Options};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::plan::{Comparison, compare};
use super::shelf::Shelf;
use super::{determinism, interrupt};

/// Replays as asked.
pub(super) fn command(
    arguments: &ReplayArguments,
    program: &str,
    shelf: &Shelf,
    runner: &Runner<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let options = Options { program, plant: None, oracles: None };
    let chosen = Chosen::find(&arguments.name, &options, shelf, runner.registry)?;
    let Some(plan) = chosen.family.only().filter(|_| chosen.family.is_plan()) else {
        let record = chosen.repeat.line("run", " --seed N --record plan.toml");
        let name = &arguments.name;
        return Err(Failure::bad_input(format!(
            "`{name}` is no plan: it leaves something to chance. `{record}` writes one"
        )));
    };
    let repeat = chosen.repeat.line("replay", "");
    replay(arguments, plan, &repeat, runner, console).map_err(|failure| failure.repeatable(&repeat))
}

fn replay(
    arguments: &ReplayArguments,
    plan: &Scenario,
    repeat: &str,
    runner: &Runner<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let settings = Settings { seed: 0, oracles: None, trace: false, record: true };
    let run = runner.run(plan, &settings)?;
    if let Some((who, name)) = unknown_file(plan, &run) {
        let files = run.files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", ");
        let message = format!("a {who} names the file `{name}`, which no disk ever had; there are {files}");
        return Err(Failure::bad_input(message));
    }
    interrupt::be_patient();
    let mut times = 1;
    while times < arguments.times && !interrupt::wanted() {
        determinism::check(runner, plan, &Settings { record: false, ..settings.clone() }, &run)?;
        times += 1;
    }
    let comparison = compare(plan, &run);
    let place = || first_difference(plan, &run, runner);
    let mut differs = None;
    let (word, note, exit) = match comparison {
        Comparison::Same => ("same", None, None),
        Comparison::Unrecorded => {
            ("unrecorded", Some("the plan does not say what digest its run had".to_string()), None)
        }
        Comparison::Edited(note) => ("edited", Some(note), None),
        Comparison::Stale(note) => {
            differs = place()?;
            ("stale", Some(note), Some(Exit::Incomplete))
        }
        Comparison::Different(_) if is_same_trace(plan, &run) => {
            let events = counted(run.events, "event");
            (
                "edited",
                Some(format!("all {events} are as recorded, so the digest in the plan is not that of its run")),
                None,
            )
        }
        Comparison::Different(message) => {
            // Two runs may differ from one another as well, and then both versions of the event are known.
            determinism::check(runner, plan, &Settings { record: false, ..settings.clone() }, &run)?;
            let place = place()?.map_or(String::new(), |place| format!("\n{place}"));
            return Err(Failure::broken(format!("{message}{place}")));
        }
    };
    let judgement = Judgement::of(&plan.expect, &run.verdict);
    let mut notes = Vec::new();
    if word == "same" {
        notes.push(format!(
            "the recorded run, {}",
            if times == 1 { "repeated".to_string() } else { format!("{times} times of {}", arguments.times) }
        ));
    }
    notes.extend(note);
    notes.extend(never_struck(plan, &run));
    let report = Report { scenario: plan, run: &run, judgement, past: &[], stands: &[], notes: &notes, repeat };
    console.say(&match arguments.format {
        Format::Human => text::run(&report) + &differs.map_or(String::new(), |place| format!("\n{place}")),
        Format::Json => {
            let object = Object {
                plan: &arguments.name,
                comparison: word,
                times,
                digest: run.digest.to_string(),
                verdict: run.verdict.word(),
                expectation_met: judgement.is_met(),
                unused: &run.unused,
                notes: &notes,
                repeat,
            };
            let text = serde_json::to_string(&object).expect("an object of texts has no failing parts");
            format!("{text}\n")
        }
    })?;
    if times < arguments.times {
        console.remark(&format!("interrupted after {}\n", counted(u64::from(times), "run")));
        return Ok(Exit::Incomplete);
    }
    Ok(exit.unwrap_or(judgement.into()))
}

#[derive(Serialize)]
struct Object<'a> {
    plan: &'a str,
    /// `same`, `unrecorded`, `edited` or `stale`.
    comparison: &'static str,
    times: u32,
    digest: String,
    verdict: &'static str,
    expectation_met: bool,
    unused: &'a [String],
    notes: &'a [String],
    repeat: &'a str,
}

/// What of the plan's faults never struck, because its moment did not come. One that comes after a violation has no chance.
fn never_struck(plan: &Scenario, run: &Run) -> Option<String> {
    let struck: Vec<&Fault> = run.plan.iter().flat_map(|plan| &plan.phases).flat_map(|phase| &phase.faults).collect();
    let waits = |fault: &&Fault| !struck.contains(fault);
    let faults: Vec<&Fault> = plan.phases.iter().flat_map(|phase| &phase.faults).filter(waits).collect();
    let first = faults.first()?;
    let when = match &first.when {
        When::On { trigger, .. } => format!("on \"{trigger}\""),
        When::At(_) | When::Every(_) => "at its time".to_string(),
    };
    let count = counted(faults.len() as u64, "fault");
    Some(format!("{count} of the plan never struck, the first of them {when}: {}", first.what))
}

/// Whether every event is as recorded.
fn is_same_trace(plan: &Scenario, run: &Run) -> bool {
    let trace = |plan: &Scenario| plan.plan.as_ref().map(|plan| plan.trace.clone()).filter(|trace| !trace.is_empty());
    trace(plan).is_some_and(|recorded| run.plan.as_deref().and_then(trace) == Some(recorded))
}

/// Names the first event that is another one than in the recorded run, as far as the plan knows.
fn first_difference(plan: &Scenario, run: &Run, runner: &Runner<'_>) -> Result<Option<String>, Failure> {
    let recorded = plan.plan.as_ref().map_or(&[][..], |plan| &plan.trace);
    let now = run.plan.as_ref().and_then(|plan| plan.plan.as_ref()).map_or(&[][..], |plan| &plan.trace);
    if recorded.is_empty() {
        return Ok(None);
    }
    let same = recorded.iter().zip(now).take_while(|(recorded, now)| recorded == now).count();
    let traced = Settings { trace: true, record: false, ..Settings::default() };
    let events = runner.run(plan, &traced)?.trace.unwrap_or_default();
    let line = |event: Option<&Event>| event.map_or("(the run ends here)".to_string(), trace::line);
    let before = same.checked_sub(1).map_or(String::new(), |last| format!("  both  {}\n", line(events.get(last))));
    Ok(Some(format!(
        "the first event that differs is {}:\n        {}\n{before}  now   {}\n",
        same + 1,
        trace::legend(),
        line(events.get(same))
    )))
}

/// The name of a file that no disk ever had, in a deviation that never came up or in a fault; and in which of them.
fn unknown_file(plan: &Scenario, run: &Run) -> Option<(&'static str, String)> {
    let file = |text: &String| {
        let deviation: Deviation<LabelText> = text.parse().ok()?;
        match deviation.name {
            Name::Sector { file, .. } | Name::Length { file, .. } => Some(file.to_string()),
            _ => None,
        }
    };
    let deviations = run.unused.iter().filter_map(file).map(|file| ("deviation", file));
    let faults = plan.phases.iter().flat_map(|phase| &phase.faults).filter_map(|fault| match &fault.what {
        What::Rot { file, .. } | What::Unreadable { file, .. } => Some(("fault", file.clone())),
        _ => None,
    });
    deviations.chain(faults).find(|(_, file)| !run.files.contains(file.as_str()))
}
