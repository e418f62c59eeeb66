//! What each step costs, frozen: a changed number is a change of every chain's rules. `BLESS=1` writes the numbers anew.

use super::chain::TestChain;
use super::expectations::ChainMoment;
use super::steps::{Answer, GAS_LIMIT, StepReport};
use super::{Summary, Watched, for_each_contract};
use ledger_core::{Execution, FailureKind, Invalid, Outcome, Transaction, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The contracts whose steps have vectors.
const CONTRACTS: [&str; 7] = ["scalars", "values", "counter", "ticker", "flash", "traps", "gas"];

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vector {
    /// `contract/sequence/step name`.
    step: String,
    outcome: String,
    gas_used: u64,
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/starstream/gas_vectors.json")
}

/// The gas of each step that has a vector.
pub(super) fn frozen() -> BTreeMap<String, u64> {
    read().into_iter().map(|vector| (vector.step, vector.gas_used)).collect()
}

fn read() -> Vec<Vector> {
    serde_json::from_slice(&std::fs::read(file()).unwrap()).unwrap()
}

#[test]
fn every_step_costs_what_it_always_did() {
    let mut vectors = Vec::new();
    for_each_contract(&mut Summary::default(), |cast, expectations, runner| {
        if !CONTRACTS.contains(&expectations.name.as_str()) {
            return Vec::new();
        }
        let reports: Vec<StepReport> = expectations
            .sequences
            .iter()
            .flat_map(|sequence| runner.run(sequence, &mut TestChain::with(&cast.deployed())))
            .collect();
        vectors.extend(reports.iter().filter_map(vector));
        reports
    });
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file(), serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    let frozen = read();
    for (vector, frozen) in vectors.iter().zip(&frozen) {
        assert_eq!(vector, frozen, "run with BLESS=1 if this change of every chain's rules is meant");
    }
    assert_eq!(vectors.len(), frozen.len());
}

/// What was used is enough, and one less is not. Where it is not, all of the limit is used and nothing happened.
#[test]
fn the_gas_that_was_used_is_the_least_that_is_enough() {
    let mut count = 0;
    for_each_contract(&mut Summary::default(), |cast, expectations, runner| {
        if !CONTRACTS.contains(&expectations.name.as_str()) {
            return Vec::new();
        }
        let mut reports = Vec::new();
        for sequence in &expectations.sequences {
            let mut chain = Watched::new(cast, |chain, transaction, moment| {
                count += try_limits(chain, transaction, moment);
            });
            reports.extend(runner.run(sequence, &mut chain));
        }
        reports
    });
    assert!(count > 100, "{count}");
}

fn vector(report: &StepReport) -> Option<Vector> {
    let Some(Answer::Executed(receipt)) = &report.answer else { return None };
    let outcome = receipt.outcome.as_ref().map_or_else(|failure| failure.kind.to_string(), |_| "ok".to_owned());
    Some(Vector { step: report.name.clone(), outcome, gas_used: receipt.gas_used })
}

fn try_limits(chain: &TestChain, transaction: &Transaction, moment: ChainMoment) -> usize {
    let Verdict::Executed(execution) = chain.execute(transaction, moment) else { return 0 };
    // What traps otherwise than by `unreachable` uses all that it had.
    let needed = execution.gas_used;
    if needed == GAS_LIMIT {
        return 0;
    }
    let with = |gas_limit| chain.execute(&Transaction { gas_limit, ..transaction.clone() }, moment);
    let Verdict::Executed(enough) = with(needed) else { panic!("{needed} is not enough") };
    assert_eq!((outcome(&enough), enough.gas_used), (outcome(&execution), needed));
    for less in [needed - 1, needed / 2, 1, 0] {
        match with(less) {
            Verdict::Executed(short) => {
                assert_eq!((outcome(&short), short.gas_used), (Some(FailureKind::OutOfGas), less));
            }
            // What cannot pay for its beginning is in no block.
            Verdict::Invalid(Invalid::GasLimitTooLow { asked, min }) => assert!(asked == less && less < min, "{min}"),
            verdict => panic!("{verdict:?}"),
        }
    }
    1
}

fn outcome(execution: &Execution) -> Option<FailureKind> {
    match &execution.outcome {
        Outcome::Succeeded(_) => None,
        Outcome::Failed(failure) => Some(failure.kind),
    }
}
