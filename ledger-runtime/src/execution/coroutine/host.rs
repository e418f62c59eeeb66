//! What a Starstream contract can ask the ledger for.
//!
//! All host functions find out who asks from the frames of the transition: calls between instances always go through
//! the host, so the code that asks is always that of the last frame.

use super::calls::{memory, of_lifting, of_lowering, with_memory};
use super::handles::{CONTEXT, InstanceHandles, unusable};
use super::objects::ObjectIndex;
use super::transition::{Frame, FrameKind, Said, Transition};
use super::{cast, coordinate, handlers, holding};
use crate::abi::{HandleError, Signature};
use crate::admission::coroutine::HostFunction;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::{Context, TransactionStore};
use ledger_core::{Event, MethodId, ObjectId};
use std::sync::Arc;
use wasmtime::{AsContextMut, Caller, Val};

/// Answers a call of `function` by the code that runs. The types of parameters and results were checked when the
/// contract was admitted.
pub(super) fn serve(
    mut caller: Caller<'_, TransactionStore>,
    function: &HostFunction,
    parameters: &[Val],
    results: &mut [Val],
) -> Result<(), Stopped> {
    let mut store = caller.as_context_mut();
    let gas = store.data_mut().transition()?.profile.gas_per_host_call;
    gas::charge(&mut store, gas)?;
    let answer = answer(&mut store, function, parameters)?;
    charge_owed(&mut store)?;
    match (results, answer) {
        ([result], Some(value)) => *result = value,
        ([], None) => {}
        _ => return Err(Stopped::defect("a host function has another type than was checked")),
    }
    Ok(())
}

/// Charges what was said in the answer, and what was loaded for it.
fn charge_owed(store: &mut Context<'_>) -> Result<(), Stopped> {
    let profile = Arc::clone(&store.data_mut().transition()?.profile);
    gas::charge_owed(store, &profile)
}

fn answer(store: &mut Context<'_>, function: &HostFunction, parameters: &[Val]) -> Result<Option<Val>, Stopped> {
    let transition = store.data_mut().transition()?;
    let frame = transition.frame()?;
    match function {
        HostFunction::NewObject { object } => return make_itself(transition, frame, object, number(parameters, 0)?),
        HostFunction::RepObject { .. } => {
            let representation = transition.handles(frame.live)?.itself(number(parameters, 0)?);
            return representation.map(handle_value).map_err(unusable);
        }
        HostFunction::DropObject { object } => {
            transition.handles(frame.live)?.itself(number(parameters, 0)?).map_err(unusable)?;
            return Err(Stopped::refused(format!(
                "the contract dropped its own object of the type `{object}`, which the ledger keeps (a UTXO ends by dropping \
                 its context)"
            )));
        }
        _ if frame.kind == FrameKind::Setup => {
            return Err(Stopped::refused(format!(
                "{} asked the ledger for something in `set-storage` or `get-storage`, where it only takes or gives its record",
                transition.who(frame)?
            )));
        }
        HostFunction::Resume => resume(transition, frame, number(parameters, 0)?)?,
        HostFunction::ImplementsMethod => implements_method(transition, frame, parameters)?,
        HostFunction::DropContext => drop_context(transition, frame, number(parameters, 0)?)?,
        HostFunction::DropHandle(resource) => {
            let mut handles = InstanceHandles { transition, live: frame.live };
            handles.drop_handle(resource, number(parameters, 0)?).map_err(unusable)?;
        }
        HostFunction::BlockHeight => {
            let height = i64::try_from(transition.moment.height).unwrap_or(i64::MAX);
            transition.say(&Said::Height(height))?;
            return Ok(Some(Val::I64(height)));
        }
        HostFunction::CurrentSlot => {
            let slot = i64::try_from(transition.moment.slot).unwrap_or(i64::MAX);
            transition.say(&Said::Slot(slot))?;
            return Ok(Some(Val::I64(slot)));
        }
        HostFunction::Event { interface, name, signature } => {
            event(store, frame, interface, name, signature, parameters)?;
        }
        HostFunction::Effect { interface, name, signature } => {
            return handlers::raise(store, frame, interface, name, signature, parameters);
        }
        HostFunction::Main { object, main, signature } => {
            return coordinate::call_main(store, frame, object, main, signature, parameters);
        }
        HostFunction::Method { object, method, signature } => {
            return coordinate::call_method(store, frame, object, method, signature, parameters);
        }
        HostFunction::DynamicMethod { method, signature } => {
            return coordinate::call_dynamic_method(store, frame, method, signature, parameters);
        }
        HostFunction::Script { contract, script, signature } => {
            return coordinate::call_script(store, frame, contract, script, signature, parameters);
        }
        HostFunction::InstallHandler { interface } => handlers::install(transition, frame, interface)?,
        HostFunction::UninstallHandler { interface } => handlers::uninstall(transition, frame, interface)?,
        HostFunction::HasMethod => {
            return Ok(Some(Val::I32(cast::has_method(transition, frame, parameters)?.into())));
        }
        HostFunction::Downcast { to, signature } => return cast::downcast(store, frame, to, signature, parameters),
        HostFunction::Upcast { signature } => return cast::upcast(store, frame, signature, parameters),
        HostFunction::Mint { object, function, signature } => {
            return holding::mint(store, frame, object, function, signature, parameters);
        }
        HostFunction::Burn { object, function, signature } => {
            holding::burn(store, frame, object, function, signature, parameters)?;
        }
        HostFunction::TokenMethod { object, method, signature } => {
            return holding::call_token(store, frame, object, method, signature, parameters);
        }
        HostFunction::Tokens { function, signature } => {
            return holding::tokens_function(store, frame, *function, signature, parameters);
        }
    }
    Ok(None)
}

/// A UTXO makes the handle by which it knows itself.
fn make_itself(
    transition: &mut Transition,
    frame: Frame,
    type_name: &str,
    representation: u32,
) -> Result<Option<Val>, Stopped> {
    let object = transition.live(frame.live)?.object;
    let object = object.map(|object| transition.object(object)).transpose()?;
    if object.is_none_or(|object| object.type_name != type_name) {
        let who = transition.who(frame)?;
        return Err(Stopped::refused(format!(
            "{who} made a `{type_name}` by itself, and not because it was asked for one"
        )));
    }
    let handle = transition.handles(frame.live)?.make_itself(representation);
    handle.map(handle_value).map_err(unusable)
}

/// A UTXO goes on: what it offered before it does not offer any more.
fn resume(transition: &mut Transition, frame: Frame, context: u32) -> Result<(), Stopped> {
    let object = owner_of_context(transition, frame, context)?;
    transition.object_mut(object)?.utxo_mut()?.callable.clear();
    transition.say(&Said::Resumed)
}

/// A UTXO names a method that may be called when it stops.
fn implements_method(transition: &mut Transition, frame: Frame, parameters: &[Val]) -> Result<(), Stopped> {
    let object = owner_of_context(transition, frame, number(parameters, 0)?)?;
    let id = method_id(parameters)?;
    let max = transition.profile.callable_methods_max;
    let callable = &mut transition.object_mut(object)?.utxo_mut()?.callable;
    callable.insert(id);
    if callable.len() > max {
        return Err(Stopped::limit(max, "methods that can be called at a yield", "callable_methods_max"));
    }
    transition.say(&Said::Offered(id))
}

/// A UTXO comes to its end.
fn drop_context(transition: &mut Transition, frame: Frame, context: u32) -> Result<(), Stopped> {
    let object = owner_of_context(transition, frame, context)?;
    transition.object_mut(object)?.utxo_mut()?.is_context_dropped = true;
    transition.say(&Said::ContextDropped)
}

/// The UTXO whose context `handle` is: the one that runs, if it still has its context. There is no other that it could
/// name.
fn owner_of_context(transition: &Transition, frame: Frame, handle: u32) -> Result<ObjectIndex, Stopped> {
    let unknown = || unusable(HandleError::Unknown { handle });
    let FrameKind::Utxo(index) = frame.kind else { return Err(unknown()) };
    let has_context = !transition.object(index)?.utxo()?.is_context_dropped;
    if handle == CONTEXT && has_context { Ok(index) } else { Err(unknown()) }
}

fn event(
    store: &mut Context<'_>,
    frame: Frame,
    interface: &str,
    name: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<(), Stopped> {
    let arguments = lift(store, frame, signature, parameters)?;
    let profile = Arc::clone(&store.data_mut().transition()?.profile);
    let named = gas::of_values(&profile, interface.len() + name.len());
    gas::charge(&mut *store, profile.gas_per_event.saturating_add(named))?;
    let transition = store.data_mut().transition()?;
    transition.say(&Said::Event { interface, name, arguments: &arguments })?;
    let contract = *transition.live(frame.live)?.contract.hash();
    let object = running(transition, frame)?;
    transition.tell(Event { contract, object, interface: interface.to_owned(), name: name.to_owned(), arguments })
}

/// The UTXO or the token that runs; none if a script does.
fn running(transition: &Transition, frame: Frame) -> Result<Option<ObjectId>, Stopped> {
    match frame.kind {
        FrameKind::Utxo(object) | FrameKind::Token(object) => Ok(Some(transition.object(object)?.id)),
        FrameKind::Script | FrameKind::Setup => Ok(None),
    }
}

/// The encoding of what the code that runs passed, which is charged.
pub(super) fn lift(
    store: &mut Context<'_>,
    frame: Frame,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let profile = Arc::clone(&transition.profile);
    let handles = &mut InstanceHandles { transition, live: frame.live };
    let bytes = signature.lift_parameters(parameters, &profile.values, handles).map_err(of_lifting)?;
    gas::charge(&mut *store, gas::of_values(&profile, bytes.len()))?;
    Ok(bytes)
}

/// Gives the code that runs an encoded result, which is charged: the value to return, or none if it is in memory.
pub(super) fn lower(
    store: &mut Context<'_>,
    frame: Frame,
    signature: &Signature,
    bytes: &[u8],
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let profile = Arc::clone(&store.data_mut().transition()?.profile);
    gas::charge(&mut *store, gas::of_values(&profile, bytes.len()))?;
    let memory = memory(store, frame.live)?;
    let pointer = signature.return_pointer(parameters);
    let lowered = with_memory(store, memory, frame.live, |memory, handles| {
        signature.lower_result(bytes, &profile.values, handles, memory, pointer)
    })?;
    lowered.map_err(of_lowering)
}

/// The id of a method after a handle: the hash of its name as four numbers, each little endian.
pub(super) fn method_id(parameters: &[Val]) -> Result<MethodId, Stopped> {
    let mut id = [0; 32];
    for (part, value) in id.chunks_exact_mut(8).zip(parameters.iter().skip(1)) {
        let number = value.i64().ok_or_else(wrong_type)?;
        part.copy_from_slice(&number.to_le_bytes());
    }
    Ok(MethodId(id))
}

pub(super) fn number(parameters: &[Val], index: usize) -> Result<u32, Stopped> {
    parameters.get(index).and_then(Val::i32).map(i32::cast_unsigned).ok_or_else(wrong_type)
}

fn handle_value(number: u32) -> Option<Val> {
    Some(Val::I32(number.cast_signed()))
}

pub(super) fn wrong_type() -> Stopped {
    Stopped::defect("a host function was called with other types than were checked")
}
