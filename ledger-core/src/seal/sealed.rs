//! A block that was sealed.

use crate::{Block, CallRow, ContractCounters, ContractRecord, Header, Receipt, Tree, TreeNode, UtxoStatus};
use registry_core::id::{BlockId, ComponentHash, UtxoId};
use std::collections::BTreeMap;

/// A block with all that follows from it. Only [`BlockBuilder::seal`](crate::BlockBuilder::seal) makes one, so its receipts and roots are right for
/// the state on which it was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBlock {
    pub(super) id: BlockId,
    pub(super) block: Block,
    pub(super) receipts: Vec<Receipt>,
    pub(super) calls: Vec<CallRow>,
    pub(super) utxos: BTreeMap<UtxoId, UtxoStatus>,
    pub(super) contracts: BTreeMap<ComponentHash, (ContractRecord, ContractCounters)>,
    pub(super) utxo_nodes: Vec<TreeNode>,
    pub(super) contract_nodes: Vec<TreeNode>,
}

impl SealedBlock {
    /// Its id.
    pub fn id(&self) -> BlockId {
        self.id
    }

    /// The block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        &self.block.header
    }

    /// The receipts, one for each transaction.
    pub fn receipts(&self) -> &[Receipt] {
        &self.receipts
    }

    /// The call table.
    pub fn calls(&self) -> &[CallRow] {
        &self.calls
    }

    /// What became of each UTXO that it made, changed or consumed; by id.
    pub fn utxos(&self) -> &BTreeMap<UtxoId, UtxoStatus> {
        &self.utxos
    }

    /// Each contract that it deployed, or that it changed counters of; by hash.
    pub fn contracts(&self) -> &BTreeMap<ComponentHash, (ContractRecord, ContractCounters)> {
        &self.contracts
    }

    /// The nodes of a tree that it changed, leaves and root among them; level by level, each from the left.
    pub fn nodes(&self, tree: Tree) -> &[TreeNode] {
        match tree {
            Tree::Utxos => &self.utxo_nodes,
            Tree::Contracts => &self.contract_nodes,
        }
    }
}
