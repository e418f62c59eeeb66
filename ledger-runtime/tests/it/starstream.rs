//! The data set of contracts that Starstream's compiler made: every step with everything that is expected of it, in
//! several ways to run it.

pub(crate) mod cast;
pub(crate) mod chain;
pub(crate) mod contract;
pub(crate) mod expectations;
mod gas;
mod mutations;
mod running;
pub(crate) mod steps;

use crate::support;
use cast::Cast;
use chain::{Machine, TestChain};
use expectations::{COMPILER, ChainMoment, ContractExpectations, Sequence, Set};
use futures::future::join_all;
use ledger_core::{
    Call, ChainId, ContractCounters, ContractRecord, Execution, MethodId, Transaction, UtxoStatus, Verdict,
};
use registry_core::id::{ComponentHash, UtxoId};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use steps::{Answer, Chain, Runner, StepReport, method_id};

/// The steps of the compiler's set.
const STEPS: usize = 347;

#[test]
fn the_set_is_the_one_that_is_described() {
    let expectations = expectations::read();
    assert_eq!(expectations.contracts.len(), 22);
    for contract in &expectations.contracts {
        let bytes = expectations::component(&contract.name);
        assert_eq!(hex::encode(Sha256::digest(&bytes)), contract.component_sha256, "{}", contract.name);
        for method in contract.objects.values().flat_map(|object| object.methods.values()) {
            let id = MethodId(Sha256::digest(method.source_name.as_bytes()).into());
            assert_eq!(method_id(&method.method_hash), id, "{}", method.source_name);
        }
    }
}

#[test]
fn every_sequence_on_a_chain_of_its_own() {
    let mut summary = Summary::default();
    for_each_contract(&mut summary, |cast, expectations, runner| {
        let sequences = expectations.sequences.iter();
        let reports = sequences.flat_map(|sequence| {
            let mut chain = TestChain::with(&cast.deployed());
            let reports = runner.run(sequence, &mut chain);
            chain.check();
            reports
        });
        reports.collect()
    });
    summary.check(STEPS);
}

/// A comparison that sees nothing lets everything pass. So whatever is expected is replaced by something else, one thing
/// at a time, and the difference must be seen each time.
#[test]
fn everything_that_is_expected_is_compared() {
    let (default_moment, mut count) = (expectations::read().default_chain, 0);
    for (contract, sequence) in [
        ("counter", "across-tx"),
        ("counter", "scripts"),
        ("flash", "one-of-two"),
        ("escrow", "release"),
        ("coin", "life"),
    ] {
        let cast = Cast::of_compilers_set(contract);
        let original = expectations::read_value(contract, sequence);
        for (what, other) in mutations::of_expectations(&original) {
            let other: ContractExpectations = serde_json::from_value(other).unwrap();
            let mut runner = Runner { cast: &cast, expectations: &other, default_moment, next_nonce: 0 };
            let reports = runner.run(&other.sequences[0], &mut TestChain::in_memory(&cast.deployed()));
            assert!(reports.iter().any(|report| !report.differences.is_empty()), "{contract}/{sequence} {what}");
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

/// Steps that know nothing of each other share a block.
#[test]
fn all_sequences_of_a_contract_on_one_chain() {
    let mut summary = Summary::default();
    for_each_contract(&mut summary, |cast, expectations, runner| {
        let mut chain = TestChain::with(&cast.deployed());
        let reports = runner.run_together(&at_the_default_moment(expectations), &mut chain);
        chain.check();
        reports
    });
    summary.check(STEPS - STEPS_AT_A_MOMENT_OF_THEIR_OWN);
}

/// Steps of sequences that ask for a height or a slot.
const STEPS_AT_A_MOMENT_OF_THEIR_OWN: usize = 7;

/// The same transaction on the same state gives the same verdict with the same gas and call rows: again, on another
/// engine, and four times at once beside what else is executed.
#[test]
fn every_step_gives_the_same_again() {
    let (mut summary, other, mut count) = (Summary::default(), Arc::new(Machine::new()), 0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for_each_contract(&mut summary, |cast, expectations, runner| {
        cast.deployed().into_iter().for_each(|contract| drop(other.admit(contract).unwrap()));
        let mut reports = Vec::new();
        for sequence in &expectations.sequences {
            let mut chain = Watched::new(cast, |chain, transaction, moment| {
                let first = chain.execute(transaction, moment);
                assert_eq!(chain.execute_with(&other, transaction, moment), first);
                let first = without_calls(first);
                for verdict in runtime.block_on(join_all((0..4).map(|_| chain.simulate(transaction, moment)))) {
                    assert_eq!(verdict, first);
                }
                count += 1;
            });
            reports.extend(runner.run(sequence, &mut chain));
        }
        reports
    });
    summary.check(STEPS);
    assert!(count > STEPS / 2, "{count}");
}

/// Who only wants to know what a transaction would do makes no call table.
fn without_calls(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Executed(execution) => Verdict::Executed(Execution { calls: Vec::new(), ..execution }),
        invalid => invalid,
    }
}

/// A chain that shows each transaction to the test before it takes it.
struct Watched<W> {
    chain: TestChain,
    watch: W,
}

impl<W: FnMut(&TestChain, &Transaction, ChainMoment)> Watched<W> {
    fn new(cast: &Cast, watch: W) -> Self {
        Self { chain: TestChain::with(&cast.deployed()), watch }
    }
}

impl<W: FnMut(&TestChain, &Transaction, ChainMoment)> Chain for Watched<W> {
    fn id(&self) -> &ChainId {
        self.chain.id()
    }

    fn block(&mut self, transactions: Vec<Transaction>, moment: ChainMoment) -> Vec<Answer> {
        transactions.iter().for_each(|transaction| (self.watch)(&self.chain, transaction, moment));
        self.chain.block(transactions, moment)
    }

    fn utxo(&self, id: &UtxoId) -> Option<UtxoStatus> {
        self.chain.utxo(id)
    }

    fn contract(&self, contract: &ComponentHash) -> Option<(ContractRecord, ContractCounters)> {
        self.chain.contract(contract)
    }

    fn calls(&self) -> Option<&[Call]> {
        self.chain.calls()
    }

    fn state_root(&self) -> registry_core::hash::Digest {
        self.chain.state_root()
    }
}

/// Every contract of every set, with those that it needs.
fn casts(sets: &[Set]) -> Vec<(&Set, &ContractExpectations, Cast)> {
    let contracts = sets.iter().flat_map(|set| set.expectations.contracts.iter().map(move |contract| (set, contract)));
    let casts: Vec<_> = contracts.map(|(set, contract)| (set, contract, Cast::read(set, contract))).collect();
    let names: BTreeSet<&str> = casts.iter().map(|(_, contract, _)| contract.name.as_str()).collect();
    assert_eq!(names.len(), casts.len(), "two contracts of the sets have one name");
    casts
}

/// Runs the steps of each contract of each set.
fn for_each_contract(
    summary: &mut Summary,
    mut work: impl FnMut(&Cast, &ContractExpectations, &mut Runner) -> Vec<StepReport>,
) {
    let sets = expectations::sets();
    for (set, expectations, cast) in &casts(&sets) {
        let default_moment = set.expectations.default_chain;
        let mut runner = Runner { cast, expectations, default_moment, next_nonce: 0 };
        match cast.deployed().into_iter().try_for_each(|contract| TestChain::admit(contract).map(drop)) {
            Ok(()) => summary.add(set, work(cast, expectations, &mut runner)),
            Err(error) => summary.add_refused(expectations, &error),
        }
    }
}

fn at_the_default_moment(expectations: &ContractExpectations) -> Vec<&Sequence> {
    let sequences = expectations.sequences.iter();
    sequences.filter(|sequence| sequence.steps.iter().all(|step| step.chain.is_none())).collect()
}

/// What ran, and what did not come out as expected.
#[derive(Default)]
struct Summary {
    of_compiler: usize,
    of_others: usize,
    differences: Vec<String>,
}

impl Summary {
    fn add(&mut self, set: &Set, reports: Vec<StepReport>) {
        for report in reports {
            if !report.differences.is_empty() {
                self.differences.push(format!("{}:\n    {}", report.name, report.differences.join("\n    ")));
            } else if set.name == COMPILER {
                self.of_compiler += report.steps;
            } else {
                self.of_others += report.steps;
            }
        }
    }

    fn add_refused(&mut self, expectations: &ContractExpectations, error: &dyn std::error::Error) {
        self.differences.push(format!("{} is not admitted: {}", expectations.name, support::chain(error)));
    }

    /// `of_compiler` steps of the compiler's set ran, and all of the others that are there.
    fn check(&self, of_compiler: usize) {
        assert!(
            self.differences.is_empty(),
            "{} steps are as expected, and these are not:\n{}",
            self.of_compiler + self.of_others,
            self.differences.join("\n")
        );
        assert_eq!(self.of_compiler, of_compiler);
        assert!(self.of_others > 0);
    }
}
