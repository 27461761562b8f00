//! The rest of the network as its users rely on it, with nodes that send each other numbered messages.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::{chatter, fault, ms, phase, plan_of, run, said, setup, storm};
use crate::base::{Cluster, Distribution, Event, EventKind, Kind, Lost, NodeId, Ratio};
use crate::env::{Env, Incoming, Local};
use crate::world::*;

static NUMBER: Kind = Kind::new("Number", &["n"]);
static VOTE: Kind = Kind::new("Vote", &["n"]);

pub(in crate::world) const R0: NodeId = NodeId::replica(0);
pub(in crate::world) const R1: NodeId = NodeId::replica(1);
pub(in crate::world) const R2: NodeId = NodeId::replica(2);

/// What came to whom, when.
pub(in crate::world) type Heard = Rc<RefCell<Vec<(NodeId, u64, Came)>>>;

/// What came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) enum Came {
    /// A number, from a node.
    Number(NodeId, u64),
    /// A reset, of the connection to a node.
    Reset(NodeId),
}

/// A system in which r0 sends a number to r1 each millisecond, and every third as a vote; everybody writes down what comes.
pub(in crate::world) fn counting(heard: &Heard) -> impl Fn(Env) -> Local<()> + Clone + 'static {
    let heard = Rc::clone(heard);
    move |env: Env| -> Local<()> {
        let heard = Rc::clone(&heard);
        Box::pin(async move {
            let (mut number, mut next) = (0u64, env.now());
            loop {
                if let Ok(came) = env.timeout(next.since(env.now()), env.recv()).await {
                    heard.borrow_mut().push((env.id(), env.now().as_nanos(), came_of(came)));
                    continue;
                }
                next = env.now() + ms(1);
                if env.id() == R0 {
                    number += 1;
                    let kind = if number.is_multiple_of(3) { &VOTE } else { &NUMBER };
                    env.send(R1, kind.label([number]), number.to_le_bytes().to_vec());
                }
            }
        })
    }
}

pub(in crate::world) fn came_of(incoming: Incoming) -> Came {
    match incoming {
        Incoming::Message { from, body } => {
            Came::Number(from, u64::from_le_bytes((*body).try_into().expect("numbers have eight bytes")))
        }
        Incoming::Reset { peer } => Came::Reset(peer),
    }
}

/// The numbers that came to r1, with the milliseconds at which they came.
fn numbers(heard: &Heard) -> Vec<(u64, u64)> {
    let number = |(node, at, came): &(NodeId, u64, Came)| match came {
        Came::Number(_, number) if *node == R1 => Some((*number, at / 1_000_000)),
        _ => None,
    };
    heard.borrow().iter().filter_map(number).collect()
}

pub(in crate::world) fn at(millis: u64, what: What) -> Fault {
    Fault { when: When::At(ms(millis)), what }
}

pub(in crate::world) fn group(node: NodeId) -> Group {
    vec![Target::Node(node)]
}

pub(in crate::world) fn constant(millis: u64) -> Distribution {
    Distribution::Constant(ms(millis))
}

fn clog(millis: u64) -> What {
    What::Clog { from: group(R0), to: group(R1), span: constant(millis) }
}

fn hold(only: Option<&str>, release_after: Option<u64>) -> What {
    let only = only.map(|only| only.parse().expect("it is a label"));
    What::Hold { from: group(R0), to: group(R1), only, release_after: release_after.map(constant) }
}

fn release() -> What {
    What::Release { from: group(R0), to: group(R1) }
}

/// A run of so many milliseconds with these faults.
pub(in crate::world) fn only(millis: u64, faults: Vec<Fault>) -> Setup {
    Setup { record: true, ..setup(vec![phase("only", millis, faults)]) }
}

/// Runs, and runs the plan of that run: both must be the same, and the plan has nothing that never comes up.
pub(in crate::world) fn replayed(setup: Setup, system: impl Fn(Env) -> Local<()> + Clone + 'static) -> Remains {
    let first = run(setup.clone(), system.clone());
    let record = first.record.as_ref().expect("it was recorded");
    let second = run(plan_of(&setup, record), system);
    assert_eq!(said(&first), said(&second));
    assert_eq!(first.digest, second.digest);
    assert_eq!(second.unused, Vec::<String>::new());
    assert_eq!(second.record.expect("it was recorded again").deviations, record.deviations);
    first
}

/// What r1 hears in a run with these faults, at which it also looks like in its plan.
fn heard_with(setup: Setup) -> (Vec<(u64, u64)>, Remains) {
    let heard = Heard::default();
    let remains = run(setup.clone(), counting(&heard));
    replayed(setup, counting(&Heard::default()));
    (numbers(&heard), remains)
}

fn in_order(numbers: &[(u64, u64)]) -> bool {
    numbers.windows(2).all(|pair| pair[0].0 < pair[1].0)
}

#[test]
fn a_clog_lets_packets_wait_and_loses_none() {
    // The one sent at 9 ms is under way when the link clogs.
    let (heard, remains) = heard_with(only(40, vec![at(9, clog(10))]));
    assert!(in_order(&heard), "{heard:?}");
    assert_eq!(
        heard.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        (1..=heard.len() as u64).collect::<Vec<_>>()
    );
    assert!(!heard.iter().any(|(_, at)| (10..19).contains(at)), "{heard:?}");
    assert!(heard.iter().filter(|(_, at)| *at == 19).count() >= 9, "{heard:?}");
    assert_eq!(remains.faults["clog"], 1);
}

#[test]
fn what_is_held_comes_in_order_when_it_is_released() {
    let (heard, remains) = heard_with(only(40, vec![at(5, hold(None, None)), at(30, release())]));
    assert!(in_order(&heard), "{heard:?}");
    assert!(!heard.iter().any(|(_, at)| (5..30).contains(at)), "{heard:?}");
    assert!(heard.iter().filter(|(_, at)| *at == 30).count() >= 24, "{heard:?}");
    assert_eq!([remains.faults["hold"], remains.faults["release"]], [1, 1]);
}

/// Whatever clogs, is held and is released: everything comes, and in the order in which it was sent.
#[test]
fn gates_lose_nothing_and_keep_order() {
    let exponential = |min, mean, max| Distribution::Exponential { min: ms(min), mean: ms(mean), max: ms(max) };
    let every = |mean, what| Fault { when: When::Every(exponential(1, mean, 100)), what };
    let (from, to) = (|| group(R0), || vec![Target::Rest]);
    let mut waited = 0;
    for seed in 0..60 {
        let hold = |release_after| What::Hold { from: from(), to: to(), only: None, release_after };
        let mut setup = only(
            300,
            vec![
                every(20, What::Clog { from: from(), to: to(), span: exponential(0, 8, 50) }),
                every(30, hold(Some(exponential(0, 8, 50)))),
                every(40, hold(None)),
                every(30, What::Release { from: from(), to: to() }),
            ],
        );
        setup.source = Source::seed(seed);
        setup.network.latency = exponential(1, 3, 20);
        setup.network.clog = Some(Clogs { share: Ratio::per_thousand(50), span: exponential(0, 3, 20) });
        let quiet = Some(Quiet { core: Core::All });
        setup.phases.push(Phase { name: "quiet".into(), duration: ms(50), quiet, faults: vec![] });
        let heard = Heard::default();
        run(setup, counting(&heard));
        let heard = numbers(&heard);
        assert!(heard.len() > 300, "seed {seed}: {}", heard.len());
        for (place, (number, at)) in heard.iter().enumerate() {
            assert_eq!(*number, place as u64 + 1, "seed {seed}");
            waited += usize::from(*at > number + 20);
        }
    }
    assert!(waited > 1_000, "{waited} waited long, which is too few to prove anything");
}

#[test]
fn a_message_can_be_held_while_others_pass_it() {
    let (heard, _) = heard_with(only(60, vec![at(5, hold(Some("Vote"), Some(30)))]));
    let votes: Vec<_> = heard.iter().filter(|(number, _)| number % 3 == 0).collect();
    let others: Vec<_> = heard.iter().copied().filter(|(number, _)| number % 3 != 0).collect();
    assert!(others.iter().filter(|(_, at)| (6..34).contains(at)).count() > 15, "{heard:?}");
    assert!(!votes.iter().any(|(_, at)| (6..35).contains(at)), "{heard:?}");
    assert!(in_order(&others));
    assert!(votes.windows(2).all(|pair| pair[0].0 < pair[1].0), "{votes:?}");
    assert!(votes.iter().filter(|(_, at)| *at == 35).count() > 8, "{heard:?}");
}

#[test]
fn one_message_can_be_held_from_the_moment_it_was_sent_and_released_at_a_moment() {
    let faults =
        vec![fault("r0 sends Vote(n3)", hold(Some("Vote(n3)"), None)), fault("r1 receives Number(n20)", release())];
    let (heard, _) = heard_with(only(60, faults));
    let place = |wanted: u64| heard.iter().position(|(number, _)| *number == wanted).expect("it came");
    assert_eq!(place(3), place(20) + 1, "{heard:?}");
    assert!(place(6) < place(20));
}

#[test]
fn a_cut_of_some_messages_loses_them_and_no_others() {
    let cut = What::CutOnly {
        from: group(R0),
        to: group(R1),
        only: "Vote".parse().expect("it is a label"),
        both_ways: false,
        heal_after: Some(constant(20)),
    };
    let (heard, remains) = heard_with(only(60, vec![at(5, cut)]));
    let votes: Vec<_> = heard.iter().filter(|(number, _)| number % 3 == 0).collect();
    assert!(votes.iter().any(|(number, _)| *number == 3) && votes.iter().any(|(number, _)| *number > 30), "{votes:?}");
    assert!(!votes.iter().any(|(number, _)| (7..24).contains(number)), "{votes:?}");
    let missing = remains.faults["packet cut off"];
    assert!((6..=8).contains(&missing), "{missing} votes were cut off");
    assert_eq!([remains.faults["cut"], remains.faults["heal"]], [1, 1]);
}

#[test]
fn a_quiet_phase_ends_what_keeps_its_core_apart() {
    let forever = vec![
        at(5, hold(None, None)),
        at(6, What::Clog { from: group(R0), to: group(R1), span: constant(1_000_000) }),
        at(7, What::Hold { from: group(R0), to: group(R2), only: None, release_after: None }),
        at(
            8,
            What::CutOnly {
                from: group(R0),
                to: group(R1),
                only: "Vote".parse().expect("it is a label"),
                both_ways: true,
                heal_after: None,
            },
        ),
    ];
    let mut setup = only(20, forever);
    let core = Core::Nodes { core: vec![R0, R1], healed: vec![] };
    setup.phases.push(Phase { name: "quiet".into(), duration: ms(20), quiet: Some(Quiet { core }), faults: vec![] });
    let (heard, _) = heard_with(setup);
    assert!(in_order(&heard), "{heard:?}");
    assert!(!heard.iter().any(|(_, at)| (5..20).contains(at)), "{heard:?}");
    assert!(heard.iter().filter(|(_, at)| *at == 20).count() > 5, "{heard:?}");
    assert!(heard.iter().any(|(number, at)| *number % 3 == 0 && *at > 25), "votes pass again: {heard:?}");
}

#[test]
fn links_clog_by_chance_and_a_plan_says_when() {
    let mut setup = only(400, vec![]);
    let span = Distribution::Exponential { min: ms(1), mean: ms(10), max: ms(50) };
    setup.network.clog = Some(Clogs { share: Ratio::per_thousand(50), span });
    let (heard, remains) = heard_with(setup.clone());
    assert!(in_order(&heard));
    assert_eq!(heard.len() as u64, heard.last().expect("some came").0, "none is lost");
    let written: Vec<String> =
        remains.record.expect("it was recorded").deviations.iter().map(ToString::to_string).collect();
    assert!(written.len() > 5 && written.iter().all(|text| text.starts_with("clog r0->r1 ")), "{written:?}");
    assert_eq!(remains.faults["clog"], written.len() as u64);
    // The dice of clogs are their own: a loss hits the same packets with and without them.
    let drops = |setup: Setup| -> Vec<String> {
        let record = run(setup, counting(&Heard::default())).record.expect("it was recorded");
        record.deviations.iter().map(ToString::to_string).filter(|text| text.starts_with("drop")).collect()
    };
    setup.network.loss = Ratio::per_thousand(100);
    let with = drops(setup.clone());
    setup.network.clog = None;
    assert_eq!(with, drops(setup));
}

#[test]
fn a_packet_that_strays_is_lost_to_one_and_comes_to_another() {
    let mut setup = only(300, vec![]);
    setup.network.misroute = Ratio::per_thousand(100);
    let heard = Heard::default();
    let remains = run(setup.clone(), counting(&heard));
    replayed(setup, counting(&Heard::default()));
    let trace = remains.trace.as_ref().expect("it was kept");
    let strays: Vec<&Event> = trace.iter().filter(|event| matches!(event.kind, EventKind::Stray { .. })).collect();
    assert!(strays.len() > 10, "{}", strays.len());
    let mut elsewhere = BTreeSet::new();
    for stray in &strays {
        let EventKind::Stray { from, meant, label, repeat, .. } = &stray.kind else { unreachable!() };
        assert_eq!((*from, *meant), (R0, R1));
        assert!(stray.node != Some(R0) && stray.node != Some(R1), "{stray:?}");
        elsewhere.insert(stray.node);
        let lost = EventKind::Lost { to: R1, label: *label, repeat: *repeat, reason: Lost::Misrouted };
        assert!(trace.iter().any(|event| event.kind == lost && event.cause == stray.cause));
    }
    assert_eq!(elsewhere.len(), 2, "it may be any of the others");
    let astray = heard.borrow().iter().filter(|(node, _, _)| *node != R1).count();
    assert_eq!(astray, strays.len());
    let written = remains.record.expect("it was recorded").deviations[0].to_string();
    assert!(written.starts_with("misroute r0->r1 "), "{written}");
}

/// What a link has carried until some moment, and what was sent on it.
fn arrivals(bandwidth: u64, queue: Option<u32>, millis: u64) -> (Vec<u64>, Remains) {
    let mut setup = only(millis, vec![]);
    setup.network.bandwidth = Some(bandwidth);
    setup.network.queue = queue;
    setup.network.latency = Distribution::Exponential { min: ms(1), mean: ms(3), max: ms(30) };
    let heard = Heard::default();
    let remains = run(setup.clone(), counting(&heard));
    replayed(setup, counting(&Heard::default()));
    let times = heard.borrow().iter().map(|(_, at, _)| *at).collect();
    (times, remains)
}

#[test]
fn no_link_carries_more_than_its_bandwidth() {
    // Eight bytes each millisecond are twice as much as the link carries.
    let bandwidth = 4_000;
    let (times, _) = arrivals(bandwidth, None, 400);
    assert!((190..=200).contains(&times.len()), "{} of 400", times.len());
    for (index, at) in times.iter().enumerate() {
        let carried = (index as u64 + 1) * 8;
        assert!(carried * 1_000_000_000 <= at * bandwidth, "{carried} bytes after {at} ns");
    }
}

#[test]
fn a_full_queue_loses_what_comes_next() {
    let (times, remains) = arrivals(4_000, Some(10), 400);
    let full = remains.faults["packet lost to a full queue"];
    assert!((180..=200).contains(&full), "{full}");
    assert!(times.len() > 180);
    let trace = remains.trace.expect("it was kept");
    let reasons = trace.iter().filter_map(|event| match &event.kind {
        EventKind::Lost { reason, .. } => Some(*reason),
        _ => None,
    });
    assert!(reasons.into_iter().all(|reason| reason == Lost::QueueFull));
}

#[test]
fn a_ring_leaves_each_replica_two_neighbours_and_the_clients() {
    let talk = |env: Env| -> Local<()> {
        Box::pin(async move {
            env.sleep(ms(5)).await;
            for node in (Cluster { replicas: 5, clients: 1 }).nodes() {
                env.send(node, NUMBER.label([1]), vec![1]);
            }
        })
    };
    let ring = What::Partition { split: Split::Ring, heal_after: Some(constant(30)) };
    let cluster = Cluster { replicas: 5, clients: 1 };
    let setup = Setup { cluster, ..only(20, vec![at(1, ring)]) };
    let remains = replayed(setup, talk);
    let reached = |wanted: u16| -> Vec<String> {
        let trace = remains.trace.as_ref().expect("it was kept");
        let from = NodeId::replica(wanted);
        let mut nodes: Vec<NodeId> = trace
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Deliver { from: sender, .. } if sender == from))
            .filter_map(|event| event.node)
            .collect();
        nodes.sort_unstable();
        nodes.iter().map(ToString::to_string).collect()
    };
    assert_eq!(reached(0), ["r0", "r1", "r4", "c0"]);
    assert_eq!(reached(2), ["r1", "r2", "r3", "c0"]);
    let record = &remains.record.as_ref().expect("it was recorded").phases[0].faults;
    assert!(matches!(&record[0].what, What::Partition { split: Split::Groups(groups), .. } if groups.len() == 5));
}

/// A storm with everything that links and clocks have of their own.
pub(in crate::world) fn gale(seed: u64, delivery: Delivery) -> Setup {
    let exponential = |min, mean, max| Distribution::Exponential { min: ms(min), mean: ms(mean), max: ms(max) };
    let every = |mean, what| Fault { when: When::Every(exponential(1, mean, 1000)), what };
    let after = |mean| Some(exponential(0, mean, 500));
    let (any, rest) = (|| vec![Target::AnyReplica], || vec![Target::Rest]);
    let hello = || "Hello".parse().expect("it is a label");
    let clock = |change| What::Clock { target: Target::AnyReplica, change };
    let mut setup = storm(seed);
    setup.phases[0].faults.extend([
        every(200, What::Clog { from: any(), to: rest(), span: exponential(1, 30, 200) }),
        every(200, What::Hold { from: any(), to: rest(), only: None, release_after: after(40) }),
        every(200, What::Hold { from: rest(), to: any(), only: Some(hello()), release_after: None }),
        every(150, What::Release { from: rest(), to: any() }),
        every(300, What::CutOnly { from: any(), to: rest(), only: hello(), both_ways: true, heal_after: after(50) }),
        every(400, What::Partition { split: Split::Ring, heal_after: after(50) }),
        every(300, clock(ClockChange::Jump(-3_000_000_000))),
        every(300, clock(ClockChange::Drift(200_000))),
        every(300, clock(ClockChange::Drift(-300_000))),
        fault(
            "replica sends Hello #3",
            What::Hold {
                from: vec![Target::Sender],
                to: vec![Target::Receiver],
                only: Some(hello()),
                release_after: after(20),
            },
        ),
    ]);
    setup.network.delivery = delivery;
    setup.network.misroute = Ratio::per_thousand(50);
    setup.network.bandwidth = Some(2_000);
    setup.network.queue = Some(3);
    setup.network.clog = Some(Clogs { share: Ratio::per_thousand(20), span: exponential(1, 20, 100) });
    setup.clocks.drift_max = 100_000;
    setup.record = true;
    setup
}

#[test]
fn a_recorded_gale_repeats_without_dice() {
    let mut faults: BTreeSet<&str> = BTreeSet::new();
    for seed in 0..60 {
        for delivery in [Delivery::Datagram, Delivery::Stream] {
            let setup = Setup { trace: false, ..gale(seed, delivery) };
            let first = run(setup.clone(), chatter);
            let record = first.record.expect("it was recorded");
            let second = run(plan_of(&setup, &record), chatter);
            if first.digest != second.digest {
                replayed(Setup { trace: true, ..setup }, chatter);
                panic!("seed {seed}, {delivery:?}: the digests differ, and the traces do not");
            }
            assert_eq!(second.unused, Vec::<String>::new(), "seed {seed}, {delivery:?}");
            let again = second.record.expect("it was recorded again");
            assert_eq!(again.deviations, record.deviations, "seed {seed}, {delivery:?}");
            faults.extend(first.faults.keys());
        }
    }
    for kind in [
        "clog",
        "hold",
        "release",
        "clock jump",
        "clock drift",
        "connection broken",
        "packet lost to a full queue",
        "packet misrouted",
        "packet cut off",
    ] {
        assert!(faults.contains(kind), "no {kind} in {faults:?}");
    }
}

#[test]
fn a_gale_leaves_nothing_behind() {
    for delivery in [Delivery::Datagram, Delivery::Stream] {
        let world = World::new(gale(3, delivery), Box::new(super::Silent), |boot| chatter(boot.env));
        world.run();
        assert_eq!(world.shut_down(), Census::default());
    }
}
