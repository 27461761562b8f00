//! The world's insides, shared between the run loop and the hosts of the nodes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::config::{ScheduleConfig, StorageConfig};
use super::decisions::decide::{Decider, Dice, DiskLatencies, PacketDice};
use super::disk::Disk;
use super::disk::decay::Decay;
use super::faults::carry_out::{Alert, Faults};
use super::faults::phase::Phase;
use super::flight::{Entered, Flight, Step};
use super::machines::machine::{DiskLoss, Machine};
use super::moment::{Moment, Moments, Told};
use super::network::links::Network;
use super::network::traffic::Traffic;
use super::tracer::{Attention, Deed, Observer, Tracer};
use super::world::Boot;
use crate::base::feed::Circumstance;
use crate::base::{Cluster, Digest, Disks, Event, EventId, EventKind, Incarnation, Instant, NodeId, Probe, Role};
use crate::env::Local;
use crate::exec::{Class, Executor};

/// Which of the frequent events are seen by anybody: by the observer, by a fault that waits for one, or in the trace. While
/// nothing is recorded they count as seen, too, so that where they are recorded nobody need look whether they are.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Packets are seen from this moment on; the others likewise.
    pub packets: Cell<Instant>,
    pub disks: Cell<Instant>,
    pub timers: Cell<Instant>,
    /// Everything is seen that is behind this event.
    behind: Cell<EventId>,
}

/// Everything there is, in one place. Cells and not one big borrow, because a node's call can come from within a poll
/// that the world itself began.
pub(super) struct Shared {
    pub cluster: Cluster,
    pub packet_dice: PacketDice,
    /// The same in a quiet phase: nothing is lost, latencies stay.
    pub packet_dice_quiet: PacketDice,
    pub storage: StorageConfig,
    pub disk_latencies: DiskLatencies,
    pub schedule: ScheduleConfig,
    pub phases: Vec<Phase>,
    pub core_size: u16,
    pub boot: Rc<dyn Fn(Boot) -> Local<()>>,
    pub executor: Executor,
    pub flight: Flight,
    /// The decider's dice once more: packets throw them without asking for all of it.
    pub dice: Option<Dice>,
    pub decider: RefCell<Decider>,
    /// Whether decisions are written down.
    pub records: bool,
    pub entropy: u64,
    pub network: RefCell<Network>,
    /// What the network has besides links that are cut.
    pub traffic: Traffic,
    pub machines: Vec<Rc<Machine>>,
    pub disks: RefCell<Vec<Disk>>,
    pub decay: Decay,
    pub tracer: Tracer,
    pub observer: RefCell<Box<dyn Observer>>,
    /// What the observer wants to be shown.
    pub attention: Cell<Attention>,
    /// What of the frequent events is seen, from all of what follows from it; see [`Shared::look`].
    pub seen: Seen,
    pub faults: RefCell<Faults>,
    pub alert: Cell<Alert>,
    /// The phase the run is in, and when it began.
    pub phase: Cell<(usize, Instant)>,
    pub core: RefCell<Vec<NodeId>>,
    pub moments: Moments,
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
    pub are_graves: Cell<bool>,
    /// Polls since time last moved.
    pub polls: Cell<u64>,
    /// Calls of hosts within the present poll.
    pub calls: Cell<u64>,
}

impl Shared {
    #[inline]
    pub fn now(&self) -> Instant {
        self.flight.agenda.now()
    }

    pub fn machine(&self, node: NodeId) -> &Machine {
        &self.machines[self.cluster.slot(node)]
    }

    /// Begins to handle something that happens: from here on tasks are made ready by it.
    #[inline(always)]
    pub fn begin(&self, moment: Moment, cause: EventId, tell: impl FnOnce() -> Told) {
        self.executor.begin_moment(self.moments.begin(moment, tell));
        self.executor.set_cause(cause);
    }

    /// Begins something that the world itself does.
    pub fn begin_deed(&self, cause: EventId) {
        self.begin(Moment::WORLD, cause, || Told::World);
    }

    /// Records an event, because of what is happening at present, and lets everybody see it. Its id; the null id if
    /// nothing is recorded any more.
    #[inline(never)]
    pub fn emit(&self, node: Option<NodeId>, kind: EventKind) -> EventId {
        if self.stopped.get() || self.formatting.get() {
            return EventId(0);
        }
        let id = self.tracer.next();
        let event = Event { id, cause: self.executor.cause(), at: self.now(), node, kind };
        self.tracer.note(|digest| event.feed(digest));
        self.tracer.write_byte();
        self.note(&event);
        let goes_on = {
            let mut observer = self.observer.borrow_mut();
            let goes_on = observer.on_event(&event, self);
            self.attend(observer.attention());
            goes_on
        };
        if !goes_on {
            self.stop();
        } else if self.alert.get().after {
            self.notice(&event, false);
        }
        if let Some(trace) = &self.tracer.trace {
            trace.borrow_mut().push(event);
        }
        id
    }

    /// Records one of the frequent events, which `feed` feeds to the digest and `kind` makes for whoever wants to see it;
    /// `wanted` says whether the observer does. Mostly nobody does, and then none is made.
    #[inline(always)]
    pub fn emit_frequent(
        &self,
        node: NodeId,
        wanted: impl FnOnce(&Seen) -> &Cell<Instant>,
        feed: impl FnOnce(Circumstance, &mut Digest),
        kind: impl FnOnce() -> EventKind,
    ) -> EventId {
        let (seen, at) = (&self.seen, self.now());
        if at >= wanted(seen).get() || self.tracer.last() >= seen.behind.get() {
            return self.emit(Some(node), kind());
        }
        let here = Circumstance { at, cause: self.executor.cause(), node: Some(node) };
        self.tracer.note(|digest| feed(here, digest));
        self.tracer.next()
    }

    /// Tells the observer something that is not an event.
    pub fn tell(&self, tell: impl FnOnce(&mut dyn Observer)) {
        let mut observer = self.observer.borrow_mut();
        tell(&mut **observer);
        self.attend(observer.attention());
    }

    #[inline]
    fn attend(&self, attention: Attention) {
        if attention != self.attention.get() {
            self.attention.set(attention);
            self.look();
        }
    }

    /// Nothing happens any more.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.machines.iter().for_each(|machine| machine.stop());
        self.look();
    }

    /// Sets what faults there are to look out for.
    pub fn set_alert(&self, alert: Alert) {
        self.alert.set(alert);
        self.look();
    }

    /// Finds out again what of the frequent events is seen. To be called whenever something changes that it asks for.
    pub fn look(&self) {
        let attention = self.attention.get();
        let all = self.alert.get().after || self.tracer.writes() || self.stopped.get() || self.formatting.get();
        let later = Instant::from_nanos(attention.later_than.as_nanos().saturating_add(1));
        let from = |wanted: bool| if all || wanted { Instant::START } else { later };
        self.seen.packets.set(from(attention.packets));
        self.seen.disks.set(from(attention.disks));
        self.seen.timers.set(from(attention.timers));
        self.seen.behind.set(EventId(attention.from.0.saturating_sub(1)));
    }

    /// Takes down what a node said of itself, as far as the world needs it.
    #[inline]
    fn note(&self, event: &Event) {
        let Some(node) = event.node else { return };
        match &event.kind {
            EventKind::Mark(name) => self.machine(node).pass(name),
            EventKind::Probe(Probe::Role { role, .. }) => {
                let machine = self.machine(node);
                machine.role.set(Some(*role));
                if *role != Role::Between && machine.loss.get() == DiskLoss::Recovering {
                    machine.loss.set(DiskLoss::None);
                }
                if *role == Role::Primary {
                    machine.led.set(event.id);
                    self.mark_primary(machine);
                }
            }
            EventKind::Probe(Probe::Recovering) => self.machine(node).loss.set(DiskLoss::Recovering),
            _ => {}
        }
    }

    /// Records that the world did something to the nodes.
    pub fn emit_fault(&self, text: &str) -> EventId {
        self.emit(None, EventKind::Fault(text.into()))
    }

    #[inline]
    pub fn count(&self, deed: Deed) {
        if !self.stopped.get() {
            self.tracer.count(deed);
        }
    }

    pub fn enter(&self, at: Instant, class: Class, step: Step) -> Entered {
        self.flight.enter_step(at, class, step)
    }
}

impl Disks for Shared {
    fn promised(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
        self.promised_piece(node, file, offset, length, length)
    }

    fn promised_piece(&self, node: NodeId, file: &str, offset: u64, least: usize, most: usize) -> Option<Bytes> {
        self.disks.borrow()[self.cluster.slot(node)].promised(file, offset, least, most)
    }

    fn promised_len(&self, node: NodeId, file: &str) -> Option<u64> {
        self.disks.borrow()[self.cluster.slot(node)].promised_len(file)
    }

    fn actual(&self, node: NodeId, file: &str, offset: u64, length: usize) -> Option<Bytes> {
        self.disks.borrow()[self.cluster.slot(node)].actual(file, offset, length)
    }

    fn actual_len(&self, node: NodeId, file: &str) -> Option<u64> {
        self.disks.borrow()[self.cluster.slot(node)].actual_len(file)
    }
}
