//! A contract in the shape that wit-component gives to modules of other compilers: with functions that are lowered by way
//! of trampolines, a destructor, an allocator, and a context that is given again with the record.

use crate::build;
use crate::starstream::chain::TestChain;
use crate::starstream::contract::Contract;
use crate::starstream::steps::{Answer, Chain};
use ledger_core::{Callable, FailureKind, Input, Receipt, RootCall, UtxoStatus};
use ledger_runtime::admission::Imports;
use ledger_runtime::admission::coroutine::CoroutineContract;
use ledger_runtime::profile::ExecutionProfile;
use registry_core::id::UtxoId;
use std::ops::Range;
use wasmparser::{Parser, Payload};
use wit_parser::Resolve;

fn component() -> Vec<u8> {
    wat::parse_str(include_str!("encoded.wat")).unwrap()
}

/// The text is what wit-component makes of its first module, but for names.
#[test]
fn the_text_is_what_the_encoder_makes() {
    let component = component();
    let module = Parser::new(0).parse_all(&component).find_map(|payload| match payload.unwrap() {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    });
    let encoded =
        build::component_of_module(Resolve::default(), include_str!("encoded.wit"), &component[module.unwrap()]);
    assert_eq!(sections(&component), sections(&encoded));
}

/// All sections at any depth that are not custom ones and have none within, with their ids.
fn sections(component: &[u8]) -> Vec<(u8, String)> {
    let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
    let is_leaf = |payload: &Payload<'_>| {
        use Payload::{ComponentSection, CustomSection, ModuleSection};
        !matches!(payload, CustomSection(_) | ModuleSection { .. } | ComponentSection { .. })
    };
    let sections = payloads.filter(is_leaf);
    let sections = sections.filter_map(|payload| payload.as_section());
    sections.map(|(id, range)| (id, component[range].escape_ascii().to_string())).collect()
}

/// Nothing about the trampolines and the fixups can be otherwise: every single bit of them matters.
#[test]
fn no_bit_of_the_added_modules_can_change() {
    let (component, profile) = (component(), ExecutionProfile::default());
    let mut modules = Parser::new(0).parse_all(&component).filter_map(|payload| match payload.unwrap() {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    });
    let (_main, trampolines, fixups) = (modules.next(), modules.next().unwrap(), modules.next().unwrap());
    let sections = Parser::new(0).parse_all(&component).filter_map(|payload| match payload.unwrap() {
        Payload::CustomSection(_) => None,
        payload => payload.as_section().map(|(_, range)| range),
    });
    let within =
        |range: &Range<usize>| [&trampolines, &fixups].iter().any(|it| it.start < range.start && range.end <= it.end);
    let places: Vec<usize> = sections.filter(within).flatten().collect();
    assert!(places.len() > 100, "{}", places.len());
    let is_read = |bytes: &[u8]| {
        let Some(contract) = Contract::read(bytes.to_vec()) else { return false };
        CoroutineContract::of(&profile, &contract.component, bytes, &Imports::new()).is_ok()
    };
    assert!(is_read(&component));
    for (place, bit) in places.into_iter().flat_map(|place| (0..8).map(move |bit| (place, bit))) {
        let mut changed = component.clone();
        changed[place] ^= 1 << bit;
        assert!(!is_read(&changed), "bit {bit} of byte {place}");
    }
}

#[test]
fn a_thing_lives_over_transactions() {
    let mut stage = Stage::new();
    let thing = stage.main("start").unwrap().created[0].utxo;
    assert_eq!(stage.storage(thing), ("1".to_owned(), "0".to_owned()));
    for (total, yields) in [("5", "2"), ("10", "3")] {
        assert_eq!(stage.method(thing, "go", &[5]).unwrap().changed.len(), 1);
        assert_eq!(stage.storage(thing), (yields.to_owned(), total.to_owned()));
    }
    let looked = stage.method(thing, "look", &[]).unwrap();
    assert_eq!((looked.read.len(), looked.outcome), (1, Ok(vec![3, 10])));
    assert_eq!(stage.method(thing, "finish", &[]).unwrap().consumed.len(), 1);
}

/// The script gives what the UTXO put into its memory by way of its own.
#[test]
fn a_script_calls_through_memory() {
    let mut stage = Stage::new();
    let pair = stage.script("pair").unwrap();
    assert_eq!((pair.outcome, pair.created.len(), pair.events.len()), (Ok(vec![2, 5]), 1, 1));
}

#[test]
fn an_effect_that_is_raised_through_memory_is_named() {
    let failure = Stage::new().script("ask").unwrap_err();
    assert!(failure.1.contains("`starstream:effects/oracle#price`"), "{failure:?}");
    assert_eq!(failure.0, FailureKind::Effect);
}

#[test]
fn a_contract_cannot_drop_its_own_object() {
    let (kind, detail) = Stage::new().main("careless").unwrap_err();
    assert_eq!(kind, FailureKind::Refused);
    assert!(detail.starts_with("the contract dropped its own object of the type `thing`"), "{detail}");
}

struct Stage {
    chain: TestChain,
    contract: Contract,
}

type Outcome = Result<Receipt, (FailureKind, String)>;

impl Stage {
    fn new() -> Self {
        let contract = Contract::new(component());
        Self { chain: TestChain::with(&[&contract]), contract }
    }

    fn script(&mut self, name: &str) -> Outcome {
        let call = RootCall::Function { contract: self.contract.hash, function: name.to_owned() };
        self.submit(call, Vec::new(), &[])
    }

    fn main(&mut self, main: &str) -> Outcome {
        let (contract, type_name, main) = (self.contract.hash, "thing".to_owned(), main.to_owned());
        self.submit(RootCall::Main { contract, type_name, main }, Vec::new(), &[])
    }

    fn method(&mut self, utxo: UtxoId, method: &str, arguments: &[u8]) -> Outcome {
        let call = RootCall::Method { utxo, method: method.to_owned() };
        self.submit(call, vec![Input { utxo, version: None }], arguments)
    }

    fn submit(&mut self, call: RootCall, inputs: Vec<Input>, arguments: &[u8]) -> Outcome {
        let transaction = self.chain.transaction(call, inputs, arguments.to_vec());
        match self.chain.submit(transaction, TestChain::MOMENT) {
            Answer::Executed(receipt) => match &receipt.outcome {
                Ok(_) => Ok(*receipt),
                Err(failure) => Err((failure.kind, failure.detail.clone())),
            },
            Answer::Invalid(reason) => panic!("{reason}"),
        }
    }

    /// Where a UTXO waits, and what it has counted; it offers all its methods.
    fn storage(&self, utxo: UtxoId) -> (String, String) {
        let Some(UtxoStatus::Live(utxo)) = self.chain.utxo(&utxo) else { panic!("{utxo} does not live") };
        assert!(matches!(&utxo.content.callable, Callable::Methods(methods) if methods.len() == 3));
        let storage = self.contract.storage("thing", &utxo.content.state);
        (storage["yield"].clone(), storage["total"].clone())
    }
}
