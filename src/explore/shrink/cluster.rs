//! Fewer machines.

use super::Shrinker;
use super::relabel::relabel;
use crate::base::{Cluster, NodeId};
use crate::scenario::{Core, Scenario};

/// Keeps as few clients as will do, then as few replicas.
pub(super) fn shrink(shrinker: &mut Shrinker<'_>) {
    let Cluster { clients, .. } = shrinker.best.cluster;
    for keep in fewest_first(clients, 1) {
        if shrinker.best.cluster.clients > keep.len() as u16
            && shrinker.keep(&all(shrinker.best.cluster.replicas), &keep)
        {
            break;
        }
    }
    let Cluster { replicas, .. } = shrinker.best.cluster;
    for keep in fewest_first(replicas, 1) {
        if shrinker.keep(&keep, &all(shrinker.best.cluster.clients)) {
            break;
        }
    }
}

fn all(count: u16) -> Vec<u16> {
    (0..count).collect()
}

/// All choices of at least so many of these, and not all of them, the smallest choices first. There are at most 62 of a
/// cluster of six; of larger ones only the choices that leave out one machine, or all but the first few.
pub(super) fn fewest_first(count: u16, least: u16) -> Vec<Vec<u16>> {
    if count > 6 {
        let first = (least..count).map(|size| (0..size).collect());
        let without = (0..count).map(|gone| (0..count).filter(|one| *one != gone).collect());
        return first.chain(without).collect();
    }
    let mut choices: Vec<Vec<u16>> = (1..(1_u32 << count) - 1)
        .map(|bits| (0..count).filter(|one| bits >> one & 1 == 1).collect::<Vec<u16>>())
        .filter(|choice| choice.len() >= usize::from(least))
        .collect();
    choices.sort_by_key(|choice| (choice.len(), choice.clone()));
    choices
}

/// The plan with these machines only, numbered anew.
pub(super) fn kept(plan: &Scenario, replicas: &[u16], clients: &[u16]) -> Scenario {
    let place = |kept: &[u16], index: u16| kept.iter().position(|one| *one == index).map(|place| place as u16);
    let map = |node: NodeId| match node.is_replica() {
        true => place(replicas, node.index()).map(NodeId::replica),
        false => place(clients, node.index()).map(NodeId::client),
    };
    relabel(plan, Cluster { replicas: replicas.len() as u16, clients: clients.len() as u16 }, &map)
}

impl Shrinker<'_> {
    /// Tries with these machines only. Fewer machines are worth a longer run; there cannot be more faults.
    fn keep(&mut self, replicas: &[u16], clients: &[u16]) -> bool {
        let candidate = kept(&self.best, replicas, clients);
        // A core of which too few are left may as well be everybody.
        let mut whole = candidate.clone();
        whole.phases.iter_mut().filter_map(|phase| phase.quiet.as_mut()).for_each(|quiet| quiet.core = Core::All);
        self.attempt(candidate) || self.attempt(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_grow() {
        assert_eq!(fewest_first(3, 1), [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![1, 2]]);
        assert_eq!(fewest_first(1, 1), Vec::<Vec<u16>>::new());
        assert_eq!(fewest_first(6, 1).len(), 62);
        assert!(fewest_first(9, 1).iter().all(|choice| choice.len() < 9));
    }
}
