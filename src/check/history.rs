//! The history: what clients asked, what they were told, and when.

use std::rc::Rc;

use crate::base::event::Outcome;
use crate::base::{ClientId, Event, EventId, EventKind, Instant, Operation, Reply};

use super::by_node::ByNode;

/// A moment of a history.
///
/// `order` decides what came before what; equal orders are concurrent. In a run it is the place in the trace, so that
/// two events of one instant are still one after the other, as they were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Its place.
    pub order: EventId,
    /// When, for people.
    pub at: Instant,
}

/// One call of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Who called.
    pub client: ClientId,
    /// The client machine's number for it.
    pub number: u64,
    /// What it asked for.
    pub operation: Rc<Operation>,
    /// When it was called.
    pub called: Moment,
    /// How and when it ended; `None` while it is open. A call that stays open is of unknown outcome.
    pub ended: Option<(Moment, Outcome)>,
}

impl Call {
    /// When the operation had certainly taken effect and what it answered; `None` if its outcome is unknown.
    pub fn answer(&self) -> Option<(Moment, &Reply)> {
        match &self.ended {
            Some((moment, Outcome::Done(reply))) => Some((*moment, reply)),
            _ => None,
        }
    }

    /// Whether the operation may have taken effect.
    pub fn may_count(&self) -> bool {
        !matches!(self.ended, Some((_, Outcome::NotApplied)))
    }
}

/// The calls of all clients, in the order in which they were called.
#[derive(Clone, Debug, Default)]
pub struct History {
    calls: Vec<Call>,
    /// By machine, its calls that have not ended, with their places. There is one at most, and those whose callers died.
    open: ByNode<Vec<(ClientId, u64, usize)>>,
}

impl History {
    /// An empty history.
    pub fn new() -> History {
        History::default()
    }

    /// Takes note of a call or of the end of one; other events do not matter.
    pub fn on_event(&mut self, event: &Event) {
        let moment = Moment { order: event.id, at: event.at };
        match &event.kind {
            EventKind::Call { client, number, operation } => {
                self.push(Call {
                    client: *client,
                    number: *number,
                    operation: operation.clone(),
                    called: moment,
                    ended: None,
                });
            }
            EventKind::Return { client, number, outcome } => {
                let open = self.open.at(client.node);
                let called = open.iter().rposition(|(caller, call, _)| caller == client && call == number);
                if let Some(called) = called {
                    let (_, _, place) = open.swap_remove(called);
                    self.calls[place].ended = Some((moment, outcome.clone()));
                }
            }
            _ => {}
        }
    }

    /// Adds a call that was recorded elsewhere. They come in the order of their calls.
    pub fn push(&mut self, call: Call) {
        assert!(self.calls.last().is_none_or(|last| last.called.order <= call.called.order), "calls come in order");
        assert!(
            call.ended.as_ref().is_none_or(|(ended, _)| call.called.order <= ended.order),
            "a call begins before it ends"
        );
        if call.ended.is_none() {
            self.open.at(call.client.node).push((call.client, call.number, self.calls.len()));
        }
        self.calls.push(call);
    }

    /// The calls, in the order in which they were called.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{call_event, get, return_event, value};
    use super::*;

    #[test]
    fn calls_and_returns_are_paired() {
        let mut history = History::new();
        history.on_event(&call_event(1, 0, 1, get(0)));
        history.on_event(&call_event(2, 1, 1, get(1)));
        history.on_event(&return_event(3, 1, 1, Outcome::NotApplied));
        history.on_event(&return_event(4, 0, 1, Outcome::Done(value("7"))));
        history.on_event(&call_event(5, 0, 2, get(0)));
        let calls = history.calls();
        assert_eq!(calls.len(), 3);
        assert_eq!(calls[0].answer().map(|(moment, reply)| (moment.order.0, reply.clone())), Some((4, value("7"))));
        assert_eq!((calls[1].answer(), calls[1].may_count()), (None, false));
        assert_eq!((calls[2].answer(), calls[2].may_count()), (None, true));
    }
}
