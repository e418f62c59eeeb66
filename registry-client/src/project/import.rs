//! Taking over a project of wkg (`wkg.toml`, `wkg.lock`) or of wit-deps (`deps.toml`).
//!
//! Both name exact versions, so the requirements are exact too. wkg takes its requirements from the project's WIT; its lock
//! says which of them were resolved how, and its other file overrides some. wit-deps lists archives and folders: which
//! packages these are stands in what it put into `deps`.

use super::deps::DEPS_FOLDER;
use super::error::ProjectError;
use super::files::read_text;
use super::references::Sources;
use super::requirement::{PackagePath, Range, Requirement};
use crate::local::Dependencies;
use registry_core::limits::Limits;
use registry_core::name::{PackageName, ReleaseName};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const WKG_FILE: &str = "wkg.toml";
const WKG_LOCK: &str = "wkg.lock";
const WIT_DEPS_FILE: &str = "deps.toml";

/// What was found in the files of other tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// What the project requires.
    pub requirements: BTreeSet<Requirement>,
    /// What could not be taken over.
    pub left: Vec<LeftOut>,
}

/// An entry that could not be taken over.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// The file.
    pub file: PathBuf,
    /// What the entry is called there.
    pub entry: String,
    /// Why.
    pub reason: String,
}

#[derive(Deserialize)]
struct WkgFile {
    #[serde(default)]
    overrides: BTreeMap<String, WkgOverride>,
}

#[derive(Deserialize)]
struct WkgOverride {
    path: Option<PathBuf>,
    version: Option<String>,
}

#[derive(Deserialize)]
struct WkgLock {
    version: u64,
    #[serde(default, alias = "package")]
    packages: Vec<WkgPackage>,
}

#[derive(Deserialize)]
struct WkgPackage {
    name: String,
    #[serde(default, alias = "version")]
    versions: Vec<WkgVersion>,
}

#[derive(Deserialize)]
struct WkgVersion {
    requirement: String,
    version: semver::Version,
}

/// An archive or a folder of wit-deps.
#[derive(Deserialize)]
#[serde(untagged)]
enum WitDepsEntry {
    Place(String),
    Table { url: Option<String>, path: Option<PathBuf> },
}

/// Reads what other tools know about the project in a folder, whose own WIT lies in `wit`.
pub(super) fn read(folder: &Path, wit: &Path, limits: &Limits) -> Result<Import, ProjectError> {
    let mut import = Import::default();
    let sources = Sources::read(wit, limits)?;
    let wkg_file: Option<WkgFile> = import.file(&folder.join(WKG_FILE))?;
    let wkg_lock: Option<WkgLock> = import.file(&folder.join(WKG_LOCK))?;
    if wkg_file.is_some() || wkg_lock.is_some() {
        let references = sources.newest_references();
        references.iter().for_each(|name| import.require_exactly(name));
        if let Some(lock) = wkg_lock {
            import.wkg_lock(lock, &folder.join(WKG_LOCK), &references)?;
        }
        if let Some(file) = wkg_file {
            import.wkg_overrides(file, &folder.join(WKG_FILE));
        }
    }
    for path in [folder.join(WIT_DEPS_FILE), wit.join(WIT_DEPS_FILE)] {
        if let Some(entries) = import.file::<BTreeMap<String, WitDepsEntry>>(&path)? {
            let deps = path.parent().unwrap_or(folder);
            let deps = if deps == wit { wit.join(DEPS_FOLDER) } else { folder.join(DEPS_FOLDER) };
            let (dependencies, _) = Dependencies::read_usable(&deps, limits)?;
            for (id, entry) in entries {
                import.wit_deps_entry(id, &entry, &path, &deps, &dependencies);
            }
        }
    }
    if import.files.is_empty() {
        return Err(ProjectError::NothingToImport { folder: folder.to_owned() });
    }
    Ok(import)
}

impl Import {
    fn file<T: DeserializeOwned>(&mut self, path: &Path) -> Result<Option<T>, ProjectError> {
        let Some(text) = read_text(path)? else { return Ok(None) };
        self.files.push(path.to_owned());
        let invalid =
            |error: toml::de::Error| ProjectError::Foreign { path: path.to_owned(), reason: error.to_string() };
        toml::from_str(&text).map(Some).map_err(invalid)
    }

    fn require_exactly(&mut self, name: &ReleaseName) {
        let (path, range) = (PackagePath::from(name), Range::exactly(name.version()));
        self.requirements.insert(Requirement { path, range });
    }

    fn leave(&mut self, file: &Path, entry: impl Into<String>, reason: impl Into<String>) {
        self.left.push(LeftOut { file: file.to_owned(), entry: entry.into(), reason: reason.into() });
    }

    /// The ranges of what the project's WIT refers to. The lock holds what these need as well, which comes with them.
    fn wkg_lock(&mut self, lock: WkgLock, file: &Path, references: &[ReleaseName]) -> Result<(), ProjectError> {
        if lock.version != 1 {
            let reason = format!("it has form {}, and form 1 is known", lock.version);
            return Err(ProjectError::Foreign { path: file.to_owned(), reason });
        }
        for package in lock.packages {
            let Ok(path) = package.name.parse::<PackagePath>() else {
                self.leave(file, package.name, "its name cannot be that of a release");
                continue;
            };
            let is_used = |version: &semver::Version| {
                references.iter().any(|name| PackagePath::from(name) == path && name.version() == version)
            };
            if !references.iter().any(|name| PackagePath::from(name) == path) {
                self.leave(
                    file,
                    package.name,
                    "the project's own WIT does not refer to it; it comes with what needs it",
                );
                continue;
            }
            for WkgVersion { requirement, version } in package.versions {
                match requirement.parse::<Range>() {
                    Ok(range) if is_used(&version) => {
                        self.requirements.remove(&Requirement { path: path.clone(), range: Range::exactly(&version) });
                        self.requirements.insert(Requirement { path: path.clone(), range });
                    }
                    Ok(_) => {
                        let reason = "the project's own WIT refers to another version; it comes with what needs it";
                        self.leave(file, format!("{}@{version}", package.name), reason);
                    }
                    Err(error) => self.leave(file, format!("{}@{version}", package.name), error.to_string()),
                }
            }
        }
        Ok(())
    }

    fn wkg_overrides(&mut self, config: WkgFile, file: &Path) {
        for (name, WkgOverride { path, version }) in config.overrides {
            let Ok(package) = name.parse::<PackagePath>() else {
                self.leave(file, name, "its name cannot be that of a release");
                continue;
            };
            if let Some(path) = path {
                self.requirements.retain(|requirement| requirement.path != package);
                let reason = format!("it comes from `{}`; put its WIT into `deps` yourself", path.display());
                self.leave(file, name, reason);
                continue;
            }
            match version.map(|range| range.parse::<Range>()) {
                Some(Ok(range)) => {
                    self.requirements.retain(|requirement| requirement.path != package);
                    self.requirements.insert(Requirement { path: package, range });
                }
                Some(Err(error)) => self.leave(file, name, error.to_string()),
                None => {}
            }
        }
    }

    fn wit_deps_entry(
        &mut self,
        id: String,
        entry: &WitDepsEntry,
        file: &Path,
        deps: &Path,
        dependencies: &Dependencies,
    ) {
        let local = match entry {
            WitDepsEntry::Place(place) if !place.contains("://") => Some(place.clone()),
            WitDepsEntry::Table { url: None, path: Some(path) } => Some(path.display().to_string()),
            WitDepsEntry::Place(_) | WitDepsEntry::Table { .. } => None,
        };
        if let Some(path) = local {
            return self.leave(file, id, format!("it comes from `{path}`; put its WIT into `deps` yourself"));
        }
        match package_in(dependencies, &deps.join(&id)) {
            None => {
                let reason = format!(
                    "which package it is would stand in `{}`, and there is none that can be read: run `wit-deps` first, or \
                     add it by name",
                    deps.join(&id).display()
                );
                self.leave(file, id, reason);
            }
            Some(name) => match ReleaseName::try_from(&name) {
                Ok(name) => self.require_exactly(&name),
                Err(error) => self.leave(file, id, error.to_string()),
            },
        }
    }
}

fn package_in(dependencies: &Dependencies, folder: &Path) -> Option<PackageName> {
    dependencies.found().find(|(path, _)| *path == folder).map(|(_, wit)| wit.name())
}
