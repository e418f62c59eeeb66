//! What was found, and who uses what.

use super::ReleaseTarget;
use crate::component::{Direction, Relation};
use crate::id::{InterfaceId, ObjectHash, PackageHash};
use crate::name::ReleaseName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the words of a search stand, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// In the name.
    Name,
    /// In the names of interfaces, worlds, functions and types, or in a component's metadata.
    Items,
    /// In the documentation.
    Docs,
}

/// One name that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// Its newest release that is not yanked.
    pub name: ReleaseName,
    /// What that is bound to.
    #[serde(flatten)]
    pub target: ReleaseTarget,
    /// The first sentence of its documentation or metadata; empty if it has none.
    pub summary: String,
    /// Where all the words stand.
    pub found: Found,
    /// How often all releases of this name were fetched.
    pub downloads: u64,
}

/// One page of what was found: names before items before docs, each in the order of the names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchPage {
    /// What was found.
    pub hits: Vec<SearchHit>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A kind of item with an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// An interface.
    Interface,
    /// A world.
    World,
}

/// An interface or a world of a published package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundItem {
    /// Interface or world.
    pub kind: ItemKind,
    /// The package that it stands in.
    pub package: ReleaseName,
    /// That package's hash.
    pub hash: PackageHash,
    /// Its name in the package.
    pub item: String,
}

/// Where an interface or world of one id stands, in the order of the packages' hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemList {
    /// The id that was asked for.
    pub id: InterfaceId,
    /// One page of the places.
    pub items: Vec<FoundItem>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What imports or exports an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserKind {
    /// A component.
    Component,
    /// A world of a WIT package.
    World,
}

/// A component or a world that imports or exports an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterfaceUser {
    /// Component or world.
    pub kind: UserKind,
    /// The component, or the package that the world stands in.
    pub hash: ObjectHash,
    /// The releases of that component or package.
    pub names: Vec<ReleaseName>,
    /// The world's name, for a world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<String>,
    /// Import or export.
    pub direction: Direction,
    /// Full name of the interface: `namespace:package/interface@version`.
    pub interface: String,
    /// The interface's id.
    pub id: InterfaceId,
    /// How a component's view of it relates to the registered interface; absent for worlds, which refer exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
}

/// One page of those that import or export an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterfaceUserList {
    /// The users.
    pub users: Vec<InterfaceUser>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A package or component that refers to a package directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dependent {
    /// Its hash.
    pub hash: ObjectHash,
    /// Its releases.
    pub names: Vec<ReleaseName>,
}

/// One page of those that refer to a package, in the order of their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DependentList {
    /// The dependents.
    pub dependents: Vec<Dependent>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something published, with its hash or id and its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedHash {
    /// `p2:w…`, `p2:c…`, `p2:i…` or `p2:v…`.
    pub hash: String,
    /// `package`, `component`, `interface`, `world` or `view`.
    pub kind: String,
    /// The releases that it is or stands in; interfaces and worlds as `namespace:name/item@version`.
    pub names: Vec<String>,
}

/// Everything whose hash or id begins with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HashMatches {
    /// In the order of the hashes.
    pub matches: Vec<NamedHash>,
    /// Whether there are more than are listed.
    pub more: bool,
}

/// Something published whose bytes have a sha256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sha256Match {
    /// The component whose bytes these are, or the package that was uploaded in this form.
    pub hash: ObjectHash,
    /// Its releases.
    pub names: Vec<ReleaseName>,
}

/// What has this sha256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sha256Matches {
    /// In the order of the hashes.
    pub matches: Vec<Sha256Match>,
}
