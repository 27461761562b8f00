//! Making a picture fit: what serves calls that have no part in a violation is left out, step by step.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Checksum, Event, EventId, EventKind, NodeId, Outcome, Probe};

use super::{LINES_MAX, Past, cause, part};

/// How many lines a picture may have for the sake of calls that compete with the one that was answered wrongly. Without
/// them the answer is a riddle, so they are worth scrolling for.
const LINES_MAX_RIVALS: usize = 60;

/// What is not to be shown although it matters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Mute {
    /// Calls of whose inner traffic nothing is shown, as places in the trace.
    pub inner: BTreeSet<usize>,
    /// Calls that are not even mentioned.
    pub whole: BTreeSet<usize>,
    /// Packets lost in that inner traffic are shown all the same.
    pub spares_losses: bool,
    /// Marks, and packets that were lost when a timer made a node send them once more: they accompany a story, and
    /// seldom are it.
    pub asides: bool,
}

/// What leaves out more and more: first of calls that were answered, then of all that have no part in the violation.
/// `said` are the statements that contradict each other; the calls they serve are never muted. `rivals` are calls that
/// have a part in it as long as they do not take up too much room. Each comes with the number of lines that is enough.
pub(super) fn mutes(trace: &[Event], said: &[usize], rivals: &BTreeSet<usize>) -> Vec<(Mute, usize)> {
    let served = served(trace);
    let concerned: BTreeSet<usize> = said.iter().filter_map(|place| served[*place]).collect();
    let others: BTreeSet<usize> = served.iter().flatten().copied().filter(|call| !concerned.contains(call)).collect();
    let answered = answered(trace);
    let mut mutes = vec![(Mute::default(), LINES_MAX)];
    if !rivals.is_empty() {
        mutes.extend(mutes_of(&(&others - rivals), &answered).map(|mute| (mute, LINES_MAX_RIVALS)));
    }
    mutes.extend(mutes_of(&others, &answered).map(|mute| (mute, LINES_MAX)));
    mutes
}

/// Steps in which these calls are muted.
fn mutes_of(calls: &BTreeSet<usize>, answered: &BTreeSet<usize>) -> [Mute; 6] {
    let answered = answered & calls;
    let none = BTreeSet::new();
    let mute = |inner: &BTreeSet<usize>, whole: &BTreeSet<usize>, spares_losses, asides| Mute {
        inner: inner.clone(),
        whole: whole.clone(),
        spares_losses,
        asides,
    };
    [
        mute(&answered, &none, true, false),
        mute(&answered, &none, true, true),
        mute(&answered, &answered, true, true),
        mute(calls, &answered, true, true),
        mute(calls, &answered, false, true),
        mute(calls, calls, false, true),
    ]
}

/// The calls about the same thing as the one that was answered at this place: a history is judged key by key.
pub(super) fn rivals(trace: &[Event], answer: usize) -> BTreeSet<usize> {
    let key = |place: usize| match &trace[place].kind {
        EventKind::Call { operation, .. } => Some(operation.key()),
        _ => None,
    };
    let asked = origins(trace)[answer].and_then(key);
    (0..trace.len()).filter(|place| asked.is_some() && key(*place) == asked).collect()
}

/// For each event the call that it serves, as a place in the trace: the one that was open at its client when the
/// message was sent from which the event follows. Nothing for what no client asked for.
pub(super) fn origins(trace: &[Event]) -> Vec<Option<usize>> {
    let mut open: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut origins: Vec<Option<usize>> = Vec::with_capacity(trace.len());
    for (place, event) in trace.iter().enumerate() {
        let client = event.node.filter(|node| !node.is_replica());
        let origin = match (client, &event.kind) {
            (Some(client), EventKind::Call { .. }) => {
                open.insert(client, place);
                Some(place)
            }
            (Some(client), EventKind::Return { .. }) => open.remove(&client),
            (Some(client), _) => open.get(&client).copied(),
            // A timer was set on some occasion, but what it brings about serves everybody.
            (None, EventKind::Timer { .. }) => None,
            (None, _) => cause(trace, place).and_then(|cause| origins[cause]),
        };
        origins.push(origin);
    }
    origins
}

/// As [`origins`], but what is said of an entry serves the call for which the entry was made, whoever says it and why.
pub(super) fn served(trace: &[Event]) -> Vec<Option<usize>> {
    let mut owner: BTreeMap<Checksum, Option<usize>> = BTreeMap::new();
    let mut served = origins(trace);
    for (event, served) in trace.iter().zip(&mut served) {
        let EventKind::Probe(
            Probe::Head { digest, .. } | Probe::Acked { digest, .. } | Probe::Committed { digest, .. },
        ) = event.kind
        else {
            continue;
        };
        *served = *owner.entry(digest).or_insert(*served);
    }
    // A fault that struck at a moment of some call serves nobody.
    trace.iter().zip(&mut served).filter(|(event, _)| event.node.is_none()).for_each(|(_, served)| *served = None);
    served
}

/// The calls that were told that they took effect, as places in the trace.
pub(super) fn answered(trace: &[Event]) -> BTreeSet<usize> {
    let mut open = BTreeMap::new();
    let mut answered = BTreeSet::new();
    for (place, event) in trace.iter().enumerate() {
        match &event.kind {
            EventKind::Call { client, number, .. } => drop(open.insert((*client, *number), place)),
            EventKind::Return { client, number, outcome } => {
                let call = open.remove(&(*client, *number));
                answered.extend(call.filter(|_| matches!(outcome, Outcome::Done(_))));
            }
            _ => {}
        }
    }
    answered
}

/// The end of a picture that is too long whatever is muted. What the violation is about stays, and what is done to nodes.
pub(super) fn last(past: Past, said: &BTreeSet<EventId>) -> Past {
    let done_to =
        |event: &Event| event.node.is_none() || matches!(event.kind, EventKind::Crash(_) | EventKind::Boot(_));
    let from = |first: usize| {
        only(&past, |event| {
            said.contains(&event.id) || done_to(event) || past.shown.get(first).is_none_or(|first| first.id <= event.id)
        })
    };
    // The later it begins, the fewer lines it has.
    let (mut low, mut high) = (0, past.shown.len().saturating_sub(1));
    while low < high {
        let middle = (low + high) / 2;
        if from(middle).steps().len() <= LINES_MAX { high = middle } else { low = middle + 1 }
    }
    from(low)
}

/// A picture without some of its events.
fn only(past: &Past, stands: impl Fn(&Event) -> bool) -> Past {
    let shown: Vec<Event> = past.shown.iter().filter(|event| stands(event)).cloned().collect();
    let left_out = past.left_out + (past.shown.len() - shown.len()) as u64;
    let nodes = part(&shown);
    Past { shown, nodes, left_out, ..past.clone() }
}
