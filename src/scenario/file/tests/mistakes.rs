//! What is said of files that are wrong.

use super::super::parse;
use super::{complaints, read, registry};

/// A right file, into which each of the mistakes below is put.
pub(super) const RIGHT: &str = r#"title = "t"
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
    insta::assert_snapshot!(complaints(text), @r#"
    test.toml:2:10: unknown system `vrs`; did you mean `vsr`?
      |
    2 | system = "vrs"
      |          ^^^^^
    test.toml:9:11: `min` is 10ms, which is more than `mean`, 5ms
      |
    9 | latency = { min = "10ms", mean = "5ms", max = "50ms" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    test.toml:10:11: expected a number from 0 to 1, found 2
       |
    10 | loss    = 2
       |           ^
       = help: 2 % is written 0.02
    test.toml:24:20: there is no r3: the cluster has 3 replicas, r0 to r2
       |
    24 | crash = { target = "r3", restart_aftr = "300mss" }
       |                    ^^^^
    test.toml:24:26: unknown key `restart_aftr` in `crash`; did you mean `restart_after`?
       |
    24 | crash = { target = "r3", restart_aftr = "300mss" }
       |                          ^^^^^^^^^^^^
    "#);
}

/// All messages of a right file in which one piece is replaced.
pub(super) fn with(from: &str, to: &str) -> String {
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

pub(super) fn table(changes: &[(&str, &str)]) -> String {
    changes.iter().map(|(from, to)| with(from, to)).collect()
}

#[test]
fn of_parameters() {
    insta::assert_snapshot!(table(&[
        ("[cluster]", "[parameters]\nslots = 7\n[cluster]"),
        ("[cluster]", "[parameters]\nslots = 18\n[cluster]"),
        ("[cluster]", "[parameters]\nslots = \"8\"\n[cluster]"),
        ("[cluster]", "[parameters]\nsessions = 0\n[cluster]"),
        ("[cluster]", "[parameters]\nslot = 8\n[cluster]"),
        ("[cluster]", "[parameters]\nrings = 8\n[cluster]"),
        ("[cluster]", "parameters = 3\n[cluster]"),
    ]), @r#"
    [cluster]
      7: `slots` is a multiple of 4 from 8 to 64, found 7
    [cluster]
      18: `slots` is a multiple of 4 from 8 to 64, found 18
    [cluster]
      "8": expected a whole number, found a string
    [cluster]
      0: `sessions` is a number from 1 to 1024, found 0
    [cluster]
      slot: unknown key `slot` in [parameters]; did you mean `slots`?
    [cluster]
      rings: unknown key `rings` in [parameters] (there can be slots, sessions)
    [cluster]
      3: expected a table for [parameters], found an integer
    "#);
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
    ]), @r#"
    (nothing)
      the file: a scenario needs `title`
    " "
      " ": expected a title, found nothing in it
    "two\nlines"
      "two\nlines": a title is one line
    7
      7: expected a title, found an integer
    (nothing)
      the file: a scenario needs `system`
    "raft"
      "raft": unknown system `raft`; there are ping, vsr
    plant = "short-quorom"
      "short-quorom": `vsr` has no planted bug `short-quorom`; did you mean `short-quorum`?
    plant = "none"
      "none": `vsr` has no planted bug `none`; there are short-quorum, early-ack
    plant = "none"
      "none": `ping` has no planted bugs in this build
    tilte
      tilte: unknown key `tilte` in a scenario; did you mean `title`?
    title
      loss: unknown key `loss` in a scenario (`loss` belongs in [network])
    title
      seed: unknown key `seed` in a scenario (`seed` belongs in [expect])
    (nothing)
      [cluster]: [cluster] needs `replicas`
    replicas = 0
      0: expected a number of replicas from 1 to 64, found 0
    replicas = -3
      -3: expected a number of replicas from 1 to 64, found -3
    replicas = 3.0
      3.0: expected a number of replicas, found a number with a point
    clients = 99999999999999999999999999
      99999999999999999999999999: expected a number of clients from 0 to 64, found 99999999999999999999999999
    [clustre]
      clustre: unknown key `clustre` in a scenario; did you mean `cluster`?
    (nothing)
      [workload]: [workload] needs `kind`
    "#);
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
    ]), @r#"
    title = t
      t: `t` is not a value (text stands in double quotes: "like this")
    title = "t
      : invalid basic string, expected `"`
    title
      : key with no value, expected `=`
    [cluster
      : unclosed table, expected `]` (perhaps a bracket before it is not closed)
    replicas = 4
      replicas: duplicate key
    mix = { get = 0.5, put = 0.5
      : missing key for inline table element, expected `,` (perhaps a bracket before it is not closed)
    "#);
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
    insta::assert_snapshot!(said, @r#"
    loss = 1.5
      1.5: expected a number from 0 to 1, found 1.5 (1.5 % is written 0.015)
    loss = -0.1
      -0.1: expected a number from 0 to 1, found -0.1
    loss = 5
      5: expected a number from 0 to 1, found 5 (5 % is written 0.05)
    loss = nan
      nan: expected a number from 0 to 1, found NaN
    loss = "1%"
      "1%": expected a number from 0 to 1 such as 0.05, found a string
    loss = 0.0000000001
      0.0000000001: a billionth (0.000000001) is the least probability there is, apart from 0
    latency = 5
      5: expected a duration such as "5ms" or a table such as { min = "1ms", mean = "5ms", max = "50ms" }, found an integer (say which unit (ns, us, ms, s, m): "5ms")
    latency = "5"
      "5": `5` lacks a unit (ns, us, ms, s, m); write it like `5ms`
    latency = "5mss"
      "5mss": unknown time unit `mss` (ns, us, ms, s, m)
    latency = "-5ms"
      "-5ms": `-5ms` is not a duration; write it like `300ms`
    latency = true
      true: expected a duration such as "5ms" or a table such as { min = "1ms", mean = "5ms", max = "50ms" }, found a boolean
    latency = {}
      {}: a distribution needs `mean`, or both `min` and `max`, or `fast`, `slow` and `share` (a duration that is always the same is written without a table: "5ms")
    latency = { min = "5ms" }
      { min = "5ms" }: a distribution needs `mean`, or both `min` and `max`, or `fast`, `slow` and `share` (a duration that is always the same is written without a table: "5ms")
    latency = { min = "5ms", max = "1ms" }
      { min = "5ms", max = "1ms" }: `min` is 5ms, which is more than `max`, 1ms
    latency = { min = "1ms", mean = "9ms", max = "5ms" }
      { min = "1ms", mean = "9ms", max = "5ms" }: `mean` is 9ms, which is more than `max`, 5ms
    latency = { mean = "9ms", maximum = "5s" }
      maximum: unknown key `maximum` in a distribution (there can be shape, min, mean, max, fast, slow, share)
    latency = { shape = "log-norml", mean = "9ms" }
      "log-norml": expected a shape, found `log-norml`; did you mean "log-normal"?
    latency = { shape = "uniform", min = "1ms", mean = "2ms", max = "3ms" }
      "2ms": a uniform distribution has no `mean`; `min` and `max` say it all
    latency = { shape = "log-normal", min = "1ms", max = "3ms" }
      { shape = "log-normal", min = "1ms", max = "3ms" }: this distribution needs `mean`
    latency = { fast = "1ms", slow = "3ms" }
      { fast = "1ms", slow = "3ms" }: a distribution needs `share`
    latency = { fast = "1ms", slow = "3ms", share = 0.1, min = "0s" }
      "0s": `fast`, `slow` and `share` stand alone, without `shape`, `min`, `mean` or `max`
    los = 0.1
      los: unknown key `los` in [network]; did you mean `loss`?
    "#);
    insta::assert_snapshot!(table(&[
        ("[workload]", "[storage]\ncrash_keep = 0.6\ncrash_tear = 0.6\n[workload]"),
        ("[workload]", "[clock]\noffset_max = 5\n[workload]"),
        ("[workload]", "[schedule]\nshuffel = 0.1\n[workload]"),
        ("[workload]", "network = 3\n[workload]"),
    ]), @r#"
    [workload]
      0.6: `crash_keep` and `crash_tear` are shares of the same unsynced sectors, so 0.6 and 0.6 are too much together (the rest, up to 1, is lost)
    [workload]
      5: expected a duration such as "300ms", found an integer (say which unit (ns, us, ms, s, m): "5ms")
    [workload]
      shuffel: unknown key `shuffel` in [schedule]; did you mean `shuffle`?
    [workload]
      network: unknown key `network` in [cluster] (there can be replicas, clients)
    "#);
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
    insta::assert_snapshot!(said, @r#"
    operations = ["c0 get k1", "c2 get k1", "c0 gte k1", 3]
      "c2 get k1": there is no c2: the cluster has 2 clients, c0 to c1
      "c0 gte k1": unknown operation `gte`; did you mean `get`?
      3: expected an operation such as "c0 after 3ms put k1 17", found an integer
    operations = 7
      7: expected a list of operations such as "c0 after 3ms put k1 17", found an integer
    operations = []
      "1/s": `rate` belongs to drawn operations, and these are explicit (each operation says its own: "c0 after 3ms put k1 17, give up after 2s")
    kind = "explicit"
      [workload]: [workload] needs `operations`
    "#);
    insta::assert_snapshot!(table(&[
        ("\"kv\"", "\"kvs\""),
        ("rate = \"200/s\"", "rate = 200"),
        ("rate = \"200/s\"", "rate = \"200/m\""),
        ("rate = \"200/s\"", "rate = \"0/s\""),
        ("get = 0.5, put = 0.5", "get = 0"),
        ("get = 0.5, put = 0.5", "read = 0.5, put = 1"),
        ("keys = 3", "keys = 3\noperations = [\"c0 get k1\"]"),
        ("keys = 3", "keys = 3\ngive_up_after = \"0s\""),
    ]), @r#"
    "kvs"
      "kvs": expected a kind of workload, found `kvs`; did you mean "kv"?
    rate = 200
      200: expected a rate such as "200/s", found an integer (operations a second: "200/s")
    rate = "200/m"
      "200/m": expected a rate such as "200/s", found `200/m`
    rate = "0/s"
      "0/s": expected a rate from "1/s" to "1000000/s", found `0/s`
    get = 0
      { get = 0 }: `mix` has no share above 0, so there is nothing to ask for (for example: mix = { get = 0.5, put = 0.5 })
    read = 0.5, put = 1
      read: unknown key `read` in `mix` (there can be get, put, append, cas, delete)
    operations = ["c0 get k1"]
      ["c0 get k1"]: this workload draws its operations, so they cannot be listed (to list them, use kind = "explicit")
    give_up_after = "0s"
      "0s": expected a duration longer than zero
    "#);
}
