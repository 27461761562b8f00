//! Tasks as cells, and the queue of those that are ready.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::task::{Arbiter, Task, TaskFacts, Wake};
use crate::base::EventId;

/// One task.
pub(super) struct TaskCell {
    pub facts: TaskFacts,
    /// Where it stands in the table, and which of those that stood there.
    pub handle: Task,
    /// It is in the queue, or was taken from it and is about to be polled, or has woken itself in its poll.
    pub queued: Cell<bool>,
    pub polled: Cell<bool>,
    /// How many timers it has started.
    pub timers: Cell<u32>,
    /// What is polled; nothing once it has ended.
    pub body: RefCell<Option<Body>>,
    /// The key of the last moment that made it ready, and how often that did; counted only where there was a choice.
    last_wake: Cell<(u64, u32)>,
}

/// What is polled, and its waker.
pub(super) struct Body {
    pub work: Work,
    pub waker: Waker,
}

/// A boxed future that stays on its thread.
pub type Local = Pin<Box<dyn Future<Output = ()>>>;

/// What a task does.
pub(super) enum Work {
    /// Its future is made in its first poll, where a panic of whoever makes it is caught.
    Begin(Option<Box<dyn FnOnce() -> Local>>),
    Go(Local),
}

impl Work {
    #[inline]
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match self {
                Work::Go(future) => return future.as_mut().poll(context),
                Work::Begin(begin) => {
                    let begin = begin.take().expect("what panicked while it began is not polled again");
                    *self = Work::Go(begin());
                }
            }
        }
    }
}

/// Tasks and their queue, shared by the executor and the bells.
#[derive(Default)]
pub(super) struct Tasks {
    pub table: RefCell<Slab<Rc<TaskCell>>>,
    /// How many are ready.
    ready: Cell<usize>,
    /// The one that was made ready while nobody else was, by which moment and event; it is before those of `fresh`. In cells
    /// of their own, because what is written in words and read soon after in one piece is slow on every machine.
    lone: Cell<Option<Rc<TaskCell>>>,
    lone_moment: Cell<u32>,
    lone_cause: Cell<EventId>,
    /// Ready, in the order in which they were made so; no priority was asked for yet.
    fresh: RefCell<VecDeque<Waiting>>,
    /// Ready, with a priority.
    decided: RefCell<BinaryHeap<Reverse<Decided>>>,
    decisions: Cell<u64>,
    pub moment: Cell<u32>,
    pub cause: Cell<EventId>,
}

/// A ready task.
#[derive(Debug)]
pub(super) struct Waiting {
    pub task: Rc<TaskCell>,
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

impl TaskCell {
    pub fn new(facts: TaskFacts, handle: Task) -> TaskCell {
        TaskCell {
            facts,
            handle,
            queued: Cell::new(false),
            polled: Cell::new(false),
            timers: Cell::new(0),
            body: RefCell::new(None),
            last_wake: Cell::new((0, 0)),
        }
    }

    /// Something of each line of the cache that it lies in.
    #[inline]
    pub fn glance(&self) -> u64 {
        let last = self.last_wake.get();
        self.facts.key ^ u64::from(self.timers.get()) ^ last.0 ^ u64::from(self.is_over())
    }

    /// Whether it has ended. One that is being polled has not.
    pub fn is_over(&self) -> bool {
        !self.polled.get() && self.body.borrow().is_none()
    }
}

impl Tasks {
    /// Makes a task ready, if it has not ended and is not ready yet. One that wakes itself is put into the queue when its
    /// poll has ended, behind those that it woke.
    #[inline(always)]
    pub fn wake(&self, task: Rc<TaskCell>) {
        if task.queued.get() || task.is_over() {
            return;
        }
        task.queued.set(true);
        if !task.polled.get() {
            self.push(task);
        }
    }

    /// Puts a task at the end of the queue, made ready by what happens at present.
    #[inline(always)]
    pub fn push(&self, task: Rc<TaskCell>) {
        let ready = self.ready.get();
        self.ready.set(ready + 1);
        if ready > 0 {
            return self.push_behind(task);
        }
        self.lone.set(Some(task));
        self.lone_moment.set(self.moment.get());
        self.lone_cause.set(self.cause.get());
    }

    /// Takes the lone one.
    #[inline(always)]
    fn take_lone(&self) -> Option<Waiting> {
        let task = self.lone.take()?;
        Some(Waiting { task, moment: self.lone_moment.get(), cause: self.lone_cause.get() })
    }

    #[inline(never)]
    fn push_behind(&self, task: Rc<TaskCell>) {
        let waiting = Waiting { task, moment: self.moment.get(), cause: self.cause.get() };
        self.fresh.borrow_mut().push_back(waiting);
    }

    /// The task that a handle means, unless it has ended.
    pub fn find(&self, handle: Task) -> Option<Rc<TaskCell>> {
        let table = self.table.borrow();
        table.get(handle.slot as usize).filter(|task| task.handle == handle).map(Rc::clone)
    }

    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        self.ready.get() == 0
    }

    /// Takes the first of the queue, whether or not it has ended. Nobody is asked where there is no choice.
    #[inline(always)]
    pub fn first(&self, arbiter: &mut impl Arbiter) -> Option<Waiting> {
        match self.ready.get() {
            0 => None,
            1 => {
                self.ready.set(0);
                self.take_lone().or_else(|| self.last())
            }
            more => {
                self.ready.set(more - 1);
                self.decide(arbiter)
            }
        }
    }

    /// Takes the only one of the queue.
    #[inline(never)]
    fn last(&self) -> Option<Waiting> {
        let decided = self.decided.borrow_mut().pop().map(|Reverse(last)| last.waiting);
        decided.or_else(|| self.fresh.borrow_mut().pop_front())
    }

    #[inline(never)]
    fn decide(&self, arbiter: &mut impl Arbiter) -> Option<Waiting> {
        let (mut fresh, mut decided) = (self.fresh.borrow_mut(), self.decided.borrow_mut());
        for waiting in self.take_lone().into_iter().chain(fresh.drain(..)) {
            let priority = if waiting.task.is_over() { 0 } else { priority(&waiting, arbiter) };
            let sequence = self.decisions.get();
            self.decisions.set(sequence + 1);
            decided.push(Reverse(Decided { priority, sequence, waiting }));
        }
        decided.pop().map(|Reverse(first)| first.waiting)
    }

    /// Takes tasks that have ended out of the queue.
    pub fn forget(&self) {
        let (mut fresh, mut decided) = (self.fresh.borrow_mut(), self.decided.borrow_mut());
        fresh.retain(|waiting| !waiting.task.is_over());
        decided.retain(|Reverse(entry)| !entry.waiting.task.is_over());
        let lone = self.lone.take().filter(|task| !task.is_over());
        self.ready.set(fresh.len() + decided.len() + usize::from(lone.is_some()));
        self.lone.set(lone);
    }
}

fn priority(waiting: &Waiting, arbiter: &mut impl Arbiter) -> u32 {
    let moment_key = arbiter.moment_key(waiting.moment);
    let last = waiting.task.last_wake.get();
    let repeat = if last.0 == moment_key { last.1 + 1 } else { 1 };
    waiting.task.last_wake.set((moment_key, repeat));
    arbiter.priority(&Wake { task: &waiting.task.facts, moment: waiting.moment, moment_key, repeat })
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tasks({}, {} ready)", self.table.borrow().len(), self.ready.get())
    }
}

impl std::fmt::Debug for TaskCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({} {:?})", self.facts.label, self.handle)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?})", self.waker)
    }
}
