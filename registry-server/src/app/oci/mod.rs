//! The rules for OCI clients: the same packages and components under the same rules, and what only OCI has.

mod blobs;
mod error;

pub(crate) use error::OciFault;
