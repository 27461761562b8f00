//! Giving the nodes of a plan other names, or taking some of them away.

use std::sync::Arc;

use crate::base::{Cluster, LabelText, Name, NodeId};
use crate::scenario::{Choice, Core, Deviation, Fault, Group, Scenario, Split, Target, Trigger, What, When, Who};

use super::attempt::steps_mut;
use super::items::deviations_mut;

/// What becomes of a node: another name, or nothing.
pub(super) type Map<'a> = &'a dyn Fn(NodeId) -> Option<NodeId>;

/// The plan in which every node is what the map makes of it. What is about nodes that are gone is gone too; what is about
/// links to them, or about groups in which they stood, loses them.
pub(super) fn relabel(plan: &Scenario, cluster: Cluster, map: Map<'_>) -> Scenario {
    let mut plan = Scenario { cluster, ..plan.clone() };
    for phase in &mut plan.phases {
        phase.faults = phase.faults.iter().filter_map(|struck| fault(struck, map)).collect();
        if let Some(quiet) = &mut phase.quiet
            && let Core::Nodes { core, healed } = &mut quiet.core
        {
            for nodes in [core, healed] {
                *nodes = nodes.iter().filter_map(|node| map(*node)).collect();
                nodes.sort_unstable();
            }
            if matches!(&quiet.core, Core::Nodes { core, .. } if !core.iter().any(|node| node.is_replica())) {
                quiet.core = Core::All;
            }
        }
    }
    let steps = steps_mut(&mut plan);
    *steps =
        steps.drain(..).filter_map(|step| Some(crate::scenario::Step { client: map(step.client)?, ..step })).collect();
    let deviations = deviations_mut(&mut plan);
    *deviations = deviations
        .drain(..)
        .filter_map(|Deviation { name: named, choice: made }| {
            Some(Deviation { name: name(&named, map)?, choice: choice(made, map)? })
        })
        .collect();
    plan
}

fn fault(fault: &Fault, map: Map<'_>) -> Option<Fault> {
    let when = match &fault.when {
        When::On { trigger, before } => {
            let peer = match trigger.peer {
                None => None,
                Some(peer) => Some(who(peer, map)?),
            };
            When::On { trigger: Trigger { who: who(trigger.who, map)?, peer, ..trigger.clone() }, before: *before }
        }
        other => other.clone(),
    };
    let mut what = fault.what.clone();
    match &mut what {
        What::Crash { target: one, .. }
        | What::Restart { target: one }
        | What::Pause { target: one, .. }
        | What::Wipe { target: one, .. }
        | What::Rot { target: one, .. }
        | What::Unreadable { target: one, .. }
        | What::Disk { target: one, .. }
        | What::Stall { target: one, .. } => *one = target(*one, map)?,
        What::Partition { split, .. } => match split {
            Split::Groups(groups) => {
                groups.iter_mut().for_each(|one| group(one, map));
                groups.retain(|group| !group.is_empty());
                if groups.is_empty() {
                    return None;
                }
            }
            Split::Isolate(one) | Split::Bridge(one) => *one = target(*one, map)?,
            Split::Halves | Split::Ring => {}
        },
        What::Clock { target: one, .. } => *one = target(*one, map)?,
        What::Cut { from, to, .. }
        | What::CutOnly { from, to, .. }
        | What::Clog { from, to, .. }
        | What::Hold { from, to, .. }
        | What::Release { from, to } => {
            group(from, map);
            group(to, map);
            if from.is_empty() || to.is_empty() {
                return None;
            }
        }
        What::Heal => {}
    }
    Some(Fault { when, what })
}

fn who(who: Who, map: Map<'_>) -> Option<Who> {
    match who {
        Who::Node(node) => map(node).map(Who::Node),
        role => Some(role),
    }
}

fn target(target: Target, map: Map<'_>) -> Option<Target> {
    match target {
        Target::Node(node) => map(node).map(Target::Node),
        role => Some(role),
    }
}

fn group(group: &mut Group, map: Map<'_>) {
    *group = group.iter().filter_map(|member| target(*member, map)).collect();
    // In the order of nodes, as groups are recorded.
    group.sort_by_key(|member| match member {
        Target::Node(node) => Some(*node),
        _ => None,
    });
}

/// What was decided, about the nodes that the map makes of these.
fn choice(choice: Choice, map: Map<'_>) -> Option<Choice> {
    match choice {
        Choice::Misroute(node) => map(node).map(Choice::Misroute),
        other => Some(other),
    }
}

/// The name of the same decision about the nodes that the map makes of these.
fn name(named: &Name<LabelText>, map: Map<'_>) -> Option<Name<LabelText>> {
    let inner = |inner: &Name<LabelText>| name(inner, map).map(Box::new);
    Some(match named {
        Name::Packet { from, to, label, repeat } => {
            Name::Packet { from: map(*from)?, to: map(*to)?, label: label.clone(), repeat: *repeat }
        }
        Name::Delivery { packet, copy } => Name::Delivery { packet: inner(packet)?, copy: *copy },
        Name::Disk { node, label, repeat } => Name::Disk { node: map(*node)?, label: label.clone(), repeat: *repeat },
        Name::Task { node, life, label, nth } => {
            Name::Task { node: map(*node)?, life: *life, label: label.clone(), nth: *nth }
        }
        Name::Timer { task, nth } => Name::Timer { task: inner(task)?, nth: *nth },
        Name::Wake { task, moment, repeat } => {
            Name::Wake { task: inner(task)?, moment: inner(moment)?, repeat: *repeat }
        }
        Name::Sector { node, life, file, sector } => {
            Name::Sector { node: map(*node)?, life: *life, file: Arc::clone(file), sector: *sector }
        }
        Name::Entries { node, life } => Name::Entries { node: map(*node)?, life: *life },
        Name::Length { node, life, file } => Name::Length { node: map(*node)?, life: *life, file: Arc::clone(file) },
        Name::Boot { node, life } => Name::Boot { node: map(*node)?, life: *life },
        Name::Resume { node, nth } => Name::Resume { node: map(*node)?, nth: *nth },
        Name::Reset { node, peer, nth } => Name::Reset { node: map(*node)?, peer: map(*peer)?, nth: *nth },
        Name::Clock { node } => Name::Clock { node: map(*node)? },
        Name::World => Name::World,
    })
}
