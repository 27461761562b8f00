//! Log entries, and the hash chain they form.
//!
//! An entry is a header and a body, and its checksum covers both. Since the header holds the checksum of the entry
//! before it, two logs that agree on one checksum agree on everything below it. An entry that a later view adopts stays
//! as it was, byte for byte.
//!
//! Layout, little endian, the same on the wire and on disk:
//!
//! | bytes | what |
//! |---|---|
//! | 0..16 | checksum of all that follows, header and body |
//! | 16..32 | checksum of the entry before; zero for op 1 |
//! | 32..40 | cluster |
//! | 40..48 | view in which it was first prepared |
//! | 48..56 | op number, from 1 |
//! | 56..64 | client |
//! | 64..72 | the client's request number, from 1 |
//! | 72..80 | timestamp, assigned by the primary |
//! | 80..84 | length of the body |
//! | 84..128 | zero |
//! | 128.. | body |

use bytes::{BufMut, Bytes};

use crate::base::{Checksum, Payload};

/// Bytes of an encoded header.
pub const HEADER_SIZE: usize = 128;
/// Bytes of the checksum, with which the header begins.
const CHECKSUM_SIZE: usize = 16;
/// Where the words of the header begin, where the length of the body stands, and where the zeros begin.
const WORDS: usize = 32;
const LENGTH: usize = 80;
const FIELDS_END: usize = 84;
/// Bytes of an entry at most: what fits into a slot of the journal.
pub const ENTRY_SIZE_MAX: usize = 1024;
/// Bytes of a body at most.
pub const BODY_SIZE_MAX: usize = ENTRY_SIZE_MAX - HEADER_SIZE;

const _: () = assert!(CHECKSUM_SIZE == size_of::<Checksum>());
const _: () = assert!(2 * CHECKSUM_SIZE == WORDS, "the entry's own checksum and that of the one before it");
const _: () = assert!(WORDS + 6 * size_of::<u64>() == LENGTH, "cluster, view, op, client, request and timestamp");
const _: () = assert!(LENGTH + size_of::<u32>() == FIELDS_END);
const _: () = assert!(FIELDS_END <= HEADER_SIZE);
const _: () = assert!(HEADER_SIZE < ENTRY_SIZE_MAX, "there is room for a body");
const _: () = assert!(BODY_SIZE_MAX <= u32::MAX as usize, "every length of a body fits into its field");

/// A view: a stretch of the cluster's life with one primary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct View(pub u64);

impl View {
    /// The number of the replica that is primary in this view.
    pub fn primary(self, replicas: u16) -> u16 {
        assert!(replicas > 0, "somebody is primary in every view");
        let primary = (self.0 % u64::from(replicas)) as u16;
        assert!(primary < replicas, "the primary is one of the cluster");
        primary
    }

    /// The view after this one.
    pub fn next(self) -> View {
        View(self.0 + 1)
    }
}

/// A place in the chain: an op number and the checksum of the entry there, which pins everything up to it.
///
/// The default is the place before op 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The op number; 0 before the first.
    pub op: u64,
    /// The checksum of that entry.
    pub checksum: Checksum,
}

/// What an entry says beside its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Which cluster.
    pub cluster: u64,
    /// The view in which it was first prepared.
    pub view: View,
    /// The op number.
    pub op: u64,
    /// Who asked.
    pub client: u64,
    /// Which of the client's requests it is.
    pub request: u64,
    /// When, by the primary's calendar clock; strictly greater than that of the entry before.
    pub timestamp: u64,
    /// The checksum of the entry before.
    pub parent: Checksum,
}

/// A log entry. Clones share its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    header: Header,
    checksum: Checksum,
    encoded: Bytes,
}

impl Entry {
    /// Makes an entry. The body must fit.
    pub fn new(header: Header, body: &[u8]) -> Entry {
        assert!(body.len() <= BODY_SIZE_MAX, "a body that does not fit was not refused");
        assert!(header.op > 0, "ops count from 1");
        assert!(header.op > 1 || header.parent == Checksum::default(), "nothing comes before op 1");
        let mut buffer = Vec::with_capacity(HEADER_SIZE + body.len());
        buffer.put_bytes(0, CHECKSUM_SIZE);
        buffer.put_u128_le(header.parent.0);
        assert_eq!(buffer.len(), WORDS, "the words follow the checksums");
        for field in [header.cluster, header.view.0, header.op, header.client, header.request, header.timestamp] {
            buffer.put_u64_le(field);
        }
        assert_eq!(buffer.len(), LENGTH, "the length follows the words");
        buffer.put_u32_le(body.len() as u32);
        assert_eq!(buffer.len(), FIELDS_END, "the fields end where the zeros begin");
        buffer.put_bytes(0, HEADER_SIZE - buffer.len());
        assert_eq!(buffer.len(), HEADER_SIZE, "the body follows the header");
        buffer.put_slice(body);
        assert_eq!(buffer.len(), HEADER_SIZE + body.len(), "an entry is its header and its body");
        let checksum = Checksum::of(&buffer[CHECKSUM_SIZE..]);
        buffer[..CHECKSUM_SIZE].copy_from_slice(&checksum.0.to_le_bytes());
        Entry::from_parts(header, checksum, Bytes::from(buffer))
    }

    /// An entry of which header and checksum say what its bytes say.
    fn from_parts(header: Header, checksum: Checksum, encoded: Bytes) -> Entry {
        assert!(header.op > 0, "ops count from 1");
        assert!(encoded.len() >= HEADER_SIZE, "an entry begins with its header");
        assert!(encoded.len() <= ENTRY_SIZE_MAX, "an entry fits into a slot");
        assert_eq!(encoded[..CHECKSUM_SIZE], checksum.0.to_le_bytes(), "an entry begins with its checksum");
        Entry { header, checksum, encoded }
    }

    /// Reads the entry at the beginning of `bytes`; more may follow. `None` if there is no whole entry of this cluster.
    pub fn decode(cluster: u64, bytes: &[u8]) -> Option<Entry> {
        let (header, checksum, whole) = Entry::split(cluster, bytes)?;
        if Checksum::of(&whole[CHECKSUM_SIZE..]) != checksum {
            return None;
        }
        assert_eq!(header.cluster, cluster, "nothing of another cluster is read");
        Some(Entry::from_parts(header, checksum, Bytes::copy_from_slice(whole)))
    }

    /// The same within a message, whose bytes the entry shares. The message's own checksum has vouched for all of them,
    /// so that of the entry is not computed again.
    pub fn decode_vouched(cluster: u64, message: &Payload, bytes: &[u8]) -> Option<Entry> {
        let (header, checksum, whole) = Entry::split(cluster, bytes)?;
        assert_eq!(header.cluster, cluster, "nothing of another cluster is read");
        let encoded = message.slice_ref(whole);
        assert_eq!(encoded.len(), whole.len(), "what is shared is the whole entry");
        Some(Entry::from_parts(header, checksum, encoded))
    }

    /// The header, the checksum that it claims, and all bytes of the entry.
    fn split(cluster: u64, bytes: &[u8]) -> Option<(Header, Checksum, &[u8])> {
        let header_bytes = bytes.get(..HEADER_SIZE)?;
        let word = |at: usize| u64::from_le_bytes(header_bytes[at..at + 8].try_into().expect("eight bytes"));
        let wide = |at: usize| u128::from_le_bytes(header_bytes[at..at + 16].try_into().expect("sixteen bytes"));
        let length = u32::from_le_bytes(header_bytes[LENGTH..FIELDS_END].try_into().expect("four bytes")) as usize;
        if length > BODY_SIZE_MAX {
            return None;
        }
        let whole = bytes.get(..HEADER_SIZE + length)?;
        assert!(whole.len() <= bytes.len(), "an entry is a part of what it is read from");
        assert!(whole.len() <= ENTRY_SIZE_MAX, "an entry fits into a slot");
        let checksum = Checksum(wide(0));
        let header = Header {
            parent: Checksum(wide(CHECKSUM_SIZE)),
            cluster: word(32),
            view: View(word(40)),
            op: word(48),
            client: word(56),
            request: word(64),
            timestamp: word(72),
        };
        (header.cluster == cluster && header.op > 0).then_some((header, checksum, whole))
    }

    /// What it says beside its body.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its op number.
    pub fn op(&self) -> u64 {
        self.header.op
    }

    /// The view in which it was first prepared.
    pub fn view(&self) -> View {
        self.header.view
    }

    /// Its checksum, which pins everything below it too.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Its place in the chain.
    pub fn place(&self) -> Place {
        assert!(self.header.op > 0, "ops count from 1");
        Place { op: self.header.op, checksum: self.checksum }
    }

    /// The place before it.
    pub fn before(&self) -> Place {
        assert!(self.header.op > 0, "ops count from 1");
        Place { op: self.header.op - 1, checksum: self.header.parent }
    }

    /// What was asked.
    pub fn body(&self) -> &[u8] {
        let body = &self.encoded[HEADER_SIZE..];
        assert!(body.len() <= BODY_SIZE_MAX, "a body fits into a slot beside its header");
        body
    }

    /// Header and body as they stand on the wire and on disk.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A chain of entries of these views, with op numbers from 1.
    pub fn chain(cluster: u64, views: &[u64]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, view) in views.iter().enumerate() {
            let op = index as u64 + 1;
            let parent = entries.last().map_or(Checksum::default(), Entry::checksum);
            let header = Header { cluster, view: View(*view), op, client: 7, request: op, timestamp: op, parent };
            entries.push(Entry::new(header, format!("body {op}").as_bytes()));
        }
        entries
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let entry = chain(3, &[0, 1]).pop().unwrap();
        assert_eq!(Entry::decode(3, entry.encoded()), Some(entry.clone()));
        assert_eq!(Entry::decode(4, entry.encoded()), None);
        for bit in 0..entry.encoded().len() * 8 {
            let mut bytes = entry.encoded().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::decode(3, &bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn short_bytes_are_no_entry() {
        let entry = chain(3, &[0]).pop().unwrap();
        for length in 0..entry.encoded().len() {
            assert_eq!(Entry::decode(3, &entry.encoded()[..length]), None);
        }
        let mut longer = entry.encoded().to_vec();
        longer.extend([9; 50]);
        assert_eq!(Entry::decode(3, &longer), Some(entry));
    }

    #[test]
    fn entries_link_up() {
        let entries = chain(3, &[0, 0, 2]);
        assert_eq!(entries[0].before(), Place::default());
        assert_eq!(entries[2].before(), entries[1].place());
    }
}
