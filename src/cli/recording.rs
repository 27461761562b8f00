//! Reading recorded histories from files.
//!
//! Of a long history only that is kept which the rest of it can depend on, if there is a way to judge it while it is read
//! ([`Stream`]). If that comes to nothing, because an order that it claims is false or because the history is not linearizable,
//! then the file is read again and kept as a whole, as short ones are. Standard input cannot be read again, and so is kept.

use std::fs::File;
use std::io::{self, Read};

use serde_json::{Value, json};

use crate::check::linearizability::{Stream, Verified};
use crate::check::models::Standard;
use crate::check::recorded::{Overlaps, Problem, Recording, edn, jsonl};

use super::unpack::unpacked;

/// So many operations are kept before it is worth while to forget some, or so many bytes of texts.
const KEPT: usize = 1 << 16;
const BYTES_KEPT: usize = 1 << 24;

/// A history, and what was noticed about it.
pub(super) struct History {
    pub kept: Kept,
    pub overlaps: Overlaps,
}

/// What is wrong with a file.
pub(super) enum Unreadable {
    /// The file as a whole, in words that name it.
    File(String),
    /// Some of its lines.
    Lines(Vec<Problem>),
}

impl Unreadable {
    /// For people.
    pub fn text(&self, name: &str) -> String {
        match self {
            Unreadable::File(what) => what.clone(),
            Unreadable::Lines(problems) => {
                let lines: Vec<String> = problems.iter().map(|problem| format!("{name}:{problem}")).collect();
                lines.join("\n")
            }
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        match self {
            Unreadable::File(what) => json!([{ "line": null, "column": null, "text": null, "what": what }]),
            Unreadable::Lines(problems) => problems
                .iter()
                .map(|Problem { line, column, text, what }| {
                    json!({ "line": line, "column": column, "text": text, "what": what })
                })
                .collect(),
        }
    }
}

/// As much of a history as is still needed.
pub(super) enum Kept {
    /// All of it.
    Whole(Box<Recording>),
    /// Nothing but how much there was: it is linearizable.
    Verified(Verified),
}

impl History {
    /// How many operations there are, on how many objects.
    pub fn size(&self) -> (u64, u64) {
        match &self.kept {
            Kept::Whole(recording) => (recording.entries.len() as u64, recording.keys.len() as u64 - 1),
            Kept::Verified(verified) => (verified.operations, verified.objects),
        }
    }
}

/// Reads a history, unpacked if it must be, and judges it by the way if it is long.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read(name: &str, model: Standard) -> Result<History, Unreadable> {
    let can_begin_again = name != "-";
    match read_with(name, model, can_begin_again)? {
        Some(history) => Ok(history),
        None => read_with(name, model, false).map(|history| history.expect("without a stream everything is kept")),
    }
}

/// Reads a history, and judges it while it is read, if it may. Nothing if that came to nothing after a part of it was forgotten.
fn read_with(name: &str, model: Standard, may_forget: bool) -> Result<Option<History>, Unreadable> {
    let failed = |error: io::Error| {
        Unreadable::File(match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("{name} is truncated: its packed content ends too early"),
            io::ErrorKind::IsADirectory => format!("{name} is a directory; name the files in it"),
            _ => format!("cannot read {name}: {error}"),
        })
    };
    let raw: Box<dyn Read> =
        if name == "-" { Box::new(io::stdin()) } else { Box::new(File::open(name).map_err(failed)?) };
    let mut unpacked = unpacked(raw).map_err(failed)?;
    let mut overlaps = Overlaps::default();
    let whole = |recording: Recording, mut overlaps: Overlaps| {
        overlaps.take(&recording.entries);
        if recording.entries.is_empty() {
            return Err(Unreadable::File(format!("{name}: expected operations, but there is none in it")));
        }
        Ok(Some(History { kept: Kept::Whole(recording.into()), overlaps }))
    };
    let begin = unpacked.fill_buf().map_err(failed)?;
    if edn::is_edn(begin) {
        let mut bytes = Vec::new();
        unpacked.read_to_end(&mut bytes).map_err(failed)?;
        let recording = edn::read(&bytes).map_err(Unreadable::Lines)?;
        let objection = recording.entries.iter().find_map(|entry| {
            let (_, what) = model.objects_to(entry, &recording.values)?;
            Some(Unreadable::File(format!("{name}:{}: {what}", entry.line)))
        });
        return objection.map_or_else(|| whole(recording, overlaps), Err);
    }
    let mut reader =
        jsonl::Reader::objecting(model.acts(), Box::new(move |entry, texts| model.objects_to(entry, texts)));
    let mut is_begun = false;
    let mut stream: Option<Stream> = None;
    // Texts that were still needed when the rest was last forgotten.
    let (mut needed, mut needed_bytes) = (0, 0);
    let mut entries = Vec::new();
    loop {
        let piece = unpacked.fill_buf().map_err(failed)?;
        if piece.is_empty() {
            break;
        }
        let length = piece.len();
        reader.feed(piece);
        unpacked.consume(length);
        if reader.entries().len() < KEPT && reader.values().bytes() < needed_bytes + BYTES_KEPT {
            continue;
        }
        if may_forget && !std::mem::replace(&mut is_begun, true) {
            stream = Stream::suited(model, reader.entries());
        }
        if let Some(stream) = &mut stream {
            reader.take(&mut entries);
            overlaps.take(&entries);
            if !stream.take(&entries, reader.values()) {
                return Ok(None);
            }
            if reader.values().len() > 2 * needed + KEPT || reader.values().bytes() > 2 * needed_bytes + BYTES_KEPT {
                reader.forget_values(stream.texts().into_iter());
                (needed, needed_bytes) = (reader.values().len(), reader.values().bytes());
            }
        }
    }
    let recording = reader.finish().map_err(Unreadable::Lines)?;
    let Some(mut stream) = stream else { return whole(recording, overlaps) };
    overlaps.take(&recording.entries);
    let holds = stream.take(&recording.entries, &recording.values);
    let verified = if holds { stream.finish(&recording.values) } else { None };
    Ok(verified.map(|verified| History { kept: Kept::Verified(verified), overlaps }))
}
