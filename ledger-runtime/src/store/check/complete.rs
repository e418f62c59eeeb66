//! Everything that is kept, computed again from the oldest block on.

use super::super::error::Fault;
use super::super::tables::{KeptToken, Tables, TokenPlace, count, decode, deployed_contract, digest};
use super::replay::{MemoryTree, Replay, Replayed};
use super::{CheckProgress, CheckReport, Content, check_end, check_header, header, name};
use crate::admission::external_ids;
use ledger_core::{
    ContractCounters, ContractRecord, ExternalId, Header, Tree, TreeUpdate, Utxo, UtxoStatus, empty_root,
};
use redb::ReadableTable;
use registry_core::component::VerifiedComponent;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, PackageHash, TokenId, UtxoId};
use registry_core::limits::Limits as CoreLimits;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// How often progress is told within a part.
const PROGRESS_STEP: u64 = 1_000;

/// Computes everything again.
pub(in super::super) fn check(
    tables: &Tables,
    limits: &CoreLimits,
    progress: &mut dyn FnMut(CheckProgress),
) -> Result<CheckReport, Fault> {
    let mut check = Check { held_tokens: 0, tables, limits, progress, report: CheckReport::default() };
    let replay = check.blocks()?;
    let leaves = check.utxos(&replay)?;
    check.serials(&replay)?;
    check.tokens(&replay)?;
    let contracts = check.contracts(&replay)?;
    check.trees(&leaves, &contracts, replay.last.as_ref())?;
    check.components(&replay)?;
    Ok(check.report)
}

struct Check<'a> {
    /// Tokens in the UTXOs that were looked at.
    held_tokens: u64,
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
        let mut replay = Replay::new();
        let Some(tip) = self.tables.tip()? else { return Ok(replay) };
        for height in 0..=tip.height {
            self.tell("blocks", height, tip.height);
            let header = self.report.readable(header(self.tables, height))?;
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
            let Some(id) = self.report.readable(digest(key.value()))?.map(UtxoId::from_digest) else { continue };
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
        let (slot, leaf, consumed, identity, version) = match stored {
            UtxoStatus::Live(utxo) => {
                self.report.expect(|| "a UTXO's id".to_owned(), utxo.id, id);
                self.tokens_of(replay, &utxo);
                (utxo.slot, utxo.leaf(), None, (utxo.contract, utxo.serial), Some(utxo.version))
            }
            // No receipt has the name of the type: that is found out by executing the chain again.
            UtxoStatus::Consumed { slot, height, contract, serial, .. } => {
                (slot, Utxo::tombstone(&id), Some(height), (contract, serial), None)
            }
        };
        if replay.is_whole {
            let known = usize::try_from(slot).ok().and_then(|slot| replay.utxos.get(slot));
            let is_same = known.is_some_and(|known| {
                (known.utxo, known.leaf, known.consumed) == (id, leaf, consumed)
                    && (known.contract, known.serial) == identity
                    && version.is_none_or(|version| version == known.version)
            });
            if !is_same {
                self.report.differs(format!("the UTXO {id} at slot {slot} is not what the receipts say"));
            }
        }
        (slot, leaf)
    }

    /// The tokens that a UTXO holds against what the receipts say. That no other UTXO holds one follows from their number.
    fn tokens_of(&mut self, replay: &Replay, utxo: &Utxo) {
        for token in utxo.content.tokens.iter().filter(|_| replay.is_whole) {
            let place = TokenPlace::Held(utxo.id);
            let held = KeptToken { contract: token.contract, type_name: token.type_name.clone(), place };
            if replay.tokens.get(&token.id) != Some(&held) {
                self.report
                    .differs(format!("the token {} that {} holds is not what the receipts say", token.id, utxo.id));
            }
        }
        self.held_tokens += utxo.content.tokens.len() as u64;
    }

    /// Where each token is against the receipts, and the list of those that are held.
    fn tokens(&mut self, replay: &Replay) -> Result<(), Fault> {
        self.report.tokens = count(&self.tables.tokens)?;
        if !replay.is_whole {
            return Ok(());
        }
        for (id, known) in &replay.tokens {
            if self.report.readable(self.tables.kept_token(id))?.flatten().as_ref() != Some(known) {
                self.report.differs(format!("the token {id} is not kept where the receipts say that it is"));
            }
        }
        let is_held = |known: &KeptToken| matches!(known.place, TokenPlace::Held(_));
        let listed = self.tables.held_tokens.iter()?;
        for entry in listed {
            let (key, _) = entry?;
            let (contract, id) = key.value();
            let Some(contract) = self.report.readable(digest(contract))?.map(ComponentHash::from_digest) else {
                continue;
            };
            let Some(id) = self.report.readable(digest(id))?.map(TokenId::from_digest) else { continue };
            if !replay.tokens.get(&id).is_some_and(|known| known.contract == contract && is_held(known)) {
                self.report.differs(format!("the token {id} is listed as one of {contract} that is held"));
            }
        }
        let held = replay.tokens.values().filter(|known| is_held(known)).count() as u64;
        let kept = self.report.tokens;
        self.report.expect(|| "the number of tokens".to_owned(), kept, replay.tokens.len() as u64);
        self.report.expect(|| "the number of listed tokens".to_owned(), count(&self.tables.held_tokens)?, held);
        self.report.expect(|| "the number of tokens that UTXOs hold".to_owned(), self.held_tokens, held);
        Ok(())
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
        let mut supply = replay.supply();
        for entry in self.tables.contracts.iter()? {
            let (key, value) = entry?;
            self.report.contracts += 1;
            let contract = self.report.readable(digest(key.value()))?.map(ComponentHash::from_digest);
            let Some(contract) = contract else { continue };
            let stored = decode(value.value(), || format!("the record of the contract {contract}"));
            let Some((record, counters)) = self.report.readable::<(ContractRecord, ContractCounters)>(stored)? else {
                continue;
            };
            leaves.insert(record.slot, record.leaf(&counters));
            self.report.expect(|| "a contract's hash".to_owned(), record.contract, contract);
            if replay.is_whole {
                let serial = replay.serials.get(&contract).copied().unwrap_or_default();
                self.report.expect(|| format!("the next serial of {contract}"), counters.next_serial, serial);
                if counters.tokens != supply.remove(&contract).unwrap_or_default() {
                    let what = "minted and burned, which is not what the receipts say";
                    self.report.differs(format!("{contract} counts other tokens {what}"));
                }
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
        let (mut packages, mut earlier) = (BTreeSet::new(), BTreeMap::new());
        let total = replay.deployed.len() as u64;
        for (done, contract) in (1..).zip(&replay.deployed) {
            self.tell("components", done, total);
            packages.extend(self.report.readable(self.tables.closure(contract))?.unwrap_or_default());
            if let Some(sha256) = self.component(contract, &earlier)? {
                earlier.insert(*contract, sha256);
            }
        }
        let kept = count(&self.tables.packages)?;
        self.report.packages = kept;
        self.report.expect(|| "the number of packages".to_owned(), kept, packages.len() as u64);
        let (components, closures) = (count(&self.tables.components)?, count(&self.tables.closures)?);
        self.report.expect(|| "the number of components".to_owned(), components, total);
        self.report.expect(|| "the number of lists of packages".to_owned(), closures, total);
        let digests = count(&self.tables.sha256)?;
        self.report.expect(|| "the number of SHA-256 digests of components".to_owned(), digests, total);
        Ok(())
    }

    /// `earlier` are the contracts that were deployed before this one, with the SHA-256 of their components. Gives that of
    /// this one.
    fn component(
        &mut self,
        contract: &ComponentHash,
        earlier: &BTreeMap<ComponentHash, [u8; 32]>,
    ) -> Result<Option<[u8; 32]>, Fault> {
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
                self.imports(&fetched.component, &record.imports, earlier);
                let sha256 = Sha256::digest(&fetched.bytes).into();
                if self.report.readable(self.tables.contract_by_sha256(&sha256))?.flatten() != Some(*contract) {
                    self.report.differs(format!("{contract} is not found by the SHA-256 of its component"));
                }
                return Ok(Some(sha256));
            }
            (Some(None), _) => self.report.differs(format!("the component {contract} is missing")),
            _ => {}
        }
        Ok(None)
    }

    /// What a contract's record pins against what its component names, and against what was deployed before it.
    fn imports(
        &mut self,
        component: &VerifiedComponent,
        pinned: &BTreeMap<String, ComponentHash>,
        earlier: &BTreeMap<ComponentHash, [u8; 32]>,
    ) {
        let contract = component.hash();
        let named = component.world().and_then(|world| external_ids(component.wit().resolve(), world).ok());
        let named: Option<BTreeSet<String>> = named.map(|named| named.iter().map(ToString::to_string).collect());
        if named.is_none_or(|named| !named.iter().eq(pinned.keys())) {
            self.report.differs(format!("the imports of {contract} are not those of its record"));
        }
        for (id, import) in pinned {
            let is_meant = match (id.parse(), earlier.get(import)) {
                (Ok(ExternalId::Contract(hash)), Some(_)) => hash == *import,
                (Ok(ExternalId::Sha256(digest)), Some(sha256)) => digest == *sha256,
                _ => false,
            };
            if !is_meant {
                let reason = "which it is not, or which was not deployed before";
                self.report.differs(format!("{contract} has the import `{id}` as {import}, {reason}"));
            }
        }
    }
}
