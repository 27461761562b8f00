//! The executor by itself: who is polled, when, and what is dropped.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::executor::Executor;
use super::ready::Local;
use super::task::{Arbiter, InOrder, Task, TaskFacts, Waiter, Wake};
use crate::base::{Incarnation, Kind};

static LABEL: Kind = Kind::new("task", &[]);

/// Decides by a function of owner, moment and repeat.
struct By<F>(F);

impl<F: FnMut(usize, u32, u32) -> u32> Arbiter for By<F> {
    fn moment_key(&mut self, moment: u32) -> u64 {
        u64::from(moment)
    }
    fn priority(&mut self, wake: &Wake<'_>) -> u32 {
        (self.0)(wake.task.owner, wake.moment, wake.repeat)
    }
}

fn facts(owner: usize) -> TaskFacts {
    TaskFacts { owner, life: Incarnation(1), label: LABEL.label([]), nth: 1, key: owner as u64 }
}

fn run_all(executor: &Executor, mut arbiter: impl Arbiter) {
    while let Some(polled) = executor.next(&mut arbiter) {
        executor.run(&polled).expect("no task panics");
    }
}

fn note(log: &Rc<RefCell<Vec<usize>>>, number: usize) -> Local {
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
    run_all(&executor, InOrder);
    for number in 0..4 {
        executor.spawn(facts(number), note(&log, number));
    }
    run_all(&executor, By(|owner, _, _| 9 - owner as u32));
    assert_eq!(*log.borrow(), [0, 1, 2, 3, 3, 2, 1, 0]);
    assert!(executor.is_empty());
}

#[test]
fn nobody_is_asked_where_there_is_no_choice() {
    let executor = Executor::new();
    executor.spawn(facts(0), Box::pin(async {}));
    run_all(&executor, By(|_, _, _| panic!("there was no choice")));
}

#[test]
fn cancelling_drops_futures_even_those_that_cancel_others() {
    struct Notes(Rc<Cell<u32>>, Rc<Executor>, Option<Task>);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            self.2.into_iter().for_each(|other| self.1.cancel(other));
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let executor = Rc::new(Executor::new());
    let mut before = None;
    for owner in [1, 1, 2] {
        let notes = Notes(Rc::clone(&dropped), Rc::clone(&executor), before);
        let holding = async move {
            let _notes = notes;
            pending::<()>().await;
        };
        before = Some(executor.spawn(facts(owner), Box::pin(holding)));
    }
    run_all(&executor, InOrder);
    executor.cancel_life(1, Incarnation(1));
    assert_eq!((dropped.get(), executor.len()), (2, 1));
    executor.cancel_all();
    assert_eq!((dropped.get(), executor.len()), (3, 0));
    assert!(!executor.has_ready());
}

#[test]
fn what_is_cancelled_within_a_poll_is_dropped_after_it() {
    struct Leaves(Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.borrow_mut().push("left");
        }
    }
    let executor = Rc::new(Executor::new());
    let log = Rc::new(RefCell::new(Vec::new()));
    let leaves = Leaves(Rc::clone(&log));
    let holding = async move {
        let _leaves = leaves;
        pending::<()>().await;
    };
    let held = executor.spawn(facts(0), Box::pin(holding));
    run_all(&executor, InOrder);
    let (inner, seen) = (Rc::clone(&executor), Rc::clone(&log));
    let aborting = async move {
        // As an `abort` while something is borrowed that the destructor needs.
        let mut log = seen.borrow_mut();
        inner.cancel(held);
        log.push("aborted");
    };
    executor.spawn(facts(0), Box::pin(aborting));
    run_all(&executor, InOrder);
    assert_eq!(*log.borrow(), ["aborted", "left"]);
    assert!(executor.is_empty());
}

#[test]
fn a_panicking_task_is_gone_and_its_words_are_kept() {
    let executor = Executor::new();
    executor.spawn(facts(0), Box::pin(async { panic!("no quorum") }));
    let polled = executor.next(&mut InOrder).expect("the task is ready");
    assert!(executor.run(&polled).unwrap_err().words().starts_with("no quorum"));
    assert!(executor.is_empty());
}

#[test]
fn what_begins_in_the_first_poll_may_panic_there() {
    let executor = Executor::new();
    let log = Rc::new(RefCell::new(Vec::new()));
    let later = Rc::clone(&log);
    executor.spawn_later(facts(0), move || note(&later, 5));
    assert!(log.borrow().is_empty());
    run_all(&executor, InOrder);
    assert_eq!(*log.borrow(), [5]);
    executor.spawn_later(facts(0), || panic!("no leader"));
    let polled = executor.next(&mut InOrder).expect("the task is ready");
    assert!(executor.run(&polled).unwrap_err().words().starts_with("no leader"));
    assert!(executor.is_empty());
}

#[test]
fn wakes_of_one_moment_are_counted() {
    let executor = Executor::new();
    for owner in 0..2 {
        let mut left = 3;
        let waking = poll_fn(move |context| {
            left -= 1;
            context.waker().wake_by_ref();
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        executor.spawn(facts(owner), Box::pin(waking));
    }
    executor.begin_moment(7);
    let seen = RefCell::new(Vec::new());
    let note = |owner, moment, repeat| {
        seen.borrow_mut().push((owner, moment, repeat));
        0
    };
    run_all(&executor, By(note));
    // The first wake of each came before the moment began.
    assert_eq!(seen.borrow()[..4], [(0, 0, 1), (1, 0, 1), (0, 7, 1), (1, 7, 1)]);
}

#[test]
fn a_task_waits_as_itself_unless_a_combinator_stands_between() {
    let executor = Rc::new(Executor::new());
    let waiters = Rc::new(RefCell::new(Vec::new()));
    let (inner, log) = (Rc::clone(&executor), Rc::clone(&waiters));
    let waiting = poll_fn(move |context| {
        let own = inner.waiter(context);
        assert!(inner.is_waiter(&own, context));
        let other = inner.waiter(&Context::from_waker(std::task::Waker::noop()));
        assert!(!inner.is_waiter(&other, context));
        log.borrow_mut().extend([own, other]);
        Poll::Ready(())
    });
    executor.spawn(facts(0), Box::pin(waiting));
    run_all(&executor, InOrder);
    assert!(matches!(waiters.borrow()[..], [Waiter::Task(_), Waiter::Waker(_)]));
}

#[test]
fn a_bell_outlives_its_task_and_rings_for_nobody() {
    let executor = Executor::new();
    let kept = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&kept);
    let giving = poll_fn(move |context| {
        *keep.borrow_mut() = Some(context.waker().clone());
        Poll::<()>::Pending
    });
    let task = executor.spawn(facts(0), Box::pin(giving));
    run_all(&executor, InOrder);
    let waker = kept.borrow_mut().take().expect("it was given out");
    waker.wake_by_ref();
    assert!(executor.has_ready());
    run_all(&executor, InOrder);
    executor.cancel(task);
    waker.wake();
    assert!(!executor.has_ready());
}
