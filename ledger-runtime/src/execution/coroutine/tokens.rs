//! Calls of tokens, each in an instance of its own.
//!
//! `attach` and `detach` are methods like others of which the ledger makes more: they are called when a token is bound to a
//! UTXO or unbound from it, and refuse that by trapping.

use super::calls::{
    Begun, declared, encode_id, give_itself, instantiate, invoke, read_record, representation, result, waken,
};
use super::objects::{Binding, ObjectIndex, UtxoCondition};
use super::ownership::Asker;
use super::transition::{Frame, FrameKind, Said, Transition};
use crate::abi::{ObjectName, Resource};
use crate::admission::Executable;
use crate::admission::coroutine::{Entry, ObjectKind};
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use crate::value::Writer;
use ledger_core::ObjectId;
use registry_core::id::TokenId;
use std::sync::Arc;

/// The method that is called when a token is bound.
pub(super) const ATTACH: &str = "attach";
/// The method that is called when a token is unbound.
pub(super) const DETACH: &str = "detach";

/// Bytes that an encoded number of 32 bits takes at most.
const NUMBER_SIZE_BYTES_MAX: usize = 5;

/// Mints a token with a function of its type, in a fresh instance. Nobody holds it yet.
pub(super) fn mint(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    type_name: &str,
    function: &str,
    arguments: &[u8],
) -> Result<TokenId, Stopped> {
    let declared = declared(contract, type_name)?;
    let entry = declared.mains.get(function).filter(|entry| entry.signature.result().is_some());
    let entry = entry.filter(|_| declared.kind == ObjectKind::Token);
    let entry = entry.ok_or_else(|| Stopped::defect("a function that mints and was checked is gone"))?;
    let token = store.data_mut().transition()?.mint_token(*contract.hash(), type_name)?;
    let id = store.data_mut().transition()?.object(token)?.token_id()?;
    begun(token, contract, function, entry, arguments).record(store, |store| {
        let live = instantiate(store, contract, Some(token))?;
        let values = invoke(store, Frame { kind: FrameKind::Token(token), live }, entry, &[], arguments)?;
        give_itself(store, live, token, &values)?;
        keep_record(store, contract, token)?;
        encode_id(&ObjectId::Token(id))
    })?;
    Ok(id)
}

/// Calls a method of a token, and gives its encoded result. `attach` binds the token to the UTXO that it takes, `detach`
/// unbinds it.
pub(super) fn method(
    store: &mut Context<'_>,
    token: ObjectIndex,
    method: &str,
    arguments: &[u8],
    asker: Asker,
) -> Result<Vec<u8>, Stopped> {
    match method {
        ATTACH => {
            let to = utxo_among(store, token, ATTACH, arguments)?;
            attach(store, token, to, arguments, asker)
        }
        DETACH => {
            let source = utxo_among(store, token, DETACH, arguments)?;
            detach(store, token, source, arguments, asker)
        }
        _ => {
            store.data_mut().transition()?.check_token_call(token, method, asker)?;
            call(store, token, method, arguments)
        }
    }
}

/// Binds a token to a UTXO, with nothing else than the UTXO as argument of its `attach`.
pub(super) fn attach_to(
    store: &mut Context<'_>,
    token: ObjectIndex,
    to: ObjectIndex,
    asker: Asker,
) -> Result<(), Stopped> {
    let arguments = encode_id(&store.data_mut().transition()?.object(to)?.id)?;
    check_takes_only_utxo(store, token, ATTACH)?;
    attach(store, token, to, &arguments, asker).map(drop)
}

/// Unbinds a token from a UTXO, with nothing else than the UTXO as argument of its `detach`.
pub(super) fn detach_from(
    store: &mut Context<'_>,
    token: ObjectIndex,
    source: ObjectIndex,
    asker: Asker,
) -> Result<(), Stopped> {
    let arguments = encode_id(&store.data_mut().transition()?.object(source)?.id)?;
    check_takes_only_utxo(store, token, DETACH)?;
    detach(store, token, source, &arguments, asker).map(drop)
}

/// Burns a token with a function of its type, which runs in the token's own instance.
pub(super) fn burn(
    store: &mut Context<'_>,
    token: ObjectIndex,
    function: &str,
    arguments: &[u8],
) -> Result<(), Stopped> {
    let transition = store.data_mut().transition()?;
    transition.check_burn(token)?;
    let (contract, type_name) = not_running(store, token, function)?;
    let entry = declared(&contract, &type_name)?.mains.get(function);
    let entry = entry.filter(|entry| entry.signature.result().is_none());
    let entry = entry.ok_or_else(|| Stopped::defect("a function that burns and was checked is gone"))?;
    begun(token, &contract, function, entry, arguments).record(store, |store| {
        let live = waken(store, &contract, token)?;
        invoke(store, Frame { kind: FrameKind::Token(token), live }, entry, &[], arguments)?;
        store.data_mut().transition()?.object_mut(token)?.token_mut()?.binding = Binding::Burned;
        Ok(Vec::new())
    })?;
    Ok(())
}

/// Burns a token without running any of its code.
pub(super) fn discard(store: &mut Context<'_>, token: ObjectIndex, asker: Asker) -> Result<(), Stopped> {
    let transition = store.data_mut().transition()?;
    transition.check_discard(token, asker)?;
    transition.discard(token)?;
    let token = transition.object(token)?.token_id()?;
    transition.say(&Said::Discarded { token })
}

/// The encoded number of the tokens that a UTXO holds.
pub(super) fn count(store: &mut Context<'_>, holder: ObjectIndex) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let utxo = look_at(transition, holder)?;
    let count = u32::try_from(utxo.tokens.len()).map_err(|_| Stopped::defect("a UTXO has too many tokens"))?;
    let utxo = transition.object(holder)?.utxo_id()?;
    transition.say(&Said::TokensCounted { utxo, count })?;
    let mut writer = Writer::new(NUMBER_SIZE_BYTES_MAX);
    writer.unsigned(count.into()).map_err(|_| Stopped::defect("a number has no encoding"))?;
    Ok(writer.into_bytes())
}

/// The encoded id of the token at a place among those that a UTXO holds, in the order in which they came.
pub(super) fn held(store: &mut Context<'_>, holder: ObjectIndex, place: u32) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let utxo = look_at(transition, holder)?;
    let (found, count) = (utxo.tokens.get(place as usize).copied(), utxo.tokens.len());
    let Some(token) = found else {
        let utxo = transition.object(holder)?;
        return Err(Stopped::refused(format!("{utxo} holds {count} tokens, and none at place {place}")));
    };
    let (utxo, token) = (transition.object(holder)?.utxo_id()?, transition.object(token)?.token_id()?);
    transition.say(&Said::TokenHeld { utxo, place, token })?;
    encode_id(&ObjectId::Token(token))
}

/// A UTXO whose tokens somebody looks at, who may count on what they see.
fn look_at(transition: &mut Transition, holder: ObjectIndex) -> Result<&mut UtxoCondition, Stopped> {
    let utxo = transition.object_mut(holder)?.utxo_mut()?;
    utxo.is_used = true;
    utxo.reliances = utxo.reliances.saturating_add(1);
    Ok(utxo)
}

fn attach(
    store: &mut Context<'_>,
    token: ObjectIndex,
    to: ObjectIndex,
    arguments: &[u8],
    asker: Asker,
) -> Result<Vec<u8>, Stopped> {
    store.data_mut().transition()?.check_attach(token, to, asker)?;
    let result = call(store, token, ATTACH, arguments);
    let result = result.or_else(|stopped| refusal(store, token, "bound to", to, stopped))?;
    let transition = store.data_mut().transition()?;
    // It may have raised an effect, whose handler did something to the UTXO meanwhile.
    transition.check_attach(token, to, asker)?;
    transition.bind(token, to)?;
    let (token, to) = (transition.object(token)?.token_id()?, transition.object(to)?.utxo_id()?);
    transition.say(&Said::Attached { token, to })?;
    Ok(result)
}

fn detach(
    store: &mut Context<'_>,
    token: ObjectIndex,
    source: ObjectIndex,
    arguments: &[u8],
    asker: Asker,
) -> Result<Vec<u8>, Stopped> {
    store.data_mut().transition()?.check_detach(token, source, asker)?;
    let result = call(store, token, DETACH, arguments);
    let result = result.or_else(|stopped| refusal(store, token, "unbound from", source, stopped))?;
    let transition = store.data_mut().transition()?;
    // As after `attach`.
    transition.check_detach(token, source, asker)?;
    transition.unbind(token, source)?;
    let (token, from) = (transition.object(token)?.token_id()?, transition.object(source)?.utxo_id()?);
    transition.say(&Said::Detached { token, from })?;
    Ok(result)
}

/// `attach` or `detach` did not return. If it was the token's own code that trapped, that is how a token refuses, and it is
/// told so; `done` is what it refused.
fn refusal(
    store: &mut Context<'_>,
    token: ObjectIndex,
    done: &str,
    utxo: ObjectIndex,
    stopped: Stopped,
) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let (token, utxo) = (transition.object(token)?, transition.object(utxo)?);
    if !transition.failed_only_in(token.id) {
        return Err(stopped);
    }
    Err(stopped.refused_by(&format!("{token} refused to be {done} {utxo}")))
}

/// Calls a method of a token in its instance, and tells whoever asked.
fn call(store: &mut Context<'_>, token: ObjectIndex, method: &str, arguments: &[u8]) -> Result<Vec<u8>, Stopped> {
    let (contract, type_name) = not_running(store, token, method)?;
    let entry = method_of(&contract, &type_name, method)?;
    store.data_mut().transition()?.use_holder(token)?;
    let bytes = begun(token, &contract, method, entry, arguments).record(store, |store| {
        let live = waken(store, &contract, token)?;
        let itself = representation(store, token)?;
        let values = invoke(store, Frame { kind: FrameKind::Token(token), live }, entry, &[itself], arguments)?;
        let bytes = result(store, live, entry, &values)?;
        keep_record(store, &contract, token)?;
        Ok(bytes)
    })?;
    let transition = store.data_mut().transition()?;
    let id = transition.object(token)?.id;
    transition.say_called(id)?;
    Ok(bytes)
}

/// A token's call has ended: its record is read.
fn keep_record(store: &mut Context<'_>, contract: &Arc<Executable>, token: ObjectIndex) -> Result<(), Stopped> {
    let max = store.data_mut().transition()?.profile.token_state_size_bytes_max;
    let state = read_record(store, contract, token, max, "token_state_size_bytes_max")?;
    store.data_mut().transition()?.object_mut(token)?.token_mut()?.state = Some(state);
    Ok(())
}

/// The contract and the type of a token, of which no code may be running.
fn not_running(
    store: &mut Context<'_>,
    token: ObjectIndex,
    function: &str,
) -> Result<(Arc<Executable>, String), Stopped> {
    let transition = store.data_mut().transition()?;
    let object = transition.object(token)?;
    if transition.is_running(token) {
        return Err(Stopped::refused(format!("`{function}` of {object} was called while the token runs itself")));
    }
    let (contract, type_name) = (object.contract, object.type_name.clone());
    Ok((transition.executable(&contract)?, type_name))
}

fn method_of<'a>(contract: &'a Executable, type_name: &str, method: &str) -> Result<&'a Entry, Stopped> {
    let found = declared(contract, type_name)?.methods.get(method);
    let missing = || format!("the token type `{type_name}` of {} has no method `{method}`", contract.hash());
    found.map(|method| &method.entry).ok_or_else(|| Stopped::refused(missing()))
}

/// The one UTXO among the arguments of a token's method.
fn utxo_among(
    store: &mut Context<'_>,
    token: ObjectIndex,
    method: &str,
    arguments: &[u8],
) -> Result<ObjectIndex, Stopped> {
    let transition = store.data_mut().transition()?;
    let limits = transition.profile.values;
    let (contract, type_name) = {
        let object = transition.object(token)?;
        (object.contract, object.type_name.clone())
    };
    let contract = transition.executable(&contract)?;
    let signature = &method_of(&contract, &type_name, method)?.signature;
    let handed = signature.check_parameters(arguments, &limits).map_err(|error| Stopped::trap(error.to_string()))?;
    let mut utxos = handed.iter().filter(|handed| matches!(handed.resource, Resource::Utxo(_)));
    let name: Option<ObjectName> = match (utxos.next(), utxos.next()) {
        (Some(one), None) => Some(one.name),
        _ => None,
    };
    let index = name.and_then(|name| transition.index_of(&name));
    let reason = || format!("`{method}` of the token type `{type_name}` does not take one UTXO, which it is about");
    index.ok_or_else(|| Stopped::refused(reason()))
}

/// What knows no type of tokens can only call an `attach` or `detach` that takes nothing but a UTXO.
fn check_takes_only_utxo(store: &mut Context<'_>, token: ObjectIndex, method: &str) -> Result<(), Stopped> {
    let transition = store.data_mut().transition()?;
    let (contract, type_name) = {
        let object = transition.object(token)?;
        (object.contract, object.type_name.clone())
    };
    let contract = transition.executable(&contract)?;
    if method_of(&contract, &type_name, method)?.signature.parameters().len() == 1 {
        return Ok(());
    }
    let object = transition.object(token)?;
    let reason = format!("`{method}` of {object} takes more than a UTXO: call it by its own type");
    Err(Stopped::refused(reason))
}

fn begun<'a>(
    token: ObjectIndex,
    contract: &Executable,
    function: &'a str,
    entry: &'a Entry,
    arguments: &'a [u8],
) -> Begun<'a> {
    Begun { object: Some(token), contract: *contract.hash(), function, core_name: &entry.core_name, arguments }
}
