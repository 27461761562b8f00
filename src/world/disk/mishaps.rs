//! What goes wrong with a disk: operations that end amiss, and decay of what lies on it.

use std::rc::Rc;

use bytes::Bytes;

use super::faithful::Wrong;
use super::file::FileState;
use super::mishap::Mishap;
use super::{Begun, Disk, UnderWay};
use crate::env::{DiskDone, DiskError, DiskOp, FileId};

/// An operation that is about to end, as far as what may go wrong with it depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// So many bytes of a file are read, from an offset on; as many as there are.
    Read { file: FileId, offset: u64, length: u64 },
    /// So many bytes are written there.
    Write { file: FileId, offset: u64, length: u64 },
    /// A file is synced.
    Sync { file: FileId },
    /// The names are.
    SyncDir,
    /// Any other operation, with which nothing goes wrong.
    Other,
}

impl Disk {
    /// Looks at an operation that has begun.
    pub fn look(&self, begun: &Begun) -> Sight {
        match begun {
            Begun::Write(number) => {
                let write = self.under_way.iter().find(|write| write.number == *number);
                let UnderWay { file, offset, bytes, .. } = write.expect("a write is under way until it ends");
                Sight::Write { file: *file, offset: *offset, length: bytes.len() as u64 }
            }
            Begun::Sync(file, _) => Sight::Sync { file: *file },
            Begun::SyncDir(_) => Sight::SyncDir,
            Begun::Other(DiskOp::Read { file, offset, length }) => {
                let left = self.files[file.0 as usize].length().saturating_sub(*offset);
                Sight::Read { file: *file, offset: *offset, length: left.min(*length) }
            }
            Begun::Other(_) => Sight::Other,
        }
    }

    /// How long a file is.
    pub fn length(&self, file: FileId) -> u64 {
        self.files[file.0 as usize].length()
    }

    /// The sectors of a file that are written and not synced, in order.
    pub fn unsynced(&self, file: FileId) -> Vec<u64> {
        let mut sectors: Vec<u64> = self.files[file.0 as usize].dirty.iter().map(|dirty| dirty.sector).collect();
        sectors.sort_unstable();
        assert!(sectors.is_sorted_by(|one, next| one < next), "a sector is dirty once");
        sectors
    }

    /// The file of a name.
    pub fn file(&self, name: &str) -> Option<FileId> {
        self.names.get(name).copied()
    }

    /// The name of a file, if it has one.
    pub fn name(&self, file: FileId) -> Option<&Rc<str>> {
        self.names.iter().find(|(_, named)| **named == file).map(|(name, _)| name)
    }

    /// Lets an operation take effect with which this goes wrong. What cannot go wrong with it does not.
    pub fn finish_amiss(&mut self, begun: Begun, mishaps: &[Mishap]) -> Result<DiskDone, DiskError> {
        let has = |mishap| mishaps.contains(&mishap);
        let misdirected = mishaps.iter().find_map(|mishap| match mishap {
            Mishap::Misdirect(sector) => Some(*sector),
            _ => None,
        });
        assert!(!(has(Mishap::Lose) && misdirected.is_some()), "a write that is lost goes nowhere");
        assert!(!(has(Mishap::Fail) && has(Mishap::Lie)), "what fails does not say that it is good");
        match begun {
            Begun::Write(number) => {
                let place = self.under_way.iter().position(|write| write.number == number);
                let write = self.under_way.swap_remove(place.expect("a write is under way until it ends"));
                if has(Mishap::Full) {
                    return Err(DiskError::NoSpace);
                }
                self.version += 1;
                assert!((write.file.0 as usize) < self.files.len(), "a file is written that was opened");
                let (version, file) = (self.version, &mut self.files[write.file.0 as usize]);
                match misdirected {
                    _ if has(Mishap::Lose) => file.lose(write.offset, &write.bytes, version),
                    Some(sector) => file.misdirect(write.offset, &write.bytes, sector, version),
                    None => write_and_spoil(file, write.offset, write.bytes, version, mishaps),
                }
                Ok(DiskDone::Done)
            }
            Begun::Sync(file, snapshot) if has(Mishap::Fail) => {
                self.files[file.0 as usize].fail_sync(&snapshot);
                Err(DiskError::Failed)
            }
            Begun::Sync(file, snapshot) if has(Mishap::Lie) => {
                self.files[file.0 as usize].lie_sync(&snapshot, self.version);
                Ok(DiskDone::Done)
            }
            // Names are kept in a journal, and a later sync writes what this one did not.
            Begun::SyncDir(_) if has(Mishap::Fail) => Err(DiskError::Failed),
            Begun::Other(DiskOp::Read { .. }) if has(Mishap::Fail) => Err(DiskError::Failed),
            Begun::Other(DiskOp::Read { file, offset, length }) => {
                let sector = super::SECTOR_BYTES as u64;
                let offset = misdirected.map_or(offset, |there| there * sector + offset % sector);
                self.read(file, offset, length)
            }
            other => self.finish(other),
        }
    }

    /// Reads, unless a sector there cannot be read.
    pub(super) fn read(&self, file: FileId, offset: u64, length: u64) -> Result<DiskDone, DiskError> {
        let file = &self.files[file.0 as usize];
        if file.is_unreadable(offset, length) {
            return Err(DiskError::Failed);
        }
        Ok(DiskDone::Bytes(file.read(offset, length)))
    }

    /// Bits of a byte that lies in a file go bad.
    pub fn rot(&mut self, file: FileId, byte: u64, bits: u8) {
        self.files[file.0 as usize].rot(byte, bits, self.version);
    }

    /// All bits of what lies in a sector go bad.
    pub fn rot_sector(&mut self, file: FileId, sector: u64) {
        assert!(sector < super::FILE_BYTES_MAX / super::SECTOR_BYTES as u64, "a sector lies within the largest file");
        let sector_bytes = super::SECTOR_BYTES as u64;
        (sector * sector_bytes..(sector + 1) * sector_bytes).for_each(|byte| self.rot(file, byte, u8::MAX));
    }

    /// A sector of a file cannot be read any more.
    pub fn spoil(&mut self, file: FileId, sector: u64) {
        self.files[file.0 as usize].spoil(sector, self.version);
    }

    /// A crash left a sector torn, which may matter for what else may go wrong.
    pub fn note_torn(&mut self, name: &str, sector: u64) {
        let file = self.names.get(name).expect("only files with names survive a crash");
        self.files[file.0 as usize].note_torn(sector, self.version);
    }

    /// What is not as it should be: the sectors, by file, and what is wrong with them. A file without a name holds
    /// nothing that matters.
    pub fn damaged(&self) -> Vec<(Rc<str>, u64, Wrong)> {
        let mut damaged = Vec::new();
        for (name, file) in &self.names {
            let sectors = self.files[file.0 as usize].damaged();
            damaged.extend(sectors.into_iter().map(|(sector, wrong)| (Rc::clone(name), sector, wrong)));
        }
        damaged
    }
}

/// A write that arrives, and what then goes bad of it.
fn write_and_spoil(file: &mut FileState, offset: u64, bytes: Bytes, version: u64, mishaps: &[Mishap]) {
    let length = bytes.len() as u64;
    file.write(offset, bytes, version);
    for mishap in mishaps {
        match *mishap {
            Mishap::RotBit(bit) if bit / 8 < length => file.rot_written(offset + bit / 8, 1 << (bit % 8), version),
            Mishap::RotByte { byte, bits } if byte < length => file.rot_written(offset + byte, bits, version),
            Mishap::Unreadable(nth) => {
                let sector_bytes = super::SECTOR_BYTES as u64;
                let sector = offset / sector_bytes + nth;
                if length > 0 && sector <= (offset + length - 1) / sector_bytes {
                    file.spoil(sector, version);
                }
            }
            _ => {}
        }
    }
}
