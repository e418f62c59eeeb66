//! A state with the changes of a block that is being made.

use crate::{ContractCounters, ContractRecord, Header, State, StateError, Tree, UtxoStatus};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use std::collections::{BTreeMap, BTreeSet};

/// What the block's transactions did so far, over the state that the block follows. Header and trees are those before
/// the block: only sealing makes new ones.
pub(super) struct Overlay<'s> {
    pub(super) base: &'s dyn State,
    pub(super) height: u64,
    pub(super) transactions: BTreeSet<TransactionId>,
    pub(super) utxos: BTreeMap<UtxoId, UtxoStatus>,
    pub(super) contracts: BTreeMap<ComponentHash, (ContractRecord, ContractCounters)>,
}

impl<'s> Overlay<'s> {
    /// The state itself, at the beginning of a block of this height.
    pub(super) fn new(base: &'s dyn State, height: u64) -> Self {
        let (transactions, utxos, contracts) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { base, height, transactions, utxos, contracts }
    }
}

impl State for Overlay<'_> {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        self.base.tip()
    }

    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        match self.utxos.get(id) {
            Some(status) => Ok(Some(status.clone())),
            None => self.base.utxo(id),
        }
    }

    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        match self.contracts.get(contract) {
            Some(known) => Ok(Some(known.clone())),
            None => self.base.contract(contract),
        }
    }

    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError> {
        if self.transactions.contains(transaction) {
            return Ok(Some(self.height));
        }
        self.base.transaction_height(transaction)
    }

    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        self.base.node(tree, level, index)
    }
}
