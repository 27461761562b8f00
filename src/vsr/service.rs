//! What the log is for: the user's state machine.

use bytes::Bytes;

use crate::base::Checksum;

/// A deterministic state machine. Replicas that apply the same bodies in the same order end in the same state and give
/// the same answers, so nothing may enter but the bodies: no clock, no randomness, no order of a hash map.
pub trait Service {
    /// Executes what a client asked for and answers. Any bytes may come, and all of them have an answer.
    fn apply(&mut self, body: &[u8]) -> Bytes;

    /// The answer to what only reads, from the state as it is; `None` to anything that might change it.
    ///
    /// The protocol answers no client in this way, and so every read goes through the log: one replica alone cannot know
    /// whether its state is the newest, for it may be the only one that has not heard of a later view. Two of the
    /// planted bugs do without that.
    fn query(&self, _body: &[u8]) -> Option<Bytes> {
        None
    }

    /// The whole state as bytes. Equal states have equal bytes, whatever led there: replicas compare and repair checkpoints by
    /// their checksums.
    fn snapshot(&self) -> Bytes;

    /// Takes on the state in these bytes; false if they hold none, and then the state is as it was.
    fn restore(&mut self, snapshot: &[u8]) -> bool;

    /// A hash of the state. Asked for after every operation, so it is best kept up to date as the state changes.
    fn digest(&self) -> Checksum;
}
