//! Whole scenarios: their texts, reading them, and running them as the command line does.

use foretell::check::OracleId;
use foretell::scenario::{Family, Run, Scenario, Settings, file};
use foretell::systems;

/// The text of the standard sweep.
pub const SWARM: &str = include_str!("../../sim-scenarios/swarm.toml");

/// Reads a scenario file.
pub fn parse(text: &str) -> Family {
    match file::parse("measured", text, &systems::registry()) {
        Ok(family) => family,
        Err(mistakes) => panic!("a scenario of the benchmarks is wrong: {mistakes:?}"),
    }
}

/// What the file says for a seed.
pub fn scenario(family: &Family, seed: u64) -> Scenario {
    family.scenario(seed).expect("what is chosen in this file goes together for every seed")
}

/// Runs a scenario, watched by its oracles or by the given ones.
pub fn run(scenario: &Scenario, seed: u64, oracles: Option<Vec<OracleId>>) -> Run {
    run_with(scenario, &Settings { seed, oracles, ..Settings::default() })
}

/// Runs a scenario.
fn run_with(scenario: &Scenario, settings: &Settings) -> Run {
    let system = systems::registry().make(scenario).expect("the system comes with the crate");
    foretell::scenario::run(scenario, system, settings)
}

/// Eight clients that ask again as soon as they have their answer, for half a second of virtual time without trouble.
pub fn busy(replicas: u16) -> Scenario {
    let text = format!(
        r#"
title = "operations without trouble"
system = "vsr"

[cluster]
replicas = {replicas}
clients = 8

[parameters]
slots = 256

[workload]
kind = "kv"
keys = 16
rate = "1000000/s"
mix = {{ get = 0.5, put = 0.5 }}

[[phase]]
name = "work"
for = "500ms"
"#
    );
    scenario(&parse(&text), 0)
}

/// Replicas that begin to lead and follow, and are asked nothing.
pub fn empty(replicas: u16) -> Scenario {
    let text = format!(
        r#"
title = "no operation at all"
system = "vsr"

[cluster]
replicas = {replicas}
clients = 0

[[phase]]
name = "work"
for = "5ms"
"#
    );
    scenario(&parse(&text), 0)
}

/// The text of a plan as it is recorded: the standard sweep's run of a seed, without chance.
pub fn recorded(seed: u64) -> String {
    let scenario = scenario(&parse(SWARM), seed);
    let run = run_with(&scenario, &Settings { seed, record: true, ..Settings::default() });
    file::print(&run.plan.expect("a plan was asked for"))
}
