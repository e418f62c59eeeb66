//! Names and what they are bound to.

use crate::id::{ComponentHash, ObjectHash, PackageHash};
use crate::name::ReleaseName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a release name is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
///
/// Name and hash never change; what stands beside them may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// The name.
    pub name: ReleaseName,
    /// What it is bound to.
    #[serde(flatten)]
    pub target: ReleaseTarget,
    /// When it was published; absent for what was published before times were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub published_at: Option<Timestamp>,
    /// The account that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
    /// Set if new projects should no longer resolve to it. It is still there by hash and for locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Yank>,
    /// Set if its users should go elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// How often it was fetched.
    #[serde(default)]
    pub downloads: u64,
}

impl Release {
    /// A binding about which nothing else is known.
    pub fn new(name: ReleaseName, target: ReleaseTarget) -> Self {
        Self { name, target, published_at: None, published_by: None, yanked: None, deprecated: None, downloads: 0 }
    }
}

/// Why and when a release was yanked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Yank {
    /// The reason that its owner gave.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A request to yank a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YankRequest {
    /// Why, for those who use it.
    pub reason: String,
}

/// What users of a release are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deprecation {
    /// Why, and what to do.
    pub message: String,
    /// What to use instead: `namespace:name` or `namespace:name@version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}

/// The releases of one name, highest version first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseList {
    /// The releases.
    pub releases: Vec<Release>,
}
