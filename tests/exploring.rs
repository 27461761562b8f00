//! The standard sweep as a user runs it: seeds are the same whoever runs them, in however many pieces; and what it finds is
//! repeated by its plan.

use std::fs;

use foretell::base::Draw;
use foretell::explore::{Order, Runner, sweep};
use foretell::scenario::file::{parse_bytes, print};
use foretell::scenario::{Family, Scenario, Settings, run};

fn swarm() -> Family {
    let path = format!("{}/sim-scenarios/swarm.toml", env!("CARGO_MANIFEST_DIR"));
    parse_bytes("swarm", &fs::read(path).expect("it is there"), &foretell::systems::registry()).expect("it is right")
}

#[test]
fn a_thousand_random_seeds_are_repeated_by_their_plans() {
    let (registry, swarm) = (foretell::systems::registry(), swarm());
    let go = |scenario: &Scenario, seed, record| {
        let system = registry.make(scenario).expect("it exists");
        run(scenario, system, &Settings { seed, record, ..Settings::default() })
    };
    for nth in 0..1000 {
        let seed = Draw::keyed(0x7365_6564, nth).word();
        let first = go(&swarm.scenario(seed).expect("every seed of it is right"), seed, true);
        // By way of the file, as a user would.
        let text = print(first.plan.as_ref().expect("it was recorded"));
        let family = parse_bytes("plan", text.as_bytes(), &registry).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(|error| error.render("plan", &text)).collect();
            panic!("the plan of seed {seed} does not read back:\n{}", errors.join("\n"));
        });
        let second = go(family.only().expect("a plan has no choices"), 0, true);
        assert_eq!(first.digest, second.digest, "repeat: foretell run swarm --seed {seed} --record plan.toml");
        assert_eq!(second.unused, Vec::<String>::new(), "the plan of seed {seed} has deviations that never came up");
        let trace =
            |run: &foretell::scenario::Run| run.plan.as_ref().and_then(|plan| plan.plan.clone()).map(|plan| plan.trace);
        assert_eq!(trace(&first), trace(&second), "the plan of seed {seed} knows another trace");
    }
}

#[test]
fn pieces_and_threads_give_one_digest() {
    let registry = foretell::systems::registry();
    let runner = Runner { registry: &registry, simulator: &run };
    let families = [swarm()];
    let tally = |jobs, seeds: std::ops::Range<u64>, first: &[(usize, u64)]| {
        let order = Order {
            families: &families,
            seeds,
            first,
            oracles: None,
            jobs,
            fail_fast: false,
            twice: false,
            before: &[],
            stop: &|| false,
        };
        let swept = sweep(&runner, &order, &mut |_| {});
        assert!(swept.complete && swept.trouble.is_none());
        swept.tallies.into_iter().next().expect("one for the one scenario")
    };
    let whole = tally(1, 0..300, &[]);
    assert_eq!(whole, tally(2, 0..300, &[]), "two threads");
    assert_eq!(whole, tally(5, 0..300, &[(0, 299), (0, 17)]), "five threads, and some seeds first");
    let mut pieces = tally(2, 200..300, &[]);
    pieces.merge(&tally(1, 0..77, &[]));
    pieces.merge(&tally(2, 77..200, &[]));
    assert_eq!(whole, pieces, "three pieces");
    assert_ne!(whole.digest(), tally(2, 1..301, &[]).digest());
}
