//! What a scenario file says: one scenario for each seed.

use super::file::Diagnostic;
use super::{Checks, Expectation, Scenario};

/// The scenarios of one file: one for each seed. A file without choices says the same scenario for every seed.
///
/// What identifies and judges the scenarios is the same for all of them; what happens in them may differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Family {
    scenario: Scenario,
}

impl From<Scenario> for Family {
    fn from(scenario: Scenario) -> Family {
        Family { scenario }
    }
}

impl Family {
    /// The name of the file without directory and ending.
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// One line for lists.
    pub fn title(&self) -> &str {
        &self.scenario.title
    }

    /// Which system it is about.
    pub fn system(&self) -> &str {
        &self.scenario.system
    }

    /// Which planted bug is switched on.
    pub fn plant(&self) -> Option<&str> {
        self.scenario.plant.as_deref()
    }

    /// Switches on another planted bug, or none.
    pub fn set_plant(&mut self, plant: Option<String>) {
        self.scenario.plant = plant;
    }

    /// What is judged.
    pub fn check(&self) -> &Checks {
        &self.scenario.check
    }

    /// What should come of it.
    pub fn expect(&self) -> &Expectation {
        &self.scenario.expect
    }

    /// Expects something else.
    pub fn set_expect(&mut self, expect: Expectation) {
        self.scenario.expect = expect;
    }

    /// Whether it is a plan, in which nothing is left to chance.
    pub fn is_plan(&self) -> bool {
        self.scenario.plan.is_some()
    }

    /// The scenario if it is the same for every seed.
    pub fn only(&self) -> Option<&Scenario> {
        Some(&self.scenario)
    }

    /// The scenario of a seed.
    ///
    /// # Errors
    /// If what was chosen for this seed does not go together: everything that is wrong with it.
    pub fn scenario(&self, _seed: u64) -> Result<Scenario, Vec<Diagnostic>> {
        Ok(self.scenario.clone())
    }
}
