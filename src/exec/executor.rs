//! Tasks and the queue of those that are ready.
//!
//! Built on `async-task`: a task is an allocation with its future, its waker and a little [`Metadata`] of ours inside.
//! Waking pushes the task on the ready queue. Neither a lock nor `unsafe` is needed: the queue travels as *metadata* of
//! each task and is touched only after the schedule function, which itself holds nothing but the number of the home
//! thread, has asserted that it runs there.
//!
//! Which of several ready tasks goes first is not decided here: [`Executor::next`] asks, once per wake and only when
//! there is a choice, and takes the least priority, then the earliest.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use slab::Slab;

use super::guarded::Guarded;
use super::panics::catch;
use crate::base::{EventId, Incarnation, Label};

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

/// A handle to a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    slot: usize,
    generation: u32,
}

impl Task {
    /// The handle as one integer.
    pub fn to_bits(self) -> u64 {
        (self.slot as u64) << 32 | u64::from(self.generation)
    }

    /// The inverse of [`Task::to_bits`].
    pub fn from_bits(bits: u64) -> Task {
        Task { slot: (bits >> 32) as usize, generation: bits as u32 }
    }
}

/// A wake whose priority is to be decided: this task, made ready by this moment.
#[derive(Clone, Copy, Debug)]
pub struct Wake {
    /// The task.
    pub task: TaskFacts,
    /// The key of the moment at which it was made ready.
    pub moment: u64,
    /// 1 for the first time in that moment.
    pub repeat: u32,
}

/// A task taken from the ready queue.
#[derive(Debug)]
pub struct Polled {
    runnable: async_task::Runnable<Metadata>,
    /// The task.
    pub task: TaskFacts,
    /// The event that made it ready.
    pub cause: EventId,
}

/// Holds tasks. See the module's text.
#[derive(Debug)]
pub struct Executor {
    ready: Rc<Ready>,
    tasks: RefCell<Slab<Slot>>,
    generations: Cell<u32>,
    current: Cell<Option<Task>>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    facts: TaskFacts,
    /// Absent only for the moment between reserving the slot and filling it.
    handle: Option<async_task::Task<(), Metadata>>,
    timers: u32,
    /// The last moment that made it ready, and how often that did.
    last_wake: (u64, u32),
}

/// What travels in every task.
#[derive(Debug)]
pub struct Metadata {
    ready: Rc<Ready>,
    task: Task,
}

#[derive(Debug, Default)]
struct Ready {
    fresh: RefCell<VecDeque<Waiting>>,
    decided: RefCell<BinaryHeap<Reverse<Decided>>>,
    sequence: Cell<u64>,
    moment: Cell<u64>,
    cause: Cell<EventId>,
}

#[derive(Debug)]
struct Waiting {
    runnable: async_task::Runnable<Metadata>,
    sequence: u64,
    moment: u64,
    cause: EventId,
}

#[derive(Debug)]
struct Decided {
    priority: u32,
    waiting: Waiting,
}

impl Decided {
    fn rank(&self) -> (u32, u64) {
        (self.priority, self.waiting.sequence)
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

/// A task, unless it is gone; its slot may be another's by now.
fn find(tasks: &Slab<Slot>, task: Task) -> Option<&Slot> {
    tasks.get(task.slot).filter(|slot| slot.generation == task.generation)
}

/// A task, unless it is gone.
fn find_mut(tasks: &mut Slab<Slot>, task: Task) -> Option<&mut Slot> {
    tasks.get_mut(task.slot).filter(|slot| slot.generation == task.generation)
}

/// A number for the current thread; cheaper to read than its id.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

impl Ready {
    fn push(&self, runnable: async_task::Runnable<Metadata>) {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        let waiting = Waiting { runnable, sequence, moment: self.moment.get(), cause: self.cause.get() };
        self.fresh.borrow_mut().push_back(waiting);
    }
}

impl Executor {
    /// An executor without tasks.
    pub fn new() -> Executor {
        Executor {
            ready: Rc::default(),
            tasks: RefCell::new(Slab::new()),
            generations: Cell::new(0),
            current: Cell::new(None),
        }
    }

    /// From now on, tasks are made ready by the moment with this key.
    pub fn begin_moment(&self, key: u64) {
        self.ready.moment.set(key);
    }

    /// From now on, what happens happens because of this event.
    pub fn set_cause(&self, cause: EventId) {
        self.ready.cause.set(cause);
    }

    /// Because of which event things happen at present.
    pub fn cause(&self) -> EventId {
        self.ready.cause.get()
    }

    /// Starts a task, which is ready at once.
    pub fn spawn(&self, facts: TaskFacts, future: Pin<Box<dyn Future<Output = ()>>>) -> Task {
        let generation = self.generations.get().wrapping_add(1);
        self.generations.set(generation);
        let slot =
            self.tasks.borrow_mut().insert(Slot { generation, facts, handle: None, timers: 0, last_wake: (0, 0) });
        let task = Task { slot, generation };
        let home = thread_number();
        let schedule = move |runnable: async_task::Runnable<Metadata>| {
            assert_eq!(thread_number(), home, "a task was woken from another thread");
            let ready = Rc::clone(&runnable.metadata().ready);
            ready.push(runnable);
        };
        let metadata = Metadata { ready: Rc::clone(&self.ready), task };
        let future = Guarded::new(future);
        let (runnable, handle) = async_task::Builder::new().metadata(metadata).spawn_local(|_| future, schedule);
        self.tasks.borrow_mut()[slot].handle = Some(handle);
        runnable.schedule();
        task
    }

    /// Whether a task is ready.
    pub fn has_ready(&self) -> bool {
        !self.ready.fresh.borrow().is_empty() || !self.ready.decided.borrow().is_empty()
    }

    /// Takes the ready task that goes first. `priority` is asked only where there is a choice.
    pub fn next(&self, mut priority: impl FnMut(&Wake) -> u32) -> Option<Polled> {
        loop {
            let waiting = self.first(&mut priority)?;
            let task = waiting.runnable.metadata().task;
            let facts = {
                let tasks = self.tasks.borrow();
                find(&tasks, task).map(|slot| slot.facts)
            };
            match facts {
                Some(task) => return Some(Polled { task, cause: waiting.cause, runnable: waiting.runnable }),
                // It was cancelled while it waited. Dropping the runnable drops what is left of its future.
                None => drop(waiting),
            }
        }
    }

    /// Takes the first of the ready queue, whether or not its task is still there.
    fn first(&self, priority: &mut impl FnMut(&Wake) -> u32) -> Option<Waiting> {
        let mut fresh = self.ready.fresh.borrow_mut();
        let mut decided = self.ready.decided.borrow_mut();
        if decided.is_empty() && fresh.len() <= 1 {
            return fresh.pop_front();
        }
        while let Some(waiting) = fresh.pop_front() {
            let priority = self.wake(&waiting).map_or(0, |wake| priority(&wake));
            decided.push(Reverse(Decided { priority, waiting }));
        }
        decided.pop().map(|Reverse(first)| first.waiting)
    }

    /// The wake, counted; `None` if the task is gone.
    fn wake(&self, waiting: &Waiting) -> Option<Wake> {
        let task = waiting.runnable.metadata().task;
        let mut tasks = self.tasks.borrow_mut();
        let slot = find_mut(&mut tasks, task)?;
        let repeat = if slot.last_wake.0 == waiting.moment { slot.last_wake.1 + 1 } else { 1 };
        slot.last_wake = (waiting.moment, repeat);
        Some(Wake { task: slot.facts, moment: waiting.moment, repeat })
    }

    /// Polls a task once.
    ///
    /// # Errors
    /// What the task said, if it panicked. It is gone then.
    pub fn run(&self, polled: Polled) -> Result<(), String> {
        let task = polled.runnable.metadata().task;
        self.current.set(Some(task));
        self.set_cause(polled.cause);
        let runnable = polled.runnable;
        let result = catch(|| runnable.run());
        self.current.set(None);
        let mut tasks = self.tasks.borrow_mut();
        let finished = |slot: &Slot| slot.handle.as_ref().is_none_or(|handle| handle.is_finished());
        if find(&tasks, task).is_some_and(finished) {
            let slot = tasks.remove(task.slot);
            drop(tasks);
            drop(slot);
        }
        result.map(|_| ())
    }

    /// Puts a task that was taken back into the queue, as if made ready by the present moment.
    pub fn put_back(&self, polled: Polled) {
        self.ready.push(polled.runnable);
    }

    /// Ends a task. Its future is dropped by the next [`Executor::sweep`]. No effect on a task that has ended.
    pub fn cancel(&self, task: Task) {
        assert!(self.current.get() != Some(task), "a task cannot abort itself");
        let mut tasks = self.tasks.borrow_mut();
        if find(&tasks, task).is_some() {
            let slot = tasks.remove(task.slot);
            // Released first: dropping the handle schedules the task, whose dropping may run foreign code.
            drop(tasks);
            drop(slot);
        }
    }

    /// Ends every task of one life of an owner, and drops their futures. Not to be called while a task is being polled.
    pub fn cancel_life(&self, owner: usize, life: Incarnation) {
        self.cancel_where(|facts| facts.owner == owner && facts.life == life);
    }

    /// Ends every task, and drops their futures. Not to be called while a task is being polled.
    pub fn cancel_all(&self) {
        self.cancel_where(|_| true);
    }

    fn cancel_where(&self, which: impl Fn(&TaskFacts) -> bool) {
        assert!(self.current.get().is_none(), "tasks are not swept away from within a poll");
        let mut doomed: Vec<Slot> = Vec::new();
        {
            let mut tasks = self.tasks.borrow_mut();
            let slots: Vec<usize> =
                tasks.iter().filter(|(_, slot)| which(&slot.facts)).map(|(index, _)| index).collect();
            doomed.extend(slots.into_iter().map(|index| tasks.remove(index)));
        }
        drop(doomed);
        self.sweep();
    }

    /// Drops the futures of tasks that have been cancelled, including those whose dropping cancels others.
    pub fn sweep(&self) {
        assert!(self.current.get().is_none(), "tasks are not swept away from within a poll");
        loop {
            let gone = |runnable: &async_task::Runnable<Metadata>| {
                let task = runnable.metadata().task;
                find(&self.tasks.borrow(), task).is_none()
            };
            let mut dead = Vec::new();
            let mut living = VecDeque::new();
            for waiting in self.ready.fresh.take() {
                if gone(&waiting.runnable) { dead.push(waiting) } else { living.push_back(waiting) }
            }
            self.ready.fresh.replace(living);
            let mut decided = BinaryHeap::new();
            for Reverse(entry) in self.ready.decided.take().into_vec() {
                if gone(&entry.waiting.runnable) { dead.push(entry.waiting) } else { decided.push(Reverse(entry)) }
            }
            self.ready.decided.replace(decided);
            if dead.is_empty() {
                return;
            }
            drop(dead);
        }
    }

    /// The task being polled and its number for the timer it starts now.
    pub fn count_timer(&self) -> Option<(TaskFacts, u32)> {
        let task = self.current.get()?;
        let mut tasks = self.tasks.borrow_mut();
        let slot = find_mut(&mut tasks, task)?;
        slot.timers += 1;
        Some((slot.facts, slot.timers))
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Executor {
    fn default() -> Self {
        Executor::new()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::task::Poll;

    use super::*;
    use crate::base::Kind;

    static LABEL: Kind = Kind::new("task", &[]);

    fn facts(owner: usize) -> TaskFacts {
        TaskFacts { owner, life: Incarnation(1), label: LABEL.label([]), nth: 1, key: owner as u64 }
    }

    fn run_all(executor: &Executor, priority: impl Fn(&Wake) -> u32) {
        while let Some(polled) = executor.next(&priority) {
            executor.run(polled).expect("no task panics");
        }
    }

    fn note(log: &Rc<RefCell<Vec<usize>>>, number: usize) -> Pin<Box<dyn Future<Output = ()>>> {
        let log = Rc::clone(log);
        Box::pin(async move { log.borrow_mut().push(number) })
    }

    #[test]
    fn first_in_first_out_unless_decided_otherwise() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let executor = Executor::new();
        for number in 0..4 {
            executor.spawn(facts(number), note(&log, number));
        }
        run_all(&executor, |_| 0);
        for number in 0..4 {
            executor.spawn(facts(number), note(&log, number));
        }
        run_all(&executor, |wake| 9 - wake.task.owner as u32);
        assert_eq!(*log.borrow(), [0, 1, 2, 3, 3, 2, 1, 0]);
        assert!(executor.is_empty());
    }

    #[test]
    fn nobody_is_asked_where_there_is_no_choice() {
        let executor = Executor::new();
        executor.spawn(facts(0), Box::pin(async {}));
        run_all(&executor, |_| panic!("there was no choice"));
    }

    #[test]
    fn cancelling_drops_futures_even_those_that_cancel_others() {
        struct Notes(Rc<Cell<u32>>);
        impl Drop for Notes {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let dropped = Rc::new(Cell::new(0));
        let executor = Executor::new();
        for owner in [1, 1, 2] {
            let notes = Notes(Rc::clone(&dropped));
            executor.spawn(
                facts(owner),
                Box::pin(async move {
                    let _notes = notes;
                    pending::<()>().await;
                }),
            );
        }
        run_all(&executor, |_| 0);
        executor.cancel_life(1, Incarnation(1));
        assert_eq!((dropped.get(), executor.len()), (2, 1));
        executor.cancel_all();
        assert_eq!((dropped.get(), executor.len()), (3, 0));
        assert!(!executor.has_ready());
    }

    #[test]
    fn a_panicking_task_is_gone_and_its_words_are_kept() {
        let executor = Executor::new();
        executor.spawn(facts(0), Box::pin(async { panic!("no quorum") }));
        let polled = executor.next(|_| 0).expect("the task is ready");
        assert!(executor.run(polled).unwrap_err().starts_with("no quorum"));
        assert!(executor.is_empty());
    }

    #[test]
    fn wakes_of_one_moment_are_counted() {
        let executor = Executor::new();
        for owner in 0..2 {
            let mut left = 3;
            executor.spawn(
                facts(owner),
                Box::pin(poll_fn(move |context| {
                    left -= 1;
                    context.waker().wake_by_ref();
                    if left == 0 { Poll::Ready(()) } else { Poll::Pending }
                })),
            );
        }
        executor.begin_moment(7);
        let seen = RefCell::new(Vec::new());
        run_all(&executor, |wake| {
            seen.borrow_mut().push((wake.task.owner, wake.moment, wake.repeat));
            0
        });
        // The first wake of each came before the moment began.
        assert_eq!(seen.borrow()[..4], [(0, 0, 1), (1, 0, 1), (0, 7, 1), (1, 7, 1)]);
    }
}
