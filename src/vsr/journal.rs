//! The log on disk.
//!
//! The file `journal` is an array of slots of 1,024 bytes, two sectors each. The entry with op number `n` stands at
//! the beginning of slot `n - 1`, so at byte `(n - 1) * 1024`, in the layout described in [`entry`](super::entry).
//! What follows it in its slot means nothing. Slots are never shared and, so far, never reused.
//!
//! Beyond what is durable a slot may hold anything: zeros, half an entry, or a whole entry of a log that a later view
//! cut off. [`choose`] has the rules by which a restart tells them apart.

use bytes::Bytes;

use crate::base::Kind;
use crate::env::{DiskError, Env, File, Queue};

use super::entry::{ENTRY_SIZE_MAX, Entry, HEADER_SIZE, Place, View};
use super::log::Log;
use super::superblock::Superblock;

/// The name of the file.
pub const FILE: &str = "journal";
/// Bytes of a slot.
pub const SLOT_SIZE: u64 = ENTRY_SIZE_MAX as u64;

const _: () = assert!(SLOT_SIZE.is_multiple_of(512) && HEADER_SIZE as u64 <= SLOT_SIZE);

/// Slots read at once in a scan.
const SCAN_SLOTS: u64 = 256;

static TASK: Kind = Kind::new("journal", &[]);
static WRITE: Kind = Kind::new("write", &["slot"]);
static READ: Kind = Kind::new("read-journal", &["slot"]);
static SYNC: Kind = Kind::new("sync-journal", &[]);

/// What the writer task reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Which log this was; see [`Journal::cut`].
    pub generation: u64,
    /// The last entry of the batch. All before it are durable too, because entries are queued in order.
    pub place: Place,
    /// How many entries the batch had.
    pub count: u64,
}

/// What the writer task is told: one entry.
#[derive(Debug)]
struct Write {
    generation: u64,
    place: Place,
    bytes: Bytes,
}

/// The main task's side of the journal: what was handed to the writer, and what has come back.
pub struct Journal {
    queue: Queue<Write>,
    generation: u64,
    outstanding: u64,
    durable: u64,
}

impl Journal {
    /// Starts the writer task. The first `durable` entries of the log are on disk already.
    ///
    /// Results go to `report`; after an error, which is reported once, nothing is written any more.
    pub fn start(
        env: &Env,
        file: File,
        durable: u64,
        report: impl Fn(Result<Written, DiskError>) + 'static,
    ) -> Journal {
        let queue = Queue::new();
        env.spawn(TASK.label([]), write_batches(file, queue.clone(), report));
        Journal { queue, generation: 0, outstanding: 0, durable }
    }

    /// Hands an entry to the writer. Entries come in order.
    pub fn write(&mut self, entry: &Entry) {
        assert_eq!(entry.op(), self.durable + self.outstanding + 1, "entries are written in order");
        self.outstanding += 1;
        self.queue.push(Write { generation: self.generation, place: entry.place(), bytes: entry.encoded().clone() });
    }

    /// Takes a report into account. `log` is what the journal should hold.
    pub fn on_written(&mut self, written: Written, log: &Log) {
        // The log is cut only while nothing is under way, so a report is always about the log as it is.
        assert_eq!(written.generation, self.generation, "a report of another log");
        assert!(log.holds(written.place), "a report of an entry that is not in the log");
        assert!(written.count <= self.outstanding, "a report of entries that were not handed over");
        self.outstanding -= written.count;
        self.durable += written.count;
        assert_eq!(self.durable, written.place.op, "reports come in order");
    }

    /// Forgets entries after `op`. Only while nothing is under way: then a late report can never be taken for one about
    /// the new entry in the same slot.
    pub fn cut(&mut self, op: u64) {
        assert!(self.is_idle(), "the log is not cut while it is written");
        assert!(op <= self.durable, "a log is cut within itself");
        self.durable = op;
        self.generation += 1;
    }

    /// Everything up to this op number is durable.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Whether everything handed over is durable.
    pub fn is_idle(&self) -> bool {
        self.outstanding == 0
    }
}

/// The writer task: all queued entries are written at once, then one sync makes them durable together.
async fn write_batches(file: File, queue: Queue<Write>, report: impl Fn(Result<Written, DiskError>)) {
    // Kept from batch to batch, so that they grow only once.
    let (mut batch, mut under_way) = (Vec::new(), Vec::new());
    loop {
        batch.push(queue.pop().await);
        batch.extend(std::iter::from_fn(|| queue.try_pop()));
        let Write { generation, place, .. } = *batch.last().expect("a batch has at least one entry");
        assert!(batch.iter().all(|write| write.generation == generation), "a batch belongs to one log");
        assert!(batch.windows(2).all(|pair| pair[0].place.op + 1 == pair[1].place.op), "a batch has no holes");
        let count = batch.len() as u64;
        under_way.extend(batch.drain(..).map(|write| {
            let slot = write.place.op - 1;
            file.write_at(WRITE.label([slot]), slot * SLOT_SIZE, write.bytes)
        }));
        // What a failed write or sync left behind is not known, and trying again would not tell.
        for write in under_way.drain(..) {
            if let Err(error) = write.await {
                return report(Err(error));
            }
        }
        match file.sync(SYNC.label([])).await {
            Ok(()) => report(Ok(Written { generation, place, count })),
            Err(error) => return report(Err(error)),
        }
    }
}

/// What a restart finds.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The log.
    pub log: Log,
    /// Whether the slot after it holds something that is not a whole entry.
    pub torn: bool,
}

/// Reads the log of a replica with this superblock. `None` if entries are missing that the superblock vouches for.
///
/// # Errors
/// As the device has it.
pub async fn scan(file: &File, superblock: &Superblock) -> Result<Option<Scan>, DiskError> {
    let slots = file.length().await?.div_ceil(SLOT_SIZE);
    let mut chooser = Chooser::new(superblock);
    let mut goes_on = true;
    let mut first = 0;
    while first < slots && goes_on {
        let bytes = file.read_at(READ.label([first]), first * SLOT_SIZE, SCAN_SLOTS * SLOT_SIZE).await?;
        goes_on = bytes.chunks(SLOT_SIZE as usize).all(|slot| chooser.offer(slot));
        first += SCAN_SLOTS;
    }
    // What is read after a crash need not be durable: it may have been written and never synced. From here on it is.
    file.sync(SYNC.label([])).await?;
    Ok(chooser.finish())
}

/// The rules of a restart, applied to slots in order: which entries belong to the log of the superblock's log view.
///
/// - Up to the superblock's `log_head` the chain must be whole and lead to it. Those entries were durable before the
///   superblock was.
/// - Beyond it, only entries first prepared in `log_view` itself can belong to its log. One of an older view is left
///   over from a log that was cut; one of a later view belongs to a log that was being installed.
/// - The first slot that does not follow ends the log. It may be torn: then it was never acknowledged.
pub fn choose<'a>(superblock: &Superblock, slots: impl IntoIterator<Item = &'a [u8]>) -> Option<Scan> {
    let mut chooser = Chooser::new(superblock);
    let _ = slots.into_iter().all(|slot| chooser.offer(slot));
    chooser.finish()
}

struct Chooser {
    cluster: u64,
    log_view: View,
    log_head: Place,
    log: Log,
    torn: bool,
}

impl Chooser {
    fn new(superblock: &Superblock) -> Chooser {
        let Superblock { cluster, log_view, log_head, .. } = *superblock;
        Chooser { cluster, log_view, log_head, log: Log::default(), torn: false }
    }

    /// Takes the next slot; false if the log ends before it.
    fn offer(&mut self, slot: &[u8]) -> bool {
        let Some(entry) = Entry::decode(self.cluster, slot) else {
            self.torn = slot.iter().any(|byte| *byte != 0);
            return false;
        };
        if entry.before() != self.log.head() || entry.view() > self.log_view {
            return false;
        }
        if entry.op() > self.log_head.op && entry.view() < self.log_view {
            return false;
        }
        self.log.push(entry);
        true
    }

    fn finish(self) -> Option<Scan> {
        self.log.holds(self.log_head).then_some(Scan { log: self.log, torn: self.torn })
    }
}

/// Makes the empty journal of a new replica.
///
/// # Errors
/// As the device has it.
pub async fn format(env: &Env) -> Result<(), DiskError> {
    let file = env.disk().create(FILE).await?;
    file.sync(SYNC.label([])).await
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::chain;
    use super::*;

    fn superblock(log_view: u64, log_head: Place) -> Superblock {
        let view = View(log_view);
        Superblock { cluster: 1, replica: 0, sequence: 9, view, log_view: view, log_head, commit: 0 }
    }

    fn slots(entries: &[Entry]) -> Vec<Vec<u8>> {
        entries.iter().map(|entry| entry.encoded().to_vec()).collect()
    }

    fn kept(superblock: &Superblock, slots: &[Vec<u8>]) -> Option<(u64, bool)> {
        choose(superblock, slots.iter().map(Vec::as_slice)).map(|scan| (scan.log.op(), scan.torn))
    }

    #[test]
    fn a_whole_log_is_kept_whole() {
        let entries = chain(1, &[0, 0, 2]);
        assert_eq!(kept(&superblock(2, entries[1].place()), &slots(&entries)), Some((3, false)));
        assert_eq!(kept(&superblock(0, Place::default()), &[]), Some((0, false)));
    }

    #[test]
    fn a_torn_entry_ends_the_log() {
        let entries = chain(1, &[0, 0, 0]);
        let mut slots = slots(&entries);
        slots[1].truncate(100);
        assert_eq!(kept(&superblock(0, Place::default()), &slots), Some((1, true)));
        slots[1] = vec![0; 512];
        assert_eq!(kept(&superblock(0, Place::default()), &slots), Some((1, false)));
    }

    #[test]
    fn entries_the_superblock_vouches_for_must_be_there() {
        let entries = chain(1, &[0, 0, 0]);
        assert_eq!(kept(&superblock(0, entries[2].place()), &slots(&entries[..2])), None);
        let other = chain(1, &[0, 0, 1]);
        assert_eq!(kept(&superblock(1, entries[2].place()), &slots(&other)), None);
    }

    #[test]
    fn leftovers_of_an_older_log_are_not_taken_up() {
        // Ops 1 to 3 were acknowledged in view 0; view 1 began with op 1 alone and cut the others, but nothing has been
        // written over them since.
        let entries = chain(1, &[0, 0, 0]);
        assert_eq!(kept(&superblock(1, entries[0].place()), &slots(&entries)), Some((1, false)));
    }

    #[test]
    fn entries_of_a_log_that_was_being_installed_are_not_taken_up() {
        let entries = chain(1, &[0, 0, 3]);
        assert_eq!(kept(&superblock(0, entries[0].place()), &slots(&entries)), Some((2, false)));
    }

    #[test]
    fn an_entry_in_the_wrong_slot_is_not_taken_up() {
        let entries = chain(1, &[0, 0, 0]);
        let misplaced = [entries[0].clone(), entries[2].clone(), entries[1].clone()];
        assert_eq!(kept(&superblock(0, Place::default()), &slots(&misplaced)), Some((1, false)));
    }
}
