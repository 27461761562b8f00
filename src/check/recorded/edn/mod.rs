//! Jepsen histories, as they are in `history.edn`: registers, and many of them by key.
//!
//! Jepsen writes a map for the beginning of every operation (`:type :invoke`) and one for its end: `:ok`, `:fail`, or `:info`
//! if nobody knows. What counts is the order of these maps, as it does for Knossos: the times of the recording are those
//! of the file (`:time`) if they grow from map to map, and the places of the maps if not. An operation that failed did not
//! happen, and is left out; one of `:info`, or without an end, is of unknown outcome. `:read`, `:write` and `:cas` are known. A value is that of one register, or `[key value]` as
//! `jepsen.independent` writes it. Everything that a process without a number does, such as the nemesis, is passed over.
//!
//! What is left out means something here (a read that found nothing, say), so a misspelt key or an end that is not that of its
//! call is an error and not passed over.

mod parser;

use std::collections::BTreeMap;

use crate::base::text::did_you_mean;

use super::{ABSENT, Act, Answer, Entry, NEVER, NO_INDEX, Problem, Recording, TextId, Times, Words};
use parser::{Map, NIL, Parser, Value};

/// Whether a file that begins like this is EDN rather than JSON.
pub fn is_edn(begin: &[u8]) -> bool {
    let begin = begin.trim_ascii_start();
    match begin.first() {
        // A list of JSON objects begins like a vector.
        Some(b'[') => begin[1..].trim_ascii_start().strip_prefix(b"{").is_none_or(is_key),
        Some(b'#' | b'(' | b';') => true,
        Some(b'{') => is_key(&begin[1..]),
        _ => false,
    }
}

fn is_key(map: &[u8]) -> bool {
    map.trim_ascii_start().first() == Some(&b':')
}

/// Reads a history.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Recording, Vec<Problem>> {
    let mut parser = Parser { bytes, at: 0 };
    let mut maps: Vec<Map<'_>> = Vec::new();
    let wrong = |(at, what): Wrong| vec![problem(bytes, at, what)];
    loop {
        parser.skip();
        let at = parser.at;
        if at == bytes.len() {
            break;
        }
        match parser.value(0).map_err(|what| wrong((parser.at, what)))? {
            Value::Map(map) => maps.push(map),
            Value::List(items) => {
                for item in items {
                    let Value::Map(map) = item else {
                        return Err(wrong((
                            at,
                            "expected nothing but maps in this vector, one for each event".to_owned(),
                        )));
                    };
                    maps.push(map);
                }
            }
            _ => return Err(wrong((at, "expected a map such as {:type :invoke, :f :read, …}".to_owned()))),
        }
    }
    let mut events: Vec<Event<'_>> = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for map in maps {
        line += memchr::memchr_iter(b'\n', &bytes[counted..map.at]).count() as u64;
        counted = map.at;
        events.extend(client(&map).map_err(wrong)?.map(|process| Event { line, process, map }));
    }
    build(&events).map_err(wrong)
}

/// A byte of the file, and what is wrong there.
type Wrong = (usize, String);

/// Something that a client did or was told.
struct Event<'b> {
    /// The line, counted from 1.
    line: u64,
    process: u64,
    map: Map<'b>,
}

/// What clients' maps have in them, as far as it matters here.
const NAMES: [&str; 5] = [":process", ":type", ":f", ":value", ":time"];

/// Who this is of; nothing if it is of no client but, say, of the nemesis.
fn client(map: &Map<'_>) -> Result<Option<u64>, Wrong> {
    let process = map.value(b":process");
    if matches!(process, Value::Word([b':', ..])) {
        return Ok(None);
    }
    // What is left out means something as well, so a slip must not leave it out.
    for field in &map.fields {
        let name = String::from_utf8_lossy(field.name);
        let is_known = NAMES.contains(&name.as_ref());
        match did_you_mean(&name, NAMES.into_iter()) {
            Some(meant) if !is_known && map.field(meant.as_bytes()).is_none() => {
                return Err((field.at, format!("unknown key {name}; did you mean {meant}?")));
            }
            _ => {}
        }
    }
    match number(process) {
        Some(process) => Ok(Some(process)),
        None => Err((map.place(b":process"), "expected :process with the number of a client, or :nemesis".to_owned())),
    }
}

/// A whole number.
fn number(value: &Value<'_>) -> Option<u64> {
    let Value::Word(word) = value else { return None };
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The times of events, as they are told if that is their order.
fn times(events: &[Event<'_>]) -> (Vec<u64>, Times) {
    let told: Vec<u64> = events.iter().map_while(|event| number(event.map.value(b":time"))).collect();
    let is_order = told.len() == events.len() && told.is_sorted_by(|one, other| one < other);
    match told.last() {
        Some(last) if is_order && *last < NEVER - 1 => (told, Times::Told),
        _ => ((0..events.len() as u64).collect(), Times::Places),
    }
}

fn problem(bytes: &[u8], at: usize, what: String) -> Problem {
    let at = at.min(bytes.len());
    let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64 + 1;
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
    let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline);
    let what = if at == bytes.len() { format!("the file is truncated: {what}") } else { what };
    Problem::new(line, at - start, &bytes[start..end], what)
}

fn build(events: &[Event<'_>]) -> Result<Recording, Wrong> {
    let (at_times, times) = times(events);
    let recording = Recording { words: Words::ReadWrite, times, ..Recording::default() };
    let mut reader = Reader { keyed: is_keyed(events)?, recording };
    let mut open: BTreeMap<u64, (usize, &Event<'_>)> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (event, time) in events.iter().zip(at_times) {
        let Event { process, map, line } = event;
        let kind = word(map, b":type", &[":invoke", ":ok", ":fail", ":info"])?;
        if kind == ":invoke" {
            let entry = reader.invoked(map)?;
            if let Some((_, before)) = open.insert(*process, (reader.recording.entries.len(), event)) {
                let line = before.line;
                return Err((
                    map.at,
                    format!("process {process} calls although what it called in line {line} has not ended"),
                ));
            }
            let line = u32::try_from(*line).unwrap_or(0);
            reader.recording.entries.push(Entry { call: time, client: *process, line, ..entry });
            continue;
        }
        let Some((place, call)) = open.remove(process) else {
            return Err((map.at, format!("this operation ends although process {process} has called none")));
        };
        let entry = reader.recording.entries[place];
        let value = reader.ended(map, call, entry, kind == ":ok")?;
        match kind {
            ":fail" => left_out.push(place),
            ":ok" => {
                let answer = if entry.act == Act::Cas { Answer::Yes } else { Answer::Done };
                reader.recording.entries[place] = Entry { end: time, answer, value, ..entry };
            }
            _ => {}
        }
    }
    left_out.sort_unstable();
    let mut place = 0;
    reader.recording.entries.retain(|_| {
        place += 1;
        left_out.binary_search(&(place - 1)).is_err()
    });
    Ok(reader.recording)
}

/// The keyword in a field, which is one of these.
fn word<'w>(map: &Map<'_>, name: &[u8], words: &[&'w str]) -> Result<&'w str, Wrong> {
    let Value::Word(found) = map.value(name) else { return Err(no_word(map, name, words, None)) };
    let known = words.iter().find(|word| word.as_bytes() == *found);
    known.copied().ok_or_else(|| no_word(map, name, words, Some(&String::from_utf8_lossy(found))))
}

fn no_word(map: &Map<'_>, name: &[u8], words: &[&str], found: Option<&str>) -> Wrong {
    let meant = found.and_then(|found| did_you_mean(found, words.iter().copied()));
    let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    (
        map.place(name),
        format!("expected one of these for {}: {}{meant}", String::from_utf8_lossy(name), words.join(", ")),
    )
}

/// Whether it is of many registers: reads and writes of one have a value; those of many have a key and a value.
fn is_keyed(events: &[Event<'_>]) -> Result<bool, Wrong> {
    let mut first: [Option<&Event<'_>>; 2] = [None, None];
    for event in events {
        let keyed = match (event.map.value(b":f"), event.map.value(b":value")) {
            (Value::Word(b":read" | b":write"), Value::List(_)) => true,
            // Some leave out what a read does not know yet, and some write nil, where others write a key.
            (Value::Word(b":write"), _) => false,
            (Value::Word(b":read"), value) if *value != NIL => false,
            (Value::Word(b":cas"), Value::List(pair)) if pair.len() == 2 => matches!(pair[1], Value::List(_)),
            _ => continue,
        };
        first[usize::from(keyed)].get_or_insert(event);
        if let [Some(plain), Some(keyed)] = first {
            let (later, own, other, others) = match plain.map.at > keyed.map.at {
                true => (plain, "a value", keyed, "[key value]"),
                false => (keyed, "[key value]", plain, "a value"),
            };
            let what = format!(
                "expected {others} as :value, as line {} has it, and not {own}: a file is of one register or of many",
                other.line
            );
            return Err((later.map.place(b":value"), what));
        }
    }
    Ok(first[1].is_some())
}

/// Reads operations.
struct Reader {
    /// There are many registers.
    keyed: bool,
    recording: Recording,
}

impl Reader {
    /// What was called.
    fn invoked(&mut self, map: &Map<'_>) -> Result<Entry, Wrong> {
        let wrong = |what: &str| (map.place(b":value"), what.to_owned());
        let f = word(map, b":f", &[":read", ":write", ":cas"])?;
        let (key, value) = self.split(map)?;
        let key = match key {
            Some(key) => text(key).ok_or_else(|| wrong("expected a number, a word or a string as the key"))?,
            None => Vec::new(),
        };
        let key = self.recording.keys.intern(&key);
        let (act, value, from) = match (f, value) {
            (":read", _) => (Act::Get, ABSENT, ABSENT),
            (":write", _) if map.field(b":value").is_none() => {
                return Err(wrong("expected :value: what :write writes"));
            }
            (":write", value) => match self.value(value, map)? {
                ABSENT => (Act::Delete, ABSENT, ABSENT),
                value => (Act::Put, value, ABSENT),
            },
            (_, Value::List(pair)) if pair.len() == 2 => {
                (Act::Cas, self.value(&pair[1], map)?, self.value(&pair[0], map)?)
            }
            _ => return Err(wrong("expected [from to] as the :value of :cas")),
        };
        if act == Act::Cas && value == ABSENT {
            return Err(wrong("expected a value that :cas writes; this is nil"));
        }
        let (client, line, index, answer) = (0, 0, NO_INDEX, Answer::Unknown);
        Ok(Entry { call: 0, end: NEVER, client, key, value, from, index, act, answer, line })
    }

    /// The value of what has ended: what a read has found, and what it was called with otherwise. Of what took effect, everything
    /// else must be as it was called.
    fn ended(&mut self, map: &Map<'_>, call: &Event<'_>, entry: Entry, is_ok: bool) -> Result<TextId, Wrong> {
        let called = |name: &[u8]| call.map.value(name);
        if map.value(b":f") != called(b":f") {
            let what = format!("expected the :f that process {} called with in line {}", call.process, call.line);
            return Err((map.place(b":f"), what));
        }
        let value = map.value(b":value");
        if entry.act == Act::Get && is_ok {
            if map.field(b":value").is_none() {
                return Err((map.at, "expected :value: what :read has found".to_owned()));
            }
            let (key, value) = self.split(map)?;
            // The key of a read is that of its call.
            let is_same = key.is_none_or(|key| text(key).as_deref() == Some(self.recording.keys.get(entry.key)));
            return if is_same { self.value(value, map) } else { Err(differs("key", map, call)) };
        }
        // Some write nothing where nothing is new, and reads that failed have not found what they may have been called with.
        if *value != NIL && value != called(b":value") && entry.act != Act::Get {
            return Err(differs("value", map, call));
        }
        Ok(entry.value)
    }

    fn split<'v, 'b>(&self, map: &'v Map<'b>) -> Result<(Option<&'v Value<'b>>, &'v Value<'b>), Wrong> {
        match map.value(b":value") {
            value if !self.keyed => Ok((None, value)),
            Value::List(pair) if pair.len() == 2 => Ok((Some(&pair[0]), &pair[1])),
            _ => Err((
                map.place(b":value"),
                "expected [key value] as :value, as reads and writes of this file have it".to_owned(),
            )),
        }
    }

    /// A value of a register.
    fn value(&mut self, value: &Value<'_>, map: &Map<'_>) -> Result<TextId, Wrong> {
        if *value == NIL {
            return Ok(ABSENT);
        }
        match text(value) {
            Some(text) => Ok(self.recording.values.intern(&text)),
            None => Err((
                map.place(b":value"),
                "expected a number, a word or a string as the value of a register".to_owned(),
            )),
        }
    }
}

fn differs(part: &str, map: &Map<'_>, call: &Event<'_>) -> Wrong {
    let what = format!("expected the {part} that process {} called with in line {}", call.process, call.line);
    (map.place(b":value"), what)
}

/// A value as a text that no other value has; nothing if it has others in it.
fn text(value: &Value<'_>) -> Option<Vec<u8>> {
    match value {
        Value::Word(word) => Some(word.to_vec()),
        Value::Text(text) => Some([b"\"", *text, b"\""].concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
