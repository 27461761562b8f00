//! Reading `[[phase]]`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::NodeId;
use crate::scenario::{Core, Phase, Quiet};

use super::read_fault::fault;
use super::read_values::{node, some_duration};
use super::reader::{Table, Value, quoted};
use super::tree::Tree;

/// A run of a virtual day is a slip of the hand.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All phases. `None` if any of them cannot be read.
pub(super) fn phases(root: &mut Table) -> Option<Vec<Phase>> {
    const HELP: &str = "for example: [[phase]] name = \"steady\" for = \"5s\", on a line each";
    let Some(value) = root.take("phase") else {
        root.missing(&["phase"], "a scenario needs at least one phase".to_string(), Some(HELP));
        return None;
    };
    if let Tree::Table(_) = value.raw() {
        return value.wrong_with("phases are a list", "write it with two brackets: [[phase]]");
    }
    let (mut names, mut total) = (BTreeSet::new(), Duration::ZERO);
    let phases = value.list("a list of phases, each under [[phase]]", |value| phase(value, &mut names, &mut total))?;
    if phases.is_empty() {
        return value.wrong_with("a scenario needs at least one phase", HELP);
    }
    Some(phases)
}

fn phase<'a>(value: Value<'a>, names: &mut BTreeSet<&'a str>, total: &mut Duration) -> Option<Phase> {
    value.table("[[phase]]", |table| {
        let name = table.need("name").and_then(|value| {
            let name = value.some_text("a name")?;
            if !names.insert(name) {
                return value.wrong(format!("there is a phase {} already", quoted(name)));
            }
            Some(name.to_string())
        });
        let duration = table.need("for").and_then(|value| {
            let duration = some_duration(value)?;
            let before = *total;
            *total = total.saturating_add(duration);
            // Said once, by the phase that is one too many.
            if before <= DAY && *total > DAY {
                return value.wrong("all phases together last longer than a day");
            }
            Some(duration)
        });
        let quiet = quiet(table);
        let faults = match table.take("fault") {
            None => Some(Vec::new()),
            Some(value) => {
                if let Tree::Table(_) = value.raw() {
                    return value
                        .wrong_with("the faults of a phase are a list", "write it with two brackets: [[phase.fault]]");
                }
                value.list("a list of faults, each under [[phase.fault]]", |value| {
                    let fault = fault(value, duration);
                    if let Some(Some(_)) = &quiet {
                        return value.wrong_with(
                            "nothing goes wrong in a quiet phase",
                            "move this fault into a phase before it",
                        );
                    }
                    fault
                })
            }
        };
        Some(Phase { name: name?, duration: duration?, quiet: quiet?, faults: faults? })
    })
}

/// What a phase says of being quiet. `None` if that is wrong.
fn quiet(table: &mut Table) -> Option<Option<Quiet>> {
    let (quiet, core, healed) = (table.take("quiet"), table.take("core"), table.take("healed"));
    let is_quiet = quiet.and_then(Value::boolean);
    if is_quiet != Some(true) {
        for value in [core, healed].into_iter().flatten() {
            if quiet.is_none() || is_quiet == Some(false) {
                let _: Option<()> = value.wrong_with("only a quiet phase has a core", "add quiet = true");
            }
        }
        return Some(None);
    }
    let drawn = |value: Value| {
        value.chance(
            "a plan does not leave open who is in the core of a quiet phase; it says core = \"all\" or lists the nodes",
        )
    };
    let core = match core {
        None => {
            quiet.into_iter().for_each(drawn);
            Some(Core::Drawn)
        }
        Some(value) => match value.raw() {
            Tree::Array(_) => listed(value, healed),
            Tree::String(_) => {
                let words = [("all", Core::All), ("up", Core::Up), ("drawn", Core::Drawn)];
                value.word("a core", &words).inspect(|core| {
                    if *core != Core::All {
                        drawn(value);
                    }
                })
            }
            _ => value.expected("\"all\", \"up\", \"drawn\" or a list of nodes such as [\"r0\", \"r1\", \"c0\"]"),
        },
    };
    if let (Some(Core::All | Core::Drawn | Core::Up), Some(value)) = (&core, healed) {
        return value.wrong_with(
            "`healed` goes with a core that is a list of nodes",
            "core = \"all\" heals everybody, \"up\" nobody else, and with \"drawn\" it is drawn who else heals",
        );
    }
    Some(Some(Quiet { core: core? }))
}

/// A core that is a list of nodes.
fn listed(core: Value, healed: Option<Value>) -> Option<Core> {
    let (members, others) = (nodes(core), healed.map(nodes));
    let members = members?;
    if members.is_empty() {
        return core.wrong("there is nobody in this core");
    }
    let replicas = members.iter().filter(|node| node.is_replica()).count();
    if let Some(needed) = core.context().core_size().filter(|needed| replicas < usize::from(*needed)) {
        return core.wrong_with(
            format!("a core of {} cannot make progress, which is what a core is judged by", counted(replicas)),
            format!("a core of this cluster has at least {needed} replicas"),
        );
    }
    let others = others.unwrap_or(Some(Vec::new()))?;
    match (others.iter().find(|node| members.contains(node)), healed) {
        (Some(twice), Some(healed)) => healed.wrong(format!("{twice} is in the core, and so heals anyway")),
        _ => Some(Core::Nodes { core: members, healed: others }),
    }
}

fn counted(replicas: usize) -> String {
    if replicas == 1 { "1 replica".to_string() } else { format!("{replicas} replicas") }
}

fn nodes(value: Value) -> Option<Vec<NodeId>> {
    let nodes = value.list("a list of nodes such as [\"r0\", \"r1\", \"c0\"]", node)?;
    let mut seen = BTreeSet::new();
    match nodes.iter().find(|node| !seen.insert(**node)) {
        Some(twice) => value.wrong(format!("{twice} stands twice in it")),
        None => Some(nodes),
    }
}
