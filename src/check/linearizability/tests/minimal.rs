//! A counterexample is one, and is as small as it can be.

use super::brute::has_an_order;
use super::*;
use crate::check::recorded::{ABSENT, Answer, NEVER};

/// The history with only what a counterexample demands, or with one constraint less: of which operation, and whether only its
/// return.
fn part(recording: &Recording, counterexample: &Counterexample, without: Option<(usize, bool)>) -> Vec<Entry> {
    let forgotten = |entry: &Entry| Entry { end: NEVER, answer: Answer::Unknown, ..*entry };
    let mut ops = Vec::new();
    for (place, part) in counterexample.parts.iter().enumerate() {
        let entry = &recording.entries[part.place as usize];
        match without {
            Some((other, false)) if other == place => ops.push(forgotten(entry)),
            Some((other, true)) if other == place => ops.push(Entry { end: NEVER, ..*entry }),
            _ if part.ends => ops.push(*entry),
            _ => ops.push(Entry { end: NEVER, ..*entry }),
        }
    }
    ops.extend(counterexample.helpers.iter().map(|place| forgotten(&recording.entries[*place as usize])));
    // What is forgotten of a read is all of it. Of a swap that failed it is that it did.
    let says = |entry: &Entry| entry.is_known() || !matches!(entry.act, Act::Get | Act::Contains);
    ops.retain(says);
    ops.sort_by_key(|entry| entry.call);
    ops
}

/// Whether the part is possible from the start, or where that does not matter, from any value.
fn is_possible(recording: &Recording, model: Standard, counterexample: &Counterexample, ops: &[Entry]) -> bool {
    let mut starts = vec![None];
    if counterexample.from_anywhere {
        starts.extend((1..recording.values.len() as u32).map(Some));
    }
    starts.into_iter().any(|start| {
        let mut whole: Vec<Entry> = Vec::new();
        whole.extend(start.map(|value| Entry {
            call: 0,
            end: 0,
            client: 0,
            key: 0,
            value,
            from: ABSENT,
            index: NO_INDEX,
            act: Act::Put,
            answer: Answer::Done,
            line: 0,
        }));
        // Before all of them, though they may begin with time itself.
        let later = |end: u64| if end == NEVER { NEVER } else { end + 1 };
        whole.extend(ops.iter().map(|entry| Entry { call: entry.call + 1, end: later(entry.end), ..*entry }));
        if whole.len() > 9 {
            // Too many to try everything.
            let said = all_tiers(recording, model, &whole);
            return said.iter().any(|(_, legal)| *legal);
        }
        has_an_order(recording, model, &whole)
    })
}

/// Panics if it is no counterexample, or if one constraint less would also do.
pub(super) fn verify(recording: &Recording, model: Standard, counterexample: &Counterexample) {
    let told = format!("{counterexample:?}");
    assert!(!counterexample.parts.is_empty(), "{told}");
    let all = part(recording, counterexample, None);
    assert!(!is_possible(recording, model, counterexample, &all), "it can be explained: {told}");
    if !counterexample.minimal {
        return;
    }
    if let Some(steps) = counterexample.argument(recording, model) {
        // Without any of them there is an order, so no argument can do without it.
        let spoken = super::argument::spoken_of(&steps);
        let all = (0..counterexample.parts.len()).all(|part| spoken.contains(&part));
        assert!(
            all,
            "an argument that leaves something out: {steps:?} of {told} in\n{}",
            super::small::shown(recording, &recording.entries)
        );
    }
    // What came after the first return that has no explanation may be right, so it is not blamed.
    if let Some(Prefix { broken_by, .. }) = counterexample.prefix {
        let last = &recording.entries[broken_by as usize];
        let is_part = counterexample.parts.iter().any(|part| part.place == broken_by);
        assert!(is_part, "{told} in\n{}", super::small::shown(recording, &recording.entries));
        let has_ended = |part: &Part| (recording.entries[part.place as usize].end, part.place) <= (last.end, broken_by);
        assert!(counterexample.parts.iter().all(has_ended), "{told}");
    }
    for (place, one) in counterexample.parts.iter().enumerate() {
        for only_return in [false, true] {
            if only_return && !one.ends {
                continue;
            }
            let less = part(recording, counterexample, Some((place, only_return)));
            let possible = is_possible(recording, model, counterexample, &less);
            assert!(possible, "operation {place} is one too many ({only_return}): {told}");
        }
    }
}

#[test]
fn long_histories_have_short_counterexamples() {
    for workload in WORKLOADS {
        for (seed, plant) in (0..20).flat_map(|seed| [(seed, Plant::Stale), (seed, Plant::Phantom)]) {
            let plan = Plan { workload, seed, plant: Some(plant), operations: 400, unknown: 2, ..Plan::default() };
            let recording = generate(&plan);
            let judgement = judge(&recording, Standard::KeyValue, NODES);
            let Verdict::Impossible(counterexample) = &judgement.verdict else { panic!("{plan:?}: {judgement:?}") };
            assert!(counterexample.minimal && counterexample.parts.len() <= 5, "{plan:?}: {counterexample:?}");
            verify(&recording, Standard::KeyValue, counterexample);
            // The prefix that is explained ends right before the one that is not.
            let prefix = counterexample.prefix.expect("it is found within the nodes");
            assert!(prefix.returned < 400, "{plan:?}");
        }
    }
}

#[test]
fn a_right_answer_after_a_wrong_one_is_not_blamed() {
    let mut reader = crate::check::recorded::jsonl::Reader::default();
    for (time, op, value) in [(1, "put", 1), (3, "put", 2), (5, "get", 1), (7, "get", 2)] {
        let line = format!("{{\"op\":\"{op}\",\"value\":{value},\"call\":{time},\"return\":{}}}\n", time + 1);
        reader.feed(line.as_bytes());
    }
    let recording = reader.finish().expect("the lines are right");
    let Verdict::Impossible(counterexample) = judge(&recording, Standard::Register, NODES).verdict else { panic!() };
    let parts: Vec<u32> = counterexample.parts.iter().map(|part| part.place).collect();
    assert_eq!(parts, [0, 1, 2], "{counterexample:?}");
}

#[test]
fn if_the_nodes_run_out_it_is_said_that_less_might_do() {
    let mut unsure = 0;
    for seed in 0..10 {
        // What is both appended and overwritten is searched for.
        let plan = Plan {
            workload: Workload::Store,
            seed,
            plant: Some(Plant::Stale),
            operations: 60,
            clients: 5,
            unknown: 10,
            ..Plan::default()
        };
        let recording = generate(&plan);
        for nodes in (0..16).map(|power| 1 << power) {
            let judgement = judge(&recording, Standard::KeyValue, nodes);
            let Verdict::Impossible(counterexample) = &judgement.verdict else { continue };
            verify(&recording, Standard::KeyValue, counterexample);
            unsure += u64::from(!counterexample.minimal);
        }
    }
    assert!(unsure > 0, "with fewer nodes than explaining takes nothing is said of it");
}
