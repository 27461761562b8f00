//! What a correct service would answer, one object at a time.

use crate::base::{Operation, Reply};

/// The state of one object; `None` is "absent", which is how every object starts.
pub type State = Option<Vec<u8>>;

/// A deterministic sequential service: from a state and an operation follow the next state and the reply.
pub trait Model {
    /// What the operation does to the state of the object it touches, and what it answers.
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply);
}
