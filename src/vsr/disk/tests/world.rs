//! The whole of it in a real world: replicas that write on and on, and are crashed again and again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::{CLUSTER, after};
use crate::base::RedundancyMap;
use crate::base::{Cluster, Disks, Distribution, Event, EventKind, Instant, NodeId, Ratio};
use crate::env::{Env, Local, Queue};
use crate::vsr::disk::{
    self, Checkpoint, Checkpoints, Journal, Promises, Ring, Superblock, Written, checkpoint, promises, scan,
};
use crate::world::{
    ClockConfig, Fault, Limit, NetworkConfig, Observer, Phase, ScheduleConfig, Setup, Source, StorageConfig, Target,
    What, When, World,
};

struct Silent;

impl Observer for Silent {
    fn on_event(&mut self, _: &Event, _: &dyn Disks) -> bool {
        true
    }
    fn on_quiet(&mut self, _: Instant, _: &[NodeId]) {}
    fn on_quiet_end(&mut self) {}
    fn is_settled(&mut self, _: &[NodeId]) -> bool {
        true
    }
}

enum Report {
    Journal(Written),
    Checkpoint(Checkpoint),
    Promises(u64),
}

/// What was durable on each node, kept outside of the world.
type Durable = Rc<RefCell<BTreeMap<NodeId, u64>>>;

async fn format(env: Env) {
    let ring = Ring::new(12).unwrap();
    disk::format(&env, &Superblock::formatted(CLUSTER, env.id().index(), ring)).await;
}

/// One life: from the disk, then entries without end, with a checkpoint whenever half the ring is full.
async fn live(env: Env, durable: Durable) {
    let (node, me) = (env.id(), env.id().index());
    let files = disk::open(&env).await.expect("the disk works");
    let read = super::read(&env, &files.superblock, CLUSTER, me).await;
    let mut superblock = read.expect("no crash loses the superblock");
    let recovered = scan::read(&env, &files, &superblock).await;
    assert!(recovered.is_whole(), "{recovered:?}");
    let before = durable.borrow().get(&node).copied().unwrap_or(0);
    assert!(recovered.log.op() >= before, "op {before} was durable");
    if superblock.checkpoint.place.op > 0 {
        let content = checkpoint::read(&files.checkpoints, CLUSTER, &superblock.checkpoint).await;
        assert_eq!(content.as_deref(), Some(&vec![7; superblock.checkpoint.place.op as usize * 9][..]));
    }
    recovered.cases.iter().for_each(|case| env.mark(case.row.mark()));
    let reports = Queue::new();
    let [to_journal, to_checkpoint, to_promises] = [reports.clone(), reports.clone(), reports.clone()];
    let mut journal = Journal::start(&env, &files, &recovered, &super::config(), move |written| {
        to_journal.push(Report::Journal(written))
    });
    let named = superblock.checkpoint;
    let mut checkpoints = Checkpoints::start(&env, files.checkpoints.clone(), CLUSTER, named, move |written| {
        to_checkpoint.push(Report::Checkpoint(written));
    });
    let mut promises = Promises::start(&env, files.superblock.clone(), superblock.sequence, move |count| {
        to_promises.push(Report::Promises(count));
    });
    let mut log = recovered.log;
    loop {
        while log.op() < journal.durable() + 3 && journal.has_room(log.op() + 1) {
            let entry = after(log.head(), 0);
            journal.write(&entry);
            log.push(entry);
        }
        if journal.durable() >= log.base().op + 6 && checkpoints.is_idle() {
            let place = log.place(journal.durable() - 1).unwrap();
            checkpoints.write(place, place.op, &vec![7; place.op as usize * 9]);
        }
        match reports.pop().await {
            Report::Journal(written) => {
                journal.on_written(&written, &log);
                durable.borrow_mut().insert(node, journal.durable());
            }
            Report::Checkpoint(written) => {
                superblock.checkpoint = written;
                checkpoints.on_written(&superblock.checkpoint);
                promises.write(superblock);
            }
            Report::Promises(count) => {
                promises.on_written(count);
                let Checkpoint { place, timestamp, .. } = superblock.checkpoint;
                checkpoints.on_named(&superblock.checkpoint);
                journal.free(place.op);
                log.rebase(place, timestamp);
                env.mark("checkpoint done");
            }
        }
    }
}

fn setup(seed: u64) -> Setup {
    let spread = |low, mean, high| Distribution::Exponential {
        min: Duration::from_micros(low),
        mean: Duration::from_micros(mean),
        max: Duration::from_micros(high),
    };
    let crash =
        What::Crash { target: Target::AnyReplica, restart_after: Some(spread(100, 1000, 5000)), max_down: Limit::All };
    let faults = vec![Fault { when: When::Every(spread(1000, 20_000, 90_000)), what: crash }];
    Setup {
        redundancy: RedundancyMap::default(),
        replication: 1,
        cluster: Cluster { replicas: 3, clients: 0 },
        network: NetworkConfig::default(),
        storage: StorageConfig {
            read_latency: spread(10, 100, 900),
            write_latency: spread(10, 200, 2000),
            sync_latency: spread(10, 300, 2000),
            crash_keep: Ratio::per_thousand(330),
            crash_tear: Ratio::per_thousand(330),
            ..StorageConfig::default()
        },
        clocks: ClockConfig::default(),
        schedule: ScheduleConfig { shuffle: Ratio::per_thousand(300) },
        phases: vec![Phase { name: "only".into(), duration: Duration::from_millis(1500), quiet: None, faults }],
        core_size: 2,
        settle: Duration::ZERO,
        source: Source::seed(seed),
        record: false,
        trace: true,
    }
}

#[test]
fn a_crash_takes_nothing_that_was_durable() {
    let mut marks: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..30 {
        let durable = Durable::default();
        let lives = Rc::clone(&durable);
        let world = World::new(setup(seed), Box::new(Silent), move |boot| -> Local<()> {
            Box::pin(live(boot.env, Rc::clone(&lives)))
        });
        world.format(|env| Box::pin(format(env))).expect("the disks are formatted");
        let remains = world.run();
        let trace = remains.trace.expect("the trace was kept");
        let panics: Vec<String> = trace
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Panic(_)))
            .map(|event| event.kind.to_string())
            .collect();
        assert_eq!(panics, Vec::<String>::new(), "seed {seed}");
        remains.marks.into_iter().for_each(|(mark, count)| *marks.entry(mark).or_default() += count);
        assert!(durable.borrow().values().all(|op| *op > 30), "everybody got somewhere");
    }
    for mark in [promises::REPAIRED, "checkpoint done", "restart: torn entry", "restart: entry without its header"] {
        assert!(marks.contains_key(mark), "`{mark}` was never reached: {marks:?}");
    }
}
