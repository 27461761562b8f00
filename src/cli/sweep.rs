//! `run --seeds`: a range of seeds, one after the other.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::explore::{Judgement, Tally};
use crate::report::words::{counted, grouped, span};
use crate::report::{Sweep, json, text};

use super::arguments::Format;
use super::console::Console;
use super::exit::{Exit, Failure};
use super::interrupt;
use super::run::Request;

/// How often somebody who waits is told how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Runs all seeds of a range, and reports them.
pub(super) fn command(request: &Request<'_>, seeds: &Range<u64>, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut tally = Tally::new(&request.scenario.expect);
    let mut interrupted = false;
    let began = now();
    let mut told = began;
    interrupt::be_patient();
    for seed in seeds.clone() {
        if interrupt::wanted() {
            interrupted = true;
            break;
        }
        tally.add(&request.run_seed(seed)?);
        if now().duration_since(told) >= PROGRESS_EVERY {
            told = now();
            let (done, all) = (grouped(tally.runs), counted(seeds.end - seeds.start, "seed"));
            console.remark(&format!("{done} of {all}, {}\n", counted(tally.found(), "finding")));
        }
    }
    let took = now().duration_since(began);
    let rate = u128::from(tally.runs) * 1_000_000 / took.as_micros().max(1);
    let rate = grouped(u64::try_from(rate).unwrap_or(u64::MAX));
    console.remark(&format!("{} in {}, {rate} seeds/s\n", counted(tally.runs, "seed"), span(took)));
    conclude(request, seeds, &tally, interrupted, console)
}

/// Reports what a range of seeds came to.
pub(super) fn conclude(
    request: &Request<'_>,
    seeds: &Range<u64>,
    tally: &Tally,
    interrupted: bool,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let repeat = |seed: Option<u64>| match seed {
        Some(seed) => request.repeat.seed(seed),
        None if request.arguments.seeds.is_some() => request.repeat.seeds(seeds),
        None => request.repeat.plain(),
    };
    let judgement = tally.judgement();
    let sweep =
        Sweep { scenario: &request.scenario, file: None, seeds, tally, interrupted, judgement, repeat: &repeat };
    console.say(&match request.arguments.format {
        Format::Human => text::sweep(&sweep),
        Format::Json => json::sweep(&sweep),
    })?;
    Ok(exit(&sweep))
}

/// A finding counts however much is missing; that something did not show counts only when nothing is missing.
fn exit(sweep: &Sweep<'_>) -> Exit {
    match sweep.judgement {
        Judgement::Found => Exit::Finding,
        _ if sweep.interrupted => Exit::Incomplete,
        _ if !sweep.never_reached().is_empty() => Exit::Finding,
        judgement => judgement.into(),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a person waited; decides nothing in any run")]
fn now() -> Instant {
    Instant::now()
}
