//! Planted bugs prove the oracles: every oracle of a protocol is the first to object to at least one of them, and
//! `docs/planted-bugs.md` says truly which.

use std::collections::BTreeMap;
use std::path::Path;

use foretell::check::OracleId;
use foretell::scenario::file::parse_bytes;
use foretell::scenario::{Expectation, Settings, Shows, run};

/// By planted bug: the oracle that is the first to object in its directed scenario.
fn first_to_object() -> BTreeMap<&'static str, OracleId> {
    let registry = foretell::systems::registry();
    let all_safety = OracleId::all().filter(|id| !id.is_liveness()).filter(|id| !is_always_on(*id)).count();
    let mut first = BTreeMap::new();
    for plant in registry.plants("vsr") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sim-scenarios/planted/{plant}.toml"));
        let bytes = std::fs::read(path).expect("every planted bug has a scenario");
        let family = parse_bytes(plant, &bytes, &registry).expect("the scenario is right");
        let scenario = family.only().expect("it has no choices");
        assert_eq!(scenario.plant.as_deref(), Some(*plant));
        // One that watches alone is always the first.
        assert_eq!(scenario.check.safety.len(), all_safety, "{plant}: all safety oracles watch");
        let seeds = match scenario.expect {
            Expectation::Violation { shows: Shows::Always, .. } => 0..1,
            Expectation::Violation { shows: Shows::Seed(seed), .. } => seed..seed + 1,
            Expectation::Violation { shows: Shows::WithinSeeds(seeds), .. } => 0..seeds,
            Expectation::Pass => panic!("{plant}: a directed scenario expects a violation"),
        };
        let found = seeds.into_iter().find_map(|seed| {
            let system = registry.make(scenario).expect("it can be planted");
            run(scenario, system, &Settings { seed, ..Settings::default() }).verdict.finding().map(|found| found.oracle)
        });
        first.insert(*plant, found.unwrap_or_else(|| panic!("{plant} does not show")));
    }
    first
}

fn is_always_on(oracle: OracleId) -> bool {
    matches!(oracle, OracleId::Panic | OracleId::Spin)
}

#[test]
fn every_oracle_is_the_first_to_object_to_some_bug() {
    let first = first_to_object();
    // CONV judges what is left when all else is well, and no known bug leaves only that. SPIN has a test of its own, with
    // a system that never rests.
    let exempt = [OracleId::Conv, OracleId::Spin];
    let never: Vec<OracleId> = OracleId::all()
        .filter(|oracle| !exempt.contains(oracle) && !first.values().any(|other| other == oracle))
        .collect();
    assert!(never.is_empty(), "{never:?} are never the first; there are {first:#?}");
}

#[test]
fn the_page_says_who_sees_each_bug_first() {
    let page = include_str!("../docs/planted-bugs.md");
    let said: BTreeMap<&str, &str> =
        rows(page, "| bug |").map(|cells| (cells[0].trim_matches('`'), cells[3])).collect();
    let first: BTreeMap<&str, String> =
        first_to_object().into_iter().map(|(plant, oracle)| (plant, oracle.to_string())).collect();
    let first: BTreeMap<&str, &str> = first.iter().map(|(plant, oracle)| (*plant, oracle.as_str())).collect();
    assert_eq!(said, first);
}

#[test]
fn the_page_has_the_whole_catalogue() {
    let page = include_str!("../docs/planted-bugs.md");
    let planted = rows(page, "| bug |").map(|cells| cells[1]);
    let others = rows(page, "| not planted |").map(|cells| cells[1]);
    let mut numbers: Vec<&str> = planted.chain(others).collect();
    numbers.sort_unstable();
    let all: Vec<String> = (1..=32).map(|number| format!("S{number:02}")).collect();
    assert_eq!(numbers, all);
}

/// The cells of the rows of the table that begins with this.
fn rows<'a>(page: &'a str, head: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let table = page.split_once(&format!("\n{head}")).expect("the table is there").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}
