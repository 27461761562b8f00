//! What is under way: packets, timers, disk operations, and what the world itself will do. Each lies in a table, and the
//! agenda knows it by a small number, made of the table and the place there.

mod jobs;
mod packets;
mod timers;

use std::cell::RefCell;

use slab::Slab;

use crate::base::{EventId, Incarnation, Instant};
use crate::exec::{Agenda, Class, TaskRef, Ticket};

pub(super) use jobs::{DiskJob, Table};
pub(super) use packets::{NOBODY, Packet, Packets};
pub(super) use timers::{Ended, Timer, Timers};

/// What is under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub agenda: Agenda,
    pub timers: RefCell<Timers>,
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
    OpenGate {
        generation: u32,
    },
    /// The ends of a connection, by their places, learn that it is gone.
    Reset {
        one: usize,
        other: usize,
        cause: EventId,
    },
}

/// Something whose time has come, by its number: which table, and the place there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due(u32);

/// Which table something lies in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum In {
    Timers,
    Packets,
    Jobs,
    Steps,
}

impl Due {
    #[inline]
    fn of(table: In, place: usize) -> u32 {
        // The agenda refuses a number that is too large.
        let place = u32::try_from(place).unwrap_or(u32::MAX >> TABLE_BITS);
        place.checked_mul(1 << TABLE_BITS).map_or(u32::MAX, |shifted| shifted | table as u32)
    }

    /// The table.
    #[inline]
    pub fn table(self) -> In {
        match self.0 & ((1 << TABLE_BITS) - 1) {
            0 => In::Timers,
            1 => In::Packets,
            2 => In::Jobs,
            _ => In::Steps,
        }
    }

    /// The place there.
    #[inline]
    pub fn place(self) -> u32 {
        self.0 >> TABLE_BITS
    }
}

/// A step that was entered, to take it back.
pub(super) type Entered = (usize, Ticket);

const TABLE_BITS: u32 = 2;

const _: () = assert!(In::Steps as u32 == (1 << TABLE_BITS) - 1, "every table has a number of its own");

impl Flight {
    pub fn new() -> Flight {
        Flight {
            agenda: Agenda::new(),
            timers: RefCell::default(),
            packets: RefCell::default(),
            jobs: RefCell::new(Table::new()),
            steps: RefCell::default(),
        }
    }

    /// Enters a timer, which is due at that moment. One that waits for ever needs no place in the agenda.
    #[inline(always)]
    pub fn enter_timer(&self, at: Instant, timer: Timer) -> u64 {
        assert!(!timer.fired && timer.task.is_some(), "somebody waits for a timer that is started");
        assert!(timer.ticket == Ticket::NONE, "a timer is entered once");
        let mut timers = self.timers.borrow_mut();
        let place = timers.insert(timer);
        if at != Instant::NEVER {
            timers.places[place as usize].ticket =
                self.agenda.enter(at, Class::Usual, Due::of(In::Timers, place as usize));
        }
        timers.id(place)
    }

    /// Forgets a timer.
    #[inline]
    pub fn cancel_timer(&self, id: u64) {
        let ended = {
            let mut timers = self.timers.borrow_mut();
            timers.find(id).is_some().then(|| timers.remove(id))
        };
        if let Some(ended) = ended {
            self.withdraw_timer(&ended);
        }
    }

    #[inline]
    fn withdraw_timer(&self, ended: &Ended) {
        if ended.ticket != Ticket::NONE {
            self.agenda.withdraw();
        }
    }

    /// Enters a timer again, which is due at another moment than it was.
    pub fn enter_timer_again(&self, timers: &mut Timers, place: usize, at: Instant) {
        assert!(timers.places[place].ticket != Ticket::NONE, "a timer is entered again that is on the agenda");
        assert!(at >= self.agenda.now(), "nothing is due that is over");
        self.agenda.withdraw();
        timers.places[place].ticket = match at {
            Instant::NEVER => Ticket::NONE,
            at => self.agenda.enter(at, Class::Usual, Due::of(In::Timers, place)),
        };
    }

    /// Enters a packet. Its place in the table.
    #[inline(always)]
    pub fn enter_packet(&self, at: Instant, packet: Packet) -> u32 {
        assert!(packet.next == NOBODY, "a packet on its way lies in no inbox");
        let place = self.packets.borrow_mut().insert(packet);
        self.agenda.enter(at, Class::Usual, Due::of(In::Packets, place as usize));
        place
    }

    /// Enters a packet again that has been stopped on its way.
    pub fn enter_packet_again(&self, at: Instant, place: u32) {
        assert!(self.packets.borrow().at(place).next == NOBODY, "a packet on its way lies in no inbox");
        self.agenda.enter(at, Class::Usual, Due::of(In::Packets, place as usize));
    }

    /// Enters a disk operation.
    pub fn enter_job(&self, at: Instant, mut job: DiskJob) -> u64 {
        assert!(job.begun.is_some() && job.outcome.is_none(), "what is entered has begun and not ended");
        let mut jobs = self.jobs.borrow_mut();
        let place = jobs.vacant();
        job.ticket = self.agenda.enter(at, Class::Usual, Due::of(In::Jobs, place));
        let id = jobs.insert(job);
        assert_eq!(id >> 32, place as u64, "an operation lies where the agenda looks for it");
        id
    }

    /// Enters something that the world itself will do.
    pub fn enter_step(&self, at: Instant, class: Class, step: Step) -> Entered {
        let mut steps = self.steps.borrow_mut();
        let entry = steps.vacant_entry();
        let (place, ticket) = (entry.key(), self.agenda.enter(at, class, Due::of(In::Steps, entry.key())));
        entry.insert((ticket, step));
        (place, ticket)
    }

    /// Takes a step back, if it has not been done.
    pub fn withdraw_step(&self, (place, ticket): Entered) {
        assert_ne!(ticket, Ticket::NONE, "a step that was entered has a ticket");
        let mut steps = self.steps.borrow_mut();
        if steps.get(place).is_some_and(|(entered, _)| *entered == ticket) {
            steps.remove(place);
            self.agenda.withdraw();
        }
    }

    /// Whether an entry of the agenda still stands for something.
    #[inline]
    fn is_wanted(&self, due: Due, ticket: Ticket) -> bool {
        // A packet that was sent arrives, if only to find nobody there.
        due.table() == In::Packets || self.still_wanted(due, ticket)
    }

    fn still_wanted(&self, due: Due, ticket: Ticket) -> bool {
        let place = due.place() as usize;
        match due.table() {
            In::Packets => true,
            In::Timers => self.timers.borrow().places[place].ticket == ticket,
            In::Jobs => self.jobs.borrow().at(place).is_some_and(|job| job.ticket == ticket),
            In::Steps => self.steps.borrow().get(place).is_some_and(|(entered, _)| *entered == ticket),
        }
    }

    /// Moves time to what is due next, up to a limit.
    #[inline(always)]
    pub fn next(&self, limit: Instant) -> Option<Due> {
        self.agenda
            .next(limit, |number, ticket| self.is_wanted(Due(number), ticket), |numbers| self.fetch(numbers))
            .map(Due)
    }

    /// Reads a little of what will be due soon, and of whom it will wake, and does nothing with it: these places are far apart in
    /// memory, and the processor waits for all of them once, rather than for each when its time comes.
    #[inline(never)]
    fn fetch(&self, numbers: &[u32]) {
        let (timers, packets) = (self.timers.borrow(), self.packets.borrow());
        let due = || numbers.iter().map(|number| Due(*number));
        let mut seen = 0_u64;
        for due in due() {
            seen ^= match due.table() {
                In::Timers => u64::from(timers.places[due.place() as usize].nth),
                In::Packets => packets.at(due.place()).glance(),
                In::Jobs | In::Steps => 0,
            };
        }
        for due in due().filter(|due| due.table() == In::Timers) {
            seen ^= timers.places[due.place() as usize].task.as_ref().map_or(0, TaskRef::glance);
        }
        std::hint::black_box(seen);
    }

    /// What is due next, if it is of this class and of the present moment.
    pub fn next_now(&self, class: Class) -> Option<Due> {
        self.agenda.next_now(class, |number, ticket| self.is_wanted(Due(number), ticket)).map(Due)
    }

    /// Takes a step that is due.
    pub fn take_step(&self, due: Due) -> Step {
        assert!(due.table() == In::Steps, "what is taken is a step");
        self.steps.borrow_mut().remove(due.place() as usize).1
    }

    /// Ends the timers of a machine.
    pub fn end_timers(&self, slot: usize) {
        let ended = self.timers.borrow_mut().remove_of(slot);
        ended.iter().for_each(|ended| self.withdraw_timer(ended));
    }

    /// Ends the disk operations of a machine.
    pub fn end_jobs(&self, slot: usize) {
        let ended = self.jobs.borrow_mut().take_where(|job| job.owner == slot);
        // One that is just ending, or has ended, has left the agenda already.
        ended.iter().filter(|job| job.ticket != Ticket::NONE).for_each(|_| self.agenda.withdraw());
    }

    /// Checks what holds while nothing is just happening: whatever is under way is on the agenda once, and nothing else is.
    /// So many packets have arrived, and so many wait behind gates.
    pub fn check(&self, arrived: usize, waiting: usize) {
        let packets = self.packets.borrow();
        packets.check();
        assert!(arrived + waiting <= packets.len(), "a packet that has arrived, or waits, is there");
        let travelling = packets.len() - arrived - waiting;
        let timers = self.timers.borrow().check();
        let jobs = self.jobs.borrow().iter().filter(|job| job.check()).count();
        let steps = self.steps.borrow().len();
        let entered = travelling + timers + jobs + steps;
        assert_eq!(self.agenda.len(), entered, "whatever is under way is on the agenda, and nothing else is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        while let Some(due) = flight.next(Instant::NEVER) {
            let Step::Heal { generation } = flight.take_step(due) else { panic!("only heals were entered") };
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
        flight.agenda.enter(Instant::START, Class::Usual, Due::of(In::Packets, 1 << 24));
    }
}
