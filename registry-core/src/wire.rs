//! What travels between the registry and its clients, as JSON.

use crate::closure::Closure;
use crate::component::InterfaceUse;
use crate::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ViewId};
use crate::name::ReleaseName;
use crate::wit::SourceFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request to publish one WIT package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishPackage {
    /// The package's source files. They may not hold nested packages.
    pub files: Vec<SourceFile>,
    /// The hash that the publisher computed. The registry refuses a package that has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<PackageHash>,
}

/// A published WIT package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// Its hash.
    pub hash: PackageHash,
    /// Its name.
    pub name: ReleaseName,
    /// Its interfaces by name.
    pub interfaces: BTreeMap<String, InterfaceId>,
    /// Its worlds by name.
    pub worlds: BTreeMap<String, InterfaceId>,
    /// The packages that it refers to directly.
    pub dependencies: BTreeMap<ReleaseName, PackageHash>,
    /// The sha256 of what was uploaded, in hexadecimal digits: provenance, not identity.
    pub source_sha256: String,
}

/// The answer to a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published<T> {
    /// Whether this publication created it; if not, it was there with the very same content.
    pub created: bool,
    /// What is published now.
    #[serde(flatten)]
    pub record: T,
}

/// A package with all its dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageClosure {
    /// The package that was asked for.
    pub root: PackageHash,
    /// It and everything that it refers to, each after its dependencies.
    pub packages: Closure,
}

/// A published component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRecord {
    /// Its hash.
    pub hash: ComponentHash,
    /// The id of its own world.
    pub view: ViewId,
    /// The size of its bytes.
    pub size_bytes: u64,
    /// The sha256 of its bytes, in hexadecimal digits: for other tools, not identity.
    pub sha256: String,
    /// The registered interfaces that it imports and exports.
    pub interfaces: Vec<InterfaceUse>,
}

/// A component without its bytes, but with everything that its view needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentClosure {
    /// The component.
    pub component: ComponentRecord,
    /// Its world and its unversioned packages as WIT text.
    pub wit: String,
    /// The registered packages that it needs, each after its dependencies.
    pub packages: Closure,
}

/// What a release name is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "hash", rename_all = "lowercase")]
pub enum ReleaseTarget {
    /// A WIT package.
    Package(PackageHash),
    /// A component.
    Component(ComponentHash),
}

impl ReleaseTarget {
    /// The hash, whatever it names.
    pub fn hash(&self) -> ObjectHash {
        match self {
            Self::Package(hash) => ObjectHash::Package(*hash),
            Self::Component(hash) => ObjectHash::Component(*hash),
        }
    }
}

/// A name with a version and the hash that it is bound to for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The name.
    pub name: ReleaseName,
    /// What it is bound to.
    #[serde(flatten)]
    pub target: ReleaseTarget,
}

/// The releases of one name, highest version first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseList {
    /// The releases.
    pub releases: Vec<Release>,
}

/// A question which of these the registry does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingRequest {
    /// Packages and components.
    pub hashes: Vec<ObjectHash>,
}

/// The answer: those that the registry does not have, in the order of the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingResponse {
    /// What is missing.
    pub missing: Vec<ObjectHash>,
}

/// The one shape of every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A word for programs, such as `not_found`.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
    /// What to do about it, if something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
