//! wRPC over TCP: one connection for each invocation.
//!
//! A node serves four interfaces: `ledger:node/rpc` and `ledger:node/chain`, in which every refusal is an answer, and
//! the two that Starstream's tools know, `starstream:wrpc-multiplexer/handler` and `starstream:node-rpc/registry`, in
//! which a refusal is the end of the invocation. They stand in `wit/`.
//!
//! The framing is that of `wrpc-transport`, whose codecs are used here. Its server is not: it gives a peer any time and
//! any memory, and goes on reading from connections that nobody waits for.

mod answer;
mod chain;
mod client;
mod encoding;
mod message;
mod refusal;
mod server;
mod wire;

pub use answer::{
    BlockAnswer, BurnedToken, ChainStatus, ConsumedSummary, ContractAnswer, HeldToken, ImportedContract, LiveUtxo,
    Outcome, TokenAnswer, TransactionAnswer, TransactionSummary, UtxoAnswer, UtxoPage, UtxoSummary, WitAnswer,
};
pub use client::{NodeClient, NodeClientError, URL_SCHEME};
pub use refusal::{ErrorCode, InvalidReason, Refusal};
pub use server::Server;
