//! What scripts ask for: calls of UTXOs and scripts, those of other contracts too.

use super::callee::{callable, lent};
use super::calls;
use super::host::{lift, lower, number};
use super::transition::{Frame, FrameKind};
use crate::abi::{ObjectType, Resource, Signature};
use crate::admission::Executable;
use crate::execution::gas;
use crate::execution::stop::Stopped;
use crate::execution::store::Context;
use ledger_core::ObjectId;
use registry_core::id::ComponentHash;
use std::sync::Arc;
use wasmtime::Val;

/// The contract of the code that runs, which must be a script: nothing else calls anything. `what` is called.
pub(super) fn begin_call(store: &mut Context<'_>, frame: Frame, what: &str) -> Result<Arc<Executable>, Stopped> {
    let transition = store.data_mut().transition()?;
    if frame.kind != FrameKind::Script {
        let who = transition.who(frame)?;
        return Err(Stopped::refused(format!(
            "{who} called `{what}`, and only scripts call UTXOs, tokens and scripts"
        )));
    }
    let contract = Arc::clone(&transition.live(frame.live)?.contract);
    let gas = transition.profile.gas_per_utxo_call;
    gas::charge(&mut *store, gas)?;
    Ok(contract)
}

/// The contract that `importer` calls its own (none) or names by its hash.
pub(super) fn contract_of(
    importer: &Arc<Executable>,
    contract: Option<&ComponentHash>,
) -> Result<Arc<Executable>, Stopped> {
    let Some(hash) = contract.filter(|hash| *hash != importer.hash()) else { return Ok(Arc::clone(importer)) };
    importer.imported(hash).cloned().ok_or_else(|| Stopped::defect("an imported contract is not loaded"))
}

/// A script makes a UTXO.
pub(super) fn call_main(
    store: &mut Context<'_>,
    frame: Frame,
    object: &ObjectType,
    main: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let caller = begin_call(store, frame, main)?;
    let contract = contract_of(&caller, object.contract.as_ref())?;
    let arguments = lift(store, frame, signature, parameters)?;
    let id = ObjectId::Utxo(calls::main(store, &contract, &object.name, main, &arguments)?);
    store.data_mut().transition()?.say_called(id)?;
    lower(store, frame, signature, &calls::encode_id(&id)?, parameters)
}

/// A script calls a method of a UTXO.
pub(super) fn call_method(
    store: &mut Context<'_>,
    frame: Frame,
    object: &ObjectType,
    method: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    begin_call(store, frame, method)?;
    let transition = store.data_mut().transition()?;
    let resource = Resource::Utxo(Some(object.clone()));
    let index = lent(transition, frame, &resource, number(parameters, 0)?)?;
    let id = callable(transition, index, method)?;
    let arguments = lift(store, frame, signature, parameters)?;
    let result = calls::method(store, &id, method, &arguments)?;
    store.data_mut().transition()?.say_called(ObjectId::Utxo(id))?;
    lower(store, frame, signature, &result, parameters)
}

/// A script calls a script of another contract, in a fresh instance.
pub(super) fn call_script(
    store: &mut Context<'_>,
    frame: Frame,
    contract: &ComponentHash,
    script: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let caller = begin_call(store, frame, script)?;
    let callee = contract_of(&caller, Some(contract))?;
    let arguments = lift(store, frame, signature, parameters)?;
    let result = calls::script(store, &callee, script, &arguments)?;
    store.data_mut().transition()?.say_called_script(*contract, script)?;
    lower(store, frame, signature, &result, parameters)
}

/// A script calls a method of a UTXO of whatever type, which must have one of this name and these types.
pub(super) fn call_dynamic_method(
    store: &mut Context<'_>,
    frame: Frame,
    method: &str,
    signature: &Signature,
    parameters: &[Val],
) -> Result<Option<Val>, Stopped> {
    let caller = begin_call(store, frame, method)?;
    let transition = store.data_mut().transition()?;
    let comparison = gas::of_values(&transition.profile, signature.parts());
    let index = lent(transition, frame, &Resource::Utxo(None), number(parameters, 0)?)?;
    gas::charge(&mut *store, comparison)?;
    let transition = store.data_mut().transition()?;
    let hash = transition.object(index)?.contract;
    let contract = transition.executable(&hash)?;
    let utxo = transition.object(index)?;
    let declared = contract.coroutine().and_then(|form| form.contract.objects.get(&utxo.type_name));
    let declared = declared.and_then(|declared| declared.methods.get(method));
    let declared = declared.ok_or_else(|| {
        Stopped::refused(format!(
            "`{method}` cannot be called: {utxo} has no method of this name that a script can call"
        ))
    })?;
    let found = &declared.entry.signature;
    if !signature.is_same(caller.hash(), found, contract.hash()) {
        return Err(Stopped::refused(format!(
            "`{method}` cannot be called: it is `{found}` for {utxo}, and {} calls it as `{signature}`",
            caller.hash()
        )));
    }
    let id = callable(transition, index, method)?;
    let arguments = lift(store, frame, signature, parameters)?;
    let result = calls::method(store, &id, method, &arguments)?;
    store.data_mut().transition()?.say_called(ObjectId::Utxo(id))?;
    lower(store, frame, signature, &result, parameters)
}
