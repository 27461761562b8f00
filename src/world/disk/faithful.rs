//! What a faithful disk would hold, where this one may hold something else.
//!
//! A write that is lost leaves the old bytes behind, and the system was told that the new ones are there. What it was
//! promised is then no longer what lies on the disk. So beside a sector about which the world lied, or which it let
//! decay, stands what a disk without such faults would hold there: what is *written* and what of that is *durable*, as
//! [`FileState`](super::file::FileState) has it of the disk itself. The two pictures become one again when the system
//! writes over the place and the bytes are durable, and then nothing is kept here any more.
//!
//! For example: sector 5 durably holds `a`, and a write of `b` is lost. The disk still holds `a`; a faithful one would have
//! `b` written and `a` durable, and after a good sync `b` durable. So `b` is promised, reads give `a`, and the
//! sector is damaged until something is written there that arrives and is synced.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::file::{FileSnapshot, Taken, left_of, same, spliced};
use super::sectors::{own, sectors};
use super::{FILE_BYTES_MAX, SECTOR_BYTES};

/// The sectors, and the length, of a file of which a faithful disk would hold something else.
#[derive(Debug, Default)]
pub(super) struct Faithful {
    sectors: BTreeMap<u64, FaithfulSector>,
    length: Option<Lengths>,
}

/// A sector as a faithful disk would have it, and what is wrong with it on this one.
#[derive(Clone, Debug)]
pub(super) struct FaithfulSector {
    /// What is written.
    pub written: Bytes,
    pub written_version: u64,
    /// What is durable of it.
    pub durable: Bytes,
    pub durable_version: u64,
    /// It cannot be read, as it is written.
    pub unreadable: bool,
    /// The same of what is durable: a crash that loses an overwrite brings it back.
    pub unreadable_durable: bool,
    /// A crash left it torn.
    pub torn: bool,
    /// The disk said that something was done which was not: what lies there is whole, but not what should be.
    pub lied: bool,
    /// How many new bytes the crash that is going on leaves.
    survived: usize,
}

/// How long a file would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lengths {
    pub written: u64,
    pub written_version: u64,
    pub durable: u64,
    pub durable_version: u64,
}

/// How this disk has a sector: what is written, what is durable, and the versions of both.
pub(super) struct Actual<'a> {
    pub written: &'a [u8],
    pub written_version: u64,
    pub durable: &'a [u8],
    pub durable_version: u64,
}

/// What is wrong with a sector that is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// The disk said that something was done which was not.
    Lie,
    /// What lay there went bad, or cannot be read.
    Decay,
    /// A crash tore it, and nothing else.
    Torn,
}

/// What becomes of what a sync took down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SyncEnd {
    /// It is durable.
    Durable,
    /// It is said to be.
    Lied,
    /// It counts as written back, but is not.
    Dropped,
}

impl FaithfulSector {
    /// A sector that is at first as this disk has it.
    pub fn of(actual: &Actual<'_>) -> FaithfulSector {
        assert!(actual.durable_version <= actual.written_version, "what is durable was written");
        FaithfulSector {
            written: Bytes::copy_from_slice(actual.written),
            written_version: actual.written_version,
            durable: Bytes::copy_from_slice(actual.durable),
            durable_version: actual.durable_version,
            unreadable: false,
            unreadable_durable: false,
            torn: false,
            lied: false,
            survived: 0,
        }
    }

    /// Whether this disk does not have it as a faithful one would.
    pub fn is_damaged(&self, actual: &Actual<'_>) -> bool {
        self.unreadable
            || self.unreadable_durable
            || self.torn
            || !same(actual.written, own(&self.written), SECTOR_BYTES)
            || !same(actual.durable, own(&self.durable), SECTOR_BYTES)
    }

    /// What is wrong with it, if it is damaged.
    pub fn wrong(&self, actual: &Actual<'_>) -> Wrong {
        assert!(self.is_damaged(actual), "something is wrong with it");
        let otherwise = FaithfulSector { torn: false, ..self.clone() };
        match otherwise.is_damaged(actual) {
            true if self.lied => Wrong::Lie,
            true => Wrong::Decay,
            false => Wrong::Torn,
        }
    }

    /// Whether nothing is left to tell the two pictures apart, now or later.
    fn is_settled(&self, actual: &Actual<'_>) -> bool {
        assert!(actual.durable_version <= actual.written_version, "what is durable was written");
        assert_eq!(self.survived, 0, "while a crash goes on nothing is settled");
        let is_clean = self.written_version == self.durable_version && actual.written_version == actual.durable_version;
        // It may come back as this disk has it, and what an older sync took down here must not be newer than that then.
        let clean = is_clean && self.written_version <= actual.written_version;
        let equal = self.written_version == actual.written_version && self.durable_version == actual.durable_version;
        (clean || equal) && !self.is_damaged(actual)
    }
}

impl Faithful {
    /// A sector, which is kept here from now on.
    pub fn keep<'a>(&mut self, sector: u64, actual: impl FnOnce() -> Actual<'a>) -> &mut FaithfulSector {
        self.sectors.entry(sector).or_insert_with(|| FaithfulSector::of(&actual()))
    }

    /// All sectors that are kept here, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &FaithfulSector)> {
        self.sectors.iter().map(|(sector, kept)| (*sector, kept))
    }

    /// How long the file would be, if not as long as it is.
    pub fn length(&self) -> Option<Lengths> {
        self.length
    }

    /// How long the file would be, which is kept here from now on.
    pub fn keep_length(&mut self, actual: Lengths) -> &mut Lengths {
        self.length.get_or_insert(actual)
    }

    /// Whether any of these bytes cannot be read.
    pub fn is_unreadable(&self, offset: u64, length: usize) -> bool {
        let range = sectors(offset, length);
        self.sectors.range(range).any(|(_, sector)| sector.unreadable)
    }

    /// Whether any of these bytes could not be read after a crash, whatever that leaves.
    pub fn would_be_unreadable(&self, offset: u64, length: usize) -> bool {
        let range = sectors(offset, length);
        self.sectors.range(range).any(|(_, sector)| sector.unreadable || sector.unreadable_durable)
    }

    /// Bytes that a faithful disk would take; the file has been so long. Only sectors that are kept here are concerned;
    /// `reaches` says whether the bytes also reach this disk.
    pub fn write(&mut self, offset: u64, bytes: &[u8], version: u64, file_length: u64, reaches: bool) {
        let end = offset + bytes.len() as u64;
        let file_end = file_length.max(end);
        if let Some(length) = self.length.as_mut().filter(|length| length.written < end) {
            assert!(length.written_version < version, "versions rise");
            (length.written, length.written_version) = (end, version);
        }
        for (number, sector) in self.sectors.range_mut(sectors(offset, bytes.len())) {
            let start = number * SECTOR_BYTES as u64;
            let (low, high) = (start.max(offset), (start + SECTOR_BYTES as u64).min(end));
            let part = &bytes[(low - offset) as usize..(high - offset) as usize];
            assert!(sector.written_version < version, "versions rise");
            assert!(low < high && part.len() <= SECTOR_BYTES, "a sector takes its part of what is written");
            sector.written = spliced(own(&sector.written), (low - start) as usize, part);
            sector.written_version = version;
            // A part of a sector cannot be written without the rest, which nobody can read.
            if reaches && low == start && (part.len() == SECTOR_BYTES || high == file_end) {
                sector.unreadable = false;
            }
        }
    }

    /// The file is cut, or extended with zeros.
    pub fn set_length(&mut self, length: u64, version: u64) {
        if let Some(lengths) = self.length.as_mut().filter(|lengths| lengths.written != length) {
            assert!(lengths.written_version < version, "versions rise");
            (lengths.written, lengths.written_version) = (length, version);
        }
        for (number, sector) in self.sectors.range_mut(length / SECTOR_BYTES as u64..) {
            let left = left_of(*number, length);
            if left < own(&sector.written).len() {
                assert!(sector.written_version < version, "versions rise");
                sector.written = own(&sector.written)[..left].to_vec().into();
                sector.written_version = version;
            }
        }
    }

    /// Takes down all that is kept here, for a sync that begins.
    pub fn taken(&self) -> Vec<Taken> {
        let taken = |(number, sector): (&u64, &FaithfulSector)| Taken {
            sector: *number,
            version: sector.written_version,
            run: sector.written.clone(),
        };
        self.sectors.iter().map(taken).collect()
    }

    /// A sync ends, by what a faithful disk would make of it.
    pub fn end_sync(&mut self, snapshot: &FileSnapshot, end: SyncEnd) {
        let taken = &snapshot.faithful;
        assert!(taken.is_sorted_by(|one, next| one.sector < next.sector), "sectors are taken down in their order");
        for (number, sector) in &mut self.sectors {
            // A sector that came here since the sync began was then as this disk had it.
            let kept = snapshot.faithful.binary_search_by_key(number, |taken| taken.sector);
            let taken = match kept {
                Ok(place) => Some(&snapshot.faithful[place]),
                Err(_) => snapshot.sectors.iter().find(|taken| taken.sector == *number),
            };
            let Some(taken) = taken.filter(|taken| taken.version > sector.durable_version) else { continue };
            sector.durable_version = taken.version;
            if end != SyncEnd::Dropped {
                sector.durable = Bytes::copy_from_slice(own(&taken.run));
            }
            if end == SyncEnd::Durable {
                sector.torn = false;
                // What was written over since may be anything.
                let is_all = sector.durable_version == sector.written_version;
                sector.unreadable_durable = if is_all { sector.unreadable } else { sector.unreadable_durable };
            }
        }
        let (length, version) = snapshot.faithful_length.unwrap_or((snapshot.length, snapshot.length_version));
        if let Some(lengths) = self.length.as_mut().filter(|lengths| lengths.durable_version < version)
            && end != SyncEnd::Dropped
        {
            (lengths.durable, lengths.durable_version) = (length, version);
            self.cut_durable(length);
        }
    }

    /// Forgets what would be durable behind the durable end.
    pub fn cut_durable(&mut self, length: u64) {
        for (number, sector) in self.sectors.range_mut(length / SECTOR_BYTES as u64..) {
            let left = left_of(*number, length);
            if left < own(&sector.durable).len() {
                sector.durable.truncate(left);
            }
        }
    }

    /// A crash leaves so many new bytes of a sector on this disk.
    pub fn note_survived(&mut self, sector: u64, survived: usize) {
        assert!(survived <= SECTOR_BYTES, "no more of a sector survives than there is");
        if let Some(sector) = self.sectors.get_mut(&sector) {
            assert_eq!(sector.survived, 0, "a crash comes to each sector once");
            sector.survived = survived;
        }
    }

    /// What a crash would leave of a faithful disk: of each sector as much as of this one. `kept` says whether the
    /// length that is written survives; this disk's file is then so long.
    pub fn crash(&mut self, kept: bool, actual_length: u64) {
        let length = match self.length {
            Some(lengths) if kept => lengths.written,
            Some(lengths) => lengths.durable,
            None => actual_length,
        };
        for (number, sector) in &mut self.sectors {
            let survived = std::mem::take(&mut sector.survived);
            let whole = survived > 0 && survived >= left_of(*number, actual_length);
            sector.unreadable = if whole { sector.unreadable } else { sector.unreadable || sector.unreadable_durable };
            sector.unreadable_durable = sector.unreadable;
            let mut run = sector.durable.clone();
            if survived > 0 && sector.durable_version < sector.written_version {
                let mut new = own(&sector.written).to_vec();
                new.resize(survived, 0);
                run = spliced(own(&run), 0, &new);
            }
            run.truncate(left_of(*number, length));
            (sector.written, sector.durable) = (run.clone(), run);
            sector.durable_version = sector.written_version;
        }
        self.length = self.length.map(|lengths| Lengths {
            written: length,
            durable: length,
            durable_version: lengths.written_version,
            ..lengths
        });
    }

    /// Forgets where this disk is as a faithful one would be. Whether nothing is left.
    pub fn settle<'a>(&mut self, lengths: Lengths, actual: impl Fn(u64) -> Actual<'a>) -> bool {
        self.sectors.retain(|number, sector| !sector.is_settled(&actual(*number)));
        let clean = |lengths: Lengths| lengths.written_version == lengths.durable_version;
        self.length = self.length.filter(|kept| {
            let equal = (kept.written, kept.durable) == (lengths.written, lengths.durable);
            // As with a sector, it may come back.
            let is_older = kept.written_version <= lengths.written_version;
            let settled = *kept == lengths || (clean(*kept) && clean(lengths) && is_older);
            !(equal && settled)
        });
        self.sectors.is_empty() && self.length.is_none()
    }

    /// Checks what holds between any two operations, of which the last had this version.
    pub fn check(&self, last_version: u64) {
        for (number, sector) in &self.sectors {
            assert!(*number < (FILE_BYTES_MAX / SECTOR_BYTES as u64), "a sector lies within the largest file");
            assert!(sector.written_version <= last_version, "versions rise");
            assert!(sector.durable_version <= sector.written_version, "what is durable was written");
            assert_eq!(sector.survived, 0, "no crash is going on");
        }
        if let Some(Lengths { written, written_version, durable, durable_version }) = self.length {
            assert!(written_version <= last_version, "versions rise");
            assert!(durable_version <= written_version, "what is durable was written");
            assert!(durable_version < written_version || durable == written, "of one version there is one length");
        }
    }

    /// Lays what is kept here of some bytes over them, as it is written or as it is durable.
    pub fn lay(&self, offset: u64, into: &mut [u8], which: impl Fn(&FaithfulSector) -> &Bytes) {
        let end = offset + into.len() as u64;
        for (number, sector) in self.sectors.range(sectors(offset, into.len())) {
            let start = number * SECTOR_BYTES as u64;
            let (low, high) = (start.max(offset), (start + SECTOR_BYTES as u64).min(end));
            let bytes = own(which(sector));
            for place in low..high {
                into[(place - offset) as usize] = bytes.get((place - start) as usize).copied().unwrap_or(0);
            }
        }
    }
}
