//! The WebAssembly engine, set up so that nothing of the host can be seen in a result.

use crate::profile::{ExecutionProfile, WASM_FEATURES};
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig, VariableOperatorCost,
    WasmFeatures,
};

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
    /// The engine refused its configuration, or could not reserve its address space.
    #[error("the WebAssembly engine cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An engine in which `concurrent_calls_max` calls can be executed at the same time.
///
/// # Errors
/// If the machine is not supported, or does not give the address space.
pub fn build(profile: &ExecutionProfile, concurrent_calls_max: u32) -> Result<Engine, EngineError> {
    let setup = |error: wasmtime::Error| EngineError::Setup(error.into());
    let mut config = Config::new();
    config
        // A named target keeps the features of this very processor out of the code, and with them out of the size of
        // stack frames and the point where a recursion ends.
        .target(target()?)
        .map_err(setup)?
        .wasm_features(WasmFeatures::all().difference(WASM_FEATURES), false)
        .wasm_features(WASM_FEATURES, true)
        .consume_fuel(true)
        .operator_cost(operator_cost(profile))
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .max_wasm_stack(profile.stack_size_bytes_max)
        .concurrency_support(false)
        // Backtraces would put the names and offsets of functions into errors that must be equal everywhere.
        .wasm_backtrace_max_frames(None)
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        .memory_may_move(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(profile, concurrent_calls_max)));
    Engine::new(&config).map_err(setup)
}

/// What the compiled form of `component` takes, in bytes.
pub(crate) fn compiled_size_bytes(component: &Component) -> usize {
    let range = component.image_range();
    range.end.addr().saturating_sub(range.start.addr())
}

/// With four gibibytes of reserved addresses and a guard behind them the compiler leaves out most checks of bounds, so
/// both are visible in the code.
const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;
const MEMORY_GUARD_BYTES: u64 = 32 << 20;

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

fn operator_cost(profile: &ExecutionProfile) -> OperatorCost {
    let variable =
        VariableOperatorCost { memory_grow_per_page: profile.gas_per_memory_page, ..VariableOperatorCost::new() };
    OperatorCost { variable, ..OperatorCost::new() }
}

/// Slots for everything that the calls of one moment can need, reserved once.
fn pool(profile: &ExecutionProfile, concurrent_calls_max: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(concurrent_calls_max)
        .total_core_instances(concurrent_calls_max.saturating_mul(profile.core_instances_max))
        .total_memories(concurrent_calls_max.saturating_mul(profile.memories_max))
        .total_tables(concurrent_calls_max.saturating_mul(profile.tables_max))
        .total_stacks(concurrent_calls_max)
        .max_component_instance_size(profile.instance_size_bytes_max)
        .max_core_instance_size(profile.instance_size_bytes_max)
        .max_core_instances_per_component(profile.core_instances_max)
        .max_memories_per_component(profile.memories_max)
        .max_tables_per_component(profile.tables_max)
        .max_memory_size(profile.memory_size_bytes_max)
        .table_elements(profile.table_elements_max)
        .pagemap_scan(Enabled::Auto);
    pool
}
