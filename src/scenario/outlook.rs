//! What is decided of a run before it runs.
//!
//! Decisions are keyed by name, so those whose names are known beforehand can be made beforehand: when faults strike by
//! the clock, who is in a core that is drawn, how far clocks are ahead and how they drift, what clients ask for first. Each of them is asked
//! of the same function that the run asks, so the two cannot disagree. What hangs on the run itself, such as who is
//! primary when a fault strikes, is left open here.

use std::time::Duration;

use super::run::{settle, source};
use super::system::System;
use super::workload::{Asker, Step};
use super::{Core, Fault, Phase, Scenario, When};
use crate::base::NodeId;
use crate::world::{clock_drifts, clock_offsets, drawn_core, strike_times};

/// What is decided of a run before it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outlook<'a> {
    /// The phases, one after the other.
    pub stages: Vec<Stage<'a>>,
    /// How long the run goes on after the last phase, at most.
    pub settle: Duration,
    /// How far each node's clocks are ahead of true time.
    pub offsets: Vec<(NodeId, Duration)>,
    /// By how many parts per million each node's clocks are fast, or slow.
    pub drifts: Vec<(NodeId, i32)>,
    /// What the clients ask for first.
    pub clients: Vec<Asking>,
}

/// A phase, and what is decided of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage<'a> {
    /// The phase.
    pub phase: &'a Phase,
    /// When it begins.
    pub begins: Duration,
    /// If it is quiet: who belongs to the core, and who heals besides, unless that depends on who is up then.
    pub core: Option<(Vec<NodeId>, Vec<NodeId>)>,
    /// Its faults, in the order of the file.
    pub faults: Vec<Due<'a>>,
}

/// A fault, and when it strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due<'a> {
    /// The fault.
    pub fault: &'a Fault,
    /// When it strikes, counted from the start of the run; nothing if it waits for an event. Of a fault that strikes more
    /// than [`TIMES`] times, the first of them.
    pub times: Vec<Duration>,
}

/// What a client asks for first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// The client machine.
    pub client: NodeId,
    /// Its first operations, [`STEPS`] at most. What a compare-and-swap of a drawn workload expects is what the client
    /// will have seen, which is not known yet; here it expects nothing.
    pub steps: Vec<Step>,
    /// Whether it may ask for more after them.
    pub more: bool,
}

/// So many times of one fault are told.
pub const TIMES: usize = 1000;

/// So many operations of one client are told.
pub const STEPS: u64 = 3;

impl<'a> Outlook<'a> {
    /// What is decided of the run of a scenario with a seed. A plan has nothing for a seed to decide.
    pub fn of(scenario: &'a Scenario, system: &dyn System, seed: u64) -> Outlook<'a> {
        let core_size = system.quorums(scenario.cluster.replicas).view_change;
        let mut begins = Duration::ZERO;
        let mut stages = Vec::new();
        for (index, phase) in scenario.phases.iter().enumerate() {
            let core = phase.quiet.as_ref().and_then(|quiet| match &quiet.core {
                Core::All => Some((scenario.cluster.nodes().collect(), Vec::new())),
                Core::Nodes { core, healed } => Some((core.clone(), healed.clone())),
                Core::Drawn => Some(drawn_core(scenario.cluster, core_size, index, seed)),
                Core::Up => None,
            });
            let due = |(fault, said): (usize, &'a Fault)| {
                // What is due at the end comes too late: the next phase begins first, or the run is over.
                let times = strike_times(phase, fault, seed).take_while(|at| *at < phase.duration).take(TIMES);
                Due { fault: said, times: times.map(|at| begins + at).collect() }
            };
            let faults = phase.faults.iter().enumerate().map(due).collect();
            stages.push(Stage { phase, begins, core, faults });
            begins += phase.duration;
        }
        let source = source(scenario, seed);
        let offsets = clock_offsets(&source, &scenario.clocks, scenario.cluster);
        let drifts = clock_drifts(&source, &scenario.clocks, scenario.cluster);
        Outlook {
            stages,
            settle: settle(scenario),
            offsets: scenario.cluster.nodes().zip(offsets).collect(),
            drifts: scenario.cluster.nodes().zip(drifts).collect(),
            clients: scenario.cluster.clients().map(|client| asking(scenario, client, seed)).collect(),
        }
    }

    /// When the last phase ends.
    pub fn end(&self) -> Duration {
        self.stages.iter().map(|stage| stage.phase.duration).sum()
    }
}

impl Due<'_> {
    /// Whether it waits for an event rather than for a time.
    pub fn waits(&self) -> bool {
        matches!(self.fault.when, When::On { .. })
    }
}

fn asking(scenario: &Scenario, client: NodeId, seed: u64) -> Asking {
    let clients = scenario.cluster.clients;
    let most = scenario.workload.operations();
    let step = |taken| scenario.workload.step(Asker { node: client, taken, clients }, seed, |_| None);
    let next = |taken| if most.is_some_and(|most| taken >= most) { None } else { step(taken) };
    let steps: Vec<Step> = (0..STEPS).map_while(next).collect();
    let more = next(steps.len() as u64).is_some();
    Asking { client, steps, more }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::base::{EventKind, Operation};
    use crate::scenario::file::parse;
    use crate::scenario::{Family, Run, Settings, Split, Target, What, run};
    use crate::world::StorageConfig;

    fn shipped(name: &str) -> Family {
        let path = format!("{}/sim-scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("it is there");
        parse(name, &text, &crate::systems::registry()).expect("it is right")
    }

    /// A run to its end, and what was known of it before.
    fn with_run(scenario: &Scenario, seed: u64, look: impl FnOnce(&Outlook, &Run)) {
        let registry = crate::systems::registry();
        let system = registry.make(scenario).expect("it exists");
        let settings = Settings { seed, oracles: None, trace: true, record: true };
        let run = run(scenario, registry.make(scenario).expect("it exists"), &settings);
        // A run that shows something ends there, and what was to come does not.
        assert_eq!(run.verdict.finding(), None, "seed {seed}");
        look(&Outlook::of(scenario, &*system, seed), &run);
    }

    /// The times of the faults in a trace, without what ends by itself.
    fn struck(run: &Run) -> BTreeMap<Duration, Vec<String>> {
        let mut struck: BTreeMap<Duration, Vec<String>> = BTreeMap::new();
        for event in run.trace.iter().flatten() {
            if let EventKind::Fault(text) = &event.kind
                && !["the links heal", "the links let through what waited"].contains(&&**text)
            {
                struck.entry(Duration::from_nanos(event.at.as_nanos())).or_default().push(text.to_string());
            }
        }
        struck
    }

    /// Whether there is always somebody whom it can strike.
    fn is_sure(what: &What) -> bool {
        let sure = |target: &Target| matches!(target, Target::Node(_) | Target::Rest | Target::AllReplicas);
        match what {
            What::Partition { split: Split::Halves, .. } | What::Heal => true,
            What::Partition { split: Split::Groups(groups), .. } => groups.iter().flatten().all(sure),
            What::Cut { from, to, .. } => from.iter().chain(to).all(sure),
            _ => false,
        }
    }

    #[test]
    fn faults_strike_at_the_times_told_and_at_no_others() {
        let (mut strikes, mut surely) = (0, 0);
        for (name, seeds) in [("swarm", 0..100), ("flapping-partitions", 0..5), ("every-fault", 0..2)] {
            let family = shipped(name);
            for seed in seeds {
                let mut scenario = family.scenario(seed).expect("it is right");
                // Decay strikes when disks work, which is no time that could be told.
                scenario.storage = StorageConfig::default();
                let faults = scenario.phases.iter().flat_map(|phase| &phase.faults);
                let by_event = faults.clone().any(|fault| matches!(fault.when, When::On { .. }));
                with_run(&scenario, seed, |outlook, run| {
                    let told: Vec<&Due> = outlook.stages.iter().flat_map(|stage| &stage.faults).collect();
                    let times: BTreeSet<Duration> = told.iter().flat_map(|due| due.times.clone()).collect();
                    let struck = struck(run);
                    for (at, texts) in &struck {
                        // What waits for an event strikes at a time that nobody was told.
                        assert!(by_event || times.contains(at), "{name} {seed}: {texts:?} at {at:?}");
                        strikes += usize::from(times.contains(at));
                    }
                    for due in told.iter().filter(|due| is_sure(&due.fault.what)) {
                        let word = due.fault.what.to_string();
                        let word = word.split(' ').next().expect("a fault is a verb first");
                        for at in &due.times {
                            let there =
                                struck.get(at).is_some_and(|texts| texts.iter().any(|text| text.starts_with(word)));
                            assert!(there, "{name} {seed}: no {word} at {at:?}");
                            surely += 1;
                        }
                    }
                });
            }
        }
        assert!(strikes > 200 && surely > 50, "{strikes} strikes, {surely} of them sure: too few to prove anything");
    }

    #[test]
    fn clients_ask_first_for_what_was_told_and_clocks_are_ahead_as_told() {
        let family = shipped("swarm");
        let mut compared = 0;
        for seed in 0..30 {
            let scenario = family.scenario(seed).expect("it is right");
            with_run(&scenario, seed, |outlook, run| {
                for asking in &outlook.clients {
                    let called = run.trace.iter().flatten().filter_map(|event| match &event.kind {
                        EventKind::Call { operation, .. } if event.node == Some(asking.client) => Some(&**operation),
                        _ => None,
                    });
                    for (told, called) in asking.steps.iter().zip(called) {
                        let blind = |operation: &Operation| match operation.clone() {
                            Operation::Cas { key, to, .. } => Operation::Cas { key, from: None, to },
                            other => other,
                        };
                        // A client that dies while it waits has taken on an operation that it never asks for.
                        if scenario.phases.iter().all(|phase| phase.faults.is_empty()) {
                            assert_eq!(told.operation, blind(called), "{} of seed {seed}", asking.client);
                            compared += 1;
                        }
                    }
                }
                let plan = run.plan.as_ref().and_then(|plan| plan.plan.as_ref()).expect("it was recorded");
                let written = plan.deviations.iter().map(ToString::to_string);
                let written: Vec<String> = written.filter(|text| text.starts_with("offset")).collect();
                let told = outlook.offsets.iter().filter(|(_, offset)| !offset.is_zero());
                let told = told.map(|(node, offset)| {
                    let shift = crate::base::text::format_shift(i64::try_from(offset.as_nanos()).expect("it is short"));
                    format!("offset {node} clock {shift}")
                });
                assert_eq!(written, told.collect::<Vec<String>>(), "seed {seed}");
            });
        }
        assert!(compared > 10, "{compared} operations are too few to prove anything");
    }

    #[test]
    fn cores_are_drawn_as_told() {
        let family = shipped("swarm");
        for seed in 0..30 {
            let scenario = family.scenario(seed).expect("it is right");
            with_run(&scenario, seed, |outlook, run| {
                let recorded = run.plan.as_ref().expect("it was recorded");
                for (stage, phase) in outlook.stages.iter().zip(&recorded.phases) {
                    let core = phase.quiet.as_ref().map(|quiet| match &quiet.core {
                        Core::Nodes { core, healed } => (core.clone(), healed.clone()),
                        other => panic!("a plan names the nodes, and here is {other:?}"),
                    });
                    let told = stage.core.clone();
                    let nodes = |core: &Option<(Vec<NodeId>, Vec<NodeId>)>| core.as_ref().map(|core| core.0.clone());
                    assert_eq!(nodes(&told), nodes(&core), "seed {seed}");
                    // More of the others heal where disks have suffered too much, which only the run can tell.
                    let (told, healed) = (told.unwrap_or_default().1, core.unwrap_or_default().1);
                    assert!(told.iter().all(|node| healed.contains(node)), "seed {seed}: {healed:?}");
                }
            });
        }
    }

    #[test]
    fn what_is_due_at_the_end_of_its_phase_is_not_told() {
        let text = r#"
title = "t"
system = "ping"
[cluster]
replicas = 2
clients = 0
[[phase]]
name = "one"
for = "1s"
fault = [{ at = "1s", heal = true }, { at = "0s", heal = true }]
[[phase]]
name = "two"
for = "1s"
fault = [{ at = "1s", heal = true }]
"#;
        let family = parse("test", text, &crate::systems::registry()).expect("it is right");
        let scenario = family.only().expect("there are no choices in it");
        with_run(scenario, 0, |outlook, run| {
            let told: Vec<u64> = outlook
                .stages
                .iter()
                .flat_map(|stage| &stage.faults)
                .flat_map(|due| &due.times)
                .map(Duration::as_secs)
                .collect();
            let struck: Vec<u64> = struck(run).keys().map(Duration::as_secs).collect();
            assert_eq!((told, struck), (vec![0], vec![0]));
        });
    }
}
