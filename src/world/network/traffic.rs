//! What the network has besides links that are cut: gates, bandwidth, connections, and what only some packets meet.

use std::cell::{Cell, RefCell};

use super::gates::Gates;
use super::pipes::Pipes;
use super::streams::Streams;
use crate::base::Cluster;
use crate::world::config::{Delivery, NetworkConfig};
use crate::world::decisions::decide::Decider;
use crate::world::decisions::links::Detours;

/// The rest of the network. Most runs have none of it, and ask two flags: one of the link when a packet is sent, and
/// `watched` here when one arrives.
#[derive(Debug)]
pub(in crate::world) struct Traffic {
    /// Whether a packet that comes to the door may be stopped there.
    pub watched: Cell<bool>,
    /// Whether more may become of any packet than its dice say.
    eventful: bool,
    pub gates: RefCell<Gates>,
    pub pipes: RefCell<Pipes>,
    /// The connections, on a network of streams.
    pub streams: Option<RefCell<Streams>>,
    pub detours: Detours,
}

impl Traffic {
    pub fn new(config: &NetworkConfig, cluster: Cluster, decider: &Decider) -> Traffic {
        let streams = config.delivery == Delivery::Stream;
        let config = config.possible();
        let detours = Detours::new(&config);
        assert!(!streams || config.queue.is_none(), "a stream loses nothing to a full queue");
        assert!(!streams || config.misroute.is_zero(), "a stream leads nowhere else");
        let eventful = streams || config.bandwidth.is_some() || detours.are_possible() || decider.plans_detours();
        Traffic {
            watched: Cell::new(eventful),
            eventful,
            gates: RefCell::default(),
            pipes: RefCell::new(Pipes::new(config.bandwidth, config.queue)),
            streams: streams.then(|| RefCell::new(Streams::new(cluster.len()))),
            detours,
        }
    }

    /// Whether more may become of any packet than its dice say.
    pub fn is_eventful(&self) -> bool {
        self.eventful
    }

    /// Finds out again whether packets are watched at the door. To be called whenever a gate closes or lets one through.
    pub fn look(&self) {
        self.watched.set(self.eventful || !self.gates.borrow().is_idle());
    }

    /// Checks what holds between phases: somebody looked whenever it was due.
    pub fn check(&self) {
        let is_idle = self.gates.borrow().is_idle();
        assert!(is_idle || self.watched.get(), "a door with a gate is watched");
        assert_eq!(self.watched.get(), self.eventful || !is_idle, "a door is watched for something");
        assert!(self.streams.is_none() || self.eventful, "a stream has its say at every door");
    }
}
