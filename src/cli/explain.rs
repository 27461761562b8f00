//! `explain`: what a seed will do, without running it.

use crate::explore::quietly;
use crate::report::explain::{Explanation, human, json};
use crate::scenario::{Expectation, Outlook, Registry, Shows};

use super::arguments::{ExplainArguments, Format};
use super::chosen::{Chosen, Options};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::shelf::Shelf;

/// Explains as asked.
pub(super) fn command(
    arguments: &ExplainArguments,
    program: &str,
    shelf: &Shelf,
    registry: &Registry,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let options = Options { program, plant: arguments.plant.as_deref(), oracles: None };
    let chosen = Chosen::find(&arguments.name, &options, shelf, registry)?;
    let seed = seed(arguments, &chosen)?;
    let scenario = chosen.scenario(seed)?;
    // The system says how many replicas a core has. It is not ours, and may panic.
    let system = registry.make(&scenario).map_err(Failure::bad_input)?;
    let outlook = quietly(|| Outlook::of(&scenario, &*system, seed))
        .map_err(|message| Failure::broken(format!("`{}` panicked: {message}", scenario.system)))?;
    let explanation = Explanation {
        choices: &chosen.family.choices(seed),
        scenario: &scenario,
        seed: scenario.plan.is_none().then_some(seed),
        outlook: &outlook,
        notes: &chosen.notes,
        repeat: &chosen.repeat_one(seed),
    };
    console.say(&match arguments.format {
        Format::Human => human(&explanation),
        Format::Json => json(&explanation),
    })?;
    Ok(Exit::Met)
}

/// Which seed is meant.
fn seed(arguments: &ExplainArguments, chosen: &Chosen) -> Result<u64, Failure> {
    if let Some(entropy) = chosen.entropy(arguments.seed)? {
        return Ok(entropy);
    }
    match (arguments.seed, chosen.family.expect()) {
        (Some(seed), _) => Ok(seed),
        (None, Expectation::Violation { shows: Shows::Seed(seed), .. }) => Ok(*seed),
        (None, _) => {
            let example = chosen.repeat.line("explain", " --seed 1");
            Err(Failure::bad_input(format!(
                "which seed? `{}` leaves something to chance, and each seed decides it in its own way; try `{example}`",
                arguments.name
            )))
        }
    }
}
