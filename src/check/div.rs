//! DIV: the state machine is in the same state at the same index on every replica.

use crate::base::{Disks, Event, EventKind, Probe};

use super::first::{First, FirstByIndex};
use super::oracle::{Checked, Oracle, OracleId, Violation, pair};

/// Compares every `Applied` probe with the first one for the same index, over all replicas and lives.
#[derive(Debug, Default)]
pub struct Div {
    applied: FirstByIndex,
    checked: u64,
}

impl Oracle for Div {
    fn id(&self) -> OracleId {
        OracleId::Div
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        let (Some(node), EventKind::Probe(Probe::Applied { index, state })) = (event.node, &event.kind) else {
            return Ok(());
        };
        self.checked += 1;
        match self.applied.meet(*index, First { checksum: *state, node }) {
            Some(first) if first.checksum != *state => {
                let who =
                    if first.node == node { "it had itself once".to_owned() } else { format!("{} had", first.node) };
                let happened =
                    format!("{node} has state {state} after op {index}, but {who} reached {} there", first.checksum);
                Err(Violation::new(OracleId::Div, event, pair(node, first.node), happened))
            }
            _ => Ok(()),
        }
    }

    fn checked(&self) -> Checked {
        Checked::Checked(self.checked)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, applied};
    use super::*;

    #[test]
    fn equal_states_are_fine_in_every_life() {
        let mut story = Story::of(OracleId::Div);
        story.probe(0, applied(1, 0xa)).probe(1, applied(1, 0xa)).probe(1, applied(2, 0xb));
        story.crash(1, 1).boot(1, 2).probe(1, applied(1, 0xa)).probe(1, applied(2, 0xb));
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(5));
    }

    #[test]
    fn another_replica_reaches_another_state() {
        let mut story = Story::of(OracleId::Div);
        story.probe(0, applied(1, 0xa)).probe(0, applied(2, 0xb)).probe(1, applied(2, 0xc));
        assert_eq!(story.end(), "r1 has state 0000000c after op 2, but r0 had reached 0000000b there");
    }

    #[test]
    fn a_second_life_reaches_another_state() {
        let mut story = Story::of(OracleId::Div);
        story.probe(0, applied(1, 0xa)).crash(0, 1).boot(0, 2).probe(0, applied(1, 0xc));
        assert_eq!(story.end(), "r0 has state 0000000c after op 1, but it had itself once reached 0000000a there");
        assert_eq!(story.nodes(), "r0");
    }
}
