//! The data set on a chain as users have it: submitted from many sides, ordered, stopped and started again in between
//! without a registry and with compiled code from the disk, and verified in the end.

use super::cast::Cast;
use super::expectations::{self, ChainMoment, ContractExpectations, Set};
use super::steps::{Answer, Chain, Runner};
use super::{STEPS, STEPS_AT_A_MOMENT_OF_THEIR_OWN, Summary, at_the_default_moment, casts, gas};
use crate::chain_support::Setup;
use crate::support::{LocalSource, genesis};
use futures::future::join_all;
use ledger_core::{Call, ChainId, ContractCounters, ContractRecord, Transaction, UtxoStatus};
use ledger_runtime::chain::{Ledger, SubmitError, verify};
use ledger_runtime::limits::Limits;
use ledger_runtime::node::THREAD_STACK_SIZE_BYTES;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::store::{RedbStorage, Storage};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, UtxoId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// After so many rounds of transactions the chain is stopped and started again.
const ROUNDS_PER_START: usize = 17;

#[test]
fn the_set_on_a_chain_that_is_stopped_and_started_and_verified() {
    let sets = expectations::sets();
    let folder = tempfile::tempdir().unwrap();
    let casts = casts(&sets);
    let mut chain = RunningChain::begin(folder.path(), &casts);
    let (mut summary, frozen, mut nonce) = (Summary::default(), gas::frozen(), 0);
    for (set, expectations, cast) in &casts {
        let default_moment = set.expectations.default_chain;
        let mut runner = Runner { cast, expectations, default_moment, next_nonce: nonce };
        let reports = runner.run_together(&at_the_default_moment(expectations), &mut chain);
        nonce = runner.next_nonce;
        // What a step costs does not depend on the chain, on who else is there, or on where the code came from.
        for report in &reports {
            if let (Some(Answer::Executed(receipt)), Some(gas_used)) = (&report.answer, frozen.get(&report.name)) {
                assert_eq!(receipt.gas_used, *gas_used, "{}", report.name);
            }
        }
        summary.add(set, reports);
    }
    summary.check(STEPS - STEPS_AT_A_MOMENT_OF_THEIR_OWN);
    assert!(chain.starts > 3, "{}", chain.starts);
    chain.verify_and_check();
}

struct RunningChain {
    id: ChainId,
    folder: PathBuf,
    genesis: Vec<ComponentHash>,
    runtime: Runtime,
    ledger: Option<Ledger>,
    rounds: usize,
    starts: usize,
    transactions: u64,
}

impl RunningChain {
    fn begin(folder: &Path, casts: &[(&Set, &ContractExpectations, Cast)]) -> Self {
        let runtime =
            Builder::new_multi_thread().thread_stack_size(THREAD_STACK_SIZE_BYTES).enable_all().build().unwrap();
        let source = LocalSource::default();
        let mut genesis: Vec<ComponentHash> = Vec::new();
        for contract in casts.iter().flat_map(|(_, _, cast)| cast.deployed()) {
            let hash = source.add(contract.bytes.clone());
            if !genesis.contains(&hash) {
                genesis.push(hash);
            }
        }
        let transactions = genesis.len() as u64;
        let (id, folder) = ("test".parse().unwrap(), folder.to_owned());
        let mut chain = Self { id, folder, genesis, runtime, ledger: None, rounds: 0, starts: 0, transactions };
        chain.start(source);
        chain
    }

    fn start(&mut self, source: LocalSource) {
        let setup = Setup::new(&self.folder, genesis(&self.genesis), Arc::new(source));
        self.ledger = Some(self.runtime.block_on(setup.start()).unwrap());
        self.starts += 1;
    }

    fn stop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            self.runtime.block_on(ledger.stop());
        }
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn verify_and_check(mut self) {
        self.stop();
        let limits = Limits::default();
        let storage = RedbStorage::open_existing(&self.folder, &limits).unwrap();
        let snapshot = storage.snapshot();
        let tip = snapshot.tip().unwrap().unwrap();
        let task = self.runtime.spawn_blocking(move || verify(&*snapshot, &Limits::default(), |_, _| {}));
        let verification = self.runtime.block_on(task).unwrap().unwrap();
        assert_eq!((verification.transactions, verification.state_root), (self.transactions, tip.new_root));
        let report = storage.check(&limits.of_components(&ExecutionProfile::default()), &mut |_| {}).unwrap();
        assert!(report.differences.is_empty(), "{report:?}");
        assert_eq!(report.transactions, self.transactions);
    }
}

impl Chain for RunningChain {
    fn id(&self) -> &ChainId {
        &self.id
    }

    fn block(&mut self, transactions: Vec<Transaction>, _: ChainMoment) -> Vec<Answer> {
        self.rounds += 1;
        if self.rounds.is_multiple_of(ROUNDS_PER_START) {
            self.stop();
            // There is nobody to ask any more.
            self.start(LocalSource::default());
        }
        let submitted = join_all(transactions.into_iter().map(|transaction| self.ledger().submit(transaction)));
        let answers: Vec<Answer> = self
            .runtime
            .block_on(submitted)
            .into_iter()
            .map(|answer| match answer {
                Ok(committed) => Answer::Executed(Box::new(committed.receipt)),
                Err(SubmitError::Invalid(reason)) => Answer::Invalid(reason),
                Err(error) => panic!("{error}"),
            })
            .collect();
        self.transactions += answers.iter().filter(|answer| matches!(answer, Answer::Executed(_))).count() as u64;
        answers
    }

    fn utxo(&self, id: &UtxoId) -> Option<UtxoStatus> {
        let id = *id;
        self.runtime.block_on(self.ledger().read(move |snapshot| snapshot.utxo(&id))).unwrap().unwrap()
    }

    fn contract(&self, contract: &ComponentHash) -> Option<(ContractRecord, ContractCounters)> {
        let contract = *contract;
        self.runtime.block_on(self.ledger().read(move |snapshot| snapshot.contract(&contract))).unwrap().unwrap()
    }

    fn calls(&self) -> Option<&[Call]> {
        None
    }

    fn state_root(&self) -> Digest {
        self.ledger().tip().unwrap().new_root
    }
}
