//! The README tells the truth: its console blocks are run, and its scenario is read.

use std::process::Command;

use foretell::scenario::file::parse;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("there is a README")
}

/// The blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    readme().split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_string()).collect()
}

#[test]
fn what_the_console_shows_is_what_is_printed() {
    let blocks = blocks("console");
    assert_eq!(blocks.len(), 2, "a green run and a red one");
    for block in blocks {
        let (command, expected) = block.split_once('\n').expect("a command and what it prints");
        let arguments = command.strip_prefix("$ cargo run --release -- ").expect("run from the checkout");
        let output = Command::new(env!("CARGO_BIN_EXE_foretell"))
            .args(arguments.split(' '))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{command}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{command}");
    }
}

#[test]
fn the_scenario_is_right() {
    let registry = foretell::systems::registry();
    for block in blocks("toml").into_iter().filter(|block| !block.starts_with("[dependencies]")) {
        let scenario =
            parse("readme", &block, &registry).expect("the example is right").scenario(0).expect("seed 0 is right");
        let system = registry.make(&scenario.system, None).expect("it exists");
        let run = foretell::scenario::run(&scenario, system, &foretell::scenario::Settings::default());
        assert_eq!(run.verdict.word(), "pass");
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
