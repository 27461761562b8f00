//! The log in memory: what lies after the newest durable checkpoint, with holes where the disk has lost something.
//!
//! A log begins at its *base*, the place that the checkpoint covers, and has a *position* for each op after it up to its
//! head. A position either has its entry, or is *missing*: the entry was there, but its bytes are lost. Behind the head
//! there may be *doubt*: a number of further ops of which it is not known whether they were ever there.
//!
//! What is known of a missing entry is its checksum, if its own header is left or the entry above it names it as its
//! parent; and its own parent, if its header is left. An example, with base 4: op 5 is here, op 6 lost its body but not
//! its header, op 7 lost both, op 8 is here.
//!
//! | op | position | checksum | parent |
//! |---|---|---|---|
//! | 5 | here | 5's | 4's |
//! | 6 | missing | by its header | by its header, 5's |
//! | 7 | missing | named by op 8 | not known |
//! | 8 | here | 8's | 7's |
//!
//! Had op 8 lost both too, nothing would name op 7, until op 8 is filled. So a log is repaired from above: the topmost
//! missing entry can always be told from any other.
//!
//! What holds at all times:
//!
//! 1. The head's checksum is known. (It is the superblock's log head, or the disk has the entry or its header.)
//! 2. Where the parent of a position is known, the checksum below it is, and they agree.

use std::collections::VecDeque;

use crate::base::Checksum;
use crate::vsr::entry::{Entry, Place};

use super::ring::{OP_MAX, SLOTS_MAX};

const _: () = assert!(SLOTS_MAX <= u32::MAX as u64, "the length of a log is an index, whatever the machine");

/// What is known of an entry that was in the log and whose bytes are lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    /// Its op number.
    pub op: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// The checksum of the entry before it.
    pub parent: Option<Checksum>,
}

/// One op's place in a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Position {
    /// The entry.
    Here(Entry),
    /// What is left of it.
    Missing(Missing),
}

impl Position {
    /// The op number.
    pub fn op(&self) -> u64 {
        match self {
            Position::Here(entry) => entry.op(),
            Position::Missing(missing) => missing.op,
        }
    }

    /// The entry's checksum, if it is known.
    pub fn checksum(&self) -> Option<Checksum> {
        match self {
            Position::Here(entry) => Some(entry.checksum()),
            Position::Missing(missing) => missing.checksum,
        }
    }

    /// The checksum of the entry before it, if it is known.
    pub fn parent(&self) -> Option<Checksum> {
        match self {
            Position::Here(entry) => Some(entry.header().parent),
            Position::Missing(missing) => missing.parent,
        }
    }
}

/// A log from its base to its head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    base: Place,
    base_timestamp: u64,
    positions: VecDeque<Position>,
    /// How many positions are missing.
    lost: usize,
    doubtful: u64,
}

impl Log {
    /// A log of nothing after `base`, whose entry has this timestamp.
    pub fn new(base: Place, timestamp: u64) -> Log {
        let log = Log { base, base_timestamp: timestamp, positions: VecDeque::new(), lost: 0, doubtful: 0 };
        log.check_ends();
        assert_eq!(log.head(), base, "a new log ends where it begins");
        assert!(log.is_whole(), "nothing is missing of a new log");
        log
    }

    /// What a restart has made out. The positions come in order from the base on; see this module's page for what must
    /// hold of them.
    pub(super) fn restored(base: Place, timestamp: u64, positions: VecDeque<Position>, doubtful: u64) -> Log {
        let lost = positions.iter().filter(|position| matches!(position, Position::Missing(_))).count();
        let log = Log { base, base_timestamp: timestamp, positions, lost, doubtful };
        assert!(base.op <= OP_MAX, "a checkpoint is of an op that somebody wrote");
        assert!(log.positions.len() as u64 + doubtful <= SLOTS_MAX, "a log and its doubt fit into a ring");
        log.check();
        log
    }

    /// Asserts what holds at all times. Looks at every position, so not for every step.
    fn check(&self) {
        self.check_ends();
        let (mut below, mut missing) = ((self.base.op, Some(self.base.checksum)), 0);
        for position in &self.positions {
            assert_eq!(position.op(), below.0 + 1, "positions come in order");
            if let Some(parent) = position.parent() {
                assert_eq!(below.1, Some(parent), "a known parent is the checksum below");
                assert!(position.checksum().is_some(), "nothing but an entry's own header or body names its parent");
            }
            missing += usize::from(matches!(position, Position::Missing(_)));
            below = (position.op(), position.checksum());
        }
        assert_eq!(missing, self.lost, "every hole is counted");
    }

    /// The part of it that is seen at the two ends.
    fn check_ends(&self) {
        assert!(self.base.op > 0 || self.base == Place::default(), "nothing has a checksum before op 1");
        assert!(self.positions.front().is_none_or(|first| first.op() == self.base.op + 1), "a log begins at its base");
        assert!(self.positions.back().is_none_or(|last| last.op() == self.op()), "no op is left out");
        assert!(self.place(self.op()).is_some(), "the head is known");
        assert!(self.lost <= self.positions.len(), "only what is in the log is missing from it");
        assert!(self.positions.len() as u64 <= SLOTS_MAX, "no ring holds a longer log");
        assert!(self.doubtful <= SLOTS_MAX, "no ring holds more doubt");
        assert!(self.op() + self.doubtful <= OP_MAX + SLOTS_MAX, "no ring has room for an op so far on");
    }

    /// The place that the checkpoint covers, after which the log begins.
    pub fn base(&self) -> Place {
        self.base
    }

    /// The timestamp of the entry at the base; 0 before op 1.
    pub fn base_timestamp(&self) -> u64 {
        self.base_timestamp
    }

    /// The last op that is certain to be in the log; the base's if there is none.
    pub fn op(&self) -> u64 {
        self.base.op + self.positions.len() as u64
    }

    /// The place of that op.
    pub fn head(&self) -> Place {
        self.place(self.op()).expect("the head is known")
    }

    /// The position of an op; `None` outside the log, the base included.
    pub fn position(&self, op: u64) -> Option<&Position> {
        let index = op.checked_sub(self.base.op)?.checked_sub(1)?;
        let position = self.positions.get(usize::try_from(index).ok()?)?;
        assert_eq!(position.op(), op, "positions come in order");
        assert!(op <= self.op(), "nothing is certain beyond the head");
        Some(position)
    }

    /// The entry of an op, if it is here.
    pub fn get(&self, op: u64) -> Option<&Entry> {
        match self.position(op)? {
            Position::Here(entry) => Some(entry),
            Position::Missing(_) => {
                assert!(self.lost > 0, "every hole is counted");
                None
            }
        }
    }

    /// The place of an op, the base included; `None` if its checksum is not known, or it is outside the log.
    pub fn place(&self, op: u64) -> Option<Place> {
        if op == self.base.op {
            return Some(self.base);
        }
        let checksum = self.position(op)?.checksum()?;
        assert!(op > self.base.op, "of what a checkpoint covers only the last place is known");
        Some(Place { op, checksum })
    }

    /// Whether the log is known to go through this place.
    pub fn holds(&self, place: Place) -> bool {
        let is_here = self.place(place.op) == Some(place);
        assert!(!is_here || place.op >= self.base.op, "a log begins at its base");
        assert!(!is_here || place.op <= self.op(), "a log ends with its head");
        is_here
    }

    /// The first op that is missing.
    pub fn first_missing(&self) -> Option<u64> {
        let first = self.missing().next().map(|missing| missing.op);
        assert_eq!(first.is_none(), self.is_whole(), "every hole is counted");
        assert!(first.is_none_or(|op| op > self.base.op), "nothing is missing of what a checkpoint covers");
        first
    }

    /// All that are missing, in order. Those that doubt is about are not among them.
    pub fn missing(&self) -> impl DoubleEndedIterator<Item = &Missing> {
        assert!(self.lost <= self.positions.len(), "only what is in the log is missing from it");
        let looked_at = if self.lost == 0 { 0 } else { self.positions.len() };
        self.positions.range(..looked_at).filter_map(|position| match position {
            Position::Here(_) => None,
            Position::Missing(missing) => Some(missing),
        })
    }

    /// Whether every certain position has its entry. There may be doubt behind them.
    pub fn is_whole(&self) -> bool {
        self.lost == 0
    }

    /// The entries from one op to another, both included, up to the first that is not here or beyond the log.
    pub fn entries(&self, from: u64, to: u64) -> impl Iterator<Item = &Entry> {
        let to = to.min(self.op());
        assert!(to.saturating_sub(self.base.op) <= SLOTS_MAX, "no ring holds a longer log");
        (from..=to).map_while(|op| self.get(op))
    }

    /// Adds an entry behind the head. If there was doubt about its op, there no longer is.
    pub fn push(&mut self, entry: Entry) {
        assert_eq!(entry.before(), self.head(), "an entry follows the one its parent names");
        let place = entry.place();
        let end = self.op() + self.doubtful;
        let before = match self.positions.back() {
            None => Some(self.base_timestamp),
            Some(Position::Here(last)) => Some(last.header().timestamp),
            Some(Position::Missing(_)) => None,
        };
        assert!(before.is_none_or(|before| before < entry.header().timestamp), "the stamps of a log rise");
        self.positions.push_back(Position::Here(entry));
        self.doubtful = self.doubtful.saturating_sub(1);
        assert_eq!(self.head(), place, "the log ends with what was added");
        assert!(self.op() + self.doubtful >= end, "no doubt goes but that about this op");
        self.check_ends();
    }

    /// Puts an entry into the hole it belongs to. False, and nothing has changed, if there is no hole of its op, or it is
    /// not *the* entry: its checksum is not the one that is known, or none is known yet.
    ///
    /// An entry that does not lead to what is below it is refused too. That cannot come of a crash, or of what a disk
    /// notices; it takes two lies of the disk about one entry. Such a hole stays.
    pub fn fill(&mut self, entry: &Entry) -> bool {
        let Some(Position::Missing(missing)) = self.position(entry.op()) else { return false };
        assert!(entry.op() > self.base.op, "what a checkpoint covers has no holes");
        if missing.checksum != Some(entry.checksum()) {
            return false;
        }
        let before = entry.before();
        if self.place(before.op).is_some_and(|place| place != before) && !self.is_hole(before.op) {
            return false;
        }
        let head = self.head();
        let index = (entry.op() - self.base.op - 1) as usize;
        assert_eq!(self.positions[index].op(), entry.op(), "positions come in order");
        assert!(self.lost > 0, "every hole is counted");
        self.positions[index] = Position::Here(entry.clone());
        self.lost -= 1;
        self.vouch(before);
        assert!(self.get(entry.op()).is_some(), "the hole is filled");
        assert!(self.holds(entry.place()), "the log goes through what has filled a hole");
        assert!(self.holds(before), "what has filled a hole leads to what is below it");
        assert_eq!(self.head(), head, "the log ends where it did");
        self.check_ends();
        true
    }

    fn is_hole(&self, op: u64) -> bool {
        let is_hole = matches!(self.position(op), Some(Position::Missing(_)));
        assert!(!is_hole || self.lost > 0, "every hole is counted");
        is_hole
    }

    /// The entry above has said that the log goes through this place. If it is missing there, now its checksum is known;
    /// what its own header said counts less, because that header may be a leftover.
    fn vouch(&mut self, place: Place) {
        assert!(place.op >= self.base.op, "nobody speaks of what the checkpoint covers");
        let above = self.position(place.op + 1).and_then(Position::parent);
        assert_eq!(above, Some(place.checksum), "only the entry above vouches for a place");
        if !self.is_hole(place.op) || self.holds(place) {
            return;
        }
        let index = (place.op - self.base.op - 1) as usize;
        assert_eq!(self.positions[index].op(), place.op, "positions come in order");
        self.positions[index] =
            Position::Missing(Missing { op: place.op, checksum: Some(place.checksum), parent: None });
        assert!(self.is_hole(place.op), "to know its checksum is not to have it");
        assert!(self.holds(place), "the log goes through what the entry above names");
    }

    /// Removes all that is after an op whose place is known, doubt included.
    pub fn cut(&mut self, op: u64) {
        assert!(op >= self.base.op, "what a checkpoint covers is never cut");
        assert!(op <= self.op(), "a log is cut within itself");
        assert!(self.place(op).is_some(), "the head of a log is known");
        let head = self.place(op);
        let cut = self.positions.drain((op - self.base.op) as usize..);
        self.lost -= cut.filter(|position| matches!(position, Position::Missing(_))).count();
        self.doubtful = 0;
        assert_eq!(self.op(), op, "the log ends where it was cut");
        assert_eq!(Some(self.head()), head, "what is kept stays as it was");
        assert!(self.position(op + 1).is_none(), "nothing is left after the cut");
        self.check();
    }

    /// Drops everything up to a checkpoint at this place, whose entry has this timestamp. If the checkpoint is beyond the
    /// head, nothing is left; and of the doubt only what is beyond the checkpoint.
    ///
    /// A log that is known to go through another place there must be cut first.
    pub fn rebase(&mut self, place: Place, timestamp: u64) {
        assert!(place.op >= self.base.op, "checkpoints do not go back");
        assert!(self.place(place.op).is_none_or(|known| known == place), "the log goes through its checkpoint");
        let (head, end) = (self.head(), self.op() + self.doubtful);
        let covered = (place.op - self.base.op).min(self.positions.len() as u64) as usize;
        let dropped = self.positions.drain(..covered);
        self.lost -= dropped.filter(|position| matches!(position, Position::Missing(_))).count();
        (self.base, self.base_timestamp) = (place, timestamp);
        self.doubtful = end.saturating_sub(self.op()).min(self.doubtful);
        assert_eq!(self.op(), head.op.max(place.op), "what is after the checkpoint stays");
        assert!(head.op <= place.op || self.head() == head, "the log ends where it did");
        assert_eq!(self.op() + self.doubtful, end.max(place.op), "doubt ends where it did");
        self.check();
    }

    /// Of how many ops behind the head it is not known whether they were ever there.
    pub fn doubtful(&self) -> u64 {
        self.doubtful
    }

    /// It has turned out that the log ends with its head.
    pub fn settle_doubt(&mut self) {
        assert!(self.doubtful <= SLOTS_MAX, "no ring holds more doubt");
        self.doubtful = 0;
        self.check_ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vsr::entry::tests::chain;

    fn here(entry: &Entry) -> Position {
        Position::Here(entry.clone())
    }

    fn lost(op: u64, checksum: Option<Checksum>, parent: Option<Checksum>) -> Position {
        Position::Missing(Missing { op, checksum, parent })
    }

    fn log(positions: Vec<Position>, doubtful: u64) -> Log {
        Log::restored(Place::default(), 0, positions.into(), doubtful)
    }

    #[test]
    fn a_whole_log_grows_and_is_cut() {
        let entries = chain(1, &[0, 0, 0]);
        let mut log = Log::new(Place::default(), 0);
        assert_eq!((log.op(), log.head()), (0, Place::default()));
        entries.iter().for_each(|entry| log.push(entry.clone()));
        assert!(log.is_whole());
        assert_eq!(log.head(), entries[2].place());
        let ops = |from, to| log.entries(from, to).map(Entry::op).collect::<Vec<_>>();
        assert_eq!(ops(1, 3), [1, 2, 3]);
        assert_eq!(ops(2, u64::MAX), [2, 3]);
        assert_eq!((ops(0, 3), ops(4, 9), ops(3, 2)), (vec![], vec![], vec![]));
        log.cut(1);
        assert_eq!(log.head(), entries[0].place());
        assert!(!log.holds(entries[1].place()));
        assert!(log.holds(Place::default()));
    }

    #[test]
    #[should_panic(expected = "the stamps of a log rise")]
    fn an_entry_stamped_before_the_base_is_refused() {
        let first = chain(1, &[0]).remove(0);
        Log::new(Place::default(), first.header().timestamp).push(first);
    }

    #[test]
    fn holes_are_filled_from_above() {
        let entries = chain(1, &[0, 0, 0, 0]);
        let head = entries[3].place();
        let mut log = log(
            vec![here(&entries[0]), lost(2, None, None), lost(3, None, None), lost(4, Some(head.checksum), None)],
            0,
        );
        assert_eq!(log.first_missing(), Some(2));
        assert_eq!(log.missing().map(|missing| missing.op).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(log.head(), head);
        assert!(!log.fill(&entries[1]), "nothing says yet that it is this one");
        assert!(!log.fill(&entries[2]));
        for entry in entries[1..].iter().rev() {
            assert!(log.fill(entry));
            assert!(log.holds(entry.before()));
            assert!(!log.fill(entry), "only once");
        }
        assert!(log.is_whole());
        assert_eq!(log.entries(1, 4).count(), 4);
    }

    #[test]
    fn only_the_entry_that_was_there_fills_a_hole() {
        let entries = chain(1, &[0, 0, 0]);
        let other = chain(1, &[0, 1]);
        let mut log = log(vec![here(&entries[0]), lost(2, Some(entries[1].checksum()), None), here(&entries[2])], 0);
        assert!(!log.fill(&other[1]));
        assert!(!log.fill(&entries[0]));
        assert!(log.fill(&entries[1]));
    }

    #[test]
    fn the_one_above_counts_more_than_a_header_that_may_be_left_over() {
        let entries = chain(1, &[0, 0, 0]);
        let other = chain(1, &[0, 1]);
        let stale = lost(2, Some(other[1].checksum()), Some(entries[0].checksum()));
        let mut log = log(vec![here(&entries[0]), stale, lost(3, Some(entries[2].checksum()), None)], 0);
        assert!(log.fill(&entries[2]));
        assert_eq!(log.place(2), Some(entries[1].place()));
        assert!(!log.fill(&other[1]));
        assert!(log.fill(&entries[1]));
    }

    #[test]
    fn an_entry_that_leads_elsewhere_does_not_fill() {
        let entries = chain(1, &[0, 0]);
        let other = chain(1, &[1]);
        let mut log = log(vec![here(&other[0]), lost(2, Some(entries[1].checksum()), None)], 0);
        assert!(!log.fill(&entries[1]));
        assert_eq!(log.first_missing(), Some(2));
    }

    #[test]
    fn doubt_shrinks_as_the_log_grows() {
        let entries = chain(1, &[0, 0, 0]);
        let mut log = log(vec![here(&entries[0])], 2);
        log.push(entries[1].clone());
        assert_eq!((log.op(), log.doubtful()), (2, 1));
        assert!(log.is_whole());
        log.settle_doubt();
        assert_eq!(log.doubtful(), 0);
    }

    #[test]
    fn a_checkpoint_takes_what_it_covers() {
        let entries = chain(1, &[0; 5]);
        let holed = log(
            vec![here(&entries[0]), lost(2, None, None), lost(3, Some(entries[2].checksum()), None), here(&entries[3])],
            3,
        );
        for op in 1..=5 {
            let mut log = holed.clone();
            log.rebase(entries[op - 1].place(), op as u64);
            assert_eq!(log.base(), entries[op - 1].place());
            assert_eq!(log.op(), 4.max(op as u64));
            assert_eq!(log.doubtful(), if op == 5 { 2 } else { 3 });
            assert_eq!(log.missing().count(), 3usize.saturating_sub(op).min(2));
        }
        let mut log = holed.clone();
        log.rebase(Place { op: 99, checksum: Checksum(9) }, 99);
        assert_eq!((log.op(), log.doubtful(), log.is_whole()), (99, 0, true));
    }

    #[test]
    #[should_panic(expected = "the log goes through its checkpoint")]
    fn a_checkpoint_of_another_history_is_not_taken() {
        let entries = chain(1, &[0]);
        log(vec![here(&entries[0])], 0).rebase(Place { op: 1, checksum: Checksum(9) }, 1);
    }
}
