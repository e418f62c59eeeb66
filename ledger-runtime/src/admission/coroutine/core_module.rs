//! The core module of a contract: what it imports and exports.

use super::error::{Difference, ShapeError};
use crate::abi::{CoreSignature, CoreType};
use crate::profile::ExecutionProfile;
use std::collections::BTreeMap;
use wasmparser::types::{EntityType, Types};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef, ValType, Validator};

/// The functions at a module's borders.
pub(super) struct CoreModule<'a> {
    /// In the module's order.
    pub(super) imports: Vec<CoreImport<'a>>,
    /// Exported functions whose types consist of numbers.
    pub(super) exports: BTreeMap<&'a str, CoreSignature>,
}

/// An imported function.
pub(super) struct CoreImport<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
    pub(super) signature: CoreSignature,
}

/// The types of a component or a module that is valid under the profile.
pub(super) fn validate(profile: &ExecutionProfile, bytes: &[u8]) -> Result<Types, ShapeError> {
    let mut validator = Validator::new_with_features(profile.wasm_features());
    validator.validate_all(bytes).map_err(|error| ShapeError::invalid(&error))
}

impl<'a> CoreModule<'a> {
    /// Reads a module. Whatever it has within itself (its memory, tables, globals, data) is its own business: nothing
    /// outside of it can tell. A start function is not: it would run code outside of any call.
    pub(super) fn of(profile: &ExecutionProfile, bytes: &'a [u8]) -> Result<Self, ShapeError> {
        let types = validate(profile, bytes)?;
        let mut module = Self { imports: Vec::new(), exports: BTreeMap::new() };
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| ShapeError::invalid(&error))? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        module.import(&import.map_err(|error| ShapeError::invalid(&error))?, &types)?;
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.map_err(|error| ShapeError::invalid(&error))?;
                        let is_function = export.kind == ExternalKind::Func;
                        let ty = types.as_ref().entity_type_from_export(&export).filter(|_| is_function);
                        if let Some(signature) = ty.and_then(|ty| signature(&types, &ty)) {
                            module.exports.insert(export.name, signature);
                        }
                    }
                }
                Payload::StartSection { .. } => return Err(ShapeError::unknown("the core module's start function")),
                _ => {}
            }
        }
        Ok(module)
    }

    fn import(&mut self, import: &wasmparser::Import<'a>, types: &Types) -> Result<(), ShapeError> {
        let place = || format!("the core import `{}` `{}`", import.module, import.name);
        let TypeRef::Func(index) = import.ty else { return Err(ShapeError::unknown(place())) };
        let core_type = types.as_ref().entity_type_from_import(import);
        let signature = core_type.and_then(|ty| signature(types, &ty)).ok_or_else(|| {
            let found = format!("type {index}");
            ShapeError::new(place(), Difference::CoreType { expected: "numbers".to_owned(), found })
        })?;
        self.imports.push(CoreImport { module: import.module, name: import.name, signature });
        Ok(())
    }
}

fn signature(types: &Types, ty: &EntityType) -> Option<CoreSignature> {
    let EntityType::Func(id) = ty else { return None };
    let function = types[*id].unwrap_func();
    let numbers = |types: &[ValType]| types.iter().map(number).collect::<Option<Vec<CoreType>>>();
    Some(CoreSignature { parameters: numbers(function.params())?, results: numbers(function.results())? })
}

fn number(ty: &ValType) -> Option<CoreType> {
    match ty {
        ValType::I32 => Some(CoreType::I32),
        ValType::I64 => Some(CoreType::I64),
        ValType::F32 => Some(CoreType::F32),
        ValType::F64 => Some(CoreType::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}
