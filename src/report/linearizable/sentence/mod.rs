//! In one sentence, why a history is not linearizable.

mod others;
mod registers;
mod texts;

use crate::check::linearizability::Counterexample;
use crate::check::models::Standard;
use crate::check::recorded::{Act, Entry, Recording};

use crate::report::words::counted;

use super::steps::steps;
use super::wording::{Wording, listed};
use others::{of_counters, of_logs, of_queues, of_sets};
pub(super) use registers::denied;
use registers::of_registers;
use texts::of_texts;

/// More operations are not named one by one.
const NAMES: usize = 12;

/// Of what may have happened, so much is named as called later.
const HELPERS: usize = 3;

/// A sentence, and the steps of an argument where the sentence alone does not say why.
pub(super) struct Explanation {
    pub because: String,
    /// Each is indented by two spaces for every case that it belongs to.
    pub steps: Vec<String>,
}

/// Says why.
pub(super) fn explain(wording: Wording<'_>, counterexample: &Counterexample) -> Explanation {
    let places = counterexample.parts.iter().map(|part| part.place).chain(counterexample.helpers.iter().copied());
    let mut names: Vec<String> =
        operations(wording.recording, places).iter().map(|entry| wording.whose(entry)).collect();
    names.sort_unstable();
    let wording = Wording { with_lines: names.windows(2).any(|two| two[0] == two[1]), ..wording };
    if let Some(because) = familiar(wording, counterexample) {
        return Explanation { because, steps: Vec::new() };
    }
    let steps = steps(wording, counterexample);
    let parts = operations(wording.recording, counterexample.parts.iter().map(|part| part.place));
    let names: Vec<String> = parts.iter().map(|entry| wording.whose(entry)).collect();
    let whatever = if counterexample.from_anywhere { ", whatever was there before" } else { "" };
    let because = match names.as_slice() {
        [one] => format!("nothing explains {one}{whatever}"),
        names if names.len() > NAMES => {
            format!("no order explains these {} together{whatever}", counted(names.len() as u64, "operation"))
        }
        names => {
            let order = if steps.is_empty() { order(wording, counterexample, &parts) } else { String::new() };
            format!("no order explains {} together{whatever}{order}", listed(names))
        }
    };
    Explanation { because, steps }
}

/// What was over before what, as far as it matters.
fn order(wording: Wording<'_>, counterexample: &Counterexample, parts: &[&Entry]) -> String {
    let helpers = operations(wording.recording, counterexample.helpers.iter().copied());
    let mut order: Vec<String> = Vec::new();
    for (first, _) in parts.iter().zip(&counterexample.parts).filter(|(_, part)| part.ends) {
        // Only the nearest ones: what follows from them need not be said.
        let later: Vec<&&Entry> = parts.iter().filter(|other| first.precedes(other)).collect();
        let nearest = later.iter().filter(|one| !later.iter().any(|other| other.precedes(one)));
        let mut nearest: Vec<String> = nearest.map(|entry| wording.whose(entry)).collect();
        let called = helpers.iter().filter(|helper| first.precedes(helper));
        nearest.extend(called.take(HELPERS).map(|helper| wording.whose_asked(helper)));
        if !nearest.is_empty() {
            order.push(format!("{} was over before {} began", wording.whose(first), listed(&nearest)));
        }
    }
    if order.is_empty() { String::new() } else { format!("; {}", order.join(", and ")) }
}

fn operations(recording: &Recording, places: impl Iterator<Item = u32>) -> Vec<&Entry> {
    places.map(|place| &recording.entries[place as usize]).collect()
}

/// What happens most often, said as one would say it.
fn familiar(wording: Wording<'_>, counterexample: &Counterexample) -> Option<String> {
    let parts = operations(wording.recording, counterexample.parts.iter().map(|part| part.place));
    let helpers = operations(wording.recording, counterexample.helpers.iter().copied());
    let is_append = |entry: &Entry| entry.act == Act::Append;
    let appended = parts.iter().chain(&helpers).any(|entry| is_append(entry))
        || parts.len() == 1
            && wording.recording.entries.iter().any(|entry| entry.key == parts[0].key && is_append(entry));
    let of_registers = || of_registers(wording, counterexample.from_anywhere, &parts, &helpers);
    match wording.model {
        Standard::Register | Standard::KeyValue if appended => {
            of_texts(wording, &parts, &helpers).or_else(of_registers)
        }
        Standard::Register | Standard::KeyValue => of_registers(),
        Standard::Queue => of_queues(wording, &parts, &helpers),
        Standard::Counter => of_counters(wording, &parts),
        Standard::Set => of_sets(wording, &parts),
        Standard::Log => of_logs(wording, &parts, &helpers),
    }
}
