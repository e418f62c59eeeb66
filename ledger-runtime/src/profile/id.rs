//! The name of an execution profile.

use super::ExecutionProfile;
use crate::abi::{CONTRACT_TYPE_PARTS_MAX, TYPE_PARTS_MAX};
use crate::admission::cost;
use crate::engine;
use crate::interface::TYPE_DEPTH_MAX;
use borsh::BorshSerialize;
use ledger_core::{ProfileId, encoding_of};
use registry_core::hash::{Domain, blob};
use std::collections::BTreeMap;

/// An execution profile.
const PROFILE: Domain = Domain::new(b"p2prof1");

/// Everything that decides what a transaction gives, in the order in which it is hashed. `docs/execution.md` is its
/// description.
#[derive(BorshSerialize)]
struct Identity<'a> {
    /// The numbers and switches.
    profile: &'a ExecutionProfile,
    /// The names of the WebAssembly proposals that contracts can use, sorted.
    features: Vec<String>,
    /// What each operator costs by its name, with those that no contract can use.
    operators: BTreeMap<String, u64>,
    /// Name and version: another version may compile to frames of other sizes, and then recursion ends elsewhere.
    engine: &'a str,
    /// The architecture of the processor, for the same reason.
    architecture: &'a str,
    /// Bytes of addresses that are reserved for each memory, and behind it: they decide what code is generated.
    memory_reservation_bytes: u64,
    memory_guard_bytes: u64,
    /// How the cost of compilation is estimated.
    compilation_estimate: u32,
    /// How deep the types of a contract may contain each other, of how many parts one of them may be made, and all of
    /// one contract of Starstream.
    type_depth_max: u64,
    type_parts_max: u64,
    contract_type_parts_max: u64,
}

impl ExecutionProfile {
    /// Names everything that decides the results of transactions. Two nodes whose profiles have the same id come to the
    /// same results.
    ///
    /// # Panics
    /// If the engine's table of operators is not what it was when this was written: such a program runs no chain.
    pub fn id(&self) -> ProfileId {
        let identity = Identity {
            profile: self,
            features: features(self),
            operators: operators(self),
            engine: engine::NAME_AND_VERSION,
            architecture: std::env::consts::ARCH,
            memory_reservation_bytes: engine::MEMORY_RESERVATION_BYTES,
            memory_guard_bytes: engine::MEMORY_GUARD_BYTES,
            compilation_estimate: cost::VERSION,
            type_depth_max: TYPE_DEPTH_MAX as u64,
            type_parts_max: TYPE_PARTS_MAX as u64,
            contract_type_parts_max: CONTRACT_TYPE_PARTS_MAX as u64,
        };
        ProfileId(blob(PROFILE, &encoding_of(&identity)))
    }
}

fn features(profile: &ExecutionProfile) -> Vec<String> {
    let mut names: Vec<String> = profile.wasm_features().iter_names().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

/// The engine's table is a structure of some six hundred fields; serde walks them by name. What is in it for each byte
/// and element is a structure of its own.
fn operators(profile: &ExecutionProfile) -> BTreeMap<String, u64> {
    let mut costs = BTreeMap::new();
    match serde_json::to_value(profile.operators.table()) {
        Ok(table) => flatten("", &table, &mut costs),
        Err(error) => panic!("the engine's table of operators is no structure: {error}"),
    }
    costs
}

fn flatten(name: &str, value: &serde_json::Value, costs: &mut BTreeMap<String, u64>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| flatten(&format!("{name}.{field}"), value, costs));
        }
        value => match value.as_u64() {
            Some(cost) => drop(costs.insert(name.to_owned(), cost)),
            None => panic!("the engine's table of operators has something else than a cost at `{name}`: {value}"),
        },
    }
}
