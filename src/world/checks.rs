//! What holds of the whole world while nothing is just happening: each part is checked by itself, and then one part against
//! another. Done where a phase begins and where a run ends, which is seldom, and where whatever went wrong before shows.

use super::flight::Step;
use super::network::links::LinkId;
use super::shared::Shared;

impl Shared {
    /// Checks all of it. So many steps are under way that begin a phase or end the last one.
    pub fn check(&self, turns: usize) {
        let (packets, network) = (self.flight.packets.borrow(), self.network.borrow());
        let machines = self.machines.iter().enumerate();
        let arrived: usize = machines.map(|(slot, machine)| machine.check(slot, &packets)).sum();
        network.check();
        let link_of = |place: u32| -> LinkId {
            let packet = packets.at(place);
            network.link(self.cluster.slot(packet.from), self.cluster.slot(packet.to))
        };
        let waiting = self.traffic.gates.borrow().check(link_of);
        self.traffic.check();
        self.flight.check(arrived, waiting);
        let resets = self.check_steps(turns);
        let reachable = |one: usize, other: usize| {
            let is_cut = network.is_cut(network.link(one, other)) || network.is_cut(network.link(other, one));
            self.machines[one].up.get() && self.machines[other].up.get() && !is_cut
        };
        let broken = self.traffic.streams.as_ref().map_or(0, |streams| streams.borrow().check(reachable));
        assert_eq!(broken, resets, "of each connection that is broken its ends will learn once");
        assert_eq!(self.machines.len(), self.disks.borrow().len(), "every machine has a disk");
        self.disks.borrow().iter().for_each(|disk| disk.check());
    }

    /// Checks what the world itself will do. How many connections are to be reset.
    fn check_steps(&self, expected_turns: usize) -> usize {
        let ((present, begun), network, gates) = (self.phase.get(), self.network.borrow(), self.traffic.gates.borrow());
        assert!(present < self.phases.len() && begun <= self.now(), "the run is in one of its phases");
        let (mut turns, mut resets) = (0, 0);
        for (_, (_, step)) in self.flight.steps.borrow().iter() {
            match *step {
                Step::Phase(index) => {
                    assert_eq!(index, present + 1, "phases come one after the other");
                    turns += 1;
                }
                Step::Close => {
                    assert_eq!(present + 1, self.phases.len(), "the last phase is the last");
                    turns += 1;
                }
                Step::Strike { phase, fault, nth } => {
                    assert!(phase <= present, "a fault is entered when its phase begins");
                    assert!(fault < self.phases[phase].faults.len(), "a fault is one of its phase's");
                    assert!(nth > 0, "strikes are counted from 1");
                }
                Step::Restart { slot, life } => {
                    assert!(life <= self.machines[slot].life.get(), "who is to restart has lived");
                }
                Step::Resume { slot, life, pause } => {
                    assert!(life <= self.machines[slot].life.get(), "who is to go on has lived");
                    assert!(pause <= self.machines[slot].resumes.get(), "pauses are counted as they end");
                }
                Step::Heal { generation } => assert!(network.has_given(generation), "what is to heal was cut"),
                Step::OpenGate { generation } => assert!(gates.has_given(generation), "what is to open was closed"),
                Step::Reset { one, other, .. } => {
                    assert_ne!(one, other, "a node has no connection to itself");
                    resets += 1;
                }
            }
        }
        assert_eq!(turns, expected_turns, "after each phase one thing comes: the next, or the end");
        assert!(resets == 0 || self.traffic.streams.is_some(), "only a stream is reset");
        resets
    }
}
