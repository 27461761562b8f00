//! Where everybody stands when patience ends: what is stuck has no last step that would show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::{Event, EventKind, Instant, Label, NodeId, Outcome, Probe, Role};

use super::words::moment;

/// What a node has last said of itself, and what was last done to it.
#[derive(Clone, Debug, Default)]
struct Stand {
    /// Since when it has been down.
    down: Option<Instant>,
    paused: Option<Instant>,
    /// Its part, in which epoch, and since when.
    role: Option<(Role, u64, Instant)>,
    /// The last epoch in which its log was the real one.
    log_epoch: Option<u64>,
    head: Option<u64>,
    committed: Option<u64>,
    recovering: bool,
    /// A call that is open or was given up: which, what, and since when nothing has been answered.
    call: Option<(u64, String, Instant)>,
    /// Disk operations under way, oldest first.
    disk: Vec<(Label, u32, Instant)>,
}

impl Stand {
    fn on(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Boot(_) => *self = Stand { committed: self.committed, ..Stand::default() },
            EventKind::Crash(_) => {
                let committed = self.committed;
                *self = Stand { down: Some(event.at), committed, ..Stand::default() };
            }
            EventKind::Wipe => self.committed = None,
            EventKind::Pause => self.paused = Some(event.at),
            EventKind::Resume => self.paused = None,
            EventKind::Call { number, operation, .. } => {
                let since = self.call.as_ref().map_or(event.at, |(.., since)| *since);
                self.call = Some((*number, operation.to_string(), since));
            }
            // Who gives up calls again, and has waited all the same.
            EventKind::Return { outcome, .. } if *outcome != Outcome::Unknown => self.call = None,
            EventKind::Probe(probe) => self.say(probe, event.at),
            EventKind::DiskStart { label, repeat, .. } => self.disk.push((*label, *repeat, event.at)),
            EventKind::DiskDone { label, repeat, .. } => {
                self.disk.retain(|(begun, of_them, _)| (begun, of_them) != (label, repeat));
            }
            _ => {}
        }
    }

    fn say(&mut self, probe: &Probe, at: Instant) {
        match probe {
            Probe::Role { role, epoch } => {
                self.recovering = false;
                if self.role.is_none_or(|(before, in_epoch, _)| (before, in_epoch) != (*role, *epoch)) {
                    self.role = Some((*role, *epoch, at));
                }
            }
            Probe::Epoch { log_epoch, .. } => self.log_epoch = Some(*log_epoch),
            Probe::Head { index, .. } => self.head = Some(*index),
            Probe::Committed { index, .. } => self.committed = Some(*index),
            Probe::Recovering => self.recovering = true,
            _ => {}
        }
    }

    /// In words. Nothing of a client that waits for nothing.
    fn words(&self, node: NodeId) -> Option<String> {
        if let Some(at) = self.down {
            return Some(format!("is down since {}s", moment(at)));
        }
        let mut text = match (&self.call, self.recovering, self.role) {
            (Some((number, operation, at)), ..) => {
                format!("waits for its call #{number} ({operation}) since {}s", moment(*at))
            }
            _ if !node.is_replica() => return None,
            (None, true, _) => "is recovering".to_owned(),
            (None, false, Some((Role::Between, epoch, at))) => {
                format!("is between epochs, on its way into {epoch} since {}s", moment(at))
            }
            (None, false, Some((role, epoch, at))) => format!("is {role} in epoch {epoch} since {}s", moment(at)),
            (None, false, None) => "is up and has said nothing of its part".to_owned(),
        };
        if let (Some(log_epoch), Some((Role::Between, ..))) = (self.log_epoch, self.role) {
            let _ = write!(text, ", log of {log_epoch}");
        }
        for (what, index) in [("committed", self.committed), ("head", self.head)] {
            if let Some(index) = index {
                let _ = write!(text, ", {what} {index}");
            }
        }
        if let Some((label, repeat, at)) = self.disk.first() {
            let _ = write!(text, "; its disk has been at {label} #{repeat} since {}s", moment(*at));
        }
        if let Some(at) = self.paused {
            let _ = write!(text, "; paused since {}s", moment(at));
        }
        Some(text)
    }
}

/// A line for each node of a trace that waits, or that others may wait for: clients first, then replicas.
pub fn stands(trace: &[Event]) -> Vec<String> {
    let mut stands: BTreeMap<(bool, u16), (NodeId, Stand)> = BTreeMap::new();
    for event in trace {
        let Some(node) = event.node else { continue };
        let key = (node.is_replica(), node.index());
        stands.entry(key).or_insert((node, Stand::default())).1.on(event);
    }
    let line = |(node, stand): &(NodeId, Stand)| Some(format!("{node} {}", stand.words(*node)?));
    stands.values().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::base::{Checksum, ClientId, EventId, Incarnation, Key, Kind, Operation, Reply};

    static SYNC: Kind = Kind::new("sync", &[]);

    fn at(seconds: u64, node: NodeId, kind: EventKind) -> Event {
        let at = Instant::from_nanos(seconds * 1_000_000_000);
        Event { id: EventId(seconds), cause: EventId(0), at, node: Some(node), kind }
    }

    fn probe(seconds: u64, index: u16, probe: Probe) -> Event {
        at(seconds, NodeId::replica(index), EventKind::Probe(probe))
    }

    #[test]
    fn everybody_stands_where_it_last_said() {
        let (replica, life, digest) = (NodeId::replica, Incarnation(1), Checksum(1));
        let client = |index| ClientId { node: NodeId::client(index), session: 1 };
        let call = |seconds, index, number| {
            let operation = Rc::new(Operation::Get { key: Key(1) });
            at(seconds, NodeId::client(index), EventKind::Call { client: client(index), number, operation })
        };
        let done = |seconds, index, number, outcome| {
            at(seconds, NodeId::client(index), EventKind::Return { client: client(index), number, outcome })
        };
        let started =
            |seconds, repeat| at(seconds, replica(4), EventKind::DiskStart { label: SYNC.label([]), repeat, hash: 0 });
        let trace = [
            at(1, replica(0), EventKind::Boot(life)),
            probe(2, 0, Probe::Role { role: Role::Primary, epoch: 3 }),
            probe(3, 0, Probe::Role { role: Role::Primary, epoch: 3 }),
            probe(4, 0, Probe::Head { index: 7, digest }),
            probe(5, 0, Probe::Committed { epoch: 3, index: 6, digest }),
            probe(6, 1, Probe::Role { role: Role::Between, epoch: 4 }),
            probe(7, 1, Probe::Epoch { epoch: 4, log_epoch: 3 }),
            at(8, replica(2), EventKind::Boot(life)),
            probe(9, 2, Probe::Role { role: Role::Backup, epoch: 2 }),
            at(10, replica(2), EventKind::Crash(life)),
            probe(11, 3, Probe::Recovering),
            at(12, replica(4), EventKind::Boot(life)),
            at(13, replica(4), EventKind::Pause),
            started(13, 1),
            started(14, 2),
            at(14, replica(4), EventKind::DiskDone { label: SYNC.label([]), repeat: 1, hash: 0 }),
            call(14, 0, 5),
            done(15, 0, 5, Outcome::Unknown),
            call(16, 0, 6),
            call(16, 1, 2),
            done(17, 1, 2, Outcome::Done(Reply::Value(None))),
        ];
        insta::assert_snapshot!(stands(&trace).join("\n"), @r"
        c0 waits for its call #6 (get k1) since 14.000000s
        r0 is primary in epoch 3 since 2.000000s, committed 6, head 7
        r1 is between epochs, on its way into 4 since 6.000000s, log of 3
        r2 is down since 10.000000s
        r3 is recovering
        r4 is up and has said nothing of its part; its disk has been at sync #2 since 14.000000s; paused since 13.000000s
        ");
    }
}
