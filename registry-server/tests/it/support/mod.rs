//! What the tests share.

pub mod client;
pub mod component;
pub mod oci;
pub mod postgres;
pub mod process;
pub mod server;
pub mod wasi;
