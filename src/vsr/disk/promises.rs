//! How the promises become durable: the writer of the superblock, and its reader.
//!
//! The reader repairs what it finds. A state that only one copy has may be the one that counts, and yet be lost with that
//! copy; so nothing may be done because of it before it is in all four.

use crate::base::Kind;
use crate::env::{Env, File, Queue};

use super::persist::{all, persist};
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

// Each copy is in one pair.
const _: () = assert!(PAIRS[0][1] < PAIRS[1][0]);
const _: () = assert!(PAIRS[1][1] + 1 == COPIES);

/// The main task's side of the superblock: what was handed to the writer, and what has come back.
pub struct Promises {
    queue: Queue<(u64, Superblock)>,
    handed_over: u64,
    durable: u64,
    /// The last one that was handed over.
    newest: Option<Superblock>,
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
        Promises { queue, handed_over: 0, durable: 0, newest: None }
    }

    /// Hands a state to the writer, which gives it its sequence number. It replaces states that wait there.
    pub fn write(&mut self, superblock: Superblock) {
        assert!(superblock.is_sound(), "a superblock that is written makes sense: {superblock:?}");
        let own = superblock.lives[usize::from(superblock.replica)];
        assert_eq!(superblock.life, own, "the life of a replica is the newest that it knows of itself");
        if let Some(before) = &self.newest {
            keeps(before, &superblock);
        }
        self.newest = Some(superblock);
        self.handed_over += 1;
        self.queue.push((self.handed_over, superblock));
    }

    /// Takes a report into account.
    pub fn on_written(&mut self, count: u64) {
        assert!(count > self.durable, "reports come in order");
        assert!(count <= self.handed_over, "a report of a state that was not handed over");
        assert!(self.newest.is_some(), "a report of a state that was not handed over");
        self.durable = count;
    }

    /// Whether the newest state is durable.
    pub fn is_settled(&self) -> bool {
        assert!(self.durable <= self.handed_over, "a report of a state that was not handed over");
        assert_eq!(self.newest.is_some(), self.handed_over > 0, "the newest state is remembered");
        self.durable == self.handed_over
    }
}

/// Asserts that a state keeps what the one before has promised.
fn keeps(before: &Superblock, now: &Superblock) {
    assert_eq!((before.cluster, before.replica), (now.cluster, now.replica), "a disk belongs to one replica");
    assert_eq!(before.slots, now.slots, "rings stay as they were formatted");
    assert!(before.checkpoint.place.op <= now.checkpoint.place.op, "checkpoints do not go back");
    assert!(before.life <= now.life, "a life that is over does not come back");
    let newer = before.lives.iter().zip(&now.lives).all(|(before, now)| before <= now);
    assert!(newer, "no life that is over comes back");
    assert!(before.is_recovering || !now.is_recovering, "a replica that has recovered stays so until its disk is lost");
    // What was written down while it was recovering is no promise.
    assert!(before.is_recovering || before.view <= now.view, "a promise is kept");
    assert!(before.is_recovering || before.log_view <= now.log_view, "a log never becomes that of an earlier view");
}

async fn write_newest(env: Env, file: File, queue: Queue<(u64, Superblock)>, mut sequence: u64, report: impl Fn(u64)) {
    let mut reported = 0;
    loop {
        let (mut count, mut wanted) = queue.pop().await;
        while let Some(newer) = queue.try_pop() {
            assert!(newer.0 > count, "states are handed over in order");
            (count, wanted) = newer;
        }
        assert!(count > reported, "states are handed over in order");
        reported = count;
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
    assert!(copies.is_sorted_by(|one, next| one < next), "copies come in order, and each once");
    assert!(!copies.is_empty(), "there is something to write");
    assert!(copies.iter().all(|copy| *copy < COPIES), "there are four copies");
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
            all(wanted().map(write).collect()).await?;
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
    assert_eq!(
        (choice.superblock.cluster, choice.superblock.replica),
        (cluster, replica),
        "another's state is not ours"
    );
    let is_repaired = !choice.stray.is_empty();
    if is_repaired {
        write_copies(env, file, &choice.superblock, &choice.stray).await;
        env.mark(REPAIRED);
    }
    Some((choice.superblock, is_repaired))
}
