//! BACK: what is marked committed is durable on a quorum at that moment.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::base::{ActualDisks, Checksum, Cluster, Disks, Event, EventKind, NodeId, Probe};

use super::by_node::ByNode;
use super::first::{First, FirstByIndex};
use super::oracle::{Checked, Layout, Oracle, OracleId, Quorums, Violation};

/// Counts, when an entry is first said to be committed, the disks that durably hold that very entry.
///
/// This is the god's view: the replicas' own books are not asked. Each entry is counted once, because later the disks
/// may well be wiped one after the other and repaired from each other. What a replica has erased counts too, where its disk has
/// lost that write, and keeps the entry in fact: to the replica it is there. A replica that commits several entries at once
/// must say so for each of them, or those in between are not counted.
pub struct Back {
    cluster: Cluster,
    quorums: Quorums,
    layout: Option<Rc<dyn Layout>>,
    counted: FirstByIndex,
    /// Entries that contradict the first one for their index. AGREE objects to them; this oracle counts them too.
    others: BTreeSet<(u64, Checksum)>,
    /// The last index that was counted.
    newest: u64,
    /// What the world took from a replica after it was durable there, and before it could be counted. A replica that had said so is
    /// believed, and nobody is to blame, until the replica promises something again.
    taken: ByNode<Vec<(u64, Checksum)>>,
    checked: u64,
}

/// So many entries are looked for on a disk that is being lost. No protocol has more under way.
const LOOKED_AT: u64 = 1024;

impl Back {
    /// Judges a cluster with these quorums by what the layout finds on its disks.
    pub fn new(cluster: Cluster, quorums: Quorums, layout: Option<Rc<dyn Layout>>) -> Back {
        let (counted, others, taken) = (FirstByIndex::default(), BTreeSet::new(), ByNode::default());
        Back { cluster, quorums, layout, counted, others, newest: 0, taken, checked: 0 }
    }

    /// The disk of this replica is lost, and this is the last look at what was on it.
    fn on_loss(&mut self, node: NodeId, disks: &dyn Disks) {
        let taken = self.taken.at(node);
        let Some(layout) = self.layout.as_ref().filter(|_| taken.is_empty()) else { return };
        let next = self.newest.saturating_add(1);
        let entries = next..next.saturating_add(LOOKED_AT);
        taken.extend(entries.map_while(|index| Some((index, layout.entry(disks, node, index)?))));
    }

    fn is_new(&mut self, index: u64, digest: Checksum, node: NodeId) -> bool {
        match self.counted.meet(index, First { checksum: digest, node }) {
            None => true,
            Some(first) => first.checksum != digest && self.others.insert((index, digest)),
        }
    }
}

impl Oracle for Back {
    fn id(&self) -> OracleId {
        OracleId::Back
    }

    fn on_event(&mut self, event: &Event, disks: &dyn Disks) -> Result<(), Violation> {
        let Some(node) = event.node else { return Ok(()) };
        let (epoch, index, digest) = match &event.kind {
            EventKind::Probe(Probe::Committed { epoch, index, digest }) => (epoch, index, digest),
            EventKind::Wipe | EventKind::Probe(Probe::Recovering) => {
                self.on_loss(node, disks);
                return Ok(());
            }
            EventKind::Probe(Probe::Epoch { .. }) => {
                self.taken.at(node).clear();
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.layout.is_none() || !self.is_new(*index, *digest, node) {
            return Ok(());
        }
        let Some(layout) = &self.layout else {
            return Ok(());
        };
        self.checked += 1;
        self.newest = self.newest.max(*index);
        let promised = |replica: &NodeId| match layout.entry(disks, *replica, *index) {
            Some(held) => held == *digest,
            None => layout.checkpoint(disks, *replica) >= *index,
        };
        let was_taken =
            |replica: &NodeId| self.taken.get(*replica).is_some_and(|taken| taken.contains(&(*index, *digest)));
        let promised = |replica: &NodeId| promised(replica) || was_taken(replica);
        let in_fact = |replica: &NodeId| layout.entry(&ActualDisks(disks), *replica, *index) == Some(*digest);
        let holds = |replica: &NodeId| promised(replica) || in_fact(replica);
        // Reading disks is dear, and a quorum is enough. What they hold in fact is looked at only where promises do not suffice.
        let quorum = usize::from(self.quorums.replication);
        let are_enough =
            |held: &dyn Fn(&NodeId) -> bool| self.cluster.replicas().filter(held).take(quorum).count() == quorum;
        if are_enough(&promised) || are_enough(&holds) {
            return Ok(());
        }
        let holders: Vec<NodeId> = self.cluster.replicas().filter(holds).collect();
        let held = match holders.as_slice() {
            [] => "no replica".to_owned(),
            some => format!("only {}", list(some)),
        };
        let happened = format!(
            "{node} committed op {index} ({digest}) in epoch {epoch} while {held} of {} held it durably, and it takes {}",
            self.cluster.replicas, self.quorums.replication
        );
        let missing = self.cluster.replicas().filter(|replica| *replica != node && !holders.contains(replica));
        let nodes = std::iter::once(node).chain(missing).collect();
        Err(Violation::new(OracleId::Back, event, nodes, happened))
    }

    fn checked(&self) -> Checked {
        match self.layout {
            Some(_) => Checked::Checked(self.checked),
            None => Checked::NotChecked("the system has no layout, so its disks cannot be read".to_owned()),
        }
    }
}

/// `r0`, `r0 and r1`, `r0, r1 and r2`.
pub(super) fn list(nodes: &[NodeId]) -> String {
    match nodes {
        [] => String::new(),
        [only] => only.to_string(),
        [before @ .., last] => {
            let before: Vec<String> = before.iter().map(NodeId::to_string).collect();
            format!("{} and {last}", before.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, committed, digest};
    use super::*;

    #[test]
    fn a_quorum_of_copies_is_enough_and_is_counted_once() {
        let mut story = Story::of(OracleId::Back);
        story.holds(0, 1, 0xa).holds(2, 1, 0xa).probe(0, committed(0, 1, 0xa));
        // The copies may go afterwards: what was promised was a quorum at the moment of the commit.
        story.forgets(0, 1).forgets(2, 1).probe(1, committed(0, 1, 0xa));
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(1));
    }

    #[test]
    fn a_checkpoint_holds_what_it_covers() {
        let mut story = Story::of(OracleId::Back);
        story.holds(0, 7, 0xa).checkpointed(1, 8).probe(0, committed(0, 7, 0xa));
        assert_eq!(story.end(), "kept");
    }

    #[test]
    fn what_the_world_took_counts_until_the_replica_promises_again() {
        let taken = || {
            let mut story = Story::of(OracleId::Back);
            story.holds(0, 1, 0xa).holds(1, 1, 0xa).wipe(1).forgets(1, 1).probe(1, Probe::Recovering);
            story
        };
        let mut story = taken();
        story.probe(0, committed(0, 1, 0xa));
        assert_eq!(story.end(), "kept");
        let mut story = taken();
        story.probe(1, Probe::Epoch { epoch: 0, log_epoch: 0 }).probe(0, committed(0, 1, 0xa));
        assert!(story.end().contains("only r0 of 3 held it durably"));
        let mut story = taken();
        story.probe(0, committed(0, 1, 0xb));
        assert!(story.end().contains("while no replica of 3 held it durably"));
    }

    #[test]
    fn one_copy_is_not_a_quorum() {
        let mut story = Story::of(OracleId::Back);
        story.holds(0, 1, 0xa).probe(0, committed(4, 1, 0xa));
        let said = "r0 committed op 1 (0000000a) in epoch 4 while only r0 of 3 held it durably, and it takes 2";
        assert_eq!(story.end(), said);
        assert_eq!(story.nodes(), "r0 r1 r2");
    }

    #[test]
    fn what_a_disk_did_not_erase_is_there_and_what_it_lost_is_not() {
        let mut story = Story::of(OracleId::Back);
        story.holds(0, 1, 0xa).keeps(1, 1, 0xa).probe(0, committed(0, 1, 0xa));
        assert_eq!(story.end(), "kept");
        let mut story = Story::of(OracleId::Back);
        story.holds(0, 1, 0xa).keeps(1, 1, 0xb).probe(0, committed(0, 1, 0xa));
        assert!(story.end().contains("only r0 of 3 held it durably"));
    }

    #[test]
    fn a_copy_of_another_entry_does_not_count() {
        let mut story = Story::of(OracleId::Back);
        story.holds(1, 1, 0xb).holds(2, 1, 0xb).probe(0, committed(0, 1, 0xa));
        assert!(story.end().contains("while no replica of 3 held it durably"));
    }

    #[test]
    fn a_second_digest_for_an_index_is_counted_anew() {
        let mut story = Story::of(OracleId::Back);
        story.holds(0, 1, 0xa).holds(1, 1, 0xa).probe(0, committed(0, 1, 0xa)).probe(1, committed(1, 1, 0xb));
        assert!(story.end().starts_with(&format!("r1 committed op 1 ({})", digest(0xb))));
    }

    #[test]
    fn without_a_layout_nothing_is_green() {
        let mut story = Story::without_layout(OracleId::Back);
        story.probe(0, committed(0, 1, 0xa));
        assert_eq!(story.end(), "kept");
        assert!(matches!(story.checked(), Checked::NotChecked(_)));
    }

    #[test]
    fn lists_read_well() {
        let nodes: Vec<NodeId> = (0..3).map(NodeId::replica).collect();
        assert_eq!([list(&nodes[..1]), list(&nodes[..2]), list(&nodes)].join("; "), "r0; r0 and r1; r0, r1 and r2");
    }
}
