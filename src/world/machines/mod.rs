//! The machines: what is left of each between its lives, its clocks, what its node can ask for, and how lives begin and end.

pub(in crate::world) mod clocks;
pub(in crate::world) mod host;
pub(in crate::world) mod machine;
mod process;
