//! The files and examples that ship with the crate are right.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{parse, print};
use super::{complaints, read, read_family};

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_scenario_file_is_right_and_says_what_it_shows() {
    let files = files(&root().join("sim-scenarios"));
    assert!(files.len() >= 15, "only {} scenario files were found", files.len());
    for path in files {
        let shown = path.strip_prefix(root()).expect("it is below the root").display().to_string();
        let text = fs::read_to_string(&path).expect("the file can be read");
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("names are plain");
        // The systems that ship with the crate, because some scenarios name their planted bugs.
        let registry = crate::systems::registry();
        let family = parse(name, &text, &registry).unwrap_or_else(|mistakes| {
            let rendered: String = mistakes.iter().map(|mistake| mistake.render(&shown, &text)).collect();
            panic!("{rendered}")
        });
        assert_eq!(family.name(), name);
        let opening = text.lines().take_while(|line| line.starts_with('#')).count();
        assert!(opening >= 1, "{shown} opens without a comment");
        for seed in 0..if family.only().is_some() { 1 } else { 100 } {
            let scenario = family.scenario(seed).expect("what a seed chooses is right");
            let text = print(&scenario);
            assert_eq!(
                parse(name, &text, &registry),
                Ok(scenario.into()),
                "{shown} changes when it is printed\n{text}"
            );
        }
    }
}

/// The blocks of a page that stand between "```" and the language and the next "```".
pub(super) fn blocks(page: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut inside) = (Vec::new(), None);
    for line in page.lines() {
        match (&mut inside, line.strip_prefix("```")) {
            (None, Some(word)) if word == language => inside = Some(String::new()),
            (None, _) => {}
            (Some(_), Some(_)) => blocks.extend(inside.take()),
            (Some(block), None) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    assert!(inside.is_none(), "a block is not closed");
    blocks
}

/// An example of a page, with whatever it leaves out. Top-level keys go first, tables after it.
pub(super) fn completed(block: &str) -> String {
    let has = |start: &str| block.lines().any(|line| line.starts_with(start));
    let (mut before, mut after) = (String::new(), String::new());
    for (start, piece) in [("title", "title = \"an example\"\n"), ("system", "system = \"vsr\"\n")] {
        if !has(start) {
            before.push_str(piece);
        }
    }
    for (start, piece) in [
        ("[cluster]", "[cluster]\nreplicas = 3\nclients = 2\n"),
        ("[workload]", "[workload]\nkind = \"kv\"\nkeys = 3\nrate = \"100/s\"\nmix = { get = 1 }\n"),
        ("[[phase]]", "[[phase]]\nname = \"quiet\"\nfor = \"5s\"\nquiet = true\n"),
    ] {
        if !has(start) {
            after.push_str(piece);
        }
    }
    format!("{before}{block}\n{after}")
}

#[test]
fn nobody_is_blamed_for_packets_that_take_longer_than_an_answer_may() {
    let waits = |latency: &str| {
        let text = format!(
            "title = \"t\"\nsystem = \"vsr\"\n[cluster]\nreplicas = 3\nclients = 1\n[network]\nlatency = {latency}\n\
             [workload]\nkind = \"explicit\"\noperations = [\"c0 get k0\"]\n[[phase]]\nname = \"quiet\"\nfor = \"1s\"\nquiet = true\n\
             [check]\nliveness = [{{ all-requests-complete = {{ within = \"10s\" }}, converged = {{ within = \"30s\" }} }}]\n"
        );
        let check = read(&text).check;
        [check.all_requests_complete, check.converged].map(|within| within.map(|within| within.as_secs()))
    };
    assert_eq!(waits("\"20ms\""), [Some(10), Some(30)]);
    assert_eq!(waits("{ fast = \"1ms\", slow = \"3s\", share = 0.001 }"), [Some(24), Some(30)]);
    assert_eq!(waits("{ mean = \"500ms\" }"), [Some(40), Some(40)], "ten times the mean at most");
}

#[test]
fn every_example_of_the_reference_is_right() {
    let page = fs::read_to_string(root().join("docs/scenarios.md")).expect("the reference is there");
    let blocks = blocks(&page, "toml");
    assert!(blocks.len() >= 10, "only {} examples were found", blocks.len());
    for block in blocks {
        read_family(&completed(&block));
    }
}

#[test]
fn the_error_shown_in_the_reference_is_what_is_said() {
    let page = fs::read_to_string(root().join("docs/scenarios.md")).expect("the reference is there");
    let (wrong, said) = (blocks(&page, "toml wrong"), blocks(&page, "text said"));
    assert_eq!((wrong.len(), said.len()), (1, 1));
    assert_eq!(complaints(&wrong[0]), said[0]);
}
