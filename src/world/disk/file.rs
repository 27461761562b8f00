//! A file: what is written in it, what of that is durable, and what of that is promised.
//!
//! What is durable is promised unless the world lied about it or let it decay. Then `faithful` has what is promised, and
//! `amiss` is what can go wrong; a file to which nothing of the kind ever happened has neither.

use bytes::Bytes;

use super::faithful::{Actual, Faithful, Lengths, SyncEnd};
use super::sectors::{CLEAN, Sector, Sectors, own, sectors};
use super::{FILE_BYTES_MAX, SECTOR_BYTES};
use crate::world::decisions::decide::SectorFate;

/// One file.
///
/// Behind every sector's bytes, and behind the end of the file, one may think zeros. So a file that is extended has no
/// sector that changes, and one that is cut has only those that lose something.
#[derive(Debug, Default)]
pub(super) struct FileState {
    /// What is written; durable too, where a sector is not dirty.
    pub(super) sectors: Sectors,
    pub(super) length: u64,
    durable_length: u64,
    /// Sectors that differ, or may differ, from what is durable of them, in no particular order.
    pub(super) dirty: Vec<Dirty>,
    pub(super) length_version: u64,
    length_durable_version: u64,
    /// What a faithful disk would hold, where that may be something else.
    pub(super) faithful: Option<Box<Faithful>>,
}

/// A sector of which something else may be durable than is written.
#[derive(Debug)]
pub(super) struct Dirty {
    pub(super) sector: u64,
    /// The version of what is written.
    pub(super) written_version: u64,
    /// The version of what is durable, or counts as written back: since a sync failed, or since what went bad there was
    /// cut off. Only then may it be the version of what is written: no later sync writes it.
    pub(super) durable_version: u64,
    /// What is durable: a run, as in [`Sector`].
    pub(super) durable: Bytes,
}

/// A file's dirty sectors and its length, as they were when a sync began.
#[derive(Debug)]
pub struct FileSnapshot {
    pub(super) sectors: Vec<Taken>,
    pub(super) length: u64,
    pub(super) length_version: u64,
    /// What a faithful disk would hold of the sectors of which that may be something else, in their order.
    pub(super) faithful: Vec<Taken>,
    /// How long the file would be there, and the version of that, if it may be something else.
    pub(super) faithful_length: Option<(u64, u64)>,
}

/// A sector as it was when a sync began.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) sector: u64,
    pub(super) version: u64,
    pub(super) run: Bytes,
}

impl FileState {
    /// How long it is.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How much of it is promised.
    pub fn promised_length(&self) -> u64 {
        let faithful = self.faithful.as_ref().and_then(|faithful| faithful.length());
        faithful.map_or(self.durable_length, |length| length.durable)
    }

    /// How much of it is durable.
    pub fn durable_length(&self) -> u64 {
        self.durable_length
    }

    /// How long it is, and how much of it is durable.
    pub(super) fn lengths(&self) -> Lengths {
        Lengths {
            written: self.length,
            written_version: self.length_version,
            durable: self.durable_length,
            durable_version: self.length_durable_version,
        }
    }

    /// A sector as this disk has it. One that is clean has the last version there was.
    pub(super) fn actual<'a>(sectors: &'a Sectors, dirty: &'a [Dirty], number: u64, last_version: u64) -> Actual<'a> {
        let sector = sectors.get(number);
        let written = sector.map_or(&[][..], Sector::bytes);
        match sector.and_then(|sector| dirty.get(sector.dirty as usize)) {
            Some(dirty) => Actual {
                written,
                written_version: dirty.written_version,
                durable: own(&dirty.durable),
                durable_version: dirty.durable_version,
            },
            None => Actual { written, written_version: last_version, durable: written, durable_version: last_version },
        }
    }

    /// Notes that a sector held something else before.
    #[inline]
    pub(super) fn touch(dirty: &mut Vec<Dirty>, number: u64, sector: &mut Sector, before: Bytes, version: u64) {
        match dirty.get_mut(sector.dirty as usize) {
            Some(dirty) => {
                assert_eq!(dirty.sector, number, "a dirty sector has its own place");
                assert!(dirty.written_version < version, "versions rise");
                dirty.written_version = version;
            }
            None => {
                assert_eq!(sector.dirty, CLEAN, "a dirty sector has a place");
                sector.dirty = u32::try_from(dirty.len()).expect("a file has fewer than 2^32 sectors");
                // A sector that was clean has nothing older than this write still on its way to the disk.
                let durable_version = version - 1;
                dirty.push(Dirty { sector: number, written_version: version, durable_version, durable: before });
            }
        }
    }

    /// Writes bytes; a gap between the end and them is filled with zeros.
    pub fn write(&mut self, offset: u64, bytes: Bytes, version: u64) {
        if let Some(faithful) = &mut self.faithful {
            faithful.write(offset, &bytes, version, self.length, true);
        }
        self.write_here(offset, bytes, version);
    }

    /// Writes bytes on this disk, whatever a faithful one would hold.
    pub(super) fn write_here(&mut self, offset: u64, mut bytes: Bytes, version: u64) {
        let end = offset + bytes.len() as u64;
        assert!(self.length_version <= version, "versions rise");
        if end > self.length {
            (self.length, self.length_version) = (end, version);
        }
        while !bytes.is_empty() {
            let place = end - bytes.len() as u64;
            let (number, at) = (place / SECTOR_BYTES as u64, place as usize % SECTOR_BYTES);
            let count = (SECTOR_BYTES - at).min(bytes.len());
            let sector = self.sectors.make(number);
            // Nothing is left of the sector if the write covers all of it, or all that is not zero.
            let covers = at == 0 && count >= sector.bytes().len();
            let after = bytes.slice(count..);
            let run = if covers { bytes } else { spliced(sector.bytes(), at, &bytes[..count]) };
            let before = sector.replace(run);
            FileState::touch(&mut self.dirty, number, sector, before, version);
            bytes = after;
        }
        assert!(self.length >= end, "a file is as long as what is written in it");
    }

    /// Cuts the file, or extends it with zeros.
    pub fn set_length(&mut self, length: u64, version: u64) {
        assert!(self.length_version < version, "versions rise");
        assert!(length <= FILE_BYTES_MAX, "no file is longer than the largest");
        if let Some(faithful) = &mut self.faithful {
            faithful.set_length(length, version);
        }
        if length == self.length {
            return;
        }
        if length < self.length {
            let cut: Vec<u64> = self.sectors.written_from(length / SECTOR_BYTES as u64).collect();
            for number in cut {
                let sector = self.sectors.make(number);
                let left = left_of(number, length);
                if left < sector.bytes().len() {
                    let run = sector.run().slice(..left);
                    let before = sector.replace(run);
                    FileState::touch(&mut self.dirty, number, sector, before, version);
                }
            }
        }
        (self.length, self.length_version) = (length, version);
    }

    /// Up to so many bytes from an offset on; fewer where the file ends.
    pub fn read(&self, offset: u64, length: u64) -> Bytes {
        let start = offset.min(self.length);
        let length = length.min(self.length - start) as usize;
        let piece = self.sectors.piece(start, length, |_| false);
        if piece.len() == length {
            return piece;
        }
        assert!(piece.len() < length, "a piece is not longer than asked for");
        let mut bytes = vec![0; length];
        self.sectors.fill(start, &mut bytes, Sector::bytes);
        bytes.into()
    }

    /// Takes down what a sync that begins now will make durable.
    pub fn snapshot(&self) -> FileSnapshot {
        let taken = |(place, dirty): (usize, &Dirty)| {
            let sector = self.sectors.get(dirty.sector).expect("a dirty sector has its page");
            assert_eq!(sector.dirty as usize, place, "a dirty sector knows its place");
            assert!(dirty.durable_version < dirty.written_version, "what is durable is older than what is written");
            Taken { sector: dirty.sector, version: dirty.written_version, run: sector.run().clone() }
        };
        // What a failed sync dropped counts as written back.
        let left = self.dirty.iter().enumerate().filter(|(_, dirty)| dirty.durable_version < dirty.written_version);
        let sectors = left.map(taken).collect();
        let (faithful, faithful_length) = match &self.faithful {
            None => (Vec::new(), None),
            Some(faithful) => {
                (faithful.taken(), faithful.length().map(|length| (length.written, length.written_version)))
            }
        };
        FileSnapshot { sectors, length: self.length, length_version: self.length_version, faithful, faithful_length }
    }

    /// Makes durable what a sync took down when it began, except where something later is durable already.
    pub fn make_durable(&mut self, snapshot: FileSnapshot, last_version: u64) {
        assert!(snapshot.length_version <= self.length_version, "what was taken down was written");
        if !snapshot.faithful.is_empty() {
            self.keep_taken(&snapshot);
        }
        if let Some(faithful) = &mut self.faithful {
            faithful.end_sync(&snapshot, SyncEnd::Durable);
        }
        let before = self.durable_length;
        if snapshot.length_version > self.length_durable_version {
            (self.durable_length, self.length_durable_version) = (snapshot.length, snapshot.length_version);
        }
        assert!(self.length_durable_version <= self.length_version, "what is durable was written");
        // Backwards, because mostly all that is dirty was taken down, and then the last is taken off each time.
        for Taken { sector, version, run } in snapshot.sectors.into_iter().rev() {
            let place = self.sectors.get(sector).map_or(CLEAN, |sector| sector.dirty) as usize;
            // Absent: a later sync made a later version durable already.
            let Some(dirty) = self.dirty.get_mut(place).filter(|dirty| version > dirty.durable_version) else {
                continue;
            };
            assert_eq!(dirty.sector, sector, "a dirty sector has its own place");
            assert!(version <= dirty.written_version, "what was taken down was written");
            if dirty.written_version == version {
                self.clean(place);
            } else {
                (dirty.durable, dirty.durable_version) = (run, version);
            }
        }
        if self.durable_length < before {
            self.cut_durable(last_version);
        }
        self.settle();
        self.trim();
    }

    /// Forgets what was durable behind the durable end. Mostly the sync that cut the file has written the sectors as well,
    /// but those that an earlier one dropped are as they were.
    #[cold]
    fn cut_durable(&mut self, last_version: u64) {
        assert!(self.length_durable_version > 0, "an end that is durable was set");
        self.part_rotten(last_version);
        self.keep_dirty();
        for dirty in &mut self.dirty {
            let left = left_of(dirty.sector, self.durable_length);
            if left < own(&dirty.durable).len() {
                dirty.durable.truncate(left);
            }
        }
        let length = self.promised_length();
        if let Some(faithful) = &mut self.faithful {
            faithful.cut_durable(length);
        }
    }

    /// What is written in a dirty sector is durable now.
    fn clean(&mut self, place: usize) {
        let gone = self.dirty.swap_remove(place);
        let sector = self.sectors.get_mut(gone.sector).expect("a dirty sector has its page");
        assert_eq!(sector.dirty as usize, place, "a dirty sector knows its place");
        sector.dirty = CLEAN;
        if let Some(moved) = self.dirty.get(place) {
            self.sectors.get_mut(moved.sector).expect("a dirty sector has its page").dirty = place as u32;
        }
    }

    /// Forgets what lies behind the end and holds nothing.
    fn trim(&mut self) {
        if self.dirty.is_empty() {
            self.sectors.trim(self.length.div_ceil(SECTOR_BYTES as u64));
        }
    }

    /// Checks what holds between any two operations, of which the last had this version; `all` of it also where nothing is
    /// dirty.
    pub fn check(&self, last_version: u64, all: bool) {
        assert!(self.length <= FILE_BYTES_MAX, "no file is longer than the largest");
        assert!(self.length_version <= last_version, "versions rise");
        assert!(self.length_durable_version <= self.length_version, "what is durable was written");
        let is_synced = self.length_durable_version == self.length_version;
        assert!(!is_synced || self.durable_length == self.length, "of one version there is one length");
        for (place, dirty) in self.dirty.iter().enumerate() {
            let sector = self.sectors.get(dirty.sector).expect("a dirty sector has its page");
            assert_eq!(sector.dirty as usize, place, "a dirty sector knows its place");
            assert!(dirty.written_version <= last_version, "versions rise");
            assert!(dirty.durable_version <= dirty.written_version, "what is durable was written");
            assert!(sector.bytes().len() <= left_of(dirty.sector, self.length), "nothing is written behind the end");
            let durable_left = left_of(dirty.sector, self.durable_length);
            assert!(own(&dirty.durable).len() <= durable_left, "nothing is durable behind the durable end");
        }
        if all {
            assert_eq!(self.sectors.check(self.length), self.dirty.len(), "each dirty sector has its place");
        }
        if let Some(faithful) = &self.faithful {
            faithful.check(last_version);
        }
    }

    /// Decides what a crash leaves: `length` whether an unsynced length survives, `sector` what becomes of an unsynced
    /// sector of so many bytes.
    pub fn crash(&mut self, length: impl FnOnce() -> bool, mut sector: impl FnMut(u64, u32) -> SectorFate) {
        self.keep_dirty();
        let kept = self.length != self.durable_length && length();
        let left = if kept { self.length } else { self.durable_length };
        assert!(self.length_durable_version <= self.length_version, "what is durable was written");
        let common = self.length.min(left);
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable_by_key(|dirty| dirty.sector);
        for Dirty { sector: number, durable, written_version, durable_version } in dirty {
            let state = self.sectors.get_mut(number).expect("a dirty sector has its page");
            state.dirty = CLEAN;
            let bytes = left_of(number, common);
            // What a failed sync dropped is not on its way to the disk.
            let dropped = durable_version == written_version;
            let survived = if bytes == 0 || dropped || same(state.bytes(), own(&durable), bytes) {
                0
            } else {
                match sector(number, bytes as u32) {
                    SectorFate::Lost => 0,
                    SectorFate::Kept => bytes,
                    SectorFate::Torn(at) => (at as usize).min(bytes),
                }
            };
            assert!(survived <= bytes, "no more survives than there is");
            if let Some(faithful) = &mut self.faithful {
                faithful.note_survived(number, survived);
            }
            let mut run = durable;
            if survived > 0 {
                let mut new = state.bytes().to_vec();
                new.resize(survived, 0);
                run = spliced(own(&run), 0, &new);
            }
            let within = left_of(number, left);
            if within < SECTOR_BYTES {
                run.truncate(within);
            }
            state.replace(run);
        }
        (self.length, self.durable_length) = (left, left);
        self.length_durable_version = self.length_version;
        if let Some(faithful) = &mut self.faithful {
            faithful.crash(kept, left);
            self.settle();
        }
        self.trim();
    }

    /// Bytes that are durable, and written too, from an offset on: `least` of them or none; and beyond those up to
    /// `most`, if they lie in one piece with them.
    #[inline]
    pub fn promised(&self, offset: u64, least: usize, most: usize) -> Option<Bytes> {
        assert!(least <= most, "at least so many is not more than at most so many");
        if self.faithful.is_some() {
            return self.promised_faithfully(offset, least);
        }
        let durable = self.durable_length.checked_sub(offset).filter(|durable| *durable >= least as u64)?;
        let left = durable.min(self.length.saturating_sub(offset));
        if left < least as u64 {
            return None;
        }
        let most = most.min(left as usize);
        let piece = self.sectors.piece(offset, most, |sector| sector.dirty != CLEAN);
        assert!(piece.len() <= most, "a piece is not longer than asked for");
        if piece.len() >= least { Some(piece) } else { self.promised_copy(offset, least) }
    }

    /// The same where the bytes do not lie in one piece, or are dirty.
    #[cold]
    fn promised_copy(&self, offset: u64, length: usize) -> Option<Bytes> {
        let (written, durable) = self.pictures(offset, length);
        // Written over with the same bytes is no change: whatever a crash keeps of it, these bytes are there.
        (written == durable).then(|| durable.into())
    }

    /// Bytes as they are written, and as they are durable.
    pub(super) fn pictures(&self, offset: u64, length: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut written, mut durable) = (vec![0; length], vec![0; length]);
        self.sectors.fill(offset, &mut written, Sector::bytes);
        self.sectors.fill(offset, &mut durable, |sector| match self.dirty.get(sector.dirty as usize) {
            Some(dirty) => own(&dirty.durable),
            None => sector.bytes(),
        });
        assert!(sectors(offset, length).count() * SECTOR_BYTES >= length, "sectors hold their bytes");
        (written, durable)
    }
}

/// How many bytes of a sector lie within a file of some length.
pub(super) fn left_of(sector: u64, length: u64) -> usize {
    length.saturating_sub(sector * SECTOR_BYTES as u64).min(SECTOR_BYTES as u64) as usize
}

/// Whether the first bytes are the same, with zeros behind the end of either.
pub(super) fn same(one: &[u8], other: &[u8], bytes: usize) -> bool {
    assert!(bytes <= SECTOR_BYTES, "sectors are compared");
    let (one, other) = (&one[..one.len().min(bytes)], &other[..other.len().min(bytes)]);
    let common = one.len().min(other.len());
    one[..common] == other[..common] && one[common..].iter().chain(&other[common..]).all(|byte| *byte == 0)
}

/// A sector's bytes with a part of them written over.
pub(super) fn spliced(before: &[u8], at: usize, part: &[u8]) -> Bytes {
    assert!(before.len() <= SECTOR_BYTES, "a sector has no more bytes than a sector");
    assert!(at + part.len() <= SECTOR_BYTES, "a part of a sector lies within it");
    let mut bytes = Vec::with_capacity(before.len().max(at + part.len()));
    bytes.extend_from_slice(&before[..before.len().min(at)]);
    bytes.resize(at, 0);
    bytes.extend_from_slice(part);
    bytes.extend_from_slice(before.get(bytes.len()..).unwrap_or_default());
    assert!(bytes.len() >= before.len(), "what is written over is not cut");
    bytes.into()
}
