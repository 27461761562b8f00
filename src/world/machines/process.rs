//! The lives of nodes: boot, crash, pause, wipe.

use std::rc::Rc;

use super::host::NodeHost;
use super::machine::DiskLoss;
use crate::base::name::key;
use crate::base::{EventId, EventKind, Incarnation, Kind, Label, Lost, Name, NodeId};
use crate::env::Env;
use crate::exec::{Polled, Ticket};
use crate::world::decisions::decide::SectorFate;
use crate::world::decisions::deviation::{Choice, Deviation};
use crate::world::disk::names::NamesFate;
use crate::world::disk::{FILE_BYTES_MAX, SECTOR_BYTES};
use crate::world::faults::aim::Miss;
use crate::world::moment::{Moment, Told};
use crate::world::shared::Shared;
use crate::world::tracer::Deed;
use crate::world::world::{Boot, Recorder};

static MAIN: Kind = Kind::new("main", &[]);

impl Shared {
    /// Begins the next life of a node that is down.
    pub fn boot(self: &Rc<Self>, slot: usize, cause: EventId) {
        let machine = &self.machines[slot];
        let life = Incarnation(machine.life.get().0 + 1);
        machine.begin_life(life);
        let node = machine.id;
        self.begin(Moment::boot(node, life), cause, || Told::Boot { node, life });
        let booted = self.emit(Some(machine.id), EventKind::Boot(life));
        self.executor.set_cause(booted);
        if life.0 > 1 {
            self.count(Deed::Restart);
        }
        let boot = Rc::clone(&self.boot);
        let argument = self.argument(slot, life);
        let facts = self.task_facts(slot, MAIN.label([]));
        // The system's function is called within the first poll, where a panic of it is caught.
        self.executor.spawn_later(facts, move || boot(argument));
        self.strike_struck();
    }

    /// What a life is given.
    pub fn argument(self: &Rc<Self>, slot: usize, life: Incarnation) -> Boot {
        assert_eq!(life, self.machines[slot].life.get(), "what a life is given is for the present one");
        let links = self.network.borrow().first_link(slot);
        let host = NodeHost { shared: Rc::clone(self), machine: Rc::clone(&self.machines[slot]), slot, links, life };
        let node = self.machines[slot].id;
        Boot { env: Env::new(Rc::new(host)), node, recorder: Recorder::new(Rc::clone(self), slot, life) }
    }

    /// Ends the life of a node that is up, at once. If this comes from within one of its polls, its tasks are dropped
    /// after the poll; until then nothing they do has any effect.
    pub fn crash(&self, slot: usize) {
        let machine = &self.machines[slot];
        let life = machine.life.get();
        assert!(machine.up.get(), "{} crashes while it is down", machine.id);
        let crashed = self.emit(Some(machine.id), EventKind::Crash(life));
        machine.empty_inbox(&mut self.flight.packets.borrow_mut());
        machine.end_life();
        self.flight.end_timers(slot);
        self.flight.end_jobs(slot);
        self.mark_crash(machine, self.disks.borrow()[slot].is_writing());
        self.lose_unsynced(slot, life);
        let arrived = machine.check(slot, &self.flight.packets.borrow());
        assert_eq!(arrived, 0, "whatever had arrived is lost");
        self.hang_up(slot, crashed);
        self.graves.borrow_mut().push((slot, life));
        self.are_graves.set(true);
    }

    fn lose_unsynced(&self, slot: usize, life: Incarnation) {
        let node = self.machines[slot].id;
        assert!(!self.machines[slot].up.get(), "only a crash loses what is not synced");
        let (mut survived, mut torn_names) = (Vec::new(), None);
        let mut copies = self.decay.possible.then(|| self.copies_of(slot));
        {
            let (mut disks, decider) = (self.disks.borrow_mut(), &self.decider);
            disks[slot].crash(
                |changes, steps| {
                    let fate = self.names_fate(node, life, changes, steps);
                    torn_names = match fate {
                        NamesFate::Torn(steps) => Some(steps),
                        NamesFate::Kept(_) => None,
                    };
                    fate
                },
                |file| {
                    let name = || Name::Length { node, life, file: (**file).into() };
                    decider.borrow_mut().length(&self.storage, key::length(node, life, file), name)
                },
                |file, sector, bytes| {
                    let name = || Name::Sector { node, life, file: (**file).into(), sector };
                    let mut decider = decider.borrow_mut();
                    let mut fate = decider.sector(&self.storage, key::sector(node, life, file, sector), bytes);
                    if let SectorFate::Torn(at) = fate
                        && !copies.as_mut().is_none_or(|copies| copies.may_tear(file, sector))
                    {
                        let torn = || Deviation { name: name(), choice: Choice::Tear(at) }.to_string();
                        self.leave_out(Miss::Refused, torn);
                        fate = SectorFate::Lost;
                    }
                    decider.record_sector(fate, name);
                    match fate {
                        SectorFate::Lost => {}
                        SectorFate::Kept => survived.push((Rc::clone(file), sector, bytes, Deed::SectorKept)),
                        SectorFate::Torn(at) => survived.push((Rc::clone(file), sector, at, Deed::SectorTorn)),
                    }
                    fate
                },
            );
        }
        assert!(!self.disks.borrow()[slot].is_writing(), "no write goes on after a crash");
        if let Some(steps) = torn_names {
            self.count(Deed::NamesTorn);
            let torn: Deviation = Deviation { name: Name::Entries { node, life }, choice: Choice::TearNames(steps) };
            self.emit_fault(&torn.to_string());
        }
        for (file, sector, bytes, deed) in survived {
            assert!(bytes as usize <= SECTOR_BYTES, "a sector has no more bytes than a sector");
            assert!(sector < FILE_BYTES_MAX / SECTOR_BYTES as u64, "a sector lies within the largest file");
            self.count(deed);
            if deed == Deed::SectorTorn {
                self.note_torn(slot, &file, sector);
            }
            self.emit(Some(node), EventKind::Survived { file, sector, bytes });
        }
    }

    /// Drops the tasks of machines that died. Not to be called from within a poll.
    #[inline]
    pub fn bury(&self) {
        if self.are_graves.get() {
            self.bury_all();
        }
    }

    #[cold]
    fn bury_all(&self) {
        loop {
            let Some((slot, life)) = self.graves.borrow_mut().pop() else { break };
            let machine = &self.machines[slot];
            assert!(!machine.up.get() || machine.life.get() > life, "{} was buried alive", machine.id);
            // Dropped outside the borrow: a future's destructor may call the world.
            let held = machine.held.take();
            let (dead, living) = held.into_iter().partition::<Vec<_>, _>(|polled| polled.task().life == life);
            machine.held.replace(living);
            drop(dead);
            self.executor.cancel_life(slot, life);
        }
        self.are_graves.set(false);
    }

    /// Stops a node for a while.
    pub fn pause(&self, slot: usize) {
        let machine = &self.machines[slot];
        assert!(machine.up.get(), "{} pauses while it is down", machine.id);
        assert!(!machine.paused.get(), "{} pauses while it is paused", machine.id);
        let is_past = |polled: &Polled| polled.task().life < machine.life.get();
        assert!(machine.held.borrow().iter().all(is_past), "only a pause holds up tasks of {}", machine.id);
        machine.paused.set(true);
        self.emit(Some(machine.id), EventKind::Pause);
    }

    /// Lets a paused node go on: what became ready meanwhile is ready now.
    pub fn resume(&self, slot: usize, cause: EventId) {
        let machine = &self.machines[slot];
        assert!(machine.paused.get(), "{} resumes though it is not paused", machine.id);
        assert!(machine.up.get(), "{} resumes though it is down", machine.id);
        machine.paused.set(false);
        let nth = machine.resumes.get() + 1;
        machine.resumes.set(nth);
        let node = machine.id;
        self.begin(Moment::resume(node, nth), cause, || Told::Resume { node, nth });
        let resumed = self.emit(Some(machine.id), EventKind::Resume);
        self.executor.set_cause(resumed);
        for polled in machine.held.take() {
            self.executor.put_back(polled);
        }
    }

    /// Ends the life of a node, if it has one, and empties its disk.
    pub fn wipe(&self, slot: usize) {
        if self.machines[slot].up.get() {
            self.crash(slot);
        }
        assert!(!self.machines[slot].up.get(), "a disk is emptied while its machine is down");
        self.machines[slot].loss.set(DiskLoss::Lost);
        // Said before it is done: whoever judges by what was on the disk looks at it for the last time.
        self.emit(Some(self.machines[slot].id), EventKind::Wipe);
        self.disks.borrow_mut()[slot].wipe();
    }

    /// Records that a packet will not arrive.
    pub fn lose(&self, from: NodeId, to: NodeId, label: Label, repeat: u32, reason: Lost, sent: EventId) {
        let cause = self.executor.cause();
        self.executor.set_cause(sent);
        self.emit(Some(from), EventKind::Lost { to, label, repeat, reason });
        self.executor.set_cause(cause);
    }

    /// Ends a disk operation: it takes effect, and whoever waits for it is woken.
    pub fn finish_job(self: &Rc<Self>, place: usize) {
        let (id, slot, key, label, repeat, started) = {
            let mut jobs = self.flight.jobs.borrow_mut();
            let id = jobs.id_at(place).expect("an operation on the agenda is under way");
            let job = jobs.at_mut(place).expect("it was there a line ago");
            job.ticket = Ticket::NONE;
            (id, job.owner, job.key, job.label, job.repeat, job.started)
        };
        assert!(self.machines[slot].up.get(), "what is under way is done for somebody who is up");
        let node = self.machines[slot].id;
        self.begin(Moment::disk(key), started, || Told::Disk { node, label, repeat });
        // What it will come to is not known before; a fault that waits for just before it looks at its label only.
        self.foresee(node, || EventKind::DiskDone { label, repeat, hash: 0 });
        // From here on the oracles see its effect as done rather than under way.
        let (hash, waiter, mishaps) = {
            let mut jobs = self.flight.jobs.borrow_mut();
            let Some(job) = jobs.get_mut(id) else { return };
            assert!(job.outcome.is_none(), "an operation ends once");
            let (outcome, mishaps) = if self.decay.possible {
                self.finish_amiss(job)
            } else {
                let begun = job.begun.take().expect("an operation ends once");
                (self.disks.borrow_mut()[slot].finish(begun), Vec::new())
            };
            let hash = super::host::outcome_hash(&outcome);
            job.outcome = Some((outcome, EventId(0)));
            (hash, job.waiter.take(), mishaps)
        };
        self.tell_mishaps(node, label, repeat, &mishaps);
        let done = self.emit_frequent(
            node,
            |seen| &seen.disks,
            |here, digest| here.feed_disk_done(digest, hash),
            || EventKind::DiskDone { label, repeat, hash },
        );
        self.executor.set_cause(done);
        self.strike_struck();
        {
            let mut jobs = self.flight.jobs.borrow_mut();
            let Some(job) = jobs.get_mut(id) else { return };
            if job.forgotten {
                jobs.remove(id);
                return;
            }
            job.outcome.as_mut().expect("it was written down above").1 = done;
        }
        if let Some(waiter) = waiter {
            self.executor.wake(waiter);
        }
    }
}
