//! The god's view of the disks, for oracles.

use bytes::Bytes;

use super::id::NodeId;

/// What every disk has *promised* to hold: bytes that were written, then synced with a good report, and not
/// overwritten since by the system itself.
///
/// Whatever the world does to a disk un-promises nothing: neither decay, nor a write that is lost or lands elsewhere, nor
/// a good report of a sync that did nothing. Only the system's own overwrite does, while it is not yet synced, unless it writes
/// the same byte again. A copy whose sync failed was never promised, and a later good sync says nothing about it: the
/// system was told, and has to write it anew.
pub trait Disks {
    /// Promised bytes of a file. None if any of them is not promised or lies beyond the file's promised end, or if the
    /// file's name is not durable.
    fn promised(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes>;

    /// At least `least` promised bytes of a file, or none, as [`Disks::promised`] has it; and beyond those as many as
    /// can be had at no cost, up to `most`. For a reader that learns from the first of them how many it needs.
    fn promised_piece(&self, node: NodeId, file: &str, offset: u64, least: usize, most: usize) -> Option<Bytes> {
        assert!(least <= most, "at least so many is not more than at most so many");
        self.promised(node, file, offset, least)
    }

    /// The promised length of a file; `None` if there is no such file.
    fn promised_len(&self, node: NodeId, file: &str) -> Option<u64>;
}
