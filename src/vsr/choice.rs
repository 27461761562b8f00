//! Where the log of a new view ends.
//!
//! Among the promises of a view-change quorum the log of the latest view counts, and of those the longest, because it has
//! everything that may have been committed. It may also have more, which does no harm, as long as somebody has the bytes. Where
//! nobody who promised has them, they are lost, or with somebody who is not heard from. The entry may be dropped only
//! if it cannot have been committed: if so many replicas *deny* ever having had it (a nack) that the rest are no
//! replication quorum. A replica that lost the entry does not deny it. (Alagappan and others, "Protocol-Aware Recovery for
//! Consensus-Based Storage", 2018.)

use super::disk::Position;
use super::entry::Place;
use super::quorum;
use super::view_change::Promise;

/// Where the log of the best of these promises is to end; `None` while that cannot be told. Everything up to `commit` is known to be
/// committed.
pub(super) fn head(replicas: u16, commit: Place, best: &Promise, promises: &[&Promise]) -> Option<Place> {
    assert!(best.holds(commit), "a log that can be chosen has what is committed");
    assert!(promises.len() <= usize::from(replicas), "each replica promises once");
    let same: Vec<&Promise> = promises.iter().copied().filter(|promise| promise.log_view == best.log_view).collect();
    let is_enough = |nacks: usize| nacks >= usize::from(quorum::nack(replicas));
    // What is below the suffix is further from the head than anything uncommitted can be.
    let first = best.log.suffix.first().map_or(best.log.head.op + 1, Position::op);
    let mut below = commit;
    for op in first.max(commit.op + 1)..=best.log.head.op {
        assert!(below.op < op, "ops are looked at in order");
        let checksum = same.iter().find_map(|promise| promise.log.at(op).and_then(Position::checksum));
        let is_there = promises.iter().any(|promise| match promise.log.at(op) {
            Some(Position::Here(entry)) => Some(entry.checksum()) == checksum,
            _ => false,
        });
        if is_there {
            below = Place { op, checksum: checksum.expect("an entry that is there has a checksum") };
            continue;
        }
        let nacks = promises.iter().filter(|promise| promise.denies(op, checksum)).count();
        assert!(below.op >= commit.op, "what is committed is never dropped");
        return is_enough(nacks).then_some(below);
    }
    // What is beyond the certain end of a log was first prepared in the log's own view: who was not in it, never had it.
    let next = best.log.head.op + 1;
    if same.iter().any(|promise| promise.log.head.op + promise.log.doubt >= next) {
        let denies = |promise: &&&Promise| promise.log_view < best.log_view || promise.denies(next, None);
        let nacks = promises.iter().filter(denies).count();
        return is_enough(nacks).then_some(best.log.head);
    }
    Some(best.log.head)
}

#[cfg(test)]
mod tests {
    use super::super::disk::Missing;
    use super::super::entry::tests::chain;
    use super::super::entry::{Entry, View};
    use super::super::message::LogEnd;
    use super::*;

    /// A promise whose log has these of the entries; those it has lost are given as negative numbers.
    fn promise(entries: &[Entry], log_view: u64, ops: &[i64], doubt: u64) -> Promise {
        let position = |op: &i64| {
            let entry = &entries[op.unsigned_abs() as usize - 1];
            let lost = Missing { op: entry.op(), checksum: Some(entry.checksum()), parent: None };
            if *op > 0 { Position::Here(entry.clone()) } else { Position::Missing(lost) }
        };
        let suffix: Vec<Position> = ops.iter().map(position).collect();
        let head = suffix.last().map_or(Place::default(), |last| Place {
            op: last.op(),
            checksum: last.checksum().expect("all of them are known"),
        });
        let log = LogEnd { head, doubt, suffix };
        Promise { log_view: View(log_view), lives: [0; 6], commit: Place::default(), log }
    }

    fn ends(replicas: u16, promises: &[Promise]) -> Option<u64> {
        let best = promises.iter().max_by_key(|promise| (promise.log_view, promise.log.head.op)).unwrap();
        head(replicas, Place::default(), best, &promises.iter().collect::<Vec<_>>()).map(|place| place.op)
    }

    #[test]
    fn what_is_there_stays() {
        let entries = chain(1, &[0, 0]);
        let promise = |ops: &[i64]| promise(&entries, 0, ops, 0);
        assert_eq!(ends(3, &[promise(&[1, 2]), promise(&[1])]), Some(2));
        assert_eq!(ends(3, &[promise(&[1, -2]), promise(&[1, 2])]), Some(2), "somebody has it");
        assert_eq!(ends(3, &[promise(&[]), promise(&[])]), Some(0));
    }

    #[test]
    fn what_is_lost_is_dropped_only_if_enough_deny_it() {
        let entries = chain(1, &[0, 0]);
        let promise = |ops: &[i64]| promise(&entries, 0, ops, 0);
        // Of three, two that never had it: the third alone cannot have committed it.
        assert_eq!(ends(3, &[promise(&[1, -2]), promise(&[1])]), None);
        assert_eq!(ends(3, &[promise(&[1, -2]), promise(&[1]), promise(&[1])]), Some(1));
        assert_eq!(ends(3, &[promise(&[1, -2]), promise(&[1, -2]), promise(&[1])]), None);
        // Of two, both are a quorum: one that never had it is enough.
        assert_eq!(ends(2, &[promise(&[1, -2]), promise(&[1])]), Some(1));
        assert_eq!(ends(1, &[promise(&[1, -2])]), None);
    }

    #[test]
    fn another_entry_in_its_place_denies_it() {
        let (entries, others) = (chain(1, &[0, 1]), chain(1, &[0, 0]));
        let lost = promise(&entries, 1, &[1, -2], 0);
        let older = promise(&others, 0, &[1, 2], 0);
        assert_eq!(ends(3, &[lost.clone(), older.clone()]), None);
        assert_eq!(ends(3, &[lost, older.clone(), older]), Some(1));
    }

    #[test]
    fn doubt_about_the_end_waits_for_those_who_know() {
        let entries = chain(1, &[0, 0]);
        let sure = promise(&entries, 0, &[1], 0);
        let unsure = promise(&entries, 0, &[1], 1);
        assert_eq!(ends(3, &[unsure.clone(), sure.clone()]), None);
        assert_eq!(ends(3, &[unsure.clone(), sure.clone(), sure.clone()]), Some(1));
        let longer = promise(&entries, 0, &[1, 2], 0);
        assert_eq!(ends(3, &[unsure.clone(), longer]), Some(2), "it is known after all");
        let earlier = promise(&entries, 0, &[1], 0);
        let later = Promise { log_view: View(3), ..unsure };
        assert_eq!(ends(3, &[later, earlier.clone(), earlier]), Some(1), "who was not in the view denies all of it");
    }
}
