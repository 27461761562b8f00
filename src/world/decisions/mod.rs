//! What is decided, by dice or by a plan: every decision has a name, and its dice hang on that name alone.

pub(in crate::world) mod decide;
pub mod deviation;
pub(in crate::world) mod links;
pub(in crate::world) mod repeats;
