//! Reading the keys before the first table: what the scenario is called, and which system it is about.

use std::time::Duration;

use crate::scenario::{Parameter, Parameters, Registry};

use super::reader::{Table, Value, did_you_mean, quoted};

/// What stands before the first table, apart from what makes a plan.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub title: Option<String>,
    pub system: Option<String>,
    pub plant: Option<String>,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// The longest that the system may wait before it tries again.
    pub backoff: Option<Duration>,
    /// The most replicas that it can run on.
    pub replicas_max: Option<u16>,
    registry: Registry,
}

impl Subject {
    /// Reads it. The registry says which systems there are.
    pub fn read(root: &mut Table, registry: &Registry) -> Subject {
        let title = root.need("title").and_then(|value| {
            let title = value.some_text("a title")?;
            if title.contains('\n') {
                return value.wrong("a title is one line");
            }
            Some(title.to_string())
        });
        let (system, plant) = (root.need("system"), root.take("plant"));
        let (system, plant) = system_of(system, plant, registry);
        // A system that cannot be made has been complained of.
        let made = system.as_ref().and_then(|system| {
            let system = registry.make_of(system, plant.as_deref(), &Parameters::default());
            system.ok()
        });
        let parameters = system.as_ref().map_or(&[][..], |system| registry.parameters(system));
        let backoff = made.as_ref().map(|made| made.longest_backoff());
        let replicas_max = made.as_ref().map(|made| made.replicas_max());
        Subject { title, system, plant, parameters, backoff, replicas_max, registry: registry.clone() }
    }

    /// So many replicas of such a cluster can make progress by themselves; none if the system is not known.
    pub fn core_size(&self, replicas: u16) -> Option<u16> {
        let system =
            self.registry.make_of(self.system.as_ref()?, self.plant.as_deref(), &Parameters::default()).ok()?;
        Some(system.quorums(replicas).view_change)
    }

    /// What was read before from the same file.
    pub fn again(&self, root: &mut Table) -> Subject {
        for key in ["title", "system", "plant"] {
            root.take(key);
        }
        self.clone()
    }
}

/// What a file says of the parameters of its system.
pub(super) fn parameters(root: &mut Table, there_are: &'static [Parameter]) -> Parameters {
    root.section("parameters", "[parameters]", Parameters::default(), |table| {
        let read = |parameters: Parameters, parameter: &'static Parameter| {
            let read = |value: Value| match value.whole("a whole number", 0, u64::MAX)? {
                number if parameter.allows(number) => Some(number),
                number => value.wrong(format!("`{}` is {}, found {number}", parameter.name, parameter.range())),
            };
            match table.take(parameter.name).and_then(read) {
                Some(number) => parameters.with(parameter, number),
                None => parameters,
            }
        };
        Some(there_are.iter().fold(Parameters::default(), read))
    })
}

/// The system and its planted bug, as far as there are such.
fn system_of(system: Option<Value>, plant: Option<Value>, registry: &Registry) -> (Option<String>, Option<String>) {
    let names: Vec<&str> = registry.names().collect();
    let system = system.and_then(|value| known(value, "the name of a system", "unknown system", &names));
    let Some(system) = system else { return (None, None) };
    let plant = plant.and_then(|value| match registry.plants(&system) {
        [] => value.wrong(format!("`{system}` has no planted bugs in this build")),
        plants => known(value, "the name of a planted bug", &format!("`{system}` has no planted bug"), plants),
    });
    (Some(system), plant)
}

fn known(value: Value, what: &str, unknown: &str, names: &[&str]) -> Option<String> {
    let text = value.text(what)?;
    if names.contains(&text) {
        return Some(text.to_string());
    }
    value.wrong(match did_you_mean(text, names.iter().copied()) {
        Some(meant) => format!("{unknown} {}; did you mean `{meant}`?", quoted(text)),
        None => format!("{unknown} {}; there are {}", quoted(text), names.join(", ")),
    })
}
