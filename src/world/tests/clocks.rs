//! Clocks as their users rely on them: a sleep ends when the node's own clock says so, whatever pace it has.

use std::cell::RefCell;
use std::rc::Rc;

use super::network::{R1, at, only, replayed};
use super::{ms, phase, run, setup};
use crate::base::{EventKind, Instant, NodeId, WallTime};
use crate::env::{Env, Local};
use crate::world::*;

fn change(node: NodeId, change: ClockChange) -> What {
    What::Clock { target: Target::Node(node), change }
}

/// A system in which r1 sleeps so long, again and again, and passes a mark after each.
fn sleeper(millis: u64) -> impl Fn(Env) -> Local<()> + Clone + 'static {
    move |env: Env| -> Local<()> {
        Box::pin(async move {
            while env.id() == R1 {
                let before = env.now();
                env.sleep(ms(millis)).await;
                assert!(env.now() >= before + ms(millis), "no sleep is shorter than it should be, by its own clock");
                env.mark("awake");
            }
        })
    }
}

/// When, in true microseconds, r1 awoke.
fn awakenings(remains: &Remains) -> Vec<u64> {
    let trace = remains.trace.as_ref().expect("it was kept");
    let awake = trace.iter().filter(|event| event.kind == EventKind::Mark("awake"));
    awake.map(|event| event.at.as_nanos() / 1_000).collect()
}

#[test]
fn a_fast_clock_wakes_early_and_a_slow_one_late() {
    let awake = |drift| {
        let fault = at(0, change(R1, ClockChange::Drift(drift)));
        awakenings(&replayed(only(1_000, vec![fault]), sleeper(100)))[..3].to_vec()
    };
    assert_eq!(awake(0), [100_000, 200_000, 300_000]);
    // A clock that gains a quarter shows 100 ms after 80 of them; one that loses a fifth after 125.
    assert_eq!(awake(250_000), [80_000, 160_000, 240_000]);
    assert_eq!(awake(-200_000), [125_000, 250_000, 375_000]);
}

#[test]
fn a_sleep_that_has_begun_keeps_to_the_clock_when_its_pace_changes() {
    let awake = |drift| {
        let fault = at(50, change(R1, ClockChange::Drift(drift)));
        awakenings(&replayed(only(1_000, vec![fault]), sleeper(100)))[..2].to_vec()
    };
    // Half of the first sleep is over; the other half takes 40 ms or 100.
    assert_eq!(awake(250_000), [90_000, 170_000]);
    assert_eq!(awake(-500_000), [150_000, 350_000]);
}

#[test]
fn a_pace_may_change_again_and_a_sleep_for_ever_is_one() {
    let faults = vec![
        at(50, change(R1, ClockChange::Drift(-500_000))),
        at(60, change(R1, ClockChange::Drift(0))),
        at(70, change(R1, ClockChange::Drift(500_000))),
    ];
    let patient = |env: Env| -> Local<()> {
        Box::pin(async move {
            env.spawn(FOREVER.label([]), env.sleep_until(Instant::NEVER));
            sleeper(100)(env).await;
        })
    };
    // 50 ms, 5 of the next 10, 10 of the next 10, and 35 at one and a half times the pace.
    assert_eq!(awakenings(&replayed(only(200, faults), patient))[0], 93_333);
}

static FOREVER: crate::base::Kind = crate::base::Kind::new("for-ever", &[]);

#[test]
fn only_the_calendar_jumps() {
    let seen: Rc<RefCell<Vec<(Instant, WallTime)>>> = Rc::default();
    let system = {
        let seen = Rc::clone(&seen);
        move |env: Env| -> Local<()> {
            let seen = Rc::clone(&seen);
            Box::pin(async move {
                while env.id() == R1 {
                    seen.borrow_mut().push((env.now(), env.wall()));
                    env.sleep(ms(10)).await;
                }
            })
        }
    };
    let faults = vec![
        at(15, change(R1, ClockChange::Jump(3_000_000_000))),
        at(25, change(R1, ClockChange::Jump(-5_000_000_000))),
    ];
    run(only(40, faults), system);
    let seen = seen.borrow();
    let shows = |place: usize| {
        let (now, wall) = seen[place];
        (now.as_nanos() / 1_000_000, (i128::from(wall.0) - i128::from(WallTime::START.0)) / 1_000_000)
    };
    assert_eq!([0, 1, 2, 3].map(shows), [(0, 0), (10, 10), (20, 3_020), (30, -1_970)]);
}

#[test]
fn drifts_are_drawn_written_down_and_told_beforehand() {
    let mut setup = Setup { record: true, ..setup(vec![phase("only", 500, vec![])]) };
    setup.clocks = ClockConfig { offset_max: ms(20), drift_max: 1_000 };
    let remains = replayed(setup.clone(), sleeper(100));
    let told = clock_drifts(&setup.source, &setup.clocks, setup.cluster);
    assert!(told.iter().all(|drift| drift.abs() <= 1_000), "{told:?}");
    assert!(told.iter().any(|drift| *drift < 0) && told.iter().any(|drift| *drift > 0), "{told:?}");
    let nodes = setup.cluster.nodes().zip(told).filter(|(_, drift)| *drift != 0);
    let told: Vec<String> = nodes.map(|(node, drift)| format!("drift {node} clock {drift:+}ppm")).collect();
    let written = remains.record.expect("it was recorded").deviations;
    let written: Vec<String> =
        written.iter().map(ToString::to_string).filter(|text| text.starts_with("drift")).collect();
    assert_eq!(written, told);
    // Offsets are what they were without drifts.
    let offsets =
        |drift_max| clock_offsets(&setup.source, &ClockConfig { drift_max, ..setup.clocks.clone() }, setup.cluster);
    assert_eq!(offsets(0), offsets(1_000));
}
