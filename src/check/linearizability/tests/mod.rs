//! Every tier against a checker that tries everything, and against the other tiers.

mod argument;
mod brute;
mod by_the_way;
mod larger;
mod minimal;
mod models;
mod small;

use super::generate::{Plan, Plant, Workload, generate};
use super::judge::Judge;
use super::search::Progress;
use super::tier::Finding;
use super::witness::Claim;
use super::*;
use crate::check::models::Standard;
use crate::check::recorded::{Act, Entry, NO_INDEX, Recording};

const NODES: u64 = 2_000_000;

const WORKLOADS: [Workload; 5] =
    [Workload::Register, Workload::Cas, Workload::SmallCas, Workload::Append, Workload::Store];

/// What every tier says of the operations on one object: yes, no, or nothing.
fn all_tiers(recording: &Recording, model: Standard, ops: &[Entry]) -> Vec<(Tier, bool)> {
    let mut judge = Judge::new(model, &recording.values);
    let mut said = Vec::new();
    if matches!(model, Standard::Register | Standard::KeyValue) {
        if super::witness::verify(ops, &recording.values, &mut Vec::new()) == Claim::Verified {
            said.push((Tier::Witness, true));
        }
        match judge.by_structure(ops) {
            (_, Finding::Open) => {}
            (tier, finding) => said.push((tier, finding == Finding::Legal)),
        }
    }
    let calls = judge.calls(ops);
    match judge.searching(&calls).advance(&mut { NODES }) {
        Progress::Paused => {}
        progress => said.push((Tier::Search, progress == Progress::Found)),
    }
    said
}

fn ops_of(recording: &Recording, key: usize) -> Vec<Entry> {
    recording.by_key()[key].iter().map(|place| recording.entries[*place as usize]).collect()
}

#[test]
fn tiers_agree_on_histories_of_a_correct_service_and_on_spoilt_ones() {
    for workload in WORKLOADS {
        for seed in 0..12 {
            let plant = [None, Some(Plant::Stale), Some(Plant::Phantom)][seed as usize % 3];
            let clients = 2 + seed % 4;
            let plan = Plan { workload, clients, keys: 2, operations: 200, unknown: 3, plant, indexed: true, seed };
            let recording = generate(&plan);
            let mut legal = true;
            for key in 1..recording.keys.len() {
                let said = all_tiers(&recording, Standard::KeyValue, &ops_of(&recording, key));
                assert!(!said.is_empty(), "{plan:?}: nobody can tell");
                assert!(said.iter().all(|(_, verdict)| *verdict == said[0].1), "{plan:?}: {said:?}");
                legal &= said[0].1;
            }
            assert_eq!(legal, plant.is_none(), "{plan:?}");
        }
    }
}

#[test]
fn a_claim_is_verified_and_never_trusted() {
    let plan = Plan { indexed: true, ..Plan::default() };
    let mut recording = generate(&plan);
    let judgement = judge(&recording, Standard::KeyValue, NODES);
    assert_eq!((judgement.decided[Tier::Witness as usize], judgement.misled), (1, 0));
    // The first two answered operations change places.
    let mut known = recording.entries.iter_mut().filter(|entry| entry.index < 2 && entry.index != NO_INDEX);
    let (one, other) = (known.next().expect("there are two"), known.next().expect("there are two"));
    std::mem::swap(&mut one.index, &mut other.index);
    let swapped = judge(&recording, Standard::KeyValue, NODES);
    assert_eq!(swapped.verdict, Verdict::Linearizable);
    // A claim for a history that is none.
    let recording = generate(&Plan { plant: Some(Plant::Stale), ..plan });
    assert!(matches!(judge(&recording, Standard::KeyValue, NODES).verdict, Verdict::Impossible(_)));
}

#[test]
fn a_budget_that_is_too_small_is_said() {
    let plan = Plan { workload: Workload::SmallCas, clients: 40, operations: 2_000, unknown: 3, ..Plan::default() };
    let recording = generate(&plan);
    let judgement = judge(&recording, Standard::KeyValue, 20);
    let Verdict::Undecided(unfinished) = &judgement.verdict else { panic!("{judgement:?}") };
    assert_eq!(judgement.nodes, 20);
    assert!(unfinished[0].explained > 0 && unfinished[0].explained < unfinished[0].moments, "{unfinished:?}");
}

#[test]
fn what_nobody_asks_for_does_not_multiply() {
    // A swap has failed, so one of many appends of unknown outcome happened before it, and nobody can say which or how many.
    let mut lines = vec![
        r#"{"client":0,"op":"put","value":"14","call":1,"return":2}"#.to_owned(),
        r#"{"client":1,"op":"cas","from":"14","value":"18","ok":false,"call":5,"return":6}"#.to_owned(),
        r#"{"client":1,"op":"put","value":"x","call":7,"return":8}"#.to_owned(),
        r#"{"client":1,"op":"put","value":"y","call":9,"return":10}"#.to_owned(),
    ];
    let unknown = |number| format!(r#"{{"client":9,"op":"append","value":"{number};","call":3,"return":null}}"#);
    lines.extend((20..36).map(unknown));
    for (value, legal) in [("y", true), ("x", false)] {
        let get = format!(r#"{{"client":2,"op":"get","value":"{value}","call":11,"return":12}}"#);
        let mut reader = crate::check::recorded::jsonl::Reader::default();
        reader.feed((lines.join("\n") + "\n" + &get).as_bytes());
        let judgement = judge(&reader.finish().expect("the lines are right"), Standard::KeyValue, 100_000);
        let is_as_expected = match judgement.verdict {
            Verdict::Linearizable => legal,
            Verdict::Impossible(_) => !legal,
            Verdict::Undecided(_) => false,
        };
        assert!(is_as_expected, "{value}: {judgement:?}");
    }
}

#[test]
fn a_folder_of_histories_is_judged_as_its_manifest_says() {
    let Ok(folder) = std::env::var("FORETELL_HISTORIES") else {
        println!("*** SKIPPED: FORETELL_HISTORIES names no folder with a MANIFEST.jsonl and histories");
        return;
    };
    let folder = std::path::Path::new(&folder);
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.jsonl")).expect("the folder has a manifest");
    let mut judged = 0;
    for line in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a manifest is lines of JSON");
        let file = row["file"].as_str().expect("a row names its file");
        let mut reader = crate::check::recorded::jsonl::Reader::default();
        reader.feed(&std::fs::read(folder.join(file)).expect("the file is there"));
        let judgement = judge(&reader.finish().expect("the file is right"), Standard::KeyValue, NODES);
        match (row["verdict"].as_str(), &judgement.verdict) {
            (Some("ok"), Verdict::Linearizable) | (Some("illegal"), Verdict::Impossible(_)) => judged += 1,
            (wanted, verdict) => panic!("{file}: {wanted:?}, but {verdict:?}"),
        }
    }
    assert!(judged > 0);
}
