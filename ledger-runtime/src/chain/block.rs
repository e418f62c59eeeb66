//! From an ordered list of transactions to a sealed block. Everybody who has the state below it and the same list comes
//! to the same block: the node that makes it, one that follows, and `ledger verify`.

use super::executor::{Executed, FreshContracts, TransactionExecutor};
use super::sequencer::Proposal;
use crate::execution::NodeFault;
use ledger_core::{
    Block, BlockBuilder, ChainId, Contradiction, Deployment, Execution, Failure, FailureKind, Invalid, Moment, Outcome,
    ProfileId, RootCall, SealError, SealedBlock, State, Transaction,
};
use registry_core::id::{ComponentHash, TransactionId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stays the same in all blocks of a chain.
#[derive(Debug, Clone)]
pub(super) struct Constants {
    pub(super) chain: ChainId,
    pub(super) profile: ProfileId,
}

/// What an ordered list of transactions made.
pub(super) struct Assembled {
    /// The block of those that are valid.
    pub(super) sealed: SealedBlock,
    /// Those that are not valid, each with the reason.
    pub(super) refused: Vec<(TransactionId, Invalid)>,
    /// Those that this machine could not execute, each with what went wrong. The block is made of the rest; whether it may
    /// be used is for the caller to say.
    pub(super) faulty: Vec<(TransactionId, BlockFault)>,
}

/// Why there is no block.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlockFault {
    /// A transaction could not be executed on this machine.
    #[error("a transaction of the block could not be executed")]
    Execution(#[from] NodeFault),
    /// The state could not be read, or the executor contradicted it.
    #[error("the block could not be sealed")]
    Seal(#[from] SealError),
}

/// Executes `proposals` in order on `state` and seals the block of those that are valid.
pub(super) fn assemble(
    state: &dyn State,
    constants: &Constants,
    executor: &dyn TransactionExecutor,
    moment: Moment,
    proposals: Vec<Proposal>,
) -> Result<Assembled, BlockFault> {
    let mut builder = BlockBuilder::begin(state, constants.chain.clone(), constants.profile, moment)?;
    let (mut fresh, mut refused, mut faulty) = (FreshContracts::default(), Vec::new(), Vec::new());
    for proposal in proposals {
        let id = proposal.transaction.id();
        match add(&mut builder, executor, &moment, proposal, &mut fresh) {
            Ok(None) => {}
            Ok(Some(reason)) => refused.push((id, reason)),
            Err(fault) => faulty.push((id, fault)),
        }
    }
    Ok(Assembled { sealed: builder.seal()?, refused, faulty })
}

/// Executes a proposal and adds it to the block, which stays as it was if that fails; the reason if it is not valid.
fn add(
    builder: &mut BlockBuilder<'_>,
    executor: &dyn TransactionExecutor,
    moment: &Moment,
    proposal: Proposal,
    fresh: &mut FreshContracts,
) -> Result<Option<Invalid>, BlockFault> {
    match executor.execute(&proposal, moment, builder.state(), fresh)? {
        Executed::Invalid(reason) => return Ok(Some(reason)),
        Executed::Call(execution) => push(builder, proposal.transaction, execution)?,
        Executed::Deployment { gas_used, admission } => {
            // Whoever executes a deployment has seen that it is there.
            let deployment = proposal.deployment.map(Arc::unwrap_or_clone).ok_or_else(missing_deployment)?;
            builder.push_deployment(proposal.transaction, gas_used, deployment, admission)?;
        }
    }
    Ok(None)
}

/// Puts an executed transaction into the block. What it made may be larger than anything that can be kept, although each
/// part of it is within its limit: that is its failure, the same on every node, and takes all its gas.
pub(super) fn push(
    builder: &mut BlockBuilder<'_>,
    transaction: Transaction,
    execution: Execution,
) -> Result<(), SealError> {
    let pushed = builder.push(transaction.clone(), execution).map(drop);
    match pushed {
        Err(SealError::Contradiction { contradiction: too_large @ Contradiction::TooLarge { .. }, .. }) => {
            let failure =
                Failure::new(FailureKind::Limit, format!("what the transaction made cannot be kept: {too_large}"));
            let gas_used = transaction.gas_limit;
            let failed = Execution { outcome: Outcome::Failed(failure), gas_used, calls: Vec::new() };
            builder.push(transaction, failed).map(drop)
        }
        pushed => pushed,
    }
}

pub(super) fn missing_deployment() -> NodeFault {
    NodeFault::new("a transaction was executed as a deployment", "nothing came with it")
}

/// The proposals that a block was made of.
pub(super) fn proposals(block: &Block) -> Vec<Proposal> {
    let deployments: BTreeMap<ComponentHash, &Deployment> =
        block.deployments.iter().map(|deployment| (deployment.contract, deployment)).collect();
    let proposal = |transaction: &Transaction| {
        let deployment = match &transaction.call {
            RootCall::Deploy { contract, .. } => deployments.get(contract),
            RootCall::Function { .. } | RootCall::Main { .. } | RootCall::Method { .. } | RootCall::Calls(_) => None,
        };
        let deployment = deployment.map(|deployment| Arc::new(Deployment::clone(deployment)));
        Proposal { transaction: transaction.clone(), deployment }
    };
    block.transactions.iter().map(proposal).collect()
}
