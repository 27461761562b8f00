//! Reading recorded histories from files.
//!
//! A history is kept in memory as a whole, because whatever judges it may need any part of it. There is one exception: a long
//! file whose lines claim an order is verified while it is read ([`Stream`]), and then only what is open is kept. If the claim
//! turns out to be false, the file is read again, as a whole. Standard input cannot be read again, and so is kept.

use std::fs::File;
use std::io::{self, Read};

use crate::check::linearizability::{Stream, Verified};
use crate::check::models::Standard;
use crate::check::recorded::{Problem, Recording, edn, jsonl};

use super::unpack::unpacked;

/// So many operations are kept before it is worth while to forget some.
const KEPT: usize = 1 << 16;

/// A history, as far as it is still needed.
pub(super) enum History {
    /// All of it.
    Whole(Box<Recording>),
    /// Nothing but how much there was: the order that it claims explains it.
    Verified(Verified),
}

impl History {
    /// How many operations there are, on how many objects.
    pub fn size(&self) -> (u64, u64) {
        match self {
            History::Whole(recording) => (recording.entries.len() as u64, recording.keys.len() as u64 - 1),
            History::Verified(verified) => (verified.operations, verified.objects),
        }
    }
}

/// Reads a history, unpacked if it must be, and verifies the order that it claims if it is long.
///
/// # Errors
/// What is wrong with the file, in words.
pub(super) fn read(name: &str, model: Standard) -> Result<History, String> {
    let can_begin_again = name != "-";
    match read_with(name, can_begin_again.then(|| Stream::new(model)))? {
        Some(history) => Ok(history),
        None => read_with(name, None).map(|history| history.expect("without a claim everything is kept")),
    }
}

/// Reads a history; nothing if its claim has failed after a part of it was forgotten.
fn read_with(name: &str, mut claim: Option<Stream>) -> Result<Option<History>, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{name} is truncated: its packed content ends too early"),
        _ => format!("cannot read {name}: {error}"),
    };
    let raw: Box<dyn Read> =
        if name == "-" { Box::new(io::stdin()) } else { Box::new(File::open(name).map_err(failed)?) };
    let mut unpacked = unpacked(raw).map_err(failed)?;
    let problems = |problems: Vec<Problem>| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("{name}:{problem}")).collect();
        lines.join("\n")
    };
    let begin = unpacked.fill_buf().map_err(failed)?;
    if edn::is_edn(begin) {
        let mut bytes = Vec::new();
        unpacked.read_to_end(&mut bytes).map_err(failed)?;
        return edn::read(&bytes).map(|recording| Some(History::Whole(recording.into()))).map_err(problems);
    }
    let mut reader = jsonl::Reader::default();
    let mut is_forgotten = false;
    loop {
        let piece = unpacked.fill_buf().map_err(failed)?;
        if piece.is_empty() {
            break;
        }
        let length = piece.len();
        reader.feed(piece);
        unpacked.consume(length);
        if reader.entries().len() < KEPT {
            continue;
        }
        claim = claim.filter(|_| is_forgotten || Stream::is_claimed(reader.entries()));
        if let Some(claim) = &mut claim {
            is_forgotten = true;
            let entries = reader.take();
            if !claim.take(&entries, reader.values()) {
                return Ok(None);
            }
            reader.forget_values(claim.texts());
        }
    }
    let recording = reader.finish().map_err(problems)?;
    Ok(match claim.filter(|_| is_forgotten) {
        None => Some(History::Whole(recording.into())),
        Some(mut claim) => {
            let holds = claim.take(&recording.entries, &recording.values);
            let verified = if holds { claim.finish(&recording.values) } else { None };
            verified.map(History::Verified)
        }
    })
}
