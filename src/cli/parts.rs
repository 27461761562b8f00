//! A sweep in parts, each kept in a file when it is done (`--resume`), so that what ended in the middle goes on later.
//!
//! A part is a number of seeds, with every scenario. What the parts so far came to is one small file of JSON, replaced as
//! a whole after each. As tallies add up in any order, a sweep that was interrupted ten times says in the end exactly what
//! one that never was would have said, its digest included. That holds for one build only, so the file names its build,
//! and what was swept; anything else is refused.

use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::hash::hash_bytes;
use crate::explore::Tally;

use super::chosen::Chosen;
use super::console::write_file;
use super::exit::Failure;
use super::plan::build;

/// Seeds of a part: less than a second of work, as a rule, which is what an end in the middle costs.
const PART: u64 = 256;

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The build whose runs these are.
    build: String,
    /// What is swept.
    sweep: Vec<String>,
    /// The first seed that is not done.
    next: u64,
    /// What those before came to, by scenario.
    tallies: Vec<Tally>,
}

/// The file: what it holds, and a seal on that. Nobody writes results by hand and goes on from there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    seal: String,
    kept: Content,
}

impl Content {
    fn seal(&self) -> String {
        let text = serde_json::to_vec(self).expect("a tally has text for keys and no failing parts");
        format!("{:016x}", hash_bytes(&text))
    }
}

/// The parts of a sweep. Without a file there is but one.
pub(super) struct Parts {
    file: Option<PathBuf>,
    seeds: Range<u64>,
    content: Content,
}

impl Parts {
    /// One part.
    pub(super) fn whole(seeds: &Range<u64>) -> Parts {
        let content = Content { build: String::new(), sweep: Vec::new(), next: seeds.start, tallies: Vec::new() };
        Parts { file: None, seeds: seeds.clone(), content }
    }

    /// Parts that are kept in a file, beginning with the first that is not done there.
    pub(super) fn kept(
        file: &Path,
        chosen: &[Chosen],
        seeds: &Range<u64>,
        check_determinism: bool,
    ) -> Result<Parts, Failure> {
        let twice = if check_determinism { " --check-determinism" } else { "" };
        let sweep = chosen.iter().map(|one| format!("{}{twice}", words(one, seeds))).collect();
        let begun = Content { build: build(), sweep, next: seeds.start, tallies: Vec::new() };
        let parts = Parts { file: Some(file.to_path_buf()), seeds: seeds.clone(), content: begun };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Hours of a sweep must not end with a file that cannot be written.
                parts.save()?;
                return Ok(parts);
            }
            Err(error) => return Err(Failure::bad_input(format!("cannot read {}: {error}", file.display()))),
        };
        let name = file.display();
        let not_kept = |why: &str| {
            Failure::bad_input(format!("{name} is not what a sweep keeps: {why}\nremove it, or name another file"))
        };
        let Sealed { seal, kept: mut content } =
            serde_json::from_str(&text).map_err(|error| not_kept(&error.to_string()))?;
        let differ = |what: &str, kept: &str, asked: &str| {
            Failure::bad_input(format!(
                "{name} is of another {what}:\n  kept:  {kept}\n  asked: {asked}\nremove it, or name another file"
            ))
        };
        let begun = &parts.content;
        if content.build != begun.build {
            return Err(differ("build", &content.build, &begun.build));
        }
        if content.sweep != begun.sweep {
            return Err(differ("sweep", &content.sweep.join(", "), &begun.sweep.join(", ")));
        }
        let fits = content.next == seeds.start && content.tallies.is_empty()
            || (seeds.start..=seeds.end).contains(&content.next) && content.tallies.len() == chosen.len();
        if !fits || seal != content.seal() {
            return Err(not_kept("somebody has changed it"));
        }
        let restore = |(tally, one): (Tally, &Chosen)| tally.restored(one.family.expect());
        content.tallies = content.tallies.into_iter().zip(chosen).map(restore).collect();
        Ok(Parts { content, ..parts })
    }

    /// What the parts so far came to, by scenario; nothing before the first is done.
    pub(super) fn before(&self) -> &[Tally] {
        &self.content.tallies
    }

    /// Whether anything is done.
    pub(super) fn has_begun(&self) -> bool {
        self.seeds_done() > 0
    }

    /// Where somebody who stops now can go on, if what is done is kept.
    pub(super) fn left(&self) -> Option<String> {
        let (file, next) = (self.file.as_ref()?, self.next()?.start);
        Some(format!("kept up to seed {next} in {}; the same command goes on from there", file.display()))
    }

    /// How many seeds are done.
    pub(super) fn seeds_done(&self) -> u64 {
        self.content.next - self.seeds.start
    }

    /// The seeds of the next part; none if all are done.
    pub(super) fn next(&self) -> Option<Range<u64>> {
        let next = self.content.next;
        let end = match &self.file {
            Some(_) => self.seeds.end.min(next.saturating_add(PART)),
            None => self.seeds.end,
        };
        (next < self.seeds.end).then_some(next..end)
    }

    /// Of the seeds to be run first, those to be run with the next part: its own, and with the very first those outside
    /// the range.
    pub(super) fn first(&self, first: &[(usize, u64)]) -> Vec<(usize, u64)> {
        let Some(part) = self.next() else { return Vec::new() };
        let is_one = |seed: u64| part.contains(&seed) || !self.has_begun() && !self.seeds.contains(&seed);
        first.iter().copied().filter(|(_, seed)| is_one(*seed)).collect()
    }

    /// The next part is done, and this is what all so far came to.
    pub(super) fn done(&mut self, tallies: &[Tally]) -> Result<(), Failure> {
        let part = self.next().expect("a part was to be done");
        (self.content.next, self.content.tallies) = (part.end, tallies.to_vec());
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let seal = self.content.seal();
        write_file(file, |out| {
            serde_json::to_writer_pretty(&mut *out, &json!({ "seal": seal, "kept": &self.content }))?;
            out.write_all(b"\n")
        })
    }
}

/// Everything that the runs of a scenario depend on, and its name.
fn words(one: &Chosen, seeds: &Range<u64>) -> String {
    format!(
        "{} --seeds {}..{}{} (text {:016x})",
        one.repeat.scenario,
        seeds.start,
        seeds.end,
        one.repeat.options(),
        hash_bytes(&one.found.bytes)
    )
}
