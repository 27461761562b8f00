//! ONCE: a request is executed at most once.

#![expect(clippy::disallowed_types, reason = "hashed by a fixed hasher, and never iterated")]

use std::collections::HashMap;

use crate::base::{Disks, Event, EventKind, NodeId, Probe};

use super::linearizability::states::Fixed;
use super::oracle::{Checked, Oracle, OracleId, Violation, pair};

/// Compares every `Executed` probe with the first one for the same request of the same client.
///
/// All replicas execute a request, and a restarted one does it again: that is one execution as long as it is the same
/// entry. Two entries are two executions.
#[derive(Debug, Default)]
pub struct Once {
    executed: HashMap<(u64, u64), (u64, NodeId), Fixed>,
    checked: u64,
}

impl Oracle for Once {
    fn id(&self) -> OracleId {
        OracleId::Once
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        let (Some(node), EventKind::Probe(Probe::Executed { client, request, index })) = (event.node, &event.kind)
        else {
            return Ok(());
        };
        self.checked += 1;
        let (first, by) = *self.executed.entry((*client, *request)).or_insert((*index, node));
        if first == *index {
            return Ok(());
        }
        let who = if by == node { "it".to_owned() } else { by.to_string() };
        let happened = format!(
            "{node} executed request {request} of client {client:x} as op {index}, but {who} had executed it as op {first}"
        );
        Err(Violation::new(OracleId::Once, event, pair(node, by), happened))
    }

    fn checked(&self) -> Checked {
        Checked::Checked(self.checked)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, executed};
    use super::*;

    #[test]
    fn every_replica_and_every_life_may_execute_the_same_entry() {
        let mut story = Story::of(OracleId::Once);
        story.probe(0, executed(0xc1, 1, 5)).probe(1, executed(0xc1, 1, 5)).probe(0, executed(0xc1, 2, 6));
        story.probe(0, executed(0xc2, 1, 7)).crash(0, 1).boot(0, 2).probe(0, executed(0xc1, 1, 5));
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(5));
    }

    #[test]
    fn a_retry_is_executed_again() {
        let mut story = Story::of(OracleId::Once);
        story.probe(0, executed(0xc1, 1, 5)).probe(1, executed(0xc1, 1, 6));
        assert_eq!(story.end(), "r1 executed request 1 of client c1 as op 6, but r0 had executed it as op 5");
    }

    #[test]
    fn the_same_replica_executes_twice() {
        let mut story = Story::of(OracleId::Once);
        story.probe(0, executed(0xc1, 1, 5)).probe(0, executed(0xc1, 1, 6));
        assert_eq!(story.end(), "r0 executed request 1 of client c1 as op 6, but it had executed it as op 5");
    }
}
