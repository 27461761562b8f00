//! What goes wrong with a file: writes that go elsewhere or nowhere, syncs that fail or lie, and decay.
//!
//! A write or a sector that the *device* spoils is spoilt for whoever reads it from then on, as it is where nothing is
//! cached or where the cache has been dropped since. A sync that *fails* follows what Linux does (Rebello and others,
//! "Can applications recover from fsync failures?", USENIX ATC 2020): the pages that it should have written count
//! as clean, so reads give the new bytes until a crash, no later sync writes them, a good one says nothing about them,
//! and a crash brings the old bytes back. Only what is written anew is dirty anew. The length of a file is kept in a
//! journal of its own; a later sync does make it durable.

use bytes::Bytes;

use super::faithful::{Actual, FaithfulSector, SyncEnd, Wrong};
use super::file::{Dirty, FileSnapshot, FileState, left_of};
use super::sectors::{CLEAN, Sector, own, sectors};
use super::{FILE_BYTES_MAX, SECTOR_BYTES};

impl FileState {
    /// What a faithful disk would hold of a sector, which is kept from now on.
    fn keep(&mut self, number: u64, last_version: u64) -> &mut FaithfulSector {
        assert!(number < FILE_BYTES_MAX / SECTOR_BYTES as u64, "a sector lies within the largest file");
        let FileState { sectors, dirty, faithful, .. } = self;
        let faithful = faithful.get_or_insert_default();
        faithful.keep(number, || FileState::actual(sectors, dirty, number, last_version))
    }

    /// Forgets what a faithful disk would hold, where it is what this one holds.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.faithful.is_some() {
            self.settle_all();
        }
    }

    #[cold]
    fn settle_all(&mut self) {
        let lengths = self.lengths();
        let FileState { sectors, dirty, faithful, .. } = self;
        // Of a sector that is clean nothing is on its way any more, so it is newer than all that was taken down of it.
        let actual = |number| FileState::actual(sectors, dirty, number, u64::MAX);
        if faithful.as_mut().is_some_and(|faithful| faithful.settle(lengths, actual)) {
            *faithful = None;
        }
    }

    /// Whether any of these bytes cannot be read.
    #[inline]
    pub fn is_unreadable(&self, offset: u64, length: u64) -> bool {
        let Some(faithful) = &self.faithful else { return false };
        faithful.is_unreadable(offset, length.min(self.length.saturating_sub(offset)) as usize)
    }

    /// A write is lost: the file is as long as if it had been written, but its bytes never arrive.
    pub fn lose(&mut self, offset: u64, bytes: &[u8], version: u64) {
        assert!(self.length_version < version, "versions rise");
        self.lie_of(offset, bytes.len(), version);
        let length = self.length;
        self.faithful.as_mut().expect("a sector of it is kept").write(offset, bytes, version, length, false);
        let end = offset + bytes.len() as u64;
        if end > self.length {
            (self.length, self.length_version) = (end, version);
        }
        assert!(self.length >= end, "a file is as long as if what was lost had been written");
    }

    /// A write lands elsewhere, with its first byte in this sector; what would lie beyond the end of the file is lost.
    pub fn misdirect(&mut self, offset: u64, bytes: &Bytes, sector: u64, version: u64) {
        self.lose(offset, bytes, version);
        let there = sector * SECTOR_BYTES as u64 + offset % SECTOR_BYTES as u64;
        let fits = (bytes.len() as u64).min(self.length.saturating_sub(there));
        if fits > 0 {
            let length = self.length;
            self.lie_of(there, fits as usize, version);
            self.write_here(there, bytes.slice(..fits as usize), version);
            assert_eq!(self.length, length, "a write that lands elsewhere makes no file longer");
        }
    }

    /// Keeps what a faithful disk would hold of some bytes that are lied about in the step of this version.
    fn lie_of(&mut self, offset: u64, length: usize, version: u64) {
        assert!(version > 0, "a lie comes after something else");
        for number in sectors(offset, length) {
            self.keep(number, version - 1).lied = true;
        }
        // Of an empty write nothing is lost.
        self.faithful.get_or_insert_default();
    }

    /// Keeps what a faithful disk would hold where a sync that ends now has taken down two different things. The two
    /// pictures may have become one while it was under way, and become two again by it.
    pub(super) fn keep_taken(&mut self, snapshot: &FileSnapshot) {
        for faithful in &snapshot.faithful {
            let place = self.sectors.get(faithful.sector).map_or(CLEAN, |sector| sector.dirty) as usize;
            // Of a sector that is clean, nothing older is on its way any more, on either disk.
            if self.dirty.get(place).is_some() {
                self.keep(faithful.sector, 0);
            }
        }
    }

    /// Keeps what a faithful disk would hold of all dirty sectors, if it may be of another length: before a crash leaves
    /// other parts of them there, or before they are cut here alone.
    pub(super) fn keep_dirty(&mut self) {
        if self.faithful.as_ref().is_some_and(|faithful| faithful.length().is_some()) {
            let dirty: Vec<u64> = self.dirty.iter().map(|dirty| dirty.sector).collect();
            for number in dirty {
                self.keep(number, 0);
            }
        }
    }

    /// A sync fails: what it took down counts as written back, and is not.
    pub fn fail_sync(&mut self, snapshot: &FileSnapshot) {
        self.keep_taken(snapshot);
        if let Some(faithful) = &mut self.faithful {
            faithful.end_sync(snapshot, SyncEnd::Dropped);
        }
        for taken in &snapshot.sectors {
            let place = self.sectors.get(taken.sector).map_or(CLEAN, |sector| sector.dirty) as usize;
            if let Some(dirty) = self.dirty.get_mut(place).filter(|dirty| taken.version > dirty.durable_version) {
                assert_eq!(dirty.sector, taken.sector, "a dirty sector has its own place");
                assert!(taken.version <= dirty.written_version, "what was taken down was written");
                dirty.durable_version = taken.version;
            }
        }
    }

    /// A sync is said to be good and does nothing. A later one that is true makes up for it.
    pub fn lie_sync(&mut self, snapshot: &FileSnapshot, last_version: u64) {
        assert!(snapshot.length_version <= self.length_version, "what was taken down was written");
        assert!(self.length_version <= last_version, "versions rise");
        self.keep_taken(snapshot);
        for taken in &snapshot.sectors {
            let place = self.sectors.get(taken.sector).map_or(CLEAN, |sector| sector.dirty) as usize;
            if self.dirty.get(place).is_some_and(|dirty| taken.version > dirty.durable_version) {
                self.keep(taken.sector, last_version).lied = true;
            }
        }
        // Where the file was cut, a faithful disk has nothing behind its new end, whatever a failed sync left there.
        let is_cut = |dirty: &&Dirty| left_of(dirty.sector, snapshot.length) < SECTOR_BYTES;
        let cut: Vec<u64> = self.dirty.iter().filter(is_cut).map(|dirty| dirty.sector).collect();
        for number in cut {
            self.keep(number, last_version);
        }
        let lengths = self.lengths();
        let faithful = self.faithful.get_or_insert_default();
        faithful.keep_length(lengths);
        faithful.end_sync(snapshot, SyncEnd::Lied);
        self.settle();
    }

    /// Bits of a byte of a write that was just done go bad.
    pub fn rot_written(&mut self, byte: u64, bits: u8, last_version: u64) {
        if byte >= self.length {
            return;
        }
        let number = byte / SECTOR_BYTES as u64;
        self.keep(number, last_version);
        let sector = self.sectors.make(number);
        let run = flipped(sector.bytes(), byte as usize % SECTOR_BYTES, bits);
        sector.replace(run);
    }

    /// Bits of a byte that lies on the disk go bad. What is written there and not yet durable is not yet there.
    pub fn rot(&mut self, byte: u64, bits: u8, last_version: u64) {
        if byte >= self.length.min(self.lengths().durable) {
            return;
        }
        let number = byte / SECTOR_BYTES as u64;
        self.keep(number, last_version);
        let sector = self.sectors.make(number);
        match self.dirty.get_mut(sector.dirty as usize) {
            Some(dirty) => dirty.durable = flipped(own(&dirty.durable), byte as usize % SECTOR_BYTES, bits),
            None => {
                let run = flipped(sector.bytes(), byte as usize % SECTOR_BYTES, bits);
                sector.replace(run);
            }
        }
    }

    /// Notes that less is durable of some clean sectors than is written: they went bad behind an end that the system had
    /// set before, and that has become durable now. Reads give what went bad until a crash, and no sync writes it.
    pub(super) fn part_rotten(&mut self, last_version: u64) {
        let durable_length = self.lengths().durable;
        let FileState { sectors, dirty, faithful, .. } = self;
        for (number, _) in faithful.iter().flat_map(|faithful| faithful.iter()) {
            let is_cut = |sector: &&mut Sector| left_of(number, durable_length) < sector.bytes().len();
            let clean = sectors.get_mut(number).filter(|sector| sector.dirty == CLEAN);
            let Some(sector) = clean.filter(is_cut) else { continue };
            let before = sector.run().clone();
            FileState::touch(dirty, number, sector, before, last_version);
            let noted = dirty.last_mut().expect("a sector was noted just now");
            noted.durable_version = noted.written_version;
        }
    }

    /// A sector cannot be read any more, until all of it is written over.
    pub fn spoil(&mut self, number: u64, last_version: u64) {
        let sector = self.keep(number, last_version);
        (sector.unreadable, sector.unreadable_durable) = (true, true);
    }

    /// A crash left a sector torn.
    pub fn note_torn(&mut self, number: u64, last_version: u64) {
        self.keep(number, last_version).torn = true;
    }

    /// The sectors that are not as a faithful disk would have them, and what is wrong with them.
    pub fn damaged(&self) -> Vec<(u64, Wrong)> {
        let Some(faithful) = &self.faithful else { return Vec::new() };
        let actual = |number| -> Actual<'_> { FileState::actual(&self.sectors, &self.dirty, number, 0) };
        let damaged = faithful.iter().filter(|(number, sector)| sector.is_damaged(&actual(*number)));
        damaged.map(|(number, sector)| (number, sector.wrong(&actual(number)))).collect()
    }

    /// Bytes that are durable on this disk, and can be read, whatever a faithful one would hold.
    pub fn actually_durable(&self, offset: u64, length: usize) -> Option<Bytes> {
        let lengths = self.lengths();
        assert!(lengths.durable_version <= lengths.written_version, "what is durable was written");
        let left = lengths.durable.checked_sub(offset)?.min(lengths.written.saturating_sub(offset));
        let is_unreadable = self.faithful.as_ref().is_some_and(|faithful| faithful.would_be_unreadable(offset, length));
        if left < length as u64 || is_unreadable {
            return None;
        }
        let (written, durable) = self.pictures(offset, length);
        (written == durable).then(|| durable.into())
    }

    /// Promised bytes, where a faithful disk may hold something else.
    #[cold]
    pub(super) fn promised_faithfully(&self, offset: u64, length: usize) -> Option<Bytes> {
        let faithful = self.faithful.as_ref().expect("somebody looked whether it is there");
        let lengths = faithful.length().unwrap_or(self.lengths());
        let durable = lengths.durable.checked_sub(offset)?;
        if durable.min(lengths.written.saturating_sub(offset)) < length as u64 {
            return None;
        }
        assert!(lengths.durable_version <= lengths.written_version, "what is durable was written");
        let (mut written, mut durable) = self.pictures(offset, length);
        faithful.lay(offset, &mut written, |sector| &sector.written);
        faithful.lay(offset, &mut durable, |sector| &sector.durable);
        (written == durable).then(|| durable.into())
    }
}

/// A sector's bytes with some bits of one of them flipped.
fn flipped(bytes: &[u8], at: usize, bits: u8) -> Bytes {
    assert!(bytes.len() <= SECTOR_BYTES, "a sector has no more bytes than a sector");
    assert!(at < SECTOR_BYTES, "a byte of a sector lies within it");
    let mut bytes = bytes.to_vec();
    if bytes.len() <= at {
        bytes.resize(at + 1, 0);
    }
    bytes[at] ^= bits;
    // A byte that goes bad twice may be zero again, and lies behind what is written then.
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes.into()
}
