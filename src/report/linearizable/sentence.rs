//! In one sentence, why a history is not linearizable.

use crate::check::linearizability::Counterexample;
use crate::check::models::Standard;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, Recording, TextId};

use crate::report::words::cut;

use super::steps::steps;
use super::wording::{Wording, listed};

/// So much is told of what a text has lost.
const LOST: usize = 24;

/// A sentence, and the steps of an argument where the sentence alone does not say why.
pub(super) struct Explanation {
    pub because: String,
    /// Each is indented by two spaces for every case that it belongs to.
    pub steps: Vec<String>,
}

/// Says why.
pub(super) fn explain(wording: Wording<'_>, counterexample: &Counterexample) -> Explanation {
    if let Some(because) = familiar(wording, counterexample) {
        return Explanation { because, steps: Vec::new() };
    }
    let steps = steps(wording, counterexample);
    let parts = operations(wording.recording, counterexample.parts.iter().map(|part| part.place));
    let names: Vec<String> = parts.iter().map(|entry| wording.whose(entry)).collect();
    let whatever = if counterexample.from_anywhere { ", whatever was there before" } else { "" };
    let because = match names.as_slice() {
        [one] => format!("nothing explains {one}{whatever}"),
        names => {
            let order = if steps.is_empty() { order(wording, counterexample, &parts) } else { String::new() };
            format!("no order explains {} together{whatever}{order}", listed(names))
        }
    };
    Explanation { because, steps }
}

/// What was over before what, as far as it matters.
fn order(wording: Wording<'_>, counterexample: &Counterexample, parts: &[&Entry]) -> String {
    let mut order: Vec<String> = Vec::new();
    for (first, part) in parts.iter().zip(&counterexample.parts) {
        // Only the nearest ones: what follows from them need not be said.
        let later: Vec<&&Entry> = parts.iter().filter(|other| part.ends && first.precedes(other)).collect();
        let nearest = later.iter().filter(|one| !later.iter().any(|other| other.precedes(one)));
        let nearest: Vec<String> = nearest.map(|entry| wording.whose(entry)).collect();
        if !nearest.is_empty() {
            order.push(format!("{} was over before {} began", wording.whose(first), nearest.join(" and ")));
        }
    }
    if order.is_empty() { String::new() } else { format!("; {}", order.join(", and ")) }
}

fn operations(recording: &Recording, places: impl Iterator<Item = u32>) -> Vec<&Entry> {
    places.map(|place| &recording.entries[place as usize]).collect()
}

/// What happens most often, said as one would say it.
fn familiar(wording: Wording<'_>, counterexample: &Counterexample) -> Option<String> {
    let parts = operations(wording.recording, counterexample.parts.iter().map(|part| part.place));
    let helpers = operations(wording.recording, counterexample.helpers.iter().copied());
    let appended = parts.iter().chain(&helpers).any(|entry| entry.act == Act::Append);
    match wording.model {
        Standard::Register | Standard::KeyValue if appended => of_texts(wording, &parts, &helpers),
        Standard::Register | Standard::KeyValue => {
            of_registers(wording, counterexample.from_anywhere, &parts, &helpers)
        }
        Standard::Queue => of_queues(wording, &parts, &helpers),
        Standard::Counter | Standard::Set | Standard::Log => None,
    }
}

fn of_registers(wording: Wording<'_>, from_anywhere: bool, parts: &[&Entry], helpers: &[&Entry]) -> Option<String> {
    let value = |id| wording.value(id);
    let at = |time| wording.at(time);
    let told = |entry: &Entry| wording.whose(entry);
    let writes = |entry: &&&Entry, id| matches!(entry.act, Act::Put | Act::Cas) && entry.value == id;
    let both_swapped = |one: &Entry, other: &Entry| {
        (one.act, one.answer, one.from) == (Act::Cas, Answer::Yes, other.from)
            && (other.act, other.answer) == (Act::Cas, Answer::Yes)
    };
    let shows = |entry: &Entry, id| {
        matches!(entry.act, Act::Put | Act::Cas | Act::Get) && entry.value == id && entry.answer != Answer::No
    };
    let changes = |entry: &Entry, id| {
        matches!(entry.act, Act::Put | Act::Cas | Act::Get) && entry.value != id && entry.answer != Answer::No
    };
    match parts {
        [read] if is_unheard_of(read) && helpers.is_empty() => Some(format!(
            "{} read {} at some time from {} to {}, which nobody had written by then{}",
            wording.who(read),
            value(read.value),
            at(read.call),
            at(read.end),
            denied(wording.recording, read).map_or(String::new(), |swap| format!(
                ", unless {}, called at {}, did swap although it says otherwise",
                told(swap),
                at(swap.call)
            ))
        )),
        [read] if read.act == Act::Get && read.value != ABSENT => {
            let write = helpers.iter().find(|entry| writes(entry, read.value))?;
            (helpers.len() == 1 && read.precedes(write)).then(|| {
                format!(
                    "{} read {} until {}, but {} began only at {}",
                    wording.who(read),
                    value(read.value),
                    at(read.end),
                    wording.whose_asked(write),
                    at(write.call)
                )
            })
        }
        [one, other] if both_swapped(one, other) && !from_anywhere => {
            Some(format!("{} and {} both found {}, which was there once only", told(one), told(other), value(one.from)))
        }
        [newer, read]
            if read.act == Act::Get && read.value == ABSENT && newer.precedes(read) && changes(newer, ABSENT) =>
        {
            Some(format!(
                "{} found nothing at some time from {} to {}, but {} had ended before, at {}",
                wording.who(read),
                at(read.call),
                at(read.end),
                told(newer),
                at(newer.end)
            ))
        }
        [older, newer, read]
            if read.act == Act::Get
                && shows(older, read.value)
                && changes(newer, read.value)
                && older.precedes(newer)
                && newer.precedes(read) =>
        {
            Some(format!(
                "{} read {} at some time from {} to {}, though that had been replaced: {} was over at {}, before {} \
                 began, and that was over at {}",
                wording.who(read),
                value(read.value),
                at(read.call),
                at(read.end),
                told(older),
                at(older.end),
                told(newer),
                at(newer.end)
            ))
        }
        _ => None,
    }
}

/// Of texts that grow.
fn of_texts(wording: Wording<'_>, parts: &[&Entry], helpers: &[&Entry]) -> Option<String> {
    let text = |id: TextId| wording.recording.values.get(id);
    let has = |read: &Entry, write: &Entry| memchr::memmem::find(text(read.value), text(write.value)).is_some();
    let at = |time| wording.at(time);
    let is_read = |entry: &Entry| entry.act == Act::Get && entry.value != ABSENT;
    let order = |one: &Entry, other: &Entry| {
        let (over, began) = (at(one.end), at(other.call));
        format!("{} was over at {over}, before {} began at {began}", wording.whose(one), wording.whose(other))
    };
    match parts {
        [read] if is_read(read) => {
            let repeated = repeated(wording.recording, read, helpers)?;
            let (twice, value) = (wording.whose(read), wording.value(repeated.value));
            Some(format!(
                "{twice} has `{value}` in it twice, which was appended once, by {} at {}",
                wording.who(repeated),
                at(repeated.call)
            ))
        }
        [write, read] if write.act == Act::Append && is_read(read) && write.precedes(read) && !has(read, write) => {
            Some(format!("{}, and found it without `{}`", order(write, read), wording.value(write.value)))
        }
        [first, write, read]
            if [first, write].iter().all(|entry| entry.act == Act::Append)
                && is_read(read)
                && first.precedes(write)
                && write.precedes(read)
                && has(read, first)
                && !has(read, write) =>
        {
            Some(format!(
                "{}, and found it without `{}`, though with `{}`, which was appended earlier",
                order(write, read),
                wording.value(write.value),
                wording.value(first.value)
            ))
        }
        [longer, shorter]
            if is_read(longer)
                && is_read(shorter)
                && longer.precedes(shorter)
                && text(longer.value).len() > text(shorter.value).len()
                && text(longer.value).starts_with(text(shorter.value)) =>
        {
            let lost = &text(longer.value)[text(shorter.value).len()..];
            let lost: String = String::from_utf8_lossy(lost).chars().flat_map(char::escape_debug).collect();
            Some(format!("{}, and found it without its end `{}`", order(longer, shorter), cut(&lost, LOST)))
        }
        _ => None,
    }
}

/// The append that is in a text twice although it is the only one of its kind; if the text can be cut into what was written in one
/// way only.
fn repeated<'h>(recording: &Recording, read: &Entry, helpers: &[&'h Entry]) -> Option<&'h Entry> {
    let mut rest = recording.values.get(read.value);
    let mut counts = vec![0_u32; helpers.len()];
    while !rest.is_empty() {
        let begins = |place: &usize| {
            let piece = recording.values.get(helpers[*place].value);
            !piece.is_empty() && rest.starts_with(piece)
        };
        let mut fitting = (0..helpers.len()).filter(begins);
        let place = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        counts[place] += 1;
        rest = &rest[recording.values.get(helpers[place].value).len()..];
    }
    let place = counts.iter().position(|count| *count > 1)?;
    (helpers[place].act == Act::Append).then_some(helpers[place])
}

fn of_queues(wording: Wording<'_>, parts: &[&Entry], helpers: &[&Entry]) -> Option<String> {
    let takes = |entry: &Entry| entry.act == Act::Dequeue && entry.is_known() && entry.value != ABSENT;
    let is_empty_handed = |entry: &Entry| entry.act == Act::Dequeue && entry.is_known() && entry.value == ABSENT;
    let puts = |value: TextId| {
        let all = parts.iter().chain(helpers);
        all.filter(|entry| entry.act == Act::Enqueue && entry.value == value).count()
    };
    match parts {
        [one, other] if takes(one) && takes(other) && one.value == other.value && puts(one.value) == 1 => {
            Some(format!("{} and {} took what was put in once only", wording.whose(one), wording.whose(other)))
        }
        [put, take] if put.act == Act::Enqueue && is_empty_handed(take) && put.precedes(take) => {
            let (over, from, to) = (wording.at(put.end), wording.at(take.call), wording.at(take.end));
            let (who, put) = (wording.who(take), wording.whose(put));
            Some(format!(
                "{who} found nothing in it at some time from {from} to {to}, though {put} was over at {over} and nobody \
                 can have taken that out by then"
            ))
        }
        [one] if takes(one) && puts(one.value) == 0 => {
            Some(format!("{}, until {}, took what nobody had put in by then", wording.whose(one), wording.at(one.end)))
        }
        _ => None,
    }
}

/// A swap that would have written what was read, had it not failed. That it failed is believed, and so it is no part of what
/// cannot be explained; but it is the first thing to look at.
pub(super) fn denied<'a>(recording: &'a Recording, read: &Entry) -> Option<&'a Entry> {
    if !is_unheard_of(read) {
        return None;
    }
    recording.entries.iter().find(|entry| {
        let is_denied = entry.act == Act::Cas && entry.answer == Answer::No;
        is_denied && entry.key == read.key && entry.value == read.value && !read.precedes(entry)
    })
}

/// Whether it alone is what cannot be explained: it found something that nobody is said to have written.
fn is_unheard_of(read: &Entry) -> bool {
    read.act == Act::Get && read.value != ABSENT
}
