//! Hand-made runs for the tests of reports.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{
    Checksum, ClientId, Cluster, Digest, Event, EventId, EventKind, Incarnation, Instant, Key, Kind, Lost, NodeId,
    Operation, Outcome, Probe, Ratio, Reply, Role,
};
use crate::check::{Checked, OracleId, Violation};
use crate::explore::Tally;
use crate::scenario::outcome::Calls;
use crate::scenario::{Checks, Expectation, Family, Mix, Phase, Run, Scenario, Shares, Shows, Verdict, Workload};

use super::Sweep;

static PREPARE: Kind = Kind::new("Prepare", &["v", "op"]);
static WRITE: Kind = Kind::new("write", &["slot"]);
static REPLICA: Kind = Kind::new("replica", &[]);

const R0: NodeId = NodeId::replica(0);
const R1: NodeId = NodeId::replica(1);
const C0: NodeId = NodeId::client(0);

pub(crate) fn scenario(expect: Expectation) -> Scenario {
    let shares = Shares { get: Ratio::ZERO, ..Shares::default() };
    let mix = Mix { keys: 1, rate: 10, shares, operations: None, give_up_after: None };
    Scenario {
        name: "primary-isolated".to_string(),
        title: "primary isolated under load, then healed".to_string(),
        system: "vsr".to_string(),
        plant: None,
        parameters: Default::default(),
        cluster: Cluster { replicas: 3, clients: 2 },
        network: Default::default(),
        storage: Default::default(),
        clocks: Default::default(),
        schedule: Default::default(),
        workload: Workload::Drawn(mix),
        phases: vec![Phase { name: "steady".into(), duration: Duration::from_secs(12), quiet: None, faults: vec![] }],
        check: Checks {
            safety: vec![OracleId::Agree, OracleId::Lin],
            all_requests_complete: None,
            converged: None,
            reached: vec!["view change done".to_string(), "wrapped".to_string()],
        },
        expect,
        plan: None,
    }
}

pub(crate) fn family() -> Family {
    Family::from(scenario(Expectation::Pass))
}

pub(crate) fn violation(oracle: OracleId) -> Violation {
    Violation {
        oracle,
        event: EventId(9),
        at: Instant::from_nanos(2_004_000_000),
        nodes: vec![R1, R0],
        role: Some(Role::Primary),
        kind: "commits".to_string(),
        promised: "an op is committed with one digest everywhere".to_string(),
        happened: "r1 committed op 3 as 0000001f, but r0 had committed it as 00000099".to_string(),
    }
}

pub(crate) fn run(seed: u64, verdict: Verdict) -> Run {
    Run {
        seed,
        verdict,
        digest: Digest::from_bits(0x0123_4567_89ab_cdef + seed),
        events: 48_113,
        deliveries: 20_000,
        virtual_time: Duration::from_secs(12),
        committed: 1_204,
        view_changes: 2,
        calls: Calls { begun: 1_210, answered: 1_204, unknown: 6 },
        faults: [("crash", 3), ("partition", 1), ("packet lost", 97)].into(),
        marks: [("view change done", 2)].into(),
        checked: vec![
            (OracleId::Agree, Checked::Checked(1_204)),
            (OracleId::Back, Checked::NotChecked("this system has no layout".to_string())),
            (OracleId::Lin, Checked::Checked(1_210)),
        ],
        trace: None,
        plan: None,
        aims: Vec::new(),
        left_out: Vec::new(),
        unused: Vec::new(),
        files: Default::default(),
    }
}

/// Seed 0 passes, 1 gives up, 2 and 4 break AGREE, 3 breaks LIVE.
pub(crate) fn five_runs() -> Vec<Run> {
    let agree = || Verdict::Violation(violation(OracleId::Agree));
    let gave_up = Verdict::Inconclusive("LIN gave up on k0 after 1,000,000 steps".to_string());
    let verdicts = [Verdict::Pass, gave_up, agree(), Verdict::Stuck(violation(OracleId::Live)), agree()];
    (0..).zip(verdicts).map(|(seed, verdict)| run(seed, verdict)).collect()
}

/// Four sweeps: one with two findings and a gap, one that is stopped, one whose oracle gave up, one as expected.
pub(crate) fn with_sweeps(check: impl FnOnce(&[Sweep<'_>])) {
    let named = |name: &str, expect: Expectation| {
        let whole = scenario(expect);
        Scenario { name: name.to_string(), check: Checks { reached: Vec::new(), ..whole.check.clone() }, ..whole }
    };
    let agree = Expectation::Violation { check: Some(OracleId::Agree), shows: Shows::WithinSeeds(9) };
    let scenarios = [
        scenario(Expectation::Pass),
        named("stopped", Expectation::Pass),
        named("undecided", Expectation::Pass),
        named("planted", agree),
    ]
    .map(Family::from);
    let runs = five_runs();
    let tally = |family: &Family, runs: &[Run]| {
        let mut tally = Tally::new(family.expect());
        runs.iter().for_each(|run| {
            tally.add(run);
        });
        tally
    };
    let tallies = [&runs[..], &runs[..1], &runs[..2], &runs[4..]];
    let tallies: Vec<Tally> = scenarios.iter().zip(tallies).map(|(family, runs)| tally(family, runs)).collect();
    let repeat = |seed: Option<u64>| match seed {
        Some(seed) => format!("foretell run x --seed {seed}"),
        None => "foretell run x --seeds 0..5".to_string(),
    };
    let sweeps: Vec<Sweep<'_>> = scenarios
        .iter()
        .zip(&tallies)
        .map(|(family, tally)| Sweep {
            family,
            name: family.name(),
            file: (family.name() != "stopped").then_some("sim-scenarios/x, y.toml"),
            seeds: &(0..5),
            tally,
            interrupted: family.name() == "stopped",
            judgement: tally.judgement(),
            repeat: &repeat,
        })
        .collect();
    check(&sweeps);
}

fn event(id: u64, cause: u64, at: u64, node: Option<NodeId>, kind: EventKind) -> Event {
    Event { id: EventId(id), cause: EventId(cause), at: Instant::from_nanos(at), node, kind }
}

/// A short trace in which event 9 follows from 7, 5, 2 and 1.
pub(crate) fn trace() -> Vec<Event> {
    let label = PREPARE.label([0, 3]);
    let client = ClientId { node: C0, session: 1 };
    let operation = Rc::new(Operation::Put { key: Key(0), value: "v1".to_string() });
    let digest = Checksum(0x1f << 96);
    let deliver = EventKind::Deliver { from: R0, label, repeat: 1, copy: 0, hash: 0xabc, corrupt: false };
    vec![
        event(1, 0, 0, None, EventKind::Phase("steady".into())),
        event(2, 1, 0, Some(R0), EventKind::Boot(Incarnation(1))),
        event(3, 1, 0, Some(R1), EventKind::Boot(Incarnation(1))),
        event(4, 0, 1_500_000, Some(C0), EventKind::Call { client, number: 1, operation }),
        event(5, 2, 2_000_000, Some(R0), EventKind::Send { to: R1, label, repeat: 1, size: 64, hash: 0xabc }),
        event(6, 3, 2_500_000, Some(R1), EventKind::Timer { task: REPLICA.label([]), nth: 4 }),
        event(7, 5, 3_000_000, Some(R1), deliver),
        event(8, 7, 3_000_000, Some(R1), EventKind::Probe(Probe::Head { index: 3, digest })),
        event(9, 7, 2_004_000_000, Some(R1), EventKind::Probe(Probe::Committed { epoch: 0, index: 3, digest })),
    ]
}

/// One event of every kind, and one probe, operation and outcome of every kind.
pub(crate) fn every_kind() -> Vec<EventKind> {
    let label = PREPARE.label([0, 3]);
    let client = ClientId { node: C0, session: 2 };
    let digest = Checksum(7);
    let key = Key(1);
    let value = || "a \"b\"\n".to_string();
    let probes = [
        Probe::Role { role: Role::Between, epoch: 1 },
        Probe::Epoch { epoch: 2, log_epoch: 1 },
        Probe::Head { index: 3, digest },
        Probe::Acked { epoch: 1, index: 3, digest },
        Probe::Leads { epoch: 1, committed: 2, chain: [digest].into() },
        Probe::Committed { epoch: 1, index: 3, digest },
        Probe::Applied { index: 3, state: digest },
        Probe::Executed { client: 5, request: 6, index: 7 },
        Probe::Truncated { index: 2, epoch: 2 },
        Probe::Nacked { index: 3, digest },
        Probe::Recovering,
    ];
    let operations = [
        Operation::Get { key },
        Operation::Put { key, value: value() },
        Operation::Append { key, value: value() },
        Operation::Cas { key, from: None, to: value() },
        Operation::Delete { key },
        Operation::Custom { name: "push", key, input: Bytes::from_static(&[1, 255]) },
    ];
    let outcomes = [
        Outcome::NotApplied,
        Outcome::Unknown,
        Outcome::Done(Reply::Done),
        Outcome::Done(Reply::Value(Some(value()))),
        Outcome::Done(Reply::Swapped(false)),
        Outcome::Done(Reply::Custom(Bytes::from_static(&[0]))),
    ];
    let mut kinds = vec![
        EventKind::Phase("a".into()),
        EventKind::Fault("partition r0 | r1 r2".into()),
        EventKind::Format,
        EventKind::Boot(Incarnation(1)),
        EventKind::Crash(Incarnation(1)),
        EventKind::Pause,
        EventKind::Resume,
        EventKind::Wipe,
        EventKind::Survived { file: "journal".into(), sector: 5, bytes: 137 },
        EventKind::Send { to: R1, label, repeat: 1, size: 9, hash: u64::MAX },
        EventKind::Deliver { from: R0, label, repeat: 1, copy: 1, hash: 1, corrupt: true },
        EventKind::Stray { from: R0, meant: R1, label, repeat: 1, hash: 1 },
        EventKind::Reset { peer: R0, nth: 2 },
        EventKind::DiskStart { label: WRITE.label([5]), repeat: 1, hash: 2 },
        EventKind::DiskDone { label: WRITE.label([5]), repeat: 1, hash: 3 },
        EventKind::Timer { task: REPLICA.label([]), nth: 17 },
        EventKind::Mark("view change done"),
        EventKind::Panic("first line\nsecond line".into()),
        EventKind::Spin { task: REPLICA.label([]), polls: 1_000_000 },
    ];
    let lost = |reason| EventKind::Lost { to: R1, label, repeat: 2, reason };
    kinds.extend([Lost::Dropped, Lost::Cut, Lost::Down, Lost::QueueFull, Lost::Misrouted, Lost::Broken].map(lost));
    kinds.extend(probes.map(EventKind::Probe));
    kinds.extend(operations.map(|operation| EventKind::Call { client, number: 1, operation: Rc::new(operation) }));
    kinds.extend(outcomes.map(|outcome| EventKind::Return { client, number: 1, outcome }));
    kinds
}
