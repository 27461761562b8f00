//! All the oracles of a run, as one.

use std::rc::Rc;
use std::time::Duration;

use crate::base::event::Outcome;
use crate::base::{Cluster, Disks, Event, EventKind, Instant, NodeId, Probe, Role};

use super::agree::Agree;
use super::back::Back;
use super::by_node::ByNode;
use super::conv::Conv;
use super::div::Div;
use super::dur::Dur;
use super::lin::Lin;
use super::live::Live;
use super::models::Model;
use super::mono::Mono;
use super::once::Once;
use super::oracle::{Checked, End, Layout, Oracle, OracleId, Quorums, Violation};

/// What the oracles of a run are made from.
#[derive(Clone)]
pub struct Setting {
    /// Which are to watch. PANIC and SPIN do in any case.
    pub oracles: Vec<OracleId>,
    /// How many machines there are.
    pub cluster: Cluster,
    /// How many replicas must agree on what.
    pub quorums: Quorums,
    /// How to read the disks.
    pub layout: Option<Rc<dyn Layout>>,
    /// What the service should answer.
    pub model: Option<Rc<dyn Model>>,
    /// How far they go.
    pub limits: Limits,
}

/// How far oracles go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// In a quiet phase, every request of a core client is answered within this.
    pub live_within: Duration,
    /// How many configurations the search for a linearization may visit, all keys together. Counted and not timed, so
    /// that the verdict is the same on every machine.
    pub search_nodes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { live_within: Duration::from_secs(10), search_nodes: 20_000_000 }
    }
}

/// How the clients' calls ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallCounts {
    /// Begun.
    pub begun: u64,
    /// Answered.
    pub answered: u64,
    /// Refused, with the certainty that they had no effect.
    pub refused: u64,
    /// Given up: by whoever called, or because whoever called is gone.
    pub given_up: u64,
}

impl CallCounts {
    /// Begun and not ended yet.
    pub fn open(self) -> u64 {
        self.begun - self.answered - self.refused - self.given_up
    }
}

/// The oracles of one run.
///
/// Each is told of the kinds of events that it needs and of no others, because most events concern none of them.
pub struct Oracles {
    agree: Option<Agree>,
    back: Option<Back>,
    dur: Option<Dur>,
    mono: Option<Mono>,
    div: Option<Div>,
    once: Option<Once>,
    lin: Option<Lin>,
    live: Option<Live>,
    conv: Option<Conv>,
    /// By replica: what it last said of its part in this life.
    roles: ByNode<Option<Role>>,
    calls: CallCounts,
    /// Whether a client machine has a call open.
    calling: ByNode<bool>,
    events: u64,
}

impl Oracles {
    /// Makes the chosen oracles. Two of them, PANIC and SPIN, cannot be left out.
    pub fn new(setting: Setting) -> Oracles {
        let Setting { oracles, cluster, quorums, layout, model, limits } = setting;
        let chosen = |id| oracles.contains(&id);
        Oracles {
            agree: chosen(OracleId::Agree).then(Agree::default),
            back: chosen(OracleId::Back).then(|| Back::new(cluster, quorums, layout.clone())),
            dur: chosen(OracleId::Dur).then(Dur::default),
            mono: chosen(OracleId::Mono).then(|| Mono::new(layout.clone())),
            div: chosen(OracleId::Div).then(Div::default),
            once: chosen(OracleId::Once).then(Once::default),
            lin: chosen(OracleId::Lin).then(|| Lin::new(model, limits.search_nodes)),
            live: chosen(OracleId::Live).then(|| Live::new(cluster, limits.live_within)),
            conv: chosen(OracleId::Conv).then(Conv::default),
            roles: ByNode::default(),
            calls: CallCounts::default(),
            calling: ByNode::default(),
            events: 0,
        }
    }

    /// Told of every event, in order.
    ///
    /// # Errors
    /// The first promise that this event breaks, safety before liveness.
    #[inline]
    pub fn on_event(&mut self, event: &Event, disks: &dyn Disks) -> Result<(), Violation> {
        // Events count from 1, and not all of them need be shown.
        self.events = event.id.0;
        if self.concerns(event) { self.judge(event, disks) } else { Ok(()) }
    }

    /// Whether this event is anybody's business. Most are not, and then nothing more is done about them.
    #[inline]
    fn concerns(&self, event: &Event) -> bool {
        match event.kind {
            EventKind::Probe(_) | EventKind::Call { .. } | EventKind::Return { .. } => true,
            EventKind::Boot(_) | EventKind::Crash(_) | EventKind::Wipe => true,
            EventKind::Panic(_) | EventKind::Spin { .. } => true,
            // LIVE looks at the clock.
            _ => self.live.as_ref().is_some_and(|live| live.is_due(event.at)),
        }
    }

    fn judge(&mut self, event: &Event, disks: &dyn Disks) -> Result<(), Violation> {
        let judged = match &event.kind {
            EventKind::Probe(probe) => self.on_probe(event, probe, disks),
            EventKind::Boot(_) | EventKind::Crash(_) | EventKind::Wipe => self.on_life(event, disks),
            EventKind::Call { .. } | EventKind::Return { .. } => {
                self.count(event);
                tell(&mut self.lin, event, disks)
            }
            EventKind::Panic(message) => Err(broken(OracleId::Panic, event, &format!("panicked: {message}"))),
            EventKind::Spin { task, polls } => {
                let happened = format!("polled its task {task} {polls} times without letting time move");
                Err(broken(OracleId::Spin, event, &happened))
            }
            _ => Ok(()),
        };
        let judged = judged.and_then(|()| match &mut self.live {
            Some(live) if live.cares(event) => live.on_event(event, disks),
            _ => Ok(()),
        });
        judged.map_err(|violation| self.with_role(violation))
    }

    fn on_life(&mut self, event: &Event, disks: &dyn Disks) -> Result<(), Violation> {
        if let (Some(node), EventKind::Boot(_) | EventKind::Crash(_)) = (event.node, &event.kind) {
            *self.roles.at(node) = None;
            // Whoever called is gone, and nobody waits for the answer any more.
            self.calls.given_up += u64::from(std::mem::take(self.calling.at(node)));
        }
        if matches!(event.kind, EventKind::Wipe) {
            tell(&mut self.back, event, disks)?;
        }
        tell(&mut self.dur, event, disks)?;
        tell(&mut self.mono, event, disks)?;
        tell(&mut self.conv, event, disks)
    }

    fn on_probe(&mut self, event: &Event, probe: &Probe, disks: &dyn Disks) -> Result<(), Violation> {
        match probe {
            Probe::Role { role, .. } => {
                if let Some(node) = event.node {
                    *self.roles.at(node) = Some(*role);
                }
                tell(&mut self.conv, event, disks)
            }
            Probe::Epoch { .. } | Probe::Recovering => {
                tell(&mut self.back, event, disks)?;
                tell(&mut self.mono, event, disks)?;
                tell(&mut self.conv, event, disks)
            }
            Probe::Head { .. } => {
                tell(&mut self.mono, event, disks)?;
                tell(&mut self.conv, event, disks)
            }
            Probe::Acked { .. } | Probe::Truncated { .. } | Probe::Nacked { .. } => tell(&mut self.mono, event, disks),
            Probe::Leads { .. } => {
                tell(&mut self.dur, event, disks)?;
                tell(&mut self.mono, event, disks)
            }
            Probe::Committed { .. } => {
                tell(&mut self.agree, event, disks)?;
                tell(&mut self.back, event, disks)?;
                tell(&mut self.dur, event, disks)?;
                tell(&mut self.conv, event, disks)
            }
            Probe::Applied { .. } => {
                tell(&mut self.div, event, disks)?;
                tell(&mut self.conv, event, disks)
            }
            Probe::Executed { .. } => {
                tell(&mut self.once, event, disks)?;
                tell(&mut self.lin, event, disks)
            }
        }
    }

    /// Told once, if nothing was broken before.
    ///
    /// # Errors
    /// The first promise that the whole run breaks, safety before liveness.
    pub fn on_end(&mut self, end: &End) -> Result<(), Violation> {
        self.events = end.event.0;
        let judged = self.each_mut().into_iter().flatten().try_for_each(|oracle| oracle.on_end(end));
        judged.map_err(|violation| self.with_role(violation))
    }

    /// Until when the clock alone breaks no promise. Up to then, packets, disk operations and timers are nobody's business.
    pub fn at_ease_until(&self) -> Instant {
        self.live.as_ref().map_or(Instant::NEVER, Live::alarm)
    }

    /// A quiet phase begins, with this core of replicas and clients.
    pub fn begin_quiet(&mut self, at: Instant, core: &[NodeId]) {
        if let Some(live) = &mut self.live {
            live.begin_quiet(at, core);
        }
    }

    /// The quiet phase is over.
    pub fn end_quiet(&mut self) {
        if let Some(live) = &mut self.live {
            live.end_quiet();
        }
    }

    /// Whether the replicas of the core are equal now, as far as CONV can tell; true if it does not watch.
    pub fn converged(&self, core: &[NodeId]) -> bool {
        self.conv.as_ref().is_none_or(|conv| conv.converged(core))
    }

    /// What each oracle did, in the order of [`OracleId::all`].
    pub fn checked(&self) -> Vec<(OracleId, Checked)> {
        let always = [OracleId::Panic, OracleId::Spin].map(|id| (id, Checked::Checked(self.events)));
        let seen =
            self.each().into_iter().flatten().map(|oracle| (oracle.id(), not_vacuous(oracle.id(), oracle.checked())));
        seen.chain(always).collect()
    }

    /// How the clients' calls ended so far, whichever oracles watch.
    pub fn calls(&self) -> CallCounts {
        self.calls
    }

    /// How many objects LIN could explain by the order of the log; known at the end, and 0 if it does not watch.
    pub fn explained_by_log(&self) -> u64 {
        self.lin.as_ref().map_or(0, Lin::explained_by_log)
    }

    /// The part that this replica said it plays, in this life.
    pub fn role(&self, node: NodeId) -> Option<Role> {
        self.roles.get(node).copied().flatten()
    }

    fn count(&mut self, event: &Event) {
        match (&event.kind, event.node) {
            (EventKind::Call { .. }, Some(node)) => *self.calling.at(node) = true,
            (EventKind::Return { .. }, Some(node)) => *self.calling.at(node) = false,
            _ => {}
        }
        match &event.kind {
            EventKind::Call { .. } => self.calls.begun += 1,
            EventKind::Return { outcome: Outcome::Done(_), .. } => self.calls.answered += 1,
            EventKind::Return { outcome: Outcome::NotApplied, .. } => self.calls.refused += 1,
            EventKind::Return { outcome: Outcome::Unknown, .. } => self.calls.given_up += 1,
            _ => {}
        }
    }

    fn with_role(&self, mut violation: Violation) -> Violation {
        violation.role = violation.nodes.first().and_then(|node| self.role(*node));
        violation
    }

    fn each(&self) -> [Option<&dyn Oracle>; 9] {
        fn seen(oracle: &Option<impl Oracle>) -> Option<&dyn Oracle> {
            oracle.as_ref().map(|oracle| oracle as &dyn Oracle)
        }
        [
            seen(&self.agree),
            seen(&self.back),
            seen(&self.dur),
            seen(&self.mono),
            seen(&self.div),
            seen(&self.once),
            seen(&self.lin),
            seen(&self.live),
            seen(&self.conv),
        ]
    }

    fn each_mut(&mut self) -> [Option<&mut dyn Oracle>; 9] {
        fn seen(oracle: &mut Option<impl Oracle>) -> Option<&mut dyn Oracle> {
            oracle.as_mut().map(|oracle| oracle as &mut dyn Oracle)
        }
        [
            seen(&mut self.agree),
            seen(&mut self.back),
            seen(&mut self.dur),
            seen(&mut self.mono),
            seen(&mut self.div),
            seen(&mut self.once),
            seen(&mut self.lin),
            seen(&mut self.live),
            seen(&mut self.conv),
        ]
    }
}

fn tell(oracle: &mut Option<impl Oracle>, event: &Event, disks: &dyn Disks) -> Result<(), Violation> {
    oracle.as_mut().map_or(Ok(()), |oracle| oracle.on_event(event, disks))
}

/// What a node did that none may do.
fn broken(oracle: OracleId, event: &Event, did: &str) -> Violation {
    let (nodes, who) = event.node.map_or((vec![], "the world".to_owned()), |node| (vec![node], node.to_string()));
    Violation::new(oracle, event, nodes, format!("{who} {did}"))
}

/// An oracle that lives on what nodes say has watched nothing if they never said it.
fn not_vacuous(id: OracleId, checked: Checked) -> Checked {
    let wanted = match id {
        OracleId::Agree => "Committed",
        OracleId::Dur => "Leads",
        OracleId::Div => "Applied",
        OracleId::Once => "Executed",
        _ => return checked,
    };
    match checked {
        Checked::Checked(0) => Checked::NotChecked(format!("no node ever said `{wanted}`")),
        checked => checked,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, committed, get, put, value};
    use super::*;
    use crate::base::Kind;

    #[test]
    fn a_panic_is_always_found() {
        let mut story = Story::of(OracleId::Panic);
        story.event(NodeId::replica(1), EventKind::Panic("index out of bounds".into()));
        assert_eq!(story.end(), "r1 panicked: index out of bounds");
        assert_eq!(story.nodes(), "r1");
    }

    #[test]
    fn a_spin_is_always_found() {
        static WORK: Kind = Kind::new("work", &[]);
        let mut story = Story::of(OracleId::Spin);
        story.event(NodeId::replica(1), EventKind::Spin { task: WORK.label([]), polls: 1_000_000 });
        assert_eq!(story.end(), "r1 polled its task work 1000000 times without letting time move");
    }

    #[test]
    fn the_role_is_that_of_the_first_node_in_this_life() {
        let primary = Probe::Role { role: Role::Primary, epoch: 0 };
        let mut story = Story::of(OracleId::Agree);
        story.probe(1, primary.clone()).probe(0, committed(0, 1, 0xa)).probe(1, committed(0, 1, 0xb));
        story.end();
        assert_eq!(story.violation().and_then(|violation| violation.role), Some(Role::Primary));
        let mut story = Story::of(OracleId::Agree);
        story.probe(1, primary).crash(1, 1).probe(0, committed(0, 1, 0xa)).probe(1, committed(0, 1, 0xb));
        story.end();
        assert_eq!(story.violation().and_then(|violation| violation.role), None);
    }

    #[test]
    fn calls_are_counted_whoever_watches() {
        let mut story = Story::of(OracleId::Agree);
        story.call(0, 1, get(0)).done(0, 1, value("7")).call(0, 2, get(0)).call(1, 1, put(0, "1")).unknown(1, 1).call(
            2,
            1,
            get(0),
        );
        story.event(
            NodeId::client(2),
            EventKind::Return { client: super::super::story::client(2), number: 1, outcome: Outcome::NotApplied },
        );
        let counts = story.oracles().calls();
        assert_eq!(counts, CallCounts { begun: 4, answered: 1, refused: 1, given_up: 1 });
        assert_eq!(counts.open(), 1);
    }

    #[test]
    fn only_the_chosen_watch_and_two_more() {
        let story = Story::of(OracleId::Dur);
        let ids: Vec<String> = story.oracles().checked().into_iter().map(|(id, _)| id.to_string()).collect();
        assert_eq!(ids.join(" "), "DUR PANIC SPIN");
    }
}
