//! Deviations: decisions that did not take their benign default, as values and as text.
//!
//! One grammar for plans and traces. Each line is a verb, the name of the decision, and what it decided:
//!
//! ```text
//! drop r0->r1 Prepare(v0 op1) #2
//! delay r1->r0 PrepareOk(v0 op1) #1 +3ms
//! duplicate r0->r1 Prepare(v0 op1) #2 +8ms
//! reorder r0->r1 Prepare(v0 op1) #2
//! corrupt r0->r1 Prepare(v0 op1) #2 bit 17
//! slow r1 disk write(slot5) #1 +3ms
//! keep r1 life 2 file journal sector 5
//! tear r1 life 2 file journal sector 5 after 137 bytes
//! keep r1 life 2 length journal
//! keep r1 life 2 names 3
//! yield r1/replica woken by (r0->r1 Prepare(v0 op1) #2 arrives) #1 by 3
//! misroute r0->r1 Prepare(v0 op1) #2 to r2
//! clog r0->r1 Prepare(v0 op1) #2 for 300ms
//! offset r1 clock +3ms
//! drift r1 clock +87ppm
//! rot r1 disk write(slot5) #1 bit 77
//! rot r1 disk write(slot5) #1 byte 9 bits 255
//! unreadable r1 disk write(slot5) #1 sector 0
//! lose r1 disk write(slot5) #1
//! misdirect r1 disk write(slot5) #1 to sector 12
//! full r1 disk write(slot5) #1
//! fail r1 disk sync-journal #3
//! lie r1 disk sync-journal #2
//! tear r1 life 2 names 1,3
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::label::Labelled;
use crate::base::measure::{format_signed_drift, parse_signed_drift};
use crate::base::text::{format_duration, format_shift, parse_duration, parse_shift};
use crate::base::time::nanos;
use crate::base::{Label, LabelText, Name, NodeId};
use crate::world::disk::mishap::{self, Mishap};
use crate::world::disk::names::{format_steps, parse_steps};

/// A named decision that was not calm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deviation<L = Label> {
    /// Which decision.
    pub name: Name<L>,
    /// What it decided.
    pub choice: Choice,
}

/// What a decision decided instead of its default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// The packet is lost.
    Drop,
    /// The packet travels this many nanoseconds longer (or shorter) than in a calm run.
    Delay(i64),
    /// A second copy arrives, this many nanoseconds after (or before) a calm packet would.
    Duplicate(i64),
    /// The packet need not wait for those sent before it.
    Reorder,
    /// This bit of the payload is flipped.
    Corrupt(u64),
    /// The disk operation takes this many nanoseconds longer (or shorter) than in a calm run.
    Slow(i64),
    /// The unsynced sector, length, or this many of the unsynced directory changes, survive the crash.
    Keep(Option<u64>),
    /// Only this many bytes of the unsynced sector survive the crash.
    Tear(u32),
    /// The task lets others go first: of those ready, the least number runs.
    Yield(u32),
    /// The packet arrives at this node instead.
    Misroute(NodeId),
    /// The packet's link clogs for this many nanoseconds as it is sent.
    Clog(u64),
    /// The node's clocks are ahead by this many nanoseconds.
    Offset(i64),
    /// The node's clocks are fast, or slow, by this many parts per million.
    Drift(i32),
    /// This goes wrong with the disk operation.
    Mishap(Mishap),
    /// These steps of the unsynced directory changes survive the crash, and no others; bit 0 stands for the first.
    TearNames(u64),
}

impl<L: Labelled> fmt::Display for Deviation<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.choice {
            Choice::Drop => write!(f, "drop {name}"),
            Choice::Delay(shift) => write!(f, "delay {name} {}", format_shift(shift)),
            Choice::Duplicate(shift) => write!(f, "duplicate {name} {}", format_shift(shift)),
            Choice::Reorder => write!(f, "reorder {name}"),
            Choice::Corrupt(bit) => write!(f, "corrupt {name} bit {bit}"),
            Choice::Slow(shift) => write!(f, "slow {name} {}", format_shift(shift)),
            Choice::Keep(None) => write!(f, "keep {name}"),
            Choice::Keep(Some(count)) => write!(f, "keep {name} {count}"),
            Choice::Tear(bytes) => write!(f, "tear {name} after {bytes} bytes"),
            Choice::Yield(priority) => write!(f, "yield {name} by {priority}"),
            Choice::Misroute(node) => write!(f, "misroute {name} to {node}"),
            Choice::Clog(nanos) => write!(f, "clog {name} for {}", format_duration(Duration::from_nanos(nanos))),
            Choice::Offset(shift) => write!(f, "offset {name} {}", format_shift(shift)),
            Choice::Drift(drift) => write!(f, "drift {name} {}", format_signed_drift(drift)),
            Choice::Mishap(mishap) => write!(f, "{} {name}{mishap}", mishap.verb()),
            Choice::TearNames(steps) => write!(f, "tear {name} {}", format_steps(steps)),
        }
    }
}

impl FromStr for Deviation<LabelText> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (verb, rest) = text.split_once(' ').ok_or_else(|| format!("`{text}` is not a deviation"))?;
        let last = |what: &str| rest.rsplit_once(' ').ok_or_else(|| format!("`{text}` lacks {what}"));
        let between = |word: &str, end: &str| {
            let (name, number) = rest.rsplit_once(word).ok_or_else(|| format!("`{text}` lacks `{}`", word.trim()))?;
            let number = number.strip_suffix(end).and_then(|number| number.parse::<u64>().ok());
            number
                .map(|number| (name, number))
                .ok_or_else(|| format!("`{text}` lacks a number after `{}`", word.trim()))
        };
        let small = |number: u64| u32::try_from(number).map_err(|_| format!("{number} in `{text}` is too large"));
        let (name, choice) = match verb {
            "drop" => (rest, Choice::Drop),
            "reorder" => (rest, Choice::Reorder),
            "delay" | "duplicate" | "slow" | "offset" => {
                let (name, shift) = last("a shift such as +3ms")?;
                let shift = parse_shift(shift)?;
                let choice = match verb {
                    "delay" => Choice::Delay(shift),
                    "duplicate" => Choice::Duplicate(shift),
                    "slow" => Choice::Slow(shift),
                    _ => Choice::Offset(shift),
                };
                (name, choice)
            }
            "drift" => {
                let (name, drift) = last("a drift such as +87ppm")?;
                (name, Choice::Drift(parse_signed_drift(drift)?))
            }
            "misroute" => {
                let (name, node) = rest.rsplit_once(" to ").ok_or_else(|| format!("`{text}` lacks `to` and a node"))?;
                (name, Choice::Misroute(node.parse()?))
            }
            "clog" => {
                let (name, span) =
                    rest.rsplit_once(" for ").ok_or_else(|| format!("`{text}` lacks `for` and a time"))?;
                (name, Choice::Clog(nanos(parse_duration(span)?)))
            }
            "corrupt" => between(" bit ", "").map(|(name, bit)| (name, Choice::Corrupt(bit)))?,
            "tear" if rest.rsplit_once(" names ").is_some_and(|(life, _)| life.split(' ').count() == 3) => {
                let (name, steps) = last("the steps that survive")?;
                let steps = parse_steps(steps)
                    .ok_or_else(|| format!("`{text}` lacks the steps that survive, such as 1,3, after `names`"))?;
                (name, Choice::TearNames(steps))
            }
            "tear" => {
                let (name, bytes) = between(" after ", " bytes")?;
                (name, Choice::Tear(small(bytes)?))
            }
            "yield" => {
                let (name, priority) = between(" by ", "")?;
                (name, Choice::Yield(small(priority)?))
            }
            // Files may be called anything, so `names` counts only where it stands right behind the life.
            "keep" => match rest.rsplit_once(" names ").filter(|(life, _)| life.split(' ').count() == 3) {
                Some((_, count)) => {
                    let count = count.parse().map_err(|_| format!("`{text}` lacks a number after `names`"))?;
                    let (name, _) = last("a number")?;
                    (name, Choice::Keep(Some(count)))
                }
                None => (rest, Choice::Keep(None)),
            },
            verb if mishap::VERBS.contains(&verb) => {
                let (name, mishap) = Mishap::parse(verb, rest)?;
                assert_eq!(mishap.verb(), verb, "a mishap is printed with the verb it is read by");
                (name, Choice::Mishap(mishap))
            }
            other => {
                let more = mishap::VERBS.join(", ");
                return Err(format!(
                    "unknown verb `{other}`; a deviation starts with drop, delay, duplicate, reorder, corrupt, misroute, clog, slow, keep, tear, yield, offset, drift, {more}"
                ));
            }
        };
        let name: Name<LabelText> = name.parse()?;
        use Choice::{
            Clog, Corrupt, Delay, Drift, Drop, Duplicate, Keep, Misroute, Offset, Reorder, Slow, Tear, Yield,
        };
        let fits = matches!(
            (&name, choice),
            (Name::Packet { .. }, Drop | Delay(_) | Duplicate(_) | Reorder | Corrupt(_) | Misroute(_) | Clog(_))
                | (Name::Disk { .. }, Slow(_))
                | (Name::Sector { .. }, Keep(None) | Tear(_))
                | (Name::Length { .. }, Keep(None))
                | (Name::Entries { .. }, Keep(Some(_)))
                | (Name::Wake { .. }, Yield(_))
                | (Name::Clock { .. }, Offset(_) | Drift(_))
                | (Name::Disk { .. }, Choice::Mishap(_))
                | (Name::Entries { .. }, Choice::TearNames(_))
        );
        if fits { Ok(Deviation { name, choice }) } else { Err(format!("`{verb}` cannot be said of `{name}`")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_reads_and_prints() {
        for text in [
            "drop r0->r1 Prepare(v0 op1) #2",
            "delay r1->r0 PrepareOk(v0 op1) #1 +3ms",
            "duplicate r0->r1 Prepare(v0 op1) #2 -8ms",
            "reorder r0->r1 Prepare(v0 op1) #2",
            "corrupt r0->r1 Prepare(v0 op1) #2 bit 17",
            "slow r1 disk write(slot5) #1 +3ms",
            "keep r1 life 2 file journal sector 5",
            "tear r1 life 2 file journal sector 5 after 137 bytes",
            "keep r1 life 2 length journal",
            "keep r1 life 2 names 3",
            "yield r1/replica woken by (r0->r1 Prepare(v0 op1) #2 arrives) #1 by 3",
            "misroute r0->r1 Prepare(v0 op1) #2 to r2",
            "clog r0->r1 Prepare(v0 op1) #2 for 300ms",
            "offset r1 clock +3ms",
            "drift r1 clock -87ppm",
            "rot r1 disk write(slot5) #1 bit 77",
            "rot r1 disk write(slot5) #1 byte 9 bits 255",
            "unreadable r1 disk write(slot5) #1 sector 0",
            "lose r1 disk write(slot5) #1",
            "misdirect r1 disk write(slot5) #1 to sector 12",
            "full r1 disk write(slot5) #1",
            "fail r1 disk sync-journal #3",
            "lie r1 disk sync-journal #2",
            "tear r1 life 2 names 1,3",
        ] {
            let read: Deviation<LabelText> = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for text in [
            "",
            "drop",
            "drop r0",
            "delay r0->r1 A #1",
            "tear r1 clock after 1 bytes",
            "slow r0->r1 A #1 +1ms",
            "corrupt r0->r1 A #1 bit x",
            "yield r1/a by",
            "keep r1 life 1 names",
            "loose r0->r1 A #1",
            "lose r0->r1 A #1",
            "misroute r0->r1 A #1 to nobody",
            "misroute r0->r1 A #1",
            "clog r0->r1 A #1 for ever",
            "drift r1 clock 87ppm",
            "drift r0->r1 A #1 +87ppm",
            "rot r1 disk write #1",
            "rot r1 disk write #1 byte 1 bits 256",
            "rot r1 disk write #1 byte 1 bits 0",
            "misdirect r1 disk write #1 to sector x",
            "unreadable r1 disk write #1",
            "tear r1 life 2 names 3,1",
            "tear r1 life 2 names 0",
            "tear r1 life 2 names 65",
        ] {
            assert!(text.parse::<Deviation<LabelText>>().is_err(), "{text:?} was accepted");
        }
    }
}
