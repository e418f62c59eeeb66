//! What stands in the files of the cache: the sha256 of an entry as hexadecimal digits, a line end, the entry as JSON.
//!
//! The sha256 finds what was damaged by accident wherever it is. What somebody changed on purpose is found by the hashes of
//! packages and components, which are recomputed too.

use super::error::{CacheError, Damage};
use registry_core::closure::ClosurePackage;
use registry_core::id::{ComponentHash, ObjectHash, PackageHash, ViewId};
use registry_core::limits::Limits;
use registry_core::name::{NameError, PackageName, ReleaseName};
use registry_core::wit::PackageIdentity;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A package by itself. Its dependencies have files of their own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageEntry {
    pub(super) name: ReleaseName,
    pub(super) hash: PackageHash,
    pub(super) dependencies: BTreeMap<ReleaseName, PackageHash>,
    pub(super) wit: String,
}

/// What belongs to a component besides its bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComponentEntry {
    pub(super) hash: ComponentHash,
    pub(super) view: ViewId,
    /// All packages that it needs.
    pub(super) packages: Vec<PackageHash>,
}

const SHA256_DIGITS: usize = 64;

/// Bytes of an entry. JSON writes some characters of WIT text as two.
pub(super) fn size_bytes_max(limits: &Limits) -> usize {
    const NAMES_SIZE_BYTES_MAX: usize = 1 << 20;
    2 * limits.wit_size_bytes_max + NAMES_SIZE_BYTES_MAX
}

impl PackageEntry {
    pub(super) fn new(package: ClosurePackage, identity: &PackageIdentity) -> Result<Self, CacheError> {
        let dependency = |(name, hash): (&PackageName, &PackageHash)| Ok((ReleaseName::try_from(name)?, *hash));
        let dependencies = identity.dependencies.iter().map(dependency).collect::<Result<_, NameError>>();
        let dependencies = dependencies.map_err(CacheError::unkeepable)?;
        Ok(Self { name: package.name, hash: package.hash, dependencies, wit: package.wit })
    }

    pub(super) fn from_bytes(bytes: &[u8], hash: &PackageHash) -> Result<Self, Damage> {
        let entry: Self = parse(bytes)?;
        if &entry.hash == hash { Ok(entry) } else { Err(Damage::OtherObject(ObjectHash::Package(entry.hash))) }
    }
}

impl ComponentEntry {
    pub(super) fn from_bytes(bytes: &[u8], hash: &ComponentHash) -> Result<Self, Damage> {
        let entry: Self = parse(bytes)?;
        if &entry.hash == hash { Ok(entry) } else { Err(Damage::OtherObject(ObjectHash::Component(entry.hash))) }
    }
}

pub(super) fn to_bytes(entry: &impl Serialize) -> Result<Vec<u8>, CacheError> {
    let json = serde_json::to_vec(entry).map_err(CacheError::unkeepable)?;
    Ok([sha256(&json).as_bytes(), b"\n", &json].concat())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Damage> {
    let (written, json) = bytes.split_at_checked(SHA256_DIGITS).unwrap_or_default();
    let json = json.strip_prefix(b"\n").ok_or_else(|| Damage::Form("it does not begin with a sha256".to_owned()))?;
    let (written, actual) = (String::from_utf8_lossy(written).into_owned(), sha256(json));
    if written != actual {
        return Err(Damage::Digest { written, actual });
    }
    serde_json::from_slice(json).map_err(|error| Damage::Form(error.to_string()))
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
