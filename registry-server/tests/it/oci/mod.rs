//! The OCI distribution specification, version 1.1: a test for each group of its requirements.
//!
//! The tests know nothing of the registry under test but its address ([`registry`]). `OCI_TEST_URL` names another one to
//! run those against that hold for every registry; so one can see that a test asks for what the specification says, and
//! not for what this registry happens to do. docs/api.md says of each group which test covers it, or why none does.

mod content;
mod discovery_test;
mod documentation_test;
mod errors_test;
mod groups_test;
mod hostile_test;
mod management_test;
mod pull_test;
mod push_test;
mod registry;
mod uploads_test;
mod wasm_test;
