//! Payloads: the opaque bytes of a message.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// Bytes that fit beside their length in a payload, without an allocation.
const INLINE: usize = 22;

/// The bytes of a message. Short ones lie inline, longer ones are shared: cloning never copies more than a few words.
#[derive(Clone)]
pub struct Payload(Form);

#[derive(Clone)]
enum Form {
    Inline { length: u8, bytes: [u8; INLINE] },
    Shared(Bytes),
}

impl Payload {
    /// A payload without bytes.
    pub const EMPTY: Payload = Payload(Form::Inline { length: 0, bytes: [0; INLINE] });

    /// A copy of `bytes`.
    pub fn copy_from(bytes: &[u8]) -> Payload {
        if bytes.len() > INLINE {
            return Payload(Form::Shared(Bytes::copy_from_slice(bytes)));
        }
        let mut inline = [0; INLINE];
        inline[..bytes.len()].copy_from_slice(bytes);
        Payload(Form::Inline { length: bytes.len() as u8, bytes: inline })
    }

    /// The bytes of `part`, which is a part of this payload: shared where the payload is, a copy where it lies inline.
    pub fn slice_ref(&self, part: &[u8]) -> Bytes {
        match &self.0 {
            Form::Inline { .. } => Bytes::copy_from_slice(part),
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

impl Deref for Payload {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Form::Shared(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Payload {
        if bytes.len() <= INLINE { Payload::copy_from(&bytes) } else { Payload(Form::Shared(Bytes::from(bytes))) }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Payload {
        if bytes.len() <= INLINE { Payload::copy_from(&bytes) } else { Payload(Form::Shared(bytes)) }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}
