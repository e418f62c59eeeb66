//! From a verified component to something that can be executed.

pub mod coroutine;
mod cost;
mod floats;
mod inspect;

use crate::engine::compiled_size_bytes;
use crate::execution::CallState;
use crate::interface::{ContractFunction, FunctionError, Interface, Obstacle};
use crate::profile::ExecutionProfile;
use registry_core::component::{MergedReference, VerifiedComponent};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, Type};

/// Why a component can't be a contract of this ledger.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The component is too large.
    #[error("the component has {size_bytes} bytes, over the limit of {max} (`component_size_bytes_max`)")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// It is not valid, or uses WebAssembly that the execution profile leaves out.
    #[error("the component is not valid under the ledger's execution profile")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It has floats, and the chain has none.
    #[error("the ledger's execution profile allows no floats, and the component has them in:\n{}", list(.0))]
    Floats(Vec<String>),
    /// One of its functions is too large.
    #[error("a function of the component has {size_bytes} bytes, over the limit of {max} (`function_size_bytes_max`)")]
    FunctionTooLarge {
        /// The size of its body.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Compiling it would take too long.
    #[error("compiling the component would cost {cost}, over the limit of {max} (`compilation_cost_max`)")]
    TooComplex {
        /// The estimate.
        cost: u64,
        /// The limit.
        max: u64,
    },
    /// Some of its interfaces are not exactly the registered ones, because its imports were merged by semver.
    #[error("the ledger runs only components whose interfaces are exactly the registered ones, and the imports of this one were merged by semver:\n{}", list(.0))]
    Merged(Vec<MergedUse>),
    /// It imports what the ledger does not serve.
    #[error("the ledger serves no functions and no resources, and the component imports:\n{}", list(.0))]
    UnservedImports(Vec<UnservedImport>),
    /// It can't be compiled, or needs more instances, memories or tables than a call may have.
    #[error("the component cannot be compiled within the ledger's limits")]
    Compile(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its WIT has no world; a verified component always has one.
    #[error("the component has no world")]
    NoWorld,
}

/// A reference in the view of a registered interface that merging moved to another version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MergedUse {
    /// Full name of the interface.
    pub interface: String,
    /// What was moved.
    pub reference: MergedReference,
}

impl fmt::Display for MergedUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.interface, self.reference)
    }
}

/// An import that the ledger does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedImport {
    /// Its name, as in `demo:clock/wall@0.1.0`.
    pub name: String,
    /// What in it can't be served.
    pub reasons: Vec<String>,
}

impl fmt::Display for UnservedImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.reasons.join(", "))
    }
}

/// A compiled contract: what each call makes its fresh instance from.
pub struct Executable {
    interface: Interface,
    /// For each function of the interface; none for those that can't be called.
    exports: Vec<Option<Arc<Export>>>,
    instance: InstancePre<CallState>,
    size_bytes: usize,
}

/// Where a function is in the compiled code, and what it takes and gives.
pub struct Export {
    pub(crate) index: ComponentExportIndex,
    /// Names and types.
    pub(crate) parameters: Vec<(String, Type)>,
    pub(crate) result: Option<Type>,
}

impl Executable {
    /// Checks `component`, whose bytes are `bytes`, and compiles it. This takes milliseconds to seconds of processor
    /// time.
    ///
    /// # Errors
    /// If the component is not one that the ledger can execute.
    pub fn admit(
        engine: &Engine,
        profile: &ExecutionProfile,
        component: &VerifiedComponent,
        bytes: &[u8],
    ) -> Result<Self, AdmissionError> {
        check_exact(component)?;
        check_floats(profile, component)?;
        inspect::inspect(profile, bytes)?;
        let world = component.world().ok_or(AdmissionError::NoWorld)?;
        let compile = |error: wasmtime::Error| AdmissionError::Compile(error.into());
        let compiled = Component::from_binary(engine, bytes).map_err(compile)?;
        // Nothing is defined in this linker, so an import that needs something at run time fails here once more.
        let instance = Linker::new(engine).instantiate_pre(&compiled).map_err(compile)?;
        let mut interface = Interface::of(component.wit().resolve(), world);
        let exports = find_exports(&compiled, &mut interface);
        Ok(Self { interface, exports, instance, size_bytes: compiled_size_bytes(&compiled) + bytes.len() })
    }

    /// The functions that the contract offers.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// About what it takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The function that `name` means (see [`Interface::find`]).
    ///
    /// # Errors
    /// If no function is meant, or it can't be called.
    pub fn function(&self, name: &str) -> Result<&Arc<Export>, FunctionError> {
        let index = self.interface.find(name)?;
        let export = self.exports.get(index).and_then(Option::as_ref);
        export.ok_or_else(|| FunctionError::NotCallable { name: name.to_owned(), obstacle: Obstacle::NotExported })
    }

    pub(crate) fn instance(&self) -> &InstancePre<CallState> {
        &self.instance
    }
}

/// A contract runs with exactly the interfaces that it was published against, or one hash would mean two things.
fn check_exact(component: &VerifiedComponent) -> Result<(), AdmissionError> {
    let merged = component
        .merged()
        .map(|(interface, reference)| MergedUse { interface: interface.to_owned(), reference: reference.clone() });
    // An interface that is imported and exported counts once.
    let merged: BTreeSet<MergedUse> = merged.collect();
    if merged.is_empty() { Ok(()) } else { Err(AdmissionError::Merged(merged.into_iter().collect())) }
}

fn check_floats(profile: &ExecutionProfile, component: &VerifiedComponent) -> Result<(), AdmissionError> {
    if profile.floats_allowed {
        return Ok(());
    }
    let places = floats::find(component.wit().resolve());
    if places.is_empty() { Ok(()) } else { Err(AdmissionError::Floats(places)) }
}

/// Looks each function up in the compiled code, and notes those that are not there.
fn find_exports(component: &Component, interface: &mut Interface) -> Vec<Option<Arc<Export>>> {
    let find = |function: &mut ContractFunction| {
        if function.obstacle.is_some() {
            return None;
        }
        let export = find_export(component, function.interface.as_deref(), &function.declaration.name);
        if export.is_none() {
            function.obstacle = Some(Obstacle::NotExported);
        }
        export.map(Arc::new)
    };
    interface.functions_mut().iter_mut().map(find).collect()
}

fn find_export(component: &Component, interface: Option<&str>, name: &str) -> Option<Export> {
    let instance = match interface {
        Some(interface) => Some(component.get_export_index(None, interface)?),
        None => None,
    };
    let (item, index) = component.get_export(instance.as_ref(), name)?;
    let ComponentItem::ComponentFunc(function) = item else { return None };
    let parameters = function.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
    let result = function.results().next();
    Some(Export { index, parameters, result })
}

fn list(items: &[impl fmt::Display]) -> String {
    items.iter().map(|item| format!("  {item}")).collect::<Vec<_>>().join("\n")
}
