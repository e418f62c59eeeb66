//! A complete check finds whatever does not fit, in every table: the file is sound, and what stands in it is wrong.

use super::chain::{CHAIN, commit_all, live, tokens};
use super::disk::Disk;
use ledger_core::{Receipt, TREE_DEPTH, UtxoStatus};
use ledger_runtime::limits::Limits;
use ledger_runtime::store::{CheckReport, RedbStorage, Snapshot, Storage, StorageError, TokenStatus, TransactionPlace};
use redb::{Database, TableDefinition, WriteTransaction};
use registry_core::hash::Digest;
use registry_core::limits::Limits as CoreLimits;

type Bytes = &'static [u8];
type Name = &'static [u8; 32];

const HEADERS: TableDefinition<u64, Bytes> = TableDefinition::new("headers");
const TRANSACTIONS: TableDefinition<(u64, u32), Bytes> = TableDefinition::new("transactions");
const RECEIPTS: TableDefinition<(u64, u32), Bytes> = TableDefinition::new("receipts");
const CALLS: TableDefinition<u64, Bytes> = TableDefinition::new("calls");
const PLACES: TableDefinition<Name, (u64, u32)> = TableDefinition::new("places");
const UTXOS: TableDefinition<Name, Bytes> = TableDefinition::new("utxos");
const SERIALS: TableDefinition<(Name, u64), Name> = TableDefinition::new("serials");
const TOKENS: TableDefinition<Name, Bytes> = TableDefinition::new("tokens");
const HELD_TOKENS: TableDefinition<(Name, Name), ()> = TableDefinition::new("held tokens");
const CONTRACTS: TableDefinition<Name, Bytes> = TableDefinition::new("contracts");
const NODES: TableDefinition<u64, Name> = TableDefinition::new("nodes");
const CLOSURES: TableDefinition<Name, Bytes> = TableDefinition::new("closures");
const COMPONENTS: TableDefinition<Name, Bytes> = TableDefinition::new("components");
const PACKAGES: TableDefinition<Name, Bytes> = TableDefinition::new("packages");
const META: TableDefinition<&str, Bytes> = TableDefinition::new("meta");

/// A disk with the whole chain, in which somebody has then changed something.
fn tampered(tamper: &dyn Fn(&WriteTransaction)) -> Disk {
    let disk = Disk::default();
    let storage = RedbStorage::with_backend(disk.clone(), &Limits::default()).unwrap();
    commit_all(&storage, &CHAIN);
    drop(storage);
    let database = Database::builder().create_with_backend(disk.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    tamper(&transaction);
    transaction.commit().unwrap();
    drop(database);
    disk
}

fn check(disk: Disk) -> Result<CheckReport, StorageError> {
    RedbStorage::with_backend(disk, &Limits::default())?.check(&CoreLimits::default(), &mut |_| {})
}

fn contract(position: usize) -> [u8; 32] {
    let mut deployed = CHAIN.iter().flat_map(|block| block.receipts()).filter_map(|receipt| receipt.deployed);
    *deployed.nth(position).unwrap().digest().as_bytes()
}

fn consumed() -> [u8; 32] {
    let utxos = CHAIN.iter().flat_map(|block| block.utxos());
    let mut consumed = utxos.filter(|(_, status)| matches!(status, UtxoStatus::Consumed { .. }));
    *consumed.next().unwrap().0.digest().as_bytes()
}

/// A token that a UTXO holds in the end, and one that was burned.
fn held_and_burned() -> ([u8; 32], [u8; 32]) {
    let tokens = tokens(&CHAIN);
    let find = |is_held| {
        let found = tokens.iter().find(|(_, status)| matches!(status, TokenStatus::Held { .. }) == is_held);
        *found.unwrap().0.digest().as_bytes()
    };
    (find(true), find(false))
}

fn flip(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1;
    bytes
}

/// Puts the changed value of a key in the place of the old one.
fn change<'k, K: redb::Key>(
    transaction: &WriteTransaction,
    table: TableDefinition<K, Bytes>,
    key: K::SelfType<'k>,
    change: &dyn Fn(&[u8]) -> Vec<u8>,
) {
    let mut table = transaction.open_table(table).unwrap();
    let old = table.remove(&key).unwrap().unwrap().value().to_vec();
    table.insert(&key, change(&old).as_slice()).unwrap();
}

#[test]
fn a_complete_check_finds_what_was_changed_in_each_table() {
    let utxo = live(&CHAIN).pop().unwrap();
    let id = *utxo.id.digest().as_bytes();
    let of = *utxo.contract.digest().as_bytes();
    let leaf = u64::from(utxo.slot);
    let (held, burned) = held_and_burned();
    let one = *CHAIN[5].receipts()[1].transaction.digest().as_bytes();
    let package = CHAIN[0].block().deployments[0].packages.first().map(|(_, hash, _)| *hash.digest().as_bytes());
    let package = package
        .or_else(|| CHAIN[3].block().deployments[0].packages.first().map(|(_, hash, _)| *hash.digest().as_bytes()));
    let package = package.unwrap();
    type Tamper<'a> = Box<dyn Fn(&WriteTransaction) + 'a>;
    let cases: Vec<(&str, Tamper<'_>, &str)> = vec![
        ("a header's time", Box::new(|t| change(t, HEADERS, 4, &|old| flip(old, 120))), "of block 5 is"),
        (
            "a header",
            Box::new(|t| drop(t.open_table(HEADERS).unwrap().remove(4).unwrap())),
            "the header of block 4 is missing",
        ),
        (
            "a transaction's arguments",
            Box::new(|t| change(t, TRANSACTIONS, (5, 2), &|old| flip(old, old.len() - 9))),
            "the transactions root of block 5",
        ),
        (
            "a transaction in the middle",
            Box::new(|t| drop(t.open_table(TRANSACTIONS).unwrap().remove((5, 2)).unwrap())),
            "the transaction 2 of block 5 is missing",
        ),
        (
            "the last transaction of a block",
            Box::new(|t| drop(t.open_table(TRANSACTIONS).unwrap().remove((5, 5)).unwrap())),
            "the transactions root of block 5",
        ),
        ("a receipt", Box::new(|t| change(t, RECEIPTS, (6, 0), &|old| flip(old, 40))), "the receipts root of block 6"),
        (
            "a receipt's end",
            Box::new(|t| change(t, RECEIPTS, (6, 0), &|old| old[..old.len() - 1].to_vec())),
            "the receipt 0 of block 6 cannot be read",
        ),
        ("a call", Box::new(|t| change(t, CALLS, 7, &|old| flip(old, 60))), "the claims root of block 7"),
        (
            "a call table",
            Box::new(|t| drop(t.open_table(CALLS).unwrap().remove(7).unwrap())),
            "the call table of block 7 is missing",
        ),
        (
            "a transaction's place",
            Box::new(|t| drop(t.open_table(PLACES).unwrap().insert(&one, (5, 3)).unwrap())),
            "is not found at place 1 of block 5",
        ),
        (
            "an id of no transaction",
            Box::new(|t| drop(t.open_table(PLACES).unwrap().insert(&[9; 32], (5, 3)).unwrap())),
            "the number of ids of transactions",
        ),
        (
            "where a token is",
            Box::new(|t| change(t, TOKENS, &held, &|old| flip(old, old.len() - 32))),
            "is not kept where the receipts say",
        ),
        (
            "a burned token",
            Box::new(|t| drop(t.open_table(TOKENS).unwrap().remove(&burned).unwrap())),
            "the number of tokens",
        ),
        (
            "a token that is not listed",
            Box::new(|t| drop(t.open_table(HELD_TOKENS).unwrap().remove((&of, &held)).unwrap())),
            "the number of listed tokens",
        ),
        (
            "a burned token that is listed",
            Box::new(|t| drop(t.open_table(HELD_TOKENS).unwrap().insert((&of, &burned), ()).unwrap())),
            "is listed as one of",
        ),
        (
            "a UTXO's state",
            Box::new(|t| change(t, UTXOS, &id, &|old| flip(old, old.len() - 60))),
            "is not what the receipts say",
        ),
        ("a UTXO", Box::new(|t| drop(t.open_table(UTXOS).unwrap().remove(&id).unwrap())), "the number of UTXOs"),
        (
            "the height of a consumption",
            Box::new(|t| change(t, UTXOS, &consumed(), &|old| flip(old, 5))),
            "is not what the receipts say",
        ),
        (
            "the contract of a consumed UTXO",
            Box::new(|t| change(t, UTXOS, &consumed(), &|old| flip(old, 13))),
            "is not what the receipts say",
        ),
        (
            "the serial of a consumed UTXO",
            Box::new(|t| change(t, UTXOS, &consumed(), &|old| flip(old, 45))),
            "is not what the receipts say",
        ),
        (
            "a UTXO that lives again",
            Box::new(|t| {
                let mut again = utxo.clone();
                again.id = registry_core::id::UtxoId::from_digest(Digest::from_bytes(consumed()).unwrap());
                let bytes = borsh::to_vec(&UtxoStatus::Live(again)).unwrap();
                t.open_table(UTXOS).unwrap().insert(&consumed(), bytes.as_slice()).unwrap();
            }),
            "two UTXOs are kept at slot",
        ),
        (
            "a serial",
            Box::new(|t| drop(t.open_table(SERIALS).unwrap().insert((&of, utxo.serial), &consumed()).unwrap())),
            "is not kept as",
        ),
        (
            "a serial of nothing",
            Box::new(|t| drop(t.open_table(SERIALS).unwrap().insert((&of, 1_000), &id).unwrap())),
            "the number of serials",
        ),
        (
            "a contract's next serial",
            // Behind it stands how many tokens of one type there are: two lengths of 4 bytes, its name, two numbers.
            Box::new(|t| change(t, CONTRACTS, &of, &|old| flip(old, old.len() - 16 - "coin".len() - 8 - 8))),
            "the next serial of",
        ),
        (
            "how many tokens were burned",
            Box::new(|t| change(t, CONTRACTS, &of, &|old| flip(old, old.len() - 8))),
            "minted and burned, which is not what the receipts say",
        ),
        (
            "a contract",
            Box::new(|t| drop(t.open_table(CONTRACTS).unwrap().remove(&contract(1)).unwrap())),
            "the number of contracts",
        ),
        (
            "a leaf",
            Box::new(|t| drop(t.open_table(NODES).unwrap().insert(leaf, &[0; 32]).unwrap())),
            "level 0 and index",
        ),
        (
            "an inner node",
            Box::new(|t| drop(t.open_table(NODES).unwrap().insert(3 << 32, &id).unwrap())),
            "level 3 and index 0",
        ),
        (
            "a node of the contracts' tree",
            Box::new(|t| drop(t.open_table(NODES).unwrap().insert(1 << 40 | 1 << 32, &id).unwrap())),
            "of the tree of contracts is wrong",
        ),
        (
            "a node that nothing needs",
            Box::new(|t| drop(t.open_table(NODES).unwrap().insert(77 << 32, &id).unwrap())),
            "the number of nodes",
        ),
        (
            "a component",
            Box::new(|t| change(t, COMPONENTS, &contract(0), &|old| flip(old, old.len() - 1))),
            "is not what it is kept as",
        ),
        (
            "a component that no block brought",
            Box::new(|t| drop(t.open_table(COMPONENTS).unwrap().insert(&id, b"bytes".as_slice()).unwrap())),
            "the number of components",
        ),
        (
            "a component's packages",
            Box::new(|t| change(t, CLOSURES, &contract(0), &|_| vec![0; 4])),
            "is not what it is kept as",
        ),
        (
            "a package",
            Box::new(|t| {
                change(t, PACKAGES, &package, &|old| {
                    String::from_utf8(old.to_vec()).unwrap().replacen("func", "funk", 1).into_bytes()
                })
            }),
            "is not what it is kept as",
        ),
        (
            "a package of nothing",
            Box::new(|t| drop(t.open_table(PACKAGES).unwrap().insert(&id, b"bytes".as_slice()).unwrap())),
            "the number of packages",
        ),
    ];
    for (what, tamper, expected) in cases {
        let report = check(tampered(&*tamper)).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let found = report.differences.join("\n");
        assert!(found.contains(expected), "{what}: {found}");
        assert_eq!(report.differences_count, report.differences.len() as u64, "{what}");
    }
}

#[test]
fn a_start_finds_what_was_changed_at_the_end_of_the_chain() {
    let last = CHAIN.len() as u64 - 1;
    let rewritten = |change: &dyn Fn(&mut ledger_core::Header)| {
        let mut header = CHAIN.last().unwrap().header().clone();
        change(&mut header);
        borsh::to_vec(&header).unwrap()
    };
    let root = |tree: u64| tree << 40 | (TREE_DEPTH as u64) << 32;
    let header = |bytes: Vec<u8>| {
        move |t: &WriteTransaction| drop(t.open_table(HEADERS).unwrap().insert(last, bytes.as_slice()).unwrap())
    };
    type Tamper<'a> = Box<dyn Fn(&WriteTransaction) + 'a>;
    let cases: Vec<(&str, Tamper<'_>, &str)> = vec![
        ("the time", Box::new(header(rewritten(&|header| header.moment.time_ms += 1))), "the id of the last block 12"),
        (
            "the height",
            Box::new(header(rewritten(&|header| header.moment.height += 1))),
            "the height of block 12 is 13",
        ),
        (
            "the header below",
            Box::new(|t| change(t, HEADERS, last - 1, &|old| flip(old, old.len() - 1))),
            "the parent of block 12",
        ),
        (
            "the header",
            Box::new(|t| drop(t.open_table(HEADERS).unwrap().remove(last).unwrap())),
            "the header of the last block 12 is missing",
        ),
        (
            "which block is the last",
            Box::new(|t| {
                let tip = (last - 1, CHAIN[CHAIN.len() - 2].id());
                t.open_table(META).unwrap().insert("tip", borsh::to_vec(&tip).unwrap().as_slice()).unwrap();
            }),
            "the height of the last block is 12 and must be 11",
        ),
        (
            "that there is a last block",
            Box::new(|t| drop(t.open_table(META).unwrap().remove("tip").unwrap())),
            "does not say which is the last",
        ),
        (
            "what the chain began with",
            Box::new(|t| drop(t.open_table(META).unwrap().remove("genesis").unwrap())),
            "what the chain began with is missing",
        ),
        (
            "the format",
            Box::new(|t| drop(t.open_table(META).unwrap().insert("format", [4, 0, 0, 0].as_slice()).unwrap())),
            "has format 4, and this program reads format 3",
        ),
        (
            "the root of the UTXOs",
            Box::new(|t| drop(t.open_table(NODES).unwrap().insert(root(0), &[0; 32]).unwrap())),
            "the root of the tree of UTXOs",
        ),
        (
            "the root of the contracts",
            Box::new(|t| drop(t.open_table(NODES).unwrap().insert(root(1), &[0; 32]).unwrap())),
            "the root of the tree of contracts",
        ),
        (
            "a transaction",
            Box::new(|t| change(t, TRANSACTIONS, (last, 0), &|old| flip(old, old.len() - 9))),
            "the transactions root of block 12",
        ),
        (
            "a receipt",
            Box::new(|t| {
                let mut receipt: Receipt = CHAIN.last().unwrap().receipts()[0].clone();
                receipt.gas_used -= 1;
                let bytes = borsh::to_vec(&receipt).unwrap();
                t.open_table(RECEIPTS).unwrap().insert((last, 0), bytes.as_slice()).unwrap();
            }),
            "the receipts root of block 12",
        ),
        ("a call", Box::new(|t| change(t, CALLS, last, &|old| flip(old, 60))), "the claims root of block 12"),
    ];
    for (what, tamper, expected) in cases {
        let disk = tampered(&*tamper);
        let error = RedbStorage::with_backend(disk, &Limits::default()).err().unwrap_or_else(|| panic!("{what}"));
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert!(error.hint().is_some(), "{what}");
    }
}

/// What a reader is given was compared with what the chain commits to.
#[test]
fn reading_finds_what_was_changed() {
    let utxo = live(&CHAIN).pop().unwrap();
    let id = *utxo.id.digest().as_bytes();
    type Read<'a> = Box<dyn Fn(&dyn Snapshot) -> Result<bool, StorageError> + 'a>;
    type Tamper<'a> = Box<dyn Fn(&WriteTransaction) + 'a>;
    let gone = registry_core::id::UtxoId::from_digest(Digest::from_bytes(consumed()).unwrap());
    let cases: Vec<(&str, Tamper<'_>, Read<'_>)> = vec![
        (
            "is not the one that the chain goes on from",
            Box::new(|t| change(t, HEADERS, 4, &|old| flip(old, 120))),
            Box::new(|snapshot| Ok(snapshot.header(4)?.is_some())),
        ),
        (
            "is not what stands in the tree",
            Box::new(|t| change(t, UTXOS, &id, &|old| flip(old, old.len() - 60))),
            Box::new(|snapshot| Ok(snapshot.compared_utxo(&utxo.id)?.is_some())),
        ),
        (
            "is not what stands in the tree",
            Box::new(|t| change(t, UTXOS, &id, &|old| flip(old, old.len() - 60))),
            Box::new(|snapshot| Ok(!snapshot.utxos(None, None, 1_000)?.utxos.is_empty())),
        ),
        (
            "is not what stands in the tree",
            Box::new(|t| change(t, UTXOS, &consumed(), &|old| flip(old, 1))),
            Box::new(|snapshot| Ok(snapshot.compared_utxo(&gone)?.is_some())),
        ),
        (
            "is that of another transaction",
            Box::new(|t| change(t, TRANSACTIONS, (5, 2), &|old| flip(old, old.len() - 9))),
            Box::new(|snapshot| Ok(snapshot.transaction(TransactionPlace { height: 5, index: 2 })?.is_some())),
        ),
    ];
    for (expected, tamper, read) in cases {
        let sound = RedbStorage::with_backend(tampered(&|_| {}), &Limits::default()).unwrap();
        assert!(read(&*sound.snapshot()).unwrap(), "{expected}");
        let storage = RedbStorage::with_backend(tampered(&*tamper), &Limits::default()).unwrap();
        let error = read(&*storage.snapshot()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().unwrap().contains("`ledger check`"));
        assert!(!error.to_string().contains("ledger.redb"), "{error}");
    }
}
