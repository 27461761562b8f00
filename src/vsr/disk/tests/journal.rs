//! The journal's order of writes.

use super::fake::Fake;
use super::{CLUSTER, after, behind, grow, promised};
use crate::base::Checksum;
use crate::env::{DiskError, Queue};
use crate::vsr::disk::headers::Record;
use crate::vsr::disk::persist;
use crate::vsr::disk::{self, Checkpoint, Checkpoints, Journal, Log, Superblock, Written, checkpoint, scan};
use crate::vsr::entry::{Entry, Place};

struct Bench {
    fake: Fake,
    journal: Journal,
    log: Log,
    reports: Queue<Written>,
}

fn bench(superblock: &Superblock) -> Bench {
    let fake = Fake::new(1);
    let formatted = promised(0, Place::default());
    fake.block_on(disk::format(&fake.env(), &formatted));
    start(fake, superblock)
}

fn start(fake: Fake, superblock: &Superblock) -> Bench {
    let files = fake.block_on(disk::open(&fake.env())).unwrap();
    let recovered = fake.block_on(scan::read(&fake.env(), &files, superblock));
    let reports = Queue::new();
    let to = reports.clone();
    let journal = Journal::start(&fake.env(), &files, &recovered, &super::config(), move |written| to.push(written));
    fake.take_log();
    Bench { fake, journal, log: recovered.log, reports }
}

impl Bench {
    fn write(&mut self, entry: &Entry) {
        self.log.push(entry.clone());
        self.journal.write(entry);
    }

    /// Runs until nothing is under way; what was done, syncs of one kind and writes of one kind in a row as one word.
    fn run(&mut self) -> Vec<String> {
        while self.fake.step() {}
        while let Some(written) = self.reports.try_pop() {
            self.journal.on_written(&written, &self.log);
        }
        let mut done: Vec<String> = self
            .fake
            .take_log()
            .into_iter()
            .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        done.dedup();
        done
    }
}

const BATCH: [&str; 4] = ["write journal", "sync journal", "write headers", "sync headers"];

#[test]
fn a_batch_is_bodies_then_headers() {
    let entries = grow(Place::default(), &[0; 6]);
    let mut bench = bench(&promised(0, Place::default()));
    entries.iter().for_each(|entry| bench.write(entry));
    assert_eq!((bench.journal.durable(), bench.journal.is_idle()), (0, false));
    assert_eq!(bench.run(), BATCH);
    assert_eq!((bench.journal.durable(), bench.journal.is_idle()), (6, true));
    let again = start(bench.fake, &promised(0, Place::default()));
    assert_eq!((again.log, again.journal.durable()), (bench.log, 6));
}

#[test]
fn a_cut_empties_headers_before_a_later_body_is_written() {
    let entries = grow(Place::default(), &[0; 5]);
    let mut bench = bench(&promised(0, Place::default()));
    entries.iter().for_each(|entry| bench.write(entry));
    bench.run();
    bench.journal.cut(2);
    bench.log.cut(2);
    bench.write(&after(entries[1].place(), 1));
    let done = bench.run();
    assert_eq!(done[..2], ["write headers", "sync headers"]);
    assert_eq!(done[2..], BATCH);
    // A log that was never longer needs none.
    bench.journal.cut(3);
    assert_eq!(bench.run(), [""; 0]);
    let superblock = promised(1, entries[1].place());
    let again = start(bench.fake, &superblock);
    assert_eq!(again.log.op(), 3);
}

#[test]
fn slots_are_written_again_when_they_are_free() {
    let entries = grow(Place::default(), &[0; 12]);
    let mut bench = bench(&promised(0, Place::default()));
    entries[..8].iter().for_each(|entry| bench.write(entry));
    assert!(!bench.journal.has_room(9));
    // A checkpoint may cover what is still under way here; then both go to the same slot, one after the other.
    bench.journal.free(4);
    bench.log.rebase(entries[3].place(), 4);
    assert!(bench.journal.has_room(12));
    entries[8..].iter().for_each(|entry| bench.write(entry));
    assert_eq!(bench.run(), [BATCH, BATCH].concat());
    assert_eq!(bench.journal.durable(), 12);
    let again = start(bench.fake, &behind(promised(0, Place::default()), &entries[3]));
    assert_eq!((again.log.base().op, again.log.op(), again.log.is_whole()), (4, 12, true));
}

#[test]
#[should_panic(expected = "a slot is written only when it is free")]
fn a_slot_that_is_not_free_is_not_written() {
    let entries = grow(Place::default(), &[0; 9]);
    let mut bench = bench(&promised(0, Place::default()));
    entries.iter().for_each(|entry| bench.write(entry));
}

#[test]
fn holes_are_repaired_in_any_order_and_durable_waits_for_them() {
    let entries = grow(Place::default(), &[0; 6]);
    let superblock = promised(0, entries[4].place());
    let mut bench = bench(&promised(0, Place::default()));
    entries[..5].iter().for_each(|entry| bench.write(entry));
    bench.run();
    bench.fake.spoil("journal", 1024 + 200, |byte| *byte ^= 1);
    bench.fake.make_unreadable("journal", 2 * 3);
    let mut bench = start(bench.fake, &superblock);
    assert_eq!((bench.journal.durable(), bench.journal.is_hole(2), bench.journal.is_hole(3)), (1, true, false));
    bench.write(&entries[5]);
    assert!(bench.log.fill(&entries[3]));
    bench.journal.repair(&entries[3]);
    bench.run();
    assert_eq!(bench.journal.durable(), 1);
    assert!(bench.log.fill(&entries[1]));
    bench.journal.repair(&entries[1]);
    assert!(!bench.journal.is_hole(2));
    assert!(!bench.journal.is_idle());
    bench.run();
    assert_eq!((bench.journal.durable(), bench.journal.is_idle()), (6, true));
    assert!(start(bench.fake, &superblock).log.is_whole());
}

#[test]
fn doubt_comes_back_until_it_is_settled_on_disk() {
    let entries = grow(Place::default(), &[0; 3]);
    let superblock = promised(0, Place::default());
    let mut bench = bench(&superblock);
    entries.iter().for_each(|entry| bench.write(entry));
    bench.run();
    bench.fake.make_unreadable("headers", 0);
    bench.fake.spoil("journal", 2048 + 200, |byte| *byte ^= 1);
    let mut bench = start(bench.fake, &superblock);
    // The record of op 4 was in the same sector, but its slot is blank.
    assert_eq!((bench.log.op(), bench.log.doubtful()), (2, 1));
    bench = start(bench.fake, &superblock);
    assert_eq!((bench.log.op(), bench.log.doubtful()), (2, 1));
    bench.log.settle_doubt();
    bench.journal.cut(2);
    bench.run();
    let bench = start(bench.fake, &superblock);
    assert_eq!((bench.log.op(), bench.log.doubtful()), (2, 0));
}

#[test]
fn a_checkpoint_beyond_the_log_begins_a_new_one() {
    let entries = grow(Place::default(), &[0; 23]);
    let mut bench = bench(&promised(0, Place::default()));
    entries[..3].iter().for_each(|entry| bench.write(entry));
    bench.run();
    bench.journal.free(21);
    bench.log.rebase(entries[20].place(), 21);
    assert_eq!(bench.journal.durable(), 21);
    entries[21..].iter().for_each(|entry| bench.write(entry));
    bench.run();
    assert_eq!(bench.journal.durable(), 23);
    let again = start(bench.fake, &behind(promised(0, Place::default()), &entries[20]));
    assert_eq!((again.log.op(), again.log.is_whole(), again.log.doubtful()), (23, true, 0));
}

#[test]
fn a_slot_of_which_nothing_is_known_is_free_for_a_later_op() {
    let entries = grow(Place::default(), &[0; 5]);
    let superblock = promised(0, entries[4].place());
    let mut bench = bench(&promised(0, Place::default()));
    entries.iter().for_each(|entry| bench.write(entry));
    bench.run();
    bench.fake.make_unreadable("headers", 0);
    bench.fake.spoil("journal", 1024 + 200, |byte| *byte ^= 1);
    let mut bench = start(bench.fake, &superblock);
    assert_eq!(bench.log.first_missing(), Some(2));
    bench.journal.free(5);
    bench.log.rebase(entries[4].place(), 5);
    assert_eq!(bench.journal.durable(), 5);
    assert!(!bench.journal.is_hole(2));
    grow(entries[4].place(), &[0; 4]).iter().for_each(|entry| bench.write(entry));
    bench.run();
    let again = start(bench.fake, &behind(superblock, &entries[4]));
    assert_eq!((again.log.op(), again.log.doubtful()), (9, 0), "op 10 shares the slot of op 2, and was never written");
}

#[test]
fn what_fails_is_written_anew_and_only_then_reported() {
    for (file, kind) in [("journal", "write"), ("journal", "sync"), ("headers", "write"), ("headers", "sync")] {
        let entries = grow(Place::default(), &[0; 3]);
        let mut bench = bench(&promised(0, Place::default()));
        bench.fake.fail(file, kind);
        for entry in &entries {
            bench.write(entry);
        }
        bench.run();
        assert_eq!(bench.journal.durable(), 3, "{kind} {file}");
        let marks = bench.fake.take_marks();
        assert_eq!(marks, [persist::FAILED], "{kind} {file}");
        // A failed sync has dropped what it should have written, so what counts is what a crash leaves.
        bench.fake.crash();
        let again = start(bench.fake, &promised(0, Place::default()));
        assert_eq!(again.log.op(), 3, "{kind} {file}");
    }
}

#[test]
fn a_new_disk_is_empty_and_a_lost_file_is_noticed() {
    let fake = Fake::new(2);
    assert_eq!(fake.block_on(disk::open(&fake.env())).err(), Some(DiskError::NotFound));
    let superblock = promised(0, Place::default());
    fake.block_on(disk::format(&fake.env(), &superblock));
    let files = fake.block_on(disk::open(&fake.env())).unwrap();
    fake.crash();
    let read = fake.block_on(super::read(&fake.env(), &files.superblock, CLUSTER, super::REPLICA));
    assert_eq!(read, Some(superblock));
    let recovered = fake.block_on(scan::read(&fake.env(), &files, &superblock));
    assert!(recovered.is_whole() && recovered.rewritten.is_empty());
    assert!((0..8).all(|slot| recovered.headers.record(slot) == Record::Empty));
}

#[test]
fn checkpoints_alternate_and_the_named_one_is_never_touched() {
    let fake = Fake::new(3);
    fake.block_on(disk::format(&fake.env(), &promised(0, Place::default())));
    let files = fake.block_on(disk::open(&fake.env())).unwrap();
    let read = |named: &Checkpoint| fake.block_on(checkpoint::read(&files.checkpoints, CLUSTER, named));
    let reports = Queue::new();
    let to = reports.clone();
    let none = Checkpoint::default();
    let mut checkpoints =
        Checkpoints::start(&fake.env(), files.checkpoints.clone(), CLUSTER, none, move |report| to.push(report));
    assert_eq!(read(&none), None);
    for op in 1..6 {
        let content = vec![op as u8; 2000 / op as usize];
        let before = *checkpoints.named();
        checkpoints.write(Place { op, checksum: Checksum(9) }, op, &content);
        // At any moment before the new one is named, the one before is whole.
        while fake.step() {
            assert_eq!(read(&before).is_some(), op > 1);
        }
        let written = reports.try_pop().unwrap();
        assert!(!checkpoints.is_idle());
        checkpoints.on_written(&written);
        checkpoints.on_named(&written);
        assert!(checkpoints.is_idle());
        assert_eq!(u64::from(written.area), op % 2);
        assert_eq!(read(&written).as_deref(), Some(&content[..]));
        // Whole sectors, so that one which could not be read can be again.
        let length = fake.bytes(checkpoint::FILES[usize::from(written.area)]).len();
        assert_eq!(length, (512 + content.len()).next_multiple_of(512));
    }
    let named = *checkpoints.named();
    fake.make_unreadable(checkpoint::FILES[usize::from(named.area)], 1);
    assert_eq!(read(&named), None);
    fake.fail(checkpoint::FILES[usize::from(1 - named.area)], "sync");
    checkpoints.write(Place { op: 9, checksum: Checksum(9) }, 9, b"durable in the end");
    while fake.step() {}
    assert_eq!(reports.try_pop().unwrap().place.op, 9);
    assert_eq!(fake.take_marks(), [persist::FAILED]);
}
