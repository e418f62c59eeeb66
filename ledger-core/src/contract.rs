//! Contracts as a chain keeps them.

use crate::domain;
use crate::encoding::{Canonical, hash_of};
use crate::{Admission, Deployment};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::{Digest, hash_elements, merge};
use registry_core::id::{ComponentHash, InterfaceId, PackageHash, ViewId};
use std::collections::BTreeMap;

/// What was decided about a contract when it was deployed. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ContractRecord {
    /// The component.
    pub contract: ComponentHash,
    /// Its own world, as extracted from it.
    pub view: ViewId,
    /// The hash of every package that it refers to, by `namespace:name@version`.
    pub packages: BTreeMap<String, PackageHash>,
    /// The contracts that it imports, by the external ids with which it names them
    /// ([`ExternalId`](crate::ExternalId) as text). They were part of the chain before it.
    pub imports: BTreeMap<String, ComponentHash>,
    /// What the ledger offers to contracts, as it was understood.
    pub host_interface: HostInterfaceId,
    /// The gas limit that its calls may ask for at most.
    pub gas_limit_max: Option<u64>,
    /// Its place in the tree of contracts, given once.
    pub slot: u32,
}

/// Names everything that the ledger offers to a contract: functions, types, and what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct HostInterfaceId(pub Digest);

/// What changes about a contract.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ContractCounters {
    /// How many UTXOs it has had: the serial of the next.
    pub next_serial: u64,
    /// What there is of each of its token types, by the exported interface that declares the type.
    pub tokens: BTreeMap<String, TokenSupply>,
}

/// How many tokens of a type there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TokenSupply {
    /// How many were minted, those among them that were burned in the same transaction.
    pub minted: u64,
    /// How many of these were burned. The others are held by UTXOs.
    pub burned: u64,
}

impl HostInterfaceId {
    /// The name of a host that offers these interfaces, in this order. There must be at least one.
    pub fn of<'a>(interfaces: impl IntoIterator<Item = &'a InterfaceId>) -> Self {
        let elements: Vec<u64> = interfaces.into_iter().flat_map(|id| id.digest().elements()).collect();
        Self(hash_elements(domain::HOST_INTERFACE, &elements))
    }
}

impl Canonical for ContractRecord {
    const NAME: &'static str = "a contract's record";
    const SIZE_BYTES_MAX: usize = 1 << 20;
}

impl Canonical for ContractCounters {
    const NAME: &'static str = "a contract's counters";
    const SIZE_BYTES_MAX: usize = 1 << 20;
}

impl ContractRecord {
    /// The record of a contract that is being deployed.
    pub(crate) fn new(deployment: &Deployment, admission: Admission, gas_limit_max: Option<u64>, slot: u32) -> Self {
        let packages = deployment.packages.iter().map(|(name, hash, _)| (name.clone(), *hash)).collect();
        let Admission { view, host_interface } = admission;
        let (contract, imports) = (deployment.contract, deployment.imports.clone());
        Self { contract, view, packages, imports, host_interface, gas_limit_max, slot }
    }

    /// What stands for the contract in the tree of contracts.
    pub fn leaf(&self, counters: &ContractCounters) -> Digest {
        let record = hash_of(domain::CONTRACT, self);
        merge(domain::LEAF, &record, &hash_of(domain::COUNTERS, counters))
    }
}
