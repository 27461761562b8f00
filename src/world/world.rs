//! The world from outside: what it is made of, running it, and what it leaves.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use super::config::{ClockConfig, NetworkConfig, ScheduleConfig, StorageConfig};
use super::decisions::decide::{Decider, Dice, DiskLatencies, PacketDice, Source};
use super::decisions::deviation::Deviation;
use super::disk::decay::Decay;
use super::faults::aim::{Aim, Refusal};
use super::faults::carry_out::{Alert, Faults};
use super::faults::phase::{Core, Phase, Quiet};
use super::flight::Flight;
use super::happen::POLLS_PER_MOMENT;
use super::machines::clocks::Clock;
use super::machines::machine::Machine;
use super::moment::Moments;
use super::network::links::Network;
use super::network::traffic::Traffic;
use super::shared::{Seen, Shared};
use super::tracer::{Observer, Tracer};
use crate::base::{
    ClientId, Cluster, Digest, Event, EventId, EventKind, Incarnation, Instant, Kind, NodeId, Operation, Outcome,
    RedundancyMap,
};
use crate::env::{Env, Local};
use crate::exec::{Executor, InOrder};

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many machines.
    pub cluster: Cluster,
    /// The network.
    pub network: NetworkConfig,
    /// The disks.
    pub storage: StorageConfig,
    /// The clocks.
    pub clocks: ClockConfig,
    /// The order of ready tasks.
    pub schedule: ScheduleConfig,
    /// What happens; at least one phase.
    pub phases: Vec<Phase>,
    /// How many replicas the core of a quiet phase has, where it is drawn.
    pub core_size: u16,
    /// How long the run goes on after the last phase, until its observer says that nothing is left to wait for.
    pub settle: Duration,
    /// What decides.
    pub source: Source,
    /// Whether to write down what a plan needs.
    pub record: bool,
    /// Whether to keep the events.
    pub trace: bool,
    /// How many replicas hold whatever is committed.
    pub replication: u16,
    /// What else there is of what lies on a replica's disk.
    pub redundancy: RedundancyMap,
}

/// What a life of a node is given.
#[derive(Debug)]
pub struct Boot {
    /// Its view of the world.
    pub env: Env,
    /// Who it is.
    pub node: NodeId,
    /// For the drivers of clients: how to write history.
    pub recorder: Recorder,
}

/// Writes the history of a client machine, for the driver that calls the system's client there. Not for systems.
pub struct Recorder {
    shared: Rc<Shared>,
    slot: usize,
    life: Incarnation,
}

/// What a run left.
#[derive(Clone, Debug)]
pub struct Remains {
    /// The hash over its trace.
    pub digest: Digest,
    /// Its last event.
    pub last: EventId,
    /// How many packets arrived.
    pub deliveries: u64,
    /// When it ended.
    pub at: Instant,
    /// The core of its last quiet phase; empty if there was none.
    pub core: Vec<NodeId>,
    /// What the world did, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What the system passed.
    pub marks: BTreeMap<&'static str, u64>,
    /// What came of the faults of those phases that began.
    pub aims: Vec<Aim>,
    /// What would have been too much, the first ones.
    pub refusals: Vec<Refusal>,
    /// The events, if they were kept.
    pub trace: Option<Vec<Event>>,
    /// What a plan needs, if it was written down.
    pub record: Option<Record>,
    /// Deviations of the plan that never came up.
    pub unused: Vec<String>,
    /// Every name that a file ever had on any disk, if the run was written down.
    pub files: BTreeSet<String>,
}

impl Remains {
    /// What a run leaves that never began.
    pub fn nothing() -> Remains {
        Remains {
            digest: Digest::START,
            last: EventId(0),
            deliveries: 0,
            at: Instant::START,
            core: Vec::new(),
            faults: BTreeMap::new(),
            marks: BTreeMap::new(),
            aims: Vec::new(),
            refusals: Vec::new(),
            trace: None,
            record: None,
            unused: Vec::new(),
            files: BTreeSet::new(),
        }
    }
}

/// What a plan needs.
#[derive(Clone, Debug)]
pub struct Record {
    /// The system's entropy.
    pub entropy: u64,
    /// The decisions that were not calm.
    pub deviations: Vec<Deviation>,
    /// The phases with faults and cores without chance.
    pub phases: Vec<Phase>,
    /// One byte of the digest after each event.
    pub trace: Vec<u8>,
}

/// How many things a world holds; for the test that nothing is left behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Tasks.
    pub tasks: usize,
    /// Timers.
    pub timers: usize,
    /// Packets on their way.
    pub packets: usize,
    /// Disk operations, under way or not taken.
    pub disk_operations: usize,
    /// Items of the agenda.
    pub agenda: usize,
}

/// A simulated world. Dropping it frees all of it.
pub struct World(Rc<Shared>);

impl World {
    /// Makes a world. `boot` begins a life on a node: that of a replica or of a client machine's driver.
    pub fn new(setup: Setup, observer: Box<dyn Observer>, boot: impl Fn(Boot) -> Local<()> + 'static) -> World {
        assert!(!setup.phases.is_empty(), "a run has at least one phase");
        assert!(setup.cluster.replicas > 0, "a cluster has at least one replica");
        let mut decider = Decider::new(&setup.source, setup.record);
        let offsets = decider.offsets(&setup.clocks, setup.cluster);
        let clocks = offsets.into_iter().zip(decider.drifts(&setup.clocks, setup.cluster));
        let machine = |(node, (ahead, drift))| Rc::new(Machine::new(node, Clock::new(ahead, drift)));
        let machines: Vec<Rc<Machine>> = setup.cluster.nodes().zip(clocks).map(machine).collect();
        let traffic = Traffic::new(&setup.network, setup.cluster, &decider);
        let mut network = Network::new(setup.cluster);
        if traffic.is_eventful() {
            network.make_eventful();
        }
        let packet_dice = PacketDice::new(&setup.network);
        let (storage, replication) = (&setup.storage, setup.replication);
        let decay = Decay::new(storage, &setup.phases, &setup.source, setup.redundancy, replication);
        let world = World(Rc::new(Shared {
            cluster: setup.cluster,
            packet_dice,
            packet_dice_quiet: packet_dice.quiet(),
            disk_latencies: DiskLatencies::new(&setup.storage),
            storage: setup.storage,
            schedule: setup.schedule,
            core_size: setup.core_size,
            boot: Rc::new(boot),
            executor: Executor::new(),
            flight: Flight::new(),
            entropy: decider.entropy(),
            dice: Dice::of(&setup.source),
            records: setup.record,
            decider: RefCell::new(decider),
            network: RefCell::new(network),
            traffic,
            disks: RefCell::new(machines.iter().map(|_| super::disk::Disk::default()).collect()),
            decay,
            machines,
            tracer: Tracer::new(setup.trace, setup.record),
            attention: Cell::new(observer.attention()),
            observer: RefCell::new(observer),
            faults: RefCell::new(Faults::new(setup.phases.len(), setup.record)),
            alert: Cell::new(Alert::default()),
            phases: setup.phases,
            phase: Cell::new((0, Instant::START)),
            core: RefCell::default(),
            moments: Moments::new(setup.record),
            settle: setup.settle,
            formatting: Cell::new(false),
            quiet: Cell::new(false),
            closing: Cell::new(false),
            stopped: Cell::new(false),
            graves: RefCell::default(),
            are_graves: Cell::new(false),
            polls: Cell::default(),
            calls: Cell::default(),
            seen: Seen::default(),
        }));
        world.0.look();
        world
    }

    /// Prepares the disk of every replica, before time begins, without faults and at once.
    ///
    /// # Errors
    /// If a replica panics, or waits for anything but its disk: which, and what it said.
    pub fn format(&self, format: impl Fn(Env) -> Local<()> + 'static) -> Result<(), (NodeId, String)> {
        static FORMAT: Kind = Kind::new("format", &[]);
        let shared = &self.0;
        let format = Rc::new(format);
        shared.formatting.set(true);
        shared.look();
        for node in shared.cluster.replicas() {
            let slot = shared.cluster.slot(node);
            let machine = &shared.machines[slot];
            machine.begin_life(Incarnation(0));
            let facts = shared.task_facts(slot, FORMAT.label([]));
            let (format, env) = (Rc::clone(&format), shared.argument(slot, Incarnation(0)).env);
            // Called within a poll, where a panic of it is caught.
            shared.executor.spawn_later(facts, move || format(env));
            let mut polls = 0;
            while let Some(polled) = shared.executor.next(&mut InOrder) {
                polls += 1;
                if polls > POLLS_PER_MOMENT {
                    return Err((node, "formatting runs on for ever".to_string()));
                }
                shared.calls.set(0);
                shared.executor.run(&polled).map_err(|caught| (node, caught.words()))?;
            }
            if !shared.executor.is_empty() {
                return Err((node, "formatting waits for something other than the disk".to_string()));
            }
            machine.end_life();
        }
        shared.formatting.set(false);
        shared.look();
        for node in shared.cluster.replicas() {
            shared.emit(Some(node), EventKind::Format);
        }
        Ok(())
    }

    /// Runs to the end.
    pub fn run(&self) -> Remains {
        self.0.run();
        let shared = &self.0;
        let (deviations, unused) = shared.decider.borrow_mut().finish();
        let written = shared.faults.borrow_mut().finish();
        let record = deviations.zip(written).map(|(deviations, (faults, cores))| {
            let phases = shared.phases.iter().zip(faults).enumerate().map(|(index, (phase, faults))| Phase {
                quiet: phase.quiet.as_ref().map(|_| concrete_core(cores.get(&index))),
                faults,
                ..phase.clone()
            });
            let trace = shared.tracer.bytes.as_ref().map(RefCell::take).unwrap_or_default();
            Record { entropy: shared.entropy, deviations, phases: phases.collect(), trace }
        });
        let tracer = &shared.tracer;
        let mut marks: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (name, count) in shared.machines.iter().flat_map(|machine| machine.marks.borrow().clone()) {
            *marks.entry(name).or_default() += count;
        }
        let (aims, refusals) = {
            let all = &mut shared.faults.borrow_mut().aims;
            (all.finish(), all.refusals())
        };
        Remains {
            digest: tracer.digest(),
            last: tracer.last(),
            deliveries: tracer.deliveries.get(),
            at: shared.now(),
            core: shared.core.borrow().clone(),
            faults: tracer.deeds(),
            marks,
            aims,
            refusals,
            trace: tracer.trace.as_ref().map(RefCell::take),
            unused,
            files: if record.is_some() { file_names(shared) } else { BTreeSet::new() },
            record,
        }
    }

    /// What is in the world at present.
    pub fn census(&self) -> Census {
        let flight = &self.0.flight;
        Census {
            tasks: self.0.executor.len(),
            timers: flight.timers.borrow().len(),
            packets: flight.packets.borrow().len() - self.arrived(),
            disk_operations: flight.jobs.borrow().len(),
            agenda: flight.agenda.len(),
        }
    }

    /// How many packets have arrived and were not taken yet.
    fn arrived(&self) -> usize {
        let packets = self.0.flight.packets.borrow();
        self.0.machines.iter().map(|machine| machine.inbox_len(&packets)).sum()
    }

    /// Ends every task as a crash of all nodes would, and says what is left.
    pub fn shut_down(&self) -> Census {
        let (shared, flight) = (&self.0, &self.0.flight);
        shared.stop();
        shared.machines.iter().for_each(|machine| drop(machine.held.take()));
        shared.executor.cancel_all();
        for machine in &shared.machines {
            machine.empty_inbox(&mut flight.packets.borrow_mut());
            machine.forget_receivers();
        }
        let packets = std::mem::take(&mut *flight.packets.borrow_mut());
        drop(packets);
        let finished = |job: &super::flight::DiskJob| job.forgotten || job.outcome.is_some();
        let done = flight.jobs.borrow_mut().take_where(finished);
        drop(done);
        let left = Census { agenda: 0, ..self.census() };
        // Whoever still holds a wait of a node finds nothing to take back when it goes.
        for slot in 0..shared.machines.len() {
            flight.end_timers(slot);
            flight.end_jobs(slot);
        }
        flight.agenda.clear();
        left
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Tasks hold hosts, hosts hold the world, the world holds tasks: this opens the circle.
        self.shut_down();
    }
}

/// Every name that a file ever had on any disk.
fn file_names(shared: &Shared) -> BTreeSet<String> {
    shared.disks.borrow().iter().flat_map(|disk| disk.names_ever()).map(|name| name.to_string()).collect()
}

fn concrete_core(core: Option<&(Vec<NodeId>, Vec<NodeId>)>) -> Quiet {
    let core = match core {
        Some((core, healed)) => Core::Nodes { core: core.clone(), healed: healed.clone() },
        // The run ended before this phase began; then who is in its core makes no difference.
        None => Core::All,
    };
    Quiet { core }
}

impl Recorder {
    pub(super) fn new(shared: Rc<Shared>, slot: usize, life: Incarnation) -> Recorder {
        Recorder { shared, slot, life }
    }

    fn alive(&self) -> bool {
        self.shared.machines[self.slot].lives(self.life)
    }

    fn emit(&self, kind: EventKind) {
        if self.alive() {
            self.shared.emit(Some(self.shared.machines[self.slot].id), kind);
            self.shared.strike_struck();
        }
    }

    /// A client calls.
    pub fn call(&self, client: ClientId, number: u64, operation: &Rc<Operation>) {
        self.emit(EventKind::Call { client, number, operation: Rc::clone(operation) });
    }

    /// A call ended.
    pub fn returned(&self, client: ClientId, number: u64, outcome: Outcome) {
        self.emit(EventKind::Return { client, number, outcome });
    }

    /// Whether clients should call no more, because the last phase is over.
    pub fn is_closing(&self) -> bool {
        self.shared.closing.get()
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({})", self.shared.machines[self.slot].id)
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World({:?})", self.census())
    }
}
