//! What the clients ask for, and how fast.

use std::time::Duration;

use crate::base::{NodeId, Operation, Ratio};

/// What the clients ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Workload {
    /// Drawn operations on a few keys.
    Drawn(Mix),
    /// These and no others: the form that plans are recorded in.
    Explicit(Vec<Step>),
}

/// Drawn operations on a few keys. Every value written in a run is unique.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mix {
    /// How many keys.
    pub keys: u32,
    /// Operations a second, all clients together, as long as answers come at once. A client waits for each answer.
    pub rate: u32,
    /// Shares of the kinds of operation. They need not add up to anything.
    pub shares: Shares,
    /// All clients together stop after this many; otherwise when the last phase ends.
    pub operations: Option<u64>,
    /// A client gives up waiting after this long and goes on under a new identity.
    pub give_up_after: Option<Duration>,
}

/// Shares of the kinds of operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shares {
    /// Reads.
    pub get: Ratio,
    /// Writes.
    pub put: Ratio,
    /// Additions at the end.
    pub append: Ratio,
    /// Compare-and-swap, expecting what this client last saw there.
    pub cas: Ratio,
    /// Removals.
    pub delete: Ratio,
}

impl Shares {
    /// The sum of all shares, in billionths.
    pub fn total(&self) -> u64 {
        [self.get, self.put, self.append, self.cas, self.delete].iter().map(|share| share.parts()).sum()
    }
}

/// One operation of an explicit workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The client machine.
    pub client: NodeId,
    /// How long after its previous operation ended (or after it booted) it calls.
    pub wait: Duration,
    /// It gives up waiting after this long.
    pub give_up_after: Option<Duration>,
    /// What it asks for.
    pub operation: Operation,
}
