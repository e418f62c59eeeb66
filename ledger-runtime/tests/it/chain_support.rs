//! Chains without a network, and transactions for the counter of the Starstream contracts.

use crate::support::{LocalSource, limits};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ledger_core::{
    Block, CallRow, Canonical, ChainId, ContractCounters, ContractRecord, Header, Input, Invalid, Moment, Outcome,
    Receipt, RootCall, SealedBlock, State, StateError, Transaction, Tree, Utxo, UtxoStatus,
};
use ledger_runtime::chain::{
    BlockProduction, ChainError, Decision, Executed, FreshContracts, Ledger, NodeExecutor, Parts, Proposal,
    ProposeError, Sequencer, SoloSequencer, SystemClock, TransactionExecutor,
};
use ledger_runtime::compiled::CompiledCache;
use ledger_runtime::contracts::Contracts;
use ledger_runtime::execution::{Executor, NodeFault};
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::source::ContractSource;
use ledger_runtime::store::{
    RedbStorage, Snapshot, Storage, StorageError, TokenPage, TokenStatus, TransactionPlace, UtxoPage,
};
use registry_client::FetchedComponent;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use registry_core::limits::Limits as CoreLimits;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};

/// The component of one of the Starstream contracts.
pub(crate) fn starstream(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/starstream").join(name).join("component.wasm");
    std::fs::read(path).unwrap()
}

/// A source with the counter among others.
pub(crate) fn source() -> (Arc<LocalSource>, ComponentHash) {
    let source = LocalSource::with_examples();
    let counter = source.add(starstream("counter"));
    (Arc::new(source), counter)
}

/// A transaction for the chain `test` that is like no other.
pub(crate) fn transaction(call: RootCall, inputs: Vec<Input>, arguments: &[u8]) -> Transaction {
    static NONCE: AtomicU64 = AtomicU64::new(1);
    Transaction {
        chain: "test".parse::<ChainId>().unwrap(),
        nonce: NONCE.fetch_add(1, Ordering::Relaxed),
        valid_from: 0,
        valid_until: u64::MAX,
        inputs,
        references: Vec::new(),
        call,
        arguments: arguments.to_vec(),
        gas_limit: 1_000_000,
    }
}

/// Creates a counter with the script that does it; `first` must be below 64, so that it is one byte.
pub(crate) fn create(counter: ComponentHash, first: u8) -> Transaction {
    transaction(RootCall::Function { contract: counter, function: "create".to_owned() }, Vec::new(), &[first])
}

/// Calls a method of a counter.
pub(crate) fn method(utxo: UtxoId, version: Option<u64>, method: &str, arguments: &[u8]) -> Transaction {
    let call = RootCall::Method { utxo, method: method.to_owned() };
    transaction(call, vec![Input { utxo, version }], arguments)
}

/// Adds to a counter of this version.
pub(crate) fn bump(utxo: UtxoId, version: Option<u64>, by: u8) -> Transaction {
    method(utxo, version, "bump", &[by])
}

/// How a chain in a test is set up.
pub(crate) struct Setup {
    pub(crate) data_dir: PathBuf,
    pub(crate) genesis: Genesis,
    pub(crate) source: Arc<dyn ContractSource>,
    pub(crate) limits: Limits,
}

impl Setup {
    pub(crate) fn new(data_dir: &Path, genesis: Genesis, source: Arc<dyn ContractSource>) -> Self {
        Self { data_dir: data_dir.to_owned(), genesis, source, limits: limits() }
    }

    /// A chain that makes a block as soon as something waits.
    pub(crate) async fn start(self) -> Result<Ledger, ChainError> {
        self.producing(BlockProduction::Instant).await
    }

    pub(crate) async fn producing(self, production: BlockProduction) -> Result<Ledger, ChainError> {
        let sequencer = SoloSequencer::new(production, Arc::new(SystemClock), &self.limits);
        self.ordered_by(Arc::new(sequencer)).await
    }

    pub(crate) async fn ordered_by(self, sequencer: Arc<dyn Sequencer>) -> Result<Ledger, ChainError> {
        Ledger::start(self.parts(sequencer)?).await
    }

    /// What the chain is put together from, so that a test can exchange a part.
    pub(crate) fn parts(self, sequencer: Arc<dyn Sequencer>) -> Result<Parts, ChainError> {
        let Self { data_dir, genesis, source, limits } = self;
        let storage: Arc<dyn Storage> = Arc::new(RedbStorage::open(&data_dir, &limits)?);
        let engine = Arc::new(Executor::new(genesis.profile(), &limits).unwrap());
        let compiled = CompiledCache::open(engine.engine().clone(), &data_dir, limits.compiled_disk_size_bytes_max);
        let contracts = Contracts::new(Arc::clone(&engine), compiled, Arc::clone(&storage), source, &limits);
        let contracts = Arc::new(contracts);
        let executor = NodeExecutor::new(genesis.chain_id.clone(), Arc::clone(&engine), Arc::clone(&contracts));
        let executor = Arc::new(executor);
        let clock = Arc::new(SystemClock);
        Ok(Parts { genesis, storage, engine, contracts, executor, sequencer, clock, limits })
    }
}

/// Decides what the test says, when it says so: what stands in the place of a consensus engine.
pub(crate) struct ManualSequencer {
    proposals: Mutex<Vec<Proposal>>,
    arrived: Notify,
    decide: mpsc::UnboundedSender<Decision>,
    decisions: Mutex<Option<mpsc::UnboundedReceiver<Decision>>>,
}

impl ManualSequencer {
    pub(crate) fn new() -> Arc<Self> {
        let (decide, decisions) = mpsc::unbounded_channel();
        let decisions = Mutex::new(Some(decisions));
        Arc::new(Self { proposals: Mutex::default(), arrived: Notify::new(), decide, decisions })
    }

    /// Waits for `count` proposals and takes them.
    pub(crate) async fn proposals(&self, count: usize) -> Vec<Proposal> {
        loop {
            {
                let mut proposals = self.proposals.lock().unwrap();
                if proposals.len() >= count {
                    return proposals.drain(..).collect();
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Decides as a sequencer of several nodes does.
    pub(crate) fn decide(&self, time_ms: u64, proposals: Vec<Proposal>) {
        self.decide.send(Decision { time_ms, proposals, may_leave_out: false }).unwrap();
    }

    /// Decides as a sequencer of this node alone does.
    pub(crate) fn decide_alone(&self, time_ms: u64, proposals: Vec<Proposal>) {
        self.decide.send(Decision { time_ms, proposals, may_leave_out: true }).unwrap();
    }
}

impl Sequencer for ManualSequencer {
    fn propose(&self, proposal: Proposal) -> Result<(), ProposeError> {
        self.proposals.lock().unwrap().push(proposal);
        self.arrived.notify_one();
        Ok(())
    }

    fn decisions(&self, _height: u64) -> BoxStream<'static, Decision> {
        let decisions = self.decisions.lock().unwrap().take().unwrap();
        stream::unfold(decisions, |mut decisions| async { decisions.recv().await.map(|next| (next, decisions)) })
            .boxed()
    }
}

/// A machine that fails at a transaction of this nonce, as one without memory would.
pub(crate) struct FailingExecutor {
    pub(crate) executor: Arc<dyn TransactionExecutor>,
    pub(crate) nonce: u64,
}

impl TransactionExecutor for FailingExecutor {
    fn check(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, NodeFault> {
        self.executor.check(transaction, moment, state)
    }

    fn execute(
        &self,
        proposal: &Proposal,
        moment: &Moment,
        state: &dyn State,
        fresh: &mut FreshContracts,
    ) -> Result<Executed, NodeFault> {
        if proposal.transaction.nonce == self.nonce {
            return Err(NodeFault::new("there is no memory", "none at all"));
        }
        self.executor.execute(proposal, moment, state, fresh)
    }
}

/// An executor that says of the transaction of this nonce that it gave more than a receipt can have.
pub(crate) struct LavishExecutor {
    pub(crate) executor: Arc<dyn TransactionExecutor>,
    pub(crate) nonce: u64,
}

impl TransactionExecutor for LavishExecutor {
    fn check(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, NodeFault> {
        self.executor.check(transaction, moment, state)
    }

    fn execute(
        &self,
        proposal: &Proposal,
        moment: &Moment,
        state: &dyn State,
        fresh: &mut FreshContracts,
    ) -> Result<Executed, NodeFault> {
        let executed = self.executor.execute(proposal, moment, state, fresh)?;
        let Executed::Call(mut execution) = executed else { return Ok(executed) };
        if let (true, Outcome::Succeeded(effects)) = (proposal.transaction.nonce == self.nonce, &mut execution.outcome)
        {
            effects.result = vec![0; Receipt::SIZE_BYTES_MAX];
        }
        Ok(Executed::Call(execution))
    }
}

/// A storage whose disk fails at a height.
pub(crate) struct FailingStorage {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) height: u64,
}

impl Storage for FailingStorage {
    fn begin(&self, genesis: &[u8], block: &SealedBlock) -> Result<(), StorageError> {
        self.storage.begin(genesis, block)
    }

    fn commit(&self, block: &SealedBlock) -> Result<(), StorageError> {
        if block.header().moment.height == self.height {
            let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(StorageError::Database { path: "ledger.redb".into(), error: Box::new(error.into()) });
        }
        self.storage.commit(block)
    }

    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.storage.snapshot()
    }
}

/// What a [`Tampered`] chain tells instead of what is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lie {
    /// A receipt with other gas.
    Receipt,
    /// A row of the call table with other gas.
    Call,
    /// A header with another root.
    Root,
    /// A header with another time.
    Time,
    /// A transaction with other arguments.
    Transaction,
    /// A transaction left out.
    Omission,
    /// A UTXO with another version.
    State,
    /// A deployment that imports this contract in the place of every other.
    Imports(ComponentHash),
}

/// A chain of which one thing is told wrongly: that of the last block.
pub(crate) struct Tampered {
    pub(crate) chain: Arc<dyn Snapshot>,
    pub(crate) lie: Lie,
}

impl Tampered {
    fn is_told(&self, height: u64) -> bool {
        self.chain.tip().unwrap().unwrap().moment.height == height
    }
}

impl State for Tampered {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        self.chain.tip()
    }

    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        self.chain.utxo(id)
    }

    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        self.chain.contract(contract)
    }

    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError> {
        self.chain.transaction_height(transaction)
    }

    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        self.chain.node(tree, level, index)
    }
}

impl Snapshot for Tampered {
    fn genesis(&self) -> Result<Option<Vec<u8>>, StorageError> {
        self.chain.genesis()
    }

    fn header(&self, height: u64) -> Result<Option<Header>, StorageError> {
        self.chain.header(height)
    }

    fn block(&self, height: u64) -> Result<Option<Block>, StorageError> {
        let mut block = self.chain.block(height)?.unwrap();
        if self.is_told(height) {
            match self.lie {
                Lie::Root => block.header.new_root = Digest::ZERO,
                Lie::Time => block.header.moment.time_ms += 1_000_000,
                Lie::Transaction => block.transactions[0].arguments = vec![9],
                Lie::Omission => drop(block.transactions.pop()),
                Lie::Imports(contract) => {
                    let imports = block.deployments.iter_mut().flat_map(|deployment| deployment.imports.values_mut());
                    imports.for_each(|import| *import = contract);
                }
                Lie::Receipt | Lie::Call | Lie::State => {}
            }
        }
        Ok(Some(block))
    }

    fn receipts(&self, height: u64) -> Result<Option<Vec<Receipt>>, StorageError> {
        let mut receipts = self.chain.receipts(height)?.unwrap();
        if self.is_told(height) && self.lie == Lie::Receipt {
            receipts[0].gas_used += 1;
        }
        Ok(Some(receipts))
    }

    fn calls(&self, height: u64) -> Result<Option<Vec<CallRow>>, StorageError> {
        let mut calls = self.chain.calls(height)?.unwrap();
        if self.is_told(height) && self.lie == Lie::Call {
            calls[0].gas += 1;
        }
        Ok(Some(calls))
    }

    fn place(&self, transaction: &TransactionId) -> Result<Option<TransactionPlace>, StorageError> {
        self.chain.place(transaction)
    }

    fn transaction(&self, place: TransactionPlace) -> Result<Option<(Transaction, Receipt)>, StorageError> {
        self.chain.transaction(place)
    }

    fn compared_utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StorageError> {
        self.chain.compared_utxo(id)
    }

    fn utxo_by_serial(&self, contract: &ComponentHash, serial: u64) -> Result<Option<UtxoId>, StorageError> {
        self.chain.utxo_by_serial(contract, serial)
    }

    fn utxos(
        &self,
        contract: Option<&ComponentHash>,
        after: Option<(ComponentHash, u64)>,
        limit: usize,
    ) -> Result<UtxoPage, StorageError> {
        let mut page = self.chain.utxos(contract, after, limit)?;
        if self.lie == Lie::State {
            page.utxos.iter_mut().for_each(|utxo: &mut Utxo| utxo.version += 1);
        }
        Ok(page)
    }

    fn token(&self, id: &TokenId) -> Result<Option<TokenStatus>, StorageError> {
        self.chain.token(id)
    }

    fn tokens(
        &self,
        contract: Option<&ComponentHash>,
        type_name: Option<&str>,
        after: Option<&TokenId>,
        limit: usize,
    ) -> Result<TokenPage, StorageError> {
        self.chain.tokens(contract, type_name, after, limit)
    }

    fn contracts(
        &self,
        after: Option<ComponentHash>,
        limit: usize,
    ) -> Result<Vec<(ContractRecord, ContractCounters)>, StorageError> {
        self.chain.contracts(after, limit)
    }

    fn contract_by_sha256(&self, sha256: &[u8; 32]) -> Result<Option<ComponentHash>, StorageError> {
        self.chain.contract_by_sha256(sha256)
    }

    fn component(
        &self,
        contract: &ComponentHash,
        limits: &CoreLimits,
    ) -> Result<Option<FetchedComponent>, StorageError> {
        self.chain.component(contract, limits)
    }
}
