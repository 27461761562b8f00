//! Who is who: nodes, incarnations, clients, and the shape of a cluster.

use std::fmt;
use std::str::FromStr;

/// A simulated machine: a replica (`r0`, `r1`, …) or a client machine (`c0`, `c1`, …).
///
/// One small integer, so that links and tables can be indexed by it, with the kind in the top bit, so that its name
/// needs no context.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u16);

const CLIENT_BIT: u16 = 1 << 15;

impl NodeId {
    /// The replica with this number, counted from zero.
    pub const fn replica(index: u16) -> Self {
        assert!(index < CLIENT_BIT);
        NodeId(index)
    }

    /// The client machine with this number, counted from zero.
    pub const fn client(index: u16) -> Self {
        assert!(index < CLIENT_BIT);
        NodeId(index | CLIENT_BIT)
    }

    /// Whether this is a replica rather than a client machine.
    pub const fn is_replica(self) -> bool {
        self.0 & CLIENT_BIT == 0
    }

    /// The number within its kind: 2 for `r2` and for `c2`.
    pub const fn index(self) -> u16 {
        self.0 & !CLIENT_BIT
    }

    /// The whole identity as one integer, for hashing and for the wire.
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The inverse of [`NodeId::to_bits`].
    pub const fn from_bits(bits: u16) -> Self {
        NodeId(bits)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_replica() { 'r' } else { 'c' }, self.index())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NodeId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a node; nodes are called r0, r1, … and c0, c1, …");
        let kind = text.chars().next().ok_or_else(wrong)?;
        let digits = text.get(1..).ok_or_else(wrong)?;
        // `r01` would be a second name for `r1`, and names decide dice.
        if digits.is_empty()
            || (digits.len() > 1 && digits.starts_with('0'))
            || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(wrong());
        }
        let index: u16 = digits.parse().map_err(|_| wrong())?;
        match kind {
            _ if index >= CLIENT_BIT => Err(wrong()),
            'r' => Ok(NodeId::replica(index)),
            'c' => Ok(NodeId::client(index)),
            _ => Err(wrong()),
        }
    }
}

/// How many times a node has booted: 1 for its first life, 2 after the first restart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Incarnation(pub u32);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One client of a history: a client machine and its session.
///
/// After an operation of unknown outcome the machine goes on as a new client, because a client has at most one
/// operation open and the old one's is open for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId {
    /// The machine the client runs on.
    pub node: NodeId,
    /// 1 for the first client of this machine.
    pub session: u32,
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.session {
            1 => write!(f, "{}", self.node),
            session => write!(f, "{}.{}", self.node, session),
        }
    }
}

/// How many machines of each kind there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cluster {
    /// Replicas, `r0` to `r(n-1)`.
    pub replicas: u16,
    /// Client machines, `c0` to `c(n-1)`.
    pub clients: u16,
}

impl Cluster {
    /// The replicas, in order.
    pub fn replicas(self) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (0..self.replicas).map(NodeId::replica)
    }

    /// The client machines, in order.
    pub fn clients(self) -> impl DoubleEndedIterator<Item = NodeId> + Clone {
        (0..self.clients).map(NodeId::client)
    }

    /// All machines, replicas first.
    pub fn nodes(self) -> impl Iterator<Item = NodeId> + Clone {
        self.replicas().chain(self.clients())
    }

    /// Number of machines.
    pub fn len(self) -> usize {
        usize::from(self.replicas) + usize::from(self.clients)
    }

    /// Whether there is no machine at all.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The place of a machine in tables that hold replicas first, then clients.
    #[inline]
    pub fn slot(self, node: NodeId) -> usize {
        self.find(node).unwrap_or_else(|| panic!("{node} is not in this cluster"))
    }

    /// The place of a machine in such a table, if it exists.
    #[inline]
    pub fn find(self, node: NodeId) -> Option<usize> {
        let (first, count) = if node.is_replica() { (0, self.replicas) } else { (self.replicas, self.clients) };
        (node.index() < count).then(|| usize::from(first) + usize::from(node.index()))
    }

    /// The machine at a place of such a table.
    pub fn node(self, slot: usize) -> NodeId {
        let slot = u16::try_from(slot).expect("a cluster has at most 2^15 machines of a kind");
        if slot < self.replicas { NodeId::replica(slot) } else { NodeId::client(slot - self.replicas) }
    }

    /// Whether the machine exists.
    pub fn contains(self, node: NodeId) -> bool {
        node.index() < if node.is_replica() { self.replicas } else { self.clients }
    }
}
