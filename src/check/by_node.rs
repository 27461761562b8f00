//! A value for each node, found without a search.

use crate::base::NodeId;

/// A value for each node; whatever was never set is the default.
///
/// Oracles ask for a node's value with nearly every event, and the nodes of a cluster are numbered from zero, so the
/// number is the place.
#[derive(Clone, Debug)]
pub(super) struct ByNode<T>(Vec<T>);

impl<T> Default for ByNode<T> {
    fn default() -> Self {
        ByNode(Vec::new())
    }
}

/// Replicas have the even places and client machines the odd ones.
fn place(node: NodeId) -> usize {
    usize::from(node.index()) * 2 + usize::from(!node.is_replica())
}

impl<T: Default> ByNode<T> {
    /// The value of a node, if it is known to be other than the default.
    pub fn get(&self, node: NodeId) -> Option<&T> {
        self.0.get(place(node))
    }

    /// The value of a node, to be changed.
    pub fn at(&mut self, node: NodeId) -> &mut T {
        let place = place(node);
        if place >= self.0.len() {
            self.0.resize_with(place + 1, T::default);
        }
        &mut self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_place_of_its_own() {
        let mut values = ByNode::default();
        let nodes = [NodeId::client(2), NodeId::replica(0), NodeId::client(0), NodeId::replica(2), NodeId::replica(1)];
        for (number, node) in nodes.into_iter().enumerate() {
            assert_eq!(*values.at(node), 0, "{node}");
            *values.at(node) = number + 1;
        }
        let read = nodes.map(|node| values.get(node).copied());
        assert_eq!(read, [1, 2, 3, 4, 5].map(Some));
        assert_eq!(values.get(NodeId::replica(9)), None);
    }
}
