//! Running tasks, and moving time: the machinery below the simulated world, which knows of no nodes and no networks.
//!
//! [`Agenda`] is the one event queue and the only place that moves time. [`Executor`] holds tasks and the queue of those
//! that are ready. A world alternates between the two: take the next item from the agenda, do what it says (which wakes
//! tasks), run tasks until none is ready, take the next item.

mod agenda;
mod executor;
mod guarded;
mod panics;

pub use agenda::{Agenda, Class, Ticket};
pub use executor::{Executor, Polled, Task, TaskFacts, Wake};
pub use panics::catch;
