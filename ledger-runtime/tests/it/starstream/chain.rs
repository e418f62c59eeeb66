//! A chain that a test drives by hand: the real executor, the real rule for blocks and the real database, with the
//! moment of each block as the test wants it.

use super::contract::Contract;
use super::expectations::ChainMoment;
use super::steps::{Answer, Chain, GAS_LIMIT};
use ledger_core::{
    Admission, BlockBuilder, Call, ChainId, ContractCounters, ContractRecord, Deployment, ExternalId, Header, Input,
    Moment, RootCall, Transaction, UtxoStatus, Verdict,
};
use ledger_runtime::admission::coroutine::host_interface_id;
use ledger_runtime::admission::{AdmissionError, Executable, Imports};
use ledger_runtime::execution::{ContractProvider, Executor, Extent, NodeFault};
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::store::{RedbStorage, Snapshot, Storage};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, UtxoId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

/// Executes; all chains of the tests share one, because each reserves its own address space.
pub(crate) struct Machine {
    pub(crate) executor: Executor,
    compiled: Mutex<HashMap<ComponentHash, Arc<Executable>>>,
}

impl Machine {
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Machine>> = LazyLock::new(|| Arc::new(Machine::new()));
        Arc::clone(&SHARED)
    }

    pub(crate) fn new() -> Self {
        Self::with(ExecutionProfile::default())
    }

    pub(crate) fn with(profile: ExecutionProfile) -> Self {
        let executor = Executor::new(profile, &Limits::default()).unwrap();
        Self { executor, compiled: Mutex::default() }
    }

    pub(crate) fn admit(&self, contract: &Contract) -> Result<Arc<Executable>, AdmissionError> {
        let mut compiled = self.compiled.lock().unwrap();
        if let Some(known) = compiled.get(&contract.hash) {
            return Ok(Arc::clone(known));
        }
        let imports: Imports = contract.external_ids().into_iter().map(|id| (id, named(&compiled, &id))).collect();
        let (engine, profile) = (self.executor.engine(), self.executor.profile());
        let made = Arc::new(Executable::admit(engine, profile, &contract.component, &contract.bytes, &imports)?);
        compiled.insert(contract.hash, Arc::clone(&made));
        Ok(made)
    }

    /// The contracts that one imports, as its deployment tells of them.
    fn imports(&self, contract: &Contract) -> BTreeMap<String, ComponentHash> {
        let compiled = self.compiled.lock().unwrap();
        contract.external_ids().into_iter().map(|id| (id.to_string(), *named(&compiled, &id).hash())).collect()
    }
}

/// The contract that another one names, which was admitted before.
fn named(compiled: &HashMap<ComponentHash, Arc<Executable>>, id: &ExternalId) -> Arc<Executable> {
    let is_named = |contract: &&Arc<Executable>| match id {
        ExternalId::Contract(hash) => contract.hash() == hash,
        ExternalId::Sha256(digest) => contract.sha256() == digest,
    };
    compiled.values().find(is_named).cloned().unwrap_or_else(|| panic!("{id} is not admitted"))
}

impl ContractProvider for Machine {
    fn contract(&self, hash: &ComponentHash) -> Result<Option<Arc<Executable>>, NodeFault> {
        Ok(self.compiled.lock().unwrap().get(hash).cloned())
    }
}

pub(crate) struct TestChain {
    id: ChainId,
    machine: Arc<Machine>,
    storage: RedbStorage,
    nonce: u64,
    calls: Vec<Call>,
    _folder: Option<tempfile::TempDir>,
}

impl TestChain {
    /// The moment that the data set has by default.
    pub(crate) const MOMENT: ChainMoment = ChainMoment { block_height: 1_000, slot: 20_000 };

    /// A chain on which these contracts are deployed.
    pub(crate) fn with(contracts: &[&Contract]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = RedbStorage::open(folder.path(), &Limits::default()).unwrap();
        Self::new(Machine::shared(), storage, Some(folder), contracts)
    }

    /// The same in memory, for tests that make very many chains.
    pub(crate) fn in_memory(contracts: &[&Contract]) -> Self {
        Self::on(Machine::shared(), contracts)
    }

    /// The same on a machine of its own.
    pub(crate) fn on(machine: Arc<Machine>, contracts: &[&Contract]) -> Self {
        Self::new(machine, RedbStorage::in_memory(&Limits::default()).unwrap(), None, contracts)
    }

    fn new(
        machine: Arc<Machine>,
        storage: RedbStorage,
        folder: Option<tempfile::TempDir>,
        contracts: &[&Contract],
    ) -> Self {
        let id: ChainId = "test".parse().unwrap();
        let chain = Self { id, machine, storage, nonce: 0, calls: Vec::new(), _folder: folder };
        chain.begin(contracts);
        chain
    }

    pub(crate) fn admit(contract: &Contract) -> Result<Arc<Executable>, AdmissionError> {
        Machine::shared().admit(contract)
    }

    /// A transaction that is like no other.
    pub(crate) fn transaction(&mut self, call: RootCall, inputs: Vec<Input>, arguments: Vec<u8>) -> Transaction {
        self.nonce += 1;
        Transaction {
            chain: self.id.clone(),
            nonce: self.nonce,
            valid_from: 0,
            valid_until: u64::MAX,
            inputs,
            references: Vec::new(),
            call,
            arguments,
            gas_limit: GAS_LIMIT,
        }
    }

    /// Puts one transaction into a block of its own.
    pub(crate) fn submit(&mut self, transaction: Transaction, moment: ChainMoment) -> Answer {
        self.block(vec![transaction], moment).remove(0)
    }

    pub(crate) fn tip(&self) -> Header {
        self.storage.snapshot().tip().unwrap().unwrap()
    }

    /// Checks everything that is on disk, as `ledger check` does.
    pub(crate) fn check(self) {
        let report = self.storage.check(&Limits::default().of_components(&ExecutionProfile::default()), &mut |_| {});
        let report = report.unwrap();
        assert!(report.differences.is_empty(), "{report:?}");
    }

    /// What the executor says of a transaction on the chain as it is. Nothing is kept.
    pub(crate) fn execute(&self, transaction: &Transaction, moment: ChainMoment) -> Verdict {
        self.execute_with(&self.machine, transaction, moment)
    }

    /// The same as somebody finds it out who only asks: beside others, on a thread of its own.
    pub(crate) async fn simulate(&self, transaction: &Transaction, moment: ChainMoment) -> Verdict {
        let (state, machine) = (self.storage.snapshot(), Arc::clone(&self.machine));
        self.machine
            .executor
            .simulate(transaction.clone(), Extent::Whole, as_moment(moment), state, machine)
            .await
            .unwrap()
    }

    /// The same by another machine.
    pub(crate) fn execute_with(
        &self,
        machine: &Arc<Machine>,
        transaction: &Transaction,
        moment: ChainMoment,
    ) -> Verdict {
        let contracts = Arc::clone(machine);
        machine.executor.execute(transaction, &as_moment(moment), &*self.storage.snapshot(), contracts).unwrap()
    }

    /// The genesis.
    fn begin(&self, contracts: &[&Contract]) {
        let snapshot = self.storage.snapshot();
        let mut builder = self.builder(&*snapshot);
        for (nonce, contract) in (0..).zip(contracts) {
            self.machine.admit(contract).unwrap();
            let transaction = Transaction {
                chain: self.id.clone(),
                nonce,
                valid_from: 0,
                valid_until: 0,
                inputs: Vec::new(),
                references: Vec::new(),
                call: RootCall::Deploy { contract: contract.hash, gas_limit_max: None },
                arguments: Vec::new(),
                gas_limit: GAS_LIMIT,
            };
            let deployment = Deployment {
                contract: contract.hash,
                component: contract.bytes.clone(),
                packages: Vec::new(),
                imports: self.machine.imports(contract),
            };
            let admission =
                Admission { view: contract.component.view_id(), host_interface: host_interface_id().unwrap() };
            builder.push_deployment(transaction, 0, deployment, admission).unwrap();
        }
        self.storage.begin(b"test", &builder.seal().unwrap()).unwrap();
    }

    fn builder<'a>(&self, snapshot: &'a dyn Snapshot) -> BlockBuilder<'a> {
        let height = snapshot.tip().unwrap().map_or(0, |tip| tip.moment.height + 1);
        let moment = Moment { height, slot: height, time_ms: height };
        BlockBuilder::begin(snapshot, self.id.clone(), self.machine.executor.profile().id(), moment).unwrap()
    }
}

impl Chain for TestChain {
    fn id(&self) -> &ChainId {
        &self.id
    }

    fn block(&mut self, transactions: Vec<Transaction>, moment: ChainMoment) -> Vec<Answer> {
        let snapshot = self.storage.snapshot();
        let (mut builder, mut answers, mut calls) = (self.builder(&*snapshot), Vec::new(), Vec::new());
        for transaction in transactions {
            // The height that contracts see is the test's; blocks must follow each other.
            let (executor, machine) = (&self.machine.executor, Arc::clone(&self.machine));
            let verdict = executor.execute(&transaction, &as_moment(moment), builder.state(), machine).unwrap();
            answers.push(match verdict {
                Verdict::Invalid(reason) => Answer::Invalid(reason),
                Verdict::Executed(execution) => {
                    calls.extend(execution.calls.iter().cloned());
                    Answer::Executed(Box::new(builder.push(transaction, execution).unwrap().clone()))
                }
            });
        }
        if answers.iter().any(|answer| matches!(answer, Answer::Executed(_))) {
            self.storage.commit(&builder.seal().unwrap()).unwrap();
        }
        self.calls = calls;
        answers
    }

    fn utxo(&self, id: &UtxoId) -> Option<UtxoStatus> {
        self.storage.snapshot().utxo(id).unwrap()
    }

    fn contract(&self, contract: &ComponentHash) -> Option<(ContractRecord, ContractCounters)> {
        self.storage.snapshot().contract(contract).unwrap()
    }

    fn calls(&self) -> Option<&[Call]> {
        Some(&self.calls)
    }

    fn state_root(&self) -> Digest {
        self.tip().new_root
    }
}

fn as_moment(moment: ChainMoment) -> Moment {
    Moment { height: moment.block_height, slot: moment.slot, time_ms: 0 }
}
