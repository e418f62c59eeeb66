//! What a component says about itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a component's own metadata sections say. Nobody vouches for it, and no hash but that of the bytes covers it.
///
/// The texts are those of the component itself; producers and dependencies are gathered from everything inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ComponentMetadata {
    /// What its authors call it. Not the name of a release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<String>,
    /// Under which licences: an SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<String>,
    /// The URL of its source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The URL of its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The revision of the source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The version that its authors gave it. Not the version of a release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What made it: languages, compilers, tools; sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub producers: Vec<Producer>,
    /// The crates that it was built from, if it was built with `cargo auditable`; sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<BuildDependency>,
    /// Sections that are not listed above, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredSection>,
}

/// Something that had a part in making a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Producer {
    /// What it did: `language`, `processed-by` or `sdk`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

/// A crate that a component was built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct BuildDependency {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it came from: `crates.io`, `git`, `local`, `registry` or something else.
    pub source: String,
    /// Whether it was needed to build only, and is no part of the component.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub build: bool,
}

/// A metadata section that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IgnoredSection {
    /// Its name.
    pub section: String,
    /// Why.
    pub reason: String,
}
