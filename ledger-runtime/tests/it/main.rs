//! The integration tests of the ledger, in one binary.
#![allow(clippy::unwrap_used, missing_docs)]

mod admission;
mod build;
mod contracts;
mod execution;
mod support;
mod value;
