//! A set of members.

use bytes::Bytes;

use crate::base::{Operation, Reply};

use super::items::{items, list};
use super::{Model, State};

/// The model of sets: `add` and `remove` a member, `contains` one, and `Get`, which answers all members.
///
/// All but `Get` are [`Operation::Custom`] of those names, whose input is the member. `contains` answers
/// [`Reply::Swapped`] with whether it is there. The answer to `Get` is the members in order of their bytes, with a
/// [`SEPARATOR`](Set::SEPARATOR) between each two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set;

impl Set {
    /// Stands between members in the answer to `Get`: the unit separator, which no sane member has in it.
    pub const SEPARATOR: char = '\u{1f}';
}

impl Model for Set {
    fn apply(&self, state: &State, operation: &Operation) -> (State, Reply) {
        match operation {
            Operation::Custom { name: "add", input, .. } => {
                let mut members: Vec<&[u8]> = items(state).collect();
                if let Err(place) = members.binary_search(&&input[..]) {
                    members.insert(place, input);
                }
                (list(members.into_iter()), Reply::Done)
            }
            Operation::Custom { name: "remove", input, .. } => {
                (list(items(state).filter(|member| member != input)), Reply::Done)
            }
            Operation::Custom { name: "contains", input, .. } => {
                (state.clone(), Reply::Swapped(items(state).any(|member| member == input)))
            }
            Operation::Get { .. } => {
                let members: Vec<_> = items(state).map(String::from_utf8_lossy).collect();
                (state.clone(), Reply::Value(Some(members.join(&Set::SEPARATOR.to_string()))))
            }
            _ => (state.clone(), Reply::Custom(Bytes::new())),
        }
    }

    fn is_read(&self, operation: &Operation, _: &Reply) -> bool {
        matches!(operation, Operation::Get { .. } | Operation::Custom { name: "contains", .. })
    }

    fn describe(&self, operation: &Operation, reply: Option<&Reply>) -> String {
        // Members are told apart, and so is a set without any.
        let reply = reply.map(|reply| match reply {
            Reply::Value(Some(members)) => Reply::Value(Some(format!("{{{}}}", members.replace(Set::SEPARATOR, ", ")))),
            other => other.clone(),
        });
        super::standard::describe(operation, reply.as_ref())
    }
}
