//! What is said of choices that are wrong, and of mistakes that only some of them make.

use super::super::Diagnostic;
use super::mistakes::{RIGHT, table, with};
use super::{complaints, read_family};

fn loss(value: &str) -> String {
    with("[workload]", &format!("[network]\nloss = {value}\n[workload]")).replace("[workload]\n", &format!("{value}\n"))
}

#[test]
fn of_any_and_weights() {
    let said = [
        "{ any = [] }",
        "{ any = 0.1 }",
        "{ any = [0.1, 2] }",
        "{ any = [0.1, 0.2], weights = [1] }",
        "{ any = [0.1, 0.2], weights = [1, 0.5] }",
        "{ any = [0.1, 0.2], weights = [0, 0] }",
        "{ any = [0.1, 0.2], weights = 3 }",
        "{ any = [0.1, 0.2], weights = [1, -1] }",
        "{ weights = [1, 1] }",
        "{ any = [0.1, 0.2], scale = \"log\" }",
        "{ any = [0.1, 0.2], between = [0.1, 0.2] }",
        "{ any = [0.1, 0.2], min = 3 }",
        "{ any = [{ any = [0.1, { any = [7, 0.1] }] }, { any = [] }] }",
    ]
    .map(loss)
    .concat();
    insta::assert_snapshot!(said, @r#"
    { any = [] }
      []: there is nothing to choose from
    { any = 0.1 }
      0.1: expected a list of alternatives, found `0.1` (for example: { any = [1, 2, 3] })
    { any = [0.1, 2] }
      2: expected a number from 0 to 1, found 2 (2 % is written 0.02)
    { any = [0.1, 0.2], weights = [1] }
      [1]: there has to be a weight for each alternative, but there are 1 and 2
    { any = [0.1, 0.2], weights = [1, 0.5] }
      0.5: a weight is a whole number, and here stands `0.5` (two thirds and one third are written [2, 1])
    { any = [0.1, 0.2], weights = [0, 0] }
      [0, 0]: with these weights nothing is ever chosen
    { any = [0.1, 0.2], weights = 3 }
      3: expected a list of whole numbers, one for each alternative
    { any = [0.1, 0.2], weights = [1, -1] }
      -1: a weight is a whole number, and here stands `-1` (two thirds and one third are written [2, 1])
    { weights = [1, 1] }
      weights: `weights` goes with `any` (for example: { any = [1, 2], weights = [3, 1] })
    { any = [0.1, 0.2], scale = "log" }
      scale: `scale` goes with `between`
    { any = [0.1, 0.2], between = [0.1, 0.2] }
      any: `any` cannot stand beside `between` (beside it there can be `scale` and `chance`)
    { any = [0.1, 0.2], min = 3 }
      { any = [0.1, 0.2], min = 3 }: expected a number from 0 to 1 such as 0.05, found a table
      0.1: what is merged into a table has to be a table (`any` stands beside other keys here; without them, it would stand for the whole value)
      0.2: what is merged into a table has to be a table (`any` stands beside other keys here; without them, it would stand for the whole value)
    { any = [{ any = [0.1, { any = [7, 0.1] }] }, { any = [] }] }
      7: expected a number from 0 to 1, found 7 (7 % is written 0.07)
      []: there is nothing to choose from
    "#);
}

#[test]
fn of_ranges() {
    let said = [
        "{ between = 0.1 }",
        "{ between = [0.1] }",
        "{ between = [0.1, 0.2, 0.3] }",
        "{ between = [0.2, 0.1] }",
        "{ between = [0, 0.1] }",
        "{ between = [0.0, 0.1], scale = \"log\" }",
        "{ between = [0.1, 0.2], scale = \"ln\" }",
        "{ between = [0.1, 0.2], scale = true }",
        "{ between = [0.1, 1.5] }",
        "{ between = [\"1ms\", \"1/s\"] }",
        "{ between = [\"1ms\", \"5mss\"] }",
        "{ between = [\"1ms\", \"5ms\"] }",
        "{ between = [-1, 1] }",
        "{ between = [true, false] }",
        "{ between = [0.1, 0.2], min = 3 }",
        "{ scale = \"log\" }",
        "{ betwen = [0.1, 0.2] }",
    ]
    .map(loss)
    .concat();
    insta::assert_snapshot!(said, @r#"
    { between = 0.1 }
      0.1: expected a list of the lowest and the highest value (two whole numbers, two numbers with a point from 0 to 1, two durations such as "5ms", two rates such as "10/s" or two bandwidths such as "10MB/s")
    { between = [0.1] }
      [0.1]: a range has two ends, and here stand 1
    { between = [0.1, 0.2, 0.3] }
      [0.1, 0.2, 0.3]: a range has two ends, and here stand 3
    { between = [0.2, 0.1] }
      [0.2, 0.1]: the lower one comes first, but here stand 0.2 and 0.1
    { between = [0, 0.1] }
      [0, 0.1]: both ends have to be of one kind, and 0 and 0.1 are not
    { between = [0.0, 0.1], scale = "log" }
      0.0: on the scale "log" everything is above 0, and here stands 0.0
    { between = [0.1, 0.2], scale = "ln" }
      "ln": there is one scale, "log", and here stands `"ln"`
    { between = [0.1, 0.2], scale = true }
      true: there is one scale, "log", and here stands `true`
    { between = [0.1, 1.5] }
      1.5: a range is between two whole numbers, two numbers with a point from 0 to 1, two durations such as "5ms", two rates such as "10/s" or two bandwidths such as "10MB/s", and here stands 1.5
    { between = ["1ms", "1/s"] }
      ["1ms", "1/s"]: both ends have to be of one kind, and "1ms" and "1/s" are not
    { between = ["1ms", "5mss"] }
      "5mss": unknown time unit `mss` (ns, us, ms, s, m)
    { between = ["1ms", "5ms"] }
      "1ms": expected a number from 0 to 1 such as 0.05, found a string
      "5ms": expected a number from 0 to 1 such as 0.05, found a string
    { between = [-1, 1] }
      -1: a range is between two whole numbers, two numbers with a point from 0 to 1, two durations such as "5ms", two rates such as "10/s" or two bandwidths such as "10MB/s", and here stands -1
    { between = [true, false] }
      true: a range is between two whole numbers, two numbers with a point from 0 to 1, two durations such as "5ms", two rates such as "10/s" or two bandwidths such as "10MB/s", and here stands true
    { between = [0.1, 0.2], min = 3 }
      min: `min` cannot stand beside `between` (beside it there can be `scale` and `chance`)
    { scale = "log" }
      scale: `scale` goes with `between`
    { betwen = [0.1, 0.2] }
      { betwen = [0.1, 0.2] }: expected a number from 0 to 1 such as 0.05, found a table (`betwen` is no choice; did you mean `between`?)
    "#);
}

#[test]
fn of_chances_and_copies() {
    let said = [
        "{ any = [0.1], chance = 2 }",
        "{ any = [0.1], chance = \"often\" }",
        "{ any = [0.1], chance = { any = [0.1] } }",
    ]
    .map(loss)
    .concat();
    insta::assert_snapshot!(said, @r#"
    { any = [0.1], chance = 2 }
      2: a chance is a number from 0 to 1, and here stands `2`
    { any = [0.1], chance = "often" }
      "often": a chance is a number from 0 to 1, and here stands `"often"`
    { any = [0.1], chance = { any = [0.1] } }
      { any = [0.1] }: a chance is a number from 0 to 1, and here stands `{ any = [0.1] }`
    "#);
    let fault = |keys: &'static str| {
        let to = format!("for = \"5s\"\n[[phase.fault]]\nat = \"1s\"\nheal = true\n{keys}");
        with("for = \"5s\"", &to)
    };
    let said = [
        "repeat = 65",
        "repeat = -1",
        "repeat = { between = [1, 100] }",
        "repeat = { any = [1, \"many\"] }",
        "repeat = 2.0",
        "chanse = 0.5",
        "nth = 3",
        "weights = [1]",
    ]
    .map(fault)
    .concat();
    insta::assert_snapshot!(said, @r#"
    repeat = 65
      65: `repeat` is a whole number from 0 to 64, and here stands 65
    repeat = -1
      -1: `repeat` is a whole number from 0 to 64, and here stands -1
    repeat = { between = [1, 100] }
      100: `repeat` is a whole number from 0 to 64, and here stands 100
    repeat = { any = [1, "many"] }
      "many": `repeat` is a whole number from 0 to 64, and here stands "many"
    repeat = 2.0
      2.0: `repeat` is a whole number from 0 to 64, and here stands 2.0
    chanse = 0.5
      chanse: unknown key `chanse` in a fault; did you mean `chance`?
    nth = 3
      3: `nth` goes with `on`: it says which of those moments is meant
    weights = [1]
      weights: `weights` goes with `any` (for example: { any = [1, 2], weights = [3, 1] })
    "#);
    insta::assert_snapshot!(table(&[
        ("title", "chance = 0.5\ntitle"),
        ("title", "repeat = 2\ntitle"),
        ("title", "between = [1, 2]\ntitle"),
        ("replicas = 3", "repeat = 2\nreplicas = 3"),
        ("[workload]", "[workload]\nchance = 0.5"),
        ("keys = 3", "keys = { between = [1, 3], chance = 0.5 }"),
        ("name = \"trouble\"", "name = \"trouble\"\nrepeat = 2"),
    ]), @r#"
    title
      chance: the file as a whole is always there, once; `chance` belongs into a table of it
    title
      repeat: the file as a whole is always there, once; `repeat` belongs into a table of it
    title
      between: a file is not a value between two others
    replicas = 3
      repeat: only an element of a list can stand there several times (`repeat` goes into a fault, under [[phase.fault]])
    chance = 0.5
      the file: a scenario needs a table [workload]
    keys = { between = [1, 3], chance = 0.5 }
      [workload]: [workload] needs `keys`
    repeat = 2
      "trouble": there is a phase `trouble` already
    "#);
    insta::assert_snapshot!(
        ["on = \"r0 boots #3\"\nnth = 3", "on = \"r0 boots\"\nnth = 0", "at = \"1s\"\nnth = 1", "on = \"r0 boots\"\nnth = \"x\""]
            .map(|when| with("for = \"5s\"", &format!("for = \"5s\"\n[[phase.fault]]\nheal = true\n{when}")))
            .concat(),
        @r#"
    nth = 3
      3: the moment says itself which one is meant, at its end
    nth = 0
      0: expected a count from 1 to 4294967295, found 0
    nth = 1
      1: `nth` goes with `on`: it says which of those moments is meant
    nth = "x"
      "x": expected a count, found a string
    "#
    );
}

#[test]
fn of_merging() {
    let network = |text: &str| {
        let text = RIGHT.replace("[workload]", &format!("[network]\n{text}\n[workload]"));
        complaints(&text)
    };
    insta::assert_snapshot!(network("loss = 0.1\nany = [{ reorder = 0.1 }, { loss = 0.2 }]"), @"
    test.toml:8:29: `loss` stands in this alternative, and beside `any` in line 7 as well
      |
    8 | any = [{ reorder = 0.1 }, { loss = 0.2 }]
      |                             ^^^^
      = help: one of the two has to go, for it would not be clear which counts
    ");
    insta::assert_snapshot!(network("latency = { mean = \"1ms\" }\nany = [{ latency = { mean = \"2ms\" } }, { latency = \"2ms\" }]"), @r#"
    test.toml:8:22: `mean` stands in this alternative, and beside `any` in line 7 as well
      |
    8 | any = [{ latency = { mean = "2ms" } }, { latency = "2ms" }]
      |                      ^^^^
      = help: one of the two has to go, for it would not be clear which counts
    test.toml:8:42: `latency` stands in this alternative, and beside `any` in line 7 as well
      |
    8 | any = [{ latency = { mean = "2ms" } }, { latency = "2ms" }]
      |                                          ^^^^^^^
      = help: one of the two has to go, for it would not be clear which counts
    "#);
    insta::assert_snapshot!(network("loss = 0.1\nany = [0.1, [], { any = [\"x\"] }]"), @r#"
    test.toml:8:8: what is merged into a table has to be a table
      |
    8 | any = [0.1, [], { any = ["x"] }]
      |        ^^^
      = help: `any` stands beside other keys here; without them, it would stand for the whole value
    test.toml:8:13: what is merged into a table has to be a table
      |
    8 | any = [0.1, [], { any = ["x"] }]
      |             ^^
      = help: `any` stands beside other keys here; without them, it would stand for the whole value
    test.toml:8:26: what is merged into a table has to be a table
      |
    8 | any = [0.1, [], { any = ["x"] }]
      |                          ^^^
      = help: `any` stands beside other keys here; without them, it would stand for the whole value
    "#);
}

#[test]
fn of_what_is_the_same_for_every_seed() {
    insta::assert_snapshot!(table(&[
        ("\"t\"", "{ any = [\"t\", \"u\"] }"),
        ("\"vsr\"", "{ any = [\"vsr\", \"ping\"] }"),
        ("\"vsr\"", "\"vsr\"\nplant = { any = [\"early-ack\"], chance = 0.5 }"),
        ("[cluster]", "[check]\nreached = [\"a\", { any = [\"b\", \"c\"] }]\n[cluster]"),
        ("[cluster]", "[expect]\noutcome = \"violation\"\nwithin_seeds = { between = [1, 9] }\n[cluster]"),
        ("[cluster]", "[[any]]\ntitle = \"u\"\n[[any]]\n[any.check]\nreached = []\n[cluster]"),
        ("[cluster]", "[[any]]\nentropy = 7\n[cluster]"),
    ]), @r#"
    { any = ["t", "u"] }
      any: `title` is the same for every seed, so there is nothing to choose in it (choices go into what happens: the cluster, the network, the workload, the phases)
    { any = ["vsr", "ping"] }
      any: `system` is the same for every seed, so there is nothing to choose in it (choices go into what happens: the cluster, the network, the workload, the phases)
    plant = { any = ["early-ack"], chance = 0.5 }
      any: `plant` is the same for every seed, so there is nothing to choose in it (choices go into what happens: the cluster, the network, the workload, the phases)
    [cluster]
      any: `check` is the same for every seed, so there is nothing to choose in it (choices go into what happens: the cluster, the network, the workload, the phases)
    [cluster]
      between: `expect` is the same for every seed, so there is nothing to choose in it (choices go into what happens: the cluster, the network, the workload, the phases)
    [cluster]
      title: `title` is the same for every seed, so it cannot stand in an alternative
      check: `check` is the same for every seed, so it cannot stand in an alternative
    [cluster]
      entropy: `entropy` makes a file a plan, and a plan leaves nothing to chance
    "#);
}

#[test]
fn of_plans() {
    let text = RIGHT.replace("system", "entropy = 7\nsystem");
    let text = text.replace("[workload]", "[network]\nloss = { any = [0.1, 0.2], chance = 0.5 }\n[workload]");
    insta::assert_snapshot!(complaints(&text), @r#"
    test.toml:8:10: a plan leaves nothing to chance
      |
    8 | loss = { any = [0.1, 0.2], chance = 0.5 }
      |          ^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`)
    test.toml:8:17: a plan cannot have a probability other than 0
      |
    8 | loss = { any = [0.1, 0.2], chance = 0.5 }
      |                 ^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    test.toml:8:22: a plan cannot have a probability other than 0
      |
    8 | loss = { any = [0.1, 0.2], chance = 0.5 }
      |                      ^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    test.toml:8:28: a plan leaves nothing to chance
      |
    8 | loss = { any = [0.1, 0.2], chance = 0.5 }
      |                            ^^^^^^
      = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`)
    test.toml:10:8: a plan cannot draw its operations; it lists them, with kind = "explicit"
       |
    10 | kind = "kv"
       |        ^^^^
       = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    test.toml:20:9: a plan does not leave open who is in the core of a quiet phase; it says core = "all" or lists the nodes
       |
    20 | quiet = true
       |         ^^^^
       = help: this file is a plan (it has `entropy`, `deviations`, `digest` or `build`), and a plan leaves nothing to chance
    "#);
}

#[test]
fn of_the_file_beneath_whatever_is_chosen() {
    let text = RIGHT.replace("replicas = 3", "replicas = { any = [3, 0, 65] }").replace("keys = 3", "kys = { any = [1, 2] }").replace(
        "[[phase]]\nname = \"recover\"",
        "[[phase.fault]]\nchance = 0.1\nat = { between = [\"1s\", \"9s\"] }\ncrash = { target = { any = [\"r0\", \"r7\", \"primry\"] } }\n[[phase]]\nname = \"recover\"",
    );
    insta::assert_snapshot!(complaints(&text), @r#"
    test.toml:4:24: expected a number of replicas from 1 to 64, found 0
      |
    4 | replicas = { any = [3, 0, 65] }
      |                        ^
    test.toml:4:27: expected a number of replicas from 1 to 64, found 65
      |
    4 | replicas = { any = [3, 0, 65] }
      |                           ^^
    test.toml:8:1: unknown key `kys` in [workload]; did you mean `keys`?
      |
    8 | kys = { any = [1, 2] }
      | ^^^
    test.toml:16:25: the phase is over by then: it lasts 5s
       |
    16 | at = { between = ["1s", "9s"] }
       |                         ^^^^
       = help: `at` counts from the start of the phase
    test.toml:17:35: with seed 53: there is no r7: the cluster has 3 replicas, r0 to r2
       |
    17 | crash = { target = { any = ["r0", "r7", "primry"] } }
       |                                   ^^^^
    test.toml:17:41: unknown target `primry`; did you mean `primary`?
       |
    17 | crash = { target = { any = ["r0", "r7", "primry"] } }
       |                                         ^^^^^^^^
    "#);
}

#[test]
fn of_combinations() {
    // Each alternative goes well with the one that has its turn with it, and not with the other.
    let text = RIGHT.replace("replicas = 3", "replicas = { any = [3, 5] }").replace(
        "[[phase]]\nname = \"recover\"",
        "[[phase.fault]]\nat = \"1s\"\ncrash = { target = { any = [\"r0\", \"r4\"] } }\n[[phase]]\nname = \"recover\"",
    );
    insta::assert_snapshot!(complaints(&text), @r#"
    test.toml:16:35: with seed 4: there is no r4: the cluster has 3 replicas, r0 to r2
       |
    16 | crash = { target = { any = ["r0", "r4"] } }
       |                                   ^^^^
    "#);
}

#[test]
fn what_a_rare_seed_does_wrong_is_an_error_and_no_panic() {
    let text = RIGHT
        .replace("replicas = 3", "replicas = { any = [2, 5], weights = [1, 10000] }")
        .replace("for = \"5s\"\n[[phase]]", "for = \"5s\"\n[[phase.fault]]\nat = \"1s\"\ncrash = { target = { any = [\"r0\", \"r4\"], weights = [1, 10000] } }\n[[phase]]");
    let family = read_family(&text);
    let wrong: Vec<Vec<Diagnostic>> = (0..1_000_000).filter_map(|seed| family.scenario(seed).err()).take(1).collect();
    assert_eq!(wrong[0][0].message, "there is no r4: the cluster has 2 replicas, r0 to r1");
}

#[test]
fn of_too_much() {
    let text = RIGHT.replace("replicas = 3", &format!("replicas = {{ any = [{}] }}", "3, ".repeat(300)));
    insta::assert_snapshot!(complaints(&text), @"test.toml: there are more than 256 alternatives to try");
    let nested = RIGHT.replace(
        "[[phase]]\nname = \"recover\"",
        "[[phase.fault]]\nrepeat = 64\nat = \"1s\"\npartition = { groups = [{ repeat = 64, any = [[\"r0\"]] }, { repeat = 64, any = [[\"r1\"]] }] }\n[[phase]]\nname = \"recover\"",
    );
    insta::assert_snapshot!(complaints(&nested), @r#"
    test.toml:17:58: with this, more than 10000 values stand in the file of one seed
       |
    17 | partition = { groups = [{ repeat = 64, any = [["r0"]] }, { repeat = 64, any = [["r1"]] }] }
       |                                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}
