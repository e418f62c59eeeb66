//! Whether what is kept is what was written: the last block at every start, everything when asked.

mod complete;
mod replay;

pub(super) use complete::check;

use super::error::Fault;
use super::tables::{Tables, Tip};
use ledger_core::{CallRow, Header, Receipt, TREE_DEPTH, Transaction, Tree, chain_root, empty_root, list_root};
use redb::{Database, DatabaseError, ReadableTable};
use registry_core::hash::Digest;
use registry_core::id::{BlockId, TransactionId};
use std::fmt::Display;

/// Differences that are told; more are only counted.
const DIFFERENCES_MAX: usize = 100;

/// What a complete check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Blocks that were computed again.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// UTXOs, the consumed ones among them.
    pub utxos: u64,
    /// Tokens, the burned ones among them.
    pub tokens: u64,
    /// Contracts.
    pub contracts: u64,
    /// Nodes of both trees.
    pub nodes: u64,
    /// Packages.
    pub packages: u64,
    /// What is not as it must be, the first ones of it.
    pub differences: Vec<String>,
    /// How much is not as it must be.
    pub differences_count: u64,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckProgress {
    /// What is being compared: `blocks`, `UTXOs`, `trees`, `components`.
    pub part: &'static str,
    /// How many of them are done.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

impl CheckReport {
    /// Whether everything is as it must be.
    pub fn is_sound(&self) -> bool {
        self.differences_count == 0
    }

    fn differs(&mut self, difference: String) {
        self.differences_count += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        }
    }

    fn expect<T: PartialEq + Display>(&mut self, what: impl FnOnce() -> String, found: T, expected: T) {
        if found != expected {
            self.differs(format!("{} is {found} and must be {expected}", what()));
        }
    }

    /// What was read, or nothing after telling that it could not be read. A failure of the database ends the check.
    fn readable<T>(&mut self, read: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Damaged(what)) => {
                self.differs(what);
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }
}

/// Checks what a node relies on when it starts: the last block, that it follows from the one below it, and that its roots
/// are those of what is kept.
pub(super) fn check_tip(tables: &Tables) -> Result<(), Fault> {
    let mut report = CheckReport::default();
    let Some(tip) = tables.tip()? else {
        return match tables.headers.last()? {
            None => Ok(()),
            Some(_) => Err(Fault::Damaged("it has blocks, and does not say which is the last".to_owned())),
        };
    };
    let header = header(tables, tip.height)?;
    let below = tip.height.checked_sub(1).map(|height| self::header(tables, height)).transpose()?;
    check_header(&mut report, &header, below.as_ref(), tip.height);
    check_end(&mut report, tables, &header, tip)?;
    if let Some(content) = Content::read(&mut report, tables, tip.height)? {
        content.check_roots(&mut report, &header);
    }
    for (tree, root) in [(Tree::Utxos, header.new_root), (Tree::Contracts, header.contracts_root)] {
        let kept = tables.node(tree, ROOT_LEVEL, 0)?.unwrap_or_else(empty_root);
        report.expect(|| format!("the root of the tree of {}", name(tree)), kept.to_hex(), root.to_hex());
    }
    if report.is_sound() { Ok(()) } else { Err(Fault::Damaged(report.differences.join("; "))) }
}

/// Checks the structure of the file itself: every page against its checksum, and which pages are in use.
pub(super) fn check_file(database: &mut Database, report: &mut CheckReport) -> Result<(), Fault> {
    match database.check_integrity() {
        Ok(true) => Ok(()),
        Ok(false) => {
            report.differs("the structure of the database file was broken, and has been repaired".to_owned());
            Ok(())
        }
        Err(DatabaseError::Storage(redb::StorageError::Corrupted(what))) => {
            report.differs(format!("the structure of the database file is broken: {what}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

const ROOT_LEVEL: u8 = TREE_DEPTH as u8;

fn name(tree: Tree) -> &'static str {
    match tree {
        Tree::Utxos => "UTXOs",
        Tree::Contracts => "contracts",
    }
}

fn header(tables: &Tables, height: u64) -> Result<Header, Fault> {
    tables.header(height)?.ok_or_else(|| Fault::Damaged(format!("the header of block {height} is missing")))
}

/// Whether a header is the one at its height and follows from the one below it.
fn check_header(report: &mut CheckReport, header: &Header, below: Option<&Header>, height: u64) {
    let of = |what: &str| format!("the {what} of block {height}");
    report.expect(|| of("height"), header.moment.height, height);
    let Some(below) = below else {
        report.expect(|| of("parent"), header.parent, BlockId::from_digest(Digest::ZERO));
        report.expect(|| of("old root"), header.old_root.to_hex(), empty_root().to_hex());
        return;
    };
    report.expect(|| of("hash version"), header.hash_version, below.hash_version);
    report.expect(|| of("chain"), &header.chain, &below.chain);
    report.expect(|| of("profile"), header.profile.0.to_hex(), below.profile.0.to_hex());
    report.expect(|| of("parent"), header.parent, below.id());
    report.expect(|| of("old root"), header.old_root.to_hex(), below.new_root.to_hex());
    if header.moment.time_ms < below.moment.time_ms || header.moment.slot < below.moment.slot {
        report.differs(format!("the time of block {height} is before that of the block below it"));
    }
}

/// Whether this is the last block, and the one that was written last.
fn check_end(report: &mut CheckReport, tables: &Tables, header: &Header, tip: Tip) -> Result<(), Fault> {
    report.expect(|| format!("the id of the last block {}", tip.height), header.id(), tip.block);
    let highest = tables.headers.last()?.map(|(height, _)| height.value());
    report.expect(|| "the height of the last block".to_owned(), highest.unwrap_or_default(), tip.height);
    if tables.genesis()?.is_none() {
        report.differs("what the chain began with is missing".to_owned());
    }
    Ok(())
}

/// What stands in a block.
struct Content {
    transactions: Vec<Transaction>,
    ids: Vec<TransactionId>,
    receipts: Vec<Receipt>,
    calls: Vec<CallRow>,
}

impl Content {
    /// None, and something in the report, if it cannot be read.
    fn read(report: &mut CheckReport, tables: &Tables, height: u64) -> Result<Option<Self>, Fault> {
        let transactions = report.readable(tables.transactions(height))?;
        let receipts = report.readable(tables.receipts(height))?;
        let calls = report.readable(tables.calls(height))?;
        let (Some(transactions), Some(receipts), Some(calls)) = (transactions, receipts, calls) else {
            return Ok(None);
        };
        let Some(calls) = calls else {
            report.differs(format!("the call table of block {height} is missing"));
            return Ok(None);
        };
        let ids = transactions.iter().map(Transaction::id).collect();
        Ok(Some(Self { transactions, ids, receipts, calls }))
    }

    fn check_roots(&self, report: &mut CheckReport, header: &Header) {
        let of = |what: &'static str| move || format!("the {what} root of block {}", header.moment.height);
        let transactions: Vec<Digest> = self.ids.iter().map(|id| *id.digest()).collect();
        let receipts: Vec<Digest> = self.receipts.iter().map(Receipt::digest).collect();
        let claims = chain_root(self.calls.iter().map(CallRow::digest));
        report.expect(of("transactions"), list_root(&transactions).to_hex(), header.transactions_root.to_hex());
        report.expect(of("receipts"), list_root(&receipts).to_hex(), header.receipts_root.to_hex());
        report.expect(of("claims"), claims.to_hex(), header.claims_root.to_hex());
    }
}
