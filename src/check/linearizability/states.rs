//! Numbers for the states of an object, and hashing for the tables of a search.

#![expect(clippy::disallowed_types, reason = "hashed by a fixed hasher, and never iterated")]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::base::hash::{hash_bytes, mix};

use crate::check::models::State;

/// States by number.
pub(super) struct States {
    states: Vec<State>,
    /// The numbers of all but "absent", by their hashes. Where hashes are the same, the second state is under the next hash.
    ids: HashMap<u64, u32, Fixed>,
}

impl States {
    /// The number of "absent".
    pub const ABSENT: u32 = 0;

    pub fn new() -> States {
        States { states: vec![None], ids: HashMap::default() }
    }

    pub fn id(&mut self, state: Option<&[u8]>) -> u32 {
        let Some(bytes) = state else { return States::ABSENT };
        let mut hash = hash_bytes(bytes);
        while let Some(id) = self.ids.get(&hash) {
            if self.states[*id as usize].as_deref() == state {
                return *id;
            }
            hash = hash.wrapping_add(1);
        }
        let id = u32::try_from(self.states.len()).expect("fewer states than there is memory");
        self.states.push(Some(bytes.to_vec()));
        self.ids.insert(hash, id);
        id
    }

    pub fn get(&self, id: u32) -> &State {
        &self.states[id as usize]
    }
}

/// 128 bits that depend on both numbers. Mixed more than once, because fingerprints are added up without carry, and
/// neighbours mixed only once are too alike for that.
pub(super) fn fingerprint(a: u64, b: u64) -> u128 {
    let low = mix(mix(a, b), 1);
    u128::from(mix(low, mix(b, a))) << 64 | u128::from(low)
}

/// Hashing that is the same in every process.
pub(in crate::check) type Fixed = BuildHasherDefault<FixedHasher>;

#[derive(Clone, Copy, Default)]
pub(in crate::check) struct FixedHasher(u64);

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = mix(self.0, hash_bytes(bytes));
    }
    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }
    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }
    fn write_u128(&mut self, word: u128) {
        self.0 = mix(word as u64, (word >> 64) as u64);
    }
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
