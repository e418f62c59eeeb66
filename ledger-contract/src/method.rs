//! The identity of a method.

use crate::sha256::sha256;

/// A method of a UTXO type, as the UTXO names it at a yield: the SHA-256 of the method's name in the source.
///
/// The ledger knows a method of a component by its name in WIT, `place-bid`, and takes it for the one called `place_bid`,
/// `placeBid` or `place-bid` in the source. In Rust it is called `place_bid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method([u64; 4]);

impl Method {
    /// The method of that name. In a `const`, the hash is computed when the contract is compiled and costs no gas.
    pub const fn named(name: &str) -> Self {
        let digest = sha256(name.as_bytes());
        let mut numbers = [0; 4];
        let mut index = 0;
        while index < digest.len() {
            numbers[index / 8] |= (digest[index] as u64) << (index % 8 * 8);
            index += 1;
        }
        Self(numbers)
    }

    /// The hash as four little-endian numbers, which is how `implements-method` and `has-method` take it.
    pub const fn hash(self) -> (u64, u64, u64, u64) {
        let [first, second, third, fourth] = self.0;
        (first, second, third, fourth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the data set of Starstream's compiler: the method `bump` of its counter.
    #[test]
    fn a_method_is_known_by_its_name() {
        const BUMP: Method = Method::named("bump");
        let (first, second, third, fourth) = BUMP.hash();
        let bytes = [first, second, third, fourth].map(u64::to_le_bytes);
        assert_eq!(bytes.as_flattened(), sha256(b"bump"));
        assert_ne!(BUMP, Method::named("Bump"));
    }
}
