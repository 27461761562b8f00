//! Whether a text can be put together out of pieces that were written, and which of them are of use for that.
//!
//! Whatever a store holds was written, or is something written with what was appended after it. So a text that cannot be cut into such
//! pieces, all of them called by the time at which it was read, was never there: that is enough for a verdict, and it needs no search.
//! Which order the pieces came in, and how often each, does not matter to that.

use crate::check::recorded::{ABSENT, Act, Answer, Entry, NEVER, Texts};

/// [Work](Pieces::work) that is worth while: about a second.
pub(crate) const WORK: usize = 1 << 26;

/// Whether it writes something, or may have written it, that texts are made of.
pub(crate) fn writes_a_piece(entry: &Entry) -> bool {
    matches!(entry.act, Act::Put | Act::Append | Act::Cas) && entry.answer != Answer::No
}

/// What was written, and when it was first called.
pub(crate) struct Pieces<'t> {
    /// In order, each once.
    pieces: Vec<(&'t [u8], u64)>,
    /// How long they are, each once.
    lengths: Vec<usize>,
}

impl<'t> Pieces<'t> {
    /// The pieces that these operations write, or may have written.
    pub(crate) fn of<'e>(texts: &'t Texts, ops: impl Iterator<Item = &'e Entry>) -> Pieces<'t> {
        let mut pieces: Vec<(&[u8], u64)> =
            ops.filter(|entry| writes_a_piece(entry)).map(|entry| (texts.get(entry.value), entry.call)).collect();
        // An empty one adds nothing.
        pieces.retain(|(piece, _)| !piece.is_empty());
        pieces.sort_unstable();
        pieces.dedup_by_key(|(piece, _)| *piece);
        let mut lengths: Vec<usize> = pieces.iter().map(|(piece, _)| piece.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Pieces { pieces, lengths }
    }

    /// About how much work a text is.
    pub(crate) fn work(&self, text: &[u8]) -> usize {
        text.len().saturating_mul(self.lengths.len())
    }

    /// Those that were called by then and are in the text from a place on, by their place in `pieces`.
    fn at<'a>(&'a self, text: &'a [u8], at: usize, until: u64) -> impl Iterator<Item = usize> + 'a {
        let rest = &text[at..];
        let fitting = self.lengths.iter().map_while(move |length| rest.get(..*length));
        fitting
            .filter_map(|piece| self.pieces.binary_search_by_key(&piece, |(piece, _)| *piece).ok())
            .filter(move |place| self.pieces[*place].1 <= until)
    }

    /// How far the text can be put together out of what was called by then, at every place whether it can be up to there.
    pub(crate) fn reached(&self, text: &[u8], until: u64) -> Vec<bool> {
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for at in 0..text.len() {
            if reached[at] {
                self.at(text, at, until).for_each(|place| reached[at + self.pieces[place].0.len()] = true);
            }
        }
        reached
    }

    /// Whether the text can be put together as a whole.
    pub(crate) fn make(&self, text: &[u8], until: u64) -> bool {
        self.reached(text, until)[text.len()]
    }

    /// In order, the pieces of the ways to put the text together.
    pub(crate) fn useful(&self, text: &[u8]) -> Vec<&'t [u8]> {
        let mut ends = vec![false; text.len() + 1];
        ends[text.len()] = true;
        for at in (0..text.len()).rev() {
            ends[at] = self.at(text, at, NEVER).any(|place| ends[at + self.pieces[place].0.len()]);
        }
        let reached = self.reached(text, NEVER);
        let mut is_useful = vec![false; self.pieces.len()];
        for at in (0..text.len()).filter(|at| reached[*at]) {
            for place in self.at(text, at, NEVER) {
                is_useful[place] |= ends[at + self.pieces[place].0.len()];
            }
        }
        self.pieces.iter().zip(is_useful).filter(|(_, is_useful)| *is_useful).map(|((piece, _), _)| *piece).collect()
    }
}

/// A read of what nobody can have written by then, on one object.
pub(super) fn unheard_of(ops: &[Entry], texts: &Texts) -> Option<u32> {
    let pieces = Pieces::of(texts, ops.iter());
    let appended = ops.iter().any(|entry| entry.act == Act::Append);
    let mut left = WORK;
    let mut is_one = |entry: &Entry| {
        if entry.act != Act::Get || !entry.is_known() || entry.value == ABSENT {
            return false;
        }
        let text = texts.get(entry.value);
        if text.is_empty() {
            return false;
        }
        if !appended {
            let found = pieces.pieces.binary_search_by_key(&text, |(piece, _)| *piece);
            return found.map_or(true, |place| pieces.pieces[place].1 > entry.end);
        }
        match left.checked_sub(pieces.work(text)) {
            Some(rest) => left = rest,
            None => return false,
        }
        !pieces.make(text, entry.end)
    };
    // Of several the one that returned first.
    (0..ops.len())
        .filter(|place| is_one(&ops[*place]))
        .min_by_key(|place| (ops[*place].end, *place))
        .map(|place| place as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::recorded::jsonl::Reader;

    #[test]
    fn a_piece_is_useful_if_the_text_can_be_cut_with_it() {
        let useful = |text: &str, pieces: &[&str]| {
            let mut reader = Reader::default();
            for piece in pieces {
                let line = format!("{{\"op\":\"append\",\"value\":\"{piece}\",\"call\":1,\"return\":2}}\n");
                reader.feed(line.as_bytes());
            }
            let recording = reader.finish().expect("the lines are right");
            let pieces = Pieces::of(&recording.values, recording.entries.iter());
            let useful = pieces.useful(text.as_bytes());
            assert_eq!(pieces.make(text.as_bytes(), 1), !useful.is_empty() || text.is_empty());
            assert!(text.is_empty() || !pieces.make(text.as_bytes(), 0), "what is called later is of no use");
            useful.iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(useful("1;2;11;", &["1", "1;", "11;", "2;", "3;"]), ["1", "11;", "1;", "2;"]);
        assert_eq!(useful("2;11;", &["1;", "11;", "2;"]), ["11;", "2;"]);
        assert_eq!(useful("abab", &["ab", "aba", "b"]), ["ab", "aba", "b"]);
        assert_eq!(useful("ab", &["a", "c"]), Vec::<String>::new());
        assert_eq!(useful("", &["a"]), Vec::<String>::new());
    }
}
