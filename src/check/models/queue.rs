//! First in, first out.

use crate::base::{Operation, Reply};

use super::items::{items, list, push};
use super::{Model, State};

/// The model of queues: `enqueue` adds at the end, `dequeue` takes from the front and answers what it took, or nothing if
/// the queue is empty.
///
/// Both are [`Operation::Custom`] of those names; the input of `enqueue` is what it adds, and `dequeue` answers
/// [`Reply::Value`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue;

impl Model for Queue {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        match operation {
            Operation::Custom { name: "enqueue", input, .. } => (push(state, input), Reply::Done),
            Operation::Custom { name: "dequeue", .. } => {
                let front = items(state).next().map(|item| String::from_utf8_lossy(item).into_owned());
                (list(items(state).skip(1)), Reply::Value(front))
            }
            _ => (state.clone(), Reply::Done),
        }
    }

    fn is_read(&self, operation: &Operation, reply: &Reply) -> bool {
        matches!((operation, reply), (Operation::Custom { name: "dequeue", .. }, Reply::Value(None)))
    }

    fn describe(&self, operation: &Operation, reply: Option<&Reply>) -> String {
        super::standard::describe(operation, reply)
    }
}
