//! What makes two findings the same finding.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Role;
use crate::check::{OracleId, Violation};

/// What a finding is told apart by: which oracle objected, to what kind of event, of whom. No numbers, no names and no
/// times, so that seeds that fail in one way fall into one group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Who objected.
    pub oracle: OracleId,
    /// The part that the first of the nodes concerned played.
    pub part: Part,
    /// The kind of event: `commits`, `leads`.
    pub kind: String,
}

/// The part a node played where a promise was broken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// It had said what it was.
    Role(Role),
    /// A replica that had said nothing in this life.
    Replica,
    /// A client machine.
    Client,
    /// No node in particular.
    World,
}

impl Signature {
    /// The signature of a finding.
    pub fn of(violation: &Violation) -> Signature {
        let part = match (violation.role, violation.nodes.first()) {
            (Some(role), _) => Part::Role(role),
            (None, Some(node)) if node.is_replica() => Part::Replica,
            (None, Some(_)) => Part::Client,
            (None, None) => Part::World,
        };
        Signature { oracle: violation.oracle, part, kind: violation.kind.clone() }
    }

    /// Whether the other is the same failure for a shrinker: the same promise, broken by a node that plays the same
    /// part. The kind of event may differ, because a smaller run may break the promise a step earlier; but of a panic it
    /// is all that there is.
    pub fn is_same_failure(&self, other: &Signature) -> bool {
        let is_crash = matches!(self.oracle, OracleId::Panic | OracleId::Spin);
        self.oracle == other.oracle && self.part == other.part && (!is_crash || self.kind == other.kind)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Role(role) => write!(f, "{role}"),
            Part::Replica => write!(f, "replica"),
            Part::Client => write!(f, "client"),
            Part::World => write!(f, "world"),
        }
    }
}

impl fmt::Display for Signature {
    /// `BACK primary commits`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.oracle, self.part, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::NodeId;
    use crate::report::samples;

    #[test]
    fn it_says_who_did_what_to_which_promise() {
        let mut violation = samples::violation(OracleId::Back);
        assert_eq!(Signature::of(&violation).to_string(), "BACK primary commits");
        violation.role = None;
        assert_eq!(Signature::of(&violation).to_string(), "BACK replica commits");
        violation.nodes = vec![NodeId::client(1)];
        violation.kind = "waits".to_string();
        assert_eq!(Signature::of(&violation).to_string(), "BACK client waits");
        violation.nodes.clear();
        assert_eq!(Signature::of(&violation).part, Part::World);
    }

    #[test]
    fn numbers_and_nodes_tell_no_findings_apart() {
        let one = samples::violation(OracleId::Back);
        let mut other = one.clone();
        other.nodes.reverse();
        other.event.0 += 7;
        other.happened = "r0 committed op 9".to_string();
        assert_eq!(Signature::of(&one), Signature::of(&other));
        other.kind = "leads".to_string();
        let panic = |kind: &str| Signature { oracle: OracleId::Panic, kind: kind.to_string(), ..Signature::of(&one) };
        assert!(!panic("panics: slot # is taken").is_same_failure(&panic("panics: no such client")));
        assert!(Signature::of(&one).is_same_failure(&Signature::of(&other)));
        assert_ne!(Signature::of(&one), Signature::of(&other));
    }
}
