//! The execution profile: everything that decides what a call gives and what it costs.

use crate::value::ValueLimits;
use wasmparser::WasmFeatures;

/// The numbers that two nodes must share to come to the same result, gas and error for the same call.
///
/// `Default` holds the values that the product uses. The version of the engine, its operator costs (one unit for each
/// instruction that does something) and [`WASM_FEATURES`] belong to the profile too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionProfile {
    /// Gas that a call may use if it does not say.
    pub gas_limit_default: u64,
    /// Gas that a call may ask for at most.
    pub gas_limit_max: u64,
    /// Gas for a fresh instance, charged for each call: about the instructions that the same time would execute.
    pub gas_per_call: u64,
    /// Gas for each byte of the encoded parameters and of the encoded result.
    pub gas_per_value_byte: u64,
    /// Gas for each page (64 KiB) of linear memory, at the start or grown.
    pub gas_per_memory_page: u8,

    /// Bytes of linear memory that a call may have, all its memories together. Growing beyond is a trap.
    pub memory_size_bytes_max: usize,
    /// Elements that one table may have. Growing beyond is a trap.
    pub table_elements_max: usize,
    /// Bytes of stack for WebAssembly frames. Where exactly a recursion ends depends on the compiler too, which is why
    /// its version is part of the profile.
    pub stack_size_bytes_max: usize,
    /// Resource handles that may be live in one call.
    pub handles_max: usize,
    /// Bytes that the engine may allocate to lift a result.
    pub lifted_size_bytes_max: usize,
    /// What parameters and results may cost.
    pub values: ValueLimits,

    /// Bytes of a component.
    pub component_size_bytes_max: usize,
    /// Bytes of one function's body.
    pub function_size_bytes_max: usize,
    /// What compiling a component may cost, estimated from the loops, branches and locals of its functions. Ordinary
    /// contracts stay below a hundredth of the default, which is some seconds of processor time.
    pub compilation_cost_max: u64,
    /// Core instances in one component.
    pub core_instances_max: u32,
    /// Linear memories in one component.
    pub memories_max: u32,
    /// Tables in one component.
    pub tables_max: u32,
    /// Bytes that the engine keeps for one instance of a component, or of a core module, beside memories and tables.
    pub instance_size_bytes_max: usize,
}

impl Default for ExecutionProfile {
    fn default() -> Self {
        Self {
            gas_limit_default: 10_000_000,
            gas_limit_max: 100_000_000,
            gas_per_call: 10_000,
            gas_per_value_byte: 16,
            gas_per_memory_page: u8::MAX,
            memory_size_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            stack_size_bytes_max: 512 << 10,
            handles_max: 10_000,
            lifted_size_bytes_max: 96 << 20,
            values: ValueLimits::default(),
            component_size_bytes_max: 4 << 20,
            function_size_bytes_max: 128 << 10,
            compilation_cost_max: 30_000_000,
            core_instances_max: 16,
            memories_max: 4,
            tables_max: 16,
            instance_size_bytes_max: 1 << 20,
        }
    }
}

/// What WebAssembly a contract may consist of; everything else is refused.
///
/// Rust guests need reference types, Starstream's contracts tail calls and several results. Floats are deterministic
/// once NaN is canonical. SIMD can be allowed later, but could never be taken away again.
pub const WASM_FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::COMPONENT_MODEL);
