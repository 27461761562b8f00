//! Any scenario that a file can hold.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::base::{Cluster, Distribution, Key, LabelText, NodeId, Operation, Ratio};
use crate::check::OracleId;
use crate::scenario::{
    Checks, Core, Expectation, Mix, Parameters, Phase, Plan, Quiet, Scenario, Shares, Shows, Step, Workload,
};
use crate::world::{
    ClockConfig, Clogs, Delivery, Deviation, MishapKind, MishapRates, NetworkConfig, ScheduleConfig, Stall,
    StorageConfig,
};

use super::PARAMETERS;
use super::generate_faults::fault;

/// Every generated cluster is of this size, so that nodes can be drawn without regard to it.
const CLUSTER: Cluster = Cluster { replicas: 3, clients: 2 };

/// Every phase lasts at least this long and every `at` is at most this.
pub(super) const SHORT: u64 = 1_000_000_000;

/// Whether chance is allowed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Scenario,
    Plan,
}

/// A scenario.
pub(super) fn scenario() -> BoxedStrategy<Scenario> {
    any_of(Kind::Scenario)
}

/// A plan.
pub(super) fn plan() -> BoxedStrategy<Scenario> {
    any_of(Kind::Plan)
}

fn any_of(kind: Kind) -> BoxedStrategy<Scenario> {
    let phases = (vec(phase(kind), 0..3), quiet_phase(kind)).prop_map(|(mut phases, quiet)| {
        phases.push(quiet);
        for (index, phase) in phases.iter_mut().enumerate() {
            phase.name = format!("{} {index}", phase.name);
        }
        phases
    });
    let plan = match kind {
        Kind::Scenario => Just(None).boxed(),
        Kind::Plan => recorded().prop_map(Some).boxed(),
    };
    let check = checks().prop_flat_map(|check| (Just(check.clone()), expectation(check)));
    let head = (text(), option::of(select(vec!["short-quorum", "early-ack"])), parameters(), world(kind));
    (head, workload(kind), phases, check, plan)
        .prop_map(
            |(
                (title, plant, parameters, (network, storage, clocks, schedule)),
                workload,
                phases,
                (mut check, expect),
                plan,
            )| {
                // No less than packets may take.
                for within in [&mut check.all_requests_complete, &mut check.converged] {
                    *within = within.map(|within| within.max(network.latency.max() * 8));
                }
                Scenario {
                    name: "test".to_string(),
                    title,
                    system: "vsr".to_string(),
                    plant: plant.map(str::to_string),
                    parameters,
                    cluster: CLUSTER,
                    network,
                    storage,
                    clocks,
                    schedule,
                    workload,
                    phases,
                    check,
                    expect,
                    plan,
                }
            },
        )
        .boxed()
}

fn parameters() -> BoxedStrategy<Parameters> {
    let [slots, sessions] = &PARAMETERS;
    (option::of(2u64..=16), option::of(1u64..=1024))
        .prop_map(|(fours, count)| {
            let with = |parameters: Parameters, parameter, value: Option<u64>| match value {
                Some(value) => parameters.with(parameter, value),
                None => parameters,
            };
            let some = with(Parameters::default(), slots, fours.map(|fours| 4 * fours));
            with(some, sessions, count)
        })
        .boxed()
}

pub(super) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z][a-z ]{0,20}",
        "[ -~é\u{1}\t\u{7f}]{1,20}".prop_filter("not blank", |text| !text.trim().is_empty())
    ]
    .boxed()
}

pub(super) fn span(low: u64, high: u64) -> BoxedStrategy<Duration> {
    // Round ones, as people write them, and odd ones, as runs have them.
    prop_oneof![
        (low..=high).prop_map(Duration::from_nanos),
        (low / 1_000_000 + 1..=high / 1_000_000).prop_map(Duration::from_millis)
    ]
    .boxed()
}

fn some_span() -> BoxedStrategy<Duration> {
    span(1, 20 * SHORT)
}

fn ratio() -> BoxedStrategy<Ratio> {
    let billionths = |parts: u32| Ratio::from_float(f64::from(parts) / 1e9).expect("it is at most one");
    prop_oneof![Just(Ratio::ZERO), Just(Ratio::ONE), (0u32..=1_000_000_000).prop_map(billionths)].boxed()
}

fn chance(kind: Kind) -> BoxedStrategy<Ratio> {
    if kind == Kind::Plan { Just(Ratio::ZERO).boxed() } else { ratio() }
}

/// Durations of which the calm one is at least `low`.
pub(super) fn distribution(kind: Kind, low: u64) -> BoxedStrategy<Distribution> {
    let constant = span(low, 20 * SHORT).prop_map(Distribution::Constant);
    if kind == Kind::Plan {
        return constant.boxed();
    }
    let three = (span(low, SHORT), some_span(), some_span());
    let tailed = span(low.max(1), SHORT).prop_map(|mean| (Duration::ZERO, mean, mean * 10));
    let ordered = prop_oneof![three.prop_map(|(min, more, most)| (min, min + more, min + more + most)), tailed];
    prop_oneof![
        constant,
        ordered.clone().prop_map(|(min, mean, max)| Distribution::Exponential { min, mean, max }),
        ordered.prop_map(|(min, mean, max)| Distribution::LogNormal { min, mean, max }),
        (span(low, SHORT), some_span()).prop_map(|(min, more)| Distribution::Uniform { min, max: min + more }),
        (span(low, SHORT), some_span(), ratio()).prop_map(|(fast, slow, share)| Distribution::Bimodal {
            fast,
            slow,
            share
        }),
    ]
    .boxed()
}

fn world(kind: Kind) -> BoxedStrategy<(NetworkConfig, StorageConfig, ClockConfig, ScheduleConfig)> {
    let network = (distribution(kind, 0), chance(kind), chance(kind), chance(kind), chance(kind));
    let clogs = (chance(kind), distribution(kind, 0)).prop_map(|(share, span)| Clogs { share, span });
    // A clog that never comes is none.
    let clogs = option::of(clogs).prop_map(|clogs| clogs.filter(|clogs| !clogs.share.is_zero()));
    let links = (chance(kind), any::<bool>(), option::of(1u64..), option::of(1u32..=1_000_000), clogs);
    let network = (network, links).prop_map(|((latency, loss, duplicate, reorder, corrupt), links)| {
        let (misroute, is_stream, bandwidth, queue, clog) = links;
        let delivery = if is_stream { Delivery::Stream } else { Delivery::Datagram };
        NetworkConfig { latency, loss, duplicate, reorder, corrupt, misroute, delivery, bandwidth, queue, clog }
    });
    let latency = || distribution(kind, 0);
    let storage = (latency(), latency(), latency(), chance(kind), chance(kind));
    let storage = storage.prop_map(|(read_latency, write_latency, sync_latency, crash_keep, crash_tear)| {
        let crash_tear = if crash_keep.to_float() + crash_tear.to_float() > 1.0 { Ratio::ZERO } else { crash_tear };
        StorageConfig { read_latency, write_latency, sync_latency, crash_keep, crash_tear, ..StorageConfig::default() }
    });
    let stall = (ratio(), span(1, SHORT)).prop_map(|(share, span)| Stall { share, span });
    let stall = option::of(stall.prop_filter("it happens", |stall| !stall.share.is_zero()));
    let stall = if kind == Kind::Plan { Just(None).boxed() } else { stall.boxed() };
    let decay = (chance(kind), stall, vec(chance(kind), MishapKind::WORDS.len()));
    let storage = (storage, decay).prop_map(|(storage, (crash_tear_names, stall, rates))| {
        let words = MishapKind::WORDS.iter().zip(rates);
        let mishaps = words.fold(MishapRates::default(), |rates, ((_, kind), rate)| rates.with(*kind, rate));
        StorageConfig { crash_tear_names, stall, mishaps, ..storage }
    });
    let clocks = match kind {
        Kind::Plan => Just(ClockConfig::default()).boxed(),
        Kind::Scenario => (some_span(), 0u32..=500_000)
            .prop_map(|(offset_max, drift_max)| ClockConfig { offset_max, drift_max })
            .boxed(),
    };
    (
        prop_oneof![Just(NetworkConfig::default()), network],
        prop_oneof![Just(StorageConfig::default()), storage],
        clocks,
        chance(kind).prop_map(|shuffle| ScheduleConfig { shuffle }),
    )
        .boxed()
}

fn workload(kind: Kind) -> BoxedStrategy<Workload> {
    let step = (0u16..2, prop_oneof![Just(Duration::ZERO), some_span()], option::of(some_span()), operation());
    let step = step.prop_map(|(client, wait, give_up_after, operation)| Step {
        client: NodeId::client(client),
        wait,
        give_up_after,
        operation,
    });
    let explicit = vec(step, 0..8).prop_map(Workload::Explicit).boxed();
    if kind == Kind::Plan {
        return explicit;
    }
    let shares = (ratio(), ratio(), ratio(), ratio(), ratio()).prop_map(|(get, put, append, cas, delete)| {
        let shares = Shares { get, put, append, cas, delete };
        if shares == Shares::default() { Shares { get: Ratio::ONE, ..shares } } else { shares }
    });
    let mix = (1u32..=1_000_000, 1u32..=1_000_000, shares, option::of(1..=u64::MAX >> 1), option::of(some_span()));
    let mix = mix.prop_map(|(keys, rate, shares, operations, give_up_after)| Mix {
        keys,
        rate,
        shares,
        operations,
        give_up_after,
    });
    prop_oneof![explicit, mix.prop_map(Workload::Drawn)].boxed()
}

fn operation() -> BoxedStrategy<Operation> {
    let key = || any::<u32>().prop_map(Key);
    let value = || prop_oneof!["[0-9]{1,4}", Just("(absent)".to_string()), "[ -~é\n\u{1}]{0,12}"];
    prop_oneof![
        key().prop_map(|key| Operation::Get { key }),
        (key(), value()).prop_map(|(key, value)| Operation::Put { key, value }),
        (key(), value()).prop_map(|(key, value)| Operation::Append { key, value }),
        (key(), option::of(value()), value()).prop_map(|(key, from, to)| Operation::Cas { key, from, to }),
        key().prop_map(|key| Operation::Delete { key }),
    ]
    .boxed()
}

pub(super) fn node() -> BoxedStrategy<NodeId> {
    select(CLUSTER.nodes().collect::<Vec<_>>()).boxed()
}

fn phase(kind: Kind) -> BoxedStrategy<Phase> {
    (text(), span(SHORT, 10 * SHORT), vec(fault(kind), 0..4), option::weighted(0.2, core(kind)))
        .prop_map(|(name, duration, faults, core)| {
            let faults = if core.is_some() { Vec::new() } else { faults };
            Phase { name, duration, quiet: core.map(|core| Quiet { core }), faults }
        })
        .boxed()
}

fn quiet_phase(kind: Kind) -> BoxedStrategy<Phase> {
    (text(), some_span(), core(kind))
        .prop_map(|(name, duration, core)| Phase { name, duration, quiet: Some(Quiet { core }), faults: Vec::new() })
        .boxed()
}

fn core(kind: Kind) -> BoxedStrategy<Core> {
    let listed = (subsequence(CLUSTER.nodes().collect::<Vec<_>>(), 1..=5), vec(any::<bool>(), 5)).prop_map(
        |(mut core, heals)| {
            // Two of the three replicas can make progress.
            let missing = CLUSTER.replicas().take(2).filter(|node| !core.contains(node)).collect::<Vec<_>>();
            if core.iter().filter(|node| node.is_replica()).count() < 2 {
                core.splice(0..0, missing);
            }
            let outside = CLUSTER.nodes().filter(|node| !core.contains(node)).zip(heals);
            let healed = outside.filter_map(|(node, heals)| heals.then_some(node)).collect();
            Core::Nodes { core, healed }
        },
    );
    match kind {
        Kind::Plan => prop_oneof![Just(Core::All), listed].boxed(),
        Kind::Scenario => prop_oneof![Just(Core::Drawn), Just(Core::Up), Just(Core::All), listed].boxed(),
    }
}

fn checks() -> BoxedStrategy<Checks> {
    let safety: Vec<OracleId> = OracleId::all().filter(|oracle| !oracle.is_liveness()).collect();
    let all = super::super::read_check::all_safety();
    let within = || option::of(span(2 * SHORT + 1, 9 * SHORT));
    (prop_oneof![Just(all), subsequence(safety.clone(), 0..=safety.len())], within(), within(), option::of(text()))
        .prop_map(|(safety, all_requests_complete, converged, mark)| Checks {
            safety,
            all_requests_complete,
            converged,
            reached: mark.into_iter().collect(),
        })
        .boxed()
}

fn expectation(checks: Checks) -> BoxedStrategy<Expectation> {
    let mut judged = checks.safety.clone();
    judged.extend(checks.all_requests_complete.map(|_| OracleId::Live));
    judged.extend(checks.converged.map(|_| OracleId::Conv));
    judged.extend([OracleId::Panic, OracleId::Spin]);
    let shows = prop_oneof![
        Just(Shows::Always),
        any::<u64>().prop_map(Shows::Seed),
        (1..=u64::MAX >> 1).prop_map(Shows::WithinSeeds)
    ];
    let violation =
        (option::of(select(judged)), shows).prop_map(|(check, shows)| Expectation::Violation { check, shows });
    prop_oneof![Just(Expectation::Pass), violation].boxed()
}

fn recorded() -> BoxedStrategy<Plan> {
    let deviations = select(vec![
        "drop r0->r1 Prepare(v0 op1) #N",
        "delay r1->r0 PrepareOk(v0 op1) #N +3ms",
        "duplicate r0->c1 Reply #N -8ms",
        "reorder r0->r1 Prepare(v0 op1) #N",
        "corrupt r0->r1 Prepare(v0 op1) #N bit 17",
        "slow r1 disk write(slot5) #N +3ms",
        "keep r1 life N file journal sector 5",
        "tear r1 life N file \"a \\ b\" sector 5 after 137 bytes",
        "keep r1 life N length journal",
        "keep r1 life N names 3",
        "tear r1 life N names 1,3",
        "rot r1 disk write(slot5) #N bit 77",
        "rot r1 disk write(slot5) #N byte 9 bits 255",
        "unreadable r1 disk write(slot5) #N sector 0",
        "lose r1 disk write(slot5) #N",
        "misdirect r1 disk write(slot5) #N to sector 12",
        "full r1 disk write(slot5) #N",
        "fail r1 disk sync-journal #N",
        "lie r1 disk sync-journal #N",
        "yield r1/replica woken by (r0->r1 Prepare(v0 op1) #2 arrives) #N by 3",
        "yield r1/replica woken by (r1 reset r0 #2) #N by 3",
        "misroute r0->r1 Prepare(v0 op1) #N to c1",
        "clog r0->r1 Prepare(v0 op1) #N for 300ms",
    ]);
    let deviations = vec(deviations, 0..6).prop_map(|texts| {
        let read = |(index, text): (usize, &str)| -> Deviation<LabelText> {
            text.replace('N', &(index + 1).to_string()).parse().expect("these are deviations")
        };
        texts.into_iter().enumerate().map(read).collect()
    });
    let oracles = option::of(select(vec![vec![OracleId::Lin], vec![OracleId::Live, OracleId::Back], vec![]]));
    let recorded = (option::of(any::<u64>()), option::of(text()), vec(any::<u8>(), 0..150));
    (any::<u64>(), oracles, deviations, recorded)
        .prop_map(|(entropy, oracles, deviations, (digest, build, trace))| Plan {
            entropy,
            oracles,
            deviations,
            digest,
            build,
            trace,
        })
        .boxed()
}
