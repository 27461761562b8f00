//! Where in the rings an op lives.
//!
//! Both rings have the same number of slots, S. Op n lives in slot (n - 1) mod S, so with S = 8 the ops 1, 9 and 17
//! share slot 0. Behind a checkpoint that covers everything up to op c, the ops that may stand in the ring are those from
//! c + 1 to c + S: each slot has exactly one of them, the op *expected* there.

/// Bytes that a disk writes as one; a crash keeps, loses or tears each of them by itself.
pub const SECTOR_SIZE: usize = 512;
/// Slots of a ring at least.
pub const SLOTS_MIN: u64 = 8;
/// Slots of a ring at most.
pub const SLOTS_MAX: u64 = 1024;
/// Headers in a sector. The number of slots is a multiple of it, so that the headers fill whole sectors.
pub const HEADERS_PER_SECTOR: u64 = 4;
/// No op number on disk is greater, so that sums of op numbers and slots never overflow. More than anybody writes.
pub const OP_MAX: u64 = u64::MAX / 4;

const _: () = assert!(SLOTS_MIN.is_multiple_of(HEADERS_PER_SECTOR));
const _: () = assert!(SLOTS_MAX.is_multiple_of(HEADERS_PER_SECTOR));
const _: () = assert!(SLOTS_MIN <= SLOTS_MAX);
const _: () = assert!(OP_MAX.checked_add(2 * SLOTS_MAX).is_some());

/// The number of slots, and with it the place of every op.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ring(u64);

impl Ring {
    /// A ring of this many slots: a multiple of 4 from 8 to 1,024. `None` for any other number.
    pub fn new(slots: u64) -> Option<Ring> {
        let fits = (SLOTS_MIN..=SLOTS_MAX).contains(&slots) && slots.is_multiple_of(HEADERS_PER_SECTOR);
        fits.then_some(Ring(slots))
    }

    /// The number of slots.
    pub fn slots(self) -> u64 {
        assert!((SLOTS_MIN..=SLOTS_MAX).contains(&self.0), "a ring is made with a number of slots that fits");
        self.0
    }

    /// The number of sectors that hold the headers.
    pub fn header_sectors(self) -> u64 {
        assert!(self.0.is_multiple_of(HEADERS_PER_SECTOR), "headers fill whole sectors");
        self.0 / HEADERS_PER_SECTOR
    }

    /// The slot of an op, which counts from 1.
    pub fn slot(self, op: u64) -> u64 {
        assert!(op > 0, "ops count from 1");
        assert!(op <= OP_MAX + SLOTS_MAX, "no ring has room for an op so far on");
        (op - 1) % self.0
    }

    /// The op expected in a slot behind a checkpoint at op `base`: the one from `base + 1` to `base + S` that lives there.
    pub fn expected(self, base: u64, slot: u64) -> u64 {
        assert!(slot < self.0, "a slot of this ring");
        assert!(base <= OP_MAX, "a checkpoint is of an op that somebody wrote");
        let first = self.slot(base + 1);
        let op = base + 1 + (slot + self.0 - first) % self.0;
        assert_eq!(self.slot(op), slot, "an op lives in its slot");
        assert!(op > base, "what a checkpoint covers is not expected");
        assert!(op <= self.last(base), "there is room for what is expected");
        op
    }

    /// The greatest op for which there is room behind a checkpoint at op `base`.
    pub fn last(self, base: u64) -> u64 {
        assert!(base <= OP_MAX, "a checkpoint is of an op that somebody wrote");
        base + self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_sectors_of_headers_make_a_ring() {
        let made: Vec<u64> = (0..20).filter(|slots| Ring::new(*slots).is_some()).collect();
        assert_eq!(made, [8, 12, 16]);
        assert!(Ring::new(1024).is_some());
        assert!(Ring::new(1028).is_none());
        assert!(Ring::new(u64::MAX).is_none());
    }

    #[test]
    fn every_slot_expects_one_op() {
        let ring = Ring::new(8).unwrap();
        for base in 0..40 {
            let mut expected: Vec<u64> = (0..8).map(|slot| ring.expected(base, slot)).collect();
            expected.sort_unstable();
            assert_eq!(expected, (base + 1..=ring.last(base)).collect::<Vec<_>>());
        }
        assert_eq!(ring.expected(OP_MAX, ring.slot(OP_MAX)), OP_MAX + 8);
    }
}
