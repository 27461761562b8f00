//! Retelling a bug: the comment with which a kept regression opens.
//!
//! Somebody who opens the file a year later has not seen the run. The comment says what was found, what had been
//! promised, what happened, and then in order what led there, in sentences made of the [past](super::past). What one
//! node does in one go is one sentence. Where there are more than [`SENTENCES_MAX`], the least telling go.

use std::time::Duration;

use crate::base::{Checksum, EventKind, Instant, Lost, NodeId, Outcome, Probe};
use crate::check::Violation;
use crate::scenario::{Core, Scenario};

use super::lanes::lanes;
use super::past::Past;
use super::steps::{Fate, Message, Step, What, doing, on_one_line};
use super::words::{counted, wrapped};

/// How wide a comment may be.
const WIDTH: usize = 120;

/// How many sentences tell what led to a violation.
const SENTENCES_MAX: usize = 15;

/// How many things done in one go make one sentence.
const CLAUSES_MAX: usize = 3;

/// What a node does within this time is done in one go: its disk takes as long to make something durable.
const ONE_GO: Duration = Duration::from_millis(20);

/// The comment: lines that begin with `#`, each with a line feed.
pub fn opening(scenario: &Scenario, violation: &Violation, past: &Past) -> String {
    let mut text = String::new();
    let Violation { oracle, promised, happened, .. } = violation;
    let planted = scenario.plant.as_ref().map_or(String::new(), |plant| format!(", with the planted bug `{plant}`"));
    let who = match (violation.nodes.first(), violation.role) {
        (Some(node), Some(role)) => format!(" It objects to {node} ({role})."),
        (Some(node), None) => format!(" It objects to {node}."),
        (None, _) => String::new(),
    };
    let name = on_one_line(&scenario.name);
    comment(&mut text, "", &format!("Found by {oracle} ({}) in `{name}`{planted}.{who}", oracle.name()));
    comment(&mut text, "Promised: ", &format!("{promised}."));
    comment(&mut text, "Happened: ", &format!("{happened}."));
    text.push_str("#\n");
    comment(&mut text, "", "In order:");
    let mut sentences = sentences(scenario, past);
    let dropped = shorten(&mut sentences);
    for (index, sentence) in sentences.iter().enumerate() {
        comment(&mut text, &format!("{:>2}. ", index + 1), &sentence.text);
    }
    let left_out = dropped + past.left_out;
    if left_out > 0 {
        comment(&mut text, "", &format!("({} left out.)", counted(left_out, "lesser step")));
    }
    text
}

/// The picture of the past as lines of a comment, to follow [`opening`].
pub fn picture(past: &Past) -> String {
    lanes(past).lines().map(|line| format!("# {line}").trim_end().to_string() + "\n").collect()
}

/// Adds a text, folded; where it goes on it is indented to below its beginning.
fn comment(out: &mut String, lead: &str, text: &str) {
    let indent = lead.chars().count();
    for (index, line) in wrapped(&on_one_line(text), WIDTH - 2 - indent).iter().enumerate() {
        let lead = if index == 0 { lead.to_string() } else { " ".repeat(indent) };
        out.push_str(format!("# {lead}{line}").trim_end());
        out.push('\n');
    }
}

/// How much a sentence tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It accompanies: a mark, a packet that is under way.
    Aside,
    /// A packet arrives or is swallowed by a cut that was told, an entry is acknowledged, an epoch promised.
    Step,
    /// What clients ask and are told, and what is committed.
    Result,
    /// Faults and losses, new leaders, and the violation itself.
    Turn,
}

struct Sentence {
    text: String,
    weight: Weight,
}

/// Something that somebody does.
struct Clause {
    actor: Option<NodeId>,
    text: String,
    weight: Weight,
    /// It can be joined to what the same node did just before.
    follows: bool,
    at: Instant,
}

/// Takes out the least telling sentences, oldest first, and says how many. The last one stays.
fn shorten(sentences: &mut Vec<Sentence>) -> u64 {
    let mut dropped = 0;
    while sentences.len() > SENTENCES_MAX {
        let before_last = &sentences[..sentences.len() - 1];
        let least = before_last.iter().map(|sentence| sentence.weight).min().expect("there are many");
        let first = before_last.iter().position(|sentence| sentence.weight == least).expect("the least is one of them");
        sentences.remove(first);
        dropped += 1;
    }
    dropped
}

fn sentences(scenario: &Scenario, past: &Past) -> Vec<Sentence> {
    let mut clauses: Vec<Clause> = Vec::new();
    let steps = past.steps();
    let mut index = 0;
    while index < steps.len() {
        // The same to several is one thing: "sends Prepare(v0 op1) to r1 and r2".
        let mut together = vec![&steps[index]];
        while let Some(next) = steps.get(index + together.len()).filter(|next| is_same_to_another(&steps[index], next))
        {
            together.push(next);
        }
        index += together.len();
        clauses.push(clause(scenario, past, &together));
    }
    let mut sentences: Vec<Sentence> = Vec::new();
    let mut place = 0;
    while place < clauses.len() {
        let first = &clauses[place];
        let joined = |next: &&Clause| {
            next.follows && next.actor.is_some() && next.actor == first.actor && next.at.since(first.at) <= ONE_GO
        };
        let more = clauses[place + 1..].iter().take_while(joined).take(CLAUSES_MAX - 1).count();
        let group = &clauses[place..=place + more];
        place += group.len();
        let texts: Vec<&str> = group.iter().map(|clause| clause.text.as_str()).collect();
        let subject = first.actor.map_or(String::new(), |actor| format!("{actor} "));
        let weight = group.iter().map(|clause| clause.weight).max().unwrap_or(Weight::Aside);
        sentences.push(Sentence { text: format!("{subject}{}.", listed(&texts)), weight });
    }
    end(past, &steps, &mut sentences);
    sentences
}

/// Says where the promise was broken: in the last sentence, if that is about it, else in one of its own.
fn end(past: &Past, steps: &[Step], sentences: &mut Vec<Sentence>) {
    let Some(broken) = &past.broken else { return };
    let told = steps.last().is_some_and(|step| step.event == broken.event && matches!(step.what, What::Node(..)));
    match sentences.last_mut().filter(|_| told) {
        Some(last) => {
            last.text = format!("{}: {} is broken.", last.text.trim_end_matches('.'), broken.oracle);
            last.weight = Weight::Turn;
        }
        None => {
            let text = format!("So it stays until {}: {} is broken.", broken.at, broken.oracle);
            sentences.push(Sentence { text, weight: Weight::Turn });
        }
    }
}

/// Whether two steps differ only in who the packet is for.
fn is_same_to_another(one: &Step, other: &Step) -> bool {
    let (What::Message(a, fate), What::Message(b, other_fate)) = (&one.what, &other.what) else { return false };
    let alike = |m: &Message| (m.from, m.label, m.times > 1, m.again, m.corrupt, m.told);
    alike(a) == alike(b) && fate == other_fate && !a.told
}

fn clause(scenario: &Scenario, past: &Past, together: &[&Step]) -> Clause {
    let at = together[0].at;
    let open = |actor, weight, text| Clause { actor: Some(actor), text, weight, follows: true, at };
    let alone = |text| Clause { actor: None, text, weight: Weight::Turn, follows: false, at };
    match &together[0].what {
        What::World(text) => alone(world(scenario, text)),
        What::Node(node, kind) => {
            let (text, weight) = deed(past, kind);
            // Those who commit after the first only follow.
            let again = matches!(kind, EventKind::Probe(Probe::Committed { digest, .. })
                if past.shown.iter().any(|other| other.id < together[0].event && is_commit(&other.kind, digest)));
            let weight = if again { Weight::Aside } else { weight };
            // A call begins something, and so does what is done to a node.
            let begins = matches!(kind, EventKind::Call { .. } | EventKind::Crash(_) | EventKind::Boot(_));
            Clause { follows: !begins, ..open(*node, weight, text) }
        }
        What::Sends(message) => open(message.from, Weight::Aside, format!("sends {} to {}", name(message), message.to)),
        What::Message(message, Fate::Received) if message.told => {
            open(message.to, Weight::Step, format!("receives {} from {}", name(message), message.from))
        }
        What::Message(message, fate) if message.told => {
            let reason = reason(message, *fate);
            alone(format!("{} from {} to {} is lost{reason}", name(message), message.from, message.to))
        }
        What::Message(message, fate) => {
            let receivers: Vec<String> = together
                .iter()
                .filter_map(|step| match &step.what {
                    What::Message(message, _) => Some(message.to.to_string()),
                    _ => None,
                })
                .collect();
            let receivers = listed(&receivers.iter().map(String::as_str).collect::<Vec<&str>>());
            let sent = format!("sends {} to {receivers}", name(message));
            match fate {
                // What had an effect only when it was said again is a turn of its own.
                Fate::Received if message.repeat > 1 => open(message.from, Weight::Result, sent),
                // What clients ask and are told is what the promise was about.
                Fate::Received if !(message.from.is_replica() && message.to.is_replica()) => {
                    open(message.from, Weight::Result, sent)
                }
                Fate::Received => open(message.from, Weight::Step, sent),
                Fate::UnderWay => open(message.from, Weight::Aside, format!("{sent} (still under way at the end)")),
                // Where a link is cut, the cut has been told, and what it swallows follows from it.
                Fate::Lost(Lost::Cut) => {
                    open(message.from, Weight::Step, format!("{sent} (lost{})", reason(message, *fate)))
                }
                Fate::Lost(_) => open(message.from, Weight::Turn, format!("{sent} (lost{})", reason(message, *fate))),
            }
        }
    }
}

fn is_commit(kind: &EventKind, of: &Checksum) -> bool {
    matches!(kind, EventKind::Probe(Probe::Committed { digest, .. }) if digest == of)
}

fn reason(message: &Message, fate: Fate) -> String {
    match fate {
        Fate::Lost(Lost::Cut) => ", as the link is cut".to_string(),
        Fate::Lost(Lost::Down) => format!(", as {} is down", message.to),
        Fate::Lost(Lost::QueueFull) => ", as the queue is full".to_string(),
        Fate::Lost(Lost::Misrouted) => ", as it goes elsewhere".to_string(),
        Fate::Lost(Lost::Broken) => ", as the connection is broken".to_string(),
        _ => String::new(),
    }
}

fn name(message: &Message) -> String {
    let once = Message { times: 1, ..message.clone() };
    if message.times > 1 { format!("{} again and again", once.name()) } else { once.name() }
}

/// What the world does, as the beginning of a sentence.
fn world(scenario: &Scenario, text: &str) -> String {
    if let Some(name) = text.strip_prefix("phase ") {
        let phase = scenario.phases.iter().find(|phase| phase.name == name);
        let Some(quiet) = phase.and_then(|phase| phase.quiet.as_ref()) else {
            return format!("The phase `{name}` begins");
        };
        let Core::Nodes { core, healed } = &quiet.core else {
            return format!("The quiet phase `{name}` begins, and everybody is well");
        };
        let well: Vec<String> = core.iter().chain(healed).map(NodeId::to_string).collect();
        let well = listed(&well.iter().map(String::as_str).collect::<Vec<&str>>());
        return format!("The quiet phase `{name}` begins: {well} are well, and all others stay as they are");
    }
    if let Some(groups) = text.strip_prefix("partition ") {
        return format!("The network falls apart: {groups}");
    }
    for (word, says) in [
        ("cut ", "Links are cut"),
        ("clog ", "Links clog, and what they carry waits"),
        ("hold ", "Messages are held back"),
        ("release ", "What was held back goes on"),
    ] {
        if let Some(links) = text.strip_prefix(word) {
            return format!("{says}: {links}");
        }
    }
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// What a node does, as the end of a sentence about it.
fn deed(past: &Past, kind: &EventKind) -> (String, Weight) {
    // Entries whose digest the violation names are told apart by it.
    let happened = past.broken.as_ref().map_or("", |broken| broken.happened.as_str());
    let entry = |index: &u64, digest: &dyn std::fmt::Display| {
        let digest = digest.to_string();
        if happened.contains(&digest) { format!("op {index} ({digest})") } else { format!("op {index}") }
    };
    match kind {
        EventKind::Call { operation, .. } => (format!("calls `{operation}`"), Weight::Result),
        EventKind::Return { outcome: Outcome::Done(reply), .. } => (format!("is answered `{reply}`"), Weight::Result),
        EventKind::Return { outcome: Outcome::NotApplied, .. } => {
            ("is told that its call was not applied".to_string(), Weight::Result)
        }
        EventKind::Return { outcome: Outcome::Unknown, .. } => {
            ("gives up without knowing whether its call took effect".to_string(), Weight::Step)
        }
        EventKind::Crash(_) => ("crashes".to_string(), Weight::Turn),
        EventKind::Boot(_) => ("starts again".to_string(), Weight::Turn),
        EventKind::Pause => ("stops for a while".to_string(), Weight::Turn),
        EventKind::Resume => ("goes on".to_string(), Weight::Turn),
        EventKind::Reset { peer, .. } => (format!("learns that its connection to {peer} is gone"), Weight::Turn),
        EventKind::Stray { from, meant, label, .. } => {
            (format!("receives {label} from {from}, which was meant for {meant}"), Weight::Turn)
        }
        EventKind::Mark(mark) => (format!("passes \"{mark}\""), Weight::Aside),
        EventKind::Probe(probe) => statement(probe, entry),
        kind => (doing(kind), Weight::Turn),
    }
}

fn statement(probe: &Probe, entry: impl Fn(&u64, &dyn std::fmt::Display) -> String) -> (String, Weight) {
    match probe {
        Probe::Acked { epoch, index, digest } => {
            (format!("acks {} in epoch {epoch}", entry(index, digest)), Weight::Step)
        }
        Probe::Committed { epoch, index, digest } => {
            (format!("commits {} in epoch {epoch}", entry(index, digest)), Weight::Result)
        }
        Probe::Leads { epoch, committed, chain } => {
            let log = match committed + chain.len() as u64 {
                0 => "an empty log".to_string(),
                head if chain.is_empty() => format!("a log of {} (all known to be committed)", counted(head, "op")),
                head => format!("a log of {} ({committed} known to be committed)", counted(head, "op")),
            };
            (format!("begins to lead epoch {epoch} with {log}"), Weight::Turn)
        }
        Probe::Epoch { epoch, log_epoch } if epoch == log_epoch => (format!("promises epoch {epoch}"), Weight::Step),
        Probe::Epoch { epoch, log_epoch } => {
            (format!("promises epoch {epoch} with a log of epoch {log_epoch}"), Weight::Step)
        }
        Probe::Truncated { index, epoch } => (format!("cuts its log after op {index} for epoch {epoch}"), Weight::Turn),
        Probe::Executed { request, index, .. } => (format!("executes request {request} as op {index}"), Weight::Result),
        Probe::Applied { index, state } => (format!("has applied op {index} and is in state {state}"), Weight::Result),
        probe => (probe.to_string(), Weight::Turn),
    }
}

/// A list in words: `r1`, `r1 and r2`, `r1, r2 and r3`.
fn listed(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_string(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
