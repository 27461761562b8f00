//! Operations, values and times of a recording in the words of its file.

use crate::check::models::Standard;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, NOBODY, Recording, TextId, Texts, Times, Words};
use crate::report::words::cut_front;

/// Of a long value, so much of its end is shown: that is where values that grow differ.
const VALUE: usize = 24;

/// How to speak of a recording.
#[derive(Clone, Copy)]
pub(super) struct Wording<'a> {
    pub recording: &'a Recording,
    pub model: Standard,
    /// Whether to say of every operation which line it is in: a client may have done the same thing twice.
    pub with_lines: bool,
}

impl Wording<'_> {
    /// An operation and its answer: `get x -> 1`.
    pub fn operation(&self, entry: &Entry) -> String {
        self.with_answer(entry, entry.is_known())
    }

    /// An operation alone: `get x`.
    pub fn asked(&self, entry: &Entry) -> String {
        self.with_answer(entry, false)
    }

    /// `get x -> 1` of client 2
    pub fn whose(&self, entry: &Entry) -> String {
        self.of(&self.operation(entry), entry)
    }

    /// `get x` of client 2
    pub fn whose_asked(&self, entry: &Entry) -> String {
        self.of(&self.asked(entry), entry)
    }

    fn of(&self, operation: &str, entry: &Entry) -> String {
        match *entry {
            Entry { client: NOBODY, line: 0, call, .. } => format!("`{operation}` at {}", self.at(call)),
            Entry { client: NOBODY, line, .. } => format!("`{operation}` of line {line}"),
            Entry { client, line, .. } if self.with_lines && line > 0 => {
                format!("`{operation}` of client {client} (line {line})")
            }
            Entry { client, .. } => format!("`{operation}` of client {client}"),
        }
    }

    /// Who has done it: client 2
    pub fn who(&self, entry: &Entry) -> String {
        if entry.client == NOBODY { "somebody".to_owned() } else { format!("client {}", entry.client) }
    }

    fn with_answer(&self, entry: &Entry, answered: bool) -> String {
        let (value, from) = (|| self.value(entry.value), || self.value(entry.from));
        let is_log = self.model == Standard::Log;
        let mut words = vec![self.word(entry.act).to_owned()];
        let key = self.recording.keys.get(entry.key);
        if !key.is_empty() {
            words.push(delimited(&self.recording.keys, entry.key));
        }
        match entry.act {
            Act::Get if is_log => words.push(from()),
            Act::Get | Act::Dequeue | Act::Delete => {}
            Act::Cas => words.extend([from(), value()]),
            Act::Put | Act::Append | Act::Add | Act::Remove | Act::Contains | Act::Enqueue => words.push(value()),
        }
        let told = match (entry.act, entry.answer) {
            _ if !answered => None,
            (Act::Get | Act::Dequeue, _) => Some(value()),
            (Act::Append, _) if is_log && entry.from != ABSENT => Some(from()),
            (Act::Cas, Answer::Yes) => Some("swapped".to_owned()),
            (Act::Cas, Answer::No) => Some("not swapped".to_owned()),
            (Act::Contains, answer) => Some(if answer == Answer::Yes { "yes" } else { "no" }.to_owned()),
            _ => None,
        };
        words.extend(told.map(|told| format!("-> {told}")));
        words.join(" ")
    }

    fn word(&self, act: Act) -> &'static str {
        match (self.recording.words, act) {
            (Words::ReadWrite, Act::Get) => "read",
            (Words::ReadWrite, Act::Put) => "write",
            _ => act.word(),
        }
    }

    /// A value, its end if it is long.
    pub fn value(&self, value: TextId) -> String {
        cut_front(&delimited(&self.recording.values, value), VALUE)
    }

    /// A time, or a place in the order of the file.
    pub fn at(&self, at: u64) -> String {
        match self.recording.times {
            Times::Told => at.to_string(),
            Times::Places => format!("event {at}"),
        }
    }

    /// An object.
    pub fn object(&self, key: TextId) -> String {
        if self.recording.keys.get(key).is_empty() {
            "the object".to_owned()
        } else {
            delimited(&self.recording.keys, key)
        }
    }
}

/// Part of a text, with nothing in it that a terminal would obey.
pub(super) fn escaped(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().flat_map(char::escape_debug).collect()
}

/// A text in quotation marks if one could not tell otherwise where it begins and ends, or that it is one.
fn delimited(texts: &Texts, id: TextId) -> String {
    let shown = texts.show(id);
    let is_within = |begin: &str, end: &str| shown.len() > 1 && shown.starts_with(begin) && shown.ends_with(end);
    let has_marks = is_within("\"", "\"") || is_within("[", "]");
    let is_odd = shown.is_empty() || shown.contains(char::is_whitespace) || shown == Texts::default().show(ABSENT);
    if id != ABSENT && is_odd && !has_marks { format!("\"{shown}\"") } else { shown }
}

/// "a", "a and b", "a, b and c".
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
