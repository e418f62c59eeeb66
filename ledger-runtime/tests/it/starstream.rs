//! The data set of contracts that Starstream's compiler made: every step with everything that is expected of it, in
//! several ways to run it.

pub(crate) mod chain;
pub(crate) mod contract;
pub(crate) mod expectations;
mod gas;
mod mutations;
mod running;
pub(crate) mod steps;

use crate::support;
use chain::{Machine, TestChain};
use contract::Contract;
use expectations::{ChainMoment, ContractExpectations, Sequence};
use futures::future::join_all;
use ledger_core::{ChainId, Execution, MethodId, Transaction, UtxoStatus, Verdict};
use registry_core::id::UtxoId;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use steps::{Answer, Chain, Runner, StepReport, method_id};

/// What does not run yet, each with the reason. A test fails when something here does run.
const NOT_YET: [(&str, &str); 1] = [("coin", "no transaction can mint, attach, detach or burn a token")];

/// The steps of the set that run.
const STEPS: usize = 343;

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
    for_each_contract(&mut summary, |contract, expectations, runner| {
        let sequences = expectations.sequences.iter();
        let reports = sequences.flat_map(|sequence| {
            let mut chain = TestChain::with(&[contract]);
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
    for (contract, sequence) in
        [("counter", "across-tx"), ("counter", "scripts"), ("flash", "one-of-two"), ("escrow", "release")]
    {
        let compiled = Contract::new(expectations::component(contract));
        let original = expectations::read_value(contract, sequence);
        for (what, other) in mutations::of_expectations(&original) {
            let other: ContractExpectations = serde_json::from_value(other).unwrap();
            let mut runner = Runner { contract: &compiled, expectations: &other, default_moment, next_nonce: 0 };
            let reports = runner.run(&other.sequences[0], &mut TestChain::in_memory(&[&compiled]));
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
    for_each_contract(&mut summary, |contract, expectations, runner| {
        let mut chain = TestChain::with(&[contract]);
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
    for_each_contract(&mut summary, |contract, expectations, runner| {
        other.admit(contract).unwrap();
        let mut reports = Vec::new();
        for sequence in &expectations.sequences {
            let mut chain = Watched::new(contract, |chain, transaction, moment| {
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
    fn new(contract: &Contract, watch: W) -> Self {
        Self { chain: TestChain::with(&[contract]), watch }
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

    fn state_root(&self) -> registry_core::hash::Digest {
        self.chain.state_root()
    }
}

/// Runs the steps of each contract that is admitted.
fn for_each_contract(
    summary: &mut Summary,
    mut work: impl FnMut(&Contract, &ContractExpectations, &mut Runner) -> Vec<StepReport>,
) {
    let expectations = expectations::read();
    let default_moment = expectations.default_chain;
    for expectations in &expectations.contracts {
        let contract = Contract::new(expectations::component(&expectations.name));
        let mut runner = Runner { contract: &contract, expectations, default_moment, next_nonce: 0 };
        match TestChain::admit(&contract) {
            Ok(_) => summary.add(expectations, work(&contract, expectations, &mut runner)),
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
    as_expected: usize,
    differences: Vec<String>,
    of_not_yet: BTreeMap<String, usize>,
}

impl Summary {
    fn add(&mut self, expectations: &ContractExpectations, reports: Vec<StepReport>) {
        let is_not_yet = NOT_YET.iter().any(|(name, _)| *name == expectations.name);
        for report in reports {
            if is_not_yet {
                *self.of_not_yet.entry(expectations.name.clone()).or_default() += report.differences.len();
            } else if report.differences.is_empty() {
                self.as_expected += 1;
            } else {
                self.differences.push(format!("{}:\n    {}", report.name, report.differences.join("\n    ")));
            }
        }
    }

    fn add_refused(&mut self, expectations: &ContractExpectations, error: &dyn std::error::Error) {
        if NOT_YET.iter().any(|(name, _)| *name == expectations.name) {
            self.of_not_yet.insert(expectations.name.clone(), 1);
        } else {
            self.differences.push(format!("{} is not admitted: {}", expectations.name, support::chain(error)));
        }
    }

    fn check(&self, as_expected: usize) {
        self.check_without_not_yet(as_expected);
        for (name, reason) in NOT_YET {
            let count = self.of_not_yet.get(name).copied().unwrap_or_default();
            assert!(count > 0, "`{name}` runs as expected, so it is no longer true that {reason}");
        }
    }

    fn check_without_not_yet(&self, as_expected: usize) {
        assert!(
            self.differences.is_empty(),
            "{} steps are as expected, and these are not:\n{}",
            self.as_expected,
            self.differences.join("\n")
        );
        assert_eq!(self.as_expected, as_expected);
    }
}
