//! A file with choices: what it says for a seed, and whether it can say something wrong.
//!
//! A mistake may stand in an alternative that one seed in a hundred chooses, or show only with the longest of the
//! durations that may be drawn. So when such a file is read, everything in it has its turn: each alternative, both ends
//! of each range, everything that may be absent with and without. Most mistakes are mistakes whatever else was chosen,
//! and are found so. Some seeds are tried besides, for what is wrong only in combination: a fault that strikes r3, say,
//! in the one alternative in which there are three replicas.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::scenario::{Family, Registry, Scenario};

use super::choice::{self, ALTERNATIVES, Members};
use super::diagnostic::Diagnostic;
use super::expand::{Choice, Dice, Expansion, Turn, expand};
use super::read_plan::PLAN;
use super::read_subject::Subject;
use super::tree::{Entries, owned};
use super::{MISTAKES, Reading};

/// Seeds that are tried when a file is read.
const SEEDS: u64 = 64;

/// A file with choices, without a mistake as far as was tried.
#[derive(Debug)]
pub(in crate::scenario) struct Template {
    name: String,
    members: Members,
    /// Where the lines of the text begin, for mistakes that speak of a second place.
    lines: Vec<usize>,
    /// The same for all seeds, and so read once.
    subject: Subject,
}

impl Template {
    /// The scenario of a seed.
    ///
    /// # Errors
    /// If what was chosen does not go together: everything that is wrong with it.
    pub fn scenario(&self, seed: u64) -> Result<Scenario, Vec<Diagnostic>> {
        let Expansion { entries, mut mistakes, .. } = expand(&self.members, &self.lines, Dice::Seed(seed), false);
        let reading = Reading { name: &self.name, is_broken: !mistakes.is_empty() };
        let (scenario, more) = reading.read(&entries, |root| self.subject.again(root));
        mistakes.extend(more);
        match scenario {
            Some(scenario) if mistakes.is_empty() => Ok(scenario),
            _ => {
                mistakes.sort_by_key(|mistake| mistake.span.as_ref().map(|span| (span.start, span.end)));
                mistakes.dedup();
                Err(mistakes)
            }
        }
    }

    /// Everything that is chosen for a seed.
    pub fn choices(&self, seed: u64) -> Vec<Choice> {
        expand(&self.members, &self.lines, Dice::Seed(seed), true).choices.unwrap_or_default()
    }
}

/// Reads a file with choices, and everything that is wrong with it.
pub(super) fn read(
    name: &str,
    text: &str,
    entries: Entries,
    registry: &Registry,
    is_broken: bool,
) -> (Option<Family>, Vec<Diagnostic>) {
    let is_plan = PLAN.iter().any(|key| entries.contains_key(*key));
    let (members, mistakes) = choice::read(owned(entries), is_plan);
    let lines: Vec<usize> = [0].into_iter().chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
    let reading = Reading { name, is_broken: is_broken || !mistakes.is_empty() };

    let mut said = Said { mistakes: Vec::new(), known: BTreeSet::new() };
    said.add(mistakes, None);
    let mut subject: Option<Subject> = None;
    let mut read = |dice| {
        let Expansion { entries, mistakes: mut found, .. } = expand(&members, &lines, dice, false);
        let reading = Reading { is_broken: reading.is_broken || !found.is_empty(), ..reading };
        let (scenario, more) = reading.read(&entries, |root| match &subject {
            Some(subject) => subject.again(root),
            None => subject.insert(Subject::read(root, registry)).clone(),
        });
        found.extend(more);
        (scenario, found)
    };
    for turn in every_turn(&members) {
        if said.mistakes.len() > MISTAKES {
            break;
        }
        said.add(read(Dice::Turn(turn)).1, None);
    }
    // Where the choices themselves are wrong, what a seed makes of them says little.
    if reading.is_broken {
        return (None, said.mistakes);
    }
    let mut sample = None;
    for seed in 0..SEEDS {
        let (scenario, found) = read(Dice::Seed(seed));
        said.add(found, Some(seed));
        sample = sample.or(scenario);
    }
    match (sample, subject) {
        (Some(sample), Some(subject)) if said.mistakes.is_empty() => {
            let template = Template { name: name.to_string(), members, lines, subject };
            (Some(Family::of(sample, Arc::new(template))), Vec::new())
        }
        _ => (None, said.mistakes),
    }
}

/// Ways to choose in which everything has its turn at least once.
fn every_turn(members: &Members) -> impl Iterator<Item = Turn> {
    let alternatives = 0..choice::turns(members).min(ALTERNATIVES);
    alternatives.flat_map(|alternative| {
        let ways = [(0, true), (1, true), (0, false), (1, false)];
        ways.into_iter().map(move |(end, present)| Turn { alternative, end, present })
    })
}

/// Mistakes, each once, although it was made many times.
struct Said {
    mistakes: Vec<Diagnostic>,
    known: BTreeSet<(usize, usize, String)>,
}

impl Said {
    /// Adds those that are new. A seed is named if the mistake is one of a combination.
    fn add(&mut self, found: Vec<Diagnostic>, seed: Option<u64>) {
        for mut mistake in found {
            let (start, end) = mistake.span.as_ref().map_or((0, 0), |span| (span.start, span.end));
            // Numbers that were drawn do not make it another mistake.
            let is_fixed = |word: &&str| !word.contains(|character: char| character.is_ascii_digit());
            let text = mistake.message.split(' ').filter(is_fixed).collect::<Vec<_>>().join(" ");
            if !self.known.insert((start, end, text)) {
                continue;
            }
            if let Some(seed) = seed {
                // What was drawn is wrong where an end of its range, or an alternative, has been found to be.
                let inside = |known: &(usize, usize, String)| {
                    start <= known.0 && known.1 <= end && known.1 - known.0 < end - start
                };
                if self.known.iter().any(inside) {
                    continue;
                }
                mistake.message = format!("with seed {seed}: {}", mistake.message);
            }
            self.mistakes.push(mistake);
        }
    }
}
