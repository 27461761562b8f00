//! `check`: whether recorded histories are linearizable.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use serde_json::{Value, json};

use crate::check::linearizability::{Verdict, judge};
use crate::check::models::Standard;
use crate::check::recorded::{Problem, Recording, edn, jsonl};
use crate::report::linearizable::Checked;

use super::arguments::{CheckArguments, Format};
use super::console::Console;
use super::exit::{Exit, Failure};

/// So much of a file is read at a time.
const PIECE: usize = 1 << 20;

/// How one file came out: its report, or what is wrong with it.
enum Came {
    Judged(Exit),
    Unreadable(String),
}

/// Checks every file. One that cannot be read does not keep the others from being checked.
pub(super) fn command(arguments: &CheckArguments, program: &str, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut came = Vec::new();
    let mut objects: Vec<Value> = Vec::new();
    for name in &arguments.files {
        let read = read(name).and_then(|recording| known(name, recording, arguments.model));
        came.push(match read {
            Ok(recording) => {
                let repeat = repeat(name, arguments, program);
                let judgement = judge(&recording, arguments.model, arguments.budget);
                let checked = Checked {
                    name,
                    recording: &recording,
                    model: arguments.model,
                    judgement: &judgement,
                    repeat: &repeat,
                };
                match arguments.format {
                    Format::Human => console.say(&checked.text())?,
                    Format::Json => objects.push(checked.json()),
                }
                Came::Judged(match judgement.verdict {
                    Verdict::Linearizable => Exit::Met,
                    Verdict::Impossible(_) => Exit::Finding,
                    Verdict::Undecided(_) => Exit::Incomplete,
                })
            }
            Err(message) => {
                if arguments.format == Format::Json {
                    objects.push(json!({ "file": name, "verdict": "unreadable", "problem": message }));
                }
                Came::Unreadable(message)
            }
        });
    }
    if arguments.format == Format::Json {
        console.say(&format!("{}\n", json!({ "files": objects })))?;
    }
    for came in &came {
        if let Came::Unreadable(message) = came {
            console.remark(&format!("error: {}\n", message.trim_end()));
        }
    }
    let exits: Vec<Exit> = came
        .iter()
        .map(|came| match came {
            Came::Judged(exit) => *exit,
            Came::Unreadable(_) => Exit::BadInput,
        })
        .collect();
    // A finding stands whatever else is missing.
    let worst = [Exit::Finding, Exit::BadInput, Exit::Incomplete].into_iter().find(|exit| exits.contains(exit));
    Ok(worst.unwrap_or(Exit::Met))
}

fn repeat(name: &str, arguments: &CheckArguments, program: &str) -> String {
    let name = if name.contains(char::is_whitespace) { format!("'{name}'") } else { name.to_owned() };
    let mut repeat = format!("{program} check {name}");
    if arguments.model != Standard::default() {
        repeat.push_str(&format!(" --model {}", arguments.model));
    }
    if arguments.budget != CheckArguments::BUDGET {
        repeat.push_str(&format!(" --budget {}", arguments.budget));
    }
    repeat
}

/// The recording, if the model knows all its operations.
fn known(name: &str, recording: Recording, model: Standard) -> Result<Recording, String> {
    let Some(place) = recording.entries.iter().position(|entry| !model.knows(entry.act)) else {
        return Ok(recording);
    };
    let act = format!("{:?}", recording.entries[place].act).to_lowercase();
    let others: Vec<String> = Standard::all()
        .filter(|other| recording.entries.iter().all(|entry| other.knows(entry.act)))
        .map(|other| format!("--model {other}"))
        .collect();
    let hint = match others.as_slice() {
        [] => "no model knows all operations of this file".to_owned(),
        others => format!("try {}", others.join(" or ")),
    };
    Err(format!("{name}: the model `{model}` has no `{act}`; {hint}"))
}

/// Reads a history, unpacked if it must be.
fn read(name: &str) -> Result<Recording, String> {
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
        return edn::read(&bytes).map_err(problems);
    }
    let mut reader = jsonl::Reader::default();
    loop {
        let piece = unpacked.fill_buf().map_err(failed)?;
        if piece.is_empty() {
            break;
        }
        let length = piece.len();
        reader.feed(piece);
        unpacked.consume(length);
    }
    reader.finish().map_err(problems)
}

type Begun = Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

/// What is in a file, whatever it was packed with; its first bytes say so.
fn unpacked(mut raw: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let mut begin = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut begin)?;
    let gzip = begin.starts_with(&[0x1f, 0x8b]);
    let zstd = begin.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let whole: Begun = Cursor::new(begin).chain(raw);
    let content: Box<dyn Read> = if gzip {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else if zstd {
        Box::new(ruzstd::decoding::StreamingDecoder::new(whole).map_err(io::Error::other)?)
    } else {
        Box::new(whole)
    };
    Ok(Box::new(BufReader::with_capacity(PIECE, content)))
}
