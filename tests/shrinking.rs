//! What the shrinker makes of each planted bug, from a seed of the standard sweep, beside the directed scenario that was
//! made by hand for it. Pinned under `snapshots/`, with bounds that hold whatever the snapshot says: at most two faults and
//! two operations more than by hand, and at most three times as many deliveries, but for the few exceptions below.
//!
//! A change to the protocol or to `swarm` may make another seed the first that fails; `foretell sweep swarm --plant NAME`
//! finds it.

use std::fs;

use foretell::explore::shrink::{Job, Size, shrink};
use foretell::explore::{Runner, Signature};
use foretell::scenario::file::{parse_bytes, print};
use foretell::scenario::{Expectation, Family, Registry, Run, Scenario, Settings, Shows, run};
use libtest_mimic::{Arguments, Failed, Trial};

/// By planted bug: the smallest seed of `swarm` that shows it.
const SEEDS: [(&str, u64); 26] = [
    ("short-quorum", 0),
    ("ack-counted-per-message", 9),
    ("gap-accepted", 1),
    ("adopted-log-taken-as-committed", 13),
    ("longest-log-ignores-log-view", 865),
    ("acks-after-dvc", 183),
    ("view-not-durable-before-dvc", 0),
    ("dup-prepare-acked-undurable", 2),
    ("log-view-durable-before-log", 549),
    ("torn-superblock-resets", 16),
    ("state-transfer-truncates", 1004),
    ("restart-executes-whole-wal", 0),
    ("client-table-primary-only", 9),
    ("inflight-retry-prepared-twice", 1),
    ("stale-primary-read", 452),
    ("backup-local-read", 0),
    ("hashmap-order-in-apply", 1),
    ("timestamp-regresses-across-views", 2),
    ("no-prepare-resend", 8),
    ("view-timeout-no-backoff", 34),
    ("deaf-primary-stays", 148),
    ("wal-reused-before-checkpoint-durable", 0),
    ("wal-full-deadlock", 0),
    ("blank-disk-votes", 1),
    ("corruption-as-end-of-log", 24),
    ("fsync-error-retried", 11),
];

/// Those that the standard sweep does not show, with the reason.
const NOT_SHOWN: [(&str, &str); 2] = [
    ("ack-view-unchecked", "needs an acknowledgement that is late by five views, and its sender led astray meanwhile"),
    ("stale-dvc-counted", "has to be led through four views, which chance does not"),
];

/// Those that may have more faults and operations than two more than by hand, how many more, and why.
const LARGER: [(&str, u64, u64, &str); 3] = [
    ("acks-after-dvc", 2, 3, "goes by way of a checkpoint, which stands for all operations before it"),
    ("log-view-durable-before-log", 2, 4, "goes by way of a checkpoint of a small ring"),
    ("stale-primary-read", 7, 3, "a backup that crashes again and again stands for one that is slow"),
];

/// Those that may have more deliveries than three times those made by hand, how many, and why.
const MORE_DELIVERIES: [(&str, u64, &str); 1] =
    [("acks-after-dvc", 100, "by hand there are eleven; the race is the same, behind the operations of a checkpoint")];

fn main() {
    let trials = SEEDS.map(|(plant, seed)| Trial::test(plant, move || check(plant, seed).map_err(Failed::from)));
    let complete = Trial::test("every planted bug has its row", || {
        let registry = foretell::systems::registry();
        let known = |plant: &str| {
            SEEDS.iter().any(|(name, _)| *name == plant) || NOT_SHOWN.iter().any(|(name, _)| *name == plant)
        };
        match registry.plants("vsr").iter().find(|plant| !known(plant)) {
            Some(plant) => Err(Failed::from(format!("{plant} has none"))),
            None => Ok(()),
        }
    });
    let told = Trial::test("the page of planted bugs tells the seeds", || {
        let page = include_str!("../docs/planted-bugs.md");
        let row = |plant: &str, last: &str| {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{plant}` |")));
            let told = row.and_then(|row| row.trim_end_matches('|').rsplit('|').next()).map(str::trim);
            if told == Some(last) { Ok(()) } else { Err(Failed::from(format!("{plant}: {told:?}, and it is {last}"))) }
        };
        SEEDS.iter().try_for_each(|(plant, seed)| row(plant, &seed.to_string()))?;
        NOT_SHOWN.iter().try_for_each(|(plant, _)| row(plant, "none"))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into_iter().chain([complete, told]).collect()).exit();
}

fn family(registry: &Registry, name: &str) -> Family {
    let path = format!("{}/sim-scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let stem = name.rsplit('/').next().expect("a name has a last part");
    parse_bytes(stem, &fs::read(path).expect("the scenario is there"), registry).expect("the scenario is right")
}

fn check(plant: &str, seed: u64) -> Result<(), String> {
    let registry = foretell::systems::registry();
    let runner = Runner { registry: &registry, simulator: &run };
    let mut swarm = family(&registry, "swarm");
    swarm.set_plant(Some(plant.to_string()));
    let scenario = swarm.scenario(seed).expect("every seed of it is right");
    let job = Job { scenario: &scenario, seed, oracles: None, stop: &|| false };
    let shrunk = shrink(&runner, &job, &mut |_| {}).map_err(|refusal| format!("seed {seed}: {refusal:?}"))?;
    let by_hand = directed(&runner, &family(&registry, &format!("planted/{plant}")))?;

    let text = print(&shrunk.plan);
    let again = family_of(&registry, &text);
    let replayed = go(&runner, again.only().expect("a plan has no choices"), 0)?;
    if replayed.digest != shrunk.run.digest {
        return Err("the plan does not repeat its run".to_string());
    }
    let signature = replayed.verdict.finding().map(Signature::of);
    if signature.is_none_or(|signature| !signature.is_same_failure(&shrunk.signature)) {
        return Err(format!("the plan does not fail as {}", shrunk.signature));
    }
    // What is left shows the bug, and no weakness of the scenario.
    let clean = Scenario { plant: None, ..again.only().expect("a plan has no choices").clone() };
    if let Some(violation) = go(&runner, &clean, 0)?.verdict.finding() {
        return Err(format!("without the bug the plan fails as well: {}", violation.happened));
    }
    let (after, before) = (&shrunk.after, &shrunk.before);
    let pinned = format!("{}\nby hand: {by_hand}\nfound:   {before}\nshrunk:  {after}\n\n{text}", shrunk.signature,);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("shrunk-{plant}"), pinned));
    let larger = LARGER.iter().find(|(name, ..)| *name == plant);
    let (faults, operations) = larger.map_or((2, 2), |(_, faults, operations, _)| (*faults, *operations));
    bounded("faults", after.faults as u64, by_hand.faults as u64 + faults)?;
    bounded("operations", after.operations as u64, by_hand.operations as u64 + operations)?;
    let exception = MORE_DELIVERIES.iter().find(|(name, _, _)| *name == plant).map(|(_, most, _)| *most);
    bounded("deliveries", after.deliveries, exception.unwrap_or(by_hand.deliveries * 3))
}

fn bounded(what: &str, is: u64, most: u64) -> Result<(), String> {
    if is <= most { Ok(()) } else { Err(format!("{is} {what}, and at most {most} are good enough")) }
}

fn family_of(registry: &Registry, text: &str) -> Family {
    parse_bytes("shrunk", text.as_bytes(), registry).expect("what is printed reads back")
}

fn go(runner: &Runner<'_>, scenario: &Scenario, seed: u64) -> Result<Run, String> {
    let settings = Settings { seed, record: true, ..Settings::default() };
    runner.run(scenario, &settings).map_err(|mishap| mishap.message().to_string())
}

/// How large the run of the directed scenario is, up to the violation.
fn directed(runner: &Runner<'_>, family: &Family) -> Result<Size, String> {
    let seeds = match family.expect() {
        Expectation::Violation { shows: Shows::Always, .. } => 0..1,
        Expectation::Violation { shows: Shows::Seed(seed), .. } => *seed..seed + 1,
        Expectation::Violation { shows: Shows::WithinSeeds(seeds), .. } => 0..*seeds,
        Expectation::Pass => return Err("a directed scenario expects a violation".to_string()),
    };
    for seed in seeds {
        let run = go(runner, &family.scenario(seed).expect("every seed of it is right"), seed)?;
        if run.verdict.finding().is_some() {
            return Ok(Size::of(run.plan.as_ref().expect("it was recorded"), &run));
        }
    }
    Err("the directed scenario does not fail".to_string())
}
