//! The scenario somebody named, with everything that was said about it on the command line.

use crate::check::OracleId;
use crate::scenario::file::Diagnostic;
use crate::scenario::{Expectation, Family, Registry, Scenario};

use super::exit::Failure;
use super::repeat::Repeat;
use super::shelf::{Found, Shelf, nearest};

/// What is said about a scenario beside its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Options<'a> {
    /// What this program is called.
    pub(super) program: &'a str,
    /// `--plant`.
    pub(super) plant: Option<&'a str>,
    /// `--oracles`.
    pub(super) oracles: Option<&'a [OracleId]>,
}

/// A scenario, as chosen.
pub(super) struct Chosen {
    /// What its file says.
    pub(super) family: Family,
    /// How to ask for it again.
    pub(super) repeat: Repeat,
    /// What to tell whoever chose it.
    pub(super) notes: Vec<String>,
    /// Where it is from.
    pub(super) found: Found,
}

impl Chosen {
    /// Finds and reads a scenario, and plants the bug that is asked for.
    pub(super) fn find(
        name: &str,
        options: &Options<'_>,
        shelf: &Shelf,
        registry: &Registry,
    ) -> Result<Chosen, Failure> {
        let found = shelf.find(name)?;
        let mut family = found.parse(registry)?;
        let mut notes = Vec::new();
        if let Some(plant) = options.plant {
            family.set_plant(planted(registry, family.system(), plant)?);
            if family.plant().is_none() && *family.expect() != Expectation::Pass {
                family.set_expect(Expectation::Pass);
                notes.push("without its planted bug this scenario is expected to pass".to_string());
            }
        }
        let repeat = Repeat {
            program: options.program.to_string(),
            scenario: found.name.clone(),
            plant: options.plant.map(str::to_string),
            oracles: options.oracles.map(<[OracleId]>::to_vec),
        };
        Ok(Chosen { family, repeat, notes, found })
    }

    /// The scenario of a seed.
    pub(super) fn scenario(&self, seed: u64) -> Result<Scenario, Failure> {
        self.family.scenario(seed).map_err(|diagnostics| self.impossible(seed, &diagnostics))
    }

    /// The entropy of a plan, which stands in the place of a seed; none if this is no plan.
    pub(super) fn entropy(&self, seed: Option<u64>) -> Result<Option<u64>, Failure> {
        entropy(&self.repeat.scenario, &self.family, seed)
    }

    /// What was chosen for a seed does not go together.
    pub(super) fn impossible(&self, seed: u64, diagnostics: &[Diagnostic]) -> Failure {
        let messages = self.found.render(diagnostics);
        Failure::bad_input(format!("with seed {seed} this scenario is wrong:\n{messages}"))
    }

    /// The line that repeats one seed, or the plan.
    pub(super) fn repeat_one(&self, seed: u64) -> String {
        if self.family.is_plan() { self.repeat.plain() } else { self.repeat.seed(seed) }
    }
}

/// The entropy of a plan, which stands in the place of a seed; none if this is no plan. A plan takes no seed.
pub(super) fn entropy(name: &str, family: &Family, seed: Option<u64>) -> Result<Option<u64>, Failure> {
    let Some(plan) = family.only().and_then(|scenario| scenario.plan.as_ref()) else { return Ok(None) };
    match seed {
        None => Ok(Some(plan.entropy)),
        Some(_) => {
            let message = format!("`{name}` is a plan: nothing in it is left to chance, so it takes no seed");
            Err(Failure::bad_input(message))
        }
    }
}

/// The bug that `--plant` names; `none` is none.
pub(super) fn planted(registry: &Registry, system: &str, plant: &str) -> Result<Option<String>, Failure> {
    if plant == "none" {
        return Ok(None);
    }
    let plants = registry.plants(system);
    if plants.contains(&plant) {
        return Ok(Some(plant.to_string()));
    }
    let advice = match (nearest(plant, plants.iter().copied()).as_slice(), plants) {
        (_, []) => "it has none in this build".to_string(),
        ([], all) => format!("there are {}", all.join(", ")),
        (near, _) => format!("did you mean {}?", near.join(", or ")),
    };
    Err(Failure::bad_input(format!("`{system}` has no planted bug `{plant}`; {advice}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems;

    #[test]
    fn planted_bugs_are_called_by_name() {
        let registry = systems::registry();
        let ask = |plant| planted(&registry, "vsr", plant).map_err(|failure| failure.message);
        assert_eq!(ask("short-quorum"), Ok(Some("short-quorum".to_string())));
        assert_eq!(ask("none"), Ok(None));
        assert_eq!(
            ask("short-quorun"),
            Err("`vsr` has no planted bug `short-quorun`; did you mean short-quorum?".to_string())
        );
        assert_eq!(
            planted(&registry, "ping", "odd").map_err(|failure| failure.message),
            Err("`ping` has no planted bug `odd`; it has none in this build".to_string())
        );
    }
}
