//! The small component through which an object is exported: functions and types go in, and out under other names.

use super::error::ShapeError;
use std::collections::BTreeMap;
use wasmparser::{ComponentExternalKind, ComponentType, ComponentTypeRef, Parser, Payload};

/// Which function goes out for which that went in.
#[derive(Debug, Clone, Default)]
pub(super) struct Shim<'a> {
    /// The name of the import for each exported function.
    pub(super) functions: BTreeMap<&'a str, &'a str>,
}

impl<'a> Shim<'a> {
    /// Reads a component that has no code, no instance and no type of its own.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, ShapeError> {
        let mut shim = Self::default();
        // By index: what went in, and again what went out, which is the same under a new index.
        let mut functions: Vec<&'a str> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| ShapeError::invalid(&error))? {
                Payload::Version { .. } | Payload::CustomSection(_) | Payload::End(_) => {}
                Payload::ComponentTypeSection(section) => {
                    for ty in section {
                        if let ComponentType::Resource { .. } = ty.map_err(|error| ShapeError::invalid(&error))? {
                            return Err(ShapeError::unknown("a resource inside of an inner component"));
                        }
                    }
                }
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        let import = import.map_err(|error| ShapeError::invalid(&error))?;
                        match import.ty {
                            ComponentTypeRef::Func(_) => functions.push(import.name.name),
                            ComponentTypeRef::Type(_) => {}
                            _ => return Err(inner("import", import.name.name)),
                        }
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        let export = export.map_err(|error| ShapeError::invalid(&error))?;
                        match export.kind {
                            ComponentExternalKind::Func => {
                                let import = functions.get(export.index as usize).copied();
                                let import = import.ok_or_else(|| inner("export", export.name.name))?;
                                shim.functions.insert(export.name.name, import);
                                functions.push(import);
                            }
                            ComponentExternalKind::Type => {}
                            _ => return Err(inner("export", export.name.name)),
                        }
                    }
                }
                _ => return Err(ShapeError::unknown("a component inside of the component that does more than rename")),
            }
        }
        Ok(shim)
    }
}

fn inner(what: &str, name: &str) -> ShapeError {
    ShapeError::unknown(format!("the {what} `{name}` of an inner component"))
}
