//! Scenario files: TOML text to a [`Family`] of scenarios, and one of them back to text. The language is described in
//! `docs/scenarios.md`.
//!
//! Reading walks the spanned tree of the file by hand rather than by serde, which stops at the first mistake and, where
//! a table has a tag, forgets the places. So [`parse`] reports all mistakes of a file at once, each with its place in
//! the text and what would be right. [`print()`] writes what [`parse`] reads back as an equal scenario, with everything
//! left out that goes without saying.
//!
//! What a file leaves to the seed is chosen in its tree, before anything is known of what the values mean. `choice`
//! reads the choices, `expand` makes them, and what comes out is a tree without choices, read like that of any file.
//! `template` keeps the tree for the next seed, and tries everything that may come out when the file is read.
//!
//! [`schema()`] tells editors what the reader knows.

#[cfg(test)]
mod asked;
mod choice;
mod diagnostic;
mod expand;
mod print;
mod print_fault;
mod range;
mod read_check;
mod read_decay;
mod read_fault;
mod read_links;
mod read_phase;
mod read_plan;
mod read_subject;
mod read_values;
mod read_workload;
mod read_world;
mod reader;
mod schema;
mod step;
mod template;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

use toml::de::DeTable;

use super::{BudgetKind, Family, Registry, Scenario};

use read_subject::Subject;
use reader::{Context, Table, quoted};
use tree::Entries;

pub use diagnostic::Diagnostic;
pub use expand::Choice;
pub use print::{print, string as quote};
pub use schema::schema;
pub(super) use template::Template;

/// A file longer than this is no scenario: the longest recorded plans have some ten thousand lines.
const BYTES: usize = 1 << 20;

/// After so many mistakes the rest is only counted.
const MISTAKES: usize = 100;

/// Reads the scenarios of a file called `name` from its bytes.
///
/// # Errors
/// As [`parse`], and if the bytes are not text in UTF-8.
pub fn parse_bytes(name: &str, bytes: &[u8], registry: &Registry) -> Result<Family, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(name, text, registry),
        Err(_) if bytes.len() > BYTES => Err(vec![too_long()]),
        Err(error) => {
            let place = error.valid_up_to();
            let message = format!("this is not text in UTF-8: byte {place} does not belong there");
            Err(vec![Diagnostic::of_file(message).help("a scenario is a TOML file, which is plain text")])
        }
    }
}

/// Reads the scenarios of a file called `name` from its text. The registry says which systems and planted bugs there
/// are.
///
/// # Errors
/// Everything that is wrong with the file, in order of place; what concerns the whole file comes first. Any text leads
/// to a family or to at least one mistake, never to a panic.
pub fn parse(name: &str, text: &str, registry: &Registry) -> Result<Family, Vec<Diagnostic>> {
    if text.len() > BYTES {
        return Err(vec![too_long()]);
    }
    if text.trim().is_empty() {
        return Err(vec![Diagnostic::of_file("the file is empty")]);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    let entries = tree::entries(document.into_inner());
    let syntax: Vec<Diagnostic> = errors.iter().map(|error| syntax_mistake(text, error)).collect();
    let broken = lines(text, &syntax);
    let mut mistakes = without_echoes(syntax);
    let (read, more) = if choice::any_in(&entries) {
        template::read(name, text, entries, registry, !mistakes.is_empty())
    } else {
        let reading = Reading { name, is_broken: !mistakes.is_empty() };
        let (scenario, more) = reading.read(&entries, |root| Subject::read(root, registry));
        (scenario.map(Family::from), more)
    };
    // What the parser made of a line it could not parse deserves no second complaint.
    let is_echo = |mistake: &Diagnostic| {
        mistake.span.as_ref().is_some_and(|span| broken.iter().any(|line| line.contains(&span.start)))
    };
    let is_right = mistakes.is_empty() && more.is_empty();
    mistakes.extend(more.into_iter().filter(|mistake| !is_echo(mistake)));
    match read {
        Some(family) if is_right => return Ok(family),
        None if is_right => unreachable!("a file without a mistake is a scenario"),
        _ => {}
    }
    mistakes.sort_by_key(|mistake| mistake.span.as_ref().map(|span| (span.start, span.end)));
    mistakes.dedup();
    if mistakes.len() > MISTAKES {
        let more = mistakes.len() - MISTAKES;
        mistakes.truncate(MISTAKES);
        mistakes.push(Diagnostic::of_file(format!("and {more} more mistakes")));
    }
    Err(mistakes)
}

/// One reading of a tree without choices. A file with choices is read many times.
#[derive(Clone, Copy)]
struct Reading<'a> {
    name: &'a str,
    /// Whether parts of the file are already known to be wrong. What is missing may then stand there.
    is_broken: bool,
}

impl Reading<'_> {
    /// The scenario, if it can be told, and what is wrong with it.
    fn read(
        &self,
        entries: &Entries,
        subject: impl FnOnce(&mut Table) -> Subject,
    ) -> (Option<Scenario>, Vec<Diagnostic>) {
        let is_plan = read_plan::PLAN.iter().any(|key| entries.contains_key(*key));
        let context = Context::new(self.is_broken, is_plan);
        let scenario = Table::root(&context, entries, |root| {
            let subject = subject(root);
            scenario(root, self.name, subject)
        });
        (scenario, context.into_mistakes())
    }
}

fn too_long() -> Diagnostic {
    Diagnostic::of_file("the file is longer than 1 MiB, which no scenario is")
}

/// What the parser says, with advice where its words are not enough.
fn syntax_mistake(text: &str, error: &toml::de::Error) -> Diagnostic {
    let Some(span) = error.span() else { return Diagnostic::of_file(error.message()) };
    let found = text.get(span.clone()).unwrap_or_default();
    let is_word =
        !found.is_empty() && found.chars().all(|character| character.is_alphanumeric() || "_-".contains(character));
    if error.message().starts_with("invalid") && is_word {
        let message = format!("{} is not a value", quoted(found));
        return Diagnostic::at(span, message).help("text stands in double quotes: \"like this\"");
    }
    if error.message() == "duplicate key" && text[..span.start].ends_with('[') {
        let help = format!("where there are several, each is written with two brackets: [[{found}]]");
        return Diagnostic::at(span, format!("{ONE_TABLE} [{found}]")).help(help);
    }
    Diagnostic::at(span, error.message())
}

/// Of a second table with one bracket.
const ONE_TABLE: &str = "there can be but one";

/// After a bracket that is not closed, or a second table where there can be one, everything that follows looks wrong, and only
/// the first of it is.
fn without_echoes(mut syntax: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_bracket =
        |mistake: &Diagnostic| ["comma", "unclosed", "inline table"].iter().any(|word| mistake.message.contains(word));
    if let Some(first) = syntax.iter().position(|mistake| mistake.message.starts_with(ONE_TABLE)) {
        syntax.truncate(first + 1);
    }
    if let Some(first) = syntax.iter().position(is_bracket) {
        syntax.truncate(first + 1);
        let bracket = syntax.pop().expect("the first one is there");
        syntax.push(bracket.help("perhaps a bracket before it is not closed"));
    }
    syntax
}

/// The lines that the mistakes touch, in bytes.
fn lines(text: &str, mistakes: &[Diagnostic]) -> Vec<Range<usize>> {
    let spans = mistakes.iter().take(MISTAKES).filter_map(|mistake| mistake.span.clone());
    spans
        .map(|span| {
            let (start, end) = (span.start.min(text.len()), span.end.min(text.len()));
            let from =
                text.as_bytes()[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            let to =
                text.as_bytes()[end..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| end + length);
            from..to + 1
        })
        .collect()
}

/// The file as a whole. Reads every part, whatever is wrong with the others, before it gives up.
fn scenario(root: &mut Table, name: &str, subject: Subject) -> Option<Scenario> {
    // First the cluster: what follows names its nodes.
    let cluster = read_world::cluster(root, subject.replicas_max.unwrap_or(u16::MAX));
    root.context().set_core_size(cluster.and_then(|cluster| subject.core_size(cluster.replicas)));
    let Subject { title, system, plant, parameters, backoff, .. } = subject;
    let backoff = system.as_deref().zip(backoff);
    let parameters = read_subject::parameters(root, parameters);
    let plan = read_plan::plan(root);
    let network = read_world::network(root);
    let storage = read_world::storage(root);
    let clocks = read_world::clocks(root);
    let schedule = read_world::schedule(root);
    let workload = read_workload::workload(root);
    let phases = read_phase::phases(root);
    let is_quiet = |phase: &super::Phase| phase.quiet.is_some();
    let quiet = phases.as_ref().map(|phases| (phases.iter().any(is_quiet), phases.last().is_some_and(is_quiet)));
    let slowest = network.latency.max();
    let is_limited = storage.budget != BudgetKind::None;
    let check = read_check::checks(root, &read_check::Progress { backoff, slowest, quiet, is_limited });
    let expect = read_check::expectation(root, &check);

    Some(Scenario {
        name: name.to_string(),
        title: title?,
        system: system?,
        plant,
        parameters,
        cluster: cluster?,
        network,
        storage,
        clocks,
        schedule,
        workload: workload?,
        phases: phases?,
        check,
        expect,
        plan,
    })
}
