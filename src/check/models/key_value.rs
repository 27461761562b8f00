//! A store of strings, and a register.

use crate::base::{Operation, Reply};

use super::{Model, State};

/// The model of a store of strings: what [`Operation`] and [`Reply`] say, and nothing more.
///
/// ```
/// use foretell::base::{Key, Operation, Reply};
/// use foretell::check::{KeyValue, Model};
/// let append = Operation::Append { key: Key(0), value: "b".into() };
/// assert_eq!(KeyValue.apply(&Some(b"a".to_vec()), &append), (Some(b"ab".to_vec()), Reply::Done));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyValue;

impl Model for KeyValue {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        match operation {
            Operation::Get { .. } => {
                let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
                (state.clone(), Reply::Value(state.as_ref().map(text)))
            }
            Operation::Put { value, .. } => (Some(value.as_bytes().to_vec()), Reply::Done),
            Operation::Append { value, .. } => {
                let mut bytes = state.clone().unwrap_or_default();
                bytes.extend_from_slice(value.as_bytes());
                (Some(bytes), Reply::Done)
            }
            Operation::Cas { from, to, .. } => {
                let fits = state.as_deref() == from.as_ref().map(String::as_bytes);
                let next = if fits { Some(to.as_bytes().to_vec()) } else { state.clone() };
                (next, Reply::Swapped(fits))
            }
            Operation::Delete { .. } => (None, Reply::Done),
            // A store of strings has no operations of its own, so there is nothing that one could do.
            Operation::Custom { .. } => (state.clone(), Reply::Done),
        }
    }

    fn is_plain(&self) -> bool {
        true
    }
}
