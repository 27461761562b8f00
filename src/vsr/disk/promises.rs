//! How the promises become durable: the writer of the superblock, and its reader.
//!
//! The reader repairs what it finds. A state that only one copy has may be the one that counts, and yet be lost with that
//! copy; so nothing may be done because of it before it is in all four.

use crate::base::Kind;
use crate::env::{Env, File, Queue};

use super::persist::persist;
use super::reading;
use super::superblock::{COPIES, COPY_SIZE, Superblock, choose};

static TASK: Kind = Kind::new("superblock", &[]);
static WRITE: Kind = Kind::new("write-superblock", &["seq", "copy"]);
static READ: Kind = Kind::new("read-superblock", &["at"]);
static SYNC: Kind = Kind::new("sync-superblock", &[]);

/// The mark of a superblock of which some copies were torn, rotten or old at a restart, and have been written again.
pub const REPAIRED: &str = "superblock copy repaired";

/// Copies are written in pairs: a crash tears at most one pair.
const PAIRS: [[usize; 2]; COPIES / 2] = [[0, 1], [2, 3]];

/// The main task's side of the superblock: what was handed to the writer, and what has come back.
pub struct Promises {
    queue: Queue<(u64, Superblock)>,
    handed_over: u64,
    durable: u64,
}

impl Promises {
    /// Starts the writer task of a replica whose superblock has this sequence number.
    ///
    /// For every state that became durable `report` is told which of those handed over it was, counted from 1. What fails is
    /// done anew until it succeeds.
    pub fn start(env: &Env, file: File, sequence: u64, report: impl Fn(u64) + 'static) -> Promises {
        assert!(sequence > 0, "a superblock was read or formatted");
        let queue = Queue::new();
        env.spawn(TASK.label([]), write_newest(env.clone(), file, queue.clone(), sequence, report));
        Promises { queue, handed_over: 0, durable: 0 }
    }

    /// Hands a state to the writer, which gives it its sequence number. It replaces states that wait there.
    pub fn write(&mut self, superblock: Superblock) {
        assert!(superblock.is_sound(), "a superblock that is written makes sense: {superblock:?}");
        self.handed_over += 1;
        self.queue.push((self.handed_over, superblock));
    }

    /// Takes a report into account.
    pub fn on_written(&mut self, count: u64) {
        assert!(count > self.durable, "reports come in order");
        assert!(count <= self.handed_over, "a report of a state that was not handed over");
        self.durable = count;
    }

    /// Whether the newest state is durable.
    pub fn is_settled(&self) -> bool {
        self.durable == self.handed_over
    }
}

async fn write_newest(env: Env, file: File, queue: Queue<(u64, Superblock)>, mut sequence: u64, report: impl Fn(u64)) {
    loop {
        let (mut count, mut wanted) = queue.pop().await;
        while let Some(newer) = queue.try_pop() {
            (count, wanted) = newer;
        }
        // Numbered here and not by whoever wants it, because states are skipped above.
        sequence += 1;
        wanted.sequence = sequence;
        write(&env, &file, &wanted).await;
        report(count);
    }
}

/// Writes a state to all copies; durable when it returns.
pub async fn write(env: &Env, file: &File, superblock: &Superblock) {
    write_copies(env, file, superblock, &[0, 1, 2, 3]).await;
}

async fn write_copies(env: &Env, file: &File, superblock: &Superblock, copies: &[usize]) {
    assert!(copies.is_sorted(), "copies come in order");
    for pair in PAIRS {
        let write = |copy: usize| {
            let label = WRITE.label([superblock.sequence, copy as u64]);
            file.write_at(label, (copy * COPY_SIZE) as u64, superblock.encode(copy))
        };
        let wanted = || pair.into_iter().filter(|copy| copies.contains(copy));
        if wanted().next().is_none() {
            continue;
        }
        // Done before the other pair is touched: until then the other pair is what a crash would leave.
        persist(env, async || {
            let under_way: Vec<_> = wanted().map(write).collect();
            for write in under_way {
                write.await?;
            }
            file.sync(SYNC.label([])).await
        })
        .await;
    }
}

/// Reads the state that counts, which is in all four copies when this returns, and whether copies of it had to be written again,
/// which is marked [`REPAIRED`] too; `None` if no copy may be trusted, so that the replica is lost. A copy that cannot be
/// read is one that is not whole.
pub async fn read(env: &Env, file: &File, cluster: u64, replica: u16) -> Option<(Superblock, bool)> {
    let label = |at| READ.label([at]);
    let once = reading::read_once(file, COPIES * COPY_SIZE, label).await;
    let plain = once.and_then(|bytes| choose(cluster, replica, &bytes)).filter(|choice| choice.stray.is_empty());
    let choice = match plain {
        Some(choice) => choice,
        None => choose(cluster, replica, &reading::read(file, COPIES * COPY_SIZE, label).await)?,
    };
    // What is read after a crash need not be durable: it may have been written and never synced. From here on it is.
    persist(env, async || file.sync(SYNC.label([])).await).await;
    let is_repaired = !choice.stray.is_empty();
    if is_repaired {
        write_copies(env, file, &choice.superblock, &choice.stray).await;
        env.mark(REPAIRED);
    }
    Some((choice.superblock, is_repaired))
}
