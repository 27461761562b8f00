//! What is said of files that are wrong.

use super::super::parse;
use super::{complaints, read, registry};

/// A right file, into which each of the mistakes below is put.
const RIGHT: &str = r#"title = "t"
system = "vsr"
[cluster]
replicas = 3
clients = 2
[workload]
kind = "kv"
keys = 3
rate = "200/s"
mix = { get = 0.5, put = 0.5 }
[[phase]]
name = "trouble"
for = "5s"
[[phase]]
name = "recover"
for = "5s"
quiet = true
"#;

#[test]
fn the_right_file_is_right() {
    read(RIGHT);
}

#[test]
fn five_mistakes_are_five_helpful_messages() {
    let text = r#"title  = "five mistakes"
system = "vrs"

[cluster]
replicas = 3
clients  = 2

[network]
latency = { min = "10ms", mean = "5ms", max = "50ms" }
loss    = 2

[workload]
kind = "kv"
keys = 3
rate = "200/s"
mix  = { get = 0.5, put = 0.5 }

[[phase]]
name = "trouble"
for  = "5s"

[[phase.fault]]
at    = "1s"
crash = { target = "r3", restart_aftr = "300mss" }
"#;
    insta::assert_snapshot!(complaints(text), @"");
}

/// All messages of a right file in which one piece is replaced.
fn with(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    let text = RIGHT.replacen(from, to, 1);
    let mistakes = match parse("test", &text, &registry()) {
        Ok(_) => panic!("accepted: {to}"),
        Err(mistakes) => mistakes,
    };
    let said = mistakes.iter().map(|mistake| {
        let place = mistake.span.clone().map_or("the file", |span| text.get(span).expect("spans are of characters"));
        let place = place.lines().next().unwrap_or_default();
        let help = mistake.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!("  {place}: {}{help}\n", mistake.message)
    });
    format!("{}\n{}", to.trim().lines().last().unwrap_or("(nothing)"), said.collect::<String>())
}

fn table(changes: &[(&str, &str)]) -> String {
    changes.iter().map(|(from, to)| with(from, to)).collect()
}

#[test]
fn of_the_whole_file() {
    insta::assert_snapshot!(table(&[
        ("title = \"t\"\n", ""),
        ("\"t\"", "\" \""),
        ("\"t\"", "\"two\\nlines\""),
        ("\"t\"", "7"),
        ("system = \"vsr\"\n", ""),
        ("\"vsr\"", "\"raft\""),
        ("\"vsr\"", "\"vsr\"\nplant = \"short-quorom\""),
        ("\"vsr\"", "\"vsr\"\nplant = \"none\""),
        ("\"vsr\"", "\"ping\"\nplant = \"none\""),
        ("title", "tilte"),
        ("title", "loss = 0.1\ntitle"),
        ("title", "seed = 7\ntitle"),
        ("replicas = 3\n", ""),
        ("replicas = 3", "replicas = 0"),
        ("replicas = 3", "replicas = -3"),
        ("replicas = 3", "replicas = 3.0"),
        ("clients = 2", "clients = 99999999999999999999999999"),
        ("[cluster]", "[clustre]"),
        ("kind = \"kv\"\n", ""),
    ]), @"");
}

#[test]
fn of_syntax() {
    insta::assert_snapshot!(table(&[
        ("title = \"t\"", "title = t"),
        ("title = \"t\"", "title = \"t"),
        ("title = \"t\"", "title"),
        ("[cluster]", "[cluster"),
        ("replicas = 3", "replicas = 3\nreplicas = 4"),
        ("mix = { get = 0.5, put = 0.5 }", "mix = { get = 0.5, put = 0.5"),
    ]), @"");
}

#[test]
fn of_durations_and_probabilities() {
    let network = |line: &'static str| ("[workload]", format!("[network]\n{line}\n[workload]"));
    let cases = [
        "loss = 1.5",
        "loss = -0.1",
        "loss = 5",
        "loss = nan",
        "loss = \"1%\"",
        "loss = 0.0000000001",
        "latency = 5",
        "latency = \"5\"",
        "latency = \"5mss\"",
        "latency = \"-5ms\"",
        "latency = true",
        "latency = {}",
        "latency = { min = \"5ms\" }",
        "latency = { min = \"5ms\", max = \"1ms\" }",
        "latency = { min = \"1ms\", mean = \"9ms\", max = \"5ms\" }",
        "latency = { mean = \"9ms\", maximum = \"5s\" }",
        "latency = { shape = \"log-norml\", mean = \"9ms\" }",
        "latency = { shape = \"uniform\", min = \"1ms\", mean = \"2ms\", max = \"3ms\" }",
        "latency = { shape = \"log-normal\", min = \"1ms\", max = \"3ms\" }",
        "latency = { fast = \"1ms\", slow = \"3ms\" }",
        "latency = { fast = \"1ms\", slow = \"3ms\", share = 0.1, min = \"0s\" }",
        "los = 0.1",
    ];
    let said: String = cases
        .map(network)
        .iter()
        .map(|(from, to)| with(from, to).replace("[workload]\n", ""))
        .zip(cases)
        .map(|(said, case)| format!("{case}\n{said}"))
        .collect();
    insta::assert_snapshot!(said, @"");
    insta::assert_snapshot!(table(&[
        ("[workload]", "[storage]\ncrash_keep = 0.6\ncrash_tear = 0.6\n[workload]"),
        ("[workload]", "[clock]\noffset_max = 5\n[workload]"),
        ("[workload]", "[schedule]\nshuffel = 0.1\n[workload]"),
        ("[workload]", "network = 3\n[workload]"),
    ]), @"");
}

#[test]
fn of_workloads() {
    let explicit = |operations: &str| {
        let kv = "kind = \"kv\"\nkeys = 3\nrate = \"200/s\"\nmix = { get = 0.5, put = 0.5 }";
        with(kv, &format!("kind = \"explicit\"\n{operations}"))
    };
    let said = [
        "operations = [\"c0 get k1\", \"c2 get k1\", \"c0 gte k1\", 3]",
        "operations = 7",
        "rate = \"1/s\"\noperations = []",
        "",
    ]
    .map(explicit)
    .concat();
    insta::assert_snapshot!(said, @"");
    insta::assert_snapshot!(table(&[
        ("\"kv\"", "\"kvs\""),
        ("rate = \"200/s\"", "rate = 200"),
        ("rate = \"200/s\"", "rate = \"200/m\""),
        ("rate = \"200/s\"", "rate = \"0/s\""),
        ("get = 0.5, put = 0.5", "get = 0"),
        ("get = 0.5, put = 0.5", "read = 0.5, put = 1"),
        ("keys = 3", "keys = 3\noperations = [\"c0 get k1\"]"),
        ("keys = 3", "keys = 3\ngive_up_after = \"0s\""),
    ]), @"");
}

#[test]
fn of_phases() {
    insta::assert_snapshot!(table(&[
        ("name = \"trouble\"\n", ""),
        ("name = \"trouble\"", "name = \"recover\""),
        ("for = \"5s\"\n", ""),
        ("for = \"5s\"", "for = \"0s\""),
        ("for = \"5s\"", "for = \"1440m\""),
        ("for = \"5s\"", "for = \"5s\"\ncore = \"all\""),
        ("[[phase]]\nname = \"trouble\"\nfor = \"5s\"\n[[phase]]", "[phase]"),
        ("quiet = true", "quiet = \"yes\""),
        ("quiet = true", "quiet = true\ncore = \"al\""),
        ("quiet = true", "quiet = true\ncore = []"),
        ("quiet = true", "quiet = true\ncore = [\"r0\", \"r0\"]"),
        ("quiet = true", "quiet = true\ncore = [\"r0\", \"r3\", \"c2\"]"),
        ("quiet = true", "quiet = true\ncore = [\"r0\"]\nhealed = [\"r0\"]"),
        ("quiet = true", "quiet = true\ncore = \"all\"\nhealed = [\"r0\"]"),
        ("quiet = true", "quiet = true\n[[phase.fault]]\nat = \"1s\"\nheal = true"),
        ("[[phase]]\nname = \"recover\"", "[phase.fault]\nat = \"1s\"\nheal = true\n[[phase]]\nname = \"recover\""),
    ]), @"");
    let none = "[[phase]]\nname = \"trouble\"\nfor = \"5s\"\n[[phase]]\nname = \"recover\"\nfor = \"5s\"\nquiet = true\n";
    insta::assert_snapshot!(table(&[(none, ""), (none, "[phase]\n")]), @"");
}

/// The messages for a fault in the first phase.
fn fault(lines: &str) -> String {
    with("[[phase]]\nname = \"recover\"", &format!("[[phase.fault]]\n{lines}\n[[phase]]\nname = \"recover\""))
        .replace("name = \"recover\"\n", &format!("{lines}\n"))
}

#[test]
fn of_faults() {
    let said = [
        "heal = true",
        "at = \"1s\"",
        "at = \"1s\"\nevery = \"2s\"\nheal = true",
        "at = \"6s\"\nheal = true",
        "every = \"1us\"\nheal = true",
        "on = \"backup says PrepareOk #3\"\nheal = true",
        "on = \"r3 boots\"\nheal = true",
        "at = \"1s\"\nbefore = true\nheal = true",
        "at = \"1s\"\nheal = false",
        "at = \"1s\"\nheal = { all = true }",
        "at = \"1s\"\nheal = true\ncrash = { target = \"r0\" }",
        "at = \"1s\"\ncrassh = { target = \"r0\" }",
        "at = \"1s\"\ncrash = \"r0\"",
        "at = \"1s\"\ncrash = {}",
        "at = \"1s\"\ncrash = { target = \"leader\" }",
        "at = \"1s\"\ncrash = { target = \"any-backups\" }",
        "at = \"1s\"\ncrash = { target = \"rest\" }",
        "at = \"1s\"\ncrash = { target = \"sender\" }",
        "on = \"r1 boots\"\ncrash = { target = \"receiver\" }",
        "at = \"1s\"\ncrash = { target = \"r0\", heal_after = \"1s\" }",
        "at = \"1s\"\ncrash = { target = \"r0\", max_down = \"majority\" }",
        "at = \"1s\"\ncrash = { target = \"r0\", max_down = 0 }",
        "at = \"1s\"\ncrash = { target = \"r0\" }\nrestart_after = \"1s\"",
        "at = \"1s\"\npartition = { heal_after = \"1s\" }",
        "at = \"1s\"\npartition = { isolate = \"all-replicas\" }",
        "at = \"1s\"\npartition = { isolate = \"primary\", halves = true }",
        "at = \"1s\"\npartition = { halves = false }",
        "at = \"1s\"\npartition = { groups = [] }",
        "at = \"1s\"\npartition = { groups = [[\"r0\"], []] }",
        "at = \"1s\"\npartition = { groups = [[\"rest\"], \"rest\"] }",
        "at = \"1s\"\ncut = { from = \"r0\" }",
        "at = \"1s\"\ncut = { from = \"rest\", to = \"rest\" }",
        "at = \"1s\"\ncut = { from = \"r0\", to = 7, both_ways = 1 }",
    ]
    .map(fault)
    .concat();
    insta::assert_snapshot!(said, @"");
}

#[test]
fn of_checks_and_expectations() {
    let with_tail = |tail: &str| with("quiet = true\n", &format!("quiet = true\n{tail}\n"));
    let said = [
        "[check]\nsafety = [\"linearisable\"]",
        "[check]\nsafety = [\"all\"]",
        "[check]\nsafety = [\"converged\"]",
        "[check]\nsafety = [\"lin\", \"linearizable\"]",
        "[check]\nsafety = \"lin\"",
        "[check]\nliveness = [{ converged = { within = \"2s\" } }]",
        "[check]\nliveness = [{ converged = {} }]",
        "[check]\nliveness = [{ convergd = { within = \"3s\" } }]",
        "[check]\nliveness = [{}]",
        "[check]\nliveness = [{ converged = { within = \"3s\" } }, { converged = { within = \"4s\" } }]",
        "[check]\nliveness = [\"converged\"]",
        "[check]\nreached = [\"\"]",
        "[check]\nreached = [\"crash\", \"crash\"]",
        "[expect]\ncheck = \"log-prefix\"",
        "[expect]\noutcome = \"fail\"",
        "[expect]\noutcome = \"pass\"\nseed = 7",
        "[expect]\noutcome = \"violation\"\ncheck = \"converged\"",
        "[expect]\noutcome = \"violation\"\nseed = 7\nwithin_seeds = 8",
        "[expect]\noutcome = \"violation\"\nseed = \"7x\"",
        "[expect]\noutcome = \"violation\"\nwithin_seeds = 0",
    ]
    .map(with_tail)
    .concat();
    insta::assert_snapshot!(said, @"");
    let no_quiet = "[check]\nliveness = [{ all-requests-complete = { within = \"3s\" } }]";
    let later = "[[phase]]\nname = \"more\"\nfor = \"1s\"\n[check]\nliveness = [{ converged = { within = \"3s\" } }]";
    insta::assert_snapshot!(table(&[("quiet = true", no_quiet)]) + &with_tail(later), @"");
}

#[test]
fn of_plans() {
    let plan = |top: &str, tail: &str| {
        let text = format!(
            "title = \"t\"\nsystem = \"vsr\"\n{top}\n[cluster]\nreplicas = 3\nclients = 1\n{tail}\n[[phase]]\nname = \"q\"\nfor = \"1s\"\n"
        );
        complaints(&text)
    };
    let explicit = "[workload]\nkind = \"explicit\"\noperations = []";
    let said = [
        plan("deviations = []", explicit),
        plan("entropy = -1", explicit),
        plan("entropy = 7\ndigest = \"123\"\nbuild = 3", explicit),
        plan("entropy = 7\ndeviations = [\"lose r0->r1 A #1\", \"drop r0->r3 A #1\", \"drop r0->r1 A #1\", \"drop r0->r1 A #1\"]", explicit),
    ]
    .concat();
    insta::assert_snapshot!(said, @"");

    // Everything that leaves something to chance.
    let text = r#"title = "t"
system = "vsr"
entropy = 7
[cluster]
replicas = 3
clients = 1
[network]
latency = { min = "1ms", max = "2ms" }
loss = 0.1
[storage]
crash_tear = 0.5
[clock]
offset_max = "1ms"
[schedule]
shuffle = 0.5
[workload]
kind = "kv"
keys = 1
rate = "1/s"
mix = { get = 1 }
[[phase]]
name = "p"
for = "5s"
[[phase.fault]]
every = "1s"
crash = { target = "primary" }
[[phase.fault]]
on = "backup sends PrepareOk #3"
partition = { halves = true }
[[phase.fault]]
at = "1s"
partition = { bridge = "r0", heal_after = { mean = "1s" } }
[[phase]]
name = "q"
for = "1s"
quiet = true
"#;
    let mistakes = parse("test", text, &registry()).expect_err("it is full of chance");
    let said: String = mistakes.iter().map(|mistake| format!("{:?} {}\n", mistake.location(text), mistake.message)).collect();
    insta::assert_snapshot!(said, @"");
}
