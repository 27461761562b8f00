//! Every scenario file is a test of its own: `cargo test --test scenarios` lists them.
//!
//! One that expects to pass runs a range of seeds, which must also reach what it says it reaches. One that expects a
//! violation runs the seeds it names; if it has a planted bug, it must also pass without it. `FORETELL_SEEDS` makes the
//! range longer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use foretell::check::OracleId;
use foretell::scenario::file::parse_bytes;
use foretell::scenario::{Expectation, Family, Registry, Run, Settings, Shows, run};
use libtest_mimic::{Arguments, Failed, Trial};

/// Seeds of a scenario that expects to pass; few, since this is also run in debug builds.
const SEEDS: u64 = 10;

/// Seeds of a scenario with choices, which a few seeds would know too little of.
const SEEDS_OF_CHOICES: u64 = 60;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-scenarios");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let trials = files.into_iter().map(|path| {
        let name = path.strip_prefix(&root).expect("it lies below").with_extension("").display().to_string();
        Trial::test(name, move || check(&path).map_err(Failed::from))
    });
    let every_plant = Trial::test("every planted bug has its scenario", || {
        let registry = foretell::systems::registry();
        let missing: Vec<&&str> = registry
            .plants("vsr")
            .iter()
            .filter(|plant| {
                let file = format!("{}/sim-scenarios/planted/{plant}.toml", env!("CARGO_MANIFEST_DIR"));
                !fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("\"{plant}\"")))
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(Failed::from(format!("{missing:?} have none"))) }
    });
    libtest_mimic::run(&Arguments::from_args(), trials.chain([every_plant]).collect()).exit();
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).expect("the scenarios are there");
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
}

fn check(path: &Path) -> Result<(), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).expect("names are text");
    let registry = foretell::systems::registry();
    let family = parse_bytes(name, &bytes, &registry).map_err(|errors| {
        let text = String::from_utf8_lossy(&bytes);
        errors.iter().map(|error| error.render(name, &text)).collect::<Vec<_>>().join("\n")
    })?;
    if !bytes.starts_with(b"#") {
        return Err("a scenario opens with a comment that says what it shows".to_string());
    }
    match family.expect() {
        Expectation::Pass => passes(&family, &registry),
        Expectation::Violation { check, shows } => {
            fails(*check, *shows, &family, &registry)?;
            match family.plant() {
                Some(plant) => passes_without(plant, &family, &registry),
                None => Ok(()),
            }
        }
    }
}

fn go(family: &Family, registry: &Registry, seed: u64) -> Result<Run, String> {
    let scenario = family.scenario(seed).map_err(|mistakes| format!("seed {seed}: {}", mistakes[0].message))?;
    let system = registry.make(&scenario)?;
    Ok(run(&scenario, system, &Settings { seed, ..Settings::default() }))
}

/// The protocol without its planted bug keeps every promise that the scenario judges: what was seen was the bug.
fn passes_without(plant: &str, family: &Family, registry: &Registry) -> Result<(), String> {
    let mut clean = family.clone();
    clean.set_plant(None);
    clean.set_expect(Expectation::Pass);
    passes(&clean, registry).map_err(|error| format!("without the planted bug {plant}: {error}"))
}

fn passes(family: &Family, registry: &Registry) -> Result<(), String> {
    let seeds = std::env::var("FORETELL_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let seeds = seeds.unwrap_or(if family.only().is_some() { SEEDS } else { SEEDS_OF_CHOICES });
    // A plan has nothing left for a seed to decide.
    let seeds = if family.is_plan() { 1 } else { seeds };
    let mut reached: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..seeds {
        let run = go(family, registry, seed)?;
        if let Some(violation) = run.verdict.finding() {
            let repeat = format!("repeat: foretell run {} --seed {seed}", family.name());
            return Err(format!("seed {seed}: {}: {}\n{repeat}", violation.oracle, violation.happened));
        }
        if run.verdict.word() != "pass" {
            return Err(format!("seed {seed}: {:?}", run.verdict));
        }
        for name in run.marks.keys().chain(run.faults.keys()) {
            *reached.entry(name).or_default() += 1;
        }
    }
    let missed: Vec<&String> =
        family.check().reached.iter().filter(|mark| !reached.contains_key(mark.as_str())).collect();
    match (missed.is_empty(), family.is_plan()) {
        (false, false) => Err(format!("{seeds} seeds never reached {missed:?}; they reached {:?}", reached.keys())),
        _ => Ok(()),
    }
}

fn fails(check: Option<OracleId>, shows: Shows, family: &Family, registry: &Registry) -> Result<(), String> {
    let seeds = match shows {
        Shows::Always => 0..1,
        Shows::Seed(seed) => seed..seed + 1,
        Shows::WithinSeeds(seeds) => 0..seeds,
    };
    let mut others = BTreeMap::new();
    for seed in seeds.clone() {
        match go(family, registry, seed)?.verdict.finding() {
            Some(violation) if check.is_none_or(|check| check == violation.oracle) => return Ok(()),
            Some(violation) => *others.entry(violation.oracle).or_insert(0) += 1,
            None => {}
        }
    }
    Err(format!("seeds {seeds:?} do not show the violation of {check:?} that is expected; they show {others:?}"))
}
