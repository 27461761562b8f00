//! Which operations of unknown outcome matter to a counterexample.
//!
//! All but the few operations of a counterexample may have happened or not, at any time after they were called. They cannot be left
//! out just so, because one of them may have written what was found. But most of them can: whatever could be explained with them could
//! also be explained without those that are left out here. By model:
//!
//! - **register and store**: an operation that writes nothing that anybody has found need not happen. Of several that do the same,
//!   whoever needs one can take the one that was called first, so as many as there are finders are enough.
//! - **texts that grow**: a piece needs to happen only if a text that was found can be cut into pieces with this one among them.
//! - **set**: what becomes of a member matters to nobody who does not ask for that member, or for all.
//! - **queue**: what nobody takes out need not be put in; and to take something out is of use only if something was put in that nobody is
//!   known to have taken.
//! - **counter and log**: all of them matter, since every sum and every position may be due to any of them; but for a position that was
//!   told twice, as many as come before it.
//!
//! Nothing helps where a set or a log holds what nobody has put in.

use std::collections::BTreeMap;

use crate::check::models::{Standard, members};
use crate::check::recorded::{ABSENT, Act, Answer, Entry, TextId, Texts};

use super::pieces::{Pieces, WORK};

/// Of the operations that may have happened or not, those that matter, by their place.
pub(super) struct Helpers {
    pub chosen: Vec<usize>,
    /// So many others do the same as one of these, but were called later.
    pub alike: usize,
}

/// Chooses those that matter; both lists are in the order of calls. The known ones have happened and answered what they did.
pub(super) fn helpers(model: Standard, texts: &Texts, known: &[Entry], unknown: &[Entry]) -> Helpers {
    let all = 0..unknown.len();
    let chosen = match model {
        Standard::Counter => all.collect(),
        Standard::Log => all.take(enough_in_a_log(texts, known, unknown)).collect(),
        Standard::Set if known.len() == 1 && finds_unadded(texts, &known[0], unknown) => Vec::new(),
        Standard::Set => {
            let members = asked_for(texts, known);
            all.filter(|place| members.iter().any(|member| member == texts.get(unknown[*place].value))).collect()
        }
        Standard::Queue => of_queues(known, unknown),
        Standard::Register | Standard::KeyValue => {
            let is_append = |entry: &Entry| entry.act == Act::Append;
            match known.iter().chain(unknown).any(is_append) {
                true => of_texts(texts, known, unknown),
                false => return of_registers(known, unknown),
            }
        }
    };
    Helpers { chosen, alike: 0 }
}

/// Members that somebody has asked for, or has changed for certain.
fn asked_for(texts: &Texts, known: &[Entry]) -> Vec<Vec<u8>> {
    let of = |entry: &Entry| match entry.act {
        Act::Get => members(texts.get(entry.value)),
        _ => vec![texts.get(entry.value).to_vec()],
    };
    known.iter().flat_map(of).collect()
}

/// Whether a read found a member that nobody has added, so that nothing helps.
fn finds_unadded(texts: &Texts, read: &Entry, unknown: &[Entry]) -> bool {
    let is_held = matches!((read.act, read.answer), (Act::Get, _) | (Act::Contains, Answer::Yes));
    let is_added =
        |member: &Vec<u8>| unknown.iter().any(|entry| entry.act == Act::Add && texts.get(entry.value) == member);
    is_held && asked_for(texts, std::slice::from_ref(read)).iter().any(|member| !is_added(member))
}

/// How many others can be of use in a log: none if it holds what nobody has put in, and as many as come before a position that was
/// told twice.
fn enough_in_a_log(texts: &Texts, known: &[Entry], unknown: &[Entry]) -> usize {
    let position = |entry: &Entry| std::str::from_utf8(texts.get(entry.from)).ok().and_then(|text| text.parse().ok());
    match known {
        [one, other] if one.act == Act::Append && other.act == Act::Append && one.from == other.from => {
            position(one).unwrap_or(usize::MAX)
        }
        [read] if read.act == Act::Get && read.value != ABSENT => {
            let is_there = unknown.iter().any(|entry| entry.value == read.value);
            if is_there { usize::MAX } else { 0 }
        }
        _ => usize::MAX,
    }
}

fn of_queues(known: &[Entry], unknown: &[Entry]) -> Vec<usize> {
    let mut takers = known.iter().filter(|entry| entry.act == Act::Enqueue).count();
    let mut matters = |entry: &Entry| match entry.act {
        Act::Enqueue => known.iter().any(|taken| taken.act == Act::Dequeue && taken.value == entry.value),
        _ => {
            let is_left = takers > 0;
            takers = takers.saturating_sub(1);
            is_left
        }
    };
    (0..unknown.len()).filter(|place| matters(&unknown[*place])).collect()
}

/// What an operation leaves behind, if it does anything.
fn writes(entry: &Entry) -> TextId {
    if entry.act == Act::Delete { ABSENT } else { entry.value }
}

/// Has compared with something and found it different, so anything else may have been there.
fn has_failed(entry: &Entry) -> bool {
    entry.act == Act::Cas && entry.answer == Answer::No
}

/// What must have been there.
fn found(entry: &Entry) -> Option<TextId> {
    match entry.act {
        Act::Get => Some(entry.value),
        Act::Cas => Some(entry.from),
        _ => None,
    }
}

fn of_registers(known: &[Entry], unknown: &[Entry]) -> Helpers {
    let has_failed = known.iter().filter(|entry| has_failed(entry)).count();
    // By what was found, how often.
    let mut finders: BTreeMap<TextId, usize> = BTreeMap::new();
    known.iter().filter_map(found).for_each(|value| *finders.entry(value).or_default() += 1);
    let mut is_chosen = vec![false; unknown.len()];
    // What one of them must itself have found counts as found.
    let mut has_grown = true;
    while std::mem::take(&mut has_grown) {
        for (entry, is_chosen) in unknown.iter().zip(&mut is_chosen) {
            let is_useful = has_failed > 0 || finders.contains_key(&writes(entry));
            if is_useful
                && !std::mem::replace(is_chosen, true)
                && let Some(value) = found(entry)
            {
                *finders.entry(value).or_default() += 1;
                has_grown = true;
            }
        }
    }
    // Of those that do the same, as many as anybody may need.
    let mut same: BTreeMap<(&str, TextId, TextId), usize> = BTreeMap::new();
    let mut is_needed = |entry: &Entry| {
        let earlier = same.entry((entry.act.word(), entry.value, entry.from)).or_default();
        *earlier += 1;
        *earlier <= has_failed + finders.get(&writes(entry)).copied().unwrap_or(0)
    };
    let (chosen, alike): (Vec<usize>, Vec<usize>) =
        (0..unknown.len()).filter(|place| is_chosen[*place]).partition(|place| is_needed(&unknown[*place]));
    Helpers { chosen, alike: alike.len() }
}

fn of_texts(texts: &Texts, known: &[Entry], unknown: &[Entry]) -> Vec<usize> {
    let pieces = Pieces::of(texts, known.iter().chain(unknown));
    let work = |entry: &Entry| pieces.work(texts.get(entry.value));
    // Where it would be too much work, all of them count.
    if known.iter().any(has_failed) || known.iter().map(work).sum::<usize>() > WORK {
        return (0..unknown.len()).collect();
    }
    let mut finders: Vec<TextId> = known.iter().filter_map(found).collect();
    let mut chosen = vec![false; unknown.len()];
    let is_empty = |entry: &Entry| texts.get(writes(entry)).is_empty();
    let mut next = 0;
    while next < finders.len() {
        let useful = pieces.useful(texts.get(finders[next]));
        for (place, entry) in unknown.iter().enumerate() {
            if !chosen[place] && useful.binary_search(&texts.get(writes(entry))).is_ok() {
                chosen[place] = true;
                finders.extend(found(entry).filter(|value| !finders.contains(value)));
            }
        }
        next += 1;
    }
    // Whatever takes everything away makes room for something else, if there is anything; or it is what somebody has found.
    let writes_something = |entry: &Entry| entry.act != Act::Get && !is_empty(entry);
    let is_written = known.iter().any(writes_something) || chosen.contains(&true);
    let is_found = |entry: &Entry| finders.contains(&writes(entry));
    let matters = |place: &usize| {
        let entry = &unknown[*place];
        chosen[*place] || is_empty(entry) && (is_written || writes(entry) != ABSENT && is_found(entry))
    };
    (0..unknown.len()).filter(matters).collect()
}
