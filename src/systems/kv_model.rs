//! What a correct key-value store answers. Shares no code with the one it judges.

use crate::base::{Operation, Reply};
use crate::check::{Model, State};

/// A key-value store, one key at a time; the state is the value's bytes.
#[derive(Clone, Copy, Debug)]
pub struct KvModel;

impl Model for KvModel {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        let bytes = |text: &String| Some(text.clone().into_bytes());
        match operation {
            Operation::Get { .. } => {
                let value = state.as_ref().map(|value| String::from_utf8_lossy(value).into_owned());
                (state.clone(), Reply::Value(value))
            }
            Operation::Put { value, .. } => (bytes(value), Reply::Done),
            Operation::Append { value, .. } => {
                let mut whole = state.clone().unwrap_or_default();
                whole.extend_from_slice(value.as_bytes());
                (Some(whole), Reply::Done)
            }
            Operation::Cas { from, to, .. } => {
                let holds = state.as_deref() == from.as_ref().map(String::as_bytes);
                (if holds { bytes(to) } else { state.clone() }, Reply::Swapped(holds))
            }
            Operation::Delete { .. } => (None, Reply::Done),
            // The store refuses these, so no history has an answer to one.
            Operation::Custom { .. } => (state.clone(), Reply::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Key;
    use crate::vsr::kv::{decode_reply, encode_operation, KeyValueStore};
    use crate::vsr::Service;

    /// Two programs written from one description: they must agree on every short sequence.
    #[test]
    fn model_and_store_agree_on_all_sequences_of_four() {
        let key = Key(1);
        let text = |text: &str| text.to_string();
        let operations = [
            Operation::Get { key },
            Operation::Put { key, value: text("a") },
            Operation::Put { key, value: text("") },
            Operation::Append { key, value: text("b") },
            Operation::Cas { key, from: None, to: text("c") },
            Operation::Cas { key, from: Some(text("a")), to: text("ab") },
            Operation::Cas { key, from: Some(text("")), to: text("d") },
            Operation::Delete { key },
        ];
        let count = operations.len();
        for number in 0..count.pow(4) {
            let sequence = (0..4).map(|place| &operations[number / count.pow(place) % count]);
            let (mut state, mut store) = (None, KeyValueStore::default());
            for operation in sequence {
                let (next, expected) = KvModel.apply(&state, operation);
                let reply = decode_reply(&store.apply(&encode_operation(operation).unwrap()));
                assert_eq!(reply, Some(expected), "{operation} in sequence {number}");
                state = next;
            }
        }
    }
}
