//! What came of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::{Digest, Event, Instant};
use crate::check::{Checked, OracleId, Violation};

use crate::world::{Aim, Fault, Miss, Refusal, Trigger, When, Which};

use super::Scenario;

/// What came of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every promise was kept, as far as it was checked.
    Pass,
    /// A safety promise was broken.
    Violation(Violation),
    /// A liveness promise was broken.
    Stuck(Violation),
    /// Nothing was broken, but an oracle could not decide; here is why.
    Inconclusive(String),
}

impl Verdict {
    /// The promise that was broken, if one was.
    pub fn finding(&self) -> Option<&Violation> {
        match self {
            Verdict::Violation(violation) | Verdict::Stuck(violation) => Some(violation),
            Verdict::Pass | Verdict::Inconclusive(_) => None,
        }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Violation(_) => "violation",
            Verdict::Stuck(_) => "stuck",
            Verdict::Inconclusive(_) => "inconclusive",
        }
    }
}

/// One run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The seed it ran with.
    pub seed: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// The hash over its trace.
    pub digest: Digest,
    /// How many events it had.
    pub events: u64,
    /// How many packets arrived.
    pub deliveries: u64,
    /// How long it lasted in virtual time.
    pub virtual_time: Duration,
    /// The highest index committed.
    pub committed: u64,
    /// How often a replica began to lead an epoch, the first one excepted.
    pub view_changes: u64,
    /// How the clients' calls ended.
    pub calls: Calls,
    /// Faults that struck, by kind: "crash", "partition", "packet lost", …
    pub faults: BTreeMap<&'static str, u64>,
    /// Marks that were passed, by name.
    pub marks: BTreeMap<&'static str, u64>,
    /// What came of the faults of those phases that began.
    pub aims: Vec<Aimed>,
    /// What would have been too much trouble, the first ones.
    pub left_out: Vec<LeftOut>,
    /// What each oracle did.
    pub checked: Vec<(OracleId, Checked)>,
    /// Every event, if asked for.
    pub trace: Option<Vec<Event>>,
    /// The plan that repeats it, if asked for.
    pub plan: Option<Box<Scenario>>,
    /// Deviations of the plan that never came up, as text.
    pub unused: Vec<String>,
    /// Every name that a file ever had on any disk, if a plan was asked for.
    pub files: BTreeSet<String>,
}

/// Trouble that was not made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// When.
    pub at: Instant,
    /// What it would have been, in words.
    pub what: String,
    /// Who left it out: what there may be of trouble at most.
    pub by: &'static str,
}

impl From<Refusal> for LeftOut {
    fn from(Refusal { at, what, why }: Refusal) -> LeftOut {
        LeftOut { at, what, by: if why == Miss::Spared { "max_down" } else { "budget" } }
    }
}

/// What came of one fault of the scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aimed {
    /// The fault, in words.
    pub fault: String,
    /// The moment that it waits for (`on`), without its number, if it waits for one.
    pub moment: Option<String>,
    /// How often its time or its moment came.
    pub due: u64,
    /// How often it then struck.
    pub struck: u64,
    /// If it never did: why not.
    pub why: Option<String>,
}

impl Aimed {
    /// What came of a fault.
    pub(super) fn of(fault: &Fault, aim: &Aim) -> Aimed {
        let moment = match &fault.when {
            When::On { trigger, .. } => Some(Trigger { which: Which::Nth(1), ..trigger.clone() }.to_string()),
            _ => None,
        };
        let never = || match aim.miss {
            Some(miss) => miss.to_string(),
            None if moment.is_some() => "its moment did not come".to_string(),
            None => "its phase was over before".to_string(),
        };
        let why = (aim.struck == 0).then(never);
        Aimed { fault: fault.to_string(), moment, due: aim.due, struck: aim.struck, why }
    }
}

/// How the clients' calls ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Calls {
    /// Begun.
    pub begun: u64,
    /// Answered.
    pub answered: u64,
    /// Given up, or still open at the end.
    pub unknown: u64,
}
