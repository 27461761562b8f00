//! What people and machines are told of a seed.

use super::*;
use crate::scenario::Family;
use crate::scenario::file::parse;

const TROUBLE: &str = r#"
title = "trouble, then quiet"
system = "vsr"

[cluster]
replicas = { any = [3, 5] }
clients = 2

[network]
loss = { between = [0.01, 0.1], chance = 0.5 }
latency = { any = [{ mean = { between = ["1ms", "5ms"] } }, { fast = "1ms", slow = "250ms", share = 0.02 }] }

[clock]
offset_max = "20ms"

[workload]
kind = "kv"
keys = 2
rate = "100/s"
mix = { get = 0.5, cas = 0.5 }
operations = 50

[[phase]]
name = "trouble"
for = "3s"

[[phase.fault]]
every = { mean = "300ms" }
crash = { target = { any = ["primary", "any-backup"] }, restart_after = { mean = "100ms" } }

[[phase.fault]]
at = "1500ms"
partition = { halves = true, heal_after = "200ms" }

[[phase.fault]]
repeat = { between = [1, 2] }
on = "backup sends PrepareOk"
nth = { between = [1, 9] }
pause = { target = "sender", resume_after = "1s" }

[[phase.fault]]
at = "3s"
heal = true

[[phase]]
name = "recover"
for = "1s"
quiet = true

[check]
liveness = [{ all-requests-complete = { within = "5s" } }]
"#;

const PLAN: &str = r#"
title = "a plan"
system = "vsr"
entropy = 7
deviations = ["drop r0->r1 Prepare(v0 op1) #2", "offset r1 clock +3ms"]

[cluster]
replicas = 3
clients = 1

[workload]
kind = "explicit"
operations = ["c0 after 3ms put k1 17", "c0 cas k1 17 18"]

[[phase]]
name = "trouble"
for = "2s"

[[phase.fault]]
on = "r1 sends PrepareOk(v0 op1) exactly #1"
before = true
crash = { target = "r1", restart_after = "1s", max_down = "all" }

[[phase.fault]]
at = "500ms"
partition = { groups = [["r0", "c0"], ["rest"]] }
"#;

fn read(text: &str) -> Family {
    parse("test", text, &crate::systems::registry()).expect("it is right")
}

fn told(family: &Family, seed: u64, tell: impl Fn(&Explanation) -> String) -> String {
    let scenario = family.scenario(seed).expect("it is right");
    let system = crate::systems::registry().make(&scenario).expect("it exists");
    tell(&Explanation {
        choices: &family.choices(seed),
        scenario: &scenario,
        seed: scenario.plan.is_none().then_some(seed),
        outlook: &Outlook::of(&scenario, &*system, seed),
        notes: &["a remark".to_string()],
        repeat: "foretell run test",
    })
}

#[test]
fn a_seed_of_a_scenario_with_choices() {
    insta::assert_snapshot!(told(&read(TROUBLE), 7, human), @r#"
    test  seed 7: trouble, then quiet
      note        a remark

    what this seed chose
      cluster     replicas 5
      network     latency alternative 1 of 2; latency.mean "1.12ms"; loss 0.0992
      phase trouble.fault 855b5d35  crash.target "any-backup"
      phase trouble.fault 3fa52e67  repeat 1
      phase trouble.fault 3fa52e67 copy 1  nth 7

    the scenario that this is
      title = "trouble, then quiet"
      system = "vsr"

      [cluster]
      replicas = 5
      clients = 2

      [network]
      latency = { mean = "1.12ms" }
      loss = 0.0992

      [clock]
      offset_max = "20ms"

      [workload]
      kind = "kv"
      keys = 2
      rate = "100/s"
      mix = { get = 0.5, cas = 0.5 }
      operations = 50

      [[phase]]
      name = "trouble"
      for = "3s"

      [[phase.fault]]
      every = { mean = "300ms" }
      crash = { target = "any-backup", restart_after = { mean = "100ms" } }

      [[phase.fault]]
      at = "1.5s"
      partition = { halves = true, heal_after = "200ms" }

      [[phase.fault]]
      on = "backup sends PrepareOk #7"
      pause = { target = "sender", resume_after = "1s" }

      [[phase.fault]]
      at = "3s"
      heal = true

      [[phase]]
      name = "recover"
      for = "1s"
      quiet = true

      [check]
      liveness = [{ all-requests-complete = { within = "5s" } }]

    what is decided before it runs
        0.000000000s  phase `trouble`, 3.0s
                      crash any-backup, restart after about 100ms
                        at 0.163655210s, 0.188746058s, 1.957555493s, 2.572441195s and 1 times more
                      partition in halves, heal after 200ms
                        at 1.500000000s
                      pause sender, resume after 1s
                        on backup sends PrepareOk #7
                      heal all links
                        never: it would come after the end of the phase
        3.000000000s  quiet phase `recover`, 1.0s
                      core r1 r2 r3 c0 c1; besides it heals r4
        4.000000000s  clients ask no more; the end, once all is settled, at the latest 5.0s later

      clocks      ahead: r0 14.8ms, r1 19.4ms, r2 3.1ms, r3 14.7ms, r4 19.6ms, c0 18.7ms, c1 14.6ms
      c0          after 7.6ms cas k1 (as seen) 1, then after 18.3ms cas k1 (as seen) 3, then after 3.3ms get k0,
                  and so on
      c1          after 65.0ms get k0, then after 24.5ms get k0, then after 44.0ms cas k1 (as seen) 6, and so on
      in all      50 operations

    what only the run decides
      when the moments come that faults wait for, and whether they come
      whom these mean when a fault strikes: `any-backup`, `sender`
      who is on which side of halves
      how long a fault lasts that ends "after about" a time
      whether a crash is left out because too few replicas would be up
      what a `cas` expects: what its client saw last in that key

    run it: foretell run test
    "#);
}

#[test]
fn a_plan_leaves_nothing_to_chance() {
    insta::assert_snapshot!(told(&read(PLAN), 7, human), @"
    test: a plan
      note        a remark
      a plan      nothing is left to chance: 2 faults, 2 operations, 2 deviations

    what is decided before it runs
        0.000000000s  phase `trouble`, 2.0s
                      crash r1, restart after 1s
                        just before r1 sends PrepareOk(v0 op1) exactly #1
                      partition r0 c0 | rest
                        at 0.500000000s
        2.000000000s  the end

      clocks      ahead: r1 3.0ms
      c0          after 3.0ms put k1 17, then cas k1 17 18
      in all      2 operations

    what only the run decides
      when the moments come that faults wait for, and whether they come

    run it: foretell run test
    ");
}

#[test]
fn machines_are_told_the_same() {
    let text = told(&read(TROUBLE), 7, json);
    assert_eq!(text.matches('\n').count(), 1, "one line");
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(value["seed"], 7);
    assert!(value["toml"].as_str().is_some_and(|toml| read(toml).only().is_some()));
    insta::assert_snapshot!(format!("{:#}", value["phases"][0]["faults"][1]), @r#"
    {
      "at_ns": [
        1500000000
      ],
      "before": false,
      "on": null,
      "what": "partition in halves, heal after 200ms"
    }
    "#);
    let plan: serde_json::Value = serde_json::from_str(&told(&read(PLAN), 7, json)).expect("it is JSON");
    assert_eq!(plan["seed"], serde_json::Value::Null);
    insta::assert_snapshot!(format!("{}", plan["plan"]), @r#"{"deviations":2,"faults":2,"operations":2}"#);
}

#[test]
fn no_line_is_too_wide_and_every_seed_of_the_standard_sweep_fits_on_a_few_screens() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sim-scenarios/swarm.toml");
    let family = read(&std::fs::read_to_string(path).expect("it is there"));
    let mut lines: Vec<usize> = (0..100)
        .map(|seed| {
            let text = told(&family, seed, human);
            // What the file says itself is as long as it is.
            let wide = text.lines().find(|line| line.chars().count() > WIDTH && !line.starts_with("  reached = "));
            assert_eq!(wide, None, "seed {seed}");
            text.lines().count()
        })
        .collect();
    lines.sort_unstable();
    assert!(lines[50] <= 120 && lines[99] <= 200, "half have more than {} lines, one has {}", lines[50], lines[99]);
}
