//! All small histories: every tier and every model against trying everything, and larger ones drawn at random.

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
    Entry { call: interval.0, end, client, key, value, from, index: NO_INDEX, act, answer, line: 0 }
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

fn check(recording: &Recording, model: Standard, ops: &[Entry]) -> bool {
    let expected = has_an_order(recording, model, ops);
    let said = all_tiers(recording, model, ops);
    assert!(said.iter().any(|(tier, _)| *tier == Tier::Search), "a handful of operations is decided");
    for (tier, verdict) in said {
        assert_eq!(verdict, expected, "{tier} on {}", shown(recording, ops));
    }
    expected
}

pub(super) fn shown(recording: &Recording, ops: &[Entry]) -> String {
    let one = |entry: &Entry| {
        let (value, from) = (recording.values.show(entry.value), recording.values.show(entry.from));
        format!("{:?} {value} {from} {:?} {}..{}", entry.act, entry.answer, entry.call, entry.end)
    };
    ops.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What overwrites a text and what appends to it, together: no tier but the search knows both.
fn store_deeds() -> Vec<Deed> {
    use Answer::{Done, No, Unknown, Yes};
    vec![
        (Act::Put, "x;", NOTHING, Done),
        (Act::Append, "y;", NOTHING, Done),
        (Act::Append, "z;", NOTHING, Unknown),
        (Act::Put, "w;", NOTHING, Unknown),
        (Act::Delete, NOTHING, NOTHING, Unknown),
        (Act::Delete, NOTHING, NOTHING, Done),
        (Act::Get, "x;y;", NOTHING, Done),
        (Act::Get, "w;z;", NOTHING, Done),
        (Act::Get, "y;", NOTHING, Done),
        (Act::Get, NOTHING, NOTHING, Done),
        (Act::Cas, "x;", "z;", Yes),
        (Act::Cas, "x;", "y;", Unknown),
        (Act::Cas, "z;", "x;", No),
    ]
}

/// Every model with its deeds, and the store once more.
fn palettes() -> Vec<(Standard, Vec<Deed>)> {
    let of_models = Standard::all().map(|model| (model, deeds(model)));
    of_models.chain([(Standard::KeyValue, store_deeds())]).collect()
}

/// The same with fewer deeds.
fn few_palettes() -> Vec<(Standard, Vec<Deed>)> {
    let store = store_deeds();
    let few_of_store = [0, 1, 2, 6, 7, 3].map(|place| store[place]).into();
    let of_models = Standard::all().map(|model| (model, few_deeds(model)));
    of_models.chain([(Standard::KeyValue, few_of_store)]).collect()
}

/// Of these, enough to go wrong in every way that five operations can.
fn few_deeds(model: Standard) -> Vec<Deed> {
    let places: [usize; 5] = match model {
        Standard::Register => [0, 2, 4, 6, 7],
        Standard::KeyValue => [0, 1, 2, 4, 5],
        Standard::Counter => [0, 1, 3, 4, 5],
        Standard::Set => [0, 1, 2, 4, 5],
        Standard::Queue => [0, 1, 2, 4, 5],
        Standard::Log => [0, 2, 3, 4, 5],
    };
    let deeds = deeds(model);
    places.map(|place| deeds[place]).into()
}

/// Every way in which so many operations can precede each other, with no more than three at one time: three clients.
///
/// What precedes what is all that the clock says. Intervals that say the same can be drawn on a line of moments such that at
/// every moment something begins and something ends, and that in one way only (Fishburn 1970); so these are all of them,
/// each once: 1, 2, 5, 15 and 53 for up to five operations, before those with more than three at a time are left out.
fn orders(operations: usize) -> Vec<Vec<(u64, u64)>> {
    fn go(least: (u64, u64), moments: u64, left: usize, chosen: &mut Vec<(u64, u64)>, all: &mut Vec<Vec<(u64, u64)>>) {
        if left == 0 {
            let covers =
                |at: u64| chosen.iter().any(|(call, _)| *call == at) && chosen.iter().any(|(_, end)| *end == at);
            let open = |at: u64| chosen.iter().filter(|(call, end)| *call <= at && at <= *end).count();
            if (1..=moments).all(|at| covers(at) && open(at) <= 3) {
                all.push(chosen.clone());
            }
            return;
        }
        for call in 1..=moments {
            for end in call..=moments {
                if (call, end) >= least {
                    chosen.push((call, end));
                    go((call, end), moments, left - 1, chosen, all);
                    chosen.pop();
                }
            }
        }
    }
    let mut all = Vec::new();
    for moments in 1..=operations as u64 {
        go((0, 0), moments, operations, &mut Vec::new(), &mut all);
    }
    all
}

/// All histories of so many of these deeds on one object: for each way in which they can precede each other, every choice.
fn for_all(model: Standard, deeds: &[Deed], operations: usize, mut look: impl FnMut(&Recording, &[Entry])) {
    let mut recording = Recording::default();
    recording.keys.intern(b"k");
    let made: Vec<Entry> = deeds.iter().map(|deed| entry(&mut recording, *deed, 1, 0, (0, 0))).collect();
    assert!(made.iter().all(|entry| model.knows(entry.act)));
    for order in orders(operations) {
        let mut chosen = vec![0_usize; operations];
        loop {
            // Of operations with the same interval it does not matter which is which.
            let is_first = (1..operations).all(|op| order[op - 1] != order[op] || chosen[op - 1] <= chosen[op]);
            if is_first {
                let ops: Vec<Entry> = (0..operations)
                    .map(|op| {
                        let end = if made[chosen[op]].is_known() { order[op].1 } else { NEVER };
                        Entry { call: order[op].0, end, ..made[chosen[op]] }
                    })
                    .collect();
                look(&recording, &ops);
            }
            let Some(next) = chosen.iter().rposition(|deed| deed + 1 < made.len()) else { break };
            chosen[next] += 1;
            chosen[next + 1..].fill(0);
        }
    }
}

#[test]
fn there_are_as_many_orders_as_fishburn_says() {
    // Less the one with four at a time, and the eight with four or five.
    assert_eq!([1, 2, 3, 4, 5].map(|operations| orders(operations).len()), [1, 2, 5, 15 - 1, 53 - 8]);
}

/// Judges all histories of so many deeds by every tier. How many are impossible, and how many are not.
fn check_all(model: Standard, deeds: &[Deed], operations: usize) -> [u64; 2] {
    let mut counts = [0_u64; 2];
    for_all(model, deeds, operations, |recording, ops| counts[usize::from(check(recording, model, ops))] += 1);
    counts
}

#[test]
fn all_histories_of_up_to_four_operations_are_judged_rightly_by_every_tier() {
    for (model, deeds) in palettes() {
        for operations in 1..=3 {
            check_all(model, &deeds, operations);
        }
    }
    for (model, deeds) in few_palettes() {
        let counts = check_all(model, &deeds, 4);
        assert!(counts[0] > 500 && counts[1] > 500, "{model}: {counts:?}");
    }
}

#[test]
fn all_histories_of_five_operations_are_judged_rightly_by_every_tier() {
    for (model, deeds) in few_palettes() {
        let counts = check_all(model, &deeds, 5);
        assert!(counts[0] > 10_000 && counts[1] > 5_000, "{model}: {counts:?}");
    }
}

#[test]
#[ignore = "two minutes: the same with all deeds, which `.ci/run` does"]
fn all_histories_of_five_operations_of_all_kinds_are_judged_rightly_by_every_tier() {
    for (model, deeds) in palettes() {
        for operations in 4..=5 {
            let counts = check_all(model, &deeds, operations);
            assert!(counts[0] > 1_000 && counts[1] > 1_000, "{model}: {counts:?}");
        }
    }
}

#[test]
fn all_small_histories_on_two_objects_are_judged_as_the_worse_of_both() {
    for (model, deeds) in few_palettes() {
        let mut counts = [0_u64; 2];
        for_all(model, &deeds, 3, |recording, ops| {
            for split in 0..1_u32 << ops.len() {
                let mut whole = recording.clone();
                whole.keys.intern(b"l");
                whole.entries = ops.to_vec();
                for (op, entry) in whole.entries.iter_mut().enumerate() {
                    entry.key = 1 + (split >> op & 1);
                }
                let legal = (1..=2).all(|key| has_an_order(&whole, model, &ops_of(&whole, key)));
                counts[usize::from(legal)] += 1;
                judged_whole(&whole, model, legal, true);
            }
        });
        assert!(counts[0] > 100 && counts[1] > 100, "{model}: {counts:?}");
    }
}

/// Judges a recording, whose verdict is known, and verifies its counterexample if it has one.
pub(super) fn judged_whole(recording: &Recording, model: Standard, legal: bool, must_be_minimal: bool) {
    let judgement = judge(recording, model, NODES);
    let told = || shown(recording, &recording.entries);
    assert_eq!(judgement.verdict == Verdict::Linearizable, legal, "{}", told());
    if let Verdict::Impossible(counterexample) = &judgement.verdict {
        assert!(counterexample.minimal || !must_be_minimal, "{}", told());
        super::minimal::verify(recording, model, counterexample);
    }
}

/// All ways to claim an order: permutations, in which what is unknown may be missing.
fn claims(ops: &[Entry]) -> Vec<Vec<Entry>> {
    fn go(ops: &[Entry], placed: u32, index: u32, claim: &mut Vec<Entry>, all: &mut Vec<Vec<Entry>>) {
        let left: Vec<usize> = (0..ops.len()).filter(|op| placed & 1 << op == 0).collect();
        if left.iter().all(|op| !ops[*op].is_known()) {
            all.push(claim.clone());
        }
        for op in left {
            claim[op].index = index;
            go(ops, placed | 1 << op, index + 1, claim, all);
            claim[op].index = NO_INDEX;
        }
    }
    let mut all = Vec::new();
    go(ops, 0, 0, &mut ops.to_vec(), &mut all);
    all
}

#[test]
fn a_history_is_linearizable_if_and_only_if_some_claim_is_verified_at_once_or_while_it_is_read() {
    for (model, deeds, operations) in [
        (Standard::Register, deeds(Standard::Register), 3),
        (Standard::KeyValue, deeds(Standard::KeyValue), 3),
        (Standard::Register, few_deeds(Standard::Register), 4),
        (Standard::KeyValue, few_deeds(Standard::KeyValue), 4),
        (Standard::KeyValue, store_deeds(), 3),
    ] {
        let mut counts = [0_u64; 2];
        for_all(model, &deeds, operations, |recording, ops| {
            let legal = has_an_order(recording, model, ops);
            let mut some = false;
            for claim in claims(ops) {
                let verified = super::super::witness::verify(&claim, &recording.values, &mut Vec::new());
                // Without any index nothing is claimed, unless that is the claim that nothing happened.
                let nothing = claim.iter().all(|entry| entry.index == NO_INDEX);
                let mut stream = Stream::suited(model, &claim).filter(|_| !nothing);
                let takes = stream.as_mut().is_some_and(|stream| stream.take(&claim, &recording.values));
                let found = stream.filter(|_| takes).and_then(|stream| stream.finish(&recording.values));
                assert!(found.is_none_or(|found| found.decided[Tier::Witness as usize] == 1));
                assert_eq!(found.is_some(), verified == Claim::Verified, "{}", shown(recording, &claim));
                let none_is_known = claim.iter().all(|entry| !entry.is_known());
                some |= found.is_some() || nothing && none_is_known;
            }
            assert_eq!(some, legal, "{}", shown(recording, ops));
            counts[usize::from(legal)] += 1;
        });
        assert!(counts[0] > 500 && counts[1] > 200, "{model}: {counts:?}");
    }
}

/// Up to seven operations of three clients on two objects, drawn at random. A client has one operation open at most.
fn drawn(deeds: &[Deed], draw: &mut Draw) -> Recording {
    let mut recording = Recording::default();
    recording.keys.intern(b"k0");
    recording.keys.intern(b"k1");
    let mut free = [1_u64; 3];
    for _ in 0..draw.between(1, 7) {
        let client = draw.below(3);
        let from = &mut free[client as usize];
        let call = *from + draw.below(3);
        let end = call + draw.below(5);
        *from = end + 1;
        let deed = *draw.pick(deeds).expect("there is a deed");
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
    for (model, deeds) in palettes() {
        for _ in 0..4_000 {
            let recording = drawn(&deeds, &mut draw);
            let legal = (1..recording.keys.len()).all(|key| check(&recording, model, &ops_of(&recording, key)));
            judged_whole(&recording, model, legal, true);
        }
    }
}
