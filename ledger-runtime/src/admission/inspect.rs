//! What can be said about a component's bytes before anything is compiled.

use super::{AdmissionError, UnservedImport, cost};
use crate::profile::ExecutionProfile;
use std::collections::HashSet;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType, ResourceId};
use wasmparser::types::Types;
use wasmparser::{ComponentImport, FuncValidatorAllocations, Parser, Payload, ValidPayload, Validator};

/// Checks the size, the validity under the profile, and what compilation will cost.
pub(super) fn inspect<'a>(profile: &ExecutionProfile, bytes: &'a [u8]) -> Result<Inspected<'a>, AdmissionError> {
    if bytes.len() > profile.component_size_bytes_max {
        return Err(AdmissionError::TooLarge { size_bytes: bytes.len(), max: profile.component_size_bytes_max });
    }
    let invalid = |error: wasmparser::BinaryReaderError| AdmissionError::Invalid(error.into());
    let (outline, types) = Outline::of(profile, bytes).map_err(invalid)?;
    let types = types.ok_or(AdmissionError::NoWorld)?;
    if outline.function_size_bytes > profile.function_size_bytes_max {
        return Err(AdmissionError::FunctionTooLarge {
            size_bytes: outline.function_size_bytes,
            max: profile.function_size_bytes_max,
        });
    }
    let initializers = outline.initializers.count();
    if initializers > profile.initializers_max {
        return Err(AdmissionError::TooManyInitializers { count: initializers, max: profile.initializers_max });
    }
    let compilation_cost = outline.compilation_cost();
    if compilation_cost > profile.compilation_cost_max {
        return Err(AdmissionError::TooComplex { cost: compilation_cost, max: profile.compilation_cost_max });
    }
    Ok(Inspected { types, imports: outline.imports, compilation_cost })
}

/// A component that is valid.
pub(super) struct Inspected<'a> {
    types: Types,
    imports: Vec<ComponentImport<'a>>,
    /// The estimate of what compiling it takes.
    pub(super) compilation_cost: u64,
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
    functions_cost: u64,
    initializers: cost::Initializers,
    composition: cost::Composition,
}

impl<'a> Outline<'a> {
    /// Validates a component on the way, and also gives its types.
    fn of(profile: &ExecutionProfile, bytes: &'a [u8]) -> wasmparser::Result<(Self, Option<Types>)> {
        let features = profile.wasm_features();
        let mut validator = Validator::new_with_features(features);
        let mut parser = Parser::new(0);
        parser.set_features(features);
        let (mut outline, mut types, mut functions, mut depth) = (Self::default(), None, Vec::new(), 0_usize);
        for payload in parser.parse_all(bytes) {
            let payload = payload?;
            match validator.payload(&payload)? {
                ValidPayload::Func(function, body) => functions.push((function, body)),
                // The last are those of the whole.
                ValidPayload::End(all) => types = Some(all),
                ValidPayload::Ok | ValidPayload::Parser(_) => {}
            }
            outline.initializers.add(&payload)?;
            outline.composition.add(&payload)?;
            match payload {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        outline.imports.push(import?);
                    }
                }
                _ => {}
            }
        }
        let mut allocations = FuncValidatorAllocations::default();
        for (function, body) in functions {
            let mut validator = function.into_validator(allocations);
            outline.function_size_bytes = outline.function_size_bytes.max(body.range().len());
            let cost = cost::of_function(&mut validator, &body)?;
            outline.functions_cost = outline.functions_cost.saturating_add(cost);
            allocations = validator.into_allocations();
        }
        Ok((outline, types))
    }

    fn compilation_cost(&self) -> u64 {
        self.functions_cost.saturating_add(self.initializers.units()).saturating_add(self.composition.units())
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
