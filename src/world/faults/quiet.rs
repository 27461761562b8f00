//! The quiet phase: a core is healed and must make progress; the rest stays broken, or heals too, by decision.

use std::rc::Rc;

use super::phase::{Core, Quiet};
use crate::base::name::key;
use crate::base::{Cluster, Draw, NodeId, Ratio};
use crate::world::shared::Shared;

/// The core of the quiet phase of this number where it is drawn, and those outside it that heal nevertheless; both in the
/// order of nodes. The core has so many replicas, and all clients.
pub fn drawn_core(cluster: Cluster, core_size: u16, phase: usize, seed: u64) -> (Vec<NodeId>, Vec<NodeId>) {
    let mut draw = Draw::keyed(seed, key::core(phase as u32));
    let mut replicas: Vec<NodeId> = cluster.replicas().collect();
    draw.shuffle(&mut replicas);
    let rest = replicas.split_off(usize::from(core_size).min(replicas.len()));
    let mut healed: Vec<NodeId> = rest.into_iter().filter(|_| draw.chance(Ratio::per_thousand(500))).collect();
    replicas.sort_unstable();
    healed.sort_unstable();
    replicas.extend(cluster.clients());
    (replicas, healed)
}

impl Shared {
    /// Ends faults within the core, and leaves the rest as decided.
    pub fn begin_quiet(self: &Rc<Self>, phase: usize, quiet: &Quiet) {
        let (core, mut healed) = self.choose_core(phase, quiet);
        healed.extend(self.must_heal(&core, &healed));
        healed.sort_unstable();
        assert!(core.iter().all(|node| !healed.contains(node)), "the core and the rest do not overlap");
        self.faults.borrow_mut().record_quiet(phase, &core, &healed);
        self.withdraw_pending_faults();
        self.machines.iter().for_each(|machine| machine.returns.set(false));
        let well: Vec<NodeId> =
            self.cluster.nodes().filter(|node| core.contains(node) || healed.contains(node)).collect();
        self.network.borrow_mut().settle(&well);
        self.settle_gates(&well);
        let phase_event = self.tracer.last();
        for node in &well {
            let slot = self.cluster.slot(*node);
            let machine = &self.machines[slot];
            machine.stalled_until.set(self.now());
            if machine.paused.get() {
                self.resume(slot, phase_event);
            } else if !machine.up.get() {
                self.boot(slot, phase_event);
            }
        }
        self.mark_gone(&well);
        self.tell(|observer| observer.on_quiet(self.now(), &core));
        *self.core.borrow_mut() = core;
    }

    /// The core, and those outside it that heal nevertheless; both in the order of nodes.
    fn choose_core(&self, phase: usize, quiet: &Quiet) -> (Vec<NodeId>, Vec<NodeId>) {
        match &quiet.core {
            Core::All => (self.cluster.nodes().collect(), Vec::new()),
            Core::Up => (self.core_of_those_up(), Vec::new()),
            Core::Nodes { core, healed } => (core.clone(), healed.clone()),
            Core::Drawn => drawn_core(self.cluster, self.core_size, phase, self.decider.borrow().seed()),
        }
    }

    /// Everybody who is up, as many more replicas as make a core, and all clients.
    fn core_of_those_up(&self) -> Vec<NodeId> {
        let is_up = |node: &NodeId| self.machines[self.cluster.slot(*node)].up.get();
        let mut core: Vec<NodeId> = self.cluster.replicas().filter(is_up).collect();
        let least = self.core_size.min(self.cluster.replicas);
        let missing = usize::from(least).saturating_sub(core.len());
        core.extend(self.cluster.replicas().filter(|node| !is_up(node)).take(missing));
        core.sort_unstable();
        assert!(core.len() >= usize::from(least), "a core can make progress");
        core.extend(self.cluster.clients());
        core
    }

    /// Restarts, resumptions and heals that were to come do not come any more: who is outside the core stays as it is.
    fn withdraw_pending_faults(&self) {
        for entered in self.faults.borrow_mut().take_pending() {
            self.flight.withdraw_step(entered);
        }
    }
}
