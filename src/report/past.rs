//! The happened-before past of a violation: what of a run can have led to it, without what led to nothing.
//!
//! An event can have been brought about only by its cause and by what happened earlier on its node, and so on backwards
//! through messages; that is Lamport's order. All of it is still too much to read: most of a run is timers, disks and
//! heartbeats. So the past is thinned by rules that know nothing of any protocol:
//!
//! 1. What nodes promise, what clients see, and what is done to nodes *matters*. Timers, disk operations, and statements
//!    that repeat what was said or follow from others (heads, applied entries) do not.
//! 2. A message matters if its receiver did something that matters because of it: it said something new, or sent a
//!    message that matters. A heartbeat whose answer changes nothing falls out together with its answer.
//! 3. A message without an effect of its own still matters if it was one of several that were waited for: another one
//!    of that label, from another sender, had an effect later, or the receiver later sent that label itself. That is
//!    what a vote looks like from outside. And it matters if its receiver was just waiting for its disk: then what the
//!    receiver did next may be its effect.
//! 4. A lost packet is shown once for each link and label, if what made its sender send it is shown. One lost because
//!    its receiver was down already is not: that the receiver is down is shown.
//! 5. Where that is still more than fits on a screen, the inner traffic of calls that were answered and have no part in
//!    the violation is left out, then of all calls that have no part in it. [`Past::left_out`] says how much that was.
//!    Calls that compete with one that was answered wrongly have a part in it, and may take up more room.

mod facts;
mod fold;
mod noise;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Event, EventId, EventKind, Instant, NodeId};
use crate::check::{OracleId, Violation};
use crate::scenario::Run;

use self::facts::Facts;
use self::fold::Mute;
use super::stand::stands;
use super::steps::{Step, steps};

/// How many lines of a picture fit on a screen.
const LINES_MAX: usize = 40;

/// How many lines of a run without a violation are shown.
const LINES_MAX_WHOLE: usize = 200;

/// What is to be shown of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Past {
    /// The events, oldest first.
    pub shown: Vec<Event>,
    /// For a send in `shown`: how many packets of its label were sent on its link, if more than one, and those after it
    /// are not shown.
    pub times: BTreeMap<EventId, u64>,
    /// Who takes part: clients first, then replicas.
    pub nodes: Vec<NodeId>,
    /// The promise that was broken, if one was.
    pub broken: Option<Broken>,
    /// Where everybody stood when it was broken, a line each, if it is a promise of progress: of what is stuck, the last step may be
    /// long ago.
    pub stands: Vec<String>,
    /// How many events matter, but were left out for lack of room.
    pub left_out: u64,
}

/// A broken promise, as far as a picture needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The event at which it was broken. Not among those shown if it is only the moment at which patience ended.
    pub event: EventId,
    /// When.
    pub at: Instant,
    /// Who noticed.
    pub oracle: OracleId,
    /// What happened, in a sentence without a full stop.
    pub happened: String,
}

impl Past {
    /// What is to be shown of a run whose trace was kept: what led to its finding, or all of it if it has none.
    pub fn of(run: &Run) -> Past {
        let trace = run.trace.as_deref().unwrap_or_default();
        run.verdict.finding().map_or_else(|| whole(trace), |violation| past(trace, violation))
    }

    /// The same as lines of a picture.
    pub(super) fn steps(&self) -> Vec<Step> {
        steps(&self.shown, &self.times)
    }
}

/// What led to a violation. `trace` is the whole trace of the run, in order.
pub fn past(trace: &[Event], violation: &Violation) -> Past {
    let end = trace.partition_point(|event| event.id <= violation.event);
    let trace = &trace[..end];
    let roots = reach::roots(trace, violation);
    let inside = reach::inside(trace, roots.reach);
    let broken = Broken {
        event: violation.event,
        at: violation.at,
        oracle: violation.oracle,
        happened: violation.happened.clone(),
    };
    let facts = Facts::of(trace, &inside, &roots.said, &violation.nodes);
    let stands = if violation.oracle.is_liveness() { stands(trace) } else { Vec::new() };
    let (mut most, mut last) = (0, Past::default());
    let rivals = match place(trace, violation.event) {
        Some(answer) if violation.oracle == OracleId::Lin => fold::rivals(trace, answer),
        _ => BTreeSet::new(),
    };
    for (mute, lines_max) in fold::mutes(trace, &roots.said, &rivals) {
        let kept = noise::matters(trace, &inside, &facts, violation.oracle.is_liveness(), &mute);
        last = picture(trace, &inside, &facts, &kept, Some(&broken));
        last.stands.clone_from(&stands);
        most = most.max(last.shown.len());
        last.left_out = (most - last.shown.len()) as u64;
        if last.steps().len() <= lines_max {
            return last;
        }
    }
    fold::last(last, &roots.said.iter().map(|place| trace[*place].id).collect())
}

/// All of a run that is not noise, up to a number of lines that one can still read; [`Past::left_out`] counts the rest.
pub fn whole(trace: &[Event]) -> Past {
    let inside = vec![true; trace.len()];
    let facts = Facts::of(trace, &inside, &[], &[]);
    let kept = noise::matters(trace, &inside, &facts, true, &Mute::default());
    let mut all = picture(trace, &inside, &facts, &kept, None);
    let most = all.shown.len();
    while all.steps().len() > LINES_MAX_WHOLE {
        // A line takes one event or more, so this never cuts too much.
        let surplus = all.steps().len() - LINES_MAX_WHOLE;
        all.shown.truncate(all.shown.len() - surplus);
        let fates: BTreeSet<EventId> =
            all.shown.iter().filter(|event| is_fate(event)).map(|event| event.cause).collect();
        // What became of these lies behind the cut. They must not look as if they were under way for ever.
        all.shown.retain(|event| {
            let place = place(trace, event.id).expect("it is one of them");
            !matches!(event.kind, EventKind::Send { .. }) || !facts.settled[place] || fates.contains(&event.id)
        });
    }
    all.left_out = (most - all.shown.len()) as u64;
    all.nodes = part(&all.shown);
    all
}

/// The events kept, with who takes part in them.
fn picture(trace: &[Event], inside: &[bool], facts: &Facts, kept: &[bool], broken: Option<&Broken>) -> Past {
    let shown: Vec<Event> = trace.iter().zip(kept).filter(|(_, kept)| **kept).map(|(event, _)| event.clone()).collect();
    let times = facts.times(trace, inside, kept);
    let nodes = part(&shown);
    Past { shown, times, nodes, broken: broken.cloned(), stands: Vec::new(), left_out: 0 }
}

/// Who takes part in these events: clients first, then replicas.
fn part(shown: &[Event]) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = Vec::new();
    for event in shown {
        let other = match &event.kind {
            EventKind::Send { to, .. } | EventKind::Lost { to, .. } => Some(*to),
            EventKind::Deliver { from, .. } => Some(*from),
            _ => None,
        };
        nodes.extend(event.node.into_iter().chain(other));
    }
    nodes.sort_by_key(|node| (node.is_replica(), node.index()));
    nodes.dedup();
    nodes
}

/// Whether it says what became of a packet.
fn is_fate(event: &Event) -> bool {
    matches!(event.kind, EventKind::Deliver { .. } | EventKind::Lost { .. })
}

/// The place of an event in a trace.
fn place(trace: &[Event], id: EventId) -> Option<usize> {
    trace.binary_search_by_key(&id, |event| event.id).ok()
}

/// The place of the event that brought this one about; always before it.
fn cause(trace: &[Event], of: usize) -> Option<usize> {
    place(trace, trace[of].cause).filter(|cause| *cause < of)
}

#[cfg(test)]
mod tests;
