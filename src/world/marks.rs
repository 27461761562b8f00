//! Marks that the world passes by itself: places that no node can see from where it stands.
//!
//! They are counted with those of the nodes, under the node that passes them. They are no events, so nothing can be bound
//! to them.

use crate::base::{NodeId, Role};

use super::machines::machine::Machine;
use super::shared::Shared;

/// A replica has begun to lead while another, that is up, says that it leads.
const TWO_PRIMARIES: &str = "two replicas believe they lead";
/// The last replica that was up has crashed.
const ALL_DOWN: &str = "all replicas down";
/// A node has crashed between the beginning and the end of a write.
const WRITE_UNDER_WAY: &str = "crash with a write under way";

/// A replica is down when a quiet phase begins, and stays down in it.
const GONE: &str = "replica down for good";

impl Shared {
    /// A quiet phase begins, in which these are well.
    pub fn mark_gone(&self, well: &[NodeId]) {
        assert!(!well.is_empty(), "somebody is well in a quiet phase");
        for machine in self.machines.iter().filter(|machine| machine.id.is_replica() && !machine.up.get()) {
            assert!(!well.contains(&machine.id), "whoever is well is up");
            machine.pass(GONE);
        }
    }

    /// A node says that it leads.
    pub fn mark_primary(&self, machine: &Machine) {
        assert!(machine.up.get(), "only who is up says anything");
        assert_eq!(machine.role.get(), Some(Role::Primary), "it has just said so");
        let leads = |other: &Machine| other.id != machine.id && other.role.get() == Some(Role::Primary);
        if self.machines.iter().any(|other| leads(other)) {
            machine.pass(TWO_PRIMARIES);
        }
    }

    /// A node has crashed, in the middle of a write or not.
    pub fn mark_crash(&self, machine: &Machine, writing: bool) {
        assert!(!machine.up.get(), "it is down");
        assert_eq!(machine.role.get(), None, "whoever is down is nothing");
        if writing {
            machine.pass(WRITE_UNDER_WAY);
        }
        let is_up = |other: &Machine| other.id.is_replica() && other.up.get();
        if machine.id.is_replica() && !self.machines.iter().any(|other| is_up(other)) {
            machine.pass(ALL_DOWN);
        }
    }
}
