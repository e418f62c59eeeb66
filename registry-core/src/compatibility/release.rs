//! May a release take its place among the others of its name?

use super::track::{Neighbours, Track, required_version};
use super::{Change, Comparison, Step};
use crate::name::ReleaseName;
use semver::Version;

/// A release that breaks, or is broken by, another of its track.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; as it is, it needs the version `{required}`", reason(.name, .neighbour))]
pub struct Incompatible {
    /// The release that was to be published.
    pub name: ReleaseName,
    /// The published release that it does not agree with.
    pub neighbour: ReleaseName,
    /// The lowest version that it may have.
    pub required: Version,
    /// What broke between the lower of the two and the higher one.
    pub broken: Vec<Change>,
    /// Changes that are not listed.
    pub left_out: usize,
}

impl Incompatible {
    /// One line for each thing that broke.
    pub fn details(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.broken.iter().map(ToString::to_string).collect();
        if self.left_out > 0 {
            lines.push(format!("{} more changes are not listed", self.left_out));
        }
        lines
    }
}

fn reason(name: &ReleaseName, neighbour: &ReleaseName) -> String {
    if neighbour.version() < name.version() {
        format!("`{name}` breaks `{neighbour}`, which it must extend")
    } else {
        format!("the published `{neighbour}` must extend `{name}` and breaks it")
    }
}

/// Checks a release against its neighbours, whose contents are given with the names that [`super::neighbours`] found.
///
/// `versions` are those of all releases of the name: the required version comes after them.
///
/// # Errors
/// [`Incompatible`] if it breaks the lower one or the higher one breaks it.
pub fn check_release<T>(
    name: &ReleaseName,
    content: &T,
    neighbours: &Neighbours<(ReleaseName, T)>,
    versions: &[Version],
    compare: impl Fn(&T, &T) -> Comparison,
) -> Result<(), Incompatible> {
    if let Some((lower, old)) = &neighbours.lower {
        let comparison = compare(old, content);
        if !comparison.is_compatible() {
            return Err(incompatible(name, lower, comparison, required(name.version(), versions, Step::Breaking)));
        }
    }
    if let Some((higher, new)) = &neighbours.higher {
        let comparison = compare(content, new);
        if !comparison.is_compatible() {
            // It may still fit on top of the higher one.
            let step = compare(new, content).step.max(Step::Addition);
            return Err(incompatible(name, higher, comparison, required(name.version(), versions, step)));
        }
    }
    Ok(())
}

fn incompatible(
    name: &ReleaseName,
    neighbour: &ReleaseName,
    comparison: Comparison,
    required: Version,
) -> Incompatible {
    let broken = comparison.breaking().cloned().collect();
    let left_out =
        if comparison.changes.iter().all(|change| change.step == Step::Breaking) { comparison.left_out } else { 0 };
    Incompatible { name: name.clone(), neighbour: neighbour.clone(), required, broken, left_out }
}

/// The lowest version for a step on top of all there is: in the track for an addition, in a new one for what breaks.
fn required(version: &Version, versions: &[Version], step: Step) -> Version {
    let track = Track::of(version);
    let is_counted = |other: &&Version| match (step, Track::of(other)) {
        (_, None) => false,
        (Step::Breaking, Some(_)) => true,
        (_, other) => other == track,
    };
    let highest = versions.iter().filter(is_counted).chain([version]).max();
    required_version(highest.unwrap_or(version), step)
}
