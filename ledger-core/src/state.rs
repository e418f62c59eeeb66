//! What a chain's state must tell, wherever it is kept.

use crate::{ContractCounters, ContractRecord, Header, Utxo};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};

/// A state of a chain: that after its last block, or that inside a block which is being made.
pub trait State: Send + Sync {
    /// The header of the last block; none before the genesis.
    ///
    /// # Errors
    /// If what keeps the state fails; so for all that follow.
    fn tip(&self) -> Result<Option<Header>, StateError>;

    /// What became of a UTXO; none if it never was.
    ///
    /// # Errors
    /// As [`State::tip`].
    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError>;

    /// A deployed contract.
    ///
    /// # Errors
    /// As [`State::tip`].
    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError>;

    /// The height of the block that has a transaction.
    ///
    /// # Errors
    /// As [`State::tip`].
    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError>;

    /// A node of one of the trees, `level` 0 being the leaves; none if nothing below it was ever used.
    ///
    /// # Errors
    /// As [`State::tip`].
    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError>;
}

/// What became of a UTXO.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum UtxoStatus {
    /// It lives.
    Live(Utxo),
    /// It was consumed.
    Consumed {
        /// Its place in the tree.
        slot: u32,
        /// The height of the block that consumed it.
        height: u64,
        /// Its contract.
        contract: ComponentHash,
        /// How many UTXOs its contract had before it.
        serial: u64,
        /// The interface that declares its type: what its past calls are read with.
        type_name: String,
    },
}

/// One of the trees of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// The UTXOs, each at its slot.
    Utxos,
    /// The contracts, each at its slot.
    Contracts,
}

/// What keeps a state failed. It says nothing about the state.
#[derive(Debug, thiserror::Error)]
#[error("the state cannot be read")]
pub struct StateError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StateError {
    /// The failure of what keeps a state.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
