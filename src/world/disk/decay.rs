//! What goes wrong with disks: which dice are thrown for which operation, and when it happens.
//!
//! Whether an operation goes amiss is decided when it ends, by dice of its own for each sort of mishap; whether it
//! stalls, when it begins. Where a fault of a phase has *armed* a mishap, the next operation of that node that begins and
//! fits has it, and no dice are thrown for it. In a quiet phase nothing goes wrong but that operations take long.

use std::cell::RefCell;
use std::rc::Rc;

use super::mishap::{Mishap, MishapKind};
use super::names::NamesFate;
use crate::base::hash::mix;
use crate::base::name::key;
use crate::base::time::nanos;
use crate::base::{Cluster, Incarnation, Label, LabelText, Name, NodeId, RedundancyMap, Sampler};
use crate::env::{DiskDone, DiskError, DiskOp};
use crate::world::config::StorageConfig;
use crate::world::decisions::decide::{Decider, Source};
use crate::world::decisions::deviation::{Choice, Deviation};
use crate::world::disk::{Disk, SECTOR_BYTES, Sight};
use crate::world::faults::aim::Miss;
use crate::world::faults::budget::Hit;
use crate::world::faults::fault::{Spot, What};
use crate::world::faults::phase::Phase;
use crate::world::flight::DiskJob;
use crate::world::shared::Shared;
use crate::world::tracer::Deed;

/// What a world knows of decay.
#[derive(Debug)]
pub(in crate::world) struct Decay {
    /// Whether anything can go wrong with a disk at all. Mostly it cannot, and then nobody looks any further.
    pub possible: bool,
    armed: RefCell<Vec<Armed>>,
    pub redundancy: RedundancyMap,
    /// How many replicas hold whatever is committed.
    pub replication: u16,
}

/// A mishap that waits for an operation.
#[derive(Clone, Debug)]
pub(in crate::world) struct Armed {
    node: NodeId,
    next: LabelText,
    mishap: ArmedMishap,
}

/// A mishap that an operation has, with the number that says where in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) struct ArmedMishap {
    pub kind: MishapKind,
    /// Below 2^63, as a file can hold it.
    pub pick: u64,
    /// Which fault it is that strikes.
    pub phase: usize,
    pub fault: usize,
}

impl Decay {
    pub fn new(
        storage: &StorageConfig,
        phases: &[Phase],
        source: &Source,
        redundancy: RedundancyMap,
        replication: u16,
    ) -> Decay {
        let rates = !storage.mishaps.is_zero() || storage.stall.is_some() || !storage.crash_tear_names.is_zero();
        let planned = match source {
            Source::Chance { .. } => false,
            Source::Plan { deviations, .. } => {
                deviations.iter().any(|deviation| matches!(deviation.choice, Choice::Mishap(_) | Choice::TearNames(_)))
            }
        };
        let is_decay = |what: &What| {
            matches!(what, What::Rot { .. } | What::Unreadable { .. } | What::Disk { .. } | What::Stall { .. })
        };
        let faults = phases.iter().flat_map(|phase| &phase.faults).any(|fault| is_decay(&fault.what));
        let possible = rates || planned || faults;
        Decay { possible, armed: RefCell::default(), redundancy, replication }
    }

    /// Lets the next operation that fits go amiss.
    pub fn arm(&self, node: NodeId, next: LabelText, mishap: ArmedMishap) {
        assert!(self.possible, "whoever arms a mishap was known when the world was made");
        self.armed.borrow_mut().push(Armed { node, next, mishap });
    }

    /// Forgets what is armed: the phase is over.
    pub fn disarm(&self) {
        self.armed.borrow_mut().clear();
    }

    /// Takes the mishap that was armed for this operation, the oldest first.
    pub fn take(&self, node: NodeId, label: &Label, operation: &DiskOp) -> Option<ArmedMishap> {
        let mut armed = self.armed.borrow_mut();
        let fits =
            |armed: &Armed| armed.node == node && armed.mishap.kind.is_of(operation) && armed.next.matches(label);
        let place = armed.iter().position(fits)?;
        Some(armed.remove(place).mishap)
    }
}

impl MishapKind {
    /// Whether it goes wrong with such an operation.
    fn is_of(self, operation: &DiskOp) -> bool {
        match operation {
            DiskOp::Read { .. } => READ.contains(&self),
            DiskOp::Write { .. } => WRITE.contains(&self),
            DiskOp::Sync { .. } => SYNC.contains(&self),
            DiskOp::SyncDir => SYNC_DIR.contains(&self),
            _ => false,
        }
    }
}

/// What goes wrong with which operation. What stands first counts, where one excludes the other.
const READ: &[MishapKind] = &[MishapKind::ReadError, MishapKind::MisdirectedRead];
const WRITE: &[MishapKind] = &[
    MishapKind::NoSpace,
    MishapKind::LostWrite,
    MishapKind::MisdirectedWrite,
    MishapKind::RotByte,
    MishapKind::RotBit,
    MishapKind::Unreadable,
];
const SYNC: &[MishapKind] = &[MishapKind::FailedSync, MishapKind::LyingSync];
const SYNC_DIR: &[MishapKind] = &[MishapKind::FailedSync];

/// Whether an operation of which this goes wrong can go wrong in this way, too.
fn excludes(first: Mishap, second: Mishap) -> bool {
    match first {
        Mishap::RotBit(_) | Mishap::RotByte { .. } => matches!(second, Mishap::RotBit(_) | Mishap::RotByte { .. }),
        Mishap::Unreadable(_) => false,
        Mishap::Full | Mishap::Lose | Mishap::Misdirect(_) | Mishap::Fail | Mishap::Lie => true,
    }
}

fn sector_bytes() -> u64 {
    SECTOR_BYTES as u64
}

/// One of so many, by a word of 64 bits.
fn pick_of(word: u64, count: u64) -> u64 {
    ((u128::from(word) * u128::from(count)) >> 64) as u64
}

/// What goes wrong with an operation, if this sort of thing can. `word` says where, and the file is so long.
fn mishap_at(kind: MishapKind, sight: Sight, file_length: u64, word: u64) -> Option<Mishap> {
    let (offset, length) = match sight {
        Sight::Read { offset, length, .. } | Sight::Write { offset, length, .. } => (offset, length),
        Sight::Sync { .. } | Sight::SyncDir | Sight::Other => (0, 0),
    };
    match kind {
        MishapKind::RotBit => (length > 0).then(|| Mishap::RotBit(pick_of(word, length * 8))),
        MishapKind::RotByte => {
            let bits = 1 + pick_of(mix(word, 1), u64::from(u8::MAX)) as u8;
            (length > 0).then(|| Mishap::RotByte { byte: pick_of(word, length), bits })
        }
        MishapKind::Unreadable => {
            let sectors = (offset + length).div_ceil(sector_bytes()).saturating_sub(offset / sector_bytes());
            (length > 0).then(|| Mishap::Unreadable(pick_of(word, sectors)))
        }
        MishapKind::MisdirectedWrite | MishapKind::MisdirectedRead => {
            // Every place where all of it fits but its own.
            let own = offset / sector_bytes();
            let left = file_length.checked_sub(offset % sector_bytes() + length).filter(|_| length > 0)?;
            let last = left / sector_bytes();
            let others = last + u64::from(own > last);
            let chosen = (others > 0).then(|| pick_of(word, others))?;
            Some(Mishap::Misdirect(if chosen >= own { chosen + 1 } else { chosen }))
        }
        MishapKind::LostWrite => (length > 0).then_some(Mishap::Lose),
        MishapKind::NoSpace => Some(Mishap::Full),
        MishapKind::ReadError | MishapKind::FailedSync => Some(Mishap::Fail),
        MishapKind::LyingSync => Some(Mishap::Lie),
    }
}

impl Decider {
    /// How long a disk operation takes that may stall, in nanoseconds, and whether it does.
    fn stalling(
        &mut self,
        config: &StorageConfig,
        latency: &Sampler,
        key: u64,
        name: impl Fn() -> Name,
    ) -> (u64, bool) {
        let calm = latency.calm();
        let stall = config
            .stall
            .filter(|stall| self.chance_beside(key, key::stall(key)).is_some_and(|mut draw| draw.chance(stall.share)));
        let value = match self.chance_beside(key, key) {
            Some(mut draw) => latency.sample(&mut draw).saturating_add(stall.map_or(0, |stall| nanos(stall.span))),
            None if self.has_dice() => calm,
            None => self.planned_disk(calm, key),
        };
        (self.record_disk(calm, value, name), stall.is_some())
    }

    /// What may go wrong with an operation, before anybody has asked whether there may be so much damage.
    fn mishaps(&mut self, config: &StorageConfig, key: u64, sight: Sight, file_length: u64) -> Vec<Mishap> {
        if !self.has_dice() {
            let planned = self.plan(key).iter().filter_map(|choice| match choice {
                Choice::Mishap(mishap) => Some(*mishap),
                _ => None,
            });
            return planned.collect();
        }
        let kinds = match sight {
            Sight::Read { .. } => READ,
            Sight::Write { .. } => WRITE,
            Sight::Sync { .. } => SYNC,
            Sight::SyncDir => SYNC_DIR,
            Sight::Other => return Vec::new(),
        };
        let mut mishaps = Vec::new();
        for kind in kinds.iter().filter(|kind| !config.mishaps.of(**kind).is_zero()) {
            let Some(mut draw) = self.chance_beside(key, key::mishap(key, *kind as u64)) else { continue };
            if draw.chance(config.mishaps.of(*kind)) {
                mishaps.extend(mishap_at(*kind, sight, file_length, draw.word()));
            }
        }
        mishaps
    }
}

impl Mishap {
    /// How it is counted.
    fn deed(self, sight: Sight) -> Deed {
        match (self, sight) {
            (Mishap::Full, _) => Deed::DiskFull,
            (Mishap::Lose, _) => Deed::WriteLost,
            (Mishap::Misdirect(_), Sight::Read { .. }) => Deed::ReadMisdirected,
            (Mishap::Misdirect(_), _) => Deed::WriteMisdirected,
            (Mishap::RotBit(_) | Mishap::RotByte { .. }, _) => Deed::Rot,
            (Mishap::Unreadable(_), _) => Deed::SectorUnreadable,
            (Mishap::Fail, Sight::Read { .. }) => Deed::ReadFailed,
            (Mishap::Fail, _) => Deed::SyncFailed,
            (Mishap::Lie, _) => Deed::SyncLied,
        }
    }

    /// What it damages: sectors of the operation's file. None of what passes by itself, or is told to the system.
    fn hits(self, disk: &Disk, sight: Sight) -> Vec<Hit> {
        let (file, offset, length) = match sight {
            Sight::Write { file, offset, length } => (file, offset, length),
            Sight::Sync { file } => (file, 0, 0),
            Sight::Read { .. } | Sight::SyncDir | Sight::Other => return Vec::new(),
        };
        // What has no name is gone after the next crash anyway.
        let Some(name) = disk.name(file) else { return Vec::new() };
        let hit = |sectors| Hit { file: Rc::clone(name), sectors };
        let sectors = |from: u64, length: u64| from / sector_bytes()..(from + length).div_ceil(sector_bytes());
        let only = |byte: u64| hit(sectors(offset + byte, 1));
        match self {
            Mishap::Lose => vec![hit(sectors(offset, length))],
            Mishap::Misdirect(sector) => {
                let there = sector * sector_bytes() + offset % sector_bytes();
                let there_end = (there + length).min(disk.length(file).max(offset + length));
                let landed = hit(sectors(there, there_end.saturating_sub(there)));
                [hit(sectors(offset, length)), landed].into_iter().filter(|hit| !hit.sectors.is_empty()).collect()
            }
            Mishap::RotBit(bit) => vec![only((bit / 8).min(length.saturating_sub(1)))],
            Mishap::RotByte { byte, .. } => vec![only(byte.min(length.saturating_sub(1)))],
            Mishap::Unreadable(nth) => {
                let sector = offset / sector_bytes() + nth;
                vec![hit(sector..sector + 1)]
            }
            Mishap::Lie => disk.unsynced(file).into_iter().map(|sector| hit(sector..sector + 1)).collect(),
            Mishap::Full | Mishap::Fail => Vec::new(),
        }
    }
}

impl Shared {
    /// How long an operation of a node's disk takes, where it may stall.
    pub fn stalling_latency(&self, slot: usize, latency: &Sampler, key: u64, name: impl Fn() -> Name) -> u64 {
        let (latency, stalls) = self.decider.borrow_mut().stalling(&self.storage, latency, key, name);
        if stalls {
            self.count(Deed::DiskStall);
        }
        let stalled_until = self.machines[slot].stalled_until.get();
        latency.saturating_add(stalled_until.as_nanos().saturating_sub(self.now().as_nanos()))
    }

    /// Ends an operation with which something may go wrong, by what was armed for it, or else by dice or plan. What
    /// came of it, and what went wrong.
    pub fn finish_amiss(&self, job: &mut DiskJob) -> (Result<DiskDone, DiskError>, Vec<Mishap>) {
        let begun = job.begun.take().expect("an operation ends once");
        let sight = self.disks.borrow()[job.owner].look(&begun);
        let mishaps = if self.quiet.get() { Vec::new() } else { self.mishaps_of(job, sight) };
        let mut disks = self.disks.borrow_mut();
        let outcome = disks[job.owner].finish_amiss(begun, &mishaps);
        (outcome, mishaps)
    }

    /// What goes wrong with an operation that is about to end, as far as there may be so much damage.
    fn mishaps_of(&self, job: &DiskJob, sight: Sight) -> Vec<Mishap> {
        let node = self.machines[job.owner].id;
        let file_length = match sight {
            Sight::Read { file, .. } | Sight::Write { file, .. } | Sight::Sync { file } => {
                self.disks.borrow()[job.owner].length(file)
            }
            Sight::SyncDir | Sight::Other => 0,
        };
        let wanted: Vec<Mishap> = match job.armed {
            Some(armed) => mishap_at(armed.kind, sight, file_length, armed.pick << 1).into_iter().collect(),
            None => self.decider.borrow_mut().mishaps(&self.storage, job.key, sight, file_length),
        };
        let mut mishaps: Vec<Mishap> = Vec::new();
        let is_possible = !wanted.is_empty();
        for mishap in wanted {
            if mishaps.iter().any(|other| excludes(*other, mishap)) {
                continue;
            }
            let hits = mishap.hits(&self.disks.borrow()[job.owner], sight);
            if !self.may_damage(node, &hits, mishap.is_lie()) {
                self.leave_out(Miss::Refused, || {
                    let name = Name::Disk { node, label: job.label, repeat: job.repeat };
                    Deviation { name, choice: Choice::Mishap(mishap) }.to_string()
                });
                continue;
            }
            self.count(mishap.deed(sight));
            if job.armed.is_none() {
                let name = || Name::Disk { node, label: job.label, repeat: job.repeat };
                self.decider.borrow_mut().record(&name, Choice::Mishap(mishap));
            }
            mishaps.push(mishap);
        }
        if let Some(ArmedMishap { phase, fault, .. }) = job.armed {
            let aims = &mut self.faults.borrow_mut().aims;
            match (mishaps.is_empty(), is_possible) {
                (false, _) => aims.has_struck(phase, fault),
                (true, true) => aims.has_missed(phase, fault, Miss::Refused),
                (true, false) => aims.has_missed(phase, fault, Miss::NoOperation),
            }
        }
        mishaps
    }

    /// Records what went wrong with an operation, in the words of a plan.
    pub fn tell_mishaps(&self, node: NodeId, label: Label, repeat: u32, mishaps: &[Mishap]) {
        for mishap in mishaps {
            let name = Name::Disk { node, label, repeat };
            self.emit_fault(&Deviation { name, choice: Choice::Mishap(*mishap) }.to_string());
        }
    }

    /// Does to a disk what a fault without chance says, which is about what lies there now.
    pub fn decay(&self, what: &What) {
        match what {
            What::Rot { target, file, spot } => {
                let slot = self.slot(*target);
                let mut disks = self.disks.borrow_mut();
                let file = disks[slot].file(file).expect("a fault that still fits has its file");
                match spot {
                    Spot::Byte { byte, bits } => disks[slot].rot(file, *byte, *bits),
                    Spot::Sector(sector) => disks[slot].rot_sector(file, *sector),
                    Spot::Drawn(_) => unreachable!("a fault without chance says the spot"),
                }
                self.count(Deed::Rot);
            }
            What::Unreadable { target, file, sector } => {
                let slot = self.slot(*target);
                let mut disks = self.disks.borrow_mut();
                let file = disks[slot].file(file).expect("a fault that still fits has its file");
                disks[slot].spoil(file, sector.expect("a fault without chance says the sector"));
                self.count(Deed::SectorUnreadable);
            }
            What::Stall { target, span } => {
                let machine = &self.machines[self.slot(*target)];
                assert!(span.is_constant(), "a fault without chance says how long it lasts");
                // Of two stalls the longer one counts.
                machine.stalled_until.set(machine.stalled_until.get().max(self.now() + span.calm()));
                self.count(Deed::DiskStall);
            }
            other => unreachable!("{other} is not about what lies on a disk"),
        }
    }

    /// What a fault about what lies on a disk would hit; none if that is not there.
    pub fn decay_hit(&self, what: &What) -> Option<(NodeId, Hit)> {
        let (target, file, place) = match what {
            What::Rot { target, file, spot: Spot::Byte { byte, .. } } => (target, file, *byte),
            What::Rot { target, file, spot: Spot::Sector(sector) } => {
                (target, file, sector.checked_mul(sector_bytes())?)
            }
            What::Unreadable { target, file, sector } => (target, file, (*sector)?.checked_mul(sector_bytes())?),
            _ => return None,
        };
        let slot = self.slot(*target);
        let disks = self.disks.borrow();
        let length = disks[slot].file(file).map(|file| disks[slot].length(file))?;
        let sector = place / sector_bytes();
        let hit = Hit { file: file.as_str().into(), sectors: sector..sector + 1 };
        (place < length).then(|| (self.machines[slot].id, hit))
    }

    /// How long a file of a node is, if there is one.
    pub fn file_length(&self, cluster: Cluster, node: NodeId, file: &str) -> Option<u64> {
        let disks = self.disks.borrow();
        let disk = &disks[cluster.slot(node)];
        disk.file(file).map(|file| disk.length(file))
    }

    /// What becomes of unsynced changes of names.
    pub fn names_fate(&self, node: NodeId, life: Incarnation, changes: u64, steps: u64) -> NamesFate {
        let name = || Name::Entries { node, life };
        let key = key::entries(node, life);
        let mut decider = self.decider.borrow_mut();
        if !self.decay.possible {
            return NamesFate::Kept(decider.entries(&self.storage, key, changes, name));
        }
        decider.names(&self.storage, key, changes, steps, name)
    }

    /// Lets a copy of a sector count as damaged that a crash has torn.
    pub fn note_torn(&self, slot: usize, file: &str, sector: u64) {
        if self.decay.possible {
            self.disks.borrow_mut()[slot].note_torn(file, sector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: u64, length: u64) -> Sight {
        Sight::Write { file: crate::env::FileId(0), offset, length }
    }

    #[test]
    fn a_misdirected_write_lands_in_every_other_place_and_in_no_own() {
        let at = |sight, length, word| mishap_at(MishapKind::MisdirectedWrite, sight, length, word);
        let places = |sight, length| -> Vec<u64> {
            let mut places: Vec<u64> = (0..200)
                .filter_map(|nth| match at(sight, length, nth * (u64::MAX / 200)) {
                    Some(Mishap::Misdirect(sector)) => Some(sector),
                    _ => None,
                })
                .collect();
            places.dedup();
            places
        };
        assert_eq!(places(write(512, 512), 2048), [0, 2, 3]);
        assert_eq!(places(write(512, 1024), 2048), [0, 2]);
        assert_eq!(places(write(600, 100), 1100), [0]);
        assert_eq!(places(write(2048, 512), 2048), [0, 1, 2, 3], "it would have made the file longer");
        assert_eq!(places(write(0, 512), 512), Vec::<u64>::new());
        assert_eq!(places(write(0, 0), 5120), Vec::<u64>::new());
    }

    #[test]
    fn rot_strikes_within_what_was_written() {
        for word in [0, 1, u64::MAX / 3, u64::MAX] {
            let Some(Mishap::RotBit(bit)) = mishap_at(MishapKind::RotBit, write(100, 10), 512, word) else { panic!() };
            assert!(bit < 80);
            let byte = mishap_at(MishapKind::RotByte, write(100, 10), 512, word);
            assert!(matches!(byte, Some(Mishap::RotByte { byte: 0..10, bits: 1.. })), "{byte:?}");
            let sector = mishap_at(MishapKind::Unreadable, write(500, 20), 512, word);
            assert!(matches!(sector, Some(Mishap::Unreadable(0..2))), "{sector:?}");
        }
        assert_eq!(mishap_at(MishapKind::RotBit, write(0, 0), 512, 7), None);
    }
}
