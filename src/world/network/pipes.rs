//! Bandwidth: a packet takes its time to be transmitted, and waits for those of its link before it. Clock-free: it is told
//! when, and says for how long.

use std::collections::{BTreeMap, VecDeque};

use super::links::LinkId;
use crate::base::Instant;

/// The links of a network that carries so many bytes a second on each of them.
#[derive(Debug)]
pub(in crate::world) struct Pipes {
    /// Bytes a second; no limit if absent.
    bandwidth: Option<u64>,
    /// How many packets may wait for others; any number if absent.
    queue: Option<u32>,
    pipes: BTreeMap<LinkId, Pipe>,
}

#[derive(Debug, Default)]
struct Pipe {
    /// When everything so far has been transmitted.
    free: Instant,
    /// When the transmission of those begins that may still wait for it.
    begins: VecDeque<Instant>,
}

const NANOS_IN_SECOND: u128 = 1_000_000_000;

impl Pipes {
    pub fn new(bandwidth: Option<u64>, queue: Option<u32>) -> Pipes {
        assert!(bandwidth != Some(0), "a link of no bandwidth carries nothing");
        Pipes { bandwidth, queue, pipes: BTreeMap::new() }
    }

    /// Puts a packet of so many bytes behind the others of its link. When its last byte has left; nothing if too many wait.
    pub fn transmit(&mut self, link: LinkId, now: Instant, bytes: u64) -> Option<Instant> {
        let Some(bandwidth) = self.bandwidth else { return Some(now) };
        let pipe = self.pipes.entry(link).or_default();
        while pipe.begins.front().is_some_and(|begins| *begins <= now) {
            pipe.begins.pop_front();
        }
        assert!(
            pipe.begins.back().is_none_or(|last| *last <= pipe.free),
            "nothing begins after all has been transmitted"
        );
        let begins = pipe.free.max(now);
        if begins > now {
            let waiting = u32::try_from(pipe.begins.len()).unwrap_or(u32::MAX);
            assert!(self.queue.is_none_or(|queue| waiting <= queue), "no more wait than may");
            assert!(pipe.begins.back().is_none_or(|last| *last <= begins), "those who wait keep their order");
            if self.queue.is_some_and(|queue| waiting >= queue) {
                return None;
            }
            pipe.begins.push_back(begins);
        }
        // Rounded up, so that no link ever carries more than it can.
        let nanos = (u128::from(bytes) * NANOS_IN_SECOND).div_ceil(u128::from(bandwidth));
        pipe.free = begins.after(u64::try_from(nanos).unwrap_or(u64::MAX));
        assert!(pipe.free >= begins, "time does not run backwards");
        Some(pipe.free)
    }

    /// What was to be transmitted on a link is not any more.
    pub fn clear(&mut self, link: LinkId) {
        self.pipes.remove(&link);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::links::Network;
    use super::*;
    use crate::base::Cluster;

    fn link() -> LinkId {
        Network::new(Cluster { replicas: 2, clients: 0 }).link(0, 1)
    }

    fn at(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1_000)
    }

    #[test]
    fn a_packet_waits_for_those_before_it_and_one_too_many_is_lost() {
        // A byte takes a microsecond.
        let mut pipes = Pipes::new(Some(1_000_000), Some(2));
        let mut send = |micros, bytes| pipes.transmit(link(), at(micros), bytes);
        assert_eq!(send(0, 100), Some(at(100)));
        assert_eq!(send(0, 50), Some(at(150)));
        assert_eq!(send(10, 50), Some(at(200)));
        assert_eq!(send(10, 50), None, "one is on its way and two wait");
        assert_eq!(send(100, 50), Some(at(250)), "the first that waited is on its way now");
        assert_eq!(send(1_000, 1), Some(at(1_001)));
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut pipes = Pipes::new(None, Some(0));
        assert_eq!(pipes.transmit(link(), at(5), u64::MAX), Some(at(5)));
    }

    #[test]
    fn a_queue_of_none_carries_what_finds_the_link_free() {
        let mut pipes = Pipes::new(Some(1_000_000), Some(0));
        assert_eq!(pipes.transmit(link(), at(0), 10), Some(at(10)));
        assert_eq!(pipes.transmit(link(), at(9), 10), None);
        assert_eq!(pipes.transmit(link(), at(10), 10), Some(at(20)));
        pipes.clear(link());
        assert_eq!(pipes.transmit(link(), at(11), 10), Some(at(21)));
    }

    proptest! {
        /// Between any two moments at which something had been transmitted, no more bytes have left than the link carries.
        #[test]
        fn no_link_carries_more_than_it_can(
            bandwidth in 1u64..5_000_000_000,
            sends in prop::collection::vec((0u64..5_000_000, 0u64..20_000), 1..60),
        ) {
            let mut pipes = Pipes::new(Some(bandwidth), None);
            let (mut now, mut done) = (0, Vec::new());
            for (wait, bytes) in sends {
                now += wait;
                let end = pipes.transmit(link(), Instant::from_nanos(now), bytes).expect("the queue has no end");
                done.push((end.as_nanos(), bytes));
            }
            for first in 0..done.len() {
                let mut carried: u128 = 0;
                for (end, bytes) in &done[first + 1..] {
                    carried += u128::from(*bytes);
                    let span = u128::from(end - done[first].0);
                    prop_assert!(carried * NANOS_IN_SECOND <= span * u128::from(bandwidth));
                }
            }
        }
    }
}
