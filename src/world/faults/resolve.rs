//! From a fault with chance to what it does here and now. No clock, no side effects: a scene and dice in, faults out.

use super::fault::{Extent, Group, Limit, Split, Spot, Target, What};
use crate::base::{Cluster, Distribution, Draw, Event, EventKind, NodeId, Ratio};
use crate::world::disk::SECTOR_BYTES;

/// How things stand when a fault strikes.
pub(in crate::world) struct Scene<'a> {
    pub cluster: Cluster,
    pub up: &'a dyn Fn(NodeId) -> bool,
    pub paused: &'a dyn Fn(NodeId) -> bool,
    pub primary: Option<NodeId>,
    /// The event that triggered it.
    pub event: Option<&'a Event>,
    /// How long a file of a node is, if there is one.
    pub file_length: &'a dyn Fn(NodeId, &str) -> Option<u64>,
}

/// Resolves faults.
pub(in crate::world) struct Resolver<'a> {
    pub scene: Scene<'a>,
    pub draw: &'a mut Draw,
    /// Who is spared because too few replicas would be up.
    pub spared: Vec<NodeId>,
}

impl Resolver<'_> {
    /// The faults without chance that this one comes to; none if there is nobody whom it could strike. And who
    /// is spared.
    pub fn resolve(mut self, what: &What) -> (Vec<What>, Vec<NodeId>) {
        let faults = self.without_chance(what);
        (faults, self.spared)
    }

    fn without_chance(&mut self, what: &What) -> Vec<What> {
        match what {
            What::Crash { target, restart_after, max_down } => {
                let nodes = self.victims(*target, *max_down);
                let crash = |node, restart_after| What::Crash { target: node, restart_after, max_down: Limit::All };
                self.each(nodes, restart_after, crash)
            }
            What::Wipe { target, restart_after, max_down } => {
                let nodes = self.victims(*target, *max_down);
                let wipe = |node, restart_after| What::Wipe { target: node, restart_after, max_down: Limit::All };
                self.each(nodes, restart_after, wipe)
            }
            What::Restart { target } => {
                let nodes = self.nodes(*target, false);
                nodes.into_iter().map(|node| What::Restart { target: Target::Node(node) }).collect()
            }
            What::Pause { target, resume_after } => {
                let nodes = self.nodes(*target, true).into_iter().filter(|node| !(self.scene.paused)(*node)).collect();
                self.each(nodes, resume_after, |target, resume_after| What::Pause { target, resume_after })
            }
            What::Partition { split, heal_after } => {
                let Some(mut groups) = self.groups(split) else { return Vec::new() };
                // Half of one replica is nobody, and a group of nobody is none.
                groups.retain(|group| !group.is_empty());
                let split = Split::Groups(
                    groups.into_iter().map(|group| group.into_iter().map(Target::Node).collect()).collect(),
                );
                vec![What::Partition { split, heal_after: self.span(heal_after) }]
            }
            What::Cut { from, to, both_ways, heal_after } => {
                let Some((from, to)) = self.sides(from, to) else { return Vec::new() };
                vec![What::Cut { from, to, both_ways: *both_ways, heal_after: self.span(heal_after) }]
            }
            What::Heal => vec![What::Heal],
            What::Rot { target, file, spot } => {
                let nodes = self.members(*target);
                let rots = nodes.into_iter().filter_map(|node| {
                    let spot = self.spot(node, file, *spot)?;
                    Some(What::Rot { target: Target::Node(node), file: file.clone(), spot })
                });
                rots.collect()
            }
            What::Unreadable { target, file, sector } => {
                let nodes = self.members(*target);
                let spoilt = nodes.into_iter().filter_map(|node| {
                    let drawn = match self.spot(node, file, Spot::Drawn(Extent::Sector))? {
                        Spot::Sector(drawn) => drawn,
                        other => unreachable!("a sector was drawn, and not {other}"),
                    };
                    let sector = Some(sector.unwrap_or(drawn));
                    Some(What::Unreadable { target: Target::Node(node), file: file.clone(), sector })
                });
                spoilt.collect()
            }
            What::Disk { target, next, mishap, pick } => {
                let nodes = self.members(*target);
                let arm = |node| {
                    let drawn = mishap.has_places().then(|| self.draw.word() >> 1);
                    let pick = pick.or(drawn);
                    What::Disk { target: Target::Node(node), next: next.clone(), mishap: *mishap, pick }
                };
                nodes.into_iter().map(arm).collect()
            }
            What::Stall { target, span } => {
                let stall = |node, span| What::Stall { target: Target::Node(node), span };
                let nodes = self.members(*target);
                nodes.into_iter().map(|node| stall(node, Distribution::Constant(span.sample(self.draw)))).collect()
            }
            network => self.resolve_network(network),
        }
    }

    /// A spot without chance; none if there is no such file, or nothing in it.
    fn spot(&mut self, node: NodeId, file: &str, spot: Spot) -> Option<Spot> {
        let length = (self.scene.file_length)(node, file).filter(|length| *length > 0)?;
        let (word, bits) = (self.draw.below(length), self.draw.word());
        Some(match spot {
            Spot::Drawn(Extent::Bit) => Spot::Byte { byte: word, bits: 1 << (bits % 8) },
            Spot::Drawn(Extent::Byte) => Spot::Byte { byte: word, bits: 1 + (bits % u64::from(u8::MAX)) as u8 },
            Spot::Drawn(Extent::Sector) => Spot::Sector(word / SECTOR_BYTES as u64),
            concrete => concrete,
        })
    }

    pub(in crate::world) fn span(&mut self, span: &Option<Distribution>) -> Option<Distribution> {
        span.map(|span| Distribution::Constant(span.sample(self.draw)))
    }

    fn each(
        &mut self,
        nodes: Vec<NodeId>,
        span: &Option<Distribution>,
        make: impl Fn(Target, Option<Distribution>) -> What,
    ) -> Vec<What> {
        nodes.into_iter().map(|node| make(Target::Node(node), self.span(span))).collect()
    }

    /// Those to be struck down, of those that are up, as far as the limit lets.
    fn victims(&mut self, target: Target, limit: Limit) -> Vec<NodeId> {
        let cluster = self.scene.cluster;
        let mut down = cluster.replicas().filter(|node| !(self.scene.up)(*node)).count();
        let allowed = usize::from(allowed_down(limit, cluster.replicas));
        let mut nodes = self.nodes(target, true);
        let mut spared = Vec::new();
        nodes.retain(|node| {
            // The limit protects the replicas' quorum; clients may all be down.
            let may = !node.is_replica() || down < allowed;
            down += usize::from(node.is_replica() && may);
            spared.extend((!may).then_some(*node));
            may
        });
        self.spared.extend(spared);
        nodes
    }

    /// The nodes a target means, of those that are up, or of those that are down.
    fn nodes(&mut self, target: Target, up: bool) -> Vec<NodeId> {
        let cluster = self.scene.cluster;
        let fits = |node: &NodeId| (self.scene.up)(*node) == up;
        let one_of = |nodes: Vec<NodeId>, draw: &mut Draw| draw.pick(&nodes).copied().into_iter().collect();
        match target {
            Target::Node(node) => Some(node).into_iter().filter(fits).collect(),
            Target::Primary => self.scene.primary.into_iter().filter(fits).collect(),
            Target::AnyBackup => {
                let primary = self.scene.primary;
                one_of(cluster.replicas().filter(|node| Some(*node) != primary).filter(fits).collect(), self.draw)
            }
            Target::AnyReplica => one_of(cluster.replicas().filter(fits).collect(), self.draw),
            Target::AnyClient => one_of(cluster.clients().filter(fits).collect(), self.draw),
            Target::AllReplicas => cluster.replicas().filter(fits).collect(),
            Target::AllClients => cluster.clients().filter(fits).collect(),
            Target::Sender => self.event_node().into_iter().filter(fits).collect(),
            Target::Receiver => self.event_peer().into_iter().filter(fits).collect(),
            Target::Rest => Vec::new(),
        }
    }

    /// The nodes a target means where it does not matter whether they are up: a link has no life.
    pub(in crate::world) fn members(&mut self, target: Target) -> Vec<NodeId> {
        match target {
            Target::Node(node) => vec![node],
            other => {
                let up = self.nodes(other, true);
                // `all-…` means those that are down as well.
                let down = if matches!(other, Target::AllReplicas | Target::AllClients) {
                    self.nodes(other, false)
                } else {
                    Vec::new()
                };
                up.into_iter().chain(down).collect()
            }
        }
    }

    /// Each group's nodes in order; `rest` becomes those that no other group names.
    pub(in crate::world) fn union_all(&mut self, groups: &[&Group]) -> Vec<Vec<NodeId>> {
        let mut resolved: Vec<Vec<NodeId>> = Vec::new();
        for group in groups {
            let nodes = group.iter().flat_map(|target| self.members(*target)).collect();
            resolved.push(nodes);
        }
        let named: Vec<NodeId> = resolved.concat();
        for (group, nodes) in groups.iter().zip(&mut resolved) {
            if group.contains(&Target::Rest) {
                nodes.extend(self.scene.cluster.nodes().filter(|node| !named.contains(node)));
            }
            nodes.sort_unstable();
            nodes.dedup();
        }
        resolved
    }

    fn groups(&mut self, split: &Split) -> Option<Vec<Vec<NodeId>>> {
        let cluster = self.scene.cluster;
        match split {
            Split::Isolate(target) => {
                let alone = self.members(*target);
                let others: Vec<NodeId> = cluster.nodes().filter(|node| !alone.contains(node)).collect();
                (!alone.is_empty()).then(|| vec![alone, others])
            }
            Split::Halves => Some(self.halves(None)),
            Split::Ring => Some(super::resolve_links::ring(cluster)),
            Split::Bridge(target) => {
                let bridge = self.members(*target).first().copied()?;
                Some(self.halves(Some(bridge)))
            }
            Split::Groups(groups) => {
                let groups: Vec<&Group> = groups.iter().collect();
                Some(self.union_all(&groups))
            }
        }
    }

    /// Two sides, replicas as evenly as can be, clients on either; a bridge stands on both.
    fn halves(&mut self, bridge: Option<NodeId>) -> Vec<Vec<NodeId>> {
        let cluster = self.scene.cluster;
        let mut replicas: Vec<NodeId> = cluster.replicas().filter(|node| Some(*node) != bridge).collect();
        self.draw.shuffle(&mut replicas);
        let mut second = replicas.split_off(replicas.len() / 2);
        let mut first = replicas;
        for client in cluster.clients().filter(|node| Some(*node) != bridge) {
            if self.draw.chance(Ratio::per_thousand(500)) { first.push(client) } else { second.push(client) }
        }
        for side in [&mut first, &mut second] {
            side.extend(bridge);
            side.sort_unstable();
        }
        vec![first, second]
    }

    fn event_node(&self) -> Option<NodeId> {
        self.scene.event.and_then(|event| event.node)
    }

    fn event_peer(&self) -> Option<NodeId> {
        match &self.scene.event?.kind {
            EventKind::Send { to, .. } => Some(*to),
            EventKind::Deliver { from, .. } => Some(*from),
            _ => None,
        }
    }
}

/// The groups of a partition without chance.
pub(in crate::world) fn concrete_groups(split: &Split) -> Vec<Vec<NodeId>> {
    match split {
        Split::Groups(groups) => groups.iter().map(concrete).collect(),
        other => unreachable!("a partition that {other} was resolved to groups"),
    }
}

/// The links of a cut without chance.
pub(in crate::world) fn concrete_links(from: &Group, to: &Group, both_ways: bool) -> Vec<(NodeId, NodeId)> {
    let (from, to) = (concrete(from), concrete(to));
    let there = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
    let links: Vec<(NodeId, NodeId)> = there.collect();
    let back = links.iter().map(|(from, to)| (*to, *from)).collect::<Vec<_>>();
    if both_ways { [links, back].concat() } else { links }
}

fn concrete(group: &Group) -> Vec<NodeId> {
    let node = |target: &Target| match target {
        Target::Node(node) => *node,
        other => unreachable!("{other} was resolved to nodes"),
    };
    group.iter().map(node).collect()
}

/// As many replicas as may be down at once.
fn allowed_down(limit: Limit, replicas: u16) -> u16 {
    match limit {
        Limit::Minority => (replicas.max(1) - 1) / 2,
        Limit::Count(count) => count,
        Limit::All => replicas,
    }
}
