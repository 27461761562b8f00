//! The simulated world: machines, the network between them, their disks and clocks, and what goes wrong with them.

pub mod config;
pub mod deviation;
pub mod fault;
pub mod trigger;

pub use config::{ClockConfig, NetworkConfig, ScheduleConfig, StorageConfig};
pub use deviation::{Choice, Deviation};
pub use fault::{Fault, Group, Limit, Split, Target, What, When};
pub use trigger::{Trigger, Verb, Which, Who};
