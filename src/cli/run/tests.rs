//! Stories of runs, with a hand-made run in the place of the simulator.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::repeat::Repeat;
use super::super::shelf::Found;
use super::*;
use crate::check::OracleId;
use crate::report::samples;
use crate::scenario::system::idle::Idle;
use crate::scenario::{Plan, Registry, Workload};

/// What came of a command: its exit and what it wrote to the two streams.
struct Ended {
    exit: Exit,
    out: String,
    err: String,
}

/// A scenario as if it had been found by its name.
pub(in crate::cli) fn chosen(scenario: &Scenario, plant: Option<&str>, oracles: Option<&[OracleId]>) -> Chosen {
    let repeat = Repeat {
        program: "foretell".to_string(),
        scenario: "primary-isolated".to_string(),
        plant: plant.map(str::to_string),
        oracles: oracles.map(<[OracleId]>::to_vec),
    };
    let (name, file) = (scenario.name.clone(), "<embedded>/primary-isolated.toml".to_string());
    let found = Found { name, file, bytes: Vec::new(), is_embedded: true };
    Chosen { family: Family::from(scenario.clone()), repeat, notes: Vec::new(), found }
}

/// Runs `scenario` as `arguments` say, where `simulator` makes the runs.
fn ask(arguments: &RunArguments, scenario: &Scenario, simulator: &(dyn Fn(&Settings) -> Run + Sync)) -> Ended {
    let registry = Registry::new().system("vsr", &["odd", "early-ack"], |_| Ok(Rc::new(Idle)));
    let runner = Runner { registry: &registry, simulator: &|_, _, settings| simulator(settings) };
    let chosen = chosen(scenario, arguments.plant.as_deref(), arguments.oracles.as_deref());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console { out: &mut out, err: &mut err };
    let ended = perform(&Request { arguments, chosen, runner: &runner }, &mut console);
    let exit = ended.unwrap_or_else(|failure| {
        console.remark(&failure.message);
        failure.exit
    });
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    Ended { exit, out: text(out), err: text(err) }
}

/// The simulator: seeds 0 and 5 and so on pass, 1 gives up, 2 and 4 break AGREE, 3 breaks LIVE.
pub(in crate::cli) fn honest(settings: &Settings) -> Run {
    let mut run = samples::five_runs().swap_remove((settings.seed % 5) as usize);
    run.seed = settings.seed;
    run.digest = Digest::from_bits(run.digest.to_bits() + settings.seed);
    run.trace = settings.trace.then(samples::trace);
    run
}

pub(in crate::cli) fn calm() -> Scenario {
    let mut scenario = samples::scenario(Expectation::Pass);
    scenario.check.reached.clear();
    scenario
}

pub(in crate::cli) fn shows(shows: Shows) -> Scenario {
    Scenario { expect: Expectation::Violation { check: Some(OracleId::Live), shows }, ..calm() }
}

fn seed(seed: u64) -> RunArguments {
    RunArguments { seed: Some(seed), ..RunArguments::default() }
}

#[test]
fn one_seed_ends_with_the_code_of_its_verdict() {
    let exits = [0, 1, 2, 3].map(|number| ask(&seed(number), &calm(), &honest).exit);
    assert_eq!(exits, [Exit::Met, Exit::Incomplete, Exit::Finding, Exit::Finding]);
    let exits = [0, 1, 2, 3].map(|number| ask(&seed(number), &shows(Shows::Always), &honest).exit);
    assert_eq!(exits, [Exit::Finding, Exit::Incomplete, Exit::Finding, Exit::Met]);
}

#[test]
fn a_finding_shows_what_led_to_it_and_how_to_repeat_it() {
    let arguments = RunArguments { oracles: Some(vec![OracleId::Agree, OracleId::Lin]), ..seed(2) };
    let ended = ask(&arguments, &calm(), &honest);
    assert!(ended.out.contains("r1   commits 3 (0000001f) in epoch 0"), "{}", ended.out);
    let repeat = "\nrepeat: foretell run primary-isolated --seed 2 --oracles agree,lin\n";
    assert!(ended.out.ends_with(repeat), "{}", ended.out);
    assert_eq!(ended.err, "");
}

#[test]
fn without_a_seed_the_scenario_may_name_one() {
    let none = RunArguments::default();
    assert_eq!(which(&none, &Family::from(shows(Shows::Seed(17)))), Ok(Which::One(17)));
    assert_eq!(which(&none, &Family::from(shows(Shows::WithinSeeds(50)))), Ok(Which::Until(50)));
    assert_eq!(which(&seed(3), &Family::from(shows(Shows::WithinSeeds(50)))), Ok(Which::One(3)));
    assert!(matches!(which(&none, &Family::from(calm())), Ok(Which::One(seed)) if seed < 1 << 32));
}

#[test]
fn a_plan_takes_no_seed() {
    let plan = Plan { entropy: 7, oracles: None, deviations: vec![], digest: None, build: None, trace: vec![] };
    let scenario = Scenario { plan: Some(plan), ..calm() };
    assert_eq!(which(&RunArguments::default(), &Family::from(scenario.clone())), Ok(Which::One(7)));
    assert_eq!(ask(&seed(7), &scenario, &honest).exit, Exit::BadInput);
    let ended = ask(&RunArguments { format: Format::Json, ..RunArguments::default() }, &scenario, &honest);
    assert!(ended.out.contains(r#""seed":null"#), "{}", ended.out);
    assert!(ended.out.contains(r#""repeat":"foretell run primary-isolated""#), "{}", ended.out);
}

#[test]
fn an_expected_violation_is_searched_for() {
    let ended = ask(&RunArguments::default(), &shows(Shows::WithinSeeds(50)), &honest);
    assert_eq!(ended.exit, Exit::Met);
    assert!(ended.out.starts_with("primary-isolated  seed 3  stuck: LIVE\n"), "{}", ended.out);
    for note in
        ["seed 3 is the first of 4 that shows it", "before it, 1 seed broke AGREE primary commits, seed 2 first"]
    {
        assert!(ended.out.contains(note), "{note}: {}", ended.out);
    }
    let ended = ask(&RunArguments::default(), &shows(Shows::WithinSeeds(1)), &honest);
    assert_eq!(ended.exit, Exit::Finding);
    assert!(ended.out.contains("no seed shows it"), "{}", ended.out);
    assert!(ended.out.ends_with("repeat: foretell run primary-isolated\n"), "{}", ended.out);
}

#[test]
fn the_trace_has_standard_output_for_itself() {
    let arguments = RunArguments { trace: TraceFormat::Jsonl, format: Format::Json, ..seed(2) };
    let ended = ask(&arguments, &calm(), &honest);
    assert_eq!(ended.out.lines().count(), samples::trace().len());
    assert!(ended.out.lines().all(|line| line.starts_with(r#"{"id":"#)), "{}", ended.out);
    assert!(ended.err.contains(r#""verdict":"violation""#), "{}", ended.err);
}

#[test]
fn a_run_that_differs_from_itself_is_caught() {
    // Every third run is another one, so comparing any two neighbours is not enough.
    let count = AtomicU64::new(0);
    let fickle = |settings: &Settings| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut run = honest(settings);
        if number % 3 == 2 {
            run.digest = Digest::from_bits(1);
            if let Some(event) = run.trace.as_mut().and_then(|trace| trace.last_mut()) {
                event.at = event.at.shifted(1);
            }
        }
        run
    };
    for (arguments, starts) in [
        (RunArguments { check_determinism: true, ..seed(0) }, 0),
        // Without being asked: the run that is repeated to show its past, and the search that is repeated to report.
        (seed(2), 0),
    ] {
        count.store(starts, Ordering::Relaxed);
        let ended = ask(&arguments, &calm(), &fickle);
        assert_eq!(ended.exit, Exit::Broken);
        assert!(ended.err.contains("0000000000000001"), "{}", ended.err);
        assert!(ended.err.contains("not deterministic"), "{}", ended.err);
        // One run alone would pass.
        assert!(ended.err.ends_with(" --check-determinism"), "{}", ended.err);
    }
    count.store(1, Ordering::Relaxed);
    let ended = ask(&RunArguments::default(), &shows(Shows::WithinSeeds(50)), &fickle);
    assert_eq!(ended.exit, Exit::Broken, "{}", ended.out);
}

#[test]
fn a_panic_of_the_simulator_ends_with_the_line_that_repeats_it() {
    let ended = ask(&seed(7), &calm(), &|_| panic!("slot 5 is taken"));
    assert_eq!(ended.exit, Exit::Broken);
    assert!(ended.err.contains("slot 5 is taken"), "{}", ended.err);
    assert!(ended.err.ends_with("repeat: foretell run primary-isolated --seed 7"), "{}", ended.err);
}

#[test]
fn a_plan_that_does_not_repeat_its_run_is_not_written() {
    let path = std::env::temp_dir().join(format!("foretell-never-{}.toml", std::process::id()));
    let arguments = RunArguments { record: Some(path.clone()), ..seed(0) };
    let forgetful = |settings: &Settings| {
        let mut run = honest(settings);
        if settings.record {
            let plan = Plan { entropy: 0, oracles: None, deviations: vec![], digest: None, build: None, trace: vec![] };
            let workload = Workload::Explicit(vec![]);
            run.plan = Some(Box::new(Scenario { workload, plan: Some(plan), ..calm() }));
        } else {
            run.digest = Digest::from_bits(1);
        }
        run
    };
    let ended = ask(&arguments, &calm(), &forgetful);
    assert_eq!(ended.exit, Exit::Broken);
    assert!(ended.err.contains("has digest") && ended.err.contains("0000000000000001"), "{}", ended.err);
    assert!(ended.err.ends_with("repeat: foretell run primary-isolated --seed 0"), "{}", ended.err);
    assert!(!path.exists());
}
