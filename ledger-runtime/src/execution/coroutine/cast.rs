//! What anybody asks about a UTXO or a token of any type.

use super::callee::lent;
use super::handles::unusable;
use super::host::{lift, lower, method_id, number};
use super::transition::{Frame, Said, Transition};
use crate::abi::{HandleError, Resource, Signature};
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use crate::value::Reader;
use ledger_core::ObjectId;
use wasmtime::Val;

/// Whether a UTXO offers a method now. One that runs, or was consumed, offers nothing.
pub(super) fn has_method(transition: &mut Transition, frame: Frame, parameters: &[Val]) -> Result<bool, Stopped> {
    let index = lent(transition, frame, &Resource::Utxo(None), number(parameters, 0)?)?;
    let method = method_id(parameters)?;
    let is_running = transition.is_running(index);
    let object = transition.object_mut(index)?;
    let (id, is_gone) = (object.utxo_id()?, object.is_gone());
    let utxo = object.utxo_mut()?;
    // What comes of the transaction may depend on what the UTXO said.
    utxo.is_used = true;
    let is_offered = !is_running && !is_gone && utxo.callable.contains(&method);
    transition.say(&Said::HasMethod { utxo: id, method, is_offered })?;
    Ok(is_offered)
}

/// A handle for the same object as one of the type `to`, if it is one.
pub(super) fn downcast(
    store: &mut Context<'_>,
    frame: Frame,
    to: &Resource,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    check_not_lent(store, frame, parameters)?;
    let encoded = lift(store, frame, signature, parameters)?;
    let transition = store.data_mut().transition()?;
    let name = Reader::new(&encoded).text().ok().and_then(|text| text.parse().ok());
    let index = name.and_then(|name| transition.index_of(&name));
    let index = index.ok_or_else(|| Stopped::defect("an object that was passed has no name"))?;
    let object = transition.object(index)?;
    let (id, fits) = (object.id, object.is(to, transition.live(frame.live)?.contract.hash()));
    transition.say(&Said::Downcast { object: id, fits })?;
    let answer = if fits { [SOME, &encoded].concat() } else { NONE.to_vec() };
    lower(store, frame, signature, &answer, parameters)
}

/// A cast gives an own handle, which must not come of a token that was only lent.
fn check_not_lent(store: &mut Context<'_>, frame: Frame, parameters: &[Val]) -> Result<(), Stopped> {
    let handle = number(parameters, 0)?;
    let transition = store.data_mut().transition()?;
    let handles = transition.handles(frame.live)?;
    let (is_lent, index) = (handles.is_lent(handle), handles.get(handle).map_err(unusable)?);
    let is_token = matches!(transition.object(index)?.id, ObjectId::Token(_));
    if is_token && is_lent { Err(unusable(HandleError::Lent { handle })) } else { Ok(()) }
}

/// How the encoding of an option begins.
const SOME: &[u8] = &[1];
const NONE: &[u8] = &[0];

/// A handle for the same object as one of any type.
pub(super) fn upcast(
    store: &mut Context<'_>,
    frame: Frame,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    check_not_lent(store, frame, parameters)?;
    let encoded = lift(store, frame, signature, parameters)?;
    lower(store, frame, signature, &encoded, parameters)
}
