//! The chain on disk: blocks, state, trees, and every component that was ever deployed.
//!
//! [`Storage`] takes blocks that were sealed, one atomic and durable write a block; [`Snapshot`] tells everything as it
//! was after one block, however many follow meanwhile. [`RedbStorage`] is both in one file. Nobody else knows of redb.

mod check;
mod commit;
mod error;
mod redb_storage;
mod snapshot;
mod tables;

pub use check::{CheckProgress, CheckReport};
pub use error::StorageError;
pub use redb_storage::RedbStorage;

use ledger_core::{
    Block, CallRow, ContractCounters, ContractRecord, Header, Receipt, SealedBlock, State, Token, Transaction, Utxo,
    UtxoStatus,
};
use registry_client::FetchedComponent;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use registry_core::limits::Limits as CoreLimits;
use std::sync::Arc;

/// Where a chain is kept.
pub trait Storage: Send + Sync {
    /// Keeps the first block of a chain, with what the chain began with in any encoding. When this returns, it survives
    /// a loss of power.
    ///
    /// # Errors
    /// If there is a chain already, the block is not a first one, or the database fails. Nothing is kept then.
    fn begin(&self, genesis: &[u8], block: &SealedBlock) -> Result<(), StorageError>;

    /// Keeps the next block with everything that it changed: all of it, or nothing. When this returns, it survives a
    /// loss of power.
    ///
    /// # Errors
    /// [`StorageError::NotNext`] if it does not follow the last block; nothing is kept then. If the database fails, it
    /// must be opened again, and tells then whether it has the block: it was not acknowledged, so both are right.
    fn commit(&self, block: &SealedBlock) -> Result<(), StorageError>;

    /// Everything as it is after the last block. Cheap: nothing is read or copied.
    ///
    /// What a snapshot sees cannot be overwritten while it lives: keep it for a call, not for hours.
    fn snapshot(&self) -> Arc<dyn Snapshot>;
}

/// A chain as it was after one of its blocks.
pub trait Snapshot: State {
    /// What the chain began with, as it was given; none before the genesis.
    ///
    /// # Errors
    /// If the database fails or is damaged; so for all that follow.
    fn genesis(&self) -> Result<Option<Vec<u8>>, StorageError>;

    /// The header of the block at a height, compared with what the block above it names; none if there is no such block.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn header(&self, height: u64) -> Result<Option<Header>, StorageError>;

    /// The block at a height, with the components that it brought.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn block(&self, height: u64) -> Result<Option<Block>, StorageError>;

    /// The receipts of the block at a height, in the order of its transactions.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn receipts(&self, height: u64) -> Result<Option<Vec<Receipt>>, StorageError>;

    /// The call table of the block at a height.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn calls(&self, height: u64) -> Result<Option<Vec<CallRow>>, StorageError>;

    /// Where a transaction stands.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn place(&self, transaction: &TransactionId) -> Result<Option<TransactionPlace>, StorageError>;

    /// The transaction at a place, with its receipt.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn transaction(&self, place: TransactionPlace) -> Result<Option<(Transaction, Receipt)>, StorageError>;

    /// What became of a UTXO, compared with what stands for it in the tree.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn compared_utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StorageError>;

    /// The UTXO that is `contract#serial`, whether it lives or was consumed.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn utxo_by_serial(&self, contract: &ComponentHash, serial: u64) -> Result<Option<UtxoId>, StorageError>;

    /// At most `limit` live UTXOs, compared with the tree, those of one contract or all, ordered by contract and serial, after that of a serial.
    /// A page may have fewer although more follow, because consumed ones have to be passed over.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn utxos(
        &self,
        contract: Option<&ComponentHash>,
        after: Option<(ComponentHash, u64)>,
        limit: usize,
    ) -> Result<UtxoPage, StorageError>;

    /// What became of a token. The UTXO that holds it is compared with what stands for it in the tree.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn token(&self, id: &TokenId) -> Result<Option<TokenStatus>, StorageError>;

    /// At most `limit` tokens that are not burned, those of one contract or all, of one type or all, ordered by contract and
    /// id, after one of them. A page may have fewer although more follow, because those of other types have to be passed
    /// over.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn tokens(
        &self,
        contract: Option<&ComponentHash>,
        type_name: Option<&str>,
        after: Option<&TokenId>,
        limit: usize,
    ) -> Result<TokenPage, StorageError>;

    /// At most `limit` contracts in the order of their hashes, after one of them.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn contracts(
        &self,
        after: Option<ComponentHash>,
        limit: usize,
    ) -> Result<Vec<(ContractRecord, ContractCounters)>, StorageError>;

    /// The contract whose component has this SHA-256.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn contract_by_sha256(&self, sha256: &[u8; 32]) -> Result<Option<ComponentHash>, StorageError>;

    /// A component that a block brought, with the packages that it needs, each compared with its hash once more; none
    /// if no block brought it.
    ///
    /// # Errors
    /// As [`Snapshot::genesis`].
    fn component(
        &self,
        contract: &ComponentHash,
        limits: &CoreLimits,
    ) -> Result<Option<FetchedComponent>, StorageError>;
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPlace {
    /// The block's height.
    pub height: u64,
    /// The place in the block, counted from 0.
    pub index: u32,
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenStatus {
    /// A UTXO holds it.
    Held {
        /// All of it.
        token: Token,
        /// The UTXO.
        holder: UtxoId,
    },
    /// It was burned.
    Burned {
        /// The height of the block that burned it.
        height: u64,
        /// Its contract.
        contract: ComponentHash,
        /// The exported interface that declares its type.
        type_name: String,
    },
}

/// What a list shows of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSummary {
    /// Its id.
    pub id: TokenId,
    /// Its contract.
    pub contract: ComponentHash,
    /// The exported interface that declares its type.
    pub type_name: String,
    /// The UTXO that holds it.
    pub holder: UtxoId,
}

/// Some of the tokens that are not burned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPage {
    /// In the order of contract and id.
    pub tokens: Vec<TokenSummary>,
    /// What to ask after for those that follow; none if there are no more.
    pub next: Option<TokenId>,
}

/// Some of the live UTXOs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UtxoPage {
    /// In the order of contract and serial.
    pub utxos: Vec<Utxo>,
    /// What to ask after for those that follow; none if there are no more.
    pub next: Option<(ComponentHash, u64)>,
}
