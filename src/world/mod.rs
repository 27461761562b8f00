//! The simulated world: machines, the network between them, their disks and clocks, and what goes wrong with them.
//!
//! In the order a newcomer should open them: what can be configured ([`config`], [`fault`], [`trigger`], [`phase`]);
//! the clock-free cores that say *what* happens (`network`, `disk`, `decide`, `names`, `budget`, `resolve`, `strikes`); then
//! `shared`, `flight`, `host`, `process`, `happen`, `faults`, `decay` and `marks`, which say *when*, `checks`, which says what
//! must hold of it, and [`World`], which is all of it from outside.

mod budget;
mod checks;
mod clocks;
pub mod config;
mod decay;
mod decide;
mod decide_network;
pub mod deviation;
mod disk;
pub mod fault;
mod faults;
mod faults_network;
mod flight;
mod gates;
mod happen;
mod host;
mod machine;
mod marks;
pub mod mishap;
mod moment;
mod names;
mod network;
pub mod phase;
mod pipes;
mod process;
mod quiet;
mod repeats;
mod resolve;
mod resolve_network;
mod shared;
mod streams;
mod strikes;
mod tracer;
mod traffic;
mod transit;
pub mod trigger;
#[expect(clippy::module_inception, reason = "the world is the world's main type")]
mod world;

#[cfg(test)]
mod tests;

pub use config::{
    BudgetKind, ClockConfig, Clogs, Delivery, MishapRates, NetworkConfig, ScheduleConfig, Stall, StorageConfig,
};
pub use decide::{Source, clock_offsets};
pub use decide_network::clock_drifts;
pub use deviation::{Choice, Deviation};
pub use disk::SECTOR_BYTES;
pub use fault::{ClockChange, Extent, Fault, Group, Limit, Split, Spot, Target, What, When};
pub use mishap::{Mishap, MishapKind};
pub use phase::{Core, Phase, Quiet};
pub use quiet::drawn_core;
pub use strikes::strike_times;
pub use tracer::{Attention, Observer};
pub use trigger::{Trigger, Verb, Which, Who};
pub use world::{Boot, Census, Record, Recorder, Remains, Setup, World};

#[cfg(test)]
mod clock_tests;
#[cfg(test)]
mod decay_tests;
#[cfg(test)]
mod hazards;
#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod stream_tests;
