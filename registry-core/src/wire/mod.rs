//! What travels between the registry and its clients, as JSON.

mod account;
mod metadata;
mod release;
mod search;

pub use account::{
    CompatibilityRule, CreateToken, CreatedToken, Namespace, NamespaceClaim, NamespaceList, NamespaceSettings, Scope,
    TokenInfo, TokenList, Whoami,
};
pub use metadata::{BuildDependency, ComponentMetadata, IgnoredSection, Producer};
pub use release::{Deprecation, Release, ReleaseList, ReleaseTarget, Yank, YankRequest};
pub use search::{
    Dependent, DependentList, Found, FoundItem, HashMatches, InterfaceUser, InterfaceUserList, ItemKind, ItemList,
    NamedHash, SearchHit, SearchPage, Sha256Match, Sha256Matches, UserKind,
};

use crate::closure::Closure;
use crate::component::InterfaceUse;
use crate::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ViewId};
use crate::name::ReleaseName;
use crate::wit::SourceFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A request to publish one WIT package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishPackage {
    /// The package's source files. They may not hold nested packages.
    pub files: Vec<SourceFile>,
    /// The hash that the publisher computed. The registry refuses a package that has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<PackageHash>,
}

/// A published WIT package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Published<T> {
    /// Whether this publication created it; if not, it was there with the very same content.
    pub created: bool,
    /// What is published now.
    #[serde(flatten)]
    pub record: T,
}

/// A package with all its dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackageClosure {
    /// The package that was asked for.
    pub root: PackageHash,
    /// It and everything that it refers to, each after its dependencies.
    pub packages: Closure,
}

/// A published component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// What its own metadata sections say; absent if they say nothing.
    #[serde(default, skip_serializing_if = "ComponentMetadata::is_empty")]
    pub metadata: ComponentMetadata,
}

/// A component without its bytes, but with everything that its view needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComponentClosure {
    /// The component.
    pub component: ComponentRecord,
    /// Its world and its unversioned packages as WIT text.
    pub wit: String,
    /// The registered packages that it needs, each after its dependencies.
    pub packages: Closure,
}

/// A question which of these the registry does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingRequest {
    /// Packages and components.
    pub hashes: Vec<ObjectHash>,
}

/// The answer: those that the registry does not have, in the order of the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingResponse {
    /// What is missing.
    pub missing: Vec<ObjectHash>,
}

/// The one shape of every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// A word for programs, such as `not_found`.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
    /// What to do about it, if something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The single points, where there can be many: what broke, what differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}
