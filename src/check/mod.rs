//! Oracles: what was promised, and whether it was kept.

pub mod model;
pub mod oracle;

pub use model::{Model, State};
pub use oracle::{Checked, End, Epoch, Layout, Oracle, OracleId, Quorums, Violation};
