//! Steps: the events to be shown, as lines of a picture.
//!
//! A send and its receipt are one line wherever that tells no lie. The receipt may move up to the send if nothing that is
//! shown happened at the receiver in between, or else the send down to the receipt if nothing happened at the sender; in
//! both cases every node still does everything in its own order. What the world does is never moved past: whether a
//! packet left before or after the link was cut is what a reader wants to see. Where neither can move there are two
//! lines, and the arrow of the second is drawn as one that comes from earlier.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Event, EventId, EventKind, Instant, Label, Lost, NodeId};

/// One line of a picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Step {
    /// When: of a message the send, or the receipt if the line stands where that was.
    pub at: Instant,
    /// The event, of a message what became of it.
    pub event: EventId,
    /// What.
    pub what: What,
}

/// What a line tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// The world does something to many.
    World(String),
    /// A node does something, or it is done to it.
    Node(NodeId, EventKind),
    /// A packet leaves; what becomes of it is told later.
    Sends(Message),
    /// A packet and what became of it.
    Message(Message, Fate),
}

/// A packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub from: NodeId,
    pub to: NodeId,
    pub label: Label,
    /// Which of that label on that link.
    pub repeat: u32,
    /// How many were sent of which only this one is shown.
    pub times: u64,
    /// Another copy than the first.
    pub again: bool,
    /// A bit was flipped on the way.
    pub corrupt: bool,
    /// Its send is a line of its own, further up.
    pub told: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Received,
    Lost(Lost),
    /// Nothing, until the end.
    UnderWay,
}

/// What a node does, on one line. Of disk operations only those are shown that never end.
pub(super) fn doing(kind: &EventKind) -> String {
    match kind {
        EventKind::DiskStart { label, .. } => format!("starts {label}, which never ends"),
        kind => on_one_line(&kind.to_string()),
    }
}

/// A text without characters that would break a line or a comment: panics and values may hold anything.
pub(super) fn on_one_line(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

impl Message {
    /// The packet in a few words: `Prepare(v0 op1) #2 ×3`, the second of that label, and two more like it.
    pub fn name(&self) -> String {
        let mut name = self.label.to_string();
        if self.repeat > 1 {
            name += &format!(" #{}", self.repeat);
        }
        if self.times > 1 {
            name += &format!(" ×{}", self.times);
        }
        if self.again {
            name += " again";
        }
        if self.corrupt {
            name += " corrupt";
        }
        name
    }
}

/// The lines that these events make, in order. `times` as in [`Past`](super::past::Past).
pub(super) fn steps(shown: &[Event], times: &BTreeMap<EventId, u64>) -> Vec<Step> {
    let lines = lines(shown);
    let fates = shown.iter().filter(|event| matches!(event.kind, EventKind::Deliver { .. } | EventKind::Lost { .. }));
    let settled: BTreeSet<EventId> = fates.map(|event| event.cause).collect();
    let mut steps = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let (Some(first), Some(last)) = (line.first(), line.last()) else { continue };
        let (at, first, last) = (shown[place].at, &shown[*first], &shown[*last]);
        steps.push(Step { at, event: last.id, what: what(first, last, &settled, times) });
    }
    steps
}

/// For each line the places of its events: one, or a send with what became of it.
fn lines(shown: &[Event]) -> Vec<Vec<usize>> {
    let mut lines: Vec<Vec<usize>> = (0..shown.len()).map(|place| vec![place]).collect();
    for (end, event) in shown.iter().enumerate() {
        let to = match &event.kind {
            EventKind::Deliver { copy: 0, .. } => event.node,
            EventKind::Lost { to, .. } => Some(*to),
            _ => None,
        };
        let start = shown[..end].binary_search_by_key(&event.cause, |send| send.id).ok();
        let (Some(to), Some(start)) = (to, start) else { continue };
        let from = shown[start].node;
        // Another line may have drawn the send to it already.
        if lines[start] != [start] || lines[end] != [end] {
            continue;
        }
        let free_of = |node: Option<NodeId>| {
            let between = lines[start + 1..end].iter().flatten();
            between.map(|place| &shown[*place]).all(|event| event.node.is_some() && event.node != node)
        };
        let place = if free_of(Some(to)) {
            start
        } else if free_of(from) && matches!(event.kind, EventKind::Deliver { .. }) {
            end
        } else {
            continue;
        };
        lines[start + end - place].clear();
        lines[place] = vec![start, end];
    }
    lines
}

/// What a line tells whose events are these two, which may be one and the same. `settled` are the sends of which it is
/// shown what became of them.
fn what(first: &Event, last: &Event, settled: &BTreeSet<EventId>, times: &BTreeMap<EventId, u64>) -> What {
    let Some(node) = last.node else { return What::World(on_one_line(&last.kind.to_string())) };
    let told = first.id == last.id;
    let message = |from, to, label: &Label, repeat: &u32| Message {
        from,
        to,
        label: *label,
        repeat: *repeat,
        times: if told && !matches!(last.kind, EventKind::Send { .. }) {
            1
        } else {
            times.get(&first.id).copied().unwrap_or(1)
        },
        again: false,
        corrupt: false,
        told,
    };
    match &last.kind {
        EventKind::Send { to, label, repeat, .. } => {
            let message = Message { told: false, ..message(node, *to, label, repeat) };
            if settled.contains(&last.id) { What::Sends(message) } else { What::Message(message, Fate::UnderWay) }
        }
        EventKind::Lost { to, label, repeat, reason } => {
            What::Message(message(node, *to, label, repeat), Fate::Lost(*reason))
        }
        EventKind::Deliver { from, label, repeat, copy, corrupt, .. } => {
            let message = message(*from, node, label, repeat);
            What::Message(Message { again: *copy > 0, corrupt: *corrupt, ..message }, Fate::Received)
        }
        kind => What::Node(node, kind.clone()),
    }
}
