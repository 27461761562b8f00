//! AGREE: an index is committed with one digest, by all replicas and for all time.

use crate::base::{Disks, Event, EventKind, Probe};

use super::first::{First, FirstByIndex};
use super::oracle::{Checked, Oracle, OracleId, Violation, pair};

/// Compares every `Committed` probe with the first one for the same index.
///
/// A restarted replica commits again from wherever it begins; that is checked like everything else. Digests are
/// chained, so an index that nobody names is vouched for by the next one above it.
#[derive(Debug, Default)]
pub struct Agree {
    committed: FirstByIndex,
    checked: u64,
}

impl Oracle for Agree {
    fn id(&self) -> OracleId {
        OracleId::Agree
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        let (Some(node), EventKind::Probe(Probe::Committed { index, digest, .. })) = (event.node, &event.kind) else {
            return Ok(());
        };
        self.checked += 1;
        match self.committed.meet(*index, First { checksum: *digest, node }) {
            Some(first) if first.checksum != *digest => {
                let who = if first.node == node { "it".to_owned() } else { first.node.to_string() };
                let happened = format!(
                    "{node} committed op {index} as {digest}, but {who} had committed it as {}",
                    first.checksum
                );
                Err(Violation::new(OracleId::Agree, event, pair(node, first.node), happened))
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
    use super::super::story::{Story, committed};
    use super::*;

    #[test]
    fn the_same_commits_agree_across_replicas_and_lives() {
        let mut story = Story::of(OracleId::Agree);
        story.boot(0, 1).probe(0, committed(0, 1, 0xa)).probe(0, committed(0, 2, 0xb)).probe(1, committed(0, 1, 0xa));
        story.crash(0, 1).boot(0, 2).probe(0, committed(1, 1, 0xa)).probe(0, committed(1, 3, 0xc));
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(5));
    }

    #[test]
    fn another_replica_commits_something_else() {
        let mut story = Story::of(OracleId::Agree);
        story.probe(0, committed(0, 3, 0xa)).probe(1, committed(1, 3, 0xb));
        assert_eq!(story.end(), "r1 committed op 3 as 0000000b, but r0 had committed it as 0000000a");
        assert_eq!(story.nodes(), "r1 r0");
    }

    #[test]
    fn a_replica_contradicts_its_earlier_life() {
        let mut story = Story::of(OracleId::Agree);
        story.probe(2, committed(0, 1, 0xa)).crash(2, 1).boot(2, 2).probe(2, committed(0, 1, 0xb));
        assert_eq!(story.end(), "r2 committed op 1 as 0000000b, but it had committed it as 0000000a");
    }
}
