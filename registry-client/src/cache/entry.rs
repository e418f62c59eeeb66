//! What stands in the files of the cache.

use super::error::{CacheError, Damage};
use registry_core::closure::ClosurePackage;
use registry_core::id::{ComponentHash, ObjectHash, PackageHash, ViewId};
use registry_core::limits::Limits;
use registry_core::name::{NameError, PackageName, ReleaseName};
use registry_core::wit::PackageIdentity;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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
    serde_json::to_vec(entry).map_err(CacheError::unkeepable)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Damage> {
    serde_json::from_slice(bytes).map_err(|error| Damage::Form(error.to_string()))
}
