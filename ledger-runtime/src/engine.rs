//! The WebAssembly engine, set up so that nothing of the host can be seen in a result.

use crate::profile::ExecutionProfile;
use std::num::NonZeroU32;
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolConcurrencyLimitError, PoolingAllocationConfig,
    WasmFeatures,
};

/// What contracts are compiled and run by. It belongs to the execution profile; the version is that of `Cargo.lock`.
pub const NAME_AND_VERSION: &str = "wasmtime 48.0.8";

/// With four gibibytes of reserved addresses and a guard behind them the compiler leaves out most checks of bounds, so
/// both are visible in the code.
pub(crate) const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;
pub(crate) const MEMORY_GUARD_BYTES: u64 = 32 << 20;

/// The engine can't be set up on this machine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Code is compiled for a named target, and there is none for this machine.
    #[error("contracts cannot be executed on {architecture} {system}")]
    UnsupportedMachine {
        /// The architecture of the processor.
        architecture: &'static str,
        /// The operating system.
        system: &'static str,
    },
    /// The machine does not give the addresses.
    #[error(
        "the machine does not let the node reserve {size_gibibytes} GiB of addresses for the memories of contracts \
         (no memory is used for them yet)"
    )]
    AddressSpace {
        /// What the node asked for.
        size_gibibytes: u64,
        /// What the machine said.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine refused its configuration.
    #[error("the WebAssembly engine cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl EngineError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::AddressSpace { .. } => Some(
                "let the process have more addresses (`ulimit -v unlimited`; in a container, its limit on virtual \
                 memory), or give it fewer processors: each of them needs a share",
            ),
            Self::UnsupportedMachine { .. } | Self::Setup(_) => None,
        }
    }
}

/// An engine in which `workers` threads can execute transactions at the same time, and beside them the thread that
/// makes blocks.
///
/// # Errors
/// If the machine is not supported, or does not give the address space.
pub fn build(profile: &ExecutionProfile, workers: NonZeroU32) -> Result<Engine, EngineError> {
    let slots = Slots::of(profile, workers);
    let setup = |error: wasmtime::Error| EngineError::Setup(error.into());
    let features = profile.wasm_features();
    let mut config = Config::new();
    config
        // A named target keeps the features of this very processor out of the code, and with them out of the size of
        // stack frames and the point where a recursion ends.
        .target(target()?)
        .map_err(setup)?
        .wasm_features(WasmFeatures::all().difference(features), false)
        .wasm_features(features, true)
        .consume_fuel(true)
        .operator_cost(profile.operators.table())
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .max_wasm_stack(profile.stack_size_bytes_max)
        .concurrency_support(false)
        // Backtraces would put the names and offsets of functions into errors that must be equal everywhere.
        .wasm_backtrace_max_frames(None)
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        .memory_may_move(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(slots.pool(profile)));
    Engine::new(&config).map_err(|error| slots.setup_error(error))
}

/// Whether an error is this machine's trouble: no memory, no addresses, no free slot. It says nothing about a contract.
pub(crate) fn is_of_machine(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<PoolConcurrencyLimitError>()
            || cause.is::<wasmtime::OutOfMemory>()
            || cause.is::<std::io::Error>()
            || cause.is::<rustix::io::Errno>()
    })
}

/// What the compiled form of `component` takes, in bytes.
pub(crate) fn compiled_size_bytes(component: &Component) -> usize {
    let range = component.image_range();
    range.end.addr().saturating_sub(range.start.addr())
}

fn target() -> Result<&'static str, EngineError> {
    use std::env::consts::{ARCH, OS};
    match (ARCH, OS) {
        ("x86_64", "linux") => Ok("x86_64-unknown-linux-gnu"),
        ("aarch64", "linux") => Ok("aarch64-unknown-linux-gnu"),
        ("x86_64", "macos") => Ok("x86_64-apple-darwin"),
        ("aarch64", "macos") => Ok("aarch64-apple-darwin"),
        (architecture, system) => Err(EngineError::UnsupportedMachine { architecture, system }),
    }
}

/// Slots for everything that the transactions of one moment can need, reserved once, so that no transaction fails
/// because of what others do.
struct Slots {
    stores: u32,
    instances: u32,
    memories: u32,
    tables: u32,
}

impl Slots {
    fn of(profile: &ExecutionProfile, workers: NonZeroU32) -> Self {
        // One more for the thread that makes blocks, which waits for nobody.
        let stores = workers.get().saturating_add(1);
        // A transaction has either instances of core modules, each with a memory and few tables, or those of one
        // component.
        let instances = profile.instances_max.saturating_add(profile.core_instances_max);
        let memories = profile.instances_max.saturating_add(profile.memories_max);
        let tables = profile.instances_max.saturating_mul(profile.tables_per_module_max);
        Self {
            stores,
            instances: stores.saturating_mul(instances),
            memories: stores.saturating_mul(memories),
            tables: stores.saturating_mul(tables.saturating_add(profile.tables_max)),
        }
    }

    fn pool(&self, profile: &ExecutionProfile) -> PoolingAllocationConfig {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(self.instances)
            .total_core_instances(self.instances)
            .total_memories(self.memories)
            .total_tables(self.tables)
            .total_stacks(self.stores)
            .max_component_instance_size(profile.instance_size_bytes_max)
            .max_core_instance_size(profile.instance_size_bytes_max)
            .max_core_instances_per_component(profile.core_instances_max)
            .max_memories_per_component(profile.memories_max)
            .max_tables_per_component(profile.tables_max)
            .max_memories_per_module(1)
            .max_tables_per_module(profile.tables_per_module_max)
            .max_memory_size(profile.memory_size_bytes_max)
            .table_elements(profile.table_elements_max)
            .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
            .table_keep_resident(TABLE_KEPT_BYTES)
            .max_unused_warm_slots(WARM_SLOTS_MAX)
            .pagemap_scan(Enabled::Auto);
        pool
    }

    fn setup_error(&self, error: wasmtime::Error) -> EngineError {
        if !is_of_machine(&error) {
            return EngineError::Setup(error.into());
        }
        let reserved_bytes = u64::from(self.memories).saturating_mul(MEMORY_RESERVATION_BYTES + MEMORY_GUARD_BYTES);
        EngineError::AddressSpace { size_gibibytes: reserved_bytes >> 30, error: error.into() }
    }
}

/// What a slot keeps of a memory when an instance is gone: so much is cleared instead of given back to the system, which
/// is faster for small contracts.
const MEMORY_KEPT_BYTES: usize = 64 << 10;
/// The same for a table.
const TABLE_KEPT_BYTES: usize = 16 << 10;
/// Slots that may keep something for a contract that is not running.
const WARM_SLOTS_MAX: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Trap;

    #[test]
    fn trouble_of_the_machine_is_told_from_that_of_a_contract() {
        let no_memory = std::io::Error::from(std::io::ErrorKind::OutOfMemory);
        assert!(is_of_machine(&wasmtime::Error::new(no_memory).context("mapping")));
        assert!(is_of_machine(&wasmtime::Error::new(rustix::io::Errno::NOMEM).context("mapping")));
        assert!(!is_of_machine(&wasmtime::Error::msg("a list ends beyond the memory")));
        assert!(!is_of_machine(&wasmtime::Error::new(Trap::StackOverflow)));
    }

    #[test]
    fn more_addresses_than_there_are_is_an_error_that_says_what_to_do() {
        let workers = NonZeroU32::new(1_000).unwrap_or(NonZeroU32::MIN);
        let Err(error) = build(&ExecutionProfile::default(), workers) else { panic!("half a pebibyte was reserved") };
        assert!(matches!(error, EngineError::AddressSpace { .. }), "{error:?}");
        assert!(error.to_string().contains("GiB of addresses"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("ulimit")));
    }
}
