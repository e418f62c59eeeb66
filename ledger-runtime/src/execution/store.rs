//! What belongs to the one store in which a transaction is executed.

use super::coroutine::Transition;
use super::stop::{Stopped, over};
use super::{NodeFault, gas};
use crate::profile::ExecutionProfile;
use wasmtime::{Engine, ResourceLimiter, Store, StoreContextMut};

/// The data of a transaction's store: the account of its memory, and what it did so far to UTXOs.
pub(crate) struct TransactionStore {
    memory_size_bytes: usize,
    memory_charged_size_bytes: usize,
    memory_size_bytes_max: usize,
    table_elements_max: usize,
    /// Only where code can ask the host for something.
    transition: Option<Box<Transition>>,
}

const MEMORY_PAGE_SIZE_BYTES: usize = 64 << 10;

/// How the host sees the store while code runs in it.
pub(super) type Context<'a> = StoreContextMut<'a, TransactionStore>;

/// A store with `gas_limit` for everything that happens in it.
pub(super) fn open(
    engine: &Engine,
    profile: &ExecutionProfile,
    gas_limit: u64,
    transition: Option<Box<Transition>>,
) -> Result<Store<TransactionStore>, NodeFault> {
    let data = TransactionStore {
        memory_size_bytes: 0,
        memory_charged_size_bytes: 0,
        memory_size_bytes_max: profile.memory_size_bytes_max,
        table_elements_max: profile.table_elements_max,
        transition,
    };
    let mut store = Store::new(engine, data);
    store.limiter(|data| data);
    gas::fill(&mut store, gas_limit)?;
    store.set_hostcall_fuel(profile.lifted_size_bytes_max);
    store.set_max_component_handles(profile.handles_max);
    Ok(store)
}

impl TransactionStore {
    /// How many pages the linear memories have more, all together, than when this was asked last.
    pub(super) fn take_uncharged_memory_pages(&mut self) -> u64 {
        let uncharged = self.memory_size_bytes.saturating_sub(self.memory_charged_size_bytes);
        self.memory_charged_size_bytes = self.memory_size_bytes;
        uncharged.div_ceil(MEMORY_PAGE_SIZE_BYTES) as u64
    }

    /// The gas that the transition came to owe since this was asked last.
    pub(super) fn take_owed_gas(&mut self) -> u64 {
        self.transition.as_deref_mut().map_or(0, Transition::take_owed_gas)
    }

    /// What the transaction did so far.
    pub(super) fn transition(&mut self) -> Result<&mut Transition, Stopped> {
        self.transition.as_deref_mut().ok_or_else(|| Stopped::defect("the store has no transition"))
    }

    /// What the transaction did in the end.
    pub(super) fn into_transition(self) -> Result<Transition, NodeFault> {
        let transition = self.transition.map(|transition| *transition);
        transition.ok_or_else(|| NodeFault::defect("the store has no transition"))
    }
}

impl ResourceLimiter for TransactionStore {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let max = self.memory_size_bytes_max;
        let total = self.memory_size_bytes.saturating_add(desired.saturating_sub(current));
        if total > max {
            return Err(Stopped::FailedWithAllGas(over(max, "bytes of memory", "memory_size_bytes_max")).into_error());
        }
        // A memory's own maximum is the contract's affair: growing beyond it gives -1, as WebAssembly says.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory_size_bytes = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<(), wasmtime::Error> {
        // What was allowed above failed on this machine. To let the contract see that would make results differ.
        Err(Stopped::Node(NodeFault::new("the machine has no memory left for a contract", error)).into_error())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let max = self.table_elements_max;
        if desired > max {
            return Err(Stopped::FailedWithAllGas(over(max, "elements of a table", "table_elements_max")).into_error());
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> Result<(), wasmtime::Error> {
        Err(Stopped::Node(NodeFault::new("the machine has no memory left for a table", error)).into_error())
    }
}
