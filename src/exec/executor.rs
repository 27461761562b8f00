//! Tasks, and polling them.
//!
//! A task is a cell: its future, what is known of it, whether it is ready. The world holds on to the cell of whom it will
//! wake; everybody else has a waker ([`bell`](super::bell)) that comes to the same. Everything is bound to one thread, and
//! there is neither a lock nor an atomic counter on the way from a wake to a poll.
//!
//! Which of several ready tasks goes first is not decided here: [`Executor::next`] asks, once per wake and only when
//! there is a choice, and takes the least priority, then the earliest.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::bell::bell;
use super::panics::{Caught, catch};
use super::ready::{Body, Local, TaskCell, Tasks, Waiting, Work};
use super::task::{Arbiter, Task, TaskFacts, TaskRef, Waiter};
use crate::base::{EventId, Incarnation};

/// Holds tasks. See the module's text.
#[derive(Default)]
pub struct Executor {
    tasks: Rc<Tasks>,
    generations: Cell<u32>,
    /// The task that is being polled: itself, as it is asked for more often than a look into the table would be cheap.
    current: Cell<Option<Rc<TaskCell>>>,
    /// Its waker, as the addresses of its data and its functions; null if none is being polled.
    own_waker: Cell<(usize, usize)>,
    /// What was cancelled within the present poll, to be dropped after it: destructors may need what the poll has borrowed.
    doomed: RefCell<Vec<Body>>,
    is_doom: Cell<bool>,
}

/// A task taken from the ready queue.
#[derive(Debug)]
pub struct Polled {
    task: Rc<TaskCell>,
    /// The event that made it ready.
    pub cause: EventId,
}

impl Polled {
    /// What is known of it.
    #[inline]
    pub fn task(&self) -> &TaskFacts {
        &self.task.facts
    }
}

/// What tells one waker from another.
#[inline]
fn addresses(context: &Context<'_>) -> (usize, usize) {
    let waker = context.waker();
    (waker.data() as usize, std::ptr::from_ref(waker.vtable()) as usize)
}

/// Drops what was a task's, outside any borrow: its destructor may call anything. It may panic, too; its life is over then
/// and nobody listens any more.
fn discard(body: Option<Body>) {
    if body.is_some() {
        let _ = catch(|| drop(body));
    }
}

impl Executor {
    /// An executor without tasks.
    pub fn new() -> Executor {
        Executor::default()
    }

    /// From now on, tasks are made ready by the moment with this number.
    #[inline]
    pub fn begin_moment(&self, moment: u32) {
        self.tasks.moment.set(moment);
    }

    /// From now on, what happens happens because of this event.
    #[inline]
    pub fn set_cause(&self, cause: EventId) {
        self.tasks.cause.set(cause);
    }

    /// Because of which event things happen at present.
    #[inline]
    pub fn cause(&self) -> EventId {
        self.tasks.cause.get()
    }

    /// Starts a task, which is ready at once.
    pub fn spawn(&self, facts: TaskFacts, future: Local) -> Task {
        self.start(facts, Work::Go(future))
    }

    /// Starts a task, which is ready at once. What it does is asked for in its first poll.
    pub fn spawn_later(&self, facts: TaskFacts, begin: impl FnOnce() -> Local + 'static) -> Task {
        self.start(facts, Work::Begin(Some(Box::new(begin))))
    }

    fn start(&self, facts: TaskFacts, work: Work) -> Task {
        let generation = self.generations.get().wrapping_add(1);
        self.generations.set(generation);
        let (task, handle) = {
            let mut table = self.tasks.table.borrow_mut();
            let entry = table.vacant_entry();
            let slot = u32::try_from(entry.key()).expect("there are fewer than 2^32 tasks");
            let handle = Task { slot, generation };
            (Rc::clone(entry.insert(Rc::new(TaskCell::new(facts, handle)))), handle)
        };
        let waker = bell(&self.tasks, &task);
        *task.body.borrow_mut() = Some(Body { work, waker });
        task.queued.set(true);
        self.tasks.push(task);
        handle
    }

    /// Who polls: a wait within this poll is one of the task itself, unless a combinator stands between.
    #[inline(always)]
    pub fn waiter(&self, context: &Context<'_>) -> Waiter {
        if addresses(context) == self.own_waker.get()
            && let Some(task) = self.current()
        {
            return Waiter::Task(TaskRef(task));
        }
        Waiter::Waker(context.waker().clone())
    }

    /// The task that is being polled.
    #[inline]
    fn current(&self) -> Option<Rc<TaskCell>> {
        let task = self.current.take();
        self.current.set(task.clone());
        task
    }

    /// Whether this one is whoever polls.
    #[inline]
    pub fn is_waiter(&self, waiter: &Waiter, context: &Context<'_>) -> bool {
        match waiter {
            Waiter::Task(TaskRef(task)) => task.polled.get() && addresses(context) == self.own_waker.get(),
            Waiter::Waker(waker) => waker.will_wake(context.waker()),
        }
    }

    /// Whether whoever polls is the task itself, and no combinator stands between.
    #[inline]
    pub fn is_own(&self, context: &Context<'_>) -> bool {
        addresses(context) == self.own_waker.get()
    }

    /// Wakes a task.
    #[inline]
    pub fn wake_task(&self, task: TaskRef) {
        self.tasks.wake(task.0);
    }

    /// Wakes whoever waits.
    #[inline(always)]
    pub fn wake(&self, waiter: Waiter) {
        match waiter {
            Waiter::Task(TaskRef(task)) => self.tasks.wake(task),
            Waiter::Waker(waker) => waker.wake(),
        }
    }

    /// Whether a task is ready.
    #[cfg(test)]
    pub fn has_ready(&self) -> bool {
        !self.tasks.is_idle()
    }

    /// Takes the ready task that goes first; it may have been cancelled since it was made ready. The arbiter is asked only
    /// where there is a choice.
    #[inline(always)]
    pub fn next(&self, arbiter: &mut impl Arbiter) -> Option<Polled> {
        let Waiting { task, cause, .. } = self.tasks.first(arbiter)?;
        Some(Polled { task, cause })
    }

    /// Polls a task once; not at all if it has been cancelled since it was made ready.
    ///
    /// # Errors
    /// What the task said, if it panicked. It is gone then.
    #[inline(always)]
    pub fn run(&self, polled: &Polled) -> Result<(), Caught> {
        let Polled { task, cause } = polled;
        let mut body = task.body.borrow_mut();
        let Some(Body { work, waker }) = &mut *body else { return Ok(()) };
        // Woken from here on, it is ready again.
        task.queued.set(false);
        task.polled.set(true);
        self.set_cause(*cause);
        let mut context = Context::from_waker(waker);
        self.own_waker.set(addresses(&context));
        self.current.set(Some(Rc::clone(task)));
        let result = catch(|| work.poll(&mut context));
        if !matches!(result, Ok(Poll::Pending)) {
            drop(body);
            self.end(task);
            return result.map(|_| ());
        }
        drop(body);
        self.put_down();
        task.polled.set(false);
        if task.queued.get() {
            self.tasks.push(Rc::clone(task));
        }
        Ok(())
    }

    /// Nobody is being polled any more.
    #[inline(always)]
    fn put_down(&self) {
        self.own_waker.set((0, 0));
        self.current.set(None);
        if self.is_doom.get() {
            self.discard_doomed();
        }
    }

    /// Ends a task whose last poll is over. Dropping its future is the poll's last act.
    #[inline(never)]
    fn end(&self, task: &Rc<TaskCell>) {
        let body = task.body.borrow_mut().take();
        discard(body);
        self.put_down();
        task.polled.set(false);
        self.remove(task.handle);
    }

    fn remove(&self, handle: Task) -> Option<Rc<TaskCell>> {
        let found = self.tasks.find(handle);
        found.inspect(|_| drop(self.tasks.table.borrow_mut().remove(handle.slot as usize)))
    }

    /// Puts a task that was taken back into the queue, as if made ready by the present moment.
    pub fn put_back(&self, polled: Polled) {
        self.tasks.push(polled.task);
    }

    /// Ends a task and drops its future, at once or after the present poll. No effect on a task that has ended.
    pub fn cancel(&self, handle: Task) {
        let current = self.current();
        assert!(current.as_ref().is_none_or(|task| task.handle != handle), "a task cannot abort itself");
        let Some(task) = self.remove(handle) else { return };
        let body = task.body.borrow_mut().take();
        if current.is_none() {
            return discard(body);
        }
        self.doomed.borrow_mut().extend(body);
        self.is_doom.set(true);
    }

    /// Drops what was cancelled within the poll that has just ended.
    #[cold]
    fn discard_doomed(&self) {
        self.is_doom.set(false);
        let doomed = self.doomed.take();
        doomed.into_iter().for_each(|body| discard(Some(body)));
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
        assert!(self.current().is_none(), "tasks are not swept away from within a poll");
        let doomed: Vec<Rc<TaskCell>> = {
            let mut table = self.tasks.table.borrow_mut();
            let places: Vec<usize> =
                table.iter().filter(|(_, task)| which(&task.facts)).map(|(place, _)| place).collect();
            places.into_iter().map(|place| table.remove(place)).collect()
        };
        for task in doomed {
            let body = task.body.borrow_mut().take();
            discard(body);
        }
        // They are not to be counted as a choice any more.
        self.tasks.forget();
    }

    /// The task that is being polled, and its number for the timer it starts now.
    #[inline]
    pub fn count_timer(&self) -> Option<(TaskRef, u32)> {
        let task = self.current()?;
        let number = task.timers.get() + 1;
        task.timers.set(number);
        Some((TaskRef(task), number))
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.tasks.table.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Executor({:?}, {:?} is polled)", self.tasks, self.current())
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // Tasks hold bells, bells hold the table, the table holds tasks: this opens the circle.
        if self.current().is_none() {
            self.cancel_all();
        }
    }
}
