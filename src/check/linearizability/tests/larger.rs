//! Histories of up to nine operations that once were right, and then had some answers changed.
//!
//! Answers that are drawn alone are nearly always impossible at once. So here a service is asked in some order, which gives
//! answers that fit; the clock is drawn around that order, crowded, so that many moments are equal and many operations
//! take no time; and then, half of the time, an answer or two become those of somebody else. What comes out is right or nearly.

use super::brute::has_an_order;
use super::small::{judged_whole, shown};
use super::*;
use crate::base::{Draw, Reply};
use crate::check::models::State;
use crate::check::recorded::{ABSENT, Answer, NEVER, TextId};

/// Whole values for a kind of history: unique ones, few, or ones that begin and end with each other.
const VALUES: [&[&str]; 3] = [&[], &["a", "b", "c"], &["a", "b", "ab", "ba", "aa"]];

/// So many histories of each kind, unless `FORETELL_ROUNDS` says another number.
const ROUNDS: u64 = 3_000;

pub(super) fn rounds() -> u64 {
    std::env::var("FORETELL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// What is asked of a model.
fn acts(model: Standard) -> &'static [&'static [Act]] {
    match model {
        Standard::Register => {
            &[&[Act::Get, Act::Put], &[Act::Get, Act::Put, Act::Cas, Act::Cas], &[Act::Get, Act::Cas]]
        }
        Standard::KeyValue => &[
            &[Act::Get, Act::Append],
            &[Act::Get, Act::Append, Act::Put],
            &[Act::Get, Act::Put, Act::Delete, Act::Cas],
            &[Act::Get, Act::Append, Act::Put, Act::Delete, Act::Cas],
        ],
        Standard::Counter => &[&[Act::Add, Act::Get]],
        Standard::Set => &[&[Act::Add, Act::Remove, Act::Contains, Act::Get]],
        Standard::Queue => &[&[Act::Enqueue, Act::Dequeue]],
        Standard::Log => &[&[Act::Append, Act::Get]],
    }
}

/// Draws what is asked.
fn asked(
    recording: &mut Recording,
    model: Standard,
    draw: &mut Draw,
    unique: &mut u32,
    acts: &[Act],
    values: &[&str],
) -> Entry {
    let act = *draw.pick(acts).expect("there is an act");
    let old = |draw: &mut Draw| draw.below(u64::from(*unique) + 1).to_string();
    let from = match (act, model, draw.pick(values)) {
        (Act::Get, Standard::Log, _) => draw.below(4).to_string(),
        (Act::Cas, _, _) if draw.below(5) == 0 => String::new(),
        (Act::Cas, _, Some(value)) => (*value).to_owned(),
        (Act::Cas, _, None) => old(draw),
        _ => String::new(),
    };
    let from = if from.is_empty() { ABSENT } else { recording.values.intern(from.as_bytes()) };
    let value = match (act, model, draw.pick(values)) {
        (Act::Get | Act::Dequeue | Act::Delete, _, _) => String::new(),
        (Act::Add, Standard::Counter, _) => (draw.below(5) as i64 - 2).to_string(),
        (_, _, Some(value)) => (*value).to_owned(),
        _ => {
            *unique += 1;
            unique.to_string()
        }
    };
    let value = if value.is_empty() { ABSENT } else { recording.values.intern(value.as_bytes()) };
    Entry { call: 0, end: 0, client: 0, key: 1, value, from, index: NO_INDEX, act, answer: Answer::Done, line: 0 }
}

/// What the service answers, entered into the operation.
fn told(recording: &mut Recording, model: Standard, entry: &mut Entry, reply: &Reply) {
    let mut number = |text: &str| recording.values.intern(text.as_bytes());
    match (entry.act, reply) {
        (Act::Get | Act::Dequeue, Reply::Value(value)) => {
            entry.value = value.as_ref().map_or(ABSENT, |text| number(text));
        }
        (Act::Cas | Act::Contains, Reply::Swapped(yes)) => entry.answer = if *yes { Answer::Yes } else { Answer::No },
        (Act::Append, Reply::Custom(position)) if model == Standard::Log => {
            entry.from = number(&String::from_utf8_lossy(position));
        }
        _ => {}
    }
}

/// Changes an answer into another one that was given, or turns it over.
fn spoil(recording: &mut Recording, model: Standard, draw: &mut Draw) {
    let place = draw.below(recording.entries.len() as u64) as usize;
    let values = recording.values.len() as u64;
    let entry = &mut recording.entries[place];
    let other = draw.below(values) as TextId;
    match entry.act {
        Act::Get | Act::Dequeue if entry.is_known() => entry.value = other,
        Act::Append if model == Standard::Log && entry.is_known() => entry.from = other,
        Act::Cas | Act::Contains if entry.is_known() => {
            entry.answer = if entry.answer == Answer::Yes { Answer::No } else { Answer::Yes };
        }
        // It turns out that it never returned.
        _ => (entry.end, entry.answer) = (NEVER, Answer::Unknown),
    }
}

/// Draws a history on one object, with its claimed order where nothing was changed.
pub(super) fn history(model: Standard, draw: &mut Draw) -> Recording {
    let mut recording = Recording::default();
    recording.keys.intern(b"k");
    let acts = *draw.pick(acts(model)).expect("there are acts");
    let values =
        if model == Standard::Log || draw.below(2) == 0 { VALUES[0] } else { VALUES[1 + draw.below(2) as usize] };
    let (mut state, mut unique, mut now): (State, u32, u64) = (None, 0, 1);
    let (reach, unknown) = (1 + draw.below(6), draw.below(40));
    for index in 0..draw.between(2, 9) {
        let mut entry = asked(&mut recording, model, draw, &mut unique, acts, values);
        now += draw.below(3);
        entry.call = now.saturating_sub(draw.below(reach));
        entry.end = now + draw.below(reach);
        let is_known = draw.below(100) >= unknown;
        if is_known || draw.below(2) == 0 {
            let (operation, _) = model.operation(&entry, &recording.values);
            let (next, reply) = model.model().apply(&state, &operation);
            state = model.model().canonical(next);
            told(&mut recording, model, &mut entry, &reply);
            entry.index = index as u32;
        }
        if !is_known {
            (entry.end, entry.answer) = (NEVER, Answer::Unknown);
            // What nobody was told.
            match entry.act {
                Act::Get | Act::Dequeue => entry.value = ABSENT,
                Act::Append => entry.from = ABSENT,
                _ => {}
            }
        }
        recording.entries.push(entry);
    }
    for _ in 0..draw.below(4).saturating_sub(1) {
        spoil(&mut recording, model, draw);
    }
    recording.sort();
    recording
}

#[test]
fn histories_that_were_right_once_are_judged_rightly_by_every_tier() {
    for model in Standard::all() {
        let mut draw = Draw::keyed(2, model as u64);
        let mut counts = [0_u64; 2];
        for _ in 0..rounds() {
            let recording = history(model, &mut draw);
            let expected = has_an_order(&recording, model, &recording.entries);
            counts[usize::from(expected)] += 1;
            for (tier, verdict) in all_tiers(&recording, model, &recording.entries) {
                // The order that was claimed may be spoilt, and then the witness says nothing.
                assert_eq!(verdict, expected, "{tier} on\n{}", shown(&recording, &recording.entries));
            }
            judged_whole(&recording, model, expected, true);
        }
        let least = rounds() / 20;
        assert!(counts.iter().all(|count| *count > least), "{model}: {counts:?}");
    }
}
