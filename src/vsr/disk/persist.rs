//! Writing until it is done.
//!
//! After a failed write or sync nothing is known of what is on the disk, and a second sync that is good means nothing: what the first
//! one should have written may count as clean, and be dropped all the same (Rebello and others, *Can applications recover
//! from fsync failures?*, USENIX ATC 2020). So everything since the last good sync is written anew, and then synced; but not
//! before everything that was under way has ended, because a slow write would land on top of a later one.

use std::time::Duration;

use bytes::Bytes;

use crate::env::{DiskError, Env};

use super::ring::SECTOR_SIZE;

/// The mark of a write or sync that failed.
pub const FAILED: &str = "disk write failed and was done anew";

/// How long a disk is left alone after it has failed.
const PAUSE: Duration = Duration::from_millis(10);

// Without a pause, a disk that fails all the time would stop the clock.
const _: () = assert!(!PAUSE.is_zero());

/// The bytes, with zeros behind them up to the end of a sector. One that has gone bad is mended only by a write of all of it.
pub fn whole_sectors(bytes: &Bytes) -> Bytes {
    let length = bytes.len().next_multiple_of(SECTOR_SIZE);
    if length == bytes.len() {
        return bytes.clone();
    }
    assert!(!bytes.is_empty(), "there is something to write");
    assert!(length - bytes.len() < SECTOR_SIZE, "no sector is written that could be left alone");
    let mut whole = Vec::with_capacity(length);
    whole.extend_from_slice(bytes);
    whole.resize(length, 0);
    whole.into()
}

/// Waits until all of these have ended, also those behind one that failed. A write is under way whether or not somebody waits for it.
///
/// # Errors
/// That of the first that failed.
pub async fn all(under_way: Vec<impl Future<Output = Result<(), DiskError>>>) -> Result<(), DiskError> {
    let mut outcome = Ok(());
    for write in under_way {
        let ended = write.await;
        outcome = outcome.and(ended);
    }
    outcome
}

/// Does something to the disk, from the beginning each time, until it succeeds.
pub async fn persist<T>(env: &Env, mut attempt: impl AsyncFnMut() -> Result<T, DiskError>) -> T {
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => {
                assert_ne!(error, DiskError::NotFound, "files that are open stay");
                env.mark(FAILED);
                env.sleep(PAUSE).await;
            }
        }
    }
}
