//! A node's clocks: from true time to what they show, and back.
//!
//! The monotonic clock is true time, a constant ahead. One that drifts runs at a pace of its own from some moment on: after
//! `span` of true time it shows `span + span * drift / 1,000,000` more than it did then, rounded down. It never goes back,
//! whatever happens to its pace. The calendar clock is the monotonic one and what jumps have added to it.

use std::cell::Cell;
use std::rc::Rc;

use super::machine::Machine;
use crate::base::measure::DRIFT_MAX;
use crate::base::{Instant, NodeId, WallTime};
use crate::exec::Ticket;
use crate::world::faults::fault::ClockChange;
use crate::world::shared::Shared;
use crate::world::tracer::Deed;

const MILLION: i128 = 1_000_000;

const _: () = assert!((DRIFT_MAX as i128) < MILLION, "no clock stands still, or runs backwards");

/// The clocks of one node.
#[derive(Debug, Default)]
pub(in crate::world) struct Clock {
    /// How far they are ahead while they keep pace with true time.
    ahead: Cell<u64>,
    /// Whether they have ever had another pace.
    drifts: Cell<bool>,
    /// How they run, if so.
    pace: Cell<Pace>,
    /// What jumps have added to the calendar clock.
    jumped: Cell<i64>,
}

/// How a clock runs from some moment on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Pace {
    /// The moment, in true time.
    since: u64,
    /// What the clock showed then.
    shown: u64,
    /// Parts per million more than it should.
    drift: i32,
}

impl Pace {
    /// What the clock shows at a moment that is not before the one from which it runs so.
    fn shows(self, now: u64) -> u64 {
        assert!(now >= self.since, "a clock is not asked for what it showed");
        assert!(self.drift.unsigned_abs() <= DRIFT_MAX, "no clock drifts by {} parts per million", self.drift);
        let span = i128::from(now - self.since);
        let shown = i128::from(self.shown) + span + (span * i128::from(self.drift)).div_euclid(MILLION);
        u64::try_from(shown.max(i128::from(self.shown))).unwrap_or(u64::MAX)
    }

    /// The first moment at which the clock shows this, which it did not when it began to run so.
    fn reaches(self, at: u64) -> u64 {
        assert!(at >= self.shown, "a clock is not asked when it showed something");
        let more = i128::from(at - self.shown) * MILLION;
        let span = (more / (MILLION + i128::from(self.drift))).max(0);
        // Rounded down twice, so it is this one or one of its neighbours.
        let guess = self.since.saturating_add(u64::try_from(span).unwrap_or(u64::MAX));
        let first = guess.saturating_sub(2).max(self.since);
        let reached = (first..=guess.saturating_add(2)).find(|now| self.shows(*now) >= at).unwrap_or(u64::MAX);
        assert!(
            reached == self.since || self.shows(reached - 1) < at,
            "a clock does not show sooner what is waited for"
        );
        reached
    }
}

impl Clock {
    /// Clocks that are so far ahead, and drift by so many parts per million.
    pub fn new(ahead: u64, drift: i32) -> Clock {
        let clock = Clock { ahead: Cell::new(ahead), ..Clock::default() };
        if drift != 0 {
            clock.set_pace(Instant::START, drift);
        }
        assert_eq!(clock.shows(Instant::START).as_nanos(), ahead, "a clock begins as far ahead as it is set");
        clock
    }

    /// What the monotonic clock shows.
    #[inline]
    pub fn shows(&self, now: Instant) -> Instant {
        if self.drifts.get() {
            return self.shows_with_drift(now);
        }
        Instant::from_nanos(now.as_nanos() + self.ahead.get())
    }

    #[cold]
    fn shows_with_drift(&self, now: Instant) -> Instant {
        Instant::from_nanos(self.pace.get().shows(now.as_nanos()))
    }

    /// What the calendar clock shows.
    pub fn calendar(&self, now: Instant) -> WallTime {
        let shown = WallTime::START.0.saturating_add(self.shows(now).as_nanos());
        WallTime(shown.saturating_add_signed(self.jumped.get()))
    }

    /// When, in true time, the monotonic clock will show this; none if it does already. A wait for ever is one by any clock.
    #[inline]
    pub fn due(&self, now: Instant, at: Instant) -> Option<Instant> {
        if self.drifts.get() {
            return self.due_with_drift(now, at);
        }
        let ahead = self.ahead.get();
        if now.as_nanos() + ahead >= at.as_nanos() {
            return None;
        }
        Some(if at == Instant::NEVER { at } else { Instant::from_nanos(at.as_nanos() - ahead) })
    }

    #[cold]
    fn due_with_drift(&self, now: Instant, at: Instant) -> Option<Instant> {
        let pace = self.pace.get();
        let is_shown = pace.shows(now.as_nanos()) >= at.as_nanos();
        let due = || if at == Instant::NEVER { at } else { Instant::from_nanos(pace.reaches(at.as_nanos())) };
        let due = (!is_shown).then(due);
        assert!(due.is_none_or(|due| due > now), "what is not shown yet will be shown later");
        due
    }

    /// From now on the clocks have another pace.
    fn set_pace(&self, now: Instant, drift: i32) {
        assert!(drift.unsigned_abs() <= DRIFT_MAX, "no clock drifts by {drift} parts per million");
        let shown = self.shows(now);
        self.pace.set(Pace { since: now.as_nanos(), shown: shown.as_nanos(), drift });
        self.drifts.set(true);
        assert_eq!(self.shows(now), shown, "another pace moves no clock by itself");
    }

    fn jump(&self, shift: i64) {
        self.jumped.set(self.jumped.get().saturating_add(shift));
    }
}

impl Shared {
    /// Changes the clocks of a node.
    pub fn change_clock(self: &Rc<Self>, node: NodeId, change: ClockChange) {
        let machine = self.machine(node);
        match change {
            ClockChange::Jump(shift) => {
                self.count(Deed::ClockJump);
                machine.clock.jump(shift);
            }
            ClockChange::Drift(drift) => {
                self.count(Deed::ClockDrift);
                machine.clock.set_pace(self.now(), drift);
                self.rearm(self.cluster.slot(node), machine);
            }
        }
    }

    /// Timers wait for what their node's clock shows. At another pace it will show that at another time, so those of the
    /// machine are entered again.
    fn rearm(&self, slot: usize, machine: &Machine) {
        let mut timers = self.flight.timers.borrow_mut();
        for place in 0..timers.places.len() {
            let timer = &timers.places[place];
            let is_of = timer.task.as_ref().is_some_and(|task| task.facts().owner == slot);
            if is_of && timer.ticket != Ticket::NONE {
                assert!(!timer.fired, "a timer that has fired is on no agenda");
                assert!(timer.at != Instant::NEVER, "a timer that waits for ever is on no agenda");
                let due = machine.clock.due(self.now(), timer.at).unwrap_or(self.now());
                self.flight.enter_timer_again(&mut timers, place, due);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_exact_clock_shows_true_time_and_what_it_is_ahead() {
        let clock = Clock::new(300, 0);
        assert_eq!(clock.shows(Instant::from_nanos(1_000)), Instant::from_nanos(1_300));
        let due = |at| clock.due(Instant::from_nanos(900), at);
        assert_eq!(due(Instant::from_nanos(1_300)), Some(Instant::from_nanos(1_000)));
        assert_eq!(due(Instant::NEVER), Some(Instant::NEVER));
        assert_eq!(due(Instant::from_nanos(1_200)), None);
    }

    #[test]
    fn a_fast_clock_gets_ahead_and_a_slow_one_falls_behind() {
        let second = 1_000_000_000;
        let shows = |drift| Clock::new(0, drift).shows(Instant::from_nanos(second)).as_nanos();
        assert_eq!([shows(500), shows(-500), shows(0)], [1_000_500_000, 999_500_000, second]);
    }

    #[test]
    fn only_the_calendar_jumps() {
        let (clock, now) = (Clock::new(5, 0), Instant::from_nanos(100));
        clock.jump(-50);
        assert_eq!(clock.calendar(now).0, WallTime::START.0 + 55);
        assert_eq!(clock.shows(now), Instant::from_nanos(105));
        clock.jump(i64::MIN);
        assert_eq!(clock.calendar(now).0, 0, "there is no calendar before its first day");
    }

    proptest! {
        #[test]
        fn a_clock_never_goes_back_and_is_never_early(
            ahead in 0u64..1_000_000_000,
            paces in prop::collection::vec((0u64..10_000_000_000, -500_000i32..=500_000), 1..6),
            waits in prop::collection::vec(1u64..10_000_000_000, 1..6),
        ) {
            let clock = Clock::new(ahead, 0);
            let (mut now, mut last) = (Instant::START, Instant::START);
            for (span, drift) in paces {
                now = now.after(span);
                prop_assert!(clock.shows(now) >= last);
                last = clock.shows(now);
                clock.set_pace(now, drift);
                prop_assert_eq!(clock.shows(now), last);
                for wait in &waits {
                    let at = last.after(*wait);
                    let due = clock.due(now, at).expect("it is later than now");
                    prop_assert!(due > now);
                    prop_assert!(clock.shows(due) >= at);
                    prop_assert!(clock.shows(Instant::from_nanos(due.as_nanos() - 1)) < at, "it is not late either");
                }
            }
        }
    }
}
