//! Checkpoints: the state up to some op, as bytes that mean nothing here.
//!
//! There are two areas, the files `checkpoint-0` and `checkpoint-1`. A new checkpoint is written to the area that the
//! superblock does not name. The order of writes:
//!
//! 1. header and content are written, and zeros up to the end of a sector; the file is cut to that length, and synced;
//! 2. a superblock that names the area is written, and is durable;
//! 3. only now may slots of the journal be freed (see [`Journal::free`](super::Journal::free)), and the other area be
//!    written over.
//!
//! A crash before 2 leaves the checkpoint before whole, and all entries after it. A checkpoint that decays is not
//! repaired from its own disk: another replica has one.
//!
//! Layout of an area, little endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..16 | checksum of bytes 16 to 512 |
//! | 16..24 | the letters `vsrcheck` |
//! | 24..32 | cluster |
//! | 32..40 | op number of the last entry covered |
//! | 40..48 | length of the content |
//! | 48..64 | checksum of the content |
//! | 64..512 | zero |
//! | 512.. | content |

use bytes::{BufMut, Bytes};

use crate::base::{Checksum, Kind};
use crate::env::{DiskError, Env, File, Queue};
use crate::vsr::entry::Place;

use super::persist::{persist, whole_sectors};
use super::reading::READS;
use super::ring::SECTOR_SIZE;
use super::superblock::Checkpoint;

/// The names of the files.
pub const FILES: [&str; 2] = ["checkpoint-0", "checkpoint-1"];
/// Bytes of the header, before the content.
pub const HEADER_SIZE: usize = SECTOR_SIZE;

const MAGIC: &[u8; 8] = b"vsrcheck";
/// Where the fields of the header end, and the zeros begin.
const FIELDS_END: usize = 64;

const _: () = assert!(FIELDS_END <= HEADER_SIZE);

static TASK: Kind = Kind::new("checkpoint", &[]);
static WRITE: Kind = Kind::new("write-checkpoint", &["area"]);
static READ: Kind = Kind::new("read-checkpoint", &["area"]);
static SYNC: Kind = Kind::new("sync-checkpoint", &["area"]);

/// What is in an area: header and content, as they stand on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Area(Bytes);

impl Area {
    /// An area with this content, of a checkpoint that covers everything up to `op`.
    pub fn new(cluster: u64, op: u64, content: &[u8]) -> Area {
        assert!(op > 0, "a checkpoint covers something");
        let mut buffer = Vec::with_capacity(HEADER_SIZE + content.len());
        buffer.put_bytes(0, 16);
        buffer.put_slice(MAGIC);
        buffer.put_u64_le(cluster);
        buffer.put_u64_le(op);
        buffer.put_u64_le(content.len() as u64);
        buffer.put_u128_le(Checksum::of(content).0);
        assert_eq!(buffer.len(), FIELDS_END, "the fields end where the zeros begin");
        buffer.put_bytes(0, HEADER_SIZE - buffer.len());
        let checksum = Checksum::of(&buffer[16..]);
        buffer[..16].copy_from_slice(&checksum.0.to_le_bytes());
        buffer.put_slice(content);
        assert_eq!(buffer.len(), HEADER_SIZE + content.len(), "the content follows the header");
        Area(buffer.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The content of this checkpoint, if that is what these bytes are. More may follow.
    pub fn content(cluster: u64, checkpoint: &Checkpoint, bytes: &Bytes) -> Option<Bytes> {
        assert!(checkpoint.area < 2, "there are two areas");
        let length = usize::try_from(checkpoint.length).ok()?;
        let end = HEADER_SIZE.checked_add(length)?;
        let whole = bytes.get(..end)?;
        // Made again rather than read: the superblock says all that the header says, so they can only agree.
        let content = bytes.slice(HEADER_SIZE..end);
        if checkpoint.place.op == 0 || Checksum::of(&content) != checkpoint.checksum {
            return None;
        }
        let expected = Area::new(cluster, checkpoint.place.op, &content);
        assert_eq!(expected.bytes().len(), end, "an area is its header and its content");
        (expected.0[..HEADER_SIZE] == whole[..HEADER_SIZE]).then_some(content)
    }
}

/// Reads the content of the checkpoint that the superblock names. `None` if it is rotten or cannot be read, and for the
/// checkpoint that covers nothing, which has no content.
pub async fn read(files: &[File; 2], cluster: u64, checkpoint: &Checkpoint) -> Option<Bytes> {
    assert!(checkpoint.area < 2, "there are two areas");
    if checkpoint.place.op == 0 {
        return None;
    }
    let label = READ.label([u64::from(checkpoint.area)]);
    let length = checkpoint.length.checked_add(HEADER_SIZE as u64)?;
    let file = &files[usize::from(checkpoint.area)];
    for _ in 0..READS {
        // Asked first, so that nobody makes room for a length that is not there.
        if file.length().await.is_ok_and(|there| there < length) {
            return None;
        }
        let read = file.read_at(label, 0, length).await.ok();
        if let Some(content) = read.and_then(|bytes| Area::content(cluster, checkpoint, &bytes)) {
            assert_eq!(content.len() as u64, checkpoint.length, "the content is as long as the superblock says");
            return Some(content);
        }
    }
    None
}

/// The main task's side of the checkpoints: which area is free, and what is under way.
pub struct Checkpoints {
    queue: Queue<(Checkpoint, Area)>,
    cluster: u64,
    /// The checkpoint that the durable superblock names.
    named: Checkpoint,
    /// The one after it: being written, or written and not yet named.
    next: Option<Checkpoint>,
    /// Whether `next` is durable.
    written: bool,
}

impl Checkpoints {
    /// Starts the writer task of a replica whose durable superblock names this checkpoint.
    ///
    /// A checkpoint that became durable is reported, and the superblock may name it. What fails is done anew until it
    /// succeeds.
    pub fn start(
        env: &Env,
        files: [File; 2],
        cluster: u64,
        named: Checkpoint,
        report: impl Fn(Checkpoint) + 'static,
    ) -> Checkpoints {
        assert!(named.area < 2, "there are two areas");
        let queue = Queue::new();
        env.spawn(TASK.label([]), write_areas(env.clone(), files, queue.clone(), report));
        let checkpoints = Checkpoints { queue, cluster, named, next: None, written: false };
        checkpoints.check();
        checkpoints
    }

    /// Asserts what holds at all times.
    fn check(&self) {
        assert!(self.named.area < 2, "there are two areas");
        assert!(self.next.is_some() || !self.written, "only what was handed over is written");
        let Some(next) = &self.next else { return };
        assert!(next.area < 2, "there are two areas");
        assert_ne!(next.area, self.named.area, "the checkpoint that counts is not written over");
        assert!(next.place.op >= self.named.place.op, "checkpoints do not go back");
    }

    /// Hands the content of a checkpoint to the writer, which covers everything up to the entry at this place, with this
    /// timestamp. Only while none is under way.
    pub fn write(&mut self, place: Place, timestamp: u64, content: &[u8]) {
        assert!(self.is_idle(), "one checkpoint at a time: the free area is that of the last but one");
        assert!(place.op > 0, "a checkpoint covers something");
        // The same again if its content has decayed.
        assert!(place.op >= self.named.place.op, "checkpoints do not go back");
        let area = 1 - self.named.area;
        let (length, checksum) = (content.len() as u64, Checksum::of(content));
        let checkpoint = Checkpoint { place, timestamp, area, length, checksum };
        self.next = Some(checkpoint);
        self.written = false;
        self.queue.push((checkpoint, Area::new(self.cluster, place.op, content)));
        self.check();
    }

    /// Takes a report into account: this checkpoint is durable, and the superblock may name it.
    pub fn on_written(&mut self, checkpoint: &Checkpoint) {
        assert_eq!(self.next.as_ref(), Some(checkpoint), "a report of a checkpoint that was not handed over");
        assert!(!self.written, "it is reported once");
        self.written = true;
        self.check();
        assert!(self.awaits_name(), "what is durable may be named");
    }

    /// A superblock that names this checkpoint is durable: it counts from now on, and the other area is free.
    pub fn on_named(&mut self, checkpoint: &Checkpoint) {
        assert_eq!(self.next.as_ref(), Some(checkpoint), "the superblock names the newest checkpoint");
        assert!(self.written, "a checkpoint is durable before it is named");
        assert_ne!(checkpoint.area, self.named.area, "the checkpoint that counted until now is not written over");
        self.named = *checkpoint;
        (self.next, self.written) = (None, false);
        self.check();
    }

    /// The checkpoint that counts.
    pub fn named(&self) -> &Checkpoint {
        &self.named
    }

    /// Whether one is durable and waits for a superblock that names it.
    pub fn awaits_name(&self) -> bool {
        self.next.is_some() && self.written
    }

    /// Whether no checkpoint is being written or waits to be named.
    pub fn is_idle(&self) -> bool {
        self.next.is_none()
    }
}

async fn write_areas(env: Env, files: [File; 2], queue: Queue<(Checkpoint, Area)>, report: impl Fn(Checkpoint)) {
    loop {
        let (checkpoint, area) = queue.pop().await;
        assert!(checkpoint.area < 2, "there are two areas");
        let whole = HEADER_SIZE as u64 + checkpoint.length;
        assert_eq!(area.bytes().len() as u64, whole, "the superblock will say how long the content is");
        let file = &files[usize::from(checkpoint.area)];
        persist(&env, async || write_area(file, checkpoint.area, area.clone()).await).await;
        report(checkpoint);
    }
}

async fn write_area(file: &File, area: u8, Area(bytes): Area) -> Result<(), DiskError> {
    assert!(bytes.len() >= HEADER_SIZE, "an area begins with its header");
    assert_eq!(&bytes[16..24], MAGIC, "an area begins with its header");
    let whole = whole_sectors(&bytes);
    let (label, padded) = ([u64::from(area)], whole.len() as u64);
    file.write_at(WRITE.label(label), 0, whole).await?;
    file.set_length(padded).await?;
    file.sync(SYNC.label(label)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let content = b"what the service and its sessions were";
        let Area(bytes) = Area::new(3, 9, content);
        let place = Place { op: 9, checksum: Checksum(1) };
        let length = content.len() as u64;
        let checkpoint = Checkpoint { place, timestamp: 4, area: 1, length, checksum: Checksum::of(content) };
        assert_eq!(Area::content(3, &checkpoint, &bytes).as_deref(), Some(&content[..]));
        assert_eq!(Area::content(4, &checkpoint, &bytes), None);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Area::content(3, &checkpoint, &bytes.into()), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Area::content(3, &checkpoint, &bytes.slice(..length)), None);
        }
        let other = Checkpoint { place: Place { op: 8, ..place }, ..checkpoint };
        assert_eq!(Area::content(3, &other, &bytes), None);
        assert_eq!(Area::content(3, &Checkpoint { length: u64::MAX, ..checkpoint }, &bytes), None);
    }
}
