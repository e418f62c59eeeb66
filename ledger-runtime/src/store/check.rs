//! Whether what is kept is what was written: the last block at every start, everything when asked.

use super::error::Fault;
use super::tables::{Tables, Tip, count, decode, deployed_contract, digest};
use ledger_core::{
    CallRow, ContractCounters, ContractRecord, Header, Receipt, State, StateError, TREE_DEPTH, Transaction, Tree,
    TreeUpdate, Utxo, UtxoStatus, chain_root, empty_root, list_root,
};
use redb::{Database, DatabaseError, ReadableTable};
use registry_core::hash::Digest;
use registry_core::id::{BlockId, ComponentHash, PackageHash, TransactionId, UtxoId};
use registry_core::limits::Limits as CoreLimits;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Differences that are told; more are only counted.
const DIFFERENCES_MAX: usize = 100;
/// How often progress is told within a part.
const PROGRESS_STEP: u64 = 1_000;

/// What a complete check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Blocks that were computed again.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// UTXOs, the consumed ones among them.
    pub utxos: u64,
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

/// Computes everything again.
pub(super) fn check(
    tables: &Tables,
    limits: &CoreLimits,
    progress: &mut dyn FnMut(CheckProgress),
) -> Result<CheckReport, Fault> {
    let mut check = Check { tables, limits, progress, report: CheckReport::default() };
    let replay = check.blocks()?;
    let leaves = check.utxos(&replay)?;
    check.serials(&replay)?;
    let contracts = check.contracts(&replay)?;
    check.trees(&leaves, &contracts, replay.last.as_ref())?;
    check.components(&replay)?;
    Ok(check.report)
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

/// What the receipts of all blocks say, one after another.
struct Replay {
    /// By slot.
    utxos: Vec<Replayed>,
    serials: BTreeMap<ComponentHash, u64>,
    tree: MemoryTree,
    deployed: Vec<ComponentHash>,
    last: Option<Header>,
    /// Whether everything could be followed: else what is kept cannot be compared with it.
    is_whole: bool,
}

/// What the receipts say about a UTXO.
struct Replayed {
    utxo: UtxoId,
    contract: ComponentHash,
    serial: u64,
    version: u64,
    leaf: Digest,
    consumed: Option<u64>,
}

impl Replay {
    /// Follows one block; none if its receipts contradict each other or what came before. Gives the root after it.
    fn follow(&mut self, receipts: &[Receipt], height: u64) -> Option<Digest> {
        let mut leaves = BTreeMap::new();
        for receipt in receipts {
            for created in &receipt.created {
                let serial = self.serials.entry(created.contract).or_default();
                if usize::try_from(created.slot).ok()? != self.utxos.len() || created.serial != *serial {
                    return None;
                }
                *serial += 1;
                let (utxo, contract, leaf) = (created.utxo, created.contract, created.leaf);
                let serial = created.serial;
                self.utxos.push(Replayed { utxo, contract, serial, version: 0, leaf, consumed: None });
                leaves.insert(created.slot, leaf);
            }
            for changed in &receipt.changed {
                let known = self.live(changed.slot, &changed.utxo)?;
                (known.version, known.leaf) = (changed.version, changed.leaf);
                leaves.insert(changed.slot, changed.leaf);
            }
            for consumed in &receipt.consumed {
                let known = self.live(consumed.slot, &consumed.utxo)?;
                (known.consumed, known.leaf) = (Some(height), Utxo::tombstone(&consumed.utxo));
                leaves.insert(consumed.slot, known.leaf);
            }
        }
        self.tree.update(&leaves)
    }

    fn live(&mut self, slot: u32, utxo: &UtxoId) -> Option<&mut Replayed> {
        let known = self.utxos.get_mut(usize::try_from(slot).ok()?)?;
        (known.utxo == *utxo && known.consumed.is_none()).then_some(known)
    }
}

/// The nodes of one tree, by level and index. Slots are given one after another, so no level has gaps.
struct MemoryTree(Vec<Vec<Digest>>);

impl MemoryTree {
    fn new() -> Self {
        Self(vec![Vec::new(); TREE_DEPTH + 1])
    }

    fn update(&mut self, leaves: &BTreeMap<u32, Digest>) -> Option<Digest> {
        let update = TreeUpdate::compute(self, Tree::Utxos, leaves).ok()?;
        for node in &update.nodes {
            let level = self.0.get_mut(usize::from(node.level))?;
            let index = usize::try_from(node.index).ok()?;
            match level.get_mut(index) {
                Some(known) => *known = node.digest,
                None => level.push(node.digest),
            }
        }
        Some(update.root)
    }
}

/// Only its nodes are ever asked for.
impl State for MemoryTree {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        Ok(None)
    }

    fn utxo(&self, _: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        Ok(None)
    }

    fn contract(&self, _: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        Ok(None)
    }

    fn transaction_height(&self, _: &TransactionId) -> Result<Option<u64>, StateError> {
        Ok(None)
    }

    fn node(&self, _: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        let level = self.0.get(usize::from(level));
        Ok(level.zip(usize::try_from(index).ok()).and_then(|(level, index)| level.get(index)).copied())
    }
}

struct Check<'a> {
    tables: &'a Tables,
    limits: &'a CoreLimits,
    progress: &'a mut dyn FnMut(CheckProgress),
    report: CheckReport,
}

impl Check<'_> {
    fn tell(&mut self, part: &'static str, done: u64, total: u64) {
        if done.is_multiple_of(PROGRESS_STEP) || done == total {
            (self.progress)(CheckProgress { part, done, total });
        }
    }

    /// Every block against its header, its transactions' places, and the root that follows from its receipts.
    fn blocks(&mut self) -> Result<Replay, Fault> {
        let mut replay = Replay {
            utxos: Vec::new(),
            serials: BTreeMap::new(),
            tree: MemoryTree::new(),
            deployed: Vec::new(),
            last: None,
            is_whole: true,
        };
        let Some(tip) = self.tables.tip()? else { return Ok(replay) };
        for height in 0..=tip.height {
            self.tell("blocks", height, tip.height);
            let header = self.report.readable(self::header(self.tables, height))?;
            if let Some(header) = &header {
                check_header(&mut self.report, header, replay.last.as_ref(), height);
            }
            match Content::read(&mut self.report, self.tables, height)? {
                Some(content) => self.content(&mut replay, &content, header.as_ref(), height)?,
                None => replay.is_whole = false,
            }
            replay.last = header.or(replay.last);
        }
        if let Some(last) = &replay.last {
            check_end(&mut self.report, self.tables, last, tip)?;
        }
        let (places, transactions) = (count(&self.tables.places)?, self.report.transactions);
        self.report.expect(|| "the number of ids of transactions".to_owned(), places, transactions);
        Ok(replay)
    }

    fn content(
        &mut self,
        replay: &mut Replay,
        content: &Content,
        header: Option<&Header>,
        height: u64,
    ) -> Result<(), Fault> {
        self.report.blocks += 1;
        self.report.transactions += content.ids.len() as u64;
        replay.deployed.extend(content.transactions.iter().filter_map(deployed_contract));
        self.places(content, height)?;
        let root = if replay.is_whole { replay.follow(&content.receipts, height) } else { None };
        if replay.is_whole && root.is_none() {
            self.report.differs(format!("the receipts of block {height} do not fit those before them"));
            replay.is_whole = false;
        }
        let Some(header) = header else { return Ok(()) };
        content.check_roots(&mut self.report, header);
        if let Some(root) = root {
            let of = |what: &'static str| move || format!("the {what} of block {height}");
            self.report.expect(of("new root"), root.to_hex(), header.new_root.to_hex());
            self.report.expect(of("next slot"), replay.utxos.len() as u64, header.next_slot.into());
            let contracts = replay.deployed.len() as u64;
            self.report.expect(of("next contract slot"), contracts, header.next_contract_slot.into());
        }
        Ok(())
    }

    fn places(&mut self, content: &Content, height: u64) -> Result<(), Fault> {
        if content.ids.len() != content.receipts.len() {
            self.report.differs(format!("block {height} has not one receipt for each transaction"));
        }
        for ((index, id), receipt) in (0..).zip(&content.ids).zip(&content.receipts) {
            self.report.expect(|| format!("receipt {index} of block {height}"), receipt.transaction, *id);
            let place = self.tables.place(id)?.map(|place| (place.height, place.index));
            if place != Some((height, index)) {
                self.report.differs(format!("the transaction {id} is not found at place {index} of block {height}"));
            }
        }
        Ok(())
    }

    /// Every UTXO against what the receipts say. Gives the leaves of the tree.
    fn utxos(&mut self, replay: &Replay) -> Result<BTreeMap<u32, Digest>, Fault> {
        let total = count(&self.tables.utxos)?;
        let mut leaves = BTreeMap::new();
        for entry in self.tables.utxos.iter()? {
            let (key, value) = entry?;
            self.report.utxos += 1;
            self.tell("UTXOs", self.report.utxos, total);
            let id = UtxoId::from_digest(digest(key.value())?);
            let stored = decode(value.value(), || format!("the UTXO {id}"));
            let Some(stored) = self.report.readable(stored)? else { continue };
            let (slot, leaf) = self.utxo(replay, id, stored);
            if leaves.insert(slot, leaf).is_some() {
                self.report.differs(format!("two UTXOs are kept at slot {slot}"));
            }
        }
        if replay.is_whole {
            self.report.expect(|| "the number of UTXOs".to_owned(), total, replay.utxos.len() as u64);
        }
        Ok(leaves)
    }

    fn utxo(&mut self, replay: &Replay, id: UtxoId, stored: UtxoStatus) -> (u32, Digest) {
        let (slot, leaf, consumed, live) = match stored {
            UtxoStatus::Live(utxo) => {
                self.report.expect(|| "a UTXO's id".to_owned(), utxo.id, id);
                (utxo.slot, utxo.leaf(), None, Some((utxo.contract, utxo.serial, utxo.version)))
            }
            UtxoStatus::Consumed { slot, height } => (slot, Utxo::tombstone(&id), Some(height), None),
        };
        if replay.is_whole {
            let known = usize::try_from(slot).ok().and_then(|slot| replay.utxos.get(slot));
            let is_same = known.is_some_and(|known| {
                let identity = (known.contract, known.serial, known.version);
                (known.utxo, known.leaf, known.consumed) == (id, leaf, consumed)
                    && live.is_none_or(|live| live == identity)
            });
            if !is_same {
                self.report.differs(format!("the UTXO {id} at slot {slot} is not what the receipts say"));
            }
        }
        (slot, leaf)
    }

    /// The second names of UTXOs against the receipts.
    fn serials(&mut self, replay: &Replay) -> Result<(), Fault> {
        if !replay.is_whole {
            return Ok(());
        }
        for known in &replay.utxos {
            let Replayed { utxo, contract, serial, .. } = known;
            let kept = self.report.readable(self.tables.utxo_by_serial(contract, *serial))?.flatten();
            if kept != Some(*utxo) {
                self.report.differs(format!("{contract}#{serial} is not kept as {utxo}"));
            }
        }
        let serials = count(&self.tables.serials)?;
        self.report.expect(|| "the number of serials".to_owned(), serials, replay.utxos.len() as u64);
        Ok(())
    }

    /// Every contract against what the receipts say. Gives the leaves of their tree.
    fn contracts(&mut self, replay: &Replay) -> Result<BTreeMap<u32, Digest>, Fault> {
        let mut leaves = BTreeMap::new();
        for entry in self.tables.contracts.iter()? {
            let (key, value) = entry?;
            self.report.contracts += 1;
            let contract = ComponentHash::from_digest(digest(key.value())?);
            let stored = decode(value.value(), || format!("the record of the contract {contract}"));
            let Some((record, counters)) = self.report.readable::<(ContractRecord, ContractCounters)>(stored)? else {
                continue;
            };
            leaves.insert(record.slot, record.leaf(&counters));
            self.report.expect(|| "a contract's hash".to_owned(), record.contract, contract);
            if replay.is_whole {
                let serial = replay.serials.get(&contract).copied().unwrap_or_default();
                self.report.expect(|| format!("the next serial of {contract}"), counters.next_serial, serial);
                let at_slot = usize::try_from(record.slot).ok().and_then(|slot| replay.deployed.get(slot));
                if at_slot != Some(&contract) {
                    self.report.differs(format!("the contract {contract} was not deployed at slot {}", record.slot));
                }
            }
        }
        if replay.is_whole {
            let (contracts, deployed) = (self.report.contracts, replay.deployed.len() as u64);
            self.report.expect(|| "the number of contracts".to_owned(), contracts, deployed);
        }
        Ok(leaves)
    }

    /// Every node against the leaves, and the roots against the last header.
    fn trees(
        &mut self,
        utxos: &BTreeMap<u32, Digest>,
        contracts: &BTreeMap<u32, Digest>,
        last: Option<&Header>,
    ) -> Result<(), Fault> {
        let total = count(&self.tables.nodes)?;
        let roots = last.map_or_else(|| (empty_root(), empty_root()), |last| (last.new_root, last.contracts_root));
        for (tree, leaves, root) in [(Tree::Utxos, utxos, roots.0), (Tree::Contracts, contracts, roots.1)] {
            let computed = TreeUpdate::compute(&MemoryTree::new(), tree, leaves)
                .map_err(|error| Fault::Damaged(error.to_string()))?;
            self.report.expect(|| format!("the root of all {}", name(tree)), computed.root.to_hex(), root.to_hex());
            for node in &computed.nodes {
                self.report.nodes += 1;
                self.tell("trees", self.report.nodes, total);
                let kept = self.report.readable(self.tables.node(tree, node.level, node.index))?.flatten();
                if kept != Some(node.digest) {
                    let place = format!("level {} and index {}", node.level, node.index);
                    self.report.differs(format!("the node at {place} of the tree of {} is wrong", name(tree)));
                }
            }
        }
        let nodes = self.report.nodes;
        self.report.expect(|| "the number of nodes".to_owned(), total, nodes);
        Ok(())
    }

    /// Every component and every package against its hash.
    fn components(&mut self, replay: &Replay) -> Result<(), Fault> {
        let mut packages = BTreeSet::new();
        let total = replay.deployed.len() as u64;
        for (done, contract) in (1..).zip(&replay.deployed) {
            self.tell("components", done, total);
            packages.extend(self.report.readable(self.tables.closure(contract))?.unwrap_or_default());
            self.component(contract)?;
        }
        let kept = count(&self.tables.packages)?;
        self.report.packages = kept;
        self.report.expect(|| "the number of packages".to_owned(), kept, packages.len() as u64);
        let (components, closures) = (count(&self.tables.components)?, count(&self.tables.closures)?);
        self.report.expect(|| "the number of components".to_owned(), components, total);
        self.report.expect(|| "the number of lists of packages".to_owned(), closures, total);
        Ok(())
    }

    fn component(&mut self, contract: &ComponentHash) -> Result<(), Fault> {
        let verified = self.report.readable(self.tables.verified_component(contract, self.limits))?;
        let record = self.report.readable(self.tables.contract(contract))?.flatten();
        match (verified, record) {
            (Some(Some(fetched)), Some((record, _))) => {
                self.report.expect(|| format!("the view of {contract}"), fetched.component.view_id(), record.view);
                let packages: BTreeMap<String, PackageHash> = record.packages.into_iter().collect();
                let closure = fetched.component.closure().packages.iter();
                let kept = closure.map(|package| (package.name.to_string(), package.hash)).collect();
                if packages != kept {
                    self.report.differs(format!("the packages of {contract} are not those of its record"));
                }
            }
            (Some(None), _) => self.report.differs(format!("the component {contract} is missing")),
            _ => {}
        }
        Ok(())
    }
}
