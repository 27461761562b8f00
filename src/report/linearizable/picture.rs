//! The operations of a counterexample, drawn, with what the drawing leaves unsaid below it.

use crate::check::linearizability::Counterexample;
use crate::check::models::Standard;
use crate::check::recorded::{Entry, NEVER, NOBODY};

use super::intervals::{self, Interval};
use super::sentence::denied;
use super::wording::Wording;
use crate::report::words::counted;

/// So many operations of a counterexample are shown; it rarely has more than five.
const PARTS: usize = 20;

/// And so many of those that may have happened or not; of texts that grow, all that they grew by is among them.
const HELPERS: usize = 6;

pub(super) fn picture(wording: Wording<'_>, counterexample: &Counterexample) -> String {
    let entry = |place: u32| &wording.recording.entries[place as usize];
    let interval = |entry: &Entry, what: String, ends: bool| Interval {
        line: entry.line,
        who: if entry.client == NOBODY { String::new() } else { wording.who(entry) },
        what,
        call: entry.call,
        end: (entry.end != NEVER).then_some(entry.end),
        ends,
    };
    let mut drawn: Vec<Interval> = Vec::new();
    for part in counterexample.parts.iter().take(PARTS) {
        let entry = entry(part.place);
        drawn.push(interval(entry, wording.operation(entry), part.ends));
    }
    if let [part] = counterexample.parts.as_slice()
        && let Some(swap) = denied(wording.recording, entry(part.place))
    {
        drawn.push(interval(swap, wording.operation(swap), true));
    }
    // The last ones are the nearest to what they are to explain.
    let hidden = counterexample.helpers.len().saturating_sub(HELPERS);
    for place in &counterexample.helpers[hidden..] {
        let entry = entry(*place);
        drawn.push(interval(entry, format!("({})", wording.asked(entry)), false));
    }
    drawn.sort_by_key(|interval| interval.call);
    let mut text = intervals::draw(&drawn);
    let mut say = |said: &str| text.push_str(&format!("    {said}\n"));
    if counterexample.parts.len() > PARTS {
        let more = (counterexample.parts.len() - PARTS) as u64;
        let sure = if counterexample.minimal { " that cannot be left out" } else { "" };
        say(&format!("and {} more{sure}", counted(more, "operation")));
    }
    if hidden > 0 {
        say(&format!("and {} before these in brackets", counted(hidden as u64, "operation")));
    }
    if counterexample.alike > 0 {
        let alike = counted(counterexample.alike as u64, "operation");
        say(&format!("not drawn: {alike} like one in brackets but called later, which can explain no more"));
    }
    if !counterexample.helpers.is_empty() {
        let does = match wording.model {
            Standard::Register | Standard::KeyValue => "write",
            _ => "change",
        };
        say(&format!(
            "( )   it counts only that this was not called earlier, not whether it happened: it may {does} what others found"
        ));
    }
    if drawn.iter().any(|interval| !interval.ends && !interval.what.starts_with('(')) {
        say("├╌┤   when it ended makes no difference: no later end would explain it either");
    }
    text
}
