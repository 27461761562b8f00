//! The network: what happens to a packet. *When* things happen is the world's business; nothing here knows a clock.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::name::key;
use crate::base::{Cluster, Instant, Label, LabelText, NodeId};
use crate::world::decisions::repeats::Repeats;

/// Links between all nodes: which are cut, what was sent on them.
#[derive(Debug)]
pub struct Network {
    cluster: Cluster,
    links: Vec<Link>,
    /// The partition in force, as groups; two nodes reach each other if they share one.
    partition: Option<Partition>,
    cuts: Vec<Cut>,
    generation: u32,
    /// Whether all links are eventful.
    eventful: bool,
}

/// The place of a link in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LinkId(usize);

impl LinkId {
    /// From the first link of a machine: the one to the machine at a place in the cluster.
    #[inline]
    pub fn to(self, to: usize) -> LinkId {
        LinkId(self.0 + to)
    }
}

#[derive(Debug)]
struct Link {
    /// The key of its name, which those of its packets are made of.
    key: u64,
    repeats: Repeats,
    last_arrival: Instant,
    /// From partition and cuts.
    blocked: bool,
    /// Whether more may become of its packets than the dice of every packet say: it is blocked, some of its packets are cut
    /// off, or the whole network is eventful. One flag, so that the usual packet asks one question.
    eventful: bool,
}

impl Link {
    fn new(from: NodeId, to: NodeId, sparing: bool) -> Link {
        Link {
            key: key::link(from, to),
            repeats: Repeats::new(sparing),
            last_arrival: Instant::START,
            blocked: false,
            eventful: false,
        }
    }
}

#[derive(Debug)]
struct Partition {
    generation: u32,
    groups: Vec<Vec<NodeId>>,
}

#[derive(Debug)]
struct Cut {
    generation: u32,
    links: Vec<(NodeId, NodeId)>,
    /// Only packets with this label, or of this kind.
    only: Option<LabelText>,
    met: Met,
}

/// Whether a packet has met what was to keep it from arriving.
pub type Met = Rc<Cell<bool>>;

impl Network {
    /// A network in which everybody reaches everybody.
    pub fn new(cluster: Cluster) -> Network {
        // Each full table of counters takes four kilobytes.
        let sparing = cluster.len() > 16;
        let pairs = cluster.nodes().flat_map(|from| cluster.nodes().map(move |to| (from, to)));
        Network {
            cluster,
            links: pairs.map(|(from, to)| Link::new(from, to, sparing)).collect(),
            partition: None,
            cuts: Vec::new(),
            generation: 0,
            eventful: false,
        }
    }

    /// From here on every link is eventful.
    pub fn make_eventful(&mut self) {
        self.eventful = true;
        self.rebuild();
        assert!(self.links.iter().all(|link| link.eventful), "every link of an eventful network is eventful");
    }

    /// The link between two machines, by their places in the cluster.
    #[inline]
    pub fn link(&self, from: usize, to: usize) -> LinkId {
        assert!(to < self.cluster.len(), "a link ends at a node of the cluster");
        self.first_link(from).to(to)
    }

    /// The first link from a machine, by its place in the cluster.
    pub fn first_link(&self, from: usize) -> LinkId {
        assert!(from < self.cluster.len(), "a link begins at a node of the cluster");
        LinkId(from * self.cluster.len())
    }

    fn between(&self, from: NodeId, to: NodeId) -> LinkId {
        self.link(self.cluster.slot(from), self.cluster.slot(to))
    }

    /// The nodes at the ends of a link.
    pub fn ends(&self, link: LinkId) -> (NodeId, NodeId) {
        let nodes = self.cluster.len();
        assert!(link.0 < self.links.len(), "there are links between the nodes of the cluster only");
        let node = |slot: usize| self.cluster.nodes().nth(slot).expect("it is a place in the cluster");
        (node(link.0 / nodes), node(link.0 % nodes))
    }

    /// Counts a packet on its link: which of its label it is, the key of its name, and whether the link is eventful.
    #[inline]
    pub fn count(&mut self, link: LinkId, label: u64) -> (u32, u64, bool) {
        let link = &mut self.links[link.0];
        let repeat = link.repeats.next(label);
        (repeat, key::packet_on(link.key, label, repeat), link.eventful)
    }

    /// When a packet arrives that keeps its place in the order of its link and would arrive then if it were alone: not
    /// before those that were sent earlier.
    #[inline]
    pub fn arrival(&mut self, link: LinkId, alone: Instant) -> Instant {
        let link = &mut self.links[link.0];
        link.last_arrival = link.last_arrival.max(alone);
        link.last_arrival
    }

    /// Whether packets of this link are lost. A node always reaches itself.
    #[inline]
    pub fn is_cut(&self, link: LinkId) -> bool {
        self.links[link.0].blocked
    }

    /// Whether more may become of packets of this link than their dice say.
    #[inline]
    pub fn is_eventful(&self, link: LinkId) -> bool {
        self.links[link.0].eventful
    }

    /// Whether a packet with this label, which is on its way, is cut off; all cuts that it meets remember it.
    pub fn cuts_off(&self, link: LinkId, label: &Label) -> bool {
        let here = |cut: &&Cut| cut.links.iter().any(|(from, to)| from != to && self.between(*from, *to) == link);
        if self.is_cut(link) {
            return true;
        }
        let matches = |cut: &&Cut| cut.only.as_ref().is_some_and(|only| only.matches(label));
        self.cuts.iter().filter(here).filter(matches).inspect(|cut| cut.met.set(true)).count() > 0
    }

    /// Whether a packet has met the cut that was made last.
    pub fn met_by_last(&self) -> Met {
        let last = self.cuts.last().expect("a cut has just been made");
        assert_eq!(last.generation, self.generation, "nothing was cut after it");
        Rc::clone(&last.met)
    }

    /// From here on packets of this link do not wait for those that were sent before.
    pub fn forget_order(&mut self, link: LinkId) {
        self.links[link.0].last_arrival = Instant::START;
    }

    /// Puts these groups in the place of the partition in force. Names the new one, to heal it.
    pub fn partition(&mut self, groups: Vec<Vec<NodeId>>) -> u32 {
        assert!(self.links.len() == self.cluster.len() * self.cluster.len(), "there is a link between any two nodes");
        self.generation += 1;
        self.partition = Some(Partition { generation: self.generation, groups });
        self.rebuild();
        self.generation
    }

    /// Cuts links, or only some of what they carry, on top of what is cut. Names the cut, to heal it.
    pub fn cut(&mut self, links: Vec<(NodeId, NodeId)>, only: Option<LabelText>) -> u32 {
        self.generation += 1;
        assert!(
            self.cuts.last().is_none_or(|cut| cut.generation < self.generation),
            "cuts are numbered as they are made"
        );
        self.cuts.push(Cut { generation: self.generation, links, only, met: Met::default() });
        self.rebuild();
        self.generation
    }

    /// Ends a partition or a cut, if it is still there. Says whether it was.
    pub fn heal(&mut self, generation: u32) -> bool {
        assert!(generation <= self.generation, "what heals was cut");
        let cuts = self.cuts.len();
        self.cuts.retain(|cut| cut.generation != generation);
        assert!(self.cuts.len() + 1 >= cuts, "a number names one cut");
        let mut found = self.cuts.len() < cuts;
        if self.partition.as_ref().is_some_and(|partition| partition.generation == generation) {
            assert!(!found, "a number names a partition or a cut");
            self.partition = None;
            found = true;
        }
        self.rebuild();
        found
    }

    /// Ends all partitions and cuts.
    pub fn heal_all(&mut self) {
        self.partition = None;
        self.cuts.clear();
        self.rebuild();
        assert!(!self.links.iter().any(|link| link.blocked), "a network that is whole reaches everybody");
    }

    /// Ends all cuts between these nodes, and leaves every other link for ever as it is now.
    pub fn settle(&mut self, healed: &[NodeId]) {
        let now: Vec<(NodeId, NodeId)> = self
            .pairs()
            .filter(|(from, to)| {
                self.is_cut(self.between(*from, *to)) && !(healed.contains(from) && healed.contains(to))
            })
            .collect();
        let outside = |(from, to): &(NodeId, NodeId)| !(healed.contains(from) && healed.contains(to));
        let mut partly: Vec<Cut> = self.cuts.drain(..).filter(|cut| cut.only.is_some()).collect();
        partly.iter_mut().for_each(|cut| cut.links.retain(outside));
        self.heal_all();
        self.cuts = partly;
        self.cut(now, None);
        let is_healed = |(from, to): &(NodeId, NodeId)| healed.contains(from) && healed.contains(to);
        let blocked = |(from, to): (NodeId, NodeId)| self.is_cut(self.between(from, to));
        assert!(!self.pairs().filter(is_healed).any(blocked), "those who are well reach each other");
        assert!(self.partition.is_none(), "what is left of a partition is a cut");
    }

    fn pairs(&self) -> impl Iterator<Item = (NodeId, NodeId)> + use<> {
        let cluster = self.cluster;
        cluster.nodes().flat_map(move |from| cluster.nodes().map(move |to| (from, to)))
    }

    fn rebuild(&mut self) {
        let mut blocked = vec![false; self.links.len()];
        if let Some(partition) = &self.partition {
            for (from, to) in self.pairs().filter(|(from, to)| from != to) {
                let together = partition.groups.iter().any(|group| group.contains(&from) && group.contains(&to));
                blocked[self.between(from, to).0] = !together;
            }
        }
        let mut eventful = vec![self.eventful; self.links.len()];
        for cut in &self.cuts {
            for (from, to) in cut.links.iter().filter(|(from, to)| from != to) {
                let link = self.between(*from, *to).0;
                blocked[link] |= cut.only.is_none();
                eventful[link] = true;
            }
        }
        for (link, (blocked, eventful)) in self.links.iter_mut().zip(blocked.into_iter().zip(eventful)) {
            link.blocked = blocked;
            link.eventful = blocked || eventful;
        }
    }

    /// Checks what holds between any two changes.
    pub fn check(&self) {
        let nodes = self.cluster.len();
        assert_eq!(self.links.len(), nodes * nodes, "there is a link between any two nodes");
        for (place, link) in self.links.iter().enumerate() {
            assert!(!link.blocked || place / nodes != place % nodes, "a node always reaches itself");
            assert!(!link.blocked || link.eventful, "a link that is cut is eventful");
            assert!(!self.eventful || link.eventful, "every link of an eventful network is eventful");
        }
        let is_whole = self.partition.is_none() && self.cuts.is_empty();
        assert!(!is_whole || self.links.iter().all(|link| !link.blocked), "a link is cut by something");
        let cuts = self.cuts.iter().map(|cut| cut.generation);
        assert!(cuts.clone().is_sorted_by(|one, next| one < next), "cuts are numbered as they are made");
        let numbers = self.partition.iter().map(|partition| partition.generation).chain(cuts);
        assert!(
            numbers.clone().all(|number| 0 < number && number <= self.generation),
            "what is cut was given a number"
        );
    }

    /// Whether a step that heals has a number that was given.
    pub fn has_given(&self, generation: u32) -> bool {
        (1..=self.generation).contains(&generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Kind;

    const CLUSTER: Cluster = Cluster { replicas: 3, clients: 1 };

    fn reach(network: &Network) -> String {
        let nodes: Vec<NodeId> = CLUSTER.nodes().collect();
        let rows = nodes.iter().map(|from| {
            nodes
                .iter()
                .map(|to| if network.is_cut(network.between(*from, *to)) { '-' } else { 'x' })
                .collect::<String>()
        });
        rows.collect::<Vec<_>>().join(" ")
    }

    fn r(index: u16) -> NodeId {
        NodeId::replica(index)
    }

    #[test]
    fn partitions_replace_each_other_and_cuts_come_on_top() {
        let mut network = Network::new(CLUSTER);
        let c0 = NodeId::client(0);
        assert_eq!(reach(&network), "xxxx xxxx xxxx xxxx");
        let first = network.partition(vec![vec![r(0)], vec![r(1), r(2), c0]]);
        assert_eq!(reach(&network), "x--- -xxx -xxx -xxx");
        let bridge = network.partition(vec![vec![r(0), r(1)], vec![r(1), r(2)], vec![c0]]);
        assert_eq!(reach(&network), "xx-- xxx- -xx- ---x");
        assert!(!network.heal(first), "the first partition was replaced");
        let cut = network.cut(vec![(r(0), r(1))], None);
        assert_eq!(reach(&network), "x--- xxx- -xx- ---x");
        assert!(network.heal(bridge));
        assert_eq!(reach(&network), "x-xx xxxx xxxx xxxx");
        assert!(network.heal(cut));
        assert_eq!(reach(&network), "xxxx xxxx xxxx xxxx");
    }

    #[test]
    fn settling_heals_the_core_only() {
        let mut network = Network::new(CLUSTER);
        network.partition(vec![vec![r(0)], vec![r(1)], vec![r(2), NodeId::client(0)]]);
        network.settle(&[r(0), r(1)]);
        assert_eq!(reach(&network), "xx-- xx-- --xx --xx");
    }

    #[test]
    fn a_cut_of_some_packets_leaves_the_others_and_settles_like_any() {
        static VOTE: Kind = Kind::new("Vote", &[]);
        static PING: Kind = Kind::new("Ping", &[]);
        let mut network = Network::new(CLUSTER);
        let [core, edge] = [(r(0), r(1)), (r(0), r(2))];
        let only = "Vote".parse().ok();
        let cut = network.cut(vec![core, edge], only.clone());
        let lost = |network: &Network, (from, to), kind: &'static Kind| {
            let link = network.between(from, to);
            assert!(network.is_eventful(link) || !network.cuts_off(link, &kind.label([])));
            network.cuts_off(link, &kind.label([]))
        };
        assert_eq!([lost(&network, core, &VOTE), lost(&network, core, &PING)], [true, false]);
        assert!(!network.is_cut(network.between(r(0), r(1))), "the link itself works");
        network.settle(&[r(0), r(1)]);
        assert_eq!([lost(&network, core, &VOTE), lost(&network, edge, &VOTE)], [false, true]);
        assert!(network.heal(cut));
        assert!(!lost(&network, edge, &VOTE));
    }

    #[test]
    fn links_keep_order_unless_told_otherwise() {
        let mut network = Network::new(CLUSTER);
        let ms = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        let link = network.between(r(0), r(1));
        assert_eq!(network.count(link, 7), (1, key::packet(r(0), r(1), 7, 1), false));
        assert_eq!(network.count(link, 7), (2, key::packet(r(0), r(1), 7, 2), false));
        assert_eq!(network.arrival(link, ms(9)), ms(9));
        assert_eq!(network.arrival(link, ms(1)), ms(9));
        assert_eq!(network.arrival(link, ms(10)), ms(10));
    }
}
