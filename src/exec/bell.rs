//! Wakers for whoever cannot wait as a task: a bell for each task, to be rung from anywhere on its thread.
//!
//! The bell is an `async-task` that never ends. Ringing it schedules it, and its schedule function makes our task ready
//! and puts the bell back to rest. So we get wakers that reach thread-bound tables, and need neither a lock nor `unsafe`:
//! the tables travel as *metadata* of the bell, and the schedule function, which itself holds nothing but the number of
//! the home thread, asserts that it runs there before it touches them.
//!
//! No bell rings on the hot path. The world wakes the tasks that it knows to wait; a bell rings where a combinator hands on a
//! waker of its own, or where tasks of a node wake each other.

use std::future::pending;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use super::ready::{TaskCell, Tasks};

/// What travels in a bell.
struct Rope {
    tasks: Rc<Tasks>,
    /// Not held, as the task holds the bell.
    task: Weak<TaskCell>,
}

/// A waker that makes the task ready.
pub(super) fn bell(tasks: &Rc<Tasks>, task: &Rc<TaskCell>) -> Waker {
    let home = thread_number();
    let ring = move |runnable: async_task::Runnable<Rope>| {
        assert_eq!(thread_number(), home, "a task was woken from another thread");
        let (tasks, task) = (Rc::clone(&runnable.metadata().tasks), runnable.metadata().task.upgrade());
        runnable.run();
        if let Some(task) = task {
            tasks.wake(task);
        }
    };
    let rope = Rope { tasks: Rc::clone(tasks), task: Rc::downgrade(task) };
    let (runnable, handle) = async_task::Builder::new().metadata(rope).spawn_local(|_| pending::<()>(), ring);
    let waker = runnable.waker();
    handle.detach();
    // A new async-task is scheduled; only after a first run can it be scheduled again.
    runnable.run();
    waker
}

/// A number for the current thread; cheaper to read than its id.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
