//! A disk that can be crashed and spoiled, and tasks that run on it by hand.
//!
//! Operations are done one at a time, in an order that the draw decides. A crash keeps, loses or tears each sector that
//! was written and not synced, those of writes under way among them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::base::{Draw, Incarnation, Instant, Label, NodeId, Payload, Probe, WallTime};
use crate::env::{DiskDone, DiskError, DiskOp, Env, FileId, Host, IoId, Local, Received, TaskId, TimerId};

const SECTOR: usize = 512;

/// A lie that a disk may tell about a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// It is not done.
    Lost,
    /// It is done that many bytes further on, if that is within the file.
    Misdirected(u64),
}

#[derive(Default)]
struct FakeFile {
    name: String,
    written: Vec<u8>,
    durable: Vec<u8>,
    unreadable: BTreeSet<usize>,
}

struct Disk {
    files: Vec<FakeFile>,
    waiting: Vec<(IoId, DiskOp)>,
    /// What was written when a sync began.
    snapshots: BTreeMap<u64, Vec<u8>>,
    done: BTreeMap<u64, Result<DiskDone, DiskError>>,
    next: u64,
    draw: Draw,
    /// The next write to this file is lied about.
    lie: Option<(&'static str, Lie)>,
    /// The next operation of this kind on this file fails.
    failing: Option<(&'static str, &'static str)>,
    log: Vec<String>,
    marks: Vec<&'static str>,
}

/// The fake machine. Clones are the same.
#[derive(Clone)]
pub struct Fake {
    disk: Rc<RefCell<Disk>>,
    tasks: Rc<RefCell<Vec<Local<()>>>>,
}

impl Fake {
    pub fn new(seed: u64) -> Fake {
        let disk = Disk {
            files: Vec::new(),
            waiting: Vec::new(),
            snapshots: BTreeMap::new(),
            done: BTreeMap::new(),
            next: 0,
            draw: Draw::keyed(seed, 0xd15c),
            lie: None,
            failing: None,
            log: Vec::new(),
            marks: Vec::new(),
        };
        Fake { disk: Rc::new(RefCell::new(disk)), tasks: Rc::default() }
    }

    pub fn env(&self) -> Env {
        Env::new(Rc::new(self.clone()))
    }

    /// Runs a future to its end, and the tasks with it.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            self.poll_tasks();
            self.disk.borrow_mut().step();
        }
    }

    /// Runs a future for that many disk operations; `None` if it did not end by then.
    pub fn run_for<T>(&self, steps: u64, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        for _ in 0..=steps {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Some(output);
            }
            self.disk.borrow_mut().step();
        }
        None
    }

    /// Does one disk operation; false if none is under way.
    pub fn step(&self) -> bool {
        self.poll_tasks();
        let stepped = self.disk.borrow_mut().step();
        self.poll_tasks();
        stepped
    }

    fn poll_tasks(&self) {
        // Taken out, because a task may look at the machine.
        let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.retain_mut(|task| task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut new = self.tasks.borrow_mut();
        tasks.append(&mut new);
        *new = tasks;
    }

    pub fn crash(&self) {
        self.tasks.borrow_mut().clear();
        self.disk.borrow_mut().crash();
    }

    pub fn lie(&self, file: &'static str, lie: Lie) {
        self.disk.borrow_mut().lie = Some((file, lie));
    }

    /// Takes the lie back if it was not told yet; whether it was told.
    pub fn is_lie_told(&self) -> bool {
        self.disk.borrow_mut().lie.take().is_none()
    }

    pub fn fail(&self, file: &'static str, kind: &'static str) {
        self.disk.borrow_mut().failing = Some((file, kind));
    }

    pub fn spoil(&self, file: &str, at: usize, spoil: impl Fn(&mut u8)) {
        self.disk.borrow_mut().with(file, |file| {
            spoil(&mut file.written[at]);
            spoil(&mut file.durable[at]);
        });
    }

    pub fn make_unreadable(&self, file: &str, sector: usize) {
        self.disk.borrow_mut().with(file, |file| {
            file.unreadable.insert(sector);
        });
    }

    pub fn bytes(&self, file: &str) -> Vec<u8> {
        self.disk.borrow_mut().with(file, |file| file.written.clone())
    }

    /// What was written and synced since this was last asked.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.disk.borrow_mut().log)
    }

    pub fn take_marks(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.disk.borrow_mut().marks)
    }
}

impl Disk {
    fn with<T>(&mut self, name: &str, act: impl FnOnce(&mut FakeFile) -> T) -> T {
        act(self.files.iter_mut().find(|file| file.name == name).expect("the file is there"))
    }

    fn step(&mut self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let index = self.draw.below(self.waiting.len() as u64) as usize;
        let (io, operation) = self.waiting.remove(index);
        let outcome = self.act(io, operation);
        self.done.insert(io.0, outcome);
        true
    }

    fn fails(&mut self, file: FileId, kind: &str) -> bool {
        let name = &self.files[file.0 as usize].name;
        self.failing.take_if(|(of, failing)| of == name && *failing == kind).is_some()
    }

    fn act(&mut self, io: IoId, operation: DiskOp) -> Result<DiskDone, DiskError> {
        match operation {
            DiskOp::Open { name, create } => {
                if let Some(index) = self.files.iter().position(|file| *file.name == *name) {
                    return Ok(DiskDone::Opened(FileId(index as u32)));
                }
                if !create {
                    return Err(DiskError::NotFound);
                }
                self.files.push(FakeFile { name: name.to_string(), ..FakeFile::default() });
                Ok(DiskDone::Opened(FileId(self.files.len() as u32 - 1)))
            }
            DiskOp::Read { file, offset, length } => {
                let file = &self.files[file.0 as usize];
                let first = (offset as usize).min(file.written.len());
                let last = (offset + length).min(file.written.len() as u64) as usize;
                if (first / SECTOR..last.div_ceil(SECTOR)).any(|sector| file.unreadable.contains(&sector)) {
                    return Err(DiskError::Failed);
                }
                Ok(DiskDone::Bytes(Bytes::copy_from_slice(&file.written[first..last])))
            }
            DiskOp::Write { file, offset, bytes } => {
                if self.fails(file, "write") {
                    return Err(DiskError::Failed);
                }
                let file = &mut self.files[file.0 as usize];
                self.log.push(format!("write {} {offset}", file.name));
                let lie = self.lie.take_if(|(name, _)| *name == file.name);
                match lie {
                    None => file.write(offset as usize, &bytes),
                    Some((_, Lie::Lost)) => {}
                    Some((_, Lie::Misdirected(by))) => {
                        let at = (offset + by) as usize % file.written.len();
                        if at + bytes.len() <= file.written.len() {
                            file.write(at, &bytes);
                        }
                    }
                }
                Ok(DiskDone::Done)
            }
            DiskOp::Sync { file } => {
                if self.fails(file, "sync") {
                    return Err(DiskError::Failed);
                }
                let snapshot = self.snapshots.remove(&io.0).expect("a sync has begun");
                let file = &mut self.files[file.0 as usize];
                self.log.push(format!("sync {}", file.name));
                file.durable = snapshot;
                Ok(DiskDone::Done)
            }
            DiskOp::Length { file } => Ok(DiskDone::Length(self.files[file.0 as usize].written.len() as u64)),
            DiskOp::SetLength { file, length } => {
                self.files[file.0 as usize].written.resize(length as usize, 0);
                Ok(DiskDone::Done)
            }
            DiskOp::SyncDir => Ok(DiskDone::Done),
            DiskOp::List => Ok(DiskDone::Names(self.files.iter().map(|file| file.name.as_str().into()).collect())),
            other => panic!("nobody does this here: {other:?}"),
        }
    }

    fn crash(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for (_, operation) in waiting {
            let DiskOp::Write { file, offset, bytes } = operation else { continue };
            let mut at = 0;
            while at < bytes.len() {
                let place = offset as usize + at;
                let count = (SECTOR - place % SECTOR).min(bytes.len() - at);
                if self.draw.below(2) == 0 {
                    self.files[file.0 as usize].write(place, &bytes[at..at + count]);
                }
                at += count;
            }
        }
        for file in &mut self.files {
            let length = if self.draw.below(2) == 0 { file.written.len() } else { file.durable.len() };
            file.written.resize(length, 0);
            file.durable.resize(length, 0);
            for first in (0..length).step_by(SECTOR) {
                let sector = first..(first + SECTOR).min(length);
                if file.written[sector.clone()] == file.durable[sector.clone()] {
                    continue;
                }
                let kept = match self.draw.below(3) {
                    0 => 0,
                    1 => sector.len(),
                    _ => self.draw.below(sector.len() as u64) as usize,
                };
                let kept = sector.start..sector.start + kept;
                let new = file.written[kept.clone()].to_vec();
                file.durable[kept].copy_from_slice(&new);
            }
            file.written = file.durable.clone();
        }
        self.snapshots.clear();
        self.done.clear();
        self.lie = None;
    }
}

impl FakeFile {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        if self.written.len() < at + bytes.len() {
            self.written.resize(at + bytes.len(), 0);
        }
        self.written[at..at + bytes.len()].copy_from_slice(bytes);
        (at / SECTOR..(at + bytes.len()).div_ceil(SECTOR)).for_each(|sector| {
            self.unreadable.remove(&sector);
        });
    }
}

impl Host for Fake {
    fn id(&self) -> NodeId {
        NodeId::replica(2)
    }
    fn incarnation(&self) -> Incarnation {
        Incarnation(1)
    }
    fn now(&self) -> Instant {
        Instant::START
    }
    fn wall(&self) -> WallTime {
        WallTime::START
    }
    /// Time passes as soon as anybody waits for it.
    fn timer_start(&self, _: Instant, _: &mut Context<'_>) -> Option<TimerId> {
        None
    }
    fn timer_poll(&self, _: TimerId, _: &mut Context<'_>) -> Poll<()> {
        panic!("a disk has no timers")
    }
    fn timer_cancel(&self, _: TimerId) {}
    fn send(&self, _: NodeId, _: Label, _: Payload) {
        panic!("a disk sends nothing")
    }
    fn recv_poll(&self, _: &mut Context<'_>) -> Poll<Received> {
        Poll::Pending
    }
    fn disk_start(&self, _: Label, operation: DiskOp) -> IoId {
        let mut disk = self.disk.borrow_mut();
        disk.next += 1;
        let io = IoId(disk.next);
        if let DiskOp::Sync { file } = &operation {
            let snapshot = disk.files[file.0 as usize].written.clone();
            disk.snapshots.insert(io.0, snapshot);
        }
        disk.waiting.push((io, operation));
        io
    }
    fn disk_poll(&self, io: IoId, _: &mut Context<'_>) -> Poll<Result<DiskDone, DiskError>> {
        self.disk.borrow_mut().done.remove(&io.0).map_or(Poll::Pending, Poll::Ready)
    }
    fn disk_forget(&self, _: IoId) {}
    fn spawn(&self, _: Label, future: Local<()>) -> TaskId {
        self.tasks.borrow_mut().push(future);
        TaskId(0)
    }
    fn abort(&self, _: TaskId) {}
    fn random(&self, _: Label) -> u64 {
        0
    }
    fn probe(&self, _: Probe) {}
    fn mark(&self, name: &'static str) {
        self.disk.borrow_mut().marks.push(name);
    }
}
