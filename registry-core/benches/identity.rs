//! What naming costs: the byte hash beside other hashes, and WIT from text to package hash.
//!
//! Figures and commands: docs/benchmarks.md.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/it/corpus.rs"]
#[allow(dead_code, unreachable_pub)]
mod corpus;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use registry_core::closure::Closure;
use registry_core::hash::{Domain, blob, permute};
use registry_core::limits::Limits;
use registry_core::wit::PackageText;
use sha2::Digest as _;
use std::hint::black_box;

/// Bytes that one permutation absorbs.
const BLOCK_SIZE_BYTES: u64 = 56;

fn byte_hash(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bytes");
    for size_bytes in [64_usize, 1 << 10, 64 << 10, 1 << 20] {
        let bytes: Vec<u8> = (0..size_bytes).map(|index| (index % 251) as u8).collect();
        group.throughput(Throughput::Bytes(size_bytes as u64));
        group.bench_function(BenchmarkId::new("poseidon2 tree", size_bytes), |bencher| {
            bencher.iter(|| blob(Domain::BLOB, black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("sha256", size_bytes), |bencher| {
            bencher.iter(|| sha2::Sha256::digest(black_box(&bytes)));
        });
        group.bench_function(BenchmarkId::new("blake3", size_bytes), |bencher| {
            bencher.iter(|| blake3::hash(black_box(&bytes)));
        });
    }
    // The bound for the sponge without lanes: 56 bytes for each permutation and nothing else.
    group.throughput(Throughput::Bytes(BLOCK_SIZE_BYTES));
    group.bench_function("permutation", |bencher| {
        let mut state = std::array::from_fn(|index| index as u64);
        bencher.iter(|| permute(black_box(&mut state)));
    });
    group.finish();
}

fn wit(criterion: &mut Criterion) {
    let unit = corpus::wasi_units_of("wasip2").into_iter().find(|unit| unit.name.ends_with("/http.wit")).unwrap();
    let wit = unit.parse().unwrap();
    let root = wit.identity().unwrap().hash;
    let closure = Closure::of(&wit).unwrap();
    let size_bytes: usize = closure.packages.iter().map(|package| package.wit.len()).sum();
    let mut group = criterion.benchmark_group("wasi:http closure");
    group.throughput(Throughput::Bytes(size_bytes as u64));
    group.bench_function("parse alone (wit-parser)", |bencher| {
        bencher.iter(|| {
            let mut resolve = wit_parser::Resolve::new();
            resolve.all_features = true;
            for package in &closure.packages {
                resolve.push_source("package.wit", black_box(&package.wit)).unwrap();
            }
            resolve
        });
    });
    group.bench_function("parse, encode and hash", |bencher| bencher.iter(|| unit.parse().unwrap()));
    group.bench_function("verify as fetched", |bencher| {
        bencher.iter(|| black_box(&closure).verify(&root, &Limits::default()).unwrap());
    });
    group.bench_function("print", |bencher| bencher.iter(|| PackageText::new(&wit).flat().unwrap()));
    group.bench_function("admit", |bencher| bencher.iter(|| wit.admit(&Limits::default()).unwrap()));
    group.finish();
}

criterion_group!(benches, byte_hash, wit);
criterion_main!(benches);
