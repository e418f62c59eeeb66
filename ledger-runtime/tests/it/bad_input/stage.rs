//! A chain with one contract, which does its worst.

use super::thing::Thing;
use crate::starstream::chain::TestChain;
use crate::starstream::contract::Contract;
use crate::starstream::steps::{Answer, Chain, GAS_LIMIT};
use ledger_core::{FailureKind, Input, Receipt, RootCall, Transaction, UtxoStatus};
use registry_core::id::UtxoId;

/// A chain with one contract.
pub(super) struct Stage {
    pub(super) chain: TestChain,
    pub(super) contract: Contract,
    /// The type of its UTXOs, and the main that makes one.
    type_name: &'static str,
    main: &'static str,
}

impl Stage {
    pub(super) fn new(contract: Contract, type_name: &'static str, main: &'static str) -> Self {
        let chain = TestChain::with(&[&contract]);
        Self { chain, contract, type_name, main }
    }

    pub(super) fn of_thing(thing: &Thing) -> Self {
        Self::new(thing.contract(), "thing", "start")
    }

    pub(super) fn script(&mut self, name: &str) -> Answer {
        let call = RootCall::Function { contract: self.contract.hash, function: name.to_owned() };
        self.submit(call, Vec::new(), Vec::new())
    }

    pub(super) fn main(&mut self) -> Answer {
        let (contract, type_name, main) = (self.contract.hash, self.type_name.to_owned(), self.main.to_owned());
        self.submit(RootCall::Main { contract, type_name, main }, Vec::new(), Vec::new())
    }

    /// A UTXO that lives.
    pub(super) fn thing(&mut self) -> UtxoId {
        succeeded(&self.main()).created[0].utxo
    }

    pub(super) fn method(&mut self, utxo: UtxoId, name: &str) -> Answer {
        let call = RootCall::Method { utxo, method: name.to_owned() };
        self.submit(call, vec![Input { utxo, version: None }], Vec::new())
    }

    /// Calls a method of a UTXO that may only be read.
    pub(super) fn read(&mut self, utxo: UtxoId, name: &str) -> Answer {
        let call = RootCall::Method { utxo, method: name.to_owned() };
        self.submit(call, Vec::new(), vec![Input { utxo, version: None }])
    }

    /// Whatever a contract does: twice the same, all gas accounted for, and nothing changed if it failed.
    fn submit(&mut self, call: RootCall, inputs: Vec<Input>, references: Vec<Input>) -> Answer {
        let transaction = self.chain.transaction(call, inputs, Vec::new());
        let transaction = Transaction { references, ..transaction };
        let root = self.chain.state_root();
        let first = self.chain.execute(&transaction, TestChain::MOMENT);
        assert_eq!(self.chain.execute(&transaction, TestChain::MOMENT), first);
        let answer = self.chain.submit(transaction, TestChain::MOMENT);
        if let Answer::Executed(receipt) = &answer {
            assert!(receipt.gas_used > 0 && receipt.gas_used <= GAS_LIMIT);
            if receipt.outcome.is_err() {
                assert_eq!(self.chain.state_root(), root);
                assert!(receipt.events.is_empty() && receipt.created.is_empty() && receipt.read.is_empty());
            }
        }
        answer
    }

    pub(super) fn total(&self, utxo: &UtxoId) -> String {
        match self.chain.utxo(utxo) {
            Some(UtxoStatus::Live(utxo)) => self.contract.storage(self.type_name, &utxo.content.state)["total"].clone(),
            status => panic!("{utxo} is {status:?}"),
        }
    }
}

pub(super) fn succeeded(answer: &Answer) -> &Receipt {
    match answer {
        Answer::Executed(receipt) if receipt.outcome.is_ok() => receipt,
        _ => panic!("{answer:?}"),
    }
}

/// The kind of failure, and that it is told in the ledger's own words.
pub(super) fn failed(answer: &Answer) -> FailureKind {
    match answer {
        Answer::Executed(receipt) => match &receipt.outcome {
            Err(failure) => {
                assert!(!failure.detail.is_empty() && !failure.detail.contains("wasm backtrace"), "{failure}");
                failure.kind
            }
            Ok(_) => panic!("{answer:?}"),
        },
        Answer::Invalid(_) => panic!("{answer:?}"),
    }
}
