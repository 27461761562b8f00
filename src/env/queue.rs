//! A queue between tasks of one node.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// An unbounded queue between tasks of one node. Clones are the same queue.
///
/// One task should do the taking: if several wait, only the one that polled last is woken.
pub struct Queue<T>(Rc<RefCell<State<T>>>);

struct State<T> {
    items: VecDeque<T>,
    waiting: Option<Waker>,
}

impl<T> Queue<T> {
    /// An empty queue.
    pub fn new() -> Queue<T> {
        Queue(Rc::new(RefCell::new(State { items: VecDeque::new(), waiting: None })))
    }

    /// Adds an item at the end.
    pub fn push(&self, item: T) {
        let waiting = {
            let mut state = self.0.borrow_mut();
            state.items.push_back(item);
            state.waiting.take()
        };
        // Woken outside the borrow: waking may run foreign code.
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Takes the first item, if there is one.
    pub fn try_pop(&self) -> Option<T> {
        self.0.borrow_mut().items.pop_front()
    }

    /// Waits for the first item and takes it.
    pub async fn pop(&self) -> T {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            match state.items.pop_front() {
                Some(item) => Poll::Ready(item),
                None => {
                    state.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.0.borrow().items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue(Rc::clone(&self.0))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({} items)", self.len())
    }
}
