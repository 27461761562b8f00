//! The tables of tasks, and the queue of those that are ready.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;

use slab::Slab;

use super::task::{Arbiter, Task, TaskFacts, Wake};
use crate::base::EventId;

/// Tasks and their queue, shared by the executor and the bells.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    pub tables: RefCell<Tables>,
    /// The task that is being polled.
    pub current: Cell<Option<Task>>,
    pub moment: Cell<u32>,
    pub cause: Cell<EventId>,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub slots: Slab<Slot>,
    /// Ready, in the order in which they were made so; no priority was asked for yet.
    pub fresh: VecDeque<Waiting>,
    /// Ready, with a priority.
    pub decided: BinaryHeap<Reverse<Decided>>,
    decisions: u64,
}

pub(super) struct Slot {
    pub generation: u32,
    /// How many timers it has started.
    pub timers: u32,
    /// It is in the queue, or was taken from it and is about to be polled.
    pub queued: bool,
    /// Absent while it is being polled, or about to be.
    pub body: Option<Box<Body>>,
    pub facts: Rc<TaskFacts>,
    /// The key of the last moment that made it ready, and how often that did; counted only where there was a choice.
    pub last_wake: (u64, u32),
}

/// What is polled.
pub(super) struct Body {
    pub future: Pin<Box<dyn Future<Output = ()>>>,
    pub waker: Waker,
    pub facts: Rc<TaskFacts>,
}

/// A ready task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub task: Task,
    pub moment: u32,
    pub cause: EventId,
}

#[derive(Debug)]
pub(super) struct Decided {
    priority: u32,
    sequence: u64,
    pub waiting: Waiting,
}

impl Decided {
    fn rank(&self) -> (u32, u64) {
        (self.priority, self.sequence)
    }
}
impl PartialEq for Decided {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}
impl Eq for Decided {}
impl PartialOrd for Decided {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Decided {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Tasks {
    /// Makes a task ready, if it is there and not ready yet. One that wakes itself is put into the queue when its poll
    /// has ended, behind those that it woke.
    #[inline]
    pub fn wake(&self, task: Task) {
        let mut tables = self.tables.borrow_mut();
        let Some(slot) = tables.find(task) else { return };
        if slot.queued {
            return;
        }
        slot.queued = true;
        if slot.body.is_some() {
            tables.fresh.push_back(self.waiting(task));
        }
    }

    /// A task, made ready by what happens at present.
    #[inline]
    pub fn waiting(&self, task: Task) -> Waiting {
        Waiting { task, moment: self.moment.get(), cause: self.cause.get() }
    }
}

impl Tables {
    /// A task, unless it is gone; its slot may be another's by now.
    #[inline]
    pub fn find(&mut self, task: Task) -> Option<&mut Slot> {
        self.slots.get_mut(task.slot as usize).filter(|slot| slot.generation == task.generation)
    }

    /// Takes a task out, unless it is gone.
    pub fn remove(&mut self, task: Task) -> Option<Slot> {
        self.find(task).is_some().then(|| self.slots.remove(task.slot as usize))
    }

    /// Takes the first of the queue, whether or not its task is still there. Nobody is asked where there is no choice.
    #[inline]
    pub fn first(&mut self, arbiter: &mut impl Arbiter) -> Option<Waiting> {
        if self.fresh.len() <= 1 && self.decided.is_empty() {
            return self.fresh.pop_front();
        }
        self.decide(arbiter)
    }

    #[inline(never)]
    fn decide(&mut self, arbiter: &mut impl Arbiter) -> Option<Waiting> {
        while let Some(waiting) = self.fresh.pop_front() {
            let priority = self.priority(&waiting, arbiter);
            let sequence = self.decisions;
            self.decisions += 1;
            self.decided.push(Reverse(Decided { priority, sequence, waiting }));
        }
        self.decided.pop().map(|Reverse(first)| first.waiting)
    }

    fn priority(&mut self, waiting: &Waiting, arbiter: &mut impl Arbiter) -> u32 {
        let Some(slot) = self.find(waiting.task) else { return 0 };
        let key = arbiter.moment_key(waiting.moment);
        let repeat = if slot.last_wake.0 == key { slot.last_wake.1 + 1 } else { 1 };
        slot.last_wake = (key, repeat);
        arbiter.priority(&Wake { task: &slot.facts, moment: waiting.moment, repeat })
    }

    /// Takes tasks that are gone out of the queue.
    pub fn forget(&mut self) {
        let (slots, lives) = (&self.slots, |slots: &Slab<Slot>, task: Task| {
            slots.get(task.slot as usize).is_some_and(|slot| slot.generation == task.generation)
        });
        self.fresh.retain(|waiting| lives(slots, waiting.task));
        self.decided.retain(|Reverse(entry)| lives(slots, entry.waiting.task));
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot({} {})", self.facts.label, self.generation)
    }
}
