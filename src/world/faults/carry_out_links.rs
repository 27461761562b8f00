//! Faults of links and clocks, carried out.

use std::rc::Rc;

use super::fault::{Group, Target, What};
use super::resolve::concrete_links;
use crate::base::{EventId, NodeId};
use crate::world::flight::Step;
use crate::world::network::gates::Why;
use crate::world::network::links::LinkId;
use crate::world::shared::Shared;
use crate::world::tracer::Deed;

impl Shared {
    /// Does what a fault of links or clocks without chance says, of which the event tells.
    pub fn carry_out_network(self: &Rc<Self>, what: &What, event: EventId) {
        match what {
            What::CutOnly { from, to, only, both_ways, heal_after } => {
                self.count(Deed::Cut);
                let links = concrete_links(from, to, *both_ways);
                let generation = self.network.borrow_mut().cut(links, Some(only.clone()));
                self.end_later(heal_after, Step::Heal { generation });
            }
            What::Clog { from, to, span } => {
                self.count(Deed::Clog);
                let generation = self.close_gate(Why::Clogged, self.links(from, to), None);
                self.end_later(&Some(*span), Step::OpenGate { generation });
            }
            What::Hold { from, to, only, release_after } => {
                self.count(Deed::Hold);
                let generation = self.close_gate(Why::Held, self.links(from, to), only.clone());
                self.end_later(release_after, Step::OpenGate { generation });
            }
            What::Release { from, to } => {
                self.count(Deed::Release);
                let released = self.traffic.gates.borrow_mut().release(&self.links(from, to));
                self.let_go(&released);
            }
            What::Clock { target: Target::Node(node), change } => self.change_clock(*node, *change),
            other => unreachable!("{other} is no fault of links or clocks that was resolved"),
        }
        assert!(event <= self.tracer.last(), "a fault is told before it is carried out");
    }

    /// The links of a fault without chance.
    pub(super) fn links(&self, from: &Group, to: &Group) -> Vec<LinkId> {
        let network = self.network.borrow();
        let link = |(from, to): (NodeId, NodeId)| network.link(self.cluster.slot(from), self.cluster.slot(to));
        concrete_links(from, to, false).into_iter().filter(|(from, to)| from != to).map(link).collect()
    }

    /// Opens a gate, if it is still closed.
    pub fn open_gate(self: &Rc<Self>, generation: u32) {
        let opened = self.traffic.gates.borrow_mut().open(generation);
        if let Some(places) = opened {
            assert!(self.traffic.watched.get(), "a door with a gate is watched");
            self.begin_deed(EventId(0));
            self.emit_fault("the links let through what waited");
            self.let_go(&places);
        }
    }

    /// Opens all gates between these nodes.
    pub fn settle_gates(&self, well: &[NodeId]) {
        let network = self.network.borrow();
        let is_well = |link: LinkId| {
            let (from, to) = network.ends(link);
            well.contains(&from) && well.contains(&to)
        };
        let places = self.traffic.gates.borrow_mut().settle(is_well);
        self.let_go(&places);
    }
}
