//! What a system under test, or a scenario, may do to the world by mistake or malice: it ends as a finding or as nothing,
//! never as the end of the tool, and a plan repeats it all the same.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use super::{Silent, crash, fault, ms, phase, plan_of, run, said, setup, storm};
use crate::base::{Distribution, Incarnation, Kind, LabelText, Name, NodeId, Ratio};
use crate::env::{Env, Local};
use crate::world::*;

static BARE: Kind = Kind::new("Hail", &[]);
static NUMBERED: Kind = Kind::new("Hail", &["n"]);
static WRITE: Kind = Kind::new("write", &[]);
static TASK: Kind = Kind::new("task", &[]);
static PICK: Kind = Kind::new("pick", &[]);

const R0: NodeId = NodeId::replica(0);
const R1: NodeId = NodeId::replica(1);

fn at(millis: u64, what: What) -> Fault {
    Fault { when: When::At(ms(millis)), what }
}

fn node(index: u16) -> Target {
    Target::Node(NodeId::replica(index))
}

fn only(faults: Vec<Fault>) -> Setup {
    Setup { record: true, ..setup(vec![phase("only", 100, faults)]) }
}

/// Runs, and runs the plan of that run: both must be the same.
fn replays(setup: Setup, system: impl Fn(Env) -> Local<()> + Clone + 'static) {
    let first = run(setup.clone(), system.clone());
    let second = run(plan_of(&setup, first.record.as_ref().expect("it was recorded")), system);
    assert_eq!(said(&first), said(&second));
    assert_eq!(first.digest, second.digest);
    assert_eq!(second.unused, Vec::<String>::new());
}

#[test]
fn a_destructor_that_panics_ends_nothing_but_its_life() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "a bomb");
        }
    }
    let system = |_: Env| -> Local<()> {
        Box::pin(async {
            let _bomb = Bomb;
            pending::<()>().await;
        })
    };
    let remains = run(only(vec![at(5, crash(node(0), Some(5)))]), system);
    assert!(said(&remains).iter().any(|line| line == "r0 boots, life 2"));
}

#[test]
fn waiting_in_a_destructor_ends_nothing() {
    struct Sleeper(Env);
    impl Drop for Sleeper {
        fn drop(&mut self) {
            let mut sleep = self.0.sleep(ms(1));
            let _ = Pin::new(&mut sleep).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            let sleeper = Sleeper(env.clone());
            let task = env.spawn(TASK.label([]), async move {
                let _sleeper = sleeper;
                pending::<()>().await;
            });
            env.sleep(ms(1)).await;
            env.abort(task);
            env.sleep(ms(1)).await;
            env.mark("still here");
        })
    };
    assert!(said(&run(only(vec![]), system)).iter().any(|line| line == "r0 reaches: still here"));
}

#[test]
fn many_tasks_can_be_aborted_at_once() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            let tasks: Vec<_> = (0..30_000).map(|_| env.spawn(TASK.label([]), async {})).collect();
            tasks.into_iter().for_each(|task| env.abort(task));
            env.mark("done");
        })
    };
    assert!(said(&run(only(vec![]), system)).iter().any(|line| line == "r0 reaches: done"));
}

#[test]
fn an_expired_timeout_in_a_loop_is_named() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            let deadline = env.now() + ms(3);
            loop {
                let _ = env.timeout(deadline.since(env.now()), env.recv()).await;
            }
        })
    };
    let last = said(&run(only(vec![]), system)).pop().expect("there are events");
    assert_eq!(last, "r0 task main called its host on and on within one poll, without letting time move");
}

#[test]
fn formatting_that_goes_wrong_is_told() {
    let told = |format: fn(Env) -> Local<()>| {
        let world = World::new(only(vec![]), Box::new(Silent), |_| Box::pin(pending()));
        world.format(format).expect_err("it goes wrong").1
    };
    assert_eq!(
        told(|_| Box::pin(std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }))),
        "formatting runs on for ever"
    );
    assert!(told(|_| panic!("not even begun")).starts_with("not even begun"));
    assert!(told(|env| Box::pin(async move { env.send(R1, BARE.label([]), vec![1]) })).starts_with("r0 sends while"));
}

#[test]
fn every_waiting_receiver_is_woken() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            if env.id() == R1 {
                env.sleep(ms(5)).await;
                env.send(R0, BARE.label([]), vec![1]);
            }
            if env.id() != R0 {
                return;
            }
            let receive = |env: Env| async move {
                env.recv().await;
                env.mark("heard");
            };
            env.spawn(TASK.label([]), receive(env.clone()));
            let second = env.spawn(TASK.label([]), receive(env.clone()));
            env.sleep(ms(1)).await;
            env.abort(second);
            pending::<()>().await;
        })
    };
    assert!(said(&run(only(vec![]), system)).iter().any(|line| line == "r0 reaches: heard"));
}

#[test]
fn what_a_dead_life_draws_moves_nothing() {
    let draws = |extra: bool| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let faults = vec![
            fault("r0 sends Hail", crash(node(0), None)),
            fault("r0 sends Hail", What::Restart { target: node(0) }),
        ];
        run(only(faults), move |env| {
            let log = Rc::clone(&log);
            Box::pin(async move {
                if env.id() != R0 {
                    return;
                }
                if env.incarnation() == Incarnation(1) {
                    env.send(R1, BARE.label([]), vec![1]);
                    let _ = extra.then(|| env.random(&PICK));
                } else {
                    log.borrow_mut().push(env.random(&PICK));
                }
            })
        });
        seen.take()
    };
    assert_eq!(draws(false).len(), 1);
    assert_eq!(draws(false), draws(true));
}

#[test]
fn a_crash_just_before_a_write_is_done_loses_it() {
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            let file = env.disk().create("log").await.expect("the disk works");
            file.write_at(WRITE.label([]), 0, vec![1].into()).await.expect("the disk works");
            env.mark("written");
            pending::<()>().await;
        })
    };
    let lines = said(&run(only(vec![fault("before r0 finishes write", crash(node(0), None))]), system));
    assert!(lines.iter().any(|line| line == "r0 crashes, life 1"), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("r0 finishes write") || line == "r0 reaches: written"));
}

#[test]
fn files_of_any_name_can_be_recorded() {
    for file in ["plain", "a timer b", "x names y", "x woken by (y", "x arrives", "length", "file x sector 3"] {
        let (life, node) = (Incarnation(1), R0);
        for name in
            [Name::Length { node, life, file: file.into() }, Name::Sector { node, life, file: file.into(), sector: 1 }]
        {
            let deviation: Deviation = Deviation { name, choice: Choice::Keep(None) };
            let read: Deviation<LabelText> = deviation.to_string().parse().expect("it reads back");
            assert_eq!(read.name.key(), deviation.name.key(), "{deviation}");
        }
    }
}

#[test]
fn restarting_several_at_once_replays() {
    let faults = vec![
        at(1, crash(node(1), None)),
        at(1, crash(node(2), None)),
        at(5, What::Restart { target: Target::AllReplicas }),
    ];
    let system = |env: Env| -> Local<()> {
        Box::pin(async move {
            env.mark("up");
            pending::<()>().await;
        })
    };
    replays(Setup { schedule: ScheduleConfig { shuffle: Ratio::per_thousand(500) }, ..only(faults) }, system);
}

#[test]
fn a_recorded_trigger_means_its_own_label_and_no_other() {
    let faults = vec![at(5, What::Restart { target: node(0) }), fault("r0 sends Hail #2", crash(node(2), None))];
    replays(only(faults), |env| {
        Box::pin(async move {
            if env.id() == R0 {
                env.send(R1, NUMBERED.label([7]), vec![1]);
                env.sleep(ms(1)).await;
                env.send(R1, BARE.label([]), vec![1]);
            }
            pending::<()>().await;
        })
    });
}

#[test]
fn faults_that_set_off_faults_replay() {
    let cut = What::Cut { from: vec![node(0)], to: vec![node(1)], both_ways: false, heal_after: None };
    let faults = vec![
        at(1, crash(node(1), None)),
        at(1, crash(node(2), None)),
        fault("r0 sends Hail", What::Restart { target: Target::AllReplicas }),
        fault("r0 sends Hail", cut),
        fault("r1 boots", crash(node(0), None)),
        fault("r1 boots", What::Restart { target: node(2) }),
    ];
    replays(only(faults), |env| {
        Box::pin(async move {
            if env.id() == R0 {
                env.sleep(ms(5)).await;
                env.send(R1, BARE.label([]), vec![1]);
            }
            pending::<()>().await;
        })
    });
}

/// Writes, renames, removes, syncs side by side, and aborts half of it.
fn busy(env: Env) -> Local<()> {
    Box::pin(async move {
        let (mut number, mut tasks) = (0u64, Vec::new());
        loop {
            let heard = env.timeout(ms(1 + env.random_below(&PICK, 3)), env.recv()).await;
            number += 1;
            if heard.is_err() || number.is_multiple_of(3) {
                let to = NodeId::replica(env.random_below(&PICK, 3) as u16);
                env.send(to, NUMBERED.label([number % 5]), vec![number as u8; 3]);
            }
            let which = env.random_below(&PICK, 6);
            tasks.push(env.spawn(TASK.label([]), meddle(env.clone(), number, which)));
            if number.is_multiple_of(4) {
                let task = env.random_below(&PICK, tasks.len() as u64) as usize;
                env.abort(tasks.swap_remove(task));
            }
        }
    })
}

async fn meddle(env: Env, number: u64, which: u64) {
    let (disk, name) = (env.disk(), format!("f{}", number % 3));
    match which {
        0 => {
            let file = disk.create(&name).await.expect("the disk works");
            let bytes = vec![number as u8; 600].into();
            file.write_at(WRITE.label([]), number % 2000, bytes).await.expect("the disk works");
            file.sync(BARE.label([])).await.expect("the disk works");
        }
        1 => drop(disk.rename(&name, "f1").await),
        2 => {
            let file = disk.create(&name).await.expect("the disk works");
            file.set_length(number * 37 % 3000).await.expect("the disk works");
        }
        3 => {
            disk.sync_dir().await.expect("the disk works");
            env.mark("names synced");
        }
        4 => drop(disk.remove(&name).await),
        _ => env.sleep(ms(2)).await,
    }
}

/// Everything happens on whole milliseconds, so that most of it happens at once.
#[test]
fn a_storm_of_ties_replays() {
    let either = |one, other| Distribution::Bimodal { fast: ms(one), slow: ms(other), share: Ratio::per_thousand(400) };
    let every = |one, other, what| Fault { when: When::Every(either(one, other)), what };
    let brief = |target, max_down| What::Crash { target, restart_after: Some(either(0, 5)), max_down };
    let any = Target::AnyReplica;
    for seed in 0..100 {
        let faults = vec![
            every(10, 20, brief(any, Limit::All)),
            every(10, 30, brief(Target::AnyClient, Limit::All)),
            every(30, 50, brief(Target::AllReplicas, Limit::Minority)),
            every(10, 20, What::Pause { target: any, resume_after: Some(either(0, 5)) }),
            every(30, 40, What::Wipe { target: any, restart_after: Some(either(1, 5)), max_down: Limit::Count(1) }),
            every(10, 20, What::Partition { split: Split::Halves, heal_after: Some(either(1, 10)) }),
            every(50, 60, What::Heal),
            every(20, 30, What::Restart { target: Target::AllReplicas }),
            fault("before replica sends Hail #9", crash(Target::Sender, None)),
            fault("before replica starts sync-dir #3", brief(Target::Sender, Limit::All)),
            fault("before replica finishes sync-dir #5", brief(Target::Sender, Limit::All)),
            fault("any receives Hail #17", What::Pause { target: Target::Receiver, resume_after: Some(either(0, 1)) }),
            fault("replica reaches names synced #2", crash(Target::Sender, None)),
            fault("replica reaches names synced #2", What::Restart { target: Target::Sender }),
            fault("replica boots #4", What::Restart { target: any }),
        ];
        let mut storm = storm(seed);
        let stretch = |name: &str, duration: Duration| Phase { duration, ..phase(name, 0, faults.clone()) };
        storm.phases[0] = stretch("storm", ms(300));
        storm.phases[2] = stretch("again", ms(200));
        storm.network.latency = either(1, 2);
        storm.storage.write_latency = either(1, 2);
        storm.storage.sync_latency = either(1, 3);
        storm.clocks = ClockConfig::default();
        replays(Setup { record: true, ..storm }, busy);
    }
}
