//! The integration tests of the ledger, in one binary.
#![allow(clippy::unwrap_used, missing_docs)]

mod abi;
mod admission;
mod bad_input;
mod build;
mod chain;
mod chain_cli;
mod chain_rpc;
mod chain_support;
mod cli;
mod compiled;
mod contracts;
mod coroutine;
mod execution;
mod gas_vectors;
mod genesis;
mod node;
mod profile;
mod rpc;
mod starstream;
mod storage;
mod support;
mod transactions;
mod value;
mod wave;
