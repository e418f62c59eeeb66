//! Calls of scripts, mains and methods.

use super::handles::{CONTEXT, InstanceHandles, unusable};
use super::objects::ObjectIndex;
use super::transition::{Frame, FrameKind, LiveIndex, Transition};
use crate::abi::{LiftError, LowerError};
use crate::admission::coroutine::{Entry, MEMORY, Object as Declared, ObjectKind};
use crate::admission::{Coroutine, Executable};
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use crate::value::Writer;
use ledger_core::{Call, CallEnd, CallRow, Callable, FailureFrame, FailureObject, ObjectId};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, UtxoId};
use std::sync::Arc;
use wasmtime::{Memory, Val};

/// Calls a script in a fresh instance of its contract, and gives its encoded result.
pub(crate) fn script(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    name: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, Stopped> {
    let entry = coroutine(contract)?.contract.scripts.get(name);
    let entry = entry.ok_or_else(|| Stopped::defect("a script that was checked is gone"))?;
    let call =
        Begun { object: None, contract: *contract.hash(), function: name, core_name: &entry.core_name, arguments };
    call.record(store, |store| {
        let live = instantiate(store, contract, None)?;
        coordinate(store, live, entry, arguments)
    })
}

/// Calls the handler of an effect in the instance of the script that installed it, and gives its encoded answer.
pub(super) fn handler(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    live: LiveIndex,
    interface: &str,
    effect: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, Stopped> {
    let entry = coroutine(contract)?.contract.handlers.get(interface).and_then(|handlers| handlers.get(effect));
    let entry = entry.ok_or_else(|| Stopped::defect("a handler that was installed is gone"))?;
    let function = format!("{interface}#{effect}");
    let (contract, core_name) = (*contract.hash(), entry.core_name.as_str());
    let call = Begun { object: None, contract, function: &function, core_name, arguments };
    call.record(store, |store| coordinate(store, live, entry, arguments))
}

/// Runs a script or a handler. The effect handlers that it installs go when it has returned.
fn coordinate(store: &mut Context<'_>, live: LiveIndex, entry: &Entry, arguments: &[u8]) -> Result<Vec<u8>, Stopped> {
    store.data_mut().transition()?.handlers.begin_run();
    let values = invoke(store, Frame { kind: FrameKind::Script, live }, entry, &[], arguments)?;
    store.data_mut().transition()?.handlers.end_run();
    result(store, live, entry, &values)
}

/// Calls a main function in a fresh instance of its contract, and gives the UTXO that it makes.
pub(crate) fn main(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    type_name: &str,
    main: &str,
    arguments: &[u8],
) -> Result<UtxoId, Stopped> {
    let declared = declared(contract, type_name)?;
    if declared.kind != ObjectKind::Utxo {
        return Err(Stopped::refused(format!("a script made a `{type_name}`, which is not a UTXO")));
    }
    let entry = declared.mains.get(main);
    let entry = entry.ok_or_else(|| Stopped::defect("a main function that was checked is gone"))?;
    let object = store.data_mut().transition()?.make_utxo(*contract.hash(), type_name)?;
    let id = store.data_mut().transition()?.object(object)?.utxo_id()?;
    let (contract_hash, core_name) = (*contract.hash(), entry.core_name.as_str());
    let call = Begun { object: Some(object), contract: contract_hash, function: main, core_name, arguments };
    call.record(store, |store| {
        let live = instantiate(store, contract, Some(object))?;
        let frame = Frame { kind: FrameKind::Utxo(object), live };
        let values = invoke(store, frame, entry, &[Val::I32(CONTEXT.cast_signed())], arguments)?;
        give_itself(store, live, object, &values)?;
        stop(store, contract, object)?;
        encode_id(&ObjectId::Utxo(id))
    })?;
    Ok(id)
}

/// Calls a method of a UTXO where it waits, and gives its encoded result.
pub(crate) fn method(
    store: &mut Context<'_>,
    utxo: &UtxoId,
    method: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let object = transition.index_of(&ObjectId::Utxo(*utxo).into());
    let object = object.ok_or_else(|| Stopped::defect("a UTXO that was checked is gone"))?;
    let (contract, type_name) = {
        let utxo = transition.object(object)?;
        (utxo.contract, utxo.type_name.clone())
    };
    let contract = &transition.executable(&contract)?;
    let found = declared(contract, &type_name)?.methods.get(method);
    let entry = &found.ok_or_else(|| Stopped::defect("a method that was checked is gone"))?.entry;
    let (contract_hash, core_name) = (*contract.hash(), entry.core_name.as_str());
    let call = Begun { object: Some(object), contract: contract_hash, function: method, core_name, arguments };
    call.record(store, |store| {
        let live = waken(store, contract, object)?;
        let frame = Frame { kind: FrameKind::Utxo(object), live };
        let itself = representation(store, object)?;
        let values = invoke(store, frame, entry, &[itself], arguments)?;
        let bytes = result(store, live, entry, &values)?;
        stop(store, contract, object)?;
        Ok(bytes)
    })
}

/// The encoding of the id of a UTXO or a token as a result.
pub(crate) fn encode_id(id: &ObjectId) -> Result<Vec<u8>, Stopped> {
    let text = id.to_string();
    let mut writer = Writer::new(text.len() + ID_LENGTH_SIZE_BYTES_MAX);
    writer.text(&text).map_err(|_| Stopped::defect("an id has no encoding"))?;
    Ok(writer.into_bytes())
}

/// Bytes that the length before a text of some dozen bytes takes, amply.
const ID_LENGTH_SIZE_BYTES_MAX: usize = 5;

/// What is known of a call when it begins.
pub(super) struct Begun<'a> {
    pub(super) object: Option<ObjectIndex>,
    pub(super) contract: ComponentHash,
    /// The function as the contract's WIT calls it.
    pub(super) function: &'a str,
    /// Its name in the core module.
    pub(super) core_name: &'a str,
    pub(super) arguments: &'a [u8],
}

impl Begun<'_> {
    /// Makes the call, and its row in the call table; if it fails, a note that it was going on.
    pub(super) fn record(
        &self,
        store: &mut Context<'_>,
        call: impl FnOnce(&mut Context<'_>) -> Result<Vec<u8>, Stopped>,
    ) -> Result<Vec<u8>, Stopped> {
        let transition = store.data_mut().transition()?;
        transition.begin_call()?;
        let (profile, gas_limit) = (Arc::clone(&transition.profile), transition.gas_limit);
        let old_state = state_digest(transition, self.object)?;
        let gas_before = gas::used(&*store, gas_limit)?;
        let outcome = call(store);
        let (gas_after, outcome) = gas::settle(&mut *store, &profile, gas_limit, outcome);
        let transition = store.data_mut().transition()?;
        let new_state = if outcome.is_ok() { state_digest(transition, self.object)? } else { Digest::ZERO };
        let object = self.object.map(|object| transition.object(object)).transpose()?;
        let end = match (&outcome, &object) {
            (Err(_), _) => CallEnd::Failed,
            (Ok(_), Some(object)) if object.is_gone() => CallEnd::Consumed,
            (Ok(_), Some(object)) if matches!(object.id, ObjectId::Utxo(_)) => CallEnd::Yielded,
            (Ok(_), _) => CallEnd::Returned,
        };
        let object = object.map(|object| (object.id, object.type_name.clone()));
        if outcome.is_err() {
            let object = object.clone().map(|(id, type_name)| FailureObject { id, type_name });
            transition.fail_in(FailureFrame { contract: self.contract, object, function: self.function.to_owned() });
        }
        transition.end_call(|said| Call {
            object: object.map(|(id, _)| id),
            contract: self.contract,
            function: self.core_name.to_owned(),
            input: CallRow::values(self.arguments),
            old_state,
            output: outcome.as_ref().map_or(Digest::ZERO, |bytes| CallRow::values(bytes)),
            new_state,
            gas: gas_after.saturating_sub(gas_before),
            host: CallRow::host(said),
            end,
        });
        outcome
    }
}

/// The digest of an object's state record; zero if it has none, or rows are not wanted.
fn state_digest(transition: &Transition, object: Option<ObjectIndex>) -> Result<Digest, Stopped> {
    let Some(object) = object.filter(|_| transition.is_recorded()) else { return Ok(Digest::ZERO) };
    Ok(transition.object(object)?.state().map_or(Digest::ZERO, CallRow::state))
}

/// The instance of an object: the one that it has already, or a fresh one that is given its record.
pub(super) fn waken(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    object: ObjectIndex,
) -> Result<LiveIndex, Stopped> {
    let transition = store.data_mut().transition()?;
    let stored = transition.object(object)?;
    if let Some(live) = stored.live {
        return Ok(live);
    }
    let set_storage = &declared(contract, &stored.type_name)?.set_storage;
    let state = stored.state().map(<[u8]>::to_vec).unwrap_or_default();
    let live = instantiate(store, contract, Some(object))?;
    let context = [Val::I32(CONTEXT.cast_signed())];
    // Whoever is not given its context again has kept the handle, which is the same for ever.
    let leading = context.get(..set_storage.signature.leading_handles()).unwrap_or_default();
    let values = invoke(store, Frame { kind: FrameKind::Setup, live }, set_storage, leading, &state)?;
    give_itself(store, live, object, &values)?;
    Ok(live)
}

/// A UTXO stopped: it came to its end, or its record is read.
fn stop(store: &mut Context<'_>, contract: &Arc<Executable>, object: ObjectIndex) -> Result<(), Stopped> {
    let transition = store.data_mut().transition()?;
    let utxo = transition.object_mut(object)?.utxo_mut()?;
    utxo.is_used = true;
    utxo.reliances = utxo.reliances.saturating_add(1);
    if utxo.is_context_dropped || utxo.callable.is_empty() {
        utxo.is_consumed = true;
        return transition.let_go(object);
    }
    let max = transition.profile.state_size_bytes_max;
    let state = read_record(store, contract, object, max, "state_size_bytes_max")?;
    let utxo = store.data_mut().transition()?.object_mut(object)?.utxo_mut()?;
    let callable = Callable::Methods(utxo.callable.clone());
    utxo.stop_with(state, callable);
    Ok(())
}

/// The record of an object whose call has ended, of at most `max` bytes. It is charged.
pub(super) fn read_record(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    object: ObjectIndex,
    max: usize,
    limit: &str,
) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let profile = Arc::clone(&transition.profile);
    let stopped = transition.object(object)?;
    let live = stopped.live.ok_or_else(|| Stopped::defect("an object stopped that has no instance"))?;
    let get_storage = &declared(contract, &stopped.type_name)?.get_storage;
    transition.handles(live)?.end_call();
    let itself = representation(store, object)?;
    let values = invoke(store, Frame { kind: FrameKind::Setup, live }, get_storage, &[itself], &[])?;
    let state = result(store, live, get_storage, &values)?;
    if state.len() > max {
        return Err(Stopped::limit(max, "bytes of a state record", limit));
    }
    gas::charge(&mut *store, gas::of_state(&profile, state.len()))?;
    Ok(state)
}

/// A fresh instance of `contract`.
pub(super) fn instantiate(
    store: &mut Context<'_>,
    contract: &Arc<Executable>,
    object: Option<ObjectIndex>,
) -> Result<LiveIndex, Stopped> {
    let transition = store.data_mut().transition()?;
    let profile = Arc::clone(&transition.profile);
    let live = transition.add_instance(Arc::clone(contract), object)?;
    gas::charge(&mut *store, profile.gas_per_instance)?;
    // No code runs here: modules with a start function are not admitted.
    let instance = coroutine(contract)?.instance.instantiate(&mut *store).map_err(Stopped::of)?;
    let transition = store.data_mut().transition()?;
    transition.live_mut(live)?.instance = Some(instance);
    if let Some(object) = object {
        transition.object_mut(object)?.live = Some(live);
    }
    gas::charge_owed(&mut *store, &profile)?;
    Ok(live)
}

/// Calls a function of an instance with `leading` core values before the encoded `arguments`.
pub(super) fn invoke(
    store: &mut Context<'_>,
    frame: Frame,
    entry: &Entry,
    leading: &[Val],
    arguments: &[u8],
) -> Result<Vec<Val>, Stopped> {
    let transition = store.data_mut().transition()?;
    let profile = Arc::clone(&transition.profile);
    let instance = transition.live(frame.live)?.instance()?;
    let mut values = leading.to_vec();
    let handles = &mut InstanceHandles { transition, live: frame.live };
    values.extend(entry.signature.lower_parameters(arguments, &profile.values, handles).map_err(of_lowering)?);
    let function = instance.get_func(&mut *store, &entry.core_name);
    let function = function.ok_or_else(|| Stopped::defect("a function that was admitted is gone"))?;
    let mut results = vec![Val::I32(0); entry.signature.of_export().results.len()];
    store.data_mut().transition()?.enter(frame)?;
    let outcome = function.call(&mut *store, &values, &mut results).map_err(Stopped::of);
    store.data_mut().transition()?.leave();
    outcome?;
    // Even if there is nothing to charge: a call may have used more than it had since the engine looked last.
    gas::charge_owed(&mut *store, &profile)?;
    Ok(results)
}

/// The encoding of what a function gave, which is charged.
pub(super) fn result(
    store: &mut Context<'_>,
    live: LiveIndex,
    entry: &Entry,
    values: &[Val],
) -> Result<Vec<u8>, Stopped> {
    let transition = store.data_mut().transition()?;
    let profile = Arc::clone(&transition.profile);
    let memory = memory(store, live)?;
    let bytes = with_memory(store, memory, live, |memory, handles| {
        entry.signature.lift_result(values, memory, &profile.values, handles)
    })?;
    let bytes = bytes.map_err(of_lifting)?;
    gas::charge(&mut *store, gas::of_values(&profile, bytes.len()))?;
    Ok(bytes)
}

/// The memory that an instance exports, if it has one.
pub(super) fn memory(store: &mut Context<'_>, live: LiveIndex) -> Result<Option<Memory>, Stopped> {
    let instance = store.data_mut().transition()?.live(live)?.instance()?;
    Ok(instance.get_memory(&mut *store, MEMORY))
}

/// Uses the memory and the handles of an instance together.
pub(super) fn with_memory<R>(
    store: &mut Context<'_>,
    memory: Option<Memory>,
    live: LiveIndex,
    work: impl FnOnce(&mut [u8], &mut InstanceHandles<'_>) -> R,
) -> Result<R, Stopped> {
    let (bytes, data): (&mut [u8], _) = match memory {
        Some(memory) => memory.data_and_store_mut(&mut *store),
        None => (&mut [], store.data_mut()),
    };
    Ok(work(bytes, &mut InstanceHandles { transition: data.transition()?, live }))
}

/// An instance gave its object to the host.
pub(super) fn give_itself(
    store: &mut Context<'_>,
    live: LiveIndex,
    object: ObjectIndex,
    values: &[Val],
) -> Result<(), Stopped> {
    let handle = values.first().and_then(Val::i32).ok_or_else(|| Stopped::defect("a handle is missing"))?;
    let transition = store.data_mut().transition()?;
    let representation = transition.handles(live)?.take_itself(handle.cast_unsigned());
    let representation = representation.map_err(unusable)?;
    transition.object_mut(object)?.representation = representation;
    Ok(())
}

pub(super) fn representation(store: &mut Context<'_>, object: ObjectIndex) -> Result<Val, Stopped> {
    let representation = store.data_mut().transition()?.object(object)?.representation;
    Ok(Val::I32(representation.cast_signed()))
}

fn coroutine(contract: &Executable) -> Result<&Coroutine, Stopped> {
    contract.coroutine().ok_or_else(|| Stopped::defect("a contract has another form than was checked"))
}

pub(super) fn declared<'a>(contract: &'a Executable, type_name: &str) -> Result<&'a Declared, Stopped> {
    let declared = coroutine(contract)?.contract.objects.get(type_name);
    declared.ok_or_else(|| Stopped::defect("a type that was checked is gone"))
}

/// What a guest passed or returned cannot be read.
pub(super) fn of_lifting(error: LiftError) -> Stopped {
    match error {
        LiftError::TooLong(fault) => Stopped::too_long(&fault),
        LiftError::Handle(error) => unusable(error),
        other => Stopped::trap(format!("the contract gave what is no value of the type in its WIT: {other}")),
    }
}

/// What a guest is to be given cannot be given.
pub(super) fn of_lowering(error: LowerError) -> Stopped {
    match error {
        LowerError::Value(error) => Stopped::trap(error.to_string()),
        LowerError::Handle(error) => unusable(error),
        LowerError::Pointer(error) => Stopped::trap(format!("the contract has no place for a result: {error}")),
    }
}
