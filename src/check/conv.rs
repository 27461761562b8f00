//! CONV: at the end all replicas of the core are equal.

use crate::base::{Checksum, Disks, Event, EventKind, NodeId, Probe};

use super::back::list;
use super::by_node::ByNode;
use super::oracle::{Checked, End, Oracle, OracleId, Violation};

/// Keeps what each replica last said of itself, and compares the core.
///
/// What lies on the disk outlives a restart: the epoch and the head stay as last said until the replica says otherwise.
/// What is known only while it runs does not: a restarted replica has committed and applied nothing until it says so
/// again, and so it must, also of a state that it took whole from a checkpoint. A wiped or recovering replica has
/// nothing. A replica that has said nothing of one kind is equal only to others that have not either, so a system
/// without a log is judged by what it does say.
#[derive(Debug, Default)]
pub struct Conv {
    replicas: ByNode<Belief>,
    outcome: Option<Checked>,
}

/// What a replica last said of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Belief {
    down: bool,
    epoch: Option<u64>,
    head: Option<(u64, Checksum)>,
    committed: Option<u64>,
    applied: Option<(u64, Checksum)>,
}

impl Belief {
    /// Every aspect in words that follow the replica's name, in the order in which they are compared.
    fn aspects(&self) -> [String; 5] {
        let of = |what: &str, index: Option<String>| {
            index.map_or(format!("has no {what}"), |index| format!("has {what} {index}"))
        };
        [
            if self.down { "is down" } else { "is up" }.to_owned(),
            of("epoch", self.epoch.map(|epoch| epoch.to_string())),
            of("head", self.head.map(|(index, digest)| format!("{index} ({digest})"))),
            of("commit number", self.committed.map(|index| index.to_string())),
            of("state", self.applied.map(|(index, state)| format!("{state} after op {index}"))),
        ]
    }

    /// How far it is.
    fn progress(&self) -> [Option<u64>; 4] {
        [self.epoch, self.head.map(|head| head.0), self.committed, self.applied.map(|applied| applied.0)]
    }
}

impl Conv {
    /// Whether these replicas are equal now; clients among them do not matter.
    pub fn converged(&self, core: &[NodeId]) -> bool {
        let mut beliefs = core.iter().filter(|node| node.is_replica()).map(|node| self.belief(*node));
        let first = beliefs.next().unwrap_or_default();
        !first.down && beliefs.all(|belief| belief == first)
    }

    fn belief(&self, node: NodeId) -> Belief {
        self.replicas.get(node).copied().unwrap_or_default()
    }

    /// The first replica that differs from most of the others, and how.
    fn odd_one_out(&self, core: &[NodeId]) -> Option<(NodeId, String)> {
        let aspects: Vec<(NodeId, [String; 5])> =
            core.iter().map(|node| (*node, self.belief(*node).aspects())).collect();
        if let Some((node, _)) = aspects.iter().find(|(node, _)| self.belief(*node).down) {
            return Some((*node, format!("{node} is down")));
        }
        for aspect in 0..5 {
            let with = |words: &String| -> Vec<NodeId> {
                aspects.iter().filter(|(_, own)| own[aspect] == *words).map(|(node, _)| *node).collect()
            };
            // The opinion of most; of as many, that of whoever is further, because the others were left behind; among equals,
            // that of the lowest replica.
            let weight =
                |(node, own): &&(NodeId, [String; 5])| (with(&own[aspect]).len(), self.belief(*node).progress());
            let usual = &aspects.iter().rev().max_by_key(weight)?.1[aspect];
            if let Some((node, own)) = aspects.iter().find(|(_, own)| own[aspect] != *usual) {
                return Some((
                    *node,
                    format!("{node} {}, but {} {}", own[aspect], list(&with(usual)), plural(usual, with(usual).len())),
                ));
            }
        }
        None
    }
}

/// "has" for one, "have" for several.
fn plural(words: &str, count: usize) -> String {
    match words.strip_prefix("has ") {
        Some(rest) if count > 1 => format!("have {rest}"),
        _ => words.to_owned(),
    }
}

impl Oracle for Conv {
    fn id(&self) -> OracleId {
        OracleId::Conv
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        let Some(node) = event.node.filter(|node| node.is_replica()) else {
            return Ok(());
        };
        if !matches!(event.kind, EventKind::Boot(_) | EventKind::Crash(_) | EventKind::Wipe | EventKind::Probe(_)) {
            return Ok(());
        }
        let belief = self.replicas.at(node);
        match &event.kind {
            EventKind::Boot(_) => *belief = Belief { down: false, committed: None, applied: None, ..*belief },
            EventKind::Crash(_) => belief.down = true,
            EventKind::Wipe | EventKind::Probe(Probe::Recovering) => {
                *belief = Belief { down: belief.down, ..Belief::default() }
            }
            EventKind::Probe(Probe::Epoch { epoch, .. } | Probe::Role { epoch, .. }) => belief.epoch = Some(*epoch),
            EventKind::Probe(Probe::Head { index, digest }) => belief.head = Some((*index, *digest)),
            EventKind::Probe(Probe::Committed { index, .. }) => belief.committed = Some(*index),
            EventKind::Probe(Probe::Applied { index, state }) => belief.applied = Some((*index, *state)),
            _ => {}
        }
        Ok(())
    }

    fn on_end(&mut self, end: &End) -> Result<(), Violation> {
        let core: Vec<NodeId> = end.core.iter().copied().filter(|node| node.is_replica()).collect();
        if core.is_empty() {
            return Ok(());
        }
        self.outcome = Some(Checked::Checked(core.len() as u64));
        // Who is the same in all respects is so in words too, which take longer to compare.
        if self.converged(&core) {
            return Ok(());
        }
        match self.odd_one_out(&core) {
            Some((node, happened)) => {
                let nodes = std::iter::once(node).chain(core.into_iter().filter(|other| *other != node)).collect();
                let promised = OracleId::Conv.promise().to_owned();
                let (event, at) = (end.event, end.at);
                let kind = "differs".to_owned();
                Err(Violation { oracle: OracleId::Conv, event, at, nodes, role: None, kind, promised, happened })
            }
            None => Ok(()),
        }
    }

    fn checked(&self) -> Checked {
        let not = || Checked::NotChecked("the run did not come to the end of a quiet phase".to_owned());
        self.outcome.clone().unwrap_or_else(not)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, applied, committed, epoch, head};
    use super::*;

    fn core() -> Vec<NodeId> {
        vec![NodeId::replica(0), NodeId::replica(1), NodeId::replica(2), NodeId::client(0)]
    }

    /// All three replicas have op 2 in epoch 1.
    fn equal_story() -> Story {
        let mut story = Story::of(OracleId::Conv);
        for node in 0..3 {
            story.boot(node, 1).probe(node, epoch(1, 1)).probe(node, head(2, 0xb));
            story.probe(node, committed(1, 2, 0xb)).probe(node, applied(2, 0x5));
        }
        story.core(&core());
        story
    }

    #[test]
    fn equals_have_converged() {
        let mut story = equal_story();
        assert!(story.oracles().converged(&core()));
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(3));
    }

    #[test]
    fn each_difference_is_named() {
        for (probe, said) in [
            (epoch(2, 1), "r1 has epoch 2, but r0 and r2 have epoch 1"),
            (head(3, 0xc), "r1 has head 3 (0000000c), but r0 and r2 have head 2 (0000000b)"),
            (head(2, 0xc), "r1 has head 2 (0000000c), but r0 and r2 have head 2 (0000000b)"),
            (committed(1, 1, 0xa), "r1 has commit number 1, but r0 and r2 have commit number 2"),
            (applied(2, 0x6), "r1 has state 00000006 after op 2, but r0 and r2 have state 00000005 after op 2"),
        ] {
            let mut story = equal_story();
            story.probe(1, probe);
            assert!(!story.oracles().converged(&core()));
            assert_eq!(story.end(), said);
            assert_eq!(story.nodes(), "r1 r0 r2");
        }
    }

    #[test]
    fn between_two_the_one_that_is_further_is_believed() {
        for (further, other) in [(0, 1), (1, 0)] {
            let mut story = equal_story();
            story.core(&core()[..2]).probe(further, epoch(2, 1));
            assert_eq!(story.end(), format!("r{other} has epoch 1, but r{further} has epoch 2"));
        }
        let mut story = equal_story();
        story.core(&core()[..2]).probe(0, head(2, 0xc));
        assert_eq!(story.end(), "r1 has head 2 (0000000b), but r0 has head 2 (0000000c)", "the lower of equals");
    }

    #[test]
    fn a_restarted_replica_must_commit_again() {
        let mut story = equal_story();
        story.crash(1, 1);
        assert!(!story.oracles().converged(&core()));
        story.boot(1, 2);
        assert_eq!(story.end(), "r1 has no commit number, but r0 and r2 have commit number 2");
        let mut story = equal_story();
        story.crash(1, 1).boot(1, 2).probe(1, committed(1, 2, 0xb)).probe(1, applied(2, 0x5));
        assert_eq!(story.end(), "kept");
    }

    #[test]
    fn a_dead_or_empty_replica_is_not_equal() {
        let mut story = equal_story();
        story.crash(2, 1);
        assert_eq!(story.end(), "r2 is down");
        let mut story = equal_story();
        story.crash(2, 1).wipe(2).boot(2, 2);
        assert_eq!(story.end(), "r2 has no epoch, but r0 and r1 have epoch 1");
    }

    #[test]
    fn outside_the_core_anything_goes_and_without_one_nothing_is_judged() {
        let mut story = equal_story();
        story.core(&core()[..2]).crash(2, 1);
        assert_eq!(story.end(), "kept");
        let mut story = equal_story();
        story.core(&[]).crash(2, 1);
        assert_eq!(story.end(), "kept");
        assert!(matches!(story.checked(), Checked::NotChecked(_)));
    }
}
