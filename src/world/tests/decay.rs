//! Disks that decay, and the budget that keeps them from decaying too much, with a small system that writes slots, reads
//! them back and syncs.

use std::collections::BTreeMap;

use super::{crash, fault, ms, phase, plan_of, run, said, setup};
use crate::base::{
    Cluster, Distribution, Event, EventKind, Kind, NodeId, Probe, Ratio, Redundancy, RedundancyMap, Role,
};
use crate::env::{DiskError, Env, Local};
use crate::world::disk::mishap::MishapKind;
use crate::world::*;

static WRITE: Kind = Kind::new("write", &["slot"]);
static READ: Kind = Kind::new("read", &["slot"]);
static SYNC: Kind = Kind::new("sync", &[]);
static PICK: Kind = Kind::new("pick", &[]);

/// Slots of two sectors, of which every replica has a copy. Of other files nothing else is there.
fn slots() -> RedundancyMap {
    RedundancyMap::new(|file, sector| match file {
        "log" => Redundancy::Peers(sector / 2..sector / 2 + 1),
        _ => Redundancy::Sole,
    })
}

pub(super) fn decaying(phases: Vec<Phase>) -> Setup {
    Setup { redundancy: slots(), record: true, cluster: Cluster { replicas: 3, clients: 0 }, ..setup(phases) }
}

pub(super) fn node(index: u16) -> Target {
    Target::Node(NodeId::replica(index))
}

pub(super) fn at(millis: u64, what: What) -> Fault {
    Fault { when: When::At(ms(millis)), what }
}

pub(super) fn rot(replica: u16, byte: u64) -> What {
    What::Rot { target: node(replica), file: "log".to_string(), spot: Spot::Byte { byte, bits: 1 } }
}

pub(super) fn arm(replica: u16, next: &str, mishap: MishapKind) -> What {
    What::Disk { target: node(replica), next: next.parse().expect("it is a label"), mishap, pick: Some(0) }
}

fn count(remains: &Remains, what: &str) -> u64 {
    remains.faults.get(what).copied().unwrap_or(0)
}

/// What the world said that it did.
fn deeds(remains: &Remains) -> Vec<String> {
    let lines = said(remains).into_iter().filter_map(|line| line.strip_prefix("- ").map(str::to_string));
    lines.filter(|line| !line.starts_with("phase")).collect()
}

fn plan_repeats(setup: &Setup, system: impl Fn(Env) -> Local<()> + Clone + 'static) -> Remains {
    let first = run(setup.clone(), system.clone());
    let record = first.record.as_ref().expect("it was recorded");
    let second = run(plan_of(setup, record), system);
    assert_eq!(said(&first), said(&second));
    assert_eq!(first.digest, second.digest);
    assert_eq!(second.unused, Vec::<String>::new());
    let repeated = second.record.expect("it was recorded again");
    assert_eq!(repeated.deviations, record.deviations);
    first
}

/// Opens its file, and says that it has recovered where it had to.
async fn open(env: &Env) -> crate::env::File {
    let file = env.disk().create("log").await.expect("names work");
    while env.disk().sync_dir().await.is_err() {}
    if env.incarnation().0 > 1 {
        env.probe(Probe::Recovering);
        env.probe(Probe::Role { role: Role::Backup, epoch: 0 });
    }
    file
}

/// Writes slots, syncs now and then, reads back, and says what it finds. What it does next hangs on nothing it finds.
fn scribbler(env: Env) -> Local<()> {
    Box::pin(async move {
        let file = open(&env).await;
        let mut number = 0u64;
        loop {
            env.sleep(ms(1)).await;
            number += 1;
            let slot = env.random_below(&PICK, 8);
            let bytes = vec![(number % 250 + 1) as u8; 700];
            match file.write_at(WRITE.label([slot]), slot * 1024, bytes.clone().into()).await {
                Err(DiskError::NoSpace) => env.mark("no space"),
                done => done.expect("a write fails in no other way"),
            }
            if number.is_multiple_of(3) && file.sync(SYNC.label([])).await.is_err() {
                env.mark("sync failed");
            }
            match file.read_at(READ.label([slot]), slot * 1024, 700).await {
                Err(_) => env.mark("unreadable"),
                Ok(read) if read != bytes => env.mark("different"),
                Ok(_) => {}
            }
            if number.is_multiple_of(5) {
                let name = format!("note{}", number % 2);
                drop(env.disk().create(&name).await.expect("names work"));
                let _ = env.disk().rename(&name, "note").await;
            }
        }
    })
}

/// Writes slot 0 of 1,024 bytes again and again, and says when it is durable.
pub(super) fn writer(env: Env) -> Local<()> {
    Box::pin(async move {
        let file = open(&env).await;
        for number in 1.. {
            file.write_at(WRITE.label([0]), 0, vec![number; 1024].into()).await.expect("the disk works");
            file.sync(SYNC.label([])).await.expect("the disk works");
            env.mark("durable");
            env.sleep(ms(20)).await;
        }
    })
}

fn storm(seed: u64) -> Setup {
    let exponential = |mean| Distribution::Exponential { min: ms(1), mean: ms(mean), max: ms(1000) };
    let every = |mean, what| Fault { when: When::Every(exponential(mean)), what };
    let log = || "log".to_string();
    let any = Target::AnyReplica;
    let drawn = |extent| What::Rot { target: any, file: log(), spot: Spot::Drawn(extent) };
    let next = |label: &str, mishap| What::Disk {
        target: any,
        next: label.parse().expect("it is a label"),
        mishap,
        pick: None,
    };
    let faults = vec![
        every(60, What::Crash { target: any, restart_after: Some(exponential(9)), max_down: Limit::Minority }),
        every(200, What::Wipe { target: any, restart_after: Some(exponential(9)), max_down: Limit::Count(1) }),
        every(50, drawn(Extent::Bit)),
        every(90, drawn(Extent::Byte)),
        every(90, drawn(Extent::Sector)),
        every(150, What::Stall { target: any, span: exponential(10) }),
        every(90, What::Unreadable { target: any, file: log(), sector: None }),
        every(60, next("write", MishapKind::LostWrite)),
        every(60, next("write(slot3)", MishapKind::MisdirectedWrite)),
        every(60, next("sync", MishapKind::LyingSync)),
        every(60, next("read", MishapKind::MisdirectedRead)),
        fault("replica finishes sync #5", next("write", MishapKind::RotBit)),
    ];
    let mut storm = decaying(vec![
        phase("storm", 300, faults),
        Phase { name: "quiet".into(), duration: ms(50), quiet: Some(Quiet { core: Core::Drawn }), faults: vec![] },
    ]);
    let rates = MishapKind::WORDS
        .iter()
        .fold(MishapRates::default(), |rates, (_, kind)| rates.with(*kind, Ratio::per_thousand(40)));
    storm.storage = StorageConfig {
        crash_keep: Ratio::per_thousand(300),
        crash_tear: Ratio::per_thousand(300),
        crash_tear_names: Ratio::per_thousand(500),
        stall: Some(Stall { share: Ratio::per_thousand(50), span: ms(5) }),
        mishaps: rates,
        ..StorageConfig::default()
    };
    storm.source = Source::seed(seed);
    storm
}

#[test]
fn a_recorded_decay_repeats_without_dice() {
    let (mut seen, mut marks): (BTreeMap<&str, u64>, BTreeMap<&str, u64>) = (BTreeMap::new(), BTreeMap::new());
    for seed in 0..60 {
        let first = plan_repeats(&storm(seed), scribbler);
        first.faults.iter().for_each(|(what, count)| *seen.entry(what).or_default() += count);
        first.marks.iter().for_each(|(what, count)| *marks.entry(what).or_default() += count);
    }
    let seen: Vec<&str> = seen.into_keys().collect();
    insta::assert_snapshot!(seen.join(", "), @"crash, disk full, disk stall, names torn, read failed, read misdirected, refused by the budget, restart, rot, sector unreadable, spared by max_down, sync failed, sync lied, unsynced sector kept, unsynced sector torn, wipe, write lost, write misdirected");
    let marks: Vec<&str> = marks.into_keys().collect();
    assert_eq!(marks, ["crash with a write under way", "different", "no space", "sync failed", "unreadable"]);
}

/// The recorded deviations of a run with these rates, in words.
fn deviations(rates: &[MishapKind], stall: bool) -> Vec<String> {
    let mut calm = decaying(vec![phase("only", 200, vec![])]);
    let often = Ratio::per_thousand(100);
    calm.storage.mishaps = rates.iter().fold(MishapRates::default(), |rates, kind| rates.with(*kind, often));
    calm.storage.stall = stall.then_some(Stall { share: often, span: ms(1) / 1000 });
    calm.storage.budget = BudgetKind::None;
    let record = run(calm, scribbler).record.expect("it was recorded");
    record.deviations.iter().map(ToString::to_string).collect()
}

#[test]
fn switching_one_on_moves_no_other() {
    let one = deviations(&[MishapKind::RotBit], false);
    assert!(one.len() > 10 && one.iter().all(|text| text.starts_with("rot ") && text.contains(" bit ")), "{one:#?}");
    let more = [MishapKind::RotBit, MishapKind::ReadError, MishapKind::Unreadable, MishapKind::MisdirectedRead];
    for stall in [false, true] {
        let several = deviations(&more, stall);
        assert!(several.iter().any(|text| text.starts_with("fail ")) && several.len() > one.len());
        assert_eq!(several.iter().any(|text| text.starts_with("slow ")), stall);
        if !stall {
            let left: Vec<&String> = several.iter().filter(|text| text.contains(" bit ")).collect();
            assert_eq!(left, one.iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_armed_strikes_the_next_operation_that_fits_and_no_other() {
    let faults = vec![
        at(30, arm(1, "write", MishapKind::LostWrite)),
        at(30, arm(1, "sync", MishapKind::FailedSync)),
        at(30, arm(2, "read", MishapKind::ReadError)),
        at(30, arm(2, "hum", MishapKind::NoSpace)),
    ];
    let remains = plan_repeats(&decaying(vec![phase("only", 100, faults)]), scribbler);
    let struck: Vec<String> = deeds(&remains).into_iter().filter(|line| line.contains(" disk ")).collect();
    let verbs: Vec<&str> = struck.iter().map(|line| line.split(" #").next().expect("there is a name")).collect();
    assert_eq!(verbs.len(), 3, "{struck:#?}");
    assert!(verbs.iter().any(|line| line.starts_with("lose r1 disk write(slot")), "{struck:#?}");
    assert!(verbs.contains(&"fail r1 disk sync"), "{struck:#?}");
    assert!(verbs.iter().any(|line| line.starts_with("fail r2 disk read(slot")), "{struck:#?}");
    assert_eq!([count(&remains, "write lost"), count(&remains, "read failed")], [1, 1]);
}

#[test]
fn what_was_armed_is_forgotten_when_its_phase_ends() {
    let phases = vec![phase("one", 5, vec![at(4, arm(0, "sync", MishapKind::FailedSync))]), phase("two", 90, vec![])];
    let remains = run(decaying(phases), writer);
    assert_eq!(count(&remains, "sync failed"), 0);
}

/// When a node said that its slot is durable, in whole milliseconds.
fn durable_at(remains: &Remains, replica: u16) -> Vec<u64> {
    let trace = remains.trace.as_ref().expect("the trace was kept");
    let durable = |event: &&Event| event.kind == EventKind::Mark("durable");
    let own = trace.iter().filter(|event| event.node == Some(NodeId::replica(replica))).filter(durable);
    own.map(|event| event.at.as_nanos() / 1_000_000).collect()
}

#[test]
fn what_begins_on_a_disk_that_stalls_waits_until_it_goes_on() {
    let stall = |millis| at(10, What::Stall { target: node(0), span: Distribution::Constant(ms(millis)) });
    let remains = plan_repeats(&decaying(vec![phase("only", 60, vec![stall(35), stall(5)])]), writer);
    assert_eq!(deeds(&remains), ["stall the disk of r0 for 35ms", "stall the disk of r0 for 5ms"]);
    assert_eq!(count(&remains, "disk stall"), 2);
    let calm = durable_at(&remains, 1);
    assert!(calm.len() == 3 && calm[1] < 25, "r1 does not wait: {calm:?}");
    let stalled = durable_at(&remains, 0);
    assert_eq!(stalled[0], calm[0], "what was durable before");
    assert!((45..50).contains(&stalled[1]), "the longer of the two counts, and then it goes on: {stalled:?}");

    // What a quiet phase heals stalls no longer.
    let quiet = Some(Quiet { core: Core::All });
    let quiet = Phase { name: "quiet".into(), duration: ms(40), quiet, faults: vec![] };
    let remains = run(decaying(vec![phase("trouble", 18, vec![stall(500)]), quiet]), writer);
    assert!(durable_at(&remains, 0)[1] < 25);
}

#[test]
fn stalls_by_rate_are_counted() {
    let mut setup = decaying(vec![phase("only", 200, vec![])]);
    setup.storage.stall = Some(Stall { share: Ratio::per_thousand(500), span: ms(5) });
    let remains = run(setup, writer);
    assert!(count(&remains, "disk stall") > 5);
}

#[test]
fn within_the_budget_a_quorum_of_copies_stays_whole() {
    // Each slot is written every 20 ms, and durable about 1 ms later.
    let faults = vec![
        at(10, rot(0, 0)),
        at(11, rot(1, 600)),
        at(12, rot(0, 1023)),
        at(13, rot(2, 5000)),
        at(14, What::Unreadable { target: node(2), file: "log".to_string(), sector: Some(1) }),
        at(40, rot(1, 600)),
    ];
    let remains = plan_repeats(&decaying(vec![phase("only", 50, faults)]), writer);
    let expected = [
        "rot byte 0 bits 1 of log on the disk of r0",
        "rot byte 1023 bits 1 of log on the disk of r0",
        "rot byte 600 bits 1 of log on the disk of r1",
    ];
    assert_eq!(deeds(&remains), expected, "r1's at 11 ms and r2's are refused; byte 5000 is not there");
    assert_eq!((count(&remains, "rot"), count(&remains, "refused by the budget")), (3, 2));
}

#[test]
fn nothing_is_damaged_where_nobody_says_what_else_there_is() {
    let mut sole = storm(1);
    sole.redundancy = RedundancyMap::default();
    let remains = run(sole.clone(), scribbler);
    assert!(count(&remains, "refused by the budget") > 20);
    for what in ["rot", "sector unreadable", "write lost", "write misdirected", "sync lied"] {
        assert_eq!(count(&remains, what), 0, "{what}");
    }
    // Without a budget, what can be noticed is without limit; lies are not.
    sole.storage.budget = BudgetKind::None;
    let remains = run(sole, scribbler);
    for what in ["rot", "sector unreadable"] {
        assert!(count(&remains, what) > 5, "{what}");
    }
    for what in ["write lost", "write misdirected", "sync lied"] {
        assert_eq!(count(&remains, what), 0, "{what}");
    }
}

#[test]
fn a_cluster_of_one_is_never_damaged() {
    let mut alone = storm(2);
    alone.cluster.replicas = 1;
    alone.replication = 1;
    let remains = run(alone, scribbler);
    assert!(count(&remains, "refused by the budget") > 5);
    for what in ["rot", "sector unreadable", "write lost", "write misdirected", "sync lied", "wipe"] {
        assert_eq!(count(&remains, what), 0, "{what}");
    }
}

#[test]
fn a_lost_disk_counts_until_its_replica_says_that_it_recovered() {
    let wipe = |target, after| What::Wipe {
        target: node(target),
        restart_after: Some(Distribution::Constant(ms(after))),
        max_down: Limit::All,
    };
    let faults =
        vec![at(10, wipe(0, 20)), at(20, wipe(1, 1)), at(20, rot(1, 0)), at(45, rot(1, 0)), at(46, wipe(1, 1))];
    let remains = plan_repeats(&decaying(vec![phase("only", 60, faults)]), writer);
    let expected =
        ["wipe r0, restart after 20ms", "rot byte 0 bits 1 of log on the disk of r1", "wipe r1, restart after 1ms"];
    assert_eq!(deeds(&remains), expected);
    assert_eq!(count(&remains, "refused by the budget"), 2);
}

#[test]
fn nobody_goes_down_for_good_where_a_copy_is_needed() {
    let faults = vec![at(10, rot(0, 0)), at(11, crash(node(1), None)), at(40, crash(node(2), None))];
    let remains = plan_repeats(&decaying(vec![phase("only", 50, faults)]), writer);
    assert_eq!(deeds(&remains), ["rot byte 0 bits 1 of log on the disk of r0", "crash r2"]);
    assert_eq!(count(&remains, "refused by the budget"), 1);
}

#[test]
fn more_heal_in_a_quiet_phase_where_the_core_alone_could_not_repair() {
    let core = |replicas: &[u16]| replicas.iter().map(|index| NodeId::replica(*index)).collect::<Vec<_>>();
    let quiet = |core| Some(Quiet { core: Core::Nodes { core, healed: vec![] } });
    let quiet = Phase { name: "quiet".into(), duration: ms(20), quiet: quiet(core(&[0, 1])), faults: vec![] };
    for damaged in [false, true] {
        // It would come back only after the phase, and what is rotten at its start is not yet written over.
        let mut faults = vec![at(10, crash(node(2), Some(500)))];
        if damaged {
            faults.push(at(16, rot(0, 0)));
        }
        let setup = decaying(vec![phase("trouble", 18, faults), quiet.clone()]);
        let remains = plan_repeats(&setup, writer);
        let healed = match &remains.record.expect("it was recorded").phases[1].quiet {
            Some(Quiet { core: Core::Nodes { healed, .. } }) => healed.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(healed, if damaged { core(&[2]) } else { core(&[]) });
    }
}
