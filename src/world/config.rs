//! How the world behaves when it deals dice: the knobs of network, disks, clocks and scheduling.
//!
//! Each knob's `Default` is the calm one: constant latency, nothing lost, first in first out, exact clocks.

use std::time::Duration;

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
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            latency: Distribution::Constant(Duration::from_millis(1)),
            loss: Ratio::ZERO,
            duplicate: Ratio::ZERO,
            reorder: Ratio::ZERO,
            corrupt: Ratio::ZERO,
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
        }
    }
}

/// Every node's clocks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClockConfig {
    /// Each node's clocks are ahead of true time by up to this much.
    pub offset_max: Duration,
}

/// The order of ready tasks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScheduleConfig {
    /// How often a task that was made ready lets others go first.
    pub shuffle: Ratio,
}
