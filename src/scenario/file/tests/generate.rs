//! Any scenario that a file can hold.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::base::{Cluster, Distribution, Key, LabelText, NodeId, Operation, Ratio};
use crate::check::OracleId;
use crate::scenario::{Checks, Core, Expectation, Mix, Phase, Plan, Quiet, Scenario, Shares, Shows, Step, Workload};
use crate::world::{
    ClockChange, ClockConfig, Clogs, Delivery, Deviation, Extent, Fault, Group, Limit, MishapKind, MishapRates,
    NetworkConfig, ScheduleConfig, Split, Spot, Stall, StorageConfig, Target, Trigger, Verb, What, When, Which, Who,
};

/// Every generated cluster is of this size, so that nodes can be drawn without regard to it.
const CLUSTER: Cluster = Cluster { replicas: 3, clients: 2 };

/// Every phase lasts at least this long and every `at` is at most this.
const SHORT: u64 = 1_000_000_000;

/// Whether chance is allowed.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
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
    let head = (text(), option::of(select(vec!["short-quorum", "early-ack"])), world(kind));
    (head, workload(kind), phases, check, plan)
        .prop_map(|((title, plant, (network, storage, clocks, schedule)), workload, phases, (check, expect), plan)| {
            Scenario {
                name: "test".to_string(),
                title,
                system: "vsr".to_string(),
                plant: plant.map(str::to_string),
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
        })
        .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z][a-z ]{0,20}",
        "[ -~é\u{1}\t\u{7f}]{1,20}".prop_filter("not blank", |text| !text.trim().is_empty())
    ]
    .boxed()
}

fn span(low: u64, high: u64) -> BoxedStrategy<Duration> {
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
fn distribution(kind: Kind, low: u64) -> BoxedStrategy<Distribution> {
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

fn node() -> BoxedStrategy<NodeId> {
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
    let listed =
        (subsequence(CLUSTER.nodes().collect::<Vec<_>>(), 1..=5), vec(any::<bool>(), 5)).prop_map(|(core, heals)| {
            let outside = CLUSTER.nodes().filter(|node| !core.contains(node)).zip(heals);
            let healed = outside.filter_map(|(node, heals)| heals.then_some(node)).collect();
            Core::Nodes { core, healed }
        });
    match kind {
        Kind::Plan => prop_oneof![Just(Core::All), listed].boxed(),
        Kind::Scenario => prop_oneof![Just(Core::Drawn), Just(Core::All), listed].boxed(),
    }
}

fn fault(kind: Kind) -> BoxedStrategy<Fault> {
    when(kind)
        .prop_flat_map(move |when| {
            let ends = match &when {
                When::On { trigger: Trigger { verb: Verb::Sends(_) | Verb::Receives(_), .. }, .. } => 2,
                When::On { .. } => 1,
                _ => 0,
            };
            (Just(when), what(kind, ends))
        })
        .prop_map(|(when, what)| Fault { when, what })
        .boxed()
}

fn when(kind: Kind) -> BoxedStrategy<When> {
    let at = prop_oneof![Just(Duration::ZERO), span(1, SHORT)].prop_map(When::At);
    let on = (trigger(kind), any::<bool>()).prop_map(|(trigger, before)| {
        // Nothing strikes before a boot.
        let before = before && trigger.verb != Verb::Boots;
        When::On { trigger, before }
    });
    match kind {
        Kind::Plan => prop_oneof![at, on].boxed(),
        Kind::Scenario => prop_oneof![at, on, distribution(kind, 1_000_000).prop_map(When::Every)].boxed(),
    }
}

fn label() -> BoxedStrategy<LabelText> {
    select(vec!["Prepare(v0 op1)", "PrepareOk", "write(slot5)", "start-view(v18446744073709551615)"])
        .prop_map(|text| text.parse().expect("these are labels"))
        .boxed()
}

fn trigger(kind: Kind) -> BoxedStrategy<Trigger> {
    let who = || match kind {
        Kind::Plan => node().prop_map(Who::Node).boxed(),
        Kind::Scenario => {
            let words = select(vec![Who::Primary, Who::Backup, Who::Replica, Who::Client, Who::Any]);
            prop_oneof![node().prop_map(Who::Node), words].boxed()
        }
    };
    let verb = prop_oneof![
        label().prop_map(Verb::Sends),
        label().prop_map(Verb::Receives),
        label().prop_map(Verb::Starts),
        label().prop_map(Verb::Finishes),
        Just(Verb::Reaches("view change done".to_string())),
        Just(Verb::Boots),
    ];
    let which = (1u32.., any::<bool>()).prop_map(move |(number, exactly)| {
        if kind == Kind::Plan || exactly { Which::Exactly(number) } else { Which::Nth(number) }
    });
    (who(), verb, option::of(who()), which)
        .prop_map(|(who, verb, peer, which)| {
            let peer = peer.filter(|_| matches!(verb, Verb::Sends(_) | Verb::Receives(_)));
            Trigger { who, verb, peer, which }
        })
        .boxed()
}

/// One node; `ends` is how many nodes the event of the moment has.
fn one(kind: Kind, ends: usize) -> BoxedStrategy<Target> {
    let node = node().prop_map(Target::Node).boxed();
    if kind == Kind::Plan {
        return node;
    }
    let mut words = vec![Target::Primary, Target::AnyBackup, Target::AnyReplica, Target::AnyClient];
    words.extend([Target::Sender, Target::Receiver].into_iter().take(ends));
    prop_oneof![node, select(words)].boxed()
}

fn some(kind: Kind, ends: usize) -> BoxedStrategy<Target> {
    prop_oneof![3 => one(kind, ends), 1 => select(vec![Target::AllReplicas, Target::AllClients])].boxed()
}

/// Groups of which at most the last has the rest.
fn groups(kind: Kind, ends: usize, count: std::ops::RangeInclusive<usize>) -> BoxedStrategy<Vec<Group>> {
    (vec(vec(some(kind, ends), 1..4), count), any::<bool>())
        .prop_map(|(mut groups, rest)| {
            if let (true, Some(last)) = (rest, groups.last_mut()) {
                last.push(Target::Rest);
            }
            groups
        })
        .boxed()
}

fn what(kind: Kind, ends: usize) -> BoxedStrategy<What> {
    let later = || option::of(distribution(kind, 0));
    let limit = || prop_oneof![Just(Limit::Minority), Just(Limit::All), (1u16..=64).prop_map(Limit::Count)];
    let mut splits = vec![
        Just(Split::Ring).boxed(),
        one(kind, ends).prop_map(Split::Isolate).boxed(),
        groups(kind, ends, 1..=3).prop_map(Split::Groups).boxed(),
    ];
    if kind == Kind::Scenario {
        splits.extend([Just(Split::Halves).boxed(), one(kind, ends).prop_map(Split::Bridge).boxed()]);
    }
    let split = proptest::strategy::Union::new(splits);
    let cut = (groups(kind, ends, 2..=2), any::<bool>(), later());
    prop_oneof![
        (some(kind, ends), later(), limit()).prop_map(|(target, restart_after, max_down)| What::Crash {
            target,
            restart_after,
            max_down
        }),
        (some(kind, ends), later(), limit()).prop_map(|(target, restart_after, max_down)| What::Wipe {
            target,
            restart_after,
            max_down
        }),
        some(kind, ends).prop_map(|target| What::Restart { target }),
        (some(kind, ends), later()).prop_map(|(target, resume_after)| What::Pause { target, resume_after }),
        (split, later()).prop_map(|(split, heal_after)| What::Partition { split, heal_after }),
        cut.prop_map(|(mut sides, both_ways, heal_after)| {
            let (to, from) = (sides.pop().expect("two"), sides.pop().expect("two"));
            What::Cut { from, to, both_ways, heal_after }
        }),
        Just(What::Heal),
        links(kind, ends),
        (
            some(kind, ends),
            prop_oneof![
                (1i64.., any::<bool>()).prop_map(|(size, back)| ClockChange::Jump(if back { -size } else { size })),
                (-500_000i32..=500_000).prop_map(ClockChange::Drift),
            ]
        )
            .prop_map(|(target, change)| What::Clock { target, change }),
        (some(kind, ends), text(), spot(kind)).prop_map(|(target, file, spot)| What::Rot { target, file, spot }),
        (some(kind, ends), text(), sector(kind)).prop_map(|(target, file, sector)| What::Unreadable {
            target,
            file,
            sector
        }),
        mishap(kind, ends),
    ]
    .boxed()
}

/// What can befall links, besides being cut.
fn links(kind: Kind, ends: usize) -> BoxedStrategy<What> {
    let sides = || {
        groups(kind, ends, 2..=2).prop_map(|mut sides| {
            let (to, from) = (sides.pop().expect("two"), sides.pop().expect("two"));
            (from, to)
        })
    };
    let later = || option::of(distribution(kind, 0));
    prop_oneof![
        (sides(), label(), any::<bool>(), later()).prop_map(|((from, to), only, both_ways, heal_after)| {
            What::CutOnly { from, to, only, both_ways, heal_after }
        }),
        (sides(), distribution(kind, 0)).prop_map(|((from, to), span)| What::Clog { from, to, span }),
        (sides(), option::of(label()), later()).prop_map(|((from, to), only, release_after)| What::Hold {
            from,
            to,
            only,
            release_after
        }),
        sides().prop_map(|(from, to)| What::Release { from, to }),
    ]
    .boxed()
}

fn spot(kind: Kind) -> BoxedStrategy<Spot> {
    let byte = (0u64..1 << 30, 1u8..).prop_map(|(byte, bits)| Spot::Byte { byte, bits });
    let said = prop_oneof![byte, (0u64..1 << 21).prop_map(Spot::Sector)];
    let drawn = select(vec![Extent::Bit, Extent::Byte, Extent::Sector]).prop_map(Spot::Drawn);
    if kind == Kind::Plan { said.boxed() } else { prop_oneof![said, drawn].boxed() }
}

fn sector(kind: Kind) -> BoxedStrategy<Option<u64>> {
    let said = (0u64..1 << 21).prop_map(Some);
    if kind == Kind::Plan { said.boxed() } else { prop_oneof![Just(None), said].boxed() }
}

fn mishap(kind: Kind, ends: usize) -> BoxedStrategy<What> {
    let words = select(MishapKind::WORDS.map(|(_, mishap)| mishap).to_vec());
    let pick = 0u64..=i64::MAX as u64;
    (some(kind, ends), label(), words, pick, any::<bool>())
        .prop_map(move |(target, next, mishap, pick, said)| {
            let pick = (mishap.has_places() && (said || kind == Kind::Plan)).then_some(pick);
            What::Disk { target, next, mishap, pick }
        })
        .boxed()
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
