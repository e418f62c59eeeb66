//! The genesis block: made once, from a genesis and the contracts that it names.

use super::block::{Assembled, BlockFault, Constants, assemble};
use super::executor::TransactionExecutor;
use super::production::next_moment;
use super::sequencer::Proposal;
use crate::genesis::Genesis;
use ledger_core::{Deployment, Invalid, RootCall, SealedBlock, State, Transaction};
use registry_core::id::{ComponentHash, TransactionId};
use std::collections::BTreeMap;
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
    let proposals = transactions(genesis, gas_limit).into_iter().map(|transaction| {
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

/// The transactions of a genesis block: one deployment for each contract, in the order of their hashes.
pub(super) fn transactions(genesis: &Genesis, gas_limit: u64) -> Vec<Transaction> {
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
    (0..).zip(&genesis.contracts).map(deployment).collect()
}
