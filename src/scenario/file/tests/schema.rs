//! The schema says what the reader knows, no more and no less, and takes whatever the reader takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::super::schema::places;
use super::super::{asked, parse, print, schema};
use super::chance::EVERYTHING;
use super::generate::{plan, scenario};
use super::hostile::{damaged, instead};
use super::samples::{blocks, completed, files, root};
use super::{read_family, registry};
use crate::check::OracleId;
use crate::scenario::{Registry, Target};

/// A schema that judges.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn new(registry: &Registry) -> Judge {
        let value: Value = serde_json::from_str(&schema(registry)).expect("the schema is JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", value).expect("it is a resource");
        let index = compiler.compile("schema.json", &mut schemas).expect("it is a schema of the draft that it names");
        Judge { schemas, index }
    }

    /// What it has against a text, if anything.
    fn objection(&self, text: &str) -> Option<String> {
        let value: Value = toml::from_str(text).expect("the text is TOML");
        self.schemas.validate(&value, self.index).err().map(|error| format!("{error:#}"))
    }

    fn accepts(&self, text: &str) {
        if let Some(objection) = self.objection(text) {
            panic!("{objection}\n{text}");
        }
    }
}

/// The texts of all files that come with the crate.
fn shipped() -> Vec<(String, String)> {
    let files = files(&root().join("sim-scenarios"));
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("names are plain").to_string();
        (name, fs::read_to_string(path).expect("the file can be read"))
    };
    files.iter().map(read).collect()
}

/// The examples of the reference.
fn examples() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/scenarios.md")).expect("the reference is there");
    blocks(&page, "toml").iter().map(|block| completed(block)).collect()
}

/// Scenarios and plans, always the same ones.
fn printed() -> Vec<String> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut draw = |strategy: BoxedStrategy<_>| -> Vec<String> {
        (0..200).map(|_| print(&strategy.new_tree(&mut runner).expect("there is always one").current())).collect()
    };
    // Neither is printed: a heal as a table, and a file without clients and what they ask for.
    let heal = RIGHT.replace("crash = { target = \"r1\" }", "heal = {}");
    let (before, after) = RIGHT.split_once("[workload]").expect("it is there");
    let (_, after) = after.split_once("\n\n").expect("another table follows");
    let alone = format!("{before}{after}").replace("clients = 1", "clients = 0");
    [draw(scenario()), draw(plan()), vec![heal, alone]].concat()
}

#[test]
fn every_place_has_the_keys_that_the_reader_asks_for() {
    let ours = crate::systems::registry();
    let asked = asked::during(|| {
        for (name, text) in shipped() {
            parse(&name, &text, &ours).expect("it is right");
        }
        printed().iter().chain(&examples()).for_each(|text| drop(read_family(text)));
    });
    let mut said: BTreeMap<&str, BTreeSet<&str>> =
        places().map(|place| (place.name, place.keys.iter().map(|key| key.name).collect())).collect();
    for registry in [&ours, &registry()] {
        let parameters = registry.parameters("vsr").iter().map(|parameter| parameter.name);
        said.entry("[parameters]").or_default().extend(parameters);
    }
    assert_eq!(said, asked.keys, "what the schema says, and what the reader asks for");
}

#[test]
fn every_place_needs_what_the_reader_needs() {
    // In a file with choices some keys are read once and then taken as known, so these are files without.
    let mut asked = asked::during(|| printed().iter().for_each(|text| drop(read_family(text))));
    // The reader has words of its own for a file without phases.
    asked.needs.entry("a scenario").or_default().insert("phase");
    for place in places() {
        let needed: BTreeSet<&str> = place.keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
        assert_eq!(needed, asked.needs[place.name], "{}", place.name);
    }
}

#[test]
fn every_word_is_one_that_the_reader_knows() {
    let asked = asked::during(|| printed().iter().chain(&examples()).for_each(|text| drop(read_family(text))));
    let value: Value = serde_json::from_str(&schema(&registry())).expect("it is JSON");
    let mut said = BTreeSet::new();
    enums(&value, &mut said);
    let registry = registry();
    let sorted = |words: Vec<&str>| words.into_iter().map(str::to_string).collect::<BTreeSet<String>>();
    let oracles = |keep: fn(&OracleId) -> bool| {
        sorted(OracleId::all().filter(keep).flat_map(|oracle| [oracle.name(), oracle.tag()]).collect())
    };
    let mut known: BTreeSet<BTreeSet<String>> = [
        sorted(registry.names().collect()),
        sorted(registry.names().flat_map(|name| registry.plants(name)).copied().collect()),
        sorted(Target::words().collect()),
        oracles(|_| true),
        oracles(|oracle| !oracle.is_liveness()),
    ]
    .into();
    known.extend(asked.words.into_iter().map(|words| words.into_iter().collect()));
    assert_eq!(said, known);
}

/// All lists of words in a schema.
fn enums(value: &Value, found: &mut BTreeSet<BTreeSet<String>>) {
    match value {
        Value::Object(object) => {
            if let (Some(Value::Array(words)), true) = (object.get("enum"), value["type"] == "string") {
                found.insert(words.iter().filter_map(Value::as_str).map(str::to_string).collect());
            }
            object.values().for_each(|value| enums(value, found));
        }
        Value::Array(array) => array.iter().for_each(|value| enums(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_and_every_choice_has_a_sentence() {
    fn look(value: &Value, schema: &Value) {
        let parts: Vec<&Value> = match value {
            Value::Object(object) => object.values().collect(),
            Value::Array(array) => array.iter().collect(),
            _ => Vec::new(),
        };
        parts.iter().for_each(|part| look(part, schema));
        // Conditions look at keys that are described elsewhere.
        let Some(properties) = value["properties"].as_object().filter(|_| value["type"] == "object") else { return };
        for (key, property) in properties {
            let reference = property["$ref"].as_str().unwrap_or_default();
            let definition = &schema["$defs"][reference.trim_start_matches("#/$defs/")];
            let about = property["description"].as_str().or(definition["description"].as_str()).unwrap_or_default();
            let is_sentence = about.ends_with('.') && about.starts_with(|first: char| !first.is_lowercase());
            assert!(is_sentence, "{key}: {about}");
        }
    }
    let value: Value = serde_json::from_str(&schema(&registry())).expect("it is JSON");
    look(&value, &value);
}

#[test]
fn every_file_and_every_example_is_accepted() {
    let ours = crate::systems::registry();
    let judge = Judge::new(&ours);
    for (name, text) in shipped() {
        judge.accepts(&text);
        let family = parse(&name, &text, &ours).expect("it is right");
        for seed in 0..if family.only().is_some() { 1 } else { 20 } {
            judge.accepts(&print(&family.scenario(seed).expect("what a seed chooses is right")));
        }
    }
    let judge = Judge::new(&registry());
    examples().iter().chain(&printed()).for_each(|text| judge.accepts(text));
    judge.accepts(EVERYTHING);
}

/// A file that is right, and has a line for each of the mistakes below to take the place of.
const RIGHT: &str = r#"title = "t"
system = "vsr"

[cluster]
replicas = 3
clients = 1

[network]
loss = 0.1
latency = { mean = "5ms" }

[workload]
kind = "kv"
keys = 1
rate = "10/s"
mix = { get = 1 }

[[phase]]
name = "p"
for = "5s"
core = "all"
quiet = true

[[phase]]
name = "q"
for = "5s"

[[phase.fault]]
at = "1s"
crash = { target = "r1" }

[check]
safety = ["lin"]

[expect]
outcome = "violation"
"#;

#[test]
fn mistakes_are_refused() {
    let judge = Judge::new(&registry());
    judge.accepts(RIGHT);
    for (line, mistakes) in [
        (
            "title = \"t\"",
            vec![
                "",
                "title = 1",
                "title = { any = [\"a\", \"b\"] }",
                "titel = \"t\"",
                "chance = 0.5",
                "digest = \"0123456789abcdef\"",
            ],
        ),
        ("system = \"vsr\"", vec!["system = \"vrs\"", "system = \"vsr\"\nplant = \"odd\""]),
        (
            "replicas = 3",
            vec![
                "",
                "replicas = 0",
                "replicas = 65",
                "replicas = \"3\"",
                "replicas = { between = [\"1ms\", \"2ms\"] }",
                "replicas = { between = [1, 2, 3] }",
            ],
        ),
        (
            "loss = 0.1",
            vec![
                "loss = 2",
                "loss = \"1%\"",
                "lost = 0.1",
                "loss = { betwen = [0.1, 0.2] }",
                "loss = { any = [] }",
                "loss = { any = [\"5ms\"] }",
                "loss = { between = [0.1, 0.2], scale = \"linear\" }",
                "loss = 0.1\nrepeat = 2",
            ],
        ),
        (
            "latency = { mean = \"5ms\" }",
            vec![
                "latency = 5",
                "latency = \"5\"",
                "latency = \"5 ms\"",
                "latency = { min = \"5ms\" }",
                "latency = { fast = \"1ms\" }",
                "latency = { mean = 5 }",
                "latency = { mean = \"5ms\", shape = \"poisson\" }",
            ],
        ),
        ("kind = \"kv\"", vec!["", "kind = \"sql\"", "kind = \"explicit\""]),
        ("rate = \"10/s\"", vec!["", "rate = 10", "rate = \"10\"", "rate = \"10/s\"\noperations = [\"c0 gte k1\"]"]),
        ("mix = { get = 1 }", vec!["mix = { read = 1 }", "mix = [\"get\"]"]),
        (
            "core = \"all\"\nquiet = true",
            vec![
                "core = \"all\"",
                "quiet = true\ncore = \"some\"",
                "quiet = true\ncore = [\"x0\"]",
                "quiet = \"yes\"",
                "quiet = true\nhealed = [\"r0\"]",
            ],
        ),
        (
            "at = \"1s\"",
            vec![
                "",
                "at = \"1s\"\nevery = \"1s\"",
                "at = 1",
                "on = \"r1 throws A\"",
                "at = \"1s\"\nnth = 3",
                "at = \"1s\"\nbefore = true",
                "on = \"r1 boots\"\nnth = 0",
            ],
        ),
        (
            "crash = { target = \"r1\" }",
            vec![
                "",
                "crash = {}",
                "crash = \"r1\"",
                "crash = { target = \"r01\" }",
                "crash = { target = \"leader\" }",
                "crash = { target = \"r1\", restart_aftr = \"1s\" }",
                "crash = { target = \"r1\", max_down = \"most\" }",
                "crash = { target = \"r1\" }\nheal = true",
                "heal = false",
                "partition = { halves = true, isolate = \"r1\" }",
                "partition = { heal_after = \"1s\" }",
                "cut = { from = \"r1\" }",
                "crash = { any = [{ target = \"r1\", repeat = 2 }] }",
            ],
        ),
        (
            "safety = [\"lin\"]",
            vec![
                "safety = [\"linn\"]",
                "safety = [\"live\"]",
                "safety = \"lin\"",
                "safety = { any = [[\"lin\"]] }",
                "liveness = [{ converged = \"5s\" }]",
                "liveness = [{}]",
                "liveness = [{ converged = {} }]",
            ],
        ),
        ("outcome = \"violation\"", vec!["", "outcome = \"fail\"", "outcome = \"pass\"\nseed = 7"]),
    ] {
        for mistake in mistakes {
            assert_eq!(RIGHT.matches(line).count(), 1, "{line}");
            let text = RIGHT.replace(line, mistake);
            assert!(judge.objection(&text).is_some(), "the schema accepts `{mistake}`");
            assert!(parse("test", &text, &registry()).is_err(), "the reader accepts `{mistake}`");
        }
    }
}

#[test]
fn what_is_missing_may_stand_in_an_alternative() {
    let judge = Judge::new(&registry());
    for (line, instead) in [
        ("replicas = 3\n", "any = [{ replicas = 3 }, { replicas = 5, chance = 0.5 }]\nweights = [1, 2]\n"),
        (
            "at = \"1s\"\n",
            "repeat = { between = [0, 2] }\nchance = 0.5\nany = [{ at = \"1s\" }, { on = \"r1 boots\", nth = 2 }]\n",
        ),
        (
            "crash = { target = \"r1\" }\n",
            "crash = { any = [{ target = \"r1\" }, { target = { any = [\"r0\", \"primary\"] } }] }\n",
        ),
        (
            "latency = { mean = \"5ms\" }\n",
            "latency = { any = [\"1ms\", { between = [\"1ms\", \"5ms\"] }], chance = 0.5 }\n",
        ),
        ("quiet = true\n", "[[phase.any]]\nquiet = true\n[[phase.any]]\nquiet = true\nhealed = []\n"),
    ] {
        judge.accepts(&RIGHT.replace(line, instead));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// An editor that underlines what is right is worse than none.
    #[test]
    fn what_the_reader_takes_is_accepted(
        scenario in scenario(),
        full in any::<bool>(),
        from in any::<Index>(),
        length in 0usize..60,
        to in any::<Index>(),
        replace in instead(),
    ) {
        let text = if full { EVERYTHING.to_string() } else { print(&scenario) };
        for changed in damaged(&text, from, length, to, replace) {
            if parse("test", &changed, &registry()).is_ok() {
                JUDGE.with(|judge| judge.accepts(&changed));
            }
        }
    }
}

thread_local! {
    static JUDGE: Judge = Judge::new(&registry());
}
