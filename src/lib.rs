//! foretell runs a distributed system, written as ordinary async Rust, in a world where time, network, disks, clocks and
//! crashes are decided by one seed, and checks what the system promised.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod base;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod env;
pub mod exec;
pub mod explore;
pub mod report;
pub mod scenario;
pub mod systems;
pub mod vsr;
pub mod world;
