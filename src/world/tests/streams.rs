//! Streams as their users rely on them: in order and without a gap until a connection breaks, and then both ends know.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::network::{Came, Heard, R0, R1, R2, at, came_of, constant, counting, gale, group, only, replayed};
use super::{crash, ms, run, said};
use crate::base::{EventKind, Kind, NodeId, Ratio};
use crate::env::{Env, Local};
use crate::world::*;

static NUMBER: Kind = Kind::new("Number", &["n"]);
static WAIT: Kind = Kind::new("wait", &[]);

fn stream(mut setup: Setup) -> Setup {
    setup.network.delivery = Delivery::Stream;
    setup
}

/// What came to a node, without times.
fn came(heard: &Heard, node: NodeId) -> Vec<Came> {
    heard.borrow().iter().filter(|(to, _, _)| *to == node).map(|(_, _, came)| *came).collect()
}

#[test]
fn a_calm_stream_is_like_a_calm_network() {
    let heard = Heard::default();
    replayed(stream(only(20, vec![])), counting(&heard));
    let numbers = came(&heard, R1);
    assert!(numbers.len() > 30, "two runs of it: {numbers:?}");
    assert!(numbers.iter().all(|came| matches!(came, Came::Number(..))));
}

#[test]
fn a_loss_breaks_the_connection_and_both_ends_learn_of_it_once() {
    let mut setup = stream(only(200, vec![]));
    setup.network.loss = Ratio::per_thousand(50);
    setup.network.latency = constant(4);
    let heard = Heard::default();
    let remains = run(setup.clone(), counting(&heard));
    replayed(setup, counting(&Heard::default()));
    let broken = remains.faults["connection broken"] as usize;
    assert!(broken > 3, "{broken}");
    let resets = |node| came(&heard, node).iter().filter(|came| matches!(came, Came::Reset(_))).count();
    assert!(resets(R0).abs_diff(broken) <= 1, "the last one may be under way");
    assert_eq!(resets(R0), resets(R1));
    let trace = said(&remains);
    assert!(trace.iter().any(|line| line == "r1 loses its connection #1 to r0"), "{trace:#?}");
    assert!(trace.iter().any(|line| line.ends_with("to r1: connection is broken")), "what was under way is lost");
    let written = remains.record.expect("it was recorded").deviations;
    assert_eq!(written.len(), broken, "{written:?}");
    assert!(written.iter().all(|deviation| deviation.to_string().starts_with("drop r0->r1 ")));
}

#[test]
fn nothing_happens_to_a_stream_but_that_it_breaks() {
    let mut setup = stream(only(300, vec![]));
    let half = Ratio::per_thousand(500);
    (setup.network.duplicate, setup.network.reorder, setup.network.corrupt, setup.network.misroute) =
        (half, half, half, half);
    setup.network.queue = Some(1);
    setup.network.bandwidth = Some(4_000);
    let heard = Heard::default();
    let remains = run(setup, counting(&heard));
    let numbers = came(&heard, R1);
    assert!(numbers.len() > 100, "{}", numbers.len());
    for (place, came) in numbers.iter().enumerate() {
        assert_eq!(*came, Came::Number(R0, place as u64 + 1));
    }
    assert!(remains.faults.is_empty(), "{:?}", remains.faults);
}

#[test]
fn a_crash_resets_the_other_end_and_so_does_a_cut() {
    let node = |node| Target::Node(node);
    let cut = What::Cut { from: group(R1), to: group(R0), both_ways: false, heal_after: Some(constant(10)) };
    for (what, wanted) in [(crash(node(R1), Some(10)), "crash"), (cut, "cut")] {
        let heard = Heard::default();
        let remains = run(stream(only(60, vec![at(20, what.clone())])), counting(&heard));
        replayed(stream(only(60, vec![at(20, what)])), counting(&Heard::default()));
        assert_eq!(remains.faults["connection broken"], 1, "{wanted}");
        let resets = came(&heard, R0);
        // The first break, and then attempts that fail, until the other end can be reached again.
        assert!((2..=11).contains(&resets.len()), "{wanted}: {resets:?}");
        assert!(resets.iter().all(|came| *came == Came::Reset(R1)));
        let numbers = came(&heard, R1);
        let last = numbers.last().expect("some came");
        assert!(matches!(last, Came::Number(_, 40..)), "{wanted}: it goes on: {numbers:?}");
    }
}

#[test]
fn what_is_cut_off_by_its_label_breaks_a_stream() {
    let cut = What::CutOnly {
        from: group(R0),
        to: group(R1),
        only: "Vote".parse().expect("it is a label"),
        both_ways: false,
        heal_after: Some(constant(7)),
    };
    let heard = Heard::default();
    let remains = run(stream(only(60, vec![at(20, cut)])), counting(&heard));
    assert!((2..=3).contains(&remains.faults["connection broken"]), "{:?}", remains.faults);
}

#[test]
fn what_is_held_in_a_stream_holds_what_is_behind_it() {
    let hold =
        What::Hold { from: group(R0), to: group(R1), only: "Vote".parse().ok(), release_after: Some(constant(20)) };
    let heard = Heard::default();
    run(stream(only(60, vec![at(20, hold)])), counting(&heard));
    let numbers = came(&heard, R1);
    for (place, came) in numbers.iter().enumerate() {
        assert_eq!(*came, Came::Number(R0, place as u64 + 1));
    }
    let silent = heard.borrow().windows(2).any(|pair| pair[1].1 - pair[0].1 > 15_000_000);
    assert!(silent, "everything waits for the first that is held");
}

#[test]
fn nobody_is_reset_by_itself() {
    let talk = |env: Env| -> Local<()> {
        Box::pin(async move {
            for number in 0..50u64 {
                env.send(env.id(), NUMBER.label([number]), number.to_le_bytes().to_vec());
                assert_eq!(came_of(env.recv().await), Came::Number(env.id(), number));
            }
            env.mark("heard itself");
        })
    };
    let mut setup = stream(only(200, vec![]));
    setup.network.loss = Ratio::per_thousand(500);
    let remains = replayed(setup, talk);
    assert_eq!(remains.marks["heard itself"], 4);
}

/// Each node sends each other node numbers, and begins again at 1 whenever the connection is reset. Says what it hears.
fn numbering(heard: &Heard) -> impl Fn(Env) -> Local<()> + Clone + 'static {
    let heard = Rc::clone(heard);
    move |env: Env| -> Local<()> {
        let heard = Rc::clone(&heard);
        Box::pin(async move {
            let mut next: BTreeMap<NodeId, u64> = BTreeMap::new();
            let life = u64::from(env.incarnation().0) << 32;
            loop {
                let wait = ms(1 + env.random_below(&WAIT, 3));
                match env.timeout(wait, env.recv()).await {
                    Ok(incoming) => {
                        let came = came_of(incoming);
                        if let Came::Reset(peer) = came {
                            next.remove(&peer);
                        }
                        heard.borrow_mut().push((env.id(), life, came));
                    }
                    Err(_) => {
                        let peers = [R0, R1, R2].into_iter().filter(|peer| *peer != env.id());
                        for peer in peers {
                            let number = next.entry(peer).or_default();
                            *number += 1;
                            env.send(peer, NUMBER.label([*number % 8]), number.to_le_bytes().to_vec());
                        }
                    }
                }
            }
        })
    }
}

/// Whatever goes wrong: between two resets a node hears from another 1, 2, 3 and so on, without a gap, from the first that
/// was sent since the last reset there. A new life is one too.
#[test]
fn between_resets_everything_sent_comes_from_the_first_on() {
    let mut heard_all = 0;
    for seed in 0..80 {
        let heard = Heard::default();
        run(Setup { record: false, trace: false, ..gale(seed, Delivery::Stream) }, numbering(&heard));
        let mut expected: BTreeMap<(NodeId, NodeId), (u64, u64)> = BTreeMap::new();
        for (node, life, came) in heard.borrow().iter() {
            match came {
                Came::Reset(peer) => {
                    expected.insert((*node, *peer), (*life, 1));
                }
                Came::Number(from, number) => {
                    let (lived, wanted) = expected.entry((*node, *from)).or_insert((*life, 1));
                    if lived != life {
                        (*lived, *wanted) = (*life, 1);
                    }
                    assert_eq!(number, wanted, "seed {seed}: {node} from {from} in life {}", life >> 32);
                    *wanted += 1;
                    heard_all += 1;
                }
            }
        }
    }
    assert!(heard_all > 5_000, "{heard_all} messages are too few to prove anything");
}

#[test]
fn resets_are_told_at_both_ends_with_the_same_number() {
    let remains = run(Setup { record: false, ..gale(5, Delivery::Stream) }, numbering(&Heard::default()));
    let trace = remains.trace.expect("it was kept");
    let mut told: BTreeMap<(NodeId, NodeId), u32> = BTreeMap::new();
    for event in &trace {
        let (EventKind::Reset { peer, nth }, Some(node)) = (&event.kind, event.node) else { continue };
        let before = told.insert((node, *peer), *nth).unwrap_or(0);
        assert!(*nth > before, "{node} learns of #{nth} to {peer} after #{before}");
    }
    assert!(told.len() >= 6);
}
