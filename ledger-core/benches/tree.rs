//! What the tree of a block costs: batched updates beside as many bare merges.
//!
//! Figures and commands: docs/benchmarks.md.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ledger_core::{MemoryState, Tree, TreeUpdate};
use registry_core::hash::{Digest, Domain, hash_elements, merge};
use std::collections::BTreeMap;
use std::hint::black_box;

const LEAVES: u32 = 1_000_000;
/// Leaves that change at once: one, those of 100 transactions, and those of 1,000.
const BATCHES: [u32; 3] = [1, 400, 4_000];

fn digest(number: u64) -> Digest {
    hash_elements(Domain::BLOB, &[number])
}

fn full_state() -> MemoryState {
    let leaves = (0..LEAVES).map(|slot| (slot, digest(slot.into()))).collect();
    let mut state = MemoryState::default();
    let update = TreeUpdate::compute(&state, Tree::Utxos, &leaves).unwrap();
    state.write_nodes(Tree::Utxos, &update.nodes);
    state
}

/// Half of a batch is spread over all slots, as changes are; the other half follows the last slot, as new UTXOs do.
fn batch(size: u32) -> BTreeMap<u32, Digest> {
    let changes = size.div_ceil(2);
    let spread = (0..changes).map(|number| (number * 2_654_435 + 77) % LEAVES);
    let slots = spread.chain(LEAVES..LEAVES + size - changes);
    slots.map(|slot| (slot, digest(1 << 32 | u64::from(slot)))).collect()
}

fn updates(criterion: &mut Criterion) {
    let state = full_state();
    let mut group = criterion.benchmark_group("tree of 1,000,000 leaves");
    for size in BATCHES {
        let leaves = batch(size);
        let nodes = TreeUpdate::compute(&state, Tree::Utxos, &leaves).unwrap().nodes;
        let merges = nodes.iter().filter(|node| node.level > 0).count();
        let name = format!("{} leaves, {merges} permutations", leaves.len());
        group.throughput(Throughput::Elements(merges as u64));
        group.bench_function(BenchmarkId::new("update", &name), |bencher| {
            bencher.iter(|| TreeUpdate::compute(&state, Tree::Utxos, black_box(&leaves)).unwrap());
        });
        let pairs: Vec<(Digest, Digest)> =
            (0..merges as u64).map(|number| (digest(number), digest(!number >> 1))).collect();
        group.bench_function(BenchmarkId::new("bare merges", &name), |bencher| {
            bencher.iter(|| {
                pairs.iter().map(|(left, right)| merge(Domain::NODE, left, black_box(right))).collect::<Vec<_>>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
