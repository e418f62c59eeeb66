//! What every party of the registry recomputes: hashes, the canonical form of WIT, names, closures, components.
//!
//! Pure: values in, values out. No I/O, no async, no clock, no randomness. `docs/hash.md` is the normative
//! specification of everything here that gives something its name.

mod causes;
pub mod closure;
pub mod compatibility;
pub mod component;
pub mod hash;
pub mod id;
pub mod limits;
mod metadata;
pub mod name;
pub mod panics;
pub mod starstream;
pub mod wire;
pub mod wit;

pub use causes::with_causes;
