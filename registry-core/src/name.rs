//! Names of packages and releases, parsed once into types that cannot be wrong.

use crate::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ParseIdError, shorten, text_schema};
use crate::limits::Limits;
use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Namespaces that nobody can publish into: `p2` names packages by hash, `root` is what tools call a component's own world.
pub const RESERVED_NAMESPACES: [&str; 2] = ["p2", "root"];

/// A package's name as WIT text can have it: the version may be absent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    /// The part before the colon.
    pub namespace: String,
    /// The part after the colon.
    pub name: String,
    /// The exact version, if the package has one.
    pub version: Option<Version>,
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)?;
        self.version.iter().try_for_each(|version| write!(f, "@{version}"))
    }
}

impl From<&wit_parser::PackageName> for PackageName {
    fn from(name: &wit_parser::PackageName) -> Self {
        Self { namespace: name.namespace.clone(), name: name.name.clone(), version: name.version.clone() }
    }
}

impl From<&PackageName> for wit_parser::PackageName {
    fn from(name: &PackageName) -> Self {
        Self { namespace: name.namespace.clone(), name: name.name.clone(), version: name.version.clone() }
    }
}

/// The name of something published: lowercase, with an exact version, outside the reserved namespaces.
///
/// A release name is bound to one hash for ever.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName {
    namespace: String,
    name: String,
    version: Version,
}

/// Why a name cannot be the name of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not of the form `namespace:name@version`.
    #[error("`{0}` is not a name of the form `namespace:name@version`")]
    Form(String),
    /// No version.
    #[error("`{0}` has no version; only versioned packages can be published or depended on")]
    Unversioned(String),
    /// The version is not a semantic version.
    #[error("`{0}` has an invalid version: {1}; write all three numbers, such as `0.2.12`")]
    Version(String, String),
    /// The version has build metadata, about which tools disagree.
    #[error("`{0}` has build metadata (`+…`) in its version, which is not part of a name here")]
    BuildMetadata(String),
    /// A namespace or name that is not lowercase words joined by hyphens.
    #[error("`{0}` is not a lowercase identifier: words of a-z and 0-9 joined by single hyphens, a letter first")]
    Identifier(String),
    /// An identifier or a version that is too long.
    #[error("`{0}` is over {1} characters long")]
    TooLong(String, usize),
    /// A namespace that nobody can publish into.
    #[error("the namespace `{0}` is reserved")]
    Reserved(String),
}

impl ReleaseName {
    /// Makes a release name of its parts.
    ///
    /// # Errors
    /// If the name breaks one of the rules that [`NameError`] lists.
    pub fn new(namespace: &str, name: &str, version: Version) -> Result<Self, NameError> {
        check_identifier(namespace)?;
        check_identifier(name)?;
        let version_text = version.to_string();
        check_length(&version_text)?;
        if RESERVED_NAMESPACES.contains(&namespace) {
            return Err(NameError::Reserved(namespace.to_owned()));
        }
        if !version.build.is_empty() {
            return Err(NameError::BuildMetadata(shorten(&format!("{namespace}:{name}@{version_text}"))));
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned(), version })
    }

    /// The part before the colon.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The part between the colon and the version.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The exact version.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl TryFrom<&PackageName> for ReleaseName {
    type Error = NameError;

    fn try_from(name: &PackageName) -> Result<Self, NameError> {
        match &name.version {
            Some(version) => Self::new(&name.namespace, &name.name, version.clone()),
            None => Err(NameError::Unversioned(shorten(&name.to_string()))),
        }
    }
}

impl From<&ReleaseName> for PackageName {
    fn from(name: &ReleaseName) -> Self {
        Self { namespace: name.namespace.clone(), name: name.name.clone(), version: Some(name.version.clone()) }
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}@{}", self.namespace, self.name, self.version)
    }
}

impl fmt::Debug for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReleaseName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (namespace, name, version) = split_name(text)?;
        let version = version.ok_or_else(|| NameError::Unversioned(shorten(text)))?;
        Self::new(namespace, name, parse_version(text, version)?)
    }
}

impl Serialize for ReleaseName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

text_schema!(ReleaseName, "^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*@[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$");

impl<'de> Deserialize<'de> for ReleaseName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a person names: `namespace:name[@version]`, or a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// A WIT package by its hash.
    Package(PackageHash),
    /// A component by its hash.
    Component(ComponentHash),
    /// One exact release.
    Release(ReleaseName),
    /// The newest release of a name.
    Newest {
        /// The part before the colon.
        namespace: String,
        /// The part after the colon.
        name: String,
    },
}

/// A text that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// It looks like a hash and is not one.
    #[error(transparent)]
    Hash(#[from] ParseIdError),
    /// It is neither a hash nor a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Only the first digits of a hash.
    #[error("`{0}` is the beginning of a hash: `registry identify` finds what begins so, from four digits on")]
    Beginning(String),
    /// A hash whose first characters were forgotten.
    #[error("`{0}` is a hash without its prefix: write `p2:{0}`")]
    Prefix(String),
    /// An interface or a world of a package.
    #[error("`{0}` names an item of a package: leave out `/{1}`")]
    Item(String, String),
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        if is_beginning(text) {
            return Err(SpecError::Beginning(text.to_owned()));
        }
        if text.starts_with(ComponentHash::PREFIX) {
            return Ok(Self::Component(text.parse()?));
        }
        if text.starts_with("p2:") {
            return Ok(Self::Package(text.parse()?));
        }
        if format!("p2:{text}").parse::<ObjectHash>().is_ok() {
            return Err(SpecError::Prefix(text.to_owned()));
        }
        let (namespace, name, version) = split_name(text)?;
        if let Some((package, item)) = name.split_once('/')
            && [namespace, package, item].iter().all(|part| check_identifier(part).is_ok())
        {
            return Err(SpecError::Item(shorten(text), item.to_owned()));
        }
        if let Some(version) = version {
            return Ok(Self::Release(ReleaseName::new(namespace, name, parse_version(text, version)?)?));
        }
        check_identifier(namespace)?;
        check_identifier(name)?;
        Ok(Self::Newest { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// Whether digits are missing at the end of a hash, and nothing else is wrong with it.
fn is_beginning(text: &str) -> bool {
    let digits = [PackageHash::PREFIX, ComponentHash::PREFIX].into_iter().find_map(|prefix| text.strip_prefix(prefix));
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| (1..64).contains(&digits.len()) && digits.bytes().all(is_digit))
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(hash) => hash.fmt(f),
            Self::Component(hash) => hash.fmt(f),
            Self::Release(name) => name.fmt(f),
            Self::Newest { namespace, name } => write!(f, "{namespace}:{name}"),
        }
    }
}

/// An interface as people name it: `namespace:package/interface[@version]`, or its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceSpec {
    /// Every interface with this id, in whatever package.
    Id(InterfaceId),
    /// An interface of a package.
    Name {
        /// The package; without a version it stands for all of its releases.
        package: PackageName,
        /// The interface's name in the package.
        interface: String,
    },
}

/// A text that names no interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceSpecError {
    /// It looks like an id and is not one.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// A part of it is not as names are.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Neither an id nor a name.
    #[error("`{0}` is not of the form `namespace:package/interface[@version]`, such as `wasi:io/streams@0.2.12`")]
    Form(String),
}

impl FromStr for InterfaceSpec {
    type Err = InterfaceSpecError;

    fn from_str(text: &str) -> Result<Self, InterfaceSpecError> {
        if text.starts_with("p2:") {
            return Ok(Self::Id(text.parse()?));
        }
        let form = || InterfaceSpecError::Form(shorten(text));
        let (namespace, path, version) = split_name(text).map_err(|_| form())?;
        let (name, interface) = path.split_once('/').ok_or_else(form)?;
        [namespace, name, interface].into_iter().try_for_each(check_identifier)?;
        let version = version.map(|version| parse_version(text, version)).transpose()?;
        let package = PackageName { namespace: namespace.to_owned(), name: name.to_owned(), version };
        Ok(Self::Name { package, interface: interface.to_owned() })
    }
}

impl fmt::Display for InterfaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name { package: PackageName { namespace, name, version }, interface } => {
                write!(f, "{namespace}:{name}/{interface}")?;
                version.iter().try_for_each(|version| write!(f, "@{version}"))
            }
        }
    }
}

/// Checks one namespace or name.
///
/// # Errors
/// If it is too long, or is not made of lowercase words joined by hyphens.
pub fn check_identifier(text: &str) -> Result<(), NameError> {
    check_length(text)?;
    let begins_with_letter = text.starts_with(|first: char| first.is_ascii_lowercase());
    let word_is_valid =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if begins_with_letter && text.split('-').all(word_is_valid) {
        Ok(())
    } else {
        Err(NameError::Identifier(shorten(text)))
    }
}

fn check_length(text: &str) -> Result<(), NameError> {
    let max = Limits::default().identifier_chars_max;
    if text.chars().count() > max { Err(NameError::TooLong(shorten(text), max)) } else { Ok(()) }
}

fn split_name(text: &str) -> Result<(&str, &str, Option<&str>), NameError> {
    let (path, version) = match text.split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (text, None),
    };
    let (namespace, name) = path.split_once(':').ok_or_else(|| NameError::Form(shorten(text)))?;
    Ok((namespace, name, version))
}

fn parse_version(text: &str, version: &str) -> Result<Version, NameError> {
    check_length(version)?;
    Version::parse(version).map_err(|error| NameError::Version(shorten(text), error.to_string()))
}
