//! A state that is kept in memory.

use crate::{ContractCounters, ContractRecord, Header, SealedBlock, State, StateError, Tree, TreeNode, UtxoStatus};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use std::collections::HashMap;

/// The state of a chain in memory: what a prover or a light client works on. It begins as that of a chain without
/// blocks.
#[derive(Debug, Clone, Default)]
pub struct MemoryState {
    tip: Option<Header>,
    utxos: HashMap<UtxoId, UtxoStatus>,
    contracts: HashMap<ComponentHash, (ContractRecord, ContractCounters)>,
    heights: HashMap<TransactionId, u64>,
    nodes: HashMap<(Tree, u8, u32), Digest>,
}

/// A block that was sealed on another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the block of height {height} does not follow the state to which it is applied")]
pub struct NotNext {
    /// The block's height.
    pub height: u64,
}

impl MemoryState {
    /// Moves on by one block.
    ///
    /// # Errors
    /// If the block was sealed on another state; then nothing has changed.
    pub fn apply(&mut self, block: &SealedBlock) -> Result<(), NotNext> {
        let header = block.header();
        if !header.follows(self.tip.as_ref()) {
            return Err(NotNext { height: header.moment.height });
        }
        self.tip = Some(header.clone());
        self.utxos.extend(block.utxos().iter().map(|(id, status)| (*id, status.clone())));
        self.contracts.extend(block.contracts().iter().map(|(contract, known)| (*contract, known.clone())));
        self.heights.extend(block.receipts().iter().map(|receipt| (receipt.transaction, header.moment.height)));
        for tree in [Tree::Utxos, Tree::Contracts] {
            self.write_nodes(tree, block.nodes(tree));
        }
        Ok(())
    }

    /// Writes nodes of a tree, as [`TreeUpdate`](crate::TreeUpdate) computes them.
    pub fn write_nodes(&mut self, tree: Tree, nodes: &[TreeNode]) {
        self.nodes.extend(nodes.iter().map(|node| ((tree, node.level, node.index), node.digest)));
    }
}

impl State for MemoryState {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        Ok(self.tip.clone())
    }

    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        Ok(self.utxos.get(id).cloned())
    }

    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        Ok(self.contracts.get(contract).cloned())
    }

    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError> {
        Ok(self.heights.get(transaction).copied())
    }

    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        Ok(self.nodes.get(&(tree, level, index)).copied())
    }
}
