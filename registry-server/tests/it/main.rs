//! The integration tests of registry-server, in one binary because linking takes longer than running.
//!
//! Every test drives a real server over real sockets, with a real database and real files.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod access_test;
mod accounts_test;
mod archives_test;
mod compatibility_test;
mod components_test;
mod discovery_test;
mod durability_test;
mod hostile_components_test;
mod hostile_packages_test;
mod http_test;
mod log_test;
mod manners_test;
mod oci;
mod oci_access_test;
mod oci_artifacts_test;
mod oci_blobs_test;
mod oci_garbage_test;
mod oci_manifests_test;
mod openapi_test;
mod packages_test;
mod race_test;
mod releases_test;
mod search_test;
mod shutdown_test;
mod support;
