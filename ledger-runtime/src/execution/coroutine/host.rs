//! What a Starstream contract can ask the ledger for.
//!
//! All host functions find out who asks from the frames of the transition: calls between instances always go through
//! the host, so the code that asks is always that of the last frame.

use super::calls::{self, memory, of_lifting, of_lowering, with_memory};
use super::effects::Effect;
use super::handles::{CONTEXT, InstanceHandles, unusable};
use super::objects::{Object, ObjectIndex};
use super::transition::{Frame, FrameKind, Said, Transition};
use crate::abi::{HandleError, Handles, ObjectType, Resource, Signature};
use crate::admission::Executable;
use crate::admission::coroutine::HostFunction;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::{Context, TransactionStore};
use ledger_core::{Event, MethodId, ObjectId};
use registry_core::id::UtxoId;
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
    match (results, answer) {
        ([result], Some(value)) => *result = value,
        ([], None) => {}
        _ => return Err(Stopped::defect("a host function has another type than was checked")),
    }
    Ok(())
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
            return Err(Stopped::refused("the contract asked for something while it was only set up"));
        }
        HostFunction::Resume => resume(transition, frame, number(parameters, 0)?)?,
        HostFunction::ImplementsMethod => implements_method(transition, frame, parameters)?,
        HostFunction::DropContext => drop_context(transition, frame, number(parameters, 0)?)?,
        HostFunction::DropHandle(resource) => {
            let mut handles = InstanceHandles { transition, live: frame.live };
            handles.lift(resource, number(parameters, 0)?, true).map_err(unusable)?;
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
            return effect(store, frame, interface, name, signature, parameters);
        }
        HostFunction::Main { object, main, signature } => {
            return call_main(store, frame, &object.name, main, signature, parameters);
        }
        HostFunction::Method { object, method, signature } => {
            return call_method(store, frame, &object.name, method, signature, parameters);
        }
        other => return Err(Stopped::refused(format!("the ledger does not serve {other:?}"))),
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
        return Err(Stopped::refused(format!("the contract made a `{type_name}` by itself, not through a main")));
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

/// A UTXO names a method that may be called when it stops. The hash of its name comes as four numbers, each little endian.
fn implements_method(transition: &mut Transition, frame: Frame, parameters: &[Val]) -> Result<(), Stopped> {
    let object = owner_of_context(transition, frame, number(parameters, 0)?)?;
    let mut id = [0; 32];
    for (part, value) in id.chunks_exact_mut(8).zip(parameters.iter().skip(1)) {
        let number = value.i64().ok_or_else(wrong_type)?;
        part.copy_from_slice(&number.to_le_bytes());
    }
    let max = transition.profile.callable_methods_max;
    let callable = &mut transition.object_mut(object)?.utxo_mut()?.callable;
    callable.insert(MethodId(id));
    if callable.len() > max {
        return Err(Stopped::limit(max, "methods that can be called at a yield", "callable_methods_max"));
    }
    transition.say(&Said::Offered(MethodId(id)))
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

/// Asks the handlers, the last one first.
fn effect(
    store: &mut Context<'_>,
    frame: Frame,
    interface: &str,
    name: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let arguments = lift(store, frame, signature, parameters)?;
    let transition = store.data_mut().transition()?;
    let contract = *transition.live(frame.live)?.contract.hash();
    let utxo = match running(transition, frame)? {
        Some(ObjectId::Utxo(utxo)) => Some(utxo),
        Some(ObjectId::Token(_)) | None => None,
    };
    let effect = Effect { contract, utxo, interface, name, arguments: &arguments };
    let answer = transition.handlers.iter_mut().rev().find_map(|handler| handler.handle(&effect));
    let answer = answer.ok_or_else(|| Stopped::unhandled(interface, name))?.map_err(Stopped::Failed)?;
    transition.say(&Said::Effect { interface, name, arguments: &arguments, answer: &answer })?;
    lower(store, frame, signature, &answer, parameters)
}

/// A script makes a UTXO.
fn call_main(
    store: &mut Context<'_>,
    frame: Frame,
    type_name: &str,
    main: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let contract = begin_utxo_call(store, frame)?;
    let arguments = lift(store, frame, signature, parameters)?;
    let id = calls::main(store, &contract, type_name, main, &arguments)?;
    let id = ObjectId::Utxo(id);
    store.data_mut().transition()?.say_called(id)?;
    lower(store, frame, signature, &calls::encode_id(&id)?, parameters)
}

/// A script calls a method of a UTXO.
fn call_method(
    store: &mut Context<'_>,
    frame: Frame,
    type_name: &str,
    method: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let contract = begin_utxo_call(store, frame)?;
    let transition = store.data_mut().transition()?;
    let utxo = callee(transition, frame, &contract, type_name, method, number(parameters, 0)?)?;
    let arguments = lift(store, frame, signature, parameters)?;
    let result = calls::method(store, &utxo, method, &arguments)?;
    store.data_mut().transition()?.say_called(ObjectId::Utxo(utxo))?;
    lower(store, frame, signature, &result, parameters)
}

/// The contract of the code that runs, which must be a script: a UTXO calls no UTXO.
fn begin_utxo_call(store: &mut Context<'_>, frame: Frame) -> Result<Arc<Executable>, Stopped> {
    match frame.kind {
        FrameKind::Script => {}
        FrameKind::Token(_) => return Err(Stopped::refused("a token called a UTXO, which only scripts may")),
        FrameKind::Utxo(_) | FrameKind::Setup => {
            return Err(Stopped::refused("a UTXO called a UTXO, which only scripts may"));
        }
    }
    let transition = store.data_mut().transition()?;
    let contract = Arc::clone(&transition.live(frame.live)?.contract);
    let gas = transition.profile.gas_per_utxo_call;
    gas::charge(&mut *store, gas)?;
    Ok(contract)
}

/// The UTXO that a script calls, if it may be called now.
fn callee(
    transition: &mut Transition,
    frame: Frame,
    contract: &Executable,
    type_name: &str,
    method: &str,
    handle: u32,
) -> Result<UtxoId, Stopped> {
    let resource = Resource::Utxo(Some(ObjectType { contract: None, name: type_name.to_owned() }));
    let lifted = InstanceHandles { transition: &mut *transition, live: frame.live }
        .lift(&resource, handle, false)
        .map_err(unusable)?;
    let ObjectId::Utxo(id) = lifted else { return Err(unusable(HandleError::WrongResource { handle })) };
    let index = transition.index_of(&lifted.into()).ok_or_else(|| Stopped::defect("an object is gone"))?;
    let utxo = transition.object(index)?;
    if utxo.is_gone() {
        return Err(Stopped::refused(format!(
            "`{method}` was called on the UTXO {id}, which was consumed earlier in the same transaction"
        )));
    }
    if !offers(utxo, contract, method)? {
        return Err(Stopped::refused(format!("the UTXO {id} does not offer `{method}` where it waits now")));
    }
    Ok(id)
}

fn offers(utxo: &Object, contract: &Executable, method: &str) -> Result<bool, Stopped> {
    let callable = &utxo.utxo()?.callable;
    let declared = contract.coroutine().and_then(|form| form.contract.objects.get(&utxo.type_name));
    let method = declared.and_then(|declared| declared.methods.get(method));
    Ok(method.is_some_and(|method| method.ids.iter().any(|id| callable.contains(id))))
}

/// The UTXO or the token that runs; none if a script does.
fn running(transition: &Transition, frame: Frame) -> Result<Option<ObjectId>, Stopped> {
    match frame.kind {
        FrameKind::Utxo(object) | FrameKind::Token(object) => Ok(Some(transition.object(object)?.id)),
        FrameKind::Script | FrameKind::Setup => Ok(None),
    }
}

/// The encoding of what the code that runs passed, which is charged.
fn lift(store: &mut Context<'_>, frame: Frame, signature: &Signature, parameters: &[Val]) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let profile = Arc::clone(&transition.profile);
    let handles = &mut InstanceHandles { transition, live: frame.live };
    let bytes = signature.lift_parameters(parameters, &profile.values, handles).map_err(of_lifting)?;
    gas::charge(&mut *store, gas::of_values(&profile, bytes.len()))?;
    Ok(bytes)
}

/// Gives the code that runs an encoded result, which is charged: the value to return, or none if it is in memory.
fn lower(
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

fn number(parameters: &[Val], index: usize) -> Result<u32, Stopped> {
    parameters.get(index).and_then(Val::i32).map(i32::cast_unsigned).ok_or_else(wrong_type)
}

fn handle_value(number: u32) -> Option<Val> {
    Some(Val::I32(number.cast_signed()))
}

fn wrong_type() -> Stopped {
    Stopped::defect("a host function was called with other types than were checked")
}
