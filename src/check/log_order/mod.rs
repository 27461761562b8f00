//! The order of effects that a replicated log tells: what LIN tries before it searches.
//!
//! Whoever executes an entry of the log says so, with the entry's index and with the client and the request as the system
//! numbers them ([`Probe::Executed`](crate::base::Probe::Executed)). If the order of the entries is one in which the
//! operations may have taken effect, then it is a linearization, and nothing has to be searched for. Two steps:
//!
//! 1. **Whose request is it?** A system numbers its clients as it likes, so its numbers are [matched](matching) with the
//!    clients of the history, by the clock.
//! 2. **Does that order explain the answers?** The operations on each object are replayed in it by the model. Every answer
//!    must come out, every operation that was answered must be in it, and each must have returned after the latest call so
//!    far. (Then each can take effect at that latest call, which lies within its own interval, and these moments never
//!    go back.)
//!
//! **Sound** whatever the first step has guessed, and whatever the replicas have said: what the second step verifies is the
//! definition of linearizability. Of unknown outcome and in no entry means that it never took effect, which is allowed.
//! Objects that are not explained are not therefore wrong; the search decides on them.
//!
//! O(1) for each entry, when it is first executed and at the end, but for the matching of clients; a repeated execution, by
//! another replica or after a restart, costs one comparison. What a read learns elsewhere than in the log is in no entry, so
//! objects with such reads are searched.

mod matching;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{EventId, Key};

use super::history::History;
use super::models::{Model, State};

/// An entry of the log, executed for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Execution {
    /// The system's own number for the client.
    pub client: u64,
    /// The client's number for the request.
    pub request: u64,
    /// When.
    pub event: EventId,
}

/// The first execution of every entry, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct LogOrder {
    executions: Vec<Execution>,
    /// The index of the last of them; 0 if there is none.
    last: u64,
}

impl LogOrder {
    /// Takes note of an execution. What was executed out of order first is left out, and so explains nothing.
    #[inline]
    pub fn on_executed(&mut self, index: u64, execution: Execution) {
        if index > self.last {
            self.last = index;
            self.executions.push(execution);
        }
    }

    /// The objects, given with the places of their calls, whose answers this order explains.
    pub fn explained(
        &self,
        history: &History,
        model: &dyn Model,
        objects: &BTreeMap<Key, Vec<usize>>,
    ) -> BTreeSet<Key> {
        let calls = history.calls();
        if self.executions.is_empty() {
            return BTreeSet::new();
        }
        let mut replays: Vec<Replay> = objects.keys().map(|key| Replay::of(*key)).collect();
        let mut replay_of = vec![0; calls.len()];
        for (number, places) in objects.values().enumerate() {
            places.iter().for_each(|place| replay_of[*place] = number);
        }
        let mut executed = vec![false; calls.len()];
        for place in matching::calls_of(&self.executions, calls).into_iter().flatten() {
            let (call, replay) = (&calls[place], &mut replays[replay_of[place]]);
            assert!(!std::mem::replace(&mut executed[place], true), "a call is matched with one execution");
            let (next, own) = model.apply(&replay.state, &call.operation);
            replay.state = model.canonical(next);
            replay.latest_call = replay.latest_call.max(call.called.order);
            replay.holds &= call
                .answer()
                .is_none_or(|(moment, reply)| moment.order >= replay.latest_call && model.accepts(reply, &own));
        }
        for (place, call) in calls.iter().enumerate() {
            replays[replay_of[place]].holds &= executed[place] || call.answer().is_none();
        }
        replays.into_iter().filter(|replay| replay.holds).map(|replay| replay.key).collect()
    }
}

/// An object while its operations are replayed.
struct Replay {
    key: Key,
    state: State,
    /// The greatest call so far.
    latest_call: EventId,
    /// Everything so far is as it was answered.
    holds: bool,
}

impl Replay {
    fn of(key: Key) -> Replay {
        Replay { key, state: None, latest_call: EventId(0), holds: true }
    }
}

#[cfg(test)]
mod tests;
