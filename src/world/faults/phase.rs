//! Phases: stretches of a run with faults of their own.

use std::time::Duration;

use super::fault::Fault;
use crate::base::NodeId;

/// A stretch of a scenario with its own faults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Phase {
    /// What it is called.
    pub name: String,
    /// How long it lasts.
    pub duration: Duration,
    /// Whether faults have ended and progress is judged.
    pub quiet: Option<Quiet>,
    /// What goes wrong. None in a quiet phase.
    pub faults: Vec<Fault>,
}

/// A quiet phase: a core of the cluster is healed, and must make progress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quiet {
    /// Who belongs to the core.
    pub core: Core,
}

/// The core of a quiet phase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Core {
    /// A view-change quorum, drawn, with all clients; of the nodes outside it, some heal and some stay as they are, drawn.
    Drawn,
    /// Everybody.
    All,
    /// Everybody who is up when the phase begins, or pauses; and as many of the others as a view-change quorum needs, the first
    /// ones. Whoever is down otherwise stays down.
    Up,
    /// These.
    Nodes {
        /// The core.
        core: Vec<NodeId>,
        /// Those outside it that heal nevertheless.
        healed: Vec<NodeId>,
    },
}
