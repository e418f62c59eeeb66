//! A chain in memory with some contracts, on which each transaction is a block of its own.

use crate::support::{Machine, chain as causes, verified};
use ledger_core::{
    Admission, BlockBuilder, Call, CallEnd, CallRow, Deployment, Effects, Execution, ExternalId, Failure,
    HostInterfaceId, Input, Invalid, MemoryState, Moment, ObjectId, Outcome, ProfileId, Receipt, RootCall, State,
    Transaction, Utxo, UtxoStatus, Verdict,
};
use ledger_runtime::admission::{Executable, Imports, external_ids};
use ledger_runtime::execution::{ContractProvider, NodeFault};
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::{Reader, Writer};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, UtxoId};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) const GAS_LIMIT: u64 = 100_000_000;

/// A contract of the data set.
pub(crate) fn starstream(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/starstream");
    std::fs::read(folder.join(name).join("component.wasm")).unwrap()
}

/// Contracts that are deployed, by hash.
#[derive(Default, Clone)]
pub(crate) struct Deployed(HashMap<ComponentHash, Arc<Executable>>);

impl ContractProvider for Deployed {
    fn contract(&self, hash: &ComponentHash) -> Result<Option<Arc<Executable>>, NodeFault> {
        Ok(self.0.get(hash).cloned())
    }
}

/// A chain, and the contract that is called.
pub(crate) struct Chain {
    pub(crate) machine: Machine,
    pub(crate) deployed: Deployed,
    pub(crate) state: MemoryState,
    pub(crate) contract: ComponentHash,
    nonce: u64,
}

impl Chain {
    pub(crate) fn with(component: &[u8]) -> Self {
        Self::with_profile(component, ExecutionProfile::default())
    }

    pub(crate) fn with_profile(component: &[u8], profile: ExecutionProfile) -> Self {
        let machine = Machine::with(profile);
        let (deployed, state) = (Deployed::default(), MemoryState::default());
        let contract = ComponentHash::of(component);
        let mut chain = Self { machine, deployed, state, contract, nonce: 0 };
        chain.deploy(component);
        chain
    }

    /// Deploys one more contract, which is called from now on. What it imports must be there.
    pub(crate) fn deploy(&mut self, component: &[u8]) -> ComponentHash {
        let verified = verified(component);
        let ids = external_ids(verified.wit().resolve(), verified.world().unwrap()).unwrap();
        let imports: Imports = ids.into_iter().map(|id| (id, self.imported(&id))).collect();
        let pinned = imports.iter().map(|(id, contract)| (id.to_string(), *contract.hash())).collect();
        let (engine, profile) = (self.machine.executor.engine(), self.machine.executor.profile());
        let executable = Executable::admit(engine, profile, &verified, component, &imports);
        let executable = Arc::new(executable.unwrap_or_else(|error| panic!("{}", causes(&error))));
        let (contract, moment) = (*executable.hash(), self.moment());
        self.contract = contract;
        self.deployed.0.insert(contract, executable);
        let deploy = self.transaction(RootCall::Deploy { contract, gas_limit_max: None }, Vec::new(), &[]);
        let deployment = Deployment { contract, component: component.to_vec(), packages: Vec::new(), imports: pinned };
        let admission = Admission { view: verified.view_id(), host_interface: HostInterfaceId(Digest::ZERO) };
        let state = self.state.clone();
        let mut builder = BlockBuilder::begin(&state, "test".parse().unwrap(), profile_id(), moment).unwrap();
        builder.push_deployment(deploy, 0, deployment, admission).unwrap();
        self.state.apply(&builder.seal().unwrap()).unwrap();
        contract
    }

    fn imported(&self, id: &ExternalId) -> Arc<Executable> {
        let is_meant = |contract: &&Arc<Executable>| match id {
            ExternalId::Contract(hash) => contract.hash() == hash,
            ExternalId::Sha256(digest) => contract.sha256() == digest,
        };
        Arc::clone(self.deployed.0.values().find(is_meant).unwrap())
    }

    pub(crate) fn moment(&self) -> Moment {
        let height = self.state.tip().unwrap().map_or(0, |tip| tip.moment.height + 1);
        Moment { height, slot: 3 * height, time_ms: height }
    }

    pub(crate) fn transaction(&mut self, call: RootCall, arguments: Vec<u8>, inputs: &[UtxoId]) -> Transaction {
        self.nonce += 1;
        let inputs = inputs.iter().map(|utxo| Input { utxo: *utxo, version: None }).collect();
        Transaction {
            chain: "test".parse().unwrap(),
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

    pub(crate) fn function(&mut self, function: &str, arguments: Vec<u8>, inputs: &[UtxoId]) -> Transaction {
        let call = RootCall::Function { contract: self.contract, function: function.to_owned() };
        self.transaction(call, arguments, inputs)
    }

    pub(crate) fn main(&mut self, type_name: &str, main: &str, arguments: Vec<u8>) -> Transaction {
        let (type_name, main) = (type_name.to_owned(), main.to_owned());
        self.transaction(RootCall::Main { contract: self.contract, type_name, main }, arguments, &[])
    }

    pub(crate) fn method(&mut self, utxo: UtxoId, method: &str, arguments: Vec<u8>) -> Transaction {
        self.transaction(RootCall::Method { utxo, method: method.to_owned() }, arguments, &[utxo])
    }

    pub(crate) fn verdict(&self, transaction: &Transaction) -> Verdict {
        self.machine
            .executor
            .execute(transaction, &self.moment(), &self.state, Arc::new(self.deployed.clone()))
            .unwrap()
    }

    pub(crate) fn invalid(&self, transaction: &Transaction) -> Invalid {
        match self.verdict(transaction) {
            Verdict::Invalid(invalid) => invalid,
            Verdict::Executed(execution) => panic!("it was executed: {execution:?}"),
        }
    }

    /// Executes a transaction, and makes it a block of its own.
    pub(crate) fn commit(&mut self, transaction: Transaction) -> (Execution, Receipt) {
        let execution = match self.verdict(&transaction) {
            Verdict::Executed(execution) => execution,
            Verdict::Invalid(invalid) => panic!("{invalid}"),
        };
        let state = self.state.clone();
        let moment = self.moment();
        let mut builder = BlockBuilder::begin(&state, "test".parse().unwrap(), profile_id(), moment).unwrap();
        let receipt = builder.push(transaction, execution.clone()).unwrap().clone();
        self.state.apply(&builder.seal().unwrap()).unwrap();
        (execution, receipt)
    }

    /// Puts several transactions into one block, and gives its call table.
    pub(crate) fn block(&mut self, transactions: Vec<Transaction>) -> Vec<CallRow> {
        let (state, moment) = (self.state.clone(), self.moment());
        let mut builder = BlockBuilder::begin(&state, "test".parse().unwrap(), profile_id(), moment).unwrap();
        for transaction in transactions {
            let (executor, contracts) = (&self.machine.executor, Arc::new(self.deployed.clone()));
            let Verdict::Executed(execution) =
                executor.execute(&transaction, &moment, builder.state(), contracts).unwrap()
            else {
                panic!("it is invalid")
            };
            builder.push(transaction, execution).unwrap();
        }
        let sealed = builder.seal().unwrap();
        self.state.apply(&sealed).unwrap();
        sealed.calls().to_vec()
    }

    pub(crate) fn succeed(&mut self, transaction: Transaction) -> Effects {
        match self.commit(transaction).0.outcome {
            Outcome::Succeeded(effects) => effects,
            Outcome::Failed(failure) => panic!("{failure}"),
        }
    }

    pub(crate) fn fail(&mut self, transaction: Transaction) -> Failure {
        let root = self.state.tip().unwrap().unwrap().new_root;
        let failure = match self.commit(transaction).0.outcome {
            Outcome::Failed(failure) => failure,
            Outcome::Succeeded(effects) => panic!("{effects:?}"),
        };
        assert_eq!(self.state.tip().unwrap().unwrap().new_root, root, "a failed transaction changed something");
        failure
    }

    pub(crate) fn utxo(&self, id: UtxoId) -> Utxo {
        match self.state.utxo(&id).unwrap().unwrap() {
            UtxoStatus::Live(utxo) => utxo,
            UtxoStatus::Consumed { .. } => panic!("{id} is consumed"),
        }
    }
}

fn profile_id() -> ProfileId {
    ExecutionProfile::default().id()
}

pub(crate) fn signed(numbers: &[i64]) -> Vec<u8> {
    let mut writer = Writer::new(1_000);
    numbers.iter().for_each(|number| writer.signed(*number).unwrap());
    writer.into_bytes()
}

pub(crate) fn id(utxo: UtxoId) -> Vec<u8> {
    let mut writer = Writer::new(1_000);
    writer.text(&utxo.to_string()).unwrap();
    writer.into_bytes()
}

pub(crate) fn read_id(bytes: &[u8]) -> UtxoId {
    let mut reader = Reader::new(bytes);
    let id = reader.text().unwrap().parse().unwrap();
    reader.finish().unwrap();
    id
}

/// What must be so in every call table: each call of a UTXO goes on where the one before it stopped.
pub(crate) fn check_states(calls: &[Call]) {
    let mut states: HashMap<ObjectId, Digest> = HashMap::new();
    for call in calls {
        let Some(object) = call.object else { continue };
        if let Some(before) = states.insert(object, call.new_state) {
            assert_eq!(call.old_state, before, "{}", call.function);
        }
        assert_eq!(call.new_state == Digest::ZERO, call.end == CallEnd::Consumed, "{}", call.function);
    }
}

/// What must be so in the call table of a script that makes all UTXOs that it calls, one after another.
pub(crate) fn check_rows(calls: &[Call], gas_used: u64) {
    check_states(calls);
    let made = calls.iter().filter(|call| call.object.is_some() && call.function.contains("[static]"));
    made.for_each(|call| assert_eq!(call.old_state, Digest::ZERO, "{}", call.function));
    let root = calls.last().unwrap();
    let inner: u64 = calls[..calls.len() - 1].iter().map(|call| call.gas).sum();
    assert!(inner < root.gas && root.gas < gas_used, "{inner} {} {gas_used}", root.gas);
}
