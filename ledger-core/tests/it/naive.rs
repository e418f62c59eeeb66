//! Trees and lists by their definitions in docs/ledger.md, one node at a time: what the batched code is compared with.

use registry_core::hash::{Digest, Domain, hash_elements, merge};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The root of the positional tree with these leaves: empty halves are known, all others are taken apart.
pub fn tree_root(leaves: &BTreeMap<u32, Digest>) -> Digest {
    let leaves: Vec<_> = leaves.iter().map(|(slot, leaf)| (u64::from(*slot), *leaf)).collect();
    subtree_root(&leaves, 0, 32)
}

fn subtree_root(leaves: &[(u64, Digest)], first_slot: u64, level: usize) -> Digest {
    match (leaves, level) {
        ([], _) => empty_root(level),
        ([(_, leaf), ..], 0) => *leaf,
        _ => {
            let middle = first_slot + (1 << (level - 1));
            let (left, right) = leaves.split_at(leaves.partition_point(|(slot, _)| *slot < middle));
            let (left, right) = (subtree_root(left, first_slot, level - 1), subtree_root(right, middle, level - 1));
            merge(Domain::new(b"p2tree1"), &left, &right)
        }
    }
}

/// The root of a subtree of which no slot was used.
pub fn empty_root(level: usize) -> Digest {
    static ROOTS: LazyLock<Vec<Digest>> = LazyLock::new(|| {
        let above = |below: &Digest| Some(merge(Domain::new(b"p2tree1"), below, below));
        std::iter::successors(Some(Digest::ZERO), above).take(33).collect()
    });
    ROOTS[level]
}

/// The root of a list: by RFC 6962 the left half of a tree has the greatest power of two of leaves that is not all.
pub fn list_root(digests: &[Digest]) -> Digest {
    let [a, b, c, d] = list_tree(digests).elements();
    hash_elements(Domain::new(b"p2list1"), &[digests.len() as u64, a, b, c, d])
}

fn list_tree(digests: &[Digest]) -> Digest {
    match digests {
        [] => Digest::ZERO,
        [digest] => *digest,
        _ => {
            let (left, right) = digests.split_at(digests.len().next_power_of_two() / 2);
            merge(Domain::new(b"p2list1"), &list_tree(left), &list_tree(right))
        }
    }
}

/// The end of a chain of claims.
pub fn claims_root(digests: &[Digest]) -> Digest {
    let mut chain = Digest::ZERO;
    for digest in digests {
        chain = merge(Domain::new(b"p2clms1"), &chain, digest);
    }
    chain
}
