//! DUR: what was committed is in the log of every later epoch's leader when that epoch starts.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::{Checksum, Disks, Event, EventKind, NodeId, Probe};

use super::by_node::ByNode;
use super::oracle::{Checked, Oracle, OracleId, Violation, pair};

/// How many beginnings of epochs are remembered for commits that come too late.
const LEADERS_KEPT: usize = 64;

/// Holds what was committed against the log that each leader begins with.
///
/// Digests are chained, so of each epoch only the greatest index committed in it matters: a log that has that entry
/// has everything before it. An index belongs to the epoch of the replica that first said it was committed.
///
/// A leader owes the commits of its own epoch and of those before it. Its own epoch can have some only if it led that
/// epoch before and now takes it up again after a restart. What later epochs committed it does not owe: an old leader
/// may wake up late, harmlessly, after others have gone on.
///
/// The promise can also break the other way round, when an old leader commits an entry after a later epoch has begun
/// without it; so recent beginnings are kept and every new commit is held against them.
#[derive(Debug, Default)]
pub struct Dur {
    /// The greatest index committed in each epoch that committed anything new.
    commits: BTreeMap<u64, Commit>,
    /// The greatest index that anybody has committed.
    greatest: u64,
    /// By epoch, the newest `LEADERS_KEPT`.
    leaders: BTreeMap<u64, Lead>,
    /// What each replica has last committed in this life.
    last: ByNode<Option<(u64, Checksum)>>,
    checked: u64,
}

#[derive(Clone, Copy, Debug)]
struct Commit {
    index: u64,
    digest: Checksum,
    node: NodeId,
}

#[derive(Clone, Debug)]
struct Lead {
    node: NodeId,
    committed: u64,
    /// The digest at `committed`, if this leader has named it.
    base: Option<Checksum>,
    chain: Rc<[Checksum]>,
}

impl Lead {
    /// How this log lacks the entry, in words that follow "a log"; `None` if it has it.
    fn lacks(&self, commit: &Commit) -> Option<String> {
        let held = if commit.index > self.committed {
            let place = usize::try_from(commit.index - self.committed - 1).ok();
            let Some(held) = place.and_then(|place| self.chain.get(place)) else {
                return Some(format!("that ends at op {}", self.committed + self.chain.len() as u64));
            };
            Some(*held)
        } else if commit.index == self.committed {
            self.base
        } else {
            // It is below what the leader itself knows to be committed, which AGREE compares with everybody else's.
            None
        };
        held.filter(|held| *held != commit.digest).map(|held| format!("whose op {} is {held}", commit.index))
    }
}

impl Dur {
    fn on_committed(&mut self, event: &Event, epoch: u64, commit: Commit) -> Result<(), Violation> {
        *self.last.at(commit.node) = Some((commit.index, commit.digest));
        if commit.index <= self.greatest {
            return Ok(());
        }
        self.greatest = commit.index;
        self.commits.insert(epoch, commit);
        // Almost always there is no later epoch, and this is one look at the end of the map.
        if self.leaders.last_key_value().is_none_or(|(last, _)| *last <= epoch) {
            return Ok(());
        }
        for (later, lead) in self.leaders.range(epoch + 1..) {
            self.checked += 1;
            if let Some(lacks) = lead.lacks(&commit) {
                let happened = format!(
                    "{} committed op {} ({}) in epoch {epoch}, but {} had begun to lead epoch {later} with a log {lacks}",
                    commit.node, commit.index, commit.digest, lead.node
                );
                return Err(Violation::new(OracleId::Dur, event, pair(commit.node, lead.node), happened));
            }
        }
        Ok(())
    }

    fn on_leads(&mut self, event: &Event, epoch: u64, lead: Lead) -> Result<(), Violation> {
        self.checked += 1;
        let owed = self.commits.range(..=epoch).max_by_key(|(_, commit)| commit.index);
        if let Some((earlier, commit)) = owed
            && let Some(lacks) = lead.lacks(commit)
        {
            let happened = format!(
                "{} begins to lead epoch {epoch} with a log {lacks}, but op {} ({}) was committed by {} in epoch {earlier}",
                lead.node, commit.index, commit.digest, commit.node
            );
            return Err(Violation::new(OracleId::Dur, event, pair(lead.node, commit.node), happened));
        }
        self.leaders.insert(epoch, lead);
        if self.leaders.len() > LEADERS_KEPT {
            self.leaders.pop_first();
        }
        Ok(())
    }
}

impl Oracle for Dur {
    fn id(&self) -> OracleId {
        OracleId::Dur
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        let Some(node) = event.node else {
            return Ok(());
        };
        match &event.kind {
            EventKind::Boot(_) => {
                *self.last.at(node) = None;
                Ok(())
            }
            EventKind::Probe(Probe::Committed { epoch, index, digest }) => {
                self.on_committed(event, *epoch, Commit { index: *index, digest: *digest, node })
            }
            EventKind::Probe(Probe::Leads { epoch, committed, chain }) => {
                let last = *self.last.at(node);
                let base = last.filter(|(index, _)| index == committed).map(|(_, digest)| digest);
                self.on_leads(event, *epoch, Lead { node, committed: *committed, base, chain: chain.clone() })
            }
            _ => Ok(()),
        }
    }

    fn checked(&self) -> Checked {
        Checked::Checked(self.checked)
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, committed, leads};
    use super::*;

    fn story() -> Story {
        let mut story = Story::of(OracleId::Dur);
        story.probe(0, leads(0, 0, &[])).probe(0, committed(0, 1, 0xa)).probe(0, committed(0, 2, 0xb));
        story
    }

    #[test]
    fn a_leader_has_the_commits_below_or_in_its_chain() {
        let mut story = story();
        story.probe(1, leads(1, 0, &[0xa, 0xb, 0xc]));
        story.probe(2, committed(1, 1, 0xa)).probe(2, committed(1, 2, 0xb)).probe(2, leads(2, 2, &[0xd]));
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(3));
    }

    #[test]
    fn a_short_log_has_lost_a_commit() {
        let mut story = story();
        story.probe(1, leads(1, 0, &[0xa]));
        let said = "r1 begins to lead epoch 1 with a log that ends at op 1, but op 2 (0000000b) was committed by r0 in epoch 0";
        assert_eq!(story.end(), said);
        assert_eq!(story.nodes(), "r1 r0");
    }

    #[test]
    fn another_entry_in_its_place_is_a_loss_too() {
        let mut story = story();
        story.probe(1, leads(1, 0, &[0xa, 0xe, 0xf]));
        assert!(story.end().contains("with a log whose op 2 is 0000000e, but op 2 (0000000b)"));
    }

    #[test]
    fn the_end_of_what_the_leader_committed_is_compared() {
        let mut story = story();
        story.probe(1, committed(0, 2, 0xe)).probe(1, leads(1, 2, &[]));
        assert!(story.end().contains("with a log whose op 2 is 0000000e"));
        // What it committed in an earlier life says nothing about this one; AGREE has compared it already.
        let mut story = self::story();
        story.probe(1, committed(0, 2, 0xe)).boot(1, 2).probe(1, leads(1, 2, &[]));
        assert_eq!(story.end(), "kept");
    }

    #[test]
    fn a_stale_leader_owes_nothing_to_later_epochs() {
        let mut story = story();
        story.probe(0, leads(3, 0, &[0xa, 0xb])).probe(0, committed(3, 3, 0xc)).probe(2, leads(2, 0, &[0xa, 0xb]));
        assert_eq!(story.end(), "kept");
    }

    #[test]
    fn the_greatest_commit_of_any_earlier_epoch_is_owed() {
        let mut story = story();
        story.probe(1, leads(1, 2, &[])).probe(1, committed(1, 3, 0xc)).probe(2, leads(4, 0, &[0xa, 0xb]));
        assert!(story.end().contains("but op 3 (0000000c) was committed by r1 in epoch 1"));
    }

    #[test]
    fn a_leader_that_restarts_in_its_epoch_owes_its_own_commits() {
        let mut story = story();
        story.crash(0, 1).boot(0, 2).probe(0, leads(0, 0, &[0xa]));
        assert!(story.end().contains("r0 begins to lead epoch 0 with a log that ends at op 1"));
        assert_eq!(story.nodes(), "r0");
    }

    #[test]
    fn an_old_leader_commits_what_a_later_one_lacks() {
        let mut story = story();
        story.probe(1, leads(1, 0, &[0xa, 0xb])).probe(0, committed(0, 3, 0xc));
        let said =
            "r0 committed op 3 (0000000c) in epoch 0, but r1 had begun to lead epoch 1 with a log that ends at op 2";
        assert_eq!(story.end(), said);
    }

    #[test]
    fn an_old_leader_may_commit_what_a_later_one_has() {
        let mut story = story();
        story.probe(1, leads(1, 0, &[0xa, 0xb, 0xc])).probe(0, committed(0, 3, 0xc));
        assert_eq!(story.end(), "kept");
    }
}
