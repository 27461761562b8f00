//! Running tasks, and moving time: the machinery below the simulated world, which knows of no nodes and no networks.
//!
//! [`Agenda`] is the one event queue and the only place that moves time. [`Executor`] holds tasks and the queue of those
//! that are ready. A world alternates between the two: take the next item from the agenda, do what it says (which wakes
//! tasks), run tasks until none is ready, take the next item.

mod agenda;
mod bell;
mod calendar;
mod executor;
mod panics;
mod ready;
mod task;

#[cfg(test)]
mod tests;

pub use agenda::{Agenda, Class, Ticket};
pub use executor::{Executor, Polled};
pub use panics::catch;
pub use task::{Arbiter, InOrder, Task, TaskFacts, TaskRef, Waiter, Wake};
