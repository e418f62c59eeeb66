//! What comparing two releases costs, beside what parsing them costs.
//!
//! Figures and commands: docs/benchmarks.md.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/it/corpus.rs"]
#[allow(dead_code, unreachable_pub)]
mod corpus;

use criterion::{Criterion, criterion_group, criterion_main};
use registry_core::closure::Closure;
use registry_core::compatibility::compare;
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::wit::Wit;
use std::hint::black_box;

/// wasi:http of one version of the crate, and its closure as it is fetched.
fn http(version: &str) -> (Wit, PackageHash, Closure) {
    let folder = corpus::crate_folder_of("wasip2", version);
    let units = corpus::wasi_units_in("wasip2", &folder);
    let wit = units.iter().map(|unit| unit.parse().unwrap()).find(|wit| wit.name().name == "http").unwrap();
    let (hash, closure) = (wit.identity().unwrap().hash, Closure::of(&wit).unwrap());
    (wit, hash, closure)
}

fn diff(criterion: &mut Criterion) {
    let limits = Limits::default();
    let (old, old_hash, old_closure) = http("1.0.1");
    let (new, new_hash, new_closure) = http("2.0.1");
    let mut group = criterion.benchmark_group("wasi:http 0.2.4 and 0.2.12");
    group.bench_function("verify both as fetched", |bencher| {
        bencher.iter(|| {
            let old = black_box(&old_closure).verify(&old_hash, &limits).unwrap();
            (old, black_box(&new_closure).verify(&new_hash, &limits).unwrap())
        });
    });
    group.bench_function("compare", |bencher| {
        bencher.iter(|| compare(black_box(&old), black_box(&new), &limits));
    });
    group.finish();
}

criterion_group!(benches, diff);
criterion_main!(benches);
