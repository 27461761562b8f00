//! Files.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{DiskDone, DiskError, DiskOp, Env, FileId, IoId};
use crate::base::{Kind, Label};

static OPEN: Kind = Kind::new("open", &[]);
static LENGTH: Kind = Kind::new("length", &[]);
static SET_LENGTH: Kind = Kind::new("set-length", &[]);
static RENAME: Kind = Kind::new("rename", &[]);
static REMOVE: Kind = Kind::new("remove", &[]);
static LIST: Kind = Kind::new("list", &[]);
static SYNC_DIR: Kind = Kind::new("sync-dir", &[]);

/// A node's disk: one directory of files.
///
/// *Written* is not *durable*. What was written before a [`File::sync`] began is durable when the sync has returned
/// good, and a name is durable after [`Disk::sync_dir`]. At a crash anything else may be kept, lost or, within a
/// sector, torn.
#[derive(Clone, Debug)]
pub struct Disk {
    env: Env,
}

impl Disk {
    pub(super) fn new(env: Env) -> Disk {
        Disk { env }
    }

    fn run(&self, label: Label, operation: DiskOp) -> Io {
        Io::start(self.env.clone(), label, operation)
    }

    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`DiskError::NotFound`] if it does not.
    pub async fn open(&self, name: &str) -> Result<File, DiskError> {
        self.open_or(name, false).await
    }

    /// Opens a file, which is made empty if it does not exist. Its name is not durable before [`Disk::sync_dir`].
    ///
    /// # Errors
    /// As the device has it.
    pub async fn create(&self, name: &str) -> Result<File, DiskError> {
        self.open_or(name, true).await
    }

    async fn open_or(&self, name: &str, create: bool) -> Result<File, DiskError> {
        match self.run(OPEN.label([]), DiskOp::Open { name: name.into(), create }).await? {
            DiskDone::Opened(file) => Ok(File { disk: self.clone(), file }),
            other => unreachable!("opening a file gave {other:?}"),
        }
    }

    /// Gives a file another name, replacing what had it; durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// [`DiskError::NotFound`] if there is no such file.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        self.run(RENAME.label([]), DiskOp::Rename { from: from.into(), to: to.into() }).await.map(|_| ())
    }

    /// Removes a name; durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// [`DiskError::NotFound`] if there is no such file.
    pub async fn remove(&self, name: &str) -> Result<(), DiskError> {
        self.run(REMOVE.label([]), DiskOp::Remove { name: name.into() }).await.map(|_| ())
    }

    /// All names, in order.
    ///
    /// # Errors
    /// As the device has it.
    pub async fn list(&self) -> Result<Vec<Rc<str>>, DiskError> {
        match self.run(LIST.label([]), DiskOp::List).await? {
            DiskDone::Names(names) => Ok(names),
            other => unreachable!("listing a disk gave {other:?}"),
        }
    }

    /// Makes all names durable.
    ///
    /// # Errors
    /// As the device has it; then nothing is known of what is durable.
    pub async fn sync_dir(&self) -> Result<(), DiskError> {
        self.run(SYNC_DIR.label([]), DiskOp::SyncDir).await.map(|_| ())
    }
}

/// An open file. Clones are the same file; it stays open for the rest of the node's life.
///
/// Reads, writes and syncs take a label, because decisions are named by it: `write(slot5)` says what is written.
#[derive(Clone, Debug)]
pub struct File {
    disk: Disk,
    file: FileId,
}

impl File {
    /// Reads up to `length` bytes; fewer where the file ends.
    ///
    /// # Errors
    /// As the device has it.
    pub async fn read_at(&self, label: Label, offset: u64, length: u64) -> Result<Bytes, DiskError> {
        match self.disk.run(label, DiskOp::Read { file: self.file, offset, length }).await? {
            DiskDone::Bytes(bytes) => Ok(bytes),
            other => unreachable!("reading a file gave {other:?}"),
        }
    }

    /// Writes bytes. Durable only after a sync that begins when this is done.
    ///
    /// The write goes on even if this future is dropped.
    ///
    /// # Errors
    /// As the device has it; then nothing is known of what is in that place.
    pub fn write_at(
        &self,
        label: Label,
        offset: u64,
        bytes: Bytes,
    ) -> impl Future<Output = Result<(), DiskError>> + use<> {
        // Started here and not at the first poll, so that several writes can be under way before one is awaited.
        let io = self.disk.run(label, DiskOp::Write { file: self.file, offset, bytes });
        async move { io.await.map(|_| ()) }
    }

    /// Makes everything that has been written durable.
    ///
    /// # Errors
    /// As the device has it. A failed sync must not be tried again in the hope that a good second one means anything:
    /// what was dirty may have been dropped.
    pub async fn sync(&self, label: Label) -> Result<(), DiskError> {
        self.disk.run(label, DiskOp::Sync { file: self.file }).await.map(|_| ())
    }

    /// The length of the file.
    ///
    /// # Errors
    /// As the device has it.
    pub async fn length(&self) -> Result<u64, DiskError> {
        match self.disk.run(LENGTH.label([]), DiskOp::Length { file: self.file }).await? {
            DiskDone::Length(length) => Ok(length),
            other => unreachable!("asking for a length gave {other:?}"),
        }
    }

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// As the device has it.
    pub async fn set_length(&self, length: u64) -> Result<(), DiskError> {
        self.disk.run(SET_LENGTH.label([]), DiskOp::SetLength { file: self.file, length }).await.map(|_| ())
    }
}

/// A disk operation under way.
struct Io {
    env: Env,
    io: Option<IoId>,
}

impl Io {
    fn start(env: Env, label: Label, operation: DiskOp) -> Io {
        let io = env.host().disk_start(label, operation);
        Io { env, io: Some(io) }
    }
}

impl Future for Io {
    type Output = Result<DiskDone, DiskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let io = self.io.expect("a disk operation is not polled after it has ended");
        let done = self.env.host().disk_poll(io, context);
        if done.is_ready() {
            self.io = None;
        }
        done
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        if let Some(io) = self.io {
            self.env.host().disk_forget(io);
        }
    }
}
