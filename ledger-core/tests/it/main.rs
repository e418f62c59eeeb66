//! The integration tests of ledger-core, in one binary because linking takes longer than running.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod encoding_test;
mod external_id_test;
mod hostile_test;
mod leaf_test;
mod model_test;
mod naive;
mod seal_test;
mod support;
mod tokens_test;
mod tree_test;
mod validity_test;
mod vectors_test;
