//! From a verified component to something that can be executed.

pub mod coroutine;
pub(crate) mod cost;
mod floats;
mod identifiers;
pub(crate) mod imports;
mod inspect;
mod plain;

pub use imports::{Imports, external_ids};
pub(crate) use plain::Plain;
pub use plain::{Export, RootStorage};

use crate::compiled::CompiledCache;
use crate::execution::{self, TransactionStore};
use crate::interface::{self, FunctionError, Interface, Obstacle};
use crate::profile::ExecutionProfile;
use coroutine::{CoroutineContract, ShapeError};
use imports::Imported;
use ledger_core::{ExternalId, ParseExternalIdError};
use registry_core::component::{MergedReference, VerifiedComponent};
use registry_core::id::ComponentHash;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use wasmtime::{Engine, InstancePre};
use wit_parser::{Resolve, WorldId};

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
    /// Its modules compute too much when they are instantiated.
    #[error(
        "the component has {count} initialisers (segments, elements of active segments, operators of constant \
         expressions), over the limit of {max} (`initializers_max`)"
    )]
    TooManyInitializers {
        /// How many it has.
        count: u64,
        /// The limit.
        max: u64,
    },
    /// One of its own names is too long.
    #[error("names in the component's WIT are longer than {max} characters (`identifier_chars_max`):\n{}", list(.names))]
    LongNames {
        /// How they begin.
        names: Vec<String>,
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
    /// It imports what only Starstream's contracts can, and is not one.
    #[error(
        "the component imports Starstream's interfaces, and is not of the shape that Starstream's compiler or wit-component gives to a contract"
    )]
    Shape(#[source] ShapeError),
    /// An import of another contract does not say of which.
    #[error("the import `{import}` is one of another contract and does not say of which")]
    NoExternalId {
        /// The interface, or the function in it.
        import: String,
    },
    /// An import of another contract does not say so that it can be understood of which.
    #[error("the import `{import}` has an external id that names no contract")]
    BadExternalId {
        /// The interface, or the function in it.
        import: String,
        /// What is wrong with the text.
        #[source]
        error: ParseExternalIdError,
    },
    /// An interface is imported or exported under another name, which the ledger does not know.
    #[error("`{name}` stands for the interface `{interface}` (`implements`), which the ledger does not resolve")]
    Implements {
        /// The name in the world.
        name: String,
        /// The interface.
        interface: String,
    },
    /// It imports too many contracts.
    #[error("the component imports {count} contracts, over the limit of {max} (`imports_max`)")]
    TooManyImports {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// With what its imports import, these are too many.
    #[error("the component needs {count} other contracts, over the limit of {max} (`imported_contracts_max`)")]
    TooManyImported {
        /// How many.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// The components of what it needs are too large together.
    #[error(
        "the components of the contracts that the component needs have {size_bytes} bytes, over the limit of {max} \
         (`imported_size_bytes_max`)"
    )]
    ImportedTooLarge {
        /// Their size.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// What it imports imports others, and these others, too many times.
    #[error(
        "the component's imports import others {depth} contracts deep, over the limit of {max} (`import_depth_max`)"
    )]
    ImportsTooDeep {
        /// How deep it goes.
        depth: usize,
        /// The limit.
        max: usize,
    },
    /// A contract that it imports was not given.
    #[error("the component imports the contract `{id}`, which is not there")]
    MissingImport {
        /// How it is named.
        id: ExternalId,
    },
    /// Another contract was given for one that it imports.
    #[error("the component imports the contract `{id}`, and {contract} is another one")]
    OtherImport {
        /// How it is named.
        id: ExternalId,
        /// What was given.
        contract: ComponentHash,
    },
    /// A contract was given that it does not import.
    #[error("the component does not import the contract `{id}`")]
    SurplusImport {
        /// How it was named.
        id: ExternalId,
    },
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
    hash: ComponentHash,
    /// Of the component's bytes.
    sha256: [u8; 32],
    interface: Interface,
    form: Form,
    imported: Imported,
    component_size_bytes: usize,
    size_bytes: usize,
}

/// How a contract is run.
enum Form {
    Plain(Plain),
    Coroutine(Coroutine),
}

/// A contract of Starstream: the host runs its core module.
pub(crate) struct Coroutine {
    pub(crate) contract: CoroutineContract,
    pub(crate) instance: InstancePre<TransactionStore>,
}

/// What a contract takes in memory beside its code and bytes, measured with `cargo bench`: types, names, and what
/// the engine keeps of each component.
const OVERHEAD_SIZE_BYTES: usize = 46 << 10;

impl Executable {
    /// Checks `component`, whose bytes are `bytes`, and compiles it. `imports` are the contracts that it imports, no more
    /// and no fewer ([`external_ids`]). This takes milliseconds to seconds of processor time.
    ///
    /// # Errors
    /// If the component is not one that the ledger can execute.
    pub fn admit(
        engine: &Engine,
        profile: &ExecutionProfile,
        component: &VerifiedComponent,
        bytes: &[u8],
        imports: &Imports,
    ) -> Result<Self, AdmissionError> {
        Self::admit_with(&CompiledCache::without_files(engine.clone()), profile, component, bytes, imports)
    }

    /// As [`Executable::admit`], with the compiled code of `cache` if it has it. What can be executed does not depend on
    /// that: everything is checked either way.
    ///
    /// # Errors
    /// As [`Executable::admit`].
    pub fn admit_with(
        cache: &CompiledCache,
        profile: &ExecutionProfile,
        component: &VerifiedComponent,
        bytes: &[u8],
        imports: &Imports,
    ) -> Result<Self, AdmissionError> {
        check_exact(component)?;
        identifiers::check(profile, component.wit().resolve())?;
        check_floats(profile, component)?;
        let inspected = inspect::inspect(profile, bytes)?;
        let resolve = component.wit().resolve();
        let world = component.world().ok_or(AdmissionError::NoWorld)?;
        check_implements(resolve, world)?;
        let imported = Imported::check(profile, &external_ids(resolve, world)?, imports)?;
        let mut functions = Interface::of(resolve, world);
        let (form, compiled_size_bytes) = if interface::is_coroutine(resolve, world) {
            let (coroutine, size_bytes) = Coroutine::admit(cache, profile, component, bytes, imports)?;
            (Form::Coroutine(coroutine), size_bytes)
        } else {
            inspected.check_imports()?;
            let (plain, size_bytes) = Plain::admit(cache, component, bytes, &mut functions)?;
            (Form::Plain(plain), size_bytes)
        };
        let size_bytes = OVERHEAD_SIZE_BYTES + compiled_size_bytes + bytes.len();
        let sha256 = Sha256::digest(bytes).into();
        let (hash, component_size_bytes) = (component.hash(), bytes.len());
        Ok(Self { hash, sha256, interface: functions, form, imported, component_size_bytes, size_bytes })
    }

    /// The component's hash.
    pub fn hash(&self) -> &ComponentHash {
        &self.hash
    }

    /// The SHA-256 of the component's bytes.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// A contract that it imports; none if it does not import this one.
    pub fn imported(&self, contract: &ComponentHash) -> Option<&Arc<Self>> {
        self.imported.direct.get(contract)
    }

    /// The contracts that it needs: those that it imports, those that they import, and so on, each after those that it
    /// imports itself.
    pub fn needed(&self) -> &[Arc<Self>] {
        &self.imported.all
    }

    /// The functions that the contract offers.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The size of the component, in bytes.
    pub fn component_size_bytes(&self) -> usize {
        self.component_size_bytes
    }

    /// About what it takes in memory, in bytes, without the contracts that it imports.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The function that `name` means (see [`Interface::find`]), which can be called without a chain.
    ///
    /// # Errors
    /// If no function is meant, or it can't be called.
    pub fn function(&self, name: &str) -> Result<&Arc<Export>, FunctionError> {
        let index = self.interface.find(name)?;
        let obstructed = |obstacle| FunctionError::NotCallable { name: name.to_owned(), obstacle };
        match &self.form {
            Form::Plain(plain) => plain.function(index).ok_or_else(|| obstructed(Obstacle::NotExported)),
            Form::Coroutine(_) => Err(obstructed(Obstacle::OnChainOnly)),
        }
    }

    /// The contract as one of Starstream; none if it is not.
    pub(crate) fn coroutine(&self) -> Option<&Coroutine> {
        match &self.form {
            Form::Coroutine(coroutine) => Some(coroutine),
            Form::Plain(_) => None,
        }
    }

    /// The contract as one that is not of Starstream; none if it is.
    pub(crate) fn plain(&self) -> Option<&Plain> {
        match &self.form {
            Form::Plain(plain) => Some(plain),
            Form::Coroutine(_) => None,
        }
    }
}

impl Coroutine {
    /// Compiles the core module of `component`, if it is nothing but that module. Also says how large it became.
    fn admit(
        cache: &CompiledCache,
        profile: &ExecutionProfile,
        component: &VerifiedComponent,
        bytes: &[u8],
        imports: &Imports,
    ) -> Result<(Self, usize), AdmissionError> {
        let contract = CoroutineContract::of(profile, component, bytes, imports).map_err(AdmissionError::Shape)?;
        let compile = |error: wasmtime::Error| AdmissionError::Compile(error.into());
        let module = cache.module(component.hash(), contract.module_bytes(bytes)).map_err(compile)?;
        let instance = execution::link(cache.engine(), &module, &contract).map_err(compile)?;
        let range = module.image_range();
        Ok((Self { contract, instance }, range.end.addr().saturating_sub(range.start.addr())))
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

/// What compiling a component takes at most, estimated from its bytes; a unit is about a microsecond.
///
/// # Errors
/// If it is too large, not valid under the profile, or would take too long.
pub fn compilation_cost(profile: &ExecutionProfile, bytes: &[u8]) -> Result<u64, AdmissionError> {
    Ok(inspect::inspect(profile, bytes)?.compilation_cost)
}

/// An interface stands in a contract's world under its own name, which says what the ledger serves for it.
fn check_implements(resolve: &Resolve, world: WorldId) -> Result<(), AdmissionError> {
    let world = &resolve.worlds[world];
    let renamed = world.imports.iter().chain(&world.exports).find_map(|(key, item)| {
        resolve.implements_value(key, item).map(|interface| (resolve.name_world_key(key), interface))
    });
    renamed.map_or(Ok(()), |(name, interface)| Err(AdmissionError::Implements { name, interface }))
}

fn check_floats(profile: &ExecutionProfile, component: &VerifiedComponent) -> Result<(), AdmissionError> {
    if profile.floats_allowed {
        return Ok(());
    }
    let places = floats::find(component.wit().resolve());
    if places.is_empty() { Ok(()) } else { Err(AdmissionError::Floats(places)) }
}

impl AdmissionError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoExternalId { .. } | Self::BadExternalId { .. } => Some(
                "write `@external-id(\"sha256:…\")` or `@external-id(\"p2:c…\")` before it in the WIT: the SHA-256 \
                 of the other contract's component, or the hash that `registry hash` prints of it",
            ),
            Self::MissingImport { .. } => Some("deploy the contract that it imports first"),
            _ => None,
        }
    }
}

fn list(items: &[impl fmt::Display]) -> String {
    items.iter().map(|item| format!("  {item}")).collect::<Vec<_>>().join("\n")
}
