//! Histories that are judged while they are read.

use super::brute::has_an_order;
use super::larger::{history, rounds};
use super::small::shown;
use super::*;
use crate::base::Draw;
use crate::check::recorded::{ABSENT, Texts};

/// Whether it is found to be linearizable while it is read, in pieces of at most so many operations, with texts forgotten between them;
/// and how many texts had to be kept at most.
fn is_verified(recording: &Recording, model: Standard, most: u64, draw: &mut Draw) -> Option<(bool, usize)> {
    let mut stream = Stream::suited(model, &recording.entries)?;
    let mut texts = Texts::default();
    let mut entries = recording.entries.as_slice();
    let mut needed = 0;
    while !entries.is_empty() {
        let (piece, rest) = entries.split_at(draw.between(1, most.min(entries.len() as u64)) as usize);
        entries = rest;
        let mut piece = piece.to_vec();
        for entry in &mut piece {
            for text in [&mut entry.value, &mut entry.from].into_iter().filter(|text| **text != ABSENT) {
                *text = texts.intern(recording.values.get(*text));
            }
        }
        if !stream.take(&piece, &texts) {
            return Some((false, needed));
        }
        let before = std::mem::take(&mut texts);
        for text in stream.texts().into_iter().filter(|text| **text != ABSENT) {
            *text = texts.intern(before.get(*text));
        }
        needed = needed.max(texts.len());
    }
    Some((stream.finish(&texts).is_some(), needed))
}

#[test]
fn what_is_verified_by_the_way_is_linearizable() {
    let mut counts = [[0_u64; 2]; 2];
    for model in [Standard::Register, Standard::KeyValue] {
        let mut draw = Draw::keyed(3, model as u64);
        for _ in 0..2 * rounds() {
            let mut recording = history(model, &mut draw);
            if draw.below(4) > 0 {
                recording.entries.iter_mut().for_each(|entry| entry.index = NO_INDEX);
            }
            let Some((verified, _)) = is_verified(&recording, model, 9, &mut draw) else { continue };
            let expected = has_an_order(&recording, model, &recording.entries);
            assert!(expected || !verified, "{}", shown(&recording, &recording.entries));
            counts[usize::from(expected)][usize::from(verified)] += 1;
        }
    }
    // Most of what is linearizable is found to be so.
    assert!(counts[1][1] > 4 * counts[1][0] && counts[0][0] > rounds() / 20, "{counts:?}");
}

#[test]
fn long_histories_are_verified_by_the_way_and_spoilt_ones_are_not() {
    let mut draw = Draw::keyed(4, 4);
    for workload in [Workload::Register, Workload::Cas, Workload::Append] {
        for (clients, keys) in [(1, 1), (3, 1), (3, 7), (20, 3)] {
            for (plant, indexed) in
                [(None, false), (None, true), (Some(Plant::Stale), false), (Some(Plant::Phantom), false)]
            {
                let plan = Plan { workload, clients, keys, operations: 3_000, unknown: 3, plant, indexed, seed: 5 };
                let recording = generate(&plan);
                let Some((verified, _)) = is_verified(&recording, Standard::KeyValue, 100, &mut draw) else {
                    panic!("{plan:?}: there is a way for each of them")
                };
                assert_eq!(verified, plant.is_none(), "{plan:?}");
            }
        }
    }
}

#[test]
fn what_is_kept_does_not_grow_with_the_history() {
    let mut draw = Draw::keyed(5, 5);
    // Registers that are never idle, and ones with compare-and-swap that sometimes are.
    for (workload, clients, most) in [(Workload::Register, 50, 400), (Workload::Cas, 2, 1_000)] {
        for operations in [2_000, 20_000] {
            let recording = generate(&Plan { workload, clients, operations, ..Plan::default() });
            let kept = is_verified(&recording, Standard::KeyValue, 100, &mut draw);
            assert!(kept.is_some_and(|(verified, kept)| verified && kept < most), "{workload:?}: {kept:?}");
        }
    }
}
