//! The boundary: what must stand behind an [`Env`](super::Env).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::base::{Incarnation, Instant, Label, NodeId, Payload, Probe, WallTime};

/// A boxed future that stays on its thread.
pub type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// A timer of a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerId(pub u64);

/// A disk operation of a host that has been started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IoId(pub u64);

/// A task of a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskId(pub u64);

/// An open file of a host, valid for one life of the node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(pub u32);

/// Something that came in.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A message. On a network of datagrams it may be damaged, and may come twice or out of order; on one of streams it
    /// is the next of those that its sender sent since the last reset between the two.
    Message {
        /// Who sent it.
        from: NodeId,
        /// Its bytes, as they arrived.
        body: Payload,
    },
    /// On a network of streams: the connection to this peer is gone, or could not be opened. What was under way on it is
    /// lost, either way; the next message to the peer opens another.
    Reset {
        /// The other end.
        peer: NodeId,
    },
}

/// An [`Incoming`] on its way from the host: its parts lie where they can be moved in whole words, which those of an enum cannot.
#[derive(Debug)]
pub struct Received {
    /// The message; empty if it is a reset.
    pub body: Payload,
    /// Who sent it, or the other end of the connection that is gone.
    pub from: NodeId,
    /// Whether it is a reset.
    pub is_reset: bool,
}

impl From<Received> for Incoming {
    #[inline(always)]
    fn from(received: Received) -> Incoming {
        match received {
            Received { from, is_reset: true, .. } => Incoming::Reset { peer: from },
            Received { from, body, .. } => Incoming::Message { from, body },
        }
    }
}

/// Something to do to a disk.
#[derive(Clone, Debug)]
pub enum DiskOp {
    /// Open a file, which is made first if `create` says so and it does not exist. A new file's *name* is durable only
    /// after [`DiskOp::SyncDir`].
    Open {
        /// Its name.
        name: Rc<str>,
        /// Whether to make it.
        create: bool,
    },
    /// Read bytes; fewer than asked for where the file ends.
    Read {
        /// Which file.
        file: FileId,
        /// From where.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// Write bytes. Later reads see them once this is done; they are durable only after a sync that was started after this was done.
    Write {
        /// Which file.
        file: FileId,
        /// To where; a gap behind the end is filled with zeros.
        offset: u64,
        /// What.
        bytes: Bytes,
    },
    /// Make everything written (and the length) durable, as of now.
    Sync {
        /// Which file.
        file: FileId,
    },
    /// How long the file is.
    Length {
        /// Which file.
        file: FileId,
    },
    /// Cut the file, or extend it with zeros.
    SetLength {
        /// Which file.
        file: FileId,
        /// Its new length.
        length: u64,
    },
    /// Give a file another name, replacing what had it. Durable only after [`DiskOp::SyncDir`].
    Rename {
        /// The old name.
        from: Rc<str>,
        /// The new name.
        to: Rc<str>,
    },
    /// Remove a name. Durable only after [`DiskOp::SyncDir`].
    Remove {
        /// Which.
        name: Rc<str>,
    },
    /// All names, in order.
    List,
    /// Make names durable, as of now.
    SyncDir,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskDone {
    /// It was done.
    Done,
    /// The file is open.
    Opened(FileId),
    /// The bytes.
    Bytes(Bytes),
    /// The length.
    Length(u64),
    /// The names.
    Names(Vec<Rc<str>>),
}

/// Why it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// There is no file of that name.
    #[error("no such file")]
    NotFound,
    /// The device failed. What a failed write or sync left behind is not known.
    #[error("input/output error")]
    Failed,
    /// There is no room for what was to be written, and nothing of it was.
    #[error("no space left on the device")]
    NoSpace,
}

/// The host of one life of one node.
///
/// Methods are poll-style and object-safe: one wait costs no boxed future, and there is one compiled copy of the
/// protocol. A host for real sockets and files must be writable; nothing here may assume that time is virtual.
///
/// After the life has ended every call is without effect and every poll is pending for ever.
pub trait Host {
    /// See [`Env::id`](super::Env::id).
    fn id(&self) -> NodeId;
    /// See [`Env::incarnation`](super::Env::incarnation).
    fn incarnation(&self) -> Incarnation;
    /// See [`Env::now`](super::Env::now).
    fn now(&self) -> Instant;
    /// See [`Env::wall`](super::Env::wall).
    fn wall(&self) -> WallTime;
    /// Starts a timer that is due when the node's clock shows `at`, and wakes `context` when it is. None if the clock shows
    /// that already.
    fn timer_start(&self, at: Instant, context: &mut Context<'_>) -> Option<TimerId>;
    /// Whether the timer is due, which it is not before the node's clock shows its moment; if not, wakes `context` when it
    /// is. A due timer is gone once it was seen to be due.
    fn timer_poll(&self, timer: TimerId, context: &mut Context<'_>) -> Poll<()>;
    /// Forgets a timer.
    fn timer_cancel(&self, timer: TimerId);
    /// See [`Env::send`](super::Env::send).
    fn send(&self, to: NodeId, label: Label, body: Payload);
    /// Takes the next message; if there is none, wakes `context` when there is.
    fn recv_poll(&self, context: &mut Context<'_>) -> Poll<Received>;
    /// Starts a disk operation, which goes on whether or not anybody waits for it.
    fn disk_start(&self, label: Label, operation: DiskOp) -> IoId;
    /// Takes the outcome of a disk operation; if it is not done, wakes `context` when it is.
    fn disk_poll(&self, io: IoId, context: &mut Context<'_>) -> Poll<Result<DiskDone, DiskError>>;
    /// Nobody waits for this operation any more.
    fn disk_forget(&self, io: IoId);
    /// See [`Env::spawn`](super::Env::spawn).
    fn spawn(&self, name: Label, future: Local<()>) -> TaskId;
    /// See [`Env::abort`](super::Env::abort).
    fn abort(&self, task: TaskId);
    /// See [`Env::random`](super::Env::random).
    fn random(&self, stream: Label) -> u64;
    /// See [`Env::probe`](super::Env::probe).
    fn probe(&self, probe: Probe);
    /// See [`Env::mark`](super::Env::mark).
    fn mark(&self, name: &'static str);
}

impl fmt::Debug for super::Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Env({} {})", self.id(), self.incarnation())
    }
}
