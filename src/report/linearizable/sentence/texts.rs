//! What texts that grow do most often that they should not.

use crate::check::recorded::{ABSENT, Act, Answer, Entry, Recording, TextId};
use crate::report::words::cut;

use super::super::wording::Wording;

/// So much is told of what a text has lost, or what it begins with.
const LOST: usize = 24;

/// Places of a text and pieces that are tried there, at most.
const STEPS: usize = 1 << 22;

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
        [read] if is_read(read) && helpers.is_empty() => in_pieces(wording, read),
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

/// How far a text can be put together out of what was written by then, if that is not to its end.
fn in_pieces(wording: Wording<'_>, read: &Entry) -> Option<String> {
    let text = wording.recording.values.get(read.value);
    let writes = |entry: &&Entry| {
        let writes = matches!(entry.act, Act::Put | Act::Append | Act::Cas) && entry.answer != Answer::No;
        writes && entry.key == read.key && entry.call <= read.end
    };
    let writes: Vec<&Entry> = wording.recording.entries.iter().filter(writes).collect();
    if text.len().saturating_mul(writes.len()) > STEPS {
        return None;
    }
    let piece = |entry: &Entry| wording.recording.values.get(entry.value);
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for at in 0..text.len() {
        if reached[at] {
            let fitting = writes.iter().filter(|write| text[at..].starts_with(piece(write)));
            fitting.for_each(|write| reached[at + piece(write).len()] = true);
        }
    }
    let end = reached.iter().rposition(|reached| *reached).filter(|end| (1..text.len()).contains(end))?;
    let (begin, rest) = text.split_at(end);
    let (who, value) = (wording.who(read), wording.value(read.value));
    let read = format!("{who} read {value} at some time from {} to {}", wording.at(read.call), wording.at(read.end));
    let begin: String = String::from_utf8_lossy(begin).chars().flat_map(char::escape_debug).collect();
    Some(match writes.iter().find(|write| piece(write).starts_with(rest)) {
        Some(write) => format!("{read}, which ends in the middle of {}", wording.whose_asked(write)),
        None => {
            format!("{read}, but nothing that was written by then can come after its beginning `{}`", cut_begin(&begin))
        }
    })
}

/// The end of a text that is long.
fn cut_begin(text: &str) -> String {
    let length = text.chars().count();
    if length <= LOST {
        text.to_owned()
    } else {
        format!("…{}", text.chars().skip(length - LOST).collect::<String>())
    }
}
