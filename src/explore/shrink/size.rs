//! How large a plan is.

use std::fmt;

use crate::scenario::{Run, Scenario, Workload};

/// How large a plan and its run are. What comes first in the order weighs most: a reader understands faults last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size {
    /// Faults. A crash with its restart is one, and so is a partition with its heal.
    pub faults: usize,
    /// Operations of clients.
    pub operations: usize,
    /// Deviations.
    pub deviations: usize,
    /// Replicas.
    pub replicas: u16,
    /// Client machines.
    pub clients: u16,
    /// Packets that arrived.
    pub deliveries: u64,
    /// Events.
    pub events: u64,
}

impl Size {
    /// The size of a plan and its run.
    pub fn of(plan: &Scenario, run: &Run) -> Size {
        Size {
            faults: plan.phases.iter().map(|phase| phase.faults.len()).sum(),
            operations: match &plan.workload {
                Workload::Explicit(steps) => steps.len(),
                Workload::Drawn(_) => unreachable!("a plan lists its operations"),
            },
            deviations: plan.plan.as_ref().map_or(0, |plan| plan.deviations.len()),
            replicas: plan.cluster.replicas,
            clients: plan.cluster.clients,
            deliveries: run.deliveries,
            events: run.events,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { faults, operations, deviations, replicas, clients, deliveries, events } = self;
        let s = |count: usize| if count == 1 { "" } else { "s" };
        write!(
            f,
            "{faults} fault{}, {operations} operation{}, {deviations} deviation{}, {deliveries} deliveries, {events} events, {replicas} replica{} and {clients} client{}",
            s(*faults),
            s(*operations),
            s(*deviations),
            s(usize::from(*replicas)),
            s(usize::from(*clients)),
        )
    }
}
