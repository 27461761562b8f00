//! Each row of the table of restarts, and the chain.

use super::{CLUSTER, after, behind, grow, promised};
use crate::base::{Checksum, Draw};
use crate::vsr::disk::headers::{Headers, Known, RECORD_SIZE};
use crate::vsr::disk::restart::{Recovered, recover};
use crate::vsr::disk::{Position, Ring, Row, Superblock};
use crate::vsr::entry::{ENTRY_SIZE_MAX, Entry, Place};

/// A disk with eight slots.
#[derive(Clone)]
struct Disk {
    headers: Vec<u8>,
    journal: Vec<u8>,
}

impl Disk {
    fn new(entries: &[Entry]) -> Disk {
        let headers = Headers::formatted(CLUSTER, Ring::new(8).unwrap()).bytes().to_vec();
        let mut disk = Disk { headers, journal: vec![0; 8 * ENTRY_SIZE_MAX] };
        entries.iter().for_each(|entry| disk.put(entry));
        disk
    }

    fn put(&mut self, entry: &Entry) {
        self.body_at(entry.op(), entry);
        self.header(entry);
    }

    fn header(&mut self, entry: &Entry) {
        let mut image = Headers::formatted(CLUSTER, Ring::new(8).unwrap());
        image.set_known(&Known::of(entry));
        let at = slot(entry.op()) * RECORD_SIZE;
        self.headers[at..at + RECORD_SIZE].copy_from_slice(&image.bytes()[at..at + RECORD_SIZE]);
    }

    fn no_header(&mut self, op: u64) {
        let at = slot(op) * RECORD_SIZE;
        let image = Headers::formatted(CLUSTER, Ring::new(8).unwrap());
        self.headers[at..at + RECORD_SIZE].copy_from_slice(&image.bytes()[at..at + RECORD_SIZE]);
    }

    /// A body where that of `op` belongs.
    fn body_at(&mut self, op: u64, entry: &Entry) {
        let at = slot(op) * ENTRY_SIZE_MAX;
        self.journal[at..at + entry.encoded().len()].copy_from_slice(entry.encoded());
    }

    fn no_body(&mut self, op: u64) {
        let at = slot(op) * ENTRY_SIZE_MAX;
        self.journal[at..at + ENTRY_SIZE_MAX].fill(0);
    }

    fn rot_header(&mut self, op: u64) {
        self.headers[slot(op) * RECORD_SIZE + 70] ^= 4;
    }

    fn rot_body(&mut self, op: u64) {
        self.journal[slot(op) * ENTRY_SIZE_MAX + 150] ^= 4;
    }

    fn rot(&mut self, op: u64) {
        self.rot_header(op);
        self.rot_body(op);
    }
}

fn slot(op: u64) -> usize {
    (op as usize - 1) % 8
}

/// A log as text: `4` is here, `4!` has its header left, `4~` its checksum, `4?` nothing; `+2` is the doubt.
fn said(recovered: &Recovered) -> String {
    let log = &recovered.log;
    let mut words: Vec<String> = (log.base().op + 1..=log.op())
        .map(|op| match log.position(op).unwrap() {
            Position::Here(_) => format!("{op}"),
            Position::Missing(missing) => match (missing.checksum, missing.parent) {
                (Some(_), Some(_)) => format!("{op}!"),
                (Some(_), None) => format!("{op}~"),
                (None, _) => format!("{op}?"),
            },
        })
        .collect();
    if log.doubtful() > 0 {
        words.push(format!("+{}", log.doubtful()));
    }
    words.join(" ")
}

/// What a restart makes of it, and that it makes the same of what it then writes.
#[track_caller]
fn check(superblock: &Superblock, disk: &Disk, log: &str, rows: &[(u64, Row)]) -> Recovered {
    let recovered = recover(superblock, &disk.headers, &disk.journal);
    assert_eq!(said(&recovered), log, "{:?}", recovered.cases);
    for (op, row) in rows {
        let case = recovered.cases.iter().find(|case| case.op == *op).map(|case| case.row);
        assert_eq!(case, Some(*row), "op {op} in {:?}", recovered.cases);
    }
    let again = recover(superblock, recovered.headers.bytes(), &disk.journal);
    assert_eq!((again.log.op(), again.log.doubtful()), (recovered.log.op(), recovered.log.doubtful()));
    assert_eq!(again.rewritten, [0; 0], "a restart settles what the headers say");
    recovered
}

/// Five entries of view 1, of which the first two are vouched for by the superblock.
fn five() -> (Vec<Entry>, Superblock, Disk) {
    let entries = grow(Place::default(), &[1; 5]);
    let superblock = promised(1, entries[1].place());
    let disk = Disk::new(&entries);
    (entries, superblock, disk)
}

#[test]
fn row_whole() {
    let (_, superblock, disk) = five();
    let recovered = check(&superblock, &disk, "1 2 3 4 5", &[(1, Row::Whole), (5, Row::Whole), (6, Row::Vacant)]);
    assert!(recovered.is_whole());
    assert_eq!(recovered.rewritten, [0; 0]);
}

#[test]
fn row_ahead_a_body_whose_header_was_not_written_is_kept() {
    let (entries, superblock, mut disk) = five();
    disk.no_header(5);
    let recovered = check(&superblock, &disk, "1 2 3 4 5", &[(5, Row::Ahead)]);
    assert_eq!(recovered.rewritten, [1], "before it is acknowledged, its header is to be there");
    // The header may be of an entry that was cut.
    let older = after(entries[3].place(), 0);
    disk.header(&older);
    check(&superblock, &disk, "1 2 3 4 5", &[(5, Row::Ahead)]);
    // Or of the entry before it in the ring.
    let nine = grow(Place::default(), &[1; 9]);
    let superblock = behind(promised(1, nine[1].place()), &nine[1]);
    let mut disk = Disk::new(&nine);
    disk.header(&nine[0]);
    check(&superblock, &disk, "3 4 5 6 7 8 9", &[(9, Row::Ahead), (10, Row::Vacant)]);
}

#[test]
fn row_header_lost_the_header_is_written_again() {
    let (_, superblock, mut disk) = five();
    (1..=5).for_each(|op| disk.rot_header(op));
    let recovered = check(&superblock, &disk, "1 2 3 4 5", &[(1, Row::HeaderLost), (5, Row::HeaderLost)]);
    assert_eq!(recovered.rewritten, [0, 1]);
}

#[test]
fn row_body_lost_the_header_is_what_is_left() {
    let (entries, superblock, disk) = five();
    let mut rotten = disk.clone();
    rotten.rot_body(5);
    check(&superblock, &rotten, "1 2 3 4 5!", &[(5, Row::BodyLost), (6, Row::Vacant)]);
    let mut zero = disk.clone();
    zero.no_body(1);
    check(&superblock, &zero, "1! 2 3 4 5", &[(1, Row::BodyLost)]);
    let mut misdirected = disk;
    misdirected.body_at(3, &entries[3]);
    check(&superblock, &misdirected, "1 2 3! 4 5", &[(3, Row::BodyLost)]);
}

#[test]
fn row_body_stale_a_lost_write_is_not_the_end() {
    let nine = grow(Place::default(), &[1; 9]);
    let superblock = behind(promised(1, nine[1].place()), &nine[1]);
    let mut disk = Disk::new(&nine);
    disk.body_at(9, &nine[0]);
    check(&superblock, &disk, "3 4 5 6 7 8 9!", &[(9, Row::BodyStale)]);
    // What is there may be of the same op, and cut.
    let (entries, superblock, mut disk) = five();
    disk.body_at(5, &after(entries[3].place(), 0));
    check(&superblock, &disk, "1 2 3 4 5!", &[(5, Row::BodyStale)]);
}

#[test]
fn row_torn_what_was_never_acknowledged_ends_the_log() {
    let (entries, superblock, mut disk) = five();
    disk.no_header(5);
    disk.rot_body(5);
    let recovered = check(&superblock, &disk, "1 2 3 4", &[(5, Row::Torn)]);
    assert!(recovered.is_whole());
    disk.body_at(5, &entries[0]);
    check(&superblock, &disk, "1 2 3 4", &[(5, Row::Torn)]);
    let nine = grow(Place::default(), &[1; 9]);
    let superblock = behind(promised(1, nine[1].place()), &nine[1]);
    let mut disk = Disk::new(&nine[..8]);
    disk.body_at(9, &nine[8]);
    disk.rot_body(9);
    check(&superblock, &disk, "3 4 5 6 7 8", &[(9, Row::Torn)]);
}

#[test]
fn row_vacant_ends_the_log() {
    let (entries, superblock, mut disk) = five();
    disk.no_header(3);
    disk.no_body(3);
    // What follows was written beside it and never acknowledged.
    [4, 5].iter().for_each(|op| disk.no_header(*op));
    check(&superblock, &disk, "1 2", &[(3, Row::Vacant)]);
    let superblock = behind(promised(1, entries[4].place()), &entries[4]);
    check(&superblock, &Disk::new(&entries), "", &[(6, Row::Vacant)]);
}

#[test]
fn row_unknown_is_doubt_at_the_end_and_a_hole_before() {
    let (_, superblock, mut disk) = five();
    disk.rot(5);
    let recovered = check(&superblock, &disk, "1 2 3 4 +1", &[(5, Row::Unknown), (6, Row::Vacant)]);
    assert!(!recovered.is_whole());
    disk.rot(4);
    check(&superblock, &disk, "1 2 3 +2", &[(4, Row::Unknown), (5, Row::Unknown)]);
    let (_, superblock, mut disk) = five();
    disk.rot(4);
    check(&superblock, &disk, "1 2 3 4~ 5", &[(4, Row::Unknown)]);
    disk.rot(3);
    check(&superblock, &disk, "1 2 3? 4~ 5", &[(3, Row::Unknown)]);
    // All of it: the log head is certain all the same, and the ring is full of doubt.
    disk.headers.fill(0);
    disk.journal.fill(0xff);
    check(&superblock, &disk, "1? 2~ +6", &[(2, Row::Unknown), (8, Row::Unknown)]);
}

#[test]
fn a_good_header_of_the_log_view_vouches_for_all_below_it() {
    let (_, superblock, mut disk) = five();
    disk.no_header(3);
    disk.no_body(3);
    check(&superblock, &disk, "1 2 3~ 4 5", &[(3, Row::Undeniable)]);
    // Not only for the one that it names.
    disk.no_header(4);
    disk.rot_body(4);
    check(&superblock, &disk, "1 2 3? 4~ 5", &[(3, Row::Undeniable), (4, Row::Undeniable)]);
    // The log head does so too.
    disk.no_header(1);
    disk.no_body(1);
    check(&superblock, &disk, "1~ 2 3? 4~ 5", &[(1, Row::Undeniable)]);
}

#[test]
fn row_leftover_an_entry_of_an_older_view_is_not_taken_up() {
    let old = grow(Place::default(), &[0; 4]);
    let superblock = promised(1, old[0].place());
    let recovered = check(&superblock, &Disk::new(&old), "1", &[(2, Row::Leftover)]);
    assert_eq!(recovered.rewritten, [0]);
    // Where half of it cannot be read, its successor may have been there.
    for (rot, row) in [(Disk::rot_header as fn(&mut Disk, u64), Row::HeaderLost), (Disk::rot_body, Row::BodyLost)] {
        let mut disk = Disk::new(&old);
        rot(&mut disk, 2);
        let recovered = check(&superblock, &disk, "1 +1", &[(2, Row::Unknown), (3, Row::Leftover)]);
        assert_ne!(recovered.cases[1].row, row, "it is judged by the chain");
    }
}

#[test]
fn row_installing_an_entry_of_a_later_view_is_not_taken_up() {
    let entries = grow(Place::default(), &[1, 1, 3, 3]);
    let superblock = promised(1, entries[0].place());
    check(&superblock, &Disk::new(&entries), "1 2", &[(3, Row::Installing)]);
    let mut disk = Disk::new(&entries);
    disk.rot_header(3);
    check(&superblock, &disk, "1 2", &[(3, Row::Installing)]);
    let mut disk = Disk::new(&entries);
    disk.rot_body(3);
    check(&superblock, &disk, "1 2", &[(3, Row::Installing)]);
}

#[test]
fn row_replaced_what_the_one_above_does_not_name_is_not_taken_up() {
    // Op 2 of view 1 was cut; view 3 has one of view 0 there. Its body's write was lost.
    let ours = grow(Place::default(), &[0, 0, 3]);
    let cut = after(ours[0].place(), 1);
    let superblock = promised(3, ours[2].place());
    let mut disk = Disk::new(&ours);
    disk.body_at(2, &cut);
    check(&superblock, &disk, "1 2! 3", &[(2, Row::BodyStale)]);
    disk.header(&cut);
    let recovered = check(&superblock, &disk, "1 2~ 3", &[(2, Row::Replaced)]);
    assert_eq!(recovered.log.place(2), Some(ours[1].place()));
    // At the log head the superblock names it.
    let superblock = promised(3, ours[1].place());
    disk.no_header(3);
    disk.no_body(3);
    check(&superblock, &disk, "1 2~", &[(2, Row::Replaced)]);
    // The right body below a leftover header is right, whichever view is later.
    let mut disk = Disk::new(&ours);
    disk.header(&cut);
    check(&superblock, &disk, "1 2 3", &[(2, Row::Ahead)]);
}

#[test]
fn row_unvouched_an_old_entry_that_nothing_names() {
    let ours = grow(Place::default(), &[0, 0, 3, 3]);
    let superblock = promised(3, ours[3].place());
    let mut disk = Disk::new(&ours);
    disk.rot(3);
    // Op 3 is known by op 4, but not what it stood upon: header and body of op 2 agree, and that is enough.
    check(&superblock, &disk, "1 2 3~ 4", &[(2, Row::Whole), (3, Row::Unknown)]);
    disk.rot_header(2);
    check(&superblock, &disk, "1 2? 3~ 4", &[(2, Row::Unvouched)]);
    // Of the log view there is only one.
    let ours = grow(Place::default(), &[0, 3, 3, 3]);
    let mut disk = Disk::new(&ours);
    disk.rot(3);
    disk.rot_header(2);
    check(&promised(3, ours[3].place()), &disk, "1 2 3~ 4", &[(2, Row::HeaderLost)]);
}

#[test]
fn a_chain_that_misses_what_the_superblock_says_is_held_back() {
    let (entries, _, disk) = five();
    let other = Place { op: 2, checksum: Checksum(77) };
    check(&promised(1, other), &disk, "1 2~ 3~ 4 5", &[(2, Row::Replaced), (3, Row::Replaced)]);
    let wrong = after(Place { op: 1, checksum: Checksum(78) }, 0);
    check(&behind(promised(1, entries[2].place()), &wrong), &disk, "3~ 4 5", &[(3, Row::Replaced)]);
}

#[test]
fn every_row_has_its_own_mark() {
    let marks: std::collections::BTreeSet<&str> = Row::ALL.iter().map(|row| row.mark()).collect();
    assert_eq!(marks.len(), Row::ALL.len());
}

#[test]
fn nothing_on_a_disk_makes_a_restart_panic() {
    let mut draw = Draw::keyed(5, 5);
    let ours = grow(Place::default(), &[0, 0, 1, 1, 3, 3, 3, 3, 3, 4, 4]);
    let others = grow(ours[2].place(), &[1, 2, 2, 3, 4, 5, 5]);
    for _ in 0..20_000 {
        let mut disk = Disk::new(&[]);
        for _ in 0..draw.below(24) {
            let from = if draw.below(3) == 0 { &others } else { &ours };
            let entry = draw.pick(from).unwrap();
            match draw.below(8) {
                0..=2 => disk.put(entry),
                3 => disk.header(entry),
                4 => disk.body_at(entry.op(), entry),
                5 => disk.body_at(1 + draw.below(8), entry),
                6 => disk.rot(1 + draw.below(8)),
                _ => disk.headers[..].rotate_right(RECORD_SIZE),
            }
        }
        let base = draw.below(4) as usize;
        let head = base + draw.below((ours.len() - base).min(9) as u64) as usize;
        let place = |op: usize| if op == 0 { Place::default() } else { ours[op - 1].place() };
        let superblock = promised(draw.below(6), place(head));
        let superblock = if base == 0 { superblock } else { behind(superblock, &ours[base - 1]) };
        let recovered = recover(&superblock, &disk.headers, &disk.journal);
        let again = recover(&superblock, recovered.headers.bytes(), &disk.journal);
        assert_eq!(again.rewritten, [0; 0]);
        assert!(recovered.log.op() >= head as u64, "the superblock vouches for it");
    }
}
