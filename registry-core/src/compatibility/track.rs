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

/// The releases between which a version stands in its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours<'v> {
    /// The highest that is lower.
    pub lower: Option<&'v Version>,
    /// The lowest that is higher.
    pub higher: Option<&'v Version>,
}

/// The neighbours of a version among others, which stand in any order. A pre-release has none.
pub fn neighbours<'v>(version: &Version, others: impl IntoIterator<Item = &'v Version>) -> Neighbours<'v> {
    let mut neighbours = Neighbours { lower: None, higher: None };
    let Some(track) = Track::of(version) else { return neighbours };
    for other in others.into_iter().filter(|other| Track::of(other) == Some(track)) {
        if other < version {
            neighbours.lower = neighbours.lower.max(Some(other));
        } else if other > version && neighbours.higher.is_none_or(|higher| other < higher) {
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
