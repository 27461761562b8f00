//! The steps of an argument in words.

use crate::check::linearizability::{Counterexample, Step, Who};
use crate::check::recorded::{ABSENT, Act, Answer, Entry};

use super::wording::{Wording, listed};

/// Says the steps, each on a line; what belongs to a case is indented below it. Nothing if there is no argument.
pub(super) fn steps(wording: Wording<'_>, counterexample: &Counterexample) -> Vec<String> {
    let Some(steps) = counterexample.argument(wording.recording, wording.model) else { return Vec::new() };
    let places = counterexample.parts.iter().map(|part| part.place).chain(counterexample.helpers.iter().copied());
    let entries = places.map(|place| &wording.recording.entries[place as usize]).collect();
    let said = Said { wording, entries, parts: counterexample.parts.len() };
    let mut lines = Vec::new();
    said.all(&steps, 0, &mut lines);
    lines
}

struct Said<'a> {
    wording: Wording<'a>,
    entries: Vec<&'a Entry>,
    /// So many of them are known to have happened as they say.
    parts: usize,
}

impl Said<'_> {
    fn all(&self, steps: &[Step], depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        for step in steps {
            if let Some(line) = self.one(step) {
                lines.push(format!("{indent}{line}"));
            }
            if let Step::Cases { reader, sources } = step {
                for (source, steps) in sources {
                    lines.push(format!("{indent}  if it is {}:", self.source(*reader, *source)));
                    self.all(steps, depth + 2, lines);
                }
            }
        }
    }

    fn one(&self, step: &Step) -> Option<String> {
        Some(match step {
            Step::Clock { first, then } => {
                let (Who::Operation(one), Who::Operation(other)) = (*first, *then) else { return None };
                let (over, began) = (self.entries[one].end, self.entries[other].call);
                let (over, began) = (self.wording.at(over), self.wording.at(began));
                format!("{} was over at {over}, before {} began at {began}", self.name(*first), self.name(*then))
            }
            Step::Found { reader, source, alone } => {
                let (found, name) = (self.found(*reader), self.name(*reader));
                match (source, alone) {
                    (Who::Beginning, true) => {
                        let nobody = self.nobody_else(*reader);
                        format!("{name} found {found}, which {nobody} here writes: it was there before all of this")
                    }
                    (_, true) if self.writes_what_it_finds(*reader) => {
                        format!("{name} found {found}, which beside itself only {} writes here", self.name(*source))
                    }
                    (_, true) => format!("{name} found {found}, which here only {} writes", self.name(*source)),
                    (_, false) => format!("so what {name} found is {}", self.source(*reader, *source)),
                }
            }
            Step::Later { write, reader, source: Who::Beginning } => {
                format!("what {} found was there first, so {} came after it", self.name(*reader), self.name(*write))
            }
            Step::Later { write, reader, source } => format!(
                "{} came after {}, so after {} too, which found what was written before it",
                self.name(*write),
                self.name(*source),
                self.name(*reader)
            ),
            Step::Earlier { write, reader, source: Who::Beginning } => {
                format!("what {} found was there first, but {} came before it", self.name(*reader), self.name(*write))
            }
            Step::Earlier { write, reader, source } => format!(
                "{} came before {}, so before {} too, whose value that found",
                self.name(*write),
                self.name(*reader),
                self.name(*source)
            ),
            Step::Cannot { reader, source, between: Some(between) } => format!(
                "what {} found is not {}: {} came in between",
                self.name(*reader),
                self.source(*reader, *source),
                self.name(*between)
            ),
            Step::Cannot { reader, source: Who::Beginning, .. } => {
                format!("what {} found was not there first: something else was", self.name(*reader))
            }
            Step::Cannot { reader, source, .. } => {
                format!("what {} found is not {}, which came later", self.name(*reader), self.source(*reader, *source))
            }
            Step::Failed { reader, source } => {
                format!("{} did not write what {} found", self.name(*source), self.name(*reader))
            }
            Step::Unlike { reader, source } => {
                format!("{} did not find what {} wrote", self.name(*reader), self.name(*source))
            }
            Step::Cases { reader, sources } => {
                let sources: Vec<String> = sources.iter().map(|(source, _)| self.source(*reader, *source)).collect();
                let which = listed(&sources).replace(" and ", " or ");
                format!("what {} found is {which}:", self.name(*reader))
            }
            Step::Circle(Who::Beginning, one) | Step::Circle(one, Who::Beginning) => {
                format!("so {} came before what was there first, but nothing did", self.name(*one))
            }
            Step::Circle(one, other) => {
                let (one, other) = (self.name(*one), self.name(*other));
                format!("so {one} came before {other}, and {other} before {one}, which cannot be")
            }
            Step::Nothing { reader, alone } => {
                let nothing = format!("nothing is left that {} can have found", self.name(*reader));
                match (self.value_found(*reader), alone) {
                    (Some(value), true) => {
                        format!("{} here writes {value}, so {nothing}", self.nobody_else(*reader))
                    }
                    (Some(value), false) => format!("nobody else here writes {value}, so {nothing}"),
                    (None, _) => format!("so {nothing}"),
                }
            }
        })
    }

    /// The operation, and whose it is if that is not clear.
    fn name(&self, who: Who) -> String {
        let Who::Operation(place) = who else { return "the beginning".to_owned() };
        // What the others answered makes no difference.
        let name = |place: usize| match self.entries[place] {
            entry if place < self.parts => self.wording.operation(entry),
            entry => self.wording.asked(entry),
        };
        let own = name(place);
        if (0..self.entries.len()).filter(|place| name(*place) == own).count() == 1 {
            return format!("`{own}`");
        }
        match self.entries[place].line {
            0 => format!("`{own}` that began at {}", self.wording.at(self.entries[place].call)),
            line => format!("`{own}` of line {line}"),
        }
    }

    fn source(&self, reader: Who, source: Who) -> String {
        match source {
            Who::Beginning if self.found(reader) == "nothing" => "nothing yet".to_owned(),
            Who::Beginning => "what was there first".to_owned(),
            source => format!("what {} wrote", self.name(source)),
        }
    }

    fn nobody_else(&self, reader: Who) -> &'static str {
        if self.writes_what_it_finds(reader) { "nobody else" } else { "nobody" }
    }

    fn writes_what_it_finds(&self, who: Who) -> bool {
        let Who::Operation(place) = who else { return false };
        let entry = self.entries[place];
        entry.act == Act::Cas && entry.value == entry.from
    }

    /// What it has found, if that is one value.
    fn value_found(&self, who: Who) -> Option<String> {
        let Who::Operation(place) = who else { return None };
        let entry = self.entries[place];
        let has_failed = entry.answer == Answer::No && place < self.parts;
        let value = if entry.act == Act::Get { entry.value } else { entry.from };
        (!has_failed && value != ABSENT).then(|| self.wording.value(value))
    }

    fn found(&self, who: Who) -> String {
        let Who::Operation(place) = who else { return "nothing".to_owned() };
        let entry = self.entries[place];
        let value = |id| if id == ABSENT { "nothing".to_owned() } else { self.wording.value(id) };
        match (entry.act, entry.answer) {
            (Act::Get, _) => value(entry.value),
            (_, Answer::No) if place < self.parts => format!("something else than {}", value(entry.from)),
            _ => value(entry.from),
        }
    }
}
