//! One encoding for each object.

use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::{Digest, Domain, blob};

/// Bytes that are not the encoding of an object.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There are too many bytes.
    #[error("{what} has {size_bytes} bytes, over the limit of {max}")]
    TooLarge {
        /// What was read.
        what: &'static str,
        /// How many bytes came.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The bytes are something else, or more follow.
    #[error("the bytes are not {what}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// Where it went wrong.
        #[source]
        error: std::io::Error,
    },
}

/// An object with exactly one encoding: [borsh](https://borsh.io), in which integers have a fixed width and are little
/// endian, lengths have four bytes, and nothing may follow.
pub trait Canonical: BorshSerialize + BorshDeserialize {
    /// What it is called in errors.
    const NAME: &'static str;
    /// Bytes that an encoding may have; what is longer is not read.
    const SIZE_BYTES_MAX: usize;

    /// The encoding.
    fn to_bytes(&self) -> Vec<u8> {
        encoding_of(self)
    }

    /// How many bytes the encoding has.
    fn size_bytes(&self) -> usize {
        borsh::object_length(self).unwrap_or(usize::MAX)
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// If the bytes are too many, or not exactly the encoding of one such object.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > Self::SIZE_BYTES_MAX {
            return Err(DecodeError::TooLarge { what: Self::NAME, size_bytes: bytes.len(), max: Self::SIZE_BYTES_MAX });
        }
        borsh::from_slice(bytes).map_err(|error| DecodeError::Malformed { what: Self::NAME, error })
    }
}

/// The hash of an object's encoding.
pub(crate) fn hash_of(domain: Domain, object: &impl BorshSerialize) -> Digest {
    blob(domain, &encoding_of(object))
}

/// The encoding of an object.
///
/// # Panics
/// If a collection has 2^32 items or more, of which no limit lets one come up: better no bytes than wrong ones, which
/// would be hashed and kept.
pub fn encoding_of(object: &(impl BorshSerialize + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = borsh::to_writer(&mut bytes, object) {
        panic!("an object is too large to have an encoding: {error}");
    }
    bytes
}
