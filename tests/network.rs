//! What links and clocks have of their own, in runs of a scenario file: whatever a seed decided of it, a plan says.

use std::collections::BTreeSet;

use foretell::scenario::file::{parse_bytes, print};
use foretell::scenario::{Run, Scenario, Settings, run};

fn go(scenario: &Scenario, seed: u64, record: bool) -> Run {
    let system = foretell::systems::registry().make(scenario).expect("it exists");
    run(scenario, system, &Settings { seed, record, ..Settings::default() })
}

#[test]
fn a_plan_repeats_what_chance_did_to_links_and_clocks() {
    let registry = foretell::systems::registry();
    let path = format!("{}/sim-scenarios/links.toml", env!("CARGO_MANIFEST_DIR"));
    let family = parse_bytes("links", &std::fs::read(path).expect("it is there"), &registry).expect("it is right");
    let (mut faults, mut verbs) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..200 {
        let scenario = family.scenario(seed).expect("it is right");
        let first = go(&scenario, seed, true);
        let plan = first.plan.as_ref().expect("it was recorded");
        let deviations = &plan.plan.as_ref().expect("a plan is one").deviations;
        verbs.extend(deviations.iter().map(|deviation| {
            let text = deviation.to_string();
            text.split(' ').next().expect("a deviation begins with a verb").to_string()
        }));
        // By way of the file, as a user would.
        let text = print(plan);
        let plan = parse_bytes("plan", text.as_bytes(), &registry).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(|error| error.render("plan", &text)).collect();
            panic!("the plan of seed {seed} does not read back:\n{}", errors.join("\n"));
        });
        let second = go(plan.only().expect("a plan has no choices"), 0, false);
        assert_eq!(first.digest, second.digest, "seed {seed} is not repeated by its plan");
        assert_eq!(second.unused, Vec::<String>::new(), "the plan of seed {seed} has deviations that never came up");
        faults.extend(first.faults.into_keys());
    }
    insta::assert_snapshot!(faults.into_iter().collect::<Vec<_>>().join(", "), @"
    clock drift, clock jump, clog, connection broken, crash, cut, heal, hold, packet cut off, packet lost, packet lost to a full queue, packet misrouted, partition, release, restart, spared by max_down
    ");
    insta::assert_snapshot!(verbs.into_iter().collect::<Vec<_>>().join(", "), @"
    clog, delay, drift, drop, misroute, offset
    ");
}
