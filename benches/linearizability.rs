//! What it costs to judge a history, by tier, and to read one.
//!
//! ```sh
//! cargo bench --bench linearizability
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretell::base::hash::mix;
use foretell::check::linearizability::generate::{Plan, Workload, generate};
use foretell::check::linearizability::{Stream, Tier, judge};
use foretell::check::models::Standard;
use foretell::check::recorded::jsonl;

const NODES: u64 = 20_000_000;

/// One history for each tier, at several lengths: what is linear costs the same for each operation.
fn tiers(criterion: &mut Criterion) {
    let plans = [
        (Tier::Witness, Plan { workload: Workload::Cas, indexed: true, ..Plan::default() }),
        (Tier::Zones, Plan::default()),
        (Tier::Appends, Plan { workload: Workload::Append, ..Plan::default() }),
        (Tier::Chains, Plan { workload: Workload::Cas, ..Plan::default() }),
        (Tier::Search, Plan { workload: Workload::SmallCas, ..Plan::default() }),
    ];
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for (tier, plan) in plans {
        for operations in [1_000, 10_000, 100_000, 1_000_000] {
            // The search is not linear; and whoever reads a text of appends reads all of it.
            let (clients, unknown, most) = if tier == Tier::Search { (10, 0, 10_000) } else { (50, 3, u64::MAX) };
            let keys = if tier == Tier::Appends { operations / 1_000 } else { 1 };
            if operations > most {
                continue;
            }
            let recording = generate(&Plan { operations, clients, unknown, keys, ..plan });
            let judgement = judge(&recording, Standard::KeyValue, NODES);
            assert_eq!(judgement.decided[tier as usize], keys, "this history is for the tier {tier}: {judgement:?}");
            group.throughput(Throughput::Elements(operations));
            group.bench_function(BenchmarkId::new(tier.to_string(), operations), |bencher| {
                bencher.iter(|| black_box(judge(&recording, Standard::KeyValue, NODES)).nodes);
            });
        }
    }
    group.finish();
}

/// The same histories, judged piece by piece and forgotten.
fn stream(criterion: &mut Criterion) {
    let plans = [
        (Tier::Witness, 50, Plan { workload: Workload::Cas, indexed: true, ..Plan::default() }),
        (Tier::Zones, 50, Plan::default()),
        (Tier::Appends, 50, Plan { workload: Workload::Append, keys: 10, ..Plan::default() }),
        // Two clients, so that the object is idle now and then.
        (Tier::Chains, 2, Plan { workload: Workload::Cas, ..Plan::default() }),
    ];
    let mut group = criterion.benchmark_group("stream");
    group.sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for (tier, clients, plan) in plans {
        let operations = 10_000;
        let recording = generate(&Plan { operations, clients, ..plan });
        group.throughput(Throughput::Elements(operations));
        group.bench_function(BenchmarkId::new(tier.to_string(), operations), |bencher| {
            bencher.iter(|| {
                let mut stream = Stream::suited(Standard::KeyValue, &recording.entries).expect("there is a way");
                let holds = recording.entries.chunks(500).all(|piece| stream.take(piece, &recording.values));
                assert!(black_box(holds) && stream.finish(&recording.values).is_some());
            });
        });
    }
    group.finish();
}

/// The value with a number.
type Value = fn(u64) -> String;

/// Reading a million lines, in bytes: half a million different values on a hundred objects, each written and then read. Values that
/// are counted up are looked up faster than others.
fn lines(criterion: &mut Criterion) {
    let values: [(&str, Value); 4] = [
        ("counted", |number| number.to_string()),
        ("words of 64 bits", |number| mix(number, 1).to_string()),
        ("texts", |number| format!("user-{:08x}-session", mix(number, 2) as u32)),
        ("mixed", |number| match number % 3 {
            0 => number.to_string(),
            1 => format!("v{number}"),
            _ => format!("{:032x}", mix(number, 3)),
        }),
    ];
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_millis(500));
    for (name, value) in values {
        let line = |number: u64| {
            let (client, op, key) = (number % 50, ["put", "get"][number as usize % 2], number / 2 % 100);
            let (value, call) = (value(number / 2), number * 137);
            let end = call + 100;
            format!(
                r#"{{"client":{client},"op":"{op}","key":"k{key}","value":"{value}","call":{call},"return":{end}}}"#
            )
        };
        let text: String = (0..1_000_000).map(|number| line(number) + "\n").collect();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("whole", name), |bencher| {
            bencher.iter(|| {
                let mut reader = jsonl::Reader::default();
                reader.feed(text.as_bytes());
                black_box(reader.finish()).map(|recording| recording.entries.len())
            });
        });
        group.bench_function(BenchmarkId::new("judged by the way", name), |bencher| {
            bencher.iter(|| {
                let mut reader = jsonl::Reader::default();
                let (mut stream, mut entries) = (None, Vec::new());
                for piece in text.as_bytes().chunks(1 << 20) {
                    reader.feed(piece);
                    if stream.is_none() {
                        stream = Stream::suited(Standard::Register, reader.entries());
                    }
                    let stream = stream.as_mut().expect("there is a way");
                    reader.take(&mut entries);
                    assert!(stream.take(&entries, reader.values()));
                    if reader.values().len() > 1 << 16 {
                        reader.forget_values(stream.texts().into_iter());
                    }
                }
                stream.and_then(|stream| stream.finish(reader.values())).expect("it is linearizable").operations
            });
        });
    }
    group.finish();
}

criterion_group!(benches, tiers, stream, lines);
criterion_main!(benches);
