//! Gates: packets of a link that wait at its end, because it is clogged or they are held back. Clock-free: a packet asks
//! when it would arrive, and whoever opens a gate is told which packets to let go on.
//!
//! A gate stands at the end of a link and not at its beginning, so what was under way when it closed waits as well. What
//! waits keeps its order: when a gate opens, all that wait on its links come to the door again, one after the other, and
//! nobody overtakes them.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::links::{LinkId, Met};
use crate::base::{Label, LabelText};

/// Which links are closed, and what waits there.
#[derive(Debug, Default)]
pub(in crate::world) struct Gates {
    closed: Vec<Gate>,
    lines: BTreeMap<LinkId, Line>,
    generation: u32,
}

#[derive(Debug)]
struct Gate {
    generation: u32,
    why: Why,
    links: Vec<LinkId>,
    /// Only for packets with this label, or of this kind.
    only: Option<LabelText>,
    met: Met,
}

/// Why packets wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) enum Why {
    /// The link is clogged.
    Clogged,
    /// They are held back.
    Held,
}

/// The packets at the end of a link, by their places in the table of packets.
#[derive(Debug, Default)]
struct Line {
    /// Those that wait, in order.
    waiting: VecDeque<u32>,
    /// Those that were let go and come to the door once more at this moment, in order.
    passing: VecDeque<u32>,
}

/// What becomes of a packet at the door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) enum Admission {
    /// It arrives.
    Passes,
    /// It waits until a gate opens.
    Waits,
    /// It comes again at this moment, behind those that waited.
    Queues,
}

impl Line {
    /// Whether nobody is in it.
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.passing.is_empty()
    }
}

impl Gates {
    /// Closes links. Names the gate, to open it.
    pub fn close(&mut self, why: Why, links: Vec<LinkId>, only: Option<LabelText>) -> u32 {
        assert!(why == Why::Held || only.is_none(), "a clog knows no labels");
        self.generation += 1;
        self.closed.push(Gate { generation: self.generation, why, links, only, met: Met::default() });
        self.generation
    }

    /// Whether a packet has met the gate that was closed last.
    pub fn met_by_last(&self) -> Met {
        let last = self.closed.last().expect("a gate has just been closed");
        assert_eq!(last.generation, self.generation, "nothing was closed after it");
        Rc::clone(&last.met)
    }

    /// Opens a gate. The packets that come to the door again, in order; none if it was open.
    pub fn open(&mut self, generation: u32) -> Option<Vec<u32>> {
        let place = self.closed.iter().position(|gate| gate.generation == generation)?;
        let gate = self.closed.remove(place);
        Some(self.let_go(&gate.links))
    }

    /// Whether anything is held back on one of these links, or would be.
    pub fn holds(&self, links: &[LinkId]) -> bool {
        self.closed.iter().any(|gate| gate.why == Why::Held && gate.links.iter().any(|link| links.contains(link)))
    }

    /// Holds nothing back any more on these links. The packets that come to the door again, in order.
    pub fn release(&mut self, links: &[LinkId]) -> Vec<u32> {
        self.open_where(|why| why == Why::Held, |link| links.contains(&link))
    }

    /// Opens all gates on those links. The packets that come to the door again, in order.
    pub fn settle(&mut self, healed: impl Fn(LinkId) -> bool) -> Vec<u32> {
        self.open_where(|_| true, healed)
    }

    fn open_where(&mut self, why: impl Fn(Why) -> bool, which: impl Fn(LinkId) -> bool) -> Vec<u32> {
        let mut opened = Vec::new();
        for gate in self.closed.iter_mut().filter(|gate| why(gate.why)) {
            opened.extend(gate.links.iter().copied().filter(|link| which(*link)));
            gate.links.retain(|link| !which(*link));
        }
        self.closed.retain(|gate| !gate.links.is_empty());
        opened.sort_unstable();
        opened.dedup();
        self.let_go(&opened)
    }

    /// Everything that waits on these links comes to the door again; what is still closed to it stops it there once more.
    fn let_go(&mut self, links: &[LinkId]) -> Vec<u32> {
        let mut gone = Vec::new();
        for link in links {
            if let Some(line) = self.lines.get_mut(link) {
                assert!(!line.is_empty(), "a line of nobody is gone");
                gone.extend(&line.waiting);
                line.passing.append(&mut line.waiting);
            }
        }
        gone
    }

    /// What becomes of a packet that comes to the door. On a link that keeps order strictly, it also waits for others that
    /// wait there.
    pub fn admit(&mut self, link: LinkId, label: &Label, place: u32, strictly: bool) -> Admission {
        let stops =
            |gate: &Gate| gate.links.contains(&link) && gate.only.as_ref().is_none_or(|only| only.matches(label));
        let closed = self.closed.iter().filter(|gate| stops(gate)).inspect(|gate| gate.met.set(true)).count() > 0;
        let Some(line) = self.lines.get_mut(&link) else {
            if closed {
                self.lines.entry(link).or_default().waiting.push_back(place);
            }
            return if closed { Admission::Waits } else { Admission::Passes };
        };
        assert!(!line.is_empty(), "a line of nobody is gone");
        assert!(line.waiting.back() != Some(&place), "what waits does not come to the door");
        let was_let_go = line.passing.iter().position(|passing| *passing == place);
        if was_let_go.is_none() && !line.passing.is_empty() {
            line.passing.push_back(place);
            return Admission::Queues;
        }
        if let Some(at) = was_let_go {
            assert_eq!(at, 0, "those who were let go come in their order");
            line.passing.pop_front();
        }
        assert!(line.passing.front() != Some(&place), "nobody is let go twice at once");
        if closed || (strictly && !line.waiting.is_empty()) {
            line.waiting.push_back(place);
            return Admission::Waits;
        }
        if line.is_empty() {
            self.lines.remove(&link);
        }
        Admission::Passes
    }

    /// A packet that comes to the door is lost there.
    pub fn forget(&mut self, link: LinkId, place: u32) {
        let Some(line) = self.lines.get_mut(&link) else { return };
        assert!(!line.waiting.contains(&place), "what waits does not come to the door");
        let was_let_go = line.passing.iter().position(|passing| *passing == place);
        assert!(was_let_go.is_none_or(|at| at == 0), "those who were let go come in their order");
        line.passing.retain(|passing| *passing != place);
        if line.is_empty() {
            self.lines.remove(&link);
        }
    }

    /// Whether nothing waits, and nothing would have to.
    pub fn is_idle(&self) -> bool {
        self.closed.is_empty() && self.lines.is_empty()
    }

    /// Checks what holds while no packet is at a door; `link_of` says on which link a packet came. How many wait.
    pub fn check(&self, link_of: impl Fn(u32) -> LinkId) -> usize {
        let numbers = self.closed.iter().map(|gate| gate.generation);
        assert!(numbers.clone().is_sorted_by(|one, next| one < next), "gates are numbered as they close");
        assert!(numbers.clone().all(|number| number <= self.generation), "every gate was given a number");
        for gate in &self.closed {
            assert!(gate.why == Why::Held || gate.only.is_none(), "a clog knows no labels");
        }
        for (link, line) in &self.lines {
            assert!(!line.is_empty(), "a line of nobody is gone");
            let is_of_it = |place: &u32| link_of(*place) == *link;
            assert!(
                line.waiting.iter().chain(&line.passing).all(is_of_it),
                "a packet waits at the end of its own link"
            );
            assert!(line.passing.iter().all(|place| !line.waiting.contains(place)), "who was let go does not wait");
            let is_closed = self.closed.iter().any(|gate| gate.links.contains(link));
            assert!(is_closed || line.waiting.is_empty(), "what waits, waits behind a gate");
        }
        self.lines.values().map(|line| line.waiting.len()).sum()
    }

    /// Whether a step that opens a gate has a number that was given.
    pub fn has_given(&self, generation: u32) -> bool {
        (1..=self.generation).contains(&generation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::links::Network;
    use super::*;
    use crate::base::{Cluster, Kind};

    static VOTE: Kind = Kind::new("Vote", &[]);
    static PING: Kind = Kind::new("Ping", &[]);

    fn links() -> [LinkId; 2] {
        let network = Network::new(Cluster { replicas: 3, clients: 0 });
        [network.link(0, 1), network.link(0, 2)]
    }

    fn admit(gates: &mut Gates, link: LinkId, kind: &'static Kind, place: u32) -> Admission {
        gates.admit(link, &kind.label([]), place, false)
    }

    #[test]
    fn what_waits_goes_on_in_order_and_nobody_overtakes_it() {
        let ([link, other], mut gates) = (links(), Gates::default());
        let clog = gates.close(Why::Clogged, vec![link], None);
        for place in [7, 3, 5] {
            assert_eq!(admit(&mut gates, link, &PING, place), Admission::Waits);
        }
        assert_eq!(admit(&mut gates, other, &PING, 4), Admission::Passes);
        assert_eq!(gates.open(clog), Some(vec![7, 3, 5]));
        assert_eq!(admit(&mut gates, link, &PING, 9), Admission::Queues);
        for place in [7, 3, 5, 9] {
            assert!(!gates.is_idle());
            assert_eq!(admit(&mut gates, link, &PING, place), Admission::Passes);
        }
        assert!(gates.is_idle());
        assert_eq!(gates.open(clog), None);
    }

    #[test]
    fn what_is_let_go_by_one_gate_waits_at_the_other() {
        let ([link, _], mut gates) = (links(), Gates::default());
        let clog = gates.close(Why::Clogged, vec![link], None);
        gates.close(Why::Held, vec![link], "Vote".parse().ok());
        for (kind, place) in [(&VOTE, 1), (&PING, 2), (&VOTE, 3)] {
            assert_eq!(admit(&mut gates, link, kind, place), Admission::Waits);
        }
        assert_eq!(gates.open(clog), Some(vec![1, 2, 3]));
        assert_eq!(admit(&mut gates, link, &VOTE, 1), Admission::Waits);
        assert_eq!(admit(&mut gates, link, &PING, 2), Admission::Passes);
        assert_eq!(admit(&mut gates, link, &VOTE, 3), Admission::Waits);
        assert_eq!(gates.release(&[link]), [1, 3]);
    }

    #[test]
    fn where_order_is_strict_others_wait_behind_what_is_held_back() {
        let ([link, _], mut gates) = (links(), Gates::default());
        gates.close(Why::Held, vec![link], "Vote".parse().ok());
        let mut strictly = |kind: &'static Kind, place| gates.admit(link, &kind.label([]), place, true);
        assert_eq!(strictly(&PING, 1), Admission::Passes);
        assert_eq!(strictly(&VOTE, 2), Admission::Waits);
        assert_eq!(strictly(&PING, 3), Admission::Waits);
    }

    #[test]
    fn settling_opens_some_links_of_a_gate_and_releasing_no_clog() {
        let ([link, other], mut gates) = (links(), Gates::default());
        gates.close(Why::Clogged, vec![link, other], None);
        assert_eq!(gates.release(&[link]), [0; 0]);
        assert_eq!(admit(&mut gates, link, &PING, 1), Admission::Waits);
        assert_eq!(gates.settle(|settled| settled == link), [1]);
        assert_eq!(admit(&mut gates, link, &PING, 1), Admission::Passes);
        assert_eq!(admit(&mut gates, other, &PING, 2), Admission::Waits);
        assert!(!gates.is_idle());
    }
}
