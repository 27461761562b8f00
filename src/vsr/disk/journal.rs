//! The log on disk, as it is written.
//!
//! The file `journal` is a [ring](super::ring) of slots of 1,024 bytes, two sectors each. An entry stands at the beginning
//! of its op's slot, in the layout described in [`entry`](crate::vsr::entry). What follows it in its slot means nothing, but up to the end
//! of a sector it is written with it: one that cannot be read can be again only when all of it has been written over.
//!
//! An entry is durable when four things have been done in this order: its body was written, `journal` was synced, its
//! header was written, `headers` was synced. The writer task takes all queued entries at once and does each of the four
//! for all of them together, so a batch costs two syncs, however long it is.
//!
//! A *cut* takes entries off the log's end. It empties their headers before any later body is written. Otherwise a torn
//! body could stand below the header of an entry that was cut, and would look like an acknowledged entry that decayed.
//!
//! A slot is *free* when its entry is covered by a checkpoint that the durable superblock names. Only then is it written
//! again for a later op.
//!
//! [`restart`](super::restart) has what a restart makes of all this, and [`scan`](super::scan) reads it.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::base::Kind;
use crate::env::{DiskError, Env, Queue};
use crate::vsr::config::Config;
use crate::vsr::entry::{ENTRY_SIZE_MAX, Entry, HEADER_SIZE, Place};
use crate::vsr::plant::Plant;

use super::Files;
use super::headers::{Headers, Known, RECORD_SIZE};
use super::log::Log;
use super::persist::{all, persist, whole_sectors};
use super::restart::Recovered;
use super::ring::{HEADERS_PER_SECTOR, Ring, SECTOR_SIZE};

/// The name of the file.
pub const FILE: &str = "journal";
/// Bytes of a slot.
pub const SLOT_SIZE: u64 = ENTRY_SIZE_MAX as u64;

const _: () = assert!(SLOT_SIZE.is_multiple_of(SECTOR_SIZE as u64));
const _: () = assert!(HEADER_SIZE as u64 <= SLOT_SIZE);
// A blank slot begins with its record.
const _: () = assert!(RECORD_SIZE as u64 <= SLOT_SIZE);

static TASK: Kind = Kind::new("journal", &[]);
static WRITE: Kind = Kind::new("write", &["slot"]);
static SYNC: Kind = Kind::new("sync-journal", &[]);

/// The bytes of a new journal. Each slot begins with what `headers` says of it, and so is told from one that was lost.
pub fn blank(headers: &Headers) -> Bytes {
    let mut bytes = Vec::with_capacity((headers.ring().slots() * SLOT_SIZE) as usize);
    for record in headers.bytes().chunks(RECORD_SIZE) {
        let slot = bytes.len();
        assert_eq!(record.len(), RECORD_SIZE, "a record for each slot");
        bytes.extend_from_slice(record);
        bytes.resize(slot + SLOT_SIZE as usize, 0);
    }
    assert_eq!(bytes.len() as u64, headers.ring().slots() * SLOT_SIZE, "every slot has its place");
    bytes.into()
}

/// What the writer task reports: these entries are durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Which log this was; see [`Journal::cut`].
    pub generation: u64,
    /// How many entries were appended.
    pub appended: u64,
    /// The last of them. All before it are durable too, or known to be missing, because entries are queued in order.
    pub head: Option<Place>,
    /// Entries that filled holes.
    pub repaired: Vec<Place>,
}

/// What the writer task is told.
enum Command {
    Write(Write),
    /// Empty the headers of all ops after this one, up to the last for which there is room.
    Cut {
        op: u64,
        last: u64,
    },
    /// The slots of the ops from one to the other are free.
    Free {
        from: u64,
        to: u64,
    },
}

/// An entry to be written.
struct Write {
    generation: u64,
    known: Known,
    encoded: Bytes,
    /// Whether it fills a hole.
    repairs: bool,
}

/// The main task's side of the journal: what was handed to the writer, and what has come back.
pub struct Journal {
    queue: Queue<Command>,
    ring: Ring,
    generation: u64,
    /// The slots of everything up to here are free.
    freed: u64,
    /// The last op of the log, as it was handed over.
    appended: u64,
    /// Appended, and not yet reported.
    outstanding: u64,
    /// Ops up to `appended` whose entries were lost, and are not yet durable again.
    holes: BTreeSet<u64>,
    /// Ops of entries that were handed over to fill holes, and not yet reported.
    repairing: BTreeSet<u64>,
}

impl Journal {
    /// Starts the writer task behind a restart, with whose log it agrees.
    ///
    /// What became durable is told to `report`. What fails is done anew until it succeeds.
    pub fn start(
        env: &Env,
        files: &Files,
        recovered: &Recovered,
        config: &Config,
        report: impl Fn(Written) + 'static,
    ) -> Journal {
        let queue = Queue::new();
        let log = &recovered.log;
        let (files, headers) = (files.clone(), recovered.headers.clone());
        let ring = headers.ring();
        assert!(log.op() + log.doubtful() <= ring.last(log.base().op), "a log fits into its ring");
        let writer = Writer { env: env.clone(), files, headers, batch: Vec::new(), config: *config };
        env.spawn(TASK.label([]), writer.run(queue.clone(), report));
        let journal = Journal {
            queue,
            ring,
            generation: 0,
            freed: log.base().op,
            appended: log.op(),
            outstanding: 0,
            holes: log.missing().map(|missing| missing.op).collect(),
            repairing: BTreeSet::new(),
        };
        journal.check();
        journal
    }

    /// Asserts what holds at all times.
    fn check(&self) {
        let reported = self.appended.checked_sub(self.outstanding);
        let reported = reported.expect("only what was appended is outstanding");
        assert!(self.freed <= self.appended, "a log begins at its base");
        assert!(self.has_room(self.appended), "a log fits into its ring");
        assert!(self.holes.first().is_none_or(|hole| *hole > self.freed), "nothing lacks of what a checkpoint covers");
        assert!(self.holes.last().is_none_or(|hole| *hole <= reported), "what was handed over is no hole");
        assert!(self.repairing.last().is_none_or(|hole| *hole <= reported), "only what was lost is repaired");
        assert!(self.repairing.len() as u64 <= self.ring.slots(), "a hole is repaired in its slot");
    }

    /// Hands an entry to the writer, behind the last one. There must be room for it.
    pub fn write(&mut self, entry: &Entry) {
        assert_eq!(entry.op(), self.appended + 1, "entries are written in order");
        assert!(self.has_room(entry.op()), "a slot is written only when it is free");
        self.appended += 1;
        self.outstanding += 1;
        self.push(entry, false);
        self.check();
    }

    /// Hands an entry to the writer that fills a hole; in any order.
    pub fn repair(&mut self, entry: &Entry) {
        assert!(self.is_hole(entry.op()), "only a hole is repaired, and once");
        self.repairing.insert(entry.op());
        self.push(entry, true);
        self.check();
    }

    fn push(&mut self, entry: &Entry, repairs: bool) {
        assert!(entry.op() > self.freed, "what a checkpoint covers is not written");
        assert!(entry.op() <= self.appended, "what is written is in the log");
        assert_eq!(repairs, self.repairing.contains(&entry.op()), "what fills a hole is remembered");
        let (generation, known, encoded) = (self.generation, Known::of(entry), entry.encoded().clone());
        self.queue.push(Command::Write(Write { generation, known, encoded, repairs }));
    }

    /// Takes a report into account. `log` is what the journal should hold.
    pub fn on_written(&mut self, written: &Written, log: &Log) {
        // The log is cut only while nothing is under way, so a report is always about the log as it is.
        assert_eq!(written.generation, self.generation, "a report of another log");
        assert_eq!(log.op(), self.appended, "the log is what was handed over");
        assert!(log.base().op <= self.freed, "the log begins at a checkpoint that counts");
        assert_eq!(written.head.is_some(), written.appended > 0, "the last that was appended is named");
        assert!(!self.is_idle(), "a report of something that was under way");
        let held = |place: &Place| place.op <= log.base().op || log.holds(*place);
        assert!(written.head.iter().chain(&written.repaired).all(held), "a report of an entry that is not in the log");
        assert!(written.appended <= self.outstanding, "a report of entries that were not handed over");
        self.outstanding -= written.appended;
        let reported = self.appended - self.outstanding;
        assert!(written.head.is_none_or(|head| head.op == reported), "reports come in order");
        for place in &written.repaired {
            // Under way until now, even if a checkpoint has made it needless meanwhile.
            assert!(self.repairing.remove(&place.op), "a report of a hole that was not repaired");
            self.holes.remove(&place.op);
        }
        self.check();
    }

    /// Forgets entries after `op`, and what is not known of slots after it. Only while no entry is under way: then a late
    /// report can never be taken for one about the new entry in the same slot.
    ///
    /// Their headers are emptied durably before any later body is written; nothing is reported of it. Also to be called with the log's own end when doubt was settled: until then the doubt would come back at a restart.
    pub fn cut(&mut self, op: u64) {
        assert!(self.is_idle(), "the log is not cut while it is written");
        assert!(op >= self.freed, "what a checkpoint covers is never cut");
        assert!(op <= self.appended, "a log is cut within itself");
        self.appended = op;
        self.holes.split_off(&(op + 1));
        self.generation += 1;
        self.queue.push(Command::Cut { op, last: self.ring.last(self.freed) });
        self.check();
    }

    /// A checkpoint that covers everything up to `op` is durable, and so is the superblock that names it: the slots may be
    /// written again. If the checkpoint is beyond the log, the log goes on after it; then nothing may be under way.
    pub fn free(&mut self, op: u64) {
        assert!(op >= self.freed, "checkpoints do not go back");
        if op == self.freed {
            return;
        }
        if op > self.appended {
            assert!(self.is_idle(), "what is beyond the log was never written here");
            self.appended = op;
        }
        self.holes = self.holes.split_off(&(op + 1));
        self.queue.push(Command::Free { from: self.freed + 1, to: op });
        self.freed = op;
        self.check();
    }

    /// The ring that it is.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// Whether the slot of this op is free for it.
    pub fn has_room(&self, op: u64) -> bool {
        op <= self.ring.last(self.freed)
    }

    /// Whether the entry of this op is lacking, and was not handed over either.
    pub fn is_hole(&self, op: u64) -> bool {
        self.holes.contains(&op) && !self.repairing.contains(&op)
    }

    /// Everything up to this op is on disk and whole, or covered by the checkpoint.
    pub fn durable(&self) -> u64 {
        let reported = self.appended - self.outstanding;
        let whole = self.holes.first().map_or(reported, |hole| reported.min(hole - 1));
        let durable = whole.max(self.freed);
        assert!(durable <= self.appended, "only what is in the log is durable");
        assert!(!self.holes.contains(&durable), "what lacks its entry is not durable");
        durable
    }

    /// Whether every entry that was handed over is durable.
    pub fn is_idle(&self) -> bool {
        self.outstanding == 0 && self.repairing.is_empty()
    }
}

/// The writer task.
struct Writer {
    env: Env,
    files: Files,
    /// What `headers` says, or will say when what is being written is.
    headers: Headers,
    /// Kept from batch to batch, so that it grows only once.
    batch: Vec<Write>,
    config: Config,
}

impl Writer {
    async fn run(mut self, queue: Queue<Command>, report: impl Fn(Written)) {
        let mut carried = None;
        loop {
            let command = match carried.take() {
                Some(command) => command,
                None => queue.pop().await,
            };
            match command {
                Command::Write(first) => {
                    carried = self.gather(first, &queue);
                    report(self.write_batch().await);
                }
                Command::Cut { op, last } => self.cut(op, last).await,
                Command::Free { from, to } => self.headers.release(from, to),
            }
        }
    }

    /// Takes what can be written together with `first`, and gives what came after it.
    fn gather(&mut self, first: Write, queue: &Queue<Command>) -> Option<Command> {
        assert!(self.batch.is_empty(), "one batch at a time");
        let (mut low, mut high) = (first.known.header.op, first.known.header.op);
        self.batch.push(first);
        while let Some(command) = queue.try_pop() {
            let Command::Write(write) = command else { return Some(command) };
            let op = write.known.header.op;
            // Writes of a batch are done in any order, so no two of them may go to the same slot.
            if op.max(high) - op.min(low) >= self.headers.ring().slots() {
                return Some(Command::Write(write));
            }
            (low, high) = (low.min(op), high.max(op));
            self.batch.push(write);
        }
        assert!(high - low < self.headers.ring().slots(), "no two entries of a batch share a slot");
        assert!(self.batch.len() as u64 <= high - low + 1, "no entry is written twice in a batch");
        None
    }

    async fn write_batch(&mut self) -> Written {
        let generation = self.batch.first().expect("a batch has at least one entry").generation;
        assert!(self.batch.iter().all(|write| write.generation == generation), "a batch belongs to one log");
        let mut written = Written { generation, appended: 0, head: None, repaired: Vec::new() };
        let count = self.batch.len();
        // Before any of the headers: a header that is there says that its body is.
        persist(&self.env, async || self.write_bodies().await).await;
        let mut sectors = Vec::with_capacity(self.batch.len());
        for Write { known, repairs, .. } in self.batch.drain(..) {
            self.headers.set_known(&known);
            sectors.push(self.headers.ring().slot(known.header.op) / HEADERS_PER_SECTOR);
            if repairs {
                written.repaired.push(known.place());
            } else {
                assert!(written.head.is_none_or(|head| head.op + 1 == known.header.op), "a batch has no holes");
                written.appended += 1;
                written.head = Some(known.place());
            }
        }
        assert_eq!(written.appended as usize + written.repaired.len(), count, "every entry is reported");
        sectors.sort_unstable();
        sectors.dedup();
        self.write_headers(&sectors).await;
        written
    }

    async fn write_bodies(&self) -> Result<(), DiskError> {
        assert!(!self.batch.is_empty(), "there is something to write");
        let mut under_way = Vec::with_capacity(self.batch.len());
        for write in &self.batch {
            assert!(write.encoded.len() as u64 <= SLOT_SIZE, "an entry fits into its slot");
            let slot = self.headers.ring().slot(write.known.header.op);
            let bytes = whole_sectors(&write.encoded);
            assert!(bytes.len() as u64 <= SLOT_SIZE, "its sectors are those of its slot");
            under_way.push(self.files.journal.write_at(WRITE.label([slot]), slot * SLOT_SIZE, bytes));
        }
        all(under_way).await?;
        let synced = self.files.journal.sync(SYNC.label([])).await;
        if synced.is_err() && self.config.planted(Plant::FsyncErrorRetried) {
            return self.files.journal.sync(SYNC.label([])).await;
        }
        synced
    }

    async fn write_headers(&self, sectors: &[u64]) {
        assert!(sectors.is_sorted(), "sectors come in order");
        assert!(!sectors.is_empty(), "there is something to write");
        persist(&self.env, async || self.headers.write(&self.files.headers, sectors).await).await;
    }

    async fn cut(&mut self, op: u64, last: u64) {
        assert!(self.batch.is_empty(), "the log is not cut while it is written");
        let sectors = self.headers.cut(op, last);
        if !sectors.is_empty() {
            self.write_headers(&sectors).await;
        }
    }
}
