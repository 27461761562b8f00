//! A disk: what is written, what is durable, and what is left after a crash.
//!
//! Clock-free like the network: operations take effect when the world says that they are done.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::Bytes;

use super::decide::SectorFate;
use crate::env::{DiskDone, DiskError, DiskOp, FileId};

/// The unit in which unsynced writes are kept, lost or torn at a crash.
pub const SECTOR_BYTES: usize = 512;

/// The largest file. Nothing that is simulated needs more, and a wild offset should be a finding, not an empty memory.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// One machine's disk.
#[derive(Debug, Default)]
pub struct Disk {
    files: Vec<FileState>,
    names: BTreeMap<Rc<str>, FileId>,
    names_durable: BTreeMap<Rc<str>, FileId>,
    changes: Vec<Change>,
    /// How many changes of names have been made durable.
    synced: u64,
    version: u64,
    /// What the disk held when it was last emptied. The world's own doing un-promises nothing, so for the oracles it is
    /// still there until the system makes files of those names again.
    emptied: Option<Box<Disk>>,
    /// Every name that a file ever had here, for telling a deviation that did not come up from one that never could.
    ever: BTreeSet<Rc<str>>,
}

#[derive(Debug, Default)]
struct FileState {
    written: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that differ, or may differ, between the two.
    dirty: BTreeMap<u64, Dirty>,
    length_version: u64,
    length_durable_version: u64,
}

#[derive(Clone, Copy, Debug)]
struct Dirty {
    written: u64,
    durable: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Make(Rc<str>, FileId),
    Rename(Rc<str>, Rc<str>),
    Remove(Rc<str>),
}

/// What a sync will make durable, taken when it began.
#[derive(Debug)]
pub enum Snapshot {
    /// A file's dirty sectors and its length.
    File {
        /// Which file.
        file: FileId,
        /// Sector, version, content.
        sectors: Vec<(u64, u64, Vec<u8>)>,
        /// Length and its version.
        length: (usize, u64),
    },
    /// The first so many changes of names, of all there ever were.
    Names(u64),
    /// The operation is no sync.
    Nothing,
}

fn sectors(offset: u64, length: usize) -> std::ops::Range<u64> {
    let sector = SECTOR_BYTES as u64;
    let end = offset + length as u64;
    if length == 0 { 0..0 } else { offset / sector..end.div_ceil(sector) }
}

fn bounds(sector: u64, length: usize) -> std::ops::Range<usize> {
    let start = sector as usize * SECTOR_BYTES;
    start.min(length)..(start + SECTOR_BYTES).min(length)
}

impl FileState {
    fn touch(&mut self, sector: u64, version: u64) {
        // A sector that was clean has nothing older than this write still on its way to the disk.
        self.dirty.entry(sector).or_insert(Dirty { written: version, durable: version - 1 }).written = version;
    }

    fn resize(&mut self, length: usize, version: u64) {
        if length == self.written.len() {
            return;
        }
        let (low, high) = (length.min(self.written.len()), length.max(self.written.len()));
        for sector in sectors(low as u64, high - low) {
            self.touch(sector, version);
        }
        self.written.resize(length, 0);
        self.length_version = version;
    }

    fn write(&mut self, offset: u64, bytes: &[u8], version: u64) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if end > self.written.len() {
            self.resize(end, version);
        }
        self.written[start..end].copy_from_slice(bytes);
        for sector in sectors(offset, bytes.len()) {
            self.touch(sector, version);
        }
    }
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

    /// Takes down what a sync that begins now will make durable.
    pub fn begin(&self, operation: &DiskOp) -> Snapshot {
        match operation {
            DiskOp::Sync { file } => {
                let state = &self.files[file.0 as usize];
                let content = |sector| state.written[bounds(sector, state.written.len())].to_vec();
                Snapshot::File {
                    file: *file,
                    sectors: state
                        .dirty
                        .iter()
                        .map(|(sector, dirty)| (*sector, dirty.written, content(*sector)))
                        .collect(),
                    length: (state.written.len(), state.length_version),
                }
            }
            DiskOp::SyncDir => Snapshot::Names(self.synced + self.changes.len() as u64),
            _ => Snapshot::Nothing,
        }
    }

    /// Lets an operation take effect.
    pub fn finish(&mut self, operation: &DiskOp, snapshot: Snapshot) -> Result<DiskDone, DiskError> {
        self.version += 1;
        let version = self.version;
        match (operation, snapshot) {
            (DiskOp::Open { name, create }, _) => match self.names.get(name) {
                Some(file) => Ok(DiskDone::Opened(*file)),
                None if *create => {
                    let file = FileId(u32::try_from(self.files.len()).expect("a disk has few files"));
                    self.files.push(FileState::default());
                    self.names.insert(Rc::clone(name), file);
                    self.changes.push(Change::Make(Rc::clone(name), file));
                    self.ever.insert(Rc::clone(name));
                    Ok(DiskDone::Opened(file))
                }
                None => Err(DiskError::NotFound),
            },
            (DiskOp::Read { file, offset, length }, _) => {
                let written = &self.files[file.0 as usize].written;
                let start = (*offset as usize).min(written.len());
                let end = start.saturating_add(*length as usize).min(written.len());
                Ok(DiskDone::Bytes(Bytes::copy_from_slice(&written[start..end])))
            }
            (DiskOp::Write { file, offset, bytes }, _) => {
                self.files[file.0 as usize].write(*offset, bytes, version);
                Ok(DiskDone::Done)
            }
            (DiskOp::Length { file }, _) => Ok(DiskDone::Length(self.files[file.0 as usize].written.len() as u64)),
            (DiskOp::SetLength { file, length }, _) => {
                self.files[file.0 as usize].resize(*length as usize, version);
                Ok(DiskDone::Done)
            }
            (DiskOp::Rename { from, to }, _) => {
                self.ever.insert(Rc::clone(to));
                self.change(Change::Rename(Rc::clone(from), Rc::clone(to)))
            }
            (DiskOp::Remove { name }, _) => self.change(Change::Remove(Rc::clone(name))),
            (DiskOp::List, _) => Ok(DiskDone::Names(self.names.keys().cloned().collect())),
            (DiskOp::Sync { .. }, Snapshot::File { file, sectors, length }) => {
                self.make_durable(file, sectors, length);
                Ok(DiskDone::Done)
            }
            (DiskOp::SyncDir, Snapshot::Names(count)) => {
                // An overlapping sync may have made some of them durable already.
                let count = count.saturating_sub(self.synced) as usize;
                self.synced += count as u64;
                for change in self.changes.drain(..count) {
                    apply(&mut self.names_durable, &change);
                }
                Ok(DiskDone::Done)
            }
            (DiskOp::Sync { .. } | DiskOp::SyncDir, _) => unreachable!("a sync has its snapshot"),
        }
    }

    fn change(&mut self, change: Change) -> Result<DiskDone, DiskError> {
        if !apply(&mut self.names, &change) {
            return Err(DiskError::NotFound);
        }
        self.changes.push(change);
        Ok(DiskDone::Done)
    }

    fn make_durable(
        &mut self,
        file: FileId,
        sectors: Vec<(u64, u64, Vec<u8>)>,
        (length, length_version): (usize, u64),
    ) {
        let state = &mut self.files[file.0 as usize];
        if length_version > state.length_durable_version {
            state.durable.resize(length, 0);
            state.length_durable_version = length_version;
        }
        for (sector, version, content) in sectors {
            // Absent: a later sync made a later version durable already.
            let Some(dirty) = state.dirty.get_mut(&sector) else { continue };
            if version <= dirty.durable {
                continue;
            }
            dirty.durable = version;
            if dirty.written == version {
                state.dirty.remove(&sector);
            }
            let range = bounds(sector, state.durable.len());
            let kept = range.len().min(content.len());
            state.durable[range.start..range.start + kept].copy_from_slice(&content[..kept]);
        }
    }

    /// Makes a write that was under way at a crash count as written but not synced.
    pub fn interrupt(&mut self, operation: &DiskOp) {
        if let DiskOp::Write { file, offset, bytes } = operation {
            self.version += 1;
            let version = self.version;
            self.files[file.0 as usize].write(*offset, bytes, version);
        }
    }

    /// Decides what a crash leaves. `names` tells how many of so many unsynced changes of names survive, `length`
    /// whether a file's unsynced length does, `sector` what becomes of an unsynced sector of so many bytes.
    pub fn crash(
        &mut self,
        names: impl FnOnce(u64) -> u64,
        mut length: impl FnMut(&Rc<str>) -> bool,
        mut sector: impl FnMut(&Rc<str>, u64, u32) -> SectorFate,
    ) {
        if !self.changes.is_empty() {
            let kept = names(self.changes.len() as u64) as usize;
            for change in self.changes.drain(..).take(kept) {
                apply(&mut self.names_durable, &change);
            }
        }
        self.names = self.names_durable.clone();
        for (name, file) in &self.names {
            let state = &mut self.files[file.0 as usize];
            if state.written.len() != state.durable.len() && length(name) {
                state.durable.resize(state.written.len(), 0);
            }
            for index in std::mem::take(&mut state.dirty).into_keys() {
                let new = bounds(index, state.written.len().min(state.durable.len()));
                if new.is_empty() || state.written[new.clone()] == state.durable[new.clone()] {
                    continue;
                }
                let survived = match sector(name, index, new.len() as u32) {
                    SectorFate::Lost => 0,
                    SectorFate::Kept => new.len(),
                    SectorFate::Torn(bytes) => (bytes as usize).min(new.len()),
                };
                let range = new.start..new.start + survived;
                state.durable[range.clone()].copy_from_slice(&state.written[range]);
            }
            state.written = state.durable.clone();
            state.length_durable_version = state.length_version;
        }
        // Files without a name are gone; their slots stay, so that no number is given twice.
        for (index, state) in self.files.iter_mut().enumerate() {
            if !self.names.values().any(|file| file.0 as usize == index) {
                *state = FileState::default();
            }
        }
    }

    /// Empties the disk.
    pub fn wipe(&mut self) {
        let mut before = std::mem::take(self);
        self.ever = std::mem::take(&mut before.ever);
        // Of a disk emptied twice with nothing written between, the first emptying counts.
        let emptied = if before.names_durable.is_empty() { before.emptied.take() } else { None };
        self.emptied = emptied.or_else(|| Some(Box::new(before)));
    }

    /// Every name that a file ever had here.
    pub fn names_ever(&self) -> impl Iterator<Item = &Rc<str>> {
        self.ever.iter()
    }

    fn durable(&self, name: &str) -> Option<&FileState> {
        self.names_durable.get(name).map(|file| &self.files[file.0 as usize])
    }

    /// See [`Disks::promised_len`](crate::base::Disks::promised_len).
    pub fn promised_len(&self, name: &str) -> Option<u64> {
        let before = || self.emptied.as_ref().and_then(|disk| disk.promised_len(name));
        self.durable(name).map(|state| state.durable.len() as u64).or_else(before)
    }

    /// See [`Disks::promised`](crate::base::Disks::promised). Writes that are under way are judged by the caller.
    pub fn promised(&self, name: &str, offset: u64, into: &mut [u8]) -> bool {
        let Some(state) = self.durable(name) else {
            return self.emptied.as_ref().is_some_and(|disk| disk.promised(name, offset, into));
        };
        let range = offset as usize..offset as usize + into.len();
        let Some(durable) = state.durable.get(range.clone()) else { return false };
        into.copy_from_slice(durable);
        let overwritten = |sector: u64| state.dirty.contains_key(&sector);
        // Written over with the same bytes is no change: whatever a crash keeps of it, these bytes are there.
        !sectors(offset, into.len()).any(overwritten) || state.written.get(range) == Some(durable)
    }

    /// Whether a write to this file that is under way could change any of these bytes.
    pub fn endangers(&self, operation: &DiskOp, name: &str, offset: u64, bytes: &[u8]) -> bool {
        let DiskOp::Write { file, offset: at, bytes: new } = operation else { return false };
        if self.names_durable.get(name) != Some(file) {
            return false;
        }
        let (start, end) = ((*at).max(offset), (*at + new.len() as u64).min(offset + bytes.len() as u64));
        start < end
            && new[(start - at) as usize..(end - at) as usize]
                != bytes[(start - offset) as usize..(end - offset) as usize]
    }
}

fn apply(names: &mut BTreeMap<Rc<str>, FileId>, change: &Change) -> bool {
    match change {
        Change::Make(name, file) => {
            names.insert(Rc::clone(name), *file);
            true
        }
        Change::Rename(from, to) => match names.remove(from) {
            Some(file) => {
                names.insert(Rc::clone(to), file);
                true
            }
            None => false,
        },
        Change::Remove(name) => names.remove(name).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with a synced file `log` of two sectors of `a`.
    fn disk() -> (Disk, FileId) {
        let mut disk = Disk::default();
        let Ok(DiskDone::Opened(file)) = run(&mut disk, DiskOp::Open { name: "log".into(), create: true }) else {
            panic!()
        };
        write(&mut disk, file, 0, &[b'a'; 2 * SECTOR_BYTES]);
        run(&mut disk, DiskOp::Sync { file }).unwrap();
        run(&mut disk, DiskOp::SyncDir).unwrap();
        (disk, file)
    }

    fn run(disk: &mut Disk, operation: DiskOp) -> Result<DiskDone, DiskError> {
        let snapshot = disk.begin(&operation);
        disk.finish(&operation, snapshot)
    }

    fn write(disk: &mut Disk, file: FileId, offset: u64, bytes: &[u8]) {
        run(disk, DiskOp::Write { file, offset, bytes: Bytes::copy_from_slice(bytes) }).unwrap();
    }

    fn content(disk: &mut Disk, file: FileId) -> String {
        let Ok(DiskDone::Bytes(bytes)) = run(disk, DiskOp::Read { file, offset: 0, length: 1 << 20 }) else { panic!() };
        // Runs of equal bytes, so that sectors are readable: "a512 b3 a509".
        let runs = bytes.chunk_by(|x, y| x == y).map(|run| format!("{}{}", run[0] as char, run.len()));
        runs.collect::<Vec<_>>().join(" ")
    }

    fn crash(disk: &mut Disk, fate: SectorFate) {
        disk.crash(|_| 0, |_| false, |_, _, _| fate);
    }

    #[test]
    fn unsynced_sectors_are_lost_kept_or_torn() {
        for (fate, left) in
            [(SectorFate::Lost, "a1024"), (SectorFate::Kept, "a512 b512"), (SectorFate::Torn(3), "a512 b3 a509")]
        {
            let (mut disk, file) = disk();
            write(&mut disk, file, 512, &[b'b'; 512]);
            crash(&mut disk, fate);
            assert_eq!(content(&mut disk, file), left);
        }
    }

    #[test]
    fn a_sync_covers_what_was_written_before_it_began_and_no_more() {
        let (mut disk, file) = disk();
        write(&mut disk, file, 0, &[b'b'; 512]);
        let sync = DiskOp::Sync { file };
        let snapshot = disk.begin(&sync);
        write(&mut disk, file, 0, &[b'c'; 512]);
        disk.finish(&sync, snapshot).unwrap();
        crash(&mut disk, SectorFate::Lost);
        assert_eq!(content(&mut disk, file), "b512 a512");
    }

    #[test]
    fn an_older_sync_that_ends_late_takes_nothing_back() {
        let (mut disk, file) = disk();
        let sync = DiskOp::Sync { file };
        write(&mut disk, file, 0, &[b'b'; 512]);
        let older = disk.begin(&sync);
        write(&mut disk, file, 0, &[b'c'; 512]);
        let newer = disk.begin(&sync);
        disk.finish(&sync, newer).unwrap();
        write(&mut disk, file, 0, &[b'd'; 512]);
        disk.finish(&sync, older).unwrap();
        crash(&mut disk, SectorFate::Lost);
        assert_eq!(content(&mut disk, file), "c512 a512");
    }

    #[test]
    fn names_and_lengths_need_their_own_sync() {
        let (mut disk, file) = disk();
        run(&mut disk, DiskOp::Rename { from: "log".into(), to: "old".into() }).unwrap();
        write(&mut disk, file, 1024, &[b'b'; 10]);
        assert_eq!(disk.promised_len("log"), Some(1024));
        crash(&mut disk, SectorFate::Kept);
        assert_eq!(run(&mut disk, DiskOp::List), Ok(DiskDone::Names(vec!["log".into()])));
        assert_eq!(content(&mut disk, file), "a1024");
    }

    #[test]
    fn what_the_world_empties_stays_promised_and_is_gone_all_the_same() {
        let (mut disk, _) = disk();
        disk.wipe();
        assert_eq!(run(&mut disk, DiskOp::List), Ok(DiskDone::Names(vec![])));
        assert_eq!(disk.promised_len("log"), Some(1024));
        disk.wipe();
        assert!(disk.promised("log", 0, &mut [0; 4]));
        let Ok(DiskDone::Opened(_)) = run(&mut disk, DiskOp::Open { name: "log".into(), create: true }) else {
            panic!()
        };
        run(&mut disk, DiskOp::SyncDir).unwrap();
        assert_eq!(disk.promised_len("log"), Some(0));
    }

    #[test]
    fn an_overwrite_unpromises_only_what_it_changes() {
        let (mut disk, file) = disk();
        let promised = |disk: &Disk, offset| disk.promised("log", offset, &mut [0; 4]);
        write(&mut disk, file, 0, b"aaab");
        assert!(!promised(&disk, 0), "its last byte is written over");
        assert!(promised(&disk, 4), "these bytes are the same either way");
        assert!(promised(&disk, 600), "another sector");
        run(&mut disk, DiskOp::Sync { file }).unwrap();
        assert!(promised(&disk, 0));
        assert!(!promised(&disk, 1022), "beyond the end");
        let pending = DiskOp::Write { file, offset: 2, bytes: Bytes::from_static(b"x") };
        assert!(disk.endangers(&pending, "log", 0, b"aaab"));
        assert!(!disk.endangers(&pending, "log", 3, b"b"));
    }
}
