//! The simulated world: machines, the network between them, their disks and clocks, and what goes wrong with them.
//!
//! In the order a newcomer should open them: what can be configured ([`config`]) and what can go wrong ([`faults`]); what is
//! decided ([`decisions`]); the rooms that say *what* happens, without a clock (`network`, `disk`); `machines` and what is under
//! way between them (`flight`); `shared`, `moment`, `happen` and `marks`, which say *when*; and [`World`], which is all of it from
//! outside.

mod checks;
pub mod config;
pub mod decisions;
mod disk;
pub mod faults;
mod flight;
mod happen;
mod machines;
mod marks;
mod moment;
mod network;
mod shared;
mod tracer;
#[expect(clippy::module_inception, reason = "the world is the world's main type")]
mod world;

#[cfg(test)]
mod tests;

pub use config::{
    BudgetKind, ClockConfig, Clogs, Delivery, MishapRates, NetworkConfig, ScheduleConfig, Stall, StorageConfig,
};
pub use decisions::decide::{Source, clock_offsets};
pub use decisions::deviation::{Choice, Deviation};
pub use decisions::links::clock_drifts;
pub use disk::SECTOR_BYTES;
pub use disk::mishap::{Mishap, MishapKind};
pub use faults::aim::{Aim, Miss, Refusal};
pub use faults::fault::{ClockChange, Extent, Fault, Group, Limit, Split, Spot, Target, What, When};
pub use faults::phase::{Core, Phase, Quiet};
pub use faults::quiet::drawn_core;
pub use faults::strikes::strike_times;
pub use faults::trigger::{Trigger, Verb, Which, Who};
pub use tracer::{Attention, Observer};
pub use world::{Boot, Census, Record, Recorder, Remains, Setup, World};
