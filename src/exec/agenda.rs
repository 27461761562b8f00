//! The event queue: what will happen, and when.

use std::cell::{Cell, RefCell};

use super::calendar::{Calendar, NOTHING};
use crate::base::Instant;

/// What is going to happen, in order of time. Taking the next item moves time; nothing else does.
///
/// An entry is one integer of 128 bits: when, of which [`Class`], the how-manieth, and a small number by which its owner
/// knows it. Items of the same moment come in the order of their class, then in the order in which they were entered.
///
/// Taking an item back leaves its entry where it is: its owner counts it here ([`Agenda::withdraw`]) and says no when it is
/// asked, at the entry's time, whether it is still wanted.
#[derive(Debug)]
pub struct Agenda {
    now: Cell<Instant>,
    entries: RefCell<Calendar>,
    sequence: Cell<u64>,
    withdrawn: Cell<usize>,
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

/// Tells one item from every other that was ever entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

impl Ticket {
    /// The ticket of no item.
    pub const NONE: Ticket = Ticket(u64::MAX);
}

/// From the top: 64 bits of time, 2 of class, 36 that count, 26 of the owner's number.
const NUMBER_BITS: u32 = 26;
const SEQUENCE_BITS: u32 = 36;
const TIME_SHIFT: u32 = 64;

/// Items to come are told of in groups of so many, and so many at most.
const GROUP: usize = 16;
const TOLD_AHEAD: usize = 512;

#[inline(never)]
fn tell_ahead(coming: impl Iterator<Item = u128>, ahead: &impl Fn(&[u32])) {
    let (mut numbers, mut count) = ([0; GROUP], 0);
    for entry in coming.take(TOLD_AHEAD) {
        numbers[count] = number(entry);
        count += 1;
        if count == GROUP {
            ahead(&numbers);
            count = 0;
        }
    }
    ahead(&numbers[..count]);
}

/// How many numbers there are for items.
pub const NUMBERS: u32 = 1 << NUMBER_BITS;

fn time(entry: u128) -> Instant {
    Instant::from_nanos((entry >> TIME_SHIFT) as u64)
}

fn ticket(entry: u128) -> Ticket {
    Ticket(entry as u64 >> NUMBER_BITS)
}

fn number(entry: u128) -> u32 {
    entry as u32 & (NUMBERS - 1)
}

fn class(entry: u128) -> u64 {
    entry as u64 >> (NUMBER_BITS + SEQUENCE_BITS)
}

impl Agenda {
    /// An empty agenda at the start of time.
    pub fn new() -> Agenda {
        Agenda {
            now: Cell::new(Instant::START),
            entries: RefCell::new(Calendar::new()),
            sequence: Cell::new(0),
            withdrawn: Cell::new(0),
        }
    }

    /// The present moment.
    #[inline]
    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Enters an item, which its owner knows by this number. One that would lie in the past happens now.
    #[inline(always)]
    pub fn enter(&self, at: Instant, class: Class, number: u32) -> Ticket {
        let sequence = self.sequence.get();
        assert!(sequence < 1 << SEQUENCE_BITS, "the agenda has run out of sequence numbers");
        assert!(number < NUMBERS, "there are more things in flight than the agenda has numbers for");
        self.sequence.set(sequence + 1);
        let at = at.max(self.now.get());
        let ticket = (class as u64) << SEQUENCE_BITS | sequence;
        let entry = u128::from(at.as_nanos()) << TIME_SHIFT | u128::from(ticket << NUMBER_BITS | u64::from(number));
        self.entries.borrow_mut().push(entry);
        Ticket(ticket)
    }

    /// Counts an item that its owner does not want any more.
    pub fn withdraw(&self) {
        self.withdrawn.set(self.withdrawn.get() + 1);
        assert!(self.withdrawn.get() <= self.entries.borrow().len(), "no more is taken back than was entered");
    }

    /// Moves time to the next item that is still wanted and takes it; `None`, and time stays, if there is none at or
    /// before `limit`. With very many items, `ahead` is told now and then by which numbers the owners of those to come know them.
    #[inline]
    pub fn next(
        &self,
        limit: Instant,
        mut wanted: impl FnMut(u32, Ticket) -> bool,
        ahead: impl Fn(&[u32]),
    ) -> Option<u32> {
        let mut entries = self.entries.borrow_mut();
        loop {
            let entry = entries.first();
            if let Some(coming) = entries.take_ahead() {
                tell_ahead(coming, &ahead);
            }
            if entry == NOTHING || time(entry) > limit {
                return None;
            }
            entries.pop();
            if wanted(number(entry), ticket(entry)) {
                assert!(time(entry) >= self.now.get(), "time does not run backwards");
                self.now.set(time(entry));
                return Some(number(entry));
            }
            self.withdrawn.set(self.withdrawn.get() - 1);
        }
    }

    /// Takes the next item if it is of this class and of the present moment.
    pub fn next_now(&self, wanted_class: Class, mut wanted: impl FnMut(u32, Ticket) -> bool) -> Option<u32> {
        let mut entries = self.entries.borrow_mut();
        loop {
            let entry = entries.first();
            if entry == NOTHING {
                return None;
            }
            let is_wanted = wanted(number(entry), ticket(entry));
            if is_wanted && (time(entry) > self.now.get() || class(entry) != wanted_class as u64) {
                return None;
            }
            entries.pop();
            if is_wanted {
                return Some(number(entry));
            }
            self.withdrawn.set(self.withdrawn.get() - 1);
        }
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.entries.borrow().len() - self.withdrawn.get()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every item.
    pub fn clear(&self) {
        self.entries.borrow_mut().clear();
        self.withdrawn.set(0);
    }
}

impl Default for Agenda {
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

    fn any(_: u32, _: Ticket) -> bool {
        true
    }

    fn nobody(_: &[u32]) {}

    #[test]
    fn order_is_time_then_class_then_entry() {
        let agenda = Agenda::new();
        let enter = |nanos, class, number| agenda.enter(at(nanos), class, number);
        enter(5, Class::Usual, 9);
        enter(5, Class::Usual, 6);
        enter(5, Class::FaultBegins, 4);
        enter(5, Class::FaultEnds, 7);
        enter(5, Class::Phase, 2);
        enter(1, Class::Usual, 8);
        let mut seen = Vec::new();
        while let Some(number) = agenda.next(Instant::NEVER, any, nobody) {
            seen.push(number);
        }
        assert_eq!(seen, [8, 2, 7, 4, 9, 6]);
        assert_eq!(agenda.now(), at(5));
    }

    #[test]
    fn what_is_withdrawn_does_not_happen() {
        let agenda = Agenda::new();
        agenda.enter(at(1), Class::Usual, 1);
        agenda.withdraw();
        assert_eq!(agenda.len(), 0);
        // Its number is given again; the ticket tells the two apart.
        let second = agenda.enter(at(2), Class::Usual, 1);
        assert_eq!(agenda.len(), 1);
        assert_eq!(agenda.next(Instant::NEVER, |_, ticket| ticket == second, nobody), Some(1));
        assert_eq!(agenda.now(), at(2));
        assert!(agenda.is_empty());
    }

    #[test]
    fn a_limit_holds_time() {
        let agenda = Agenda::new();
        agenda.enter(at(9), Class::Usual, 3);
        assert_eq!(agenda.next(at(8), any, nobody), None);
        assert_eq!(agenda.now(), at(0));
        assert_eq!(agenda.next(at(9), any, nobody), Some(3));
    }

    #[test]
    fn of_one_moment_a_class_can_be_taken() {
        let agenda = Agenda::new();
        for (class, number) in [(Class::FaultBegins, 1), (Class::Usual, 2), (Class::FaultBegins, 3)] {
            agenda.enter(at(4), class, number);
        }
        assert_eq!(agenda.next_now(Class::FaultBegins, any), None);
        assert_eq!(agenda.next(at(4), any, nobody), Some(1));
        assert_eq!(agenda.next_now(Class::FaultBegins, any), Some(3));
        assert_eq!(agenda.next_now(Class::FaultBegins, any), None);
        assert_eq!(agenda.len(), 1);
    }

    #[test]
    fn the_end_of_time_and_the_largest_number_fit() {
        let agenda = Agenda::new();
        agenda.enter(Instant::NEVER, Class::Usual, NUMBERS - 1);
        assert_eq!(agenda.next(Instant::NEVER, any, nobody), Some(NUMBERS - 1));
        assert_eq!(agenda.now(), Instant::NEVER);
    }
}
