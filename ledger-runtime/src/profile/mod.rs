//! The execution profile: everything that decides what a transaction gives and what it costs.
//!
//! `docs/execution.md` describes it with the reasons and measurements behind the numbers.

mod id;
mod operators;

pub use operators::OperatorGas;

use crate::value::ValueLimits;
use borsh::BorshSerialize;
use wasmparser::WasmFeatures;

/// The numbers that two nodes must share to come to the same result, gas and error for the same transaction.
///
/// `Default` holds the values that the product uses. The version of the engine and the architecture of the processor
/// belong to the profile too; [`ExecutionProfile::id`] names all of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct ExecutionProfile {
    /// Gas that a call may use if it does not say.
    pub gas_limit_default: u64,
    /// Gas that a transaction may ask for at most.
    pub gas_limit_max: u64,
    /// Gas for the operators that a contract executes.
    pub operators: OperatorGas,
    /// Gas for a transaction, whatever it does: its store, its checks, its place in a block.
    pub gas_per_transaction: u64,
    /// Gas for each fresh instance of a contract.
    pub gas_per_instance: u64,
    /// Gas for each call between a contract and the host, in either direction, beside its values.
    pub gas_per_host_call: u64,
    /// Gas for each call of a UTXO, a token or another script, and of an effect's handler, beside the call of the host that
    /// asks for it: for reading the object's record afterwards, and for a row of the call table with its digests.
    pub gas_per_utxo_call: u64,
    /// Gas for each byte of encoded values that go into a contract or come out of it, and of what host and contract say to
    /// each other in a call, which is hashed.
    pub gas_per_value_byte: u64,
    /// Gas for each page (64 KiB) of linear memory that an instance begins with or adds: for providing and clearing it.
    pub gas_per_memory_page: u64,
    /// Gas for each byte of a state record that is read from the state or written to it.
    pub gas_per_state_byte: u64,
    /// Gas for each event, beside the bytes of its values, its interface and its name.
    pub gas_per_event: u64,
    /// Gas for each contract that a transaction needs: those of which something is called, and all that these import, at any
    /// depth. Each is paid once, when something of it or of what imports it is used first.
    pub gas_per_contract: u64,
    /// Gas for each byte of such a contract's component: a node may have to load it.
    pub gas_per_contract_byte: u64,
    /// Gas for each byte of a component that is deployed, and of the packages that come with it.
    pub gas_per_component_byte: u64,

    /// Instances that one transaction may have: one for each script, and one for each UTXO and each token of which
    /// something is called.
    pub instances_max: u32,
    /// Calls of scripts, main functions and methods that one transaction may make.
    pub calls_max: u32,
    /// Calls that may wait for each other.
    pub frames_max: u32,
    /// Interfaces of effects whose handlers may be installed at once, each time counted.
    pub handlers_max: u32,
    /// Events of one transaction.
    pub events_max: u32,
    /// Bytes of the interfaces, names and encoded arguments of all events of one transaction.
    pub event_size_bytes_max: usize,
    /// Bytes of one encoded state record.
    pub state_size_bytes_max: usize,
    /// Bytes of one encoded record of a token. All records of a UTXO's tokens are kept with it, so it is less than what the
    /// UTXO's own may have.
    pub token_state_size_bytes_max: usize,
    /// Tokens that one UTXO may hold.
    pub tokens_per_utxo_max: usize,
    /// Methods that one UTXO may offer at a yield.
    pub callable_methods_max: usize,

    /// Bytes of linear memory that a transaction may have, all memories of all instances together. Growing beyond is a
    /// trap.
    pub memory_size_bytes_max: usize,
    /// Elements that one table may have. Growing beyond is a trap.
    pub table_elements_max: usize,
    /// Bytes of stack for WebAssembly frames. Where exactly a recursion ends depends on the compiler too, which is why
    /// its version is part of the profile.
    pub stack_size_bytes_max: usize,
    /// Resource handles that may be live in one instance.
    pub handles_max: usize,
    /// Bytes that the engine may allocate to lift a result.
    pub lifted_size_bytes_max: usize,
    /// What parameters and results may cost.
    pub values: ValueLimits,

    /// Whether contracts may use floats. They are deterministic; but a chain whose execution is to be proven some day
    /// may do without.
    pub floats_allowed: bool,
    /// Bytes of a component.
    pub component_size_bytes_max: usize,
    /// Bytes of one function's body.
    pub function_size_bytes_max: usize,
    /// What compiling a component may cost, as `admission/cost` estimates it. Ordinary contracts stay below a tenth of
    /// the default, which is some seconds of processor time.
    pub compilation_cost_max: u64,
    /// Segments, elements of active segments, and operators of constant expressions in one component.
    pub initializers_max: u64,
    /// Characters of each name in a component's own WIT.
    pub identifier_chars_max: usize,
    /// Contracts that one contract may import.
    pub imports_max: usize,
    /// How many contracts may stand in a chain of which each imports the next, below the first.
    pub import_depth_max: usize,
    /// Contracts that one contract may need: those that it imports, those that they import, and so on. They are all loaded
    /// with it.
    pub imported_contracts_max: usize,
    /// Bytes of the components of all contracts that one contract may need.
    pub imported_size_bytes_max: usize,
    /// Core instances in one component.
    pub core_instances_max: u32,
    /// Linear memories in one component.
    pub memories_max: u32,
    /// Tables in one component.
    pub tables_max: u32,
    /// Tables that one core module defines.
    pub tables_per_module_max: u32,
    /// Bytes that the engine keeps for one instance of a component, or of a core module, beside memories and tables.
    pub instance_size_bytes_max: usize,
}

impl Default for ExecutionProfile {
    fn default() -> Self {
        Self {
            gas_limit_default: 10_000_000,
            gas_limit_max: 100_000_000,
            operators: OperatorGas::default(),
            gas_per_transaction: 5_000,
            gas_per_instance: 5_000,
            gas_per_host_call: 200,
            gas_per_utxo_call: 10_000,
            gas_per_value_byte: 16,
            gas_per_memory_page: 2_000,
            gas_per_state_byte: 50,
            gas_per_event: 1_000,
            gas_per_contract: 5_000,
            gas_per_contract_byte: 1,
            gas_per_component_byte: 10,
            instances_max: 128,
            calls_max: 10_000,
            frames_max: 16,
            handlers_max: 64,
            events_max: 1_000,
            event_size_bytes_max: 1 << 20,
            state_size_bytes_max: 64 << 10,
            token_state_size_bytes_max: 16 << 10,
            tokens_per_utxo_max: 64,
            callable_methods_max: 256,
            memory_size_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            stack_size_bytes_max: 512 << 10,
            handles_max: 10_000,
            lifted_size_bytes_max: 96 << 20,
            values: ValueLimits::default(),
            floats_allowed: true,
            component_size_bytes_max: 4 << 20,
            function_size_bytes_max: 128 << 10,
            compilation_cost_max: 30_000_000,
            initializers_max: 20_000,
            identifier_chars_max: 128,
            imports_max: 64,
            import_depth_max: 16,
            imported_contracts_max: 128,
            imported_size_bytes_max: 16 << 20,
            core_instances_max: 16,
            memories_max: 4,
            tables_max: 16,
            tables_per_module_max: 1,
            instance_size_bytes_max: 1 << 20,
        }
    }
}

impl ExecutionProfile {
    /// Why a contract cannot have `asked` as the maximum of the gas limits of its calls; none if it can. Who deploys a
    /// contract first decides this for ever and for all, so it may not be below what calls have that do not say.
    pub fn objection_to_contract_gas_limit(&self, asked: Option<u64>) -> Option<String> {
        let (min, max) = (self.gas_limit_default, self.gas_limit_max);
        let outside = asked.filter(|asked| !(min..=max).contains(asked))?;
        Some(format!("its `gas_limit_max` of {outside} is not between {min} and {max}"))
    }

    /// What WebAssembly a contract may consist of; everything else is refused.
    ///
    /// Rust guests need reference types, Starstream's contracts tail calls and several results. Floats are
    /// deterministic once NaN is canonical. SIMD can be allowed later, but could never be taken away again.
    pub fn wasm_features(&self) -> WasmFeatures {
        if self.floats_allowed { WASM_FEATURES.union(FLOATS) } else { WASM_FEATURES }
    }
}

const WASM_FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL)
    // The external ids on names, which say which contract an import means, belong to this proposal. Its other half, names
    // that stand for interfaces, is refused at admission.
    .union(WasmFeatures::CM_IMPLEMENTS);

const FLOATS: WasmFeatures = WasmFeatures::FLOATS.union(WasmFeatures::SATURATING_FLOAT_TO_INT);
