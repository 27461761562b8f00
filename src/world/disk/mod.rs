//! A disk: what is written, what is durable, and what is left after a crash.
//!
//! Clock-free like the network: operations take effect when the world says that they are done.
//!
//! Here are the names, the operations and what oracles ask; `file` has a file's bytes and what is durable of them, and
//! `sectors` where those bytes lie. `amiss` and `mishaps` are what can go wrong, with a file and with a disk, and `faithful`
//! is what a disk without such faults would hold; `decay` says when it goes wrong, `mishap` how, and `names` what a crash makes
//! of a directory.

mod amiss;
pub(in crate::world) mod decay;
mod faithful;
mod file;
pub mod mishap;
mod mishaps;
pub(in crate::world) mod names;
mod sectors;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::Bytes;

use self::file::{FileSnapshot, FileState};
use super::decisions::decide::SectorFate;
use super::disk::names::NamesFate;
use crate::env::{DiskDone, DiskError, DiskOp, FileId};

pub(super) use self::faithful::Wrong;
pub(super) use self::mishaps::Sight;

/// The unit in which unsynced writes are kept, lost or torn at a crash.
pub const SECTOR_BYTES: usize = 512;

/// The largest file. Nothing that is simulated needs more, and a wild offset should be a finding, not an empty memory.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

const _: () = assert!(SECTOR_BYTES.is_power_of_two(), "the sector of a byte is found by a shift");

/// One machine's disk.
#[derive(Debug, Default)]
pub struct Disk {
    files: Vec<FileState>,
    names: BTreeMap<Rc<str>, FileId>,
    names_durable: BTreeMap<Rc<str>, FileId>,
    changes: Vec<Change>,
    /// Writes that have begun and not ended, in no particular order.
    under_way: Vec<UnderWay>,
    /// How many writes have ever begun.
    begun: u64,
    /// How many changes of names have been made durable.
    synced: u64,
    version: u64,
    /// What the disk held when it was last emptied. The world's own doing un-promises nothing, so for the oracles it is
    /// still there until the system makes files of those names again.
    emptied: Option<Box<Disk>>,
    /// Every name that a file ever had here, for telling a deviation that did not come up from one that never could.
    ever: BTreeSet<Rc<str>>,
}

/// A write under way: what it will do if it is not interrupted.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    file: FileId,
    offset: u64,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Change {
    Make(Rc<str>, FileId),
    Rename(Rc<str>, Rc<str>, FileId),
    Remove(Rc<str>),
}

/// What there is to know of an operation that has begun, until it ends.
#[derive(Debug)]
pub enum Begun {
    /// A write; the disk knows it by this number.
    Write(u64),
    /// A sync, which will make durable a file's dirty sectors and its length as they were when it began. In a box,
    /// because most operations are others.
    Sync(FileId, Box<FileSnapshot>),
    /// A sync of names, which will make durable the first so many changes of names, of all there ever were.
    SyncDir(u64),
    /// Any other; it sees the disk as it is when it ends.
    Other(DiskOp),
}

impl Disk {
    /// Panics, within the poll of whoever asks, if an operation asks for what no disk here has.
    pub fn admit(operation: &DiskOp) {
        let end = match operation {
            DiskOp::Write { offset, bytes, .. } => offset.saturating_add(bytes.len() as u64),
            DiskOp::SetLength { length, .. } => *length,
            _ => 0,
        };
        assert!(
            end <= FILE_BYTES_MAX,
            "a file of {end} bytes is larger than {FILE_BYTES_MAX}, the most a disk here holds"
        );
    }

    /// Begins an operation: takes down what a sync that begins now will make durable, or that a write is under way.
    /// Each operation that has begun is either finished or ended by a crash.
    pub fn begin(&mut self, operation: DiskOp) -> Begun {
        match operation {
            DiskOp::Write { file, offset, bytes } => {
                assert!((file.0 as usize) < self.files.len(), "a file is written that was opened");
                self.begun += 1;
                self.under_way.push(UnderWay { number: self.begun, file, offset, bytes });
                Begun::Write(self.begun)
            }
            DiskOp::Sync { file } => Begun::Sync(file, Box::new(self.files[file.0 as usize].snapshot())),
            DiskOp::SyncDir => Begun::SyncDir(self.synced + self.changes.len() as u64),
            other => Begun::Other(other),
        }
    }

    /// Lets an operation take effect.
    pub fn finish(&mut self, begun: Begun) -> Result<DiskDone, DiskError> {
        match begun {
            Begun::Write(number) => {
                let place = self.under_way.iter().position(|write| write.number == number);
                let write = self.under_way.swap_remove(place.expect("a write is under way until it ends"));
                self.write(write);
            }
            Begun::Sync(file, snapshot) => self.files[file.0 as usize].make_durable(*snapshot, self.version),
            Begun::SyncDir(count) => {
                assert!(count <= self.synced + self.changes.len() as u64, "what was taken down was changed");
                // An overlapping sync may have made some of them durable already.
                let count = count.saturating_sub(self.synced) as usize;
                self.synced += count as u64;
                for change in self.changes.drain(..count) {
                    apply(&mut self.names_durable, &change);
                }
            }
            Begun::Other(operation) => return self.finish_other(operation),
        }
        Ok(DiskDone::Done)
    }

    fn finish_other(&mut self, operation: DiskOp) -> Result<DiskDone, DiskError> {
        match operation {
            DiskOp::Open { name, create } => match self.names.get(&name) {
                Some(file) => {
                    assert!((file.0 as usize) < self.files.len(), "a name is that of a file");
                    Ok(DiskDone::Opened(*file))
                }
                None if create => {
                    let file = FileId(u32::try_from(self.files.len()).expect("a disk has few files"));
                    self.files.push(FileState::default());
                    self.names.insert(Rc::clone(&name), file);
                    self.changes.push(Change::Make(Rc::clone(&name), file));
                    self.ever.insert(name);
                    Ok(DiskDone::Opened(file))
                }
                None => Err(DiskError::NotFound),
            },
            DiskOp::Read { file, offset, length } => self.read(file, offset, length),
            DiskOp::Length { file } => Ok(DiskDone::Length(self.files[file.0 as usize].length())),
            DiskOp::SetLength { file, length } => {
                self.version += 1;
                self.files[file.0 as usize].set_length(length, self.version);
                Ok(DiskDone::Done)
            }
            DiskOp::Rename { from, to } => {
                self.ever.insert(Rc::clone(&to));
                let file = self.names.get(&from).copied();
                self.change(Change::Rename(from, to, file.ok_or(DiskError::NotFound)?))
            }
            DiskOp::Remove { name } => self.change(Change::Remove(name)),
            DiskOp::List => Ok(DiskDone::Names(self.names.keys().cloned().collect())),
            DiskOp::Write { .. } | DiskOp::Sync { .. } | DiskOp::SyncDir => {
                unreachable!("writes and syncs end with what they began with")
            }
        }
    }

    fn write(&mut self, write: UnderWay) {
        self.version += 1;
        self.files[write.file.0 as usize].write(write.offset, write.bytes, self.version);
    }

    fn change(&mut self, change: Change) -> Result<DiskDone, DiskError> {
        if !apply(&mut self.names, &change) {
            return Err(DiskError::NotFound);
        }
        self.changes.push(change);
        Ok(DiskDone::Done)
    }

    /// Whether a write has begun and not ended.
    pub fn is_writing(&self) -> bool {
        assert!(self.under_way.iter().all(|write| write.number <= self.begun), "what is under way has begun");
        !self.under_way.is_empty()
    }

    /// Ends all that is under way, and decides what a crash leaves. Writes that were under way count as written but not
    /// synced, in the order in which they began. `names` tells what becomes of so many unsynced changes of names, which are
    /// so many steps, `length` whether a file's unsynced length does, `sector` what becomes of an unsynced sector of so many bytes.
    pub fn crash(
        &mut self,
        names: impl FnOnce(u64, u64) -> NamesFate,
        mut length: impl FnMut(&Rc<str>) -> bool,
        mut sector: impl FnMut(&Rc<str>, u64, u32) -> SectorFate,
    ) {
        let mut interrupted = std::mem::take(&mut self.under_way);
        interrupted.sort_unstable_by_key(|write| write.number);
        for write in interrupted {
            self.write(write);
        }
        if !self.changes.is_empty() {
            let steps = self.changes.iter().map(Change::steps).sum();
            match names(self.changes.len() as u64, steps) {
                NamesFate::Kept(count) => {
                    assert!(count <= self.changes.len() as u64, "no more changes survive than there are");
                    for change in self.changes.drain(..).take(count as usize) {
                        apply(&mut self.names_durable, &change);
                    }
                }
                NamesFate::Torn(steps) => tear(&mut self.names_durable, std::mem::take(&mut self.changes), steps),
            }
        }
        self.names = self.names_durable.clone();
        assert!(self.under_way.is_empty() && self.changes.is_empty(), "nothing is under way after a crash");
        let mut named = vec![false; self.files.len()];
        for (name, file) in &self.names {
            // A rename that was torn leaves a file with two names.
            if std::mem::replace(&mut named[file.0 as usize], true) {
                continue;
            }
            self.files[file.0 as usize].crash(|| length(name), |number, bytes| sector(name, number, bytes));
        }
        // Files without a name are gone; their slots stay, so that no number is given twice.
        for (state, _) in self.files.iter_mut().zip(named).filter(|(_, named)| !named) {
            *state = FileState::default();
        }
        self.check();
    }

    /// Checks what holds between any two operations.
    pub fn check(&self) {
        let is_file = |file: &FileId| (file.0 as usize) < self.files.len();
        assert!(self.names.values().chain(self.names_durable.values()).all(is_file), "a name is that of a file");
        assert!(self.names.keys().all(|name| self.ever.contains(name)), "every name that there is has been there");
        let is_synced = self.changes.is_empty();
        assert!(!is_synced || self.names == self.names_durable, "names that nobody changed are durable");
        for write in &self.under_way {
            assert!(write.number <= self.begun && is_file(&write.file), "what is under way has begun, on a file");
        }
        self.files.iter().for_each(|file| file.check(self.version, false));
    }

    /// The same, and whatever else takes long to check.
    #[cfg(test)]
    fn check_all(&self) {
        self.check();
        self.files.iter().for_each(|file| file.check(self.version, true));
    }

    /// Empties the disk, of which nobody uses anything any more.
    pub fn wipe(&mut self) {
        assert!(self.under_way.is_empty(), "a disk is emptied while its machine is down");
        let mut before = std::mem::take(self);
        self.ever = std::mem::take(&mut before.ever);
        // Of a disk emptied twice with nothing written between, the first emptying counts.
        let emptied = if before.names_durable.is_empty() { before.emptied.take() } else { None };
        self.emptied = emptied.or_else(|| Some(Box::new(before)));
        assert!(self.files.is_empty() && self.names.is_empty(), "nothing is left");
        assert!(
            self.emptied.as_ref().is_some_and(|before| before.under_way.is_empty()),
            "what was there stays as it was"
        );
    }

    /// Every name that a file ever had here.
    pub fn names_ever(&self) -> impl Iterator<Item = &Rc<str>> {
        self.ever.iter()
    }

    /// See [`Disks::promised_len`](crate::base::Disks::promised_len).
    pub fn promised_len(&self, name: &str) -> Option<u64> {
        match self.names_durable.get(name) {
            Some(file) => Some(self.files[file.0 as usize].promised_length()),
            None => self.emptied.as_ref()?.promised_len(name),
        }
    }

    /// See [`Disks::promised_piece`](crate::base::Disks::promised_piece).
    pub fn promised(&self, name: &str, offset: u64, least: usize, most: usize) -> Option<Bytes> {
        let Some(file) = self.names_durable.get(name) else {
            return self.emptied.as_ref()?.promised(name, offset, least, most);
        };
        let mut bytes = self.files[file.0 as usize].promised(offset, least, most)?;
        assert!((least..=most).contains(&bytes.len()), "as many bytes as were asked for");
        if self.endangers(*file, offset, &bytes) {
            // What is in danger may lie beyond what was asked for.
            bytes.truncate(least);
            if self.endangers(*file, offset, &bytes) {
                return None;
            }
        }
        Some(bytes)
    }

    /// See [`Disks::actual_len`](crate::base::Disks::actual_len).
    pub fn actual_len(&self, name: &str) -> Option<u64> {
        self.names_durable.get(name).map(|file| self.files[file.0 as usize].durable_length())
    }

    /// See [`Disks::actual`](crate::base::Disks::actual).
    pub fn actual(&self, name: &str, offset: u64, length: usize) -> Option<Bytes> {
        let file = *self.names_durable.get(name)?;
        let bytes = self.files[file.0 as usize].actually_durable(offset, length)?;
        assert_eq!(bytes.len(), length, "as many bytes as were asked for");
        (!self.endangers(file, offset, &bytes)).then_some(bytes)
    }

    /// Whether a write under way to this file could change any of these bytes.
    fn endangers(&self, file: FileId, offset: u64, bytes: &[u8]) -> bool {
        assert!((file.0 as usize) < self.files.len(), "what is promised is of a file");
        let end = offset + bytes.len() as u64;
        self.under_way.iter().any(|write| {
            let (start, end) = (write.offset.max(offset), (write.offset + write.bytes.len() as u64).min(end));
            let within = |from: u64| (start - from) as usize..(end - from) as usize;
            write.file == file && start < end && write.bytes[within(write.offset)] != bytes[within(offset)]
        })
    }
}

fn apply(names: &mut BTreeMap<Rc<str>, FileId>, change: &Change) -> bool {
    match change {
        Change::Make(name, file) => {
            names.insert(Rc::clone(name), *file);
            true
        }
        Change::Rename(from, to, file) => match names.remove(from) {
            Some(found) => {
                assert_eq!(found, *file, "a name means the same file until it is changed");
                names.insert(Rc::clone(to), found);
                true
            }
            None => false,
        },
        Change::Remove(name) => names.remove(name).is_some(),
    }
}

impl Change {
    /// Of how many steps it is: a rename adds one name and takes another away.
    fn steps(&self) -> u64 {
        match self {
            Change::Make(..) | Change::Remove(_) => 1,
            Change::Rename(..) => 2,
        }
    }
}

/// Does some of the steps of changes of names: of a crash that leaves a directory half written. Names that were durable
/// are not lost by it: the old name of a file goes only if its new one is there, as on any disk that can be recovered.
fn tear(names: &mut BTreeMap<Rc<str>, FileId>, changes: Vec<Change>, steps: u64) {
    let mut next = 0;
    let mut survives = || {
        next += 1;
        next <= 64 && steps & (1 << (next - 1)) != 0
    };
    for change in changes {
        match change {
            Change::Make(name, file) => {
                if survives() {
                    names.insert(name, file);
                }
            }
            Change::Rename(from, to, file) => {
                let (added, removed) = (survives(), survives());
                if added {
                    names.insert(to, file);
                }
                if added && removed && names.get(&from) == Some(&file) {
                    names.remove(&from);
                }
            }
            Change::Remove(name) => {
                if survives() {
                    names.remove(&name);
                }
            }
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
