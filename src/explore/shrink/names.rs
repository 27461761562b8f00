//! A normal form: two failures of one bug should look alike.

use std::collections::BTreeMap;

use super::Shrinker;
use super::attempt::{steps, steps_mut};
use super::relabel::relabel;
use crate::base::{Event, EventKind, Key, NodeId, Operation, Probe, Role};
use crate::scenario::Scenario;

/// Numbers clients, keys and values by first use, and lets r0 be the first to lead if the protocol does not mind.
pub(super) fn normalise(shrinker: &mut Shrinker<'_>) {
    let mut candidate = shrinker.best.clone();
    rename_keys(&mut candidate);
    rename_values(&mut candidate);
    shrinker.attempt_simpler(candidate);

    let trace = shrinker.trace();
    let mut clients: Vec<NodeId> = Vec::new();
    for node in trace.iter().filter(|event| matches!(event.kind, EventKind::Call { .. })).filter_map(|event| event.node)
    {
        if !clients.contains(&node) {
            clients.push(node);
        }
    }
    let rest: Vec<NodeId> = shrinker.best.cluster.clients().filter(|node| !clients.contains(node)).collect();
    clients.extend(rest);
    let place = |node: NodeId| clients.iter().position(|client| *client == node).expect("all of them are there");
    let map = |node: NodeId| Some(if node.is_replica() { node } else { NodeId::client(place(node) as u16) });
    let candidate = relabel(&shrinker.best, shrinker.best.cluster, &map);
    shrinker.attempt_simpler(candidate);

    if let Some(first) = first_leader(&trace) {
        let replicas = shrinker.best.cluster.replicas;
        let turn = |node: NodeId| NodeId::replica((node.index() + replicas - first.index()) % replicas);
        let map = |node: NodeId| Some(if node.is_replica() { turn(node) } else { node });
        let candidate = relabel(&shrinker.best, shrinker.best.cluster, &map);
        shrinker.attempt_simpler(candidate);
    }

    let mut candidate = shrinker.best.clone();
    for (place, phase) in candidate.phases.iter_mut().enumerate() {
        let word = if phase.quiet.is_some() { "quiet" } else { "trouble" };
        phase.name = if place < 2 { word.to_string() } else { format!("{word} {}", place + 1) };
    }
    shrinker.attempt_simpler(candidate);
}

fn first_leader(trace: &[Event]) -> Option<NodeId> {
    let leads = |event: &&Event| {
        matches!(event.kind, EventKind::Probe(Probe::Role { role: Role::Primary, .. } | Probe::Leads { .. }))
    };
    trace.iter().find(leads).and_then(|event| event.node).filter(|node| node.index() != 0)
}

fn rename_keys(plan: &mut Scenario) {
    let mut names: BTreeMap<Key, Key> = BTreeMap::new();
    for step in steps_mut(plan) {
        let next = Key(names.len() as u32);
        match &mut step.operation {
            Operation::Get { key }
            | Operation::Put { key, .. }
            | Operation::Append { key, .. }
            | Operation::Cas { key, .. }
            | Operation::Delete { key } => *key = *names.entry(*key).or_insert(next),
            Operation::Custom { .. } => {}
        }
    }
}

/// Values become 1, 2, 3 in the order in which they are first written; what is appended keeps its mark at the end.
fn rename_values(plan: &mut Scenario) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    // A value that is only ever appended to a text could be mistaken for a part of another one; the mark prevents it.
    for step in steps(plan) {
        let written = match &step.operation {
            Operation::Put { value, .. } | Operation::Append { value, .. } => value,
            Operation::Cas { to, .. } => to,
            _ => continue,
        };
        let next = format!("{}{}", names.len() + 1, if written.ends_with(';') { ";" } else { "" });
        names.entry(written.clone()).or_insert(next);
    }
    let rename = |value: &mut String| {
        if let Some(name) = names.get(value) {
            value.clone_from(name);
        }
    };
    for step in steps_mut(plan) {
        match &mut step.operation {
            Operation::Put { value, .. } | Operation::Append { value, .. } => rename(value),
            Operation::Cas { from, to, .. } => {
                from.iter_mut().for_each(rename);
                rename(to);
            }
            _ => {}
        }
    }
}
