//! `list`: the scenarios and systems there are.

use serde::Serialize;

use crate::explore::judgement::expected;
use crate::scenario::{Expectation, Parameter, Registry, Shows};

use super::arguments::{Format, ListArguments};
use super::console::Console;
use super::exit::{Exit, Failure};
use super::shelf::Shelf;

#[derive(Serialize)]
struct Everything {
    scenarios: Vec<Entry>,
    systems: Vec<System>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    from: String,
    system: Option<String>,
    expects: Option<String>,
    title: String,
}

#[derive(Serialize)]
struct System {
    name: &'static str,
    plants: &'static [&'static str],
    parameters: Vec<Chosen>,
}

/// A number that scenario files may choose.
#[derive(Serialize)]
struct Chosen {
    name: &'static str,
    range: String,
    default: u64,
    about: &'static str,
}

/// Lists what there is.
pub(super) fn command(
    arguments: &ListArguments,
    shelf: &Shelf,
    registry: &Registry,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let mut scenarios = Vec::new();
    for name in shelf.names().into_keys() {
        let Ok(found) = shelf.find(&name) else { continue };
        let from = if found.is_embedded { "embedded".to_string() } else { found.file.clone() };
        let entry = |system, expects, title| Entry { name: name.clone(), from, system, expects, title };
        match found.parse(registry) {
            Ok(family) => {
                let expects = expectation(family.expect());
                scenarios.push(entry(Some(family.system().to_string()), Some(expects), family.title().to_string()));
            }
            // What comes with the binary may be about a system that a user's own binary does not have.
            Err(_) if found.is_embedded => {}
            Err(_) => scenarios.push(entry(None, None, "(has errors; `validate` shows them)".to_string())),
        }
    }
    let systems = registry.names().map(|name| system(name, registry)).collect();
    let everything = Everything { scenarios, systems };
    console.say(&match arguments.format {
        Format::Human => human(&everything),
        Format::Json => {
            let text = serde_json::to_string(&everything).expect("an object of texts has no failing parts");
            format!("{text}\n")
        }
    })?;
    Ok(Exit::Met)
}

fn system(name: &'static str, registry: &Registry) -> System {
    let chosen = |parameter: &Parameter| {
        let Parameter { name, about, default, .. } = *parameter;
        Chosen { name, range: parameter.range(), default, about }
    };
    System { name, plants: registry.plants(name), parameters: registry.parameters(name).iter().map(chosen).collect() }
}

fn expectation(expect: &Expectation) -> String {
    let shows = match expect {
        Expectation::Pass => String::new(),
        Expectation::Violation { shows: Shows::Always, .. } => " with every seed".to_string(),
        Expectation::Violation { shows: Shows::Seed(seed), .. } => format!(" with seed {seed}"),
        Expectation::Violation { shows: Shows::WithinSeeds(limit), .. } => format!(" within {limit} seeds"),
    };
    format!("{}{shows}", expected(expect))
}

fn human(everything: &Everything) -> String {
    let expects = |entry: &Entry| entry.expects.clone().unwrap_or_default();
    let width = |of: &dyn Fn(&Entry) -> usize| everything.scenarios.iter().map(of).max().unwrap_or(0);
    let (names, words) = (width(&|entry| entry.name.chars().count()), width(&|entry| expects(entry).chars().count()));
    let mut text = String::from("scenarios\n");
    for entry in &everything.scenarios {
        text.push_str(&format!("  {:<names$}  {:<words$}  {}\n", entry.name, expects(entry), entry.title));
    }
    if everything.scenarios.is_empty() {
        text.push_str("  none in ./sim-scenarios, and none in this program for its systems\n");
    }
    text.push_str("\nsystems\n");
    for System { name, plants, parameters } in &everything.systems {
        let plants = match plants {
            [] => "no planted bugs".to_string(),
            plants => format!("planted bugs: {}", plants.join(", ")),
        };
        text.push_str(&format!("  {name:<names$}  {plants}\n"));
        for Chosen { name, range, default, about } in parameters {
            text.push_str(&format!("  {:names$}  parameter {name}: {range}, {default} if not set. {about}\n", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_columns() {
        let entry = |name: &str, expects: &str, title: &str| Entry {
            name: name.to_string(),
            from: "embedded".to_string(),
            system: Some("vsr".to_string()),
            expects: Some(expects.to_string()),
            title: title.to_string(),
        };
        let scenarios = vec![
            entry("convergence", "pass", "three replicas end up equal"),
            entry("planted/early-ack", "violation of BACK within 50 seeds", "acknowledges before it has synced"),
        ];
        let chosen = Chosen { name: "slots", range: "a number from 8 to 64".to_string(), default: 16, about: "Slots." };
        let systems = vec![
            System { name: "ping", plants: &[], parameters: Vec::new() },
            System { name: "vsr", plants: &["early-ack", "odd"], parameters: vec![chosen] },
        ];
        insta::assert_snapshot!(human(&Everything { scenarios, systems }), @"
        scenarios
          convergence        pass                               three replicas end up equal
          planted/early-ack  violation of BACK within 50 seeds  acknowledges before it has synced

        systems
          ping               no planted bugs
          vsr                planted bugs: early-ack, odd
                             parameter slots: a number from 8 to 64, 16 if not set. Slots.
        ");
    }
}
