//! A simulated machine: what it is doing, what waits for it. Survives the crashes of its node.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Context;

use super::clocks::Clock;
use crate::base::{EventId, Incarnation, Instant, NodeId, Payload, Role};
use crate::exec::{Executor, Polled, Waiter};
use crate::world::decisions::repeats::Repeats;
use crate::world::flight::{NOBODY, Packet, Packets};

/// Whether a machine's disk was lost, as far as it has said that it recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::world) enum DiskLoss {
    /// It was not, or it has recovered.
    #[default]
    None,
    /// It was, and the machine has said nothing of it.
    Lost,
    /// The machine has said that it recovers.
    Recovering,
}

/// The number of no life.
const NO_LIFE: u32 = u32::MAX;

/// One machine. Fields that belong to a life are reset by [`Machine::begin_life`].
pub(in crate::world) struct Machine {
    pub id: NodeId,
    pub clock: Clock,
    /// The present life, or the last one.
    pub life: Cell<Incarnation>,
    /// Whether it is alive.
    pub up: Cell<bool>,
    /// The number of the life whose calls have an effect; [`NO_LIFE`] if none's have.
    effective: Cell<u32>,
    /// Whether it is stopped for a while. Only of one that is up.
    pub paused: Cell<bool>,
    /// How often it has gone on.
    pub resumes: Cell<u32>,
    /// Of one that is down or paused: whether that ends by itself.
    pub returns: Cell<bool>,
    /// Whether its disk was lost.
    pub loss: Cell<DiskLoss>,
    /// Until when its disk stalls, or stalled last.
    pub stalled_until: Cell<Instant>,
    /// What it last said it was.
    pub role: Cell<Option<Role>>,
    /// When it last said that it was primary.
    pub led: Cell<EventId>,
    /// Packets that have arrived: the first and the last of a list that runs through the world's table.
    inbox: Cell<(u32, u32)>,
    /// How many of them are no packets but notices of resets.
    pub resets: Cell<u32>,
    /// Who waits for a message, or waited last: mostly it is always the same task, which then need not be taken down again.
    receiver: RefCell<Option<Waiter>>,
    /// Whether the first one waits. All are woken by the next message; the first to poll takes it.
    waits: Cell<bool>,
    /// Those that came while the first waited; seldom anybody.
    receivers: RefCell<Vec<Waiter>>,
    /// Tasks that became ready during a pause.
    pub held: RefCell<Vec<Polled>>,
    /// How often each stream of entropy was asked.
    pub streams: RefCell<BTreeMap<u64, u64>>,
    /// How many tasks of each label this life has had.
    pub labels: RefCell<BTreeMap<u64, u32>>,
    /// Repeats of the labels of disk operations, over all lives.
    pub disk_repeats: RefCell<Repeats>,
    /// How often each mark was passed, over all lives.
    pub marks: RefCell<Vec<(&'static str, u64)>>,
}

impl Machine {
    pub fn new(id: NodeId, clock: Clock) -> Machine {
        Machine {
            id,
            clock,
            life: Cell::default(),
            up: Cell::new(false),
            effective: Cell::new(NO_LIFE),
            paused: Cell::new(false),
            resumes: Cell::new(0),
            returns: Cell::new(false),
            loss: Cell::default(),
            stalled_until: Cell::new(Instant::START),
            role: Cell::new(None),
            led: Cell::default(),
            inbox: Cell::new((NOBODY, NOBODY)),
            resets: Cell::new(0),
            receiver: RefCell::default(),
            waits: Cell::new(false),
            receivers: RefCell::default(),
            held: RefCell::default(),
            streams: RefCell::default(),
            labels: RefCell::default(),
            disk_repeats: RefCell::default(),
            marks: RefCell::default(),
        }
    }

    /// Begins a life. Nothing of the last one is left but the disk.
    pub fn begin_life(&self, life: Incarnation) {
        assert!(!self.up.get(), "{} boots while it is up", self.id);
        assert!(self.inbox.get().0 == NOBODY, "{} boots with messages of its last life", self.id);
        assert!(life.0 != NO_LIFE, "{} has had all lives there are", self.id);
        let last = self.life.get();
        assert!(life.0 == last.0 + 1 || life == last && life.0 == 0, "the lives of {} are counted one by one", self.id);
        assert!(!self.paused.get() && self.resets.get() == 0, "{} boots in the state of its last life", self.id);
        assert!(self.role.get().is_none(), "{} boots with what it was in its last life", self.id);
        assert!(!self.waits.get(), "{} boots while somebody of its last life waits", self.id);
        assert_eq!(self.effective.get(), NO_LIFE, "{} boots while a life of it goes on", self.id);
        self.life.set(life);
        self.up.set(true);
        self.effective.set(life.0);
        self.streams.borrow_mut().clear();
        self.labels.borrow_mut().clear();
    }

    /// Ends a life. Tasks, timers and disk operations are ended by the world.
    pub fn end_life(&self) {
        assert!(self.up.get(), "{} dies while it is down", self.id);
        self.up.set(false);
        self.returns.set(false);
        self.effective.set(NO_LIFE);
        self.paused.set(false);
        self.role.set(None);
        self.led.set(EventId(0));
        assert!(self.inbox.get().0 == NOBODY, "what has arrived is taken out first");
        assert_eq!(self.resets.get(), 0, "notices are taken out with the rest");
        self.forget_receivers();
    }

    /// Whether this life of it goes on, in a world that does.
    #[inline]
    pub fn lives(&self, life: Incarnation) -> bool {
        self.effective.get() == life.0
    }

    /// The world has stopped: whatever this life still does has no effect.
    pub fn stop(&self) {
        self.effective.set(NO_LIFE);
    }

    /// Puts a packet that has arrived at the end of the inbox.
    #[inline]
    pub fn receive(&self, place: u32, arrived: EventId, packets: &mut Packets) {
        assert!(self.up.get(), "only who is up receives");
        let packet = packets.at_mut(place);
        (packet.event, packet.next) = (arrived, NOBODY);
        let (first, last) = self.inbox.get();
        if first == NOBODY {
            return self.inbox.set((place, place));
        }
        let before = packets.at_mut(last);
        assert!(before.next == NOBODY, "nobody is behind the last in an inbox");
        before.next = place;
        self.inbox.set((first, place));
    }

    /// Whether the first in the inbox is no packet but the notice of a reset. To be asked only if there is any.
    pub fn next_is_reset(&self, packets: &Packets) -> bool {
        let (first, _) = self.inbox.get();
        assert!(self.resets.get() > 0, "whoever asks has seen that there is a notice");
        assert!(first != NOBODY, "there is a notice in the inbox");
        packets.at(first).copy == Packet::RESET
    }

    /// Takes the first packet of the inbox: from whom, with what, and the event of its arrival.
    #[inline(always)]
    pub fn take_received(&self, packets: &RefCell<Packets>) -> Option<(NodeId, Payload, EventId)> {
        let (first, last) = self.inbox.get();
        if first == NOBODY {
            return None;
        }
        let mut packets = packets.borrow_mut();
        self.inbox.set((packets.at(first).next, last));
        Some(packets.take(first))
    }

    /// Drops everything that has arrived.
    pub fn empty_inbox(&self, packets: &mut Packets) {
        let (mut place, _) = self.inbox.replace((NOBODY, NOBODY));
        self.resets.set(0);
        while place != NOBODY {
            let next = packets.at(place).next;
            packets.take(place);
            place = next;
        }
    }

    /// How many packets have arrived.
    pub fn inbox_len(&self, packets: &Packets) -> usize {
        let is_there = |place: &u32| *place != NOBODY;
        let (first, _) = self.inbox.get();
        let next = |place: &u32| Some(packets.at(*place).next).filter(is_there);
        std::iter::successors(Some(first).filter(is_there), next).count()
    }

    /// Whoever polls waits for a message, if it does not yet.
    #[inline(always)]
    pub fn wait_to_receive(&self, executor: &Executor, context: &Context<'_>) {
        let is_known = match &*self.receiver.borrow() {
            Some(first) => executor.is_waiter(first, context),
            None => false,
        };
        if is_known {
            self.waits.set(true);
        } else {
            self.wait_as_another(executor, context);
        }
    }

    #[cold]
    fn wait_as_another(&self, executor: &Executor, context: &Context<'_>) {
        let waiter = executor.waiter(context);
        if !self.waits.replace(true) {
            let before = self.receiver.replace(Some(waiter));
            // Not within the borrow: a waker is anybody's, and may call anything when it goes.
            return drop(before);
        }
        let mut receivers = self.receivers.borrow_mut();
        if !receivers.iter().any(|known| executor.is_waiter(known, context)) {
            receivers.push(waiter);
        }
    }

    /// Wakes everybody who waits for a message.
    #[inline(always)]
    pub fn wake_receivers(&self, executor: &Executor) {
        if !self.waits.replace(false) {
            return;
        }
        let first = match &*self.receiver.borrow() {
            Some(Waiter::Task(task)) => Waiter::Task(task.clone()),
            Some(Waiter::Waker(waker)) => Waiter::Waker(waker.clone()),
            None => unreachable!("somebody waits"),
        };
        executor.wake(first);
        if !self.receivers.borrow().is_empty() {
            // Taken first: a waker may be anybody's, and call anything.
            let more = self.receivers.take();
            more.into_iter().for_each(|waiter| executor.wake(waiter));
        }
    }

    /// Nobody waits for a message any more.
    pub fn forget_receivers(&self) {
        self.waits.set(false);
        let first = self.receiver.take();
        let more = self.receivers.take();
        drop((first, more));
    }

    /// Checks what holds between any two events, of the machine at this place. How many packets have arrived.
    pub fn check(&self, slot: usize, packets: &Packets) -> usize {
        let (is_up, effective) = (self.up.get(), self.effective.get());
        assert!(is_up || !self.paused.get(), "only who is up is paused");
        assert!(is_up || effective == NO_LIFE, "the dead do nothing");
        assert!(effective == NO_LIFE || effective == self.life.get().0, "only the present life goes on");
        assert!(is_up || self.role.get().is_none(), "whoever is down is nothing");
        assert!(is_up || self.led.get() == EventId(0), "whoever is down does not lead");
        let waits = self.waits.get();
        assert!(!waits || self.receiver.borrow().is_some(), "whoever waits is known");
        assert!(waits || self.receivers.borrow().is_empty(), "nobody waits behind nobody");
        let ((mut place, last), mut arrived, mut notices) = (self.inbox.get(), 0, 0);
        assert!(is_up || place == NOBODY, "whoever is down has received nothing");
        while place != NOBODY {
            let packet = packets.at(place);
            assert_eq!(usize::from(packet.slot), slot, "a packet lies with whom it has come to");
            assert_eq!(place == last, packet.next == NOBODY, "an inbox ends with its last");
            arrived += 1;
            notices += u32::from(packet.copy == Packet::RESET);
            place = packet.next;
        }
        assert_eq!(notices, self.resets.get(), "notices are counted as they come and go");
        arrived
    }

    /// Counts a mark that is passed.
    pub fn pass(&self, name: &'static str) {
        let mut marks = self.marks.borrow_mut();
        match marks.iter_mut().find(|(known, _)| same(known, name)) {
            Some((_, count)) => *count += 1,
            None => marks.push((name, 1)),
        }
    }

    /// How often a mark was passed.
    pub fn passed(&self, name: &'static str) -> u64 {
        self.marks.borrow().iter().find(|(known, _)| same(known, name)).map_or(0, |(_, count)| *count)
    }
}

/// Whether two names are the same. They nearly always are the same text in the same place.
fn same(one: &'static str, other: &'static str) -> bool {
    std::ptr::eq(one, other) || one == other
}
