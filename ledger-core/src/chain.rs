//! Which chain, and which moment of it.

use crate::domain;
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::{Digest, blob};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::str::FromStr;

/// The name of a chain: 1 to 64 lowercase letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, BorshSerialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainId(String);

/// A text that is not the name of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a chain: 1 to {max} lowercase letters, digits and hyphens", max = ChainId::CHARS_MAX)]
pub struct ChainIdError(String);

impl ChainId {
    /// Characters of a name.
    pub const CHARS_MAX: usize = 64;

    /// The name of a chain that nobody named: `local`.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for the chain in other hashes.
    pub fn digest(&self) -> Digest {
        blob(domain::CHAIN, self.0.as_bytes())
    }
}

impl FromStr for ChainId {
    type Err = ChainIdError;

    fn from_str(text: &str) -> Result<Self, ChainIdError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=Self::CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed);
        let shown = || text.chars().take(Self::CHARS_MAX + 1).collect();
        if is_name { Ok(Self(text.to_owned())) } else { Err(ChainIdError(shown())) }
    }
}

impl TryFrom<String> for ChainId {
    type Error = ChainIdError;

    fn try_from(text: String) -> Result<Self, ChainIdError> {
        text.parse()
    }
}

impl From<ChainId> for String {
    fn from(chain: ChainId) -> Self {
        chain.0
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BorshDeserialize for ChainId {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        String::deserialize_reader(reader)?.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// The moment of a chain in which a transaction is executed: the same for all transactions of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct Moment {
    /// How many blocks stand below this one. The genesis block has height 0.
    pub height: u64,
    /// How many slots have passed since the genesis, as the sequencer's time tells.
    pub slot: u64,
    /// The sequencer's time, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
}
