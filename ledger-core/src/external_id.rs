//! How a contract names another one.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use registry_core::id::ComponentHash;
use std::fmt;
use std::str::FromStr;

/// The text of an `@external-id` on what a contract imports: which component it means.
///
/// Read are `sha256:` with 64 lowercase hexadecimal digits, `p2:c` with as many, and the multibase form of a SHA-256 multihash
/// (`b` and 55 characters of lowercase base32), which Starstream's own ledger uses. Written is the first or the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternalId {
    /// By its hash.
    Contract(ComponentHash),
    /// By the SHA-256 of its bytes.
    Sha256([u8; 32]),
}

/// A text that names no contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not `sha256:` with 64 lowercase hexadecimal digits, nor a contract's hash (`p2:c…`), nor a SHA-256 multihash in base32 (`bciq…`)"
)]
pub struct ParseExternalIdError {
    text: String,
}

const SHA256: &str = "sha256:";

/// What a multihash of SHA-256 begins with: the function's code and the length.
const MULTIHASH: [u8; 2] = [0x12, 0x20];

impl FromStr for ExternalId {
    type Err = ParseExternalIdError;

    fn from_str(text: &str) -> Result<Self, ParseExternalIdError> {
        let id = if let Some(hex) = text.strip_prefix(SHA256) {
            HEXLOWER.decode(hex.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).map(Self::Sha256)
        } else if text.starts_with(ComponentHash::PREFIX) {
            text.parse().ok().map(Self::Contract)
        } else {
            text.strip_prefix('b').and_then(multihash).map(Self::Sha256)
        };
        id.ok_or_else(|| ParseExternalIdError { text: text.chars().take(80).collect() })
    }
}

fn multihash(base32: &str) -> Option<[u8; 32]> {
    if base32.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let bytes = BASE32_NOPAD.decode(base32.to_ascii_uppercase().as_bytes()).ok()?;
    bytes.strip_prefix(&MULTIHASH)?.try_into().ok()
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(contract) => contract.fmt(f),
            Self::Sha256(digest) => write!(f, "{SHA256}{}", HEXLOWER.encode(digest)),
        }
    }
}
