//! What registers do most often that they should not.

use crate::check::recorded::{ABSENT, Act, Answer, Entry, Recording};

use super::super::wording::Wording;

pub(super) fn of_registers(
    wording: Wording<'_>,
    from_anywhere: bool,
    parts: &[&Entry],
    helpers: &[&Entry],
) -> Option<String> {
    let value = |id| wording.value(id);
    let at = |time| wording.at(time);
    let told = |entry: &Entry| wording.whose(entry);
    let writes = |entry: &&&Entry, id| matches!(entry.act, Act::Put | Act::Cas) && entry.value == id;
    let leaves = |entry: &Entry, id| match entry.act {
        Act::Delete => id == ABSENT,
        _ => entry.value == id,
    };
    let both_swapped = |one: &Entry, other: &Entry| {
        (one.act, one.answer, one.from) == (Act::Cas, Answer::Yes, other.from)
            && (other.act, other.answer) == (Act::Cas, Answer::Yes)
    };
    let shows = |entry: &Entry, id| {
        matches!(entry.act, Act::Put | Act::Cas | Act::Get) && entry.value == id && entry.answer != Answer::No
    };
    let changes = |entry: &Entry, id| {
        let shows = matches!(entry.act, Act::Put | Act::Cas | Act::Get) && entry.answer != Answer::No;
        shows && entry.value != id || entry.act == Act::Append && id == ABSENT
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
        [one, other] if both_swapped(one, other) => {
            let (both, found) = (format!("{} and {} both found {}", told(one), told(other), value(one.from)), one.from);
            match (from_anywhere, helpers.iter().filter(|helper| writes(helper, found)).count()) {
                (false, 0 | 1) => Some(format!("{both}, which was there once only")),
                (true, 0) => Some(format!("{both}, and nobody wrote it again after it was replaced")),
                _ => None,
            }
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
        [newer, read]
            if from_anywhere
                && read.act == Act::Get
                && changes(newer, read.value)
                && newer.precedes(read)
                && !helpers.iter().any(|helper| leaves(helper, read.value)) =>
        {
            Some(format!(
                "{} read {} at some time from {} to {}, but {} was over before, at {}, and nobody wrote {} after that",
                wording.who(read),
                value(read.value),
                at(read.call),
                at(read.end),
                told(newer),
                at(newer.end),
                value(read.value)
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

/// A swap that would have written what was read, had it not failed. That it failed is believed, and so it is no part of what
/// cannot be explained; but it is the first thing to look at.
pub(in crate::report::linearizable) fn denied<'a>(recording: &'a Recording, read: &Entry) -> Option<&'a Entry> {
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
