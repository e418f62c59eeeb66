//! The ledger: contracts that are known by their hash only, fetched, verified, and executed deterministically.

pub mod admission;
pub mod engine;
pub mod execution;
pub mod interface;
pub mod limits;
pub mod profile;
pub mod value;
