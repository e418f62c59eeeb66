//! The batched tree against one that is computed node by node, and its openings.

use crate::naive;
use crate::support::digest;
use ledger_core::{MemoryState, Opening, State, TREE_DEPTH, Tree, TreeUpdate, empty_root, list_root};
use proptest::prelude::*;
use registry_core::hash::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Slots that lie together as blocks make them, and some far away.
fn slot() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..200u32, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn batch() -> impl Strategy<Value = BTreeMap<u32, Digest>> {
    prop::collection::btree_map(slot(), any::<u64>().prop_map(digest), 0..40)
}

fn write(state: &mut MemoryState, leaves: &BTreeMap<u32, Digest>) -> TreeUpdate {
    let update = TreeUpdate::compute(state, Tree::Utxos, leaves).unwrap();
    state.write_nodes(Tree::Utxos, &update.nodes);
    update
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn batches_give_the_root_of_all_leaves(batches in prop::collection::vec(batch(), 1..5)) {
        let (mut state, mut leaves) = (MemoryState::default(), BTreeMap::new());
        for batch in &batches {
            leaves.extend(batch);
            let update = write(&mut state, batch);
            prop_assert_eq!(update.root, naive::tree_root(&leaves));
            // Each node once: as many as the batch has different ancestors on each level.
            let ancestors = |level: u32| batch.keys().map(|slot| u64::from(*slot) >> level).collect::<BTreeSet<_>>();
            let expected: usize = (0..=32).map(|level| ancestors(level).len()).sum();
            prop_assert_eq!(update.nodes.len(), expected);
            prop_assert!(update.nodes.is_sorted());
        }
        let root = naive::tree_root(&leaves);
        for (slot, leaf) in &leaves {
            let opening = Opening::read(&state, Tree::Utxos, *slot).unwrap();
            prop_assert!(opening.verify(&root, leaf));
        }
    }

    #[test]
    fn an_opening_fails_when_anything_is_changed(
        leaves in batch().prop_filter("one leaf", |leaves| !leaves.is_empty()),
        place in any::<prop::sample::Index>(),
        other in any::<u64>(),
        level in 0..TREE_DEPTH,
    ) {
        let mut state = MemoryState::default();
        let root = write(&mut state, &leaves).root;
        let entries: Vec<_> = leaves.iter().collect();
        let (slot, leaf) = *place.get(&entries);
        let opening = Opening::read(&state, Tree::Utxos, *slot).unwrap();
        prop_assert!(opening.verify(&root, leaf));
        prop_assert!(!opening.verify(&root, &digest(other)));
        prop_assert!(!opening.verify(&root, &Digest::ZERO));
        prop_assert!(!opening.verify(&digest(other), leaf));
        let moved = Opening { slot: slot ^ (1 << level), ..opening.clone() };
        prop_assert!(!moved.verify(&root, leaf));
        let mut changed = opening;
        changed.siblings[level] = digest(other);
        prop_assert!(!changed.verify(&root, leaf));
    }

    #[test]
    fn what_was_never_used_is_proven_by_zero(leaves in batch(), slot in slot()) {
        let mut state = MemoryState::default();
        let root = write(&mut state, &leaves).root;
        let opening = Opening::read(&state, Tree::Utxos, slot).unwrap();
        prop_assert_eq!(opening.verify(&root, &Digest::ZERO), !leaves.contains_key(&slot));
    }

    #[test]
    fn a_list_has_the_root_of_its_definition(numbers in prop::collection::vec(any::<u64>(), 0..70)) {
        let digests: Vec<Digest> = numbers.into_iter().map(digest).collect();
        prop_assert_eq!(list_root(&digests), naive::list_root(&digests));
    }
}

#[test]
fn a_tree_without_leaves_has_the_empty_root() {
    let state = MemoryState::default();
    let update = TreeUpdate::compute(&state, Tree::Utxos, &BTreeMap::new()).unwrap();
    assert_eq!((update.root, update.nodes.len()), (empty_root(), 0));
    assert_eq!(empty_root(), naive::empty_root(32));
}

#[test]
fn an_update_without_leaves_keeps_the_root() {
    let mut state = MemoryState::default();
    let root = write(&mut state, &BTreeMap::from([(7, digest(7))])).root;
    assert_eq!(write(&mut state, &BTreeMap::new()), TreeUpdate { root, nodes: Vec::new() });
    assert_eq!(state.node(Tree::Utxos, TREE_DEPTH as u8, 0).unwrap(), Some(root));
    assert_eq!(state.node(Tree::Contracts, TREE_DEPTH as u8, 0).unwrap(), None, "the trees are apart");
}

#[test]
fn lists_of_zeros_and_of_pairs_differ() {
    let (zero, one, two) = (Digest::ZERO, digest(1), digest(2));
    let lists: [&[Digest]; 8] =
        [&[], &[zero], &[zero, zero], &[zero, zero, zero], &[one], &[one, two], &[two, one], &[list_root(&[one, two])]];
    let roots: BTreeSet<Digest> = lists.iter().map(|list| list_root(list)).collect();
    assert_eq!(roots.len(), lists.len());
}
