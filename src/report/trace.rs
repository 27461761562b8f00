//! Traces: one event, one line.
//!
//! As text the columns are fixed, so that they can be learned: time, event, the event that caused it, node, what. As
//! JSON Lines every event is one object with `id`, `cause`, `at_ns`, `node`, `kind` and the fields of its kind. Numbers
//! that identify events are plain; hashes are hexadecimal strings, because many readers of JSON lose bits beyond 2^53.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use crate::base::{Event, EventId, EventKind, Lost, Operation, Outcome, Probe, Reply};

/// How much of a trace is written as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Detail {
    /// Every event.
    #[default]
    Everything,
    /// Without timers and without the probes of the log's head and of applied entries, which make up most of a trace
    /// and follow from the events around them.
    Brief,
}

impl Detail {
    fn shows(self, kind: &EventKind) -> bool {
        self == Detail::Everything
            || !matches!(kind, EventKind::Timer { .. } | EventKind::Probe(Probe::Head { .. } | Probe::Applied { .. }))
    }
}

/// Writes a trace as text, with a legend as its first line.
///
/// # Errors
/// If `out` does not take it.
pub fn write_text(out: &mut dyn Write, trace: &[Event], detail: Detail) -> io::Result<()> {
    let omitted = match detail {
        Detail::Everything => "",
        Detail::Brief => "   (left out: timers, head and applied probes)",
    };
    writeln!(out, "{}{omitted}", legend())?;
    for event in trace.iter().filter(|event| detail.shows(&event.kind)) {
        writeln!(out, "{}", line(event))?;
    }
    Ok(())
}

/// The names of the columns of [`line`].
pub fn legend() -> String {
    columns(&format!("{:<14}", "# time"), "event", "cause", "node", "what")
}

/// One event as a line of text. `-` stands for "no cause" and for the world itself.
pub fn line(event: &Event) -> String {
    let cause = if event.cause == EventId(0) { "-".to_string() } else { event.cause.0.to_string() };
    let node = event.node.map_or("-".to_string(), |node| node.to_string());
    // A panic message may have several lines; an event has one.
    let what = event.kind.to_string().replace('\n', "\\n");
    columns(&event.at.to_string(), &event.id.0.to_string(), &cause, &node, &what)
}

fn columns(time: &str, event: &str, cause: &str, node: &str, what: &str) -> String {
    format!("{time:>14} {event:>8} <- {cause:>8}  {node:<4} {what}")
}

/// Writes a trace as JSON Lines: every event, one object each.
///
/// # Errors
/// If `out` does not take it.
pub fn write_jsonl(out: &mut dyn Write, trace: &[Event]) -> io::Result<()> {
    for event in trace {
        serde_json::to_writer(&mut *out, &Line(event))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

struct Line<'a>(&'a Event);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event { id, cause, at, node, kind } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &id.0)?;
        map.serialize_entry("cause", &cause.0)?;
        map.serialize_entry("at_ns", &at.as_nanos())?;
        map.serialize_entry("node", &node.map(|node| node.to_string()))?;
        let (word, fields) = kind_fields(kind);
        map.serialize_entry("kind", word)?;
        for (name, value) in fields {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

type Fields = Vec<(&'static str, Value)>;

/// A list of fields: each a name and something that `json!` takes.
macro_rules! fields {
    ($($name:literal: $value:expr),* $(,)?) => { vec![$(($name, json!($value))),*] };
}

/// The word of a kind of event, and its own fields in the order in which a reader wants them.
fn kind_fields(kind: &EventKind) -> (&'static str, Fields) {
    let text = |value: &dyn std::fmt::Display| value.to_string();
    match kind {
        EventKind::Phase(name) => ("phase", fields! { "name": **name }),
        EventKind::Fault(what) => ("fault", fields! { "text": **what }),
        EventKind::Format => ("format", Vec::new()),
        EventKind::Boot(life) => ("boot", fields! { "life": life.0 }),
        EventKind::Crash(life) => ("crash", fields! { "life": life.0 }),
        EventKind::Pause => ("pause", Vec::new()),
        EventKind::Resume => ("resume", Vec::new()),
        EventKind::Wipe => ("wipe", Vec::new()),
        EventKind::Survived { file, sector, bytes } => {
            ("survived", fields! { "file": **file, "sector": sector, "bytes": bytes })
        }
        EventKind::Send { to, label, repeat, size, hash } => (
            "send",
            fields! { "to": text(to), "label": text(label), "repeat": repeat, "size": size, "hash": hex(*hash) },
        ),
        EventKind::Lost { to, label, repeat, reason } => {
            let reason = match reason {
                Lost::Dropped => "dropped",
                Lost::Cut => "cut",
                Lost::Down => "down",
                Lost::QueueFull => "queue full",
                Lost::Misrouted => "misrouted",
                Lost::Broken => "broken",
            };
            ("lost", fields! { "to": text(to), "label": text(label), "repeat": repeat, "reason": reason })
        }
        EventKind::Stray { from, meant, label, repeat, hash } => (
            "stray",
            fields! {
                "from": text(from), "meant": text(meant), "label": text(label), "repeat": repeat, "hash": hex(*hash),
            },
        ),
        EventKind::Reset { peer, nth } => ("reset", fields! { "peer": text(peer), "nth": nth }),
        EventKind::Deliver { from, label, repeat, copy, hash, corrupt } => (
            "deliver",
            fields! {
                "from": text(from), "label": text(label), "repeat": repeat,
                "copy": copy, "corrupt": corrupt, "hash": hex(*hash),
            },
        ),
        EventKind::DiskStart { label, repeat, hash } => {
            ("disk-start", fields! { "label": text(label), "repeat": repeat, "hash": hex(*hash) })
        }
        EventKind::DiskDone { label, repeat, hash } => {
            ("disk-done", fields! { "label": text(label), "repeat": repeat, "hash": hex(*hash) })
        }
        EventKind::Timer { task, nth } => ("timer", fields! { "task": text(task), "nth": nth }),
        EventKind::Probe(probe) => ("probe", probe_fields(probe)),
        EventKind::Mark(name) => ("mark", fields! { "name": name }),
        EventKind::Call { client, number, operation } => {
            ("call", fields! { "client": text(client), "number": number, "operation": operation_value(operation) })
        }
        EventKind::Return { client, number, outcome } => {
            let mut fields = fields! { "client": text(client), "number": number };
            fields.extend(outcome_fields(outcome));
            ("return", fields)
        }
        EventKind::Panic(message) => ("panic", fields! { "message": **message }),
        EventKind::Spin { task, polls } => ("spin", fields! { "task": text(task), "polls": polls }),
    }
}

fn probe_fields(probe: &Probe) -> Fields {
    let whole = |checksum: &crate::base::Checksum| format!("{checksum:?}");
    match probe {
        Probe::Role { role, epoch } => fields! { "probe": "role", "role": role.to_string(), "epoch": epoch },
        Probe::Epoch { epoch, log_epoch } => fields! { "probe": "epoch", "epoch": epoch, "log_epoch": log_epoch },
        Probe::Head { index, digest } => fields! { "probe": "head", "index": index, "digest": whole(digest) },
        Probe::Acked { epoch, index, digest } => {
            fields! { "probe": "acked", "epoch": epoch, "index": index, "digest": whole(digest) }
        }
        Probe::Leads { epoch, committed, chain } => fields! {
            "probe": "leads", "epoch": epoch, "committed": committed,
            "chain": chain.iter().map(whole).collect::<Vec<String>>(),
        },
        Probe::Committed { epoch, index, digest } => {
            fields! { "probe": "committed", "epoch": epoch, "index": index, "digest": whole(digest) }
        }
        Probe::Applied { index, state } => fields! { "probe": "applied", "index": index, "state": whole(state) },
        Probe::Executed { client, request, index } => {
            fields! { "probe": "executed", "client": hex(*client), "request": request, "index": index }
        }
        Probe::Truncated { index, epoch } => fields! { "probe": "truncated", "index": index, "epoch": epoch },
        Probe::Nacked { index, digest } => fields! { "probe": "nacked", "index": index, "digest": whole(digest) },
        Probe::Recovering => fields! { "probe": "recovering" },
    }
}

fn operation_value(operation: &Operation) -> Value {
    let key = operation.key().to_string();
    match operation {
        Operation::Get { .. } => json!({ "do": "get", "key": key }),
        Operation::Put { value, .. } => json!({ "do": "put", "key": key, "value": value }),
        Operation::Append { value, .. } => json!({ "do": "append", "key": key, "value": value }),
        Operation::Cas { from, to, .. } => json!({ "do": "cas", "key": key, "from": from, "to": to }),
        Operation::Delete { .. } => json!({ "do": "delete", "key": key }),
        Operation::Custom { name, input, .. } => json!({ "do": name, "key": key, "input": hex_bytes(input) }),
    }
}

fn outcome_fields(outcome: &Outcome) -> Fields {
    match outcome {
        Outcome::NotApplied => fields! { "outcome": "not-applied" },
        Outcome::Unknown => fields! { "outcome": "unknown" },
        Outcome::Done(Reply::Done) => fields! { "outcome": "done" },
        Outcome::Done(Reply::Value(value)) => fields! { "outcome": "done", "value": value },
        Outcome::Done(Reply::Swapped(swapped)) => fields! { "outcome": "done", "swapped": swapped },
        Outcome::Done(Reply::Custom(bytes)) => fields! { "outcome": "done", "bytes": hex_bytes(bytes) },
    }
}

fn hex(word: u64) -> String {
    format!("{word:016x}")
}

fn hex_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn text(detail: Detail) -> String {
        let mut out = Vec::new();
        write_text(&mut out, &samples::trace(), detail).expect("a vector takes everything");
        String::from_utf8(out).expect("traces are text")
    }

    #[test]
    fn text_has_fixed_columns_and_a_legend() {
        insta::assert_snapshot!(text(Detail::Everything), @"
        # time            event <-    cause  node what
          0.000000000s        1 <-        -  -    phase steady
          0.000000000s        2 <-        1  r0   boots, life 1
          0.000000000s        3 <-        1  r1   boots, life 1
          0.001500000s        4 <-        -  c0   calls #1 put k0 v1
          0.002000000s        5 <-        2  r0   sends Prepare(v0 op3) #1 to r1, 64 bytes
          0.002500000s        6 <-        3  r1   timer #4 of replica fires
          0.003000000s        7 <-        5  r1   receives Prepare(v0 op3) #1 from r0
          0.003000000s        8 <-        7  r1   head 3 (0000001f)
          2.004000000s        9 <-        7  r1   commits 3 (0000001f) in epoch 0
        ");
    }

    #[test]
    fn a_brief_trace_says_what_it_leaves_out() {
        insta::assert_snapshot!(text(Detail::Brief), @"
        # time            event <-    cause  node what   (left out: timers, head and applied probes)
          0.000000000s        1 <-        -  -    phase steady
          0.000000000s        2 <-        1  r0   boots, life 1
          0.000000000s        3 <-        1  r1   boots, life 1
          0.001500000s        4 <-        -  c0   calls #1 put k0 v1
          0.002000000s        5 <-        2  r0   sends Prepare(v0 op3) #1 to r1, 64 bytes
          0.003000000s        7 <-        5  r1   receives Prepare(v0 op3) #1 from r0
          2.004000000s        9 <-        7  r1   commits 3 (0000001f) in epoch 0
        ");
    }

    #[test]
    fn json_lines_carry_every_field() {
        let mut out = Vec::new();
        write_jsonl(&mut out, &samples::trace()).expect("a vector takes everything");
        insta::assert_snapshot!(String::from_utf8(out).expect("traces are text"), @r#"
        {"id":1,"cause":0,"at_ns":0,"node":null,"kind":"phase","name":"steady"}
        {"id":2,"cause":1,"at_ns":0,"node":"r0","kind":"boot","life":1}
        {"id":3,"cause":1,"at_ns":0,"node":"r1","kind":"boot","life":1}
        {"id":4,"cause":0,"at_ns":1500000,"node":"c0","kind":"call","client":"c0","number":1,"operation":{"do":"put","key":"k0","value":"v1"}}
        {"id":5,"cause":2,"at_ns":2000000,"node":"r0","kind":"send","to":"r1","label":"Prepare(v0 op3)","repeat":1,"size":64,"hash":"0000000000000abc"}
        {"id":6,"cause":3,"at_ns":2500000,"node":"r1","kind":"timer","task":"replica","nth":4}
        {"id":7,"cause":5,"at_ns":3000000,"node":"r1","kind":"deliver","from":"r0","label":"Prepare(v0 op3)","repeat":1,"copy":0,"corrupt":false,"hash":"0000000000000abc"}
        {"id":8,"cause":7,"at_ns":3000000,"node":"r1","kind":"probe","probe":"head","index":3,"digest":"0000001f000000000000000000000000"}
        {"id":9,"cause":7,"at_ns":2004000000,"node":"r1","kind":"probe","probe":"committed","epoch":0,"index":3,"digest":"0000001f000000000000000000000000"}
        "#);
    }

    #[test]
    fn every_kind_of_event_is_one_line_of_each_format() {
        for kind in samples::every_kind() {
            let event = Event { kind, ..samples::trace()[0].clone() };
            assert!(!line(&event).contains('\n'), "{:?}", event.kind);
            let mut out = Vec::new();
            write_jsonl(&mut out, std::slice::from_ref(&event)).expect("a vector takes everything");
            let parsed: Value = serde_json::from_slice(&out).expect("a line is one JSON value");
            assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
            // A repeated name would be silently dropped by most readers.
            let written = String::from_utf8(out).expect("traces are text");
            let names = parsed.as_object().expect("an event is an object").len();
            let (_, fields) = kind_fields(&event.kind);
            assert_eq!(names, 5 + fields.len(), "{written}");
        }
    }
}
