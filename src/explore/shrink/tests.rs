//! The shrinker with a hand-made failure in the place of a run: it is known what is needed, and nothing else may be left.

use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::base::{Cluster, Distribution, Draw, Key, NodeId, Operation};
use crate::report::samples;
use crate::scenario::system::idle::Idle;
use crate::scenario::{
    Core, Expectation, Fault, Limit, Phase, Plan, Quiet, Registry, Step as Call, System, Target, Verdict, What, When,
    Workload,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn crash(replica: u16, at: u64) -> Fault {
    let restart_after = Some(Distribution::Constant(ms(17)));
    let what = What::Crash { target: Target::Node(NodeId::replica(replica)), restart_after, max_down: Limit::All };
    Fault { when: When::At(ms(at)), what }
}

fn put(client: u16, value: u64) -> Call {
    let operation = Operation::Put { key: Key(0), value: value.to_string() };
    Call { client: NodeId::client(client), wait: ms(3), give_up_after: None, operation }
}

/// A plan with ten faults, thirty operations and forty deviations.
fn large() -> Scenario {
    let deviation = |nth: u64| format!("drop r0->r1 Prepare(v0 op{nth}) #1").parse().expect("it is one");
    let phase =
        |name: &str, faults| Phase { name: name.into(), duration: Duration::from_secs(10), quiet: None, faults };
    Scenario {
        cluster: Cluster { replicas: 5, clients: 3 },
        workload: Workload::Explicit((0..30).map(|nth| put((nth % 3) as u16, nth)).collect()),
        phases: vec![
            phase("first", (0..7).map(|nth| crash(nth % 3, 100 + u64::from(nth))).collect()),
            phase("second", (0..3).map(|nth| crash(nth, 500 + u64::from(nth))).collect()),
        ],
        plan: Some(Plan {
            entropy: 77,
            oracles: None,
            deviations: (0..40).map(deviation).collect(),
            digest: None,
            build: None,
            trace: vec![],
        }),
        ..samples::scenario(Expectation::Pass)
    }
}

/// A run that fails if `needs` says so of its plan.
fn pretend(plan: &Scenario, oracle: Option<OracleId>) -> Run {
    let verdict = oracle.map_or(Verdict::Pass, |oracle| Verdict::Violation(samples::violation(oracle)));
    Run { plan: Some(Box::new(plan.clone())), trace: Some(Vec::new()), ..samples::run(0, verdict) }
}

fn shrunk(plan: &Scenario, needs: impl Fn(&Scenario) -> Option<OracleId> + Sync) -> Result<Shrunk, Refusal> {
    let registry = Registry::new().system("vsr", &[], |_| Ok(Rc::new(Idle)));
    let simulator = |plan: &Scenario, _: Rc<dyn System>, _: &Settings| pretend(plan, needs(plan));
    let runner = Runner { registry: &registry, simulator: &simulator };
    shrink(&runner, &Job { scenario: plan, seed: 0, oracles: None, stop: &|| false }, &mut |_| {})
}

fn has_fault(plan: &Scenario, wanted: &Fault) -> bool {
    items::faults_of(plan).any(|fault| fault.what == wanted.what)
}

fn values(plan: &Scenario) -> Vec<String> {
    let value = |call: &Call| match &call.operation {
        Operation::Put { value, .. } => value.clone(),
        other => other.to_string(),
    };
    attempt::steps(plan).iter().map(value).collect()
}

#[test]
fn what_is_needed_is_found_among_everything_else() {
    let plan = large();
    for round in 0..20 {
        let mut draw = Draw::keyed(round, 0);
        let mut pick =
            |count: u64| (0..draw.below(3) + 1).map(|_| draw.below(count)).collect::<std::collections::BTreeSet<u64>>();
        let (operations, deviations) = (pick(30).len(), pick(40));
        let texts: Vec<String> =
            deviations.iter().map(|nth| items::deviations_of(&plan)[*nth as usize].to_string()).collect();
        let needs = |plan: &Scenario| {
            let named = items::deviations_of(plan).iter().map(ToString::to_string).collect::<Vec<String>>();
            let all = texts.iter().all(|text| named.contains(text));
            (attempt::steps(plan).len() >= operations && all).then_some(OracleId::Agree)
        };
        let small = shrunk(&plan, needs).expect("it fails");
        let Size { faults, operations: left, deviations: named, clients, .. } = small.after;
        assert_eq!((faults, left, named, clients), (0, operations, texts.len(), 1), "round {round}");
    }
}

#[test]
fn two_faults_that_need_each_other_are_both_taken_away() {
    let plan = large();
    let (one, other) = (crash(1, 101), crash(2, 102));
    // Fails with both or with neither, as a crash and the restart that undoes it would.
    let needs = |plan: &Scenario| (has_fault(plan, &one) == has_fault(plan, &other)).then_some(OracleId::Agree);
    assert_eq!(shrunk(&plan, needs).expect("it fails").after.faults, 0);
}

#[test]
fn a_slip_to_another_oracle_is_another_find() {
    let plan = large();
    let needs = |plan: &Scenario| match items::faults_of(plan).count() {
        10 => Some(OracleId::Agree),
        3..10 => Some(OracleId::Dur),
        _ => None,
    };
    let small = shrunk(&plan, needs).expect("it fails");
    assert_eq!((small.after.faults, small.signature.oracle), (10, OracleId::Agree));
    assert_eq!(small.slips.keys().map(|signature| signature.oracle).collect::<Vec<_>>(), [OracleId::Dur]);
    assert_eq!(small.slips.values().map(|slip| items::faults_of(slip).count()).collect::<Vec<_>>().len(), 1);
}

#[test]
fn nothing_is_judged_of_less_than_a_quorum() {
    let mut plan = large();
    let nodes = |names: &[&str]| names.iter().map(|name| name.parse().expect("it is a node")).collect::<Vec<NodeId>>();
    let core = Core::Nodes { core: nodes(&["r0", "r1", "r2", "c0"]), healed: vec![] };
    plan.phases[1] = Phase { quiet: Some(Quiet { core }), faults: vec![], ..plan.phases[1].clone() };
    // It fails however few machines there are, and in whatever core.
    let small = shrunk(&plan, |plan| plan.phases.iter().any(|phase| phase.quiet.is_some()).then_some(OracleId::Live));
    let plan = small.expect("it fails").plan;
    let quiet = plan.phases.iter().find_map(|phase| phase.quiet.clone()).expect("it is needed");
    let needed = usize::from(plan.cluster.replicas / 2 + 1);
    match quiet.core {
        Core::Nodes { core, .. } => assert!(core.iter().filter(|node| node.is_replica()).count() >= needed),
        Core::All | Core::Up | Core::Drawn => {}
    }
}

#[test]
fn values_become_simple_and_numbered_by_first_use() {
    let plan = large();
    let small = shrunk(&plan, |plan| (attempt::steps(plan).len() >= 2).then_some(OracleId::Agree)).expect("it fails");
    assert_eq!(values(&small.plan), ["1", "2"]);
    assert!(attempt::steps(&small.plan).iter().all(|call| call.wait.is_zero() && call.client == NodeId::client(0)));
    assert_eq!(small.plan.plan.as_ref().map(|plan| plan.entropy), Some(0));
    assert_eq!(small.plan.phases.len(), 1);
}

#[test]
fn what_does_not_fail_is_refused() {
    assert_eq!(shrunk(&large(), |_| None).err(), Some(Refusal::NoFailure));
}

#[test]
fn who_says_stop_gets_the_best_so_far() {
    let plan = large();
    let registry = Registry::new().system("vsr", &[], |_| Ok(Rc::new(Idle)));
    let simulator = |plan: &Scenario, _: Rc<dyn System>, _: &Settings| pretend(plan, Some(OracleId::Agree));
    let runner = Runner { registry: &registry, simulator: &simulator };
    let left = std::cell::Cell::new(5);
    let stop = || {
        left.set(left.get() - 1);
        left.get() <= 0
    };
    let job = Job { scenario: &plan, seed: 0, oracles: None, stop: &stop };
    let small = shrink(&runner, &job, &mut |_| {}).expect("it fails");
    assert!(small.interrupted);
    assert!(small.after <= small.before);
}
