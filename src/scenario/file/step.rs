//! The language of explicit operations: `c0 after 3ms put k1 17, give up after 2s`.
//!
//! Values are words. What is not a plain word stands in single quotes, where a backslash takes the next character as
//! it is: `put k1 'it\'s two words'`. Both ways are here, because each is the other's specification.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::text::{format_duration, parse_duration};
use crate::base::{Key, NodeId, Operation};
use crate::scenario::Step;

use super::reader::did_you_mean;

const EXAMPLE: &str = "write it like `c0 after 3ms put k1 17, give up after 2s`";
const VERBS: [&str; 5] = ["get", "put", "append", "cas", "delete"];
const ABSENT: &str = "(absent)";

/// Writes a step as [`parse_step`] reads it.
///
/// An operation of a system's own cannot be read back: its bytes mean nothing to anybody else. It is shown as text.
pub(super) fn format_step(step: &Step) -> String {
    let mut out = step.client.to_string();
    // Writing to a string cannot fail.
    if !step.wait.is_zero() {
        let _ = write!(out, " after {}", format_duration(step.wait));
    }
    let _ = match &step.operation {
        Operation::Get { key } => write!(out, " get {key}"),
        Operation::Put { key, value } => write!(out, " put {key} {}", format_value(value)),
        Operation::Append { key, value } => write!(out, " append {key} {}", format_value(value)),
        Operation::Cas { key, from, to } => {
            let from = from.as_deref().map_or(ABSENT.to_string(), format_value);
            write!(out, " cas {key} {from} {}", format_value(to))
        }
        Operation::Delete { key } => write!(out, " delete {key}"),
        custom @ Operation::Custom { .. } => write!(out, " {custom}"),
    };
    if let Some(patience) = step.give_up_after {
        let _ = write!(out, ", give up after {}", format_duration(patience));
    }
    out
}

fn format_value(value: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_.:+/#".contains(character);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_string();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Reads a step.
///
/// # Errors
/// Says what is wrong with the text.
pub(super) fn parse_step(text: &str) -> Result<Step, String> {
    let mut words = Words { rest: words(text)?.into_iter().peekable() };
    let client = words.plain("the client that asks")?;
    let client: NodeId = client.parse()?;
    if client.is_replica() {
        return Err(format!("`{client}` is a replica, and only clients ask for something"));
    }
    let wait = if words.next_is("after") { words.duration("after")? } else { Duration::ZERO };
    let verb = words.plain("what is asked for")?;
    if !VERBS.contains(&verb.as_str()) {
        let meant = did_you_mean(&verb, VERBS.into_iter()).map(|meant| format!("; did you mean `{meant}`?"));
        return Err(format!(
            "unknown operation `{verb}`{}",
            meant.unwrap_or_else(|| format!("; there are {}", VERBS.join(", ")))
        ));
    }
    let key = words.plain("the key")?;
    let key = parse_key(&key).ok_or_else(|| format!("`{key}` is not a key; keys are called k0, k1, …"))?;
    let operation = match verb.as_str() {
        "get" => Operation::Get { key },
        "put" => Operation::Put { key, value: words.value("the value")? },
        "append" => Operation::Append { key, value: words.value("the value")? },
        "cas" => {
            let from = match words.any("the value it must hold")? {
                Word::Plain(word) if word == ABSENT => None,
                other => Some(other.value()?),
            };
            Operation::Cas { key, from, to: words.value("the value it becomes")? }
        }
        _ => Operation::Delete { key },
    };
    let mut give_up_after = None;
    if words.rest.next_if_eq(&Word::Comma).is_some() {
        for expected in ["give", "up", "after"] {
            if !words.next_is(expected) {
                return Err(format!("after the comma stands `give up after` and a duration; {EXAMPLE}"));
            }
        }
        give_up_after = Some(words.duration("give up after")?);
    }
    match words.rest.next() {
        None => Ok(Step { client, wait, give_up_after, operation }),
        Some(extra) => Err(format!("{} is too much here; {EXAMPLE}", extra.shown())),
    }
}

fn parse_key(text: &str) -> Option<Key> {
    let digits = text.strip_prefix('k')?;
    let number: u32 = digits.parse().ok()?;
    // `k01` and `k+1` would be second names for `k1`.
    (number.to_string() == digits).then_some(Key(number))
}

#[derive(Clone, PartialEq, Debug)]
enum Word {
    Plain(String),
    Quoted(String),
    Comma,
}

impl Word {
    fn value(self) -> Result<String, String> {
        match self {
            Word::Plain(word) | Word::Quoted(word) => Ok(word),
            Word::Comma => Err(format!("a value is missing before the comma; {EXAMPLE}")),
        }
    }

    fn shown(&self) -> String {
        match self {
            Word::Plain(word) => format!("`{word}`"),
            Word::Quoted(word) => format!("`'{word}'`"),
            Word::Comma => "the comma".to_string(),
        }
    }
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut out = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            ' ' => {}
            ',' => out.push(Word::Comma),
            '\'' => {
                let mut word = String::new();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some('\\') => word.extend(rest.next()),
                        Some(character) => word.push(character),
                        None => return Err(format!("a quote is not closed in `{text}`")),
                    }
                }
                out.push(Word::Quoted(word));
            }
            first => {
                let mut word = String::from(first);
                while let Some(character) = rest.next_if(|character| !" ,'".contains(*character)) {
                    word.push(character);
                }
                out.push(Word::Plain(word));
            }
        }
    }
    Ok(out)
}

struct Words {
    rest: std::iter::Peekable<std::vec::IntoIter<Word>>,
}

impl Words {
    fn any(&mut self, what: &str) -> Result<Word, String> {
        self.rest.next().ok_or_else(|| format!("{what} is missing; {EXAMPLE}"))
    }

    fn plain(&mut self, what: &str) -> Result<String, String> {
        match self.any(what)? {
            Word::Plain(word) => Ok(word),
            other => Err(format!("{what} is missing before {}; {EXAMPLE}", other.shown())),
        }
    }

    fn value(&mut self, what: &str) -> Result<String, String> {
        self.any(what)?.value()
    }

    fn next_is(&mut self, word: &str) -> bool {
        self.rest.next_if(|next| matches!(next, Word::Plain(plain) if plain == word)).is_some()
    }

    fn duration(&mut self, after: &str) -> Result<Duration, String> {
        parse_duration(&self.plain(&format!("the duration after `{after}`"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_and_print() {
        for text in [
            "c0 after 3ms put k1 17",
            "c0 get k1",
            "c1 after 2ms cas k0 (absent) 5, give up after 2s",
            "c1 cas k0 '(absent)' ''",
            "c1 append k0 'two words, and a \\'quote\\' and a \\\\'",
            "c12 after 1.5s delete k4294967295, give up after 1ns",
        ] {
            assert_eq!(parse_step(text).map(|step| format_step(&step)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let texts = [
            "",
            "r0 get k1",
            "c0",
            "c0 after get k1",
            "c0 after 3 get k1",
            "c0 gte k1",
            "c0 shout k1",
            "c0 put k1",
            "c0 get x1",
            "c0 get k01",
            "c0 put k1 ,",
            "c0 get k1 k2",
            "c0 get k1, give in",
            "c0 get k1, give up after",
            "c0 put k1 'x",
        ];
        let errors = texts.map(|text| parse_step(text).expect_err(text));
        insta::assert_snapshot!(errors.join("\n"), @"
        the client that asks is missing; write it like `c0 after 3ms put k1 17, give up after 2s`
        `r0` is a replica, and only clients ask for something
        what is asked for is missing; write it like `c0 after 3ms put k1 17, give up after 2s`
        `get` is not a duration; write it like `300ms`
        `3` lacks a unit (ns, us, ms, s, m); write it like `3ms`
        unknown operation `gte`; did you mean `get`?
        unknown operation `shout`; there are get, put, append, cas, delete
        the value is missing; write it like `c0 after 3ms put k1 17, give up after 2s`
        `x1` is not a key; keys are called k0, k1, …
        `k01` is not a key; keys are called k0, k1, …
        a value is missing before the comma; write it like `c0 after 3ms put k1 17, give up after 2s`
        `k2` is too much here; write it like `c0 after 3ms put k1 17, give up after 2s`
        after the comma stands `give up after` and a duration; write it like `c0 after 3ms put k1 17, give up after 2s`
        the duration after `give up after` is missing; write it like `c0 after 3ms put k1 17, give up after 2s`
        a quote is not closed in `c0 put k1 'x`
        ");
    }
}
