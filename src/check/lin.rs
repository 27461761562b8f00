//! LIN: the clients' history is linearizable.
//!
//! If the system has a log and says what it executes, the order of the log is tried first (`log_order`): it explains most
//! objects at once. What it does not explain is searched for.
//!
//! Each object is judged by itself, which is enough: a history is linearizable if and only if its part on every object
//! is. The searches take turns with slices of nodes that grow, so that one hard object does not keep an easy one from
//! showing its violation, and so that what is left of the budget goes to whoever needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::base::{Disks, Event, EventId, EventKind, Key, Operation, Probe, Reply};

use super::history::{Call, History};
use super::linearizability::search::{Progress, Search};
use super::log_order::{Execution, LogOrder};
use super::models::{Model, Partition};
use super::oracle::{Checked, End, Oracle, OracleId, Violation};

/// The first slice of nodes that every object gets.
const FIRST_SLICE: u64 = 1 << 10;

/// Later than everything in a history.
const END: (EventId, usize) = (EventId(u64::MAX), usize::MAX);

/// Whether a history is linearizable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// There is an order that explains every answer.
    Linearizable,
    /// There is none.
    Impossible(Impossible),
    /// The nodes ran out; here is on which objects.
    Undecided(Vec<Key>),
}

/// An answer that nothing explains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impossible {
    /// The place of the call in the history. If everything that happened after its return is forgotten, the rest is
    /// still impossible; without its return as well it is not.
    pub call: usize,
    /// What it would be told in some order that explains everything before; `None` if the nodes ran out over that,
    /// and then `call` is only the last answer on this object.
    pub expected: Option<Reply>,
}

/// Judges a history within a number of nodes. To find out which answer is to blame may take as many again.
pub fn judge(history: &History, model: &dyn Model, nodes: u64) -> Ruling {
    search_all(history, model, &objects(history.calls(), model), &BTreeSet::new(), nodes)
}

/// Searches on all objects but those that are explained already.
fn search_all(
    history: &History,
    model: &dyn Model,
    objects: &BTreeMap<Key, Vec<usize>>,
    explained: &BTreeSet<Key>,
    mut nodes: u64,
) -> Ruling {
    let given = nodes;
    let mut open: Vec<(Key, Search<'_>)> = Vec::new();
    // Most objects are decided on the spot, and then need not be kept.
    for (key, places) in objects.iter().filter(|(key, _)| !explained.contains(key)) {
        let mut search = Search::new(model, at(history.calls(), places), END);
        let mut slice = FIRST_SLICE.min(nodes);
        nodes -= slice;
        let progress = search.advance(&mut slice);
        nodes += slice;
        match progress {
            Progress::Found => {}
            Progress::Impossible => return Ruling::Impossible(explain(history.calls(), places, model, given)),
            Progress::Paused => open.push((*key, search)),
        }
    }
    let mut slice = FIRST_SLICE;
    while !open.is_empty() && nodes > 0 {
        slice *= 4;
        let mut impossible = None;
        let count = open.len() as u64;
        let fair = (nodes / count).max(1);
        open.retain_mut(|(key, search)| {
            let mut share = slice.min(fair).min(nodes);
            if impossible.is_some() || share == 0 {
                return true;
            }
            nodes -= share;
            let progress = search.advance(&mut share);
            nodes += share;
            if progress == Progress::Impossible {
                impossible = Some(*key);
            }
            progress == Progress::Paused
        });
        if let Some(key) = impossible {
            return Ruling::Impossible(explain(history.calls(), &objects[&key], model, given));
        }
    }
    match open.as_slice() {
        [] => Ruling::Linearizable,
        open => Ruling::Undecided(open.iter().map(|(key, _)| *key).collect()),
    }
}

/// The places of the calls that must be judged together, by the first key that they touch.
fn objects(calls: &[Call], model: &dyn Model) -> BTreeMap<Key, Vec<usize>> {
    let mut objects: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (place, call) in calls.iter().enumerate() {
        match model.partition(&call.operation) {
            Partition::Object(key) => objects.entry(key).or_default().push(place),
            // One operation that touches several objects ties all of them together.
            Partition::Whole => {
                let least = calls.iter().map(|call| call.operation.key()).min().expect("there is this one");
                return BTreeMap::from([(least, (0..calls.len()).collect())]);
            }
        }
    }
    objects
}

/// Finds the first return after which nothing explains the object's history any more.
///
/// Histories only get harder to explain as they get longer, so the return is found by halving.
fn explain(calls: &[Call], places: &[usize], model: &dyn Model, mut nodes: u64) -> Impossible {
    let mut returns: Vec<(EventId, usize)> =
        places.iter().filter_map(|place| calls[*place].answer().map(|(moment, _)| (moment.order, *place))).collect();
    returns.sort_unstable();
    let (_, last) = *returns.last().expect("without an answer everything is explained");
    // The history with its first `answers` answers on this object and no more.
    let mut search = |answers: usize| {
        let mut search = Search::new(model, at(calls, places), returns.get(answers).copied().unwrap_or(END));
        (search.advance(&mut nodes), search)
    };
    let (mut explained, mut impossible) = (0, returns.len());
    while impossible - explained > 1 {
        let middle = explained + (impossible - explained) / 2;
        match search(middle).0 {
            Progress::Found => explained = middle,
            Progress::Impossible => impossible = middle,
            Progress::Paused => return Impossible { call: last, expected: None },
        }
    }
    let call = returns[impossible - 1].1;
    let (progress, search) = search(impossible - 1);
    let expected = (progress == Progress::Found).then(|| search.reply_to(&calls[call].operation));
    Impossible { call, expected }
}

/// The calls at these places, with the places.
fn at<'a>(calls: &'a [Call], places: &[usize]) -> impl Iterator<Item = (usize, &'a Call)> {
    places.iter().map(|place| (*place, &calls[*place]))
}

/// Records the history and judges it at the end.
pub struct Lin {
    model: Option<Rc<dyn Model>>,
    nodes: u64,
    history: History,
    log: LogOrder,
    explained_by_log: u64,
    undecided: Vec<Key>,
}

impl Lin {
    /// Judges by this model and within so many nodes.
    pub fn new(model: Option<Rc<dyn Model>>, nodes: u64) -> Lin {
        let (history, log) = (History::new(), LogOrder::default());
        Lin { model, nodes, history, log, explained_by_log: 0, undecided: Vec::new() }
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// How many objects the order of the log explained, so that nothing had to be searched for; known at the end.
    pub fn explained_by_log(&self) -> u64 {
        self.explained_by_log
    }
}

impl Oracle for Lin {
    fn id(&self) -> OracleId {
        OracleId::Lin
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        if self.model.is_none() {
            return Ok(());
        }
        match event.kind {
            EventKind::Probe(Probe::Executed { client, request, index }) => {
                self.log.on_executed(index, Execution { client, request, event: event.id });
            }
            _ => self.history.on_event(event),
        }
        Ok(())
    }

    fn on_end(&mut self, _end: &End) -> Result<(), Violation> {
        let Some(model) = &self.model else {
            return Ok(());
        };
        let objects = objects(self.history.calls(), model.as_ref());
        let explained = self.log.explained(&self.history, model.as_ref(), &objects);
        self.explained_by_log = explained.len() as u64;
        match search_all(&self.history, model.as_ref(), &objects, &explained, self.nodes) {
            Ruling::Linearizable => Ok(()),
            Ruling::Undecided(keys) => {
                self.undecided = keys;
                Ok(())
            }
            Ruling::Impossible(impossible) => {
                let call = &self.history.calls()[impossible.call];
                let (answered, reply) = call.answer().expect("only an answer can be impossible");
                Err(Violation {
                    oracle: OracleId::Lin,
                    event: answered.order,
                    at: answered.at,
                    nodes: vec![call.client.node],
                    role: None,
                    kind: "returns".to_owned(),
                    promised: OracleId::Lin.promise().to_owned(),
                    happened: sentence(call, answered.at, reply, impossible.expected.as_ref()),
                })
            }
        }
    }

    fn checked(&self) -> Checked {
        if self.model.is_none() {
            return Checked::NotChecked("the system has no model, so nobody knows what it should answer".to_owned());
        }
        match self.undecided.as_slice() {
            [] => Checked::Checked(self.history.calls().len() as u64),
            keys => {
                let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
                Checked::Undecided(format!("{} nodes were not enough to judge {}", self.nodes, keys.join(", ")))
            }
        }
    }
}

fn sentence(call: &Call, answered: impl std::fmt::Display, reply: &Reply, expected: Option<&Reply>) -> String {
    let Call { client, number, operation, called, .. } = call;
    let what = match operation.as_ref() {
        // The answer to a read is its value, and then it reads better so.
        Operation::Get { .. } => format!("read {reply}"),
        _ => format!("was told \"{reply}\""),
    };
    let when = format!("{client} {what} by call #{number} ({operation}, from {} to {answered})", called.at);
    match expected {
        Some(expected) => {
            format!(
                "{when}, which no order explains: one that explains every earlier answer would have given {expected}"
            )
        }
        None => format!("no order explains the answers about {}; the last of them: {when}", operation.key()),
    }
}

#[cfg(test)]
#[path = "lin_tests.rs"]
mod tests;
