//! The clients that people have, unmodified, against our server: `wkg`, `wit-deps`, `skopeo`, and an OCI client in Rust.
//!
//! `.ci/clients` installs the first two. Each run of a program has a home of its own, and reaches nothing but this
//! machine.

mod fixtures;
mod oci_client_test;
mod pages_test;
mod programs;
mod skopeo;
mod skopeo_test;
mod wit_deps_test;
mod wkg;
mod wkg_access_test;
mod wkg_fetch_test;
mod wkg_get_test;
mod wkg_publish_test;
