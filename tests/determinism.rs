//! One seed is one run: in one process and in two, on two threads, alone and after a thousand others, recorded and
//! replayed. Debug and release builds are compared by `.ci/run`, which has both.

use std::process::Command;

use foretell::base::Digest;
use foretell::scenario::file::{parse_bytes, print};
use foretell::scenario::{Run, Scenario, Settings, run};

fn scenario(name: &str) -> Scenario {
    let path = format!("{}/sim-scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).expect("the scenario is there");
    parse_bytes(name, &bytes, &foretell::systems::registry())
        .expect("the scenario is right")
        .only()
        .expect("it has no choices")
        .clone()
}

/// Every kind of fault at once, but short, because many seeds are run.
fn storm() -> Scenario {
    let mut scenario = scenario("every-fault");
    for phase in &mut scenario.phases {
        phase.duration /= 8;
        for fault in &mut phase.faults {
            hasten(fault);
        }
    }
    // The one fault that the scenario leaves out, because no replica survives it yet; its repetition must be exact too.
    use foretell::world::{Fault, Limit, Target, What, When};
    let restart_after = Some(foretell::base::Distribution::Constant(std::time::Duration::from_millis(20)));
    let what = What::Wipe { target: Target::AnyBackup, restart_after, max_down: Limit::Count(2) };
    scenario.phases[0].faults.push(Fault { when: When::At(std::time::Duration::from_millis(300)), what });
    scenario
}

/// Faults eight times as often, so that the short run sees as many.
fn hasten(fault: &mut foretell::world::Fault) {
    use foretell::base::Distribution::{Constant, Exponential};
    use foretell::world::When;
    match &mut fault.when {
        When::At(at) => *at /= 8,
        When::Every(Exponential { min, mean, max }) => {
            *min /= 8;
            *mean /= 8;
            *max /= 8;
        }
        When::Every(Constant(interval)) => *interval /= 8,
        _ => {}
    }
}

fn go(scenario: &Scenario, seed: u64, record: bool) -> Run {
    let system = foretell::systems::registry().make(scenario).expect("it exists");
    run(scenario, system, &Settings { seed, record, ..Settings::default() })
}

fn digests(scenario: &Scenario, seeds: impl Iterator<Item = u64>) -> Vec<Digest> {
    seeds.map(|seed| go(scenario, seed, false).digest).collect()
}

#[test]
fn recording_and_replaying_give_one_digest_for_a_thousand_seeds() {
    let storm = storm();
    let registry = foretell::systems::registry();
    let replay = |seed: u64| {
        let first = go(&storm, seed, true);
        let plan = first.plan.as_ref().expect("it was recorded");
        // By way of the file, as a user would.
        let text = print(plan);
        let plan = parse_bytes("plan", text.as_bytes(), &registry).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(|error| error.render("plan", &text)).collect();
            panic!("the plan of seed {seed} does not read back:\n{}", errors.join("\n"));
        });
        let second = go(plan.only().expect("a plan has no choices"), 0, false);
        assert_eq!(first.digest, second.digest, "seed {seed} is not repeated by its plan");
        assert_eq!(second.unused, Vec::<String>::new(), "the plan of seed {seed} has deviations that never came up");
        first.faults
    };
    let mut seen: Vec<&str> = (0..1000).flat_map(|seed| replay(seed).into_keys()).collect();
    seen.sort_unstable();
    seen.dedup();
    insta::assert_snapshot!(seen.join(", "), @"crash, cut, heal, packet corrupted, packet cut off, packet duplicated, packet lost, packet reordered, partition, pause, restart, spared by max_down, unsynced sector kept, unsynced sector torn, wipe");
}

#[test]
fn a_seed_alone_is_the_same_as_after_others_and_on_another_thread() {
    let storm = storm();
    let alone = go(&storm, 7, false).digest;
    let many = digests(&storm, 0..1000);
    assert_eq!(many[7], alone);
    assert_eq!(go(&storm, 7, false).digest, alone, "after many others");
    let (first, second) = std::thread::scope(|scope| {
        // Two runs at once, each on a thread of its own; what a user's own sweep does.
        let one = scope.spawn(|| digests(&storm, 0..100));
        let other = scope.spawn(|| digests(&storm, (0..100).rev()));
        (one.join().expect("no panic"), other.join().expect("no panic"))
    });
    assert_eq!(first, many[..100]);
    assert_eq!(second.into_iter().rev().collect::<Vec<_>>(), first);
    let different: std::collections::BTreeSet<Digest> = many.iter().copied().collect();
    assert_eq!(different.len(), many.len(), "different seeds are different runs");
}

#[test]
fn two_processes_agree() {
    let digest = || {
        let output = Command::new(env!("CARGO_BIN_EXE_foretell"))
            .args(["run", "every-fault", "--seed", "11", "--format", "json"])
            .output()
            .expect("the binary runs");
        String::from_utf8(output.stdout).expect("JSON is text")
    };
    let first = digest();
    assert!(first.contains("\"digest\""), "{first}");
    assert_eq!(first, digest());
}

/// Removing one deviation from a plan leaves the value of every decision that keeps its name. How many keep it is
/// what shrinking lives on.
#[test]
fn names_survive_the_removal_of_a_deviation() {
    let storm = storm();
    let (mut kept, mut total) = (0, 0);
    for seed in 0..20 {
        let recorded = *go(&storm, seed, true).plan.expect("it was recorded");
        let plan = recorded.plan.as_ref().expect("a plan is one");
        // A drop early on changes what happens after it as much as anything does.
        let Some(at) = plan.deviations.iter().position(|deviation| deviation.to_string().starts_with("drop")) else {
            continue;
        };
        let mut without = recorded.clone();
        let parts = without.plan.as_mut().expect("a plan is one");
        let removed = parts.deviations.remove(at);
        let again = *go(&without, 0, true).plan.expect("it was recorded");
        let again = again.plan.expect("a plan is one").deviations;
        assert!(!again.contains(&removed), "{removed} came back");
        for deviation in &again {
            assert!(plan.deviations.contains(deviation), "seed {seed}: {deviation} was decided otherwise before");
        }
        kept += again.len();
        total += plan.deviations.len();
    }
    let percent = kept * 100 / total;
    println!("{kept} of {total} names survive, {percent} %");
    assert!(percent >= 60, "only {percent} % of names survive the removal of one deviation");
}
