//! How much memory a call may have.

use crate::execution::{CallFailure, NodeFault};
use crate::profile::ExecutionProfile;
use wasmtime::ResourceLimiter;

/// What belongs to one call's store: the account of its memory.
pub(crate) struct CallState {
    memory_size_bytes: usize,
    memory_size_bytes_max: usize,
    table_elements_max: usize,
}

/// A failure of the call that travels through the engine as an error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Failed(pub(super) CallFailure);

impl CallState {
    pub(super) fn new(profile: &ExecutionProfile) -> Self {
        Self {
            memory_size_bytes: 0,
            memory_size_bytes_max: profile.memory_size_bytes_max,
            table_elements_max: profile.table_elements_max,
        }
    }

    /// Bytes of all linear memories together.
    pub(super) fn memory_size_bytes(&self) -> usize {
        self.memory_size_bytes
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let max = self.memory_size_bytes_max;
        let total = self.memory_size_bytes.saturating_add(desired.saturating_sub(current));
        if total > max {
            let limit = "memory_size_bytes_max";
            return Err(Failed(CallFailure::MemoryLimit { max, unit: "bytes of memory", limit }).into());
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
        Err(NodeFault::new("the machine has no memory left for a contract", error).into())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let max = self.table_elements_max;
        if desired > max {
            let limit = "table_elements_max";
            return Err(Failed(CallFailure::MemoryLimit { max, unit: "elements of a table", limit }).into());
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> Result<(), wasmtime::Error> {
        Err(NodeFault::new("the machine has no memory left for a table", error).into())
    }
}
