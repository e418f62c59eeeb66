//! The contracts of a test: the one that it is about, and those that must be on the chain before.

use super::contract::Contract;
use super::expectations::{COMPILER, ContractExpectations, Set, Text};
use registry_core::id::ComponentHash;

pub(crate) struct Cast {
    own: Contract,
    /// By the names under which steps mean them, in the order in which they are deployed.
    others: Vec<(String, Contract)>,
}

/// The contract of the UTXO that is used where any will do.
const ANY: &str = "counter";

impl Cast {
    /// That of a contract of the compiler's set.
    pub(crate) fn of_compilers_set(name: &str) -> Self {
        let set = Set::of_compiler();
        let expectations = set.expectations.contracts.iter().find(|contract| contract.name == name).unwrap();
        Self::read(&set, expectations)
    }

    pub(crate) fn read(set: &Set, expectations: &ContractExpectations) -> Self {
        let mut others: Vec<(String, Contract)> =
            expectations.after.iter().map(|name| (name.clone(), Contract::new(set.component(name)))).collect();
        let arguments = expectations.sequences.iter().flat_map(|it| &it.steps).flat_map(|step| &step.args);
        if arguments.into_iter().any(|text| matches!(text, Text::Utxo { utxo } if utxo == "any")) {
            others.push(("any".to_owned(), Contract::new(set.component(&format!("{COMPILER}/{ANY}")))));
        }
        Self { own: Contract::new(set.component(&expectations.name)), others }
    }

    /// The contract of this name; the own one if there is none.
    pub(crate) fn get(&self, name: Option<&str>) -> &Contract {
        let Some(name) = name else { return &self.own };
        let found = self.others.iter().find(|(known, _)| known == name || known.ends_with(&format!("/{name}")));
        found.map(|(_, contract)| contract).unwrap_or_else(|| panic!("no contract `{name}`"))
    }

    pub(crate) fn of_hash(&self, hash: &ComponentHash) -> &Contract {
        self.deployed().into_iter().find(|contract| contract.hash == *hash).unwrap()
    }

    /// The contract of the UTXO that is used where any will do, if a step has one.
    pub(crate) fn any(&self) -> Option<&Contract> {
        self.others.iter().find(|(name, _)| name == "any").map(|(_, contract)| contract)
    }

    /// All of them, each after those that it needs.
    pub(crate) fn deployed(&self) -> Vec<&Contract> {
        self.others.iter().map(|(_, contract)| contract).chain([&self.own]).collect()
    }
}
