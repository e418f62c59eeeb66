//! What becomes of a transaction that was submitted.

use super::sequencer::ProposeError;
use crate::contracts::ContractError;
use crate::execution::{NodeFault, SimulateError};
use ledger_core::{Invalid, Receipt};
use registry_core::id::{BlockId, TransactionId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// A transaction that is in a block which no crash can take away any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The block.
    pub block: BlockId,
    /// The block's height.
    pub height: u64,
    /// The transaction's place in the block, counted from 0.
    pub index: u32,
    /// What the transaction did; it may have failed.
    pub receipt: Receipt,
}

/// Why a transaction is in no block.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// It cannot be in one, as the chain is now.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It was not ordered.
    #[error(transparent)]
    Propose(#[from] ProposeError),
    /// There was no free worker to try it.
    #[error("the node had no free worker for {} seconds", .waited.as_secs())]
    Busy {
        /// How long it waited.
        waited: Duration,
    },
    /// The contract that it deploys cannot be resolved, or is not one that the ledger executes.
    #[error(transparent)]
    Contract(#[from] Arc<ContractError>),
    /// The node stops, or has stopped because its data failed.
    #[error("the node takes no transactions any more: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// The node failed, not the transaction.
    #[error("the node failed, not the transaction: {message}")]
    Fault {
        /// What happened, with its causes.
        message: String,
    },
}

/// What those who submitted are told.
pub(super) type Answer = Result<Committed, SubmitError>;

/// Those who wait for a transaction to be in a block.
#[derive(Default)]
pub(super) struct Submitters {
    waiting: Mutex<HashMap<TransactionId, Vec<oneshot::Sender<Answer>>>>,
}

impl Submitters {
    /// Waits for a transaction. The second value says whether nobody waited for it before.
    pub(super) fn wait(&self, transaction: TransactionId) -> (oneshot::Receiver<Answer>, bool) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        let senders = waiting.entry(transaction).or_default();
        senders.push(sender);
        (receiver, senders.len() == 1)
    }

    /// Tells all who wait for a transaction what became of it. Those who gave up are told nothing.
    pub(super) fn answer(&self, transaction: &TransactionId, answer: &Answer) {
        let senders = self.waiting().remove(transaction).unwrap_or_default();
        senders.into_iter().for_each(|sender| drop(sender.send(answer.clone())));
    }

    /// Tells all who still wait that the chain has stopped.
    pub(super) fn answer_all(&self, answer: &Answer) {
        let senders = std::mem::take(&mut *self.waiting());
        senders.into_values().flatten().for_each(|sender| drop(sender.send(answer.clone())));
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<TransactionId, Vec<oneshot::Sender<Answer>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubmitError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Contract(error) => return error.hint(),
            Self::Invalid(invalid) => return hint_of(invalid).map(str::to_owned),
            Self::Busy { .. } | Self::Propose(ProposeError::Busy { .. }) => "try again in a moment",
            Self::Propose(ProposeError::TooLarge { .. }) => "ask for less at a time",
            Self::Fault { .. } => "try again; the node's log says more",
            Self::Stopped { .. } => "try again when the node runs",
        };
        Some(hint.to_owned())
    }
}

fn hint_of(invalid: &Invalid) -> Option<&'static str> {
    match invalid {
        Invalid::Repeated { .. } => {
            Some("`ledger transaction` shows what it did; with another nonce it is another transaction")
        }
        Invalid::Expired { .. } => Some("make it again, with a later `--valid-until` if it needs time"),
        Invalid::GasLimitTooLow { .. } => Some("ask for more with `--gas-limit`, or for the node's default without it"),
        Invalid::UnknownUtxo(_) | Invalid::ConsumedUtxo { .. } => Some("`ledger utxos` lists those that live"),
        Invalid::StaleVersion { .. } => {
            Some("somebody was faster: look at the UTXO and try again, or take whatever is there with `--latest`")
        }
        Invalid::UndeclaredUtxo(_) => Some("name it among the inputs or the references"),
        Invalid::UndeclaredToken(_) => {
            Some("name the UTXO that holds it, which `ledger token` shows, among the inputs or the references")
        }
        Invalid::UnknownContract(_) => Some("`ledger deploy` makes a contract part of the chain"),
        Invalid::NotCallable { .. } => Some("`ledger utxo` shows what the UTXO offers now"),
        Invalid::BadCall(_) => Some("the contract's WIT says what it takes (`ledger wit`)"),
        _ => None,
    }
}

impl From<SimulateError> for SubmitError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Busy { waited } => Self::Busy { waited },
            SimulateError::Node(fault) => fault.into(),
        }
    }
}

impl From<NodeFault> for SubmitError {
    fn from(fault: NodeFault) -> Self {
        Self::Fault { message: registry_core::with_causes(&fault) }
    }
}
