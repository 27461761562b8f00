//! What is not decided before the run, although the file speaks of it.

use crate::base::{Distribution, Ratio};
use crate::scenario::{BudgetKind, Core, Fault, Group, Limit, Scenario, Split, Spot, Target, What, When, Workload};

/// A sentence for each sort of thing that only the run decides.
pub(super) fn open(scenario: &Scenario) -> Vec<String> {
    let faults: Vec<&Fault> = scenario.phases.iter().flat_map(|phase| &phase.faults).collect();
    let mut sentences = Vec::new();
    let mut say = |holds: bool, sentence: &str| {
        if holds {
            sentences.push(sentence.to_string());
        }
    };
    let waits = faults.iter().any(|fault| matches!(fault.when, When::On { .. }));
    let mut cores = scenario.phases.iter().filter_map(|phase| phase.quiet.as_ref());
    say(cores.any(|quiet| quiet.core == Core::Up), "who is up when a quiet phase begins whose core they are");
    say(waits, "when the moments come that faults wait for, and whether they come");
    let mut roles: Vec<String> = Vec::new();
    for target in faults.iter().flat_map(|fault| targets(&fault.what)).filter(is_role) {
        let word = format!("`{target}`");
        if !roles.contains(&word) {
            roles.push(word);
        }
    }
    say(!roles.is_empty(), &format!("whom these mean when a fault strikes: {}", roles.join(", ")));
    let splits = |what: &What| matches!(what, What::Partition { split: Split::Halves | Split::Bridge(_), .. });
    say(faults.iter().any(|fault| splits(&fault.what)), "who is on which side of halves");
    say(
        faults.iter().any(|fault| ends(&fault.what).is_some_and(|span| !span.is_constant())),
        "how long a fault lasts that ends \"after about\" a time",
    );
    say(
        faults.iter().any(|fault| limit(&fault.what).is_some_and(|limit| limit != Limit::All)),
        "whether a crash is left out because too few replicas would be up",
    );
    let is_drawn = |what: &What| match what {
        What::Rot { spot, .. } => matches!(spot, Spot::Drawn(_)),
        What::Unreadable { sector, .. } => sector.is_none(),
        What::Disk { mishap, pick, .. } => mishap.has_places() && pick.is_none(),
        _ => false,
    };
    say(faults.iter().any(|fault| is_drawn(&fault.what)), "where on a disk a fault strikes that does not say it");
    let damages = |what: &What| {
        matches!(what, What::Rot { .. } | What::Unreadable { .. } | What::Disk { .. } | What::Wipe { .. })
    };
    let budget = scenario.storage.budget == BudgetKind::Recoverable;
    say(
        budget && (faults.iter().any(|fault| damages(&fault.what)) || !scenario.storage.mishaps.is_zero()),
        "which damage is refused because the cluster could not recover from it",
    );
    if let Workload::Drawn(mix) = &scenario.workload {
        say(mix.shares.cas != Ratio::ZERO, "what a `cas` expects: what its client saw last in that key");
    }
    sentences
}

fn targets(what: &What) -> Vec<Target> {
    let both = |one: &Group, other: &Group| one.iter().chain(other).copied().collect();
    match what {
        What::Crash { target, .. }
        | What::Restart { target }
        | What::Pause { target, .. }
        | What::Wipe { target, .. }
        | What::Clock { target, .. }
        | What::Rot { target, .. }
        | What::Unreadable { target, .. }
        | What::Disk { target, .. }
        | What::Stall { target, .. }
        | What::Partition { split: Split::Isolate(target) | Split::Bridge(target), .. } => vec![*target],
        What::Partition { split: Split::Groups(groups), .. } => groups.iter().flatten().copied().collect(),
        What::Partition { split: Split::Halves | Split::Ring, .. } | What::Heal => Vec::new(),
        What::Cut { from, to, .. }
        | What::CutOnly { from, to, .. }
        | What::Clog { from, to, .. }
        | What::Hold { from, to, .. }
        | What::Release { from, to } => both(from, to),
    }
}

/// Whether the word may mean one node now and another one later.
fn is_role(target: &Target) -> bool {
    !matches!(target, Target::Node(_) | Target::AllReplicas | Target::AllClients | Target::Rest)
}

fn ends(what: &What) -> Option<&Distribution> {
    match what {
        What::Crash { restart_after: after, .. }
        | What::Wipe { restart_after: after, .. }
        | What::Pause { resume_after: after, .. }
        | What::Partition { heal_after: after, .. }
        | What::Cut { heal_after: after, .. }
        | What::CutOnly { heal_after: after, .. }
        | What::Hold { release_after: after, .. } => after.as_ref(),
        What::Clog { span, .. } | What::Stall { span, .. } => Some(span),
        What::Restart { .. } | What::Release { .. } | What::Heal | What::Clock { .. } => None,
        What::Rot { .. } | What::Unreadable { .. } | What::Disk { .. } => None,
    }
}

fn limit(what: &What) -> Option<Limit> {
    match what {
        What::Crash { max_down, .. } | What::Wipe { max_down, .. } => Some(*max_down),
        _ => None,
    }
}
