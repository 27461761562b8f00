//! Histories as lines of JSON, one operation each; the fields are those of `docs/linearizability.md`.
//!
//! A line is scanned once, mostly eight bytes at a time, and nothing is allocated for it: texts are looked up where they
//! stand in the line. That is why this is not done with serde, which is made for the general case and takes several times as long. What
//! is strange but right, such as escapes in a text or a field that nobody knows, is taken care of out of the way.

use std::io::{self, Write};

use memchr::{memchr, memmem};

use crate::base::text::did_you_mean;

use super::cursor::{ACTS, Cursor, Field, Seen};
use super::{ABSENT, Act, Answer, Entry, NEVER, NO_INDEX, NOBODY, Problem, Recording, TextId, Texts, Words};

/// Lines that are wrong are told of up to so many; the rest are counted.
const PROBLEMS_KEPT: usize = 20;

/// What somebody has to say against an operation, in words, and the field that this is about.
pub type Objection = Box<dyn Fn(&Entry, &Texts) -> Option<(&'static str, String)>>;

/// Reads lines as they come.
///
/// ```
/// use foretell::check::recorded::{Act, jsonl::Reader};
/// let mut reader = Reader::default();
/// reader.feed(br#"{"client":1,"op":"put","key":"k","value":"7","call":10,"return":20}"#);
/// let recording = reader.finish().expect("the line is right");
/// assert_eq!(recording.entries[0].act, Act::Put);
/// assert_eq!(recording.values.show(recording.entries[0].value), "7");
/// ```
#[derive(Default)]
pub struct Reader {
    recording: Recording,
    /// Room for texts, used in turns.
    spare: Texts,
    objection: Option<Objection>,
    /// What may be asked; anything if there is nothing in it.
    acts: &'static [Act],
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    /// Lines so far.
    lines: u64,
    problems: Vec<Problem>,
    wrong: u64,
    /// For texts with escapes.
    unescaped: Vec<u8>,
    /// Texts that are not there any more were no text.
    lost_text: bool,
}

impl Reader {
    /// A reader that also tells what is said against operations, with the line; the same thing is told once.
    /// If there is a word for none of the `acts`, it is told which ones there are for these.
    pub fn objecting(acts: &'static [Act], objection: Objection) -> Reader {
        Reader { objection: Some(objection), acts, ..Reader::default() }
    }

    /// Takes the next piece of a file, cut anywhere.
    pub fn feed(&mut self, mut piece: &[u8]) {
        if !self.begun.is_empty() {
            let Some(end) = memchr(b'\n', piece) else {
                self.begun.extend_from_slice(piece);
                return;
            };
            let mut line = std::mem::take(&mut self.begun);
            line.extend_from_slice(&piece[..end]);
            self.line(&line);
            line.clear();
            self.begun = line;
            piece = &piece[end + 1..];
        }
        while let Some(end) = memchr(b'\n', piece) {
            self.line(&piece[..end]);
            piece = &piece[end + 1..];
        }
        self.begun.extend_from_slice(piece);
    }

    /// What was read and not taken yet.
    pub fn entries(&self) -> &[Entry] {
        &self.recording.entries
    }

    /// Takes out what was read so far, in place of what was there; [`Reader::finish`] then gives the rest.
    pub fn take(&mut self, taken: &mut Vec<Entry>) {
        taken.clear();
        std::mem::swap(taken, &mut self.recording.entries);
    }

    /// Texts of values so far, but for those that were [forgotten](Reader::forget_values).
    pub fn values(&self) -> &Texts {
        &self.recording.values
    }

    /// Forgets all texts of values but these, which get new numbers. All operations must have been taken.
    pub fn forget_values<'t>(&mut self, kept: impl Iterator<Item = &'t mut TextId>) {
        assert!(self.recording.entries.is_empty(), "operations refer to texts by number");
        self.lost_text |= !self.recording.values.are_utf8();
        std::mem::swap(&mut self.recording.values, &mut self.spare);
        self.recording.values.clear();
        for text in kept.filter(|text| **text != ABSENT) {
            *text = self.recording.values.intern(self.spare.get(*text));
        }
        self.spare.let_go();
    }

    /// The history, when the file has ended.
    ///
    /// # Errors
    /// What is wrong with it: every line that is, up to a number of them. A file that was cut off in the middle of a line
    /// is told from one with a wrong line.
    pub fn finish(mut self) -> Result<Recording, Vec<Problem>> {
        let last = std::mem::take(&mut self.begun);
        if !last.is_empty() {
            let wrong = self.wrong;
            self.line(&last);
            let is_begun = last.trim_ascii_start().first() == Some(&b'{');
            if self.wrong > wrong && is_begun && last.trim_ascii_end().last() != Some(&b'}') {
                let what = "the file is truncated: it ends in the middle of this line";
                let problem = Problem::new(self.lines, last.len().saturating_sub(1), &last, what);
                self.problems.truncate(PROBLEMS_KEPT - 1);
                // What was said of the line itself is beside the point.
                if self.problems.last().is_some_and(|said| said.line == self.lines) {
                    self.problems.pop();
                }
                self.problems.push(problem);
            }
        }
        if self.wrong > 0 {
            let untold = self.wrong - self.problems.len() as u64;
            if let Some(last) = self.problems.last_mut().filter(|_| untold > 0) {
                let lines = if untold == 1 { "line is" } else { "lines are" };
                last.what.push_str(&format!("; {untold} more {lines} wrong"));
            }
            return Err(self.problems);
        }
        if self.lost_text || !self.recording.values.are_utf8() || !self.recording.keys.are_utf8() {
            return Err(vec![Problem::new(self.lines, 0, b"", "expected text in UTF-8 in the lines up to this one")]);
        }
        self.recording.sort();
        Ok(self.recording)
    }

    fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        // Some editors begin a file with a mark that says it is UTF-8.
        let line = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.lines == 1).unwrap_or(line);
        let mut cursor = Cursor { line, at: 0 };
        cursor.skip_space();
        if cursor.at == line.len() {
            return;
        }
        if self.wrong == 0 && self.lines == 1 && std::str::from_utf8(line).is_err() {
            // Said once, of the first line: whatever this is, it is not one of ours.
            self.wrong(Problem::new(1, 0, b"", "expected text; this is something else, perhaps packed"));
            return;
        }
        match entry(&mut cursor, &mut self.recording, &mut self.unescaped, self.acts) {
            Ok(mut entry) => {
                entry.line = u32::try_from(self.lines).unwrap_or(0);
                let objection = self.objection.as_ref().and_then(|objects| objects(&entry, &self.recording.values));
                if let Some((field, what)) = objection {
                    let at = memmem::find(line, format!("\"{field}\"").as_bytes()).unwrap_or(0);
                    self.wrong(Problem::new(self.lines, at, line, what));
                } else {
                    self.recording.entries.push(entry);
                }
            }
            Err(what) => self.wrong(Problem::new(self.lines, cursor.at, line, what)),
        }
    }

    fn wrong(&mut self, problem: Problem) {
        self.wrong += 1;
        let is_told = self.objection.is_some() && self.problems.iter().any(|told| told.what == problem.what);
        if self.problems.len() < PROBLEMS_KEPT && !is_told {
            self.problems.push(problem);
        }
    }
}

struct Fields {
    client: u64,
    act: Option<Act>,
    key: TextId,
    value: Seen<TextId>,
    from: Seen<TextId>,
    position: Seen<TextId>,
    ok: Option<bool>,
    call: Option<u64>,
    end: Seen<u64>,
    index: u32,
}

fn entry(
    cursor: &mut Cursor<'_>,
    recording: &mut Recording,
    spare: &mut Vec<u8>,
    acts: &[Act],
) -> Result<Entry, String> {
    let Recording { values, keys, words, .. } = recording;
    let mut fields = Fields {
        client: NOBODY,
        act: None,
        key: ABSENT,
        value: Seen::No,
        from: Seen::No,
        position: Seen::No,
        ok: None,
        call: None,
        end: Seen::No,
        index: NO_INDEX,
    };
    cursor.expect(b'{', "`{`: each line is one JSON object, and there is nothing around or between them")?;
    cursor.skip_space();
    if cursor.peek() == Some(b'}') {
        return Err("expected the fields of an operation".to_owned());
    }
    let (mut next, mut told) = (0, 0_u32);
    loop {
        let start = cursor.at;
        let field = cursor.field(&mut next)?;
        let bit = 1 << field as u32;
        if told & bit != 0 && field != Field::Other {
            cursor.at = start;
            cursor.skip_space();
            return Err("this field is there twice: which of the two counts?".to_owned());
        }
        told |= bit;
        cursor.skip_space();
        match field {
            Field::Client => fields.client = cursor.number("client")?,
            Field::Op => {
                let (word, act) = cursor.act().map_err(|word| no_act(word, acts))?;
                fields.act = Some(*act);
                // Of the words for these two, `read` and `write` are the longer ones.
                if matches!(act, Act::Get | Act::Put) && word.len() > b"get".len() {
                    *words = Words::ReadWrite;
                }
            }
            Field::Key => match cursor.text("key", keys, spare)? {
                Seen::Value(key) => fields.key = key,
                _ => return Err("expected a text for `key`".to_owned()),
            },
            Field::Value => fields.value = cursor.text("value", values, spare)?,
            Field::From => fields.from = cursor.text("from", values, spare)?,
            Field::Position => fields.position = cursor.text("position", values, spare)?,
            Field::Ok => fields.ok = cursor.truth()?,
            Field::Call => fields.call = Some(cursor.number("call")?),
            Field::Return => fields.end = cursor.number_or_null("return")?,
            Field::Index => {
                let index = cursor.number_or_null("index")?.value().map(u32::try_from);
                fields.index = match index {
                    None => NO_INDEX,
                    Some(Ok(index)) if index != NO_INDEX => index,
                    Some(_) => return Err("expected an `index` below 4,294,967,295".to_owned()),
                };
            }
            Field::Other => cursor.any()?,
        }
        if !cursor.has_more()? {
            break;
        }
    }
    cursor.skip_space();
    if cursor.peek().is_some() {
        return Err("expected the end of the line after `}`".to_owned());
    }
    if fields.key == ABSENT {
        // Objects without a name are one object.
        fields.key = keys.intern(b"");
    }
    fields.entry()
}

impl Fields {
    fn entry(self) -> Result<Entry, String> {
        let act = self.act.ok_or("the field `op` is missing")?;
        let call = self.call.ok_or("the field `call` is missing: when it was called")?;
        let end = match self.end {
            Seen::No => return Err("the field `return` is missing: when it returned, or null".to_owned()),
            Seen::Null => NEVER,
            Seen::Value(end) => end,
        };
        if call > NEVER - 2 || (self.end != Seen::Null && end > NEVER - 2) {
            return Err("expected times below 18,446,744,073,709,551,614".to_owned());
        }
        if end < call {
            return Err(format!("it returns at {end}, before it is called at {call}"));
        }
        let writes = matches!(act, Act::Put | Act::Append | Act::Cas | Act::Add | Act::Remove | Act::Enqueue);
        if writes || act == Act::Contains {
            match self.value {
                Seen::Value(_) => {}
                Seen::No => return Err("the field `value` is missing: what this operation is about".to_owned()),
                Seen::Null => return Err(format!("expected something else as `value` of `{}` than null", act.word())),
            }
        }
        if act != Act::Cas && self.from.value().is_some() {
            return Err(format!("expected no `from`: only `cas` has one, and this is `{}`", act.word()));
        }
        if self.ok == Some(false) && !matches!(act, Act::Cas | Act::Contains) {
            let what = "expected no `ok` that is false: only `cas` and `contains` have one. Leave out what certainly did not happen; \
                        what may have happened has null as `return`";
            return Err(what.to_owned());
        }
        let answer = match (act, end) {
            (Act::Cas, _) if self.from == Seen::No => {
                return Err("the field `from` is missing: what it expected to find, or null for nothing".to_owned());
            }
            (_, NEVER) => Answer::Unknown,
            (Act::Get | Act::Dequeue, _) if self.value == Seen::No => {
                return Err("the field `value` is missing: what was answered, or null for nothing".to_owned());
            }
            (Act::Cas | Act::Contains, _) => match self.ok {
                Some(true) => Answer::Yes,
                Some(false) => Answer::No,
                None => return Err("the field `ok` is missing: true or false, as it has returned".to_owned()),
            },
            _ => Answer::Done,
        };
        let from = if act == Act::Cas { self.from } else { self.position };
        Ok(Entry {
            call,
            end,
            client: self.client,
            key: self.key,
            value: self.value.value().unwrap_or(ABSENT),
            from: from.value().unwrap_or(ABSENT),
            index: self.index,
            act,
            answer,
            line: 0,
        })
    }
}

/// What to say of a word that nobody knows.
fn no_act(word: Option<&[u8]>, acts: &[Act]) -> String {
    let is_known = |act: &Act| acts.is_empty() || acts.contains(act);
    let known: Vec<&str> =
        ACTS.iter().filter(|(_, act)| is_known(act)).filter_map(|(word, _)| std::str::from_utf8(word).ok()).collect();
    let expected = format!("expected one of these for `op`: {}", known.join(", "));
    let word = word.map(String::from_utf8_lossy);
    match word.and_then(|word| did_you_mean(&word, known.iter().copied())) {
        Some(meant) => format!("{expected}; did you mean `{meant}`?"),
        None => expected,
    }
}

/// Writes a history in this format.
///
/// # Errors
/// Those of the writer.
pub fn write(recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    for entry in &recording.entries {
        let text = |texts: &Texts, id| String::from_utf8_lossy(texts.get(id)).into_owned();
        let quoted = |texts: &Texts, id| match id {
            ABSENT => "null".to_owned(),
            id => serde_json::to_string(&text(texts, id)).expect("a text can be written"),
        };
        let (word, key) = (entry.act.word(), quoted(&recording.keys, entry.key));
        let client = if entry.client == NOBODY { String::new() } else { format!("\"client\":{},", entry.client) };
        write!(out, "{{{client}\"op\":\"{word}\",\"key\":{key}")?;
        write!(out, ",\"value\":{}", quoted(&recording.values, entry.value))?;
        if entry.act == Act::Cas {
            write!(out, ",\"from\":{}", quoted(&recording.values, entry.from))?;
        } else if entry.from != ABSENT {
            write!(out, ",\"position\":{}", quoted(&recording.values, entry.from))?;
        }
        match entry.answer {
            Answer::Yes => write!(out, ",\"ok\":true")?,
            Answer::No => write!(out, ",\"ok\":false")?,
            Answer::Unknown if entry.act == Act::Cas => write!(out, ",\"ok\":null")?,
            _ => {}
        }
        write!(out, ",\"call\":{}", entry.call)?;
        match entry.end {
            NEVER => write!(out, ",\"return\":null")?,
            end => write!(out, ",\"return\":{end}")?,
        }
        match entry.index {
            NO_INDEX => writeln!(out, "}}")?,
            index => writeln!(out, ",\"index\":{index}}}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "jsonl_tests.rs"]
mod tests;
