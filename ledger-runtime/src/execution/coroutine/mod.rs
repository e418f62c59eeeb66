//! Starstream's contracts: scripts, UTXOs that are coroutines, and tokens.
//!
//! The host runs a contract's core module itself, one instance for each UTXO, each token and each script, all in the one store
//! of a transaction, and serves the module's imports. `docs/decisions/` says why it does not leave that to the
//! component model of the engine.

mod callee;
mod calls;
mod cast;
mod coordinate;
mod handlers;
mod handles;
mod holding;
mod host;
mod link;
mod objects;
mod ownership;
mod steps;
mod tokens;
mod transition;

pub(crate) use calls::{encode_id, main, method, script};
pub(crate) use link::link;
pub(crate) use steps::steps;
pub(crate) use transition::{Access, Beginning, Transition};
