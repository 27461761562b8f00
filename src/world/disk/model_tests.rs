//! The disk against a dense model of it, which keeps every byte twice and copies all of a file for each sync.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::{Begun, Change, Disk, SECTOR_BYTES, apply};
use crate::base::Draw;
use crate::base::hash::hash_bytes;
use crate::env::{DiskDone, DiskError, DiskOp, FileId};
use crate::world::decide::SectorFate;

/// Sectors of a file at most; more than a page has, so that there are files of several pages.
const SECTORS: usize = 160;
const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone)]
struct File {
    written: Vec<u8>,
    durable: Vec<u8>,
    written_versions: [u64; SECTORS],
    durable_versions: [u64; SECTORS],
    length_version: u64,
    length_durable_version: u64,
}

/// What a sync saw when it began.
enum Seen {
    File(FileId, Box<File>),
    Names(u64),
    Nothing,
}

#[derive(Default)]
struct Model {
    files: Vec<File>,
    names: BTreeMap<Rc<str>, FileId>,
    names_durable: BTreeMap<Rc<str>, FileId>,
    changes: Vec<Change>,
    synced: u64,
    version: u64,
    emptied: Option<Box<Model>>,
}

fn bounds(sector: usize, length: usize) -> Range<usize> {
    let start = sector * SECTOR_BYTES;
    start.min(length)..(start + SECTOR_BYTES).min(length)
}

impl File {
    fn new() -> File {
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

    fn touch(&mut self, bytes: Range<usize>, version: u64) {
        bytes.for_each(|byte| self.written_versions[byte / SECTOR_BYTES] = version);
    }

    fn set_length(&mut self, length: usize, version: u64) {
        let before = self.written.len();
        if length != before {
            self.touch(length.min(before)..length.max(before), version);
            self.written.resize(length, 0);
            self.length_version = version;
        }
    }

    fn write(&mut self, offset: usize, bytes: &[u8], version: u64) {
        let end = offset + bytes.len();
        self.set_length(self.written.len().max(end), version);
        self.written[offset..end].copy_from_slice(bytes);
        self.touch(offset..end, version);
    }

    fn make_durable(&mut self, seen: &File) {
        if seen.length_version > self.length_durable_version {
            self.durable.resize(seen.written.len(), 0);
            self.length_durable_version = seen.length_version;
        }
        for sector in 0..SECTORS {
            if seen.written_versions[sector] > self.durable_versions[sector] {
                self.durable_versions[sector] = seen.written_versions[sector];
                for byte in bounds(sector, self.durable.len().min(seen.written.len())) {
                    self.durable[byte] = seen.written[byte];
                }
            }
        }
    }
}

impl Model {
    fn begin(&self, operation: &DiskOp) -> Seen {
        match operation {
            DiskOp::Sync { file } => Seen::File(*file, Box::new(self.files[file.0 as usize].clone())),
            DiskOp::SyncDir => Seen::Names(self.synced + self.changes.len() as u64),
            _ => Seen::Nothing,
        }
    }

    fn finish(&mut self, operation: &DiskOp, seen: Seen) -> Result<DiskDone, DiskError> {
        self.version += 1;
        let file = |file: &FileId| file.0 as usize;
        let change = match operation {
            DiskOp::Open { name, .. } => match self.names.get(name) {
                Some(found) => return Ok(DiskDone::Opened(*found)),
                None => {
                    self.files.push(File::new());
                    Change::Make(Rc::clone(name), FileId(self.files.len() as u32 - 1))
                }
            },
            DiskOp::Rename { from, to } => Change::Rename(Rc::clone(from), Rc::clone(to)),
            DiskOp::Remove { name } => Change::Remove(Rc::clone(name)),
            DiskOp::Read { file: read, offset, length } => {
                let bytes = self.files[file(read)].written.iter().skip(*offset as usize).take(*length as usize);
                return Ok(DiskDone::Bytes(bytes.copied().collect()));
            }
            DiskOp::Length { file: asked } => {
                return Ok(DiskDone::Length(self.files[file(asked)].written.len() as u64));
            }
            DiskOp::List => return Ok(DiskDone::Names(self.names.keys().cloned().collect())),
            DiskOp::Write { file: written, offset, bytes } => {
                self.files[file(written)].write(*offset as usize, bytes, self.version);
                return Ok(DiskDone::Done);
            }
            DiskOp::SetLength { file: cut, length } => {
                self.files[file(cut)].set_length(*length as usize, self.version);
                return Ok(DiskDone::Done);
            }
            DiskOp::Sync { .. } | DiskOp::SyncDir => {
                match seen {
                    Seen::File(synced, seen) => self.files[file(&synced)].make_durable(&seen),
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

    fn sync_names(&mut self, count: u64) {
        self.synced += count;
        self.changes.drain(..count as usize).for_each(|change| {
            apply(&mut self.names_durable, &change);
        });
    }

    fn crash(&mut self, dice: &mut Dice) {
        if !self.changes.is_empty() {
            let kept = dice.names(self.changes.len() as u64);
            self.changes.drain(..).take(kept as usize).for_each(|change| {
                apply(&mut self.names_durable, &change);
            });
        }
        self.names = self.names_durable.clone();
        for (name, id) in &self.names {
            let file = &mut self.files[id.0 as usize];
            if file.written.len() != file.durable.len() && dice.length(name) {
                file.durable.resize(file.written.len(), 0);
            }
            for sector in 0..SECTORS {
                let new = bounds(sector, file.written.len().min(file.durable.len()));
                if file.written[new.clone()] != file.durable[new.clone()] {
                    let kept = match dice.sector(name, sector as u64, new.len() as u32) {
                        SectorFate::Lost => 0,
                        SectorFate::Kept => new.len(),
                        SectorFate::Torn(bytes) => bytes as usize,
                    };
                    let kept = new.start..new.start + kept;
                    file.durable[kept.clone()].copy_from_slice(&file.written[kept]);
                }
            }
            file.written = file.durable.clone();
            // Nothing is on its way any more.
            file.durable_versions = file.written_versions;
            file.length_durable_version = file.length_version;
        }
    }

    fn wipe(&mut self) {
        let before = std::mem::take(self);
        self.emptied = match before {
            Model { emptied: Some(emptied), names_durable, .. } if names_durable.is_empty() => Some(emptied),
            before => Some(Box::new(before)),
        };
    }

    fn promised_len(&self, name: &str) -> Option<u64> {
        let file = self.names_durable.get(name).map(|file| self.files[file.0 as usize].durable.len() as u64);
        file.or_else(|| self.emptied.as_ref()?.promised_len(name))
    }

    fn promised(&self, name: &str, range: Range<usize>, under_way: &[UnderWay]) -> Option<Vec<u8>> {
        let Some(id) = self.names_durable.get(name) else {
            return self.emptied.as_ref()?.promised(name, range, &[]);
        };
        let file = &self.files[id.0 as usize];
        let is_safe = |place: usize, byte: u8| {
            under_way.iter().all(|other| match &other.operation {
                DiskOp::Write { file, offset, bytes } if file == id => {
                    place.checked_sub(*offset as usize).and_then(|at| bytes.get(at)).is_none_or(|new| *new == byte)
                }
                _ => true,
            })
        };
        let promised = |place| {
            let byte = *file.durable.get(place)?;
            (file.written.get(place) == Some(&byte) && is_safe(place, byte)).then_some(byte)
        };
        if range.end > file.durable.len() { None } else { range.map(promised).collect() }
    }
}

/// Fates that depend on nothing but what they are asked about, and what they were asked.
#[derive(Default, PartialEq, Debug)]
struct Dice {
    seed: u64,
    asked: Vec<String>,
}

impl Dice {
    fn draw(&mut self, question: String) -> Draw {
        let draw = Draw::keyed(self.seed, hash_bytes(question.as_bytes()));
        self.asked.push(question);
        draw
    }

    fn names(&mut self, changes: u64) -> u64 {
        self.draw(format!("names {changes}")).below(changes + 1)
    }

    fn length(&mut self, name: &str) -> bool {
        self.draw(format!("length {name}")).below(2) == 0
    }

    fn sector(&mut self, name: &str, sector: u64, bytes: u32) -> SectorFate {
        let mut draw = self.draw(format!("sector {name} {sector} {bytes}"));
        match draw.below(3) {
            0 => SectorFate::Lost,
            1 => SectorFate::Kept,
            _ => SectorFate::Torn(draw.below(u64::from(bytes)) as u32),
        }
    }
}

/// An operation under way.
struct UnderWay {
    operation: DiskOp,
    begun: Begun,
    seen: Seen,
}

struct Both {
    disk: Disk,
    model: Model,
    under_way: Vec<UnderWay>,
    draw: Draw,
    /// The files that are open in the present life.
    open: Vec<FileId>,
}

impl Both {
    /// Mostly near sectors' edges near the beginning, so that writes meet; sometimes far away.
    fn place(&mut self) -> usize {
        let sector = match self.draw.below(8) {
            0 => self.draw.below(SECTORS as u64 - 12),
            _ => self.draw.below(4),
        };
        let at = match self.draw.below(4) {
            0 | 1 => 0,
            2 => self.draw.below(20),
            _ => self.draw.below(SECTOR_BYTES as u64),
        };
        sector as usize * SECTOR_BYTES + at as usize
    }

    fn length(&mut self) -> usize {
        match self.draw.below(4) {
            0 => self.draw.below(30) as usize,
            1 => SECTOR_BYTES,
            _ => self.draw.below(5 * SECTOR_BYTES as u64) as usize,
        }
    }

    fn bytes(&mut self) -> Bytes {
        let (length, first) = (self.length(), self.draw.below(3) as usize);
        // Few different bytes, so that something is often written over with the same; zeros among them.
        (0..length).map(|place| ((first + place / 300) % 3) as u8).collect()
    }

    fn operation(&mut self) -> DiskOp {
        let name: Rc<str> = NAMES[self.draw.below(3) as usize].into();
        let Some(file) = self.draw.pick(&self.open).copied() else {
            return DiskOp::Open { name, create: true };
        };
        match self.draw.below(32) {
            0 => DiskOp::Open { name, create: true },
            1 | 2 => DiskOp::Read { file, offset: self.place() as u64, length: self.length() as u64 },
            3 => DiskOp::Length { file },
            4..=6 => DiskOp::SetLength { file, length: self.place() as u64 },
            7 => DiskOp::Rename { from: name, to: NAMES[self.draw.below(3) as usize].into() },
            8 => DiskOp::Remove { name },
            9 => DiskOp::List,
            10 | 11 => DiskOp::SyncDir,
            12..=19 => DiskOp::Sync { file },
            _ => DiskOp::Write { file, offset: self.place() as u64, bytes: self.bytes() },
        }
    }

    fn begin(&mut self) {
        let operation = self.operation();
        let (begun, seen) = (self.disk.begin(operation.clone()), self.model.begin(&operation));
        self.under_way.push(UnderWay { operation, begun, seen });
    }

    fn finish(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let nth = self.draw.below(self.under_way.len() as u64) as usize;
        let UnderWay { operation, begun, seen } = self.under_way.remove(nth);
        let outcome = self.disk.finish(begun);
        assert_eq!(outcome, self.model.finish(&operation, seen), "{operation:?}");
        if let Ok(DiskDone::Opened(file)) = outcome {
            self.open.push(file);
        }
    }

    fn crash(&mut self) {
        for interrupted in self.under_way.drain(..) {
            self.model.version += 1;
            if let DiskOp::Write { file, offset, bytes } = &interrupted.operation {
                self.model.files[file.0 as usize].write(*offset as usize, bytes, self.model.version);
            }
        }
        let seed = self.draw.word();
        let dice = std::cell::RefCell::new(Dice { seed, asked: Vec::new() });
        self.disk.crash(
            |changes| dice.borrow_mut().names(changes),
            |name| dice.borrow_mut().length(name),
            |name, sector, bytes| dice.borrow_mut().sector(name, sector, bytes),
        );
        let mut expected = Dice { seed, asked: Vec::new() };
        self.model.crash(&mut expected);
        assert_eq!(dice.into_inner(), expected, "the same is asked, in the same order");
        self.open.clear();
        if self.draw.below(5) == 0 {
            self.disk.wipe();
            self.model.wipe();
        }
    }

    /// Everything that can be seen without changing anything.
    fn compare(&mut self) {
        for name in NAMES {
            assert_eq!(self.disk.promised_len(name), self.model.promised_len(name), "promised length of {name}");
            let (offset, least) = (self.place(), self.length());
            let most = least + self.length();
            let promised = self.disk.promised(name, offset as u64, least, most);
            // What goes beyond what must be there is promised just as well.
            let length = promised.as_ref().map_or(least, Bytes::len);
            assert!((least..=most).contains(&length), "{length} bytes are not {least} to {most}");
            let expected = self.model.promised(name, offset..offset + length, &self.under_way);
            assert_eq!(promised.map(|bytes| bytes.to_vec()), expected, "promised {length} from {offset} of {name}");
        }
        let names = self.model.names.values().copied().collect::<Vec<_>>();
        for file in names {
            let state = &self.disk.files[file.0 as usize];
            assert_eq!(state.read(0, u64::MAX), self.model.files[file.0 as usize].written, "all of {file:?}");
        }
    }
}

#[test]
fn the_disk_does_what_a_dense_one_does() {
    for seed in 0..300 {
        let draw = Draw::keyed(seed, 0);
        let mut both =
            Both { disk: Disk::default(), model: Model::default(), under_way: Vec::new(), draw, open: Vec::new() };
        // Lives are long, and much is under way, so that syncs overlap.
        for _ in 0..300 {
            match both.draw.below(60) {
                0 => both.crash(),
                1..=30 => both.begin(),
                _ => both.finish(),
            }
            both.compare();
        }
    }
}
