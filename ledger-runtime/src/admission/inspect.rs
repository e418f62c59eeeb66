//! What can be said about a component's bytes before anything is compiled.

use super::{AdmissionError, UnservedImport, cost};
use crate::profile::{ExecutionProfile, WASM_FEATURES};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType};
use wasmparser::types::Types;
use wasmparser::{ComponentImport, Parser, Payload, Validator};

/// Checks the size, the validity under the profile, what compilation will cost, and that all imports can be served.
pub(super) fn inspect(profile: &ExecutionProfile, bytes: &[u8]) -> Result<(), AdmissionError> {
    if bytes.len() > profile.component_size_bytes_max {
        return Err(AdmissionError::TooLarge { size_bytes: bytes.len(), max: profile.component_size_bytes_max });
    }
    let invalid = |error: wasmparser::BinaryReaderError| AdmissionError::Invalid(error.into());
    let types = Validator::new_with_features(WASM_FEATURES).validate_all(bytes).map_err(invalid)?;
    let outline = Outline::of(bytes).map_err(invalid)?;
    if outline.function_size_bytes > profile.function_size_bytes_max {
        return Err(AdmissionError::FunctionTooLarge {
            size_bytes: outline.function_size_bytes,
            max: profile.function_size_bytes_max,
        });
    }
    if outline.compilation_cost > profile.compilation_cost_max {
        return Err(AdmissionError::TooComplex { cost: outline.compilation_cost, max: profile.compilation_cost_max });
    }
    let mut unserved: Vec<UnservedImport> =
        outline.imports.iter().filter_map(|import| unserved(&types, import.name.name)).collect();
    unserved.sort_by(|a, b| a.name.cmp(&b.name));
    if unserved.is_empty() { Ok(()) } else { Err(AdmissionError::UnservedImports(unserved)) }
}

/// What is counted while walking through the sections.
#[derive(Default)]
struct Outline<'a> {
    /// The imports of the component itself, not of those inside it.
    imports: Vec<ComponentImport<'a>>,
    /// The largest function body at any depth.
    function_size_bytes: usize,
    /// What compiling all functions at any depth will cost.
    compilation_cost: u64,
}

impl<'a> Outline<'a> {
    fn of(bytes: &'a [u8]) -> wasmparser::Result<Self> {
        let mut outline = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        outline.imports.push(import?);
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    outline.function_size_bytes = outline.function_size_bytes.max(body.range().len());
                    outline.compilation_cost = outline.compilation_cost.saturating_add(cost::of_function(&body)?);
                }
                _ => {}
            }
        }
        Ok(outline)
    }
}

/// Why the import `name` can't be served; none if it needs nothing at run time.
fn unserved(types: &Types, name: &str) -> Option<UnservedImport> {
    let reasons = match types.component_item_for_import(name).map(|item| item.ty) {
        Some(ComponentEntityType::Instance(id)) => unserved_items(&types[id]),
        Some(ty) => obstacle(None, &ty).into_iter().collect(),
        None => vec!["its type is not known".to_owned()],
    };
    (!reasons.is_empty()).then(|| UnservedImport { name: name.to_owned(), reasons })
}

fn unserved_items(instance: &ComponentInstanceType) -> Vec<String> {
    instance.exports.iter().filter_map(|(name, item)| obstacle(Some(name), &item.ty)).collect()
}

/// Why an item can't be served. Types other than resources exist at compile time only.
fn obstacle(name: Option<&str>, ty: &ComponentEntityType) -> Option<String> {
    let kind = match ty {
        ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(_), .. } => "resource",
        ComponentEntityType::Type { .. } => return None,
        ComponentEntityType::Func(_) => "function",
        ComponentEntityType::Instance(_) => "instance",
        ComponentEntityType::Module(_) => "core module",
        ComponentEntityType::Component(_) => "component",
        ComponentEntityType::Value(_) => "value",
    };
    Some(match name {
        Some(name) => format!("it holds the {kind} `{name}`"),
        None => format!("it is a {kind}"),
    })
}
