//! How many transactions a chain commits durably in a second, and what takes the time: execution, hashing, or the disk.
//!
//! The real storage on the real disk, the contract `counter` of Starstream's compiler. Each transaction is one call of a
//! script that makes a counter, or of a method of a counter that was stored by an earlier block. Figures and command:
//! docs/benchmarks.md. `BENCH_DIR` is the folder for the data; the system's temporary folder may be in memory.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "../tests/it/build.rs"]
#[allow(dead_code)]
mod build;
#[path = "../tests/it/chain_support.rs"]
#[allow(dead_code, unused_imports)]
mod chain_support;
#[path = "../tests/it/support.rs"]
#[allow(dead_code, unused_imports)]
mod support;

use chain_support::{Setup, bump, create, source};
use futures::{StreamExt, stream};
use ledger_core::{BlockBuilder, Moment, ProfileId, SealedBlock, Transaction};
use ledger_runtime::chain::{
    BlockProduction, Executed, FreshContracts, Ledger, Proposal, SoloSequencer, SystemClock, TransactionExecutor,
};
use ledger_runtime::store::Storage;
use registry_core::id::{ComponentHash, UtxoId};
use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [1, 100, 1_000];
const BLOCKS: usize = 12;

#[tokio::main]
async fn main() {
    let folder = env::var_os("BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let data = tempfile::tempdir_in(folder).unwrap();
    let (chain, counter) = Chain::start(data.path().join("parts")).await;
    println!("| transactions in a block | kind | blocks/s | transactions/s | execution | hashes | commit |");
    println!("|---|---|---|---|---|---|---|");
    for size in SIZES {
        let (utxos, made) = chain.make_counters(counter, size);
        row(size, "a script makes a counter", &made);
        row(size, "a method of a stored counter", &chain.change_counters(&utxos, size));
    }
    submissions(data.path().join("node")).await;
}

/// The times of one block.
#[derive(Clone, Copy)]
struct Times {
    execution: Duration,
    sealing: Duration,
    commit: Duration,
}

/// A chain of which the parts are used by hand.
struct Chain {
    storage: Arc<dyn Storage>,
    executor: Arc<dyn TransactionExecutor>,
    profile: ProfileId,
    _ledger: Ledger,
}

impl Chain {
    async fn start(data_dir: PathBuf) -> (Self, ComponentHash) {
        let (source, counter) = source();
        let setup = Setup::new(&data_dir, support::genesis(&[counter]), source);
        let sequencer = SoloSequencer::new(BlockProduction::Instant, Arc::new(SystemClock), &setup.limits);
        let parts = setup.parts(Arc::new(sequencer)).unwrap();
        let (storage, executor) = (Arc::clone(&parts.storage), Arc::clone(&parts.executor));
        let profile = parts.genesis.profile().id();
        // The chain makes its first block, in which the contract is deployed.
        let ledger = Ledger::start(parts).await.unwrap();
        ledger.stop().await;
        (Self { storage, executor, profile, _ledger: ledger }, counter)
    }

    fn make_counters(&self, counter: ComponentHash, size: usize) -> (Vec<UtxoId>, Vec<Times>) {
        let mut utxos = Vec::new();
        let times = (0..BLOCKS).map(|_| {
            let transactions = (0..size).map(|_| create(counter, 1)).collect();
            let (sealed, times) = self.block(transactions);
            utxos.extend(sealed.utxos().keys().copied());
            times
        });
        let times = times.collect();
        (utxos, times)
    }

    fn change_counters(&self, utxos: &[UtxoId], size: usize) -> Vec<Times> {
        let blocks = utxos.chunks_exact(size);
        blocks.map(|utxos| self.block(utxos.iter().map(|utxo| bump(*utxo, None, 1)).collect()).1).collect()
    }

    fn block(&self, transactions: Vec<Transaction>) -> (SealedBlock, Times) {
        let snapshot = self.storage.snapshot();
        let tip = snapshot.tip().unwrap().unwrap();
        let moment = Moment { height: tip.moment.height + 1, ..tip.moment };
        let started = Instant::now();
        let mut builder = BlockBuilder::begin(snapshot.as_ref(), tip.chain, self.profile, moment).unwrap();
        let mut fresh = FreshContracts::default();
        for transaction in transactions {
            let proposal = Proposal { transaction, deployment: None };
            let executed = self.executor.execute(&proposal, &moment, builder.state(), &mut fresh).unwrap();
            let Executed::Call(execution) = executed else { panic!("a transaction is invalid") };
            let receipt = builder.push(proposal.transaction, execution).unwrap();
            assert!(receipt.outcome.is_ok());
        }
        let executed = Instant::now();
        let sealed = builder.seal().unwrap();
        let hashed = Instant::now();
        self.storage.commit(&sealed).unwrap();
        let committed = Instant::now();
        let times = Times { execution: executed - started, sealing: hashed - executed, commit: committed - hashed };
        (sealed, times)
    }
}

fn row(size: usize, kind: &str, blocks: &[Times]) {
    // The median block: a disk now and then takes long.
    let total = |times: &Times| times.execution + times.sealing + times.commit;
    let mut blocks = blocks.to_vec();
    blocks.sort_by_key(total);
    let median = blocks[blocks.len() / 2];
    let seconds = total(&median).as_secs_f64();
    let share = |part: Duration| format!("{:.2?} ({:.0} %)", part, part.as_secs_f64() / seconds * 100.0);
    println!(
        "| {size} | {kind} | {:.0} | {:.0} | {} | {} | {} |",
        1.0 / seconds,
        size as f64 / seconds,
        share(median.execution),
        share(median.sealing),
        share(median.commit)
    );
}

/// What somebody gets who submits, and waits until the block is durable.
async fn submissions(data_dir: PathBuf) {
    const TRANSACTIONS: usize = 3_000;
    let (source, counter) = source();
    let ledger = Setup::new(&data_dir, support::genesis(&[counter]), source).start().await.unwrap();
    println!("\n| submitters | transactions/s, each acknowledged when durable | in a block |\n|---|---|---|");
    for submitters in [1, 16, 256] {
        let count = if submitters == 1 { 100 } else { TRANSACTIONS };
        let (first, started) = (ledger.tip().unwrap().moment.height, Instant::now());
        let submissions = stream::iter(0..count).map(|_| ledger.submit(create(counter, 1)));
        submissions.buffer_unordered(submitters).for_each(async |committed| drop(committed.unwrap())).await;
        let blocks = ledger.tip().unwrap().moment.height - first;
        let each_second = count as f64 / started.elapsed().as_secs_f64();
        println!("| {submitters} | {each_second:.0} | {:.0} |", count as f64 / blocks as f64);
    }
    ledger.stop().await;
}
