//! What sealing costs: batched updates of a tree beside as many bare merges, and whole blocks.
//!
//! Figures and commands: docs/benchmarks.md.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/it/support.rs"]
#[allow(dead_code, unreachable_pub)]
mod support;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ledger_core::*;
use registry_core::hash::{Digest, Domain, hash_elements, merge};
use registry_core::id::UtxoId;
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

/// A state with these UTXOs.
fn state_with(count: u32) -> (MemoryState, Vec<UtxoId>) {
    let mut state = support::state();
    let making = support::transaction(1_000_000);
    let created: Vec<Created> = (0..count).map(|index| support::created(&making, index, index.into())).collect();
    let ids = created.iter().map(|created| created.utxo).collect();
    support::apply(&mut state, vec![(making, support::succeeded(Effects { created, ..Effects::default() }))]);
    (state, ids)
}

/// A script changes a UTXO, consumes another and makes a third: four calls.
fn executed(nonce: u64, changed: UtxoId, consumed: UtxoId) -> (Transaction, Execution) {
    let transaction = support::transaction_on(nonce, &[changed, consumed]);
    let created = support::created(&transaction, 0, nonce);
    let calls = [None, Some(changed), Some(consumed), Some(created.utxo)].map(support::call).into();
    let effects = Effects {
        created: vec![created],
        changed: vec![support::changed(changed, !nonce)],
        consumed: vec![consumed],
        ..Effects::default()
    };
    (transaction, Execution { calls, ..support::succeeded(effects) })
}

fn blocks(criterion: &mut Criterion) {
    let (state, ids) = state_with(20_000);
    let mut group = criterion.benchmark_group("block");
    for size in [1, 100, 1_000] {
        let pairs = ids.chunks_exact(2).step_by(ids.len() / 2 / size);
        let executed: Vec<_> =
            (0..).zip(pairs.take(size)).map(|(nonce, pair)| executed(nonce, pair[0], pair[1])).collect();
        let pushed = |executed: Vec<(Transaction, Execution)>| {
            let mut block = support::begin(&state);
            for (transaction, execution) in executed {
                block.push(transaction, execution).unwrap();
            }
            block
        };
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("push", size), |bencher| {
            bencher.iter_batched(
                || executed.clone(),
                |executed| pushed(executed).receipts().len(),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("seal", size), |bencher| {
            bencher.iter_batched(|| pushed(executed.clone()), |block| block.seal().unwrap(), BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, updates, blocks);
criterion_main!(benches);
