//! Hashing for maps, seeded per life of a node.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// A `BuildHasher` for `HashMap` and `HashSet` that is fixed by the run's seed and differs from life to life.
///
/// A deterministic hasher shared by all replicas would hide the bug in which a map's order reaches a reply: all of them
/// would be wrong in the same way.
#[derive(Clone, Copy, Debug)]
pub struct HashState(u64);

impl HashState {
    pub(super) fn new(seed: u64) -> HashState {
        HashState(seed)
    }
}

impl BuildHasher for HashState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}
