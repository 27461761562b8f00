//! MONO: across restarts, promised epochs never go back and acknowledged entries stay.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::base::{ActualDisks, Checksum, Disks, Event, EventKind, NodeId, Probe};

use super::by_node::ByNode;
use super::oracle::{Checked, Epoch, Layout, Oracle, OracleId, Violation};

/// How many acknowledged entries below the highest are remembered for each replica.
const ACKS_KEPT: u64 = 64;

/// Remembers what each replica has promised and holds it against what the replica says later, and against its disk.
///
/// - An epoch, once promised, never goes back, neither of its two parts; and it is durable *when* it is promised.
/// - An entry, once acknowledged, is durable then, with all before it. It is still durable at every later boot. The
///   log does not end below it, and it is not disowned, unless the replica has cut its log for a later epoch.
/// - At a restart nothing of this is forgotten. Only a replica that says it is recovering is released from what it
///   promised, until it promises an epoch again. A lost disk alone releases nobody: a replica that comes back with an
///   empty disk and speaks as if nothing had happened breaks its promise.
///
/// Disks are read in the god's view, which the world's own damage does not change. So what is missing at a boot was
/// never made durable, or the system itself has overwritten it. One thing a disk can do that this view does not show: it can
/// keep what the system has erased, because that write was lost. A replica that finds it after a restart, and acknowledges
/// it, is right, as long as it is there in fact.
pub struct Mono {
    layout: Option<Rc<dyn Layout>>,
    replicas: ByNode<Promises>,
    checked: u64,
}

/// What a replica has promised.
#[derive(Debug, Default)]
struct Promises {
    epoch: Option<Epoch>,
    /// The highest index acknowledged; 0 if none is.
    top: u64,
    /// The highest of the acknowledged entries whose digests are known, by rising index.
    acked: VecDeque<Ack>,
    /// The replica has said that its log ends where an acknowledged entry is missing; broken as soon as it promises
    /// anything on that ground, unless it first says that it has cut its log or is recovering. Not kept over a boot.
    doubt: Option<String>,
    /// Its disk is lost and it has not said that it is recovering.
    blank: bool,
    /// It is recovering.
    excused: bool,
    /// It has promised something at some time.
    spoken: bool,
}

/// An acknowledged entry.
#[derive(Clone, Copy, Debug)]
struct Ack {
    index: u64,
    digest: Checksum,
    /// The last epoch in which it was acknowledged.
    epoch: u64,
    /// It was erased, and is there only because the disk did not do so. Until the system has written it again, what becomes of it
    /// on the disk is the disk's doing.
    undead: bool,
}

impl Promises {
    fn ack(&self, index: u64) -> Option<&Ack> {
        // Most are asked for because they are new, and those lie above all that are known.
        if self.acked.back().is_none_or(|last| last.index < index) {
            return None;
        }
        self.acked.binary_search_by_key(&index, |ack| ack.index).ok().map(|place| &self.acked[place])
    }

    /// Nothing above this index is acknowledged any more.
    fn cut(&mut self, index: u64) {
        self.top = self.top.min(index);
        while self.acked.back().is_some_and(|ack| ack.index > index) {
            self.acked.pop_back();
        }
    }

    fn push(&mut self, ack: Ack) {
        assert!(self.acked.back().is_none_or(|last| last.index < ack.index), "acknowledgements are kept in order");
        self.acked.push_back(ack);
        self.top = self.top.max(ack.index);
        if self.acked.len() as u64 > ACKS_KEPT + 1 {
            self.acked.pop_front();
        }
    }

    /// What keeps this replica from promising anything, if something does.
    fn objection(&self) -> Option<String> {
        if self.blank && self.spoken {
            return Some("its disk is lost and it has not said that it is recovering".to_owned());
        }
        self.doubt.clone()
    }
}

impl Mono {
    /// Judges the words of replicas, and their disks too if there is a layout to read them by.
    pub fn new(layout: Option<Rc<dyn Layout>>) -> Mono {
        Mono { layout, replicas: ByNode::default(), checked: 0 }
    }

    fn on_boot(&mut self, node: NodeId, disks: &dyn Disks) -> Result<(), String> {
        let promises = self.replicas.at(node);
        promises.doubt = None;
        let Some(layout) = &self.layout else {
            return Ok(());
        };
        // A lost disk holds nothing, and whether the replica notices shows in what it says next.
        if promises.excused || promises.blank {
            return Ok(());
        }
        if let Some(promised) = promises.epoch {
            self.checked += 1;
            let durable = layout.epoch(disks, node);
            if durable.is_none_or(|durable| !reaches(durable, promised)) {
                return Err(format!(
                    "{node} restarts with {} on its disk, but it had promised {}",
                    words(durable),
                    words(Some(promised))
                ));
            }
        }
        let checkpoint = layout.checkpoint(disks, node);
        for ack in promises.acked.iter_mut().rev().filter(|ack| ack.index > checkpoint) {
            self.checked += 1;
            let held = layout.entry(disks, node, ack.index);
            ack.undead &= held != Some(ack.digest);
            if held != Some(ack.digest) && !ack.undead {
                let held = held.map_or("does not have it on its disk".to_owned(), |held| {
                    format!("has {held} in its place on its disk")
                });
                return Err(format!(
                    "{node} restarts and {held}, but it had acknowledged op {} ({}) in epoch {}",
                    ack.index, ack.digest, ack.epoch
                ));
            }
        }
        Ok(())
    }

    fn on_epoch(&mut self, node: NodeId, epoch: Epoch, disks: &dyn Disks) -> Result<(), String> {
        let promises = self.replicas.at(node);
        promises.excused = false;
        if let Some(objection) = promises.objection() {
            return Err(format!("{node} promises {}, but {objection}", words(Some(epoch))));
        }
        (promises.spoken, promises.blank) = (true, false);
        self.checked += 1;
        if let Some(before) = promises.epoch
            && !reaches(epoch, before)
        {
            return Err(format!("{node} promises {}, but it had promised {}", words(Some(epoch)), words(Some(before))));
        }
        promises.epoch = Some(epoch);
        if let Some(layout) = &self.layout {
            let durable = layout.epoch(disks, node);
            if durable.is_none_or(|durable| !reaches(durable, epoch)) {
                return Err(format!("{node} promises {} with {} on its disk", words(Some(epoch)), words(durable)));
            }
        }
        Ok(())
    }

    fn on_acked(&mut self, node: NodeId, mut ack: Ack, disks: &dyn Disks) -> Result<(), String> {
        let promises = self.replicas.at(node);
        if promises.excused {
            return Ok(());
        }
        let Ack { index, digest, epoch, .. } = ack;
        if let Some(objection) = promises.objection() {
            return Err(format!("{node} acknowledges op {index} ({digest}) in epoch {epoch}, but {objection}"));
        }
        (promises.spoken, promises.blank) = (true, false);
        self.checked += 1;
        if let Some(known) = promises.ack(index).copied().filter(|known| known.digest != digest) {
            if known.epoch >= epoch {
                return Err(format!(
                    "{node} acknowledges op {index} as {digest} in epoch {epoch}, but it had acknowledged it as {} in epoch {}",
                    known.digest, known.epoch
                ));
            }
            // A later epoch has put another entry in its place, which ends the older promises from there on.
            promises.cut(index.saturating_sub(1));
        }
        if let Some(layout) = &self.layout {
            // Read only where it counts, because whole checkpoints are looked at for it.
            let mut read = None;
            let mut checkpoint = || *read.get_or_insert_with(|| layout.checkpoint(disks, node));
            // The acknowledgement is for everything before it as well, so what is new below it is looked at too.
            let first = (promises.top + 1).max(index.saturating_sub(ACKS_KEPT));
            let first = if first < index { first.max(checkpoint() + 1) } else { first };
            let in_fact = |index| layout.entry(&ActualDisks(disks), node, index);
            for below in first..index {
                let promised = layout.entry(disks, node, below);
                match promised.or_else(|| in_fact(below)) {
                    Some(digest) => promises.push(Ack { index: below, digest, epoch, undead: promised.is_none() }),
                    None => {
                        return Err(format!(
                            "{node} acknowledges op {index} ({digest}) and all before it in epoch {epoch}, but op {below} is not durable on its disk"
                        ));
                    }
                }
            }
            let held = layout.entry(disks, node, index);
            let is_promised = held == Some(digest) || index <= checkpoint();
            ack.undead = !is_promised && in_fact(index) == Some(digest);
            if !is_promised && !ack.undead {
                let held = held.map_or("it is not durable".to_owned(), |held| format!("{held} is in its place"));
                return Err(format!(
                    "{node} acknowledges op {index} ({digest}) in epoch {epoch}, but {held} on its disk"
                ));
            }
        }
        if index > promises.top {
            promises.push(ack);
        } else {
            for known in promises.acked.iter_mut().filter(|known| known.index <= index) {
                known.epoch = known.epoch.max(epoch);
                if let Some(layout) = self.layout.as_ref().filter(|_| known.undead) {
                    known.undead = layout.entry(disks, node, known.index) != Some(known.digest);
                }
            }
        }
        Ok(())
    }

    fn on_head(&mut self, node: NodeId, index: u64, digest: Checksum) {
        let promises = self.replicas.at(node);
        promises.doubt = None;
        if promises.excused {
            return;
        }
        self.checked += 1;
        if index < promises.top {
            promises.doubt = Some(format!("its log ends at op {index} and it had acknowledged op {}", promises.top));
        } else if let Some(known) = promises.ack(index).filter(|known| known.digest != digest) {
            let before = known.digest;
            promises.doubt = Some(format!("its log has {digest} as op {index} and it had acknowledged {before} there"));
        }
    }

    fn on_nacked(&mut self, node: NodeId, index: u64, digest: Checksum) -> Result<(), String> {
        let promises = self.replicas.at(node);
        if promises.excused {
            return Ok(());
        }
        self.checked += 1;
        if let Some(objection) = promises.objection() {
            return Err(format!("{node} says that it never acknowledged op {index} ({digest}), but {objection}"));
        }
        match promises.ack(index) {
            Some(known) if known.digest == digest => Err(format!(
                "{node} says that it never acknowledged op {index} ({digest}), but it had done so in epoch {}",
                known.epoch
            )),
            _ => Ok(()),
        }
    }

    fn on_leads(&mut self, node: NodeId, epoch: u64) -> Result<(), String> {
        let promises = self.replicas.at(node);
        match promises.objection().filter(|_| !promises.excused) {
            Some(objection) => Err(format!("{node} begins to lead epoch {epoch}, but {objection}")),
            None => Ok(()),
        }
    }

    fn on_truncated(&mut self, node: NodeId, index: u64, epoch: u64) -> Result<(), String> {
        let promises = self.replicas.at(node);
        promises.doubt = None;
        if promises.excused {
            return Ok(());
        }
        self.checked += 1;
        if let Some(ack) = promises.acked.iter().rev().find(|ack| ack.index > index && ack.epoch >= epoch) {
            return Err(format!(
                "{node} cuts its log after op {index} for epoch {epoch}, but it had acknowledged op {} ({}) in epoch {}",
                ack.index, ack.digest, ack.epoch
            ));
        }
        promises.cut(index);
        Ok(())
    }

    fn on_recovering(&mut self, node: NodeId) {
        let promises = self.replicas.at(node);
        *promises = Promises { excused: true, spoken: promises.spoken, ..Promises::default() };
    }
}

/// Whether no part of `later` is behind `earlier`.
fn reaches(later: Epoch, earlier: Epoch) -> bool {
    later.epoch >= earlier.epoch && later.log_epoch >= earlier.log_epoch
}

fn words(epoch: Option<Epoch>) -> String {
    match epoch {
        Some(Epoch { epoch, log_epoch }) => format!("epoch {epoch} (log of {log_epoch})"),
        None => "no epoch".to_owned(),
    }
}

impl Oracle for Mono {
    fn id(&self) -> OracleId {
        OracleId::Mono
    }

    fn on_event(&mut self, event: &Event, disks: &dyn Disks) -> Result<(), Violation> {
        let Some(node) = event.node.filter(|node| node.is_replica()) else {
            return Ok(());
        };
        let judged = match &event.kind {
            EventKind::Boot(_) => self.on_boot(node, disks),
            EventKind::Wipe => {
                self.replicas.at(node).blank = true;
                Ok(())
            }
            EventKind::Probe(probe) => match probe {
                Probe::Epoch { epoch, log_epoch } => {
                    self.on_epoch(node, Epoch { epoch: *epoch, log_epoch: *log_epoch }, disks)
                }
                Probe::Acked { epoch, index, digest } => {
                    self.on_acked(node, Ack { index: *index, digest: *digest, epoch: *epoch, undead: false }, disks)
                }
                Probe::Head { index, digest } => {
                    self.on_head(node, *index, *digest);
                    Ok(())
                }
                Probe::Nacked { index, digest } => self.on_nacked(node, *index, *digest),
                Probe::Leads { epoch, .. } => self.on_leads(node, *epoch),
                Probe::Truncated { index, epoch } => self.on_truncated(node, *index, *epoch),
                Probe::Recovering => {
                    self.on_recovering(node);
                    Ok(())
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        };
        judged.map_err(|happened| Violation::new(OracleId::Mono, event, vec![node], happened))
    }

    fn checked(&self) -> Checked {
        match self.layout {
            Some(_) => Checked::Checked(self.checked),
            None => Checked::NotChecked("the system has no layout, so only its words could be judged".to_owned()),
        }
    }
}

#[cfg(test)]
#[path = "mono_tests.rs"]
mod tests;
