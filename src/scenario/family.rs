//! What a scenario file says: one scenario for each seed.

use std::sync::Arc;

use super::file::{Choice, Diagnostic, Template};
use super::{Checks, Expectation, Scenario};

/// The scenarios of one file: one for each seed. A file without choices says the same scenario for every seed.
///
/// What identifies and judges the scenarios is the same for all of them; what happens in them may differ. Two families
/// with choices are equal if they come from the same reading of a file.
#[derive(Clone, Debug)]
pub struct Family {
    /// One of the scenarios. What is the same for all of them is taken from it.
    scenario: Scenario,
    /// What makes the scenario of a seed, if they differ.
    template: Option<Arc<Template>>,
}

/// The threads of a sweep share one.
const _: () = {
    const fn shared<T: Send + Sync + Clone>() {}
    shared::<Family>();
};

impl From<Scenario> for Family {
    fn from(scenario: Scenario) -> Family {
        Family { scenario, template: None }
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Family) -> bool {
        let same = match (&self.template, &other.template) {
            (None, None) => true,
            (Some(template), Some(other)) => Arc::ptr_eq(template, other),
            _ => false,
        };
        same && self.scenario == other.scenario
    }
}

impl Eq for Family {}

impl Family {
    /// The scenarios of a file with choices, of which `sample` is one.
    pub(super) fn of(sample: Scenario, template: Arc<Template>) -> Family {
        Family { scenario: sample, template: Some(template) }
    }

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
        self.template.is_none().then_some(&self.scenario)
    }

    /// The scenario of a seed.
    ///
    /// # Errors
    /// If what was chosen for this seed does not go together: everything that is wrong with it.
    pub fn scenario(&self, seed: u64) -> Result<Scenario, Vec<Diagnostic>> {
        let Some(template) = &self.template else { return Ok(self.scenario.clone()) };
        let scenario = template.scenario(seed)?;
        let (plant, expect) = (self.scenario.plant.clone(), self.scenario.expect.clone());
        Ok(Scenario { plant, expect, ..scenario })
    }

    /// What is chosen for a seed, in the order in which it is chosen. Nothing if there are no choices.
    pub fn choices(&self, seed: u64) -> Vec<Choice> {
        self.template.as_ref().map_or(Vec::new(), |template| template.choices(seed))
    }
}
