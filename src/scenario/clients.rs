//! The drivers of client machines: they draw or read operations, call the system's client, and write history.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::system::System;
use super::workload::{Asker, Step, Workload};
use crate::base::{ClientId, Cluster, Key, NodeId, Operation, Outcome, Reply};
use crate::world::Boot;

/// What all drivers of a run share. It outlives the client machines' lives, as the person behind a machine would.
#[derive(Debug)]
pub(super) struct Clients {
    cluster: Cluster,
    workload: Workload,
    seed: u64,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    machines: BTreeMap<NodeId, Machine>,
    /// Operations taken on, of all clients together.
    taken: u64,
    /// Every step taken on, in order, for a plan.
    steps: Vec<Step>,
}

#[derive(Debug, Default)]
struct Machine {
    /// Operations taken on.
    taken: u64,
    /// Clients that have run here.
    sessions: u32,
    /// What this machine last saw in each key.
    seen: BTreeMap<Key, Option<String>>,
}

impl Clients {
    /// Drivers for a workload; what is drawn is keyed by the seed.
    pub fn new(cluster: Cluster, workload: Workload, seed: u64) -> Clients {
        Clients { cluster, workload, seed, state: RefCell::default() }
    }

    /// Every step that was taken on.
    pub fn steps(&self) -> Vec<Step> {
        self.state.borrow().steps.clone()
    }

    /// One life of a client machine: one call after the other, until the last phase is over.
    pub async fn drive(self: Rc<Self>, boot: Boot, system: Rc<dyn System>) {
        let mut client = None;
        while !boot.recorder.is_closing() {
            let Some((number, step)) = self.take(boot.node) else { return };
            boot.env.sleep(step.wait).await;
            if boot.recorder.is_closing() {
                return;
            }
            let (id, caller) = client
                .get_or_insert_with(|| (self.new_session(boot.node), system.client(boot.env.clone(), self.cluster)));
            let id = *id;
            let operation = Rc::new(step.operation);
            boot.recorder.call(id, number, &operation);
            let call = caller.call(&operation);
            let outcome = match step.give_up_after {
                Some(limit) => boot.env.timeout(limit, call).await.unwrap_or(Outcome::Unknown),
                None => call.await,
            };
            boot.recorder.returned(id, number, outcome.clone());
            match outcome {
                Outcome::Done(reply) => self.see(boot.node, &operation, &reply),
                Outcome::NotApplied => {}
                // The operation stays open in the history for ever, and a client has one open operation at most.
                Outcome::Unknown => client = None,
            }
        }
    }

    fn new_session(&self, node: NodeId) -> ClientId {
        let mut state = self.state.borrow_mut();
        let machine = state.machines.entry(node).or_default();
        machine.sessions += 1;
        ClientId { node, session: machine.sessions }
    }

    /// The machine's next step and its number; none if there is no more to do.
    fn take(&self, node: NodeId) -> Option<(u64, Step)> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let machine = state.machines.entry(node).or_default();
        if self.workload.operations().is_some_and(|most| state.taken >= most) {
            return None;
        }
        let asker = Asker { node, taken: machine.taken, clients: self.cluster.clients };
        let seen = |key| machine.seen.get(&key).cloned().flatten();
        let step = self.workload.step(asker, self.seed, seen)?;
        machine.taken += 1;
        state.taken += 1;
        state.steps.push(step.clone());
        Some((machine.taken, step))
    }

    fn see(&self, node: NodeId, operation: &Operation, reply: &Reply) {
        let seen = match (operation, reply) {
            (Operation::Get { .. }, Reply::Value(value)) => value.clone(),
            (Operation::Put { value, .. }, _) => Some(value.clone()),
            (Operation::Cas { to, .. }, Reply::Swapped(true)) => Some(to.clone()),
            (Operation::Delete { .. }, _) => None,
            _ => return,
        };
        let mut state = self.state.borrow_mut();
        state.machines.entry(node).or_default().seen.insert(operation.key(), seen);
    }
}
