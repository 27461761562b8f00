//! The experiment: a scenario as a value and as a file, the system it is about, and one run of it.

mod clients;
mod family;
pub mod file;
pub mod outcome;
pub mod outlook;
pub mod parameters;
pub mod run;
pub mod system;
pub mod workload;

use std::time::Duration;

use crate::base::Cluster;
use crate::base::LabelText;
use crate::check::OracleId;
pub use crate::world::{
    BudgetKind, Choice, Core, Deviation, Extent, Fault, Group, Limit, Mishap, MishapKind, Phase, Quiet, Split, Spot,
    Target, Trigger, Verb, What, When, Which, Who,
};
use crate::world::{ClockConfig, NetworkConfig, ScheduleConfig, StorageConfig};

pub use family::Family;
pub use outcome::{Aimed, Calls, LeftOut, Run, Verdict};
pub use outlook::Outlook;
pub use parameters::{Parameter, Parameters};
pub use run::{Settings, run};
pub use system::{Client, Registry, System};
pub use workload::{Asker, Mix, Shares, Step, Workload};

/// One experiment. With a seed it determines a run to the last bit.
///
/// A scenario may contain chance; a *plan* is one that does not, and has a [`Plan`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// What it is called: the name of its file without directory and ending. Not part of the file's text.
    pub name: String,
    /// One line for lists.
    pub title: String,
    /// Which system it is about.
    pub system: String,
    /// Which of the system's planted bugs is switched on.
    pub plant: Option<String>,
    /// What is said of the system's parameters.
    pub parameters: Parameters,
    /// How many machines.
    pub cluster: Cluster,
    /// The network.
    pub network: NetworkConfig,
    /// The disks.
    pub storage: StorageConfig,
    /// The clocks.
    pub clocks: ClockConfig,
    /// The order of ready tasks.
    pub schedule: ScheduleConfig,
    /// What the clients ask for.
    pub workload: Workload,
    /// What happens, one phase after the other; at least one.
    pub phases: Vec<Phase>,
    /// What is judged.
    pub check: Checks,
    /// What should come of it.
    pub expect: Expectation,
    /// What makes it a plan.
    pub plan: Option<Plan>,
}

/// What is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checks {
    /// Safety oracles, on every event and at the end.
    pub safety: Vec<OracleId>,
    /// In a quiet phase, every request of a core client is answered within this.
    pub all_requests_complete: Option<Duration>,
    /// After the last, quiet phase all core replicas become equal within this.
    pub converged: Option<Duration>,
    /// Marks that a range of seeds must reach at least once.
    pub reached: Vec<String>,
}

/// What should come of a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// Every promise is kept.
    Pass,
    /// A promise is broken.
    Violation {
        /// Which; any if absent.
        check: Option<OracleId>,
        /// Where it shows.
        shows: Shows,
    },
}

/// Where an expected violation shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shows {
    /// With any seed at all.
    Always,
    /// With this seed.
    Seed(u64),
    /// With at least one of the seeds below this.
    WithinSeeds(u64),
}

/// What makes a scenario a plan: nothing is left to chance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The system's own entropy.
    pub entropy: u64,
    /// Which oracles judged the run it was recorded from, if not those that the scenario asks for: others might stop it
    /// elsewhere.
    pub oracles: Option<Vec<OracleId>>,
    /// The decisions that did not take their defaults.
    pub deviations: Vec<Deviation<LabelText>>,
    /// The digest of the run it was recorded from.
    pub digest: Option<u64>,
    /// The build that recorded it.
    pub build: Option<String>,
    /// One byte of the digest after each event of the run it was recorded from, so that a replay can name the first event
    /// that differs; empty if nobody wrote them down.
    pub trace: Vec<u8>,
}

/// Scenarios are shared by the threads of a sweep.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Scenario>();
};
