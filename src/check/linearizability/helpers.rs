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
//! - **counter and log**: all of them matter, since every sum and every position may be due to any of them.

use memchr::memmem;

use crate::check::models::{Standard, members};
use crate::check::recorded::{ABSENT, Act, Answer, Entry, TextId, Texts};

/// Steps that cutting texts into pieces may take; where it would take more, every piece that is in a text counts.
const STEPS: usize = 1 << 22;

/// Bytes that are looked through for appended texts; where there are more, all that were appended count.
const BYTES_SEARCHED: usize = 1 << 26;

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
        Standard::Counter | Standard::Log => all.collect(),
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
    let mut finders: Vec<TextId> = known.iter().filter_map(found).collect();
    let mut chosen = vec![false; unknown.len()];
    // What one of them must itself have found counts as found.
    loop {
        let before = finders.len();
        for (place, entry) in unknown.iter().enumerate() {
            let is_useful = has_failed > 0 || finders.contains(&writes(entry));
            if is_useful && !chosen[place] {
                chosen[place] = true;
                finders.extend(found(entry));
            }
        }
        if finders.len() == before {
            break;
        }
    }
    let enough = |entry: &Entry| has_failed + finders.iter().filter(|value| **value == writes(entry)).count();
    let is_same = |one: &Entry, other: &Entry| (one.act, one.value, one.from) == (other.act, other.value, other.from);
    let earlier = |place: usize| {
        let entry = &unknown[place];
        (0..place).filter(|other| chosen[*other] && is_same(&unknown[*other], entry)).count()
    };
    let (chosen, alike): (Vec<usize>, Vec<usize>) =
        (0..unknown.len()).filter(|place| chosen[*place]).partition(|place| earlier(*place) < enough(&unknown[*place]));
    Helpers { chosen, alike: alike.len() }
}

fn of_texts(texts: &Texts, known: &[Entry], unknown: &[Entry]) -> Vec<usize> {
    let length = |entry: &Entry| texts.get(entry.value).len();
    let bytes: usize = known.iter().map(length).sum();
    if known.iter().any(has_failed) || bytes.saturating_mul(unknown.len()) > BYTES_SEARCHED {
        return (0..unknown.len()).collect();
    }
    let mut finders: Vec<TextId> = known.iter().filter_map(found).collect();
    let mut chosen = vec![false; unknown.len()];
    let mut next = 0;
    while next < finders.len() {
        let text = texts.get(finders[next]);
        let mut pieces: Vec<&[u8]> = known
            .iter()
            .chain(unknown)
            .filter(|entry| entry.act != Act::Get)
            .map(|entry| texts.get(writes(entry)))
            .collect();
        pieces.sort_unstable();
        pieces.dedup();
        let useful = useful(text, &pieces);
        for (place, entry) in unknown.iter().enumerate() {
            let piece = texts.get(writes(entry));
            // Whatever is taken away makes room for what is put in its place.
            let matters = piece.is_empty() || useful.binary_search(&piece).is_ok();
            if matters && !chosen[place] {
                chosen[place] = true;
                finders.extend(found(entry).filter(|value| !finders.contains(value)));
            }
        }
        next += 1;
    }
    (0..unknown.len()).filter(|place| chosen[*place]).collect()
}

/// Those of the pieces, in order, that some way to cut the text into pieces has.
fn useful<'p>(text: &[u8], pieces: &[&'p [u8]]) -> Vec<&'p [u8]> {
    let within = pieces.iter().copied().filter(|piece| !piece.is_empty() && memmem::find(text, piece).is_some());
    let within: Vec<&[u8]> = within.collect();
    if text.len().saturating_mul(within.len()) > STEPS {
        return within;
    }
    // From which places on the text can be cut to its end.
    let mut ends = vec![false; text.len() + 1];
    ends[text.len()] = true;
    let begins = |at: usize, piece: &[u8]| text[at..].starts_with(piece);
    for at in (0..text.len()).rev() {
        ends[at] = within.iter().any(|piece| begins(at, piece) && ends[at + piece.len()]);
    }
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut is_useful = vec![false; within.len()];
    for at in 0..text.len() {
        for (piece, is_useful) in within.iter().zip(&mut is_useful) {
            if reached[at] && begins(at, piece) && ends[at + piece.len()] {
                (reached[at + piece.len()], *is_useful) = (true, true);
            }
        }
    }
    within.iter().zip(is_useful).filter(|(_, is_useful)| *is_useful).map(|(piece, _)| *piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_useful_if_the_text_can_be_cut_with_it() {
        let useful = |text: &str, pieces: &[&str]| {
            let bytes: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            useful(text.as_bytes(), &bytes)
                .iter()
                .map(|piece| String::from_utf8_lossy(piece).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(useful("1;2;11;", &["1", "1;", "11;", "2;", "3;"]), ["1", "1;", "11;", "2;"]);
        assert_eq!(useful("2;11;", &["1;", "11;", "2;"]), ["11;", "2;"]);
        assert_eq!(useful("abab", &["ab", "aba", "b"]), ["ab", "aba", "b"]);
        assert_eq!(useful("ab", &["a", "c"]), Vec::<String>::new());
        assert_eq!(useful("", &["a"]), Vec::<String>::new());
    }
}
