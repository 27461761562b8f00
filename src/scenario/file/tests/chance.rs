//! Files with choices: what a seed makes of them, how often, and what does not depend on what.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{Choice, parse, print};
use super::{read_family, registry};
use crate::scenario::Family;

/// A file in which nearly everything is a choice.
pub(super) const EVERYTHING: &str = r#"title = "everything"
system = "vsr"
weights = [3, 1]

[cluster]
replicas = { between = [3, 6] }
clients = { any = [1, 2, 4], weights = [1, 1, 2] }

[network]
latency = { any = ["1ms", { min = { between = ["100us", "1ms"] }, mean = { between = ["1ms", "20ms"], scale = "log" } }] }
loss = { between = [0.001, 0.1], scale = "log", chance = 0.5 }

[workload]
kind = "kv"
keys = { any = [1, 2, 3] }
rate = { between = ["50/s", "500/s"] }
mix = { get = 0.5, put = { between = [0.1, 0.5] }, cas = { any = [0.1, 0.2], chance = 0.3 } }

[[phase]]
name = "storm"
for = { between = ["1s", "3s"] }

[[phase.fault]]
chance = 0.5
repeat = { between = [0, 3] }
on = { any = ["backup sends PrepareOk", "primary sends Prepare"] }
nth = { between = [1, 200], scale = "log" }
before = { any = [true, false] }

[[phase.fault.any]]
crash = { target = { any = ["sender", "primary"] }, restart_after = { between = ["10ms", "500ms"], chance = 0.8 } }

[[phase.fault.any]]
pause = { target = "sender", resume_after = { between = ["10ms", "500ms"] } }

[[phase.fault]]
at = { between = ["0s", "1s"] }
partition = { any = [{ halves = true }, { isolate = "any-replica" }, { groups = [["r0", { any = ["c0", "r1"] }], ["rest"]] }] }

[[phase]]
name = "calm"
for = "4s"
quiet = true
core = { any = ["all", "drawn"] }

[[any]]
[any.storage]
crash_keep = { between = [0.0, 0.5] }

[[any]]
[any.schedule]
shuffle = 0.1
"#;

fn everything() -> Family {
    read_family(EVERYTHING)
}

#[test]
fn a_seed_is_a_scenario_without_choices() {
    let family = everything();
    assert_eq!(family.only(), None);
    insta::assert_snapshot!(print(&family.scenario(1).expect("it is right")), @r#"
    title = "everything"
    system = "vsr"

    [cluster]
    replicas = 4
    clients = 2

    [storage]
    crash_keep = 0.448

    [workload]
    kind = "kv"
    keys = 1
    rate = "191/s"
    mix = { get = 0.5, put = 0.364 }

    [[phase]]
    name = "storm"
    for = "2.24s"

    [[phase.fault]]
    at = "903ms"
    partition = { isolate = "any-replica" }

    [[phase]]
    name = "calm"
    for = "4s"
    quiet = true
    core = "all"
    "#);
    insta::assert_snapshot!(print(&family.scenario(2).expect("it is right")), @r#"
    title = "everything"
    system = "vsr"

    [cluster]
    replicas = 6
    clients = 2

    [network]
    loss = 0.0102

    [storage]
    crash_keep = 0.116

    [workload]
    kind = "kv"
    keys = 2
    rate = "364/s"
    mix = { get = 0.5, put = 0.331 }

    [[phase]]
    name = "storm"
    for = "2.91s"

    [[phase.fault]]
    at = "714ms"
    partition = { groups = [["r0", "r1"], ["rest"]] }

    [[phase]]
    name = "calm"
    for = "4s"
    quiet = true
    "#);
}

#[test]
fn the_scenario_of_every_seed_reads_back() {
    let family = everything();
    for seed in 0..500 {
        let scenario = family.scenario(seed).expect("it is right");
        let text = print(&scenario);
        assert_eq!(parse("test", &text, &registry()), Ok(scenario.into()), "{text}");
    }
}

fn told(choices: &[Choice]) -> String {
    choices.iter().fold(String::new(), |mut told, choice| {
        writeln!(told, "{} = {}", choice.path, choice.what).expect("a string takes everything");
        told
    })
}

#[test]
fn what_was_chosen_can_be_told() {
    insta::assert_snapshot!(told(&everything().choices(2)), @r#"
    cluster.clients#any = 2
    cluster.replicas#between = 6
    network.latency#any = "1ms"
    network.loss#chance = present
    network.loss#between = 0.0102
    phase storm.fault 6492b947.repeat#between = 0
    phase storm.fault 473a2e2c.at#between = "714ms"
    phase storm.fault 473a2e2c.partition#any = { groups = [["r0", "r1"], ["rest"]] }
    phase storm.fault 473a2e2c.partition.any.groups f714e0bb bf3c1cc5#any = "r1"
    phase storm.for#between = "2.91s"
    phase calm.core#any = "drawn"
    workload.keys#any = 2
    workload.mix.cas#chance = absent
    workload.mix.put#between = 0.331
    workload.rate#between = "364/s"
    #any = { storage = { crash_keep = 0.116 } }
    any.storage.crash_keep#between = 0.116
    "#);
}

/// A scenario with these lines in the place of its network, and these faults.
fn with(network: &str, faults: &str) -> String {
    format!(
        r#"title = "t"
system = "vsr"
[cluster]
replicas = 3
clients = 2
[network]
{network}
[workload]
kind = "kv"
keys = 3
rate = "200/s"
mix = {{ get = 1 }}
[[phase]]
name = "trouble"
for = "5s"
{faults}
"#
    )
}

/// How often each thing is said by the choice at a path, in 2,000 seeds.
fn counts(family: &Family, path: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for choice in (0..2_000).flat_map(|seed| family.choices(seed)).filter(|choice| choice.path == path) {
        *counts.entry(choice.what).or_default() += 1;
    }
    counts
}

#[test]
fn frequencies_are_as_said() {
    let family = read_family(&with(
        "loss = { any = [0.1, 0.2, 0.3], weights = [5, 0, 3] }\nreorder = { any = [0.1, 0.2], chance = 0.5 }",
        "",
    ));
    let present = counts(&family, "network.reorder#chance");
    assert!((900..1_100).contains(&present["present"]), "{present:?}");
    // Whether it is there has nothing to do with what it is then.
    let what = counts(&family, "network.reorder#any");
    assert_eq!(what.values().sum::<u32>(), present["present"]);
    assert!((420..580).contains(&what["0.1"]), "{what:?}");
    let weighed = counts(&family, "network.loss#any");
    assert!((1_200..1_300).contains(&weighed["0.1"]), "{weighed:?}");
    assert_eq!(weighed.get("0.2"), None);
}

#[test]
fn copies_have_dice_of_their_own() {
    let family = read_family(&with(
        "",
        "[[phase.fault]]\nrepeat = 6\nchance = 0.5\nat = { between = [\"1ms\", \"5s\"] }\nheal = true\n",
    ));
    let (mut lengths, mut equal) = ([0; 7], 0);
    for seed in 0..2_000 {
        let faults = family.scenario(seed).expect("it is right").phases[0].faults.clone();
        equal += faults.windows(2).filter(|pair| pair[0] == pair[1]).count();
        lengths[faults.len()] += 1;
    }
    // Of three digits each, so a few coincide.
    assert!(equal < 30, "{equal} of some 5,000");
    // 2,000 times the binomial numbers of 6, over 64: 31, 187, 469, 625, 469, 187, 31.
    assert!((550..700).contains(&lengths[3]), "{lengths:?}");
    assert!((15..55).contains(&lengths[0]), "{lengths:?}");
    assert!((15..55).contains(&lengths[6]), "{lengths:?}");
}

const FAULTS: [&str; 4] = [
    "[[phase.fault]]\nat = { between = [\"1ms\", \"2s\"] }\nheal = true\nchance = 0.7\n",
    "[[phase.fault]]\nrepeat = { between = [1, 4] }\non = \"r0 sends Prepare\"\nnth = { between = [1, 99] }\ncrash = { target = \"r0\" }\n",
    "[[phase.fault]]\nat = { between = [\"1ms\", \"3s\"] }\npause = { target = { any = [\"r0\", \"r1\"] } }\n",
    "[[phase.fault]]\nat = { between = [\"1ms\", \"3s\"] }\npause = { target = { any = [\"r0\", \"r1\"] } }\n",
];

fn chosen(text: &str, seed: u64) -> BTreeMap<String, String> {
    read_family(text).choices(seed).into_iter().map(|choice| (choice.path, choice.what)).collect()
}

#[test]
fn taking_a_fault_out_leaves_the_others_as_they_were() {
    const NETWORK: &str = "loss = { between = [0.001, 0.1], chance = 0.5 }";
    for seed in 0..50 {
        let all = chosen(&with(NETWORK, &FAULTS.concat()), seed);
        for out in 0..FAULTS.len() {
            let mut rest = FAULTS.to_vec();
            rest.remove(out);
            let rest = chosen(&with(NETWORK, &rest.concat()), seed);
            assert!(rest.len() < all.len());
            for (path, what) in rest {
                assert_eq!(all.get(&path), Some(&what), "seed {seed} without fault {out}: {path}");
            }
        }
    }
}

#[test]
fn the_order_of_faults_and_keys_decides_nothing() {
    let mut turned = FAULTS.to_vec();
    turned.reverse();
    let swapped = turned.concat().replace(
        "repeat = { between = [1, 4] }\non = \"r0 sends Prepare\"",
        "on = \"r0 sends Prepare\"\nrepeat = { between = [1, 4] }",
    );
    for seed in 0..50 {
        assert_eq!(chosen(&with("", &FAULTS.concat()), seed), chosen(&with("", &swapped), seed));
    }
}

#[test]
fn equal_elements_choose_for_themselves() {
    let family = read_family(&with("", &FAULTS[2..].concat()));
    let same = (0..200).filter(|seed| {
        let faults = family.scenario(*seed).expect("it is right").phases[0].faults.clone();
        faults[0].what == faults[1].what
    });
    assert!((70..130).contains(&same.count()));
}

/// What is merged, as the network of the first few seeds.
fn networks(network: &str) -> String {
    let family = read_family(&with(network, ""));
    let network = |seed| {
        let text = print(&family.scenario(seed).expect("it is right"));
        let network = text.split("[network]\n").nth(1).unwrap_or_default();
        network.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    };
    let networks: std::collections::BTreeSet<String> = (0..40).map(network).collect();
    networks.into_iter().collect::<Vec<_>>().join("\n")
}

#[test]
fn alternatives_are_merged_deeply() {
    insta::assert_snapshot!(networks(
        "latency = { max = \"1s\" }\nany = [{ loss = 0.1, latency = { mean = \"5ms\" } }, { latency.min = \"2ms\" }, { latency = { any = [{ min = \"3ms\" }, { mean = \"7ms\" }] } }]"
    ), @r#"
    latency = { mean = "5ms", max = "1s" } loss = 0.1
    latency = { mean = "7ms", max = "1s" }
    latency = { min = "2ms", max = "1s" }
    latency = { min = "3ms", max = "1s" }
    "#);
}

#[test]
fn choices_nest() {
    insta::assert_snapshot!(networks(
        "loss = { any = [{ any = [0.1, { any = [0.2, 0.3] }] }, 0.4, { between = [0.5, 0.5], chance = 0.5 }] }"
    ), @"

    loss = 0.1
    loss = 0.2
    loss = 0.3
    loss = 0.4
    loss = 0.5
    ");
}

#[test]
fn nth_is_another_way_to_say_which() {
    let family = read_family(&with("", "[[phase.fault]]\non = \"backup sends PrepareOk\"\nnth = 17\nheal = true\n"));
    let text = print(family.only().expect("there are no choices"));
    assert!(text.contains("on = \"backup sends PrepareOk #17\"\nheal = true"), "{text}");
}

#[test]
fn what_is_set_from_outside_holds_for_every_seed() {
    let mut family = everything();
    family.set_plant(Some("early-ack".to_string()));
    family.set_expect(crate::scenario::Expectation::Violation { check: None, shows: crate::scenario::Shows::Always });
    let scenario = family.scenario(3).expect("it is right");
    assert_eq!((family.plant(), scenario.plant.as_deref()), (Some("early-ack"), Some("early-ack")));
    assert_eq!(&scenario.expect, family.expect());
}

#[test]
fn a_family_is_itself_and_its_clones() {
    let family = everything();
    assert_eq!(family, family.clone());
    assert_ne!(family, everything());
    assert_ne!(family, family.scenario(0).expect("it is right").into());
}
