//! How long compiling a component takes, estimated from what it consists of.
//!
//! One unit is about a microsecond of an unoptimised build of the compiler. The weights were found by compiling
//! components made to be slow. What is more than linear:
//!
//! - the square of a function's loops and branches, and the product of its loops and the square of the locals that are
//!   alive in them;
//! - values that stay on the operand stack, or in locals, while other functions are called: each is kept over each call;
//! - components that are instantiated several times, one in the other: each instance is compiled anew.
//!
//! Constant expressions and the elements of active segments are linear, but dear for their bytes: what the engine cannot
//! compute in advance becomes code that runs when the module is instantiated.
//!
//! [`VERSION`] names the estimate: it decides what can be deployed, and for how much gas.

mod composition;
mod initializers;

pub(super) use composition::Composition;
pub(super) use initializers::Initializers;

use wasmparser::{FuncValidator, FunctionBody, Operator, OperatorsReader, Result, WasmModuleResources};

/// To be raised whenever an estimate changes.
pub(crate) const VERSION: u32 = 1;

const UNITS_PER_FUNCTION: u64 = 100;
const BYTES_PER_UNIT: u64 = 4;
/// So many branches, or targets of branch tables, weigh as much as one loop.
const BRANCHES_PER_LOOP: u64 = 8;
/// From so many locals on, their square weighs more than their number.
const LOCALS_BEFORE_SQUARE: u64 = 512;
/// So many values, each kept over one call.
const KEPT_VALUES_PER_UNIT: u64 = 8;

/// The estimate for one function, which is validated on the way. `validator` is that of its module.
pub(super) fn of_function<R: WasmModuleResources>(
    validator: &mut FuncValidator<R>,
    body: &FunctionBody<'_>,
) -> Result<u64> {
    let (mut loops, mut branches, mut calls, mut kept) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut operators = OperatorsReader::new(reader);
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        match &operator {
            Operator::Loop { .. } => loops += 1,
            Operator::BrTable { targets } => branches += u64::from(targets.len()) + 1,
            Operator::Block { .. } | Operator::If { .. } | Operator::Br { .. } | Operator::BrIf { .. } => branches += 1,
            operator if is_call(operator) => {
                calls += 1;
                kept += u64::from(validator.operand_stack_height());
            }
            _ => {}
        }
        validator.op(offset, &operator)?;
    }
    operators.finish()?;
    let size_bytes = body.range().len() as u64;
    let weight = loops + branches / BRANCHES_PER_LOOP;
    // A local that is declared and not used costs nothing, and each use takes bytes.
    let locals = u64::from(validator.len_locals()).min(size_bytes);
    let alive = weight + locals + locals * locals / LOCALS_BEFORE_SQUARE;
    let kept_units = (kept + calls * locals) / KEPT_VALUES_PER_UNIT;
    Ok(UNITS_PER_FUNCTION + size_bytes / BYTES_PER_UNIT + weight * alive + kept_units)
}

/// Whether an operator is compiled to a call, of a function or of the engine.
fn is_call(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        Call { .. }
            | CallIndirect { .. }
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | RefFunc { .. }
            | MemoryGrow { .. }
            | MemoryInit { .. }
            | MemoryCopy { .. }
            | MemoryFill { .. }
            | DataDrop { .. }
            | TableGet { .. }
            | TableGrow { .. }
            | TableInit { .. }
            | TableCopy { .. }
            | TableFill { .. }
            | ElemDrop { .. }
            | F32Ceil
            | F32Floor
            | F32Trunc
            | F32Nearest
            | F64Ceil
            | F64Floor
            | F64Trunc
            | F64Nearest
    )
}
