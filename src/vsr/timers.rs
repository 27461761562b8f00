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

const _: () = {
    let mut index = 0;
    while index < ALL.len() {
        // So each timer is among them, once, and has its own place.
        assert!(ALL[index] as usize == index);
        index += 1;
    }
};
const _: () = assert!(ALL[ALL.len() - 1] as usize == Timer::Recovery as usize);

/// The deadlines, one per timer.
#[derive(Debug)]
pub(super) struct Timers([Instant; ALL.len()]);

impl Timers {
    pub fn new() -> Timers {
        let timers = Timers([Instant::NEVER; ALL.len()]);
        assert_eq!(timers.next(), Instant::NEVER, "a new replica waits for nothing");
        timers
    }

    /// Sets a timer, whatever it was before.
    pub fn set(&mut self, timer: Timer, at: Instant) {
        assert!(at < Instant::NEVER, "whoever waits for nothing stops the timer");
        self.0[timer as usize] = at;
        assert!(self.is_set(timer), "what is set is waited for");
        assert!(self.next() <= at, "nothing is waited for longer than it is set");
    }

    /// Stops a timer.
    pub fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = Instant::NEVER;
        assert!(!self.is_set(timer), "what is stopped is not waited for");
    }

    /// Stops all of them.
    pub fn stop_all(&mut self) {
        self.0 = [Instant::NEVER; ALL.len()];
        assert_eq!(self.next(), Instant::NEVER, "nothing is left to wait for");
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
        assert!(now < Instant::NEVER, "at the end of time all that was never set would be due");
        let Some(due) = ALL.into_iter().find(|timer| self.0[*timer as usize] <= now) else {
            assert!(self.next() > now, "what is due is found");
            return None;
        };
        assert!(self.is_set(due), "only what was waited for is due");
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
