//! The three modes over the permutation: bytes, field elements, and two digests into one (`docs/hash.md`, chapter 2).

use super::permutation::{State, permute, permute_all};
use super::{Digest, Domain};

/// Field elements that one permutation absorbs.
const RATE: usize = 8;
/// Bytes in a limb. Seven bytes and the end mark always stay below the modulus.
const LIMB_SIZE_BYTES: usize = 7;
/// Bytes that one permutation absorbs.
const BLOCK_SIZE_BYTES: usize = RATE * LIMB_SIZE_BYTES;

/// Hashes bytes: limbs of seven bytes, an end mark after the last byte, the number of limbs modulo 8 in the capacity.
pub fn hash_bytes(domain: Domain, bytes: &[u8]) -> Digest {
    let [digest] = hash_bytes_in_lanes(domain, [bytes]);
    digest
}

/// Hashes inputs of one common length side by side, one lane each.
///
/// The lengths must be equal: every lane absorbs the same number of blocks.
pub(crate) fn hash_bytes_in_lanes<const LANES: usize>(domain: Domain, inputs: [&[u8]; LANES]) -> [Digest; LANES] {
    let size_bytes = inputs.first().map_or(0, |input| input.len());
    debug_assert!(inputs.iter().all(|input| input.len() == size_bytes));
    let limbs = size_bytes.div_ceil(LIMB_SIZE_BYTES).max(1);
    let mut states = [initial_state(8 + (limbs % RATE) as u64, domain); LANES];
    for block in 0..limbs.div_ceil(RATE) {
        for (state, input) in states.iter_mut().zip(inputs) {
            absorb_block(state, input, block);
        }
        permute_all(&mut states);
    }
    states.map(digest_of)
}

/// Hashes field elements. Every element must be canonical, and there must be at least one.
pub fn hash_elements(domain: Domain, elements: &[u64]) -> Digest {
    debug_assert!(!elements.is_empty());
    let mut state = initial_state((elements.len() % RATE) as u64, domain);
    for chunk in elements.chunks(RATE) {
        for (index, slot) in state.iter_mut().take(RATE).enumerate() {
            *slot = chunk.get(index).copied().unwrap_or(0);
        }
        permute(&mut state);
    }
    digest_of(state)
}

/// Hashes two digests into one with one permutation.
pub fn merge(domain: Domain, left: &Digest, right: &Digest) -> Digest {
    let mut state = merge_state(domain, left, right);
    permute(&mut state);
    digest_of(state)
}

/// Hashes each pair of neighbours as [`merge`] does, all of them together; an odd last digest is passed on as it is.
pub fn merge_pairs(domain: Domain, level: &[Digest]) -> Vec<Digest> {
    let pairs = level.chunks_exact(2);
    let promoted = pairs.remainder().first().copied();
    let mut states: Vec<State> = pairs.map(|pair| merge_state(domain, &pair[0], &pair[1])).collect();
    permute_all(&mut states);
    states.into_iter().map(digest_of).chain(promoted).collect()
}

fn initial_state(tag: u64, domain: Domain) -> State {
    [0, 0, 0, 0, 0, 0, 0, 0, tag, domain.as_element(), 0, 0]
}

fn merge_state(domain: Domain, left: &Digest, right: &Digest) -> State {
    let ([a, b, c, d], [e, f, g, h]) = (left.elements(), right.elements());
    [a, b, c, d, e, f, g, h, 0, domain.as_element(), 0, 0]
}

/// Overwrites the rate with block number `block` of `input`; the limb that holds the last byte also gets the end mark.
fn absorb_block(state: &mut State, input: &[u8], block: usize) {
    for (index, slot) in state.iter_mut().take(RATE).enumerate() {
        let start = block * BLOCK_SIZE_BYTES + index * LIMB_SIZE_BYTES;
        *slot = limb(input, start);
    }
}

fn limb(input: &[u8], start: usize) -> u64 {
    if start >= input.len() && start > 0 {
        return 0;
    }
    let rest = input.get(start..).unwrap_or_default();
    let data = rest.get(..LIMB_SIZE_BYTES).unwrap_or(rest);
    let mut bytes = [0; 8];
    bytes[..data.len()].copy_from_slice(data);
    if rest.len() <= LIMB_SIZE_BYTES {
        bytes[data.len()] = 1;
    }
    u64::from_le_bytes(bytes)
}

fn digest_of(state: State) -> Digest {
    Digest::from_canonical([state[0], state[1], state[2], state[3]])
}
