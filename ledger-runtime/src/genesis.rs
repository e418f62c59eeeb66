//! The genesis file: what a chain begins with.
//!
//! ```json
//! {
//!   "format": 2,
//!   "chain_id": "my-chain",
//!   "genesis_time": "2026-11-20T00:00:00Z",
//!   "slot_length_ms": 1000,
//!   "floats_allowed": true,
//!   "contracts": ["p2:c…", {"hash": "p2:c…", "gas_limit_max": 20000000}]
//! }
//! ```
//!
//! Only `format` and `chain_id` must stand in it; without a `genesis_time` it is 1970-01-01T00:00:00Z, so that the file
//! alone decides the genesis block. The contracts are those that the genesis block deploys; others are
//! deployed by transactions. A file of format 1, which knows `chain_id` and `contracts` only, means the same as one of
//! format 2 with these two.

use crate::contract_hash;
use crate::profile::ExecutionProfile;
use jiff::Timestamp;
use ledger_core::{ChainId, Moment};
use registry_core::id::ComponentHash;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// What a chain begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// What the chain is called.
    pub chain_id: ChainId,
    /// The time of its genesis block, in milliseconds since 1970 (UTC): where its slots are counted from.
    pub time_ms: u64,
    /// How long a slot is, in milliseconds.
    pub slot_length_ms: NonZeroU64,
    /// Whether its contracts may calculate with floats.
    pub floats_allowed: bool,
    /// The contracts that its genesis block deploys, each with the gas limit that calls of it may ask for at most, if it
    /// has one of its own. Each is deployed after those that it imports, and else they are in the order of their hashes.
    pub contracts: BTreeMap<ComponentHash, Option<u64>>,
}

/// Bytes of a genesis file.
pub const GENESIS_SIZE_BYTES_MAX: usize = 1 << 20;
/// Contracts in a genesis.
pub const GENESIS_CONTRACTS_MAX: usize = 1_000;
/// The length of a slot of a genesis that does not say: one second, in milliseconds.
pub const SLOT_LENGTH_MS_DEFAULT: NonZeroU64 = NonZeroU64::new(1_000).unwrap();

const FORMAT: u32 = 2;
/// It had no fields but the chain's id and the contracts.
const FORMAT_OF_BEFORE: u32 = 1;

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
    /// A genesis with these contracts, and the defaults for everything else.
    ///
    /// # Errors
    /// Which rule is broken: the id is not made of 1 to 64 lowercase letters, digits and hyphens, there are too many
    /// contracts, or one stands twice.
    pub fn new(chain_id: &str, contracts: &[ComponentHash]) -> Result<Self, String> {
        let entries = contracts.iter().map(|hash| Entry { hash: *hash, gas_limit_max: None });
        Content::new(chain_id.to_owned(), entries.collect()).into_genesis()
    }

    /// The genesis of a chain that begins now on one machine: called `local`, without contracts.
    pub fn local(now_ms: u64) -> Self {
        Self {
            chain_id: ChainId::local(),
            time_ms: now_ms,
            slot_length_ms: SLOT_LENGTH_MS_DEFAULT,
            floats_allowed: true,
            contracts: BTreeMap::new(),
        }
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

    /// Reads what stands in a genesis file, or what [`Genesis::to_json`] wrote; `path` says where it was found.
    ///
    /// # Errors
    /// As [`Genesis::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, GenesisError> {
        let content: Content =
            serde_json::from_slice(bytes).map_err(|error| GenesisError::Parse { path: path.to_owned(), error })?;
        content.into_genesis().map_err(|reason| GenesisError::Content { path: path.to_owned(), reason })
    }

    /// The genesis as a file of the newest format, with nothing left out: the same bytes for the same genesis.
    pub fn to_json(&self) -> Vec<u8> {
        let entry = |(hash, gas_limit_max): (&ComponentHash, &Option<u64>)| Entry {
            hash: *hash,
            gas_limit_max: *gas_limit_max,
        };
        let content = Content {
            format: FORMAT,
            chain_id: self.chain_id.to_string(),
            genesis_time: i64::try_from(self.time_ms).ok().and_then(|time| Timestamp::from_millisecond(time).ok()),
            slot_length_ms: Some(self.slot_length_ms),
            floats_allowed: Some(self.floats_allowed),
            contracts: self.contracts.iter().map(entry).collect(),
        };
        // Writing into memory fails only for keys that are no texts, and there are none.
        serde_json::to_vec(&content).unwrap_or_default()
    }

    /// The execution profile of the chain: what decides the results of its transactions.
    pub fn profile(&self) -> ExecutionProfile {
        ExecutionProfile { floats_allowed: self.floats_allowed, ..ExecutionProfile::default() }
    }

    /// The moment of a block of this height and time.
    pub fn moment(&self, height: u64, time_ms: u64) -> Moment {
        Moment { height, slot: time_ms.saturating_sub(self.time_ms) / self.slot_length_ms, time_ms }
    }

    /// How `other` differs; none if both begin the same chain.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let Self { chain_id, time_ms, slot_length_ms, floats_allowed, contracts } = self;
        if *chain_id != other.chain_id {
            return Some(format!("the chain is `{chain_id}`, not `{}`", other.chain_id));
        }
        let numbers = [
            ("genesis_time (in ms since 1970)", time_ms, &other.time_ms),
            ("slot_length_ms", &slot_length_ms.get(), &other.slot_length_ms.get()),
        ];
        let numbers = numbers.into_iter().filter(|(_, mine, others)| mine != others);
        let numbers = numbers.map(|(name, mine, others)| format!("its {name} is {mine}, not {others}"));
        let floats = (*floats_allowed != other.floats_allowed)
            .then(|| format!("its floats_allowed is {floats_allowed}, not {}", other.floats_allowed));
        let parts: Vec<String> =
            numbers.chain(floats).chain(difference_of_contracts(contracts, &other.contracts)).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn difference_of_contracts(
    mine: &BTreeMap<ComponentHash, Option<u64>>,
    others: &BTreeMap<ComponentHash, Option<u64>>,
) -> Vec<String> {
    let beyond = |these: &BTreeMap<ComponentHash, Option<u64>>, those: &BTreeMap<ComponentHash, Option<u64>>| {
        let hashes = these.keys().filter(|hash| !those.contains_key(hash)).map(ToString::to_string);
        let hashes: Vec<String> = hashes.collect();
        (!hashes.is_empty()).then(|| hashes.join(", "))
    };
    let only_mine = beyond(mine, others).map(|list| format!("only it has {list}"));
    let only_others = beyond(others, mine).map(|list| format!("it lacks {list}"));
    let has_other_limit = |(hash, limit): &(&ComponentHash, &Option<u64>)| {
        others.get(hash).is_some_and(|others_limit| others_limit != *limit)
    };
    let limits =
        mine.iter().filter(has_other_limit).map(|(hash, _)| format!("its gas_limit_max for {hash} is another"));
    only_mine.into_iter().chain(only_others).chain(limits).collect()
}

/// What stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    chain_id: String,
    #[serde(default)]
    genesis_time: Option<Timestamp>,
    #[serde(default)]
    slot_length_ms: Option<NonZeroU64>,
    #[serde(default)]
    floats_allowed: Option<bool>,
    #[serde(default)]
    contracts: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    hash: ComponentHash,
    gas_limit_max: Option<u64>,
}

impl Content {
    fn new(chain_id: String, contracts: Vec<Entry>) -> Self {
        Self { format: FORMAT, chain_id, genesis_time: None, slot_length_ms: None, floats_allowed: None, contracts }
    }

    fn into_genesis(self) -> Result<Genesis, String> {
        self.check_format()?;
        let count = self.contracts.len();
        if count > GENESIS_CONTRACTS_MAX {
            return Err(format!("it names {count} contracts, over the limit of {GENESIS_CONTRACTS_MAX}"));
        }
        let mut contracts = BTreeMap::new();
        for Entry { hash, gas_limit_max } in self.contracts {
            if let Some(reason) = ExecutionProfile::default().objection_to_contract_gas_limit(gas_limit_max) {
                return Err(format!("the contract {hash}: {reason}"));
            }
            if contracts.insert(hash, gas_limit_max).is_some() {
                return Err(format!("it names the contract {hash} twice"));
            }
        }
        let time_ms = self.genesis_time.map_or(Ok(0), |time| u64::try_from(time.as_millisecond()));
        Ok(Genesis {
            chain_id: self.chain_id.parse().map_err(|error| format!("`chain_id`: {error}"))?,
            time_ms: time_ms.map_err(|_| "`genesis_time` is before 1970".to_owned())?,
            slot_length_ms: self.slot_length_ms.unwrap_or(SLOT_LENGTH_MS_DEFAULT),
            floats_allowed: self.floats_allowed.unwrap_or(true),
            contracts,
        })
    }

    fn check_format(&self) -> Result<(), String> {
        let format = self.format;
        if ![FORMAT_OF_BEFORE, FORMAT].contains(&format) {
            return Err(format!("`format` is {format}, and this node reads {FORMAT_OF_BEFORE} and {FORMAT}"));
        }
        let is_newer = self.genesis_time.is_some() || self.slot_length_ms.is_some() || self.floats_allowed.is_some();
        let has_limits = self.contracts.iter().any(|entry| entry.gas_limit_max.is_some());
        if format == FORMAT_OF_BEFORE && (is_newer || has_limits) {
            return Err(format!("it has fields that format {format} does not know: write `\"format\": {FORMAT}`"));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Entry {
    /// A hash alone, or one with what is said about it. Hashes are read as a person's, so that a name in the place of
    /// one is told.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> de::Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a contract's hash, or an object with `hash` and `gas_limit_max`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Entry, E> {
        Ok(Entry { hash: contract_hash::parse(text).map_err(E::custom)?, gas_limit_max: None })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            hash: String,
            #[serde(default)]
            gas_limit_max: Option<u64>,
        }
        let Fields { hash, gas_limit_max } = Fields::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Entry { hash: contract_hash::parse(&hash).map_err(de::Error::custom)?, gas_limit_max })
    }
}
