//! The event queue: what will happen, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

use crate::base::Instant;

/// What is going to happen, in order of time. Taking the next item moves time; nothing else does.
///
/// Entries of the heap are three words; items lie in a slab. Items of the same moment come in the order of their
/// [`Class`], then in the order in which they were entered.
#[derive(Debug)]
pub struct Agenda<T> {
    now: Instant,
    heap: BinaryHeap<Reverse<Entry>>,
    items: Slab<Item<T>>,
    sequence: u64,
}

type Entry = (Instant, u64, usize);

#[derive(Debug)]
struct Item<T> {
    order: u64,
    value: T,
}

/// Which of the items of one moment come first.
///
/// What the world does to its machines comes before what machines do, ends before beginnings. So a plan, in which all
/// faults are entered before the run, and the run it was recorded from, in which some were entered late, agree on the
/// order of a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// A phase of the scenario begins or ends.
    Phase,
    /// A fault ends: a heal, a restart, a resumption.
    FaultEnds,
    /// A fault begins.
    FaultBegins,
    /// Everything else: timers, packets, disks.
    Usual,
}

/// A claim on an item of the agenda, to take it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    slot: usize,
    order: u64,
}

const CLASS_SHIFT: u32 = 62;

impl<T> Agenda<T> {
    /// An empty agenda at the start of time.
    pub fn new() -> Agenda<T> {
        Agenda { now: Instant::START, heap: BinaryHeap::new(), items: Slab::new(), sequence: 0 }
    }

    /// The present moment.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Enters an item. One that would lie in the past happens now.
    pub fn enter(&mut self, at: Instant, class: Class, value: T) -> Ticket {
        assert!(self.sequence < 1 << CLASS_SHIFT, "the agenda has run out of sequence numbers");
        let at = at.max(self.now);
        let order = (class as u64) << CLASS_SHIFT | self.sequence;
        self.sequence += 1;
        let slot = self.items.insert(Item { order, value });
        self.heap.push(Reverse((at, order, slot)));
        Ticket { slot, order }
    }

    /// Takes an item back; `None` if it has already happened or been taken back.
    pub fn withdraw(&mut self, ticket: Ticket) -> Option<T> {
        let item = self.items.get(ticket.slot)?;
        // The slot may have been given to another item since; the order never is.
        (item.order == ticket.order).then(|| self.items.remove(ticket.slot).value)
    }

    /// Moves time to the next item and takes it; `None`, and time stays, if there is none at or before `limit`.
    pub fn next(&mut self, limit: Instant) -> Option<T> {
        let (at, _, slot) = self.head().filter(|(at, ..)| *at <= limit)?;
        assert!(at >= self.now, "time does not run backwards");
        self.heap.pop();
        self.now = at;
        Some(self.items.remove(slot).value)
    }

    /// Takes the next item if it is of this class and of the present moment.
    pub fn next_now(&mut self, class: Class) -> Option<T> {
        let (_, _, slot) =
            self.head().filter(|(at, order, _)| *at <= self.now && order >> CLASS_SHIFT == class as u64)?;
        self.heap.pop();
        Some(self.items.remove(slot).value)
    }

    /// The entry of the next item, once those of items that were taken back are out of the way.
    fn head(&mut self) -> Option<Entry> {
        while let Some(Reverse(entry @ (_, order, slot))) = self.heap.peek().copied() {
            if self.items.get(slot).is_some_and(|item| item.order == order) {
                return Some(entry);
            }
            self.heap.pop();
        }
        None
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Forgets every item.
    pub fn clear(&mut self) {
        self.heap.clear();
        self.items.clear();
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Agenda::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn order_is_time_then_class_then_entry() {
        let mut agenda = Agenda::new();
        agenda.enter(at(5), Class::Usual, "e");
        agenda.enter(at(5), Class::Usual, "f");
        agenda.enter(at(5), Class::FaultBegins, "d");
        agenda.enter(at(5), Class::FaultEnds, "c");
        agenda.enter(at(5), Class::Phase, "b");
        agenda.enter(at(1), Class::Usual, "a");
        let mut seen = String::new();
        while let Some(item) = agenda.next(Instant::NEVER) {
            seen += item;
        }
        assert_eq!(seen, "abcdef");
        assert_eq!(agenda.now(), at(5));
    }

    #[test]
    fn what_is_withdrawn_does_not_happen() {
        let mut agenda = Agenda::new();
        let first = agenda.enter(at(1), Class::Usual, 1);
        assert_eq!(agenda.withdraw(first), Some(1));
        assert_eq!(agenda.withdraw(first), None);
        // The slot is used again; the old ticket must not reach the new item.
        agenda.enter(at(2), Class::Usual, 2);
        assert_eq!(agenda.withdraw(first), None);
        assert_eq!(agenda.next(Instant::NEVER), Some(2));
        assert!(agenda.is_empty());
    }

    #[test]
    fn a_limit_holds_time() {
        let mut agenda = Agenda::new();
        agenda.enter(at(9), Class::Usual, ());
        assert_eq!(agenda.next(at(8)), None);
        assert_eq!(agenda.now(), at(0));
        assert_eq!(agenda.next(at(9)), Some(()));
    }
}
