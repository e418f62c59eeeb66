//! The two small modules by which wit-component lowers functions that need the memory of a module which is not there yet.
//!
//! A module imports such a function as a *trampoline*: a function of the first of the two modules that passes everything
//! on to an element of a table. When the memory is there the functions are lowered with it, and the second module, the
//! *fixups*, writes them to the table. Destructors of a module's own resources go the same way. Both modules are
//! compared operator by operator with the only code that does nothing else, so that a trampoline can be taken for the
//! function that it leads to.

use super::error::ShapeError;
use wasmparser::{
    ConstExpr, ElementItems, ElementKind, ExternalKind, FuncType, FunctionBody, Operator, Parser, Payload, RefType,
    TableInit, TableType, TypeRef,
};

/// The name of the table with the functions, exported by the one module and imported by the other.
pub(super) const TABLE: &str = "$imports";

/// The name of the one module from which the fixups import everything.
pub(super) const FIXUPS_ARGUMENT: &str = "";

/// The module of trampolines: their types, by number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trampolines {
    types: Vec<FuncType>,
}

impl Trampolines {
    /// Reads a module in which every function passes its parameters on to the element of the table that has the function's
    /// own number, and which has nothing else.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, ShapeError> {
        let (mut types, mut functions, mut bodies) = (Vec::new(), Vec::new(), 0_usize);
        let (mut tables, mut exports) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(invalid)? {
                payload if is_border(&payload) => {}
                Payload::TypeSection(section) => {
                    types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>().map_err(invalid)?;
                }
                Payload::FunctionSection(section) => {
                    functions = section.into_iter().collect::<Result<Vec<u32>, _>>().map_err(invalid)?;
                }
                Payload::TableSection(section) => {
                    tables = section.into_iter().collect::<Result<Vec<_>, _>>().map_err(invalid)?;
                }
                Payload::ExportSection(section) => {
                    exports = section.into_iter().collect::<Result<Vec<_>, _>>().map_err(invalid)?;
                }
                Payload::CodeSectionEntry(body) => {
                    let ty = functions.get(bodies).and_then(|ty| Some((*ty, types.get(*ty as usize)?)));
                    let (index, ty) = ty.ok_or_else(|| trampoline(bodies))?;
                    if !passes_on(&body, bodies, index, ty).map_err(invalid)? {
                        return Err(trampoline(bodies));
                    }
                    bodies += 1;
                }
                _ => return Err(ShapeError::unknown("a section of the module of trampolines")),
            }
        }
        let is_table = match tables.as_slice() {
            [table] => matches!(table.init, TableInit::RefNull) && is_table_of(&table.ty, functions.len()),
            _ => false,
        };
        if !is_table {
            return Err(ShapeError::unknown("the table of the module of trampolines"));
        }
        let (table, names) = exports.split_last().ok_or_else(|| trampoline_export(TABLE))?;
        if (table.name, table.kind, table.index) != (TABLE, ExternalKind::Table, 0) {
            return Err(trampoline_export(table.name));
        }
        for (number, export) in names.iter().enumerate() {
            if export.kind != ExternalKind::Func
                || number_of(export.name) != Some(number)
                || export.index as usize != number
            {
                return Err(trampoline_export(export.name));
            }
        }
        let count = names.len();
        if count != functions.len() {
            return Err(ShapeError::unknown(format!("the trampoline {count}, which is not exported,")));
        }
        let types = functions.iter().filter_map(|ty| types.get(*ty as usize).cloned()).collect();
        Ok(Self { types })
    }

    /// Compares the module of fixups with the only one that fills the table of these trampolines in their order.
    pub(super) fn check_fixups(&self, bytes: &[u8]) -> Result<(), ShapeError> {
        let (mut types, mut segments) = (Vec::new(), 0_usize);
        let mut imports = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(invalid)? {
                payload if is_border(&payload) => {}
                Payload::TypeSection(section) => {
                    types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>().map_err(invalid)?;
                }
                Payload::ImportSection(section) => {
                    imports = section.into_imports().collect::<Result<Vec<_>, _>>().map_err(invalid)?;
                }
                Payload::ElementSection(section) => {
                    for segment in section {
                        segments += 1;
                        if !self.is_fixup(&segment.map_err(invalid)?).map_err(invalid)? {
                            return Err(ShapeError::unknown("the element segment of the module of fixups"));
                        }
                    }
                }
                _ => return Err(ShapeError::unknown("a section of the module of fixups")),
            }
        }
        if segments != 1 {
            return Err(ShapeError::unknown(format!("a module of fixups with {segments} element segments")));
        }
        let unknown = |name: &str| ShapeError::unknown(format!("the import `{name}` of the module of fixups"));
        let (table, functions) = imports.split_last().ok_or_else(|| unknown(TABLE))?;
        let is_table = matches!(table.ty, TypeRef::Table(ty) if is_table_of(&ty, self.types.len()));
        if table.module != FIXUPS_ARGUMENT || table.name != TABLE || !is_table {
            return Err(unknown(table.name));
        }
        for (number, import) in functions.iter().enumerate() {
            let TypeRef::Func(ty) = import.ty else { return Err(unknown(import.name)) };
            let is_of_trampoline = self.types.get(number).is_some_and(|own| types.get(ty as usize) == Some(own));
            if import.module != FIXUPS_ARGUMENT || number_of(import.name) != Some(number) || !is_of_trampoline {
                return Err(unknown(import.name));
            }
        }
        if functions.len() == self.types.len() { Ok(()) } else { Err(unknown(&functions.len().to_string())) }
    }

    /// Whether a segment writes the function of each number to the element of that number.
    fn is_fixup(&self, segment: &wasmparser::Element<'_>) -> wasmparser::Result<bool> {
        let ElementKind::Active { table_index: None | Some(0), offset_expr } = &segment.kind else { return Ok(false) };
        let ElementItems::Functions(functions) = &segment.items else { return Ok(false) };
        if !is_zero(offset_expr)? || functions.count() as usize != self.types.len() {
            return Ok(false);
        }
        for (number, function) in functions.clone().into_iter().enumerate() {
            if function? as usize != number {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.types.len()
    }
}

/// The number that is the name of a trampoline, written without any other digits.
pub(super) fn number_of(name: &str) -> Option<usize> {
    let number: usize = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

/// Whether the function `number`, of the type `ty` with the index `type_index`, is
/// `local.get 0 … i32.const number call_indirect type_index end`.
fn passes_on(body: &FunctionBody<'_>, number: usize, type_index: u32, ty: &FuncType) -> wasmparser::Result<bool> {
    if body.get_locals_reader()?.get_count() != 0 {
        return Ok(false);
    }
    let mut operators = body.get_operators_reader()?;
    for parameter in 0..ty.params().len() {
        match operators.read()? {
            Operator::LocalGet { local_index } if local_index as usize == parameter => {}
            _ => return Ok(false),
        }
    }
    let is_number = matches!(operators.read()?, Operator::I32Const { value } if usize::try_from(value) == Ok(number));
    let is_call = match operators.read()? {
        Operator::CallIndirect { type_index: called, table_index: 0 } => called == type_index,
        _ => false,
    };
    Ok(is_number && is_call && matches!(operators.read()?, Operator::End) && operators.eof())
}

fn is_zero(expression: &ConstExpr<'_>) -> wasmparser::Result<bool> {
    let mut operators = expression.get_operators_reader();
    let is_zero = matches!(operators.read()?, Operator::I32Const { value: 0 });
    Ok(is_zero && matches!(operators.read()?, Operator::End) && operators.eof())
}

/// A table of exactly `count` functions.
fn is_table_of(ty: &TableType, count: usize) -> bool {
    let count = count as u64;
    ty.element_type == RefType::FUNCREF && ty.initial == count && ty.maximum == Some(count) && !ty.table64 && !ty.shared
}

/// What a module has that is not a part of what it does.
fn is_border(payload: &Payload<'_>) -> bool {
    matches!(
        payload,
        Payload::Version { .. } | Payload::CodeSectionStart { .. } | Payload::CustomSection(_) | Payload::End(_)
    )
}

fn trampoline(number: usize) -> ShapeError {
    ShapeError::unknown(format!("the trampoline {number}"))
}

fn trampoline_export(name: &str) -> ShapeError {
    ShapeError::unknown(format!("the export `{name}` of the module of trampolines"))
}

fn invalid(error: wasmparser::BinaryReaderError) -> ShapeError {
    ShapeError::invalid(&error)
}
