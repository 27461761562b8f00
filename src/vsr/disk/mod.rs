//! What a replica keeps on disk, and how it comes back from a disk that has decayed.
//!
//! | file | what | redundancy |
//! |---|---|---|
//! | `superblock` | the promises, and which checkpoint counts | four copies of 512 bytes |
//! | `journal` | a [ring](ring) of slots of 1,024 bytes, an entry in each | `headers`, other replicas |
//! | `headers` | a ring of records of 128 bytes, the header of each slot's entry | `journal`, other replicas |
//! | `checkpoint-0`, `checkpoint-1` | the state up to some op; the older of the two is written over | other replicas |
//!
//! In reading order: [`ring`] says where an op lives, [`headers`] what is said of it, [`log`] is the log in memory, with
//! holes where the disk has lost something. [`superblock`] is the promises, [`promises`] how they become durable.
//! [`row`] is the table of what a restart makes of one slot, [`restart`] of a disk, a pure function of bytes, and [`scan`]
//! reads those bytes. [`journal`] and [`checkpoint`] write.
//!
//! What holds at all times:
//!
//! 1. An entry is acknowledged only when its body is durable, and after it its header. So a good header says "this body
//!    was durable once", and a torn body below an older header was never acknowledged.
//! 2. A lost entry is never denied: a slot that cannot be read is no proof that nothing was in it.
//! 3. A slot is written again only when a checkpoint that covers its entry is durable, and named by the superblock.
//! 4. Whatever a restart takes for durable, it has first made durable, in all its copies.
//! 5. Nothing that a disk holds makes a replica panic.
//!
//! What is not here: the end of a file is no end of a log, there are no lengths to recover, and no file grows but the
//! checkpoints.

pub mod checkpoint;
pub mod headers;
pub mod journal;
pub mod log;
pub mod persist;
pub mod promises;
pub mod reading;
pub mod restart;
pub mod ring;
pub mod row;
pub mod scan;
pub mod superblock;

#[cfg(test)]
mod tests;

pub use checkpoint::{Area, Checkpoints};
pub use headers::Headers;
pub use journal::{Journal, Written};
pub use log::{Log, Missing, Position};
pub use persist::persist;
pub use promises::Promises;
pub use restart::{Case, Recovered};
pub use ring::Ring;
pub use row::Row;
pub use superblock::{Checkpoint, Superblock};

use crate::base::Kind;
use crate::env::{DiskError, Env, File};
use crate::vsr::entry::{Place, View};

static SYNC: Kind = Kind::new("sync-format", &[]);
static WRITE: Kind = Kind::new("write-format", &[]);

/// The open files of a replica. Clones are the same files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The promises; see [`superblock`].
    pub superblock: File,
    /// The ring of headers; see [`headers`].
    pub headers: File,
    /// The ring of slots; see [`journal`].
    pub journal: File,
    /// The two areas for checkpoints; see [`checkpoint`].
    pub checkpoints: [File; 2],
}

/// Opens the files of a replica that was formatted.
///
/// # Errors
/// [`DiskError::NotFound`] if one of them is gone: then the disk is lost. Otherwise as the device has it.
pub async fn open(env: &Env) -> Result<Files, DiskError> {
    let disk = env.disk();
    Ok(Files {
        superblock: disk.open(superblock::FILE).await?,
        headers: disk.open(headers::FILE).await?,
        journal: disk.open(journal::FILE).await?,
        checkpoints: [disk.open(checkpoint::FILES[0]).await?, disk.open(checkpoint::FILES[1]).await?],
    })
}

/// Makes the disk of a new replica, or of one whose disk is lost, with this superblock; durable, the names too, when it
/// returns.
///
/// What was there before goes first, and the superblock comes last: a disk whose formatting was interrupted has none, and
/// is taken for lost.
pub async fn format(env: &Env, superblock: &Superblock) {
    assert_eq!(superblock.sequence, superblock::SEQUENCE_FORMATTED, "only a new disk is formatted");
    assert!(superblock.is_sound(), "a new superblock makes sense");
    assert_eq!(superblock.checkpoint, Checkpoint::default(), "a new disk has no checkpoint");
    assert_eq!(superblock.log_head, Place::default(), "a new disk has no log");
    assert_eq!(superblock.commit, 0, "nothing is committed on a new disk");
    assert_eq!(superblock.view, View(0), "a new disk has promised nothing");
    assert_eq!(superblock.life, 0, "a new disk knows of no life before it");
    persist(env, async || clear(env).await).await;
    persist(env, async || write_new(env, superblock).await).await;
}

/// Removes all files, the superblock before the others.
async fn clear(env: &Env) -> Result<(), DiskError> {
    let disk = env.disk();
    let mut names = disk.list().await?;
    if names.is_empty() {
        return Ok(());
    }
    names.sort_by_key(|name| **name != *superblock::FILE);
    assert!(names.iter().skip(1).all(|name| **name != *superblock::FILE), "the superblock goes first");
    for name in names {
        disk.remove(&name).await?;
        disk.sync_dir().await?;
    }
    Ok(())
}

async fn write_new(env: &Env, superblock: &Superblock) -> Result<(), DiskError> {
    let ring = superblock.ring();
    let disk = env.disk();
    let journal = disk.create(journal::FILE).await?;
    let headers = Headers::formatted(superblock.cluster, ring);
    journal.write_at(WRITE.label([]), 0, journal::blank(&headers)).await?;
    journal.sync(SYNC.label([])).await?;
    headers::format(&disk.create(headers::FILE).await?, &headers).await?;
    for name in checkpoint::FILES {
        disk.create(name).await?.sync(SYNC.label([])).await?;
    }
    promises::write(env, &disk.create(superblock::FILE).await?, superblock).await;
    disk.sync_dir().await
}
