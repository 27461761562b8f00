//! Mermaid: a past as a `sequenceDiagram`, which many places that show Markdown draw.
//!
//! The same steps as in [`lanes`](super::lanes), in the same order: an arrow for a packet that arrived, a cross for one
//! that was lost, a dotted arrow for one whose send stands further up, notes for what nodes do, and a note across all
//! columns for what the world does and, at the end, for the promise that was broken.

use std::time::Duration;

use crate::base::{Instant, Lost, NodeId};

use super::past::Past;
use super::steps::{Fate, Message, What, doing};
use super::words::{counted, wrapped};

/// How long a line of a note may become.
const NOTE_WIDTH: usize = 60;

/// The diagram, from the line `sequenceDiagram` on; the fence around it is the caller's.
pub fn mermaid(past: &Past) -> String {
    let mut text = String::from("sequenceDiagram\n");
    let mut line = |what: String| text.push_str(&format!("    {what}\n"));
    for node in &past.nodes {
        line(format!("participant {node}"));
    }
    let across = across(&past.nodes);
    let steps = past.steps();
    if let (1.., Some(_), Some(across)) = (past.left_out, &past.broken, &across) {
        line(format!("Note over {across}: {} left out", counted(past.left_out, "lesser event")));
    }
    let mut marked = false;
    for step in &steps {
        let broken = past.broken.as_ref().filter(|broken| broken.event == step.event);
        match &step.what {
            What::World(what) => {
                if let Some(across) = &across {
                    line("rect rgb(255, 235, 205)".to_string());
                    line(format!("Note over {across}: {}, {}", escaped(what), seconds(step.at)));
                    line("end".to_string());
                }
            }
            What::Node(node, kind) => {
                let what = note_text(&doing(kind));
                match broken {
                    Some(broken) => {
                        marked = true;
                        line(format!("Note over {node}: {what}<br/>{} is broken", broken.oracle));
                    }
                    None => line(format!("Note over {node}: {what}")),
                }
            }
            What::Sends(message) => {
                line(format!("Note over {}: sends {} to {}", message.from, escaped(&message.name()), message.to));
            }
            What::Message(message, fate) => line(arrow(message, *fate)),
        }
    }
    if let (Some(broken), Some(across)) = (&past.broken, &across) {
        let what = if marked { String::new() } else { format!("{} is broken: ", broken.oracle) };
        line(format!("Note over {across}: {}", note_text(&format!("{what}{}", broken.happened))));
    } else if let (1.., Some(across)) = (past.left_out, &across) {
        line(format!("Note over {across}: {} left out", counted(past.left_out, "later event")));
    }
    text
}

/// The first and the last of the columns; nothing if there are none.
fn across(nodes: &[NodeId]) -> Option<String> {
    let (first, last) = (nodes.first()?, nodes.last()?);
    Some(if first == last { first.to_string() } else { format!("{first},{last}") })
}

fn arrow(message: &Message, fate: Fate) -> String {
    let name = escaped(&message.name());
    let (line, remark) = match (fate, message.told) {
        (Fate::Received, false) => ("->>", ""),
        (Fate::Received, true) => ("-->>", ", sent above"),
        (Fate::Lost(Lost::Cut), _) => ("--x", ", lost, the link is cut"),
        (Fate::Lost(Lost::Dropped), _) => ("--x", ", lost"),
        (Fate::Lost(Lost::Down), _) => ("--x", ", lost, the receiver is down"),
        (Fate::Lost(Lost::QueueFull), _) => ("--x", ", lost, the queue is full"),
        (Fate::Lost(Lost::Misrouted), _) => ("--x", ", goes elsewhere"),
        (Fate::Lost(Lost::Broken), _) => ("--x", ", lost with its connection"),
        (Fate::UnderWay, _) => ("--)", ", under way"),
    };
    format!("{}{line}{}: {name}{remark}", message.from, message.to)
}

/// A text as several lines of a note.
fn note_text(text: &str) -> String {
    let lines: Vec<String> = wrapped(&text.replace('\n', " "), NOTE_WIDTH).iter().map(|line| escaped(line)).collect();
    lines.join("<br/>")
}

fn seconds(at: Instant) -> String {
    let span = Duration::from_nanos(at.as_nanos());
    format!("at {}.{:06}s", span.as_secs(), span.subsec_micros())
}

/// A text in which nothing means anything to Mermaid or to the page around it: `;` and a line feed would end the
/// statement, `#` begins the code of a character, `%%` a comment, and the word `end` a block.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '#' | ';' | '<' | '>' | '&' | '"' | '%' | '`' | '\\' | '{' | '}' => {
                out.push_str(&format!("#{};", u32::from(character)));
            }
            control if control.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    let is_end = |word: &str| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).eq_ignore_ascii_case("end");
    let words =
        out.split(' ').map(|word| if is_end(word) { word.replacen(['e', 'E'], "#101;", 1) } else { word.into() });
    words.collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::past::{past, whole};
    use crate::report::samples;

    #[test]
    fn text_means_nothing_to_mermaid() {
        for (text, harmless) in [
            ("put k0 a;b", "put k0 a#59;b"),
            ("call #1", "call #35;1"),
            ("the end", "the #101;nd"),
            ("(End) ended", "(#101;nd) ended"),
            ("r0 -> r1 %% <br>", "r0 -#62; r1 #37;#37; #60;br#62;"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(escaped(text), harmless);
        }
    }

    #[test]
    fn a_short_run() {
        insta::assert_snapshot!(mermaid(&whole(&samples::trace())), @"
        sequenceDiagram
            participant c0
            participant r0
            participant r1
            Note over c0: calls #35;1 put k0 v1
            r0->>r1: Prepare(v0 op3)
            Note over r1: commits 3 (0000001f) in epoch 0
        ");
    }

    #[test]
    fn a_violation_is_said_last() {
        let violation = samples::violation(crate::check::OracleId::Agree);
        insta::assert_snapshot!(mermaid(&past(&samples::trace(), &violation)), @"
        sequenceDiagram
            participant r0
            participant r1
            r0->>r1: Prepare(v0 op3)
            Note over r1: commits 3 (0000001f) in epoch 0<br/>AGREE is broken
            Note over r0,r1: r1 committed op 3 as 0000001f, but r0 had committed it as<br/>00000099
        ");
    }

    #[test]
    fn nobody_takes_part_in_nothing() {
        assert_eq!(mermaid(&Past::default()), "sequenceDiagram\n");
    }
}
