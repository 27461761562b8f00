//! `sweep`: many seeds of some scenarios, on all cores.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::check::OracleId;
use crate::explore::sweep::{Trouble, Wrong};
use crate::explore::{Order, Progress, Runner, Swept, sweep};
use crate::report::words::{counted, span};
use crate::report::{Kept, Sweep, github, json, junit, text};
use crate::scenario::{Family, Settings};

use super::arguments::{SweepArguments, SweepFormat};
use super::chosen::{Chosen, Options};
use super::console::Console;
use super::exit::{self, Exit, Failure};
use super::failing::{Failing, FailingSeeds};
use super::parts::Parts;
use super::progress::{self, Teller};
use super::shelf::{Shelf, names};
use super::shrink::{One, Place};
use super::{determinism, interrupt, repeat};

/// The seeds of a sweep of which neither seeds nor a time budget is said.
const SEEDS: Range<u64> = 0..1000;

/// What was typed, with its meaning.
struct Request<'a> {
    arguments: &'a SweepArguments,
    chosen: Vec<Chosen>,
    seeds: Range<u64>,
    runner: &'a Runner<'a>,
}

/// Sweeps as asked.
pub(super) fn command(
    arguments: &SweepArguments,
    program: &str,
    shelf: &Shelf,
    runner: &Runner<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let options = Options { program, plant: arguments.plant.as_deref(), oracles: arguments.oracles.as_deref() };
    let mut chosen: Vec<Chosen> = Vec::new();
    for word in &arguments.names {
        let names = names(word);
        if names.is_empty() {
            return Err(Failure::bad_input(format!("there is no .toml file below {word}")));
        }
        for name in names {
            let one = Chosen::find(&name, &options, shelf, runner.registry)?;
            if one.family.is_plan() {
                // In a directory plans stand beside scenarios; one that was asked for by its name is a mistake.
                if !Path::new(word).is_dir() {
                    return Err(Failure::bad_input(format!(
                        "`{name}` is a plan: nothing in it is left to chance, so it takes no seed; `run` or `replay` it"
                    )));
                }
                continue;
            }
            // The same scenario by two names on the line is swept once.
            let place =
                |one: &Chosen| fs::canonicalize(&one.found.file).unwrap_or_else(|_| one.found.file.clone().into());
            if chosen.iter().all(|other| place(other) != place(&one)) {
                chosen.push(one);
            }
        }
    }
    if chosen.is_empty() {
        return Err(Failure::bad_input("there are only plans, which leave nothing to chance and take no seeds"));
    }
    let seeds = match (&arguments.seeds, arguments.time_budget) {
        (Some(seeds), _) => seeds.clone(),
        (None, Some(_)) => 0..u64::MAX,
        (None, None) => SEEDS,
    };
    perform(&Request { arguments, chosen, seeds, runner }, console)
}

fn perform(request: &Request<'_>, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let Request { arguments, chosen, seeds, .. } = request;
    let failing = FailingSeeds::read(&arguments.failing)?;
    let families: Vec<Family> = chosen.iter().map(|one| one.family.clone()).collect();
    let first: Vec<(usize, u64)> = (chosen.iter().enumerate())
        .flat_map(|(place, one)| {
            failing.of(&one.repeat.scenario, one.repeat.plant.as_deref()).map(move |seed| (place, seed))
        })
        .collect();
    if !first.is_empty() {
        let count = counted(first.len() as u64, "seed");
        console.remark(&format!("{count} that failed before, from {}, first\n", arguments.failing.display()));
    }
    chosen.iter().flat_map(|one| &one.notes).for_each(|note| console.remark(&format!("{note}\n")));

    // Whether there is a place for what will be shrunk is better known before than after.
    if arguments.out.extension().is_some_and(|ending| ending == "toml") {
        return Err(Failure::bad_input("a sweep may find several things; --out names the directory to keep them in"));
    }
    let place = if arguments.shrink { Some(Place::prepare(&arguments.out)?) } else { None };
    let mut parts = match &arguments.resume {
        Some(file) => Parts::kept(file, chosen, seeds, arguments.check_determinism)?,
        None => Parts::whole(seeds),
    };
    let swept = in_parts(request, &mut parts, &families, &first, console)?;
    // Without seeds that were asked for, a time budget that is used up is all that was asked for.
    let endless = seeds.end == u64::MAX && arguments.time_budget.is_some();
    let interrupted = !swept.complete && (!endless || interrupt::wanted());
    let written = keep_failing(request, &failing, &swept);
    let kept = match place {
        Some(place) if swept.trouble.is_none() => shrunk(request, &swept, &place, console)?,
        _ => Kept::new(),
    };
    let exit = report(request, &swept, interrupted, &kept, console)?;
    // What was found is on the screen by now, whatever else went wrong.
    written?;
    swept.trouble.as_ref().map_or(Ok(exit), |trouble| Err(told(request, trouble)))
}

/// Sweeps part by part, and tells how far it is.
fn in_parts(
    request: &Request<'_>,
    parts: &mut Parts,
    families: &[Family],
    first: &[(usize, u64)],
    console: &mut Console<'_>,
) -> Result<Swept, Failure> {
    let Request { arguments, seeds, runner, .. } = request;
    if parts.has_begun() {
        console.remark(&format!("{} were done before\n", counted(parts.seeds_done(), "seed")));
    }
    let mut teller = Teller::begin();
    let ends = arguments.time_budget.map(|budget| progress::now() + budget);
    let out_of_time = || ends.is_some_and(|ends| progress::now() >= ends);
    interrupt::be_patient();
    let all = (seeds.end - seeds.start).saturating_mul(families.len() as u64);
    let before: u64 = parts.before().iter().map(|tally| tally.runs).sum();
    let time_before: Duration = parts.before().iter().map(|tally| tally.virtual_time).sum();
    // The parts of this very command are not what was done before.
    let since = |progress: &Progress| Progress {
        all: if arguments.resume.is_some() { all } else { progress.all },
        before,
        virtual_time: progress.virtual_time.saturating_sub(time_before),
        ..*progress
    };
    let mut last = None;
    // What has no part left is complete.
    let mut swept = Swept { complete: true, ..Swept::nothing(families, parts.before()) };
    while let Some(part) = parts.next() {
        let order = Order {
            families,
            seeds: part,
            first: &parts.first(first),
            oracles: arguments.oracles.as_deref(),
            jobs: arguments.jobs.map_or_else(cores, usize::from),
            fail_fast: arguments.fail_fast,
            twice: arguments.check_determinism,
            before: parts.before(),
            stop: &|| interrupt::wanted() || out_of_time(),
        };
        let mended = std::mem::take(&mut swept.mended);
        swept = sweep(runner, &order, &mut |progress: &Progress| {
            last = Some(since(progress));
            teller.tell(console, |took| progress::line(&since(progress), took));
        });
        swept.mended.extend(mended);
        if !swept.complete {
            break;
        }
        parts.done(&swept.tallies)?;
        if arguments.fail_fast && swept.tallies.iter().any(|tally| tally.unexpected() > 0) {
            swept.complete = parts.next().is_none();
            break;
        }
    }
    let took = teller.took();
    let speed = last.map_or(String::new(), |last| format!(", {}", progress::speed(&last, took)));
    let runs = swept.tallies.iter().map(|tally| tally.runs).sum::<u64>() - before;
    teller.end(console, &format!("{} in {}{speed}", counted(runs, "run"), span(took)));
    if let Some(left) = parts.left() {
        console.remark(&format!("{left}\n"));
    }
    Ok(swept)
}

/// No finding of a sweep is shrunk for longer than this.
const SHRINK_BUDGET: Duration = Duration::from_secs(120);

/// Shrinks the smallest seed of each finding. Says where the results are.
fn shrunk(request: &Request<'_>, swept: &Swept, place: &Place, console: &mut Console<'_>) -> Result<Kept, Failure> {
    let mut kept = Kept::new();
    for (index, (one, tally)) in request.chosen.iter().zip(&swept.tallies).enumerate() {
        for group in tally.groups().into_iter().filter(|group| !group.expected) {
            if interrupt::wanted() {
                console
                    .remark(&format!("not shrunk: {} seed {}: {}\n", one.repeat.scenario, group.seed, group.signature));
                continue;
            }
            console.remark(&format!("shrinking {} seed {}: {}\n", one.repeat.scenario, group.seed, group.signature));
            let ends = progress::now() + SHRINK_BUDGET;
            let shrinking = One {
                chosen: one,
                scenario: &one.scenario(group.seed)?,
                seed: group.seed,
                oracles: request.arguments.oracles.as_deref(),
                stop: &|| interrupt::wanted() || progress::now() >= ends,
            };
            let small = match shrinking.shrink(request.runner, place, console) {
                Ok(small) => small,
                Err(failure) => {
                    console.remark(&format!("not shrunk: {}\n", failure.message.trim_end()));
                    continue;
                }
            };
            console.remark(&format!("{}\nkept in {}\n", small.shrunk.after, small.kept.display()));
            kept.insert((index, group.signature.clone()), small.kept.display().to_string());
        }
    }
    Ok(kept)
}

/// Reports what a sweep came to.
fn report(
    request: &Request<'_>,
    swept: &Swept,
    interrupted: bool,
    kept: &Kept,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    // The file is of all scenarios of the sweep, and the line of one.
    let kept_in = request.arguments.resume.as_deref().filter(|_| interrupted && request.chosen.len() == 1);
    let repeats: Vec<_> = request.chosen.iter().map(|one| repeat_lines(one, &request.seeds, kept_in)).collect();
    let sweeps: Vec<Sweep<'_>> = (request.chosen.iter().zip(&swept.tallies).zip(&repeats))
        .map(|((one, tally), repeat)| Sweep {
            family: &one.family,
            name: &one.repeat.scenario,
            file: Some(one.found.file.as_str()).filter(|_| !one.found.is_embedded),
            seeds: &request.seeds,
            tally,
            interrupted,
            judgement: tally.judgement(),
            repeat,
        })
        .collect();
    console.say(&match request.arguments.format {
        SweepFormat::Human => text::sweep(&sweeps, kept),
        SweepFormat::Json => json::sweep(&sweeps, kept),
        SweepFormat::Junit => junit::junit(&sweeps),
        SweepFormat::Github => github::annotations(&sweeps),
    })?;
    if let (SweepFormat::Github, Some(path)) = (request.arguments.format, std::env::var_os("GITHUB_STEP_SUMMARY")) {
        append(Path::new(&path), &github::summary(&sweeps))?;
    }
    Ok(exit::of_sweeps(&sweeps))
}

/// Adds to the summary of a step, which other commands of the step write to as well.
fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let refused = |error| Failure::bad_input(format!("cannot write the summary to {}: {error}", path.display()));
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)
}

/// Of a sweep that ended in the middle, the line that goes on with what is kept.
fn repeat_lines<'a>(
    one: &'a Chosen,
    seeds: &'a Range<u64>,
    kept_in: Option<&'a Path>,
) -> impl Fn(Option<u64>) -> String + 'a {
    let resume = kept_in.map_or(String::new(), |file| format!(" --resume {}", repeat::quoted(&file.to_string_lossy())));
    move |seed| seed.map_or_else(|| one.repeat.seeds(seeds) + &resume, |seed| one.repeat.seed(seed))
}

/// Writes down which seeds to run first next time.
fn keep_failing(request: &Request<'_>, failing: &FailingSeeds, swept: &Swept) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for (one, tally) in request.chosen.iter().zip(&swept.tallies) {
        for group in tally.groups().into_iter().filter(|group| !group.expected) {
            let entry = |seed: &u64| Failing {
                scenario: one.repeat.scenario.clone(),
                plant: one.repeat.plant.clone(),
                seed: *seed,
                signature: group.signature.to_string(),
            };
            failed.extend(group.seeds.iter().map(entry));
        }
    }
    // An oracle that did not watch has not seen that a promise is kept again.
    let watched = |known: &Failing| {
        let oracle = known.signature.split(' ').next().and_then(|tag| tag.parse::<OracleId>().ok());
        request.arguments.oracles.as_ref().is_none_or(|chosen| oracle.is_some_and(|oracle| chosen.contains(&oracle)))
    };
    let is_mended = |known: &Failing| {
        let is = |(place, seed): &(usize, u64)| {
            let repeat = &request.chosen[*place].repeat;
            repeat.scenario == known.scenario && repeat.plant == known.plant && *seed == known.seed
        };
        watched(known) && swept.mended.iter().any(is)
    };
    failing.update(failed, is_mended)
}

/// What to say of a seed without a result.
fn told(request: &Request<'_>, trouble: &Trouble) -> Failure {
    let Trouble { family, seed, what } = trouble;
    let one = &request.chosen[*family];
    let failure = match what {
        Wrong::Scenario(diagnostics) => return one.impossible(*seed, diagnostics),
        Wrong::Run(mishap) => mishap.clone().into(),
        Wrong::Twofold([first, second]) => {
            let settings =
                Settings { seed: *seed, oracles: request.arguments.oracles.clone(), trace: false, record: false };
            match one.scenario(*seed) {
                Ok(scenario) => determinism::explain(request.runner, &scenario, &settings, *first, *second),
                Err(failure) => failure,
            }
        }
    };
    failure.repeatable_by_run(&one.repeat_one(*seed))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests;
