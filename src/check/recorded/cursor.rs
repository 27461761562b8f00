//! A place in a line of JSON, and what can be read there.

use memchr::memchr2;

use crate::base::text::did_you_mean;

use super::lists::compact;
use super::{Act, TextId, Texts, eight};

/// A field that has been seen, or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen<T> {
    No,
    Null,
    Value(T),
}

impl<T> Seen<T> {
    pub fn value(self) -> Option<T> {
        if let Seen::Value(value) = self { Some(value) } else { None }
    }
}

/// The words for acts: those of a store of strings, and those that registers and other objects are used to.
pub(super) const ACTS: [(&[u8], Act); 13] = [
    (b"get", Act::Get),
    (b"put", Act::Put),
    (b"append", Act::Append),
    (b"cas", Act::Cas),
    (b"delete", Act::Delete),
    (b"read", Act::Get),
    (b"write", Act::Put),
    (b"add", Act::Add),
    (b"increment", Act::Add),
    (b"remove", Act::Remove),
    (b"contains", Act::Contains),
    (b"enqueue", Act::Enqueue),
    (b"dequeue", Act::Dequeue),
];

/// A field of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Client,
    Op,
    Key,
    Value,
    From,
    Ok,
    Call,
    Return,
    Index,
    Position,
    /// One that nobody knows.
    Other,
}

/// The fields as they are mostly written, in the order in which they mostly come.
const FIELDS: [(&[u8], Field); 10] = [
    (b"\"client\":", Field::Client),
    (b"\"op\":", Field::Op),
    (b"\"key\":", Field::Key),
    (b"\"value\":", Field::Value),
    (b"\"from\":", Field::From),
    (b"\"ok\":", Field::Ok),
    (b"\"call\":", Field::Call),
    (b"\"return\":", Field::Return),
    (b"\"index\":", Field::Index),
    (b"\"position\":", Field::Position),
];

/// Up to sixteen bytes that are looked for as one number.
#[derive(Clone, Copy)]
struct Sought {
    bytes: u128,
    mask: u128,
    length: usize,
}

impl Sought {
    const fn new(text: &[u8]) -> Sought {
        let mut sought = Sought { bytes: 0, mask: 0, length: 0 };
        while sought.length < text.len() {
            sought = sought.then(text[sought.length]);
        }
        sought
    }

    /// The same with one more byte at the end.
    const fn then(self, byte: u8) -> Sought {
        let at = 8 * self.length;
        Sought { bytes: self.bytes | (byte as u128) << at, mask: self.mask | 0xff << at, length: self.length + 1 }
    }

    #[inline]
    fn begins(&self, ahead: u128) -> bool {
        ahead & self.mask == self.bytes
    }
}

/// The fields, to be looked for.
const SOUGHT_FIELDS: [Sought; FIELDS.len()] = {
    let mut sought = [Sought::new(b""); FIELDS.len()];
    let mut place = 0;
    while place < FIELDS.len() {
        sought[place] = Sought::new(FIELDS[place].0);
        place += 1;
    }
    sought
};

/// The words for acts, to be looked for with the quotation mark after them.
const SOUGHT_ACTS: [Sought; ACTS.len()] = {
    let mut sought = [Sought::new(b""); ACTS.len()];
    let mut place = 0;
    while place < ACTS.len() {
        sought[place] = Sought::new(ACTS[place].0).then(b'"');
        place += 1;
    }
    sought
};

/// Powers of ten.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// A line, and how far it has been read.
pub(super) struct Cursor<'l> {
    pub line: &'l [u8],
    pub at: usize,
}

impl<'l> Cursor<'l> {
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    #[inline]
    pub fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    #[inline]
    pub fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// What to say of the byte before this one.
    pub fn back(&mut self, expected: &str) -> String {
        self.at -= 1;
        format!("expected {expected}")
    }

    /// Whether another field comes after this one; the object ends otherwise.
    #[inline]
    pub fn has_more(&mut self) -> Result<bool, String> {
        match self.next() {
            Some(b',') => Ok(true),
            Some(b'}') => Ok(false),
            Some(b' ' | b'\t' | b'\r') => {
                self.skip_space();
                self.has_more()
            }
            _ => Err(self.back("`,` or `}` after a field")),
        }
    }

    #[inline]
    pub fn expect(&mut self, byte: u8, expected: &str) -> Result<(), String> {
        if self.next() == Some(byte) { Ok(()) } else { Err(self.back(expected)) }
    }

    /// The name of a field and the colon. `next` is the place in [`FIELDS`] of the one that is looked for first, and becomes
    /// that of the one after the field found: lines are much alike, so mostly the first look is the last.
    #[inline]
    pub fn field(&mut self, next: &mut usize) -> Result<Field, String> {
        let ahead = eight::sixteen(self.line, self.at);
        for place in (*next..FIELDS.len()).chain(0..*next) {
            if SOUGHT_FIELDS[place].begins(ahead) {
                self.at += SOUGHT_FIELDS[place].length;
                *next = place + 1;
                return Ok(FIELDS[place].1);
            }
        }
        if let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.skip_space();
            return self.field(next);
        }
        self.field_anyhow()
    }

    /// The same for fields that nobody knows, and where there is space before the colon.
    fn field_anyhow(&mut self) -> Result<Field, String> {
        let start = self.at;
        let name = self.name()?;
        self.skip_space();
        self.expect(b':', "`:` after the name of a field")?;
        let called = |field: &'static [u8]| &field[1..field.len() - 2];
        if let Some((_, field)) = FIELDS.iter().find(|(known, _)| called(known) == name) {
            return Ok(*field);
        }
        // Left out it would mean something: that there is but one object, or that nothing was there. Most names are too far from
        // any that is known to be looked at closely.
        let is_near = |known: &&[u8]| {
            let alike = |byte: Option<&u8>, other: Option<&u8>| {
                byte.is_some() && byte.map(u8::to_ascii_lowercase) == other.copied()
            };
            known.len().abs_diff(name.len()) <= 1
                && (alike(name.first(), known.first()) || alike(name.last(), known.last()))
                && (known.len() > 2 || name.eq_ignore_ascii_case(known))
        };
        let near = FIELDS.iter().map(|(known, _)| called(known)).filter(is_near);
        let near: Vec<&str> = near.filter_map(|known| std::str::from_utf8(known).ok()).collect();
        let name = String::from_utf8_lossy(name);
        match did_you_mean(&name, near.into_iter()) {
            Some(known) => {
                self.at = start;
                Err(format!("unknown field `{name}`; did you mean `{known}`?"))
            }
            None => Ok(Field::Other),
        }
    }

    /// A name in quotation marks, as it stands.
    #[inline]
    fn name(&mut self) -> Result<&'l [u8], String> {
        self.expect(b'"', "the name of a field in quotation marks")?;
        let start = self.at;
        while let Some(byte) = self.next() {
            if byte == b'"' {
                return Ok(&self.line[start..self.at - 1]);
            }
        }
        self.at = start;
        Err("expected a closing quotation mark".to_owned())
    }

    #[inline]
    pub fn number(&mut self, field: &str) -> Result<u64, String> {
        match self.number_or_null(field)? {
            Seen::Value(number) => Ok(number),
            _ => Err(format!("expected a number for `{field}`")),
        }
    }

    #[inline]
    pub fn number_or_null(&mut self, field: &str) -> Result<Seen<u64>, String> {
        let start = self.at;
        let mut number: u64 = 0;
        loop {
            let ahead = eight::eight(self.line, self.at);
            let digits = eight::digits(ahead);
            // What is too long for this is told below.
            number = number.wrapping_mul(POWERS[digits]).wrapping_add(eight::number(ahead, digits));
            self.at += digits;
            if digits < 8 {
                break;
            }
        }
        // Nineteen digits always fit.
        let length = self.at - start;
        if length > 19 {
            let digits = std::str::from_utf8(&self.line[start..self.at]).unwrap_or_default();
            number = digits.parse().map_err(|_| format!("the number for `{field}` is too large"))?;
        }
        let is_one = length == 1 || length > 1 && self.line[start] != b'0';
        if is_one && !matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Ok(Seen::Value(number));
        }
        if length == 0 && self.word(b"null") {
            return Ok(Seen::Null);
        }
        self.at = start;
        Err(format!("expected a whole number that is not negative for `{field}`"))
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> bool {
        let found = self.line[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    pub fn truth(&mut self) -> Result<Option<bool>, String> {
        for (word, value) in [(&b"true"[..], Some(true)), (b"false", Some(false)), (b"null", None)] {
            if self.word(word) {
                return Ok(value);
            }
        }
        Err("expected true, false or null for `ok`".to_owned())
    }

    /// What was asked, and the word for it.
    ///
    /// # Errors
    /// The word that is none of them; nothing if there is no word.
    #[inline]
    pub fn act(&mut self) -> Result<&'static (&'static [u8], Act), Option<&'l [u8]>> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            self.at += 1;
            let ahead = eight::sixteen(self.line, self.at);
            if let Some(place) = SOUGHT_ACTS.iter().position(|word| word.begins(ahead)) {
                self.at += SOUGHT_ACTS[place].length;
                return Ok(&ACTS[place]);
            }
        }
        self.at = start;
        let rest = self.line[start..].strip_prefix(b"\"").unwrap_or_default();
        Err(rest.iter().position(|byte| *byte == b'"').map(|end| &rest[..end]))
    }

    /// A text, or a number or a truth as it stands, or a list without the space in it; or null.
    #[inline]
    pub fn text(&mut self, field: &str, texts: &mut Texts, spare: &mut Vec<u8>) -> Result<Seen<TextId>, String> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string(spare)?;
                Ok(Seen::Value(texts.intern(text)))
            }
            Some(b'n') if self.word(b"null") => Ok(Seen::Null),
            Some(b'-' | b'0'..=b'9' | b't' | b'f') if let Some(scalar) = self.scalar() => {
                Ok(Seen::Value(texts.intern(scalar)))
            }
            Some(b'[') => {
                let start = self.at;
                self.skip_value()?;
                let list = compact(&self.line[start..self.at]).map_err(|error| self.not_json(start, &error))?;
                Ok(Seen::Value(texts.intern(&list)))
            }
            _ => Err(format!("expected a text, a number, true, false, a list or null for `{field}`")),
        }
    }

    /// A number or a truth, as it stands. Nothing is read if it is neither.
    #[inline]
    fn scalar(&mut self) -> Option<&'l [u8]> {
        let start = self.at;
        if !self.word(b"true") && !self.word(b"false") {
            self.at += usize::from(self.peek() == Some(b'-'));
            let begins_with_zero = self.peek() == Some(b'0');
            let length = self.digits();
            let mut is_number = length == 1 || length > 1 && !begins_with_zero;
            if self.peek() == Some(b'.') {
                self.at += 1;
                is_number &= self.digits() > 0;
            }
            if let Some(b'e' | b'E') = self.peek() {
                self.at += 1;
                self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
                is_number &= self.digits() > 0;
            }
            if !is_number {
                self.at = start;
                return None;
            }
        }
        if let None | Some(b',' | b'}' | b' ' | b'\t' | b'\r') = self.peek() {
            return Some(&self.line[start..self.at]);
        }
        self.at = start;
        None
    }

    /// Passes over decimal digits, and says how many there were.
    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        loop {
            let digits = eight::digits(eight::eight(self.line, self.at));
            self.at += digits;
            if digits < 8 {
                return self.at - start;
            }
        }
    }

    /// What a parser says of what begins at `start`, and goes to the place it speaks of.
    fn not_json(&mut self, start: usize, error: &serde_json::Error) -> String {
        self.at = start + error.column().saturating_sub(1);
        let said = error.to_string();
        let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
        format!("this is no JSON: {what}")
    }

    #[inline]
    fn string<'s>(&mut self, spare: &'s mut Vec<u8>) -> Result<&'s [u8], String>
    where
        'l: 's,
    {
        let start = self.at + 1;
        // Most texts are a few bytes long.
        let mut near = [0, 8, 16].into_iter();
        let near = near.find_map(|step| {
            let place = eight::find(eight::eight(self.line, start + step), b'"', b'\\');
            (place < 8).then_some(step + place)
        });
        let found = near.or_else(|| memchr2(b'"', b'\\', &self.line[start..]));
        match found {
            Some(length) if self.line[start + length] == b'"' => {
                self.at = start + length + 1;
                Ok(&self.line[start..start + length])
            }
            Some(_) => {
                self.unescape(spare)?;
                Ok(spare)
            }
            None => Err("expected a closing quotation mark".to_owned()),
        }
    }

    /// A string with escapes. Rare, so it may take its time: it is given to a JSON parser.
    fn unescape(&mut self, spare: &mut Vec<u8>) -> Result<(), String> {
        let start = self.at;
        self.skip_string()?;
        let text: String =
            serde_json::from_slice(&self.line[start..self.at]).map_err(|error| self.not_json(start, &error))?;
        spare.clear();
        spare.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn skip_string(&mut self) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = start;
        Err("expected a closing quotation mark".to_owned())
    }

    /// A value that nobody wants to know. That it is one is looked at all the same: what is no JSON has been damaged, and
    /// then more may have been.
    pub fn any(&mut self) -> Result<(), String> {
        let start = self.at;
        self.skip_value()?;
        match serde_json::from_slice::<serde::de::IgnoredAny>(&self.line[start..self.at]) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.not_json(start, &error)),
        }
    }

    /// Goes to the end of a value, and the space after it.
    fn skip_value(&mut self) -> Result<(), String> {
        let start = self.at;
        let mut depth = 0_u32;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_string()?,
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b'}' | b']') if depth == 0 => break,
                Some(_) => self.at += 1,
                None => break,
            }
            if depth == 0 && matches!(self.peek(), Some(b',' | b'}' | b']') | None) {
                break;
            }
        }
        if depth == 0 && self.at > start { Ok(()) } else { Err("expected a value".to_owned()) }
    }
}
