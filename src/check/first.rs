//! Who said it first: one checksum for each index, and by which node.

use std::collections::BTreeMap;

use crate::base::{Checksum, NodeId};

/// Beyond the end of the dense table by more than this, an index goes to the sparse one.
///
/// A broken system may claim any index at all; that must cost an entry and not all memory there is.
const REACH: u64 = 1 << 16;

/// The first checksum named for each index.
#[derive(Debug, Default)]
pub(super) struct FirstByIndex {
    /// `None` where nobody has named one yet.
    dense: Vec<Option<First>>,
    sparse: BTreeMap<u64, First>,
}

/// What was named first, and by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct First {
    pub checksum: Checksum,
    pub node: NodeId,
}

impl FirstByIndex {
    /// What was first named for this index; if nothing was, this becomes it, and `None` is returned.
    #[inline]
    pub fn meet(&mut self, index: u64, first: First) -> Option<First> {
        // A far index stays sparse when the dense table comes to reach it, so that is where nothing is in the other.
        let known = usize::try_from(index).ok().and_then(|slot| *self.dense.get(slot)?);
        if known.is_none() { self.add(index, first) } else { known }
    }

    fn add(&mut self, index: u64, first: First) -> Option<First> {
        if let Some(known) = self.sparse.get(&index) {
            return Some(*known);
        }
        let end = self.dense.len() as u64;
        if index >= end + REACH {
            self.sparse.insert(index, first);
            return None;
        }
        let slot = index as usize;
        if index >= end {
            self.dense.resize(slot + 1, None);
        }
        self.dense[slot] = Some(first);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stays_near_and_far() {
        let mut table = FirstByIndex::default();
        let by = |number: u16| First { checksum: Checksum(u128::from(number)), node: NodeId::replica(number) };
        let far = REACH + 10;
        for index in [3, far, u64::MAX, 1] {
            assert_eq!(table.meet(index, by(1)), None);
        }
        // The dense table grows past what was sparse; the first word must still stand.
        assert_eq!(table.meet(REACH, by(2)), None);
        assert_eq!(table.meet(far + 1, by(2)), None);
        for index in [3, far, u64::MAX, 1] {
            assert_eq!(table.meet(index, by(3)), Some(by(1)));
        }
        assert_eq!(table.meet(2, by(3)), None);
    }
}
