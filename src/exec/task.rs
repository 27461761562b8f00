//! What a task is to the outside: a handle, and what is known of it.

use std::rc::Rc;
use std::task::Waker;

use super::ready::TaskCell;
use crate::base::{Incarnation, Label};

/// What the world knows of a task.
#[derive(Clone, Copy, Debug)]
pub struct TaskFacts {
    /// The machine it belongs to, as a place in the world's table.
    pub owner: usize,
    /// In which life.
    pub life: Incarnation,
    /// What it is called.
    pub label: Label,
    /// The nth of that label in that life.
    pub nth: u32,
    /// The key of its name.
    pub key: u64,
}

/// A handle to a task. No handle is given twice, so an old one reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl Task {
    /// The handle as one integer.
    pub fn to_bits(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.generation)
    }

    /// The inverse of [`Task::to_bits`].
    pub fn from_bits(bits: u64) -> Task {
        Task { slot: (bits >> 32) as u32, generation: bits as u32 }
    }
}

/// A task itself, to be woken or to be asked for its facts; it may have ended since.
#[derive(Clone, Debug)]
pub struct TaskRef(pub(super) Rc<TaskCell>);

impl TaskRef {
    /// What is known of it.
    #[inline]
    pub fn facts(&self) -> &TaskFacts {
        &self.0.facts
    }

    /// Something of each part of it, so that it is fetched from memory.
    #[inline]
    pub fn glance(&self) -> u64 {
        self.0.glance()
    }

    /// Whether it is the one that is being polled.
    #[inline]
    pub fn is_polled(&self) -> bool {
        self.0.polled.get()
    }
}

/// Somebody who waits for something and is to be woken by it.
///
/// A future that is polled by its task itself waits as that task, which costs nothing but a counted reference. One that is polled by
/// a combinator with a waker of its own waits by that waker.
#[derive(Debug)]
pub enum Waiter {
    /// A task.
    Task(TaskRef),
    /// Whoever made this waker.
    Waker(Waker),
}

/// A wake whose priority is to be decided.
#[derive(Debug)]
pub struct Wake<'a> {
    /// The task that was made ready.
    pub task: &'a TaskFacts,
    /// The moment that did it, as counted by whoever asked for [`Executor::begin_moment`](super::Executor::begin_moment).
    pub moment: u32,
    /// The key of that moment's name, as the arbiter gave it.
    pub moment_key: u64,
    /// 1 for the first time in that moment.
    pub repeat: u32,
}

/// Decides which of several ready tasks goes first.
pub trait Arbiter {
    /// The key of a moment's name.
    fn moment_key(&mut self, moment: u32) -> u64;
    /// The priority of a wake: the least goes first; those that are equal go as they came.
    fn priority(&mut self, wake: &Wake<'_>) -> u32;
}

/// First in, first out.
#[derive(Clone, Copy, Debug)]
pub struct InOrder;

impl Arbiter for InOrder {
    fn moment_key(&mut self, _moment: u32) -> u64 {
        0
    }
    fn priority(&mut self, _wake: &Wake<'_>) -> u32 {
        0
    }
}
