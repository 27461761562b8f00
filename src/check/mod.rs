//! Oracles: what was promised, and whether it was kept.
//!
//! Most oracles watch a run event by event, so that it stops at the first bad one: what replicas say of themselves
//! ([`agree`], [`dur`], [`div`], [`once`]), and whether their disks bear it out ([`back`], [`mono`]). Others judge what
//! clients see: [`lin`] searches the [`history`] for an order that explains every answer, [`live`] waits for answers.
//! [`set`] holds them together. None of them calls protocol code; each knows only events and the god's view of disks.
//! `docs/oracles.md` has one table of them all.
//!
//! Histories that were recorded elsewhere ([`recorded`]) are judged by [`linearizability`], by one of the [`models`].

pub mod agree;
pub mod back;
mod by_node;
pub mod conv;
pub mod div;
pub mod dur;
mod first;
pub mod history;
pub mod lin;
pub mod linearizability;
pub mod live;
mod log_order;
pub mod models;
pub mod mono;
pub mod once;
pub mod oracle;
pub mod recorded;
pub mod set;
#[cfg(test)]
mod story;

pub use history::{Call, History, Moment};
pub use lin::{Impossible, Ruling};
pub use models::{KeyValue, Model, Partition, State};
pub use oracle::{Checked, End, Epoch, Layout, Oracle, OracleId, Quorums, Violation};
pub use set::{CallCounts, Limits, Oracles, Setting};
