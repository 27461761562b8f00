//! Tier 1, the arithmetic: blocks of operations that must stay together, and an order for them.
//!
//! With unique values, every read says which write it has seen. A write and its reads then form a *block*: nothing that
//! writes may come between them. What remains to be found is an order of the blocks. A block has a *zone*: from
//! `first_end`, the earliest return in it, to `last_call`, the latest call. Block `A` must come before block `B` if some
//! operation of `A` returned before some operation of `B` was called, that is, if
//!
//! ```text
//!     first_end(A) < last_call(B)                                                                     (A -> B)
//! ```
//!
//! and there is a linearization if and only if every block is in order within and `->` has no cycle. For example
//!
//! ```text
//!     put 1 |--|        get 1 |--|                  zone of 1: from the end of the put to the call of the get
//!                put 2 |--|        get 1 |--|        the block of 2 cannot be left of it, nor right of it
//! ```
//!
//! **Why two blocks are enough.** Take a cycle, and in it the block `M` with the greatest `last_call`. Every block `X` of
//! the cycle has `first_end(X) < last_call(successor of X) <= last_call(M)`, so `X -> M`, also for the successor of `M`: two
//! blocks that each must come before the other.
//!
//! **Why one sort is enough.** If `A -> B` and not `B -> A`, then `first_end(A) < last_call(B)` and `last_call(A) <=
//! first_end(B)`; add them up: `A` has the smaller sum of both. So if there is an order at all, sorting by the sum gives one.
//! And where it does not, because `B` is sorted behind `A` and yet `B -> A`, the same sums say `A -> B`: these two are the
//! contradiction. O(n log n), and hardly that: histories come nearly sorted.
//!
//! Source: Gibbons and Korach, "Testing shared memories", SIAM J. Computing 1997, whose zones these are ("forward" if
//! `first_end < last_call`, else "backward"); the sort by sums is ours.

use crate::check::recorded::Entry;

/// A time in zones: those of entries and one that is before all of them.
type Time = u64;

/// The first return and the last call of some operations, with who made them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zone {
    pub first_end: Time,
    pub first_end_op: u32,
    pub last_call: Time,
    pub last_call_op: u32,
}

/// Nobody: the operation of the virtual write of the initial value, and of an empty zone.
pub(super) const NOBODY: u32 = u32::MAX;

impl Zone {
    /// The zone of no operation.
    pub const EMPTY: Zone = Zone { first_end: Time::MAX, first_end_op: NOBODY, last_call: 0, last_call_op: NOBODY };

    /// The zone of the initial value, which was there before everything else.
    pub const INITIAL: Zone = Zone { first_end: 0, ..Zone::EMPTY };

    /// The zone of one operation.
    pub fn of(op: u32, entry: &Entry) -> Zone {
        let mut zone = Zone::EMPTY;
        zone.add(op, entry);
        zone
    }

    /// Takes one more operation in.
    #[inline]
    pub fn add(&mut self, op: u32, entry: &Entry) {
        // One later, so that 0 is before every operation; what never returns stays where it is.
        let (call, end) = (entry.call + 1, entry.end.saturating_add(1));
        if end < self.first_end {
            (self.first_end, self.first_end_op) = (end, op);
        }
        if call > self.last_call {
            (self.last_call, self.last_call_op) = (call, op);
        }
    }

    /// Whether no operation is in it. (What never returns has no return that could be first.)
    pub fn is_empty(&self) -> bool {
        self.last_call_op == NOBODY
    }

    /// Takes the operations of another zone in.
    #[inline]
    pub fn merge(&mut self, other: &Zone) {
        if other.first_end < self.first_end {
            (self.first_end, self.first_end_op) = (other.first_end, other.first_end_op);
        }
        if other.last_call > self.last_call {
            (self.last_call, self.last_call_op) = (other.last_call, other.last_call_op);
        }
    }

    /// Whether something of this had returned before something of the other was called.
    #[inline]
    pub fn must_precede(&self, other: &Zone) -> bool {
        self.first_end < other.last_call
    }

    /// Where the zone is sorted: by twice its middle.
    fn middle(&self) -> u128 {
        u128::from(self.first_end) + u128::from(self.last_call)
    }
}

/// Puts blocks, given by number, into an order in which they can take effect.
///
/// # Errors
/// Two blocks that each must come before the other.
pub(super) fn order(blocks: &mut [(Zone, u32)]) -> Result<(), [u32; 2]> {
    if !blocks.is_sorted_by_key(|(zone, _)| zone.middle()) {
        blocks.sort_by_key(|(zone, _)| zone.middle());
    }
    let Some(mut latest) = blocks.first().copied() else { return Ok(()) };
    for block in &blocks[1..] {
        if block.0.must_precede(&latest.0) {
            debug_assert!(latest.0.must_precede(&block.0), "whoever sorts behind must also come behind");
            return Err([latest.1, block.1]);
        }
        if block.0.last_call > latest.0.last_call {
            latest = *block;
        }
    }
    Ok(())
}
