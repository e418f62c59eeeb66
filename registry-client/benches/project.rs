//! What a project costs that depends on all of WASI 0.2 and 0.3: resolved cold and cached, and locked, beside fetching one
//! closure and parsing the same packages.
//!
//! Figures and commands: docs/benchmarks.md.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub)]
mod support;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use registry_client::Client;
use registry_client::cache::Cache;
use registry_client::project::{LOCK_FILE, MANIFEST_FILE, Permissions, Problems, Project};
use registry_core::closure::Closure;
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use std::fs;
use std::hint::black_box;
use support::registry::TestRegistry;
use support::wasi;
use tempfile::TempDir;

const BOTH: [&str; 6] = ["cli", "clocks", "filesystem", "http", "random", "sockets"];

/// A registry with all of WASI, and the packages that bring the others along.
fn published() -> (TestRegistry, Vec<PackageHash>) {
    let registry = TestRegistry::start();
    let mut tops = Vec::new();
    for deps in [wasi::deps_of("wasip2"), wasi::deps_of("wasip3")] {
        for name in ["http", "cli"] {
            tops.push(registry.publish(&deps.join(format!("{name}.wit")), Some(&deps)).hash);
        }
    }
    (registry, tops)
}

fn project() -> (TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    let both: String = BOTH.iter().map(|name| format!("\"wasi:{name}\" = [\"0.2\", \"0.3\"]\n")).collect();
    let text = format!("[dependencies]\n{both}\"wasi:io\" = \"0.2\"\n");
    fs::write(folder.path().join(MANIFEST_FILE), text).unwrap();
    let project = Project::open(folder.path()).unwrap();
    (folder, project)
}

fn wasi_project(criterion: &mut Criterion) {
    let (registry, tops) = published();
    let (folder, project) = project();
    let cached = registry.client().with_cache(Some(Cache::in_folder(registry.cache())));
    let offline = cached.clone().offline();
    let fetch = |client: &Client, hash: &PackageHash| registry.block_on(client.fetch_package(hash)).unwrap();
    let closures: Vec<Closure> =
        tops.iter().map(|hash| Closure::of(&fetch(&registry.client(), hash)).unwrap()).collect();
    let resolve = |client: &Client| {
        let _ = fs::remove_file(folder.path().join(LOCK_FILE));
        registry.block_on(project.write_lock(client)).unwrap()
    };
    let locked = Permissions { is_locked: true, ..Permissions::default() };

    let mut group = criterion.benchmark_group("all of WASI 0.2 and 0.3");
    group.sample_size(20);
    group.bench_function("parse alone (wit-parser)", |bencher| bencher.iter(|| parse(black_box(&closures))));
    group.bench_function("verify the same closures in memory", |bencher| {
        bencher.iter(|| {
            for (hash, closure) in tops.iter().zip(&closures) {
                closure.verify(hash, &Limits::default()).unwrap();
            }
        });
    });
    group.bench_function("fetch one closure (wasi:http 0.2)", |bencher| {
        let client = registry.client();
        bencher.iter(|| fetch(&client, &tops[0]));
    });
    group.bench_function("resolve and lock, cold", |bencher| {
        let empty = || tempfile::tempdir().unwrap();
        let cold = |cache: TempDir| {
            let report = resolve(&registry.client().with_cache(Some(Cache::in_folder(cache.path()))));
            // The folder is removed outside of what is measured.
            (report, cache)
        };
        bencher.iter_batched(empty, cold, BatchSize::PerIteration);
    });
    group.bench_function("resolve and lock, cached", |bencher| bencher.iter(|| resolve(&cached)));
    for (name, client) in [("fetch --locked, cached", &cached), ("fetch --offline", &offline)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| registry.block_on(project.fetch(client, locked)).unwrap());
        });
    }
    group.bench_function("lock --check", |bencher| {
        bencher.iter(|| assert_eq!(project.check(&Limits::default()).unwrap(), Problems::default()));
    });
    group.finish();
}

fn parse(closures: &[Closure]) -> Vec<wit_parser::Resolve> {
    let parse = |closure: &Closure| {
        let mut resolve = wit_parser::Resolve { all_features: true, ..wit_parser::Resolve::default() };
        for package in &closure.packages {
            resolve.push_source("package.wit", &package.wit).unwrap();
        }
        resolve
    };
    closures.iter().map(parse).collect()
}

criterion_group!(benches, wasi_project);
criterion_main!(benches);
