//! The promises on disk.
//!
//! The file `superblock` has two sectors of 512 bytes, each with a copy. A new state goes to the copy that does not
//! hold the newest one, so a write that is torn, or lost, leaves the state before it whole. Of two whole copies the one
//! with the greater sequence number counts.
//!
//! Layout of a copy, little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..16 | checksum of bytes 16 to 512 |
//! | 16..24 | the letters `vsrsuper` |
//! | 24..32 | cluster |
//! | 32..40 | number of the replica |
//! | 40..48 | sequence number; copy `sequence % 2` |
//! | 48..56 | view |
//! | 56..64 | log view |
//! | 64..72 | log head: op number |
//! | 72..88 | log head: checksum |
//! | 88..96 | commit |
//! | 96..512 | zero |

use bytes::{BufMut, Bytes, BytesMut};

use crate::base::{Checksum, Kind};
use crate::env::{DiskError, Env, File, Queue};

use super::config::Config;
use super::entry::{Place, View};
use super::plant::Plant;

/// The name of the file.
pub const FILE: &str = "superblock";
/// Bytes of a copy.
pub const COPY_SIZE: usize = 512;
/// The sequence number of a replica that has never written its superblock since it was formatted.
pub const SEQUENCE_FORMATTED: u64 = 1;

const MAGIC: &[u8; 8] = b"vsrsuper";

static TASK: Kind = Kind::new("superblock", &[]);
static WRITE: Kind = Kind::new("write-superblock", &["seq"]);
static READ: Kind = Kind::new("read-superblock", &[]);
static SYNC: Kind = Kind::new("sync-superblock", &[]);

/// What a replica has promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Superblock {
    /// Which cluster.
    pub cluster: u64,
    /// Which replica.
    pub replica: u16,
    /// Counts the writes; given by the writer task.
    pub sequence: u64,
    /// The replica never acts in an earlier view again.
    pub view: View,
    /// The view whose log its log is.
    pub log_view: View,
    /// A place that the log goes through: its end when `log_view` was entered, or where it was cut since.
    pub log_head: Place,
    /// Everything up to here was known to be committed. Never beyond what was durable here.
    pub commit: u64,
}

impl Superblock {
    /// That of a new replica.
    pub fn formatted(cluster: u64, replica: u16) -> Superblock {
        Superblock {
            cluster,
            replica,
            sequence: SEQUENCE_FORMATTED,
            view: View(0),
            log_view: View(0),
            log_head: Place::default(),
            commit: 0,
        }
    }

    /// One copy, as it stands on disk.
    pub fn encode(&self) -> Bytes {
        assert!(self.log_view <= self.view, "a log is never of a later view than the promise");
        let mut buffer = BytesMut::with_capacity(COPY_SIZE);
        buffer.put_bytes(0, 16);
        buffer.put_slice(MAGIC);
        buffer.put_u64_le(self.cluster);
        buffer.put_u64_le(u64::from(self.replica));
        buffer.put_u64_le(self.sequence);
        buffer.put_u64_le(self.view.0);
        buffer.put_u64_le(self.log_view.0);
        buffer.put_u64_le(self.log_head.op);
        buffer.put_u128_le(self.log_head.checksum.0);
        buffer.put_u64_le(self.commit);
        buffer.put_bytes(0, COPY_SIZE - buffer.len());
        let checksum = Checksum::of(&buffer[16..]);
        buffer[..16].copy_from_slice(&checksum.0.to_le_bytes());
        buffer.freeze()
    }

    /// Reads a copy of this cluster and replica; `None` if it is not whole.
    pub fn decode(cluster: u64, replica: u16, copy: &[u8]) -> Option<Superblock> {
        let copy = copy.get(..COPY_SIZE)?;
        let word = |at: usize| u64::from_le_bytes(copy[at..at + 8].try_into().expect("eight bytes"));
        let wide = |at: usize| u128::from_le_bytes(copy[at..at + 16].try_into().expect("sixteen bytes"));
        let is_whole = Checksum::of(&copy[16..]) == Checksum(wide(0));
        if !is_whole || &copy[16..24] != MAGIC || word(24) != cluster || word(32) != u64::from(replica) {
            return None;
        }
        Some(Superblock {
            cluster,
            replica,
            sequence: word(40),
            view: View(word(48)),
            log_view: View(word(56)),
            log_head: Place { op: word(64), checksum: Checksum(wide(72)) },
            commit: word(88),
        })
    }
}

/// The main task's side of the superblock: what was handed to the writer, and what has come back.
pub struct Promises {
    queue: Queue<(u64, Superblock)>,
    handed_over: u64,
    durable: u64,
}

impl Promises {
    /// Starts the writer task of a replica whose superblock has this sequence number.
    ///
    /// For every state that became durable `report` is told which of those handed over it was, counted from 1. After an
    /// error, which is reported once, nothing is written any more.
    pub fn start(env: &Env, file: File, sequence: u64, report: impl Fn(Result<u64, DiskError>) + 'static) -> Promises {
        let queue = Queue::new();
        env.spawn(TASK.label([]), write_newest(file, queue.clone(), sequence, report));
        Promises { queue, handed_over: 0, durable: 0 }
    }

    /// Hands a state to the writer, which gives it its sequence number. It replaces states that wait there.
    pub fn write(&mut self, superblock: Superblock) {
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

async fn write_newest(
    file: File,
    queue: Queue<(u64, Superblock)>,
    mut sequence: u64,
    report: impl Fn(Result<u64, DiskError>),
) {
    loop {
        let (mut count, mut wanted) = queue.pop().await;
        while let Some(newer) = queue.try_pop() {
            (count, wanted) = newer;
        }
        // Numbered here and not by whoever wants it: states are skipped above, and two states in a row must never go to
        // the same copy.
        sequence += 1;
        wanted.sequence = sequence;
        match write(&file, &wanted).await {
            Ok(()) => report(Ok(count)),
            // What a failed write or sync left behind is not known, and trying again would not tell.
            Err(error) => return report(Err(error)),
        }
    }
}

async fn write(file: &File, superblock: &Superblock) -> Result<(), DiskError> {
    let offset = superblock.sequence % 2 * COPY_SIZE as u64;
    file.write_at(WRITE.label([superblock.sequence]), offset, superblock.encode()).await?;
    file.sync(SYNC.label([])).await
}

/// Reads the newest whole copy; `None` if there is none.
///
/// # Errors
/// As the device has it.
pub async fn read(file: &File, config: &Config, replica: u16) -> Result<Option<Superblock>, DiskError> {
    let bytes = file.read_at(READ.label([]), 0, 2 * COPY_SIZE as u64).await?;
    // What is read after a crash need not be durable: it may have been written and never synced. From here on it is.
    file.sync(SYNC.label([])).await?;
    if config.planted(Plant::TornSuperblockResets) {
        let mut used = bytes.chunks(COPY_SIZE).filter(|copy| copy.iter().any(|byte| *byte != 0));
        if used.any(|copy| newest(config.cluster, replica, copy).is_none()) {
            return Ok(Some(Superblock::formatted(config.cluster, replica)));
        }
    }
    Ok(newest(config.cluster, replica, &bytes))
}

fn newest(cluster: u64, replica: u16, bytes: &[u8]) -> Option<Superblock> {
    let copies = bytes.chunks(COPY_SIZE).filter_map(|copy| Superblock::decode(cluster, replica, copy));
    copies.max_by_key(|copy| copy.sequence)
}

/// Makes the superblock of a new replica. One copy is enough: the first write goes to the other one.
///
/// # Errors
/// As the device has it.
pub async fn format(env: &Env, superblock: &Superblock) -> Result<(), DiskError> {
    assert_eq!(superblock.sequence, SEQUENCE_FORMATTED, "only a new superblock is formatted");
    let file = env.disk().create(FILE).await?;
    write(&file, superblock).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sequence: u64, view: u64) -> Superblock {
        let log_head = Place { op: 4, checksum: Checksum(99) };
        Superblock { sequence, view: View(view), log_view: View(1), log_head, commit: 3, ..Superblock::formatted(7, 2) }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let copy = state(5, 2).encode();
        assert_eq!(Superblock::decode(7, 2, &copy), Some(state(5, 2)));
        assert_eq!(Superblock::decode(8, 2, &copy), None);
        assert_eq!(Superblock::decode(7, 1, &copy), None);
        for bit in 0..COPY_SIZE * 8 {
            let mut bytes = copy.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Superblock::decode(7, 2, &bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn a_torn_write_leaves_the_state_before_it() {
        let (older, newer) = (state(4, 2).encode(), state(5, 3).encode());
        for torn_at in 0..COPY_SIZE {
            let mut file = [older.to_vec(), state(3, 1).encode().to_vec()].concat();
            file[COPY_SIZE..COPY_SIZE + torn_at].copy_from_slice(&newer[..torn_at]);
            let found = newest(7, 2, &file).expect("one copy is always whole");
            // The old and the new state differ in their first 49 bytes only, so a write torn later is whole.
            assert_eq!(found, if torn_at < 49 { state(4, 2) } else { state(5, 3) }, "torn at {torn_at}");
        }
    }

    #[test]
    fn nothing_whole_is_nothing() {
        assert_eq!(newest(7, 2, &[]), None);
        assert_eq!(newest(7, 2, &[0; 1024]), None);
    }
}
