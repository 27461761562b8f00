//! A number that is added to.

use std::str;

use crate::base::{Operation, Reply};

use super::{Model, State};

/// The model of counters: `add` with a whole number, which may be negative, and `Get`, which answers the sum so far. They
/// start at 0.
///
/// `add` is an [`Operation::Custom`] of that name whose input is the number in decimal.
///
/// ```
/// use foretell::base::{Key, Operation, Reply};
/// use foretell::check::models::{Counter, Model};
/// let add = Operation::Custom { name: "add", key: Key(0), input: "3".into() };
/// let (state, _) = Counter.apply(&None, &add);
/// assert_eq!(Counter.apply(&state, &Operation::Get { key: Key(0) }).1, Reply::Value(Some("3".to_owned())));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Model for Counter {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        let sum = number(state.as_deref().unwrap_or(b"0"));
        match operation {
            Operation::Custom { name: "add", input, .. } => {
                let sum = sum.saturating_add(number(input));
                ((sum != 0).then(|| sum.to_string().into_bytes()), Reply::Done)
            }
            Operation::Get { .. } => (state.clone(), Reply::Value(Some(sum.to_string()))),
            _ => (state.clone(), Reply::Done),
        }
    }

    fn describe(&self, operation: &Operation, reply: Option<&Reply>) -> String {
        super::standard::describe(operation, reply)
    }
}

/// What is no number counts as 0.
fn number(text: &[u8]) -> i128 {
    str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
