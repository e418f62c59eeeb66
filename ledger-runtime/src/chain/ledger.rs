//! A running chain.

use super::Clock;
use super::block::{BlockFault, Constants, missing_deployment, push};
use super::establish::{EstablishError, genesis_block};
use super::executor::{Executed, FreshContracts, TransactionExecutor};
use super::node_executor::{DeployedContracts, objection_to_imports};
use super::production::{ChainEnd, Production, next_moment};
use super::sequencer::{Decision, Proposal, Sequencer};
use super::submission::{Answer, Committed, SubmitError, Submitters};
use crate::contracts::{ContractError, Contracts};
use crate::execution::{Executor, Extent, NodeFault};
use crate::genesis::{Genesis, GenesisError};
use crate::limits::Limits;
use crate::node::THREAD_STACK_SIZE_BYTES;
use crate::store::{Snapshot, Storage, StorageError};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ledger_core::{
    BlockBuilder, Deployment, Header, Invalid, Moment, Receipt, RootCall, SealError, StateError, Transaction, Verdict,
};
use registry_core::id::ComponentHash;
use registry_core::with_causes;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a chain is put together from.
pub struct Parts {
    /// What it begins with.
    pub genesis: Genesis,
    /// Keeps it.
    pub storage: Arc<dyn Storage>,
    /// The engine.
    pub engine: Arc<Executor>,
    /// Finds contracts, in the storage and for deployments in a registry.
    pub contracts: Arc<Contracts>,
    /// Executes transactions.
    pub executor: Arc<dyn TransactionExecutor>,
    /// Orders transactions.
    pub sequencer: Arc<dyn Sequencer>,
    /// Tells the time to those who only try something; a block's time is the sequencer's.
    pub clock: Arc<dyn Clock>,
    /// What the node accepts, keeps and waits for.
    pub limits: Limits,
}

/// A chain that runs: it takes transactions, and tells what became of them and of everything else.
pub struct Ledger {
    parts: Parts,
    constants: Constants,
    submitters: Arc<Submitters>,
    stop: CancellationToken,
    end: watch::Receiver<Option<ChainEnd>>,
}

/// A transaction that was executed and forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The height of the block that it was executed for: the next.
    pub height: u64,
    /// What it would have done in this block.
    pub receipt: Receipt,
}

/// Why a chain does not run.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The data belong to another chain.
    #[error("the data were made with another genesis: {difference}")]
    OtherGenesis {
        /// How the genesis in them differs from the one given.
        difference: String,
    },
    /// The data belong to a chain whose calls have other results.
    #[error("the data were made with the execution profile {kept}, and this node has {ours}")]
    OtherProfile {
        /// The profile of the chain, as 64 hexadecimal digits.
        kept: String,
        /// The node's profile.
        ours: String,
    },
    /// The genesis in the data cannot be read.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Contracts of the genesis can't be used.
    #[error("{} of {total} contracts of the genesis cannot be used:\n{}", .errors.len(), list(.errors))]
    Contracts {
        /// How many contracts the genesis has.
        total: usize,
        /// Each that can't be used, and why.
        errors: Vec<Arc<ContractError>>,
    },
    /// The contracts are too large together.
    #[error("the contracts of the genesis have {size_bytes} bytes, over the limit of {max} (`genesis_size_bytes_max`)")]
    TooLarge {
        /// Their size.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The genesis block cannot be made.
    #[error("the genesis block cannot be made: {0}")]
    GenesisBlock(String),
    /// The data cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// This machine failed.
    #[error(transparent)]
    Node(#[from] NodeFault),
}

impl Ledger {
    /// Starts a chain, or goes on with it. An empty storage is filled with the genesis block, all or nothing, for which
    /// the registry must have its contracts; a storage that has a chain needs no registry.
    ///
    /// The threads of the runtime should have [`THREAD_STACK_SIZE_BYTES`].
    ///
    /// # Errors
    /// If a contract of the genesis can't be used, or the storage has another chain.
    pub async fn start(parts: Parts) -> Result<Self, ChainError> {
        let chain = parts.genesis.chain_id.clone();
        let constants = Constants { chain, profile: parts.engine.profile().id() };
        match parts.storage.snapshot().genesis()? {
            Some(kept) => check_same(&parts, &constants, &kept)?,
            None => establish(&parts, &constants).await?,
        }
        warn_of_future(&parts.genesis, parts.clock.now_ms());
        let production = Production {
            constants: constants.clone(),
            genesis: parts.genesis.clone(),
            storage: Arc::clone(&parts.storage),
            executor: Arc::clone(&parts.executor),
            submitters: Arc::default(),
        };
        let submitters = Arc::clone(&production.submitters);
        let stop = CancellationToken::new();
        let next_height = tip(&*parts.storage.snapshot())?.moment.height.saturating_add(1);
        let decisions = parts.sequencer.decisions(next_height);
        let end = run(production, decisions, stop.clone())?;
        Ok(Self { parts, constants, submitters, stop, end })
    }

    /// What the chain began with.
    pub fn genesis(&self) -> &Genesis {
        &self.parts.genesis
    }

    /// Submits a transaction and waits until it is in a block that no crash can take away. One that fails while it runs
    /// is in a block too. A transaction that is sent again while it waits is the same transaction.
    ///
    /// # Errors
    /// If it is in no block.
    pub async fn submit(&self, transaction: Transaction) -> Result<Committed, SubmitError> {
        self.check(&transaction).await?;
        let proposal = self.resolved(transaction).await?;
        self.check_imports(&proposal).await?;
        self.propose(proposal).await
    }

    /// Makes a contract part of the chain, with a transaction of this node's own.
    ///
    /// # Errors
    /// If the contract cannot be resolved, or the transaction is in no block.
    pub async fn deploy(&self, contract: ComponentHash, gas_limit_max: Option<u64>) -> Result<Committed, SubmitError> {
        let height = tip(&*self.parts.storage.snapshot())?.moment.height;
        let transaction = Transaction {
            chain: self.constants.chain.clone(),
            // A contract is deployed once, so there are no two transactions to be told apart.
            nonce: 0,
            valid_from: 0,
            valid_until: height.saturating_add(self.parts.limits.deployment_blocks_max),
            inputs: Vec::new(),
            references: Vec::new(),
            call: RootCall::Deploy { contract, gas_limit_max },
            arguments: Vec::new(),
            gas_limit: self.parts.engine.profile().gas_limit_max,
        };
        self.submit(transaction).await
    }

    /// Executes a transaction, or the beginning of one, on the latest state as if it were alone in the next block, and changes
    /// nothing.
    ///
    /// # Errors
    /// If it cannot be in that block, or this machine fails.
    pub async fn simulate(&self, transaction: Transaction, extent: Extent) -> Result<Simulated, SubmitError> {
        let snapshot = self.parts.storage.snapshot();
        let moment = self.next_moment(&*snapshot)?;
        let proposal = self.resolved(transaction).await?;
        let constants = self.constants.clone();
        if proposal.deployment.is_some() {
            let executor = Arc::clone(&self.parts.executor);
            return blocking(move || {
                let executed = executor.execute(&proposal, &moment, &*snapshot, &mut FreshContracts::new())?;
                simulated(&*snapshot, constants, moment, proposal, executed)
            })
            .await?;
        }
        let (transaction, state) = (proposal.transaction.clone(), Arc::clone(&snapshot));
        let contracts = Arc::new(DeployedContracts(Arc::clone(&self.parts.contracts)));
        let executed = match self.parts.engine.simulate(transaction, extent, moment, state, contracts).await? {
            Verdict::Invalid(reason) => Executed::Invalid(reason),
            Verdict::Executed(execution) => Executed::Call(execution),
        };
        blocking(move || simulated(&*snapshot, constants, moment, proposal, executed)).await?
    }

    /// Reads what the chain is after its latest block; `read` runs on a thread that may block.
    ///
    /// # Errors
    /// If this machine fails; what `read` gives is given as it is.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Snapshot) -> T + Send + 'static,
    ) -> Result<T, NodeFault> {
        let snapshot = self.parts.storage.snapshot();
        blocking(move || read(&*snapshot)).await
    }

    /// The header of the latest block.
    ///
    /// # Errors
    /// If this machine fails.
    pub fn tip(&self) -> Result<Header, NodeFault> {
        tip(&*self.parts.storage.snapshot())
    }

    /// Waits until no further block can be made, and tells why.
    pub async fn ended(&self) -> ChainEnd {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        ended.ok().and_then(|end| end.clone()).unwrap_or(ChainEnd::Defect)
    }

    /// Takes no more transactions, finishes the block that is being made, and waits for that.
    pub async fn stop(&self) -> ChainEnd {
        self.stop.cancel();
        self.ended().await
    }

    /// Refuses what cannot be in the next block, without costing one.
    async fn check(&self, transaction: &Transaction) -> Result<(), SubmitError> {
        let (executor, transaction) = (Arc::clone(&self.parts.executor), transaction.clone());
        let snapshot = self.parts.storage.snapshot();
        let moment = self.next_moment(&*snapshot)?;
        let checked = blocking(move || executor.check(&transaction, &moment, &*snapshot)).await??;
        checked.map_or(Ok(()), |invalid| Err(SubmitError::Invalid(invalid)))
    }

    /// As [`Ledger::check`]: what a deployment imports must be deployed before it.
    async fn check_imports(&self, proposal: &Proposal) -> Result<(), SubmitError> {
        let Some(deployment) = proposal.deployment.clone() else { return Ok(()) };
        let (snapshot, contract) = (self.parts.storage.snapshot(), deployment.contract);
        let checked = blocking(move || objection_to_imports(&deployment, &*snapshot)).await?;
        let unreadable = |error| NodeFault::new("the chain's state cannot be read", error);
        let objection = checked.map_err(unreadable)?;
        objection.map_or(Ok(()), |reason| Err(Invalid::Deployment { contract, reason }.into()))
    }

    /// A transaction with what it deploys, from the registry.
    async fn resolved(&self, transaction: Transaction) -> Result<Proposal, SubmitError> {
        let contract = match &transaction.call {
            RootCall::Deploy { contract, .. } => *contract,
            RootCall::Function { .. } | RootCall::Main { .. } | RootCall::Method { .. } | RootCall::Calls(_) => {
                return Ok(Proposal { transaction, deployment: None });
            }
        };
        let fetched = self.parts.contracts.fetch_deployment(contract).await;
        Ok(Proposal { transaction, deployment: Some(fetched.map_err(SubmitError::Contract)?) })
    }

    async fn propose(&self, proposal: Proposal) -> Result<Committed, SubmitError> {
        let id = proposal.transaction.id();
        let (answer, is_first) = self.submitters.wait(id);
        if is_first && let Err(error) = self.parts.sequencer.propose(proposal) {
            self.submitters.answer(&id, &Err(error.into()));
        }
        // The chain may have ended before it could be told of this one.
        if let Some(end) = &*self.end.borrow() {
            self.submitters.answer(&id, &stopped(end));
        }
        answer.await.unwrap_or_else(|_| stopped(&ChainEnd::Defect))
    }

    /// The moment that the next block would have now.
    fn next_moment(&self, snapshot: &dyn Snapshot) -> Result<Moment, SubmitError> {
        Ok(next_moment(&self.parts.genesis, Some(&tip(snapshot)?), self.parts.clock.now_ms()))
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Time never goes back, so nothing moves on before the genesis.
fn warn_of_future(genesis: &Genesis, now_ms: u64) {
    let ahead_ms = genesis.time_ms.saturating_sub(now_ms);
    if ahead_ms > 0 {
        warn!(
            ahead_ms,
            "the genesis time is {} seconds in the future: until then all blocks have that time, and slot 0",
            ahead_ms.div_ceil(1000)
        );
    }
}

fn tip(snapshot: &dyn Snapshot) -> Result<Header, NodeFault> {
    let unreadable = "the chain's state cannot be read";
    let tip = snapshot.tip().map_err(|error| NodeFault::new(unreadable, error))?;
    tip.ok_or_else(|| NodeFault::new(unreadable, "there is no block"))
}

/// Makes blocks on a thread of their own until the chain is stopped; the receiver tells when and why it ended.
fn run(
    production: Production,
    decisions: BoxStream<'static, Decision>,
    stop: CancellationToken,
) -> Result<watch::Receiver<Option<ChainEnd>>, NodeFault> {
    let runtime = Handle::current();
    let (sender, receiver) = watch::channel(None);
    let work = move || {
        let end = catch_unwind(AssertUnwindSafe(|| production.run(&runtime, decisions, &stop)));
        let end = end.unwrap_or(ChainEnd::Defect);
        let answer = stopped(&end);
        // Nothing is kept or locked any more when somebody is told that the chain has ended.
        let submitters = Arc::clone(&production.submitters);
        drop(production);
        sender.send_replace(Some(end));
        submitters.answer_all(&answer);
    };
    let thread = std::thread::Builder::new().name("chain".to_owned()).stack_size(THREAD_STACK_SIZE_BYTES);
    thread.spawn(work).map_err(|error| NodeFault::new("the chain has no thread", error))?;
    Ok(receiver)
}

/// What a transaction that was executed alone would have in its receipt.
fn simulated(
    snapshot: &dyn Snapshot,
    constants: Constants,
    moment: Moment,
    proposal: Proposal,
    executed: Executed,
) -> Result<Simulated, SubmitError> {
    let mut builder = BlockBuilder::begin(snapshot, constants.chain, constants.profile, moment).map_err(fault)?;
    let pushed = match (executed, proposal.deployment) {
        (Executed::Invalid(reason), _) => return Err(SubmitError::Invalid(reason)),
        (Executed::Call(execution), _) => push(&mut builder, proposal.transaction, execution),
        (Executed::Deployment { gas_used, admission }, Some(deployment)) => {
            let deployment = Arc::unwrap_or_clone(deployment);
            builder.push_deployment(proposal.transaction, gas_used, deployment, admission).map(drop)
        }
        (Executed::Deployment { .. }, None) => return Err(missing_deployment().into()),
    };
    pushed.map_err(fault)?;
    let receipt = builder.receipts().last().cloned();
    let lost = || NodeFault::new("a transaction cannot be simulated", "it has no receipt");
    Ok(Simulated { height: moment.height, receipt: receipt.ok_or_else(lost)? })
}

fn check_same(parts: &Parts, constants: &Constants, kept: &[u8]) -> Result<(), ChainError> {
    let kept = Genesis::parse(Path::new("the data directory"), kept)?;
    if let Some(difference) = kept.difference(&parts.genesis) {
        return Err(ChainError::OtherGenesis { difference });
    }
    let tip = parts.storage.snapshot().tip()?;
    match tip.filter(|tip| tip.profile != constants.profile) {
        Some(tip) => Err(ChainError::OtherProfile { kept: tip.profile.0.to_hex(), ours: constants.profile.0.to_hex() }),
        None => Ok(()),
    }
}

/// Fetches, verifies and compiles the contracts of the genesis; makes and keeps its block if all can be used.
async fn establish(parts: &Parts, constants: &Constants) -> Result<(), ChainError> {
    let deployments = fetch_all(parts).await?;
    let (constants, genesis) = (constants.clone(), parts.genesis.clone());
    let (storage, executor) = (Arc::clone(&parts.storage), Arc::clone(&parts.executor));
    let gas_limit = parts.engine.profile().gas_limit_max;
    blocking(move || {
        let snapshot = storage.snapshot();
        let block = genesis_block(&*snapshot, &constants, &*executor, &genesis, gas_limit, &deployments)?;
        storage.begin(&genesis.to_json(), &block)?;
        info!(chain = %genesis.chain_id, "the chain `{}` begins with block {}", genesis.chain_id, block.id());
        Ok(())
    })
    .await?
}

async fn fetch_all(parts: &Parts) -> Result<BTreeMap<ComponentHash, Arc<Deployment>>, ChainError> {
    let max = parts.limits.genesis_size_bytes_max;
    let fetches = stream::iter(parts.genesis.contracts.keys().copied())
        .map(|hash| parts.contracts.fetch_deployment(hash))
        .buffered(parts.limits.concurrent_loads_max);
    let mut fetches = std::pin::pin!(fetches);
    let (mut deployments, mut errors, mut size_bytes) = (BTreeMap::new(), Vec::new(), 0);
    while let Some(fetched) = fetches.next().await {
        match fetched {
            Ok(deployment) => {
                info!(contract = %deployment.contract, "fetched and verified {}", deployment.contract);
                size_bytes += deployment.component.len();
                deployments.insert(deployment.contract, deployment);
            }
            Err(error) => errors.push(error),
        }
        if size_bytes > max {
            return Err(ChainError::TooLarge { size_bytes, max });
        }
    }
    if errors.is_empty() {
        return Ok(deployments);
    }
    Err(ChainError::Contracts { total: parts.genesis.contracts.len(), errors })
}

impl From<EstablishError> for ChainError {
    fn from(error: EstablishError) -> Self {
        match error {
            EstablishError::Block(BlockFault::Execution(fault)) => Self::Node(fault),
            EstablishError::Block(BlockFault::Seal(SealError::State(error))) => Self::State(error),
            error => Self::GenesisBlock(with_causes(&error)),
        }
    }
}

fn stopped(end: &ChainEnd) -> Answer {
    let reason = match end {
        // Where the data are is the operator's business.
        ChainEnd::StorageFailed(_) => "its data failed".to_owned(),
        end => end.to_string(),
    };
    Err(SubmitError::Stopped { reason })
}

fn fault(error: SealError) -> SubmitError {
    SubmitError::Fault { message: with_causes(&error) }
}

fn list(errors: &[Arc<ContractError>]) -> String {
    errors.iter().map(|error| format!("  {}", with_causes(error))).collect::<Vec<_>>().join("\n")
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, NodeFault> {
    let defect = |error| NodeFault::new("the node's own work ended in a defect", error);
    tokio::task::spawn_blocking(work).await.map_err(defect)
}
