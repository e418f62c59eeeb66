//! The calls of a transaction that coordinates by itself, one after another.
//!
//! What can be known before was checked before; the rest is checked here, just before each call.

use super::callee::callable;
use super::calls::{self, declared, encode_id};
use super::objects::ObjectIndex;
use super::ownership::Asker;
use super::tokens;
use super::transition::Transition;
use crate::abi::{ObjectName, Resource, Signature};
use crate::admission::Executable;
use crate::admission::coroutine::Object as Declared;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use crate::value::Writer;
use ledger_core::{ObjectId, RootStep, StepCall, TokenRef, UtxoRef};
use std::sync::Arc;

/// Makes the calls, and gives the encoding of a list of their encoded results.
pub(crate) fn steps(store: &mut Context<'_>, steps: &[RootStep]) -> Result<Vec<u8>, Stopped> {
    let profile = Arc::clone(&store.data_mut().transition()?.profile);
    let mut results = Writer::new(profile.values.encoded_size_bytes_max);
    results.unsigned(steps.len() as u64).map_err(|fault| Stopped::too_long(&fault))?;
    for (number, step) in (1..).zip(steps) {
        gas::charge(&mut *store, profile.gas_per_utxo_call)?;
        let result = make(store, &step.call, &step.arguments).map_err(|stopped| stopped.in_step(number))?;
        results.list_of_bytes(&result).map_err(|fault| Stopped::too_long(&fault))?;
    }
    Ok(results.into_bytes())
}

/// Makes one call and gives its encoded result: for what makes a UTXO or a token its id.
fn make(store: &mut Context<'_>, call: &StepCall, arguments: &[u8]) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    match call {
        StepCall::Function { contract, function } => {
            let contract = transition.executable(contract)?;
            let script = contract.coroutine().and_then(|form| form.contract.scripts.get(function));
            let script = script.ok_or_else(|| Stopped::defect("a script that was checked is gone"))?;
            check_arguments(transition, &contract, function, &script.signature, arguments)?;
            calls::script(store, &contract, function, arguments)
        }
        StepCall::Main { contract, type_name, main } => {
            let contract = transition.executable(contract)?;
            let entry = declared(&contract, type_name)?.mains.get(main);
            let entry = entry.ok_or_else(|| Stopped::defect("a main function that was checked is gone"))?;
            check_arguments(transition, &contract, main, &entry.signature, arguments)?;
            let utxo = calls::main(store, &contract, type_name, main, arguments)?;
            encode_id(&ObjectId::Utxo(utxo))
        }
        StepCall::Method { utxo, method } => {
            let object = utxo_of(transition, *utxo)?;
            check_method(transition, object, method, arguments)?;
            let id = transition.object(object)?.utxo_id()?;
            calls::method(store, &id, method, arguments)
        }
        StepCall::Mint { contract, type_name, function } => {
            let contract = transition.executable(contract)?;
            let entry = declared(&contract, type_name)?.mains.get(function);
            let entry = entry.ok_or_else(|| Stopped::defect("a function that mints and was checked is gone"))?;
            check_arguments(transition, &contract, function, &entry.signature, arguments)?;
            let token = tokens::mint(store, &contract, type_name, function, arguments)?;
            encode_id(&ObjectId::Token(token))
        }
        StepCall::TokenMethod { token, method } => {
            let token = token_of(transition, *token)?;
            check_token_function(transition, token, method, arguments, |declared| {
                declared.methods.get(method).map(|method| &method.entry.signature)
            })?;
            tokens::method(store, token, method, arguments, Asker::Coordinator)
        }
        StepCall::Burn { token, function } => {
            let token = token_of(transition, *token)?;
            check_token_function(transition, token, function, arguments, |declared| {
                let entry = declared.mains.get(function).filter(|entry| entry.signature.result().is_none());
                entry.map(|entry| &entry.signature)
            })?;
            tokens::burn(store, token, function, arguments)?;
            Ok(Vec::new())
        }
        StepCall::Discard { token } => {
            let token = token_of(transition, *token)?;
            tokens::discard(store, token, Asker::Coordinator)?;
            Ok(Vec::new())
        }
    }
}

fn utxo_of(transition: &Transition, utxo: UtxoRef) -> Result<ObjectIndex, Stopped> {
    find(
        transition,
        match utxo {
            UtxoRef::Kept(id) => ObjectName::Id(ObjectId::Utxo(id)),
            UtxoRef::Made(place) => ObjectName::Made(place),
        },
    )
}

fn token_of(transition: &Transition, token: TokenRef) -> Result<ObjectIndex, Stopped> {
    find(
        transition,
        match token {
            TokenRef::Kept(id) => ObjectName::Id(ObjectId::Token(id)),
            TokenRef::Minted(place) => ObjectName::Minted(place),
        },
    )
}

fn find(transition: &Transition, name: ObjectName) -> Result<ObjectIndex, Stopped> {
    transition.index_of(&name).ok_or_else(|| {
        Stopped::refused(match name {
            ObjectName::Id(id) => format!("the transaction has no object {id}"),
            ObjectName::Made(_) => format!("the transaction has not made the UTXO `{name}` yet"),
            ObjectName::Minted(_) => format!("the transaction has not minted the token `{name}` yet"),
        })
    })
}

/// A UTXO's method exists, takes these arguments, and can be called now.
fn check_method(transition: &mut Transition, utxo: ObjectIndex, method: &str, arguments: &[u8]) -> Result<(), Stopped> {
    let contract = contract_of(transition, utxo)?;
    let object = transition.object(utxo)?;
    let found = declared_of(&contract, &object.type_name).and_then(|declared| declared.methods.get(method));
    let found = found.ok_or_else(|| Stopped::refused(format!("{object} has no method `{method}`")))?;
    let signature = &found.entry.signature;
    callable(transition, utxo, method)?;
    check_arguments(transition, &contract, method, signature, arguments)
}

/// A function of a token's type exists and takes these arguments.
fn check_token_function(
    transition: &mut Transition,
    token: ObjectIndex,
    function: &str,
    arguments: &[u8],
    find: impl FnOnce(&Declared) -> Option<&Signature>,
) -> Result<(), Stopped> {
    let contract = contract_of(transition, token)?;
    let object = transition.object(token)?;
    let signature = declared_of(&contract, &object.type_name).and_then(find);
    let signature = signature
        .ok_or_else(|| Stopped::refused(format!("{object} has no function `{function}` that could be called so")))?;
    check_arguments(transition, &contract, function, signature, arguments)
}

fn contract_of(transition: &mut Transition, object: ObjectIndex) -> Result<Arc<Executable>, Stopped> {
    let contract = transition.object(object)?.contract;
    transition.executable(&contract)
}

/// A type of a contract; none if the contract is not of Starstream's form.
fn declared_of<'a>(contract: &'a Executable, type_name: &str) -> Option<&'a Declared> {
    contract.coroutine()?.contract.objects.get(type_name)
}

/// The arguments are those of the function, and every object in them is there and of the right type.
fn check_arguments(
    transition: &Transition,
    contract: &Executable,
    function: &str,
    signature: &Signature,
    arguments: &[u8],
) -> Result<(), Stopped> {
    let handed = signature.check_parameters(arguments, &transition.profile.values);
    for handed in handed.map_err(|error| Stopped::refused(error.to_string()))? {
        let object = transition.object(find(transition, handed.name)?)?;
        if !object.is(&handed.resource, contract.hash()) {
            let taken = taken(&handed.resource, contract);
            return Err(Stopped::refused(format!(
                "{object} is of another type than `{function}` takes, which is {taken}"
            )));
        }
    }
    Ok(())
}

/// What a function takes, in words: "a token of the type `coin` of p2:c…".
fn taken(resource: &Resource, contract: &Executable) -> String {
    let (kind, ty) = match resource {
        Resource::Utxo(ty) => ("a UTXO", ty),
        Resource::Token(ty) => ("a token", ty),
        Resource::Context => return "a context".to_owned(),
    };
    match ty {
        Some(ty) => format!("{kind} of the type `{}` of {}", ty.name, ty.contract(contract.hash())),
        None => format!("{kind} of any type"),
    }
}
