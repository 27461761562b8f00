//! Viewstamped Replication keeps its promises in clusters of every size, even and odd, with every kind of fault at once.

use foretell::base::Cluster;
use foretell::scenario::file::parse_bytes;
use foretell::scenario::{Settings, run};
use foretell::world::{Limit, What};

const SEEDS: u64 = 15;

fn every_fault(replicas: u16) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sim-scenarios/every-fault.toml");
    let registry = foretell::systems::registry();
    let bytes = std::fs::read(path).expect("the scenario is there");
    let mut scenario = parse_bytes("every-fault", &bytes, &registry)
        .expect("the scenario is right")
        .only()
        .expect("it has no choices")
        .clone();
    scenario.cluster = Cluster { replicas, ..scenario.cluster };
    for fault in scenario.phases.iter_mut().flat_map(|phase| &mut phase.faults) {
        // A minority of one or two replicas is nobody, and then nothing would ever crash.
        if let What::Crash { max_down, .. } = &mut fault.what
            && replicas <= 2
        {
            *max_down = Limit::All;
        }
    }
    let (mut crashes, mut committed) = (0, 0);
    for seed in 0..SEEDS {
        let system = registry.make(&scenario).expect("it exists");
        let run = run(&scenario, system, &Settings { seed, ..Settings::default() });
        assert!(run.verdict.finding().is_none(), "{replicas} replicas, seed {seed}: {:?}", run.verdict);
        crashes += run.faults.get("crash").copied().unwrap_or(0);
        committed += run.committed;
    }
    assert!(crashes > SEEDS, "only {crashes} crashes in {SEEDS} runs");
    assert!(committed > SEEDS * 10, "only {committed} operations in {SEEDS} runs");
}

macro_rules! sizes {
    ($($test:ident: $replicas:literal;)*) => {
        $(#[test]
        fn $test() {
            every_fault($replicas);
        })*
    };
}

sizes! {
    one_replica: 1;
    two_replicas: 2;
    three_replicas: 3;
    four_replicas: 4;
    five_replicas: 5;
    six_replicas: 6;
}
