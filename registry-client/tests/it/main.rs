//! The integration tests of registry-client, in one binary because linking takes longer than running.
//!
//! Every test that talks to a registry talks to the real server over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod cache_test;
mod fetch_test;
mod layout_test;
mod local_errors_test;
mod local_test;
mod mirror_test;
mod output_test;
mod pages_test;
mod publish_test;
mod references_test;
mod states_test;
// The tests of the command line stand on it as well, and on more of it.
#[allow(dead_code)]
mod support;
mod tampering_test;
mod token_test;
mod transport_test;
