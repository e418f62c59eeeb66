//! Semver tracks: which versions promise to extend which.

use super::Step;
use semver::Version;
use std::fmt;

/// The releases that must extend each other: they share the leftmost number that is not zero.
///
/// Pre-releases are in no track: they promise nothing and nothing is promised to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    /// `1.y.z` and above: the same first number.
    Major(u64),
    /// `0.y.z`: the same second number.
    Minor(u64),
    /// `0.0.z`: each release stands alone.
    Patch(u64),
}

impl Track {
    /// The track of a version; `None` for a pre-release.
    pub fn of(version: &Version) -> Option<Self> {
        if !version.pre.is_empty() {
            return None;
        }
        Some(match (version.major, version.minor) {
            (0, 0) => Self::Patch(version.patch),
            (0, minor) => Self::Minor(minor),
            (major, _) => Self::Major(major),
        })
    }
}

impl fmt::Display for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Major(major) => write!(f, "{major}"),
            Self::Minor(minor) => write!(f, "0.{minor}"),
            Self::Patch(patch) => write!(f, "0.0.{patch}"),
        }
    }
}

/// What stands next to a version in its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbours<T> {
    /// The highest that is lower.
    pub lower: Option<T>,
    /// The lowest that is higher.
    pub higher: Option<T>,
}

/// The neighbours of a version among others, which stand in any order. A pre-release has none.
pub fn neighbours<T>(
    version: &Version,
    others: impl IntoIterator<Item = T>,
    version_of: impl Fn(&T) -> &Version,
) -> Neighbours<T> {
    let mut neighbours = Neighbours { lower: None, higher: None };
    let Some(track) = Track::of(version) else { return neighbours };
    for other in others {
        let found = version_of(&other);
        if Track::of(found) != Some(track) {
            continue;
        }
        if found < version && neighbours.lower.as_ref().is_none_or(|lower| version_of(lower) < found) {
            neighbours.lower = Some(other);
        } else if found > version && neighbours.higher.as_ref().is_none_or(|higher| found < version_of(higher)) {
            neighbours.higher = Some(other);
        }
    }
    neighbours
}

/// The lowest version that a change of this step on top of `previous` may have.
pub fn required_version(previous: &Version, step: Step) -> Version {
    let Version { major, minor, patch, .. } = *previous;
    if !previous.pre.is_empty() {
        return Version::new(major, minor, patch);
    }
    match (major, minor, step) {
        (0, 0, _) | (0, _, Step::None | Step::Addition) | (_, _, Step::None) => {
            Version::new(major, minor, patch.saturating_add(1))
        }
        (0, _, Step::Breaking) | (_, _, Step::Addition) => Version::new(major, minor.saturating_add(1), 0),
        (_, _, Step::Breaking) => Version::new(major.saturating_add(1), 0, 0),
    }
}
