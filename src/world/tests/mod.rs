//! The world as its users rely on it, with a small system of its own: replicas that chatter and write.

mod aims;
mod clocks;
mod decay;
mod hazards;
mod network;
mod streams;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use crate::base::{
    Cluster, Disks, Distribution, Event, EventKind, Instant, Kind, LabelText, NodeId, Ratio, RedundancyMap,
};
use crate::env::{Env, Incoming, Local};
use crate::world::*;

static HELLO: Kind = Kind::new("Hello", &["n"]);
static WRITE: Kind = Kind::new("write", &["n"]);
static SYNC: Kind = Kind::new("sync", &[]);
static HELPER: Kind = Kind::new("helper", &[]);
static PEER: Kind = Kind::new("peer", &[]);

pub(super) fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

pub(super) struct Silent;

impl Observer for Silent {
    fn on_event(&mut self, _event: &Event, _disks: &dyn Disks) -> bool {
        true
    }
    fn on_quiet(&mut self, _at: Instant, _core: &[NodeId]) {}
    fn on_quiet_end(&mut self) {}
    fn is_settled(&mut self, _core: &[NodeId]) -> bool {
        true
    }
}

pub(super) fn phase(name: &str, millis: u64, faults: Vec<Fault>) -> Phase {
    Phase { name: name.into(), duration: ms(millis), quiet: None, faults }
}

pub(super) fn setup(phases: Vec<Phase>) -> Setup {
    Setup {
        cluster: Cluster { replicas: 3, clients: 1 },
        network: NetworkConfig::default(),
        storage: StorageConfig::default(),
        clocks: ClockConfig::default(),
        schedule: ScheduleConfig::default(),
        phases,
        core_size: 2,
        settle: Duration::ZERO,
        source: Source::seed(1),
        record: false,
        trace: true,
        replication: 2,
        redundancy: RedundancyMap::default(),
    }
}

pub(super) fn run(setup: Setup, system: impl Fn(Env) -> Local<()> + 'static) -> Remains {
    World::new(setup, Box::new(Silent), move |boot| system(boot.env)).run()
}

pub(super) fn fault(when: &str, what: What) -> Fault {
    let when = match when.strip_prefix("before ") {
        Some(trigger) => When::On { trigger: trigger.parse().unwrap(), before: true },
        None => When::On { trigger: when.parse().unwrap(), before: false },
    };
    Fault { when, what }
}

pub(super) fn crash(target: Target, restart_after: Option<u64>) -> What {
    let restart_after = restart_after.map(|millis| Distribution::Constant(ms(millis)));
    What::Crash { target, restart_after, max_down: Limit::All }
}

pub(super) fn said(remains: &Remains) -> Vec<String> {
    let trace = remains.trace.as_ref().expect("the trace was kept");
    let line =
        |event: &Event| format!("{} {}", event.node.map_or("-".to_string(), |node| node.to_string()), event.kind);
    trace.iter().map(line).collect()
}

/// Greets random peers, answers greetings, writes and syncs what it heard, and starts helpers.
pub(super) fn chatter(env: Env) -> Local<()> {
    Box::pin(async move {
        let file = env.disk().create("log").await.expect("the disk works");
        env.disk().sync_dir().await.expect("the disk works");
        let mut number = 0;
        loop {
            let heard = env.timeout(ms(5 + env.random_below(&PEER, 5)), env.recv()).await;
            number += 1;
            match heard {
                Ok(Incoming::Message { from, body }) if body.first().is_some_and(|hops| *hops > 0) => {
                    let mut body = body.to_vec();
                    body[0] -= 1;
                    env.send(from, HELLO.label([number % 50]), body);
                }
                Ok(_) => {
                    let (env, file) = (env.clone(), file.clone());
                    env.clone().spawn(HELPER.label([]), async move {
                        let bytes = vec![number as u8; 700].into();
                        file.write_at(WRITE.label([number % 8]), (number % 8) * 700, bytes)
                            .await
                            .expect("the disk works");
                        env.sleep(ms(1)).await;
                        file.sync(SYNC.label([])).await.expect("the disk works");
                        env.mark("synced");
                    });
                }
                Err(_) => {
                    let peer = NodeId::replica(env.random_below(&PEER, 3) as u16);
                    env.send(peer, HELLO.label([number % 50]), vec![6, 0, 0, number as u8]);
                }
            }
        }
    })
}

/// Everything that can go wrong, at once.
pub(super) fn storm(seed: u64) -> Setup {
    let exponential = |min, mean, max| Distribution::Exponential { min: ms(min), mean: ms(mean), max: ms(max) };
    let every = |mean, what| Fault { when: When::Every(exponential(1, mean, 1000)), what };
    let after = |mean| Some(exponential(0, mean, 500));
    let any = Target::AnyReplica;
    let faults = vec![
        every(200, What::Crash { target: any, restart_after: after(50), max_down: Limit::Minority }),
        every(300, What::Pause { target: any, resume_after: after(50) }),
        every(700, What::Wipe { target: any, restart_after: after(50), max_down: Limit::Count(1) }),
        every(200, What::Partition { split: Split::Halves, heal_after: after(90) }),
        every(300, What::Partition { split: Split::Bridge(any), heal_after: None }),
        every(300, What::Cut { from: vec![any], to: vec![Target::Rest], both_ways: false, heal_after: after(90) }),
        fault("replica sends Hello #9", crash(Target::Sender, Some(7))),
        fault("before replica starts sync #3", crash(Target::Sender, Some(7))),
        fault("replica reaches synced #4", crash(Target::Sender, None)),
        fault("replica boots #2", What::Pause { target: Target::Sender, resume_after: after(30) }),
    ];
    let mut setup = setup(vec![
        phase("storm", 900, faults),
        Phase { name: "quiet".into(), duration: ms(200), quiet: Some(Quiet { core: Core::Drawn }), faults: vec![] },
        phase("after", 100, vec![]),
    ]);
    let tenth = Ratio::per_thousand(100);
    setup.network = NetworkConfig {
        latency: exponential(1, 4, 60),
        loss: tenth,
        duplicate: tenth,
        reorder: tenth,
        corrupt: tenth,
        ..NetworkConfig::default()
    };
    setup.storage = StorageConfig {
        read_latency: exponential(0, 1, 9),
        write_latency: exponential(0, 2, 20),
        sync_latency: exponential(0, 3, 20),
        crash_keep: Ratio::per_thousand(300),
        crash_tear: Ratio::per_thousand(300),
        ..StorageConfig::default()
    };
    setup.clocks = ClockConfig { offset_max: ms(20), drift_max: 0 };
    setup.schedule = ScheduleConfig { shuffle: Ratio::per_thousand(300) };
    setup.source = Source::seed(seed);
    setup
}

/// What was recorded, as a setup without chance.
pub(super) fn plan_of(setup: &Setup, record: &Record) -> Setup {
    let calm = |distribution: &Distribution| Distribution::Constant(distribution.calm());
    let read =
        |deviation: &Deviation| -> Deviation<LabelText> { deviation.to_string().parse().expect("it reads back") };
    Setup {
        network: setup.network.calm(),
        storage: StorageConfig {
            read_latency: calm(&setup.storage.read_latency),
            write_latency: calm(&setup.storage.write_latency),
            sync_latency: calm(&setup.storage.sync_latency),
            budget: setup.storage.budget,
            ..StorageConfig::default()
        },
        clocks: ClockConfig::default(),
        schedule: ScheduleConfig::default(),
        phases: record.phases.clone(),
        source: Source::Plan { entropy: record.entropy, deviations: record.deviations.iter().map(read).collect() },
        ..setup.clone()
    }
}

#[test]
fn one_seed_is_one_run_and_another_seed_another() {
    let digests: Vec<_> = (0..20).map(|seed| run(storm(seed), chatter).digest).collect();
    let again: Vec<_> = (0..20).rev().map(|seed| run(storm(seed), chatter).digest).collect();
    assert_eq!(digests, again.into_iter().rev().collect::<Vec<_>>());
    let mut different = digests.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn a_recorded_storm_repeats_without_dice() {
    let mut faults: Vec<&str> = Vec::new();
    for seed in 0..200 {
        let setup = Setup { record: true, trace: false, ..storm(seed) };
        let first = run(setup.clone(), chatter);
        let plan = plan_of(&setup, first.record.as_ref().expect("it was recorded"));
        let second = run(plan, chatter);
        if first.digest != second.digest {
            explain_difference(seed);
        }
        assert_eq!(second.unused, Vec::<String>::new(), "seed {seed}");
        let repeated = second.record.expect("it was recorded again");
        assert_eq!(repeated.deviations, first.record.expect("it was recorded").deviations, "seed {seed}");
        faults.extend(first.faults.keys());
    }
    faults.sort_unstable();
    faults.dedup();
    // A storm in which something never happens proves nothing about it.
    insta::assert_snapshot!(faults.join(", "), @"crash, cut, heal, packet corrupted, packet cut off, packet duplicated, packet lost, packet reordered, partition, pause, refused by the budget, restart, spared by max_down, unsynced sector kept, unsynced sector torn, wipe");
}

fn explain_difference(seed: u64) -> ! {
    let setup = Setup { record: true, ..storm(seed) };
    let first = run(setup.clone(), chatter);
    let second = run(plan_of(&setup, first.record.as_ref().expect("it was recorded")), chatter);
    let (first, second) = (first.trace.expect("kept"), second.trace.expect("kept"));
    let differs =
        first.iter().zip(&second).position(|(one, other)| one != other).unwrap_or(first.len().min(second.len()));
    let around = |trace: &[Event]| format!("{:#?}", &trace[differs.saturating_sub(2)..(differs + 2).min(trace.len())]);
    panic!("seed {seed} differs at event {differs}:\n{}\n--- but replayed:\n{}", around(&first), around(&second));
}

#[test]
fn a_calmed_decision_leaves_the_dice_of_all_others() {
    // Without the quiet phase, in which the same name is decided by other rules.
    let mut setup = Setup { record: true, trace: false, ..storm(3) };
    setup.phases.truncate(1);
    let first = run(setup.clone(), chatter).record.expect("it was recorded").deviations;
    let removed = &first[first.len() / 2];
    let calmed = [removed.name.key()].into();
    let second = run(Setup { source: Source::Chance { seed: 3, calmed }, ..setup }, chatter);
    let second = second.record.expect("it was recorded").deviations;
    let of = |key: u64, list: &[Deviation]| {
        list.iter().filter(|d| d.name.key() == key).map(|d| d.choice).collect::<Vec<_>>()
    };
    let mut shared = 0;
    for deviation in &second {
        let key = deviation.name.key();
        let before = of(key, &first);
        if !before.is_empty() {
            shared += 1;
            assert_eq!(before, of(key, &second), "{deviation} changed");
        }
    }
    assert!(of(removed.name.key(), &second).is_empty());
    println!("{shared} of {} names survive", first.len());
    assert!(shared * 2 > first.len(), "only {shared} of {} names survive", first.len());
}

#[test]
fn a_crash_ends_a_life_within_its_poll() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            if env.id() == NodeId::replica(0) && env.incarnation().0 == 1 {
                env.send(NodeId::replica(1), HELLO.label([1]), vec![1]);
                env.send(NodeId::replica(1), HELLO.label([2]), vec![2]);
                env.mark("not reached");
                panic!("not a finding: this life is over");
            }
            std::future::pending::<()>().await;
        })
    };
    for (when, sent) in [("r0 sends Hello #1", 1), ("before r0 sends Hello #1", 0)] {
        let phases = vec![phase("only", 50, vec![fault(when, crash(Target::Sender, Some(10)))])];
        let remains = run(setup(phases), system);
        let lines = said(&remains);
        let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
        assert_eq!((count("r0 sends"), count("not reached"), count("panics")), (sent, 0, 0), "{when}: {lines:#?}");
        assert_eq!((count("r1 receives"), count("r0 boots, life 2")), (sent, 1), "{when}: {lines:#?}");
    }
}

#[test]
fn a_task_that_runs_for_ever_is_named() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            if env.id() != NodeId::replica(1) {
                return std::future::pending().await;
            }
            env.sleep(ms(3)).await;
            env.clone().spawn(
                HELPER.label([]),
                std::future::poll_fn(|context| {
                    context.waker().wake_by_ref();
                    std::task::Poll::Pending
                }),
            );
        })
    };
    let remains = run(setup(vec![phase("only", 50, vec![])]), system);
    assert_eq!(said(&remains).last().unwrap(), "r1 task helper polled 1000000 times without letting time move");
    assert_eq!(remains.at, Instant::START + ms(3));
}

#[test]
fn a_task_that_sleeps_for_no_time_is_named_too() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            env.sleep(ms(2)).await;
            loop {
                env.sleep(Duration::ZERO).await;
            }
        })
    };
    let remains = run(setup(vec![phase("only", 50, vec![])]), system);
    let last = said(&remains).pop().expect("there are events");
    assert_eq!(last, "r0 task main called its host on and on within one poll, without letting time move");
}

#[test]
fn a_wild_offset_is_a_finding() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            let file = env.disk().create("log").await.expect("the disk works");
            let _ = file.write_at(WRITE.label([1]), u64::MAX - 1, vec![1; 10].into()).await;
        })
    };
    let lines = said(&run(setup(vec![phase("only", 50, vec![])]), system));
    assert!(lines.iter().any(|line| line.starts_with("r0 panics: a file of 18446744073709551615 bytes")), "{lines:#?}");
}

#[test]
fn a_panic_is_an_event_and_the_rest_lives_on() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            env.sleep(ms(u64::from(env.id().index()))).await;
            assert_ne!(env.id(), NodeId::replica(1), "r1 has had enough");
            env.mark("alive");
        })
    };
    let lines = said(&run(setup(vec![phase("only", 50, vec![])]), system));
    assert!(
        lines.iter().any(|line| line.starts_with("r1 panics: ") && line.contains("r1 has had enough")),
        "{lines:#?}"
    );
    assert!(lines.iter().any(|line| line == "r2 reaches: alive"));
}

#[test]
fn a_pause_holds_everything_and_loses_nothing() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            if env.id() == NodeId::replica(0) {
                env.sleep(ms(10)).await;
                env.send(NodeId::replica(1), HELLO.label([1]), vec![1]);
            } else {
                env.recv().await;
                env.mark("heard");
            }
        })
    };
    let pause =
        What::Pause { target: Target::Node(NodeId::replica(1)), resume_after: Some(Distribution::Constant(ms(30))) };
    let faults = vec![Fault { when: When::At(ms(5)), what: pause }];
    let remains = run(setup(vec![phase("only", 50, faults)]), system);
    let heard = remains.trace.unwrap().into_iter().find(|event| event.kind == EventKind::Mark("heard")).unwrap();
    assert_eq!(heard.at, Instant::START + ms(35));
}

#[test]
fn nothing_is_left_behind() {
    for seed in 0..30 {
        let world = World::new(storm(seed), Box::new(Silent), |boot| chatter(boot.env));
        world.run();
        assert!(world.census().tasks > 0, "there was something to leave behind");
        let left = world.shut_down();
        assert_eq!(left, Census::default(), "seed {seed}");
    }
}

#[test]
fn a_wait_that_outlives_its_world_goes_quietly() {
    type Kept = Rc<RefCell<Vec<std::pin::Pin<Box<crate::env::Sleep>>>>>;
    let kept: Kept = Rc::default();
    let keep = Rc::clone(&kept);
    let world = World::new(setup(vec![phase("only", 50, vec![])]), Box::new(Silent), move |boot| {
        let keep = Rc::clone(&keep);
        Box::pin(async move {
            let mut sleep = Box::pin(boot.env.sleep(ms(1_000)));
            let began = std::future::poll_fn(|context| std::task::Poll::Ready(sleep.as_mut().poll(context))).await;
            assert!(began.is_pending());
            keep.borrow_mut().push(sleep);
        })
    });
    world.run();
    assert_eq!(world.shut_down().timers, 4, "they are held elsewhere");
    drop(world);
    kept.borrow_mut().clear();
}

#[test]
fn a_format_that_waits_is_refused() {
    let world = World::new(setup(vec![phase("only", 1, vec![])]), Box::new(Silent), |boot| chatter(boot.env));
    let refused = world.format(|env| Box::pin(async move { env.sleep(ms(1)).await }));
    assert_eq!(refused.unwrap_err().1, "formatting waits for something other than the disk");
}

#[test]
fn waits_inside_combinators_are_woken() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let system = {
        let log = Rc::clone(&log);
        move |env: Env| -> Local<()> {
            let log = Rc::clone(&log);
            Box::pin(async move {
                if env.id() != NodeId::replica(0) {
                    return;
                }
                let first = async {
                    env.sleep(ms(9)).await;
                    9
                };
                let second = async {
                    env.sleep(ms(4)).await;
                    4
                };
                let winner = futures_lite::future::or(first, second).await;
                log.borrow_mut().push(winner);
                let both = futures_lite::future::zip(env.sleep(ms(1)), env.sleep(ms(2))).await;
                assert_eq!(both, ((), ()));
                log.borrow_mut().push(env.now().as_nanos() / 1_000_000);
            })
        }
    };
    run(setup(vec![phase("only", 50, vec![])]), system);
    assert_eq!(*log.borrow(), [4, 6]);
}
