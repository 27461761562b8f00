//! What is under test: how a node boots, how a client calls it, what it promises.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::base::event::Outcome;
use crate::base::{Cluster, Operation};
use crate::check::{Layout, Model, Quorums};
use crate::env::{Env, Local};

use super::Scenario;
use super::parameters::{Parameter, Parameters};

/// A system under test.
///
/// One value serves all nodes of one run; what a node knows it keeps in the futures made here, in its disk, or nowhere.
pub trait System {
    /// Prepares the disk of a new replica. Runs once per replica before the world begins, without faults.
    fn format(&self, env: Env, cluster: Cluster) -> Local<()>;

    /// One life of a replica, from its disk. Never formats: an empty disk is a lost one. A life that returns has
    /// stopped taking part.
    fn boot(&self, env: Env, cluster: Cluster) -> Local<()>;

    /// A client on a client machine, new and with an identity of its own.
    fn client(&self, env: Env, cluster: Cluster) -> Box<dyn Client>;

    /// How many replicas must agree on what, in a cluster of this size.
    fn quorums(&self, replicas: u16) -> Quorums;

    /// The most replicas that it can run on.
    fn replicas_max(&self) -> u16 {
        u16::MAX
    }

    /// What the service should answer. Without it the history is not checked.
    fn model(&self) -> Option<Rc<dyn Model>> {
        None
    }

    /// How to read the disks. Without it, oracles that look at disks say "not checked".
    fn layout(&self) -> Option<Rc<dyn Layout>> {
        None
    }

    /// The longest the system may wait before it tries again; a quiet phase's `within` must be longer.
    fn longest_backoff(&self) -> Duration {
        Duration::ZERO
    }
}

/// A client of the system. It has at most one call open.
pub trait Client {
    /// Asks, and waits for the answer as long as it takes; whoever calls may drop the wait.
    fn call<'a>(&'a mut self, operation: &'a Operation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;
}

/// Makes a system, with one of its planted bugs if a name is given. Shared by the threads of a sweep; what it makes is
/// not.
type Factory = Arc<dyn Fn(Option<&str>, &Parameters) -> Result<Rc<dyn System>, String> + Send + Sync>;

/// The systems that scenario files can name.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Entry>);

#[derive(Clone)]
struct Entry {
    plants: &'static [&'static str],
    parameters: &'static [Parameter],
    factory: Factory,
}

impl Registry {
    /// No system at all.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Adds a system under a name, with the names of its planted bugs.
    #[must_use]
    pub fn system(
        mut self,
        name: &'static str,
        plants: &'static [&'static str],
        factory: impl Fn(Option<&str>) -> Result<Rc<dyn System>, String> + Send + Sync + 'static,
    ) -> Registry {
        let factory = move |plant: Option<&str>, _: &Parameters| factory(plant);
        self.0.insert(name, Entry { plants, parameters: &[], factory: Arc::new(factory) });
        self
    }

    /// As [`Registry::system`], with the parameters that files may set.
    #[must_use]
    pub fn system_with(
        mut self,
        name: &'static str,
        plants: &'static [&'static str],
        parameters: &'static [Parameter],
        factory: impl Fn(Option<&str>, &Parameters) -> Result<Rc<dyn System>, String> + Send + Sync + 'static,
    ) -> Registry {
        self.0.insert(name, Entry { plants, parameters, factory: Arc::new(factory) });
        self
    }

    /// The names of the systems.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }

    /// The planted bugs of a system; none if there is no such system.
    pub fn plants(&self, system: &str) -> &'static [&'static str] {
        self.0.get(system).map_or(&[], |entry| entry.plants)
    }

    /// The parameters of a system; none if there is no such system.
    pub fn parameters(&self, system: &str) -> &'static [Parameter] {
        self.0.get(system).map_or(&[], |entry| entry.parameters)
    }

    /// Makes the system of a scenario.
    ///
    /// # Errors
    /// If there is no such system or it has no such bug: what there is.
    pub fn make(&self, scenario: &Scenario) -> Result<Rc<dyn System>, String> {
        self.make_of(&scenario.system, scenario.plant.as_deref(), &scenario.parameters)
    }

    /// Makes a system by its name.
    ///
    /// # Errors
    /// As [`Registry::make`].
    pub fn make_of(
        &self,
        system: &str,
        plant: Option<&str>,
        parameters: &Parameters,
    ) -> Result<Rc<dyn System>, String> {
        let Some(entry) = self.0.get(system) else {
            let names: Vec<&str> = self.names().collect();
            return Err(format!("unknown system `{system}`; there are {}", names.join(", ")));
        };
        if let Some(plant) = plant.filter(|plant| !entry.plants.contains(plant)) {
            return Err(match entry.plants {
                [] => format!("`{system}` has no planted bugs in this build, so not `{plant}` either"),
                plants => format!("`{system}` has no planted bug `{plant}`; there are {}", plants.join(", ")),
            });
        }
        (entry.factory)(plant, parameters)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
pub(crate) mod idle {
    //! For tests of what surrounds a system.

    use super::*;

    /// A system that nothing is asked of.
    pub(crate) struct Idle;

    impl System for Idle {
        fn format(&self, _: Env, _: Cluster) -> Local<()> {
            Box::pin(async {})
        }
        fn boot(&self, _: Env, _: Cluster) -> Local<()> {
            Box::pin(async {})
        }
        fn client(&self, _: Env, _: Cluster) -> Box<dyn Client> {
            unreachable!("no test of this system runs a client")
        }
        fn quorums(&self, replicas: u16) -> Quorums {
            Quorums { replication: replicas / 2 + 1, view_change: replicas / 2 + 1 }
        }
    }
}
