//! Labels: what a message, a disk operation or a task is called.
//!
//! A label is a *kind* and up to two small numbers which the protocol chooses, such as `Prepare(v0 op1)`. Decisions are
//! named by labels, so a label should say what the thing *is* (this view, this operation) and not when it came; then
//! its name, and with it its fate, survives when earlier packets vanish.
//!
//! A [`Kind`] is a `static`, hashed at compile time from its text, so that neither registration order nor the linker
//! can change a trace. On the hot path only integers are touched; text is made when somebody reads it. [`LabelText`]
//! is the same thing read back from a plan, with the same hash.

use std::fmt;
use std::str::FromStr;

use super::hash::{FNV_START, fnv, mix};

/// The fixed part of a label: its word and the names of its numbers.
///
/// ```
/// use foretell::base::Kind;
/// static PREPARE: Kind = Kind::new("Prepare", &["v", "op"]);
/// assert_eq!(PREPARE.label([0, 1]).to_string(), "Prepare(v0 op1)");
/// ```
#[derive(Debug)]
pub struct Kind {
    text: &'static str,
    fields: &'static [&'static str],
    hash: u64,
}

impl Kind {
    /// A kind called `text` whose labels carry one number for each of `fields` (at most two).
    ///
    /// Both are words of letters and dashes that end in a letter, so that `op` and `12` can stand together as `op12`.
    /// In a `static` a bad word is a build error.
    pub const fn new(text: &'static str, fields: &'static [&'static str]) -> Self {
        assert!(fields.len() <= 2, "a label carries at most two numbers");
        assert!(is_word(text.as_bytes()), "a kind is a word of letters and dashes");
        let mut hash = fnv(FNV_START, text.as_bytes());
        let mut index = 0;
        while index < fields.len() {
            assert!(is_word(fields[index].as_bytes()), "a field is a word of letters and dashes");
            hash = fnv(fnv(hash, b"|"), fields[index].as_bytes());
            index += 1;
        }
        Kind { text, fields, hash }
    }

    /// The label of this kind with these numbers.
    #[inline]
    pub const fn label<const N: usize>(&'static self, numbers: [u64; N]) -> Label {
        assert!(N == self.fields.len(), "one number for each field of the kind");
        let first = if N > 0 { numbers[0] } else { 0 };
        let second = if N > 1 { numbers[1] } else { 0 };
        Label { kind: self, numbers: [first, second], hash: hash_of(self.hash, first, second) }
    }

    /// The word.
    pub fn text(&self) -> &'static str {
        self.text
    }
}

/// The hash of a label, from that of its kind and its numbers. The kind's is spread over all 64 bits, so a small number
/// beside it makes none of another kind.
#[inline]
const fn hash_of(kind: u64, first: u64, second: u64) -> u64 {
    mix(kind ^ first, second)
}

const fn is_word(bytes: &[u8]) -> bool {
    let mut index = 0;
    while index < bytes.len() {
        if !(bytes[index].is_ascii_alphabetic() || (index > 0 && bytes[index] == b'-')) {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty() && bytes[bytes.len() - 1].is_ascii_alphabetic()
}

/// A kind with its numbers: `Prepare(v0 op1)`.
#[derive(Clone, Copy)]
pub struct Label {
    kind: &'static Kind,
    numbers: [u64; 2],
    /// Taken once, when the label is made: a packet's label is hashed for its name, its fate and two events.
    hash: u64,
}

impl Label {
    /// What kind of thing this is.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The numbers, in the order of the kind's fields.
    pub fn numbers(&self) -> &[u64] {
        &self.numbers[..self.kind.fields.len()]
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Label) -> bool {
        self.hash == other.hash && self.numbers == other.numbers
    }
}
impl Eq for Label {}

/// What a name needs to know of a label, whether it was made by code or read from a file.
pub trait Labelled: fmt::Display {
    /// A hash of kind, field names and numbers; equal for equal text.
    fn hash(&self) -> u64;
}

impl Labelled for Label {
    #[inline]
    fn hash(&self) -> u64 {
        self.hash
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_label(f, self.kind.text, self.kind.fields.iter().copied().zip(self.numbers))
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn write_label<'a>(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    mut numbers: impl Iterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    f.write_str(text)?;
    let Some((field, number)) = numbers.next() else { return Ok(()) };
    write!(f, "({field}{number}")?;
    for (field, number) in numbers {
        write!(f, " {field}{number}")?;
    }
    f.write_str(")")
}

/// A label read from text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelText {
    /// The kind's word.
    pub kind: String,
    /// Field names with their numbers.
    pub numbers: Vec<(String, u64)>,
}

impl LabelText {
    /// Whether `label` is this one, or, if this is a bare kind, any of that kind.
    pub fn matches(&self, label: &Label) -> bool {
        self.kind == label.kind.text && (self.numbers.is_empty() || self.hash() == Labelled::hash(label))
    }
}

impl Labelled for LabelText {
    fn hash(&self) -> u64 {
        let mut hash = fnv(FNV_START, self.kind.as_bytes());
        for (field, _) in &self.numbers {
            hash = fnv(fnv(hash, b"|"), field.as_bytes());
        }
        let number = |index: usize| self.numbers.get(index).map_or(0, |(_, number)| *number);
        hash_of(hash, number(0), number(1))
    }
}

impl fmt::Display for LabelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_label(f, &self.kind, self.numbers.iter().map(|(field, number)| (field.as_str(), *number)))
    }
}

impl FromStr for LabelText {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| Err(format!("`{text}` is not a label: {why}; a label looks like `Ping` or `Prepare(v0 op1)`"));
        let (kind, inside) = match text.split_once('(') {
            None => (text, None),
            Some((kind, rest)) => match rest.strip_suffix(')') {
                Some(inside) => (kind, Some(inside)),
                None => return wrong("the bracket is not closed"),
            },
        };
        if !is_word(kind.as_bytes()) {
            return wrong("a kind is a word of letters and dashes");
        }
        let mut numbers = Vec::new();
        for part in inside.into_iter().flat_map(|inside| inside.split(' ')) {
            let digits = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
            let (field, number) = part.split_at(digits);
            match number.parse() {
                Ok(number) if is_word(field.as_bytes()) => numbers.push((field.to_string(), number)),
                _ => return wrong("inside the bracket stand words with a number at their end"),
            }
        }
        if numbers.len() > 2 {
            return wrong("it carries at most two numbers");
        }
        Ok(LabelText { kind: kind.to_string(), numbers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PREPARE: Kind = Kind::new("Prepare", &["v", "op"]);
    static PING: Kind = Kind::new("Ping", &[]);

    #[test]
    fn text_reads_back_with_the_same_hash() {
        for label in [PREPARE.label([0, 1]), PREPARE.label([7, u64::MAX]), PING.label([])] {
            let text: LabelText = label.to_string().parse().unwrap();
            assert_eq!(text.to_string(), label.to_string());
            assert_eq!(Labelled::hash(&text), Labelled::hash(&label));
            assert!(text.matches(&label));
        }
    }

    #[test]
    fn a_bare_kind_matches_all_its_labels() {
        let text: LabelText = "Prepare".parse().unwrap();
        assert!(text.matches(&PREPARE.label([3, 9])));
        assert!(!text.matches(&PING.label([])));
    }

    #[test]
    fn bad_text_is_refused() {
        for text in ["", "Pre pare", "Prepare(", "Prepare()", "Prepare(1)", "Prepare(v)", "P(a1 b2 c3)", "P(a1)x", "1P"]
        {
            assert!(text.parse::<LabelText>().is_err(), "{text} was accepted");
        }
    }
}
