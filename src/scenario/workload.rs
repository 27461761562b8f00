//! What the clients ask for, and how fast.

use std::time::Duration;

use crate::base::name::key;
use crate::base::{Distribution, Draw, Key, NodeId, Operation, Ratio};

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

/// Who asks next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// The client machine.
    pub node: NodeId,
    /// How many operations it has taken on before.
    pub taken: u64,
    /// How many client machines there are.
    pub clients: u16,
}

impl Workload {
    /// How many operations there are at most, of all clients together, if there is such a number.
    pub fn operations(&self) -> Option<u64> {
        match self {
            Workload::Drawn(mix) => mix.operations,
            Workload::Explicit(steps) => Some(steps.len() as u64),
        }
    }

    /// What a client does next with this seed; none if it has nothing more to do.
    ///
    /// Of the run it depends only on what the client last saw in a key, and so does only a compare-and-swap: it
    /// expects what was seen.
    pub fn step(&self, asker: Asker, seed: u64, seen: impl FnOnce(Key) -> Option<String>) -> Option<Step> {
        match self {
            Workload::Explicit(steps) => {
                steps.iter().filter(|step| step.client == asker.node).nth(asker.taken as usize).cloned()
            }
            Workload::Drawn(mix) => {
                let mut draw = Draw::keyed(seed, key::operation(asker.node, asker.taken));
                Some(mix.draw(asker, &mut draw, seen))
            }
        }
    }
}

impl Mix {
    fn draw(&self, asker: Asker, draw: &mut Draw, seen: impl FnOnce(Key) -> Option<String>) -> Step {
        assert!(self.rate > 0, "a workload has a rate");
        let mean = Duration::from_secs(1) * u32::from(asker.clients) / self.rate;
        let wait = Distribution::Exponential { min: Duration::ZERO, mean, max: mean * 10 }.sample(draw);
        let key = Key(draw.below(u64::from(self.keys.max(1))) as u32);
        // Unique over all clients and operations, and short to read.
        let unique = asker.taken * u64::from(asker.clients) + u64::from(asker.node.index()) + 1;
        let shares = self.shares;
        let mut left = draw.below(shares.total().max(1));
        let mut falls_in = |share: u64| {
            let inside = left < share;
            left = left.wrapping_sub(share);
            inside
        };
        let operation = if falls_in(shares.put.parts()) {
            Operation::Put { key, value: unique.to_string() }
        } else if falls_in(shares.append.parts()) {
            // The mark at the end keeps tokens apart in what is read back.
            Operation::Append { key, value: format!("{unique};") }
        } else if falls_in(shares.cas.parts()) {
            Operation::Cas { key, from: seen(key), to: unique.to_string() }
        } else if falls_in(shares.delete.parts()) {
            Operation::Delete { key }
        } else {
            Operation::Get { key }
        };
        Step { client: asker.node, wait, give_up_after: self.give_up_after, operation }
    }
}
