//! All small histories: every tier and every model against trying everything.

use super::brute::has_an_order;
use super::*;
use crate::base::Draw;
use crate::check::recorded::{ABSENT, Answer, NEVER};

/// An operation without its times: what was asked and answered, with texts in place of their numbers.
type Deed = (Act, &'static str, &'static str, Answer);

const NOTHING: &str = "\0";

fn entry(recording: &mut Recording, deed: Deed, key: u32, client: u64, interval: (u64, u64)) -> Entry {
    let (act, value, from, answer) = deed;
    let mut number = |text: &str| if text == NOTHING { ABSENT } else { recording.values.intern(text.as_bytes()) };
    let (value, from) = (number(value), number(from));
    let end = if answer == Answer::Unknown { NEVER } else { interval.1 };
    Entry { call: interval.0, end, client, key, value, from, index: NO_INDEX, act, answer }
}

/// The deeds of a model: with values that are unique in small histories, and with values that are not.
fn deeds(model: Standard) -> Vec<Deed> {
    use Answer::{Done, No, Unknown, Yes};
    match model {
        Standard::Register => vec![
            (Act::Put, "a", NOTHING, Done),
            (Act::Put, "b", NOTHING, Done),
            (Act::Put, "c", NOTHING, Unknown),
            (Act::Get, "a", NOTHING, Done),
            (Act::Get, "c", NOTHING, Done),
            (Act::Get, NOTHING, NOTHING, Done),
            (Act::Cas, "d", "a", Yes),
            (Act::Cas, "e", "a", No),
            (Act::Cas, "f", "d", Unknown),
            (Act::Get, "f", NOTHING, Done),
            (Act::Cas, "g", NOTHING, No),
        ],
        Standard::KeyValue => vec![
            (Act::Append, "x;", NOTHING, Done),
            (Act::Append, "y;", NOTHING, Done),
            (Act::Append, "z;", NOTHING, Unknown),
            (Act::Get, "x;", NOTHING, Done),
            (Act::Get, "x;y;", NOTHING, Done),
            (Act::Get, "y;z;", NOTHING, Done),
            (Act::Get, "x;y;z;", NOTHING, Done),
            (Act::Get, NOTHING, NOTHING, Done),
            (Act::Get, "x", NOTHING, Done),
        ],
        Standard::Counter => vec![
            (Act::Add, "1", NOTHING, Done),
            (Act::Add, "2", NOTHING, Unknown),
            (Act::Add, "-1", NOTHING, Done),
            (Act::Get, "0", NOTHING, Done),
            (Act::Get, "2", NOTHING, Done),
            (Act::Get, "3", NOTHING, Done),
        ],
        Standard::Set => vec![
            (Act::Add, "a", NOTHING, Done),
            (Act::Add, "b", NOTHING, Unknown),
            (Act::Remove, "a", NOTHING, Done),
            (Act::Contains, "a", NOTHING, Yes),
            (Act::Contains, "a", NOTHING, No),
            (Act::Get, "a\u{1f}b", NOTHING, Done),
            (Act::Get, "", NOTHING, Done),
        ],
        Standard::Queue => vec![
            (Act::Enqueue, "a", NOTHING, Done),
            (Act::Enqueue, "b", NOTHING, Unknown),
            (Act::Dequeue, "a", NOTHING, Done),
            (Act::Dequeue, "b", NOTHING, Done),
            (Act::Dequeue, NOTHING, NOTHING, Unknown),
            (Act::Dequeue, NOTHING, NOTHING, Done),
        ],
        Standard::Log => vec![
            (Act::Append, "a", "0", Done),
            (Act::Append, "b", "1", Done),
            (Act::Append, "c", NOTHING, Unknown),
            (Act::Append, "d", NOTHING, Done),
            (Act::Get, "a", "0", Done),
            (Act::Get, "c", "1", Done),
            (Act::Get, NOTHING, "1", Done),
        ],
    }
}

/// Every way in which up to this many operations can be put into these intervals, on one object.
const INTERVALS: [(u64, u64); 4] = [(1, 2), (1, 6), (4, 6), (8, 9)];

fn check(recording: &Recording, model: Standard, ops: &[Entry]) -> bool {
    let expected = has_an_order(recording, model, ops);
    let said = all_tiers(recording, model, ops);
    assert!(said.iter().any(|(tier, _)| *tier == Tier::Search), "a handful of operations is decided");
    for (tier, verdict) in said {
        assert_eq!(verdict, expected, "{tier} on {}", shown(recording, ops));
    }
    expected
}

fn shown(recording: &Recording, ops: &[Entry]) -> String {
    let one = |entry: &Entry| {
        let (value, from) = (recording.values.show(entry.value), recording.values.show(entry.from));
        format!("{:?} {value} {from} {:?} {}..{}", entry.act, entry.answer, entry.call, entry.end)
    };
    ops.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_histories_of_three_operations_are_judged_rightly_by_every_tier() {
    for model in Standard::all() {
        let mut recording = Recording::default();
        recording.keys.intern(b"k");
        let mut all: Vec<Entry> = Vec::new();
        for deed in deeds(model) {
            for interval in INTERVALS {
                all.push(entry(&mut recording, deed, 1, 0, interval));
            }
        }
        let mut counts = [0_u64; 2];
        for first in 0..all.len() {
            for second in first..all.len() {
                for third in second..all.len() {
                    let mut ops = vec![all[first], all[second], all[third]];
                    ops.sort_by_key(|entry| entry.call);
                    counts[usize::from(check(&recording, model, &ops))] += 1;
                }
            }
        }
        assert!(counts[0] > 100 && counts[1] > 100, "{model}: {counts:?}");
    }
}

/// Up to seven operations of three clients on two objects, drawn at random. A client has one operation open at most.
fn drawn(model: Standard, draw: &mut Draw) -> Recording {
    let mut recording = Recording::default();
    recording.keys.intern(b"k0");
    recording.keys.intern(b"k1");
    let deeds = deeds(model);
    let mut free = [1_u64; 3];
    for _ in 0..draw.between(1, 7) {
        let client = draw.below(3);
        let from = &mut free[client as usize];
        let call = *from + draw.below(3);
        let end = call + draw.below(5);
        *from = end + 1;
        let deed = *draw.pick(&deeds).expect("there is a deed");
        let key = 1 + draw.below(4) as u32 / 3;
        let mut made = entry(&mut recording, deed, key, client, (call, end));
        // Now and then somebody claims an order.
        made.index = if draw.below(4) == 0 { NO_INDEX } else { end as u32 };
        recording.entries.push(made);
    }
    recording.sort();
    recording
}

#[test]
fn random_histories_are_judged_rightly_by_every_tier_and_as_a_whole() {
    let mut draw = Draw::keyed(1, 1);
    for model in Standard::all() {
        for _ in 0..6_000 {
            let recording = drawn(model, &mut draw);
            let legal = (1..recording.keys.len()).all(|key| check(&recording, model, &ops_of(&recording, key)));
            let judgement = judge(&recording, model, NODES);
            assert_eq!(judgement.verdict == Verdict::Linearizable, legal, "{}", shown(&recording, &recording.entries));
            if let Verdict::Impossible(counterexample) = &judgement.verdict {
                super::minimal::verify(&recording, model, counterexample);
            }
        }
    }
}
