//! What a chain must withstand, each with a test.
//!
//! | bad input | test |
//! |---|---|
//! | double spend in one block, across blocks | [`transactions`]; through a running chain: `chain.rs` |
//! | stale version, expired | [`transactions`]; over the wire: `chain_rpc.rs` |
//! | gas limit too low by one | `starstream/gas.rs`, for each step of the data set; `execution.rs`, `gas_vectors.rs` |
//! | arguments of the wrong type, encodings that are not canonical | [`transactions`]; `value.rs`, `abi.rs` |
//! | a contract that traps after changing state | [`plain`], [`coroutines`]; the data set's `traps` |
//! | one that loops for ever, allocates without end, recurses | [`plain`], [`coroutines`]; in calls: `execution.rs` |
//! | one that returns a huge value, keeps a huge record | [`plain`]; in calls: `execution.rs` |
//! | floats where the chain forbids them | `admission.rs`; and [`coroutines`] |
//! | a registry that lies or is gone | `chain.rs`, `node.rs` |
//! | a corrupted database file | `storage/damage.rs` |
//! | a full disk | `storage/crash.rs` |
//! | a genesis file that does not fit the data directory | `chain.rs` |
//! | a compiled-cache file that was changed | `compiled.rs` |

mod changed_bytes;
mod coroutines;
mod plain;
mod stage;
mod thing;
mod transactions;
