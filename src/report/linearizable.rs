//! What came of checking a recorded history: as text and as JSON.

use serde_json::{Value, json};

use crate::check::linearizability::{Counterexample, Judgement, Tier, Unfinished, Verdict};
use crate::check::models::Standard;
use crate::check::recorded::{ABSENT, Act, Answer, Entry, NEVER, NO_INDEX, Overlap, Overlaps, Recording};

use super::intervals::{self, Interval};
use super::words::{counted, field, grouped};

/// So many operations of a counterexample are shown; it rarely has more than five.
const SHOWN: usize = 20;

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
        let Checked { name, recording, judgement, .. } = self;
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
        if let Some(Overlap { client, call, before: (from, to) }) = self.overlaps.first {
            let more = match self.overlaps.count - 1 {
                0 => String::new(),
                more => format!(" (and {} more)", counted(more, "such call")),
            };
            let what = format!(
                "client {client} calls at {call}, although its operation from {from} to {to} is not over{more}: are lines doubled, \
                 or clients mixed up? What counts are the times"
            );
            text.push_str(&field("warning", &what));
        }
        match &judgement.verdict {
            Verdict::Linearizable => {}
            Verdict::Impossible(counterexample) => {
                text.push('\n');
                text.push_str(&field("because", &sentence(recording, self.model, counterexample)));
                text.push('\n');
                text.push_str(&self.picture(counterexample));
                text.push('\n');
                text.push_str(&field("explained", &self.prefix(counterexample)));
                if !counterexample.minimal {
                    let more =
                        "the budget ran out before it was clear whether fewer operations, or less of them, would do";
                    text.push_str(&field("perhaps", more));
                }
                text.push_str(&format!("\nrepeat: {}\n", self.repeat));
            }
            Verdict::Undecided(unfinished) => {
                for Unfinished { key, explained, moments, until } in unfinished {
                    let (explained, moments) = (grouped(*explained), grouped(*moments));
                    let key = recording.keys.show(*key);
                    text.push_str(&field(
                        "undecided",
                        &format!("{key}: {explained} of {moments} calls and returns are explained, up to {until}"),
                    ));
                }
                text.push_str(&format!("\nrepeat: {} with a larger --budget\n", self.repeat));
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
            let what = describe(self.recording, self.model, entry, true);
            let place = match entry.index {
                NO_INDEX => "has none".to_owned(),
                index => format!("cannot be number {index}"),
            };
            format!("; `{what}` of client {} at {} {place}", entry.client, entry.call)
        });
        let first = first.unwrap_or_default();
        format!("the order that `index` claims does not explain {objects}{although}{first}")
    }

    fn picture(&self, counterexample: &Counterexample) -> String {
        let entry = |place: &u32| &self.recording.entries[*place as usize];
        let interval = |entry: &Entry, end: Option<u64>, answered: bool| Interval {
            who: format!("client {}", entry.client),
            what: describe(self.recording, self.model, entry, answered),
            call: entry.call,
            end,
        };
        let mut drawn: Vec<Interval> = Vec::new();
        for part in &counterexample.parts {
            let entry = entry(&part.place);
            drawn.push(interval(entry, part.ends.then_some(entry.end), true));
        }
        if let [part] = counterexample.parts.as_slice()
            && let Some(swap) = denied(self.recording, entry(&part.place))
        {
            drawn.push(interval(swap, Some(swap.end), true));
        }
        let helpers = counterexample.helpers.iter().take(SHOWN.saturating_sub(drawn.len()));
        drawn.extend(helpers.map(|place| interval(entry(place), None, false)));
        drawn.sort_by_key(|interval| interval.call);
        let hidden = drawn.len().saturating_sub(SHOWN);
        drawn.truncate(SHOWN);
        let untold =
            hidden + (counterexample.parts.len() + counterexample.helpers.len()).saturating_sub(drawn.len() + hidden);
        let mut text = intervals::draw(&drawn);
        if untold > 0 {
            text.push_str(&format!("  and {} that may have happened or not\n", counted(untold as u64, "operation")));
        }
        text
    }

    fn prefix(&self, counterexample: &Counterexample) -> String {
        let Some(prefix) = counterexample.prefix else {
            return "nobody can say how much of it: the nodes have run out over that".to_owned();
        };
        let entry = &self.recording.entries[prefix.broken_by as usize];
        let what = describe(self.recording, self.model, entry, true);
        let (client, end) = (entry.client, entry.end);
        let returns = counted(prefix.returned, "return");
        format!("the first {returns} on this object; the next is that of `{what}` by client {client} at {end}")
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let Checked { name, recording, judgement, .. } = self;
        let decided: serde_json::Map<String, Value> =
            Tier::ALL.iter().map(|tier| (tier.to_string(), json!(judgement.decided[*tier as usize]))).collect();
        let mut value = json!({
            "file": name,
            "verdict": self.verdict(),
            "model": self.model.to_string(),
            "operations": self.operations,
            "objects": self.objects,
            "decided": decided,
            "misled": judgement.misled,
            "misfit": judgement.misfit,
            "overlaps": self.overlaps.count,
            "nodes": judgement.nodes,
            "repeat": self.repeat,
        });
        match &judgement.verdict {
            Verdict::Linearizable => {}
            Verdict::Impossible(counterexample) => value["counterexample"] = self.counterexample(counterexample),
            Verdict::Undecided(_) => {
                let unfinished = |one: &Unfinished| {
                    json!({
                        "key": recording.keys.show(one.key),
                        "explained": one.explained,
                        "moments": one.moments,
                        "until": one.until,
                    })
                };
                value["undecided"] = undecided_list(&judgement.verdict, unfinished);
            }
        }
        value
    }

    fn counterexample(&self, counterexample: &Counterexample) -> Value {
        let recording = self.recording;
        let operation = |place: u32, ends: Option<bool>| {
            let entry = &recording.entries[place as usize];
            json!({
                "operation": describe(recording, self.model, entry, ends.is_some()),
                "client": entry.client,
                "call": entry.call,
                "return": if entry.end == NEVER { Value::Null } else { json!(entry.end) },
                "return_matters": ends.unwrap_or(false),
                "place": place,
            })
        };
        let prefix = counterexample
            .prefix
            .map(|prefix| json!({ "returned": prefix.returned, "broken_by": operation(prefix.broken_by, Some(true)) }));
        json!({
            "key": recording.keys.show(counterexample.key),
            "tier": counterexample.tier.to_string(),
            "because": sentence(recording, self.model, counterexample),
            "operations": counterexample.parts.iter().map(|part| operation(part.place, Some(part.ends))).collect::<Vec<_>>(),
            "perhaps": counterexample.helpers.iter().map(|place| operation(*place, None)).collect::<Vec<_>>(),
            "from_anywhere": counterexample.from_anywhere,
            "minimal": counterexample.minimal,
            "explained": prefix,
        })
    }
}

fn undecided_list(verdict: &Verdict, json: impl Fn(&Unfinished) -> Value) -> Value {
    match verdict {
        Verdict::Undecided(unfinished) => unfinished.iter().map(json).collect(),
        _ => Value::Null,
    }
}

/// An operation and its answer, as it is written in the picture: `get x -> 1`.
fn describe(recording: &Recording, model: Standard, entry: &Entry, answered: bool) -> String {
    let key = recording.keys.show(entry.key);
    let (value, from) = (shown(recording, entry.value), shown(recording, entry.from));
    let word = match (entry.act, model) {
        (Act::Get, Standard::Log) => return answer(format!("read {key} {from}"), answered.then_some(value)),
        (Act::Append, Standard::Log) => {
            let position = (answered && entry.from != ABSENT).then_some(from);
            return answer(format!("append {key} {value}"), position);
        }
        (Act::Get, _) => return answer(format!("get {key}"), answered.then_some(value)),
        (Act::Dequeue, _) => return answer(format!("dequeue {key}"), answered.then_some(value)),
        (Act::Cas, _) => {
            let said = match entry.answer {
                Answer::Yes => "swapped",
                Answer::No => "not swapped",
                _ => "?",
            };
            return answer(format!("cas {key} {from} {value}"), answered.then(|| said.to_owned()));
        }
        (Act::Contains, _) => {
            let said = if entry.answer == Answer::Yes { "yes" } else { "no" };
            return answer(format!("contains {key} {value}"), answered.then(|| said.to_owned()));
        }
        (Act::Put, _) => "put",
        (Act::Append, _) => "append",
        (Act::Delete, _) => return answer(format!("delete {key}"), (!answered).then(|| "?".to_owned())),
        (Act::Add, _) => "add",
        (Act::Remove, _) => "remove",
        (Act::Enqueue, _) => "enqueue",
    };
    answer(format!("{word} {key} {value}"), (!answered).then(|| "?".to_owned()))
}

fn answer(asked: String, told: Option<String>) -> String {
    match told {
        Some(told) => format!("{asked} -> {told}"),
        None => asked,
    }
}

/// A value, its end if it is long: that is where values that grow differ.
fn shown(recording: &Recording, value: u32) -> String {
    let text = recording.values.show(value).replace(crate::check::models::Set::SEPARATOR, " ");
    let length = text.chars().count();
    if length > 24 { format!("…{}", text.chars().skip(length - 23).collect::<String>()) } else { text }
}

/// In one sentence, why it is not linearizable.
pub fn sentence(recording: &Recording, model: Standard, counterexample: &Counterexample) -> String {
    let entry = |place: u32| &recording.entries[place as usize];
    let parts: Vec<&Entry> = counterexample.parts.iter().map(|part| entry(part.place)).collect();
    let helpers: Vec<&Entry> = counterexample.helpers.iter().map(|place| entry(*place)).collect();
    let name = |entry: &Entry| {
        let told = describe(recording, model, entry, true);
        format!("`{told}` of client {}", entry.client)
    };
    if let Some(said) = familiar(recording, model, counterexample.from_anywhere, &parts, &helpers) {
        return said;
    }
    let mut order: Vec<String> = Vec::new();
    for (first, part) in parts.iter().zip(&counterexample.parts) {
        // Only the nearest ones: what follows from them need not be said.
        let later: Vec<&&Entry> = parts.iter().filter(|other| part.ends && first.precedes(other)).collect();
        let nearest = later.iter().filter(|one| !later.iter().any(|other| other.precedes(one)));
        let nearest: Vec<String> = nearest.map(|entry| name(entry)).collect();
        if !nearest.is_empty() {
            order.push(format!("{} was over before {} began", name(first), nearest.join(" and ")));
        }
    }
    let whatever = match (counterexample.from_anywhere, helpers.is_empty()) {
        (true, true) => {
            ", whatever was there before: nothing that may have happened in between leads from one to the other"
        }
        (true, false) => ", whatever was there before",
        (false, _) => "",
    };
    let names: Vec<String> = parts.iter().map(|entry| name(entry)).collect();
    if let ([one], true) = (names.as_slice(), order.is_empty()) {
        return format!("nothing explains {one}{whatever}");
    }
    if order.is_empty() {
        return format!("no order explains {} together{whatever}", listed(&names));
    }
    format!("no order explains {} together{whatever}; {}", listed(&names), order.join(", and "))
}

/// What happens most often, said as one would say it.
fn familiar(
    recording: &Recording,
    model: Standard,
    from_anywhere: bool,
    parts: &[&Entry],
    helpers: &[&Entry],
) -> Option<String> {
    if !matches!(model, Standard::Register | Standard::KeyValue) {
        return None;
    }
    let value = |id| shown(recording, id);
    let writes = |entry: &&&Entry, id| matches!(entry.act, Act::Put | Act::Cas) && entry.value == id;
    let who = |entry: &Entry| format!("client {}", entry.client);
    let told = |entry: &Entry| format!("`{}` of client {}", describe(recording, model, entry, true), entry.client);
    let both_swapped = |one: &Entry, other: &Entry| {
        (one.act, one.answer, one.from) == (Act::Cas, Answer::Yes, other.from)
            && (other.act, other.answer) == (Act::Cas, Answer::Yes)
    };
    let shows = |entry: &Entry, id| {
        matches!(entry.act, Act::Put | Act::Cas | Act::Get) && entry.value == id && entry.answer != Answer::No
    };
    let changes = |entry: &Entry, id| {
        matches!(entry.act, Act::Put | Act::Cas | Act::Get) && entry.value != id && entry.answer != Answer::No
    };
    match parts {
        [read] if is_unheard_of(read) && helpers.is_empty() => Some(format!(
            "client {} read {} at some time from {} to {}, which nobody had written by then{}",
            read.client,
            value(read.value),
            read.call,
            read.end,
            denied(recording, read).map_or(String::new(), |swap| format!(
                ", unless {}, called at {}, did swap although it says otherwise",
                told(swap),
                swap.call
            ))
        )),
        [read] if read.act == Act::Get && read.value != ABSENT => {
            let write = helpers.iter().find(|entry| writes(entry, read.value))?;
            (helpers.len() == 1 && read.precedes(write)).then(|| {
                format!(
                    "client {} read {} until {}, but `{}` of client {} began only at {}",
                    read.client,
                    value(read.value),
                    read.end,
                    describe(recording, model, write, false),
                    write.client,
                    write.call
                )
            })
        }
        [one, other] if both_swapped(one, other) && !from_anywhere => {
            Some(format!("{} and {} both found {}, which was there once only", told(one), told(other), value(one.from)))
        }
        [newer, read]
            if read.act == Act::Get && read.value == ABSENT && newer.precedes(read) && changes(newer, ABSENT) =>
        {
            Some(format!(
                "{} found nothing at some time from {} to {}, but {} had ended before, at {}",
                who(read),
                read.call,
                read.end,
                told(newer),
                newer.end
            ))
        }
        [older, newer, read]
            if read.act == Act::Get
                && shows(older, read.value)
                && changes(newer, read.value)
                && older.precedes(newer)
                && newer.precedes(read) =>
        {
            Some(format!(
                "{} read {} at some time from {} to {}, though that had been replaced: {} was over at {}, before {} \
                 began, and that was over at {}",
                who(read),
                value(read.value),
                read.call,
                read.end,
                told(older),
                older.end,
                told(newer),
                newer.end
            ))
        }
        _ => None,
    }
}

/// A swap that would have written what was read, had it not failed. That it failed is believed, and so it is no part of what
/// cannot be explained; but it is the first thing to look at.
fn denied<'a>(recording: &'a Recording, read: &Entry) -> Option<&'a Entry> {
    if !is_unheard_of(read) {
        return None;
    }
    recording.entries.iter().find(|entry| {
        let is_denied = entry.act == Act::Cas && entry.answer == Answer::No;
        is_denied && entry.key == read.key && entry.value == read.value && !read.precedes(entry)
    })
}

/// Whether it alone is what cannot be explained: it found something that nobody is said to have written.
fn is_unheard_of(read: &Entry) -> bool {
    read.act == Act::Get && read.value != ABSENT
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
