//! A dense model of a disk, for tests: it keeps every byte twice, copies all of a file for each sync, and has beside each
//! file another one that lies on a faithful disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::mishap::Mishap;
use super::{Begun, Change, SECTOR_BYTES, apply};
use crate::base::Draw;
use crate::base::hash::hash_bytes;
use crate::env::{DiskDone, DiskError, DiskOp, FileId};
use crate::world::decisions::decide::SectorFate;

/// Sectors of a file at most; more than a page has, so that there are files of several pages.
pub(super) const SECTORS: usize = 160;
pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone)]
pub(super) struct File {
    pub written: Vec<u8>,
    pub durable: Vec<u8>,
    pub written_versions: [u64; SECTORS],
    pub durable_versions: [u64; SECTORS],
    pub length_version: u64,
    pub length_durable_version: u64,
}

/// What a sync saw when it began.
pub(super) enum Seen {
    File(FileId, Box<(File, File)>),
    Names(u64),
    Nothing,
}

#[derive(Default)]
pub(super) struct Model {
    pub files: Vec<File>,
    /// The same files on a faithful disk.
    pub faithful: Vec<File>,
    /// By file and sector: whether it cannot be read, and whether that is durable.
    pub unreadable: BTreeMap<(usize, usize), (bool, bool)>,
    pub names: BTreeMap<Rc<str>, FileId>,
    pub names_durable: BTreeMap<Rc<str>, FileId>,
    pub changes: Vec<Change>,
    pub synced: u64,
    pub version: u64,
    pub emptied: Option<Box<Model>>,
}

pub(super) fn bounds(sector: usize, length: usize) -> Range<usize> {
    let start = sector * SECTOR_BYTES;
    start.min(length)..(start + SECTOR_BYTES).min(length)
}

impl File {
    pub fn new() -> File {
        let none = [0; SECTORS];
        File {
            written: Vec::new(),
            durable: Vec::new(),
            written_versions: none,
            durable_versions: none,
            length_version: 0,
            length_durable_version: 0,
        }
    }

    pub fn touch(&mut self, bytes: Range<usize>, version: u64) {
        bytes.for_each(|byte| self.written_versions[byte / SECTOR_BYTES] = version);
    }

    /// `cut` are the sectors that lose something.
    pub fn set_length(&mut self, length: usize, version: u64, cut: &[u64]) {
        assert!(length <= SECTORS * SECTOR_BYTES, "no file here has more sectors");
        assert!(self.length_version <= version, "versions rise");
        if length != self.written.len() {
            cut.iter().for_each(|sector| self.written_versions[*sector as usize] = version);
            self.written.resize(length, 0);
            self.length_version = version;
        }
    }

    pub fn write(&mut self, offset: usize, bytes: &[u8], version: u64) {
        let end = offset + bytes.len();
        self.set_length(self.written.len().max(end), version, &[]);
        self.written[offset..end].copy_from_slice(bytes);
        self.touch(offset..end, version);
    }

    /// What a sync has seen counts as written back, and is not.
    pub fn drop_dirty(&mut self, seen: &File) {
        for sector in 0..SECTORS {
            self.durable_versions[sector] = self.durable_versions[sector].max(seen.written_versions[sector]);
        }
    }

    /// A sector of what is written and of what is durable, with zeros behind the end.
    pub fn pictures(&self, sector: usize) -> [Vec<u8>; 2] {
        [&self.written, &self.durable].map(|bytes| {
            let mut picture = bytes[bounds(sector, bytes.len())].to_vec();
            picture.resize(SECTOR_BYTES, 0);
            picture
        })
    }

    pub fn make_durable(&mut self, seen: &File) {
        assert!(seen.length_version <= self.length_version, "what was seen was written");
        if seen.length_version > self.length_durable_version {
            self.durable.resize(seen.written.len(), 0);
            self.length_durable_version = seen.length_version;
        }
        for sector in 0..SECTORS {
            if seen.written_versions[sector] > self.durable_versions[sector] {
                assert!(seen.written_versions[sector] <= self.written_versions[sector], "what was seen was written");
                self.durable_versions[sector] = seen.written_versions[sector];
                for byte in bounds(sector, self.durable.len().min(seen.written.len())) {
                    self.durable[byte] = seen.written[byte];
                }
            }
        }
    }
}

impl Model {
    pub fn begin(&self, operation: &DiskOp) -> Seen {
        match operation {
            DiskOp::Sync { file } => {
                let file_number = file.0 as usize;
                let both = (self.files[file_number].clone(), self.faithful[file_number].clone());
                Seen::File(*file, Box::new(both))
            }
            DiskOp::SyncDir => Seen::Names(self.synced + self.changes.len() as u64),
            _ => Seen::Nothing,
        }
    }

    pub fn finish(&mut self, operation: &DiskOp, seen: Seen, amiss: &Amiss) -> Result<DiskDone, DiskError> {
        self.version += 1;
        let file = |file: &FileId| file.0 as usize;
        let change = match operation {
            DiskOp::Open { name, .. } => match self.names.get(name) {
                Some(found) => return Ok(DiskDone::Opened(*found)),
                None => {
                    self.files.push(File::new());
                    self.faithful.push(File::new());
                    Change::Make(Rc::clone(name), FileId(self.files.len() as u32 - 1))
                }
            },
            DiskOp::Rename { from, to } => match self.names.get(from) {
                Some(file) => Change::Rename(Rc::clone(from), Rc::clone(to), *file),
                None => return Err(DiskError::NotFound),
            },
            DiskOp::Remove { name } => Change::Remove(Rc::clone(name)),
            DiskOp::Read { file: read, offset, length } => {
                if amiss.mishap == Some(Mishap::Fail)
                    || self.is_unreadable(file(read), *offset as usize, *length as usize)
                {
                    return Err(DiskError::Failed);
                }
                let bytes = self.files[file(read)].written.iter().skip(*offset as usize).take(*length as usize);
                return Ok(DiskDone::Bytes(bytes.copied().collect()));
            }
            DiskOp::Length { file: asked } => {
                return Ok(DiskDone::Length(self.files[file(asked)].written.len() as u64));
            }
            DiskOp::List => return Ok(DiskDone::Names(self.names.keys().cloned().collect())),
            DiskOp::Write { file: written, offset, bytes } => {
                if amiss.mishap == Some(Mishap::Full) {
                    return Err(DiskError::NoSpace);
                }
                self.write(file(written), *offset as usize, bytes, amiss.mishap);
                return Ok(DiskDone::Done);
            }
            DiskOp::SetLength { file: cut, length } => {
                self.files[file(cut)].set_length(*length as usize, self.version, &amiss.cut);
                self.faithful[file(cut)].set_length(*length as usize, self.version, &amiss.cut_faithful);
                return Ok(DiskDone::Done);
            }
            DiskOp::Sync { .. } | DiskOp::SyncDir => {
                if amiss.mishap == Some(Mishap::Fail) {
                    if let Seen::File(synced, seen) = seen {
                        self.files[file(&synced)].drop_dirty(&seen.0);
                        self.faithful[file(&synced)].drop_dirty(&seen.1);
                    }
                    return Err(DiskError::Failed);
                }
                match seen {
                    Seen::File(synced, seen) => self.sync(file(&synced), &seen.0, &seen.1, amiss.mishap),
                    Seen::Names(count) => self.sync_names(count.saturating_sub(self.synced)),
                    Seen::Nothing => unreachable!("a sync has seen something"),
                }
                return Ok(DiskDone::Done);
            }
        };
        if !apply(&mut self.names, &change) {
            return Err(DiskError::NotFound);
        }
        self.changes.push(change.clone());
        match change {
            Change::Make(_, file) => Ok(DiskDone::Opened(file)),
            _ => Ok(DiskDone::Done),
        }
    }

    pub fn is_unreadable(&self, file: usize, offset: usize, length: usize) -> bool {
        let end = (offset + length).min(self.files[file].written.len());
        let sectors = offset / SECTOR_BYTES..end.max(offset).div_ceil(SECTOR_BYTES);
        offset < end && sectors.into_iter().any(|sector| self.unreadable.get(&(file, sector)).is_some_and(|bad| bad.0))
    }

    /// A write, and what goes wrong with it.
    pub fn write(&mut self, file: usize, offset: usize, bytes: &[u8], mishap: Option<Mishap>) {
        let (version, end) = (self.version, offset + bytes.len());
        let length = self.files[file].written.len().max(end);
        self.faithful[file].write(offset, bytes, version);
        let actual = &mut self.files[file];
        match mishap {
            Some(Mishap::Lose) => return actual.set_length(length, version, &[]),
            Some(Mishap::Misdirect(sector)) => {
                actual.set_length(length, version, &[]);
                let there = sector as usize * SECTOR_BYTES + offset % SECTOR_BYTES;
                let fits = bytes.len().min(length.saturating_sub(there));
                if fits > 0 {
                    actual.write(there, &bytes[..fits], version);
                }
                return;
            }
            _ => actual.write(offset, bytes, version),
        }
        for (sector, bad) in
            self.unreadable.iter_mut().filter(|((of, _), _)| *of == file).map(|((_, sector), bad)| (*sector, bad))
        {
            let (start, stop) = (sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
            bad.0 &= !(offset <= start && start < end && (end >= stop || end == length));
        }
        match mishap {
            Some(Mishap::RotBit(bit)) => actual.written[offset + bit as usize / 8] ^= 1 << (bit % 8),
            Some(Mishap::RotByte { byte, bits }) => actual.written[offset + byte as usize] ^= bits,
            Some(Mishap::Unreadable(nth)) => {
                self.unreadable.insert((file, offset / SECTOR_BYTES + nth as usize), (true, true));
            }
            _ => {}
        }
    }

    pub fn sync(&mut self, file: usize, seen: &File, seen_faithful: &File, mishap: Option<Mishap>) {
        let faithful = &mut self.faithful[file];
        let before = faithful.durable_versions;
        faithful.make_durable(seen_faithful);
        if mishap == Some(Mishap::Lie) {
            return;
        }
        self.files[file].make_durable(seen);
        for ((of, sector), bad) in &mut self.unreadable {
            let all = faithful.durable_versions[*sector] == faithful.written_versions[*sector];
            if *of == file && faithful.durable_versions[*sector] > before[*sector] && all {
                bad.1 = bad.0;
            }
        }
    }

    /// The sectors of a file that are not as on a faithful disk.
    pub fn damaged(&self, file: usize) -> Vec<u64> {
        let is_damaged = |sector: &u64| {
            let bad = self.unreadable.get(&(file, *sector as usize)).is_some_and(|bad| bad.0 || bad.1);
            bad || self.files[file].pictures(*sector as usize) != self.faithful[file].pictures(*sector as usize)
        };
        (0..SECTORS as u64).filter(is_damaged).collect()
    }

    pub fn sync_names(&mut self, count: u64) {
        self.synced += count;
        self.changes.drain(..count as usize).for_each(|change| {
            apply(&mut self.names_durable, &change);
        });
    }

    pub fn crash(&mut self, dice: &mut Dice) {
        if !self.changes.is_empty() {
            let kept = dice.names(self.changes.len() as u64);
            self.changes.drain(..).take(kept as usize).for_each(|change| {
                apply(&mut self.names_durable, &change);
            });
        }
        self.names = self.names_durable.clone();
        assert!(self.changes.is_empty(), "nothing is under way after a crash");
        for (name, id) in &self.names {
            let number = id.0 as usize;
            let (file, faithful) = (&mut self.files[number], &mut self.faithful[number]);
            if file.written.len() != file.durable.len() && dice.length(name) {
                file.durable.resize(file.written.len(), 0);
                faithful.durable.resize(faithful.written.len(), 0);
            }
            for sector in 0..SECTORS {
                let mut survived = 0;
                let new = bounds(sector, file.written.len().min(file.durable.len()));
                let dropped = file.durable_versions[sector] == file.written_versions[sector];
                if !dropped && file.written[new.clone()] != file.durable[new.clone()] {
                    let kept = match dice.sector(name, sector as u64, new.len() as u32) {
                        SectorFate::Lost => 0,
                        SectorFate::Kept => new.len(),
                        SectorFate::Torn(bytes) => bytes as usize,
                    };
                    survived = kept;
                    let kept = new.start..new.start + kept;
                    file.durable[kept.clone()].copy_from_slice(&file.written[kept]);
                }
                if faithful.durable_versions[sector] < faithful.written_versions[sector] {
                    for byte in (sector * SECTOR_BYTES..).take(survived.min(SECTOR_BYTES)) {
                        if byte < faithful.durable.len() {
                            faithful.durable[byte] = faithful.written.get(byte).copied().unwrap_or(0);
                        }
                    }
                }
                if let Some(bad) = self.unreadable.get_mut(&(number, sector)) {
                    let whole = survived > 0 && survived >= bounds(sector, file.durable.len()).len();
                    *bad = if whole { (bad.0, bad.0) } else { (bad.0 || bad.1, bad.0 || bad.1) };
                }
            }
            assert!(file.durable.len() <= SECTORS * SECTOR_BYTES, "no file here has more sectors");
            faithful.written = faithful.durable.clone();
            faithful.durable_versions = faithful.written_versions;
            faithful.length_durable_version = faithful.length_version;
            file.written = file.durable.clone();
            // Nothing is on its way any more.
            file.durable_versions = file.written_versions;
            file.length_durable_version = file.length_version;
        }
    }

    pub fn wipe(&mut self) {
        let before = std::mem::take(self);
        self.emptied = match before {
            Model { emptied: Some(emptied), names_durable, .. } if names_durable.is_empty() => Some(emptied),
            before => Some(Box::new(before)),
        };
    }

    pub fn promised_len(&self, name: &str) -> Option<u64> {
        let file = self.names_durable.get(name).map(|file| self.faithful[file.0 as usize].durable.len() as u64);
        file.or_else(|| self.emptied.as_ref()?.promised_len(name))
    }

    pub fn promised(&self, name: &str, range: Range<usize>, under_way: &[UnderWay]) -> Option<Vec<u8>> {
        let Some(id) = self.names_durable.get(name) else {
            return self.emptied.as_ref()?.promised(name, range, &[]);
        };
        Model::settled(*id, &self.faithful[id.0 as usize], range, under_way)
    }

    pub fn actual_len(&self, name: &str) -> Option<u64> {
        self.names_durable.get(name).map(|file| self.files[file.0 as usize].durable.len() as u64)
    }

    pub fn actual(&self, name: &str, range: Range<usize>, under_way: &[UnderWay]) -> Option<Vec<u8>> {
        let id = *self.names_durable.get(name)?;
        let is_bad = |place: usize| {
            self.unreadable.get(&(id.0 as usize, place / SECTOR_BYTES)).is_some_and(|(now, then)| *now || *then)
        };
        if range.clone().any(is_bad) {
            return None;
        }
        Model::settled(id, &self.files[id.0 as usize], range, under_way)
    }

    /// Bytes that are durable and written, and not about to change.
    fn settled(id: FileId, file: &File, range: Range<usize>, under_way: &[UnderWay]) -> Option<Vec<u8>> {
        let is_safe = |place: usize, byte: u8| {
            under_way.iter().all(|other| match &other.operation {
                DiskOp::Write { file, offset, bytes } if *file == id => {
                    place.checked_sub(*offset as usize).and_then(|at| bytes.get(at)).is_none_or(|new| *new == byte)
                }
                _ => true,
            })
        };
        let settled = |place| {
            let byte = *file.durable.get(place)?;
            (file.written.get(place) == Some(&byte) && is_safe(place, byte)).then_some(byte)
        };
        if range.end > file.durable.len() { None } else { range.map(settled).collect() }
    }
}

/// Fates that depend on nothing but what they are asked about, and what they were asked.
#[derive(Default, PartialEq, Debug)]
pub(super) struct Dice {
    pub seed: u64,
    pub asked: Vec<String>,
}

impl Dice {
    pub fn draw(&mut self, question: String) -> Draw {
        let draw = Draw::keyed(self.seed, hash_bytes(question.as_bytes()));
        self.asked.push(question);
        draw
    }

    pub fn names(&mut self, changes: u64) -> u64 {
        self.draw(format!("names {changes}")).below(changes + 1)
    }

    pub fn length(&mut self, name: &str) -> bool {
        self.draw(format!("length {name}")).below(2) == 0
    }

    pub fn sector(&mut self, name: &str, sector: u64, bytes: u32) -> SectorFate {
        let mut draw = self.draw(format!("sector {name} {sector} {bytes}"));
        match draw.below(3) {
            0 => SectorFate::Lost,
            1 => SectorFate::Kept,
            _ => SectorFate::Torn(draw.below(u64::from(bytes)) as u32),
        }
    }
}

/// What goes wrong with an operation, and which sectors of a file lose something by it, where it cuts one.
#[derive(Default)]
pub(super) struct Amiss {
    pub mishap: Option<Mishap>,
    pub cut: Vec<u64>,
    pub cut_faithful: Vec<u64>,
}

/// An operation under way.
pub(super) struct UnderWay {
    pub operation: DiskOp,
    pub begun: Begun,
    pub seen: Seen,
}
