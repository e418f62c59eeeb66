//! The loop of a chain: propose, decide, execute, seal, commit, acknowledge.

use super::block::{Assembled, BlockFault, Constants, assemble};
use super::executor::TransactionExecutor;
use super::sequencer::Decision;
use super::submission::{Answer, Committed, SubmitError, Submitters};
use crate::genesis::Genesis;
use crate::store::{Storage, StorageError};
use futures::StreamExt;
use futures::stream::BoxStream;
use ledger_core::{Header, Moment, SealError, SealedBlock, StateError};
use registry_core::id::TransactionId;
use registry_core::with_causes;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Makes blocks of decisions. It alone writes to the storage.
pub(super) struct Production {
    pub(super) constants: Constants,
    pub(super) genesis: Genesis,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) executor: Arc<dyn TransactionExecutor>,
    pub(super) submitters: Arc<Submitters>,
}

/// Why no further block can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainEnd {
    /// The node was asked to stop.
    #[error("the node was stopped")]
    Stopped,
    /// The sequencer has no further decisions.
    #[error("the sequencer has ended")]
    SequencerEnded,
    /// The chain's data failed. What was acknowledged is kept; a new start finds it.
    #[error("the chain's data failed: {0}")]
    StorageFailed(String),
    /// A defect of this program.
    #[error("the chain ended in a defect of the node")]
    Defect,
}

/// Why a decision made no block.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// This machine failed, and may not the next time.
    #[error(transparent)]
    Block(BlockFault),
    /// Nothing can be kept any more.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Nothing can be read any more.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Production {
    /// Makes a block of each decision until it is stopped, or nothing can be kept any more. The block that is being made
    /// is finished.
    pub(super) fn run(
        &self,
        runtime: &Handle,
        mut decisions: BoxStream<'static, Decision>,
        stop: &CancellationToken,
    ) -> ChainEnd {
        loop {
            let next = async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Err(ChainEnd::Stopped),
                    decision = decisions.next() => decision.ok_or(ChainEnd::SequencerEnded),
                }
            };
            match runtime.block_on(next) {
                Ok(decision) => {
                    if let Err(end) = self.decided(decision) {
                        return end;
                    }
                }
                Err(end) => return end,
            }
        }
    }

    /// Makes a block of a decision and tells everybody what became of its transactions.
    fn decided(&self, decision: Decision) -> Result<(), ChainEnd> {
        let ids: Vec<TransactionId> = decision.proposals.iter().map(|proposal| proposal.transaction.id()).collect();
        match self.make_block(decision) {
            Ok(()) => Ok(()),
            Err(Trouble::Block(fault)) => {
                warn!("a block was given up: {}", with_causes(&fault));
                self.answer_each(&ids, &Err(SubmitError::Fault { message: with_causes(&fault) }));
                Ok(())
            }
            Err(trouble) => {
                let reason = with_causes(&trouble);
                error!("the chain stops, because its data failed: {reason}");
                // Where the data are is the operator's business.
                self.answer_each(&ids, &Err(SubmitError::Fault { message: "its data failed".to_owned() }));
                Err(ChainEnd::StorageFailed(reason))
            }
        }
    }

    fn make_block(&self, decision: Decision) -> Result<(), Trouble> {
        let snapshot = self.storage.snapshot();
        let moment = next_moment(&self.genesis, snapshot.tip()?.as_ref(), decision.time_ms);
        let Decision { proposals, may_leave_out, .. } = decision;
        let assembled = assemble(&*snapshot, &self.constants, &*self.executor, moment, proposals).map_err(sort_out)?;
        let Assembled { sealed, refused, mut faulty } = assembled;
        if !may_leave_out && let Some((_, fault)) = faulty.pop() {
            return Err(sort_out(fault));
        }
        self.storage.commit(&sealed)?;
        self.acknowledge(&sealed);
        for (transaction, fault) in faulty {
            let message = with_causes(&fault);
            warn!(%transaction, "{transaction} was left out of its block: {message}");
            self.submitters.answer(&transaction, &Err(SubmitError::Fault { message }));
        }
        for (transaction, reason) in refused {
            self.submitters.answer(&transaction, &Err(SubmitError::Invalid(reason)));
        }
        Ok(())
    }

    /// Only what survives a crash is told.
    fn acknowledge(&self, sealed: &SealedBlock) {
        let (block, height) = (sealed.id(), sealed.header().moment.height);
        info!(height, transactions = sealed.receipts().len(), "block {height} is {block}");
        for (index, receipt) in (0..).zip(sealed.receipts()) {
            let committed = Committed { block, height, index, receipt: receipt.clone() };
            self.submitters.answer(&receipt.transaction, &Ok(committed));
        }
    }

    fn answer_each(&self, transactions: &[TransactionId], answer: &Answer) {
        transactions.iter().for_each(|transaction| self.submitters.answer(transaction, answer));
    }
}

/// The moment of the block that follows `tip`. Time never goes back.
pub(super) fn next_moment(genesis: &Genesis, tip: Option<&Header>, time_ms: u64) -> Moment {
    match tip {
        None => genesis.moment(0, genesis.time_ms),
        Some(tip) => genesis.moment(tip.moment.height.saturating_add(1), time_ms.max(tip.moment.time_ms)),
    }
}

/// A state that cannot be read is the storage's trouble, not that of a transaction.
fn sort_out(fault: BlockFault) -> Trouble {
    match fault {
        BlockFault::Seal(SealError::State(error)) => Trouble::State(error),
        fault => Trouble::Block(fault),
    }
}
