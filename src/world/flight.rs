//! What is under way: packets, timers, disk operations, and what the world itself will do. Each lies in a table, and the
//! agenda knows it by a small number, made of the table and the place there.

use std::cell::RefCell;
use std::task::Waker;

use slab::Slab;

use super::disk::Begun;
use super::moment::Told;
use crate::base::{EventId, EventKind, Incarnation, Instant, Label, NodeId, Payload};
use crate::env::{DiskDone, DiskError};
use crate::exec::{Agenda, Class, TaskRef, Ticket, Waiter};

/// What is under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub agenda: Agenda,
    pub timers: RefCell<Table<Timer>>,
    /// On their way, or arrived and not yet taken.
    pub packets: RefCell<Packets>,
    pub jobs: RefCell<Table<DiskJob>>,
    pub steps: RefCell<Slab<(Ticket, Step)>>,
}

/// What the world itself will do.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Phase(usize),
    Close,
    /// A fault of a phase strikes, for the nth time.
    Strike {
        phase: usize,
        fault: usize,
        nth: u32,
    },
    Restart {
        slot: usize,
        life: Incarnation,
    },
    Resume {
        slot: usize,
        life: Incarnation,
        pause: u32,
    },
    Heal {
        generation: u32,
    },
}

/// Something whose time has come, by its place in its table.
#[derive(Debug)]
pub(super) enum Due {
    Timer(usize),
    Packet(u32),
    Disk(usize),
    Step(Step),
}

/// A step that was entered, to take it back.
pub(super) type Entered = (usize, Ticket);

const TABLE_BITS: u32 = 2;
const TIMER: u32 = 0;
const PACKET: u32 = 1;
const DISK: u32 = 2;
const STEP: u32 = 3;

/// The number of a place in a table. The agenda refuses one that is too large.
#[inline]
fn number(table: u32, place: usize) -> u32 {
    let place = u32::try_from(place).unwrap_or(u32::MAX >> TABLE_BITS);
    place.checked_mul(1 << TABLE_BITS).map_or(u32::MAX, |shifted| shifted | table)
}

impl Flight {
    pub fn new() -> Flight {
        Flight {
            agenda: Agenda::new(),
            timers: RefCell::new(Table::new()),
            packets: RefCell::default(),
            jobs: RefCell::new(Table::new()),
            steps: RefCell::default(),
        }
    }

    /// Enters a timer. One that waits for ever needs no place in the agenda.
    #[inline]
    pub fn enter_timer(&self, at: Instant, mut timer: Timer) -> u64 {
        let mut timers = self.timers.borrow_mut();
        if at != Instant::NEVER {
            timer.ticket = self.agenda.enter(at, Class::Usual, number(TIMER, timers.vacant()));
        }
        timers.insert(timer)
    }

    /// Forgets a timer.
    #[inline]
    pub fn cancel_timer(&self, id: u64) {
        let removed = self.timers.borrow_mut().remove(id);
        if let Some(timer) = removed.filter(|timer| timer.ticket != Ticket::NONE) {
            self.agenda.withdraw(timer.ticket);
        }
    }

    /// Enters a packet.
    #[inline(always)]
    pub fn enter_packet(&self, at: Instant, packet: Packet) {
        let place = self.packets.borrow_mut().insert(packet);
        self.agenda.enter(at, Class::Usual, number(PACKET, place as usize));
    }

    /// Enters the second copy of a packet.
    #[cold]
    pub fn enter_copy(&self, at: Instant, packet: Packet) {
        self.enter_packet(at, packet);
    }

    /// Enters a disk operation.
    pub fn enter_job(&self, at: Instant, mut job: DiskJob) -> u64 {
        let mut jobs = self.jobs.borrow_mut();
        job.ticket = self.agenda.enter(at, Class::Usual, number(DISK, jobs.vacant()));
        jobs.insert(job)
    }

    /// Enters something that the world itself will do.
    pub fn enter_step(&self, at: Instant, class: Class, step: Step) -> Entered {
        let mut steps = self.steps.borrow_mut();
        let entry = steps.vacant_entry();
        let (place, ticket) = (entry.key(), self.agenda.enter(at, class, number(STEP, entry.key())));
        entry.insert((ticket, step));
        (place, ticket)
    }

    /// Takes a step back, if it has not been done.
    pub fn withdraw_step(&self, (place, ticket): Entered) {
        let mut steps = self.steps.borrow_mut();
        if steps.get(place).is_some_and(|(entered, _)| *entered == ticket) {
            steps.remove(place);
            self.agenda.withdraw(ticket);
        }
    }

    /// Whether an entry of the agenda still stands for something.
    #[inline]
    fn is_wanted(&self, number: u32, ticket: Ticket) -> bool {
        let place = (number >> TABLE_BITS) as usize;
        match number & ((1 << TABLE_BITS) - 1) {
            TIMER => self.timers.borrow().at(place).is_some_and(|timer| timer.ticket == ticket),
            DISK => self.jobs.borrow().at(place).is_some_and(|job| job.ticket == ticket),
            STEP => self.steps.borrow().get(place).is_some_and(|(entered, _)| *entered == ticket),
            // A packet that was sent arrives, if only to find nobody there.
            _ => true,
        }
    }

    #[inline]
    fn due(&self, number: u32) -> Due {
        let place = (number >> TABLE_BITS) as usize;
        match number & ((1 << TABLE_BITS) - 1) {
            TIMER => Due::Timer(place),
            PACKET => Due::Packet(place as u32),
            DISK => Due::Disk(place),
            _ => Due::Step(self.steps.borrow_mut().remove(place).1),
        }
    }

    /// Moves time to what is due next, up to a limit.
    #[inline]
    pub fn next(&self, limit: Instant) -> Option<Due> {
        self.agenda.next(limit, |number, ticket| self.is_wanted(number, ticket)).map(|number| self.due(number))
    }

    /// What is due next, if it is of this class and of the present moment.
    pub fn next_now(&self, class: Class) -> Option<Due> {
        self.agenda.next_now(class, |number, ticket| self.is_wanted(number, ticket)).map(|number| self.due(number))
    }

    /// Ends the timers of a machine.
    pub fn end_timers(&self, slot: usize) {
        let ended = self.timers.borrow_mut().take_where(|timer| timer.task.facts().owner == slot);
        for timer in ended.iter().filter(|timer| timer.ticket != Ticket::NONE) {
            self.agenda.withdraw(timer.ticket);
        }
    }

    /// Ends the disk operations of a machine.
    pub fn end_jobs(&self, slot: usize) {
        let ended = self.jobs.borrow_mut().take_where(|job| job.owner == slot);
        // One that is just ending, or has ended, has left the agenda already.
        for job in ended.iter().filter(|job| job.ticket != Ticket::NONE) {
            self.agenda.withdraw(job.ticket);
        }
    }
}

/// A timer that has been started.
#[derive(Debug)]
pub(super) struct Timer {
    /// Who started it.
    pub task: TaskRef,
    pub nth: u32,
    /// The event in which it was started; once it has fired, the event of that.
    pub event: EventId,
    pub fired: bool,
    /// Of no item, if it waits for ever or has fired.
    pub ticket: Ticket,
    /// Who waits for it, if not that task itself.
    pub foreign: Option<Waker>,
}

/// A packet on its way, or arrived.
#[derive(Debug)]
pub(super) struct Packet {
    pub from: NodeId,
    pub to: NodeId,
    /// The place of the receiver among the machines.
    pub slot: u16,
    pub label: Label,
    pub repeat: u32,
    pub copy: u8,
    pub corrupt: bool,
    /// The key of its name.
    pub key: u64,
    pub body: Payload,
    /// The event of its sending; once it has arrived, the event of that.
    pub event: EventId,
    /// Once it has arrived: the one behind it in the inbox, or [`NOBODY`].
    pub next: u32,
}

/// The place of no packet.
pub(super) const NOBODY: u32 = u32::MAX;

impl Packet {
    /// The event of its arrival.
    pub fn delivery(&self) -> EventKind {
        let Packet { from, label, repeat, copy, corrupt, .. } = *self;
        EventKind::Deliver { from, label, repeat, copy, hash: self.body.hash(), corrupt }
    }

    /// What is happening when it arrives.
    pub fn told(&self) -> Told {
        let Packet { from, to, label, repeat, copy, .. } = *self;
        Told::Delivery { from, to, label, repeat, copy }
    }
}

/// A disk operation under way or done.
#[derive(Debug)]
pub(super) struct DiskJob {
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
}

/// The table of packets. A place that is free keeps what lay there, but for its payload, until it is used again: most of a
/// packet is numbers, and need not be moved out only to be forgotten.
#[derive(Debug, Default)]
pub(super) struct Packets {
    places: Vec<Packet>,
    free: Vec<u32>,
}

impl Packets {
    #[inline(always)]
    pub fn insert(&mut self, packet: Packet) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = packet;
                place
            }
            None => {
                self.places.push(packet);
                u32::try_from(self.places.len() - 1).expect("there are fewer than 2^32 packets")
            }
        }
    }

    #[inline]
    pub fn at(&self, place: u32) -> &Packet {
        &self.places[place as usize]
    }

    #[inline]
    pub fn at_mut(&mut self, place: u32) -> &mut Packet {
        &mut self.places[place as usize]
    }

    /// Takes a packet out: from whom, with what, and the last event of it.
    #[inline]
    pub fn take(&mut self, place: u32) -> (NodeId, Payload, EventId) {
        self.free.push(place);
        let packet = &mut self.places[place as usize];
        (packet.from, std::mem::replace(&mut packet.body, Payload::EMPTY), packet.event)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// A table whose things are found by a number that is never given twice.
#[derive(Debug)]
pub(super) struct Table<T> {
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

    #[test]
    fn a_step_taken_back_is_not_done_and_one_done_is_not_taken_back() {
        let flight = Flight::new();
        let heal = |generation| Step::Heal { generation };
        let enter = |generation| flight.enter_step(Instant::START, Class::FaultEnds, heal(generation));
        let (first, _second) = (enter(1), enter(2));
        flight.withdraw_step(first);
        let third = enter(3);
        assert_eq!(first.0, third.0, "the place is used again");
        flight.withdraw_step(first);
        let mut done = Vec::new();
        while let Some(Due::Step(Step::Heal { generation })) = flight.next(Instant::NEVER) {
            done.push(generation);
        }
        assert_eq!(done, [2, 3]);
        flight.withdraw_step(third);
        assert!(flight.agenda.is_empty());
    }

    #[test]
    #[should_panic(expected = "more things in flight than the agenda has numbers for")]
    fn too_many_things_are_refused() {
        let flight = Flight::new();
        flight.agenda.enter(Instant::START, Class::Usual, number(PACKET, 1 << 24));
    }
}
