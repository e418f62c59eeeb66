//! The folder `deps` in which WIT tools look for other packages.
//!
//! A file beside them lists what was written and its sha256. So files that are no longer needed can be removed, files
//! that somebody changed are noticed, and what somebody else put there is never touched.

use super::error::ProjectError;
use super::files::{read_bytes, read_text, sha256, write_all};
use super::lock::Lock;
use super::packages::Packages;
use crate::layout::dependency_files;
use crate::local::{Dependencies, LocalError};
use registry_core::closure::ClosurePackage;
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wit::{SourceFile, UnresolvedWit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder's name, inside that of the project's WIT.
pub(super) const DEPS_FOLDER: &str = "deps";

/// What lists the files that were written. No WIT tool reads a file of this name.
const LIST_FILE: &str = ".registry-files.toml";

const LIST_HEAD: &str = "# The files that `registry fetch` wrote here, so that it can tell them from yours.\n";

/// What was done to the folder. Paths are inside the folder of the project's WIT.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DepsReport {
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files that were removed because nothing needs them any more.
    pub removed: Vec<PathBuf>,
    /// How many files were as they should be.
    pub unchanged: usize,
    /// Packages of the lock that somebody else had put there, with the same hash; they were left alone.
    pub found: Vec<ReleaseName>,
}

/// What has to be done so that the folder holds the packages of a lock.
pub(super) struct Plan {
    wit: PathBuf,
    writes: Vec<(PathBuf, Vec<u8>)>,
    list: FileList,
    report: DepsReport,
    /// Packages in the folder that the lock does not have.
    pub(super) own: BTreeSet<PackageName>,
}

/// What was written, by the path inside the WIT folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileList {
    #[serde(default)]
    sha256: BTreeMap<PathBuf, String>,
}

impl FileList {
    fn read(wit: &Path) -> Result<Self, ProjectError> {
        let path = wit.join(DEPS_FOLDER).join(LIST_FILE);
        let Some(text) = read_text(&path)? else { return Ok(Self::default()) };
        let invalid = |reason: String| ProjectError::io("read", &path, io::Error::other(reason));
        let list: Self = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        // What is listed is removed one day, so it must be what this program writes: `deps/<folder>/package.wit`.
        let is_ours = |path: &Path| {
            let mut parts = path.components();
            parts.next().is_some_and(|part| part.as_os_str() == DEPS_FOLDER)
                && parts.next().is_some_and(|part| matches!(part, std::path::Component::Normal(_)))
                && parts.as_path() == Path::new("package.wit")
        };
        match list.sha256.keys().find(|path| !is_ours(path)) {
            Some(other) => Err(invalid(format!("`{}` is no file that was written here", other.display()))),
            None => Ok(list),
        }
    }

    fn write(&self, wit: &Path) -> Result<(), ProjectError> {
        let path = wit.join(DEPS_FOLDER).join(LIST_FILE);
        let text = toml::to_string(self);
        let text = text.map_err(|error| ProjectError::io("write", &path, io::Error::other(error.to_string())))?;
        write_all(&[(path, format!("{LIST_HEAD}{text}").into_bytes())])
    }
}

impl Plan {
    /// Compares the folder with the packages that it should hold. Nothing is written yet.
    pub(super) fn new(
        wit: &Path,
        packages: &Packages,
        limits: &Limits,
        replaces_changed: bool,
    ) -> Result<Self, ProjectError> {
        let listed = FileList::read(wit)?;
        if !replaces_changed {
            listed.sha256.iter().try_for_each(|(path, sha256)| check_unchanged(wit, path, sha256, limits))?;
        }
        let expected = expected_files(packages);
        let written = expected.iter().map(|(_, path, _)| path.as_path());
        written.chain(listed.sha256.keys().map(PathBuf::as_path)).try_for_each(|path| refuse_links(wit, path))?;
        let others = Others::read(wit, &listed, &expected, packages, limits)?;
        let mut plan = Self {
            wit: wit.to_owned(),
            writes: Vec::new(),
            list: FileList::default(),
            report: DepsReport { found: others.same.iter().cloned().collect(), ..DepsReport::default() },
            own: others.own,
        };
        for (name, path, bytes) in expected {
            if !others.same.contains(&name) {
                plan.add(path, bytes, limits)?;
            }
        }
        let obsolete = listed.sha256.into_keys().filter(|path| !plan.list.sha256.contains_key(path));
        plan.report.removed = obsolete.filter(|path| wit.join(path).exists()).collect();
        Ok(plan)
    }

    fn add(&mut self, path: PathBuf, bytes: Vec<u8>, limits: &Limits) -> Result<(), ProjectError> {
        let target = self.wit.join(&path);
        let present = read_bytes(&target, limits.component_size_bytes_max)?;
        self.list.sha256.insert(path.clone(), sha256(&bytes));
        if present.as_ref() == Some(&bytes) {
            self.report.unchanged += 1;
        } else {
            self.report.written.push(path);
            self.writes.push((target, bytes));
        }
        Ok(())
    }

    /// Does it. After a crash in the middle, the next time does the rest.
    pub(super) fn carry_out(self) -> Result<DepsReport, ProjectError> {
        let before = FileList::read(&self.wit)?;
        if self.writes.is_empty() && self.report.removed.is_empty() && before == self.list {
            return Ok(self.report);
        }
        // Before anything is written, so that whatever a crash leaves behind is known to be ours. What is listed and
        // not there yet was not changed by anybody.
        let mut both = before;
        both.sha256.extend(self.list.sha256.clone());
        both.write(&self.wit)?;
        write_all(&self.writes)?;
        for path in &self.report.removed {
            remove(&self.wit.join(path))?;
        }
        self.list.write(&self.wit)?;
        Ok(self.report)
    }
}

/// The folder's differences from a lock, in words; none if it holds exactly what the lock says. The hashes are recomputed
/// from what lies there. Also the packages there that the lock does not have.
pub(super) fn check(
    wit: &Path,
    lock: &Lock,
    limits: &Limits,
) -> Result<(Vec<String>, BTreeSet<PackageName>), ProjectError> {
    let mut differences = Vec::new();
    let listed = FileList::read(wit)?;
    for (path, sha256) in &listed.sha256 {
        match check_unchanged(wit, path, sha256, limits) {
            Err(error @ ProjectError::ChangedFile { .. }) => differences.push(error.to_string()),
            checked => checked?,
        }
    }
    let folder = wit.join(DEPS_FOLDER);
    let (dependencies, refused) = Dependencies::read_usable(&folder, limits)?;
    let present: BTreeSet<&PackageName> = dependencies.names().collect();
    let known = hashes(&dependencies, lock);
    for (name, locked) in &lock.packages {
        let full_name = PackageName::from(name);
        if !present.contains(&full_name) {
            differences.push(format!("`{name}` is not in `{}`", folder.display()));
            continue;
        }
        let alone =
            || -> Result<PackageHash, LocalError> { Ok(dependencies.package(&full_name)?.wit.identity()?.hash) };
        match known.get(&full_name).map_or_else(alone, |hash| Ok(*hash)) {
            Ok(hash) if hash == locked.hash => {}
            Ok(hash) => differences.push(format!("`{name}` has the hash {hash}, and the lock says {}", locked.hash)),
            Err(error) => differences.push(format!("`{name}`: {error}")),
        }
    }
    if !differences.is_empty() {
        differences.extend(refused.iter().map(|(path, error)| format!("`{}`: {error}", path.display())));
    }
    let needed: BTreeSet<PathBuf> = locked_files(lock).into_iter().collect();
    let obsolete = listed.sha256.keys().filter(|path| !needed.contains(*path) && wit.join(path).exists());
    differences.extend(obsolete.map(|path| format!("`{}` is no longer needed", wit.join(path).display())));
    let locked: BTreeSet<PackageName> = lock.packages.keys().map(PackageName::from).collect();
    Ok((differences, present.into_iter().filter(|name| !locked.contains(name)).cloned().collect()))
}

/// Nothing is written or removed through a link: a project that was made by somebody else could reach every file of the
/// one who fetches.
fn refuse_links(wit: &Path, path: &Path) -> Result<(), ProjectError> {
    let inside = path.ancestors().filter(|path| !path.as_os_str().is_empty()).map(|path| wit.join(path));
    match inside.into_iter().find(|path| path.is_symlink()) {
        Some(path) => Err(ProjectError::Link { path }),
        None => Ok(()),
    }
}

/// The hashes of what lies there, computed with the packages that no other depends on: each brings all that it needs. What
/// cannot be completed is left out.
fn hashes(dependencies: &Dependencies, lock: &Lock) -> BTreeMap<PackageName, PackageHash> {
    let tops = lock.tops().filter_map(|(name, _)| dependencies.package(&PackageName::from(name)).ok());
    let identities = tops.map(|package| package.wit.identities().clone()).flat_map(BTreeMap::into_values);
    identities.map(|identity| (identity.name, identity.hash)).collect()
}

fn check_unchanged(wit: &Path, path: &Path, expected: &str, limits: &Limits) -> Result<(), ProjectError> {
    let path = wit.join(path);
    let Some(bytes) = read_bytes(&path, limits.component_size_bytes_max)? else { return Ok(()) };
    let (expected, actual) = (expected.to_owned(), sha256(&bytes));
    if actual == expected { Ok(()) } else { Err(ProjectError::ChangedFile { path, expected, actual }) }
}

/// What the folder should hold: each package, the path of its file inside the WIT folder, and its bytes.
fn expected_files(packages: &Packages) -> Vec<(ReleaseName, PathBuf, Vec<u8>)> {
    let closure = packages.iter().map(|(name, package)| ClosurePackage {
        name: name.clone(),
        hash: package.hash,
        wit: package.wit.clone(),
    });
    let files = dependency_files(closure.collect());
    let names = packages.iter().map(|(name, _)| name.clone());
    names.zip(files).map(|(name, file)| (name, file.path, file.bytes)).collect()
}

fn locked_files(lock: &Lock) -> Vec<PathBuf> {
    let closure = lock.packages.iter().map(|(name, package)| ClosurePackage {
        name: name.clone(),
        hash: package.hash,
        wit: String::new(),
    });
    dependency_files(closure.collect()).into_iter().map(|file| file.path).collect()
}

fn remove(path: &Path) -> Result<(), ProjectError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(ProjectError::io("remove", path, error)),
        _ => {}
    }
    // A folder in which something else lies stays.
    if let Some(folder) = path.parent() {
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// What lies in the folder and was not written by this program.
#[derive(Default)]
struct Others {
    /// Packages of the lock, with the hash that the lock has.
    same: BTreeSet<ReleaseName>,
    /// Packages that the lock does not have.
    own: BTreeSet<PackageName>,
}

impl Others {
    fn read(
        wit: &Path,
        listed: &FileList,
        expected: &[(ReleaseName, PathBuf, Vec<u8>)],
        packages: &Packages,
        limits: &Limits,
    ) -> Result<Self, ProjectError> {
        let folder = wit.join(DEPS_FOLDER);
        let mut ours: BTreeSet<PathBuf> =
            listed.sha256.keys().filter_map(|path| Some(wit.join(path.parent()?))).collect();
        for (_, path, bytes) in expected {
            let is_written = || fs::read(wit.join(path)).is_ok_and(|present| &present == bytes);
            if let Some(folder) = path.parent().filter(|folder| !ours.contains(&wit.join(folder)) && is_written()) {
                ours.insert(wit.join(folder));
            }
        }
        let mut others = Self::default();
        let is_other = |path: &Path| !ours.contains(path) && path.file_name().is_some_and(|name| name != LIST_FILE);
        if !has_entry(&folder, is_other)? {
            return Ok(others);
        }
        let (dependencies, _) = Dependencies::read_usable(&folder, limits)?;
        for (path, wit) in dependencies.found().filter(|(path, _)| is_other(path)) {
            others.compare(path, wit, packages, limits)?;
        }
        Ok(others)
    }

    fn compare(
        &mut self,
        path: &Path,
        wit: &UnresolvedWit,
        packages: &Packages,
        limits: &Limits,
    ) -> Result<(), ProjectError> {
        for nested in wit.nested() {
            match locked(&nested, packages) {
                Some(name) => return Err(other_content(path, name, "it is nested there in another package")),
                None => self.own.insert(nested),
            };
        }
        let Some(name) = locked(&wit.name(), packages) else {
            self.own.insert(wit.name());
            return Ok(());
        };
        let Some(package) = packages.get(&name) else { return Ok(()) };
        let needed = needed(packages, &package.dependencies, limits)?;
        match wit.clone().resolve(needed, limits).and_then(|wit| Ok(wit.identity()?.hash)) {
            Ok(hash) if hash == package.hash => {
                self.same.insert(name);
                Ok(())
            }
            Ok(hash) => {
                Err(other_content(path, name, &format!("its hash is {hash}, and that of the lock {}", package.hash)))
            }
            Err(error) => Err(other_content(path, name, &format!("the lock has {}; {error}", package.hash))),
        }
    }
}

fn other_content(path: &Path, name: ReleaseName, reason: &str) -> ProjectError {
    ProjectError::OtherContent { path: path.to_owned(), name, reason: reason.to_owned() }
}

fn locked(name: &PackageName, packages: &Packages) -> Option<ReleaseName> {
    ReleaseName::try_from(name).ok().filter(|name| packages.contains(name))
}

/// The named packages with everything that they need.
fn needed(
    packages: &Packages,
    names: &BTreeSet<ReleaseName>,
    limits: &Limits,
) -> Result<Vec<UnresolvedWit>, ProjectError> {
    let (mut seen, mut parsed) = (BTreeSet::new(), Vec::new());
    let mut open: Vec<&ReleaseName> = names.iter().collect();
    while let Some(name) = open.pop() {
        let Some(package) = packages.get(name).filter(|_| seen.insert(name)) else { continue };
        let file = SourceFile::new(format!("{name}.wit"), package.wit.clone());
        parsed.push(UnresolvedWit::parse(&[file], limits)?);
        open.extend(&package.dependencies);
    }
    Ok(parsed)
}

fn has_entry(folder: &Path, is_other: impl Fn(&Path) -> bool) -> Result<bool, ProjectError> {
    let failed = |error| ProjectError::io("read", folder, error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        if is_other(&entry.map_err(failed)?.path()) {
            return Ok(true);
        }
    }
    Ok(false)
}
