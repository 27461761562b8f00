//! What is happening, as far as the names of wakes need it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::label::Labelled;
use crate::base::name::key;
use crate::base::{Incarnation, Label, Name, NodeId};
use crate::exec::TaskFacts;

/// What is happening. A few words, made into a key only where a wake is to be decided, and into a [`Name`] only for a
/// reader.
#[derive(Clone, Debug)]
pub(super) enum Moment {
    World,
    Delivery { from: NodeId, to: NodeId, label: Label, repeat: u32, copy: u8 },
    Disk { node: NodeId, label: Label, repeat: u32 },
    Timer { node: NodeId, task: Rc<TaskFacts>, nth: u32 },
    Boot { node: NodeId, life: Incarnation },
    Resume { node: NodeId, nth: u32 },
}

pub(super) fn task_name(node: NodeId, task: &TaskFacts) -> Name {
    Name::Task { node, life: task.life, label: task.label, nth: task.nth }
}

impl Moment {
    pub fn name(&self) -> Name {
        match *self {
            Moment::World => Name::World,
            Moment::Delivery { from, to, label, repeat, copy } => {
                Name::Delivery { packet: Box::new(Name::Packet { from, to, label, repeat }), copy }
            }
            Moment::Disk { node, label, repeat } => Name::Disk { node, label, repeat },
            Moment::Timer { node, ref task, nth } => Name::Timer { task: Box::new(task_name(node, task)), nth },
            Moment::Boot { node, life } => Name::Boot { node, life },
            Moment::Resume { node, nth } => Name::Resume { node, nth },
        }
    }

    pub fn key(&self) -> u64 {
        match *self {
            Moment::World => 0,
            Moment::Delivery { from, to, label, repeat, copy } => {
                key::delivery(key::packet(from, to, label.hash(), repeat), copy)
            }
            Moment::Disk { node, label, repeat } => key::disk(node, label.hash(), repeat),
            Moment::Timer { ref task, nth, .. } => key::timer(task.key, nth),
            Moment::Boot { node, life } => key::boot(node, life),
            Moment::Resume { node, nth } => key::resume(node, nth),
        }
    }
}

/// The moments since tasks last ran, by number. Before the first it is the world's.
#[derive(Debug, Default)]
pub(super) struct Moments {
    since: RefCell<Vec<Moment>>,
    present: Cell<u32>,
}

impl Moments {
    /// Begins a moment. Its number.
    #[inline]
    pub fn begin(&self, moment: Moment) -> u32 {
        let mut since = self.since.borrow_mut();
        let number = since.len() as u32;
        since.push(moment);
        self.present.set(number);
        number
    }

    /// The number of the present moment.
    pub fn present(&self) -> u32 {
        self.present.get()
    }

    /// Goes back to a moment that was interrupted.
    pub fn resume(&self, number: u32) {
        assert!(number == 0 || (number as usize) < self.since.borrow().len(), "a moment that was forgotten is over");
        self.present.set(number);
    }

    /// Forgets all of them, once nobody who was woken by them is waiting any more.
    #[inline]
    pub fn clear(&self) {
        self.since.borrow_mut().clear();
    }

    /// The key of a moment's name.
    pub fn key(&self, number: u32) -> u64 {
        self.since.borrow().get(number as usize).map_or(0, Moment::key)
    }

    /// Its name.
    pub fn name(&self, number: u32) -> Name {
        self.since.borrow().get(number as usize).map_or(Name::World, Moment::name)
    }
}
