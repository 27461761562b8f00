//! Stories of sweeps, with a hand-made run in the place of the simulator.

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::run::tests::{calm, chosen, honest, shows};
use super::*;
use crate::base::Digest;
use crate::report::samples;
use crate::scenario::system::idle::Idle;
use crate::scenario::{Expectation, Registry, Run, Scenario, Shows};

struct Ended {
    exit: Exit,
    out: String,
    err: String,
}

/// A directory of its own for each test.
fn directory(test: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("foretell-sweep-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("there is a place for temporary files");
    directory
}

fn arguments(test: &str) -> SweepArguments {
    SweepArguments { failing: directory(test).join("failing-seeds.toml"), ..SweepArguments::default() }
}

fn ask(
    arguments: &SweepArguments,
    seeds: Range<u64>,
    scenario: &Scenario,
    simulator: &(dyn Fn(&Settings) -> Run + Sync),
) -> Ended {
    let registry = Registry::new().system("vsr", &["odd", "early-ack"], |_| Ok(Rc::new(Idle)));
    let runner = Runner { registry: &registry, simulator: &|_, _, settings| simulator(settings) };
    let chosen = vec![chosen(scenario, arguments.plant.as_deref(), arguments.oracles.as_deref())];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console { out: &mut out, err: &mut err };
    let ended = perform(&Request { arguments, chosen, seeds, runner: &runner }, &mut console);
    let exit = ended.unwrap_or_else(|failure| {
        console.remark(&failure.message);
        failure.exit
    });
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    Ended { exit, out: text(out), err: text(err) }
}

#[test]
fn a_range_is_judged_as_a_whole() {
    let arguments = arguments("judged");
    let ended = ask(&arguments, 0..5, &calm(), &honest);
    assert_eq!(ended.exit, Exit::Finding);
    assert!(ended.out.ends_with("\nrepeat: foretell run primary-isolated --seed 2\n"), "{}", ended.out);
    assert!(ended.err.contains("5 runs in ") && ended.err.contains("seeds/s"), "{}", ended.err);
    let _ = fs::remove_file(&arguments.failing);
    assert_eq!(ask(&arguments, 0..1, &calm(), &honest).exit, Exit::Met);
    assert_eq!(ask(&arguments, 0..2, &calm(), &honest).exit, Exit::Incomplete);
    assert_eq!(ask(&arguments, 0..5, &shows(Shows::WithinSeeds(5)), &honest).exit, Exit::Met);
    assert_eq!(ask(&arguments, 0..5, &shows(Shows::Always), &honest).exit, Exit::Finding);
}

#[test]
fn a_mark_that_no_seed_reaches_is_a_finding() {
    let ended = ask(&arguments("mark"), 0..1, &samples::scenario(Expectation::Pass), &honest);
    assert_eq!(ended.exit, Exit::Finding);
    assert!(ended.out.contains("no seed reached `wrapped`"), "{}", ended.out);
    assert!(ended.out.ends_with("\nrepeat: foretell sweep primary-isolated --seeds 0..1\n"), "{}", ended.out);
}

#[test]
fn threads_and_pieces_give_one_digest() {
    let digest = |jobs, seeds: Range<u64>| {
        let arguments = SweepArguments { jobs: Some(jobs), format: SweepFormat::Json, ..arguments("pieces") };
        let ended = ask(&arguments, seeds, &calm(), &honest);
        let value: serde_json::Value = serde_json::from_str(&ended.out).expect("it is JSON");
        u64::from_str_radix(value["digest"].as_str().expect("a digest is text"), 16).expect("in hexadecimal digits")
    };
    assert_eq!(digest(1, 0..50), digest(2, 0..50));
    assert_eq!(digest(7, 0..50), digest(2, 0..13).wrapping_add(digest(1, 13..50)));
    assert_ne!(digest(1, 0..50), digest(1, 0..49));
}

#[test]
fn what_failed_is_run_first_next_time() {
    let arguments = SweepArguments { jobs: Some(1), ..arguments("first") };
    ask(&arguments, 0..5, &calm(), &honest);
    let kept = fs::read_to_string(&arguments.failing).expect("seeds failed");
    insta::assert_snapshot!(kept, @r#"
    # Seeds that failed. `foretell sweep` runs them before all others, and takes out those that fail no more.

    [[failing]]
    scenario = "primary-isolated"
    seed = 2
    signature = "AGREE primary commits"

    [[failing]]
    scenario = "primary-isolated"
    seed = 3
    signature = "LIVE primary commits"

    [[failing]]
    scenario = "primary-isolated"
    seed = 4
    signature = "AGREE primary commits"
    "#);

    // Seeds 2 and 4 are repaired. 3 fails as before, though it is not in the range.
    let order = std::sync::Mutex::new(Vec::new());
    let repaired = |settings: &Settings| {
        order.lock().expect("no panic").push(settings.seed);
        let mut run = honest(settings);
        if settings.seed != 3 {
            run.verdict = crate::scenario::Verdict::Pass;
        }
        run
    };
    let ended = ask(&arguments, 0..3, &calm(), &repaired);
    assert_eq!(order.into_inner().expect("no panic"), [2, 3, 4, 0, 1]);
    assert_eq!(ended.exit, Exit::Finding);
    assert!(ended.out.contains("3 runs"), "a seed outside the range counts for nothing else: {}", ended.out);
    let kept = fs::read_to_string(&arguments.failing).expect("it is still there");
    assert_eq!(kept.matches("seed = ").count(), 1, "{kept}");
    assert!(kept.contains("seed = 3"), "{kept}");
}

#[test]
fn it_can_stop_at_the_first_finding() {
    let runs = AtomicU64::new(0);
    let counted = |settings: &Settings| {
        runs.fetch_add(1, Ordering::Relaxed);
        honest(settings)
    };
    let arguments = SweepArguments { fail_fast: true, jobs: Some(1), ..arguments("fail-fast") };
    let ended = ask(&arguments, 0..1_000_000, &calm(), &counted);
    assert_eq!((ended.exit, runs.load(Ordering::Relaxed)), (Exit::Finding, 3));
}

#[test]
fn what_was_interrupted_goes_on_and_comes_to_the_same() {
    let whole = ask(&arguments("uninterrupted"), 5..6000, &calm(), &honest);
    assert!(whole.out.contains("digest"), "{}", whole.out);
    let runs = AtomicU64::new(0);
    let counted = |settings: &Settings| {
        // Somewhere in the tenth part a run breaks the sweep off.
        assert!(runs.fetch_add(1, Ordering::Relaxed) != 2_500, "enough for today");
        honest(settings)
    };
    let file = directory("resume").join("long.json");
    let arguments = SweepArguments { resume: Some(file.clone()), jobs: Some(1), ..arguments("resumed") };
    let broken = ask(&arguments, 5..6000, &calm(), &counted);
    assert_eq!(broken.exit, Exit::Broken, "{}", broken.err);
    assert!(broken.err.contains("kept up to seed 2309 in "), "{}", broken.err);
    let ended = ask(&arguments, 5..6000, &calm(), &counted);
    assert!(ended.err.contains("2,304 seeds were done before"), "{}", ended.err);
    assert_eq!(ended.out, whole.out);
    assert_eq!(ended.exit, whole.exit);
    assert_eq!(runs.load(Ordering::Relaxed), 2_501 + 5_995 - 2_304, "what was done is not done again");
    let again = ask(&arguments, 5..6000, &calm(), &|_| panic!("nothing is left to run"));
    assert_eq!(again.out, whole.out);

    let other = ask(&arguments, 5..6001, &calm(), &honest);
    assert_eq!(other.exit, Exit::BadInput);
    assert!(other.err.contains("of another sweep"), "{}", other.err);
    let twice = SweepArguments {
        check_determinism: true,
        resume: Some(file.clone()),
        failing: arguments.failing.clone(),
        ..SweepArguments::default()
    };
    let other = ask(&twice, 5..6000, &calm(), &honest);
    assert!(other.err.contains("of another sweep"), "nothing was run twice: {}", other.err);
    let text = fs::read_to_string(&file).expect("it is there").replace("\"next\": 6000", "\"next\": 7000");
    fs::write(&file, text).expect("it can be written");
    let other = ask(&arguments, 5..6000, &calm(), &honest);
    assert!(other.err.contains("somebody has changed it"), "{}", other.err);
    fs::write(&file, "{\"build\": 7").expect("it can be written");
    let other = ask(&arguments, 5..6000, &calm(), &honest);
    assert_eq!(other.exit, Exit::BadInput);
    assert!(other.err.contains("line 1 column"), "{}", other.err);
}

#[test]
fn a_seed_that_differs_from_itself_is_caught() {
    let count = AtomicU64::new(0);
    let fickle = |settings: &Settings| {
        let mut run = honest(settings);
        if count.fetch_add(1, Ordering::Relaxed) % 3 == 1 {
            run.digest = Digest::from_bits(1);
        }
        run
    };
    let arguments = SweepArguments { check_determinism: true, ..arguments("fickle") };
    let ended = ask(&arguments, 0..9, &calm(), &fickle);
    assert_eq!(ended.exit, Exit::Broken);
    assert!(ended.err.contains("not deterministic"), "{}", ended.err);
    assert!(ended.err.contains("\n\nrepeat: foretell run primary-isolated --seed "), "{}", ended.err);
    assert!(ended.err.ends_with(" --check-determinism"), "{}", ended.err);
}

#[test]
fn a_panic_of_the_simulator_ends_with_the_line_that_repeats_it() {
    let broken = |settings: &Settings| if settings.seed == 7 { panic!("slot 5 is taken") } else { honest(settings) };
    let ended = ask(&arguments("panic"), 0..100, &calm(), &broken);
    assert_eq!(ended.exit, Exit::Broken);
    assert!(ended.err.contains("slot 5 is taken"), "{}", ended.err);
    assert!(ended.err.ends_with("repeat: foretell run primary-isolated --seed 7"), "{}", ended.err);
}
