//! The command as a user meets it: exit codes, streams, and lines that can be pasted.

#![cfg(feature = "cli")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

mod common;
use common::{command, elsewhere, foretell, interrupted};

fn verdict(directory: &Path, words: &str) -> Value {
    foretell(directory, &format!("{words} --format json")).json()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn help_names_every_exit_code() {
    for words in [
        "--help",
        "run --help",
        "sweep --help",
        "list --help",
        "validate --help",
        "completions --help",
        "explain --help",
    ] {
        let ended = foretell(root(), words);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{words}");
        for code in 0..=4 {
            assert!(ended.out.contains(&format!("\n  {code}  ")), "{words} does not explain exit code {code}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_bad_input() {
    for (words, says) in [
        ("", "Usage"),
        ("runn", "run"),
        ("sweep convergence --seeds 9..2", "it runs backwards; write `2..9`"),
        ("sweep convergence --seeds 5..5", "there is no seed in it"),
        ("sweep convergence --seeds many", "`0..1000`"),
        ("run convergence --oracles linn", "unknown oracle `linn`"),
        ("run convergence --trace none --out x", "--out"),
        ("completions", "<SHELL>"),
        ("completions fisch", "fish"),
    ] {
        let ended = foretell(root(), words);
        assert_eq!(ended.code, Some(2), "{words}");
        assert_eq!(ended.out, "", "{words}");
        assert!(ended.err.contains(says), "{words}: {}", ended.err);
    }
}

#[test]
fn an_unknown_scenario_is_answered_with_near_names() {
    let ended = foretell(&elsewhere("cli-unknown"), "run convergance --seed 1");
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(ended.err.contains("unknown scenario `convergance`; did you mean convergence?"), "{}", ended.err);
}

#[test]
fn validate_says_all_errors_of_all_files() {
    let directory = elsewhere("cli-validate");
    fs::write(directory.join("one.toml"), "titel = \"a\"\nsystem = \"vsr\"\n").expect("it can be written");
    fs::write(directory.join("two.toml"), "title = [\n").expect("it can be written");
    fs::write(directory.join("three.toml"), b"title = \"\xff\"\n").expect("it can be written");
    let ended = foretell(&directory, "validate one.toml two.toml three.toml convergence absent.toml");
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.out, "ok  convergence\n");
    for says in ["one.toml", "titel", "two.toml", "three.toml", "absent.toml", "4 of 5 files with errors"] {
        assert!(ended.err.contains(says), "{says}: {}", ended.err);
    }
    assert_eq!(foretell(&directory, "validate .").code, Some(2));
}

#[test]
fn every_scenario_of_this_crate_is_valid_and_listed() {
    let ended = foretell(root(), "validate sim-scenarios");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let files = ended.out.lines().count();
    let list = verdict(&elsewhere("cli-list"), "list");
    let scenarios = list["scenarios"].as_array().expect("a list has scenarios");
    assert_eq!(scenarios.len(), files, "the binary carries every file");
    assert!(scenarios.iter().all(|scenario| scenario["from"] == "embedded"));
    assert!(list["systems"].as_array().is_some_and(|systems| systems.iter().any(|system| system["name"] == "vsr")));
}

#[test]
fn the_same_seed_is_the_same_run() {
    let directory = elsewhere("cli-same");
    let run = || foretell(&directory, "run convergence --seed 7 --format json --check-determinism");
    let (one, other) = (run(), run());
    assert_eq!(one.code, Some(0), "{}", one.err);
    assert_eq!(one.out, other.out);
    let value: Value = serde_json::from_str(&one.out).expect("it is JSON");
    assert_eq!(value["scenario"], "convergence");
    assert_eq!(value["seed"], 7);
    assert_eq!(value["verdict"], "pass");
    assert_ne!(verdict(&directory, "run convergence --seed 8")["digest"], value["digest"]);
}

#[test]
fn without_a_name_and_a_seed_convergence_runs_with_a_drawn_seed() {
    let directory = elsewhere("cli-default");
    let value = verdict(&directory, "run");
    let seed = value["seed"].as_u64().expect("the seed is printed");
    assert_eq!(verdict(&directory, &format!("run convergence --seed {seed}")), value);
}

#[test]
fn a_range_can_be_split_anywhere() {
    let directory = elsewhere("cli-split");
    let digest = |seeds: &str| {
        let value = verdict(&directory, &format!("sweep convergence --seeds {seeds}"));
        u64::from_str_radix(value["digest"].as_str().expect("a digest is text"), 16).expect("in hexadecimal digits")
    };
    assert_eq!(digest("0..5"), digest("0..2").wrapping_add(digest("2..5")));
}

#[test]
fn a_trace_has_as_many_lines_as_the_run_has_events() {
    let directory = elsewhere("cli-trace");
    let ended = foretell(&directory, "run convergence --seed 7 --trace jsonl --format json");
    let value: Value = serde_json::from_str(&ended.err).expect("the verdict is alone on standard error");
    assert_eq!(value["events"], ended.out.lines().count());
    let ended = foretell(&directory, "run convergence --seed 7 --trace text --out trace.txt");
    assert!(ended.out.starts_with("convergence  seed 7  pass\n"), "{}", ended.out);
    let text = fs::read_to_string(directory.join("trace.txt")).expect("the trace was written");
    assert!(text.starts_with("# time"));
    assert_eq!(value["events"], text.lines().count() - 1);
    assert_eq!(fs::read_dir(&directory).expect("it is there").count(), 1, "nothing half-written is left behind");
}

#[test]
fn a_recorded_plan_repeats_its_run() {
    let directory = elsewhere("cli-record");
    let run = verdict(&directory, "run convergence --seed 7 --record plan.toml");
    let plan = verdict(&directory, "run plan.toml --check-determinism");
    assert_eq!(plan["digest"], run["digest"]);
    assert_eq!(plan["seed"], Value::Null);
    assert_eq!(foretell(&directory, "validate plan.toml").code, Some(0));
    assert_eq!(foretell(&directory, "run plan.toml --seed 7").code, Some(2));
}

#[test]
fn a_plan_that_comes_out_otherwise_is_nondeterminism_or_stale() {
    let directory = elsewhere("cli-stale");
    let run = verdict(&directory, "run convergence --seed 7 --record plan.toml");
    let digest = run["digest"].as_str().expect("a digest is text").trim_start_matches('0');
    let plan = fs::read_to_string(directory.join("plan.toml")).expect("the plan was written");
    assert_eq!(plan.matches(digest).count(), 1, "{plan}");
    let flipped = if digest.starts_with('1') { "2" } else { "1" };
    let other = plan.replace(digest, &format!("{flipped}{}", &digest[1..]));
    fs::write(directory.join("broken.toml"), &other).expect("it can be written");
    let ended = foretell(&directory, "run broken.toml");
    assert_eq!(ended.code, Some(3), "{}", ended.out);
    assert!(ended.err.contains("not deterministic"), "{}", ended.err);
    fs::write(directory.join("stale.toml"), other.replace(" program ", " another program "))
        .expect("it can be written");
    let ended = foretell(&directory, "run stale.toml");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("stale: recorded by"), "{}", ended.out);
}

#[test]
fn a_reader_may_go_away() {
    let directory = elsewhere("cli-pipe");
    let words = "run convergence --seed 7 --trace jsonl";
    let mut child =
        command(&directory, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    let err = String::from_utf8(ended.stderr).expect("output is text");
    assert_eq!(ended.status.code(), Some(0), "{err}");
    assert!(!err.contains("panicked") && err.starts_with("convergence  seed 7  pass"), "{err}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_reports_what_it_has() {
    let directory = elsewhere("cli-interrupt");
    let ended = interrupted(&directory, "sweep convergence --seeds 0..1000000000000 --format json");
    assert_eq!(ended.code, Some(4));
    let value = ended.json();
    assert_eq!(value["interrupted"], true);
    assert!(value["runs"].as_u64().is_some_and(|runs| runs > 0));
}

#[test]
fn a_shell_can_learn_the_commands() {
    let directory = elsewhere("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = foretell(&directory, &format!("completions {shell}"));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{shell}");
        for word in ["list", "run", "explain", "sweep", "shrink", "replay", "validate", "schema", "completions"] {
            assert!(ended.out.contains(word), "{shell} does not learn `{word}`");
        }
        if shell == "bash" {
            fs::write(directory.join("script"), &ended.out).expect("it can be written");
        }
    }
    // Not every machine has a bash to ask.
    if let Ok(asked) = Command::new("bash").arg("-n").arg(directory.join("script")).output() {
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    }
}

#[test]
fn a_seed_is_explained_without_running_it() {
    let directory = elsewhere("explain");
    let ended = foretell(&directory, "explain swarm --seed 7");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("swarm  seed 7: the standard sweep\n"), "{}", ended.out);
    assert!(ended.out.ends_with("\nrun it: foretell run swarm --seed 7\n"), "{}", ended.out);
    assert_eq!(foretell(&directory, "explain swarm --seed 7").out, ended.out);
    // The scenario that it shows is the one that runs.
    let value = verdict(&directory, "explain swarm --seed 7");
    fs::write(directory.join("one.toml"), value["toml"].as_str().expect("it is text")).expect("it can be written");
    let digest = |words: &str| verdict(&directory, words)["digest"].clone();
    assert_eq!(digest("run one.toml --seed 7"), digest("run swarm --seed 7"));
}

#[test]
fn only_what_has_a_seed_is_explained() {
    let directory = elsewhere("explain-which");
    for (words, code, says) in [
        ("explain swarm", 2, "which seed? `swarm` leaves something to chance"),
        ("explain calm", 2, "foretell explain calm --seed 1"),
        ("explain swram --seed 1", 2, "did you mean swarm?"),
        ("explain swarm --seed 1 --plant odd", 2, "no planted bug `odd`"),
        ("explain swarm --seed 1 --plant short-quorum", 0, "plant = \"short-quorum\""),
    ] {
        let ended = foretell(&directory, words);
        assert_eq!(ended.code, Some(code), "{words}: {}", ended.err);
        assert!([ended.out, ended.err].concat().contains(says), "{words}");
    }
    foretell(&directory, "run convergence --seed 7 --record plan.toml");
    let ended = foretell(&directory, "explain plan.toml");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.contains("nothing is left to chance: "), "{}", ended.out);
    assert_eq!(foretell(&directory, "explain plan.toml --seed 7").code, Some(2));
}

#[test]
fn the_schema_that_is_kept_is_the_one_that_is_written() {
    let ended = foretell(&elsewhere("schema"), "schema");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let kept = fs::read_to_string(root().join("docs/scenario.schema.json")).expect("it is kept there");
    assert!(kept == ended.out, "it is made anew by: cargo run -- schema > docs/scenario.schema.json");
}

const HISTORY: &str = r#"{"client":0,"op":"put","key":"x","value":"1","call":10,"return":20}
{"client":1,"op":"put","key":"x","value":"2","call":30,"return":40}
{"client":2,"op":"get","key":"x","value":"1","call":50,"return":60}
"#;

#[test]
fn a_recorded_history_is_judged_and_explained() {
    let directory = elsewhere("check");
    std::fs::write(directory.join("stale.jsonl"), HISTORY).expect("it can be written");
    std::fs::write(directory.join("good.jsonl"), HISTORY.lines().next().expect("a line")).expect("it can be written");
    std::fs::write(directory.join("cut.jsonl"), &HISTORY[..100]).expect("it can be written");
    assert_eq!(foretell(&directory, "check good.jsonl").code, Some(0));
    let ended = foretell(&directory, "check good.jsonl stale.jsonl");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let (_, said) = ended.out.split_once("stale.jsonl").expect("it is named");
    insta::assert_snapshot!(said, @r"
      not linearizable
      history     3 operations on 1 object
      decided     1 by zones

      because     client 2 read 1 at some time from 50 to 60, though that had been replaced: `put x 1` of client 0
                  was over at 20, before `put x 2` of client 1 began, and that was over at 40

      line  client    operation   called  returned
         1  client 0  put x 1         10        20  ├─────┤
         2  client 1  put x 2         30        40              ├─────┤
         3  client 2  get x -> 1      50        60                          ├╌╌╌╌╌┤
        ├╌┤   when it ended makes no difference: no later end would explain it either

      explained   the first 2 returns on this object; the next is that of `get x -> 1` of client 2 at 60

    repeat: foretell check stale.jsonl
    ");
    let ended = foretell(&directory, "check cut.jsonl good.jsonl");
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("cut.jsonl:2:") && ended.err.contains("the file is truncated"), "{}", ended.err);
    assert!(ended.out.contains("good.jsonl  linearizable"), "the other file is judged: {}", ended.out);
    let json = foretell(&directory, "check stale.jsonl --format json").json();
    assert_eq!(json["files"][0]["counterexample"]["operations"].as_array().map(Vec::len), Some(3));
    // What the model does not know is no verdict.
    let ended = foretell(&directory, "check good.jsonl --model queue");
    assert!(ended.code == Some(2) && ended.err.contains("--model register or --model kv"), "{}", ended.err);
}

#[test]
fn what_no_familiar_sentence_says_is_argued_step_by_step() {
    let directory = elsewhere("check-argued");
    let history = r#"{"client":0,"op":"put","key":"x","value":"1","call":10,"return":20}
{"client":1,"op":"cas","key":"x","from":"1","value":"2","ok":true,"call":15,"return":40}
{"client":2,"op":"get","key":"x","value":"2","call":30,"return":50}
{"client":3,"op":"cas","key":"x","from":"1","value":"3","ok":false,"call":5,"return":60}
{"client":2,"op":"get","key":"x","value":"1","call":55,"return":70}
"#;
    std::fs::write(directory.join("cas.jsonl"), history).expect("it can be written");
    let ended = foretell(&directory, "check cas.jsonl");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    insta::assert_snapshot!(ended.out, @r"
    cas.jsonl  not linearizable
      history     5 operations on 1 object
      decided     1 by chains

      because     no order explains `cas x 1 2 -> swapped` of client 1 and `get x -> 1` of client 2 together
                  - `cas x 1 2 -> swapped` found 1, which here only `put x 1` writes
                  - `cas x 1 2 -> swapped` was over at 40, before `get x -> 1` began at 55
                  - what `get x -> 1` found is not what `put x 1` wrote: `cas x 1 2 -> swapped` came in between
                  - nobody else here writes 1, so nothing is left that `get x -> 1` can have found

      line  client    operation             called  returned
         1  client 0  (put x 1)                 10        20  ├╌╌╌╌╌╌╌╌╌╌╌┤
         2  client 1  cas x 1 2 -> swapped      15        40        ├───────────┤
         5  client 2  get x -> 1                55        70                          ├╌╌╌╌╌┤
        ( )   it counts only that this was not called earlier, not whether it happened: it may write what others found
        ├╌┤   when it ended makes no difference: no later end would explain it either

      explained   the first 4 returns on this object; the next is that of `get x -> 1` of client 2 at 70

    repeat: foretell check cas.jsonl
    ");
    let json = foretell(&directory, "check cas.jsonl --format json").json();
    let counterexample = &json["files"][0]["counterexample"];
    let steps = counterexample["steps"].as_array().expect("there are steps");
    let said = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(steps.iter().all(|step| said.contains(step.as_str().expect("a text").trim())), "{steps:?}");
    assert_eq!(counterexample["operations"][0]["line"], 2);
}

#[test]
fn a_history_of_jepsen_is_told_in_its_own_words() {
    let directory = elsewhere("check-jepsen");
    let history = "{:process 0, :type :invoke, :f :write, :value 1, :time 100}
{:process 0, :type :ok, :f :write, :value 1, :time 200}
{:process 1, :type :invoke, :f :write, :value 2, :time 300}
{:process 1, :type :ok, :f :write, :value 2, :time 400}
{:process 2, :type :invoke, :f :read, :value nil, :time 500}
{:process 2, :type :ok, :f :read, :value 1, :time 600}
";
    std::fs::write(directory.join("history.edn"), history).expect("it can be written");
    let ended = foretell(&directory, "check history.edn");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    insta::assert_snapshot!(ended.out, @r"
    history.edn  not linearizable
      history     3 operations on 1 object
      decided     1 by zones

      because     client 2 read 1 at some time from 500 to 600, though that had been replaced: `write 1` of client
                  0 was over at 200, before `write 2` of client 1 began, and that was over at 400

      line  client    operation  called  returned
         1  client 0  write 1       100       200  ├─────┤
         3  client 1  write 2       300       400              ├─────┤
         5  client 2  read -> 1     500       600                          ├╌╌╌╌╌┤
        ├╌┤   when it ended makes no difference: no later end would explain it either

      explained   the first 2 returns on this object; the next is that of `read -> 1` of client 2 at 600

    repeat: foretell check history.edn
    ");
    std::fs::write(directory.join("untimed.edn"), history.replace(":time", ":when")).expect("it can be written");
    let ended = foretell(&directory, "check untimed.edn");
    assert!(ended.out.contains("from event 4 to event 5"), "{}", ended.out);
}

#[test]
fn what_the_budget_did_not_suffice_for_is_undecided_and_can_be_searched_further() {
    use foretell::check::linearizability::generate::{Plan, Workload, generate};
    let directory = elsewhere("check-hard");
    let plan = Plan { workload: Workload::SmallCas, clients: 40, operations: 2_000, unknown: 3, ..Plan::default() };
    let mut file = std::fs::File::create(directory.join("hard.jsonl")).expect("it can be written");
    foretell::check::recorded::jsonl::write(&generate(&plan), &mut file).expect("it can be written");
    let ended = foretell(&directory, "check hard.jsonl --budget 20");
    assert_eq!(ended.code, Some(4), "{}", ended.out);
    let last = "to search ten times as far: foretell check hard.jsonl --budget 200\n\nrepeat: foretell check hard.jsonl --budget 20\n";
    assert!(ended.out.ends_with(last), "{}", ended.out);
}

#[test]
fn a_packed_history_is_unpacked() {
    use std::io::Write;
    let directory = elsewhere("check-packed");
    let path = directory.join("history.jsonl.gz");
    let file = std::fs::File::create(&path).expect("it can be written");
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    gzip.write_all(HISTORY.as_bytes()).and_then(|()| gzip.finish().map(|_| ())).expect("it can be written");
    assert_eq!(foretell(&directory, "check history.jsonl.gz").code, Some(1));
    let packed = std::fs::read(&path).expect("it is there");
    std::fs::write(&path, &packed[..packed.len() / 2]).expect("it can be written");
    let ended = foretell(&directory, "check history.jsonl.gz");
    assert!(ended.code == Some(2) && ended.err.contains("truncated"), "{}", ended.err);
    let zstd = ruzstd::encoding::compress_to_vec(HISTORY.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    std::fs::write(directory.join("history.zst"), zstd).expect("it can be written");
    assert_eq!(foretell(&directory, "check history.zst").code, Some(1));
}

#[test]
fn a_long_history_that_claims_its_order_is_verified_as_it_is_read_and_read_again_if_the_claim_is_false() {
    let directory = elsewhere("check-long");
    let line = |number: u64, value: u64, index: u64| {
        let (client, call, end) = (number % 7, number * 10, number * 10 + 25);
        let op = if number.is_multiple_of(2) { "put" } else { "get" };
        format!(
            r#"{{"client":{client},"op":"{op}","key":"k{}","value":"{value}","call":{call},"return":{end},"index":{index}}}"#,
            number / 2 % 3
        )
    };
    // Whatever is put is read right afterwards, on three objects in turn.
    let lines = |index_of: &dyn Fn(u64) -> u64, value_of: &dyn Fn(u64) -> u64| -> String {
        (0..150_000).map(|number| line(number, value_of(number), index_of(number)) + "\n").collect()
    };
    let same = |number| number;
    let right = |number: u64| number / 2;
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).expect("it can be written");
    write("right.jsonl", lines(&same, &right));
    // An order that would have `get` before `put`, late in the file; and an answer that no order explains.
    write("misled.jsonl", lines(&|number| if number > 140_000 { number ^ 1 } else { number }, &right));
    write("wrong.jsonl", lines(&same, &|number| if number == 140_001 { 1 } else { number / 2 }));
    write("cut.jsonl", lines(&same, &right) + "{\"client\":");
    let ended = foretell(&directory, "check right.jsonl misled.jsonl wrong.jsonl cut.jsonl");
    let said: Vec<&str> =
        ended.out.lines().filter(|line| line.contains("linearizable") || line.contains(" by ")).collect();
    assert!(ended.out.contains("150,000 operations on 3 objects"), "{}", ended.out);
    let told = [
        "right.jsonl  linearizable",
        "  decided     3 by witness",
        "misled.jsonl  linearizable",
        "  decided     3 by zones",
        "wrong.jsonl  not linearizable",
    ];
    assert_eq!(said[..told.len()], told);
    assert!(ended.err.contains("cut.jsonl:150001:") && ended.err.contains("truncated"), "{}", ended.err);
}

#[test]
fn what_a_file_has_wrong_is_told_with_its_place_and_what_would_be_right() {
    let directory = elsewhere("check-mistakes");
    let first = HISTORY.lines().next().expect("a line");
    let said = |text: &str, more: &str| -> String {
        std::fs::write(directory.join("h.jsonl"), text).expect("it can be written");
        let ended = foretell(&directory, &format!("check h.jsonl {more}"));
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
        ended.err
    };
    insta::assert_snapshot!(said("", ""), @r"
    error: h.jsonl: expected operations, but there is none in it

    repeat: foretell check h.jsonl
    ");
    insta::assert_snapshot!(said(HISTORY, "--model queue"), @r#"
    error: h.jsonl:1:13: the model `queue` has no `put`; try --model register or --model kv
        {"client":0,"op":"put","key":"x","value":"1","call":10,"return":20}
    h.jsonl:3:13: the model `queue` has no `get`; try --model register or --model kv or --model counter or --model set or --model log; 1 more line is wrong
        {"client":2,"op":"get","key":"x","value":"1","call":50,"return":60}

    repeat: foretell check h.jsonl --model queue
    "#);
    insta::assert_snapshot!(said(&first.replace("put", "add").replace("\"1\"", "\"one\""), "--model counter"), @r#"
    error: h.jsonl:1:34: expected a whole number as the `value` of `add`
        {"client":0,"op":"add","key":"x","value":"one","call":10,"return":20}

    repeat: foretell check h.jsonl --model counter
    "#);
    insta::assert_snapshot!(said(&first.replace("put", "cas"), ""), @r#"
    error: h.jsonl:1:68: the field `from` is missing: what it expected to find, or null for nothing
        {"client":0,"op":"cas","key":"x","value":"1","call":10,"return":20}

    repeat: foretell check h.jsonl
    "#);
    let ended = foretell(&directory, "check .");
    let told = "error: . is a directory; name the files in it\n\nrepeat: foretell check .\n";
    assert_eq!((ended.code, ended.err.as_str()), (Some(2), told));
    // Programs get every line by itself.
    std::fs::write(directory.join("h.jsonl"), first.replace("put", "putt")).expect("it can be written");
    let ended = foretell(&directory, "check h.jsonl --model register --format json");
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.out, @r#"{"files":[{"file":"h.jsonl","problems":[{"column":18,"line":1,"text":"{\"client\":0,\"op\":\"putt\",\"key\":\"x\",\"value\":\"1\",\"call\":10,\"return\":20}","what":"expected one of these for `op`: get, put, cas, read, write; did you mean `put`?"}],"repeat":"foretell check h.jsonl --model register","verdict":"unreadable"}]}"#);
    // Lines that are there twice are no mistake for certain.
    std::fs::write(directory.join("h.jsonl"), format!("{first}\n{first}\n")).expect("it can be written");
    let ended = foretell(&directory, "check h.jsonl");
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.out.contains("client 0 calls at 10 (line 2), although its operation from 10 to 20 (line 1)"),
        "{}",
        ended.out
    );
}
