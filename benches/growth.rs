//! How the cost of an event grows with the world that it happens in. Flat is good.
//!
//! ```sh
//! cargo bench --bench growth
//! cargo bench -- 'growth/tasks'
//! ```
//!
//! `cargo run --release --example growth` prints the same as one table.

mod common;

use common::growth::{GROWTHS, Growth};
use common::per_event;
use criterion::{Criterion, criterion_group, criterion_main};

fn growth(criterion: &mut Criterion) {
    for Growth { name, sizes, world, .. } in &GROWTHS {
        let mut group = criterion.benchmark_group(format!("growth/{name}"));
        for size in *sizes {
            per_event(&mut group, size.to_string(), || world(*size));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = growth
}
criterion_main!(benches);
