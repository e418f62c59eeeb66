//! The genesis file: what a chain begins with.
//!
//! ```json
//! {"format": 1, "chain_id": "my-chain", "contracts": ["p2:c…"]}
//! ```
//!
//! The contracts are those that a node keeps durably before it is ready. The list allows and forbids nothing: a contract
//! with any other hash is resolved when it is called.

use crate::contract_hash;
use registry_core::id::ComponentHash;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a chain begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    format: u32,
    chain_id: String,
    #[serde(deserialize_with = "contracts")]
    contracts: Vec<ComponentHash>,
}

/// Bytes of a genesis file.
pub const GENESIS_SIZE_BYTES_MAX: usize = 1 << 20;
/// Contracts in a genesis.
pub const GENESIS_CONTRACTS_MAX: usize = 1_000;
/// Characters of a chain's id.
pub const CHAIN_ID_CHARS_MAX: usize = 64;

const FORMAT: u32 = 1;

/// Why a genesis can't be used.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The file can't be read.
    #[error("cannot read the genesis file `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The file is too large.
    #[error("the genesis file `{}` is larger than {GENESIS_SIZE_BYTES_MAX} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a genesis; the cause says in which line.
    #[error("`{}` is not a genesis file", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        #[source]
        error: serde_json::Error,
    },
    /// The content breaks a rule.
    #[error("the genesis in `{}` cannot be used: {reason}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Which rule.
        reason: String,
    },
}

impl Genesis {
    /// A genesis with these contracts.
    ///
    /// # Errors
    /// Which rule is broken: the id is not made of 1 to 64 lowercase letters, digits and hyphens, there are too many
    /// contracts, or one stands twice.
    pub fn new(chain_id: String, contracts: Vec<ComponentHash>) -> Result<Self, String> {
        let genesis = Self { format: FORMAT, chain_id, contracts };
        genesis.check()?;
        Ok(genesis)
    }

    /// Reads a genesis file.
    ///
    /// # Errors
    /// If the file can't be read or is not a genesis, with the file and, where it is known, the line.
    pub fn read(path: &Path) -> Result<Self, GenesisError> {
        let unreadable = |error| GenesisError::Read { path: path.to_owned(), error };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(GENESIS_SIZE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > GENESIS_SIZE_BYTES_MAX {
            return Err(GenesisError::TooLarge { path: path.to_owned() });
        }
        Self::parse(path, &bytes)
    }

    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, GenesisError> {
        let genesis: Self =
            serde_json::from_slice(bytes).map_err(|error| GenesisError::Parse { path: path.to_owned(), error })?;
        genesis.check().map_err(|reason| GenesisError::Content { path: path.to_owned(), reason })?;
        Ok(genesis)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("`format` is {}, and this node reads {FORMAT}", self.format));
        }
        let length = self.chain_id.chars().count();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=CHAIN_ID_CHARS_MAX).contains(&length) || !self.chain_id.bytes().all(allowed) {
            return Err(format!("`chain_id` must be 1 to {CHAIN_ID_CHARS_MAX} lowercase letters, digits and hyphens"));
        }
        if self.contracts.len() > GENESIS_CONTRACTS_MAX {
            return Err(format!(
                "it names {} contracts, over the limit of {GENESIS_CONTRACTS_MAX}",
                self.contracts.len()
            ));
        }
        let mut seen = BTreeSet::new();
        match self.contracts.iter().find(|hash| !seen.insert(**hash)) {
            Some(repeated) => Err(format!("it names the contract {repeated} twice")),
            None => Ok(()),
        }
    }

    /// What the chain is called.
    pub fn chain_id(&self) -> &str {
        &self.chain_id
    }

    /// The contracts.
    pub fn contracts(&self) -> &[ComponentHash] {
        &self.contracts
    }

    /// How `other` differs; none if both begin the same chain. The order of the contracts means nothing.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.chain_id != other.chain_id {
            return Some(format!("the chain is `{}`, not `{}`", self.chain_id, other.chain_id));
        }
        let contracts = |genesis: &Self| genesis.contracts.iter().copied().collect::<BTreeSet<_>>();
        let (mine, others) = (contracts(self), contracts(other));
        let list =
            |hashes: BTreeSet<ComponentHash>| hashes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let only_mine = (!mine.is_subset(&others)).then(|| format!("only it has {}", list(&mine - &others)));
        let only_others = (!others.is_subset(&mine)).then(|| format!("it lacks {}", list(&others - &mine)));
        let parts: Vec<String> = only_mine.into_iter().chain(only_others).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Reads each hash as a person's, so that a name in its place is told.
fn contracts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ComponentHash>, D::Error> {
    struct Contract(ComponentHash);
    impl<'de> Deserialize<'de> for Contract {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            contract_hash::parse(&String::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
        }
    }
    Ok(Vec::<Contract>::deserialize(deserializer)?.into_iter().map(|contract| contract.0).collect())
}
