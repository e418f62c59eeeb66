//! Fetches from a registry and verifies, publishes to it, reads local WIT and writes what was fetched.
//!
//! Nothing that a registry answers is believed: [`Client`] recomputes every hash before it returns anything, so a lying
//! or broken registry is an error and never a wrong package.

mod accounts;
pub mod cache;
mod client;
mod error;
mod http;
pub mod layout;
mod limits;
pub mod local;
pub mod mirror;
mod namespaces;
pub mod output;
mod pages;
pub mod project;
mod releases;
mod search;
mod verification;

pub use client::{Client, DEFAULT_URL, Fetched, FetchedComponent};
pub use error::ClientError;
pub use http::http_client;
pub use limits::TransportLimits;
pub use namespaces::{Claimed, Ownership};
pub use pages::Items;
pub use search::SearchKind;
