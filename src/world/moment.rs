//! What is happening, as far as the names of wakes need it.

use std::cell::{Cell, RefCell};

use crate::base::label::Labelled;
use crate::base::name::key;
use crate::base::{Incarnation, Label, Name, NodeId};
use crate::exec::{TaskFacts, TaskRef};

/// What is happening, in two words: what its key is made of. The key itself is made only where a wake is to be decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    kind: Happens,
    /// The key of the packet, disk operation or task; the number of the node.
    of: u64,
    /// Which copy, timer, life or resumption.
    nth: u32,
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    World,
    Delivery,
    Disk,
    Timer,
    Boot,
    Resume,
    Reset,
}

impl Moment {
    pub const WORLD: Moment = Moment { kind: Happens::World, of: 0, nth: 0 };

    /// A packet arrives: its key, and which copy of it.
    #[inline(always)]
    pub fn delivery(packet: u64, copy: u8) -> Moment {
        Moment { kind: Happens::Delivery, of: packet, nth: u32::from(copy) }
    }

    /// A disk operation is done, by its key.
    pub fn disk(operation: u64) -> Moment {
        Moment { kind: Happens::Disk, of: operation, nth: 0 }
    }

    /// A timer of a task, by the task's key and the number of the timer.
    #[inline(always)]
    pub fn timer(task: u64, nth: u32) -> Moment {
        Moment { kind: Happens::Timer, of: task, nth }
    }

    /// A life begins.
    pub fn boot(node: NodeId, life: Incarnation) -> Moment {
        assert!(life.0 > 0, "the life of formatting is none");
        Moment { kind: Happens::Boot, of: u64::from(node.to_bits()), nth: life.0 }
    }

    /// A pause ends, the nth of the node.
    pub fn resume(node: NodeId, nth: u32) -> Moment {
        assert!(nth > 0, "resumptions are counted from 1");
        Moment { kind: Happens::Resume, of: u64::from(node.to_bits()), nth }
    }

    /// A node learns that its connection to a peer is gone, for the nth time.
    pub fn reset(node: NodeId, peer: NodeId, nth: u32) -> Moment {
        assert_ne!(node, peer, "a node has no connection to itself");
        assert!(nth > 0, "connections are counted from 1");
        let of = u64::from(node.to_bits()) << 16 | u64::from(peer.to_bits());
        Moment { kind: Happens::Reset, of, nth }
    }

    fn key(self) -> u64 {
        let Moment { kind, of, nth } = self;
        let node = NodeId::from_bits(of as u16);
        match kind {
            Happens::World => 0,
            Happens::Delivery => key::delivery(of, nth as u8),
            Happens::Disk => of,
            Happens::Timer => key::timer(of, nth),
            Happens::Boot => key::boot(node, Incarnation(nth)),
            Happens::Resume => key::resume(node, nth),
            Happens::Reset => key::reset(NodeId::from_bits((of >> 16) as u16), node, nth),
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
            Told::World => Moment::WORLD,
            Told::Delivery { from, to, label, repeat, copy } => {
                Moment::delivery(key::packet(from, to, label.hash(), repeat), copy)
            }
            Told::Disk { node, label, repeat } => Moment::disk(key::disk(node, label.hash(), repeat)),
            Told::Timer { ref task, nth, .. } => Moment::timer(task.facts().key, nth),
            Told::Boot { node, life } => Moment::boot(node, life),
            Told::Resume { node, nth } => Moment::resume(node, nth),
            Told::Reset { node, peer, nth } => Moment::reset(node, peer, nth),
        }
    }
}

/// The moments since tasks last ran, by number. Mostly there is one. Before the first it is the world's.
#[derive(Debug)]
pub(super) struct Moments {
    count: Cell<u32>,
    /// The first, in cells of their own: what is written in words and read soon after in one piece is slow.
    kind: Cell<Happens>,
    of: Cell<u64>,
    nth: Cell<u32>,
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
            kind: Cell::new(Happens::World),
            of: Cell::new(0),
            nth: Cell::new(0),
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
            self.kind.set(moment.kind);
            self.of.set(moment.of);
            self.nth.set(moment.nth);
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
        let count = self.count.replace(0);
        if count > 1 {
            let mut more = self.more.borrow_mut();
            assert_eq!(more.len() + 1, count as usize, "moments are numbered as they are taken down");
            more.clear();
        }
        if let Some(told) = &self.told {
            let mut told = told.borrow_mut();
            assert_eq!(told.len(), count as usize, "every moment is told in full");
            told.clear();
        }
    }

    /// The key of a moment's name.
    pub fn key(&self, number: u32) -> u64 {
        assert!(number == 0 || number < self.count.get(), "a moment that was forgotten is over");
        match number {
            _ if self.count.get() == 0 => Moment::WORLD.key(),
            0 => Moment { kind: self.kind.get(), of: self.of.get(), nth: self.nth.get() }.key(),
            later => self.more.borrow()[later as usize - 1].key(),
        }
    }

    /// Its name, where names are written down.
    pub fn name(&self, number: u32) -> Name {
        let told = self.told.as_ref().expect("names are written down");
        assert!(number == 0 || number < self.count.get(), "a moment that was forgotten is over");
        told.borrow().get(number as usize).map_or(Name::World, Told::name)
    }
}
