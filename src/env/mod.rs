//! What a node sees of the outside: the handle [`Env`], and nothing else.
//!
//! A protocol is ordinary async Rust that is given an `Env`. It learns the time, sleeps, sends, receives, reads and
//! writes files, starts tasks and draws random numbers through it. Behind the handle stands a [`Host`], one small
//! object-safe trait: the simulated world implements it, a unit test fakes it in a dozen lines, and real sockets and
//! files can stand there too. Since the handle is not generic, neither is the protocol.
//!
//! What is *not* here: threads, wall clocks that a protocol could lean on for order, and streams of bytes. A message
//! arrives whole or not at all, also on a network that delivers in order until a connection breaks.

mod disk;
mod hash_state;
mod host;
mod queue;
mod sleep;

pub use disk::{Disk, File};
pub use hash_state::HashState;
pub use host::{DiskDone, DiskError, DiskOp, FileId, Host, Incoming, IoId, Local, Received, TaskId, TimerId};
pub use queue::Queue;
pub use sleep::{Elapsed, Sleep, Timeout};

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::time::Duration;

use crate::base::{Incarnation, Instant, Kind, Label, NodeId, Payload, Probe, WallTime};

/// A node's view of the world. Cheap to clone; every clone is the same node in the same life.
#[derive(Clone)]
pub struct Env(Rc<dyn Host>);

impl Env {
    /// The handle to a host.
    pub fn new(host: Rc<dyn Host>) -> Env {
        Env(host)
    }

    /// Who this node is.
    pub fn id(&self) -> NodeId {
        self.0.id()
    }

    /// Which life of the node this is: 1 for the first boot.
    pub fn incarnation(&self) -> Incarnation {
        self.0.incarnation()
    }

    /// The node's monotonic clock. It never goes back while the node lives, may be offset from other nodes' clocks,
    /// and says nothing about any calendar.
    pub fn now(&self) -> Instant {
        self.0.now()
    }

    /// The node's calendar clock. It may jump, and may disagree with other nodes' by any amount.
    pub fn wall(&self) -> WallTime {
        self.0.wall()
    }

    /// Waits until `span` has passed on this node's clock.
    pub fn sleep(&self, span: Duration) -> Sleep {
        self.sleep_until(self.now() + span)
    }

    /// Waits until this node's clock shows `at`. At once if it already does.
    pub fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(self.clone(), at)
    }

    /// Gives `future` this long; drops it if it is not done by then.
    pub fn timeout<F: Future>(&self, span: Duration, future: F) -> Timeout<F> {
        Timeout::new(self.sleep(span), future)
    }

    /// Sends a message. As a datagram it may be lost, delayed, duplicated, reordered or damaged, and nobody will say so. On
    /// a network of streams it arrives behind those that were sent before it, or both ends come to know
    /// ([`Incoming::Reset`]) that the connection between them broke.
    ///
    /// The label says what the message is (`Prepare(v0 op1)`); it appears in traces and names the decisions about the
    /// packet, and is not part of what the receiver gets.
    pub fn send(&self, to: NodeId, label: Label, body: impl Into<Payload>) {
        self.0.send(to, label, body.into());
    }

    /// Waits for the next message to this node, in order of arrival.
    ///
    /// If several tasks wait, all are woken and the first to run takes the message.
    pub fn recv(&self) -> impl Future<Output = Incoming> + '_ {
        poll_fn(|context| self.0.recv_poll(context).map(Incoming::from))
    }

    /// The node's disk.
    pub fn disk(&self) -> Disk {
        Disk::new(self.clone())
    }

    /// Starts a task on this node. It ends with the node's life, or when [`Env::abort`] says so.
    pub fn spawn(&self, name: Label, future: impl Future<Output = ()> + 'static) -> TaskId {
        self.0.spawn(name, Box::pin(future))
    }

    /// Ends a task of this node; no effect if it has ended already. A task cannot abort itself.
    pub fn abort(&self, task: TaskId) {
        self.0.abort(task);
    }

    /// A random word: a pure function of the run's entropy, the node, its life, the stream, and how often this stream
    /// was asked before.
    ///
    /// Streams are named so that asking one more question in one place changes no answer in another.
    pub fn random(&self, stream: &'static Kind) -> u64 {
        self.0.random(stream.label([]))
    }

    /// A random number below `bound`, which is not zero.
    pub fn random_below(&self, stream: &'static Kind, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below zero");
        ((u128::from(self.random(stream)) * u128::from(bound)) >> 64) as u64
    }

    /// Tells the outside what this node believes. No effect inside the world.
    pub fn probe(&self, probe: Probe) {
        self.0.probe(probe);
    }

    /// Records that a place worth reaching was reached, such as `"view change done"`.
    pub fn mark(&self, name: &'static str) {
        self.0.mark(name);
    }

    /// A hasher for maps whose order must not matter: different in every life of every node, so that a protocol whose
    /// behaviour does depend on it is caught.
    pub fn hash_state(&self) -> HashState {
        static STREAM: Kind = Kind::new("hash-state", &[]);
        HashState::new(self.random(&STREAM))
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.0
    }
}
