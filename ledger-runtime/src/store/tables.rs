//! The tables of the database, and how they are read.
//!
//! Keys have a fixed width and are compared as bytes or as numbers; values are canonical encodings. Each table says what
//! it keeps; [`commit`](super::commit) writes them all, [`check`](super::check) compares them with each other.

use super::error::Fault;
use super::{TokenPage, TokenStatus, TokenSummary, TransactionPlace, UtxoPage};
use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::{
    Block, CallRow, ContractCounters, ContractRecord, Deployment, Header, Receipt, RootCall, TokenChange, Transaction,
    Tree, Utxo, UtxoStatus,
};
use redb::{Database, Key, ReadOnlyTable, ReadableDatabase, TableDefinition, Value};
use registry_client::FetchedComponent;
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::component::VerifiedComponent;
use registry_core::hash::Digest;
use registry_core::id::{BlockId, ComponentHash, PackageHash, TokenId, TransactionId, UtxoId};
use registry_core::limits::Limits as CoreLimits;
use registry_core::with_causes;

pub(super) type Bytes = &'static [u8];
/// A digest without its kind.
pub(super) type Name = &'static [u8; 32];
/// A block's height and a place in the block.
pub(super) type Place = (u64, u32);

/// What there is one of: [`FORMAT_KEY`], [`GENESIS_KEY`], [`TIP_KEY`].
pub(super) const META: TableDefinition<&str, Bytes> = TableDefinition::new("meta");
/// Headers by height.
pub(super) const HEADERS: TableDefinition<u64, Bytes> = TableDefinition::new("headers");
/// Transactions by place.
pub(super) const TRANSACTIONS: TableDefinition<Place, Bytes> = TableDefinition::new("transactions");
/// Receipts by the place of their transaction.
pub(super) const RECEIPTS: TableDefinition<Place, Bytes> = TableDefinition::new("receipts");
/// The call tables of blocks, by height.
pub(super) const CALLS: TableDefinition<u64, Bytes> = TableDefinition::new("calls");
/// The places of transactions by their ids.
pub(super) const PLACES: TableDefinition<Name, Place> = TableDefinition::new("places");
/// What became of each UTXO ([`UtxoStatus`]), by its id.
pub(super) const UTXOS: TableDefinition<Name, Bytes> = TableDefinition::new("utxos");
/// The id of each UTXO by contract and serial, whatever became of it.
pub(super) const SERIALS: TableDefinition<(Name, u64), Name> = TableDefinition::new("serials");
/// Where each token is ([`KeptToken`]), by its id, also when it is burned.
pub(super) const TOKENS: TableDefinition<Name, Bytes> = TableDefinition::new("tokens");
/// The tokens that are not burned, by contract and id.
pub(super) const HELD_TOKENS: TableDefinition<(Name, Name), ()> = TableDefinition::new("held tokens");
/// The record and the counters of each contract.
pub(super) const CONTRACTS: TableDefinition<Name, Bytes> = TableDefinition::new("contracts");
/// The nodes of both trees, by [`node_key`].
pub(super) const NODES: TableDefinition<u64, Name> = TableDefinition::new("nodes");
/// The packages that each component needs, each after those that it refers to.
pub(super) const CLOSURES: TableDefinition<Name, Bytes> = TableDefinition::new("closures");
/// The bytes of components. They are never removed.
pub(super) const COMPONENTS: TableDefinition<Name, Bytes> = TableDefinition::new("components");
/// The contract whose component has a SHA-256, by that.
pub(super) const SHA256: TableDefinition<Name, Name> = TableDefinition::new("sha256");
/// Name and WIT text of packages. They are never removed.
pub(super) const PACKAGES: TableDefinition<Name, Bytes> = TableDefinition::new("packages");

/// The version of all that stands in this file, four bytes.
pub(super) const FORMAT_KEY: &str = "format";
/// What the chain began with, as its node gave it.
pub(super) const GENESIS_KEY: &str = "genesis";
/// Height and id of the last block.
pub(super) const TIP_KEY: &str = "tip";

/// The format of this file.
pub(super) const FORMAT: u32 = 3;
/// A table that only format 1 has.
pub(super) const FORMAT_1_TABLE: &str = "chain";

/// Height and id of the last block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Tip {
    pub(super) height: u64,
    pub(super) block: BlockId,
}

/// Where a token is. Its record stands in the UTXO that holds it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct KeptToken {
    pub(super) contract: ComponentHash,
    pub(super) type_name: String,
    pub(super) place: TokenPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum TokenPlace {
    /// A UTXO holds it.
    Held(UtxoId),
    /// The block at this height burned it.
    Burned(u64),
}

impl KeptToken {
    /// After a block of this height told of it.
    pub(super) fn after(change: &TokenChange, height: u64) -> Self {
        let TokenChange { contract, type_name, to, .. } = change;
        let place = to.map_or(TokenPlace::Burned(height), TokenPlace::Held);
        Self { contract: *contract, type_name: type_name.clone(), place }
    }
}

/// The key of a node: tree, level and index from the most significant bits on, so that a level's nodes are neighbours.
pub(super) fn node_key(tree: Tree, level: u8, index: u32) -> u64 {
    let tree = match tree {
        Tree::Utxos => 0,
        Tree::Contracts => 1,
    };
    tree << 40 | u64::from(level) << 32 | u64::from(index)
}

/// The tables as they were at one moment, for as long as this lives.
pub(super) struct Tables {
    pub(super) meta: ReadOnlyTable<&'static str, Bytes>,
    pub(super) headers: ReadOnlyTable<u64, Bytes>,
    pub(super) transactions: ReadOnlyTable<Place, Bytes>,
    pub(super) receipts: ReadOnlyTable<Place, Bytes>,
    pub(super) calls: ReadOnlyTable<u64, Bytes>,
    pub(super) places: ReadOnlyTable<Name, Place>,
    pub(super) utxos: ReadOnlyTable<Name, Bytes>,
    pub(super) serials: ReadOnlyTable<(Name, u64), Name>,
    pub(super) tokens: ReadOnlyTable<Name, Bytes>,
    pub(super) held_tokens: ReadOnlyTable<(Name, Name), ()>,
    pub(super) contracts: ReadOnlyTable<Name, Bytes>,
    pub(super) nodes: ReadOnlyTable<u64, Name>,
    pub(super) closures: ReadOnlyTable<Name, Bytes>,
    pub(super) components: ReadOnlyTable<Name, Bytes>,
    pub(super) packages: ReadOnlyTable<Name, Bytes>,
    pub(super) sha256: ReadOnlyTable<Name, Name>,
}

impl Tables {
    pub(super) fn open(database: &Database) -> Result<Self, Fault> {
        let transaction = database.begin_read()?;
        Ok(Self {
            meta: transaction.open_table(META)?,
            headers: transaction.open_table(HEADERS)?,
            transactions: transaction.open_table(TRANSACTIONS)?,
            receipts: transaction.open_table(RECEIPTS)?,
            calls: transaction.open_table(CALLS)?,
            places: transaction.open_table(PLACES)?,
            utxos: transaction.open_table(UTXOS)?,
            serials: transaction.open_table(SERIALS)?,
            tokens: transaction.open_table(TOKENS)?,
            held_tokens: transaction.open_table(HELD_TOKENS)?,
            contracts: transaction.open_table(CONTRACTS)?,
            nodes: transaction.open_table(NODES)?,
            closures: transaction.open_table(CLOSURES)?,
            components: transaction.open_table(COMPONENTS)?,
            packages: transaction.open_table(PACKAGES)?,
            sha256: transaction.open_table(SHA256)?,
        })
    }

    pub(super) fn tip(&self) -> Result<Option<Tip>, Fault> {
        let tip = self.meta.get(TIP_KEY)?;
        tip.map(|bytes| decode(bytes.value(), || "what it says about the last block".to_owned())).transpose()
    }

    pub(super) fn genesis(&self) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.meta.get(GENESIS_KEY)?.map(|bytes| bytes.value().to_vec()))
    }

    pub(super) fn header(&self, height: u64) -> Result<Option<Header>, Fault> {
        read(&self.headers, height, || format!("the header of block {height}"))
    }

    pub(super) fn block(&self, height: u64) -> Result<Option<Block>, Fault> {
        let Some(header) = self.header(height)? else { return Ok(None) };
        let transactions = self.transactions(height)?;
        let deployed = transactions.iter().filter_map(deployed_contract);
        let deployments = deployed.map(|contract| self.deployment(&contract)).collect::<Result<_, Fault>>()?;
        Ok(Some(Block { header, transactions, deployments }))
    }

    /// A component with its packages, as a block brought it.
    fn deployment(&self, contract: &ComponentHash) -> Result<Deployment, Fault> {
        let missing = || Fault::Damaged(format!("the component {contract} is missing"));
        let component = self.component(contract)?.ok_or_else(missing)?;
        let packages = self.closure(contract)?.into_iter().map(|hash| {
            let (name, wit) = self.package(&hash)?;
            Ok((name, hash, wit))
        });
        let packages = packages.collect::<Result<_, Fault>>()?;
        let (record, _) = self.contract(contract)?.ok_or_else(missing)?;
        Ok(Deployment { contract: *contract, component, packages, imports: record.imports })
    }

    pub(super) fn contract_by_sha256(&self, sha256: &[u8; 32]) -> Result<Option<ComponentHash>, Fault> {
        let contract = self.sha256.get(sha256)?;
        contract.map(|contract| Ok(ComponentHash::from_digest(digest(contract.value())?))).transpose()
    }

    fn component(&self, contract: &ComponentHash) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.components.get(contract.digest().as_bytes())?.map(|bytes| bytes.value().to_vec()))
    }

    pub(super) fn closure(&self, contract: &ComponentHash) -> Result<Vec<PackageHash>, Fault> {
        let what = || format!("the list of the packages that {contract} needs");
        let packages = read(&self.closures, contract.digest().as_bytes(), what)?;
        packages.ok_or_else(|| Fault::Damaged(format!("{} is missing", what())))
    }

    fn package(&self, hash: &PackageHash) -> Result<(String, String), Fault> {
        let package = read(&self.packages, hash.digest().as_bytes(), || format!("the package {hash}"))?;
        package.ok_or_else(|| Fault::Damaged(format!("the package {hash} is missing")))
    }

    /// A component with its packages, everything compared with its hash.
    pub(super) fn verified_component(
        &self,
        contract: &ComponentHash,
        limits: &CoreLimits,
    ) -> Result<Option<FetchedComponent>, Fault> {
        let Some(bytes) = self.component(contract)? else { return Ok(None) };
        let closure = Closure {
            packages: self
                .closure(contract)?
                .iter()
                .map(|hash| self.closure_package(hash))
                .collect::<Result<_, _>>()?,
        };
        let component = VerifiedComponent::check(contract, &bytes, &closure, limits).map_err(|error| {
            Fault::Damaged(format!("the component {contract} is not what it is kept as: {}", with_causes(&error)))
        })?;
        Ok(Some(FetchedComponent { bytes, component }))
    }

    fn closure_package(&self, hash: &PackageHash) -> Result<ClosurePackage, Fault> {
        let (name, wit) = self.package(hash)?;
        let name = name.parse().map_err(|error| {
            Fault::Damaged(format!("the package {hash} has the name `{name}`: {}", with_causes(&error)))
        })?;
        Ok(ClosurePackage { name, hash: *hash, wit })
    }

    pub(super) fn transactions(&self, height: u64) -> Result<Vec<Transaction>, Fault> {
        read_of_block(&self.transactions, height, "transaction")
    }

    pub(super) fn receipts(&self, height: u64) -> Result<Vec<Receipt>, Fault> {
        read_of_block(&self.receipts, height, "receipt")
    }

    pub(super) fn calls(&self, height: u64) -> Result<Option<Vec<CallRow>>, Fault> {
        read(&self.calls, height, || format!("the call table of block {height}"))
    }

    pub(super) fn place(&self, transaction: &TransactionId) -> Result<Option<TransactionPlace>, Fault> {
        let place = self.places.get(transaction.digest().as_bytes())?;
        Ok(place.map(|place| place.value()).map(|(height, index)| TransactionPlace { height, index }))
    }

    pub(super) fn transaction(&self, place: TransactionPlace) -> Result<Option<(Transaction, Receipt)>, Fault> {
        let TransactionPlace { height, index } = place;
        let what = |kind: &str| format!("the {kind} {index} of block {height}");
        let transaction = read(&self.transactions, (height, index), || what("transaction"))?;
        let receipt = read(&self.receipts, (height, index), || what("receipt"))?;
        let found: Option<(Transaction, Receipt)> = transaction.zip(receipt);
        if let Some((transaction, receipt)) = &found
            && transaction.id() != receipt.transaction
        {
            return Err(Fault::Damaged(format!("{} is that of another transaction", what("receipt"))));
        }
        Ok(found)
    }

    pub(super) fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, Fault> {
        match read(&self.utxos, id.digest().as_bytes(), || format!("the UTXO {id}"))? {
            Some(UtxoStatus::Live(other)) if other.id != *id => {
                Err(Fault::Damaged(format!("the UTXO {id} is kept as {}", other.id)))
            }
            status => Ok(status),
        }
    }

    /// A UTXO whose leaf stands in the tree.
    pub(super) fn compared_utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, Fault> {
        let Some(status) = self.utxo(id)? else { return Ok(None) };
        let (slot, leaf) = match &status {
            UtxoStatus::Live(utxo) => (utxo.slot, utxo.leaf()),
            UtxoStatus::Consumed { slot, .. } => (*slot, Utxo::tombstone(id)),
        };
        if self.node(Tree::Utxos, 0, slot)? == Some(leaf) {
            return Ok(Some(status));
        }
        Err(Fault::Damaged(format!("the UTXO {id} is not what stands in the tree at slot {slot}")))
    }

    pub(super) fn utxo_by_serial(&self, contract: &ComponentHash, serial: u64) -> Result<Option<UtxoId>, Fault> {
        let id = self.serials.get((contract.digest().as_bytes(), serial))?;
        id.map(|id| Ok(UtxoId::from_digest(digest(id.value())?))).transpose()
    }

    /// Live UTXOs in the order of contract and serial, after `after`.
    pub(super) fn utxos(
        &self,
        contract: Option<&ComponentHash>,
        after: Option<(ComponentHash, u64)>,
        limit: usize,
        scanned_max: usize,
    ) -> Result<UtxoPage, Fault> {
        let start = match (after, contract) {
            (Some((after, serial)), _) => (*after.digest().as_bytes(), serial),
            (None, Some(contract)) => (*contract.digest().as_bytes(), 0),
            (None, None) => ([0; 32], 0),
        };
        let mut page = UtxoPage::default();
        let mut last = None;
        for (scanned, entry) in self.serials.range((&start.0, start.1)..)?.enumerate() {
            let (key, id) = entry?;
            let (name, serial) = key.value();
            let place = (ComponentHash::from_digest(digest(name)?), serial);
            if contract.is_some_and(|contract| *contract != place.0) {
                break;
            }
            if Some(place) == after {
                continue;
            }
            if page.utxos.len() >= limit || scanned > scanned_max {
                page.next = last;
                break;
            }
            if let Some(UtxoStatus::Live(utxo)) = self.compared_utxo(&UtxoId::from_digest(digest(id.value())?))? {
                page.utxos.push(utxo);
            }
            last = Some(place);
        }
        Ok(page)
    }

    pub(super) fn kept_token(&self, id: &TokenId) -> Result<Option<KeptToken>, Fault> {
        read(&self.tokens, id.digest().as_bytes(), || format!("the token {id}"))
    }

    /// A token as the UTXO has it that holds it, which is compared with the tree.
    pub(super) fn token(&self, id: &TokenId) -> Result<Option<TokenStatus>, Fault> {
        let Some(KeptToken { contract, type_name, place }) = self.kept_token(id)? else { return Ok(None) };
        let holder = match place {
            TokenPlace::Burned(height) => return Ok(Some(TokenStatus::Burned { height, contract, type_name })),
            TokenPlace::Held(holder) => holder,
        };
        let tokens = match self.compared_utxo(&holder)? {
            Some(UtxoStatus::Live(utxo)) => utxo.content.tokens,
            Some(UtxoStatus::Consumed { .. }) | None => Vec::new(),
        };
        let token = tokens.into_iter().find(|token| token.id == *id);
        let token = token.filter(|token| (token.contract, &token.type_name) == (contract, &type_name));
        let missing = || Fault::Damaged(format!("the UTXO {holder} does not hold the token {id}"));
        Ok(Some(TokenStatus::Held { token: token.ok_or_else(missing)?, holder }))
    }

    /// Tokens that are not burned, in the order of contract and id, after `after`.
    pub(super) fn tokens(
        &self,
        contract: Option<&ComponentHash>,
        type_name: Option<&str>,
        after: Option<&TokenId>,
        limit: usize,
        scanned_max: usize,
    ) -> Result<TokenPage, Fault> {
        let after = after.map(|id| Ok::<_, Fault>((self.kept_token(id)?, *id))).transpose()?;
        let after = after.and_then(|(kept, id)| Some((kept?.contract, id)));
        let start = match (&after, contract) {
            (Some((contract, id)), _) => (*contract.digest().as_bytes(), *id.digest().as_bytes()),
            (None, Some(contract)) => (*contract.digest().as_bytes(), [0; 32]),
            (None, None) => ([0; 32], [0; 32]),
        };
        let mut page = TokenPage::default();
        let mut last = None;
        for (scanned, entry) in self.held_tokens.range((&start.0, &start.1)..)?.enumerate() {
            let (key, _) = entry?;
            let (of_contract, id) = key.value();
            let place = (ComponentHash::from_digest(digest(of_contract)?), TokenId::from_digest(digest(id)?));
            if contract.is_some_and(|contract| *contract != place.0) {
                break;
            }
            if Some(place) == after {
                continue;
            }
            if page.tokens.len() >= limit || scanned > scanned_max {
                page.next = last;
                break;
            }
            page.tokens
                .extend(self.summary(place)?.filter(|token| type_name.is_none_or(|name| name == token.type_name)));
            last = Some(place.1);
        }
        Ok(page)
    }

    fn summary(&self, (contract, id): (ComponentHash, TokenId)) -> Result<Option<TokenSummary>, Fault> {
        match self.kept_token(&id)? {
            Some(KeptToken { contract: kept, type_name, place: TokenPlace::Held(holder) }) if kept == contract => {
                Ok(Some(TokenSummary { id, contract, type_name, holder }))
            }
            _ => Err(Fault::Damaged(format!("the token {id} is not held, and is listed as one that is"))),
        }
    }

    pub(super) fn contract(
        &self,
        contract: &ComponentHash,
    ) -> Result<Option<(ContractRecord, ContractCounters)>, Fault> {
        read(&self.contracts, contract.digest().as_bytes(), || format!("the record of the contract {contract}"))
    }

    pub(super) fn contracts(
        &self,
        after: Option<ComponentHash>,
        limit: usize,
    ) -> Result<Vec<(ContractRecord, ContractCounters)>, Fault> {
        let start = after.map_or([0; 32], |after| *after.digest().as_bytes());
        let mut contracts = Vec::new();
        for entry in self.contracts.range::<&[u8; 32]>(&start..)? {
            let (key, value) = entry?;
            let contract = ComponentHash::from_digest(digest(key.value())?);
            if Some(contract) == after {
                continue;
            }
            if contracts.len() >= limit {
                break;
            }
            contracts.push(decode(value.value(), || format!("the record of the contract {contract}"))?);
        }
        Ok(contracts)
    }

    pub(super) fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, Fault> {
        self.nodes.get(node_key(tree, level, index))?.map(|node| digest(node.value())).transpose()
    }
}

/// Reads an encoding; `what` tells what it is of.
pub(super) fn decode<T: BorshDeserialize>(bytes: &[u8], what: impl Fn() -> String) -> Result<T, Fault> {
    borsh::from_slice(bytes).map_err(|error| Fault::Damaged(format!("{} cannot be read: {error}", what())))
}

/// The encoding of what is kept.
pub(super) fn encode(value: &impl BorshSerialize) -> Result<Vec<u8>, Fault> {
    borsh::to_vec(value).map_err(|error| Fault::NotNext(format!("it is larger than an encoding can be: {error}")))
}

/// Reads a digest without its kind.
pub(super) fn digest(bytes: &[u8; 32]) -> Result<Digest, Fault> {
    Digest::from_bytes(*bytes).ok_or_else(|| Fault::Damaged("a digest has an element that is not canonical".to_owned()))
}

fn read<'k, K: Key, T: BorshDeserialize>(
    table: &ReadOnlyTable<K, Bytes>,
    key: K::SelfType<'k>,
    what: impl Fn() -> String,
) -> Result<Option<T>, Fault> {
    table.get(key)?.map(|bytes| decode(bytes.value(), what)).transpose()
}

/// What stands in one block, in order. Places without gaps are part of what is checked.
fn read_of_block<T: BorshDeserialize>(
    table: &ReadOnlyTable<Place, Bytes>,
    height: u64,
    kind: &str,
) -> Result<Vec<T>, Fault> {
    let mut items = Vec::new();
    for (expected, entry) in table.range((height, 0)..=(height, u32::MAX))?.enumerate() {
        let (key, bytes) = entry?;
        let (_, index) = key.value();
        if usize::try_from(index).ok() != Some(expected) {
            return Err(Fault::Damaged(format!("the {kind} {expected} of block {height} is missing")));
        }
        items.push(decode(bytes.value(), || format!("the {kind} {index} of block {height}"))?);
    }
    Ok(items)
}

/// The contract that a transaction deploys. A deployment that is in a block succeeded.
pub(super) fn deployed_contract(transaction: &Transaction) -> Option<ComponentHash> {
    match transaction.call {
        RootCall::Deploy { contract, .. } => Some(contract),
        _ => None,
    }
}

/// How many entries a table has.
pub(super) fn count<K: Key, V: Value>(table: &ReadOnlyTable<K, V>) -> Result<u64, Fault> {
    Ok(redb::ReadableTableMetadata::len(table)?)
}
