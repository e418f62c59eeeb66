//! The integration tests of registry-core, in one binary because linking takes longer than running.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod bad_input_test;
mod compatibility_test;
mod component_test;
mod corpus;
mod corpus_test;
mod identity_test;
mod metadata_test;
mod mutate;
mod mutation_test;
mod scan;
mod second_implementation;
mod starstream_test;
mod vectors_test;
