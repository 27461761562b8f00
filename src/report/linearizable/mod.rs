//! What came of checking a recorded history: as text here, and as JSON.
//!
//! A violation is told in a sentence, argued step by step where the sentence alone does not say why, and drawn.

mod intervals;
mod json;
mod picture;
mod sentence;
mod steps;
mod wording;

use crate::check::linearizability::{Counterexample, Judgement, Tier, Unfinished, Verdict};
use crate::check::models::Standard;
use crate::check::recorded::{NO_INDEX, Overlap, Overlaps, Recording};

use super::words::{counted, field, grouped, wrapped};
use sentence::{Explanation, explain};
use wording::Wording;

/// Steps of an argument stand below the sentence, and are folded where it is.
const INDENT: usize = 14;
const WIDTH: usize = 108;

/// So many objects are named; the rest are counted.
const OBJECTS: usize = 8;

/// One history, and what came of it.
#[derive(Clone, Copy)]
pub struct Checked<'a> {
    /// What it is called.
    pub name: &'a str,
    /// How many operations it has.
    pub operations: u64,
    /// How many objects they touch.
    pub objects: u64,
    /// The history; of one that is linearizable nothing more is needed.
    pub recording: &'a Recording,
    /// What it was judged by.
    pub model: Standard,
    /// What came of it.
    pub judgement: &'a Judgement,
    /// Clients that did two things at one time.
    pub overlaps: &'a Overlaps,
    /// The command that repeats it.
    pub repeat: &'a str,
    /// The command that does it again with ten times the budget.
    pub further: &'a str,
}

impl Checked<'_> {
    /// The verdict in a word or two.
    pub fn verdict(&self) -> &'static str {
        match self.judgement.verdict {
            Verdict::Linearizable => "linearizable",
            Verdict::Impossible(_) => "not linearizable",
            Verdict::Undecided(_) => "undecided",
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let Checked { name, judgement, .. } = self;
        let mut text = format!("{name}  {}\n", self.verdict());
        let operations = counted(self.operations, "operation");
        text.push_str(&field("history", &format!("{operations} on {}", counted(self.objects, "object"))));
        let decided: Vec<String> = Tier::ALL
            .iter()
            .filter(|tier| judgement.decided[**tier as usize] > 0)
            .map(|tier| format!("{} by {tier}", grouped(judgement.decided[*tier as usize])))
            .collect();
        let decided = if decided.is_empty() { "nothing".to_owned() } else { decided.join(", ") };
        let nodes = if judgement.nodes > 0 { format!(", {}", counted(judgement.nodes, "node")) } else { String::new() };
        text.push_str(&field("decided", &format!("{decided}{nodes}")));
        if judgement.misled > 0 {
            text.push_str(&field("warning", &self.misled()));
        }
        if let Some(Overlap { client, call, line, before: (from, to), line_before }) = self.overlaps.first {
            let more = match self.overlaps.count - 1 {
                0 => String::new(),
                more => format!(" (and {} more)", counted(more, "such call")),
            };
            let what = format!(
                "client {client} calls at {call} (line {line}), although its operation from {from} to {to} (line {line_before}) is \
                 not over{more}: are lines doubled, or clients mixed up? What counts are the times"
            );
            text.push_str(&field("warning", &what));
        }
        match &judgement.verdict {
            Verdict::Linearizable => {}
            Verdict::Impossible(counterexample) => {
                text.push('\n');
                text.push_str(&self.because(counterexample));
                text.push('\n');
                text.push_str(&picture::picture(self.wording(), counterexample));
                text.push('\n');
                text.push_str(&field("explained", &self.prefix(counterexample)));
                text.extend(self.others(counterexample.key).map(|others| field("others", &others)));
                if !counterexample.minimal {
                    let more =
                        "the budget ran out before it was clear whether fewer operations, or less of them, would do";
                    text.push_str(&field("unsure", more));
                }
                text.push_str(&format!("\nrepeat: {}\n", self.repeat));
            }
            Verdict::Undecided(unfinished) => {
                for Unfinished { key, explained, moments, until } in unfinished {
                    let (explained, moments) = (grouped(*explained), grouped(*moments));
                    let (key, until) = (self.wording().object(*key), self.wording().at(*until));
                    text.push_str(&field(
                        "undecided",
                        &format!("{key}: {explained} of {moments} calls and returns are explained, up to {until}"),
                    ));
                }
                text.push_str(&field("note", &format!("to search ten times as far: {}", self.further)));
                text.push_str(&format!("\nrepeat: {}\n", self.repeat));
            }
        }
        text
    }

    fn wording(&self) -> Wording<'_> {
        Wording { recording: self.recording, model: self.model, with_lines: false }
    }

    /// Why it is not linearizable: a sentence, and where that does not say it all, an argument.
    fn because(&self, counterexample: &Counterexample) -> String {
        let Explanation { because, steps } = explain(self.wording(), counterexample);
        let mut text = field("because", &because);
        for step in steps {
            let indent = INDENT + step.len() - step.trim_start().len();
            for (place, line) in wrapped(step.trim_start(), WIDTH - indent).iter().enumerate() {
                let mark = if place == 0 { "- " } else { "  " };
                text.push_str(&format!("{}{mark}{line}\n", " ".repeat(indent)));
            }
        }
        text
    }

    /// What is to be said of an order that was claimed and is none.
    fn misled(&self) -> String {
        let objects = counted(self.judgement.misled, "object");
        let although = match self.judgement.verdict {
            Verdict::Linearizable => ", though another order does: what tells the order is wrong, or the system is",
            _ => "",
        };
        let first = self.judgement.misfit.map(|place| {
            let entry = &self.recording.entries[place as usize];
            let place = match entry.index {
                NO_INDEX => "has none".to_owned(),
                index => format!("cannot be number {index}"),
            };
            let line = if entry.line == 0 { String::new() } else { format!(" (line {})", entry.line) };
            format!("; {} at {}{line} {place}", self.wording().whose(entry), self.wording().at(entry.call))
        });
        let first = first.unwrap_or_default();
        format!("the order that `index` claims does not explain {objects}{although}{first}")
    }

    /// Other objects that are not linearizable, or may not be.
    fn others(&self, shown: u32) -> Option<String> {
        let names: Vec<String> =
            self.judgement.broken.iter().filter(|key| **key != shown).map(|key| self.wording().object(*key)).collect();
        let mut others = Vec::new();
        if !names.is_empty() {
            let (told, more) = names.split_at(names.len().min(OBJECTS));
            let more =
                if more.is_empty() { String::new() } else { format!(" and {} more", grouped(more.len() as u64)) };
            others.push(format!("not linearizable either: {}{more}", told.join(", ")));
        }
        if self.judgement.left > 0 {
            let left = counted(self.judgement.left, "object");
            others.push(format!("{left} not searched, since one is enough"));
        }
        (!others.is_empty()).then(|| others.join("; "))
    }

    fn prefix(&self, counterexample: &Counterexample) -> String {
        let Some(prefix) = counterexample.prefix else {
            return "nobody can say how much of it: the nodes have run out over that; a larger --budget goes on"
                .to_owned();
        };
        let entry = &self.recording.entries[prefix.broken_by as usize];
        let (whose, end) = (self.wording().whose(entry), self.wording().at(entry.end));
        if prefix.returned == 0 {
            return format!("nothing on this object: the first return is that of {whose} at {end}");
        }
        let returns = if prefix.returned == 1 { "return".to_owned() } else { counted(prefix.returned, "return") };
        format!("the first {returns} on this object; the next is that of {whose} at {end}")
    }
}

#[cfg(test)]
mod tests;
