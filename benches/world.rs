//! What the parts of a simulated world cost, one by one.
//!
//! ```sh
//! cargo bench --bench world
//! cargo bench -- queue
//! ```

mod common;

use std::hint::black_box;

use common::{SEED, parts, per_event, ping, timers, writes};
use criterion::{Criterion, criterion_group, criterion_main};

/// The event queue alone: take the next item, enter it again.
fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    for pending in [10, 100, 1_000, 100_000] {
        let mut held = parts::Held::new(pending);
        group.bench_function(format!("{pending} pending"), |bencher| bencher.iter(|| held.step()));
    }
    group.finish();
}

/// What runs inside a world, from the task that asks to the task that is woken.
fn happenings(criterion: &mut Criterion) {
    const EVENTS: u64 = 100_000;
    let mut group = criterion.benchmark_group("world");
    per_event(&mut group, "timer", || timers(1_000, EVENTS));
    per_event(&mut group, "datagram hop", || ping(SEED, 5, 40, EVENTS));
    for bytes in [64, 4_096] {
        per_event(&mut group, format!("write of {bytes} bytes and sync"), || writes(bytes, EVENTS / 10));
    }
    group.finish();
}

/// The dice of one decision. How many words it takes depends on what is decided: a packet takes seven.
fn dice(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    let mut key = 0;
    for words in [1, 7] {
        group.bench_function(format!("{words} words"), |bencher| {
            bencher.iter(|| {
                key += 1;
                parts::decide(black_box(key), black_box(words))
            });
        });
    }
    group.finish();
}

/// The running hash over a trace: time per word.
fn digest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest");
    let mut fed = parts::Fed::new();
    group.bench_function("word", |bencher| bencher.iter(|| fed.feed(black_box(7))));
    group.finish();
}

/// What it costs to set up a world and to take it down: hardly anything happens in it.
fn whole_worlds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start");
    for replicas in [1, 5, 100] {
        group.bench_function(format!("world of {replicas} nodes"), |bencher| {
            bencher.iter(|| common::nothing(black_box(replicas)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = queue, happenings, dice, digest, whole_worlds
}
criterion_main!(benches);
