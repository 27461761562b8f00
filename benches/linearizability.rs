//! What it costs to judge a history, by tier, and to read one.
//!
//! ```sh
//! cargo bench --bench linearizability
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretell::check::linearizability::generate::{Plan, Workload, generate};
use foretell::check::linearizability::{Stream, Tier, judge};
use foretell::check::models::Standard;
use foretell::check::recorded::jsonl;

const NODES: u64 = 20_000_000;

/// One history for each tier, at two lengths: what is linear costs the same for each operation.
fn tiers(criterion: &mut Criterion) {
    let plans = [
        (Tier::Witness, Plan { workload: Workload::Cas, indexed: true, unknown: 3, ..Plan::default() }),
        (Tier::Zones, Plan { unknown: 3, ..Plan::default() }),
        (Tier::Appends, Plan { workload: Workload::Append, unknown: 3, ..Plan::default() }),
        (Tier::Chains, Plan { workload: Workload::Cas, unknown: 3, ..Plan::default() }),
        (Tier::Search, Plan { workload: Workload::SmallCas, ..Plan::default() }),
    ];
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for (tier, plan) in plans {
        for operations in [1_000, 10_000] {
            let recording = generate(&Plan { operations, clients: 10, ..plan });
            let judgement = judge(&recording, Standard::KeyValue, NODES);
            assert_eq!(judgement.decided[tier as usize], 1, "this history is for the tier {tier}: {judgement:?}");
            group.throughput(Throughput::Elements(operations));
            group.bench_function(BenchmarkId::new(tier.to_string(), operations), |bencher| {
                bencher.iter(|| black_box(judge(&recording, Standard::KeyValue, NODES)).nodes);
            });
        }
    }
    group.finish();
}

/// The claimed order again, verified piece by piece.
fn stream(criterion: &mut Criterion) {
    let plan = Plan { workload: Workload::Cas, indexed: true, unknown: 3, clients: 10, ..Plan::default() };
    let mut group = criterion.benchmark_group("stream");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for operations in [1_000, 10_000] {
        let recording = generate(&Plan { operations, ..plan });
        group.throughput(Throughput::Elements(operations));
        group.bench_function(BenchmarkId::new("witness", operations), |bencher| {
            bencher.iter(|| {
                let mut stream = Stream::new(Standard::KeyValue);
                let holds = recording.entries.chunks(500).all(|piece| stream.take(piece, &recording.values));
                assert!(black_box(holds) && stream.finish(&recording.values).is_some());
            });
        });
    }
    group.finish();
}

/// Reading lines, in bytes.
fn lines(criterion: &mut Criterion) {
    let recording = generate(&Plan { operations: 20_000, clients: 20, keys: 10, ..Plan::default() });
    let mut text = Vec::new();
    jsonl::write(&recording, &mut text).expect("memory can be written to");
    let mut group = criterion.benchmark_group("read");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("lines of JSON", |bencher| {
        bencher.iter(|| {
            let mut reader = jsonl::Reader::default();
            reader.feed(&text);
            black_box(reader.finish()).map(|recording| recording.entries.len())
        });
    });
    group.finish();
}

criterion_group!(benches, tiers, stream, lines);
criterion_main!(benches);
