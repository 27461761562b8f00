//! What is said of each slot: the ring of headers.
//!
//! The file `headers` has a record of 128 bytes for each slot of the journal, four to a sector. A record that is whole says
//! one of three things:
//!
//! - *of an entry*: the body of this entry was durable once. Written only after the body was.
//! - *empty*: nothing that was acknowledged is in this slot. This is said, and sealed like the other; zeros do not say
//!   it, because a disk may hand out zeros for anything.
//! - *unknown*: something may have been acknowledged that is lost. This is said, and sealed, by whoever has found it out.
//!
//! Any other record is *invalid*: it is rotten, torn, or of another slot.
//!
//! Sectors are written whole, from an image in memory. So the image has to hold what is *not* known too: were an
//! unknown record written as an empty one, a lost entry could be denied.
//!
//! Layout of a record, little endian:
//!
//! | bytes | of an entry | empty | unknown |
//! |---|---|---|---|
//! | 0..84 | the first 84 bytes of the [entry](crate::vsr::entry), its checksum and its length among them | 32..40 cluster, 56..64 slot, else zero | the same, and 64..72 all ones |
//! | 84..112 | zero | zero | zero |
//! | 112..128 | checksum of bytes 0 to 112 | the same | the same |
//!
//! The entry's own checksum covers its body and so cannot vouch for its header alone; hence the seal. A record is bound
//! to its slot by the op number, or by the number of the slot, so one that was written to another place is not taken
//! for one that belongs there.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::base::{Checksum, Kind};
use crate::env::{DiskError, File};
use crate::vsr::entry::{ENTRY_SIZE_MAX, Entry, HEADER_SIZE, Header, Place, View};

use super::persist::all;
use super::ring::{HEADERS_PER_SECTOR, OP_MAX, Ring, SECTOR_SIZE, SLOTS_MAX};

/// The name of the file.
pub const FILE: &str = "headers";
/// Bytes of a record.
pub const RECORD_SIZE: usize = HEADER_SIZE;

/// The part of an entry's encoded header that says something.
const SPOKEN: usize = 84;
const SEALED: usize = 112;
const CLUSTER: Range<usize> = 32..40;
const OP: Range<usize> = 48..56;
const SLOT: Range<usize> = 56..64;
const NOTE: Range<usize> = 64..72;

const _: () = assert!(RECORD_SIZE * HEADERS_PER_SECTOR as usize == SECTOR_SIZE);
const _: () = assert!(SPOKEN <= SEALED);
const _: () = assert!(SEALED + 16 == RECORD_SIZE);
// The words follow one another as in an entry: cluster, view, op, client, request, timestamp, and then the length.
const _: () = assert!(CLUSTER.end + 8 == OP.start);
const _: () = assert!(OP.end == SLOT.start);
const _: () = assert!(SLOT.end == NOTE.start);
const _: () = assert!(NOTE.end + 8 + 4 == SPOKEN);

static WRITE: Kind = Kind::new("write-headers", &["sector"]);
pub(super) static READ: Kind = Kind::new("read-headers", &["at"]);
pub(super) static SYNC: Kind = Kind::new("sync-headers", &[]);

/// What a record says of an entry: all that the entry says beside its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// The entry's header.
    pub header: Header,
    /// The entry's checksum, which covers its body too.
    pub checksum: Checksum,
    /// Bytes of the body.
    pub length: u32,
}

impl Known {
    /// What the record of this entry says.
    pub fn of(entry: &Entry) -> Known {
        let length = u32::try_from(entry.body().len()).expect("a body fits into its slot");
        assert_eq!(HEADER_SIZE + entry.body().len(), entry.encoded().len(), "an entry is its header and its body");
        assert!(entry.encoded().len() <= ENTRY_SIZE_MAX, "an entry fits into its slot");
        Known { header: *entry.header(), checksum: entry.checksum(), length }
    }

    /// The entry's place in the chain.
    pub fn place(&self) -> Place {
        assert!(self.header.op > 0, "ops count from 1");
        Place { op: self.header.op, checksum: self.checksum }
    }

    fn encode(&self) -> [u8; RECORD_SIZE] {
        let Header { cluster, view, op, client, request, timestamp, parent } = self.header;
        assert!(op > 0, "ops count from 1");
        assert!(op <= OP_MAX, "an op number far beyond any that is written");
        let mut record = [0; RECORD_SIZE];
        record[..16].copy_from_slice(&self.checksum.0.to_le_bytes());
        record[16..32].copy_from_slice(&parent.0.to_le_bytes());
        for (index, word) in [cluster, view.0, op, client, request, timestamp].into_iter().enumerate() {
            record[32 + index * 8..40 + index * 8].copy_from_slice(&word.to_le_bytes());
        }
        record[80..SPOKEN].copy_from_slice(&self.length.to_le_bytes());
        assert_eq!(word(&record, CLUSTER), cluster, "the cluster stands where a reader looks for it");
        assert_eq!(word(&record, OP), op, "the op stands where a reader looks for it");
        assert_eq!(wide(&record, 16), parent.0, "the parent stands where a reader looks for it");
        assert_eq!(record[SPOKEN..], [0; RECORD_SIZE - SPOKEN], "what says nothing is zero");
        seal(record)
    }
}

/// What a record says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record {
    /// Nothing that was acknowledged is in the slot.
    Empty,
    /// The body of this entry was durable in the slot once.
    Entry(Known),
    /// Something that was acknowledged may have been in the slot, and is lost.
    Unknown,
    /// Nothing: it is rotten, torn, of another slot or another cluster.
    Invalid,
}

impl Record {
    /// Reads the record of a slot.
    pub fn decode(cluster: u64, ring: Ring, slot: u64, record: &[u8]) -> Record {
        assert!(slot < ring.slots(), "a slot of this ring");
        let Ok(record) = <&[u8; RECORD_SIZE]>::try_from(record) else { return Record::Invalid };
        if *record != seal(*record) || word(record, CLUSTER) != cluster {
            return Record::Invalid;
        }
        let op = word(record, OP);
        if op == 0 {
            return match *record {
                record if record == empty(cluster, slot) => Record::Empty,
                record if record == unknown(cluster, slot) => Record::Unknown,
                _ => Record::Invalid,
            };
        }
        if op > OP_MAX || ring.slot(op) != slot {
            return Record::Invalid;
        }
        assert!(op > 0, "ops count from 1");
        let header = Header {
            cluster,
            view: View(word(record, 40..48)),
            op,
            client: word(record, 56..64),
            request: word(record, 64..72),
            timestamp: word(record, 72..80),
            parent: Checksum(wide(record, 16)),
        };
        let length = u32::from_le_bytes(record[80..SPOKEN].try_into().expect("four bytes"));
        Record::Entry(Known { header, checksum: Checksum(wide(record, 0)), length })
    }
}

fn word(record: &[u8; RECORD_SIZE], at: Range<usize>) -> u64 {
    u64::from_le_bytes(record[at].try_into().expect("eight bytes"))
}

fn wide(record: &[u8; RECORD_SIZE], at: usize) -> u128 {
    u128::from_le_bytes(record[at..at + 16].try_into().expect("sixteen bytes"))
}

fn seal(mut record: [u8; RECORD_SIZE]) -> [u8; RECORD_SIZE] {
    let checksum = Checksum::of(&record[..SEALED]);
    record[SEALED..].copy_from_slice(&checksum.0.to_le_bytes());
    assert_eq!(wide(&record, SEALED), checksum.0, "the seal stands where a reader looks for it");
    record
}

fn empty(cluster: u64, slot: u64) -> [u8; RECORD_SIZE] {
    assert!(slot < SLOTS_MAX, "no ring has a slot of such a number");
    let mut record = [0; RECORD_SIZE];
    record[CLUSTER].copy_from_slice(&cluster.to_le_bytes());
    record[SLOT].copy_from_slice(&slot.to_le_bytes());
    assert_eq!(word(&record, OP), 0, "an empty record is of no op");
    seal(record)
}

fn unknown(cluster: u64, slot: u64) -> [u8; RECORD_SIZE] {
    let empty = empty(cluster, slot);
    let mut record = empty;
    record[NOTE].fill(0xff);
    let record = seal(record);
    assert_ne!(record, empty, "not to know what is there is not to know that nothing is");
    record
}

/// The image of all records, as they ought to stand on disk.
#[derive(Clone, PartialEq, Eq)]
pub struct Headers {
    cluster: u64,
    ring: Ring,
    bytes: Vec<u8>,
}

impl Headers {
    /// All empty.
    pub fn formatted(cluster: u64, ring: Ring) -> Headers {
        let bytes = (0..ring.slots()).flat_map(|slot| empty(cluster, slot)).collect();
        let headers = Headers { cluster, ring, bytes };
        headers.check();
        headers
    }

    /// Asserts what holds at all times.
    fn check(&self) {
        assert_eq!(self.bytes.len(), self.ring.slots() as usize * RECORD_SIZE, "a record for each slot");
        assert_eq!(self.bytes.len(), self.ring.header_sectors() as usize * SECTOR_SIZE, "records fill whole sectors");
    }

    /// The ring that they describe.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// All records, in the order of the slots.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is said of a slot.
    pub fn record(&self, slot: u64) -> Record {
        assert!(slot < self.ring.slots(), "a slot of this ring");
        let record = Record::decode(self.cluster, self.ring, slot, &self.bytes[place(slot)]);
        assert_ne!(record, Record::Invalid, "every record of the image says something");
        record
    }

    /// Says that nothing acknowledged is in a slot.
    pub fn set_empty(&mut self, slot: u64) {
        assert!(slot < self.ring.slots(), "a slot of this ring");
        self.bytes[place(slot)].copy_from_slice(&empty(self.cluster, slot));
        assert_eq!(self.record(slot), Record::Empty, "what is said is what a reader takes it for");
    }

    /// Says that this entry is in its slot.
    pub fn set_known(&mut self, known: &Known) {
        assert_eq!(known.header.cluster, self.cluster, "an entry of this cluster");
        let slot = self.ring.slot(known.header.op);
        assert!(slot < self.ring.slots(), "a slot of this ring");
        self.bytes[place(slot)].copy_from_slice(&known.encode());
        self.check();
    }

    /// Says that it is not known what is in a slot.
    pub fn set_unknown(&mut self, slot: u64) {
        assert!(slot < self.ring.slots(), "a slot of this ring");
        self.bytes[place(slot)].copy_from_slice(&unknown(self.cluster, slot));
        assert_eq!(self.record(slot), Record::Unknown, "what is said is what a reader takes it for");
    }

    /// Whether what is in a slot is not known.
    pub fn is_unknown(&self, slot: u64) -> bool {
        assert!(slot < self.ring.slots(), "a slot of this ring");
        self.bytes[place(slot)] == unknown(self.cluster, slot)
    }

    /// Empties every record that is of an op after `op`, or of which nothing is known, among the slots where the ops
    /// from `op + 1` to `last` live. Gives the sectors that changed, in order.
    pub fn cut(&mut self, op: u64, last: u64) -> Vec<u64> {
        assert!(op <= last, "a log is cut within its ring");
        assert!(last <= op + self.ring.slots(), "every slot is looked at once");
        let mut sectors = Vec::new();
        let ring = self.ring;
        for slot in (op + 1..=last).map(|op| ring.slot(op)) {
            let goes = match self.record(slot) {
                Record::Empty => false,
                Record::Entry(known) => known.header.op > op,
                Record::Unknown | Record::Invalid => true,
            };
            if goes {
                self.set_empty(slot);
                sectors.push(slot / HEADERS_PER_SECTOR);
            }
        }
        sectors.sort_unstable();
        sectors.dedup();
        assert!(sectors.last().is_none_or(|last| *last < self.ring.header_sectors()), "sectors of this ring");
        assert!(sectors.len() as u64 <= last - op, "a sector changes only with one of its records");
        self.check();
        sectors
    }

    /// The slots of the ops from `from` to `to` are free for later ops, and nothing of those was ever written: where
    /// nothing was known, it now is. Not worth a write of its own.
    pub fn release(&mut self, from: u64, to: u64) {
        assert!(from > 0, "ops count from 1");
        assert!(from <= to, "some op is covered that was not before");
        let first = from.max(to.saturating_sub(self.ring.slots()) + 1);
        assert!(to - first < self.ring.slots(), "every slot is looked at once");
        let ring = self.ring;
        for slot in (first..=to).map(|op| ring.slot(op)) {
            if self.is_unknown(slot) {
                self.set_empty(slot);
            }
        }
        self.check();
    }

    /// A sector's bytes.
    pub fn sector(&self, sector: u64) -> Bytes {
        assert!(sector < self.ring.header_sectors(), "a sector of this ring");
        let at = sector as usize * SECTOR_SIZE;
        assert!(at + SECTOR_SIZE <= self.bytes.len(), "records fill whole sectors");
        Bytes::copy_from_slice(&self.bytes[at..at + SECTOR_SIZE])
    }

    /// The sectors that read otherwise on disk, whose bytes are `found`.
    pub fn differing(&self, found: &[u8]) -> Vec<u64> {
        let differs = |sector: &u64| {
            let at = *sector as usize * SECTOR_SIZE;
            found.get(at..at + SECTOR_SIZE) != Some(&self.bytes[at..at + SECTOR_SIZE])
        };
        self.check();
        let sectors: Vec<u64> = (0..self.ring.header_sectors()).filter(differs).collect();
        assert!(sectors.is_empty() || found != self.bytes, "what is the same differs nowhere");
        assert!(!sectors.is_empty() || found.starts_with(&self.bytes), "what differs nowhere is the same");
        sectors
    }

    /// Writes sectors and makes them durable.
    ///
    /// # Errors
    /// As the device has it; then nothing is known of what is in those sectors.
    pub async fn write(&self, file: &File, sectors: &[u64]) -> Result<(), DiskError> {
        assert!(!sectors.is_empty(), "there is something to write");
        assert!(sectors.is_sorted_by(|one, next| one < next), "sectors come in order, and each once");
        assert!(sectors.len() as u64 <= self.ring.header_sectors(), "sectors of this ring");
        let write =
            |sector: &u64| file.write_at(WRITE.label([*sector]), sector * SECTOR_SIZE as u64, self.sector(*sector));
        // All at once: nothing is said by one of them that another has to have said before.
        all(sectors.iter().map(write).collect()).await?;
        file.sync(SYNC.label([])).await
    }
}

impl fmt::Debug for Headers {
    /// The op of each slot, `-` for an empty one and `?` for an unknown one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers(")?;
        for slot in 0..self.ring.slots() {
            match self.record(slot) {
                Record::Empty => f.write_str(" -")?,
                Record::Entry(known) => write!(f, " {}", known.header.op)?,
                Record::Unknown | Record::Invalid => f.write_str(" ?")?,
            }
        }
        f.write_str(" )")
    }
}

/// Where a slot's record stands.
fn place(slot: u64) -> Range<usize> {
    assert!(slot < SLOTS_MAX, "no ring has a slot of such a number");
    let at = slot as usize * RECORD_SIZE;
    assert!(at / SECTOR_SIZE == (at + RECORD_SIZE - 1) / SECTOR_SIZE, "no record lies in two sectors");
    at..at + RECORD_SIZE
}

/// Writes all headers of a new replica.
///
/// # Errors
/// As the device has it.
pub async fn format(file: &File, headers: &Headers) -> Result<(), DiskError> {
    let ring = headers.ring();
    assert!((0..ring.slots()).all(|slot| headers.record(slot) == Record::Empty), "a new disk has no entries");
    let sectors: Vec<u64> = (0..ring.header_sectors()).collect();
    assert_eq!(sectors.len() * SECTOR_SIZE, headers.bytes().len(), "all of it is written");
    headers.write(file, &sectors).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vsr::entry::tests::chain;

    fn ring() -> Ring {
        Ring::new(8).unwrap()
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let entry = chain(3, &[0, 2]).pop().unwrap();
        let mut headers = Headers::formatted(3, ring());
        headers.set_known(&Known::of(&entry));
        for (slot, expected) in [(0, Record::Empty), (1, Record::Entry(Known::of(&entry)))] {
            let record = &headers.bytes()[place(slot)];
            assert_eq!(headers.record(slot), expected);
            assert_eq!(Record::decode(4, ring(), slot, record), Record::Invalid, "of another cluster");
            assert_eq!(Record::decode(3, ring(), slot + 1, record), Record::Invalid, "of another slot");
            for bit in 0..RECORD_SIZE * 8 {
                let mut record = record.to_vec();
                record[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Record::decode(3, ring(), slot, &record), Record::Invalid, "bit {bit}");
            }
        }
    }

    #[test]
    fn a_record_repeats_the_entry_s_own_bytes() {
        let entry = chain(3, &[0, 2]).pop().unwrap();
        assert_eq!(Known::of(&entry).encode()[..SPOKEN], entry.encoded()[..SPOKEN]);
        assert!(entry.encoded()[SPOKEN..HEADER_SIZE].iter().all(|byte| *byte == 0), "nothing is left out");
    }

    #[test]
    fn zeros_and_what_is_not_known_are_not_empty() {
        for byte in [0, 0xff] {
            assert_eq!(Record::decode(0, ring(), 0, &[byte; RECORD_SIZE]), Record::Invalid);
        }
        assert_eq!(Record::decode(0, ring(), 0, &[]), Record::Invalid);
        let mut headers = Headers::formatted(3, ring());
        headers.set_unknown(5);
        assert_eq!(headers.record(5), Record::Unknown);
        assert!(headers.is_unknown(5));
        assert!(!headers.is_unknown(4));
    }

    #[test]
    fn a_cut_empties_what_is_after_it_and_what_is_not_known() {
        let entries = chain(3, &[0; 6]);
        let mut headers = Headers::formatted(3, ring());
        entries.iter().for_each(|entry| headers.set_known(&Known::of(entry)));
        headers.set_unknown(7);
        let before = headers.clone();
        assert_eq!(headers.cut(4, 8), [1]);
        assert_eq!(headers.differing(before.bytes()), [1]);
        assert_eq!(headers.record(3), Record::Entry(Known::of(&entries[3])));
        assert!((4..8).all(|slot| headers.record(slot) == Record::Empty));
        assert_eq!(headers.cut(4, 8), [0; 0]);
        // Slots whose ops a checkpoint covers say nothing about ops to come.
        assert_eq!(headers.cut(6, 12), [0; 0]);
    }
}
