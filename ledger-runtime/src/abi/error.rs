//! What can go wrong between encoded values and core values.

use super::ObjectName;
use crate::value::{Fault, ValueError};

/// A function that can't be called, or a type that can't be passed, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Unsupported {
    /// The place in the function, as in "the parameter `n`".
    pub place: String,
    /// What is wrong with it.
    pub reason: UnsupportedType,
}

/// What is wrong with a type or a list of types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsupportedType {
    /// A kind of type that Starstream's compiler does not make.
    #[error("contracts of Starstream's form have no values of type `{kind}`")]
    Kind {
        /// The kind.
        kind: &'static str,
    },
    /// A handle to something that the ledger does not know.
    #[error("handles to the resource `{name}` cannot be used here")]
    Resource {
        /// The resource's name.
        name: String,
    },
    /// Types contain each other too deeply.
    #[error("types are nested deeper than {max}")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// A type has too many parts.
    #[error("the type has more than {max} parts")]
    TooManyParts {
        /// The limit.
        max: usize,
    },
    /// A value would not fit into a memory.
    #[error("a value of the type would not fit into a memory")]
    TooLarge,
    /// More flags than a core value has bits.
    #[error("there are more than 32 flags")]
    TooManyFlags,
    /// Parameters that would have to go through memory, where the guest has no allocator.
    #[error("they take {found} core values, and at most {max} are passed without an allocator")]
    TooManyParameters {
        /// How many they take.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// An `async` function.
    #[error("it is asynchronous")]
    Asynchronous,
}

/// Encoded values that a guest can't be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    /// The bytes are not values of these types.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A handle can't be given.
    #[error(transparent)]
    Handle(#[from] HandleError),
    /// The guest gave no room for a result: a pointer that is unaligned, or outside of its memory.
    #[error(transparent)]
    Pointer(#[from] PointerError),
}

/// Core values that a guest should not have passed. All but `TooLong` are what the canonical ABI says traps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiftError {
    /// A case that the type does not have.
    #[error("case {index} of a variant with {cases} cases")]
    UnknownCase {
        /// The index.
        index: u32,
        /// How many there are.
        cases: usize,
    },
    /// A number that is not a Unicode scalar value.
    #[error("{number} is not a character")]
    NotACharacter {
        /// The number.
        number: u32,
    },
    /// A pointer that is unaligned or outside of the memory.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// A handle that does not mean what it should.
    #[error(transparent)]
    Handle(#[from] HandleError),
    /// Fewer core values than the type has; a module whose types were checked can't do that.
    #[error("a core value is missing")]
    MissingCoreValue,
    /// The encoding crosses a limit.
    #[error(transparent)]
    TooLong(#[from] Fault),
}

/// A pointer at which no value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It is not a multiple of the type's alignment.
    #[error("the pointer {address} is not a multiple of {align_bytes}")]
    Unaligned {
        /// The pointer.
        address: u32,
        /// The alignment.
        align_bytes: u32,
    },
    /// The value would end outside of the memory.
    #[error("{size_bytes} bytes from {address} on are not in the memory")]
    OutOfBounds {
        /// The pointer.
        address: u32,
        /// The size of the value.
        size_bytes: u32,
    },
}

/// A handle that can't be given to an instance, or that an instance can't use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The instance has no such handle.
    #[error("the handle {handle} is unknown")]
    Unknown {
        /// The handle.
        handle: u32,
    },
    /// The handle refers to another kind of object.
    #[error("the handle {handle} is of another resource")]
    WrongResource {
        /// The handle.
        handle: u32,
    },
    /// The handle is lent, and an own one is needed.
    #[error("the handle {handle} is lent, and cannot be given away")]
    Lent {
        /// The handle.
        handle: u32,
    },
    /// The transaction does not know the object.
    #[error("`{name}` is not an object of this transaction")]
    NoSuchObject {
        /// The object.
        name: ObjectName,
    },
    /// The object is of another type.
    #[error("`{name}` is of another type")]
    WrongType {
        /// The object.
        name: ObjectName,
    },
    /// The instance has too many handles.
    #[error("more than {max} handles are live")]
    TooMany {
        /// The limit.
        max: usize,
    },
}
