//! Many runs: sweeps over seeds, and what they come to.
//!
//! In the order a newcomer should open them: one run so that nothing panics at a user ([`Runner`]), what it means
//! ([`Judgement`]), what two findings have in common ([`Signature`]), and what many runs come to ([`Tally`]).
//!
//! Nothing here prints, reads the time of day or knows a protocol.

mod counts;
pub mod judgement;
pub mod runner;
pub mod shrink;
pub mod signature;
pub mod sweep;
pub mod tally;
mod written;

pub use judgement::Judgement;
pub use runner::{Mishap, Runner, quietly};
pub use signature::Signature;
pub use sweep::{Order, Progress, Swept, sweep};
pub use tally::Tally;
