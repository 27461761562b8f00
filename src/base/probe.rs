//! Probes: what a node tells the outside it believes.
//!
//! A probe has no effect inside the world. Oracles compare what nodes believe with each other and with the disks, and
//! scenario files aim faults by it (`target = "primary"`). The words are protocol-neutral: an *epoch* is a view or a
//! term, an *index* is an op number or a log index.

use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::hash::Checksum;

/// The part a node plays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Orders requests: primary, leader.
    Primary,
    /// Follows one: backup, follower.
    Backup,
    /// Neither at the moment: changing views, a candidate, recovering.
    Between,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Primary => "primary",
            Role::Backup => "backup",
            Role::Between => "between",
        })
    }
}

/// One statement of a node about itself.
///
/// `chain` and `digest` of an entry are hashes that cover the entry *and everything before it*, so that two logs that
/// agree at one index agree below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probe {
    /// "I now play this part in this epoch."
    Role {
        /// The part.
        role: Role,
        /// In which view or term.
        epoch: u64,
    },
    /// "I promise never again to act in an earlier epoch": said when the promise is sent, or recovered from disk.
    Epoch {
        /// The view or term promised.
        epoch: u64,
        /// The last epoch in which this node's log was the real one (`log_view`); equal to `epoch` where a protocol has no such thing.
        log_epoch: u64,
    },
    /// "My log now ends here": said after every change of the log's end.
    Head {
        /// Index of the last entry; 0 when empty.
        index: u64,
        /// Its chained digest.
        digest: Checksum,
    },
    /// "I promise that I hold this entry and all before it, durably": said when the acknowledgement is sent.
    Acked {
        /// The epoch it is acknowledged in.
        epoch: u64,
        /// The entry.
        index: u64,
        /// Its chained digest.
        digest: Checksum,
    },
    /// "I begin to lead this epoch with this log."
    Leads {
        /// The view or term.
        epoch: u64,
        /// What this node already knows to be committed.
        committed: u64,
        /// Chained digests of the entries after that, in order; the log's head is `committed + chain.len()`.
        chain: Rc<[Checksum]>,
    },
    /// "I know this entry, and all before it, to be committed."
    Committed {
        /// The epoch this node is in.
        epoch: u64,
        /// The entry.
        index: u64,
        /// Its chained digest.
        digest: Checksum,
    },
    /// "My state machine has applied this entry and is now in this state."
    Applied {
        /// The entry.
        index: u64,
        /// A hash of the state machine.
        state: Checksum,
    },
    /// "Applying this entry executed this request of this client."
    Executed {
        /// The system's own number for the client.
        client: u64,
        /// The client's number for the request.
        request: u64,
        /// The entry.
        index: u64,
    },
    /// "I have cut my log, as a later epoch demands; nothing above this index is acknowledged any more."
    Truncated {
        /// The last entry kept.
        index: u64,
        /// The epoch that demands it.
        epoch: u64,
    },
    /// "I promise that I never acknowledged this entry."
    Nacked {
        /// The entry.
        index: u64,
        /// Its digest.
        digest: Checksum,
    },
    /// "I have lost my disk and make no promise until I have recovered."
    Recovering,
}

impl Probe {
    /// The kind of statement in a word or two, without numbers: `commits`, `leads`.
    pub fn word(&self) -> &'static str {
        match self {
            Probe::Role { .. } => "changes role",
            Probe::Epoch { .. } => "promises",
            Probe::Head { .. } => "moves its head",
            Probe::Acked { .. } => "acks",
            Probe::Leads { .. } => "leads",
            Probe::Committed { .. } => "commits",
            Probe::Applied { .. } => "applies",
            Probe::Executed { .. } => "executes",
            Probe::Truncated { .. } => "truncates",
            Probe::Nacked { .. } => "nacks",
            Probe::Recovering => "recovers",
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Role { role, epoch } => write!(f, "is {role} in epoch {epoch}"),
            Probe::Epoch { epoch, log_epoch } => write!(f, "promises epoch {epoch}, log of epoch {log_epoch}"),
            Probe::Head { index, digest } => write!(f, "head {index} ({digest})"),
            Probe::Acked { epoch, index, digest } => write!(f, "acks {index} ({digest}) in epoch {epoch}"),
            Probe::Leads { epoch, committed, chain } => {
                write!(f, "leads epoch {epoch}, committed {committed}, head {}", committed + chain.len() as u64)
            }
            Probe::Committed { epoch, index, digest } => write!(f, "commits {index} ({digest}) in epoch {epoch}"),
            Probe::Applied { index, state } => write!(f, "applied {index}, state {state}"),
            Probe::Executed { client, request, index } => {
                write!(f, "executed request {request} of {client:x} as {index}")
            }
            Probe::Truncated { index, epoch } => write!(f, "cuts its log after {index} for epoch {epoch}"),
            Probe::Nacked { index, digest } => write!(f, "never acked {index} ({digest})"),
            Probe::Recovering => write!(f, "is recovering"),
        }
    }
}
