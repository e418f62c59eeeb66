//! The permutation: Poseidon2 over Goldilocks, width 12, taken from Plonky3 at a pinned version.
//!
//! Instance, constants and known answers: `docs/hash.md`, chapter 1. The rest of this crate sees plain `u64`
//! states and many of them at once, so that a vectorised kernel can take this module's place.

use p3_field::{PrimeCharacteristicRing, PrimeField64};
use p3_goldilocks::{Goldilocks, Poseidon2Goldilocks, default_goldilocks_poseidon2_12};
use p3_symmetric::Permutation;
use std::sync::LazyLock;

/// The prime 2^64 - 2^32 + 1.
pub const MODULUS: u64 = 0xffff_ffff_0000_0001;

/// Field elements in a state.
pub(crate) const WIDTH: usize = 12;

/// One sponge state: twelve canonical field elements. Elements 0 to 7 are the rate, 8 to 11 the capacity.
pub type State = [u64; WIDTH];

static POSEIDON2: LazyLock<Poseidon2Goldilocks<WIDTH>> = LazyLock::new(default_goldilocks_poseidon2_12);

/// Applies the permutation to one state of canonical field elements.
pub fn permute(state: &mut State) {
    let mut elements = state.map(Goldilocks::from_u64);
    POSEIDON2.permute_mut(&mut elements);
    *state = elements.map(|element| element.as_canonical_u64());
}

/// Applies the permutation to independent states: the one place where lanes can be added.
pub(crate) fn permute_all(states: &mut [State]) {
    states.iter_mut().for_each(permute);
}
