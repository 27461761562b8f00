//! A log that only grows, with positions.

use std::str;

use bytes::Bytes;

use crate::base::{Operation, Reply};

use super::items::{items, push};
use super::{Model, State};

/// The model of append-only logs: `append` answers the position of what it added, counted from 0; `read` answers what is
/// at a position, or nothing if the log is not that long.
///
/// Both are [`Operation::Custom`] of those names. The input of `append` is what it adds, that of `read` the position in
/// decimal; `append` answers [`Reply::Custom`] with the position in decimal, `read` a [`Reply::Value`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl Model for Log {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        match operation {
            Operation::Custom { name: "append", input, .. } => {
                let position = items(state).count().to_string();
                (push(state, input), Reply::Custom(Bytes::from(position)))
            }
            Operation::Custom { name: "read", input, .. } => {
                let position = str::from_utf8(input).ok().and_then(|text| text.parse().ok());
                let found = position.and_then(|position| items(state).nth(position));
                (state.clone(), Reply::Value(found.map(|item| String::from_utf8_lossy(item).into_owned())))
            }
            _ => (state.clone(), Reply::Done),
        }
    }

    fn is_read(&self, operation: &Operation, _: &Reply) -> bool {
        matches!(operation, Operation::Custom { name: "read", .. })
    }

    /// A log need not say where it has put something.
    fn accepts(&self, given: &Reply, own: &Reply) -> bool {
        given == own || *given == Reply::Done
    }

    fn describe(&self, operation: &Operation, reply: Option<&Reply>) -> String {
        super::standard::describe(operation, reply)
    }
}
