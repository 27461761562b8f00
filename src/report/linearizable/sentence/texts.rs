//! What texts that grow do most often that they should not.

use crate::check::linearizability::pieces::{Pieces, WORK, writes_a_piece};
use crate::check::recorded::{ABSENT, Act, Entry, Recording, TextId};
use crate::report::words::{cut, cut_front};

use super::super::wording::{Wording, escaped};

/// So much is told of what a text has lost, or what it begins with.
const LOST: usize = 24;

/// Of texts that grow.
pub(super) fn of_texts(wording: Wording<'_>, parts: &[&Entry], helpers: &[&Entry]) -> Option<String> {
    let text = |id: TextId| wording.recording.values.get(id);
    let has = |read: &Entry, write: &Entry| memchr::memmem::find(text(read.value), text(write.value)).is_some();
    let at = |time| wording.at(time);
    let is_read = |entry: &Entry| entry.act == Act::Get && entry.value != ABSENT;
    let order = |one: &Entry, other: &Entry| {
        let (over, began) = (at(one.end), at(other.call));
        format!("{} was over at {over}, before {} began at {began}", wording.whose(one), wording.whose(other))
    };
    match parts {
        [read] if is_read(read) => in_pieces(wording, read).or_else(|| {
            let repeated = repeated(wording.recording, read, helpers)?;
            let (twice, value) = (wording.whose(read), wording.value(repeated.value));
            Some(format!(
                "{twice} has `{value}` in it twice, which was appended once, by {} at {}",
                wording.who(repeated),
                at(repeated.call)
            ))
        }),
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
            let lost = cut(&escaped(lost), LOST);
            Some(format!("{}, and found it without its end `{lost}`", order(longer, shorter)))
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

/// How far a text can be put together out of what was written by then, if that is not to its end.
fn in_pieces(wording: Wording<'_>, read: &Entry) -> Option<String> {
    let Recording { entries, values, .. } = wording.recording;
    let text = values.get(read.value);
    let by_then = |entry: &&Entry| writes_a_piece(entry) && entry.key == read.key && entry.call <= read.end;
    let written: Vec<&Entry> = entries.iter().filter(by_then).collect();
    let pieces = Pieces::of(values, written.iter().copied());
    if pieces.work(text) > WORK {
        return None;
    }
    let reached = pieces.reached(text, read.end);
    let end = reached.iter().rposition(|reached| *reached).filter(|end| *end < text.len())?;
    let (begin, rest) = text.split_at(end);
    // Whatever is in the text already as a whole was hardly to follow once more.
    let is_cut = |entry: &&&Entry| {
        let piece = values.get(entry.value);
        piece.len() > rest.len() && piece.starts_with(rest) && memchr::memmem::find(begin, piece).is_none()
    };
    let cut: Vec<&&Entry> = written.iter().filter(is_cut).collect();
    let (who, value) = (wording.who(read), wording.value(read.value));
    let read = format!("{who} read {value} at some time from {} to {}", wording.at(read.call), wording.at(read.end));
    let shown = |text: &[u8]| cut_front(&escaped(text), LOST + 1);
    match cut.as_slice() {
        [] if end == 0 => None,
        [] => Some(format!(
            "{read}, but nothing that was written by then can come after its beginning `{}`",
            shown(begin)
        )),
        [one] => Some(format!("{read}, which ends in the middle of {}", wording.whose_asked(one))),
        [.., last] => Some(format!(
            "{read}, whose end `{}` is not all of what was written: it is the beginning of {}, for one",
            shown(rest),
            wording.whose_asked(last)
        )),
    }
}
