//! Traces of scenarios, pinned: a change of the protocol, of the world or of any decision's name shows here first.
//!
//! Each snapshot is a run of a scenario, cut down to a few operations so that a person can read it: who played which
//! part, what was promised, what became durable, what the clients saw. The lines leave out the repetitive (timers,
//! packets, disk operations); the digest in the first line covers them all. `ping` and `calm` show every event.

use std::fmt::Write;
use std::time::Duration;

use foretell::base::{Event, EventKind, Probe};
use foretell::report::trace;
use foretell::scenario::file::parse_bytes;
use foretell::scenario::{Run, Scenario, Settings, Workload, run};

/// A scenario with this many operations, and its phases cut to so many milliseconds.
fn cut(name: &str, operations: u64, phases: &[u64]) -> Scenario {
    let path = format!("{}/sim-scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).expect("the scenario is there");
    let mut scenario = parse_bytes(name, &bytes, &foretell::systems::registry())
        .expect("the scenario is right")
        .only()
        .expect("it has no choices")
        .clone();
    assert_eq!(scenario.phases.len(), phases.len(), "{name} has other phases");
    for (phase, millis) in scenario.phases.iter_mut().zip(phases) {
        phase.duration = Duration::from_millis(*millis);
    }
    if let Workload::Drawn(mix) = &mut scenario.workload {
        mix.operations = Some(operations);
    }
    scenario
}

fn go(scenario: &Scenario, seed: u64) -> Run {
    let system = foretell::systems::registry().make(scenario).expect("it exists");
    run(scenario, system, &Settings { seed, trace: true, ..Settings::default() })
}

/// Whether an event belongs to the story: what the world did, what nodes promised, what clients saw.
fn matters(event: &Event) -> bool {
    match &event.kind {
        EventKind::Phase(_) | EventKind::Fault(_) | EventKind::Boot(_) | EventKind::Crash(_) => true,
        EventKind::Survived { .. } | EventKind::Pause | EventKind::Resume | EventKind::Wipe => true,
        EventKind::Call { .. } | EventKind::Return { .. } | EventKind::Mark(_) | EventKind::Panic(_) => true,
        EventKind::Probe(probe) => {
            !matches!(probe, Probe::Applied { .. } | Probe::Executed { .. } | Probe::Head { .. })
        }
        _ => false,
    }
}

fn told(scenario: &Scenario, seed: u64, shows: impl Fn(&Event) -> bool) -> String {
    let run = go(scenario, seed);
    let mut text = format!(
        "{} seed {seed}: {}, digest {}, {} events\n",
        scenario.name,
        run.verdict.word(),
        run.digest,
        run.events
    );
    if let Some(violation) = run.verdict.finding() {
        writeln!(text, "{}: {}", violation.oracle, violation.happened).expect("a string takes everything");
    }
    text += &trace::legend();
    let events = run.trace.expect("it was asked for");
    for event in events.iter().filter(|event| shows(event)) {
        text += "\n";
        text += &trace::line(event);
    }
    text
}

/// Pins the story of a scenario under `snapshots/`.
fn pin(name: &str, seed: u64, operations: u64, phases: &[u64], shows: impl Fn(&Event) -> bool) {
    let text = told(&cut(name, operations, phases), seed, shows);
    assert!(text.lines().count() < 300, "{name}: {} lines are too many to review", text.lines().count());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name.replace('/', "-"), text));
}

macro_rules! pinned {
    ($($test:ident: $name:literal seed $seed:literal, $operations:literal operations, $phases:expr, $shows:expr;)*) => {
        $(#[test]
        fn $test() {
            pin($name, $seed, $operations, &$phases, $shows);
        })*
    };
}

pinned! {
    ping: "ping" seed 1, 4 operations, [300, 100], |_| true;
    calm: "calm" seed 1, 1 operations, [215, 10], |_| true;
    primary_isolated: "primary-isolated" seed 1, 10 operations, [60, 3500, 400], matters;
    ack_window_crash: "ack-window-crash" seed 1, 8 operations, [900, 900], matters;
    rolling_restarts: "rolling-restarts" seed 1, 6 operations, [4000, 300], matters;
    one_way_primary: "one-way-primary" seed 1, 5 operations, [100, 1500, 600], matters;
    power_loss: "power-loss" seed 1, 6 operations, [1600, 600], matters;
    client_cut_off: "client-cut-off" seed 1, 6 operations, [1200, 400], matters;
    even_cluster: "even-cluster" seed 1, 4 operations, [900, 600], matters;
    flapping_partitions: "flapping-partitions" seed 1, 6 operations, [1200, 600], matters;
}
