//! Jepsen histories, as they are in `history.edn`: registers, and many of them by key.
//!
//! Jepsen writes a map for the beginning of every operation (`:type :invoke`) and one for its end: `:ok`, `:fail`, or `:info`
//! if nobody knows. What counts is the order of these maps, as it does for Knossos: the times of the recording are those
//! of the file (`:time`) if they grow from map to map, and the places of the maps if not. An operation that failed did not happen, and is left out; one of `:info`, or without an end, is
//! of unknown outcome. `:read`, `:write` and `:cas` are known. A value is that of one register, or `[key value]` as
//! `jepsen.independent` writes it. Everything that a process without a number does, such as the nemesis, is passed over.
//!
//! Of EDN, this reads what such files have in them: maps, vectors, lists, sets, strings, words, tags, comments.

use std::collections::BTreeMap;

use super::{ABSENT, Act, Answer, Entry, NEVER, NO_INDEX, Problem, Recording, TextId, Times, Words};

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
    let mut events: Vec<Event<'_>> = Vec::new();
    let (mut lines, mut counted) = (1, 0);
    let mut event = |at: usize, fields| {
        lines += bytes[counted..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        counted = at;
        // Who has no number is no client.
        number(&fields, b":process").map(|process| Event { at, line: lines, process, fields })
    };
    loop {
        parser.skip();
        let at = parser.at;
        if at == bytes.len() {
            break;
        }
        let value = parser.value(0).map_err(|what| vec![problem(bytes, parser.at, what)])?;
        match value {
            Value::Map(at, fields) => events.extend(event(at, fields)),
            Value::List(items) => {
                for item in items {
                    let Value::Map(at, fields) = item else {
                        return Err(vec![problem(bytes, at, "expected a vector of maps, one for each event")]);
                    };
                    events.extend(event(at, fields));
                }
            }
            _ => return Err(vec![problem(bytes, at, "expected a map such as {:type :invoke, :f :read, …}")]),
        }
    }
    build(&events).map_err(|(at, what)| vec![problem(bytes, at, what)])
}

/// Something that a client did or was told.
struct Event<'b> {
    /// The byte at which it begins.
    at: usize,
    /// The line, counted from 1.
    line: u64,
    process: u64,
    fields: Fields<'b>,
}

/// The whole number in a field.
fn number(fields: &Fields<'_>, name: &[u8]) -> Option<u64> {
    let Value::Word(word) = field(fields, name) else { return None };
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The times of events, as they are told if that is their order.
fn times(events: &[Event<'_>]) -> (Vec<u64>, Times) {
    let told: Vec<u64> = events.iter().map_while(|event| number(&event.fields, b":time")).collect();
    let is_order = told.len() == events.len() && told.is_sorted_by(|one, other| one < other);
    match told.last() {
        Some(last) if is_order && *last < NEVER - 1 => (told, Times::Told),
        _ => ((0..events.len() as u64).collect(), Times::Places),
    }
}

fn problem(bytes: &[u8], at: usize, what: impl Into<String>) -> Problem {
    let at = at.min(bytes.len());
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |newline| at + newline);
    let what = if at == bytes.len() { format!("the file is truncated: {}", what.into()) } else { what.into() };
    Problem::new(line, at - start, &bytes[start..end], what)
}

type Fields<'b> = Vec<(Value<'b>, Value<'b>)>;

#[derive(Clone, PartialEq, Debug)]
enum Value<'b> {
    /// A number, a keyword, a symbol, as it stands.
    Word(&'b [u8]),
    Text(&'b [u8]),
    List(Vec<Value<'b>>),
    /// With the byte at which it begins.
    Map(usize, Fields<'b>),
}

const NIL: Value<'static> = Value::Word(b"nil");

/// Values within values, at most.
const DEPTH: u32 = 64;

struct Parser<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Parser<'b> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space, which commas are, and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b',' => self.at += 1,
                b';' => self.at += memchr::memchr(b'\n', &self.bytes[self.at..]).unwrap_or(self.bytes.len() - self.at),
                _ if byte.is_ascii_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value<'b>, String> {
        if depth > DEPTH {
            return Err("expected fewer values within values".to_owned());
        }
        self.skip();
        match self.peek() {
            None => Err("expected a value".to_owned()),
            Some(b'"') => self.text(),
            Some(b'[') => self.list(b']', depth),
            Some(b'(') => self.list(b')', depth),
            Some(b'{') => {
                let at = self.at;
                let Value::List(items) = self.list(b'}', depth)? else { unreachable!("a list is read as a list") };
                if items.len() % 2 == 1 {
                    return Err("expected a value for every key of the map that ends here".to_owned());
                }
                let mut items = items.into_iter();
                let mut fields = Vec::new();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    fields.push((key, value));
                }
                Ok(Value::Map(at, fields))
            }
            Some(b'#') => {
                self.at += 1;
                match self.peek() {
                    Some(b'{') => self.list(b'}', depth),
                    Some(b'_') => {
                        self.at += 1;
                        self.value(depth + 1)?;
                        self.value(depth + 1)
                    }
                    // What a value is tagged with does not matter here.
                    _ => {
                        self.word();
                        self.value(depth + 1)
                    }
                }
            }
            Some(_) => match self.word() {
                [] => Err("expected a value".to_owned()),
                word => Ok(Value::Word(word)),
            },
        }
    }

    fn word(&mut self) -> &'b [u8] {
        let start = self.at;
        let ends = |byte: u8| byte.is_ascii_whitespace() || b",;\"()[]{}".contains(&byte);
        while self.peek().is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    fn text(&mut self) -> Result<Value<'b>, String> {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(Value::Text(&self.bytes[start..self.at - 1])),
                // Texts are only compared, so escapes may stay as they are.
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = self.bytes.len();
        Err("expected a closing quotation mark".to_owned())
    }

    fn list(&mut self, close: u8, depth: u32) -> Result<Value<'b>, String> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                None => return Err(format!("expected `{}`", char::from(close))),
                Some(_) => items.push(self.value(depth + 1)?),
            }
        }
    }
}

fn field<'v, 'b>(fields: &'v Fields<'b>, name: &[u8]) -> &'v Value<'b> {
    let found = fields.iter().find(|(key, _)| *key == Value::Word(name));
    found.map_or(&NIL, |(_, value)| value)
}

fn build(events: &[Event<'_>]) -> Result<Recording, (usize, String)> {
    let (at_times, times) = times(events);
    let mut recording = Recording { words: Words::ReadWrite, times, ..Recording::default() };
    let keyed = is_keyed(events)?;
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (event, time) in events.iter().zip(at_times) {
        let Event { at, line, process, fields } = event;
        let wrong = |what: &str| Err((*at, what.to_owned()));
        match field(fields, b":type") {
            Value::Word(b":invoke") => {
                let entry = invoked(fields, keyed, &mut recording, *process, time).map_err(|what| (*at, what))?;
                if open.insert(*process, recording.entries.len()).is_some() {
                    return wrong("this process calls although its last operation has not ended");
                }
                recording.entries.push(Entry { line: u32::try_from(*line).unwrap_or(0), ..entry });
            }
            Value::Word(kind @ (b":ok" | b":fail" | b":info")) => {
                let Some(place) = open.remove(process) else {
                    return wrong("this operation ends although its process has called none");
                };
                match *kind {
                    b":fail" => left_out.push(place),
                    b":ok" => {
                        let entry = recording.entries[place];
                        let answer = if entry.act == Act::Cas { Answer::Yes } else { Answer::Done };
                        let value = match entry.act {
                            Act::Get => {
                                told(field(fields, b":value"), keyed, &mut recording).map_err(|what| (*at, what))?
                            }
                            _ => entry.value,
                        };
                        recording.entries[place] = Entry { end: time, answer, value, ..entry };
                    }
                    _ => {}
                }
            }
            _ => return wrong("expected :invoke, :ok, :fail or :info for :type"),
        }
    }
    left_out.sort_unstable();
    let mut place = 0;
    recording.entries.retain(|_| {
        place += 1;
        left_out.binary_search(&(place - 1)).is_err()
    });
    Ok(recording)
}

/// Whether it is of many registers: reads and writes of one have a value; those of many have a key and a value.
fn is_keyed(events: &[Event<'_>]) -> Result<bool, (usize, String)> {
    let mut first: [Option<&Event<'_>>; 2] = [None, None];
    for event in events {
        let keyed = match (field(&event.fields, b":f"), field(&event.fields, b":value")) {
            (Value::Word(b":read" | b":write"), Value::List(_)) => true,
            // Some leave out what a read does not know yet, and some write nil, where others write a key.
            (Value::Word(b":write"), _) => false,
            (Value::Word(b":read"), value) if *value != NIL => false,
            _ => continue,
        };
        first[usize::from(keyed)].get_or_insert(event);
        if let [Some(plain), Some(keyed)] = first {
            let (later, own, other, others) = match plain.at > keyed.at {
                true => (plain, "a value", keyed, "[key value]"),
                false => (keyed, "[key value]", plain, "a value"),
            };
            let what = format!(
                "expected {others} as :value, as line {} has it, and not {own}: a file is of one register or of many",
                other.line
            );
            return Err((later.at, what));
        }
    }
    Ok(first[1].is_some())
}

fn invoked(
    fields: &Fields<'_>,
    keyed: bool,
    recording: &mut Recording,
    client: u64,
    call: u64,
) -> Result<Entry, String> {
    let (key, value) = split(field(fields, b":value"), keyed)?;
    let key = match key {
        Some(key) => recording.keys.intern(&text(key)?),
        None => recording.keys.intern(b""),
    };
    let mut number = |value: &Value<'_>| -> Result<TextId, String> {
        if *value == NIL { Ok(ABSENT) } else { Ok(recording.values.intern(&text(value)?)) }
    };
    let (act, value, from) = match (field(fields, b":f"), value) {
        (Value::Word(b":read"), _) => (Act::Get, ABSENT, ABSENT),
        (Value::Word(b":write"), value) => match number(value)? {
            ABSENT => (Act::Delete, ABSENT, ABSENT),
            value => (Act::Put, value, ABSENT),
        },
        (Value::Word(b":cas"), Value::List(pair)) if pair.len() == 2 => {
            (Act::Cas, number(&pair[1])?, number(&pair[0])?)
        }
        (Value::Word(b":cas"), _) => return Err("expected [from to] as the :value of :cas".to_owned()),
        _ => return Err("expected :read, :write or :cas for :f".to_owned()),
    };
    if act == Act::Cas && value == ABSENT {
        return Err("expected a value that :cas writes; this is nil".to_owned());
    }
    Ok(Entry { call, end: NEVER, client, key, value, from, index: NO_INDEX, act, answer: Answer::Unknown, line: 0 })
}

/// What a read has answered.
fn told(value: &Value<'_>, keyed: bool, recording: &mut Recording) -> Result<TextId, String> {
    let (_, value) = split(value, keyed)?;
    if *value == NIL { Ok(ABSENT) } else { Ok(recording.values.intern(&text(value)?)) }
}

fn split<'v, 'b>(value: &'v Value<'b>, keyed: bool) -> Result<(Option<&'v Value<'b>>, &'v Value<'b>), String> {
    match value {
        _ if !keyed => Ok((None, value)),
        Value::List(pair) if pair.len() == 2 => Ok((Some(&pair[0]), &pair[1])),
        _ => Err("expected [key value] as :value: other operations of this file have it".to_owned()),
    }
}

/// A value as a text that no other value has.
fn text(value: &Value<'_>) -> Result<Vec<u8>, String> {
    match value {
        Value::Word(word) => Ok(word.to_vec()),
        Value::Text(text) => Ok([b"\"", *text, b"\""].concat()),
        _ => Err("expected a number, a word or a string as the value of a register".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match read(text.as_bytes()) {
            Err(problems) => problems[0].to_string(),
            Ok(Recording { entries, values, keys, .. }) => {
                let one = |entry: &Entry| {
                    let (value, from) = (values.show(entry.value), values.show(entry.from));
                    let Entry { act, answer, client, call, end, .. } = entry;
                    let end = if *end == NEVER { "never".to_owned() } else { end.to_string() };
                    format!("{client} {act:?} {} {value} {from} {answer:?} {call}..{end}", keys.show(entry.key))
                };
                entries.iter().map(one).collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn one_register() {
        let history = "
            {:process 0, :type :invoke, :f :write, :value 3, :time 1}
            {:process 1, :type :invoke, :f :read, :value nil} ; a comment
            {:process :nemesis, :type :info, :f :start, :value {:a [1 2]}}
            {:process 0, :type :ok, :f :write, :value 3}
            {:process 1, :type :ok, :f :read, :value 3}
            {:process 2, :type :invoke, :f :cas, :value [3 4]}
            {:process 2, :type :fail, :f :cas, :value [3 4]}
            {:process 3, :type :invoke, :f :cas, :value [3 5]}
            {:process 3, :type :info, :f :cas, :value [3 5], :error \"time-out {\"}
        ";
        insta::assert_snapshot!(shown(history), @r"
        0 Put  3 (absent) Done 0..2
        1 Get  3 (absent) Done 1..3
        3 Cas  5 3 Unknown 6..never
        ");
    }

    #[test]
    fn many_registers_in_a_vector_with_tags() {
        let history = "[#jepsen.history.Op{:index 0, :process 0, :type :invoke, :f :read, :value [7 nil]}
            #jepsen.history.Op{:index 1, :process 0, :type :ok, :f :read, :value #jepsen.independent/tuple [7 nil]}
            {:process 1, :type :invoke, :f :cas, :value [8 [1 2]]}, {:process 1, :type :ok, :f :cas, :value [8 [1 2]]}]";
        insta::assert_snapshot!(shown(history), @r"
        0 Get 7 (absent) (absent) Done 0..1
        1 Cas 8 2 1 Yes 2..3
        ");
    }

    #[test]
    fn times_are_those_of_the_file_if_they_are_its_order() {
        let history = |last: u64| {
            format!(
                "{{:process 0, :type :invoke, :f :write, :value 3, :time 10}}
                {{:process :nemesis, :type :info, :f :start, :time 5}}
                {{:process 0, :type :ok, :f :write, :value 3, :time {last}}}"
            )
        };
        let read = |last| read(history(last).as_bytes()).expect("it is right");
        let seen = |last| {
            let recording = read(last);
            (recording.entries[0].call, recording.entries[0].end, recording.entries[0].line, recording.times)
        };
        assert_eq!(seen(20), (10, 20, 1, Times::Told));
        // What happens at one time has an order in the file, which these times do not tell.
        assert_eq!(seen(10), (0, 1, 1, Times::Places));
    }

    #[test]
    fn what_is_wrong_is_shown_in_its_place() {
        insta::assert_snapshot!(shown("{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type :inv"), @r"
        2:24: the file is truncated: expected `}`
            {:process 0, :type :inv
        ");
        insta::assert_snapshot!(shown("{:process 0, :type :ok, :f :read, :value nil}"), @r"
        1:1: this operation ends although its process has called none
            {:process 0, :type :ok, :f :read, :value nil}
        ");
        insta::assert_snapshot!(shown("{:process 0, :type :invoke, :f :push, :value 1}"), @r"
        1:1: expected :read, :write or :cas for :f
            {:process 0, :type :invoke, :f :push, :value 1}
        ");
        insta::assert_snapshot!(shown("{:process 0, :type :invoke, :f :write, :value 1}\n{:process 1, :type :invoke, :f :write, :value [1 2]}"), @r"
        2:1: expected a value as :value, as line 1 has it, and not [key value]: a file is of one register or of many
            {:process 1, :type :invoke, :f :write, :value [1 2]}
        ");
        assert!(is_edn(b"\n{:type :invoke") && is_edn(b"[{:") && !is_edn(b"{\"client\":1"));
        assert!(is_edn(b"[#op{") && is_edn(b"[ {:type") && !is_edn(b"[{\"client\":1"));
    }
}
