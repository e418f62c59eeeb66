//! The integration tests of the `registry` command, in one binary because linking takes longer than running.
//!
//! Every test runs the real binary against the real server over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod accounts_test;
mod cache_test;
mod clients;
mod command;
mod compatibility_test;
mod credentials_test;
mod fetch_test;
mod hash_test;
mod import_test;
mod mirror_test;
mod output_test;
mod project_test;
mod publish_test;
mod search_test;
mod show_test;
#[path = "../../../registry-client/tests/it/support/mod.rs"]
#[allow(dead_code)]
mod support;
mod tls_test;
mod tree_test;
mod usage_test;
mod verify_test;
