//! Which events can have had a part in a violation: Lamport's order, backwards from where it showed.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Event, EventKind, NodeId, Probe};
use crate::check::{OracleId, Violation};

use super::{cause, place};

/// Where a past begins.
pub(super) struct Roots {
    /// Statements that contradict each other, as places in the trace: the one that broke the promise, and those that
    /// the violation holds against it.
    pub said: Vec<usize>,
    /// The last event of each node that counts.
    pub reach: BTreeMap<NodeId, usize>,
}

/// The violating event, and of each further node what the violation holds against it, else all that it did.
///
/// Who waits in vain has heard nothing of what went wrong, and a history of clients is judged by the clock on the wall
/// and not by who knew of whom. So if progress is missing every node counts to the end, and if the history is wrong
/// every client does.
pub(super) fn roots(trace: &[Event], violation: &Violation) -> Roots {
    let mut roots = Roots { said: Vec::new(), reach: BTreeMap::new() };
    let Some(broken) = place(trace, violation.event) else { return roots };
    let last = |node: NodeId| trace.iter().rposition(|event| event.node == Some(node));
    let everybody = |clients_only: bool| {
        let nodes = trace.iter().filter_map(|event| event.node);
        nodes.filter(move |node| !(clients_only && node.is_replica())).collect::<BTreeSet<NodeId>>()
    };
    let counted = match violation.oracle {
        oracle if oracle.is_liveness() => everybody(false),
        OracleId::Lin => everybody(true),
        _ => Default::default(),
    };
    roots.reach.extend(counted.into_iter().filter_map(|node| Some((node, last(node)?))));
    let breaker = trace[broken].node.filter(|node| violation.nodes.contains(node));
    if let Some(breaker) = breaker {
        roots.said.push(broken);
        roots.reach.entry(breaker).or_insert(broken);
    }
    // Entries that the violation names, where they were first promised.
    let mut named = BTreeSet::new();
    for (place, event) in trace.iter().enumerate() {
        if let EventKind::Probe(Probe::Acked { digest, .. }) = &event.kind
            && violation.happened.contains(&digest.to_string())
            && named.insert(*digest)
        {
            roots.said.push(place);
        }
    }
    for node in &violation.nodes {
        // It may be one and the same node that said both.
        let held =
            (0..broken).find(|place| trace[*place].node == Some(*node) && is_held(trace, *place, broken, violation));
        roots.said.extend(held);
        if Some(*node) != breaker {
            roots.reach.extend(held.or_else(|| last(*node)).map(|place| (*node, place)));
        }
    }
    roots
}

/// Whether a violation at `broken` holds what is said at `place` against it: it is about the same entry or request, or
/// the violation names its digest.
fn is_held(trace: &[Event], place: usize, broken: usize, violation: &Violation) -> bool {
    let EventKind::Probe(said) = &trace[place].kind else { return false };
    let named = |digest: &crate::base::Checksum| violation.happened.contains(&digest.to_string());
    match (said, &trace[broken].kind) {
        (Probe::Committed { index, .. }, EventKind::Probe(Probe::Committed { index: other, .. })) if index == other => {
            true
        }
        (Probe::Applied { index, .. }, EventKind::Probe(Probe::Applied { index: other, .. })) => index == other,
        (
            Probe::Executed { client, request, .. },
            EventKind::Probe(Probe::Executed { client: other_client, request: other_request, .. }),
        ) => (client, request) == (other_client, other_request),
        (Probe::Committed { digest, .. }, EventKind::Probe(Probe::Leads { .. })) => named(digest),
        _ => false,
    }
}

/// Which events lie in the past of these, each node's up to the event named.
///
/// What is done to a node that takes part belongs to it even where it comes later, and so does the loss of a packet.
pub(super) fn inside(trace: &[Event], mut reach: BTreeMap<NodeId, usize>) -> Vec<bool> {
    let mut inside = vec![false; trace.len()];
    // A cause lies before its effect, so one pass backwards sees everything.
    for place in (0..trace.len()).rev() {
        let event = &trace[place];
        inside[place] = event.node.is_some_and(|node| reach.get(&node).is_some_and(|last| place <= *last));
        if !inside[place] {
            continue;
        }
        if let Some((node, cause)) = cause(trace, place).and_then(|cause| Some((trace[cause].node?, cause))) {
            let last = reach.entry(node).or_insert(cause);
            *last = (*last).max(cause);
        }
    }
    for place in 0..trace.len() {
        let event = &trace[place];
        let takes_part = || event.node.is_none_or(|node| reach.contains_key(&node));
        inside[place] |= match &event.kind {
            EventKind::Phase(_) => true,
            EventKind::Fault(text) => concerns(text, &reach),
            EventKind::Boot(_) | EventKind::Crash(_) | EventKind::Pause | EventKind::Resume => takes_part(),
            EventKind::Wipe | EventKind::Survived { .. } => takes_part(),
            EventKind::Lost { .. } => cause(trace, place).is_some_and(|cause| inside[cause]),
            _ => false,
        };
    }
    inside
}

/// Whether a fault strikes somebody who takes part. One that names nobody strikes all.
fn concerns(fault: &str, reach: &BTreeMap<NodeId, usize>) -> bool {
    let mut named = fault.split([' ', ',']).filter_map(|word| word.parse::<NodeId>().ok()).peekable();
    named.peek().is_none() || named.any(|node| reach.contains_key(&node))
}
