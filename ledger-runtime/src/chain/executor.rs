//! Execution as a chain sees it.

use super::sequencer::Proposal;
use crate::admission::Executable;
use crate::execution::NodeFault;
use ledger_core::{Admission, Execution, Invalid, Moment, State, Transaction};
use registry_core::id::ComponentHash;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Executes transactions. What it says depends on the proposal, the moment and the state, and on nothing else.
pub trait TransactionExecutor: Send + Sync + 'static {
    /// What is wrong with a transaction as far as it can be said without executing it; none if nothing is.
    ///
    /// # Errors
    /// If this machine fails.
    fn check(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, NodeFault>;

    /// Executes one transaction of a block. `fresh` are the contracts that the block has deployed so far, which the state
    /// knows, but no storage yet.
    ///
    /// # Errors
    /// If this machine fails.
    fn execute(
        &self,
        proposal: &Proposal,
        moment: &Moment,
        state: &dyn State,
        fresh: &mut FreshContracts,
    ) -> Result<Executed, NodeFault>;
}

/// The contracts that a block has deployed so far.
pub type FreshContracts = BTreeMap<ComponentHash, Arc<Executable>>;

/// What executing a proposal gave.
pub enum Executed {
    /// It cannot be in a block here.
    Invalid(Invalid),
    /// It was executed; it may have failed.
    Call(Execution),
    /// It deploys the contract that came with the proposal.
    Deployment {
        /// The gas that it used.
        gas_used: u64,
        /// What was found out about the contract.
        admission: Admission,
    },
}
