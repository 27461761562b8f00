//! What the digest takes of the frequent events. They are fed from their parts, because mostly nobody wants to see them,
//! and then no [`Event`](super::Event) is made; one that is made is fed by the same functions.
//!
//! What the event that brought it about has said already is not said again: of a delivery, which packet it was; of the end
//! of a disk operation, which operation.

use super::event::EventId;
use super::hash::Digest;
use super::id::NodeId;
use super::label::{Label, Labelled};
use super::time::Instant;

/// When, why and where.
#[derive(Clone, Copy, Debug)]
pub struct Circumstance {
    /// When it happens.
    pub at: Instant,
    /// The event that brought it about.
    pub cause: EventId,
    /// Where; `None` for the world itself.
    pub node: Option<NodeId>,
}

/// Numbers of kinds of events; part of every digest, so never changed.
pub(super) mod tag {
    pub const SEND: u64 = 10;
    pub const LOST: u64 = 11;
    pub const DELIVER: u64 = 12;
    pub const DISK_START: u64 = 13;
    pub const DISK_DONE: u64 = 14;
    pub const TIMER: u64 = 15;
}

impl Circumstance {
    /// The beginning of every event: its circumstance, its kind, and a small detail.
    #[inline]
    pub(super) fn feed(self, digest: &mut Digest, tag: u64, detail: u64) {
        let node = self.node.map_or(u64::from(u16::MAX), |node| u64::from(node.to_bits()));
        digest.feed_pair(self.at.as_nanos(), self.cause.0 << 32 ^ node << 16 ^ detail << 8 ^ tag);
    }

    /// A packet leaves: the key of its name, and the hash of what is in it.
    #[inline]
    pub fn feed_send(self, digest: &mut Digest, packet: u64, hash: u64) {
        self.feed(digest, tag::SEND, 0);
        digest.feed_pair(packet, hash);
    }

    /// A packet arrives; with the hash of what arrives if that is not what was sent.
    #[inline]
    pub fn feed_delivery(self, digest: &mut Digest, copy: u8, corrupt: Option<u64>) {
        self.feed(digest, tag::DELIVER, u64::from(copy) << 1 | u64::from(corrupt.is_some()));
        if let Some(hash) = corrupt {
            digest.feed(hash);
        }
    }

    /// A disk operation begins.
    #[inline]
    pub fn feed_disk_start(self, digest: &mut Digest, label: &Label, repeat: u32, hash: u64) {
        self.feed(digest, tag::DISK_START, 0);
        digest.feed_pair(label.hash(), u64::from(repeat));
        digest.feed(hash);
    }

    /// A disk operation ends.
    #[inline]
    pub fn feed_disk_done(self, digest: &mut Digest, hash: u64) {
        self.feed(digest, tag::DISK_DONE, 0);
        digest.feed(hash);
    }

    /// A timer fires.
    #[inline]
    pub fn feed_timer(self, digest: &mut Digest, task: &Label, nth: u32) {
        self.feed(digest, tag::TIMER, 0);
        digest.feed_pair(task.hash(), u64::from(nth));
    }
}
