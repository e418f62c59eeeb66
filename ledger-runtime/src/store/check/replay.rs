//! The history that the receipts of all blocks tell, followed from the first block on.

use super::super::tables::{KeptToken, TokenPlace};
use ledger_core::{
    ContractCounters, ContractRecord, Header, Receipt, State, StateError, TREE_DEPTH, TokenSupply, Tree, TreeUpdate,
    Utxo, UtxoStatus,
};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::BTreeMap;

/// What the receipts of all blocks say, one after another.
pub(super) struct Replay {
    /// By slot.
    pub(super) utxos: Vec<Replayed>,
    pub(super) serials: BTreeMap<ComponentHash, u64>,
    pub(super) tokens: BTreeMap<TokenId, KeptToken>,
    tree: MemoryTree,
    pub(super) deployed: Vec<ComponentHash>,
    pub(super) last: Option<Header>,
    /// Whether everything could be followed: else what is kept cannot be compared with it.
    pub(super) is_whole: bool,
}

/// What the receipts say about a UTXO.
pub(super) struct Replayed {
    pub(super) utxo: UtxoId,
    pub(super) contract: ComponentHash,
    pub(super) serial: u64,
    pub(super) version: u64,
    pub(super) leaf: Digest,
    pub(super) consumed: Option<u64>,
}

impl Replay {
    /// Before the first block.
    pub(super) fn new() -> Self {
        Self {
            utxos: Vec::new(),
            serials: BTreeMap::new(),
            tokens: BTreeMap::new(),
            tree: MemoryTree::new(),
            deployed: Vec::new(),
            last: None,
            is_whole: true,
        }
    }

    /// Follows one block; none if its receipts contradict each other or what came before. Gives the root after it.
    pub(super) fn follow(&mut self, receipts: &[Receipt], height: u64) -> Option<Digest> {
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
            for change in &receipt.tokens {
                let place = self.tokens.get(&change.token).map(|known| known.place);
                if place != change.from.map(TokenPlace::Held) {
                    return None;
                }
                self.tokens.insert(change.token, KeptToken::after(change, height));
            }
        }
        self.tree.update(&leaves)
    }

    /// How many tokens of each type each contract has had.
    pub(super) fn supply(&self) -> BTreeMap<ComponentHash, BTreeMap<String, TokenSupply>> {
        let mut supply: BTreeMap<ComponentHash, BTreeMap<String, TokenSupply>> = BTreeMap::new();
        for KeptToken { contract, type_name, place } in self.tokens.values() {
            let of_type = supply.entry(*contract).or_default().entry(type_name.clone()).or_default();
            of_type.minted += 1;
            of_type.burned += u64::from(matches!(place, TokenPlace::Burned(_)));
        }
        supply
    }

    fn live(&mut self, slot: u32, utxo: &UtxoId) -> Option<&mut Replayed> {
        let known = self.utxos.get_mut(usize::try_from(slot).ok()?)?;
        (known.utxo == *utxo && known.consumed.is_none()).then_some(known)
    }
}

/// The nodes of one tree, by level and index. Slots are given one after another, so no level has gaps.
pub(super) struct MemoryTree(Vec<Vec<Digest>>);

impl MemoryTree {
    pub(super) fn new() -> Self {
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
