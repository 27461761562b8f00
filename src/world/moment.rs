//! What is happening, as far as the names of wakes need it.

use std::cell::{Cell, RefCell};

use crate::base::label::Labelled;
use crate::base::name::key;
use crate::base::{Incarnation, Label, Name, NodeId};
use crate::exec::{TaskFacts, TaskRef};

/// What is happening, in two words: what its key is made of. The key itself is made only where a wake is to be decided.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    World,
    /// A packet, by its key, and which copy of it.
    Delivery(u64, u8),
    /// A disk operation, by its key.
    Disk(u64),
    /// A task, by its key, and which timer of it.
    Timer(u64, u32),
    Boot(NodeId, Incarnation),
    Resume(NodeId, u32),
    Reset(NodeId, NodeId, u32),
}

impl Moment {
    fn key(self) -> u64 {
        match self {
            Moment::World => 0,
            Moment::Delivery(packet, copy) => key::delivery(packet, copy),
            Moment::Disk(operation) => operation,
            Moment::Timer(task, nth) => key::timer(task, nth),
            Moment::Boot(node, life) => key::boot(node, life),
            Moment::Resume(node, nth) => key::resume(node, nth),
            Moment::Reset(node, peer, nth) => key::reset(node, peer, nth),
        }
    }
}

/// What is happening, in full, for a reader. Made only where names are written down.
#[derive(Clone, Debug)]
pub(super) enum Told {
    World,
    Delivery { from: NodeId, to: NodeId, label: Label, repeat: u32, copy: u8 },
    Disk { node: NodeId, label: Label, repeat: u32 },
    Timer { node: NodeId, task: TaskRef, nth: u32 },
    Boot { node: NodeId, life: Incarnation },
    Resume { node: NodeId, nth: u32 },
    Reset { node: NodeId, peer: NodeId, nth: u32 },
}

pub(super) fn task_name(node: NodeId, task: &TaskFacts) -> Name {
    Name::Task { node, life: task.life, label: task.label, nth: task.nth }
}

impl Told {
    fn name(&self) -> Name {
        match *self {
            Told::World => Name::World,
            Told::Delivery { from, to, label, repeat, copy } => {
                Name::Delivery { packet: Box::new(Name::Packet { from, to, label, repeat }), copy }
            }
            Told::Disk { node, label, repeat } => Name::Disk { node, label, repeat },
            Told::Timer { node, ref task, nth } => Name::Timer { task: Box::new(task_name(node, task.facts())), nth },
            Told::Boot { node, life } => Name::Boot { node, life },
            Told::Resume { node, nth } => Name::Resume { node, nth },
            Told::Reset { node, peer, nth } => Name::Reset { node, peer, nth },
        }
    }

    fn moment(&self) -> Moment {
        match *self {
            Told::World => Moment::World,
            Told::Delivery { from, to, label, repeat, copy } => {
                Moment::Delivery(key::packet(from, to, label.hash(), repeat), copy)
            }
            Told::Disk { node, label, repeat } => Moment::Disk(key::disk(node, label.hash(), repeat)),
            Told::Timer { ref task, nth, .. } => Moment::Timer(task.facts().key, nth),
            Told::Boot { node, life } => Moment::Boot(node, life),
            Told::Resume { node, nth } => Moment::Resume(node, nth),
            Told::Reset { node, peer, nth } => Moment::Reset(node, peer, nth),
        }
    }
}

/// The moments since tasks last ran, by number. Mostly there is one. Before the first it is the world's.
#[derive(Debug)]
pub(super) struct Moments {
    count: Cell<u32>,
    first: Cell<Moment>,
    /// Those after the first.
    more: RefCell<Vec<Moment>>,
    /// All of them in full, where names are written down.
    told: Option<RefCell<Vec<Told>>>,
    present: Cell<u32>,
}

impl Moments {
    pub fn new(record: bool) -> Moments {
        Moments {
            count: Cell::new(0),
            first: Cell::new(Moment::World),
            more: RefCell::default(),
            told: record.then(RefCell::default),
            present: Cell::new(0),
        }
    }

    /// Begins a moment. Its number.
    #[inline(always)]
    pub fn begin(&self, moment: Moment, tell: impl FnOnce() -> Told) -> u32 {
        let number = self.count.get();
        self.count.set(number + 1);
        self.present.set(number);
        if number == 0 {
            self.first.set(moment);
        } else {
            self.more.borrow_mut().push(moment);
        }
        if let Some(told) = &self.told {
            let full = tell();
            assert_eq!(full.moment().key(), moment.key(), "a moment has one name");
            told.borrow_mut().push(full);
        }
        number
    }

    /// The number of the present moment.
    pub fn present(&self) -> u32 {
        self.present.get()
    }

    /// Goes back to a moment that was interrupted.
    pub fn resume(&self, number: u32) {
        assert!(number == 0 || number < self.count.get(), "a moment that was forgotten is over");
        self.present.set(number);
    }

    /// Forgets all of them, once nobody who was woken by them is waiting any more.
    #[inline]
    pub fn clear(&self) {
        if self.count.replace(0) > 1 {
            self.more.borrow_mut().clear();
        }
        if let Some(told) = &self.told {
            told.borrow_mut().clear();
        }
    }

    /// The key of a moment's name.
    pub fn key(&self, number: u32) -> u64 {
        assert!(number == 0 || number < self.count.get(), "a moment that was forgotten is over");
        match number {
            _ if self.count.get() == 0 => Moment::World.key(),
            0 => self.first.get().key(),
            later => self.more.borrow()[later as usize - 1].key(),
        }
    }

    /// Its name, where names are written down.
    pub fn name(&self, number: u32) -> Name {
        let told = self.told.as_ref().expect("names are written down");
        told.borrow().get(number as usize).map_or(Name::World, Told::name)
    }
}
