//! The positional tree: a binary Merkle tree of depth 32 in which every place has a number, its slot.
//!
//! What is proven about a slot is one path, whether it says "this lives", "this was consumed" or "this was never used".

use crate::domain;
use crate::{State, StateError, Tree};
use registry_core::hash::{Digest, merge, merge_pairs};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Levels above the leaves: there are 2^32 slots.
pub const TREE_DEPTH: usize = 32;

/// The root of a tree of which no slot was ever used.
pub fn empty_root() -> Digest {
    EMPTY[TREE_DEPTH]
}

/// What a subtree without leaves has as its root, by its level.
static EMPTY: LazyLock<[Digest; TREE_DEPTH + 1]> = LazyLock::new(|| {
    let mut roots = [Digest::ZERO; TREE_DEPTH + 1];
    for level in 0..TREE_DEPTH {
        roots[level + 1] = merge(domain::TREE, &roots[level], &roots[level]);
    }
    roots
});

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeNode {
    /// Its level: 0 for a leaf, [`TREE_DEPTH`] for the root.
    pub level: u8,
    /// Its number on the level, counted from the left; a leaf's is its slot.
    pub index: u32,
    /// What stands there.
    pub digest: Digest,
}

/// A tree after some of its leaves were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeUpdate {
    /// The new root.
    pub root: Digest,
    /// Every node that was computed anew, the leaves and the root among them; level by level, each from the left.
    pub nodes: Vec<TreeNode>,
}

impl TreeUpdate {
    /// Writes `leaves`, by slot, over those of `tree`. Each node above them is hashed once, however many leaves it
    /// stands above.
    ///
    /// # Errors
    /// If a node of the state cannot be read.
    pub fn compute(state: &dyn State, tree: Tree, leaves: &BTreeMap<u32, Digest>) -> Result<Self, StateError> {
        let mut level: Vec<(u32, Digest)> = leaves.iter().map(|(slot, leaf)| (*slot, *leaf)).collect();
        let mut nodes = Vec::new();
        for height in levels() {
            nodes.extend(level.iter().map(|&(index, digest)| TreeNode { level: height, index, digest }));
            level = parents(state, tree, height, &level)?;
        }
        nodes.extend(level.iter().map(|&(index, digest)| TreeNode { level: ROOT_LEVEL, index, digest }));
        let root = match level.first() {
            Some((_, root)) => *root,
            None => node(state, tree, ROOT_LEVEL, 0)?,
        };
        Ok(Self { root, nodes })
    }
}

/// What proves what stands at a slot: the sibling of every node on the way to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The slot.
    pub slot: u32,
    /// The siblings, the leaf's first.
    pub siblings: [Digest; TREE_DEPTH],
}

impl Opening {
    /// The opening of a slot, used or not, in a tree as the state has it.
    ///
    /// # Errors
    /// If a node of the state cannot be read.
    pub fn read(state: &dyn State, tree: Tree, slot: u32) -> Result<Self, StateError> {
        let mut siblings = [Digest::ZERO; TREE_DEPTH];
        for (level, sibling) in levels().zip(&mut siblings) {
            *sibling = node(state, tree, level, (slot >> level) ^ 1)?;
        }
        Ok(Self { slot, siblings })
    }

    /// The root of the tree in which `leaf` stands at the slot. It is a proof if a header has this root.
    pub fn root(&self, leaf: &Digest) -> Digest {
        levels().zip(&self.siblings).fold(*leaf, |digest, (level, sibling)| match (self.slot >> level) & 1 {
            0 => merge(domain::TREE, &digest, sibling),
            _ => merge(domain::TREE, sibling, &digest),
        })
    }

    /// Whether `leaf` stands at the slot in the tree with this root. [`Digest::ZERO`] is what was never used.
    pub fn verify(&self, root: &Digest, leaf: &Digest) -> bool {
        self.root(leaf) == *root
    }
}

const ROOT_LEVEL: u8 = TREE_DEPTH as u8;

/// The levels that have a level above them.
fn levels() -> std::ops::Range<u8> {
    0..ROOT_LEVEL
}

/// The nodes above those of one level, which are sorted; a sibling that is not among them comes from the state.
fn parents(
    state: &dyn State,
    tree: Tree,
    level: u8,
    nodes: &[(u32, Digest)],
) -> Result<Vec<(u32, Digest)>, StateError> {
    let mut indices = Vec::with_capacity(nodes.len());
    let mut children = Vec::with_capacity(2 * nodes.len());
    let mut rest = nodes.iter().copied().peekable();
    while let Some((index, digest)) = rest.next() {
        let sibling = match rest.next_if(|(next, _)| *next == index ^ 1) {
            Some((_, sibling)) => sibling,
            None => node(state, tree, level, index ^ 1)?,
        };
        indices.push(index >> 1);
        children.extend(if index & 1 == 0 { [digest, sibling] } else { [sibling, digest] });
    }
    Ok(indices.into_iter().zip(merge_pairs(domain::TREE, &children)).collect())
}

fn node(state: &dyn State, tree: Tree, level: u8, index: u32) -> Result<Digest, StateError> {
    Ok(state.node(tree, level, index)?.unwrap_or(EMPTY[usize::from(level)]))
}
