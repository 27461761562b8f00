//! Payloads: the opaque bytes of a message.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use super::hash::{hash_bytes, mix};

/// Bytes that fit beside their length in a payload, without an allocation.
const INLINE: usize = 22;

/// The bytes of a message, with their hash. Short ones lie inline, longer ones are shared: cloning never copies more than a
/// few words, and a message that many receive is hashed once.
#[derive(Clone)]
pub struct Payload {
    form: Form,
    hash: u64,
}

#[derive(Clone)]
enum Form {
    Inline(Inline),
    Shared(Bytes),
}

/// Whole words, aligned: what is moved in whole words can be read on at once, in other pieces it first has to reach the cache.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Inline {
    bytes: [u8; INLINE],
    length: u16,
}

const _: () = assert!(size_of::<Inline>() == 24 && size_of::<Form>() == 32, "a payload is five words with its hash");

impl Inline {
    #[inline]
    fn get(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Payload {
    /// A payload without bytes.
    pub const EMPTY: Payload =
        Payload { form: Form::Inline(Inline { bytes: [0; INLINE], length: 0 }), hash: mix(0, 0) };

    /// A copy of `bytes`.
    #[inline]
    pub fn copy_from(bytes: &[u8]) -> Payload {
        if bytes.len() > INLINE {
            return Payload::shared(Bytes::copy_from_slice(bytes));
        }
        let mut inline = [0; INLINE];
        inline[..bytes.len()].copy_from_slice(bytes);
        Payload {
            hash: hash_inline(&inline, bytes.len()),
            form: Form::Inline(Inline { bytes: inline, length: bytes.len() as u16 }),
        }
    }

    fn shared(bytes: Bytes) -> Payload {
        Payload { hash: hash_bytes(&bytes), form: Form::Shared(bytes) }
    }

    /// A hash of the bytes.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The bytes, shared with this payload where they are many.
    pub fn to_bytes(&self) -> Bytes {
        match &self.form {
            Form::Inline(inline) => Bytes::copy_from_slice(inline.get()),
            Form::Shared(bytes) => bytes.clone(),
        }
    }

    /// The bytes of `part`, which is a part of this payload: shared where the payload is, a copy where it lies inline.
    pub fn slice_ref(&self, part: &[u8]) -> Bytes {
        match &self.form {
            Form::Inline(_) => Bytes::copy_from_slice(part),
            Form::Shared(bytes) => bytes.slice_ref(part),
        }
    }

    /// This payload with one bit flipped; the network's corruption. An empty payload stays empty.
    pub fn with_bit_flipped(&self, bit: u64) -> Payload {
        let mut bytes = self.to_vec();
        let at = (bit / 8) as usize;
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << (bit % 8);
        }
        Payload::from(bytes)
    }
}

/// The hash of a short payload, behind which there are zeros. Most messages are so short that hashing them is most of what
/// making them costs.
#[inline]
fn hash_inline(bytes: &[u8; INLINE], length: usize) -> u64 {
    let word = |at: usize| bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let hash = mix(word(0), length as u64);
    match length {
        0..=8 => hash,
        9..=16 => mix(hash, word(8)),
        _ => mix(mix(hash, word(8)), word(INLINE - 8)),
    }
}

impl Deref for Payload {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.form {
            Form::Inline(inline) => inline.get(),
            Form::Shared(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        if bytes.len() <= INLINE { Payload::copy_from(&bytes) } else { Payload::shared(Bytes::from(bytes)) }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        if bytes.len() <= INLINE { Payload::copy_from(&bytes) } else { Payload::shared(bytes) }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_knows_its_hash_however_it_was_made() {
        assert_eq!(Payload::EMPTY.hash(), Payload::copy_from(&[]).hash());
        for length in [0, 1, 8, 9, 16, 17, INLINE, INLINE + 1, 300] {
            let bytes: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let first = Payload::copy_from(&bytes);
            for payload in [bytes.clone().into(), Bytes::from(bytes.clone()).into()] {
                let payload: Payload = payload;
                assert_eq!((&*payload, payload.hash()), (&*bytes, first.hash()));
                assert_eq!(payload.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn every_bit_and_the_length_of_a_payload_are_in_its_hash() {
        let mut hashes = std::collections::BTreeSet::new();
        let mut count = 0;
        for length in 0..=INLINE + 4 {
            let bytes = Payload::copy_from(&vec![0; length]);
            assert!(hashes.insert(bytes.hash()), "{length} zeros");
            for bit in 0..length as u64 * 8 {
                assert!(hashes.insert(bytes.with_bit_flipped(bit).hash()), "{length} zeros but for bit {bit}");
            }
            count += 1 + length * 8;
        }
        assert_eq!(hashes.len(), count);
    }
}
