//! Components that somebody has changed a byte of: they are refused, or they run like any contract. Nothing that they are
//! or do is a fault of the node.

use crate::starstream::chain::{Machine, TestChain};
use crate::starstream::contract::{Contract, encode_arguments};
use crate::starstream::expectations::{self, ContractExpectations, Kind, Step, Text};
use crate::starstream::steps::Answer;
use ledger_core::{Input, Outcome, RootCall, Transaction, Verdict};
use registry_core::id::UtxoId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Contracts that together use all that the compiler makes but tokens.
const CONTRACTS: [&str; 5] = ["counter", "values", "transfer", "effects", "deadline"];
/// Enough for what they do, and little for a loop that has become endless.
const GAS_LIMIT: u64 = 2_000_000;

#[test]
fn a_component_with_a_changed_byte() {
    let changes = if std::env::var_os("LEDGER_SLOW_TESTS").is_some() { 5_000 } else { 100 };
    let machine = Arc::new(Machine::new());
    let (mut random, mut admitted, mut executed) = (Random(0x9e37_79b9_7f4a_7c15), 0, 0);
    for expectations in &expectations::read().contracts {
        if !CONTRACTS.contains(&expectations.name.as_str()) {
            continue;
        }
        let original = expectations::component(&expectations.name);
        for _ in 0..changes {
            let mut bytes = original.clone();
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
            let Some(contract) = Contract::read(bytes) else { continue };
            if machine.admit(&contract).is_ok() {
                admitted += 1;
                executed += exercise(&machine, &contract, expectations);
            }
        }
    }
    assert!(admitted > 20 && executed > admitted, "{admitted} admitted, {executed} executed");
}

/// Executes what the contract's expectations have as scripts and mains, each once, and then every method of what was made
/// first. Gives how many transactions could be in a block.
fn exercise(machine: &Arc<Machine>, contract: &Contract, expectations: &ContractExpectations) -> usize {
    let mut chain = TestChain::on(Arc::clone(machine), &[contract]);
    let (mut count, mut called, mut has_made) = (0, BTreeSet::new(), false);
    for step in expectations.sequences.iter().flat_map(|sequence| &sequence.steps) {
        if !called.insert(&step.name) {
            continue;
        }
        let Some(transaction) = first_call(&mut chain, contract, step) else { continue };
        let Verdict::Executed(execution) = chain.execute(&transaction, TestChain::MOMENT) else { continue };
        count += 1;
        if !has_made && matches!(&execution.outcome, Outcome::Succeeded(effects) if !effects.created.is_empty()) {
            has_made = true;
            let Answer::Executed(receipt) = chain.submit(transaction, TestChain::MOMENT) else { continue };
            count +=
                receipt.created.iter().map(|made| exercise_methods(&mut chain, made.utxo, expectations)).sum::<usize>();
        }
    }
    count
}

fn exercise_methods(chain: &mut TestChain, utxo: UtxoId, expectations: &ContractExpectations) -> usize {
    let mut count = 0;
    for method in expectations.objects.values().flat_map(|object| object.methods.keys()) {
        // Zeros are numbers of every type.
        for arguments in [vec![], vec![0], vec![0, 0]] {
            let call = RootCall::Method { utxo, method: method.clone() };
            let transaction = chain.transaction(call, vec![Input { utxo, version: None }], arguments);
            let transaction = Transaction { gas_limit: GAS_LIMIT, ..transaction };
            count += usize::from(matches!(chain.execute(&transaction, TestChain::MOMENT), Verdict::Executed(_)));
        }
    }
    count
}

fn first_call(chain: &mut TestChain, contract: &Contract, step: &Step) -> Option<Transaction> {
    let type_name = step.utxo_type.clone().unwrap_or_default();
    let (call, signature) = match step.kind {
        Kind::Script => {
            let call = RootCall::Function { contract: contract.hash, function: step.name.clone() };
            (call, contract.script(&step.name)?)
        }
        Kind::Main => {
            let signature = contract.function_of(&type_name, &step.name)?;
            (RootCall::Main { contract: contract.hash, type_name, main: step.name.clone() }, signature)
        }
        _ => return None,
    };
    let text = |argument: &Text| match argument {
        Text::Wave(text) => Some(text.clone()),
        Text::Utxo { .. } | Text::Token { .. } => None,
    };
    let arguments: Vec<String> = step.args.iter().map(text).collect::<Option<_>>()?;
    let transaction = chain.transaction(call, Vec::new(), encode_arguments(&signature, &arguments).ok()?);
    Some(Transaction { gas_limit: GAS_LIMIT, ..transaction })
}

/// Numbers that look random, and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
