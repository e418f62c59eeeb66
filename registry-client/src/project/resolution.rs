//! From ranges to exact versions.
//!
//! References inside WIT are exact, so a version brings its whole closure along and nothing needs to be solved: each
//! requirement gets the highest version in its range. Only where that leaves a package in several versions are lower
//! ones tried: one package at a time, with each of the versions in which it stands, all requirements that have a
//! candidate with that version or without the package move to their highest such candidate; the move that leaves the
//! fewest surplus versions is made, until none leaves fewer. The order of names and versions decides between equals,
//! so the same releases give the same answer.

use super::error::ProjectError;
use super::lock::Lock;
use super::packages::Packages;
use super::requirement::{PackagePath, Range, Requirement};
use crate::client::{Client, check_binding};
use crate::limits::{RESOLUTION_CANDIDATES_MAX, RESOLUTION_QUESTIONS_MAX, SHOWN_VERSIONS_MAX};
use futures::{StreamExt, TryStreamExt};
use registry_core::id::PackageHash;
use registry_core::name::ReleaseName;
use registry_core::wire::{Release, ReleaseTarget};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be resolved.
pub(super) struct Request<'a> {
    pub(super) requirements: &'a BTreeSet<Requirement>,
    /// What is locked and does not move. It may have been yanked since.
    pub(super) kept: BTreeMap<Requirement, (ReleaseName, PackageHash)>,
    /// What is locked and may move. It stays if its release is yanked and nothing else fits.
    pub(super) fallback: BTreeMap<Requirement, (ReleaseName, PackageHash)>,
    /// The releases that the project's own WIT refers to: they count as packages of the closure.
    pub(super) pins: &'a BTreeSet<ReleaseName>,
}

/// What requirements were resolved to.
pub(super) struct Resolution {
    pub(super) lock: Lock,
    pub(super) packages: Packages,
    /// Why a requirement did not get its highest version.
    pub(super) notes: Vec<String>,
    /// Which requirements could not move.
    pub(super) warnings: Vec<String>,
}

/// A release that a requirement could have.
#[derive(Clone)]
struct Candidate {
    name: ReleaseName,
    hash: PackageHash,
}

/// What a requirement could have.
struct Found {
    candidates: Vec<Candidate>,
    /// Whether it is what is locked, because all that fits is yanked.
    is_stuck: bool,
}

impl Found {
    fn stuck(&self, requirement: &Requirement) -> Option<String> {
        let stuck = self.candidates.first().filter(|_| self.is_stuck)?;
        Some(format!("`{}` stays: every release that fits `{}` is yanked", stuck.name, requirement.range))
    }
}

/// The candidates of each requirement, the highest version first, never empty.
type Candidates = BTreeMap<Requirement, Vec<Candidate>>;

/// Which of its candidates each requirement has.
type Choice = BTreeMap<Requirement, usize>;

type Versions = BTreeMap<PackagePath, BTreeSet<Version>>;

/// Finds the versions and fetches their packages.
pub(super) async fn resolve(request: Request<'_>, client: &Client) -> Result<Resolution, ProjectError> {
    let asked =
        futures::stream::iter(request.requirements).map(|requirement| candidates(requirement, &request, client));
    let found: Vec<(Requirement, Found)> = asked.buffered(RESOLUTION_QUESTIONS_MAX).try_collect().await?;
    let warnings = found.iter().filter_map(|(requirement, found)| found.stuck(requirement)).collect();
    let candidates: Candidates =
        found.into_iter().map(|(requirement, found)| (requirement, found.candidates)).collect();
    let mut resolver = Resolver { client, candidates: &candidates, pins: request.pins, closures: BTreeMap::new() };
    let choice = resolver.choose().await?;
    let packages = resolver.packages(&choice)?;
    let answer =
        |requirement: &Requirement| Some((requirement.clone(), resolver.candidate(requirement, &choice)?.name.clone()));
    let requirements = request.requirements.iter().filter_map(answer).collect();
    let notes = choice.iter().filter_map(|(requirement, index)| note(candidates.get(requirement)?, *index)).collect();
    Ok(Resolution { lock: Lock::new(requirements, &packages), packages, notes, warnings })
}

/// The newest release of a package that a new requirement can begin with.
pub(super) async fn newest(path: &PackagePath, client: &Client) -> Result<Version, ProjectError> {
    let releases = client.releases(path.namespace(), path.name()).await?;
    let usable = releases.iter().filter(|release| release.yanked.is_none());
    let mut packages = usable.filter(|release| matches!(release.target, ReleaseTarget::Package(_)));
    match packages.next() {
        Some(release) => Ok(release.name.version().clone()),
        None => {
            let (path, reason) = (path.clone(), unusable(&releases));
            Err(ProjectError::Unsatisfiable { path, range: None, reason, nearest: None })
        }
    }
}

async fn candidates(
    requirement: &Requirement,
    request: &Request<'_>,
    client: &Client,
) -> Result<(Requirement, Found), ProjectError> {
    let one = |name: &ReleaseName, hash: PackageHash, is_stuck: bool| {
        let candidates = vec![Candidate { name: name.clone(), hash }];
        Ok((requirement.clone(), Found { candidates, is_stuck }))
    };
    if let Some((name, hash)) = request.kept.get(requirement) {
        return one(name, *hash, false);
    }
    let Requirement { path, range } = requirement;
    let releases = client.releases(path.namespace(), path.name()).await?;
    let mut candidates: Vec<Candidate> = releases
        .iter()
        .filter(|release| release.yanked.is_none() && range.contains(release.name.version()))
        .filter_map(|release| match release.target {
            ReleaseTarget::Package(hash) => Some(Candidate { name: release.name.clone(), hash }),
            ReleaseTarget::Component(_) => None,
        })
        .collect();
    if candidates.is_empty() {
        if let Some((name, hash)) = request.fallback.get(requirement)
            && releases.iter().any(|release| release.name == *name && release.target == ReleaseTarget::Package(*hash))
        {
            return one(name, *hash, true);
        }
        let (path, reason) = (path.clone(), unsatisfied(range, &releases));
        let nearest = nearest(range, &releases);
        return Err(ProjectError::Unsatisfiable { path, range: Some(range.clone()), reason, nearest });
    }
    candidates.sort_by(|left, right| right.name.version().cmp(left.name.version()));
    candidates.truncate(RESOLUTION_CANDIDATES_MAX);
    Ok((requirement.clone(), Found { candidates, is_stuck: false }))
}

struct Resolver<'a> {
    client: &'a Client,
    candidates: &'a Candidates,
    pins: &'a BTreeSet<ReleaseName>,
    /// What was fetched, each package with everything that it needs.
    closures: BTreeMap<PackageHash, Packages>,
}

impl<'a> Resolver<'a> {
    async fn choose(&mut self) -> Result<Choice, ProjectError> {
        let mut choice: Choice = self.candidates.keys().map(|requirement| (requirement.clone(), 0)).collect();
        self.fetch(&choice).await?;
        loop {
            let versions = self.versions(&choice);
            let mut best: Option<(usize, Choice)> = None;
            for (path, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
                for version in versions.iter().rev() {
                    let aligned = self.align(&choice, path, version).await?;
                    let surplus = surplus(&self.versions(&aligned));
                    if best.as_ref().is_none_or(|(least, _)| surplus < *least) {
                        best = Some((surplus, aligned));
                    }
                }
            }
            match best {
                Some((least, aligned)) if least < surplus(&versions) => choice = aligned,
                _ => return Ok(choice),
            }
        }
    }

    /// Moves what needs another version of a package to the highest candidate that does not. Versions that a requirement
    /// of the package itself has, because its range leaves this one out, are there in any case.
    async fn align(&mut self, choice: &Choice, path: &PackagePath, version: &Version) -> Result<Choice, ProjectError> {
        let (mut aligned, accepted) = (choice.clone(), self.unavoidable(choice, path, version));
        for (requirement, index) in &mut aligned {
            let Some(candidates) = self.candidates.get(requirement) else { continue };
            if candidates.get(*index).is_some_and(|current| self.agrees(current, path, &accepted)) {
                continue;
            }
            for (other, candidate) in candidates.iter().enumerate() {
                self.closure(candidate).await?;
                if self.agrees(candidate, path, &accepted) {
                    *index = other;
                    break;
                }
            }
        }
        Ok(aligned)
    }

    /// A version of a package, and those that stay beside it whatever else moves.
    fn unavoidable(&self, choice: &Choice, path: &PackagePath, version: &Version) -> BTreeSet<Version> {
        let mut versions = BTreeSet::from([version.clone()]);
        for (requirement, candidates) in self.candidates.iter().filter(|(requirement, _)| &requirement.path == path) {
            let can_move = candidates.iter().any(|candidate| candidate.name.version() == version);
            if let (false, Some(current)) = (can_move, self.candidate(requirement, choice)) {
                versions.insert(current.name.version().clone());
            }
        }
        versions
    }

    /// Whether a candidate needs no other versions of a package than these.
    fn agrees(&self, candidate: &Candidate, path: &PackagePath, accepted: &BTreeSet<Version>) -> bool {
        let versions = self.closures.get(&candidate.hash).map(Packages::versions).unwrap_or_default();
        versions.get(path).is_none_or(|versions| versions.is_subset(accepted))
    }

    async fn fetch(&mut self, choice: &Choice) -> Result<(), ProjectError> {
        for requirement in choice.keys() {
            // One after the other: the closure of one often holds the next, which is in the cache then.
            if let Some(candidate) = self.candidate(requirement, choice) {
                self.closure(candidate).await?;
            }
        }
        Ok(())
    }

    async fn closure(&mut self, candidate: &Candidate) -> Result<(), ProjectError> {
        if !self.closures.contains_key(&candidate.hash) {
            let wit = self.client.fetch_package(&candidate.hash).await?;
            check_binding(Some(&candidate.name), &wit, candidate.hash)?;
            let mut packages = Packages::default();
            packages.add(&wit)?;
            self.closures.insert(candidate.hash, packages);
        }
        Ok(())
    }

    fn candidate(&self, requirement: &Requirement, choice: &Choice) -> Option<&'a Candidate> {
        self.candidates.get(requirement)?.get(*choice.get(requirement)?)
    }

    fn chosen(&self, choice: &Choice) -> impl Iterator<Item = &Packages> {
        choice.keys().filter_map(|requirement| self.closures.get(&self.candidate(requirement, choice)?.hash))
    }

    fn packages(&self, choice: &Choice) -> Result<Packages, ProjectError> {
        let mut packages = Packages::default();
        self.chosen(choice).try_for_each(|closure| packages.extend(closure))?;
        Ok(packages)
    }

    fn versions(&self, choice: &Choice) -> Versions {
        let mut versions = Versions::new();
        let closures = self.chosen(choice).flat_map(Packages::iter).map(|(name, _)| name);
        for name in closures.chain(self.pins) {
            versions.entry(PackagePath::from(name)).or_default().insert(name.version().clone());
        }
        versions
    }
}

/// How many versions there are beyond one for each package.
fn surplus(versions: &Versions) -> usize {
    versions.values().map(|versions| versions.len() - 1).sum()
}

fn note(candidates: &[Candidate], index: usize) -> Option<String> {
    let (highest, chosen) = (candidates.first()?, candidates.get(index)?);
    let (highest, is_highest) = (highest.name.version(), index == 0);
    (!is_highest).then(|| {
        format!(
            "`{}` rather than {highest}, which is in its range too: so fewer packages stand in two versions",
            chosen.name
        )
    })
}

/// Why no release fits a range, in words.
fn unsatisfied(range: &Range, releases: &[Release]) -> String {
    let fitting: Vec<&Release> = releases.iter().filter(|release| range.contains(release.name.version())).collect();
    let yanked = fitting.iter().filter_map(|release| {
        let yank = release.yanked.as_ref()?;
        Some(format!("{} (yanked: {})", release.name.version(), yank.reason))
    });
    let yanked: Vec<String> = yanked.collect();
    if !yanked.is_empty() {
        return format!("all that fit were yanked: {}", yanked.join(", "));
    }
    if !fitting.is_empty() {
        return "what fits is a component, and a project needs WIT packages".to_owned();
    }
    unusable(releases)
}

/// The release that can be used and is least far from a range.
fn nearest(range: &Range, releases: &[Release]) -> Option<Version> {
    let is_usable =
        |release: &&Release| release.yanked.is_none() && matches!(release.target, ReleaseTarget::Package(_));
    let versions = releases.iter().filter(is_usable).map(|release| release.name.version());
    range.nearest(versions).cloned()
}

/// Which releases there are.
fn unusable(releases: &[Release]) -> String {
    let shown = releases.iter().take(SHOWN_VERSIONS_MAX).map(|release| {
        let mark = match (&release.yanked, release.target) {
            (Some(_), _) => " (yanked)",
            (None, ReleaseTarget::Component(_)) => " (a component)",
            (None, ReleaseTarget::Package(_)) => "",
        };
        format!("{}{mark}", release.name.version())
    });
    let shown: Vec<String> = shown.collect();
    let more = if releases.len() > SHOWN_VERSIONS_MAX { ", …" } else { "" };
    format!("there are {}{more}", shown.join(", "))
}
