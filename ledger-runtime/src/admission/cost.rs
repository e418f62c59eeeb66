//! How long compiling a function takes, estimated from what it consists of.
//!
//! Compilation is linear in straight code, but grows with the square of a function's loops and branches, and with the
//! product of its loops and the square of the locals that are alive in them. The weights below were found by compiling functions made to be slow; one
//! unit is about a microsecond of an unoptimised build of the compiler.

use wasmparser::{FunctionBody, Operator};

const UNITS_PER_FUNCTION: u64 = 100;
const BYTES_PER_UNIT: u64 = 4;
/// So many branches, or targets of branch tables, weigh as much as one loop.
const BRANCHES_PER_LOOP: u64 = 8;
/// From so many locals on, their square weighs more than their number.
const LOCALS_BEFORE_SQUARE: u64 = 512;

/// The estimate for one function.
pub(super) fn of_function(body: &FunctionBody<'_>) -> wasmparser::Result<u64> {
    let (mut loops, mut branches) = (0_u64, 0_u64);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Loop { .. } => loops += 1,
            Operator::BrTable { targets } => branches += u64::from(targets.len()) + 1,
            Operator::Block { .. } | Operator::If { .. } | Operator::Br { .. } | Operator::BrIf { .. } => branches += 1,
            _ => {}
        }
    }
    let size_bytes = body.range().len() as u64;
    let weight = loops + branches / BRANCHES_PER_LOOP;
    // A local that is declared and not used costs nothing, and each use takes bytes.
    let locals = locals(body)?.min(size_bytes);
    let alive = weight + locals + locals * locals / LOCALS_BEFORE_SQUARE;
    Ok(UNITS_PER_FUNCTION + size_bytes / BYTES_PER_UNIT + weight * alive)
}

fn locals(body: &FunctionBody<'_>) -> wasmparser::Result<u64> {
    body.get_locals_reader()?.into_iter().map(|group| Ok(u64::from(group?.0))).sum()
}
