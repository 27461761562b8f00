//! Four ways in which a world can grow, each with everything else held still.

use super::{Ran, SEED, ping, timers};

/// One way to grow.
pub struct Growth {
    /// What grows, in one word.
    pub name: &'static str,
    /// What grows and what does not, for a table.
    pub what: &'static str,
    /// From the smallest to the largest.
    pub sizes: &'static [u64],
    /// How many events a world of this size counts, about.
    pub events: fn(u64) -> u64,
    /// Runs a world of this size.
    pub world: fn(u64) -> Ran,
}

const EVENTS: u64 = 1_000_000;

/// All of them. An event is a delivery, or the end of a sleep.
pub const GROWTHS: [Growth; 4] = [
    Growth {
        name: "nodes",
        what: "nodes in full mesh, 300 packets in flight",
        sizes: &[3, 5, 10, 30, 100],
        events: |_| EVENTS,
        world: |nodes| ping(SEED, u16::try_from(nodes).expect("so many nodes have names"), 300, EVENTS),
    },
    Growth {
        name: "tasks",
        what: "tasks of one node, all asleep",
        sizes: &[10, 100, 1_000, 10_000, 100_000],
        events: |_| EVENTS,
        world: |tasks| timers(tasks, EVENTS),
    },
    Growth {
        name: "packets",
        what: "packets in flight between 5 nodes",
        sizes: &[10, 100, 1_000, 10_000, 100_000],
        events: |_| EVENTS,
        world: |in_flight| ping(SEED, 5, in_flight, EVENTS),
    },
    Growth {
        name: "length",
        what: "events of a run, 40 packets in flight between 5 nodes",
        sizes: &[10_000, 100_000, 1_000_000, 10_000_000],
        events: |events| events,
        world: |events| ping(SEED, 5, 40, events),
    },
];
