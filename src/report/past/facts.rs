//! What can be said of each event by itself, from first to last: whether it is news, what became of it, whom it serves.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Event, EventId, EventKind, Incarnation, Label, Lost, NodeId, Probe};

use super::cause;
use super::fold::{answered, served};

/// A link with a label on it.
pub(super) type Stream = (NodeId, NodeId, LabelKey);
/// A label as something that can be sorted.
pub(super) type LabelKey = (&'static str, Vec<u64>);

pub(super) fn label_key(label: &Label) -> LabelKey {
    (label.kind().text(), label.numbers().to_vec())
}

fn stream(event: &Event) -> Option<Stream> {
    let node = event.node?;
    match &event.kind {
        EventKind::Send { to, label, .. } | EventKind::Lost { to, label, .. } => Some((node, *to, label_key(label))),
        EventKind::Deliver { from, label, .. } => Some((*from, node, label_key(label))),
        _ => None,
    }
}

/// What can be said of each event.
pub(super) struct Facts {
    /// It matters by itself: a statement that was not made before, a call, a crash.
    pub itself: Vec<bool>,
    /// It is one of the statements that contradict each other.
    pub said: Vec<bool>,
    /// For a send, a loss or a delivery: the first of its link and label.
    pub first: Vec<bool>,
    /// For a delivery: its node was waiting for its disk. Whatever it did next, it may have done because of this.
    pub busy: Vec<bool>,
    /// For a loss: worth showing if its send is.
    pub telling: Vec<bool>,
    /// For a send: whether it arrived or is known to be lost.
    pub settled: Vec<bool>,
    /// The client's call that it serves, as a place in the trace.
    pub serves: Vec<Option<usize>>,
    /// That call was never answered.
    pub open: Vec<bool>,
}

impl Facts {
    /// Goes through a trace. `said` are the statements that contradict each other, and on the disks of `nodes` it
    /// matters what is still under way.
    pub fn of(trace: &[Event], inside: &[bool], said: &[usize], nodes: &[NodeId]) -> Facts {
        let nothing = || vec![false; trace.len()];
        let answered = answered(trace);
        let serves = served(trace);
        let open = serves.iter().map(|call| call.is_some_and(|call| !answered.contains(&call))).collect();
        let mut facts = Facts {
            itself: nothing(),
            said: nothing(),
            first: nothing(),
            busy: nothing(),
            telling: nothing(),
            settled: nothing(),
            serves,
            open,
        };
        let mut memory = Memory::default();
        let unfinished = unfinished(trace, nodes);
        let phases = trace.iter().filter(|event| matches!(event.kind, EventKind::Phase(_))).count();
        let epochs = |probe: &Probe| matches!(probe, Probe::Epoch { .. } | Probe::Leads { .. });
        let has_epochs = trace.iter().any(|event| matches!(&event.kind, EventKind::Probe(probe) if epochs(probe)));
        let mut waiting: BTreeMap<NodeId, u64> = BTreeMap::new();
        for (place, event) in trace.iter().enumerate() {
            if let Some(node) = event.node {
                let waiting = waiting.entry(node).or_default();
                match &event.kind {
                    EventKind::DiskStart { .. } => *waiting += 1,
                    EventKind::DiskDone { .. } => *waiting = waiting.saturating_sub(1),
                    EventKind::Crash(_) => *waiting = 0,
                    _ => facts.busy[place] = *waiting > 0,
                }
            }
            if let EventKind::Deliver { .. } | EventKind::Lost { .. } = event.kind
                && let Some(send) = cause(trace, place)
            {
                facts.settled[send] = true;
            }
            if !inside[place] {
                continue;
            }
            facts.itself[place] = match &event.kind {
                EventKind::Call { .. } | EventKind::Return { .. } | EventKind::Panic(_) | EventKind::Spin { .. } => {
                    true
                }
                EventKind::Crash(_) | EventKind::Pause | EventKind::Resume | EventKind::Wipe => true,
                EventKind::Fault(_) | EventKind::Survived { .. } => true,
                EventKind::Boot(life) => *life > Incarnation(1),
                EventKind::DiskStart { .. } => unfinished.contains(&event.id),
                EventKind::Phase(_) => phases > 1,
                EventKind::Mark(name) => memory.is_first_mark(event, name),
                EventKind::Probe(Probe::Role { .. }) if has_epochs => false,
                EventKind::Probe(probe) => memory.is_new(event, probe),
                _ => false,
            };
            if let Some(stream) = stream(event) {
                let so_far = match &event.kind {
                    EventKind::Send { .. } => &mut memory.sends,
                    EventKind::Deliver { .. } => &mut memory.deliveries,
                    _ => &mut memory.losses,
                };
                facts.first[place] = so_far.insert(stream);
            }
            if let EventKind::Lost { to, reason, .. } = &event.kind {
                // Who was down when the packet left would not have received it anyway, and is seen to be down.
                let hit = || {
                    let sent = cause(trace, place).unwrap_or(place);
                    trace[sent..place]
                        .iter()
                        .any(|event| event.node == Some(*to) && matches!(event.kind, EventKind::Crash(_)))
                };
                facts.telling[place] = facts.first[place] && (*reason != Lost::Down || hit());
            }
        }
        for place in said {
            facts.itself[*place] = true;
            facts.said[*place] = true;
        }
        facts
    }

    /// For each send that is kept: how many packets of its label were sent on its link since then and are not kept, itself
    /// included; only where that is more than one. Of what arrived and was sent again though no client asked again,
    /// nobody wants to know: that is what heartbeats do.
    pub fn times(&self, trace: &[Event], inside: &[bool], kept: &[bool]) -> BTreeMap<EventId, u64> {
        let losses = trace.iter().filter(|event| matches!(event.kind, EventKind::Lost { .. }));
        let lost: BTreeSet<EventId> = losses.map(|event| event.cause).collect();
        let mut latest: BTreeMap<Stream, EventId> = BTreeMap::new();
        let mut times: BTreeMap<EventId, u64> = BTreeMap::new();
        for (place, event) in trace.iter().enumerate() {
            let EventKind::Send { .. } = event.kind else { continue };
            let Some(stream) = stream(event).filter(|_| inside[place]) else { continue };
            let counts = self.serves[place].is_some() || lost.contains(&event.id);
            if kept[place] {
                latest.insert(stream, event.id);
            } else if let Some(shown) = latest.get(&stream).filter(|_| counts) {
                *times.entry(*shown).or_insert(1) += 1;
            }
        }
        times
    }
}

/// Disk operations that were begun and never ended: because their node crashed, or on one of `nodes`.
fn unfinished(trace: &[Event], nodes: &[NodeId]) -> BTreeSet<EventId> {
    let mut begun: BTreeMap<EventId, NodeId> = BTreeMap::new();
    let mut unfinished = BTreeSet::new();
    for event in trace {
        let Some(node) = event.node else { continue };
        match &event.kind {
            EventKind::DiskStart { .. } => drop(begun.insert(event.id, node)),
            EventKind::DiskDone { .. } => drop(begun.remove(&event.cause)),
            EventKind::Crash(_) => {
                unfinished.extend(begun.iter().filter(|(_, other)| **other == node).map(|(id, _)| *id));
                begun.retain(|_, other| *other != node);
            }
            _ => {}
        }
    }
    unfinished.extend(begun.iter().filter(|(_, node)| nodes.contains(node)).map(|(id, _)| *id));
    unfinished
}

/// What was said and sent so far.
#[derive(Default)]
struct Memory {
    said: BTreeSet<(NodeId, String)>,
    epochs: BTreeMap<NodeId, u64>,
    marks: BTreeSet<(NodeId, &'static str)>,
    sends: BTreeSet<Stream>,
    deliveries: BTreeSet<Stream>,
    losses: BTreeSet<Stream>,
}

impl Memory {
    fn is_first_mark(&mut self, event: &Event, name: &'static str) -> bool {
        event.node.is_some_and(|node| self.marks.insert((node, name)))
    }

    /// Whether a statement is facts. Those that come with every entry (heads, applied and executed entries) are not, nor
    /// is the epoch in which everything begins.
    fn is_new(&mut self, event: &Event, probe: &Probe) -> bool {
        let Some(node) = event.node else { return false };
        match probe {
            Probe::Head { .. } | Probe::Applied { .. } | Probe::Executed { .. } => false,
            Probe::Epoch { epoch, .. } => {
                let before = self.epochs.insert(node, *epoch);
                before.is_some_and(|before| before != *epoch)
            }
            probe => self.said.insert((node, probe.to_string())),
        }
    }
}
