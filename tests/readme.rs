//! The README tells the truth: its console blocks are run, and its scenario is read.

use std::path::Path;

use foretell::explore::Judgement;
use foretell::scenario::file::parse;

mod common;
use common::{elsewhere, foretell};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("there is a README")
}

/// The blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    readme().split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_string()).collect()
}

/// Runs a command of the page in a directory of its own, where only embedded scenarios are found and what it keeps does not
/// stay.
fn said(directory: &Path, arguments: &str) -> String {
    let ended = foretell(directory, arguments);
    assert!(matches!(ended.code, Some(0 | 1)), "{arguments}: {}", ended.err);
    ended.out
}

/// A line `…` stands for any lines.
fn is_like(said: &str, shown: &str) -> bool {
    let mut parts = shown.split("…\n");
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let found = if index + 1 == parts.len() { rest.strip_suffix(*part).map(str::len) } else { rest.find(part) };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn what_the_console_shows_is_what_is_printed() {
    let blocks = blocks("console");
    assert_eq!(blocks.len(), 4, "a green run, a red one, a sweep and what was shrunk");
    let directory = elsewhere("readme-console");
    for block in blocks {
        let (command, shown) = block.split_once('\n').expect("a command and what it prints");
        let arguments = command.strip_prefix("$ cargo run --release -- ").expect("run from the checkout");
        let said = said(&directory, arguments);
        assert!(is_like(&said, shown), "{command}\nprints\n{said}\nand the page shows\n{shown}");
    }
}

#[test]
fn the_diagram_is_the_one_that_is_drawn() {
    let directory = elsewhere("readme-diagram");
    said(&directory, "shrink swarm --plant adopted-log-taken-as-committed --seed 13");
    let kept = "adopted-log-taken-as-committed-back";
    let drawn = said(&directory, &format!("run regressions/{kept} --trace mermaid"));
    assert_eq!(blocks("mermaid"), [drawn]);
    let file = directory.join(format!("sim-scenarios/regressions/{kept}.toml"));
    let text = std::fs::read_to_string(file).expect("it was kept");
    let shown = blocks("toml").into_iter().find(|block| block.contains("[expect]")).expect("the page shows it");
    for line in shown.lines() {
        assert!(text.contains(line), "{line} is not in what was kept:\n{text}");
    }
}

#[test]
fn the_scenarios_are_right() {
    let registry = foretell::systems::registry();
    for block in blocks("toml").into_iter().filter(|block| !block.starts_with("[dependencies]")) {
        let family = parse("readme", &block, &registry).expect("the example is right");
        let scenario = family.only().expect("it has no choices");
        let system = registry.make(scenario).expect("it exists");
        let run = foretell::scenario::run(scenario, system, &foretell::scenario::Settings::default());
        assert!(Judgement::of(&scenario.expect, &run.verdict).is_met(), "{:?}", run.verdict);
    }
}

#[test]
fn its_links_lead_somewhere() {
    let text = readme();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut count = 0;
    for target in targets.filter(|target| !target.contains("://")) {
        let path = format!("{}/{target}", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&path).exists(), "{target} is not there");
        count += 1;
    }
    assert!(count > 5, "the links were not found");
}
