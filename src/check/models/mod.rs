//! What a correct service would answer: models.
//!
//! A [`Model`] is a service that does one thing after the other, so simple that nobody doubts it. Those that come with the crate
//! are [`KeyValue`], which is also a register, and [`Counter`], [`Set`], [`Queue`] and [`Log`]. One of your own is a type
//! with one function; `docs/linearizability.md` has one whose operations touch two accounts.

mod counter;
mod items;
mod key_value;
mod log;
mod queue;
mod set;
mod standard;

use crate::base::{Key, Operation, Reply};

pub use counter::Counter;
pub use key_value::KeyValue;
pub use log::Log;
pub use queue::Queue;
pub use set::Set;
pub use standard::Standard;
pub(crate) use standard::members;

/// The state of one object; `None` is how every object starts: absent, empty, zero.
pub type State = Option<Vec<u8>>;

/// What an operation must be checked together with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Partition {
    /// The operations on this object. A history is linearizable if and only if its part on every object is.
    Object(Key),
    /// All operations: it touches more than one object. One such operation puts the whole history into one part.
    Whole,
}

/// A deterministic sequential service: from a state and an operation follow the next state and the reply.
///
/// Two states are the same if their bytes are, so a state must have one form only: see [`Model::canonical`].
pub trait Model {
    /// What the operation does to the state, and what it answers.
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply);

    /// What the operation must be checked together with; by default, with those on its own key.
    fn partition(&self, operation: &Operation) -> Partition {
        Partition::Object(operation.key())
    }

    /// Whether an answer that was given is one that this service may give where it would give `own`; equality by default.
    ///
    /// A service that may say less, or that answers in any order, says so here.
    fn accepts(&self, given: &Reply, own: &Reply) -> bool {
        given == own
    }

    /// The one form of a state that may have several. By default states have one form.
    fn canonical(&self, state: State) -> State {
        state
    }

    /// Whether an operation that was answered like this has certainly left the state as it was.
    ///
    /// The search takes such an operation as soon as it fits, so it must never say yes of one that changes something.
    fn is_read(&self, operation: &Operation, reply: &Reply) -> bool {
        match operation {
            Operation::Get { .. } => true,
            Operation::Cas { .. } => *reply == Reply::Swapped(false),
            _ => false,
        }
    }

    /// An operation and its answer in words, for people.
    fn describe(&self, operation: &Operation, reply: Option<&Reply>) -> String {
        match reply {
            Some(Reply::Done) => format!("{operation}"),
            Some(reply) => format!("{operation} -> {reply}"),
            None => format!("{operation} -> ?"),
        }
    }

    /// Whether the state is the value's bytes and `Get`, `Put`, `Append`, `Cas` and `Delete` mean exactly what
    /// [`Operation`] says.
    ///
    /// The search for a linearization then sees dead ends earlier. It must not be true of anything else.
    fn is_plain(&self) -> bool {
        false
    }
}
