//! Names after operations or crashes have been taken away.
//!
//! A protocol numbers what it handles: with two operations fewer before it, `Prepare(v0 op33)` is `Prepare(v0 op31)`, and
//! a client's `Request(n7)` is `Request(n6)` if one of the two was its own. A deviation keeps its meaning only under
//! its new name. Which number of a label counts operations is known to the protocol alone; so there are guesses, and
//! each is a candidate like any other.
//!
//! A log in a ring names its slots over and over: with a ring of 12, the fifth `write(slot2)` is that of the 51st entry. One entry
//! fewer before it, and that is the fifth `write(slot1)`. The length of the ring is perhaps one of the system's parameters.
//!
//! What a crash leaves of a disk is named by the life that ends, so without an earlier crash of that node it is the life before.

use std::collections::{BTreeMap, BTreeSet};

use super::items::{deviations_mut, deviations_of};
use crate::base::{LabelText, Name, NodeId};
use crate::scenario::Scenario;

/// How many operations were taken away, of each client.
pub(super) type Removed = BTreeMap<NodeId, u64>;

/// The plan with the deviations renamed as they might be called now: one plan for each guess that differs.
pub(super) fn guesses(plan: &Scenario, removed: &Removed) -> Vec<Scenario> {
    let all: u64 = removed.values().sum();
    if all == 0 || deviations_of(plan).is_empty() {
        return Vec::new();
    }
    let mut guesses: Vec<Scenario> = Vec::new();
    let mut guess = |rename: &dyn Fn(&mut Name<LabelText>)| {
        let mut renamed = plan.clone();
        deviations_mut(&mut renamed).iter_mut().for_each(|deviation| rename(&mut deviation.name));
        if renamed != *plan && !guesses.contains(&renamed) {
            guesses.push(renamed);
        }
    };
    // Of two numbers the second is nearly always the finer one: view and op, term and index.
    let repeats = [0, all, all.div_ceil(2)];
    for counts in repeats.into_iter().flat_map(|repeats| [false, true].map(|alone| Guess { alone, repeats })) {
        guess(&|name| counts.name(name, removed, all));
    }
    // Which number is a slot is not known either, so each kind of operation is a guess of its own.
    let kinds: BTreeSet<String> = deviations_of(plan)
        .iter()
        .filter_map(|deviation| match &deviation.name {
            Name::Disk { label, .. } if label.numbers.len() == 1 => Some(label.kind.clone()),
            _ => None,
        })
        .collect();
    for (kind, (_, slots)) in kinds.iter().flat_map(|kind| plan.parameters.iter().map(move |slots| (kind, slots))) {
        guess(&|name| turn_back(name, kind, slots, all));
    }
    guesses
}

/// The name of a disk operation of this kind on a slot of a ring, so many entries earlier. What is not in a ring of this length keeps
/// its name.
fn turn_back(name: &mut Name<LabelText>, kind: &str, slots: u64, fewer: u64) {
    if let Name::Disk { label, repeat, .. } = name
        && label.kind == kind
        && let [(_, slot)] = label.numbers.as_mut_slice()
        && *slot < slots
        && let Some(turns) = u64::from(*repeat - 1).checked_mul(slots)
        && let Some(entry) = turns.saturating_add(*slot).checked_sub(fewer)
    {
        *slot = entry % slots;
        *repeat = u32::try_from(entry / slots).map_or(*repeat, |turns| turns.saturating_add(1));
    }
}

/// What a label's numbers might count.
#[derive(Clone, Copy)]
struct Guess {
    /// Whether a number that stands alone in a message between replicas, or in a disk operation, counts operations.
    alone: bool,
    /// By how many the repeats of disk operations are fewer: a journal is synced once for each operation, or for two.
    repeats: u64,
}

impl Guess {
    fn name(self, name: &mut Name<LabelText>, removed: &Removed, all: u64) {
        match name {
            Name::Packet { from, to, label, .. } => {
                let client = [*from, *to].into_iter().find(|node| !node.is_replica());
                let fewer = client.map_or(all, |client| removed.get(&client).copied().unwrap_or(0));
                self.label(label, fewer, client.is_some());
            }
            Name::Disk { label, repeat, .. } => {
                self.label(label, all, false);
                let fewer = u32::try_from(self.repeats).unwrap_or(u32::MAX);
                *repeat = if *repeat > fewer { *repeat - fewer } else { *repeat };
            }
            Name::Delivery { packet, .. } => self.name(packet, removed, all),
            Name::Wake { moment, .. } => self.name(moment, removed, all),
            _ => {}
        }
    }

    fn label(self, label: &mut LabelText, fewer: u64, of_client: bool) {
        let counts = label.numbers.len() > 1 || of_client || self.alone;
        if let Some((_, number)) = label.numbers.last_mut().filter(|(_, number)| counts && *number > fewer) {
            *number -= fewer;
        }
    }
}

/// The plan with what its deviations say of lives renamed, as if some crashes had not been: by node, how many.
pub(super) fn with_fewer_lives(plan: &Scenario, removed: &Removed) -> Option<Scenario> {
    let mut renamed = plan.clone();
    for deviation in deviations_mut(&mut renamed) {
        lives(&mut deviation.name, removed);
    }
    (renamed != *plan).then_some(renamed)
}

fn lives(name: &mut Name<LabelText>, removed: &Removed) {
    match name {
        Name::Sector { node, life, .. }
        | Name::Entries { node, life }
        | Name::Length { node, life, .. }
        | Name::Boot { node, life }
        | Name::Task { node, life, .. } => {
            let fewer = u32::try_from(removed.get(node).copied().unwrap_or(0)).unwrap_or(u32::MAX);
            life.0 = if life.0 > fewer { life.0 - fewer } else { life.0 };
        }
        Name::Timer { task, .. } => lives(task, removed),
        Name::Wake { task, moment, .. } => {
            lives(task, removed);
            lives(moment, removed);
        }
        Name::Delivery { .. } | Name::Packet { .. } | Name::Disk { .. } => {}
        Name::Resume { .. } | Name::Reset { .. } | Name::Clock { .. } | Name::World => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_turns_back() {
        for (fewer, expected) in [
            (0, "write(slot2) #5"),
            (1, "write(slot1) #5"),
            (3, "write(slot11) #4"),
            (50, "write(slot0) #1"),
            (51, "write(slot2) #5"),
        ] {
            let mut deviation: crate::scenario::Deviation<LabelText> =
                "unreadable r0 disk write(slot2) #5 sector 0".parse().expect("it is one");
            turn_back(&mut deviation.name, "write-headers", 12, 1);
            turn_back(&mut deviation.name, "write", 12, fewer);
            let expected = format!("unreadable r0 disk {expected} sector 0");
            assert_eq!(deviation.to_string(), expected, "{fewer} fewer");
            turn_back(&mut deviation.name, "write", 0, fewer);
            assert_eq!(deviation.to_string(), expected, "in no ring at all");
        }
    }
}
