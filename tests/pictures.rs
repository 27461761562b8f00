//! What people read of a broken promise, pinned: how it is retold, the picture and the diagram of what led to it.
//!
//! The plans are planted bugs with no more operations and faults than it takes to show them, as a shrinker leaves them.
//! Whoever changes a rule of what is noise sees here what it does to a reader.

use foretell::base::EventKind;
use foretell::report::past::{self, Past};
use foretell::report::{lanes, mermaid, retell};
use foretell::scenario::file::parse_bytes;
use foretell::scenario::{Run, Scenario, Settings, run};

/// The primary's answer is lost and the primary dies; the next one has never heard of the request.
const FORGOTTEN_ANSWER: &str = r#"
title = "only the primary remembers what it answered"
system = "vsr"
plant = "client-table-primary-only"
entropy = 1

[cluster]
replicas = 3
clients = 1

[workload]
kind = "explicit"
operations = ["c0 after 10ms append k0 '1;'"]

[[phase]]
name = "the primary dies"
for = "3s"

[[phase.fault]]
on = "r0 sends Reply(n1) to c0 exactly #1"
before = true
cut = { from = "r0", to = "c0" }

[[phase.fault]]
at = "100ms"
crash = { target = "r0", max_down = "all" }

[expect]
outcome = "violation"
check = "at-most-once"
"#;

/// The old primary collects a longer log that nobody shares, and a later leader takes it for the better one.
const LONGEST_LOG: &str = r#"
title = "the longest log wins, not the latest"
system = "vsr"
plant = "longest-log-ignores-log-view"
entropy = 0

[cluster]
replicas = 3
clients = 2

[workload]
kind = "explicit"
operations = [
  "c0 put k0 1",
  "c1 after 10ms put k0 2",
]

[[phase]]
name = "two logs"
for = "4s"

[[phase.fault]]
at = "0s"
partition = { groups = [["r0"], ["r1", "r2", "c0", "c1"]] }

[[phase.fault]]
on = "r1 sends Reply(n0) to c0 exactly #1"
partition = { groups = [["r1"], ["r0", "r2", "c0", "c1"]] }

[expect]
outcome = "violation"
check = "no-lost-commit"
"#;

fn parse(name: &str, text: &[u8]) -> Scenario {
    parse_bytes(name, text, &foretell::systems::registry())
        .expect("the scenario is right")
        .only()
        .expect("it has no choices")
        .clone()
}

fn go(scenario: &Scenario, seed: u64) -> Run {
    let system = foretell::systems::registry().make(scenario).expect("it exists");
    run(scenario, system, &Settings { seed, trace: true, ..Settings::default() })
}

/// Pins everything that is told of the finding of a plan under `snapshots/`.
fn pin(name: &str, text: &str) {
    let scenario = parse(name, text.as_bytes());
    let run = go(&scenario, 1);
    let violation = run.verdict.finding().expect("it is planted");
    let past = Past::of(&run);
    let comment = retell::opening(&scenario, violation, &past) + "#\n" + &retell::picture(&past);
    // It is a comment: with it the file reads as it did.
    assert_eq!(parse(name, format!("{comment}\n{text}").as_bytes()), scenario);
    assert!(comment.lines().all(|line| line.chars().count() <= 120), "a line is too long:\n{comment}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    let pictures = format!("{comment}\n{}", mermaid::mermaid(&past));
    settings.bind(|| insta::assert_snapshot!(format!("picture-{name}"), pictures));
}

#[test]
fn a_forgotten_answer() {
    pin("client-table-primary-only", FORGOTTEN_ANSWER);
}

#[test]
fn the_longest_log() {
    pin("longest-log-ignores-log-view", LONGEST_LOG);
}

#[test]
fn a_history_that_nobody_can_explain() {
    let read = FORGOTTEN_ANSWER
        .replace("clients = 1", "clients = 2")
        .replace("'1;'\"]", "'1;'\", \"c1 after 900ms get k0\"]")
        .replace("[expect]", "[check]\nsafety = [\"linearizable\"]\n\n[expect]")
        .replace("at-most-once", "linearizable");
    pin("appended-twice", &read);
}

#[test]
fn every_planted_bug_fits_on_a_screen() {
    let directory = format!("{}/sim-scenarios/planted", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(paths.len() >= 13);
    for path in paths {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let scenario = parse(&name, &std::fs::read(&path).expect("it is there"));
        let Some(run) = (0..200).map(|seed| go(&scenario, seed)).find(|run| run.verdict.finding().is_some()) else {
            panic!("{name} shows nothing");
        };
        let violation = run.verdict.finding().expect("it was looked for");
        let past = Past::of(&run);
        let picture = lanes::lanes(&past);
        let lines = picture.lines().count();
        assert!((4..=50).contains(&lines), "{name}: {lines} lines\n{picture}");
        assert!(picture.contains(&violation.oracle.to_string()), "{name} does not say what was broken:\n{picture}");
        assert!(past.shown.iter().all(|event| event.id <= violation.event), "{name} shows the future");
        assert!(past.shown.windows(2).all(|pair| pair[0].id < pair[1].id), "{name} is out of order");
        let opening = retell::opening(&scenario, violation, &past);
        let sentences =
            opening.lines().filter(|line| line.get(2..6).is_some_and(|number| number.ends_with(". "))).count();
        assert!((1..=15).contains(&sentences), "{name}: {sentences} sentences\n{opening}");
        assert_eq!(Past::of(&run), past, "{name} is told in two ways");
    }
}

#[test]
fn a_run_without_a_finding_is_shown_as_a_whole_up_to_a_limit() {
    let path = format!("{}/sim-scenarios/calm.toml", env!("CARGO_MANIFEST_DIR"));
    let run = go(&parse("calm", &std::fs::read(path).expect("it is there")), 1);
    let past = past::whole(run.trace.as_deref().expect("it was asked for"));
    let picture = lanes::lanes(&past);
    assert!(past.left_out > 0);
    assert!(picture.lines().count() <= 202);
    assert!(picture.lines().last().is_some_and(|line| line.contains("later events left out")));
    assert!(!past.shown.iter().any(|event| matches!(event.kind, EventKind::Timer { .. } | EventKind::DiskDone { .. })));
}
