//! One call, from encoded parameters to an encoded result.

use super::limiter::{CallState, Failed};
use super::{CallFailure, CallOutcome, NodeFault};
use crate::admission::{Executable, Export};
use crate::profile::ExecutionProfile;
use crate::value::{ValueError, decode_parameters, encode_result};
use std::sync::Arc;
use wasmtime::component::Val;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

/// A call that is about to be made.
pub(super) struct Call {
    pub(super) profile: ExecutionProfile,
    pub(super) contract: Arc<Executable>,
    pub(super) export: Arc<Export>,
    pub(super) gas_limit: u64,
}

/// Why a call has no outcome.
pub(super) enum Stopped {
    Parameters(ValueError),
    Node(NodeFault),
}

/// What can happen on the way to a result.
enum Interrupted {
    /// All gas was used.
    OutOfGas,
    /// The contract failed, and the engine knows how much gas it had left.
    Stopped(CallFailure),
    /// The contract failed, and what the engine says about its gas is not current.
    Failed(CallFailure),
    Node(NodeFault),
}

const MEMORY_PAGE_SIZE_BYTES: usize = 64 << 10;

impl Call {
    /// Makes the call on this thread.
    pub(super) fn run(&self, parameters: &[u8]) -> Result<CallOutcome, Stopped> {
        let values: Vec<Val> = decode_parameters(&self.export.parameters, parameters, &self.profile.values)
            .map_err(Stopped::Parameters)?;
        let mut store = self.store().map_err(|error| Stopped::Node(NodeFault::new("no store for a call", error)))?;
        let result = self.execute(&mut store, parameters.len(), &values);
        let gas_used = |store: &Store<CallState>| {
            // The store began with one unit more than the limit.
            store.get_fuel().map_or(self.gas_limit, |left| self.gas_limit.saturating_sub(left.saturating_sub(1)))
        };
        match result {
            Ok(bytes) => Ok(CallOutcome { gas_used: gas_used(&store), result: Ok(bytes) }),
            Err(Interrupted::Stopped(failure)) => Ok(CallOutcome { gas_used: gas_used(&store), result: Err(failure) }),
            Err(Interrupted::Failed(failure)) => Ok(CallOutcome { gas_used: self.gas_limit, result: Err(failure) }),
            Err(Interrupted::OutOfGas) => {
                let limit = self.gas_limit;
                Ok(CallOutcome { gas_used: limit, result: Err(CallFailure::OutOfGas { limit }) })
            }
            Err(Interrupted::Node(fault)) => Err(Stopped::Node(fault)),
        }
    }

    fn store(&self) -> wasmtime::Result<Store<CallState>> {
        let mut store = Store::new(self.contract.instance().engine(), CallState::new(&self.profile));
        store.limiter(|state| state);
        // The engine notices only at loops and calls that nothing is left, so a call may have used more than it had,
        // and then shows 0 too. With one unit more, 0 means "over the limit" and a call that uses exactly its limit
        // succeeds.
        store.set_fuel(self.gas_limit.saturating_add(1))?;
        store.set_hostcall_fuel(self.profile.lifted_size_bytes_max);
        store.set_max_component_handles(self.profile.handles_max);
        Ok(store)
    }

    fn execute(
        &self,
        store: &mut Store<CallState>,
        parameters_size_bytes: usize,
        values: &[Val],
    ) -> Result<Vec<u8>, Interrupted> {
        let fixed = self.profile.gas_per_transaction.saturating_add(self.profile.gas_per_instance);
        charge(store, fixed.saturating_add(self.gas_of_values(parameters_size_bytes)))?;
        let instance = self.contract.instance().instantiate(&mut *store).map_err(|error| interrupted(store, error))?;
        let memory_size_bytes = store.data().memory_size_bytes();
        charge(store, self.gas_of_memory(memory_size_bytes))?;

        let function = instance.get_func(&mut *store, self.export.index);
        let function = function.ok_or_else(|| node_fault("a function that was admitted is gone", "no such export"))?;
        let mut results = vec![Val::Bool(false); usize::from(self.export.result.is_some())];
        function.call(&mut *store, values, &mut results).map_err(|error| interrupted(store, error))?;
        // The memory that the call added. Also, it may have used more gas than it had since the engine looked last.
        let grown_size_bytes = store.data().memory_size_bytes().saturating_sub(memory_size_bytes);
        charge(store, self.gas_of_memory(grown_size_bytes))?;

        let result = self.export.result.as_ref().zip(results.first());
        let bytes = encode_result(result, &self.profile.values)
            .map_err(|error| Interrupted::Stopped(CallFailure::Result(error)))?;
        charge(store, self.gas_of_values(bytes.len()))?;
        Ok(bytes)
    }

    fn gas_of_values(&self, size_bytes: usize) -> u64 {
        (size_bytes as u64).saturating_mul(self.profile.gas_per_value_byte)
    }

    /// For memory that an instance begins with or adds.
    fn gas_of_memory(&self, size_bytes: usize) -> u64 {
        let pages = size_bytes.div_ceil(MEMORY_PAGE_SIZE_BYTES) as u64;
        pages.saturating_mul(self.profile.gas_per_memory_page)
    }
}

/// Takes `gas` from what the call has left; at least the unit beyond the limit must remain.
fn charge(store: &mut Store<CallState>, gas: u64) -> Result<(), Interrupted> {
    let left = store.get_fuel().map_err(|error| node_fault("gas is not counted", error))?;
    let left = left.checked_sub(gas).filter(|left| *left > 0).ok_or(Interrupted::OutOfGas)?;
    store.set_fuel(left).map_err(|error| node_fault("gas is not counted", error))
}

/// Sorts out whose trouble an error of the engine is, and what the gas counter is worth after it.
fn interrupted(store: &Store<CallState>, error: wasmtime::Error) -> Interrupted {
    let error = match error.downcast::<Failed>() {
        Ok(Failed(failure)) => return Interrupted::Failed(failure),
        Err(error) => error,
    };
    let error = match error.downcast::<NodeFault>() {
        Ok(fault) => return Interrupted::Node(fault),
        Err(error) => error,
    };
    let reason = error.root_cause().to_string();
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Interrupted::OutOfGas,
        // Of all traps only this one brings the counter up to date.
        Some(Trap::UnreachableCodeReached) if store.get_fuel().is_ok_and(|left| left == 0) => Interrupted::OutOfGas,
        Some(Trap::UnreachableCodeReached) => Interrupted::Stopped(CallFailure::Trap { reason }),
        Some(_) => Interrupted::Failed(CallFailure::Trap { reason }),
        None if is_host_trouble(&error) => node_fault("an instance could not be set up", error),
        None => Interrupted::Failed(CallFailure::Trap { reason }),
    }
}

/// What the engine reports without a trap is either the machine's trouble, which has one of these causes, or a contract
/// that broke the rules for passing values.
fn is_host_trouble(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<PoolConcurrencyLimitError>() || cause.is::<wasmtime::OutOfMemory>() || cause.is::<std::io::Error>()
    })
}

fn node_fault(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Interrupted {
    Interrupted::Node(NodeFault::new(what, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_the_machine_is_told_from_that_of_a_contract() {
        let machine = wasmtime::Error::new(std::io::Error::from(std::io::ErrorKind::OutOfMemory)).context("mapping");
        assert!(is_host_trouble(&machine));
        assert!(!is_host_trouble(&wasmtime::Error::msg("a list ends beyond the memory")));
        assert!(!is_host_trouble(&wasmtime::Error::new(Trap::StackOverflow)));
    }
}
