//! The world that speed is measured in, by the benchmarks and by `examples/yardstick.rs`: every fault of the network is
//! decided, nothing is shown that nobody asks for, and a node says when it is enough.

use std::time::Duration;

use foretell::base::{Cluster, Disks, Distribution, Event, EventKind, Instant, NodeId, Ratio, RedundancyMap};
use foretell::world::{
    Attention, ClockConfig, NetworkConfig, Observer, Phase, ScheduleConfig, Setup, Source, StorageConfig,
};
use rand_core::Rng;
use rand_pcg::Pcg32;

/// The seed where it does not matter which.
pub const SEED: u64 = 42;

/// A number below `bound`. Cheap, so that little of what is measured is this.
pub fn below(random: &mut Pcg32, bound: u32) -> u32 {
    ((u64::from(random.next_u32()) * u64::from(bound)) >> 32) as u32
}

/// What a node says when enough was counted.
pub const ENOUGH: &str = "enough";

/// Stops the world when a node says that enough was counted.
pub struct Until;

impl Observer for Until {
    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> bool {
        event.kind != EventKind::Mark(ENOUGH)
    }
    fn attention(&self) -> Attention {
        Attention::LEAST
    }
    fn on_quiet(&mut self, _at: Instant, _core: &[NodeId]) {}
    fn on_quiet_end(&mut self) {}
    fn is_settled(&mut self, _core: &[NodeId]) -> bool {
        true
    }
}

/// A world of dice in which every kind of fault of the network is decided, and so rare that none comes up.
pub fn setup(seed: u64, replicas: u16) -> Setup {
    let rare = Ratio::from_float(1e-9).expect("it is a probability");
    Setup {
        cluster: Cluster { replicas, clients: 0 },
        network: NetworkConfig {
            latency: Distribution::Uniform { min: Duration::from_millis(1), max: Duration::from_millis(10) },
            loss: rare,
            duplicate: rare,
            // Every packet travels for itself.
            reorder: Ratio::ONE,
            corrupt: rare,
            ..NetworkConfig::default()
        },
        storage: StorageConfig::default(),
        clocks: ClockConfig::default(),
        schedule: ScheduleConfig { shuffle: Ratio::per_thousand(100) },
        phases: vec![Phase {
            name: "work".to_string(),
            duration: Duration::from_secs(1_000_000),
            quiet: None,
            faults: Vec::new(),
        }],
        core_size: 1,
        settle: Duration::ZERO,
        source: Source::seed(seed),
        record: false,
        trace: false,
        replication: replicas / 2 + 1,
        redundancy: RedundancyMap::default(),
    }
}
