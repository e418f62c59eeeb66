//! What stands for an ordered list of digests in a header.

use crate::domain;
use registry_core::hash::{Digest, hash_elements, merge, merge_pairs};

/// The root of a list: a tree of the shape of RFC 6962, with the number of digests beside its root. A list without
/// digests has zero as its tree.
pub fn list_root(digests: &[Digest]) -> Digest {
    let mut level = digests.to_vec();
    while level.len() > 1 {
        level = merge_pairs(domain::LIST, &level);
    }
    let [a, b, c, d] = level.first().unwrap_or(&Digest::ZERO).elements();
    hash_elements(domain::LIST, &[digests.len() as u64, a, b, c, d])
}

/// The end of a chain of digests, each hashed with what came before it; zero for a chain without any.
pub fn chain_root(digests: impl IntoIterator<Item = Digest>) -> Digest {
    digests.into_iter().fold(Digest::ZERO, |chain, digest| merge(domain::CLAIMS, &chain, &digest))
}
