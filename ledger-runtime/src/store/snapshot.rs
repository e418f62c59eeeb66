//! A chain as it was after one of its blocks, in redb.

use super::error::{Fault, Location};
use super::tables::Tables;
use super::{Snapshot, StorageError, TokenPage, TokenStatus, TransactionPlace, UtxoPage};
use ledger_core::{
    Block, CallRow, ContractCounters, ContractRecord, Header, Receipt, State, StateError, Transaction, Tree, UtxoStatus,
};
use registry_client::FetchedComponent;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use registry_core::limits::Limits as CoreLimits;

/// The tables, and the last header in them.
pub(super) struct RedbSnapshot {
    location: Location,
    pub(super) tables: Tables,
    pub(super) tip: Option<Header>,
    utxos_scanned_max: usize,
}

impl RedbSnapshot {
    pub(super) fn new(location: Location, tables: Tables, utxos_scanned_max: usize) -> Result<Self, Fault> {
        let tip = match tables.tip()? {
            None => None,
            Some(tip) => {
                let missing = || Fault::Damaged(format!("the header of the last block {} is missing", tip.height));
                Some(tables.header(tip.height)?.ok_or_else(missing)?)
            }
        };
        Ok(Self { location, tables, tip, utxos_scanned_max })
    }

    fn read<T>(&self, action: impl FnOnce(&Tables) -> Result<T, Fault>) -> Result<T, StorageError> {
        self.location.run(|| action(&self.tables))
    }

    fn read_state<T>(&self, action: impl FnOnce(&Tables) -> Result<T, Fault>) -> Result<T, StateError> {
        self.read(action).map_err(StateError::new)
    }

    /// What belongs to a block, if there is that block.
    fn of_block<T>(
        &self,
        height: u64,
        action: impl FnOnce(&Tables) -> Result<T, Fault>,
    ) -> Result<Option<T>, StorageError> {
        match &self.tip {
            Some(tip) if height <= tip.moment.height => self.read(action).map(Some),
            _ => Ok(None),
        }
    }
}

impl State for RedbSnapshot {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        Ok(self.tip.clone())
    }

    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        self.read_state(|tables| tables.utxo(id))
    }

    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        self.read_state(|tables| tables.contract(contract))
    }

    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError> {
        self.read_state(|tables| Ok(tables.place(transaction)?.map(|place| place.height)))
    }

    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        self.read_state(|tables| tables.node(tree, level, index))
    }
}

impl Snapshot for RedbSnapshot {
    fn genesis(&self) -> Result<Option<Vec<u8>>, StorageError> {
        self.read(Tables::genesis)
    }

    fn header(&self, height: u64) -> Result<Option<Header>, StorageError> {
        self.read(|tables| {
            let Some(header) = tables.header(height)? else { return Ok(None) };
            let above = match &self.tip {
                Some(tip) if height < tip.moment.height => tables.header(height + 1)?.map(|above| above.parent),
                tip => tip.as_ref().map(Header::id),
            };
            if above == Some(header.id()) {
                return Ok(Some(header));
            }
            Err(Fault::Damaged(format!("the header of block {height} is not the one that the chain goes on from")))
        })
    }

    fn block(&self, height: u64) -> Result<Option<Block>, StorageError> {
        self.read(|tables| tables.block(height))
    }

    fn receipts(&self, height: u64) -> Result<Option<Vec<Receipt>>, StorageError> {
        self.of_block(height, |tables| tables.receipts(height))
    }

    fn calls(&self, height: u64) -> Result<Option<Vec<CallRow>>, StorageError> {
        self.read(|tables| tables.calls(height))
    }

    fn place(&self, transaction: &TransactionId) -> Result<Option<TransactionPlace>, StorageError> {
        self.read(|tables| tables.place(transaction))
    }

    fn transaction(&self, place: TransactionPlace) -> Result<Option<(Transaction, Receipt)>, StorageError> {
        self.read(|tables| tables.transaction(place))
    }

    fn compared_utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StorageError> {
        self.read(|tables| tables.compared_utxo(id))
    }

    fn utxo_by_serial(&self, contract: &ComponentHash, serial: u64) -> Result<Option<UtxoId>, StorageError> {
        self.read(|tables| tables.utxo_by_serial(contract, serial))
    }

    fn utxos(
        &self,
        contract: Option<&ComponentHash>,
        after: Option<(ComponentHash, u64)>,
        limit: usize,
    ) -> Result<UtxoPage, StorageError> {
        self.read(|tables| tables.utxos(contract, after, limit, self.utxos_scanned_max))
    }

    fn token(&self, id: &TokenId) -> Result<Option<TokenStatus>, StorageError> {
        self.read(|tables| tables.token(id))
    }

    fn tokens(
        &self,
        contract: Option<&ComponentHash>,
        type_name: Option<&str>,
        after: Option<&TokenId>,
        limit: usize,
    ) -> Result<TokenPage, StorageError> {
        self.read(|tables| tables.tokens(contract, type_name, after, limit, self.utxos_scanned_max))
    }

    fn contracts(
        &self,
        after: Option<ComponentHash>,
        limit: usize,
    ) -> Result<Vec<(ContractRecord, ContractCounters)>, StorageError> {
        self.read(|tables| tables.contracts(after, limit))
    }

    fn contract_by_sha256(&self, sha256: &[u8; 32]) -> Result<Option<ComponentHash>, StorageError> {
        self.read(|tables| tables.contract_by_sha256(sha256))
    }

    fn component(
        &self,
        contract: &ComponentHash,
        limits: &CoreLimits,
    ) -> Result<Option<FetchedComponent>, StorageError> {
        self.read(|tables| tables.verified_component(contract, limits))
    }
}
