//! Disk operations under way, and done ones until their outcome is taken.

use slab::Slab;

use crate::base::{EventId, Label};
use crate::env::{DiskDone, DiskError};
use crate::exec::{Ticket, Waiter};
use crate::world::disk::Begun;
use crate::world::disk::decay::ArmedMishap;

/// A disk operation under way or done.
#[derive(Debug)]
pub(in super::super) struct DiskJob {
    pub owner: usize,
    /// The key of its name.
    pub key: u64,
    pub label: Label,
    pub repeat: u32,
    /// What there is to know of it until it ends.
    pub begun: Option<Begun>,
    /// The event of its start.
    pub started: EventId,
    pub ticket: Ticket,
    pub outcome: Option<(Result<DiskDone, DiskError>, EventId)>,
    pub forgotten: bool,
    pub waiter: Option<Waiter>,
    /// What was armed for it.
    pub armed: Option<ArmedMishap>,
}

/// A table whose things are found by a number that is never given twice.
#[derive(Debug)]
pub(in super::super) struct Table<T> {
    slots: Slab<(u32, T)>,
    generation: u32,
}

impl<T> Table<T> {
    pub fn new() -> Table<T> {
        Table { slots: Slab::new(), generation: 0 }
    }

    /// The place of the next thing.
    #[inline]
    pub fn vacant(&self) -> usize {
        self.slots.vacant_key()
    }

    #[inline]
    pub fn insert(&mut self, value: T) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        let slot = self.slots.insert((self.generation, value));
        (slot as u64) << 32 | u64::from(self.generation)
    }

    #[inline]
    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let (generation, value) = self.slots.get_mut((id >> 32) as usize)?;
        (*generation == id as u32).then_some(value)
    }

    #[inline]
    pub fn remove(&mut self, id: u64) -> Option<T> {
        self.get_mut(id)?;
        Some(self.slots.remove((id >> 32) as usize).1)
    }

    /// What lies in a place.
    #[inline]
    pub fn at(&self, place: usize) -> Option<&T> {
        self.slots.get(place).map(|(_, value)| value)
    }

    /// The number of what lies in a place.
    pub fn id_at(&self, place: usize) -> Option<u64> {
        self.slots.get(place).map(|(generation, _)| (place as u64) << 32 | u64::from(*generation))
    }

    /// What lies in a place, to be changed.
    #[inline]
    pub fn at_mut(&mut self, place: usize) -> Option<&mut T> {
        self.slots.get_mut(place).map(|(_, value)| value)
    }

    /// Takes out all that match, in the order of their places.
    pub fn take_where(&mut self, which: impl Fn(&T) -> bool) -> Vec<T> {
        let keys: Vec<usize> = self.slots.iter().filter(|(_, (_, value))| which(value)).map(|(key, _)| key).collect();
        keys.into_iter().map(|key| self.slots.remove(key).1).collect()
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// All there is.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map(|(_, (_, value))| value)
    }
}

impl DiskJob {
    /// Checks what holds while no operation is just ending. Whether it is on the agenda.
    pub fn check(&self) -> bool {
        let is_under_way = self.ticket != Ticket::NONE;
        assert_eq!(is_under_way, self.outcome.is_none(), "an operation is under way until it has an outcome");
        assert_eq!(is_under_way, self.begun.is_some(), "what has begun is known until it ends");
        assert!(is_under_way || !self.forgotten, "what nobody waits for is gone when it is done");
        assert!(is_under_way || self.waiter.is_none(), "whoever waited was woken");
        is_under_way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reaches_nothing_once_its_thing_is_gone() {
        let mut table = Table::new();
        let first = table.insert("first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second");
        assert_eq!(first >> 32, second >> 32, "the place is used again");
        assert_eq!(table.get_mut(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get_mut(second), Some(&mut "second"));
    }
}
