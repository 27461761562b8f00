//! What is said of what links and clocks have of their own, where it is wrong.

use super::mistakes::{RIGHT, with};
use super::{complaints, read};

#[test]
fn of_networks_and_clocks() {
    let of = |lines: &str| {
        let shown = lines.lines().last().expect("there is one");
        with("[workload]", &format!("{lines}\n[workload]")).replacen("[workload]", shown, 1)
    };
    let said = [
        "[network]\ndelivery = \"tcp\"",
        "[network]\ndelivery = \"steam\"",
        "[network]\nbandwidth = 10",
        "[network]\nbandwidth = \"10Mbit/s\"",
        "[network]\nbandwidth = \"0B/s\"",
        "[network]\nqueue = 0",
        "[network]\nqueue = \"64 packets\"",
        "[network]\nmisroute = 2",
        "[network]\nmisrout = 0.1",
        "[network]\nclog = 0.1",
        "[network]\nclog = { share = 0.1 }",
        "[network]\nclog = { chance = 2, for = \"1s\" }",
        "[network]\nclog = { share = 1.5, for = \"1\", from = \"r0\" }",
        "[clock]\ndrift_max = \"100\"",
        "[clock]\ndrift_max = \"1000000ppm\"",
        "[network]\ndrift_max = \"100ppm\"",
        "[storage]\nbandwidth = \"10MB/s\"",
    ]
    .map(of)
    .concat();
    insta::assert_snapshot!(said, @r#"
    delivery = "tcp"
      "tcp": expected a way to deliver, found `tcp`; it is one of "datagram", "stream"
    delivery = "steam"
      "steam": expected a way to deliver, found `steam`; did you mean "stream"?
    bandwidth = 10
      10: expected a bandwidth such as "10MB/s", found an integer
    bandwidth = "10Mbit/s"
      "10Mbit/s": `10Mbit/s` lacks a unit of bandwidth (B/s, kB/s, MB/s, GB/s); write it like `10MB/s`
    bandwidth = "0B/s"
      "0B/s": a link of no bandwidth carries nothing; cut it instead
    queue = 0
      0: expected a number of packets from 1 to 1000000, found 0
    queue = "64 packets"
      "64 packets": expected a number of packets, found a string
    misroute = 2
      2: expected a number from 0 to 1, found 2 (2 % is written 0.02)
    misrout = 0.1
      misrout: unknown key `misrout` in [network]; did you mean `misroute`?
    clog = 0.1
      0.1: expected a table for the network's `clogs`, found a number with a point
    clog = { share = 0.1 }
      { share = 0.1 }: the network's `clogs` needs `for`
    clog = { chance = 2, for = "1s" }
      2: a chance is a number from 0 to 1, and here stands `2`
    clog = { share = 1.5, for = "1", from = "r0" }
      1.5: expected a number from 0 to 1, found 1.5 (1.5 % is written 0.015)
      "1": `1` lacks a unit (ns, us, ms, s, m); write it like `1ms`
      from: unknown key `from` in the network's `clogs` (there can be share, for)
    drift_max = "100"
      "100": `100` is not a drift; write it like `100ppm`, in parts per million
    drift_max = "1000000ppm"
      "1000000ppm": no clock drifts by more than 500000ppm
    drift_max = "100ppm"
      drift_max: unknown key `drift_max` in [network] (`drift_max` belongs in [clock])
    bandwidth = "10MB/s"
      bandwidth: unknown key `bandwidth` in [storage] (`bandwidth` belongs in [network])
    "#);
}

#[test]
fn of_faults_of_links_and_clocks() {
    let of = |lines: &str| {
        with(
            "[[phase]]\nname = \"recover\"",
            &format!("[[phase.fault]]\nat = \"1s\"\n{lines}\n[[phase]]\nname = \"recover\""),
        )
        .replace("name = \"recover\"\n", &format!("{lines}\n"))
    };
    let said = [
        "cut = { from = \"r0\", to = \"r1\", only = \"Start View\" }",
        "cut = { from = \"r0\", to = \"r1\", only = [\"StartView\"] }",
        "clog = { from = \"r0\", to = \"r1\" }",
        "clog = { from = \"r0\", to = [], for = \"1s\" }",
        "clog = { from = \"rest\", to = \"rest\", for = \"1s\" }",
        "clog = { share = 0.1, for = \"1s\" }",
        "hold = { from = \"r0\" }",
        "hold = { from = \"r0\", to = \"r9\", olny = \"Prepare\" }",
        "hold = { from = \"r0\", to = \"sender\", heal_after = \"1s\" }",
        "release = { from = \"r0\", to = \"r1\", only = \"Prepare\" }",
        "release = true",
        "clock = { target = \"r0\" }",
        "clock = { target = \"r0\", jump = \"3s\" }",
        "clock = { target = \"r0\", jump = \"+0s\" }",
        "clock = { target = \"r0\", drift = \"500ppm\" }",
        "clock = { target = \"r0\", drift = \"+900000ppm\" }",
        "clock = { target = \"r0\", jump = \"+1s\", drift = \"+5ppm\" }",
        "clock = { jump = \"+1s\" }",
        "partition = { ring = false }",
        "partition = { ring = true, halves = true }",
    ]
    .map(of)
    .concat();
    insta::assert_snapshot!(said, @r#"
    cut = { from = "r0", to = "r1", only = "Start View" }
      "Start View": `Start View` is not a label: a kind is a word of letters and dashes; a label looks like `Ping` or `Prepare(v0 op1)`
    cut = { from = "r0", to = "r1", only = ["StartView"] }
      ["StartView"]: expected a label such as "PrepareOk" or "PrepareOk(v0 op1)", found a list
    clog = { from = "r0", to = "r1" }
      { from = "r0", to = "r1" }: `clog` needs `for`
    clog = { from = "r0", to = [], for = "1s" }
      []: there is nobody in this group
    clog = { from = "rest", to = "rest", for = "1s" }
      "rest": `rest` stands more than once, and there is only one rest
    clog = { share = 0.1, for = "1s" }
      { share = 0.1, for = "1s" }: `clog` needs `from`
      { share = 0.1, for = "1s" }: `clog` needs `to`
      share: unknown key `share` in `clog` (there can be from, to, for)
    hold = { from = "r0" }
      { from = "r0" }: `hold` needs `to`
    hold = { from = "r0", to = "r9", olny = "Prepare" }
      "r9": there is no r9: the cluster has 3 replicas, r0 to r2
      olny: unknown key `olny` in `hold`; did you mean `only`?
    hold = { from = "r0", to = "sender", heal_after = "1s" }
      "sender": `sender` means a node of the event that triggers the fault, so it goes with `on`
      heal_after: unknown key `heal_after` in `hold` (`heal_after` belongs in `partition` or `cut`)
    release = { from = "r0", to = "r1", only = "Prepare" }
      only: unknown key `only` in `release` (`only` belongs in `cut` or `hold`)
    release = true
      true: expected a table for `release`, found a boolean
    clock = { target = "r0" }
      { target = "r0" }: a clock needs to say what happens to it (it has one of `jump` and `drift`)
    clock = { target = "r0", jump = "3s" }
      "3s": `3s` lacks its sign; write it like `+3ms`
    clock = { target = "r0", jump = "+0s" }
      "+0s": a jump of nothing does nothing; leave the fault out
    clock = { target = "r0", drift = "500ppm" }
      "500ppm": `500ppm` lacks its sign; write it like `+500ppm`
    clock = { target = "r0", drift = "+900000ppm" }
      "+900000ppm": no clock drifts by more than 500000ppm
    clock = { target = "r0", jump = "+1s", drift = "+5ppm" }
      { target = "r0", jump = "+1s", drift = "+5ppm" }: a clock changes in one way, but this one has `jump` and `drift` (write a [[phase.fault]] for each)
    clock = { jump = "+1s" }
      { jump = "+1s" }: a `clock` change needs `target`
    partition = { ring = false }
      false: `ring` is true or not there
    partition = { ring = true, halves = true }
      true: a partition splits in one way, but this one has `halves` and `ring`
    "#);
}

#[test]
fn a_plan_draws_neither_clogs_nor_drifts() {
    let plan = RIGHT
        .replace("system = \"vsr\"", "system = \"vsr\"\nentropy = 7")
        .replace(
            "kind = \"kv\"\nkeys = 3\nrate = \"200/s\"\nmix = { get = 0.5, put = 0.5 }",
            "kind = \"explicit\"\noperations = []",
        )
        .replace("quiet = true", "quiet = true\ncore = \"all\"");
    read(&plan);
    let chance =
        "[network]\nmisroute = 0.1\nclog = { share = 0.1, for = { mean = \"1s\" } }\n[clock]\ndrift_max = \"5ppm\"\n";
    insta::assert_snapshot!(complaints(&plan.replace("[workload]", &format!("{chance}[workload]"))), @r#"
    test.toml:8:12: a plan cannot have a probability other than 0
      |
    8 | misroute = 0.1
      |            ^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    test.toml:9:18: a plan cannot draw when links clog; it says it as in deviations = ["clog r0->r1 Ping #2 for 300ms"]
      |
    9 | clog = { share = 0.1, for = { mean = "1s" } }
      |                  ^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    test.toml:9:29: a plan cannot spread durations; it needs one duration, such as "5ms"
      |
    9 | clog = { share = 0.1, for = { mean = "1s" } }
      |                             ^^^^^^^^^^^^^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    test.toml:11:13: a plan cannot draw how clocks drift; it says it as in deviations = ["drift r1 clock +87ppm"]
       |
    11 | drift_max = "5ppm"
       |             ^^^^^^
       = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    "#);
    // What is no chance is a plan's as well as anybody's.
    let same = "[network]\ndelivery = \"stream\"\nbandwidth = \"1MB/s\"\nqueue = 5\nmisroute = 0\n[clock]\ndrift_max = \"0ppm\"\n";
    read(&plan.replace("[workload]", &format!("{same}[workload]")));
}

#[test]
fn of_deviations_of_links_and_clocks() {
    let of = |text: &str| {
        let file =
            RIGHT.replace("system = \"vsr\"", &format!("system = \"vsr\"\nentropy = 7\ndeviations = [\"{text}\"]"));
        let said = complaints(&file);
        format!("{}\n", said.lines().next().expect("it is wrong"))
    };
    let said = [
        "misroute r0->r1 Ping #1 to r7",
        "misroute r0->r1 Ping #1",
        "clog r0->r1 Ping #1 for 5",
        "drift r0 clock 5ppm",
        "drift r0->r1 Ping #1 +5ppm",
    ]
    .map(of)
    .concat();
    insta::assert_snapshot!(said, @"
    test.toml:4:15: there is no r7: the cluster has 3 replicas, r0 to r2
    test.toml:4:15: `misroute r0->r1 Ping #1` lacks `to` and a node
    test.toml:4:15: `5` lacks a unit (ns, us, ms, s, m); write it like `5ms`
    test.toml:4:15: `5ppm` lacks its sign; write it like `+500ppm`
    test.toml:4:15: `drift` cannot be said of `r0->r1 Ping #1`
    ");
}
