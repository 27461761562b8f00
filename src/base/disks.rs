//! The god's view of the disks, for oracles.

use super::id::NodeId;

/// What every disk has *promised* to hold: bytes that were written, then synced with a good report, and not
/// overwritten since by the system itself.
///
/// Later damage by the world does not un-promise a byte; an overwrite that is not yet synced does, unless it writes the
/// same byte again.
pub trait Disks {
    /// Copies promised bytes of a file. False, with `into` in no particular state, if any of them is not promised or
    /// lies beyond the file's promised end, or if the file's name is not durable.
    fn promised(&self, node: NodeId, file: &str, offset: u64, into: &mut [u8]) -> bool;

    /// The promised length of a file; `None` if there is no such file.
    fn promised_len(&self, node: NodeId, file: &str) -> Option<u64>;
}
