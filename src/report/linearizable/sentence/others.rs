//! What queues, sets, counters and logs do most often that they should not.

use crate::check::models::members;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, TextId};
use crate::report::words::counted;

use super::super::wording::{Wording, escaped};

pub(super) fn of_queues(wording: Wording<'_>, parts: &[&Entry], helpers: &[&Entry]) -> Option<String> {
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
        [put, take] if put.act == Act::Enqueue && takes(take) && put.value != take.value => {
            let later = helpers.iter().filter(|other| other.act == Act::Enqueue && other.value == take.value);
            let later: Vec<&&Entry> = later.collect();
            let overtakes = later.iter().all(|other| put.precedes(other));
            later.first().filter(|_| overtakes).map(|later| {
                format!(
                    "{} was over at {}, before {} began at {}, and nobody can have taken it out by then; but {} took the later one \
                     first",
                    wording.whose(put),
                    wording.at(put.end),
                    wording.whose_asked(later),
                    wording.at(later.call),
                    wording.whose(take)
                )
            })
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

pub(super) fn of_sets(wording: Wording<'_>, parts: &[&Entry]) -> Option<String> {
    let text = |id: TextId| wording.recording.values.get(id);
    let held = |read: &Entry| match (read.act, read.answer) {
        (Act::Get, Answer::Done) => members(text(read.value)),
        (Act::Contains, Answer::Yes) => vec![text(read.value).to_vec()],
        _ => Vec::new(),
    };
    let is_read = |entry: &Entry| matches!(entry.act, Act::Get | Act::Contains);
    match parts {
        [read] if is_read(read) => {
            let is_add = |entry: &Entry| entry.act == Act::Add && entry.key == read.key && entry.call <= read.end;
            let is_added = |member: &Vec<u8>| {
                wording.recording.entries.iter().any(|entry| is_add(entry) && text(entry.value) == member)
            };
            let unheard = held(read).into_iter().find(|member| !is_added(member))?;
            let member = escaped(&unheard);
            Some(format!("{} has found `{member}` in it, which nobody had added by then", told(wording, read)))
        }
        [add, read] if add.act == Act::Add && is_read(read) && add.precedes(read) => {
            let is_about = read.act == Act::Get || read.value == add.value;
            let is_held = held(read).iter().any(|member| member == text(add.value));
            (is_about && !is_held).then(|| {
                format!(
                    "{} has found it without `{}`, although {} was over at {} and nobody can have taken that out by then",
                    told(wording, read),
                    wording.value(add.value),
                    wording.whose(add),
                    wording.at(add.end)
                )
            })
        }
        _ => None,
    }
}

/// Whose it is, and that it took effect at some time.
fn told(wording: Wording<'_>, entry: &Entry) -> String {
    format!("{}, at some time from {} to {},", wording.whose(entry), wording.at(entry.call), wording.at(entry.end))
}

pub(super) fn of_counters(wording: Wording<'_>, parts: &[&Entry]) -> Option<String> {
    let [read] = parts else { return None };
    let told = told(wording, read);
    (read.act == Act::Get).then(|| format!("{told} has found what nothing that was called by then adds up to"))
}

pub(super) fn of_logs(wording: Wording<'_>, parts: &[&Entry], helpers: &[&Entry]) -> Option<String> {
    let is_put = |entry: &Entry| entry.act == Act::Append && entry.from != ABSENT;
    match parts {
        [one, other] if is_put(one) && is_put(other) && one.from == other.from => {
            Some(format!("{} and {} were told the same position", wording.whose(one), wording.whose(other)))
        }
        [read] if read.act == Act::Get && read.value != ABSENT => {
            let is_there = helpers.iter().any(|helper| helper.value == read.value);
            let told = told(wording, read);
            (!is_there).then(|| format!("{told} has found what nobody had put in by then"))
        }
        [one] if is_put(one) => Some(format!(
            "{} was told a position that it cannot have: {} had been called by then",
            told(wording, one),
            counted(helpers.len() as u64, "other append")
        )),
        _ => None,
    }
}
