//! Executing a whole chain again.

use super::block::{self, Assembled, BlockFault, Constants, assemble};
use super::establish;
use super::executor::TransactionExecutor;
use crate::compiled::CompiledCache;
use crate::contracts::Contracts;
use crate::engine::EngineError;
use crate::execution::{Executor, NodeFault};
use crate::genesis::{Genesis, GenesisError};
use crate::limits::Limits;
use crate::source::{ContractSource, SourceError};
use crate::store::{RedbStorage, Snapshot, Storage, StorageError};
use futures::future::BoxFuture;
use ledger_core::{Block, ExternalId, Moment, SealError, SealedBlock, StateError, UtxoStatus};
use registry_client::FetchedComponent;
use registry_core::hash::Digest;
use registry_core::id::{BlockId, ComponentHash};
use registry_core::with_causes;
use std::path::Path;
use std::sync::Arc;

/// A chain that is what its transactions make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The chain.
    pub chain: String,
    /// How many blocks it has.
    pub blocks: u64,
    /// How many transactions they have.
    pub transactions: u64,
    /// The gas that they used.
    pub gas_used: u64,
    /// The last block.
    pub tip: BlockId,
    /// The root of the tree of UTXOs after it.
    pub state_root: Digest,
}

/// Why a chain is not what its transactions make, or why that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Executing it again gives something else. This is the first difference.
    #[error("block {height} is not what its transactions make: {what}")]
    Difference {
        /// The block's height.
        height: u64,
        /// What differs.
        what: String,
    },
    /// The state in the storage is not that after the last block.
    #[error("the state after the last block is not what the transactions make: {0}")]
    State(String),
    /// There is no chain.
    #[error("the storage has no chain")]
    Empty,
    /// The chain was made with an execution profile that this program does not have.
    #[error("the chain has the execution profile {kept}, and this program executes {ours}")]
    OtherProfile {
        /// The chain's profile, as 64 hexadecimal digits.
        kept: String,
        /// This program's.
        ours: String,
    },
    /// The genesis in the storage cannot be read.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The chain, or what is made anew, cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The state cannot be read.
    #[error(transparent)]
    Unreadable(#[from] StateError),
    /// The engine cannot be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// This machine failed.
    #[error(transparent)]
    Node(#[from] NodeFault),
}

/// UTXOs and contracts that are compared at a time.
const PAGE: usize = 1_000;

/// Executes a chain again from its genesis and compares every header, receipt, call and root, and in the end the state.
/// No registry is asked. `progress` is told after each block
/// how many there are to do, and how many are done.
///
/// To be called inside a tokio runtime, on a thread that may block, with
/// [`THREAD_STACK_SIZE_BYTES`](crate::node::THREAD_STACK_SIZE_BYTES).
///
/// # Errors
/// The first difference, or why the chain cannot be executed here.
pub fn verify(
    chain: &dyn Snapshot,
    limits: &Limits,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, VerifyError> {
    let genesis_json = chain.genesis()?.ok_or(VerifyError::Empty)?;
    let genesis = Genesis::parse(Path::new("the data directory"), &genesis_json)?;
    let tip = chain.tip()?.ok_or(VerifyError::Empty)?;
    let again = Again::new(genesis, limits)?;
    if tip.profile != again.constants.profile {
        let (kept, ours) = (tip.profile.0.to_hex(), again.constants.profile.0.to_hex());
        return Err(VerifyError::OtherProfile { kept, ours });
    }
    let (mut transactions, mut gas_used) = (0, 0_u64);
    let blocks = tip.moment.height.saturating_add(1);
    for height in 0..blocks {
        let sealed = again.block(chain, height)?;
        again.keep(&genesis_json, &sealed)?;
        compare_consumed(chain, &sealed)?;
        transactions += sealed.receipts().len() as u64;
        gas_used = sealed.receipts().iter().fold(gas_used, |sum, receipt| sum.saturating_add(receipt.gas_used));
        progress(height + 1, blocks);
    }
    compare_states(chain, &*again.storage.snapshot())?;
    let chain = tip.chain.to_string();
    Ok(Verification { chain, blocks, transactions, gas_used, tip: tip.id(), state_root: tip.new_root })
}

/// The chain as it is made anew.
struct Again {
    genesis: Genesis,
    gas_limit_max: u64,
    constants: Constants,
    storage: Arc<dyn Storage>,
    executor: Box<dyn TransactionExecutor>,
}

impl Again {
    fn new(genesis: Genesis, limits: &Limits) -> Result<Self, VerifyError> {
        let profile = genesis.profile();
        let (gas_limit_max, profile_id) = (profile.gas_limit_max, profile.id());
        let constants = Constants { chain: genesis.chain_id.clone(), profile: profile_id };
        let storage: Arc<dyn Storage> = Arc::new(RedbStorage::in_memory(limits)?);
        let engine = Arc::new(Executor::new(profile, limits)?);
        let compiled = CompiledCache::without_files(engine.engine().clone());
        let contracts = Contracts::new(Arc::clone(&engine), compiled, Arc::clone(&storage), Arc::new(NoSource), limits);
        let executor = super::NodeExecutor::new(genesis.chain_id.clone(), engine, Arc::new(contracts));
        Ok(Self { genesis, gas_limit_max, constants, storage, executor: Box::new(executor) })
    }

    /// The block of this height, made anew and found equal.
    fn block(&self, chain: &dyn Snapshot, height: u64) -> Result<SealedBlock, VerifyError> {
        let differs = |what: String| VerifyError::Difference { height, what };
        let missing = |what: &str| differs(format!("{what} missing"));
        let block = chain.block(height)?.ok_or_else(|| missing("it is"))?;
        let receipts = chain.receipts(height)?.ok_or_else(|| missing("its receipts are"))?;
        let calls = chain.calls(height)?.ok_or_else(|| missing("its call table is"))?;
        let moment = self.moment(&block, height)?;
        let made = self.execute(&block, moment)?;
        if let Some(difference) = block.header.difference(made.header()) {
            return Err(differs(format!("the first field of the header that differs is the {difference}")));
        }
        if let Some(index) = first_difference(&receipts, made.receipts()) {
            return Err(differs(format!("the receipt of transaction {index} is another")));
        }
        if let Some(index) = first_difference(&calls, made.calls()) {
            return Err(differs(format!("row {} of the call table is another", index + 1)));
        }
        Ok(made)
    }

    /// The block's own time, if it fits its slot and, in a genesis block, the genesis.
    fn moment(&self, block: &Block, height: u64) -> Result<Moment, VerifyError> {
        let differs = |what: &str| Err(VerifyError::Difference { height, what: what.to_owned() });
        let found = block.header.moment;
        let expected = self.genesis.moment(height, found.time_ms);
        if found != expected {
            return differs("its height, slot and time do not fit each other");
        }
        if height > 0 {
            return Ok(found);
        }
        if found.time_ms != self.genesis.time_ms {
            return differs("its time is not that of the genesis");
        }
        if block.transactions != establish::transactions(&self.genesis, self.gas_limit_max, block.deployments.iter()) {
            return differs("its transactions are not those of the genesis");
        }
        Ok(found)
    }

    fn execute(&self, block: &Block, moment: Moment) -> Result<SealedBlock, VerifyError> {
        let height = moment.height;
        let snapshot = self.storage.snapshot();
        let proposals = block::proposals(block);
        let assembled = assemble(&*snapshot, &self.constants, &*self.executor, moment, proposals);
        let sort_out = |fault| match fault {
            BlockFault::Execution(fault) => VerifyError::Node(fault),
            BlockFault::Seal(SealError::State(error)) => VerifyError::Unreadable(error),
            BlockFault::Seal(error) => VerifyError::Difference { height, what: with_causes(&error) },
        };
        let Assembled { sealed, refused, faulty } = assembled.map_err(sort_out)?;
        if let Some((_, fault)) = faulty.into_iter().next() {
            return Err(sort_out(fault));
        }
        match refused.first() {
            Some((transaction, reason)) => {
                let what = format!("the transaction {transaction} cannot be in it: {reason}");
                Err(VerifyError::Difference { height, what })
            }
            None => Ok(sealed),
        }
    }

    fn keep(&self, genesis_json: &[u8], sealed: &SealedBlock) -> Result<(), VerifyError> {
        match sealed.header().moment.height {
            0 => Ok(self.storage.begin(genesis_json, sealed)?),
            _ => Ok(self.storage.commit(sealed)?),
        }
    }
}

/// The place where two lists differ first.
fn first_difference<T: PartialEq>(mine: &[T], others: &[T]) -> Option<usize> {
    let differing = mine.iter().zip(others).position(|(mine, other)| mine != other);
    differing.or_else(|| (mine.len() != others.len()).then(|| mine.len().min(others.len())))
}

/// Compares what is kept of the UTXOs that a block consumed: no root says what they were.
fn compare_consumed(chain: &dyn Snapshot, sealed: &SealedBlock) -> Result<(), VerifyError> {
    let consumed = sealed.utxos().iter().filter(|(_, status)| matches!(status, UtxoStatus::Consumed { .. }));
    for (utxo, made) in consumed {
        if chain.utxo(utxo)?.as_ref() != Some(made) {
            return Err(VerifyError::State(format!("the consumed UTXO {utxo} is another")));
        }
    }
    Ok(())
}

/// Compares all UTXOs that live, and all contracts.
fn compare_states(chain: &dyn Snapshot, again: &dyn Snapshot) -> Result<(), VerifyError> {
    let mut after = None;
    loop {
        let (kept, made) = (chain.utxos(None, after, PAGE)?, again.utxos(None, after, PAGE)?);
        if let Some(index) = first_difference(&kept.utxos, &made.utxos) {
            let utxo = kept.utxos.get(index).or_else(|| made.utxos.get(index)).map(|utxo| utxo.id.to_string());
            return Err(VerifyError::State(format!("the UTXO {} is another", utxo.unwrap_or_default())));
        }
        // What one of them has beyond the other's last page is on the next.
        match made.next.or(kept.next) {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    compare_contracts(chain, again)
}

fn compare_contracts(chain: &dyn Snapshot, again: &dyn Snapshot) -> Result<(), VerifyError> {
    let mut after = None;
    loop {
        let (kept, made) = (chain.contracts(after, PAGE)?, again.contracts(after, PAGE)?);
        if let Some(index) = first_difference(&kept, &made) {
            let contract = kept.get(index).or_else(|| made.get(index)).map(|(record, _)| record.contract.to_string());
            return Err(VerifyError::State(format!("the contract {} is another", contract.unwrap_or_default())));
        }
        match made.last() {
            Some((record, _)) => after = Some(record.contract),
            None => return Ok(()),
        }
    }
}

impl VerifyError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Difference { .. } | Self::State(_) => {
                "do not go on with this chain; `ledger check` says whether the data are damaged"
            }
            Self::Empty => "name the directory of a node that was started once (--data-dir)",
            Self::OtherProfile { .. } => "use the version of this program that made the chain",
            Self::Storage(error) => return error.hint().map(str::to_owned),
            Self::Genesis(_) | Self::Unreadable(_) | Self::Engine(_) | Self::Node(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// What a chain consists of is in the chain.
struct NoSource;

impl ContractSource for NoSource {
    fn fetch(&self, hash: ComponentHash) -> BoxFuture<'_, Result<FetchedComponent, SourceError>> {
        Box::pin(async move { Err(SourceError::NotFound(hash)) })
    }

    fn find(&self, sha256: [u8; 32]) -> BoxFuture<'_, Result<ComponentHash, SourceError>> {
        Box::pin(async move { Err(SourceError::NoneFound(ExternalId::Sha256(sha256))) })
    }
}
