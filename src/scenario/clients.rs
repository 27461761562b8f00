//! The drivers of client machines: they draw or read operations, call the system's client, and write history.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::system::System;
use super::workload::{Asker, Step, Workload};
use crate::base::{ClientId, Cluster, Key, NodeId, Operation, Outcome, Ratio, Reply};
use crate::world::Boot;

/// What all drivers of a run share. It outlives the client machines' lives, as the person behind a machine would.
#[derive(Debug)]
pub(super) struct Clients {
    cluster: Cluster,
    workload: Workload,
    seed: u64,
    /// Whether anybody will expect what a machine last saw.
    expects: bool,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// By number of the machine.
    machines: Vec<Machine>,
    /// Operations taken on, of all clients together.
    taken: u64,
    /// Every step taken on, in order, for a plan; if one is asked for.
    steps: Option<Vec<Step>>,
}

#[derive(Clone, Debug, Default)]
struct Machine {
    /// Operations taken on.
    taken: u64,
    /// Clients that have run here.
    sessions: u32,
    /// Of an explicit workload, where this machine's steps stand.
    own: Vec<usize>,
    /// What this machine last saw in each key.
    seen: BTreeMap<Key, Option<String>>,
}

impl Clients {
    /// Drivers for a workload; what is drawn is keyed by the seed. Steps are written down if a plan is asked for.
    pub fn new(cluster: Cluster, workload: Workload, seed: u64, record: bool) -> Clients {
        let mut machines = vec![Machine::default(); usize::from(cluster.clients)];
        if let Workload::Explicit(steps) = &workload {
            for (place, step) in steps.iter().enumerate() {
                if let Some(machine) = machines.get_mut(usize::from(step.client.index())) {
                    machine.own.push(place);
                }
            }
        }
        let expects = matches!(&workload, Workload::Drawn(mix) if mix.shares.cas > Ratio::ZERO);
        let state = State { machines, taken: 0, steps: record.then(Vec::new) };
        Clients { cluster, workload, seed, expects, state: RefCell::new(state) }
    }

    /// Every step that was taken on; none if they were not written down.
    pub fn steps(&self) -> Vec<Step> {
        self.state.borrow().steps.clone().unwrap_or_default()
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
            if let Outcome::Done(reply) = &outcome {
                self.see(boot.node, &operation, reply);
            }
            let is_open = outcome == Outcome::Unknown;
            boot.recorder.returned(id, number, outcome);
            if is_open {
                // The operation stays open in the history for ever, and a client has one open operation at most.
                client = None;
            }
        }
    }

    fn new_session(&self, node: NodeId) -> ClientId {
        let mut state = self.state.borrow_mut();
        let machine = &mut state.machines[usize::from(node.index())];
        machine.sessions += 1;
        ClientId { node, session: machine.sessions }
    }

    /// The machine's next step and its number; none if there is no more to do.
    fn take(&self, node: NodeId) -> Option<(u64, Step)> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let machine = &mut state.machines[usize::from(node.index())];
        if self.workload.operations().is_some_and(|most| state.taken >= most) {
            return None;
        }
        let step = match &self.workload {
            Workload::Explicit(steps) => steps[*machine.own.get(machine.taken as usize)?].clone(),
            Workload::Drawn(_) => {
                let asker = Asker { node, taken: machine.taken, clients: self.cluster.clients };
                self.workload.step(asker, self.seed, |key| machine.seen.get(&key).cloned().flatten())?
            }
        };
        machine.taken += 1;
        state.taken += 1;
        if let Some(steps) = &mut state.steps {
            steps.push(step.clone());
        }
        Some((machine.taken, step))
    }

    fn see(&self, node: NodeId, operation: &Operation, reply: &Reply) {
        if !self.expects {
            return;
        }
        let seen = match (operation, reply) {
            (Operation::Get { .. }, Reply::Value(value)) => value.clone(),
            (Operation::Put { value, .. }, _) => Some(value.clone()),
            (Operation::Cas { to, .. }, Reply::Swapped(true)) => Some(to.clone()),
            (Operation::Delete { .. }, _) => None,
            _ => return,
        };
        let mut state = self.state.borrow_mut();
        state.machines[usize::from(node.index())].seen.insert(operation.key(), seen);
    }
}
