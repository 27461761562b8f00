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

    /// Bytes of a file that are durable in fact, after all that the world did to the disk: what a restart would find now.
    /// None if any of them is not durable, is being written over, cannot be read, or lies beyond the file's durable end, or
    /// if the file's name is not durable.
    fn actual(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes>;

    /// The durable length of a file in fact; `None` if there is no such file.
    fn actual_len(&self, node: NodeId, file: &str) -> Option<u64>;
}

/// The disks as they are in fact, for a reader of what they promised.
///
/// A write that was to erase something may have been lost. What it should have erased is not promised any more, and it is still
/// there: a system that finds it after a restart, whole, cannot know better, and may well rely on it.
pub struct ActualDisks<'a>(pub &'a dyn Disks);

impl Disks for ActualDisks<'_> {
    fn promised(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
        self.0.actual(node, file, offset, length)
    }

    fn promised_len(&self, node: NodeId, file: &str) -> Option<u64> {
        self.0.actual_len(node, file)
    }

    fn actual(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
        self.0.actual(node, file, offset, length)
    }

    fn actual_len(&self, node: NodeId, file: &str) -> Option<u64> {
        self.0.actual_len(node, file)
    }
}
