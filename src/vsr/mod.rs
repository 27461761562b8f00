//! Viewstamped Replication: a log that several replicas agree on, and a service that executes it.
//!
//! After Liskov and Cowling, *Viewstamped Replication Revisited* (2012), with disks: here a replica that crashes comes
//! back with what it had made durable. In reading order:
//!
//! - [`entry`]: what is in the log; [`message`]: what is said; [`codec`]: both as bytes.
//! - [`quorum`] and [`config`]: how many must agree, and how long they wait.
//! - [`disk`]: what a replica keeps on disk, so that it survives crashes and decay: the log, the promises, checkpoints.
//! - [`sessions`]: which requests were executed; [`service`]: what executes them; [`kv`]: one such service.
//! - [`boot`]: how a life begins; [`replica`]: one replica's state and its main loop, with its handlers in parts: the normal
//!   case (`requests`, `primary`, `backup`, `execution`), how its log changes (`log_changes`), the change of views
//!   (`view_change`, `choice`, `install`), catching up (`repair`, `state`), and [`recovery`] of a replica whose disk is lost.
//! - `invariants`: what always holds of a replica between two inputs.
//! - [`client`]: the other side.
//! - [`plant`]: mistakes that can be switched on.
//!
//! What holds at all times:
//!
//! 1. Nothing is promised before it is durable: no view, no log of a view, no entry.
//! 2. A replica's log is *the* log of its `log_view`, or a beginning of it that holds all that may be committed.
//! 3. The log is cut only when a later view's primary has shown that view's log, and never while a write is under way.
//! 4. Only entries known to be committed are executed.
//!
//! `docs/vsr.md` tells all of it in one piece, with what differs from the paper and why.

mod backup;
pub mod boot;
mod choice;
pub mod client;
pub mod codec;
pub mod config;
pub mod disk;
pub mod entry;
mod execution;
mod install;
mod invariants;
pub mod kv;
mod log_changes;
pub mod message;
pub mod plant;
mod primary;
pub mod quorum;
pub mod recovery;
mod repair;
pub mod replica;
mod requests;
pub mod service;
pub mod sessions;
mod state;
mod timers;
mod view_change;

pub use boot::{boot, format};
pub use client::VsrClient;
pub use config::Config;
pub use plant::Plant;
pub use service::Service;
