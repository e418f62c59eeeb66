//! The registry's server: publishes WIT packages and components, and serves them by hash and by name.
//!
//! `docs/api.md` describes the HTTP API. The layers, from the outside in: [`Server`] (connections), `api` (HTTP),
//! `web` (pages), `app` (rules), `store` (the database) and `blob` (texts and components).
//!
//! ```no_run
//! # async fn run() -> Result<(), registry_server::StartError> {
//! use registry_server::{Config, Server};
//! let server = Server::bind(Config::in_dir("data".as_ref())).await?;
//! println!("{}", server.url());
//! server.run_until(std::future::pending()).await;
//! # Ok(()) }
//! ```

mod admin_token;
mod api;
mod app;
mod blob;
mod config;
mod limits;
mod oci;
mod server;
mod signal;
mod store;
mod web;

pub use blob::BlobError;
pub use config::{
    BlobUrl, Config, DatabaseUrl, LISTEN_DEFAULT, PostgresUrl, PublicUrl, PublicUrlError, UrlError, default_data_dir,
};
pub use limits::ServerLimits;
pub use server::{Server, StartError};
pub use signal::{StopSignal, stop_signal};
pub use store::StoreError;
