//! From faults of links and clocks with chance to what they do here and now.

use super::fault::{Group, Target, What};
use super::resolve::Resolver;
use crate::base::{Cluster, Distribution, NodeId};

impl Resolver<'_> {
    /// The faults without chance that a fault of links or clocks comes to; none if there is nobody whom it could strike.
    pub fn resolve_network(&mut self, what: &What) -> Vec<What> {
        let constant = |span| Distribution::Constant(span);
        let resolved = match what {
            What::CutOnly { from, to, only, both_ways, heal_after } => self.sides(from, to).map(|(from, to)| {
                let (only, both_ways, heal_after) = (only.clone(), *both_ways, self.span(heal_after));
                What::CutOnly { from, to, only, both_ways, heal_after }
            }),
            What::Clog { from, to, span } => {
                self.sides(from, to).map(|(from, to)| What::Clog { from, to, span: constant(span.sample(self.draw)) })
            }
            What::Hold { from, to, only, release_after } => self.sides(from, to).map(|(from, to)| {
                let (only, release_after) = (only.clone(), self.span(release_after));
                What::Hold { from, to, only, release_after }
            }),
            What::Release { from, to } => self.sides(from, to).map(|(from, to)| What::Release { from, to }),
            What::Clock { target, change } => {
                // A clock runs on while its node is down.
                let nodes = self.members(*target);
                let of = |node| What::Clock { target: Target::Node(node), change: *change };
                return nodes.into_iter().map(of).collect();
            }
            other => unreachable!("{other} is no fault of links or clocks"),
        };
        resolved.into_iter().collect()
    }

    /// Both sides of some links, unless there is nobody on one of them.
    pub fn sides(&mut self, from: &Group, to: &Group) -> Option<(Group, Group)> {
        let mut sides = self.union_all(&[from, to]);
        assert_eq!(sides.len(), 2, "of two groups come two");
        let (to, from) = (sides.pop().unwrap_or_default(), sides.pop().unwrap_or_default());
        let group = |nodes: Vec<NodeId>| nodes.into_iter().map(Target::Node).collect();
        (!from.is_empty() && !to.is_empty()).then(|| (group(from), group(to)))
    }
}

/// The pairs of neighbours in a ring of all replicas, each with all clients.
pub(in crate::world) fn ring(cluster: Cluster) -> Vec<Vec<NodeId>> {
    let replicas: Vec<NodeId> = cluster.replicas().collect();
    let next = replicas.iter().cycle().skip(1);
    let pair = |(one, other): (&NodeId, &NodeId)| {
        let mut group: Vec<NodeId> = [*one, *other].into_iter().chain(cluster.clients()).collect();
        group.sort_unstable();
        group.dedup();
        group
    };
    let groups: Vec<Vec<NodeId>> = replicas.iter().zip(next).map(pair).collect();
    assert_eq!(groups.len(), replicas.len(), "a ring has as many pairs as replicas");
    let most = usize::from(cluster.clients) + 2;
    assert!(groups.iter().all(|group| !group.is_empty() && group.len() <= most), "a group is a pair and all clients");
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replica_reaches_its_two_neighbours_and_all_clients() {
        let names = |groups: Vec<Vec<NodeId>>| -> Vec<String> {
            let text = |group: &Vec<NodeId>| group.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            groups.iter().map(text).collect()
        };
        let of = |replicas, clients| names(ring(Cluster { replicas, clients }));
        assert_eq!(of(4, 1), ["r0 r1 c0", "r1 r2 c0", "r2 r3 c0", "r0 r3 c0"]);
        assert_eq!(of(2, 0), ["r0 r1", "r0 r1"]);
        assert_eq!(of(1, 1), ["r0 c0"]);
    }
}
