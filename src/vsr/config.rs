//! What a replica is told when it boots, and how long it waits for what.

use std::time::Duration;

use super::disk::ring::{HEADERS_PER_SECTOR, SLOTS_MAX, SLOTS_MIN};
use super::plant::Plant;
use super::quorum;

/// What all replicas and clients of a cluster are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// Which cluster. Part of every checksum, so that bytes of another cluster are never taken for this one's.
    pub cluster: u64,
    /// How many replicas: `r0` to `r(n-1)`.
    pub replicas: u16,
    /// How many sessions there can be at once.
    pub sessions: usize,
    /// How many entries the journal has room for: a multiple of 4 from 8 to 1,024. What a replica was formatted with counts
    /// for as long as its disk lasts.
    pub slots: u64,
    /// The planted bug that is switched on; without effect in a build without the feature `plant`.
    pub plant: Option<Plant>,
}

impl Config {
    /// A cluster of this many replicas, from 1 to 6, without any planted bug.
    pub fn new(cluster: u64, replicas: u16) -> Config {
        assert!((1..=quorum::REPLICAS_MAX).contains(&replicas), "a cluster has 1 to 6 replicas");
        Config { cluster, replicas, sessions: SESSIONS, slots: SLOTS, plant: None }
    }

    /// Whether this planted bug is switched on; never without the feature.
    #[cfg(feature = "plant")]
    pub fn planted(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    /// Whether this planted bug is switched on; never without the feature.
    #[cfg(not(feature = "plant"))]
    pub const fn planted(&self, _plant: Plant) -> bool {
        false
    }
}

/// Sessions at once, where nothing else is said.
pub const SESSIONS: usize = 64;

/// Slots of the journal, where nothing else is said.
pub const SLOTS: u64 = 16;

/// Bytes of a checkpoint in one message at most.
pub const PIECE: u64 = 4096;

/// Entries a primary may have prepared beyond what is committed. Further requests are dropped, and their clients ask
/// again. Every view keeps to it, so no log ever holds more uncommitted entries than this.
pub const PIPELINE: u64 = 32;

/// Entries in one message at most. More than [`PIPELINE`], so that the end of a log that a view change carries always
/// holds everything uncommitted.
pub const CHUNK: u64 = 64;

/// Prepares sent again to one backup at a time.
pub const RESEND_BATCH: u64 = 8;

const _: () = assert!(CHUNK > PIPELINE);
const _: () = assert!(RESEND_BATCH <= PIPELINE, "no more is sent again than there can be");
const _: () = assert!(PIECE > 0 && SESSIONS > 0);
const _: () = assert!(SLOTS_MIN <= SLOTS && SLOTS <= SLOTS_MAX && SLOTS.is_multiple_of(HEADERS_PER_SECTOR));

/// A primary with nothing to say says so this often.
pub const HEARTBEAT: Duration = Duration::from_millis(50);
/// A prepare that made no progress for this long is sent again.
pub const PREPARE_RESEND: Duration = Duration::from_millis(100);
/// A backup that has heard nothing from the primary for this long votes for the next view.
pub const PRIMARY_SILENCE: Duration = Duration::from_millis(300);
/// A backup that has heard the primary within this time tells those who have not how the view looks.
pub const RELAY: Duration = Duration::from_millis(150);
/// Up to this much is added to [`PRIMARY_SILENCE`], drawn anew in each view, so that backups do not all vote at once.
pub const PRIMARY_SILENCE_JITTER: Duration = Duration::from_millis(100);
/// A primary that has not heard from a replication quorum for this long gives up its view.
pub const ABDICATION: Duration = Duration::from_millis(1000);
/// A replica that is on its way into a view, and asks its primary how, counts as one that hears it for so long; then it
/// must have acknowledged something. Its disk may be slow, but perhaps it hears nothing of what it asks for. Twice
/// [`VIEW_CHANGE_PACES`] times what a superblock took, if that is more: it writes a log besides.
pub const ARRIVAL: Duration = Duration::from_millis(2000);
/// Votes and promises are repeated this often until the view has started.
pub const VOTE_RESEND: Duration = Duration::from_millis(100);
/// A vote that was not repeated for this long has lapsed.
pub const VOTE_LIFETIME: Duration = Duration::from_millis(1000);
/// A view that has not started after this long is given up; doubled for every view in a row that failed.
pub const VIEW_CHANGE_MIN: Duration = Duration::from_millis(400);
/// It is given this many times what a superblock took to become durable, if that is more: the new primary and its backups each
/// write a log and a superblock until it runs.
pub const VIEW_CHANGE_PACES: u32 = 4;
/// The doubling stops here; a quarter at most is added as jitter.
pub const VIEW_CHANGE_MAX: Duration = Duration::from_millis(3200);
/// Entries that did not come within this time are asked for again, elsewhere if possible.
pub const FETCH_RETRY: Duration = Duration::from_millis(100);
/// A replica whose disk is lost asks the others again after this long.
pub const RECOVERY_RETRY: Duration = Duration::from_millis(100);
/// A client asks again after this long; doubled for every attempt.
pub const CLIENT_RETRY_MIN: Duration = Duration::from_millis(200);
/// The doubling stops here.
pub const CLIENT_RETRY_MAX: Duration = Duration::from_millis(800);

const _: () = {
    assert!(2 * HEARTBEAT.as_nanos() < PRIMARY_SILENCE.as_nanos(), "one heartbeat may be lost");
    assert!(RELAY.as_nanos() < PRIMARY_SILENCE.as_nanos(), "whoever relays is content itself");
    let silence = PRIMARY_SILENCE.as_nanos() + PRIMARY_SILENCE_JITTER.as_nanos();
    assert!(silence < ABDICATION.as_nanos(), "backups vote before their primary gives up");
    assert!(ABDICATION.as_nanos() < ARRIVAL.as_nanos(), "who has yet to write a log is given longer");
    assert!(2 * VOTE_RESEND.as_nanos() < VOTE_LIFETIME.as_nanos(), "one vote may be lost");
    assert!(VOTE_RESEND.as_nanos() < VIEW_CHANGE_MIN.as_nanos(), "a promise is repeated before its view is given up");
    assert!(VIEW_CHANGE_MIN.as_nanos() <= VIEW_CHANGE_MAX.as_nanos());
    assert!(CLIENT_RETRY_MIN.as_nanos() > 0 && CLIENT_RETRY_MIN.as_nanos() <= CLIENT_RETRY_MAX.as_nanos());
    assert!(longest_backoff().as_nanos() >= CLIENT_RETRY_MAX.as_nanos(), "nobody waits longer");
};

/// The longest that anybody waits before trying again.
pub const fn longest_backoff() -> Duration {
    Duration::from_millis(VIEW_CHANGE_MAX.as_millis() as u64 * 5 / 4)
}
