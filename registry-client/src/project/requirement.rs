//! What a project asks for: the name of a package, and a range of its versions.

use registry_core::name::{NameError, ReleaseName};
use semver::{Comparator, Op, Version, VersionReq};
use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::str::FromStr;

/// The name of a package without a version: `namespace:name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackagePath {
    namespace: String,
    name: String,
}

/// Versions that a project can use, as Cargo writes them: `0.2.4` is that version and later compatible ones, `=0.2.4` that
/// version alone, `>=0.2.4, <0.2.7` those between. Pre-releases count only where the range names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: String,
    versions: VersionReq,
}

/// A package and which versions of it. A project may require several ranges of one package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The package.
    pub path: PackagePath,
    /// The versions.
    pub range: Range,
}

/// What somebody wants to add to a project: `namespace:name[@range]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The package.
    pub path: PackagePath,
    /// The versions; none stands for whatever is newest now.
    pub range: Option<Range>,
}

/// A text that is no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// The name has another form.
    #[error("`{0}` is not the name of a package: write `namespace:name`, such as `wasi:http`")]
    Form(String),
    /// The name breaks a rule of names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The range has another form.
    #[error(
        "`{text}` is not a range of versions: {reason}; write `0.2.4` for that or a later compatible one, `=0.2.4` for exactly that one"
    )]
    Range {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl PackagePath {
    /// The part before the colon.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The part after the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One release of the package.
    ///
    /// # Errors
    /// If the version is not that of a release.
    pub fn release(&self, version: Version) -> Result<ReleaseName, NameError> {
        ReleaseName::new(&self.namespace, &self.name, version)
    }
}

impl From<&ReleaseName> for PackagePath {
    fn from(name: &ReleaseName) -> Self {
        Self { namespace: name.namespace().to_owned(), name: name.name().to_owned() }
    }
}

impl FromStr for PackagePath {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let parts = text.split_once(':').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let (namespace, name) = parts.ok_or_else(|| RequirementError::Form(shorten(text)))?;
        // A release has stricter rules than a name alone, and without a release there is nothing to depend on.
        let release = ReleaseName::new(namespace, name, Version::new(0, 0, 0))?;
        Ok(Self::from(&release))
    }
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

impl Range {
    /// The range of a version and all later compatible ones.
    pub fn compatible_with(version: &Version) -> Self {
        Self::beginning_with(version, Op::Caret, "")
    }

    /// The range of one version.
    pub fn exactly(version: &Version) -> Self {
        Self::beginning_with(version, Op::Exact, "=")
    }

    /// Whether two versions are of the same semver track, so that one may stand for the other.
    pub(super) fn is_same_track(left: &Version, right: &Version) -> bool {
        let track = |version: &Version| match (version.major, version.minor) {
            (0, 0) => (0, 0, version.patch),
            (0, minor) => (0, minor, 0),
            (major, _) => (major, 0, 0),
        };
        track(left) == track(right)
    }

    fn beginning_with(version: &Version, op: Op, sign: &str) -> Self {
        let comparator = Comparator {
            op,
            major: version.major,
            minor: Some(version.minor),
            patch: Some(version.patch),
            pre: version.pre.clone(),
        };
        Self { text: format!("{sign}{version}"), versions: VersionReq { comparators: vec![comparator] } }
    }

    /// Whether a version is in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.versions.matches(version)
    }

    /// The version that is least far from what the range begins with: it has most of the first numbers in common. Of
    /// several the highest one below, or else the lowest one above; a pre-release only if nothing else is as near.
    pub(super) fn nearest<'v>(&self, versions: impl Iterator<Item = &'v Version>) -> Option<&'v Version> {
        let first = self.versions.comparators.first()?;
        let target = Version::new(first.major, first.minor.unwrap_or(0), first.patch.unwrap_or(0));
        let rank = |version: &Version| (common_numbers(version, &target), version.pre.is_empty());
        let (above, below): (Vec<&Version>, Vec<&Version>) = versions.partition(|version| **version > target);
        let below = below.into_iter().max_by_key(|version| (rank(version), *version));
        let above = above.into_iter().max_by_key(|version| (rank(version), Reverse(*version)));
        // Of two that are as near, `max_by_key` takes the last.
        above.into_iter().chain(below).max_by_key(|version| rank(version))
    }
}

fn common_numbers(left: &Version, right: &Version) -> usize {
    let numbers = |version: &Version| [version.major, version.minor, version.patch];
    numbers(left).iter().zip(numbers(right)).take_while(|(left, right)| **left == *right).count()
}

impl FromStr for Range {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let refused = |reason: String| RequirementError::Range { text: shorten(text), reason };
        let versions = VersionReq::parse(text).map_err(|error| refused(error.to_string()))?;
        if text.contains('+') {
            return Err(refused("no release has build metadata".to_owned()));
        }
        Ok(Self { text: text.trim().to_owned(), versions })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Range {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for Range {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Addition {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        match text.split_once('@') {
            None => Ok(Self { path: text.parse()?, range: None }),
            Some((path, range)) => Ok(Self { path: path.parse()?, range: Some(range.parse()?) }),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.range)
    }
}

/// A text that stands in a message must not fill the screen.
fn shorten(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 100;
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
