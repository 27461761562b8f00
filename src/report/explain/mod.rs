//! What a seed will do, told without running it.

mod choices;
mod object;
mod open;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::base::measure::format_signed_drift;
use crate::base::{Instant, NodeId, Operation};
use crate::scenario::file::{Choice, print};
use crate::scenario::outlook::{Asking, Due, Stage};
use crate::scenario::{Outlook, Scenario, Step, When};

use super::words::{counted, field, span, wrapped};

pub use object::json;

/// What is told of one seed of a scenario, or of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a> {
    /// What was chosen for this seed, in the order in which it was chosen.
    pub choices: &'a [Choice],
    /// The scenario that came of it.
    pub scenario: &'a Scenario,
    /// The seed; none for a plan, in which nothing is left to chance.
    pub seed: Option<u64>,
    /// What is decided before the run.
    pub outlook: &'a Outlook<'a>,
    /// Remarks, a sentence each.
    pub notes: &'a [String],
    /// The command that runs it.
    pub repeat: &'a str,
}

/// How many of the times of one fault are shown.
const TIMES: usize = 4;

/// How wide a line may become.
const WIDTH: usize = 110;

/// Under the times of the timeline.
const INDENT: &str = "                  ";

/// For people.
pub fn human(explanation: &Explanation<'_>) -> String {
    let Explanation { scenario, seed, outlook, .. } = explanation;
    let mut text = match seed {
        Some(seed) => format!("{}  seed {seed}: {}\n", scenario.name, scenario.title),
        None => format!("{}: {}\n", scenario.name, scenario.title),
    };
    for note in explanation.notes {
        text.push_str(&field("note", note));
    }
    match &scenario.plan {
        Some(plan) => {
            let faults = scenario.phases.iter().map(|phase| phase.faults.len() as u64).sum();
            let operations = scenario.workload.operations().unwrap_or(0);
            let counts = [
                counted(faults, "fault"),
                counted(operations, "operation"),
                counted(plan.deviations.len() as u64, "deviation"),
            ];
            text.push_str(&field("a plan", &format!("nothing is left to chance: {}", counts.join(", "))));
        }
        None => {
            text.push_str("\nwhat this seed chose\n");
            match explanation.choices {
                [] => text.push_str("  nothing: the file says the same scenario for every seed\n"),
                choices => text.push_str(&choices::table(choices)),
            }
            text.push_str("\nthe scenario that this is\n");
            for line in print(scenario).lines() {
                text.push_str(&if line.is_empty() { "\n".to_string() } else { format!("  {line}\n") });
            }
        }
    }
    text.push_str("\nwhat is decided before it runs\n");
    outlook.stages.iter().for_each(|stage| text.push_str(&self::stage(stage)));
    text.push_str(&format!("  {}  {}\n", time(outlook.end()), end(outlook)));
    text.push_str(&clocks(outlook));
    text.push_str(&clients(scenario, outlook));
    let open = open::open(scenario);
    if !open.is_empty() {
        text.push_str("\nwhat only the run decides\n");
        for sentence in open {
            text.push_str(&listed(&sentence));
        }
    }
    text.push_str(&format!("\nrun it: {}\n", explanation.repeat));
    text
}

/// A moment of the run, as traces show it.
fn time(at: Duration) -> String {
    format!("{:>14}", (Instant::START + at).to_string())
}

/// A remark, folded under itself.
fn listed(sentence: &str) -> String {
    format!("  {}\n", wrapped(sentence, WIDTH - 4).join("\n    "))
}

fn stage(stage: &Stage<'_>) -> String {
    let phase = stage.phase;
    let quiet = if phase.quiet.is_some() { "quiet phase" } else { "phase" };
    let mut text = format!("  {}  {quiet} `{}`, {}\n", time(stage.begins), phase.name, span(phase.duration));
    if let Some((core, healed)) = &stage.core {
        let besides = if healed.is_empty() { String::new() } else { format!("; besides it heals {}", nodes(healed)) };
        text.push_str(&format!("{INDENT}core {}{besides}\n", nodes(core)));
    }
    for due in &stage.faults {
        text.push_str(&format!("{INDENT}{}\n{INDENT}  {}\n", due.fault.what, when(due)));
    }
    text
}

/// When a fault strikes.
fn when(due: &Due<'_>) -> String {
    if let When::On { trigger, before } = &due.fault.when {
        return format!("{} {trigger}", if *before { "just before" } else { "on" });
    }
    let shown: Vec<String> = due.times.iter().take(TIMES).map(|at| (Instant::START + *at).to_string()).collect();
    match due.times.len() - shown.len() {
        _ if shown.is_empty() => "never: it would come after the end of the phase".to_string(),
        0 => format!("at {}", shown.join(", ")),
        more => format!("at {} and {more} times more", shown.join(", ")),
    }
}

fn nodes(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::to_string).collect::<Vec<String>>().join(" ")
}

fn end(outlook: &Outlook<'_>) -> String {
    match outlook.settle {
        Duration::ZERO => "the end".to_string(),
        settle => format!("clients ask no more; the end, once all is settled, at the latest {} later", span(settle)),
    }
}

fn clocks(outlook: &Outlook<'_>) -> String {
    let ahead = outlook.offsets.iter().filter(|(_, offset)| !offset.is_zero());
    let ahead: Vec<String> = ahead.map(|(node, offset)| format!("{node} {}", span(*offset))).collect();
    let drifting = outlook.drifts.iter().filter(|(_, drift)| *drift != 0);
    let drifting: Vec<String> =
        drifting.map(|(node, drift)| format!("{node} {}", format_signed_drift(*drift))).collect();
    let said = match (&ahead[..], &drifting[..]) {
        ([], []) => "exact".to_string(),
        (ahead, []) => format!("ahead: {}", ahead.join(", ")),
        ([], drifting) => format!("drift: {}", drifting.join(", ")),
        (ahead, drifting) => format!("ahead: {}; drift: {}", ahead.join(", "), drifting.join(", ")),
    };
    format!("\n{}", field("clocks", &said))
}

fn clients(scenario: &Scenario, outlook: &Outlook<'_>) -> String {
    let drawn = matches!(scenario.workload, crate::scenario::Workload::Drawn(_));
    let mut text = String::new();
    for Asking { client, steps, more } in outlook.clients.iter().filter(|asking| !asking.steps.is_empty()) {
        let steps: Vec<String> = steps.iter().map(|step| asked(step, drawn)).collect();
        let rest = if *more { ", and so on" } else { "" };
        text.push_str(&field(&client.to_string(), &format!("{}{rest}", steps.join(", then "))));
    }
    if let Some(most) = scenario.workload.operations().filter(|most| *most > 0) {
        text.push_str(&field("in all", &counted(most, "operation")));
    }
    text
}

/// A step in words. Its wait begins when the answer before it has come.
fn asked(step: &Step, drawn: bool) -> String {
    let operation = operation(&step.operation, drawn);
    if step.wait.is_zero() { operation } else { format!("after {} {operation}", span(step.wait)) }
}

/// An operation in words. What a drawn compare-and-swap expects is not known yet.
fn operation(operation: &Operation, drawn: bool) -> String {
    match operation {
        Operation::Cas { key, to, .. } if drawn => format!("cas {key} (as seen) {to}"),
        other => other.to_string(),
    }
}
