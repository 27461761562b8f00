//! Reading the rings at a restart, and making durable what is made of them.
//!
//! What [`restart`](super::restart) takes for the log is not all on disk as it ought to be: an entry may be there whose
//! header never was, and were it acknowledged so, and then decay, it would look as if it had never been acknowledged.
//! So the headers are written again, where they differ, before anything of the log may be relied upon.

use bytes::Bytes;

use crate::base::{Kind, Label};
use crate::env::{Env, File};

use crate::vsr::entry::Entry;

use super::Files;
use super::headers;
use super::journal::SLOT_SIZE;
use super::persist::{READS, persist};
use super::restart::{Recovered, recover};
use super::ring::{Ring, SECTOR_SIZE};
use super::superblock::Superblock;

/// Bytes read at once.
const PIECE: u64 = 256 * SLOT_SIZE;

static READ: Kind = Kind::new("read-journal", &["at"]);
static READ_AGAIN: Kind = Kind::new("read-again", &["op"]);
static SYNC: Kind = Kind::new("sync-restart", &[]);

/// Reads the log of a replica with this superblock, which was read by [`promises::read`](super::promises::read). When it
/// returns, everything that is here is durable, body and header. A sector that cannot be read is one whose content is lost.
pub async fn read(env: &Env, files: &Files, superblock: &Superblock) -> Recovered {
    let mut recovered = read_once(files, superblock).await;
    for _ in 1..READS {
        if recovered.unclear() == 0 {
            break;
        }
        let again = read_once(files, superblock).await;
        if again.unclear() < recovered.unclear() {
            recovered = again;
        }
    }
    // What is read after a crash need not be durable: it may have been written and never synced. From here on it is.
    persist(env, async || files.journal.sync(SYNC.label([])).await).await;
    persist(env, async || match recovered.rewritten.is_empty() {
        true => files.headers.sync(headers::SYNC.label([])).await,
        false => recovered.headers.write(&files.headers, &recovered.rewritten).await,
    })
    .await;
    recovered
}

async fn read_once(files: &Files, superblock: &Superblock) -> Recovered {
    let ring = superblock.ring();
    let header_bytes = ring.header_sectors() * SECTOR_SIZE as u64;
    let headers = read_all(&files.headers, header_bytes, |at| headers::READ.label([at])).await;
    let journal = read_all(&files.journal, ring.slots() * SLOT_SIZE, |at| READ.label([at])).await;
    recover(superblock, &headers, &journal)
}

/// Reads the entry of an op that was found lost: perhaps it was the reading that went wrong. Only its checksum tells whether it is
/// the one that belongs there.
pub async fn read_again(file: &File, ring: Ring, cluster: u64, op: u64) -> Option<Entry> {
    let at = ring.slot(op) * SLOT_SIZE;
    let bytes = file.read_at(READ_AGAIN.label([op]), at, SLOT_SIZE).await.ok()?;
    Entry::decode(cluster, &bytes).filter(|entry| entry.op() == op)
}

/// The first `length` bytes of a file, with `0xff` for each byte of a sector that cannot be read or is not there.
async fn read_all(file: &File, length: u64, label: impl Fn(u64) -> Label) -> Vec<u8> {
    let mut all = Vec::with_capacity(length as usize);
    while (all.len() as u64) < length {
        let at = all.len() as u64;
        let size = PIECE.min(length - at);
        match file.read_at(label(at), at, size).await {
            Ok(bytes) => all.extend_from_slice(&bytes),
            // One bad sector, most likely: the others are not given up for it.
            Err(_) => all.extend_from_slice(&read_by_sector(file, at, size, &label).await),
        }
        all.resize((at + size) as usize, 0xff);
    }
    assert_eq!(all.len() as u64, length, "every byte has its place");
    all
}

async fn read_by_sector(file: &File, at: u64, size: u64, label: &impl Fn(u64) -> Label) -> Bytes {
    assert!(size.is_multiple_of(SECTOR_SIZE as u64), "whole sectors are read");
    let mut all = Vec::with_capacity(size as usize);
    for sector in (at..at + size).step_by(SECTOR_SIZE) {
        let found = file.read_at(label(sector), sector, SECTOR_SIZE as u64).await.unwrap_or_default();
        all.extend_from_slice(&found);
        all.resize((sector - at) as usize + SECTOR_SIZE, 0xff);
    }
    all.into()
}
