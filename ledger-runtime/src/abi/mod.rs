//! Between encoded values and a core module's values: the component model's canonical ABI, as far as Starstream's
//! contracts use it.
//!
//! The ledger runs the core module of a Starstream contract itself and serves its imports (see
//! [`admission::coroutine`](crate::admission::coroutine)), so it does here what a component runtime does elsewhere.
//! Values are always in the strict [`value`](crate::value) encoding on one side. On the other they are flat core
//! values, or bytes in the guest's memory:
//!
//! | | from encoded values | to encoded values |
//! |---|---|---|
//! | parameters of an export | [`Signature::lower_parameters`] | |
//! | result of an export | | [`Signature::lift_result`] |
//! | parameters of an import | | [`Signature::lift_parameters`] |
//! | result of an import | [`Signature::lower_result`] | |
//!
//! Strings, lists, maps and everything asynchronous are left out: Starstream's compiler makes none of them, and its
//! modules have no allocator to give them room. So nothing here allocates by what a guest says, and what a value may
//! cost is known from its type.
//!
//! A handle to a UTXO or a token is encoded as the object's id in text form, with its length before it like a string; in
//! the arguments of a transaction's steps also as its place among what the transaction made ([`ObjectName`]).
//! The id stands for the object wherever a value leaves an instance; within one, the instance's [`Handles`] give it
//! a number.
//!
//! Source: the component model's `CanonicalABI.md`: flattening, loading, storing, lifting and lowering.

mod error;
mod lift;
mod lower;
mod memory;
mod name;
mod signature;
mod text;
mod types;

pub use error::{HandleError, LiftError, LowerError, PointerError, Unsupported, UnsupportedType};
pub use name::{ObjectName, ParseObjectNameError};
pub use signature::{CoreSignature, Handed, Signature};
pub use types::{AbiType, Case, CoreType, Field, ObjectType, Resource, Resources, Shape};
pub(crate) use types::{CONTRACT_TYPE_PARTS_MAX, TYPE_PARTS_MAX, declaration};

use ledger_core::ObjectId;

/// The handles of one instance: which number means which object.
pub trait Handles {
    /// A number for the object that `name` means, which the instance may use: its own (`is_own`), or lent for the time of a call.
    ///
    /// # Errors
    /// If there is no such object, it is not of this resource, or the table is full.
    fn lower(&mut self, resource: &Resource, name: ObjectName, is_own: bool) -> Result<u32, HandleError>;

    /// The object that the instance means by `handle`. An own one (`is_own`) leaves the instance's table.
    ///
    /// # Errors
    /// If the handle is not in the table, not of this resource, or lent where an own one is needed.
    fn lift(&mut self, resource: &Resource, handle: u32, is_own: bool) -> Result<ObjectId, HandleError>;
}

/// Flat parameters beyond which the canonical ABI passes parameters through memory; counted with `self`.
pub const FLAT_PARAMETERS_MAX: usize = 16;

/// Flat results beyond which the canonical ABI passes the result through memory.
pub const FLAT_RESULTS_MAX: usize = 1;
