//! Reading the rings at a restart, and making durable what is made of them.
//!
//! What [`restart`](super::restart) takes for the log is not all on disk as it ought to be: an entry may be there whose
//! header never was, and were it acknowledged so, and then decay, it would look as if it had never been acknowledged.
//! So the headers are written again, where they differ, before anything of the log may be relied upon.

use crate::base::Kind;
use crate::env::{Env, File};
use crate::vsr::entry::Entry;

use super::Files;
use super::headers;
use super::journal::SLOT_SIZE;
use super::persist::persist;
use super::reading;
use super::restart::{Recovered, recover};
use super::ring::{Ring, SECTOR_SIZE};
use super::superblock::Superblock;

static READ: Kind = Kind::new("read-journal", &["at"]);
static READ_AGAIN: Kind = Kind::new("read-again", &["op"]);
static SYNC: Kind = Kind::new("sync-restart", &[]);

/// Reads the log of a replica with this superblock, which was read by [`promises::read`](super::promises::read). When it
/// returns, everything that is here is durable, body and header. A sector that cannot be read is one whose content is lost.
pub async fn read(env: &Env, files: &Files, superblock: &Superblock) -> Recovered {
    assert!(superblock.is_sound(), "the superblock was read or formatted");
    let ring = superblock.ring();
    let header_bytes = ring.header_sectors() as usize * SECTOR_SIZE;
    let journal_bytes = (ring.slots() * SLOT_SIZE) as usize;
    let header_label = |at| headers::READ.label([at]);
    let journal_label = |at| READ.label([at]);
    let once = async {
        let headers = reading::read_once(&files.headers, header_bytes, header_label).await?;
        let journal = reading::read_once(&files.journal, journal_bytes, journal_label).await?;
        Some(recover(superblock, &headers, &journal)).filter(|recovered| recovered.is_plain)
    };
    let recovered = match once.await {
        Some(recovered) => recovered,
        None => {
            let headers = reading::read(&files.headers, header_bytes, header_label).await;
            let journal = reading::read(&files.journal, journal_bytes, journal_label).await;
            recover(superblock, &headers, &journal)
        }
    };
    assert_eq!(recovered.log.base(), superblock.checkpoint.place, "the log begins behind the checkpoint that counts");
    assert!(recovered.log.op() >= superblock.log_head.op, "what the superblock vouches for is not denied");
    assert_eq!(recovered.headers.ring(), ring, "headers describe the ring that was read");
    assert!(recovered.cases.len() as u64 <= ring.slots(), "each slot is judged once");
    // What is read after a crash need not be durable: it may have been written and never synced. From here on it is.
    persist(env, async || files.journal.sync(SYNC.label([])).await).await;
    persist(env, async || match recovered.rewritten.is_empty() {
        true => files.headers.sync(headers::SYNC.label([])).await,
        false => recovered.headers.write(&files.headers, &recovered.rewritten).await,
    })
    .await;
    recovered
}

/// Reads the entry of an op that was found lost: perhaps it was the reading that went wrong. Only its checksum tells whether it is
/// the one that belongs there.
pub async fn read_again(file: &File, ring: Ring, cluster: u64, op: u64) -> Option<Entry> {
    let at = ring.slot(op) * SLOT_SIZE;
    assert!(at + SLOT_SIZE <= ring.slots() * SLOT_SIZE, "a slot of this ring");
    let bytes = file.read_at(READ_AGAIN.label([op]), at, SLOT_SIZE).await.ok()?;
    Entry::decode(cluster, &bytes).filter(|entry| entry.op() == op)
}
