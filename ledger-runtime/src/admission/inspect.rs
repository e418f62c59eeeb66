//! What can be said about a component's bytes before anything is compiled.

use super::{AdmissionError, UnservedImport, cost};
use crate::profile::ExecutionProfile;
use std::collections::HashSet;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType, ResourceId};
use wasmparser::types::Types;
use wasmparser::{ComponentImport, Parser, Payload, Validator};

/// Checks the size, the validity under the profile, and what compilation will cost.
pub(super) fn inspect<'a>(profile: &ExecutionProfile, bytes: &'a [u8]) -> Result<Inspected<'a>, AdmissionError> {
    if bytes.len() > profile.component_size_bytes_max {
        return Err(AdmissionError::TooLarge { size_bytes: bytes.len(), max: profile.component_size_bytes_max });
    }
    let invalid = |error: wasmparser::BinaryReaderError| AdmissionError::Invalid(error.into());
    let types = Validator::new_with_features(profile.wasm_features()).validate_all(bytes).map_err(invalid)?;
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
    Ok(Inspected { types, imports: outline.imports })
}

/// A component that is valid.
pub(super) struct Inspected<'a> {
    types: Types,
    imports: Vec<ComponentImport<'a>>,
}

impl Inspected<'_> {
    /// Checks that all imports can be served where the ledger serves nothing.
    pub(super) fn check_imports(&self) -> Result<(), AdmissionError> {
        let mut obstacles = Obstacles::default();
        let of_import = |import: &ComponentImport<'_>| obstacles.of_import(&self.types, import.name.name);
        let mut unserved: Vec<UnservedImport> = self.imports.iter().filter_map(of_import).collect();
        unserved.sort_by(|a, b| a.name.cmp(&b.name));
        if unserved.is_empty() { Ok(()) } else { Err(AdmissionError::UnservedImports(unserved)) }
    }
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

/// What the names of a resource's functions begin with.
const RESOURCE_FUNCTIONS: [&str; 3] = ["[constructor]", "[method]", "[static]"];

/// Finds what can't be served. A resource is told once, under the first of its names, and its functions are not told: they
/// go where it goes.
#[derive(Default)]
struct Obstacles {
    resources: HashSet<ResourceId>,
}

impl Obstacles {
    /// Why the import `name` can't be served; none if it needs nothing at run time that was not told before.
    fn of_import(&mut self, types: &Types, name: &str) -> Option<UnservedImport> {
        let reasons = match types.component_item_for_import(name).map(|item| item.ty) {
            Some(ComponentEntityType::Instance(id)) => self.of_items(&types[id]),
            Some(ty) => self.of_item(name, &ty).map(|kind| format!("it is a {kind}")).into_iter().collect(),
            None => vec!["its type is not known".to_owned()],
        };
        (!reasons.is_empty()).then(|| UnservedImport { name: name.to_owned(), reasons })
    }

    fn of_items(&mut self, instance: &ComponentInstanceType) -> Vec<String> {
        let items = instance.exports.iter();
        items
            .filter_map(|(name, item)| Some(format!("it holds the {} `{name}`", self.of_item(name, &item.ty)?)))
            .collect()
    }

    /// The kind of an item that can't be served. Types other than resources exist at compile time only.
    fn of_item(&mut self, name: &str, ty: &ComponentEntityType) -> Option<&'static str> {
        match ty {
            ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(resource), .. } => {
                self.resources.insert(resource.resource()).then_some("resource")
            }
            ComponentEntityType::Type { .. } => None,
            // A valid component names the functions of a resource only where it names the resource.
            ComponentEntityType::Func(_) => {
                let is_of_resource = RESOURCE_FUNCTIONS.iter().any(|kind| name.starts_with(kind));
                (!is_of_resource).then_some("function")
            }
            ComponentEntityType::Instance(_) => Some("instance"),
            ComponentEntityType::Module(_) => Some("core module"),
            ComponentEntityType::Component(_) => Some("component"),
            ComponentEntityType::Value(_) => Some("value"),
        }
    }
}
