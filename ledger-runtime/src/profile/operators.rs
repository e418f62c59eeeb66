//! What each WebAssembly operator costs.

use borsh::BorshSerialize;
use wasmtime::{OperatorCost, VariableOperatorCost};

/// Gas of each class of operators.
///
/// One unit is about what the cheapest operators take; `docs/execution.md` has the measurements from which the others
/// follow, and how far a unit's time can vary.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub struct OperatorGas {
    /// Constants, locals, globals, comparisons, and integer arithmetic of one machine instruction.
    pub simple: u8,
    /// Jumps, whose direction a processor may guess wrongly, and counting the zeros of an integer.
    pub branch: u8,
    /// Products of integers.
    pub multiplication: u8,
    /// Quotients and remainders of integers; counting ones, for which the compiler may not use an instruction that
    /// some processors lack.
    pub division: u8,
    /// Loads and stores.
    pub memory_access: u8,
    /// Sums, products, minima and conversions of floats, each with a check for NaN.
    pub float_arithmetic: u8,
    /// Rounding of floats, which is a call of the host where processors may lack the instruction.
    pub float_rounding: u8,
    /// Quotients of floats.
    pub float_division: u8,
    /// Square roots.
    pub float_square_root: u8,
    /// Calls of functions that are named.
    pub call: u8,
    /// Calls through a table, with a check of the type; reading and writing elements of a table.
    pub table_access: u8,
    /// Operators that call the host, beside what they cost for each byte or element.
    pub host_operation: u8,
    /// Growing a memory, beside what it costs for each page. It is a system call.
    pub memory_grow: u8,
    /// Each byte that is copied, filled or initialised.
    pub bulk_byte: u8,
    /// Each element of a table that is copied, filled, initialised or added.
    pub bulk_element: u8,
    /// Each page (64 KiB) by which a memory is to grow; what it costs to provide the page stands in
    /// [`gas_per_memory_page`](super::ExecutionProfile::gas_per_memory_page).
    pub grown_page: u8,
}

impl Default for OperatorGas {
    fn default() -> Self {
        Self {
            simple: 1,
            branch: 2,
            multiplication: 2,
            division: 5,
            memory_access: 3,
            float_arithmetic: 4,
            float_rounding: 7,
            float_division: 10,
            float_square_root: 15,
            call: 4,
            table_access: 8,
            host_operation: 100,
            memory_grow: 250,
            bulk_byte: 1,
            bulk_element: 2,
            grown_page: 250,
        }
    }
}

/// Gives every operator that a contract can hold its class. Operators of other proposals never pass validation.
macro_rules! classes {
    (free: [$($free:ident)*] $($class:ident: [$($operator:ident)*])*) => {
        impl OperatorGas {
            /// The engine's table of operators.
            pub(crate) fn table(&self) -> OperatorCost {
                let mut table = OperatorCost { variable: self.variable(), ..OperatorCost::new() };
                $(table.$free = 0;)*
                $($(table.$operator = self.$class;)*)*
                table
            }
        }

        /// Every operator that has a class.
        #[cfg(test)]
        const CLASSIFIED: &[&str] = &[$(stringify!($free),)* $($(stringify!($operator),)*)*];
    };
}

classes! {
    // These become no instructions. A loop always needs a jump, which costs something.
    free: [Nop Drop Block Loop Return Else End Unreachable]
    simple: [
        Select TypedSelect TypedSelectMulti LocalGet LocalSet LocalTee GlobalGet GlobalSet MemorySize TableSize
        I32Const I64Const F32Const F64Const RefNull RefIsNull
        I32Eqz I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU
        I64Eqz I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU
        F32Eq F32Ne F32Lt F32Gt F32Le F32Ge F64Eq F64Ne F64Lt F64Gt F64Le F64Ge
        I32Add I32Sub I32And I32Or I32Xor I32Shl I32ShrS I32ShrU I32Rotl I32Rotr
        I64Add I64Sub I64And I64Or I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr
        F32Abs F32Neg F32Copysign F64Abs F64Neg F64Copysign
        I32WrapI64 I64ExtendI32S I64ExtendI32U I32Extend8S I32Extend16S I64Extend8S I64Extend16S I64Extend32S
        I32ReinterpretF32 I64ReinterpretF64 F32ReinterpretI32 F64ReinterpretI64
    ]
    branch: [If Br BrIf BrTable I32Clz I32Ctz I64Clz I64Ctz]
    multiplication: [I32Mul I64Mul]
    division: [I32DivS I32DivU I32RemS I32RemU I64DivS I64DivU I64RemS I64RemU I32Popcnt I64Popcnt]
    memory_access: [
        I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U
        I64Load8S I64Load8U I64Load16S I64Load16U I64Load32S I64Load32U
        I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16 I64Store32
    ]
    float_arithmetic: [
        F32Add F32Sub F32Mul F32Min F32Max F64Add F64Sub F64Mul F64Min F64Max F32DemoteF64 F64PromoteF32
        I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U I64TruncF32S I64TruncF32U I64TruncF64S I64TruncF64U
        I32TruncSatF32S I32TruncSatF32U I32TruncSatF64S I32TruncSatF64U
        I64TruncSatF32S I64TruncSatF32U I64TruncSatF64S I64TruncSatF64U
        F32ConvertI32S F32ConvertI32U F32ConvertI64S F32ConvertI64U
        F64ConvertI32S F64ConvertI32U F64ConvertI64S F64ConvertI64U
    ]
    float_rounding: [F32Ceil F32Floor F32Trunc F32Nearest F64Ceil F64Floor F64Trunc F64Nearest]
    float_division: [F32Div F64Div]
    float_square_root: [F32Sqrt F64Sqrt]
    call: [Call ReturnCall]
    table_access: [CallIndirect ReturnCallIndirect TableGet TableSet]
    host_operation: [
        RefFunc MemoryInit DataDrop MemoryCopy MemoryFill TableInit ElemDrop TableCopy TableFill TableGrow
    ]
    memory_grow: [MemoryGrow]
}

impl OperatorGas {
    fn variable(&self) -> VariableOperatorCost {
        VariableOperatorCost {
            memory_copy_per_byte: self.bulk_byte,
            memory_fill_per_byte: self.bulk_byte,
            memory_init_per_byte: self.bulk_byte,
            memory_grow_per_page: self.grown_page,
            table_copy_per_element: self.bulk_element,
            table_fill_per_element: self.bulk_element,
            table_init_per_element: self.bulk_element,
            table_grow_per_element: self.bulk_element,
            // Arrays belong to a proposal that no contract can use.
            ..VariableOperatorCost::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ExecutionProfile;
    use wasmparser::WasmFeatures;

    macro_rules! operators {
        ($(@$proposal:ident $operator:ident $({ $($argument:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*))*) => {
            const OPERATORS: &[(&str, &str)] = &[$((stringify!($proposal), stringify!($operator)),)*];
        };
    }
    wasmparser::for_each_operator!(operators);

    #[test]
    fn exactly_the_operators_that_a_contract_can_hold_have_a_class() {
        let features = ExecutionProfile::default().wasm_features();
        let is_allowed = |proposal: &str| {
            proposal == "mvp"
                || WasmFeatures::from_name(&proposal.to_uppercase()).is_some_and(|it| features.contains(it))
        };
        let mut expected: Vec<&str> =
            OPERATORS.iter().filter(|(proposal, _)| is_allowed(proposal)).map(|(_, operator)| *operator).collect();
        let mut classified = CLASSIFIED.to_vec();
        expected.sort_unstable();
        classified.sort_unstable();
        assert_eq!(classified, expected);
    }
}
