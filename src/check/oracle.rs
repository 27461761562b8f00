//! What an oracle is, and what it says.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::{Checksum, Disks, Event, EventId, EventKind, Instant, NodeId, Redundancy, Role};

/// The oracles there are. Tags and meaning as in the table in `docs/oracles.md`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OracleId {
    /// AGREE: an index is committed with one digest, by all replicas and for all time.
    Agree,
    /// BACK: what is marked committed is durable on a quorum at that moment.
    Back,
    /// DUR: what was committed is in the log of every later epoch's leader when that epoch starts.
    Dur,
    /// MONO: across restarts, promised epochs never go back and acknowledged entries stay.
    Mono,
    /// DIV: the state machine is in the same state at the same index on every replica.
    Div,
    /// ONCE: a request is executed at most once.
    Once,
    /// LIN: the clients' history is linearizable.
    Lin,
    /// LIVE: in a quiet phase every request of a connected client is answered in time.
    Live,
    /// CONV: at the end all replicas of the core are equal.
    Conv,
    /// PANIC: no node panics. Always on.
    Panic,
    /// SPIN: no task runs on for ever without letting time move. Always on.
    Spin,
}

const NAMES: [(OracleId, &str, &str); 11] = [
    (OracleId::Agree, "agree", "log-prefix"),
    (OracleId::Back, "back", "backed-commit"),
    (OracleId::Dur, "dur", "no-lost-commit"),
    (OracleId::Mono, "mono", "no-lost-ack"),
    (OracleId::Div, "div", "same-state"),
    (OracleId::Once, "once", "at-most-once"),
    (OracleId::Lin, "lin", "linearizable"),
    (OracleId::Live, "live", "all-requests-complete"),
    (OracleId::Conv, "conv", "converged"),
    (OracleId::Panic, "panic", "no-panic"),
    (OracleId::Spin, "spin", "no-spin"),
];

impl OracleId {
    /// All of them, safety first.
    pub fn all() -> impl Iterator<Item = OracleId> {
        NAMES.iter().map(|(id, _, _)| *id)
    }

    /// The short word, as in `--oracles lin,live`.
    pub fn tag(self) -> &'static str {
        self.names().0
    }

    /// The word in scenario files, as in `safety = ["linearizable"]`.
    pub fn name(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        let (_, tag, name) = NAMES.iter().find(|(id, _, _)| *id == self).expect("every oracle has names");
        (tag, name)
    }

    /// What it watches over, in a clause.
    pub fn promise(self) -> &'static str {
        match self {
            OracleId::Agree => "an op is committed with one digest everywhere and for ever",
            OracleId::Back => "an op is durable on a quorum when it is marked committed",
            OracleId::Dur => "a committed op is in the log of every later leader",
            OracleId::Mono => "what a replica has promised outlives its restarts",
            OracleId::Div => "replicas that have applied the same op are in the same state",
            OracleId::Once => "a request is executed at most once",
            OracleId::Lin => "the history is linearizable",
            OracleId::Live => "in a quiet phase every request of a core client is answered in time",
            OracleId::Conv => "at the end all replicas of the core are equal",
            OracleId::Panic => "no node panics",
            OracleId::Spin => "no task runs on without letting time move",
        }
    }

    /// Whether it judges progress rather than safety; such a finding is called *stuck*.
    pub fn is_liveness(self) -> bool {
        matches!(self, OracleId::Live | OracleId::Conv)
    }
}

impl fmt::Display for OracleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tag().to_uppercase())
    }
}

impl FromStr for OracleId {
    type Err = String;
    /// Accepts the tag and the name.
    fn from_str(text: &str) -> Result<Self, String> {
        let known =
            |(id, tag, name): &(OracleId, &str, &str)| (text.eq_ignore_ascii_case(tag) || text == *name).then_some(*id);
        NAMES.iter().find_map(known).ok_or_else(|| {
            let names: Vec<String> = NAMES.iter().map(|(_, tag, name)| format!("{name} ({tag})")).collect();
            format!("unknown oracle `{text}`; there are {}", names.join(", "))
        })
    }
}

/// A broken promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Who noticed.
    pub oracle: OracleId,
    /// The event at which the promise was broken.
    pub event: EventId,
    /// When.
    pub at: Instant,
    /// The nodes concerned, the one that broke it first.
    pub nodes: Vec<NodeId>,
    /// The part that the first of them played, as far as it had said.
    pub role: Option<Role>,
    /// The kind of the event, without numbers: `commits`, `leads`, `panics: slot # is taken`. With the oracle and the
    /// role it tells one finding from another.
    pub kind: String,
    /// What was promised, in a clause: "an op is committed with one digest everywhere".
    pub promised: String,
    /// What happened, in a sentence without a full stop: "r1 committed op 3 as 1f2e, but r0 had committed it as 99aa".
    pub happened: String,
}

impl Violation {
    /// The promise of `oracle`, broken at `event`. Whoever knows the roles fills in the first node's.
    pub fn new(oracle: OracleId, event: &Event, nodes: Vec<NodeId>, happened: String) -> Violation {
        let promised = oracle.promise().to_owned();
        let kind = match &event.kind {
            EventKind::Panic(message) => format!("panics: {}", without_numbers(message)),
            kind => kind.word().to_owned(),
        };
        Violation { oracle, event: event.id, at: event.at, nodes, role: None, kind, promised, happened }
    }
}

/// A text with `#` for each of its numbers: what two panics at one place have in common.
fn without_numbers(text: &str) -> String {
    let mut short = String::new();
    for character in text.chars() {
        match character {
            digit if digit.is_ascii_digit() && short.ends_with('#') => {}
            digit if digit.is_ascii_digit() => short.push('#'),
            other => short.push(other),
        }
    }
    short
}

/// The nodes concerned, each once.
pub(super) fn pair(first: NodeId, second: NodeId) -> Vec<NodeId> {
    if first == second { vec![first] } else { vec![first, second] }
}

/// How far an oracle came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checked {
    /// It watched everything, `n` times.
    Checked(u64),
    /// It could not watch at all, and says why; never counts as green.
    NotChecked(String),
    /// It ran out of budget, and says where; the verdict is then inconclusive.
    Undecided(String),
}

/// What a protocol's disks hold, read by code that the protocol does not share.
///
/// Reads go through [`Disks`], and so see what the disks *promised*; or, where an oracle looks through
/// [`ActualDisks`](crate::base::ActualDisks), what is there in fact.
pub trait Layout {
    /// The chained digest of the log entry at this index, if it is durably there and whole.
    fn entry(&self, disks: &dyn Disks, node: NodeId, index: u64) -> Option<Checksum>;
    /// The epoch durably promised, and the last one in which the log was the real one; `None` if nothing whole is there.
    fn epoch(&self, disks: &dyn Disks, node: NodeId) -> Option<Epoch>;
    /// The last index that a durable checkpoint covers; 0 if there is none.
    ///
    /// An entry at or below it is held although its place in the log may have been used again. A layout whose log
    /// gives places back must implement this.
    fn checkpoint(&self, _disks: &dyn Disks, _node: NodeId) -> u64 {
        0
    }
    /// What else there is of what lies in a sector of a file, each of 512 bytes. By this the world knows what it may
    /// damage without taking away the last copy of something; see `docs/faults.md`. Of what nothing is said here, nothing
    /// is damaged.
    fn redundancy(&self, _file: &str, _sector: u64) -> Redundancy {
        Redundancy::Sole
    }
}

/// A durable promise of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Epoch {
    /// View or term.
    pub epoch: u64,
    /// The last one in which this node's log was the real one.
    pub log_epoch: u64,
}

/// How many replicas must agree on what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quorums {
    /// To commit.
    pub replication: u16,
    /// To change the epoch.
    pub view_change: u16,
}

/// How a run ended, for oracles that judge the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    /// The last event.
    pub event: EventId,
    /// When.
    pub at: Instant,
    /// The core of the last quiet phase; empty if there was none.
    pub core: Vec<NodeId>,
}

/// Watches events, or the history they make, and says when a promise is broken.
pub trait Oracle {
    /// Which one it is.
    fn id(&self) -> OracleId;

    /// Told of every event, in order.
    ///
    /// # Errors
    /// The promise that this event breaks.
    fn on_event(&mut self, event: &Event, disks: &dyn Disks) -> Result<(), Violation>;

    /// Told once, if nothing was broken before.
    ///
    /// # Errors
    /// The promise that the whole run breaks.
    fn on_end(&mut self, _end: &End) -> Result<(), Violation> {
        Ok(())
    }

    /// What it did.
    fn checked(&self) -> Checked;
}
