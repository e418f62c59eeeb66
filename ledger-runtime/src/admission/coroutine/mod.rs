//! Contracts of Starstream's form: components whose objects are coroutines.
//!
//! The ledger does not run such a component as a component. It takes out the one core module and serves its imports
//! itself, because a stored UTXO must continue in a fresh instance with the handle to its context live, and because the
//! compiler does not drop the handles that a script borrows. That is the same as running the component only if the
//! component is nothing but its module: every import of the module goes to the component's import of the same name,
//! every export of the component is the module's export of the same name, and nothing stands between them. So each
//! component is compared with the shape that Starstream's compiler gives it, or wit-component where other languages are
//! compiled, part by part, and refused with the first part that differs.
//!
//! Two descriptions are compared:
//!
//! - `world` says from the component's WIT what there must be: the host functions that a module may import, and for
//!   each function that the contract offers the core function behind it. `reader` reads that from the WIT, and compares what
//!   is imported from a contract with what that contract exports.
//! - `wiring` reads from the bytes what there is, and refuses every part of a component that the shape does not have.
//!   `shim` does so for the small components through which objects are exported, and `indirection` for the small modules
//!   through which wit-component lowers functions that need the module's memory.
//!
//! Destructors of a contract's own resources are never called: the ledger keeps its objects, and a contract that drops
//! one is refused when it does.

mod agreement;
mod core_module;
mod error;
mod exported;
mod host;
mod imported;
mod indirection;
mod method;
mod reader;
mod shim;
mod wiring;
mod world;

pub use error::{Difference, ShapeError};
pub use host::{HOST_WIT, host_interface_id};
pub use method::method_ids;

use super::imports::Imports;
use crate::abi::{AbiType, CoreSignature, CoreType, ObjectType, Resource, Signature};
use crate::profile::ExecutionProfile;
use core_module::CoreModule;
use ledger_core::{ExternalId, MethodId};
use registry_core::component::VerifiedComponent;
use registry_core::id::ComponentHash;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use wiring::Wiring;
use world::World;

/// The name under which the core module must export the memory that values go through.
pub(crate) const MEMORY: &str = "memory";

/// The name under which the core module must export what gives room in its memory, if it says that it has that.
pub(crate) const REALLOC: &str = "cabi_realloc";

/// What a contract of this form consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoroutineContract {
    /// Where the core module stands in the component's bytes.
    pub module: Range<usize>,
    /// What the module imports, in its order.
    pub imports: Vec<HostImport>,
    /// The coordination scripts, by their names in WIT.
    pub scripts: BTreeMap<String, Entry>,
    /// The types of UTXOs and tokens, by the exported interfaces that declare them.
    pub objects: BTreeMap<String, Object>,
    /// The effects that its scripts handle while they have installed these handlers: by the exported interface
    /// (`starstream:effects/…`), then by the effect's name.
    pub handlers: BTreeMap<String, BTreeMap<String, Entry>>,
    /// The contracts that it imports something from, by the external ids that stand on its imports.
    pub imported: BTreeMap<ExternalId, ComponentHash>,
}

/// An import of the core module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostImport {
    /// The name of the module that it is imported from.
    pub module: String,
    /// Its own name.
    pub name: String,
    /// What the host does when it is called.
    pub function: HostFunction,
}

/// What the host does for a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostFunction {
    /// The UTXO goes on from its yield.
    Resume,
    /// The UTXO names a method that may be called at its next yield.
    ImplementsMethod,
    /// The UTXO gives its context back, and ends.
    DropContext,
    /// A handle for an object that the module makes; the number that it gives is the object's own.
    NewObject {
        /// The exported interface that declares its type.
        object: String,
    },
    /// The object's own number for a handle.
    RepObject {
        /// The exported interface that declares its type.
        object: String,
    },
    /// The module drops a handle of an object that it made.
    DropObject {
        /// The exported interface that declares its type.
        object: String,
    },
    /// The module drops a handle that it was given.
    DropHandle(Resource),
    /// Makes a UTXO, in an instance of its own.
    Main {
        /// Its type.
        object: ObjectType,
        /// The function's name, as in `start`.
        main: String,
        /// What it takes and gives.
        signature: Signature,
    },
    /// Calls a method of a UTXO.
    Method {
        /// Its type.
        object: ObjectType,
        /// The method's name, as in `bump`.
        method: String,
        /// What it takes and gives after the object itself.
        signature: Signature,
    },
    /// Calls a method of a UTXO of whatever type, which must have one of this name and these types.
    DynamicMethod {
        /// The method's name, as in `bump`.
        method: String,
        /// What it takes and gives after the object itself.
        signature: Signature,
    },
    /// Calls a coordination script of another contract.
    Script {
        /// The contract.
        contract: ComponentHash,
        /// The script's name.
        script: String,
        /// What it takes and gives.
        signature: Signature,
    },
    /// Whether a UTXO offers a method now: the handle, then the method's id as four numbers.
    HasMethod,
    /// A handle for the same UTXO or token as one of this type, if it is one: `option<own>`.
    Downcast {
        /// The type.
        to: Resource,
        /// It takes one of any type, and gives an option.
        signature: Signature,
    },
    /// A handle for the same UTXO or token as one of any type.
    Upcast {
        /// It takes one of a type, and gives one of any.
        signature: Signature,
    },
    /// Mints a token, in an instance of its own.
    Mint {
        /// Its type.
        object: ObjectType,
        /// The function's name, as in `mint`.
        function: String,
        /// What it takes and gives.
        signature: Signature,
    },
    /// Burns a token.
    Burn {
        /// Its type.
        object: ObjectType,
        /// The function's name, as in `burn`.
        function: String,
        /// What it takes after the token, which leaves whoever burns it.
        signature: Signature,
    },
    /// Calls a method of a token; `attach` and `detach` are among them.
    TokenMethod {
        /// Its type.
        object: ObjectType,
        /// The method's name, as in `attach`.
        method: String,
        /// What it takes and gives after the token itself.
        signature: Signature,
    },
    /// One of the functions for tokens of any type.
    Tokens {
        /// Which one.
        function: TokensFunction,
        /// What it takes and gives.
        signature: Signature,
    },
    /// From now on the contract's exported functions handle the effects of this interface.
    InstallHandler {
        /// The interface: `starstream:effects/…`.
        interface: String,
    },
    /// They handle them no more.
    UninstallHandler {
        /// The interface: `starstream:effects/…`.
        interface: String,
    },
    /// Tells something to whoever watches.
    Event {
        /// The interface: `starstream:events/…`.
        interface: String,
        /// The event's name.
        name: String,
        /// What it carries.
        signature: Signature,
    },
    /// Asks the coordination script for something.
    Effect {
        /// The interface: `starstream:effects/…`.
        interface: String,
        /// The effect's name.
        name: String,
        /// What is asked, and what the answer is.
        signature: Signature,
    },
    /// The height of the block that is being made.
    BlockHeight,
    /// The slot of that block.
    CurrentSlot,
}

/// The functions of `ledger:host/tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensFunction {
    /// How many tokens a UTXO holds.
    Count,
    /// The token at a place among those that a UTXO holds.
    Held,
    /// Binds a token to a UTXO.
    Attach,
    /// Unbinds a token from a UTXO.
    Detach,
    /// How many tokens the UTXO that runs holds.
    OwnCount,
    /// The token at a place among those that the UTXO that runs holds.
    OwnHeld,
    /// Binds a token to the UTXO that runs.
    Accept,
    /// Unbinds a token from the UTXO that runs.
    Release,
    /// Burns a token without running its code.
    Discard,
}

/// A function that the module exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The export's name, as in `counter#[method]utxo.bump`.
    pub core_name: String,
    /// What it takes and gives, after the handle that the host puts before the parameters: a main function of a UTXO gets
    /// its context, a method the object's own number. There is no function to call after it has returned.
    pub signature: Signature,
}

/// What kind of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A UTXO.
    Utxo,
    /// A token.
    Token,
}

/// A type of UTXOs or tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Which of both.
    pub kind: ObjectKind,
    /// The functions that need no object, by name: those that make one, and what else a token type has.
    pub mains: BTreeMap<String, Entry>,
    /// The methods, by name.
    pub methods: BTreeMap<String, Method>,
    /// Gives the state record; takes the object's own number before its parameters.
    pub get_storage: Entry,
    /// Takes the state record and makes an object with that state. Newer compilers of UTXOs let it take the context first,
    /// as main functions do: then it has one leading handle, and none otherwise.
    pub set_storage: Entry,
    /// The type of the state record. It holds no handles: those in it are plain numbers.
    pub storage: AbiType,
}

/// A method of a UTXO or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// The function.
    pub entry: Entry,
    /// What the object may call it when it says that it can be called (see [`method_ids`]).
    pub ids: Vec<MethodId>,
}

impl CoroutineContract {
    /// Compares a component, whose bytes are `bytes`, with the shape, and describes it. `imports` are the contracts that it
    /// imports.
    ///
    /// # Errors
    /// If it has another shape, or is not valid under the profile.
    pub fn of(
        profile: &ExecutionProfile,
        component: &VerifiedComponent,
        bytes: &[u8],
        imports: &Imports,
    ) -> Result<Self, ShapeError> {
        let world = component.world().ok_or_else(|| ShapeError::new("the component", Difference::NoWorld))?;
        let world = World::of(component.wit().resolve(), world, &component.hash(), imports)?;
        let types = core_module::validate(profile, bytes)?;
        let wiring = Wiring::of(bytes, &types)?;
        let module = CoreModule::of(profile, bytes.get(wiring.module.clone()).unwrap_or_default())?;
        let served = world.imports(&module, &wiring, &types)?;
        world.check_exports(&module, &wiring)?;
        world.check_destructors(&wiring, &types)?;
        let World { scripts, objects, handlers, .. } = world;
        let imported = imports.iter().map(|(id, executable)| (*id, *executable.hash())).collect();
        Ok(Self { module: wiring.module, imports: served, scripts, objects, handlers, imported })
    }

    /// The core module's bytes in the component's.
    pub fn module_bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.module.clone()).unwrap_or_default()
    }
}

impl HostFunction {
    /// The core function as which the module imports it.
    pub fn core_signature(&self) -> CoreSignature {
        use CoreType::{I32, I64};
        let core = |parameters: &[CoreType], results: &[CoreType]| CoreSignature {
            parameters: parameters.to_vec(),
            results: results.to_vec(),
        };
        match self {
            Self::Resume | Self::DropContext | Self::DropObject { .. } | Self::DropHandle(_) => core(&[I32], &[]),
            Self::ImplementsMethod => core(&[I32, I64, I64, I64, I64], &[]),
            Self::HasMethod => core(&[I32, I64, I64, I64, I64], &[I32]),
            Self::InstallHandler { .. } | Self::UninstallHandler { .. } => core(&[], &[]),
            Self::NewObject { .. } | Self::RepObject { .. } => core(&[I32], &[I32]),
            Self::BlockHeight | Self::CurrentSlot => core(&[], &[I64]),
            Self::Main { signature, .. }
            | Self::Method { signature, .. }
            | Self::DynamicMethod { signature, .. }
            | Self::Script { signature, .. }
            | Self::Downcast { signature, .. }
            | Self::Upcast { signature }
            | Self::Mint { signature, .. }
            | Self::Burn { signature, .. }
            | Self::TokenMethod { signature, .. }
            | Self::Tokens { signature, .. }
            | Self::Event { signature, .. }
            | Self::Effect { signature, .. } => signature.of_import(),
        }
    }
}

impl fmt::Display for ObjectKind {
    /// What people call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utxo => "UTXO",
            Self::Token => "token",
        })
    }
}

impl ObjectKind {
    /// The name of its resource in WIT.
    pub fn resource_name(self) -> &'static str {
        match self {
            Self::Utxo => "utxo",
            Self::Token => "token",
        }
    }

    /// The resource of the type that the exported interface `object` declares; of any type if there is none.
    pub fn resource(self, object: Option<&str>) -> Resource {
        let object = object.map(|name| ObjectType { contract: None, name: name.to_owned() });
        match self {
            Self::Utxo => Resource::Utxo(object),
            Self::Token => Resource::Token(object),
        }
    }
}
