//! Which UTXO a script calls, and whether it can be called now.

use super::handles::{InstanceHandles, unusable};
use super::objects::ObjectIndex;
use super::transition::{Frame, Transition};
use crate::abi::{Handles, Resource};
use crate::admission::Executable;
use crate::execution::stop::Stopped;
use ledger_core::MethodId;
use registry_core::id::UtxoId;
use std::collections::BTreeSet;

/// Methods that a failure names at most.
const NAMED_METHODS_MAX: usize = 16;

/// The object that the code that runs means by a handle, which stays with it.
pub(super) fn lent(
    transition: &mut Transition,
    frame: Frame,
    resource: &Resource,
    handle: u32,
) -> Result<ObjectIndex, Stopped> {
    let lifted = InstanceHandles { transition: &mut *transition, live: frame.live }.lift(resource, handle, false);
    let id = lifted.map_err(unusable)?;
    transition.index_of(&id.into()).ok_or_else(|| Stopped::defect("an object is gone"))
}

/// The UTXO, if its method can be called now.
pub(super) fn callable(transition: &mut Transition, utxo: ObjectIndex, method: &str) -> Result<UtxoId, Stopped> {
    let is_running = transition.is_running(utxo);
    let hash = transition.object(utxo)?.contract;
    let contract = transition.executable(&hash)?;
    let object = transition.object(utxo)?;
    let cannot = |why: &str| Err(Stopped::refused(format!("`{method}` cannot be called: {object} {why}")));
    if object.is_gone() {
        return cannot("was consumed earlier in the same transaction");
    }
    if is_running {
        return cannot("is running, and waits for an answer");
    }
    let offered = &object.utxo()?.callable;
    if is_offered(&contract, &object.type_name, method, offered) {
        return object.utxo_id();
    }
    let names = names(&contract, &object.type_name, offered);
    Err(Stopped::refused(format!("`{method}` cannot be called now: {object} waits at a yield that offers {names}")))
}

fn is_offered(contract: &Executable, type_name: &str, method: &str, offered: &BTreeSet<MethodId>) -> bool {
    let declared = contract.coroutine().and_then(|form| form.contract.objects.get(type_name));
    let method = declared.and_then(|declared| declared.methods.get(method));
    method.is_some_and(|method| method.ids.iter().any(|id| offered.contains(id)))
}

/// The methods with these ids, as far as the contract's WIT knows them: "`bump`, `value`".
pub(in crate::execution) fn names(contract: &Executable, type_name: &str, offered: &BTreeSet<MethodId>) -> String {
    let declared = contract.coroutine().and_then(|form| form.contract.objects.get(type_name));
    let methods = declared.into_iter().flat_map(|declared| &declared.methods);
    let known = methods.filter(|(_, method)| method.ids.iter().any(|id| offered.contains(id)));
    let names: Vec<String> = known.map(|(name, _)| format!("`{name}`")).collect();
    match names.len().checked_sub(NAMED_METHODS_MAX) {
        None | Some(0) if names.is_empty() => "none of its methods".to_owned(),
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names.get(..NAMED_METHODS_MAX).unwrap_or_default().join(", ")),
    }
}
