//! The rules for OCI clients: the same packages and components under the same rules, and what only OCI has.

mod blobs;
mod error;
mod garbage;
mod keys;
mod made;
mod manifest;
mod pull;
mod push;
mod uploads;
mod wasm_config;

pub(crate) use error::OciFault;
pub(crate) use pull::{Referrer, ServedManifest};
pub(crate) use push::PushedManifest;
