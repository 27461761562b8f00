//! The same for machines: one JSON object. Times are whole nanoseconds from the start of the run.

use serde::Serialize;

use super::{Explanation, open};
use crate::base::NodeId;
use crate::base::time::nanos;
use crate::scenario::file::print;
use crate::scenario::outlook::{Due, Stage};
use crate::scenario::{Step, When, Workload};

#[derive(Serialize)]
struct Object<'a> {
    scenario: &'a str,
    seed: Option<u64>,
    plan: Option<PlanObject>,
    choices: Vec<ChoiceObject<'a>>,
    toml: String,
    phases: Vec<PhaseObject<'a>>,
    settle_ns: u64,
    clocks: Vec<ClockObject>,
    clients: Vec<ClientObject>,
    open: Vec<String>,
    notes: &'a [String],
    repeat: &'a str,
}

#[derive(Serialize)]
struct PlanObject {
    faults: usize,
    operations: u64,
    deviations: usize,
}

#[derive(Serialize)]
struct ChoiceObject<'a> {
    path: &'a str,
    what: &'a str,
    alternative: Option<usize>,
    alternatives: Option<usize>,
}

#[derive(Serialize)]
struct PhaseObject<'a> {
    name: &'a str,
    begins_ns: u64,
    lasts_ns: u64,
    quiet: bool,
    core: Option<Vec<String>>,
    healed: Option<Vec<String>>,
    faults: Vec<FaultObject>,
}

#[derive(Serialize)]
struct FaultObject {
    what: String,
    on: Option<String>,
    before: bool,
    at_ns: Vec<u64>,
}

#[derive(Serialize)]
struct ClockObject {
    node: String,
    ahead_ns: u64,
    /// Left out of clocks that keep pace.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift_ppm: Option<i32>,
}

#[derive(Serialize)]
struct ClientObject {
    client: String,
    operations: Vec<StepObject>,
}

#[derive(Serialize)]
struct StepObject {
    wait_ns: u64,
    operation: String,
}

/// For machines: one line.
pub fn json(explanation: &Explanation<'_>) -> String {
    let Explanation { choices, scenario, seed, outlook, notes, repeat } = *explanation;
    let drawn = matches!(scenario.workload, Workload::Drawn(_));
    let object = Object {
        scenario: &scenario.name,
        seed,
        plan: scenario.plan.as_ref().map(|plan| PlanObject {
            faults: scenario.phases.iter().map(|phase| phase.faults.len()).sum(),
            operations: scenario.workload.operations().unwrap_or(0),
            deviations: plan.deviations.len(),
        }),
        choices: choices
            .iter()
            .map(|choice| ChoiceObject {
                path: &choice.path,
                what: &choice.what,
                alternative: choice.alternative.map(|(which, _)| which),
                alternatives: choice.alternative.map(|(_, count)| count),
            })
            .collect(),
        toml: print(scenario),
        phases: outlook.stages.iter().map(phase).collect(),
        settle_ns: nanos(outlook.settle),
        clocks: outlook
            .offsets
            .iter()
            .zip(&outlook.drifts)
            .map(|((node, offset), (_, drift))| ClockObject {
                node: node.to_string(),
                ahead_ns: nanos(*offset),
                drift_ppm: Some(*drift).filter(|drift| *drift != 0),
            })
            .collect(),
        clients: outlook
            .clients
            .iter()
            .map(|asking| ClientObject {
                client: asking.client.to_string(),
                operations: asking.steps.iter().map(|step| operation(step, drawn)).collect(),
            })
            .collect(),
        open: open::open(scenario),
        notes,
        repeat,
    };
    let mut text = serde_json::to_string(&object).expect("these objects have text for names and no failing parts");
    text.push('\n');
    text
}

fn phase<'a>(stage: &Stage<'a>) -> PhaseObject<'a> {
    let names = |nodes: &Vec<NodeId>| nodes.iter().map(NodeId::to_string).collect();
    PhaseObject {
        name: &stage.phase.name,
        begins_ns: nanos(stage.begins),
        lasts_ns: nanos(stage.phase.duration),
        quiet: stage.phase.quiet.is_some(),
        core: stage.core.as_ref().map(|(core, _)| names(core)),
        healed: stage.core.as_ref().map(|(_, healed)| names(healed)),
        faults: stage.faults.iter().map(fault).collect(),
    }
}

fn fault(due: &Due<'_>) -> FaultObject {
    let (on, before) = match &due.fault.when {
        When::On { trigger, before } => (Some(trigger.to_string()), *before),
        When::At(_) | When::Every(_) => (None, false),
    };
    FaultObject { what: due.fault.what.to_string(), on, before, at_ns: due.times.iter().copied().map(nanos).collect() }
}

fn operation(step: &Step, drawn: bool) -> StepObject {
    StepObject { wait_ns: nanos(step.wait), operation: super::operation(&step.operation, drawn) }
}
