//! Working with a project: a folder with WIT of its own, requirements in `registry.toml`, and a lock.
//!
//! A project's versions change only when somebody asks for it ([`Project::update`]). What is locked is fetched by hash,
//! and everything that is read, from the registry, the cache or the disk, is hashed again before it counts.

mod deps;
mod error;
mod files;
mod import;
mod lock;
mod manifest;
mod packages;
mod references;
mod requirement;
mod resolution;
mod wit_text;

pub use deps::DepsReport;
pub use error::ProjectError;
pub use import::{Import, LeftOut};
pub use lock::{LOCK_FILE, Lock, LockedPackage};
pub use manifest::{MANIFEST_FILE, Manifest, WIT_FOLDER};
pub use references::Rewrite;
pub use requirement::{Addition, PackagePath, Range, Requirement, RequirementError};
pub use wit_text::{Reference, declarations, references, rewrite};

use crate::client::Client;
use deps::Plan;
use packages::Packages;
use references::Sources;
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use resolution::{Request, Resolution};
use semver::Version;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A project on this machine.
#[derive(Debug, Clone)]
pub struct Project {
    folder: PathBuf,
    manifest: Manifest,
}

/// What may be changed on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions {
    /// The lock has to be there and to answer the requirements; it is not written.
    pub is_locked: bool,
    /// Fetched files that somebody changed are replaced.
    pub replaces_changed: bool,
    /// Nothing is written at all; the report says what would be.
    pub is_dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Everything that the project needs.
    pub packages: Vec<ReportedPackage>,
    /// In which versions the lock differs from what it was before.
    pub changes: Vec<Change>,
    /// Whether the lock's text differs from what it was before.
    pub lock_changed: bool,
    /// References in the project's own WIT that have another version now.
    pub rewrites: Vec<Rewrite>,
    /// What was done to `deps`; none if it was not looked at.
    pub deps: Option<DepsReport>,
    /// What will probably not work as meant.
    pub warnings: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// A package that a project needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportedPackage {
    /// Its name.
    pub name: ReleaseName,
    /// Its hash.
    pub hash: PackageHash,
}

/// In what a project's files do not fit each other, one sentence each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// Where the lock does not answer the requirements.
    pub lock: Vec<String>,
    /// Where `deps` is not what the lock says.
    pub deps: Vec<String>,
    /// What the project's own WIT refers to and nothing brings.
    pub wit: Vec<String>,
}

/// Versions of one package that came and went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The package: `namespace:name`.
    pub package: String,
    /// The versions that are no longer needed.
    pub from: Vec<Version>,
    /// The versions that are needed now.
    pub to: Vec<Version>,
}

impl Project {
    /// The project that a folder belongs to: in it, or in the nearest folder above it that has requirements.
    ///
    /// # Errors
    /// [`ProjectError::NoProject`] if there is none; else as [`Project::open`].
    pub fn find(folder: &Path) -> Result<Self, ProjectError> {
        let mut folders = folder.ancestors().filter(|folder| folder.join(MANIFEST_FILE).is_file());
        let found = folders.next().ok_or_else(|| ProjectError::NoProject { folder: folder.to_owned() })?;
        Self::open(found)
    }

    /// The project in a folder.
    ///
    /// # Errors
    /// If its requirements are not there or cannot be read.
    pub fn open(folder: &Path) -> Result<Self, ProjectError> {
        let path = folder.join(MANIFEST_FILE);
        let missing = || ProjectError::NoProject { folder: folder.to_owned() };
        let text = files::read_text(&path)?.ok_or_else(missing)?;
        Ok(Self { folder: folder.to_owned(), manifest: Manifest::parse(&text, &path)? })
    }

    /// Makes a project of a folder. What its WIT refers to is required, in the versions that stand there or later
    /// compatible ones, unless it lies in `deps` already.
    ///
    /// # Errors
    /// [`ProjectError::Exists`] if it is one already; if a file cannot be read or written.
    pub fn init(folder: &Path, wit: &Path, limits: &Limits) -> Result<(Self, Report), ProjectError> {
        let path = folder.join(MANIFEST_FILE);
        if path.exists() {
            return Err(ProjectError::Exists { path });
        }
        let mut project = Self { folder: folder.to_owned(), manifest: Manifest::new(wit, &path)? };
        let (wit, mut report) = (project.wit(), Report::default());
        let sources = Sources::read(&wit, limits)?;
        let (_, present) = deps::check(&wit, &Lock::default(), limits)?;
        let mut required: BTreeMap<PackagePath, BTreeSet<Range>> = BTreeMap::new();
        for name in sources.newest_references() {
            let path = PackagePath::from(&name);
            if present.contains(&(&name).into()) {
                let deps = wit.join(deps::DEPS_FOLDER);
                report.notes.push(format!(
                    "`{name}` is in `{}`; `registry add {name}` lets the registry bring it",
                    deps.display()
                ));
            } else {
                required.entry(path).or_default().insert(Range::compatible_with(name.version()));
            }
        }
        project.require(&required)?;
        files::write_all(&[(path, project.manifest.text().into_bytes())])?;
        Ok((project, report))
    }

    /// Takes over the requirements of another tool's project: into the project's own, or into a new one.
    ///
    /// # Errors
    /// [`ProjectError::NothingToImport`] if there is none of its files; if a file cannot be read or written.
    pub fn import(folder: &Path, wit: &Path, limits: &Limits) -> Result<(Self, Import), ProjectError> {
        let path = folder.join(MANIFEST_FILE);
        let mut project = if path.exists() {
            Self::open(folder)?
        } else {
            Self { folder: folder.to_owned(), manifest: Manifest::new(wit, &path)? }
        };
        let import = import::read(folder, &project.wit(), limits)?;
        let mut required: BTreeMap<PackagePath, BTreeSet<Range>> = BTreeMap::new();
        for Requirement { path, range } in import.requirements.iter().cloned() {
            required.entry(path).or_default().insert(range);
        }
        project.require(&required)?;
        files::write_all(&[(path, project.manifest.text().into_bytes())])?;
        Ok((project, import))
    }

    fn require(&mut self, required: &BTreeMap<PackagePath, BTreeSet<Range>>) -> Result<(), ProjectError> {
        required.iter().try_for_each(|(path, ranges)| self.manifest.require(path, ranges))
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the project needs.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder with the project's own WIT.
    pub fn wit(&self) -> PathBuf {
        self.folder.join(self.manifest.wit())
    }

    /// The lock, if there is one.
    ///
    /// # Errors
    /// [`ProjectError::Lock`] if it cannot be used.
    pub fn lock(&self) -> Result<Option<Lock>, ProjectError> {
        let path = self.lock_path();
        files::read_text(&path)?.map(|text| Lock::parse(&text, &path)).transpose()
    }

    /// Puts what the project needs into `deps`. What the lock has keeps its version; what it lacks is resolved and added
    /// to it.
    ///
    /// # Errors
    /// If a requirement cannot be answered, something cannot be fetched, or anything differs from the lock.
    pub async fn fetch(&self, client: &Client, permissions: Permissions) -> Result<Report, ProjectError> {
        let sources = Sources::read(&self.wit(), client.limits())?;
        let before = self.lock()?;
        let resolution = self.resolve(client, before.as_ref(), permissions, &sources).await?;
        self.finish(Outcome { before, resolution, sources, rewrites: Vec::new(), fetches: true }, client, permissions)
    }

    /// [`Project::fetch`] without touching `deps`.
    ///
    /// # Errors
    /// As [`Project::fetch`].
    pub async fn write_lock(&self, client: &Client) -> Result<Report, ProjectError> {
        let (sources, permissions) = (Sources::read(&self.wit(), client.limits())?, Permissions::default());
        let before = self.lock()?;
        let resolution = self.resolve(client, before.as_ref(), permissions, &sources).await?;
        self.finish(Outcome { before, resolution, sources, rewrites: Vec::new(), fetches: false }, client, permissions)
    }

    /// Adds requirements, resolves them and fetches them. Those of one package take the place of those that were there;
    /// one without a range gets that of the newest version.
    ///
    /// # Errors
    /// As [`Project::fetch`]. Then no requirement is added.
    pub async fn add(&mut self, additions: &[Addition], client: &Client) -> Result<Report, ProjectError> {
        let mut required: BTreeMap<PackagePath, BTreeSet<Range>> = BTreeMap::new();
        for Addition { path, range } in additions {
            let range = match range {
                Some(range) => range.clone(),
                None => Range::compatible_with(&resolution::newest(path, client).await?),
            };
            required.entry(path.clone()).or_default().insert(range);
        }
        let mut changed = self.clone();
        changed.require(&required)?;
        let report = changed.fetch(client, Permissions::default()).await?;
        *self = changed;
        Ok(report)
    }

    /// Moves requirements to the highest versions in their ranges, all of them or those named, writes these versions into
    /// the project's own WIT, and fetches them.
    ///
    /// # Errors
    /// As [`Project::fetch`]; [`ProjectError::NotRequired`] if a name is not one of a requirement.
    pub async fn update(
        &self,
        names: &[PackagePath],
        client: &Client,
        permissions: Permissions,
    ) -> Result<Report, ProjectError> {
        let requirements = self.manifest.requirements();
        let is_required = |name: &PackagePath| requirements.iter().any(|requirement| &requirement.path == name);
        if let Some(unknown) = names.iter().find(|name| !is_required(name)) {
            return Err(ProjectError::NotRequired(unknown.clone()));
        }
        let mut sources = Sources::read(&self.wit(), client.limits())?;
        let before = if names.is_empty() { self.lock().unwrap_or_default() } else { self.lock()? };
        let mut kept = BTreeMap::new();
        if let Some(lock) = before.as_ref().filter(|_| !names.is_empty()) {
            load(lock, client).await?;
            kept = self.kept(lock);
            kept.retain(|requirement, _| !names.contains(&requirement.path));
        }
        let fallback = before.as_ref().map(|lock| self.kept(lock)).unwrap_or_default();
        let request = Request { requirements, kept, fallback, pins: &BTreeSet::new() };
        let resolution = resolution::resolve(request, client).await?;
        let rewrites = sources.rewrite(before.as_ref(), &resolution.lock);
        self.finish(Outcome { before, resolution, sources, rewrites, fetches: true }, client, permissions)
    }

    /// In what the lock, `deps` and the project's WIT do not fit the requirements, in words. Nothing is fetched: the
    /// hashes are recomputed from what lies in `deps`.
    ///
    /// # Errors
    /// If there is no lock, or a file cannot be read.
    pub fn check(&self, limits: &Limits) -> Result<Problems, ProjectError> {
        let lock = self.lock()?.ok_or_else(|| ProjectError::NoLock { path: self.lock_path() })?;
        let (deps, own) = deps::check(&self.wit(), &lock, limits)?;
        let wit = Sources::read(&self.wit(), limits)?.dangling(&lock, &own);
        Ok(Problems { lock: lock.differences(self.manifest.requirements()), deps, wit })
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join(LOCK_FILE)
    }

    /// Takes what is locked and resolves the rest.
    async fn resolve(
        &self,
        client: &Client,
        lock: Option<&Lock>,
        permissions: Permissions,
        sources: &Sources,
    ) -> Result<Resolution, ProjectError> {
        let requirements = self.manifest.requirements();
        let Some(lock) = lock else {
            if permissions.is_locked {
                return Err(ProjectError::NoLock { path: self.lock_path() });
            }
            let request =
                Request { requirements, kept: BTreeMap::new(), fallback: BTreeMap::new(), pins: &sources.pins() };
            return resolution::resolve(request, client).await;
        };
        let differences = lock.differences(requirements);
        if permissions.is_locked && !differences.is_empty() {
            return Err(ProjectError::LockOutdated { differences });
        }
        // A lock that somebody edited is nothing to build on, even if only a part of it is used.
        let packages = load(lock, client).await?;
        if differences.is_empty() {
            return Ok(Resolution { lock: lock.clone(), packages, notes: Vec::new(), warnings: Vec::new() });
        }
        let request = Request { requirements, kept: self.kept(lock), fallback: BTreeMap::new(), pins: &sources.pins() };
        resolution::resolve(request, client).await
    }

    /// What is locked for a requirement, or for another range of its package and is in this one too.
    fn kept(&self, lock: &Lock) -> BTreeMap<Requirement, (ReleaseName, PackageHash)> {
        let mut kept = BTreeMap::new();
        for requirement in self.manifest.requirements() {
            let fits = |(locked, release): &(&Requirement, &ReleaseName)| {
                locked.path == requirement.path && requirement.range.contains(release.version())
            };
            let same = lock.requirements.get(requirement);
            let release = same.or_else(|| lock.requirements.iter().find(fits).map(|(_, release)| release));
            if let Some((release, package)) = release.and_then(|name| Some((name, lock.packages.get(name)?))) {
                kept.insert(requirement.clone(), (release.clone(), package.hash));
            }
        }
        kept
    }

    /// Writes what was found out: WIT, requirements and lock together, then `deps`.
    fn finish(&self, outcome: Outcome, client: &Client, permissions: Permissions) -> Result<Report, ProjectError> {
        let Outcome { before, resolution, sources, rewrites, fetches } = outcome;
        let Resolution { lock, packages, notes, mut warnings } = resolution;
        let (wit, limits) = (self.wit(), client.limits());
        let plan = Plan::new(&wit, &packages, limits, permissions.replaces_changed)?;
        warnings.extend(packages.warnings());
        let mut report = Report {
            packages: reported(&lock),
            changes: changes(before.as_ref(), &lock),
            rewrites,
            warnings,
            notes,
            ..Report::default()
        };
        report.warnings.extend(sources.dangling(&lock, &plan.own));
        report.notes.extend(sources.unused(&lock));
        let lock_text = lock.text();
        report.lock_changed = files::read_text(&self.lock_path())?.as_ref() != Some(&lock_text);
        let mut texts = sources.changed_files();
        texts.push((self.folder.join(MANIFEST_FILE), self.manifest.text()));
        texts.push((self.lock_path(), lock_text));
        if permissions.is_dry_run {
            return Ok(report);
        }
        write_changed(texts)?;
        if fetches {
            report.deps = Some(plan.carry_out()?);
            let (differences, _) = deps::check(&wit, &lock, limits)?;
            if !differences.is_empty() {
                return Err(ProjectError::DepsDiffer { differences });
            }
        }
        Ok(report)
    }
}

/// Everything that was found out before anything is written.
struct Outcome {
    before: Option<Lock>,
    resolution: Resolution,
    sources: Sources,
    rewrites: Vec<Rewrite>,
    /// Whether `deps` is to be written.
    fetches: bool,
}

/// Fetches the packages of a lock by their hashes and compares the lock with them.
async fn load(lock: &Lock, client: &Client) -> Result<Packages, ProjectError> {
    let mut packages = Packages::default();
    for (name, locked) in lock.tops() {
        let hash = locked.hash;
        let wit = client.fetch_package(&hash).await;
        let wit =
            wit.map_err(|source| ProjectError::LockedPackage { name: name.clone(), hash, source: source.into() })?;
        if wit.name() != &name.into() {
            let reason = format!("its hash in the lock is {hash}, which is the hash of `{}`", wit.name());
            return Err(ProjectError::EditedLock { name: name.clone(), reason });
        }
        packages.add(&wit)?;
    }
    lock.check(&packages)?;
    Ok(packages)
}

/// Writes the files whose text differs from what is there, all or none.
fn write_changed(texts: Vec<(PathBuf, String)>) -> Result<(), ProjectError> {
    let mut changed = Vec::new();
    for (path, text) in texts {
        if files::read_text(&path)?.as_ref() != Some(&text) {
            changed.push((path, text.into_bytes()));
        }
    }
    files::write_all(&changed)
}

fn reported(lock: &Lock) -> Vec<ReportedPackage> {
    let packages = lock.packages.iter();
    packages.map(|(name, package)| ReportedPackage { name: name.clone(), hash: package.hash }).collect()
}

fn changes(before: Option<&Lock>, after: &Lock) -> Vec<Change> {
    let empty = BTreeMap::new();
    let before = before.map_or(&empty, |lock| &lock.packages);
    let mut changes: BTreeMap<PackagePath, Change> = BTreeMap::new();
    let mut change = |name: &ReleaseName, is_new: bool| {
        let path = PackagePath::from(name);
        let new = || Change { package: path.to_string(), from: Vec::new(), to: Vec::new() };
        let change = changes.entry(path.clone()).or_insert_with(new);
        let versions = if is_new { &mut change.to } else { &mut change.from };
        versions.push(name.version().clone());
    };
    before.keys().filter(|name| !after.packages.contains_key(*name)).for_each(|name| change(name, false));
    after.packages.keys().filter(|name| !before.contains_key(*name)).for_each(|name| change(name, true));
    changes.into_values().collect()
}
