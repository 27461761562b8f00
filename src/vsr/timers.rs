//! Deadlines of a replica.

use crate::base::Instant;

/// What a replica may be waiting for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timer {
    /// A primary: time to say something.
    Heartbeat,
    /// A primary: time to send again what was not acknowledged.
    PrepareResend,
    /// A primary: time to see whether anybody hears it.
    Abdication,
    /// Any replica that is not content with its view: time to vote, for the first time or again.
    Vote,
    /// A replica between views: time to repeat its promise.
    PromiseResend,
    /// A replica between views: the view has failed to start.
    ViewChange,
    /// Entries that were asked for have not come.
    Fetch,
    /// A replica whose disk is lost: not enough of the others have answered.
    Recovery,
}

const ALL: [Timer; 8] = [
    Timer::Heartbeat,
    Timer::PrepareResend,
    Timer::Abdication,
    Timer::Vote,
    Timer::PromiseResend,
    Timer::ViewChange,
    Timer::Fetch,
    Timer::Recovery,
];

/// The deadlines, one per timer.
#[derive(Debug)]
pub(super) struct Timers([Instant; ALL.len()]);

impl Timers {
    pub fn new() -> Timers {
        Timers([Instant::NEVER; ALL.len()])
    }

    /// Sets a timer, whatever it was before.
    pub fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    /// Stops a timer.
    pub fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = Instant::NEVER;
    }

    /// Stops all of them.
    pub fn stop_all(&mut self) {
        self.0 = [Instant::NEVER; ALL.len()];
    }

    /// Whether a timer is set.
    pub fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize] != Instant::NEVER
    }

    /// The first deadline.
    pub fn next(&self) -> Instant {
        self.0.into_iter().min().expect("there are timers")
    }

    /// Takes one timer that is due, and stops it.
    pub fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = ALL.into_iter().find(|timer| self.0[*timer as usize] <= now)?;
        self.stop(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_are_taken_once() {
        let at = Instant::from_nanos;
        let mut timers = Timers::new();
        assert_eq!(timers.next(), Instant::NEVER);
        timers.set(Timer::Fetch, at(5));
        timers.set(Timer::Vote, at(7));
        assert_eq!(timers.next(), at(5));
        assert_eq!(timers.take_due(at(4)), None);
        assert_eq!(timers.take_due(at(7)), Some(Timer::Vote));
        assert_eq!(timers.take_due(at(7)), Some(Timer::Fetch));
        assert_eq!(timers.take_due(at(7)), None);
    }

    #[test]
    fn every_timer_has_its_own_place() {
        for (index, timer) in ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }
}
