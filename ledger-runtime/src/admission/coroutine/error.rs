//! How a component can differ from the shape that Starstream's compiler and wit-component give it.

use crate::abi::{Unsupported, UnsupportedType};
use registry_core::id::ComponentHash;

/// A part of a component that is not as Starstream's compiler or wit-component makes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {difference}")]
pub struct ShapeError {
    place: String,
    difference: Difference,
}

/// What is different; read after the name of the part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// The component's WIT was lost.
    #[error("has no world")]
    NoWorld,
    /// The bytes can't be read.
    #[error("is not valid: {reason}")]
    Invalid {
        /// What the parser says.
        reason: String,
    },
    /// Something that neither of them makes.
    #[error("is not a part of what Starstream's compiler or wit-component makes")]
    Unknown,
    /// Something of which there must be exactly one.
    #[error("is there {count} times, and must be there once")]
    Count {
        /// How often it is there.
        count: usize,
    },
    /// Something that must be there.
    #[error("is missing")]
    Missing,
    /// Something that belongs to another thing.
    #[error("is wired to {found}, and must be wired to {expected}")]
    Wired {
        /// What it should be wired to.
        expected: String,
        /// What it is wired to.
        found: String,
    },
    /// A core function of another type.
    #[error("has the core type `{found}`, and must have `{expected}`")]
    CoreType {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A function whose types can't be passed.
    #[error("cannot be called: {0}")]
    Function(Unsupported),
    /// A type that can't be passed.
    #[error("cannot be used: {0}")]
    Type(UnsupportedType),
    /// More types than are kept for one contract.
    #[error("brings the contract's functions over the limit of {max} parts of types")]
    TooManyParts {
        /// The limit.
        max: usize,
    },
    /// A function of the host that is not as the host has it.
    #[error("is not as the ledger has it")]
    NotTheHosts,
    /// A function that is not what its place demands.
    #[error("must be {expected}")]
    Role {
        /// What it should be.
        expected: &'static str,
    },
    /// An import of another contract that does not say of which, or says one that was not given.
    #[error("is of another contract, which is not there")]
    NoContract,
    /// An import of a contract that has no scripts, no UTXOs and no tokens of Starstream's.
    #[error("is of {contract}, which is not a contract of Starstream's form")]
    OtherForm {
        /// The other contract.
        contract: ComponentHash,
    },
    /// An import of what a contract does not export.
    #[error("is `{export}` of {}, which does not export it", whose(contract.as_ref()))]
    NotExported {
        /// What it would be called there.
        export: String,
        /// The contract; none if it imports that from itself.
        contract: Option<ComponentHash>,
    },
    /// An import of a function that its contract exports with other types.
    #[error("is `{imported}`, and `{export}` of {} is `{exported}`", whose(contract.as_ref()))]
    OtherTypes {
        /// The type by the import.
        imported: String,
        /// What the function is called where it is exported.
        export: String,
        /// The contract that exports it; none if it imports that from itself.
        contract: Option<ComponentHash>,
        /// The type by the export.
        exported: String,
    },
    /// Handlers of effects are installed that are not exported.
    #[error("needs handlers, and the contract does not export `{interface}`")]
    NoHandler {
        /// The interface of the effects.
        interface: String,
    },
    /// An option of a lifted or lowered function.
    #[error("is passed with the option `{option}`, which contracts of Starstream's form do not need")]
    Option {
        /// The option.
        option: String,
    },
}

impl ShapeError {
    pub(super) fn new(place: impl Into<String>, difference: Difference) -> Self {
        Self { place: place.into(), difference }
    }

    pub(super) fn unknown(place: impl Into<String>) -> Self {
        Self::new(place, Difference::Unknown)
    }

    pub(super) fn invalid(error: &wasmparser::BinaryReaderError) -> Self {
        Self::new("the component", Difference::Invalid { reason: error.to_string() })
    }

    /// The part.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is different about it.
    pub fn difference(&self) -> &Difference {
        &self.difference
    }
}

fn whose(contract: Option<&ComponentHash>) -> String {
    contract.map_or_else(|| "the contract itself".to_owned(), ComponentHash::to_string)
}
