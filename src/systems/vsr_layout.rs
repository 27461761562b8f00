//! Reads the disks of `vsr` for oracles.
//!
//! Written from the byte tables in the documentation of the protocol's `entry`, `journal` and `superblock`, and sharing
//! no code with them: a mistake in how the protocol reads its disk must not hide in how it is judged.

use crate::base::{Checksum, Disks, NodeId};
use crate::check::{Epoch, Layout};

const SLOT: u64 = 1024;
const HEADER: usize = 128;
const COPY: usize = 512;

/// The number of the cluster, part of every checksum.
pub(super) const CLUSTER: u64 = 0x666f_7265_7465_6c6c;

/// The layout of a replica's disk: files `journal` and `superblock`.
#[derive(Clone, Copy, Debug)]
pub struct VsrLayout;

impl Layout for VsrLayout {
    fn entry(&self, disks: &dyn Disks, node: NodeId, index: u64) -> Option<Checksum> {
        let offset = index.checked_sub(1)?.checked_mul(SLOT)?;
        // Mostly the whole entry lies in one piece, and one look is enough. What follows it may be missing or in doubt.
        let mut slot = disks.promised_piece(node, "journal", offset, HEADER, SLOT as usize)?;
        let length = u32::from_le_bytes(slot[80..84].try_into().ok()?) as usize;
        let end = HEADER.checked_add(length).filter(|end| *end <= SLOT as usize)?;
        if slot.len() < end {
            slot = disks.promised(node, "journal", offset, end)?;
        }
        let digest = checksum_at(&slot, 0);
        let whole = digest == Checksum::of(&slot[16..end]);
        (whole && word_at(&slot, 32) == CLUSTER && word_at(&slot, 48) == index).then_some(digest)
    }

    fn epoch(&self, disks: &dyn Disks, node: NodeId) -> Option<Epoch> {
        let copies = (0..2).filter_map(|copy| {
            let bytes = disks.promised(node, "superblock", copy * COPY as u64, COPY)?;
            let whole = checksum_at(&bytes, 0) == Checksum::of(&bytes[16..]) && &bytes[16..24] == b"vsrsuper";
            let ours = word_at(&bytes, 24) == CLUSTER && word_at(&bytes, 32) == u64::from(node.index());
            let epoch = Epoch { epoch: word_at(&bytes, 48), log_epoch: word_at(&bytes, 56) };
            (whole && ours).then(|| (word_at(&bytes, 40), epoch))
        });
        copies.max_by_key(|(sequence, _)| *sequence).map(|(_, epoch)| epoch)
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
    use bytes::Bytes;

    use super::*;
    use crate::vsr::entry::{Entry, Header, Place, View};
    use crate::vsr::superblock::Superblock;

    struct OneDisk {
        journal: Vec<u8>,
        superblock: Vec<u8>,
    }

    impl Disks for OneDisk {
        fn promised(&self, _: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
            let bytes = if file == "journal" { &self.journal } else { &self.superblock };
            bytes.get(offset as usize..offset as usize + length).map(Bytes::copy_from_slice)
        }

        fn promised_len(&self, _: NodeId, file: &str) -> Option<u64> {
            Some(if file == "journal" { self.journal.len() } else { self.superblock.len() } as u64)
        }
    }

    #[test]
    fn it_reads_what_the_protocol_writes() {
        let parent = Checksum(5);
        let header = Header { cluster: CLUSTER, view: View(1), op: 2, client: 3, request: 4, timestamp: 5, parent };
        let entry = Entry::new(header, b"body");
        let mut journal = vec![0; 1024];
        journal.extend_from_slice(entry.encoded());
        let formatted = Superblock::formatted(CLUSTER, 2);
        let log_head = Place::default();
        let newer = Superblock { sequence: 2, view: View(7), log_view: View(6), log_head, ..formatted };
        let superblock = [newer.encode(), formatted.encode()].concat();
        let disk = OneDisk { journal: journal.clone(), superblock };
        let node = NodeId::replica(2);
        assert_eq!(VsrLayout.entry(&disk, node, 2), Some(entry.checksum()));
        assert_eq!(VsrLayout.entry(&disk, node, 1), None);
        assert_eq!(VsrLayout.entry(&disk, node, 3), None);
        assert_eq!(VsrLayout.epoch(&disk, node), Some(Epoch { epoch: 7, log_epoch: 6 }));
        assert_eq!(VsrLayout.epoch(&disk, NodeId::replica(1)), None);
        for bit in 1024 * 8..journal.len() * 8 {
            let mut journal = journal.clone();
            journal[bit / 8] ^= 1 << (bit % 8);
            let disk = OneDisk { journal, superblock: Vec::new() };
            assert_eq!(VsrLayout.entry(&disk, node, 2), None, "bit {bit}");
        }
    }
}
