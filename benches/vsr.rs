//! What a run of the replicated system costs, as the command line runs it: world, protocol, clients and oracles.
//!
//! ```sh
//! cargo bench --bench vsr
//! cargo bench -- swarm
//! ```

mod common;

use std::hint::black_box;

use common::scenarios::{SWARM, busy, empty, parse, recorded, run, scenario};
use common::{per_event, timed};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// One committed operation, with clients that keep the primary busy. Once more without oracles, to see what watching costs.
fn operation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("operation");
    for (replicas, watched) in [(1, true), (3, true), (5, true), (3, false)] {
        let scenario = busy(replicas);
        let oracles = if watched { None } else { Some(Vec::new()) };
        let name = format!("{replicas} replicas{}", if watched { "" } else { ", unwatched" });
        per_event(&mut group, name, || {
            timed(|| {
                let run = run(&scenario, 0, oracles.clone());
                assert!(run.verdict.finding().is_none() && run.committed > 100, "{:?}", run.verdict);
                run.committed
            })
        });
    }
    group.finish();
}

/// The standard sweep. Its seeds differ a hundredfold, so each measurement is of the same seeds, one after the other.
fn swarm(criterion: &mut Criterion) {
    const SEEDS: u64 = 50;
    let family = parse(SWARM);
    let mut group = criterion.benchmark_group("swarm");
    per_event(&mut group, "one run", || {
        timed(|| {
            for seed in 0..SEEDS {
                black_box(run(&scenario(&family, seed), seed, None).digest);
            }
            SEEDS
        })
    });
    group.finish();
}

/// What a run costs in which nobody asks for anything.
fn start(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start");
    for replicas in [1, 3, 5] {
        let scenario = empty(replicas);
        group.bench_function(format!("empty run of {replicas} replicas"), |bencher| {
            bencher.iter(|| run(&scenario, 0, None).digest);
        });
    }
    group.finish();
}

/// Reading scenario files, and choosing what a seed says in one with choices.
fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    let plan = recorded(7);
    for (name, text) in [("swarm", SWARM), ("plan", &plan)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(text))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("choose");
    let family = parse(SWARM);
    group.bench_function("what swarm says for a seed", |bencher| bencher.iter(|| scenario(&family, black_box(7))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = operation, swarm, start, reading
}
criterion_main!(benches);
