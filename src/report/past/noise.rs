//! Which events of a past matter to a reader; the rules are told in [`super`].
//!
//! Whether a message matters is decided by what it brought about, so this goes from last to first: an event that matters
//! makes its cause matter, through disk operations and timers, until a delivery is reached; a delivery that matters makes
//! its send matter.
//!
//! A worked example. `r0` sends a heartbeat, `r1` answers, and the answer changes nothing at `r0`: the delivery of the
//! answer has no effect, so it and its send do not matter, so the delivery of the heartbeat has no effect either. When
//! the same heartbeat makes `r1` commit something, that statement keeps the heartbeat, but still not the answer.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Event, EventKind, Label, NodeId};

use super::cause;
use super::facts::{Facts, LabelKey, label_key};
use super::fold::Mute;

/// How strongly an event's effects make it matter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    None,
    /// Only by way of a timer: whoever sets its alarm anew at every heartbeat is not moved by the last of them.
    Late,
    Direct,
}

/// Which events matter. With `open`, a message that serves a call without an answer matters even if nothing came of it:
/// that is then the question.
pub(super) fn matters(trace: &[Event], inside: &[bool], facts: &Facts, open: bool, mute: &Mute) -> Vec<bool> {
    let mut judge = Judge {
        trace,
        facts,
        open,
        mute,
        effect: vec![Effect::None; trace.len()],
        kept: vec![false; trace.len()],
        moved: BTreeMap::new(),
        sent: BTreeMap::new(),
    };
    for place in (0..trace.len()).rev().filter(|place| inside[*place]) {
        let passed_on = judge.judge(place);
        // That a client goes on to its next call is no effect of the answer to the last one.
        let is_client = trace[place].node.is_some_and(|node| !node.is_replica());
        let goes_on = |cause: &usize| is_client && facts.serves[*cause] != facts.serves[place];
        if let Some(cause) = cause(trace, place).filter(|cause| !goes_on(cause)) {
            judge.effect[cause] = judge.effect[cause].max(passed_on);
        }
    }
    (0..trace.len()).filter(|place| inside[*place]).for_each(|place| judge.lost(place));
    (0..trace.len()).for_each(|place| judge.under_way(place));
    (0..trace.len()).for_each(|place| judge.told(place));
    judge.kept
}

/// Whoever sent a message that had an effect, and the call that it served.
type Mover = (NodeId, Option<usize>);

struct Judge<'a> {
    trace: &'a [Event],
    facts: &'a Facts,
    open: bool,
    mute: &'a Mute,
    effect: Vec<Effect>,
    kept: Vec<bool>,
    /// Who moved a node by which label, later than where the judge stands, and which call that served.
    moved: BTreeMap<(NodeId, LabelKey), BTreeSet<Mover>>,
    /// What made a node send which label, later than where the judge stands.
    sent: BTreeMap<(NodeId, LabelKey), BTreeSet<usize>>,
}

impl Judge<'_> {
    fn is_muted(&self, place: usize) -> bool {
        let is_inner = self.facts.serves[place].is_some_and(|call| self.mute.inner.contains(&call));
        is_inner && !self.facts.said[place]
    }

    /// Decides about one event, those after it being decided, and says how much that makes its cause matter.
    fn judge(&mut self, place: usize) -> Effect {
        let event = &self.trace[place];
        let muted = self.is_muted(place);
        match (&event.kind, event.node) {
            (EventKind::Send { label, .. }, Some(node)) => {
                let moves = self.effect[place] > Effect::None;
                let first = self.facts.first[place];
                if first {
                    let occasion = occasion(self.trace, place);
                    self.sent.entry((node, label_key(label))).or_default().insert(occasion);
                }
                self.kept[place] = moves || (first && !self.facts.settled[place] && !muted);
                if moves { Effect::Direct } else { Effect::None }
            }
            (EventKind::Deliver { from, label, corrupt, .. }, Some(node)) => {
                let first = self.facts.first[place] && !muted;
                let moves = match self.effect[place] {
                    Effect::None => false,
                    Effect::Late => first,
                    Effect::Direct => true,
                };
                let asked = self.open && self.facts.open[place];
                self.kept[place] =
                    moves || *corrupt || (first && (asked || self.is_awaited(place, node, *from, label)));
                if moves {
                    self.moved.entry((node, label_key(label))).or_default().insert((*from, self.facts.serves[place]));
                }
                if self.kept[place] { Effect::Direct } else { Effect::None }
            }
            (EventKind::Timer { .. }, _) => self.effect[place].min(Effect::Late),
            (EventKind::Lost { .. }, _) => Effect::None,
            (EventKind::Call { .. } | EventKind::Return { .. }, _) if muted => {
                self.kept[place] = self.facts.serves[place].is_none_or(|call| !self.mute.whole.contains(&call));
                Effect::None
            }
            (EventKind::Mark(_), _) if self.mute.asides => Effect::None,
            _ => {
                self.kept[place] = self.facts.itself[place] && !muted;
                if self.kept[place] { Effect::Direct } else { self.effect[place] }
            }
        }
    }

    /// Whether a message without an effect of its own was one of several that were waited for, or may have had its
    /// effect when its receiver's disk was done.
    fn is_awaited(&self, place: usize, node: NodeId, from: NodeId, label: &Label) -> bool {
        let key = (node, label_key(label));
        let call = self.facts.serves[place];
        let is_voted = self.moved.get(&key).is_some_and(|others| {
            let same = |other: &Option<usize>| other.is_none() || call.is_none() || *other == call;
            others.iter().any(|(other, served)| *other != from && same(served))
                && !others.iter().any(|(other, _)| *other == from)
        });
        // Whoever only passes a message on is no voter.
        let passes_on = |occasion: &usize| matches!(&self.trace[*occasion].kind, EventKind::Deliver { label: other, .. } if other == label);
        let joins = self.sent.get(&key).is_some_and(|sends| !sends.iter().all(passes_on));
        let waits = self.facts.busy[place] && self.effect[place] == Effect::None;
        is_voted || joins || waits
    }

    /// Shows a loss with its send, if why it was sent is shown.
    fn lost(&mut self, place: usize) {
        let muted = self.is_muted(place);
        if !self.facts.telling[place] || (muted && !self.mute.spares_losses) {
            return;
        }
        let Some(send) = cause(self.trace, place) else { return };
        let reason = occasion(self.trace, send);
        let kind = &self.trace[reason].kind;
        let is_retry = matches!(kind, EventKind::Timer { .. }) && self.facts.serves[place].is_none();
        let is_shown = muted || self.kept[reason] || !matches!(kind, EventKind::Deliver { .. });
        if is_shown && !(is_retry && self.mute.asides) {
            self.kept[place] = true;
            self.kept[send] = true;
        }
    }

    /// Hides a packet that is still under way, if why it was sent is not shown.
    fn under_way(&mut self, place: usize) {
        let is_send = matches!(self.trace[place].kind, EventKind::Send { .. });
        if !self.kept[place] || !is_send || self.facts.settled[place] {
            return;
        }
        let reason = occasion(self.trace, place);
        if matches!(self.trace[reason].kind, EventKind::Deliver { .. }) {
            self.kept[place] = self.kept[reason];
        }
    }

    /// Hides a fault that is nothing but the crash, the pause or the restart that it brings about.
    fn told(&mut self, place: usize) {
        let tells = matches!(
            self.trace[place].kind,
            EventKind::Crash(_) | EventKind::Boot(_) | EventKind::Pause | EventKind::Resume | EventKind::Wipe
        );
        if let Some(fault) = cause(self.trace, place).filter(|_| tells && self.kept[place])
            && matches!(self.trace[fault].kind, EventKind::Fault(_))
        {
            self.kept[fault] = false;
        }
    }
}

/// What made a node act: the delivery, timer or boot from which this follows, through its own disk operations.
fn occasion(trace: &[Event], of: usize) -> usize {
    let mut place = of;
    while let Some(earlier) = cause(trace, place) {
        place = earlier;
        if !matches!(trace[place].kind, EventKind::DiskStart { .. } | EventKind::DiskDone { .. }) {
            break;
        }
    }
    place
}
