//! Timers that have been started, and have not been seen to be due.

use std::task::Waker;

use crate::base::{EventId, Instant};
use crate::exec::{TaskRef, Ticket};

/// A timer that has been started. Aligned, so that it lies within one line of the cache.
#[derive(Debug)]
#[repr(align(64))]
pub(in super::super) struct Timer {
    /// Who started it; nobody once it is forgotten.
    pub task: Option<TaskRef>,
    pub nth: u32,
    /// What the clock of its node shows when it is due.
    pub at: Instant,
    /// The event in which it was started; once it has fired, the event of that.
    pub event: EventId,
    pub fired: bool,
    /// Of no item, if it waits for ever, has fired or is forgotten.
    pub ticket: Ticket,
    /// Who waits for it, if not that task itself.
    pub foreign: Option<Waker>,
    /// How often its place was given.
    pub generation: u32,
}

const _: () = assert!(size_of::<Timer>() == 64, "a timer is as large as a line of the cache");

/// What is left of a timer that is forgotten. Not to be dropped within a borrow: a waker is anybody's, and may call anything
/// when it goes.
pub(in super::super) struct Ended {
    pub ticket: Ticket,
    _foreign: Option<Waker>,
}

/// The table of timers. As with packets, a free place keeps the numbers of what lay there.
#[derive(Debug, Default)]
pub(in super::super) struct Timers {
    pub places: Vec<Timer>,
    free: Vec<u32>,
}

impl Timers {
    #[inline(always)]
    pub fn insert(&mut self, timer: Timer) -> u32 {
        match self.free.pop() {
            Some(place) => {
                let vacant = &mut self.places[place as usize];
                assert!(vacant.task.is_none(), "a place that is given is free");
                *vacant = Timer { generation: vacant.generation.wrapping_add(1), ..timer };
                place
            }
            None => {
                self.places.push(timer);
                u32::try_from(self.places.len() - 1).expect("there are fewer than 2^32 timers")
            }
        }
    }

    /// The number of the timer in a place: of it and no other.
    #[inline]
    pub fn id(&self, place: u32) -> u64 {
        u64::from(place) << 32 | u64::from(self.places[place as usize].generation)
    }

    /// A timer, unless it is forgotten.
    #[inline]
    pub fn find(&mut self, id: u64) -> Option<&mut Timer> {
        let timer = self.places.get_mut((id >> 32) as usize)?;
        (timer.generation == id as u32 && timer.task.is_some()).then_some(timer)
    }

    /// Forgets a timer that is there.
    #[inline]
    pub fn remove(&mut self, id: u64) -> Ended {
        let place = (id >> 32) as u32;
        let timer = &mut self.places[place as usize];
        assert!(timer.task.is_some(), "a timer is forgotten once");
        self.free.push(place);
        timer.task = None;
        Ended { ticket: std::mem::replace(&mut timer.ticket, Ticket::NONE), _foreign: timer.foreign.take() }
    }

    /// Forgets the timers of a machine.
    pub fn remove_of(&mut self, slot: usize) -> Vec<Ended> {
        let of = |timer: &Timer| timer.task.as_ref().is_some_and(|task| task.facts().owner == slot);
        let doomed: Vec<u32> =
            (0..self.places.len() as u32).filter(|place| of(&self.places[*place as usize])).collect();
        doomed.into_iter().map(|place| self.remove(self.id(place))).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Checks what holds while no timer is just firing. How many are on the agenda.
    pub fn check(&self) -> usize {
        let mut forgotten = 0;
        for timer in &self.places {
            let is_entered = timer.ticket != Ticket::NONE;
            assert!(!is_entered || !timer.fired, "a timer that has fired is on no agenda");
            assert!(!is_entered || timer.at != Instant::NEVER, "a timer that waits for ever is on no agenda");
            if timer.task.is_none() {
                assert!(!is_entered, "a timer that is forgotten is on no agenda");
                assert!(timer.foreign.is_none(), "nobody waits for a timer that is forgotten");
                forgotten += 1;
            }
        }
        assert_eq!(forgotten, self.free.len(), "the place of a timer that is forgotten is free");
        self.places.iter().filter(|timer| timer.ticket != Ticket::NONE).count()
    }
}
