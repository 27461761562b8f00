//! Hashes: of names, of contents, and the running digest of a run.
//!
//! All of them are fixed functions of their input. None of them resists an attacker; they resist accidents.

use std::fmt;

/// Where an FNV-1a hash starts.
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over bytes, usable at compile time; for short texts such as the word of a label.
pub const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

/// Two words into one: the folded 128-bit product, as in wyhash. Order matters.
#[inline]
pub const fn mix(a: u64, b: u64) -> u64 {
    let product = ((a ^ 0xa076_1d64_78bd_642f) as u128) * ((b ^ 0xe703_7ed1_a0b4_28db) as u128);
    // The sums keep a factor that happens to be zero from swallowing the other one.
    ((product as u64) ^ ((product >> 64) as u64)).wrapping_add(a.rotate_left(23)).wrapping_add(b.rotate_left(41))
}

/// A hash of contents: of a log entry, of a state. Chained where the thing is a chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Checksum(pub u128);

impl Checksum {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Checksum {
        Checksum(xxhash_rust::xxh3::xxh3_128(bytes))
    }

    /// The low half, for the digest.
    pub fn low(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Display for Checksum {
    /// The first eight hexadecimal digits, enough to tell entries of one run apart by eye.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", (self.0 >> 96) as u32)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The hash of some bytes, in 64 bits.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The running hash over a trace. Two runs are the same run if and only if their digests agree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u64);

impl Digest {
    /// The digest of a run in which nothing has happened yet.
    pub const START: Digest = Digest(0x666f_7265_7465_6c6c);

    /// Takes one more word into account.
    #[inline]
    pub fn feed(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }

    /// Takes two more words into account, for the price of one. Not the same as one after the other.
    #[inline]
    pub fn feed_pair(&mut self, one: u64, other: u64) {
        let product = u128::from(self.0 ^ one) * u128::from(other ^ 0xe703_7ed1_a0b4_28db);
        // The sums keep what came before, and the second word, where a factor happens to be zero.
        let folded = (product as u64) ^ ((product >> 64) as u64);
        self.0 = folded.wrapping_add(self.0.rotate_left(23)).wrapping_add(other);
    }

    /// Takes bytes into account.
    pub fn feed_bytes(&mut self, bytes: &[u8]) {
        self.feed(hash_bytes(bytes));
    }

    /// The hash as an integer.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The inverse of [`Digest::to_bits`].
    pub fn from_bits(bits: u64) -> Digest {
        Digest(bits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        assert_eq!(fnv(FNV_START, b"Prepare|v|op"), 0xc6e5887d376eb1ad);
        insta::assert_snapshot!(format!("{:016x} {:016x} {:016x}", mix(0, 0), mix(1, 2), mix(2, 1)), @"1ff5c2923a788d2c f7858f38a8c99be9 b0772b8a7152d745");
    }

    #[test]
    fn order_matters_to_the_digest() {
        let digest = |words: &[u64]| {
            let mut digest = Digest::START;
            words.iter().for_each(|word| digest.feed(*word));
            digest
        };
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[0]), digest(&[0, 0]));
        let pairs = |pairs: &[(u64, u64)]| {
            let mut digest = Digest::START;
            pairs.iter().for_each(|(one, other)| digest.feed_pair(*one, *other));
            digest
        };
        assert_ne!(pairs(&[(1, 2)]), pairs(&[(2, 1)]));
        assert_ne!(pairs(&[(1, 2), (3, 4)]), pairs(&[(3, 4), (1, 2)]));
        assert_ne!(pairs(&[(0, 0)]), pairs(&[(0, 0), (0, 0)]));
        // Where the state is hit exactly, the second word still counts.
        let start = Digest::START.to_bits();
        assert_ne!(pairs(&[(start, 1)]), pairs(&[(start, 2)]));
        // Where the second word makes nothing of the product, what came before still counts.
        assert_ne!(pairs(&[(1, 0xe703_7ed1_a0b4_28db)]), pairs(&[(1, 1), (1, 0xe703_7ed1_a0b4_28db)]));
    }
}
