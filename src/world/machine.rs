//! A simulated machine: what it is doing, what waits for it. Survives the crashes of its node.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use slab::Slab;

use super::network::Repeats;
use crate::base::{EventId, Incarnation, Label, NodeId, Payload, Role};
use crate::env::{DiskDone, DiskError, DiskOp};
use crate::exec::{Polled, TaskFacts, Ticket};

use super::disk::Snapshot;

/// One machine. Fields that belong to a life are reset by [`Machine::begin_life`].
#[derive(Debug)]
pub(super) struct Machine {
    pub id: NodeId,
    /// How far its clocks are ahead.
    pub offset: u64,
    /// The present life, or the last one.
    pub life: Cell<Incarnation>,
    /// Whether it is alive.
    pub up: Cell<bool>,
    /// Whether it is stopped for a while. Only of one that is up.
    pub paused: Cell<bool>,
    /// How often it has gone on.
    pub resumes: Cell<u32>,
    /// What it last said it was.
    pub role: Cell<Option<Role>>,
    /// When it last said that it was primary.
    pub led: Cell<EventId>,
    /// Messages that have arrived, with the events of their arrival.
    pub inbox: RefCell<VecDeque<(NodeId, Payload, EventId)>>,
    /// Who waits for a message. All are woken by the next one; the first to poll takes it.
    pub receivers: RefCell<Vec<Waker>>,
    /// Tasks that became ready during a pause.
    pub held: RefCell<Vec<Polled>>,
    /// How often each stream of entropy was asked.
    pub streams: RefCell<BTreeMap<u64, u64>>,
    /// How many tasks of each label this life has had.
    pub labels: RefCell<BTreeMap<u64, u32>>,
    /// Repeats of the labels of disk operations, over all lives.
    pub disk_repeats: RefCell<Option<Repeats>>,
}

impl Machine {
    pub fn new(id: NodeId, offset: u64) -> Machine {
        Machine {
            id,
            offset,
            life: Cell::default(),
            up: Cell::new(false),
            paused: Cell::new(false),
            resumes: Cell::new(0),
            role: Cell::new(None),
            led: Cell::default(),
            inbox: RefCell::default(),
            receivers: RefCell::default(),
            held: RefCell::default(),
            streams: RefCell::default(),
            labels: RefCell::default(),
            disk_repeats: RefCell::default(),
        }
    }

    /// Begins a life. Nothing of the last one is left but the disk.
    pub fn begin_life(&self, life: Incarnation) {
        assert!(!self.up.get(), "{} boots while it is up", self.id);
        assert!(self.inbox.borrow().is_empty(), "{} boots with messages of its last life", self.id);
        self.life.set(life);
        self.up.set(true);
        self.streams.borrow_mut().clear();
        self.labels.borrow_mut().clear();
    }

    /// Ends a life. Tasks, timers and disk operations are ended by the world.
    pub fn end_life(&self) {
        assert!(self.up.get(), "{} dies while it is down", self.id);
        self.up.set(false);
        self.paused.set(false);
        self.role.set(None);
        self.led.set(EventId(0));
        self.inbox.borrow_mut().clear();
        self.receivers.borrow_mut().clear();
    }
}

/// Things in flight, found by a number that is never given twice.
#[derive(Debug)]
pub(super) struct Flights<T> {
    slots: Slab<(u32, T)>,
    generation: u32,
}

impl<T> Flights<T> {
    pub fn new() -> Flights<T> {
        Flights { slots: Slab::new(), generation: 0 }
    }

    pub fn insert(&mut self, value: T) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        let slot = self.slots.insert((self.generation, value));
        (slot as u64) << 32 | u64::from(self.generation)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let (generation, value) = self.slots.get_mut((id >> 32) as usize)?;
        (*generation == id as u32).then_some(value)
    }

    pub fn remove(&mut self, id: u64) -> Option<T> {
        self.get_mut(id)?;
        Some(self.slots.remove((id >> 32) as usize).1)
    }

    /// Takes out all that match, oldest first as far as slots tell.
    pub fn take_where(&mut self, which: impl Fn(&T) -> bool) -> Vec<T> {
        let keys: Vec<usize> = self.slots.iter().filter(|(_, (_, value))| which(value)).map(|(key, _)| key).collect();
        keys.into_iter().map(|key| self.slots.remove(key).1).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map(|(_, (_, value))| value)
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

/// A timer that has been started.
#[derive(Debug)]
pub(super) struct Timer {
    pub owner: usize,
    pub task: TaskFacts,
    pub nth: u32,
    /// The event in which it was started.
    pub cause: EventId,
    pub ticket: Option<Ticket>,
    /// The event of its firing.
    pub fired: Option<EventId>,
    pub waker: Option<Waker>,
}

/// A packet on its way.
#[derive(Debug)]
pub(super) struct Packet {
    pub from: NodeId,
    pub to: NodeId,
    pub label: Label,
    pub repeat: u32,
    pub copy: u8,
    pub corrupt: bool,
    pub body: Payload,
    /// The event of its sending.
    pub sent: EventId,
}

/// A disk operation under way or done.
#[derive(Debug)]
pub(super) struct DiskJob {
    pub owner: usize,
    /// Its place in the order of starting.
    pub number: u64,
    pub label: Label,
    pub repeat: u32,
    pub operation: DiskOp,
    pub snapshot: Option<Snapshot>,
    /// The event of its start.
    pub started: EventId,
    pub ticket: Option<Ticket>,
    pub outcome: Option<(Result<DiskDone, DiskError>, EventId)>,
    pub forgotten: bool,
    pub waker: Option<Waker>,
}
