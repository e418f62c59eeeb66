//! The genesis block: made once, from a genesis and the contracts that it names.

use super::block::{Assembled, BlockFault, Constants, assemble};
use super::executor::TransactionExecutor;
use super::production::next_moment;
use super::sequencer::Proposal;
use crate::genesis::Genesis;
use ledger_core::{Deployment, Invalid, RootCall, SealedBlock, State, Transaction};
use registry_core::id::{ComponentHash, TransactionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why there is no genesis block.
#[derive(Debug, thiserror::Error)]
pub(super) enum EstablishError {
    #[error(transparent)]
    Block(#[from] BlockFault),
    #[error("the genesis block cannot have the transaction {transaction}")]
    Invalid {
        transaction: TransactionId,
        #[source]
        reason: Invalid,
    },
}

/// Seals the genesis block on an empty `state`.
pub(super) fn genesis_block(
    state: &dyn State,
    constants: &Constants,
    executor: &dyn TransactionExecutor,
    genesis: &Genesis,
    gas_limit: u64,
    deployments: &BTreeMap<ComponentHash, Arc<Deployment>>,
) -> Result<SealedBlock, EstablishError> {
    let proposals =
        transactions(genesis, gas_limit, deployments.values().map(Arc::as_ref)).into_iter().map(|transaction| {
            let deployment = transaction.contract().and_then(|contract| deployments.get(&contract).cloned());
            Proposal { transaction, deployment }
        });
    let moment = next_moment(genesis, None, genesis.time_ms);
    let Assembled { sealed, refused, faulty } = assemble(state, constants, executor, moment, proposals.collect())?;
    if let Some((_, fault)) = faulty.into_iter().next() {
        return Err(fault.into());
    }
    match refused.into_iter().next() {
        Some((transaction, reason)) => Err(EstablishError::Invalid { transaction, reason }),
        None => Ok(sealed),
    }
}

/// The transactions of a genesis block: one deployment for each contract, each after those of the contracts that it
/// imports, and else in the order of their hashes.
pub(super) fn transactions<'d>(
    genesis: &Genesis,
    gas_limit: u64,
    deployments: impl Iterator<Item = &'d Deployment>,
) -> Vec<Transaction> {
    let deployment = |(nonce, (contract, gas_limit_max)): (u64, (&ComponentHash, &Option<u64>))| Transaction {
        chain: genesis.chain_id.clone(),
        nonce,
        valid_from: 0,
        valid_until: 0,
        inputs: Vec::new(),
        references: Vec::new(),
        call: RootCall::Deploy { contract: *contract, gas_limit_max: *gas_limit_max },
        arguments: Vec::new(),
        gas_limit,
    };
    let imports: Imports<'_> =
        deployments.map(|deployment| (deployment.contract, deployment.imports.values().collect())).collect();
    (0..).zip(ordered(&genesis.contracts, imports)).map(deployment).collect()
}

/// What each contract imports.
type Imports<'d> = BTreeMap<ComponentHash, BTreeSet<&'d ComponentHash>>;

/// The next is always the one with the least hash of those of which nothing is missing any more. Where something stays
/// missing, the order does not matter: there is no such genesis block.
fn ordered<'g>(
    contracts: &'g BTreeMap<ComponentHash, Option<u64>>,
    imports: Imports<'_>,
) -> Vec<(&'g ComponentHash, &'g Option<u64>)> {
    let mut left: Vec<_> = contracts.iter().collect();
    let mut placed = BTreeSet::new();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_next = |(contract, _): &(&ComponentHash, &Option<u64>)| {
            imports.get(contract).is_none_or(|imports| imports.is_subset(&placed))
        };
        let next = left.remove(left.iter().position(is_next).unwrap_or_default());
        placed.insert(next.0);
        order.push(next);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_of_a_genesis_stand_after_what_they_import() {
        let mut hashes: Vec<ComponentHash> = [b"a", b"b", b"c", b"d"].map(|name| ComponentHash::of(name)).to_vec();
        hashes.sort();
        let contracts = hashes.iter().map(|hash| (*hash, None)).collect();
        let order = |imports: &[(usize, usize)]| {
            let mut all = Imports::new();
            for (importing, imported) in imports {
                all.entry(hashes[*importing]).or_default().insert(&hashes[*imported]);
            }
            let place = |hash: &ComponentHash| hashes.iter().position(|other| other == hash);
            ordered(&contracts, all).into_iter().filter_map(|(hash, _)| place(hash)).collect::<Vec<_>>()
        };
        assert_eq!(order(&[]), [0, 1, 2, 3]);
        assert_eq!(order(&[(0, 3)]), [1, 2, 3, 0]);
        assert_eq!(order(&[(0, 1), (1, 2), (2, 3)]), [3, 2, 1, 0]);
        assert_eq!(order(&[(0, 2), (1, 2), (3, 0)]), [2, 0, 1, 3]);
        // Two that import each other cannot be, and lose nothing.
        assert_eq!(order(&[(0, 1), (1, 0)]), [2, 3, 0, 1]);
    }
}
