//! The one rule by which a block follows from another.

mod error;
mod overlay;
mod sealed;
mod step;
mod tokens;
mod used;

pub use error::{Contradiction, SealError};
pub use sealed::SealedBlock;

use crate::{
    Block, CallRow, ChainId, ContractCounters, ContractRecord, Deployment, Execution, ExternalId, Header,
    HostInterfaceId, Moment, ObjectId, Outcome, ProfileId, Receipt, RootCall, State, StateError, Transaction, Tree,
    TreeUpdate, UtxoStatus, chain_root, empty_root, list_root,
};
use overlay::Overlay;
use registry_core::hash::Digest;
use registry_core::id::{BlockId, TransactionId, ViewId};
use std::collections::{BTreeMap, BTreeSet};
use step::{Step, step};
use used::check_used;

/// A block that is being made: transactions are executed on [`BlockBuilder::state`] and pushed, one after another.
///
/// It believes no executor: whatever does not fit the state is refused, and then nothing of that transaction is in the
/// block. What it cannot see is whether a contract really does what the executor says; that is found by executing again.
pub struct BlockBuilder<'s> {
    chain: ChainId,
    profile: ProfileId,
    moment: Moment,
    parent: BlockId,
    old_root: Digest,
    next_slot: u32,
    next_contract_slot: u32,
    state: Overlay<'s>,
    leaves: BTreeMap<u32, Digest>,
    last_rows: BTreeMap<ObjectId, u32>,
    transactions: Vec<Transaction>,
    deployments: Vec<Deployment>,
    receipts: Vec<Receipt>,
    calls: Vec<CallRow>,
}

/// What was found out about a component before it was deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Its own world, as extracted from it.
    pub view: ViewId,
    /// What the ledger offers to contracts, as it was understood.
    pub host_interface: HostInterfaceId,
}

impl<'s> BlockBuilder<'s> {
    /// Begins the block that follows `state`: the genesis, if it is the state of a chain without blocks.
    ///
    /// # Errors
    /// If the moment is not that of the next block, the state is that of another chain, or it cannot be read.
    pub fn begin(state: &'s dyn State, chain: ChainId, profile: ProfileId, moment: Moment) -> Result<Self, SealError> {
        let tip = state.tip()?;
        match &tip {
            None => check_genesis(&moment)?,
            Some(tip) => check_successor(tip, &chain, profile, &moment)?,
        }
        Ok(Self {
            chain,
            profile,
            moment,
            parent: tip.as_ref().map_or(BlockId::from_digest(Digest::ZERO), Header::id),
            old_root: tip.as_ref().map_or_else(empty_root, |tip| tip.new_root),
            next_slot: tip.as_ref().map_or(0, |tip| tip.next_slot),
            next_contract_slot: tip.as_ref().map_or(0, |tip| tip.next_contract_slot),
            state: Overlay::new(state, moment.height),
            leaves: BTreeMap::new(),
            last_rows: BTreeMap::new(),
            transactions: Vec::new(),
            deployments: Vec::new(),
            receipts: Vec::new(),
            calls: Vec::new(),
        })
    }

    /// The moment in which its transactions are executed.
    pub fn moment(&self) -> &Moment {
        &self.moment
    }

    /// The state on which its next transaction is executed. Tip and trees are those before the block.
    pub fn state(&self) -> &dyn State {
        &self.state
    }

    /// The transactions that are in it.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// Their receipts.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// Puts in a transaction that was executed on [`BlockBuilder::state`].
    ///
    /// # Errors
    /// If the transaction cannot be in this block, or what was executed does not fit the state.
    pub fn push(&mut self, transaction: Transaction, execution: Execution) -> Result<&Receipt, SealError> {
        let id = self.admit(&transaction, execution.gas_used)?;
        if matches!(transaction.call, RootCall::Deploy { .. }) {
            return Err(Contradiction::Deployment.of(id));
        }
        check_used(&self.state, &transaction, &id, &execution).map_err(|error| error.of(id))?;
        let rows = self.rows(&id, &execution)?;
        let receipt = Receipt::of(id, execution.gas_used);
        let step = match execution.outcome {
            Outcome::Failed(failure) => {
                Step::without_effects(self.next_slot, Receipt { outcome: Err(failure), ..receipt })
            }
            Outcome::Succeeded(effects) => {
                let step = step(&self.state, self.next_slot, &transaction, effects, receipt);
                step.map_err(|error| error.of(id))?
            }
        };
        Contradiction::if_too_large(&step.receipt).map_err(|contradiction| contradiction.of(id))?;
        self.append_rows(rows, step.receipt.outcome.is_ok());
        let receipt = self.apply(step);
        Ok(self.append(transaction, receipt))
    }

    /// Puts in a transaction that deploys a contract, with what it brought. That the component and the packages are what
    /// their hashes say, that they fit each other, and what they are admitted as, was found out by the caller.
    ///
    /// A deployment does not fail: one that has too little gas, or that no ledger executes, cannot be in a block.
    ///
    /// # Errors
    /// If the transaction cannot be in this block, is not this deployment, or if the contract is there already.
    pub fn push_deployment(
        &mut self,
        transaction: Transaction,
        gas_used: u64,
        deployment: Deployment,
        admission: Admission,
    ) -> Result<&Receipt, SealError> {
        let id = self.admit(&transaction, gas_used)?;
        let gas_limit_max = match &transaction.call {
            RootCall::Deploy { contract, gas_limit_max } if *contract == deployment.contract => *gas_limit_max,
            _ => return Err(Contradiction::Deployment.of(id)),
        };
        let contract = deployment.contract;
        if !names_are_unique(&deployment) {
            return Err(Contradiction::Deployment.of(id));
        }
        if self.state.contract(&contract)?.is_some() {
            return Err(Contradiction::DeployedContract(contract).of(id));
        }
        if let Some(contradiction) = self.wrong_import(&deployment)? {
            return Err(contradiction.of(id));
        }
        let slot = self.next_contract_slot;
        let record = ContractRecord::new(&deployment, admission, gas_limit_max, slot);
        Contradiction::if_too_large(&record).map_err(|contradiction| contradiction.of(id))?;
        self.next_contract_slot = slot.checked_add(1).ok_or(SealError::Full("contracts"))?;
        self.state.contracts.insert(contract, (record, ContractCounters::default()));
        self.deployments.push(deployment);
        Ok(self.append(transaction, Receipt { deployed: Some(contract), ..Receipt::of(id, gas_used) }))
    }

    /// An import of a deployment that is no contract of the chain, or not the one that its external id names, as far as
    /// that can be told without the contract's bytes.
    fn wrong_import(&self, deployment: &Deployment) -> Result<Option<Contradiction>, StateError> {
        for (external_id, contract) in &deployment.imports {
            let fits = match external_id.parse() {
                Ok(ExternalId::Contract(named)) => named == *contract,
                Ok(id @ ExternalId::Sha256(_)) => id.to_string() == *external_id,
                Err(_) => false,
            };
            if !fits || self.state.contract(contract)?.is_none() {
                return Ok(Some(Contradiction::Import(external_id.clone())));
            }
        }
        Ok(None)
    }

    /// Closes the block: computes its trees and roots. This is what costs; each node of a tree is hashed once.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn seal(self) -> Result<SealedBlock, SealError> {
        let utxo_tree = TreeUpdate::compute(self.state.base, Tree::Utxos, &self.leaves)?;
        let contracts = self.state.contracts.values();
        let contract_leaves = contracts.map(|(record, counters)| (record.slot, record.leaf(counters))).collect();
        let contract_tree = TreeUpdate::compute(self.state.base, Tree::Contracts, &contract_leaves)?;
        let transactions: Vec<Digest> = self.receipts.iter().map(|receipt| *receipt.transaction.digest()).collect();
        let receipts: Vec<Digest> = self.receipts.iter().map(Receipt::digest).collect();
        let header = Header {
            hash_version: Header::HASH_VERSION,
            chain: self.chain,
            profile: self.profile,
            moment: self.moment,
            parent: self.parent,
            old_root: self.old_root,
            new_root: utxo_tree.root,
            next_slot: self.next_slot,
            contracts_root: contract_tree.root,
            next_contract_slot: self.next_contract_slot,
            transactions_root: list_root(&transactions),
            receipts_root: list_root(&receipts),
            claims_root: chain_root(self.calls.iter().map(CallRow::digest)),
        };
        Ok(SealedBlock {
            id: header.id(),
            block: Block { header, transactions: self.transactions, deployments: self.deployments },
            receipts: self.receipts,
            calls: self.calls,
            utxos: self.state.utxos,
            contracts: self.state.contracts,
            utxo_nodes: utxo_tree.nodes,
            contract_nodes: contract_tree.nodes,
        })
    }

    /// The id of a transaction that can be in the block now, having used this gas.
    fn admit(&self, transaction: &Transaction, gas_used: u64) -> Result<TransactionId, SealError> {
        let id = transaction.id();
        if let Some(invalid) = transaction.objection_as(&id, &self.chain, &self.moment, &self.state)? {
            return Err(SealError::Invalid { transaction: id, invalid });
        }
        if gas_used > transaction.gas_limit {
            return Err(Contradiction::GasOverLimit { used: gas_used, limit: transaction.gas_limit }.of(id));
        }
        Ok(id)
    }

    /// Numbers the calls of the transaction that comes next. A row's `previous` is the last call of the same object that
    /// this call could see: earlier in the transaction, or in an earlier transaction that succeeded.
    fn rows(&self, id: &TransactionId, execution: &Execution) -> Result<Vec<CallRow>, SealError> {
        let transaction =
            u32::try_from(self.transactions.len()).map_err(|_| SealError::Full("transactions of a block"))?;
        let mut last_rows = BTreeMap::new();
        let mut rows = Vec::with_capacity(execution.calls.len());
        for (timestamp, call) in (self.calls.len() + 1..).zip(&execution.calls) {
            let timestamp = u32::try_from(timestamp).map_err(|_| SealError::Full("calls of a block"))?;
            let previous = call.object.and_then(|object| {
                let earlier = self.last_rows.get(&object).copied();
                last_rows.insert(object, timestamp).or(earlier)
            });
            let row = CallRow::of(call, transaction, timestamp, previous.unwrap_or(0));
            Contradiction::if_too_large(&row).map_err(|contradiction| contradiction.of(*id))?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// Puts a transaction's changes into the state, and gives its receipt.
    fn apply(&mut self, step: Step) -> Receipt {
        self.state.utxos.extend(step.utxos);
        self.state.contracts.extend(step.contracts);
        self.leaves.extend(step.leaves);
        self.next_slot = step.next_slot;
        step.receipt
    }

    fn append_rows(&mut self, rows: Vec<CallRow>, succeeded: bool) {
        if succeeded {
            let calls = rows.iter().filter_map(|row| row.object.map(|object| (object, row.timestamp)));
            self.last_rows.extend(calls);
        }
        self.calls.extend(rows);
    }

    fn append(&mut self, transaction: Transaction, receipt: Receipt) -> &Receipt {
        self.state.transactions.insert(receipt.transaction);
        self.transactions.push(transaction);
        self.receipts.push_mut(receipt)
    }
}

fn names_are_unique(deployment: &Deployment) -> bool {
    let names: BTreeSet<&String> = deployment.packages.iter().map(|(name, ..)| name).collect();
    names.len() == deployment.packages.len()
}

fn check_genesis(moment: &Moment) -> Result<(), SealError> {
    if moment.height != 0 {
        return Err(SealError::Height { found: moment.height, expected: 0 });
    }
    if moment.slot == 0 { Ok(()) } else { Err(SealError::GenesisSlot(moment.slot)) }
}

fn check_successor(tip: &Header, chain: &ChainId, profile: ProfileId, moment: &Moment) -> Result<(), SealError> {
    let other = |field, ours: String, theirs: String| SealError::OtherChain { field, ours, theirs };
    if tip.hash_version != Header::HASH_VERSION {
        return Err(other("version of the hashes", Header::HASH_VERSION.to_string(), tip.hash_version.to_string()));
    }
    if tip.chain != *chain {
        return Err(other("chain", chain.to_string(), tip.chain.to_string()));
    }
    if tip.profile != profile {
        return Err(other("execution profile", profile.0.to_hex(), tip.profile.0.to_hex()));
    }
    let expected = tip.moment.height.checked_add(1).ok_or(SealError::Full("blocks"))?;
    if moment.height != expected {
        return Err(SealError::Height { found: moment.height, expected });
    }
    if moment.slot < tip.moment.slot || moment.time_ms < tip.moment.time_ms {
        return Err(SealError::Time { moment: *moment, parent: tip.moment });
    }
    Ok(())
}
