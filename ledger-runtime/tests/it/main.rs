//! The integration tests of the ledger, in one binary.
#![allow(clippy::unwrap_used, missing_docs)]

mod build;
mod contracts;
