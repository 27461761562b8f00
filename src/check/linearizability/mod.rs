//! Whether a history is linearizable: tiers, from the cheapest to the one that always knows.
//!
//! A history is linearizable (Herlihy and Wing 1990) if every operation can be given a moment between its call and its
//! return at which it took effect at once, so that all answers are those of a service that does one thing at a time. What
//! has not returned may take effect at any time after its call, or never. Each object is judged by itself, which is
//! enough: linearizability is local.
//!
//! For one object, the first of these that can tell decides:
//!
//! | tier | what it is made for | cost |
//! |---|---|---|
//! | 0 [`witness`] | an order is claimed (`index`); it is verified | O(n) |
//! | 1 [`zones`] | registers with unique values | O(n log n) |
//! | 2 [`appends`] | strings that are appended to and read | O(bytes read) |
//! | 3 [`chains`] | registers with unique values and compare-and-swap | O(n log n) |
//! | 4 [`search`] | everything, by any [`Model`](crate::check::Model) | exponential at worst, counted in nodes |
//!
//! The searches share a budget of nodes, and take turns with slices that grow, so that one hard object does not keep
//! an easy one from showing its violation. Nodes are counted and not seconds: a verdict is the same on every machine.
//!
//! What such a search cannot tell at once of a register, it is first asked from one idle moment of the object to the next.
//!
//! [`Stream`] judges a history while it is read, and keeps only what the rest of it can depend on.
//!
//! If a history is not linearizable, [`Counterexample`] has the few operations that show it. If the nodes run out,
//! [`Unfinished`] says how much of the object's history could be explained.

mod appends;
mod argument;
mod chains;
pub mod generate;
mod helpers;
mod judge;
mod lists;
mod minimal;
pub(crate) mod pieces;
pub(super) mod search;
mod sight;
pub(super) mod states;
mod stream;
mod tier;
mod witness;
mod zones;

#[cfg(test)]
mod tests;

pub use argument::{Step, Who};
pub use judge::{Judgement, Tier, Unfinished, Verdict, judge};
pub use minimal::{Counterexample, Part, Prefix};
pub use stream::{Stream, Verified};
