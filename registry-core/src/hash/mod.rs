//! The one hash that names everything: Poseidon2 over Goldilocks in a tree (`docs/hash.md` is normative).
//!
//! ```
//! use registry_core::hash::{Domain, blob};
//! let digest = blob(Domain::BLOB, b"abc");
//! assert_eq!(digest.to_hex(), "8df020c7b0e55cfb3c2edc4a70ab263afaf489eeb2c0d8544fe53e7ac03d5b97");
//! ```

mod permutation;
mod sponge;

pub use permutation::{MODULUS, State, permute};
pub use sponge::{hash_bytes, hash_elements, merge, merge_pairs};

use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::io;

/// Bytes in a leaf of the tree.
pub const LEAF_SIZE_BYTES: usize = 1 << LEAF_SIZE_LOG2;
const LEAF_SIZE_LOG2: u64 = 10;
/// Leaves that are hashed side by side.
const LANES: usize = 8;

/// What kind of object a hash names. Two domains never give the same hash, whatever the bytes.
///
/// At most seven ASCII bytes, read as a little-endian field element; the last character is the version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Domain(u64);

impl Domain {
    /// Bytes with no further meaning.
    pub const BLOB: Self = Self::new(b"p2blob1");
    /// A leaf of the tree.
    pub const LEAF: Self = Self::new(b"p2leaf1");
    /// An inner node of the tree.
    pub const NODE: Self = Self::new(b"p2node1");
    /// A WIT package.
    pub const PACKAGE: Self = Self::new(b"p2pkg01");
    /// A WIT interface.
    pub const INTERFACE: Self = Self::new(b"p2ifc01");
    /// A WIT world.
    pub const WORLD: Self = Self::new(b"p2wld01");
    /// A component's own world as extracted from it.
    pub const VIEW: Self = Self::new(b"p2view1");
    /// A component's bytes.
    pub const COMPONENT: Self = Self::new(b"p2comp1");
    /// The gates and other attributes of a WIT package.
    pub const META: Self = Self::new(b"p2meta1");
    /// The documentation of a WIT package.
    pub const DOCS: Self = Self::new(b"p2docs1");

    /// The domain of the given name: one to seven bytes.
    ///
    /// # Panics
    /// At compile time, if the name is empty or longer than seven bytes.
    pub const fn new(name: &[u8]) -> Self {
        assert!(!name.is_empty() && name.len() <= 7, "a domain has one to seven bytes");
        let mut element = 0;
        let mut index = 0;
        while index < name.len() {
            element |= (name[index] as u64) << (8 * index);
            index += 1;
        }
        Self(element)
    }

    /// Domain 0, in which the byte mode equals other implementations of the same sponge. Nothing is named in it.
    pub const UNSEPARATED: Self = Self(0);

    /// The domain as the field element that stands in the capacity.
    pub const fn as_element(self) -> u64 {
        self.0
    }

    /// The seven ASCII bytes with which canonical bytes of this domain begin.
    pub fn name(self) -> [u8; 7] {
        let [a, b, c, d, e, f, g, _] = self.0.to_le_bytes();
        [a, b, c, d, e, f, g]
    }
}

/// Four canonical field elements: 256 bits that name something within a domain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of four canonical elements, each little-endian.
    pub(crate) fn from_canonical(elements: [u64; 4]) -> Self {
        let mut bytes = [0; 32];
        for (chunk, element) in bytes.chunks_exact_mut(8).zip(elements) {
            chunk.copy_from_slice(&element.to_le_bytes());
        }
        Self(bytes)
    }

    /// The digest that stands for "nothing here": four zeros, which no hash gives by chance.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads 32 bytes; `None` if an element is not below the modulus (one digest has one encoding).
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let digest = Self(bytes);
        digest.elements().iter().all(|element| *element < MODULUS).then_some(digest)
    }

    /// Reads 64 lowercase hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Self::from_bytes(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The four field elements.
    pub fn elements(&self) -> [u64; 4] {
        let mut elements = [0; 4];
        for (element, chunk) in elements.iter_mut().zip(self.0.chunks_exact(8)) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(chunk);
            *element = u64::from_le_bytes(bytes);
        }
        elements
    }

    /// 64 lowercase hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// The 32 bytes. Reading refuses what [`Digest::from_bytes`] refuses.
impl BorshSerialize for Digest {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0)
    }
}

impl BorshDeserialize for Digest {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let not_canonical =
            || io::Error::new(io::ErrorKind::InvalidData, "a digest has an element that is not canonical");
        Self::from_bytes(<[u8; 32]>::deserialize_reader(reader)?).ok_or_else(not_canonical)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Names `bytes` in `domain`: 1 KiB leaves, a binary tree of the shape of RFC 6962, and the length and domain in the root.
///
/// Everything that has an identity is named by this one function.
pub fn blob(domain: Domain, bytes: &[u8]) -> Digest {
    let mut level = hash_leaves(bytes);
    while level.len() > 1 {
        level = sponge::merge_pairs(Domain::NODE, &level);
    }
    let root = level.first().map_or([0; 4], Digest::elements);
    let [a, b, c, d] = root;
    hash_elements(domain, &[bytes.len() as u64, LEAF_SIZE_LOG2, a, b, c, d])
}

/// Hashes the leaves, full ones in lanes; the empty input has one empty leaf.
fn hash_leaves(bytes: &[u8]) -> Vec<Digest> {
    let full_size_bytes = bytes.len() / (LEAF_SIZE_BYTES * LANES) * (LEAF_SIZE_BYTES * LANES);
    let (grouped, rest) = bytes.split_at(full_size_bytes);
    let mut leaves = Vec::with_capacity(bytes.len().div_ceil(LEAF_SIZE_BYTES).max(1));
    for group in grouped.chunks_exact(LEAF_SIZE_BYTES * LANES) {
        let mut inputs = [&[][..]; LANES];
        for (input, leaf) in inputs.iter_mut().zip(group.chunks_exact(LEAF_SIZE_BYTES)) {
            *input = leaf;
        }
        leaves.extend(sponge::hash_bytes_in_lanes(Domain::LEAF, inputs));
    }
    leaves.extend(rest.chunks(LEAF_SIZE_BYTES).map(|leaf| hash_bytes(Domain::LEAF, leaf)));
    if leaves.is_empty() {
        leaves.push(hash_bytes(Domain::LEAF, &[]));
    }
    leaves
}
