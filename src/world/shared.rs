//! The world's insides, shared between the run loop and the hosts of the nodes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::config::{NetworkConfig, ScheduleConfig, StorageConfig};
use super::decide::Decider;
use super::disk::Disk;
use super::faults::Faults;
use super::machine::{DiskJob, Flights, Machine, Packet, Timer};
use super::network::Network;
use super::phase::Phase;
use super::tracer::{Observer, Tracer};
use super::world::Boot;
use crate::base::name::key;
use crate::base::{Cluster, Disks, Event, EventId, EventKind, Incarnation, Instant, Label, Name, NodeId, Probe, Role};
use crate::env::Local;
use crate::exec::{Agenda, Executor, TaskFacts, Ticket};

/// Everything there is, in one place. Cells and not one big borrow, because a node's call can come from within a poll
/// that the world itself began.
pub(super) struct Shared {
    pub cluster: Cluster,
    pub network_config: NetworkConfig,
    /// The same in a quiet phase: nothing is lost, latencies stay.
    pub network_quiet: NetworkConfig,
    pub storage: StorageConfig,
    pub schedule: ScheduleConfig,
    pub phases: Vec<Phase>,
    pub core_size: u16,
    pub boot: Rc<dyn Fn(Boot) -> Local<()>>,
    pub executor: Executor,
    pub agenda: RefCell<Agenda<Item>>,
    pub decider: RefCell<Decider>,
    pub entropy: u64,
    pub network: RefCell<Network>,
    pub machines: Vec<Machine>,
    pub disks: RefCell<Vec<Disk>>,
    pub timers: RefCell<Flights<Timer>>,
    pub packets: RefCell<Flights<Packet>>,
    pub jobs: RefCell<Flights<DiskJob>>,
    pub job_count: Cell<u64>,
    pub tracer: RefCell<Tracer>,
    pub observer: RefCell<Box<dyn Observer>>,
    pub faults: RefCell<Faults>,
    /// The phase the run is in, and when it began.
    pub phase: Cell<(usize, Instant)>,
    pub core: RefCell<Vec<NodeId>>,
    pub moment: Cell<Moment>,
    /// The moments since tasks last ran, by key, for the names of wakes; kept only where names are written down.
    pub moments: RefCell<Option<Vec<(u64, Moment)>>>,
    /// How long the run goes on after its last phase, at most.
    pub settle: Duration,
    /// Disks are being formatted: nothing is recorded, nothing takes time.
    pub formatting: Cell<bool>,
    /// Whether the network has stopped losing packets.
    pub quiet: Cell<bool>,
    /// The last phase is over: clients call no more.
    pub closing: Cell<bool>,
    /// Nothing happens any more.
    pub stopped: Cell<bool>,
    /// Machines that died within a poll and whose tasks are still to be dropped.
    pub graves: RefCell<Vec<(usize, Incarnation)>>,
    /// Polls since time last moved.
    pub polls: Cell<(Instant, u64)>,
    /// Calls of hosts within the present poll.
    pub calls: Cell<u64>,
}

/// What the agenda holds.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Timer(u64),
    Packet(u64),
    Disk(u64),
    Phase(usize),
    Close,
    /// A fault of a phase strikes, for the nth time.
    Strike {
        phase: usize,
        fault: usize,
        nth: u32,
    },
    Restart {
        slot: usize,
        life: Incarnation,
    },
    Resume {
        slot: usize,
        life: Incarnation,
        pause: u32,
    },
    Heal {
        generation: u32,
    },
}

/// What is happening, as far as names of wakes need it. A few words, made into a [`Name`] only for a reader.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    World,
    Delivery { from: NodeId, to: NodeId, label: Label, repeat: u32, copy: u8 },
    Disk { node: NodeId, label: Label, repeat: u32 },
    Timer { node: NodeId, task: TaskFacts, nth: u32 },
    Boot { node: NodeId, life: Incarnation },
    Resume { node: NodeId, nth: u32 },
}

pub(super) fn task_name(node: NodeId, task: &TaskFacts) -> Name {
    Name::Task { node, life: task.life, label: task.label, nth: task.nth }
}

impl Moment {
    pub fn name(self) -> Name {
        match self {
            Moment::World => Name::World,
            Moment::Delivery { from, to, label, repeat, copy } => {
                Name::Delivery { packet: Box::new(Name::Packet { from, to, label, repeat }), copy }
            }
            Moment::Disk { node, label, repeat } => Name::Disk { node, label, repeat },
            Moment::Timer { node, task, nth } => Name::Timer { task: Box::new(task_name(node, &task)), nth },
            Moment::Boot { node, life } => Name::Boot { node, life },
            Moment::Resume { node, nth } => Name::Resume { node, nth },
        }
    }

    pub fn key(self) -> u64 {
        use crate::base::label::Labelled;
        match self {
            Moment::World => 0,
            Moment::Delivery { from, to, label, repeat, copy } => {
                key::delivery(key::packet(from, to, label.hash(), repeat), copy)
            }
            Moment::Disk { node, label, repeat } => key::disk(node, label.hash(), repeat),
            Moment::Timer { task, nth, .. } => key::timer(task.key, nth),
            Moment::Boot { node, life } => key::boot(node, life),
            Moment::Resume { node, nth } => key::resume(node, nth),
        }
    }
}

impl Shared {
    pub fn now(&self) -> Instant {
        self.agenda.borrow().now()
    }

    pub fn machine(&self, node: NodeId) -> &Machine {
        &self.machines[self.cluster.slot(node)]
    }

    /// Begins to handle something that happens: from here on tasks are made ready by it.
    pub fn begin(&self, moment: Moment, cause: EventId) {
        let key = moment.key();
        self.moment.set(moment);
        self.executor.begin_moment(key);
        self.executor.set_cause(cause);
        if let Some(moments) = &mut *self.moments.borrow_mut() {
            moments.push((key, moment));
        }
    }

    /// The name of a moment since tasks last ran.
    pub fn moment_name(&self, key: u64) -> Name {
        let moments = self.moments.borrow();
        let found = moments.iter().flatten().rev().find(|(known, _)| *known == key);
        found.map_or(Name::World, |(_, moment)| moment.name())
    }

    /// Records an event, because of what is happening at present, and lets everybody see it. Its id; the null id if
    /// nothing is recorded any more.
    pub fn emit(&self, node: Option<NodeId>, kind: EventKind) -> EventId {
        if self.stopped.get() || self.formatting.get() {
            return EventId(0);
        }
        let event = {
            let mut tracer = self.tracer.borrow_mut();
            let event = Event { id: tracer.next(), cause: self.executor.cause(), at: self.now(), node, kind };
            event.feed(&mut tracer.digest);
            tracer.note_digest();
            if let (EventKind::Mark(name), Some(node)) = (&event.kind, node) {
                *tracer.marks.entry((name, node)).or_default() += 1;
            }
            event
        };
        if let (EventKind::Probe(Probe::Role { role, .. }), Some(node)) = (&event.kind, node) {
            let machine = self.machine(node);
            machine.role.set(Some(*role));
            if *role == Role::Primary {
                machine.led.set(event.id);
            }
        }
        let id = event.id;
        let goes_on = self.observer.borrow_mut().on_event(&event, self);
        if goes_on {
            self.notice(&event, false);
        }
        if let Some(trace) = &mut self.tracer.borrow_mut().trace {
            trace.push(event);
        }
        if !goes_on {
            self.stopped.set(true);
        }
        id
    }

    /// Records that the world did something to the nodes.
    pub fn emit_fault(&self, text: &str) -> EventId {
        self.emit(None, EventKind::Fault(text.into()))
    }

    pub fn count(&self, fault: &'static str) {
        if !self.stopped.get() {
            self.tracer.borrow_mut().count(fault);
        }
    }

    pub fn enter(&self, at: Instant, class: crate::exec::Class, item: Item) -> Ticket {
        self.agenda.borrow_mut().enter(at, class, item)
    }
}

impl Disks for Shared {
    fn promised(&self, node: NodeId, file: &str, offset: u64, into: &mut [u8]) -> bool {
        let slot = self.cluster.slot(node);
        let disks = self.disks.borrow();
        if !disks[slot].promised(file, offset, into) {
            return false;
        }
        let jobs = self.jobs.borrow();
        let under_way = |job: &&DiskJob| job.owner == slot && job.outcome.is_none();
        !jobs.iter().filter(under_way).any(|job| disks[slot].endangers(&job.operation, file, offset, into))
    }

    fn promised_len(&self, node: NodeId, file: &str) -> Option<u64> {
        self.disks.borrow()[self.cluster.slot(node)].promised_len(file)
    }
}
