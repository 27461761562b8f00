//! How the world behaves when it deals dice: the knobs of network, disks, clocks and scheduling.
//!
//! Each knob's `Default` is the calm one: constant latency, nothing lost, first in first out, exact clocks.

use std::time::Duration;

use super::disk::mishap::MishapKind;
use crate::base::{Distribution, Ratio};

/// The network between all nodes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NetworkConfig {
    /// How long a packet travels.
    pub latency: Distribution,
    /// How often a packet is lost.
    pub loss: Ratio,
    /// How often a second copy arrives, with a latency of its own.
    pub duplicate: Ratio,
    /// How often a packet may overtake others of its link. All other packets of a link arrive in the order they were
    /// sent, whatever their latencies.
    pub reorder: Ratio,
    /// How often one bit of the payload is flipped.
    pub corrupt: Ratio,
    /// How often a packet arrives at another node than it was sent to.
    pub misroute: Ratio,
    /// Whether packets come one by one, or in order until a connection breaks.
    pub delivery: Delivery,
    /// How many bytes a second each link carries, one packet after the other; no limit if absent.
    pub bandwidth: Option<u64>,
    /// How many packets of a link may wait for those before them to be transmitted; any number if absent. One more is
    /// lost. Nothing waits where there is no limit to bandwidth, and on streams it is the sender that waits.
    pub queue: Option<u32>,
    /// How often a link clogs.
    pub clog: Option<Clogs>,
}

/// How a network delivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Delivery {
    /// Each packet for itself.
    #[default]
    Datagram,
    /// On each pair of nodes in order, with no loss, no second copy and no damage, until their connection breaks.
    Stream,
}

/// How often links clog, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clogs {
    /// How often a packet finds that its link clogs.
    pub share: Ratio,
    /// For how long. All packets of the link wait until then; none is lost.
    pub span: Distribution,
}

impl NetworkConfig {
    /// The same without what cannot happen to it: a stream has no second copies, no order but one, and no damage that its
    /// checksums do not find. What is lost on one is the connection.
    pub(super) fn possible(&self) -> NetworkConfig {
        match self.delivery {
            Delivery::Datagram => self.clone(),
            Delivery::Stream => NetworkConfig {
                duplicate: Ratio::ZERO,
                reorder: Ratio::ZERO,
                corrupt: Ratio::ZERO,
                misroute: Ratio::ZERO,
                queue: None,
                ..self.clone()
            },
        }
    }

    /// The same network without chance: latencies are calm and nothing goes wrong, but what is no chance stays.
    pub fn calm(&self) -> NetworkConfig {
        NetworkConfig {
            latency: Distribution::Constant(self.latency.calm()),
            delivery: self.delivery,
            bandwidth: self.bandwidth,
            queue: self.queue,
            ..NetworkConfig::default()
        }
    }
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            latency: Distribution::Constant(Duration::from_millis(1)),
            loss: Ratio::ZERO,
            duplicate: Ratio::ZERO,
            reorder: Ratio::ZERO,
            corrupt: Ratio::ZERO,
            misroute: Ratio::ZERO,
            delivery: Delivery::Datagram,
            bandwidth: None,
            queue: None,
            clog: None,
        }
    }
}

/// Every node's disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageConfig {
    /// How long reading takes.
    pub read_latency: Distribution,
    /// How long writing takes.
    pub write_latency: Distribution,
    /// How long syncing a file or the directory takes.
    pub sync_latency: Distribution,
    /// How often, at a crash, an unsynced sector is kept rather than lost.
    pub crash_keep: Ratio,
    /// How often, at a crash, an unsynced sector is torn: its first bytes new, the rest old.
    pub crash_tear: Ratio,
    /// How often, at a crash, unsynced changes of names are torn: some of their steps are there, and others are not.
    pub crash_tear_names: Ratio,
    /// How often an operation takes so much longer.
    pub stall: Option<Stall>,
    /// How often something goes wrong with an operation.
    pub mishaps: MishapRates,
    /// How much damage there may be.
    pub budget: BudgetKind,
}

/// Operations of a disk that take much longer than others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stall {
    /// How often.
    pub share: Ratio,
    /// How much longer.
    pub span: Duration,
}

/// How often each sort of thing goes wrong with an operation of a disk. Each has dice of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MishapRates([Ratio; MishapKind::WORDS.len()]);

impl MishapRates {
    /// How often this goes wrong.
    pub fn of(&self, kind: MishapKind) -> Ratio {
        self.0[kind as usize]
    }

    /// The same rates but for this one.
    #[must_use]
    pub fn with(mut self, kind: MishapKind, ratio: Ratio) -> MishapRates {
        self.0[kind as usize] = ratio;
        self
    }

    /// Whether nothing ever goes wrong.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|ratio| ratio.is_zero())
    }
}

/// How much damage there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BudgetKind {
    /// So much that the cluster can still recover, by the rules in `docs/faults.md`.
    #[default]
    Recoverable,
    /// Any amount of what a replica can notice by itself. Disks still do not lie beyond what can be recovered from.
    None,
}

impl Default for StorageConfig {
    fn default() -> Self {
        let constant = |micros| Distribution::Constant(Duration::from_micros(micros));
        StorageConfig {
            read_latency: constant(100),
            write_latency: constant(100),
            sync_latency: constant(500),
            crash_keep: Ratio::ZERO,
            crash_tear: Ratio::ZERO,
            crash_tear_names: Ratio::ZERO,
            stall: None,
            mishaps: MishapRates::default(),
            budget: BudgetKind::Recoverable,
        }
    }
}

/// Every node's clocks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClockConfig {
    /// Each node's clocks are ahead of true time by up to this much.
    pub offset_max: Duration,
    /// Each node's clocks run fast or slow by up to this many parts per million.
    pub drift_max: u32,
}

/// The order of ready tasks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScheduleConfig {
    /// How often a task that was made ready lets others go first.
    pub shuffle: Ratio,
}
