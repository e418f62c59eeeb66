//! wRPC over TCP: one connection for each invocation.
//!
//! A node serves three interfaces: `ledger:node/rpc@0.1.0`, in which every refusal is an answer, and the two that
//! Starstream's tools know, `starstream:wrpc-multiplexer/handler` and `starstream:node-rpc/registry`, in which a refusal
//! is the end of the invocation. They stand in `wit/`.
//!
//! The framing is that of `wrpc-transport`, whose codecs are used here. Its server is not: it gives a peer any time and
//! any memory, and goes on reading from connections that nobody waits for.

mod client;
mod message;
mod server;
mod wire;

pub use client::{NodeClient, NodeClientError, URL_SCHEME};
pub use message::{ErrorCode, Outcome, Refusal, WitAnswer};
pub use server::Server;
