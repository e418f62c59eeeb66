//! The ledger: contracts that are known by their hash only, fetched, verified, and executed deterministically.

pub mod engine;
pub mod profile;
pub mod value;
