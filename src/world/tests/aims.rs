//! What came of each fault, and who is in a core of those that are up.

use super::decay::{arm, at, decaying, node, rot, writer};
use super::{crash, phase, run};
use crate::base::NodeId;
use crate::env::{Env, Local};
use crate::world::*;

/// Of each fault how often it was due and how often it struck, and why it last did not.
fn aims(faults: Vec<Fault>) -> Vec<(u64, u64, Option<Miss>)> {
    let remains = run(decaying(vec![phase("only", 50, faults)]), writer);
    remains.aims.iter().map(|aim| (aim.due, aim.struck, aim.miss)).collect()
}

#[test]
fn of_every_fault_it_is_known_whether_it_struck_and_why_not() {
    let on = |trigger: &str| When::On { trigger: trigger.parse().expect("it is a moment"), before: false };
    let absent = What::Rot { target: node(0), file: "jurnal".to_string(), spot: Spot::Byte { byte: 0, bits: 1 } };
    let spared = What::Crash { target: node(0), restart_after: None, max_down: Limit::Count(0) };
    let restart = What::Restart { target: node(1) };
    let faults = vec![
        at(10, rot(0, 0)),
        at(11, rot(1, 0)),
        at(12, rot(2, 5000)),
        at(13, absent),
        at(14, spared),
        at(15, restart),
        at(16, arm(1, "wirte(slot0)", MishapKind::NoSpace)),
        at(17, arm(1, "write(slot0)", MishapKind::NoSpace)),
        at(18, arm(2, "write(slot0)", MishapKind::LostWrite)),
        Fault { when: on("r0 sends Hello"), what: What::Heal },
        Fault { when: on("r0 finishes write(slot0)"), what: What::Heal },
        at(60, What::Heal),
    ];
    let expected = [
        (1, 1, None),
        (1, 0, Some(Miss::Refused)),
        (1, 0, Some(Miss::Nowhere)),
        (1, 0, Some(Miss::Nowhere)),
        (1, 0, Some(Miss::Spared)),
        (1, 0, Some(Miss::Nobody)),
        (1, 0, Some(Miss::NoOperation)),
        (1, 1, Some(Miss::NoOperation)),
        (1, 0, Some(Miss::Refused)),
        (0, 0, None),
        (1, 1, None),
        (0, 0, None),
    ];
    assert_eq!(aims(faults), expected);
}

#[test]
fn to_release_what_nobody_holds_is_to_do_nothing() {
    let [from, to] = [0, 1].map(|index| super::network::group(NodeId::replica(index)));
    let release = || What::Release { from: from.clone(), to: to.clone() };
    let hold = What::Hold { from: from.clone(), to: to.clone(), only: None, release_after: None };
    let faults = vec![at(10, release()), at(11, hold), at(12, release()), at(13, release())];
    let expected = [
        (1, 0, Some(Miss::NothingHeld)),
        // Nobody here sends anything.
        (1, 0, Some(Miss::NoMessage)),
        (1, 1, None),
        (1, 0, Some(Miss::NothingHeld)),
    ];
    assert_eq!(aims(faults), expected);
}

#[test]
fn what_stops_messages_has_struck_when_it_has_stopped_one() {
    let [from, to] = [0, 1].map(|index| super::network::group(NodeId::replica(index)));
    let cut = |label: &str| What::CutOnly {
        from: from.clone(),
        to: to.clone(),
        only: label.parse().expect("it is a label"),
        both_ways: false,
        heal_after: None,
    };
    let hold =
        |label: &str| What::Hold { from: from.clone(), to: to.clone(), only: label.parse().ok(), release_after: None };
    let faults = vec![at(1, cut("Hullo")), at(1, hold("Hullo")), at(1, hold("Hello")), at(30, cut("Hello"))];
    fn chatter(env: Env) -> Local<()> {
        Box::pin(async move {
            loop {
                if env.id() == NodeId::replica(0) {
                    env.send(NodeId::replica(1), super::HELLO.label([1]), bytes::Bytes::new());
                }
                env.sleep(super::ms(5)).await;
            }
        })
    }
    let remains = run(decaying(vec![phase("only", 50, faults)]), chatter);
    let aims: Vec<_> = remains.aims.iter().map(|aim| (aim.struck, aim.miss)).collect();
    let missed = (0, Some(Miss::NoMessage));
    assert_eq!(aims, [missed, missed, (1, None), (1, None)]);
}

#[test]
fn whoever_is_down_when_a_core_is_made_of_those_that_are_up_stays_down() {
    let core = |replicas: &[u16]| replicas.iter().map(|index| NodeId::replica(*index)).collect::<Vec<_>>();
    let core_after = |crashes: Vec<Fault>| {
        let quiet = Some(Quiet { core: Core::Up });
        let quiet = Phase { name: "quiet".into(), duration: super::ms(30), quiet, faults: vec![] };
        let remains = run(decaying(vec![phase("trouble", 20, crashes), quiet]), writer);
        let gone = remains.marks.get("replica down for good").copied().unwrap_or(0);
        match &remains.record.expect("it was recorded").phases[1].quiet {
            Some(Quiet { core: Core::Nodes { core, healed } }) if healed.is_empty() => (core.clone(), gone),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(core_after(vec![]), (core(&[0, 1, 2]), 0));
    // It was to come back, and then its phase was over.
    assert_eq!(core_after(vec![at(10, crash(node(1), Some(500)))]), (core(&[0, 2]), 1));
    // One alone can make no progress.
    let two = vec![at(10, crash(node(0), None)), at(11, crash(node(2), None))];
    assert_eq!(core_after(two), (core(&[0, 1]), 1));
}
