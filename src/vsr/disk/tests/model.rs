//! A replica reduced to what it does to its disk, against a disk that crashes, rots and lies.
//!
//! It appends, installs the logs of later views, makes checkpoints, repairs, and is crashed at any moment, restarts
//! among them. The model remembers what the journal has reported durable: what could have been acknowledged.

use std::collections::BTreeMap;

use super::fake::{Fake, Lie};
use super::{CLUSTER, REPLICA, after, promised};
use crate::base::{Checksum, Draw};
use crate::env::Queue;
use crate::vsr::disk::{self, Checkpoint, Files, Journal, Log, Position, Recovered, Row, Superblock, Written};
use crate::vsr::disk::{promises, scan};
use crate::vsr::entry::{Entry, Place, View};

/// What the disk does beside crashing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Disk {
    Honest,
    Rotting,
    Lying,
}

struct Model {
    seed: u64,
    disk: Disk,
    fake: Fake,
    draw: Draw,
    files: Files,
    superblock: Superblock,
    journal: Journal,
    log: Log,
    reports: Queue<Written>,
    /// What was reported durable, and neither cut nor covered by a checkpoint since.
    reported: BTreeMap<u64, Checksum>,
    /// Every entry that anybody ever made.
    made: BTreeMap<u128, Entry>,
    /// Whether the disk has lied, and the model has not yet got over it.
    lied: bool,
    /// Which rows were ever reached.
    rows: Vec<Row>,
}

/// The power went.
struct Crashed;

impl Model {
    fn new(seed: u64, disk: Disk) -> Model {
        let fake = Fake::new(seed);
        let superblock = promised(0, Place::default());
        fake.block_on(disk::format(&fake.env(), &superblock));
        let files = fake.block_on(disk::open(&fake.env())).unwrap();
        let recovered = fake.block_on(scan::read(&fake.env(), &files, &superblock));
        let (journal, reports) = start(&fake, &files, &recovered);
        let draw = Draw::keyed(seed, 0x30de1);
        let (reported, made, rows) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let log = recovered.log;
        Model { seed, disk, fake, draw, files, superblock, journal, log, reports, reported, made, lied: false, rows }
    }

    fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            let done = match self.draw.below(10) {
                0..=4 => self.append(),
                5 | 6 => self.work(),
                7 => self.install(),
                8 => self.checkpoint(),
                _ => Err(Crashed),
            };
            if done.is_err() {
                while self.restart().is_err() {}
            }
        }
    }

    fn is_normal(&self) -> bool {
        self.superblock.view == self.superblock.log_view
    }

    fn make(&mut self, place: Place, view: u64) -> Entry {
        let entry = after(place, view);
        self.made.insert(entry.checksum().0, entry.clone());
        entry
    }

    fn push(&mut self, entry: Entry) {
        self.journal.write(&entry);
        self.log.push(entry);
    }

    fn append(&mut self) -> Result<(), Crashed> {
        for _ in 0..1 + self.draw.below(3) {
            if self.is_normal() && self.journal.has_room(self.log.op() + 1) {
                let entry = self.make(self.log.head(), self.superblock.log_view.0);
                self.push(entry);
            }
        }
        Ok(())
    }

    /// Lets the disk do something.
    fn work(&mut self) -> Result<(), Crashed> {
        // One lie in a life, and none before the last one was got over.
        let lies = self.disk == Disk::Lying && !self.lied && self.draw.below(4) == 0;
        if lies {
            let file = *self.draw.pick(&["journal", "headers"]).unwrap();
            let sectors = if file == "journal" { 16 } else { 2 };
            let by = 512 * (1 + self.draw.below(sectors - 1));
            self.fake.lie(file, if self.draw.below(2) == 0 { Lie::Lost } else { Lie::Misdirected(by) });
        }
        for _ in 0..self.draw.below(8) {
            self.fake.step();
        }
        self.lied |= lies && self.fake.is_lie_told();
        self.take_reports();
        if self.lied && self.draw.below(4) == 0 { Err(Crashed) } else { Ok(()) }
    }

    fn take_reports(&mut self) {
        while let Some(written) = self.reports.try_pop() {
            self.journal.on_written(&written, &self.log);
        }
        if self.is_normal() {
            self.note_durable();
        }
    }

    fn note_durable(&mut self) {
        for op in self.log.base().op + 1..=self.journal.durable() {
            let place = self.log.place(op).expect("what is durable is in the log");
            self.reported.insert(op, place.checksum);
        }
    }

    /// Waits until everything is durable, if the power lasts.
    fn settle(&mut self) -> Result<(), Crashed> {
        let patience = if self.draw.below(4) == 0 { self.draw.below(20) } else { u64::MAX };
        for _ in 0..patience {
            if !self.fake.step() {
                self.take_reports();
                assert!(self.journal.is_idle());
                return Ok(());
            }
        }
        Err(Crashed)
    }

    fn save(&mut self, superblock: Superblock) -> Result<(), Crashed> {
        let superblock = Superblock { sequence: self.superblock.sequence + 1, ..superblock };
        let env = self.fake.env();
        let write = promises::write(&env, &self.files.superblock, &superblock);
        if self.draw.below(4) == 0 {
            let steps = self.draw.below(10);
            self.fake.run_for(steps, write).ok_or(Crashed)?;
        } else {
            self.fake.block_on(write);
        }
        self.superblock = superblock;
        Ok(())
    }

    /// Replaces the log's end with that of a later view, as a view change does.
    fn install(&mut self) -> Result<(), Crashed> {
        self.settle()?;
        let before = self.superblock;
        let view = before.view.0 + 1 + self.draw.below(3);
        self.save(Superblock { view: View(view), ..before })?;
        let kept = self.draw.between(self.log.base().op, self.log.op());
        let place = self.log.place(kept).unwrap();
        // From here on what is after it may be denied: the later view has been decided without it. The superblock says so
        // first, where it would still vouch for it.
        let _ = self.reported.split_off(&(kept + 1));
        if kept < self.superblock.log_head.op {
            self.save(Superblock { log_head: place, ..self.superblock })?;
        }
        let old: Vec<Entry> = self.log.entries(kept + 1, self.log.op()).cloned().collect();
        self.log.cut(kept);
        self.journal.cut(kept);
        // The new log keeps some of the old one, has some of a view that was passed over, and some of its own.
        let mut kept_of_old = self.draw.below(old.len() as u64 + 1);
        for entry in old {
            if kept_of_old > 0 && self.draw.below(3) > 0 {
                kept_of_old -= 1;
                self.push(entry);
            } else {
                break;
            }
        }
        let mut of = self.log.get(self.log.op()).map_or(0, |entry| entry.view().0).max(before.view.0 + 1);
        for _ in 0..self.draw.below(4) {
            of = self.draw.between(of, view);
            if self.journal.has_room(self.log.op() + 1) {
                let entry = self.make(self.log.head(), of);
                self.push(entry);
            }
        }
        self.settle()?;
        self.save(Superblock { log_view: View(view), log_head: self.log.head(), ..self.superblock })?;
        self.note_durable();
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Crashed> {
        let op = self.draw.between(self.log.base().op, self.journal.durable());
        let place = self.log.place(op).unwrap();
        self.save(Superblock {
            checkpoint: Checkpoint { place, timestamp: op, ..Checkpoint::default() },
            ..self.superblock
        })?;
        self.rebase(place);
        self.journal.free(op);
        Ok(())
    }

    fn rebase(&mut self, place: Place) {
        self.log.rebase(place, place.op);
        self.reported = self.reported.split_off(&(place.op + 1));
    }

    fn spoil(&mut self) {
        self.fake.crash();
        if self.disk != Disk::Rotting {
            return;
        }
        for _ in 0..self.draw.below(6) {
            let (file, bytes) = if self.draw.below(2) == 0 { ("journal", 8192) } else { ("headers", 1024) };
            let at = self.draw.below(bytes) as usize;
            match self.draw.below(6) {
                0 => self.fake.make_unreadable(file, at / 512),
                1 => (at / 512 * 512..at / 512 * 512 + 512).for_each(|at| self.fake.spoil(file, at, |byte| *byte = 0)),
                _ => self.fake.spoil(file, at, |byte| *byte ^= 8),
            }
        }
    }

    fn restart(&mut self) -> Result<(), Crashed> {
        self.spoil();
        self.lied = true;
        let env = self.fake.env();
        if self.draw.below(5) == 0 {
            let read = async {
                let superblock = super::read(&env, &self.files.superblock, CLUSTER, REPLICA).await;
                scan::read(&env, &self.files, &superblock.unwrap()).await
            };
            let _ = self.fake.run_for(self.draw.below(20), read);
            self.fake.crash();
        }
        let superblock = self.fake.block_on(super::read(&env, &self.files.superblock, CLUSTER, REPLICA));
        self.superblock = superblock.expect("the superblock survives");
        let recovered = self.fake.block_on(scan::read(&self.fake.env(), &self.files, &self.superblock));
        self.judge(&recovered);
        (self.journal, self.reports) = start(&self.fake, &self.files, &recovered);
        self.log = recovered.log;
        self.repair()
    }

    fn judge(&mut self, recovered: &Recovered) {
        let (seed, log) = (self.seed, &recovered.log);
        self.rows.extend(recovered.cases.iter().map(|case| case.row));
        self.reported = self.reported.split_off(&(log.base().op + 1));
        for (op, checksum) in &self.reported {
            let told = || format!("seed {seed}, op {op}: {:?} {recovered:#?}", self.superblock);
            match log.position(*op) {
                Some(position) => assert!(position.checksum().is_none_or(|found| found == *checksum), "{}", told()),
                None => assert!(*op <= log.op() + log.doubtful(), "denied: {}", told()),
            }
        }
        for op in log.base().op + 1..=log.op() {
            if let Some(Position::Here(entry)) = log.position(op) {
                assert!(self.made.contains_key(&entry.checksum().0), "seed {seed}: nobody wrote op {op}");
            }
        }
        if self.disk == Disk::Honest {
            assert!(log.is_whole(), "seed {seed}: {recovered:#?}");
            // Between views, what was cut or being written again may be in doubt. A crash in a view leaves none.
            assert!(log.doubtful() == 0 || !self.is_normal(), "seed {seed}: {recovered:#?}");
        }
    }

    /// Gets from others what is missing, and from a later view what is in doubt.
    fn repair(&mut self) -> Result<(), Crashed> {
        for op in (self.log.base().op + 1..=self.log.op()).rev() {
            if let Some(Position::Missing(missing)) = self.log.position(op) {
                let checksum = missing.checksum.expect("the one above was filled");
                let entry = self.made[&checksum.0].clone();
                assert!(self.log.fill(&entry), "seed {}: op {op}", self.seed);
                self.journal.repair(&entry);
                if self.draw.below(10) == 0 {
                    self.work()?;
                }
            }
        }
        self.settle()?;
        while let Some(checksum) = self.reported.get(&(self.log.op() + 1)) {
            self.push(self.made[&checksum.0].clone());
        }
        self.settle()?;
        if self.log.doubtful() > 0 {
            self.log.settle_doubt();
            self.journal.cut(self.log.op());
            self.settle()?;
        }
        assert!(self.log.is_whole());
        assert_eq!(self.journal.durable(), self.log.op());
        for (op, checksum) in &self.reported {
            assert!(self.log.holds(Place { op: *op, checksum: *checksum }), "seed {}: op {op}", self.seed);
        }
        self.lied = false;
        Ok(())
    }
}

fn start(fake: &Fake, files: &Files, recovered: &Recovered) -> (Journal, Queue<Written>) {
    let reports = Queue::new();
    let to = reports.clone();
    (Journal::start(&fake.env(), files, recovered, &super::config(), move |written| to.push(written)), reports)
}

/// Runs many models, and asserts that every row that the disk can bring about was reached.
#[track_caller]
fn check(disk: Disk, seeds: u64, reached: &[Row]) {
    let mut rows: Vec<Row> = Vec::new();
    for seed in 0..seeds {
        let mut model = Model::new(seed, disk);
        model.run(120);
        rows.append(&mut model.rows);
        rows.sort_unstable();
        rows.dedup();
    }
    let lacking: Vec<&Row> = reached.iter().filter(|row| !rows.contains(row)).collect();
    assert!(lacking.is_empty(), "never reached: {lacking:?}");
    if disk == Disk::Honest {
        let known = [
            Row::Whole,
            Row::Ahead,
            Row::Torn,
            Row::Vacant,
            Row::Leftover,
            Row::Installing,
            Row::HeaderLost,
            Row::Unknown,
        ];
        assert!(rows.iter().all(|row| known.contains(row)), "a crash does no such thing: {rows:?}");
    }
}

#[test]
fn without_damage_nothing_is_lost() {
    check(Disk::Honest, 600, &[Row::Whole, Row::Ahead, Row::Torn, Row::Vacant, Row::Leftover, Row::Installing]);
}

#[test]
fn whatever_rots_nothing_is_denied() {
    let rows = [Row::HeaderLost, Row::BodyLost, Row::Unknown, Row::Unvouched];
    check(Disk::Rotting, 600, &rows);
}

#[test]
fn a_lie_is_seen_through() {
    let rows = [Row::BodyLost, Row::BodyStale, Row::HeaderLost, Row::Ahead];
    check(Disk::Lying, 600, &rows);
}
