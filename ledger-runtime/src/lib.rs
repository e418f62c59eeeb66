//! The ledger: contracts that are known by their hash only, fetched, verified, and executed deterministically.
//!
//! A call goes through these modules, from the outside in:
//!
//! - [`rpc`]: wRPC over TCP, to peers that nobody knows; [`service`]: what a node does, whatever it is asked through.
//! - [`contract_hash`], [`utxo_name`]: read what contracts and UTXOs are named by.
//! - [`contracts`]: finds a contract by its hash, in memory, in the node's own [`store`], or in a [`source`].
//! - [`admission`]: checks a verified component against the [`profile`] and compiles it with the [`engine`],
//!   or loads what was compiled before ([`compiled`]);
//!   [`interface`]: which functions it has, and which of them can be called.
//! - [`execution`]: makes the call in a fresh instance; [`value`]: parameters and results as bytes.
//!
//! [`draft`] is for those who use a chain: it makes transactions out of names and text.
//!
//! [`node`] puts them together from a [`genesis`]. [`wave`] writes values as text for people. All [`limits`] stand in
//! one place, except those that decide results, which are the [`profile`].

pub mod abi;
pub mod admission;
mod bounded;
pub mod chain;
pub mod compiled;
pub mod contract_hash;
pub mod contracts;
pub mod draft;
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
pub mod utxo_name;
pub mod value;
pub mod wave;
