//! How a block is written: everything about it in one write transaction of the database.

use super::error::Fault;
use super::tables::{
    CALLS, CLOSURES, COMPONENTS, CONTRACTS, GENESIS_KEY, HEADERS, HELD_TOKENS, KeptToken, META, NODES, PACKAGES,
    PLACES, RECEIPTS, SERIALS, SHA256, TIP_KEY, TOKENS, TRANSACTIONS, Tip, UTXOS, decode, encode, node_key,
};
use ledger_core::{Canonical, Deployment, Header, SealedBlock, Tree, empty_root};
use redb::{Database, Key, ReadableTable, TableDefinition, WriteTransaction};
use registry_core::hash::Digest;
use registry_core::id::{BlockId, PackageHash};
use sha2::{Digest as _, Sha256};
use std::fmt::Display;

/// Writes the block that follows `parent`; the genesis comes with what the chain began with.
pub(super) fn write(
    database: &Database,
    parent: Option<&Header>,
    genesis: Option<&[u8]>,
    block: &SealedBlock,
) -> Result<(), Fault> {
    check_succession(parent, block)?;
    let transaction = begin(database)?;
    check_tip(&transaction, parent)?;
    if let Some(genesis) = genesis {
        transaction.open_table(META)?.insert(GENESIS_KEY, genesis)?;
    }
    write_body(&transaction, block)?;
    write_state(&transaction, block)?;
    block.block().deployments.iter().try_for_each(|deployment| write_deployment(&transaction, deployment))?;
    let tip = Tip { height: block.header().moment.height, block: block.id() };
    transaction.open_table(META)?.insert(TIP_KEY, encode(&tip)?.as_slice())?;
    Ok(transaction.commit()?)
}

/// A write that survives a loss of power, whatever the disk keeps of what was not synced.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// A block that was sealed on this very state passes; that it was, is what this finds out.
fn check_succession(parent: Option<&Header>, block: &SealedBlock) -> Result<(), Fault> {
    let header = block.header();
    let created = block.receipts().iter().map(|receipt| receipt.created.len()).sum();
    let deployed = block.block().deployments.len();
    let Some(parent) = parent else {
        same("the height", header.moment.height, 0)?;
        same("the parent", header.parent, BlockId::from_digest(Digest::ZERO))?;
        same("the old root", header.old_root.to_hex(), empty_root().to_hex())?;
        same("the next slot", header.next_slot, after(0, created)?)?;
        return same("the next contract slot", header.next_contract_slot, after(0, deployed)?);
    };
    same("the chain", &header.chain, &parent.chain)?;
    same("the height", header.moment.height, parent.moment.height.saturating_add(1))?;
    same("the parent", header.parent, parent.id())?;
    same("the old root", header.old_root.to_hex(), parent.new_root.to_hex())?;
    same("the next slot", header.next_slot, after(parent.next_slot, created)?)?;
    same("the next contract slot", header.next_contract_slot, after(parent.next_contract_slot, deployed)?)
}

fn same<T: PartialEq + Display>(what: &str, found: T, expected: T) -> Result<(), Fault> {
    if found == expected {
        return Ok(());
    }
    Err(Fault::NotNext(format!("{what} is {found}, and after the last block it is {expected}")))
}

fn after(counter: u32, added: usize) -> Result<u32, Fault> {
    let sum = u32::try_from(added).ok().and_then(|added| counter.checked_add(added));
    sum.ok_or_else(|| Fault::NotNext("its places are used up".to_owned()))
}

/// The last write may have failed after it was durable: then this storage no longer knows what the database has.
fn check_tip(transaction: &WriteTransaction, parent: Option<&Header>) -> Result<(), Fault> {
    let meta = transaction.open_table(META)?;
    let kept: Option<Tip> = match meta.get(TIP_KEY)? {
        None => None,
        Some(bytes) => Some(decode(bytes.value(), || "what it says about the last block".to_owned())?),
    };
    let known = parent.map(|parent| Tip { height: parent.moment.height, block: parent.id() });
    if kept == known {
        return Ok(());
    }
    Err(Fault::NotNext("another block was written after the last one that is known; open the storage again".to_owned()))
}

/// The block itself and what it tells.
fn write_body(transaction: &WriteTransaction, block: &SealedBlock) -> Result<(), Fault> {
    let height = block.header().moment.height;
    let mut headers = transaction.open_table(HEADERS)?;
    headers.insert(height, block.header().to_bytes().as_slice())?;
    let mut calls = transaction.open_table(CALLS)?;
    calls.insert(height, encode(&block.calls())?.as_slice())?;
    let mut transactions = transaction.open_table(TRANSACTIONS)?;
    let mut receipts = transaction.open_table(RECEIPTS)?;
    let mut places = transaction.open_table(PLACES)?;
    for (index, (sent, receipt)) in (0..).zip(block.block().transactions.iter().zip(block.receipts())) {
        transactions.insert((height, index), sent.to_bytes().as_slice())?;
        receipts.insert((height, index), receipt.to_bytes().as_slice())?;
        let id = receipt.transaction;
        if places.insert(id.digest().as_bytes(), (height, index))?.is_some() {
            return Err(Fault::NotNext(format!("the transaction {id} is in the chain already")));
        }
    }
    Ok(())
}

/// What the block changed.
fn write_state(transaction: &WriteTransaction, block: &SealedBlock) -> Result<(), Fault> {
    let mut utxos = transaction.open_table(UTXOS)?;
    for (id, status) in block.utxos() {
        utxos.insert(id.digest().as_bytes(), encode(status)?.as_slice())?;
    }
    let mut serials = transaction.open_table(SERIALS)?;
    for created in block.receipts().iter().flat_map(|receipt| &receipt.created) {
        let name = (created.contract.digest().as_bytes(), created.serial);
        if serials.insert(name, created.utxo.digest().as_bytes())?.is_some() {
            return Err(Fault::NotNext(format!("{}#{} was given before", created.contract, created.serial)));
        }
    }
    write_tokens(transaction, block)?;
    let mut contracts = transaction.open_table(CONTRACTS)?;
    for (contract, known) in block.contracts() {
        contracts.insert(contract.digest().as_bytes(), encode(known)?.as_slice())?;
    }
    let mut nodes = transaction.open_table(NODES)?;
    for tree in [Tree::Utxos, Tree::Contracts] {
        for node in block.nodes(tree) {
            nodes.insert(node_key(tree, node.level, node.index), node.digest.as_bytes())?;
        }
    }
    Ok(())
}

/// Where the tokens are that the block tells of.
fn write_tokens(transaction: &WriteTransaction, block: &SealedBlock) -> Result<(), Fault> {
    let height = block.header().moment.height;
    let mut tokens = transaction.open_table(TOKENS)?;
    let mut held = transaction.open_table(HELD_TOKENS)?;
    for change in block.receipts().iter().flat_map(|receipt| &receipt.tokens) {
        let name = change.token.digest().as_bytes();
        tokens.insert(name, encode(&KeptToken::after(change, height))?.as_slice())?;
        let key = (change.contract.digest().as_bytes(), name);
        match change.to {
            Some(_) => held.insert(key, ())?,
            None => held.remove(key)?,
        };
    }
    Ok(())
}

/// What a deployment brought. Its names are hashes of it, so what is there already is the same.
fn write_deployment(transaction: &WriteTransaction, deployment: &Deployment) -> Result<(), Fault> {
    let contract = deployment.contract.digest().as_bytes();
    insert_new(transaction, COMPONENTS, contract, &deployment.component)?;
    let sha256: [u8; 32] = Sha256::digest(&deployment.component).into();
    transaction.open_table(SHA256)?.insert(&sha256, contract)?;
    let closure: Vec<PackageHash> = deployment.packages.iter().map(|(_, hash, _)| *hash).collect();
    insert_new(transaction, CLOSURES, contract, &encode(&closure)?)?;
    for (name, hash, wit) in &deployment.packages {
        insert_new(transaction, PACKAGES, hash.digest().as_bytes(), &encode(&(name, wit))?)?;
    }
    Ok(())
}

fn insert_new<'k, K: Key>(
    transaction: &WriteTransaction,
    table: TableDefinition<K, &'static [u8]>,
    key: K::SelfType<'k>,
    value: &[u8],
) -> Result<(), Fault> {
    let mut table = transaction.open_table(table)?;
    if table.get(&key)?.is_none() {
        table.insert(&key, value)?;
    }
    Ok(())
}
