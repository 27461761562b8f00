//! The loop as a user meets it: sweep, shrink, keep, replay; and what happens to input that is wrong.

#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};

mod common;
use common::{Ended, command, elsewhere, foretell, interrupted};

const PLANT: &str = "adopted-log-taken-as-committed";

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("its name is text"))
        .collect();
    names.sort();
    names
}

/// Runs the line that a command says repeats what it found.
fn repeat(directory: &Path, line: &str) -> Ended {
    foretell(directory, line.strip_prefix("foretell ").expect("it can be pasted"))
}

#[test]
fn three_commands_lead_to_a_scenario_that_is_kept() {
    let directory = elsewhere("loop-three");
    let swept = foretell(&directory, &format!("sweep swarm --plant {PLANT} --seeds 0..40 --format json"));
    assert_eq!(swept.code, Some(1), "{}", swept.err);
    let swept = swept.json();
    for key in ["digest", "seeds", "findings", "marks", "faults"] {
        assert!(!swept[key].is_null(), "{key} is missing");
    }
    let finding = &swept["findings"][0];
    assert_eq!(
        (finding["oracle"].as_str(), finding["signature"].as_str()),
        (Some("back"), Some("BACK primary commits"))
    );
    assert!(finding["count"].as_u64() > Some(0));
    let seed = finding["seed"].as_u64().expect("a finding has a seed");
    let repeated = repeat(&directory, finding["repeat"].as_str().expect("a finding can be repeated"));
    assert_eq!(repeated.code, Some(1));
    assert!(repeated.out.contains("BACK (backed-commit) is broken"), "{}", repeated.out);

    let shrunk = foretell(&directory, &format!("shrink swarm --plant {PLANT} --seed {seed} --format json"));
    assert_eq!(shrunk.code, Some(0), "{}", shrunk.err);
    let shrunk = shrunk.json();
    let size = |when: &str, what: &str| shrunk[when][what].as_u64().expect("sizes are numbers");
    for what in ["faults", "operations", "deviations", "deliveries", "events"] {
        assert!(size("after", what) <= size("before", what), "{what}");
    }
    let kept = shrunk["kept"].as_str().expect("it is kept");
    let text = fs::read_to_string(directory.join(kept)).expect("it was written");
    for says in ["# Found by BACK", "# Promised: ", "# Happened: ", "# In order:", "[expect]\n", "plant = "] {
        assert!(text.contains(says), "{says} is not in\n{text}");
    }

    // It runs by its name, as part of a sweep of nothing else, and again and again as the same run.
    let name = kept.trim_start_matches("sim-scenarios/").trim_end_matches(".toml");
    let run = foretell(&directory, &format!("run {name} --format json"));
    assert_eq!((run.code, run.json()["expectation_met"].as_bool()), (Some(0), Some(true)));
    let replayed = foretell(&directory, &format!("replay {name} --times 100 --format json"));
    assert_eq!((replayed.code, replayed.json()["comparison"].as_str()), (Some(0), Some("same")));
    assert_eq!(replayed.json()["digest"], shrunk["digest"]);

    // The same once more is the same file; a file that says something else is left alone.
    let again = foretell(&directory, &format!("shrink swarm --plant {PLANT} --seed {seed} --format json"));
    assert_eq!(again.json()["kept"].as_str(), Some(kept));
    fs::write(directory.join(kept), "# mine\n").expect("it can be written");
    let again = foretell(&directory, &format!("shrink swarm --plant {PLANT} --seed {seed} --format json"));
    assert_eq!(again.json()["kept"].as_str(), Some(kept.replace(".toml", "-2.toml").as_str()));
    assert_eq!(fs::read_to_string(directory.join(kept)).ok().as_deref(), Some("# mine\n"));
}

#[test]
fn a_sweep_can_shrink_what_it_finds() {
    let directory = elsewhere("loop-shrink");
    let words = format!("sweep swarm --plant {PLANT} --seeds 0..40 --shrink --out kept --format json");
    let swept = foretell(&directory, &words);
    assert_eq!(swept.code, Some(1), "{}", swept.err);
    let path = swept.json()["findings"][0]["shrunk"].as_str().map(PathBuf::from).expect("it was shrunk");
    assert_eq!(path.parent(), Some(Path::new("kept")));
    assert!(directory.join(path).is_file());
}

#[test]
fn the_digest_of_a_sweep_depends_on_neither_threads_nor_pieces() {
    let directory = elsewhere("loop-pieces");
    let digest = |words: &str| {
        let ended = foretell(&directory, &format!("sweep {words} --format json"));
        assert_eq!(ended.code, Some(0), "{words}: {}", ended.err);
        u64::from_str_radix(ended.json()["digest"].as_str().expect("a digest is text"), 16).expect("in digits")
    };
    let whole = digest("swarm --seeds 0..120 --jobs 1");
    assert_eq!(whole, digest("swarm --seeds 0..120 --jobs 2"));
    let pieces = digest("swarm --seeds 0..60 --jobs 2").wrapping_add(digest("swarm --seeds 60..120 --jobs 1"));
    assert_eq!(whole, pieces);
    let both = "--seeds 0..20";
    assert_eq!(digest(&format!("ping calm {both}")), digest(&format!("calm ping calm {both}")));
}

#[test]
fn build_servers_get_what_they_read() {
    let directory = elsewhere("loop-servers");
    let summary = directory.join("summary.md");
    fs::write(&summary, "before\n").expect("it can be written");
    let words = format!("sweep calm swarm --plant {PLANT} --seeds 0..40 --format github");
    let output = command(&directory, &words).env("GITHUB_STEP_SUMMARY", &summary).output().expect("the program starts");
    let out = String::from_utf8(output.stdout).expect("output is text");
    assert!(out.contains("::error title=swarm%3A BACK primary commits"), "{out}");
    let text = fs::read_to_string(&summary).expect("it is there");
    assert!(text.starts_with("before\n") && text.contains("| swarm | violation |"), "{text}");
    let junit = foretell(&directory, &format!("sweep calm swarm --plant {PLANT} --seeds 0..40 --format junit"));
    assert_eq!(junit.out.matches("<testcase ").count(), 2, "{}", junit.out);
    assert_eq!(junit.out.matches("<failure ").count(), 1, "{}", junit.out);
}

#[test]
fn a_replay_that_differs_names_the_event() {
    let directory = elsewhere("loop-replay");
    let recorded = foretell(&directory, "run convergence --seed 7 --record plan.toml");
    assert_eq!(recorded.code, Some(0), "{}", recorded.err);
    let plan = fs::read_to_string(directory.join("plan.toml")).expect("it was written");
    let replay = |name: &str, text: &str| {
        fs::write(directory.join(name), text).expect("it can be written");
        foretell(&directory, &format!("replay {name}"))
    };
    let ended = replay("same.toml", &plan);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("the recorded run, repeated"), "{}", ended.out);

    // Another build, and another latency: stale, from the first packet that comes otherwise.
    let other = plan.replace(" program ", " another program ").replacen("latency = \"", "latency = \"1", 1);
    let ended = replay("stale.toml", &other);
    assert_eq!(ended.code, Some(4), "{}", ended.out);
    for says in ["stale: recorded by", "the first event that differs is ", "now   "] {
        assert!(ended.out.contains(says), "{says}: {}", ended.out);
    }
    // The same edit under the same build is an edit, and nobody's fault.
    let ended = replay("edited.toml", &plan.replacen("latency = \"", "latency = \"1", 1));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("edited since it was recorded"), "{}", ended.out);
}

#[test]
fn what_cannot_be_is_bad_input_and_leaves_nothing_behind() {
    let directory = elsewhere("loop-bad");
    fs::write(directory.join("file"), "").expect("it can be written");
    foretell(&directory, "run calm --seed 1 --record plan.toml");
    let plan = fs::read_to_string(directory.join("plan.toml")).expect("it was written");
    let with = |deviation: &str| format!("deviations = [\"{deviation}\"]\n{plan}");
    for (name, deviation) in [
        ("node.toml", "drop r9->r0 PrepareOk(v0 op1) #1"),
        ("file.toml", "keep r1 life 1 file jurnal sector 5"),
        ("verb.toml", "loose r1->r0 PrepareOk(v0 op1) #1"),
    ] {
        fs::write(directory.join(name), with(deviation)).expect("it can be written");
    }
    let fault = "\n[[phase.fault]]\nat = \"1ms\"\nrot = { target = \"r1\", file = \"jurnal\", sector = 5 }\n";
    let (first, rest) = plan.split_once("\n[[phase]]").expect("there is a phase");
    let (phase, more) = rest.split_once("\n\n").expect("something follows it");
    let rotten = format!("{first}\n[[phase]]{phase}\n{fault}\n{more}");
    fs::write(directory.join("fault.toml"), rotten).expect("it can be written");
    fs::write(directory.join("broken.toml"), "[[failing]]\nsede = 1\n").expect("it can be written");
    let before = files(&directory);
    for (words, says) in [
        ("sweep swarm --seeds 7..7", "there is no seed in it: the last one is left out, so write `7..8`"),
        ("sweep swarm --seeds 9..2", "it runs backwards; write `2..9`"),
        ("sweep swram --seeds 0..2", "did you mean swarm?"),
        ("sweep plan.toml --seeds 0..2", "is a plan"),
        ("sweep swarm --seeds 0..2 --shrink --out kept.toml", "--out names the directory"),
        ("sweep swarm --plant odd --seeds 0..2", "`vsr` has no planted bug `odd`"),
        ("sweep swarm --seeds 0..2 --failing broken.toml", "broken.toml:2:1"),
        ("sweep swarm --seeds 0..2 --shrink --out file/below", "cannot write into file/below"),
        ("shrink swarm", "which seed fails? Add --seed N"),
        ("shrink swarm --seed 5", "seed 5 keeps every promise, so there is nothing to shrink"),
        ("shrink plan.toml", "this plan keeps every promise"),
        ("shrink plan.toml --seed 3", "so it takes no seed"),
        ("shrink planted/short-quorum --out file/below", "cannot write into file/below"),
        ("shrink planted/short-quorum --time-budget soon", "soon"),
        ("replay calm", "`calm` is no plan"),
        ("replay node.toml", "there is no r9"),
        ("replay file.toml", "names the file `jurnal`, which no disk ever had; there are `checkpoint-0`"),
        ("replay fault.toml", "a fault names the file `jurnal`, which no disk ever had; there are `checkpoint-0`"),
        ("replay verb.toml", "unknown verb `loose`"),
    ] {
        let ended = foretell(&directory, words);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{words}: {}", ended.err);
        assert!(ended.err.contains(says), "{words}: {}", ended.err);
        assert_eq!(files(&directory), before, "{words} left something behind");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_shrinker_keeps_the_best_so_far() {
    let directory = elsewhere("loop-interrupt");
    let words = "shrink swarm --plant acks-after-dvc --seed 183 --out kept --format json";
    let ended = interrupted(&directory, words);
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    let shrunk = ended.json();
    assert_eq!(shrunk["interrupted"], true);
    let kept = shrunk["kept"].as_str().expect("the best so far is kept");
    assert_eq!(foretell(&directory, &format!("run {kept}")).code, Some(0));
}
