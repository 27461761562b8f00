//! A helper of the oracles' tests: a run made by hand, event by event.
//!
//! A story goes through [`Oracles`] with a single oracle in it, so that every oracle's tests also show that it is told
//! of what it needs. The disks are what the story says they are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::base::event::Outcome;
use crate::base::{
    Checksum, ClientId, Cluster, Disks, Event, EventId, EventKind, Incarnation, Instant, Key, NodeId, Operation, Probe,
    Reply,
};

use super::models::KeyValue;
use super::oracle::{Checked, End, Epoch, Layout, OracleId, Quorums, Violation};
use super::set::{Limits, Oracles, Setting};

pub fn digest(number: u64) -> Checksum {
    Checksum(u128::from(number) << 96)
}

pub fn committed(epoch: u64, index: u64, number: u64) -> Probe {
    Probe::Committed { epoch, index, digest: digest(number) }
}

pub fn applied(index: u64, number: u64) -> Probe {
    Probe::Applied { index, state: digest(number) }
}

pub fn executed(client: u64, request: u64, index: u64) -> Probe {
    Probe::Executed { client, request, index }
}

pub fn leads(epoch: u64, committed: u64, chain: &[u64]) -> Probe {
    Probe::Leads { epoch, committed, chain: chain.iter().map(|number| digest(*number)).collect() }
}

pub fn epoch(epoch: u64, log_epoch: u64) -> Probe {
    Probe::Epoch { epoch, log_epoch }
}

pub fn head(index: u64, number: u64) -> Probe {
    Probe::Head { index, digest: digest(number) }
}

pub fn acked(epoch: u64, index: u64, number: u64) -> Probe {
    Probe::Acked { epoch, index, digest: digest(number) }
}

pub fn nacked(index: u64, number: u64) -> Probe {
    Probe::Nacked { index, digest: digest(number) }
}

pub fn truncated(index: u64, epoch: u64) -> Probe {
    Probe::Truncated { index, epoch }
}

pub fn get(key: u32) -> Operation {
    Operation::Get { key: Key(key) }
}

pub fn put(key: u32, value: &str) -> Operation {
    Operation::Put { key: Key(key), value: value.to_owned() }
}

pub fn value(text: &str) -> Reply {
    Reply::Value(Some(text.to_owned()))
}

pub fn client(index: u16) -> ClientId {
    ClientId { node: NodeId::client(index), session: 1 }
}

pub fn call_event(id: u64, index: u16, number: u64, operation: Operation) -> Event {
    let kind = EventKind::Call { client: client(index), number, operation: Rc::new(operation) };
    event(id, Instant::from_nanos(id), Some(NodeId::client(index)), kind)
}

pub fn return_event(id: u64, index: u16, number: u64, outcome: Outcome) -> Event {
    let kind = EventKind::Return { client: client(index), number, outcome };
    event(id, Instant::from_nanos(id), Some(NodeId::client(index)), kind)
}

fn event(id: u64, at: Instant, node: Option<NodeId>, kind: EventKind) -> Event {
    Event { id: EventId(id), cause: EventId(0), at, node, kind }
}

/// What the disks of a story hold.
#[derive(Default)]
struct Held {
    entries: BTreeMap<(NodeId, u64), Checksum>,
    /// Those that are there in fact only.
    undead: BTreeMap<(NodeId, u64), Checksum>,
    epochs: BTreeMap<NodeId, Epoch>,
    checkpoints: BTreeMap<NodeId, u64>,
}

struct HeldLayout(Rc<RefCell<Held>>);

impl Layout for HeldLayout {
    fn entry(&self, disks: &dyn Disks, node: NodeId, index: u64) -> Option<Checksum> {
        let held = self.0.borrow();
        let entries = if disks.promised_len(node, "").is_some() { &held.entries } else { &held.undead };
        entries.get(&(node, index)).copied()
    }
    fn epoch(&self, _disks: &dyn Disks, node: NodeId) -> Option<Epoch> {
        self.0.borrow().epochs.get(&node).copied()
    }
    fn checkpoint(&self, _disks: &dyn Disks, node: NodeId) -> u64 {
        self.0.borrow().checkpoints.get(&node).copied().unwrap_or(0)
    }
}

/// Disks without bytes: the layout of a story looks only whether it is asked for what they promised.
struct NoDisks;

impl Disks for NoDisks {
    fn promised(&self, _node: NodeId, _file: &str, _offset: u64, _length: usize) -> Option<Bytes> {
        None
    }
    fn promised_len(&self, _node: NodeId, _file: &str) -> Option<u64> {
        Some(0)
    }
    fn actual(&self, _node: NodeId, _file: &str, _offset: u64, _length: usize) -> Option<Bytes> {
        None
    }
    fn actual_len(&self, _node: NodeId, _file: &str) -> Option<u64> {
        None
    }
}

/// Three replicas, three clients, and what happens to them.
pub struct Story {
    id: OracleId,
    oracles: Oracles,
    held: Rc<RefCell<Held>>,
    events: u64,
    now: Instant,
    core: Vec<NodeId>,
    found: Option<Violation>,
}

impl Story {
    pub fn of(id: OracleId) -> Story {
        Story::new(id, true)
    }

    pub fn without_layout(id: OracleId) -> Story {
        Story::new(id, false)
    }

    fn new(id: OracleId, layout: bool) -> Story {
        let held = Rc::new(RefCell::new(Held::default()));
        let layout = layout.then(|| Rc::new(HeldLayout(held.clone())) as Rc<dyn Layout>);
        let oracles = Oracles::new(Setting {
            oracles: vec![id],
            cluster: Cluster { replicas: 3, clients: 3 },
            quorums: Quorums { replication: 2, view_change: 2 },
            layout,
            model: Some(Rc::new(KeyValue)),
            limits: Limits { live_within: Duration::from_secs(3), ..Limits::default() },
        });
        Story { id, oracles, held, events: 0, now: Instant::START, core: Vec::new(), found: None }
    }

    pub fn oracles(&self) -> &Oracles {
        &self.oracles
    }

    pub fn at_millis(&mut self, millis: u64) -> &mut Story {
        self.now = Instant::from_nanos(millis * 1_000_000);
        self
    }

    pub fn event(&mut self, node: NodeId, kind: EventKind) -> &mut Story {
        self.events += 1;
        if self.found.is_none() {
            self.found = self.oracles.on_event(&event(self.events, self.now, Some(node), kind), &NoDisks).err();
        }
        self
    }

    pub fn probe(&mut self, node: u16, probe: Probe) -> &mut Story {
        self.event(NodeId::replica(node), EventKind::Probe(probe))
    }

    pub fn boot(&mut self, node: u16, life: u32) -> &mut Story {
        self.event(NodeId::replica(node), EventKind::Boot(Incarnation(life)))
    }

    pub fn crash(&mut self, node: u16, life: u32) -> &mut Story {
        self.event(NodeId::replica(node), EventKind::Crash(Incarnation(life)))
    }

    pub fn wipe(&mut self, node: u16) -> &mut Story {
        self.event(NodeId::replica(node), EventKind::Wipe)
    }

    pub fn call(&mut self, index: u16, number: u64, operation: Operation) -> &mut Story {
        self.event(
            NodeId::client(index),
            EventKind::Call { client: client(index), number, operation: Rc::new(operation) },
        )
    }

    pub fn done(&mut self, index: u16, number: u64, reply: Reply) -> &mut Story {
        let outcome = Outcome::Done(reply);
        self.event(NodeId::client(index), EventKind::Return { client: client(index), number, outcome })
    }

    pub fn unknown(&mut self, index: u16, number: u64) -> &mut Story {
        let outcome = Outcome::Unknown;
        self.event(NodeId::client(index), EventKind::Return { client: client(index), number, outcome })
    }

    pub fn holds(&mut self, node: u16, index: u64, number: u64) -> &mut Story {
        self.held.borrow_mut().entries.insert((NodeId::replica(node), index), digest(number));
        self
    }

    /// What it has erased is still there, because the disk has lost that write.
    pub fn keeps(&mut self, node: u16, index: u64, number: u64) -> &mut Story {
        self.held.borrow_mut().undead.insert((NodeId::replica(node), index), digest(number));
        self
    }

    pub fn forgets(&mut self, node: u16, index: u64) -> &mut Story {
        self.held.borrow_mut().entries.remove(&(NodeId::replica(node), index));
        self
    }

    pub fn durable(&mut self, node: u16, epoch: u64, log_epoch: u64) -> &mut Story {
        self.held.borrow_mut().epochs.insert(NodeId::replica(node), Epoch { epoch, log_epoch });
        self
    }

    pub fn checkpointed(&mut self, node: u16, index: u64) -> &mut Story {
        self.held.borrow_mut().checkpoints.insert(NodeId::replica(node), index);
        self
    }

    pub fn core(&mut self, core: &[NodeId]) -> &mut Story {
        self.core = core.to_vec();
        self
    }

    pub fn begin_quiet(&mut self, core: &[NodeId]) -> &mut Story {
        self.oracles.begin_quiet(self.now, core);
        self.core(core)
    }

    pub fn end_quiet(&mut self) -> &mut Story {
        self.oracles.end_quiet();
        self
    }

    /// What was broken by now or is at the end, or "kept". The story may go on afterwards.
    pub fn end(&mut self) -> String {
        if self.found.is_none() {
            let end = End { event: EventId(self.events), at: self.now, core: self.core.clone() };
            self.found = self.oracles.on_end(&end).err();
        }
        match &self.found {
            Some(violation) => {
                assert_eq!(violation.oracle, self.id, "another oracle objected: {}", violation.happened);
                violation.happened.clone()
            }
            None => "kept".to_owned(),
        }
    }

    pub fn nodes(&self) -> String {
        let found = self.found.as_ref().expect("something was broken");
        found.nodes.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ")
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.found.as_ref()
    }

    pub fn checked(&self) -> Checked {
        let found = self.oracles.checked().into_iter().find(|(id, _)| *id == self.id);
        found.expect("the oracle was chosen").1
    }
}
