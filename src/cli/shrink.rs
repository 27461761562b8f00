//! `shrink`: a failing run made smaller, and kept as a scenario.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::explore::Runner;
use crate::explore::shrink::{Job, PassCount, Refusal, Shrunk, Size, Step, shrink};
use crate::report::lanes::lanes;
use crate::report::mermaid::mermaid;
use crate::report::past::Past;
use crate::report::retell;
use crate::report::words::{counted, field, grouped, span};
use crate::scenario::file::print;
use crate::scenario::{Expectation, Scenario, Settings, Shows};

use super::arguments::{ShrinkArguments, ShrinkFormat};
use super::chosen::{Chosen, Options};
use super::console::{Console, probe, write_file};
use super::exit::{Exit, Failure};
use super::progress::{self, Teller};
use super::repeat::quoted;
use super::shelf::Shelf;
use super::{interrupt, plan};

/// Shrinks as asked.
pub(super) fn command(
    arguments: &ShrinkArguments,
    program: &str,
    shelf: &Shelf,
    runner: &Runner<'_>,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let options = Options { program, plant: arguments.plant.as_deref(), oracles: arguments.oracles.as_deref() };
    let chosen = Chosen::find(&arguments.name, &options, shelf, runner.registry)?;
    let seed = seed(arguments, &chosen, runner)?;
    let scenario = chosen.scenario(seed)?;
    // Hours of shrinking must not end with a folder that cannot be written to.
    let place = Place::prepare(&arguments.out)?;
    let slips = arguments.slips.as_deref().map(Place::prepare).transpose()?;
    let ends = arguments.time_budget.map(|budget| progress::now() + budget);
    let stop = || interrupt::wanted() || ends.is_some_and(|ends| progress::now() >= ends);
    let one = One { chosen: &chosen, scenario: &scenario, seed, oracles: arguments.oracles.as_deref(), stop: &stop };
    let small = one.shrink(runner, &place, console)?;
    for (signature, slip) in &small.shrunk.slips {
        let count = "another failure showed on the way";
        match &slips {
            Some(place) => {
                let path = place.keep(&file_stem(&format!("{}-{signature}", slip.name)), &print(slip))?;
                console.remark(&format!("{count}: {signature}; its plan is in {}\n", path.display()));
            }
            None => console.remark(&format!("{count}: {signature}; --slips DIR keeps its plan\n")),
        }
    }
    let repeat = format!("{program} run {}", quoted(&small.kept.display().to_string()));
    match arguments.format {
        ShrinkFormat::Human => console.say(&human(&small, &repeat))?,
        ShrinkFormat::Mermaid => {
            console.remark(&sizes(&small));
            console.say(&mermaid(&small.past))?;
        }
        ShrinkFormat::Json => console.say(&json(&small, seed, &repeat))?,
    }
    Ok(if small.shrunk.interrupted { Exit::Incomplete } else { Exit::Met })
}

/// Which seed is meant.
fn seed(arguments: &ShrinkArguments, chosen: &Chosen, runner: &Runner<'_>) -> Result<u64, Failure> {
    if let Some(entropy) = chosen.entropy(arguments.seed)? {
        return Ok(entropy);
    }
    match (arguments.seed, chosen.family.expect()) {
        (Some(seed), _) => Ok(seed),
        (None, Expectation::Violation { shows: Shows::Seed(seed), .. }) => Ok(*seed),
        (None, Expectation::Violation { shows: Shows::Always, .. }) => Ok(0),
        (None, Expectation::Violation { shows: Shows::WithinSeeds(limit), .. }) => {
            for seed in 0..*limit {
                let settings = Settings { seed, oracles: arguments.oracles.clone(), trace: false, record: false };
                if runner.run(&chosen.scenario(seed)?, &settings)?.verdict.finding().is_some() {
                    return Ok(seed);
                }
            }
            Err(Failure::bad_input(format!("none of the seeds 0..{limit} fails, so there is nothing to shrink")))
        }
        (None, Expectation::Pass) => {
            let sweep = chosen.repeat.line("sweep", "");
            Err(Failure::bad_input(format!("which seed fails? Add --seed N; `{sweep}` looks for one")))
        }
    }
}

/// What came of shrinking.
pub(super) struct Small {
    pub(super) shrunk: Shrunk,
    /// What led to the violation, and nothing else.
    pub(super) past: Past,
    /// Where it was written.
    pub(super) kept: PathBuf,
}

/// One failing run to be made smaller.
pub(super) struct One<'a> {
    pub(super) chosen: &'a Chosen,
    pub(super) scenario: &'a Scenario,
    pub(super) seed: u64,
    pub(super) oracles: Option<&'a [crate::check::OracleId]>,
    pub(super) stop: &'a dyn Fn() -> bool,
}

impl One<'_> {
    /// Shrinks it, and writes the result. Also says where that is.
    pub(super) fn shrink(
        &self,
        runner: &Runner<'_>,
        place: &Place,
        console: &mut Console<'_>,
    ) -> Result<Small, Failure> {
        let mut teller = Teller::begin();
        interrupt::be_patient();
        let job = Job { scenario: self.scenario, seed: self.seed, oracles: self.oracles, stop: self.stop };
        let shrunk = shrink(runner, &job, &mut |step: &Step| teller.tell(console, |_| line(step)));
        let took = teller.took();
        let mut shrunk = shrunk.map_err(|refusal| self.refused(refusal))?;
        let tries = shrunk.passes.iter().map(|pass| pass.tries).sum();
        teller.end(console, &format!("{} in {}", counted(tries, "run"), span(took)));

        let signature = shrunk.signature.to_string();
        let (name, title) = match &shrunk.plan.plant {
            Some(plant) => {
                (format!("{plant}-{}", shrunk.signature.oracle.tag()), format!("planted {plant}: {signature}"))
            }
            None => {
                let source = &self.scenario.name;
                (
                    format!("{source}-{}-{}", shrunk.signature.oracle.tag(), self.seed),
                    format!("found by {source}: {signature}"),
                )
            }
        };
        (shrunk.plan.name, shrunk.plan.title) = (file_stem(&name), title);
        let settings = Settings { trace: true, ..Settings::default() };
        let text = plan::sealed(runner, &shrunk.plan, shrunk.run.digest)?;
        let past = Past::of(&runner.run(&shrunk.plan, &settings)?);
        let violation = shrunk.run.verdict.finding().expect("what was kept fails");
        let found = match self.chosen.family.is_plan() {
            true => "# Shrunk from a plan.".to_string(),
            false => {
                format!("# Shrunk from seed {} of `{}`, which had {}.", self.seed, self.scenario.name, shrunk.before)
            }
        };
        let opening = retell::opening(&shrunk.plan, violation, &past);
        let comment = format!("{opening}#\n{}#\n{found}\n\n", retell::picture(&past));
        let kept = place.keep(&shrunk.plan.name, &(comment + &text))?;
        Ok(Small { shrunk, past, kept })
    }

    fn refused(&self, refusal: Refusal) -> Failure {
        let what = if self.chosen.family.is_plan() { "this plan".to_string() } else { format!("seed {}", self.seed) };
        match refusal {
            Refusal::NoFailure => {
                Failure::bad_input(format!("{what} keeps every promise, so there is nothing to shrink"))
            }
            Refusal::Inconclusive(why) => {
                Failure::bad_input(format!("{what} is inconclusive, so there is nothing to shrink: {why}"))
            }
            Refusal::NotRepeated(first, second) => Failure::broken(format!(
                "{what} is not repeated by its plan: digest {first}, and then {second}\n\
                 What a system under test must not do is listed in docs/determinism.md."
            ))
            .repeatable_by_run(&self.chosen.repeat_one(self.seed)),
            Refusal::Mishap(mishap) => Failure::from(mishap).repeatable_by_run(&self.chosen.repeat_one(self.seed)),
        }
    }
}

/// Where results are kept.
pub(super) struct Place {
    path: PathBuf,
    is_file: bool,
}

impl Place {
    /// Makes sure, before anything else is done, that something can be written there.
    pub(super) fn prepare(path: &Path) -> Result<Place, Failure> {
        let is_file = path.extension().is_some_and(|ending| ending == "toml");
        let directory = if is_file { path.parent().unwrap_or(Path::new("")) } else { path };
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let refused = |error| Failure::bad_input(format!("cannot write into {}: {error}", directory.display()));
        let missing: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
        fs::create_dir_all(directory).map_err(refused)?;
        let written = probe(directory);
        // Whoever keeps something makes them again.
        missing.iter().for_each(|path| drop(fs::remove_dir(path)));
        written.map_err(refused)?;
        Ok(Place { path: path.to_path_buf(), is_file })
    }

    /// Writes a scenario. One of the same name that says something else is left as it is.
    pub(super) fn keep(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let refused = |error| Failure::bad_input(format!("cannot write into {}: {error}", self.path.display()));
        let directory = if self.is_file { self.path.parent().unwrap_or(Path::new("")) } else { &self.path };
        fs::create_dir_all(directory).map_err(refused)?;
        let first = if self.is_file { self.path.clone() } else { self.path.join(format!("{name}.toml")) };
        let stem = first.file_stem().map_or(name.into(), |stem| stem.to_string_lossy());
        let (mut path, mut number) = (first.clone(), 1);
        while fs::read(&path).is_ok_and(|there| there != text.as_bytes()) {
            number += 1;
            path = first.with_file_name(format!("{stem}-{number}.toml"));
        }
        write_file(&path, |out| out.write_all(text.as_bytes()))?;
        Ok(path)
    }
}

/// A name that is a good one for a file: small letters, digits and dashes.
fn file_stem(name: &str) -> String {
    let mut stem = String::new();
    for character in name.chars() {
        match character.to_ascii_lowercase() {
            plain if plain.is_ascii_alphanumeric() => stem.push(plain),
            _ if stem.is_empty() || stem.ends_with('-') => {}
            _ => stem.push('-'),
        }
    }
    // A panic says whatever it likes, and names of files have an end.
    stem.truncate(STEM_MAX);
    stem.trim_end_matches('-').to_string()
}

/// How long a name may be without its ending.
const STEM_MAX: usize = 80;

/// How far it is, in a line.
fn line(step: &Step) -> String {
    format!("{}: {}; {}", step.pass, step.size, counted(step.tries, "run"))
}

/// What became smaller.
fn sizes(small: &Small) -> String {
    let Small { shrunk, kept, .. } = small;
    let mut text = format!("{}  {}\n", shrunk.plan.name, shrunk.signature);
    text.push_str(&field("before", &shrunk.before.to_string()));
    text.push_str(&field("after", &shrunk.after.to_string()));
    text.push_str(&field("kept", &kept.display().to_string()));
    text
}

fn human(small: &Small, repeat: &str) -> String {
    let mut text = sizes(small);
    let interrupted = small.shrunk.interrupted;
    if interrupted {
        text.push_str(&field("stopped", "early: more could probably be taken away"));
    }
    let holds = if interrupted { "" } else { "   what holds now" };
    text.push_str(&format!("  passes                tries    kept{holds}\n"));
    for pass in &small.shrunk.passes {
        let (tries, successes) = (grouped(pass.tries), grouped(pass.successes));
        let invariant = if interrupted { "" } else { pass.invariant };
        text.push_str(format!("    {:<16} {tries:>8} {successes:>7}   {invariant}", pass.name).trim_end());
        text.push('\n');
    }
    text.push_str(&format!("\n{}\nrepeat: {repeat}\n", lanes(&small.past)));
    text
}

#[derive(Serialize)]
struct Object<'a> {
    name: &'a str,
    signature: String,
    oracle: &'static str,
    seed: u64,
    digest: String,
    before: SizeObject,
    after: SizeObject,
    kept: String,
    interrupted: bool,
    passes: Vec<PassObject>,
    slips: Vec<String>,
    repeat: &'a str,
}

#[derive(Serialize)]
struct SizeObject {
    faults: usize,
    operations: usize,
    deviations: usize,
    deliveries: u64,
    events: u64,
    replicas: u16,
    clients: u16,
}

#[derive(Serialize)]
struct PassObject {
    name: &'static str,
    tries: u64,
    successes: u64,
}

fn json(small: &Small, seed: u64, repeat: &str) -> String {
    let Small { shrunk, kept, .. } = small;
    let size = |size: &Size| {
        let Size { faults, operations, deviations, replicas, clients, deliveries, events } = *size;
        SizeObject { faults, operations, deviations, deliveries, events, replicas, clients }
    };
    let pass = |pass: &PassCount| PassObject { name: pass.name, tries: pass.tries, successes: pass.successes };
    let object = Object {
        name: &shrunk.plan.name,
        signature: shrunk.signature.to_string(),
        oracle: shrunk.signature.oracle.tag(),
        seed,
        digest: shrunk.run.digest.to_string(),
        before: size(&shrunk.before),
        after: size(&shrunk.after),
        kept: kept.display().to_string(),
        interrupted: shrunk.interrupted,
        passes: shrunk.passes.iter().map(pass).collect(),
        slips: shrunk.slips.keys().map(ToString::to_string).collect(),
        repeat,
    };
    let text = serde_json::to_string(&object).expect("an object of texts and numbers has no failing parts");
    format!("{text}\n")
}
