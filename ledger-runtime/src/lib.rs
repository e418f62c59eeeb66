//! The ledger: contracts that are known by their hash only, fetched, verified, and executed deterministically.

pub mod admission;
pub mod contracts;
pub mod engine;
pub mod execution;
pub mod genesis;
pub mod interface;
pub mod limits;
pub mod node;
pub mod profile;
pub mod rpc;
pub mod service;
pub mod source;
pub mod store;
pub mod value;
pub mod wave;
