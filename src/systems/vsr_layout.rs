//! Reads the disks of `vsr` for oracles.
//!
//! Written from the byte tables in the documentation of the protocol's `entry` and `disk`, and sharing no code with them: a
//! mistake in how the protocol reads its disk must not hide in how it is judged.

use bytes::Bytes;

use crate::base::{Checksum, Disks, NodeId, Redundancy};
use crate::check::{Epoch, Layout};

const SLOT: u64 = 1024;
const HEADER: usize = 128;
const COPY: usize = 512;
/// Headers in a sector.
const HEADERS: u64 = 4;
/// More slots than any ring has.
const SLOTS: u64 = 1 << 20;
const TAIL: usize = 496;
/// Where the part of a record ends that tells what it says.
const NOTE_END: usize = 72;

/// The number of the cluster, part of every checksum.
pub(super) const CLUSTER: u64 = 0x666f_7265_7465_6c6c;

/// The layout of a replica's disk: files `superblock`, `journal`, `headers`, `checkpoint-0` and `checkpoint-1`.
#[derive(Clone, Copy, Debug)]
pub struct VsrLayout;

impl VsrLayout {
    /// The newest whole copy of the superblock.
    fn superblock(disks: &dyn Disks, node: NodeId) -> Option<Bytes> {
        let copies = (0..4u64).filter_map(|copy| {
            let bytes = disks.promised(node, "superblock", copy * COPY as u64, COPY)?;
            let sum = Checksum::of(&bytes[16..TAIL]);
            let whole =
                checksum_at(&bytes, 0) == sum && checksum_at(&bytes, TAIL) == sum && &bytes[16..24] == b"vsrsuper";
            let ours = word_at(&bytes, 24) == CLUSTER && word_at(&bytes, 32) == u64::from(node.index());
            (whole && ours && word_at(&bytes, 40) == copy).then_some(bytes)
        });
        copies.max_by_key(|bytes| word_at(bytes, 48))
    }

    /// Whether the slot's record says that this entry is there, or that nothing is known: then the replica has lost what it had, and
    /// has not given it up. What it has cut is still in the slot, and the record says that nothing is.
    fn is_vouched_for(disks: &dyn Disks, node: NodeId, slot: u64, digest: Checksum) -> bool {
        let Some(record) = disks.promised(node, "headers", slot * HEADER as u64, NOTE_END) else { return false };
        let is_unknown = checksum_at(&record, 0) == Checksum(0) && word_at(&record, NOTE_END - 8) == u64::MAX;
        checksum_at(&record, 0) == digest || is_unknown
    }
}

impl Layout for VsrLayout {
    fn entry(&self, disks: &dyn Disks, node: NodeId, index: u64) -> Option<Checksum> {
        // The number of slots never changes, and stands at the same place in every copy.
        let copy = |copy: u64| disks.promised(node, "superblock", copy * COPY as u64 + 104, 8);
        let slots = word_at(&(0..4).find_map(copy)?, 0);
        let offset = index.checked_sub(1)?.checked_rem(slots)? * SLOT;
        // Mostly the whole entry lies in one piece, and one look is enough. What follows it may be missing or in doubt.
        let mut slot = disks.promised_piece(node, "journal", offset, HEADER, SLOT as usize)?;
        let length = u32::from_le_bytes(slot[80..84].try_into().ok()?) as usize;
        let end = HEADER.checked_add(length).filter(|end| *end <= SLOT as usize)?;
        if slot.len() < end {
            slot = disks.promised(node, "journal", offset, end)?;
        }
        let digest = checksum_at(&slot, 0);
        let whole = digest == Checksum::of(&slot[16..end]);
        let ours = word_at(&slot, 32) == CLUSTER && word_at(&slot, 48) == index;
        (whole && ours && VsrLayout::is_vouched_for(disks, node, offset / SLOT, digest)).then_some(digest)
    }

    fn epoch(&self, disks: &dyn Disks, node: NodeId) -> Option<Epoch> {
        let superblock = VsrLayout::superblock(disks, node)?;
        Some(Epoch { epoch: word_at(&superblock, 56), log_epoch: word_at(&superblock, 64) })
    }

    fn checkpoint(&self, disks: &dyn Disks, node: NodeId) -> u64 {
        let covered = || {
            let superblock = VsrLayout::superblock(disks, node)?;
            let (op, length) = (word_at(&superblock, 112), usize::try_from(word_at(&superblock, 152)).ok()?);
            let file = if word_at(&superblock, 144) == 0 { "checkpoint-0" } else { "checkpoint-1" };
            let area = disks.promised(node, file, 0, COPY + length)?;
            let sealed = checksum_at(&area, 0) == Checksum::of(&area[16..COPY]) && &area[16..24] == b"vsrcheck";
            let named = word_at(&area, 24) == CLUSTER && word_at(&area, 32) == op;
            let content = Checksum::of(&area[COPY..]) == checksum_at(&superblock, 160);
            (sealed && named && content && checksum_at(&area, 48) == checksum_at(&superblock, 160)).then_some(op)
        };
        covered().unwrap_or(0)
    }

    fn redundancy(&self, file: &str, sector: u64) -> Redundancy {
        match file {
            "journal" => {
                let slot = sector / (SLOT / COPY as u64);
                Redundancy::Peers(slot..slot + 1)
            }
            "headers" => Redundancy::Peers(sector * HEADERS..(sector + 1) * HEADERS),
            "superblock" => Redundancy::Copies { group: 0, copy: sector, spare: 1 },
            // A checkpoint stands for all that was in the slots before.
            "checkpoint-0" | "checkpoint-1" => Redundancy::Peers(0..SLOTS),
            _ => Redundancy::Sole,
        }
    }
}

fn word_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn checksum_at(bytes: &[u8], at: usize) -> Checksum {
    Checksum(u128::from_le_bytes(bytes[at..at + 16].try_into().expect("sixteen bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vsr::disk::headers::{Headers, Known};
    use crate::vsr::disk::{Area, Checkpoint, Ring, Superblock};
    use crate::vsr::entry::{Entry, Header, Place, View};

    #[derive(Clone, Default)]
    struct OneDisk {
        journal: Vec<u8>,
        headers: Vec<u8>,
        superblock: Vec<u8>,
        checkpoint: Vec<u8>,
    }

    impl Disks for OneDisk {
        fn promised(&self, _: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
            let bytes = match file {
                "journal" => &self.journal,
                "headers" => &self.headers,
                "superblock" => &self.superblock,
                "checkpoint-1" => &self.checkpoint,
                _ => return None,
            };
            bytes.get(offset as usize..offset as usize + length).map(Bytes::copy_from_slice)
        }

        fn promised_len(&self, _: NodeId, _: &str) -> Option<u64> {
            Some(self.journal.len() as u64)
        }

        fn actual(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
            self.promised(node, file, offset, length)
        }

        fn actual_len(&self, node: NodeId, file: &str) -> Option<u64> {
            self.promised_len(node, file)
        }
    }

    const NODE: NodeId = NodeId::replica(2);

    fn disk() -> (OneDisk, Entry) {
        let parent = Checksum(5);
        let header = Header { cluster: CLUSTER, view: View(1), op: 10, client: 3, request: 4, timestamp: 5, parent };
        let entry = Entry::new(header, b"body");
        let mut journal = vec![0; 1024];
        journal.extend_from_slice(entry.encoded());
        journal.resize(8 * 1024, 0);
        let formatted = Superblock::formatted(CLUSTER, 2, Ring::new(8).unwrap());
        let (content, place) = (b"the state", Place { op: 8, checksum: Checksum(4) });
        let checksum = Checksum::of(content);
        let checkpoint = Checkpoint { place, timestamp: 1, area: 1, length: content.len() as u64, checksum };
        let newer =
            Superblock { sequence: 2, view: View(7), log_view: View(6), log_head: place, checkpoint, ..formatted };
        let superblock = [newer.encode(0), newer.encode(1), formatted.encode(2), formatted.encode(3)].concat();
        let checkpoint = Area::new(CLUSTER, 8, content).bytes().to_vec();
        let mut headers = Headers::formatted(CLUSTER, Ring::new(8).unwrap());
        headers.set_known(&Known::of(&entry));
        (OneDisk { journal, headers: headers.bytes().to_vec(), superblock, checkpoint }, entry)
    }

    #[test]
    fn slots_and_checkpoints_have_copies_on_other_replicas_and_promises_one_to_spare() {
        let of = |file, sector| VsrLayout.redundancy(file, sector);
        assert_eq!(of("journal", 0), Redundancy::Peers(0..1));
        assert_eq!(of("journal", 11), Redundancy::Peers(5..6));
        assert_eq!(of("superblock", 1), Redundancy::Copies { group: 0, copy: 1, spare: 1 });
        assert_eq!(of("headers", 2), Redundancy::Peers(8..12));
        assert_eq!(of("checkpoint-1", 0), of("checkpoint-0", 7));
        assert_eq!(of("notes", 0), Redundancy::Sole);
    }

    #[test]
    fn it_reads_what_the_protocol_writes() {
        let (disk, entry) = disk();
        assert_eq!(VsrLayout.entry(&disk, NODE, 10), Some(entry.checksum()));
        assert_eq!(VsrLayout.entry(&disk, NODE, 2), None, "the slot has been used again");
        assert_eq!(VsrLayout.entry(&disk, NODE, 11), None);
        assert_eq!(VsrLayout.epoch(&disk, NODE), Some(Epoch { epoch: 7, log_epoch: 6 }));
        assert_eq!(VsrLayout.epoch(&disk, NodeId::replica(1)), None);
        assert_eq!(VsrLayout.checkpoint(&disk, NODE), 8);
    }

    #[test]
    fn what_was_cut_is_not_there_and_what_was_lost_is_not_given_up() {
        let (disk, entry) = disk();
        let with = |change: &dyn Fn(&mut Headers)| {
            let mut headers = Headers::formatted(CLUSTER, Ring::new(8).unwrap());
            change(&mut headers);
            OneDisk { headers: headers.bytes().to_vec(), ..disk.clone() }
        };
        assert_eq!(VsrLayout.entry(&with(&|_| {}), NODE, 10), None, "its record says that nothing is there");
        assert_eq!(VsrLayout.entry(&with(&|headers| headers.set_unknown(1)), NODE, 10), Some(entry.checksum()));
        let none = OneDisk { headers: Vec::new(), ..disk.clone() };
        assert_eq!(VsrLayout.entry(&none, NODE, 10), None);
    }

    #[test]
    fn it_notices_every_flipped_bit() {
        let (whole, entry) = disk();
        for bit in 1024 * 8..(1024 + entry.encoded().len()) * 8 {
            let mut disk = whole.clone();
            disk.journal[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(VsrLayout.entry(&disk, NODE, 10), None, "bit {bit}");
        }
        for bit in 0..whole.checkpoint.len() * 8 {
            let mut disk = whole.clone();
            disk.checkpoint[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(VsrLayout.checkpoint(&disk, NODE), 0, "bit {bit}");
        }
        for bit in 0..COPY * 8 {
            let mut disk = whole.clone();
            disk.superblock[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(VsrLayout.epoch(&disk, NODE).map(|epoch| epoch.epoch), Some(7), "the other copy has it");
            disk.superblock[COPY + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(VsrLayout.epoch(&disk, NODE).map(|epoch| epoch.epoch), Some(0), "only the old ones are left");
        }
    }
}
