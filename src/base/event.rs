//! Events: what happened, in order.

use std::fmt;
use std::rc::Rc;

use super::feed::{Circumstance, tag};
use super::hash::{Digest, hash_bytes};
use super::id::{ClientId, Incarnation, NodeId};
use super::key;
use super::label::{Label, Labelled};
use super::operation::{Operation, Reply};
use super::probe::Probe;
use super::time::Instant;

/// The place of an event in its trace, counted from 1; 0 is "before anything happened".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct EventId(pub u64);

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its place in the trace.
    pub id: EventId,
    /// The event that brought it about: the send of a delivery, the delivery that made a node send.
    pub cause: EventId,
    /// When, in true virtual time (not by the node's clock).
    pub at: Instant,
    /// Where; `None` for the world itself.
    pub node: Option<NodeId>,
    /// What.
    pub kind: EventKind,
}

/// Why a packet was not delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// The link dropped it.
    Dropped,
    /// The link is cut.
    Cut,
    /// The receiver is down.
    Down,
    /// The queue of the link is full.
    QueueFull,
    /// It arrives elsewhere.
    Misrouted,
    /// The connection that carried it broke.
    Broken,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// A phase of the scenario began.
    Phase(Rc<str>),
    /// The world did something to the nodes, in words.
    Fault(Rc<str>),
    /// A node's disk was formatted.
    Format,
    /// A node started to live.
    Boot(Incarnation),
    /// A node stopped dead.
    Crash(Incarnation),
    /// A node stopped for a while.
    Pause,
    /// It went on.
    Resume,
    /// Its disk was emptied.
    Wipe,
    /// At a crash, an unsynced sector was kept or torn instead of lost.
    Survived {
        /// The file.
        file: Rc<str>,
        /// Which sector of it.
        sector: u64,
        /// How many bytes of the new content are there; a whole sector if it was not torn.
        bytes: u32,
    },
    /// A packet left.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        label: Label,
        /// Which of that label on that link.
        repeat: u32,
        /// Length of the payload.
        size: u32,
        /// Hash of the payload.
        hash: u64,
    },
    /// A packet will not arrive. Belongs to the sender.
    Lost {
        /// To whom it was sent.
        to: NodeId,
        /// What.
        label: Label,
        /// Which of that label on that link.
        repeat: u32,
        /// Why.
        reason: Lost,
    },
    /// A packet arrived.
    Deliver {
        /// From whom.
        from: NodeId,
        /// What.
        label: Label,
        /// Which of that label on that link.
        repeat: u32,
        /// 0 for the original, 1 for the duplicate.
        copy: u8,
        /// Hash of the payload as it arrived.
        hash: u64,
        /// Whether a bit was flipped on the way.
        corrupt: bool,
    },
    /// A packet arrived that was meant for another node.
    Stray {
        /// From whom.
        from: NodeId,
        /// For whom it was meant.
        meant: NodeId,
        /// What.
        label: Label,
        /// Which of that label on the link it was meant for.
        repeat: u32,
        /// Hash of the payload as it arrived.
        hash: u64,
    },
    /// A node learned that its connection to another is gone, with all that was under way on it.
    Reset {
        /// To whom.
        peer: NodeId,
        /// Which connection of the two, from 1.
        nth: u32,
    },
    /// A disk operation began.
    DiskStart {
        /// What.
        label: Label,
        /// Which of that label on that disk.
        repeat: u32,
        /// Hash of the operation, including the bytes to be written.
        hash: u64,
    },
    /// A disk operation ended.
    DiskDone {
        /// What.
        label: Label,
        /// Which of that label on that disk.
        repeat: u32,
        /// Hash of the outcome, including the bytes that were read.
        hash: u64,
    },
    /// A timer fired.
    Timer {
        /// What the task that waits for it is called.
        task: Label,
        /// Which timer of that task.
        nth: u32,
    },
    /// A node said something about itself.
    Probe(Probe),
    /// A node passed a place worth reaching.
    Mark(&'static str),
    /// A client called.
    Call {
        /// Which client.
        client: ClientId,
        /// The client machine's number for the operation, counted from 1.
        number: u64,
        /// What it asks for.
        operation: Rc<Operation>,
    },
    /// A client's call ended.
    Return {
        /// Which client.
        client: ClientId,
        /// The client machine's number for the operation.
        number: u64,
        /// How.
        outcome: Outcome,
    },
    /// A node panicked.
    Panic(Rc<str>),
    /// A task polled on and on without letting time move.
    Spin {
        /// What the task is called.
        task: Label,
        /// How often it was polled at this moment.
        polls: u64,
    },
}

/// How a client's call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It took effect once, and this is the answer.
    Done(Reply),
    /// It certainly did not take effect and never will.
    NotApplied,
    /// It may have taken effect, or may still, or never. The client goes on under a new identity.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done(reply) => write!(f, "{reply}"),
            Outcome::NotApplied => write!(f, "not applied"),
            Outcome::Unknown => write!(f, "unknown"),
        }
    }
}

impl Event {
    /// Takes the event into account: when, where, why, and what, to the last byte of what its cause has not said already.
    #[inline]
    pub fn feed(&self, digest: &mut Digest) {
        let here = Circumstance { at: self.at, cause: self.cause, node: self.node };
        self.kind.feed(here, digest);
    }
}

impl EventKind {
    /// The number that tells it from others of its node and label, where it carries one: of packets, disk operations and
    /// lives.
    pub fn repeat(&self) -> Option<u32> {
        match self {
            EventKind::Send { repeat, .. }
            | EventKind::Deliver { repeat, .. }
            | EventKind::DiskStart { repeat, .. }
            | EventKind::DiskDone { repeat, .. } => Some(*repeat),
            EventKind::Boot(life) => Some(life.0),
            _ => None,
        }
    }

    /// The kind in a word or two, without nodes, numbers and texts: `sends`, `commits`, `crashes`. Signatures of findings
    /// are made of it, so that two seeds that fail in the same way are told to be one finding.
    pub fn word(&self) -> &'static str {
        match self {
            EventKind::Phase(_) => "phase",
            EventKind::Fault(_) => "fault",
            EventKind::Format => "formats",
            EventKind::Boot(_) => "boots",
            EventKind::Crash(_) => "crashes",
            EventKind::Pause => "pauses",
            EventKind::Resume => "resumes",
            EventKind::Wipe => "is wiped",
            EventKind::Survived { .. } => "survives",
            EventKind::Send { .. } => "sends",
            EventKind::Lost { .. } => "loses",
            EventKind::Deliver { .. } => "receives",
            EventKind::Stray { .. } => "receives astray",
            EventKind::Reset { .. } => "is reset",
            EventKind::DiskStart { .. } => "starts",
            EventKind::DiskDone { .. } => "finishes",
            EventKind::Timer { .. } => "timer",
            EventKind::Probe(probe) => probe.word(),
            EventKind::Mark(_) => "reaches",
            EventKind::Call { .. } => "calls",
            EventKind::Return { .. } => "returns",
            EventKind::Panic(_) => "panics",
            EventKind::Spin { .. } => "spins",
        }
    }

    fn feed(&self, here: Circumstance, digest: &mut Digest) {
        match self {
            // What a phase says is only text: its effects are events of their own.
            EventKind::Phase(_) => here.feed(digest, 1, 0),
            // What a fault does may show much later, or never: rot lies where nobody reads. A fault is told without chance, and
            // so a plan tells it in the same words.
            EventKind::Fault(text) => here.feed(digest, 2, hash_bytes(text.as_bytes())),
            EventKind::Format => here.feed(digest, 3, 0),
            EventKind::Boot(life) => {
                here.feed(digest, 4, 0);
                digest.feed(u64::from(life.0));
            }
            EventKind::Crash(life) => {
                here.feed(digest, 5, 0);
                digest.feed(u64::from(life.0));
            }
            EventKind::Pause => here.feed(digest, 6, 0),
            EventKind::Resume => here.feed(digest, 7, 0),
            EventKind::Wipe => here.feed(digest, 8, 0),
            EventKind::Survived { file, sector, bytes } => {
                here.feed(digest, 9, 0);
                digest.feed_bytes(file.as_bytes());
                digest.feed_pair(*sector, u64::from(*bytes));
            }
            EventKind::Send { to, label, repeat, size: _, hash } => {
                // The hash of what is in it is one of its size, too.
                let from = here.node.expect("a packet is sent by a node");
                here.feed_send(digest, key::packet(from, *to, label.hash(), *repeat), *hash);
            }
            EventKind::Lost { reason, .. } => here.feed(digest, tag::LOST, *reason as u64),
            EventKind::Deliver { copy, hash, corrupt, .. } => {
                here.feed_delivery(digest, *copy, corrupt.then_some(*hash));
            }
            EventKind::Stray { hash, .. } => {
                here.feed(digest, 30, 0);
                digest.feed(*hash);
            }
            EventKind::Reset { peer, nth } => {
                here.feed(digest, 31, 0);
                digest.feed_pair(u64::from(peer.to_bits()), u64::from(*nth));
            }
            EventKind::DiskStart { label, repeat, hash } => here.feed_disk_start(digest, label, *repeat, *hash),
            EventKind::DiskDone { hash, .. } => here.feed_disk_done(digest, *hash),
            EventKind::Timer { task, nth } => here.feed_timer(digest, task, *nth),
            EventKind::Probe(probe) => probe.feed(here, digest),
            EventKind::Mark(name) => {
                here.feed(digest, 17, 0);
                digest.feed_bytes(name.as_bytes());
            }
            EventKind::Call { client, number, operation } => {
                here.feed(digest, 18, 0);
                digest.feed_pair(u64::from(client.node.to_bits()) << 32 | u64::from(client.session), *number);
                operation.feed(digest);
            }
            EventKind::Return { client, number, outcome } => {
                let (how, reply) = match outcome {
                    Outcome::Done(reply) => (0, Some(reply)),
                    Outcome::NotApplied => (1, None),
                    Outcome::Unknown => (2, None),
                };
                here.feed(digest, 19, how);
                digest.feed_pair(u64::from(client.node.to_bits()) << 32 | u64::from(client.session), *number);
                if let Some(reply) = reply {
                    reply.feed(digest);
                }
            }
            EventKind::Panic(message) => {
                here.feed(digest, 20, 0);
                // Without the place, which may be a path of the machine that the program was built on.
                let words = message.rsplit_once(", at ").map_or(&**message, |(words, _)| words);
                digest.feed_bytes(words.as_bytes());
            }
            EventKind::Spin { task, polls } => {
                here.feed(digest, 21, 0);
                digest.feed_pair(task.hash(), *polls);
            }
        }
    }
}

impl Probe {
    fn feed(&self, here: Circumstance, digest: &mut Digest) {
        match self {
            Probe::Role { role, epoch } => {
                here.feed(digest, 16, 1);
                digest.feed_pair(*role as u64, *epoch);
            }
            Probe::Epoch { epoch, log_epoch } => {
                here.feed(digest, 16, 2);
                digest.feed_pair(*epoch, *log_epoch);
            }
            Probe::Head { index, digest: head } => {
                here.feed(digest, 16, 3);
                digest.feed_pair(*index, head.low());
            }
            Probe::Acked { epoch, index, digest: acked } => {
                here.feed(digest, 16, 4);
                digest.feed_pair(*epoch, *index);
                digest.feed(acked.low());
            }
            Probe::Leads { epoch, committed, chain } => {
                here.feed(digest, 16, 5);
                digest.feed_pair(*epoch, *committed);
                digest.feed(chain.len() as u64);
                chain.iter().for_each(|entry| digest.feed(entry.low()));
            }
            Probe::Committed { epoch, index, digest: committed } => {
                here.feed(digest, 16, 6);
                digest.feed_pair(*epoch, *index);
                digest.feed(committed.low());
            }
            Probe::Applied { index, state } => {
                here.feed(digest, 16, 7);
                digest.feed_pair(*index, state.low());
            }
            Probe::Executed { client, request, index } => {
                here.feed(digest, 16, 8);
                digest.feed_pair(*client, *request);
                digest.feed(*index);
            }
            Probe::Truncated { index, epoch } => {
                here.feed(digest, 16, 9);
                digest.feed_pair(*index, *epoch);
            }
            Probe::Nacked { index, digest: nacked } => {
                here.feed(digest, 16, 10);
                digest.feed_pair(*index, nacked.low());
            }
            Probe::Recovering => here.feed(digest, 16, 11),
        }
    }
}

/// Which client of its machine it is, where that is not the first.
struct As<'a>(&'a ClientId);

impl fmt::Display for As<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.session > 1 { write!(f, ", as {}", self.0) } else { Ok(()) }
    }
}

impl fmt::Display for EventKind {
    /// The event in words, without time, place and cause: those have columns of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventKind::Phase(name) => write!(f, "phase {name}"),
            EventKind::Fault(text) => write!(f, "{text}"),
            EventKind::Format => write!(f, "formats its disk"),
            EventKind::Boot(life) => write!(f, "boots, life {}", life.0),
            EventKind::Crash(life) => write!(f, "crashes, life {}", life.0),
            EventKind::Pause => write!(f, "pauses"),
            EventKind::Resume => write!(f, "resumes"),
            EventKind::Wipe => write!(f, "loses its disk"),
            EventKind::Survived { file, sector, bytes } => {
                write!(f, "unsynced {file} sector {sector}: {bytes} bytes reached the disk")
            }
            EventKind::Send { to, label, repeat, size, .. } => {
                write!(f, "sends {label} #{repeat} to {to}, {size} bytes")
            }
            EventKind::Lost { to, label, repeat, reason } => {
                let reason = match reason {
                    Lost::Dropped => "dropped",
                    Lost::Cut => "link is cut",
                    Lost::Down => "receiver is down",
                    Lost::QueueFull => "queue is full",
                    Lost::Misrouted => "goes elsewhere",
                    Lost::Broken => "connection is broken",
                };
                write!(f, "loses {label} #{repeat} to {to}: {reason}")
            }
            EventKind::Deliver { from, label, repeat, copy, corrupt, .. } => {
                let again = if *copy == 0 { "" } else { " again" };
                let corrupt = if *corrupt { ", corrupted" } else { "" };
                write!(f, "receives {label} #{repeat} from {from}{again}{corrupt}")
            }
            EventKind::Stray { from, meant, label, repeat, .. } => {
                write!(f, "receives {label} #{repeat} from {from}, meant for {meant}")
            }
            EventKind::Reset { peer, nth } => write!(f, "loses its connection #{nth} to {peer}"),
            EventKind::DiskStart { label, repeat, .. } => write!(f, "starts {label} #{repeat}"),
            EventKind::DiskDone { label, repeat, .. } => write!(f, "finishes {label} #{repeat}"),
            EventKind::Timer { task, nth } => write!(f, "timer #{nth} of {task} fires"),
            EventKind::Probe(probe) => write!(f, "{probe}"),
            EventKind::Mark(name) => write!(f, "reaches: {name}"),
            EventKind::Call { client, number, operation } => write!(f, "calls #{number} {operation}{}", As(client)),
            EventKind::Return { client, number, outcome } => {
                write!(f, "call #{number} returns: {outcome}{}", As(client))
            }
            EventKind::Panic(message) => write!(f, "panics: {message}"),
            EventKind::Spin { task, polls } => match polls {
                1 => write!(f, "task {task} called its host on and on within one poll, without letting time move"),
                polls => write!(f, "task {task} polled {polls} times without letting time move"),
            },
        }
    }
}
