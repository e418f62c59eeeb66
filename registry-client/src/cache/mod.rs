//! What was fetched once and need not be fetched again: files named by hash, verified again whenever they are read.
//!
//! A file of the cache is as little believed as a registry's answer. It is written under a temporary name and renamed, so
//! that several processes can share one cache: a reader sees a whole file or none, and two writers of one hash write
//! the same. Paths are made of hexadecimal digits only, never of names.

mod entry;
mod error;
mod files;
mod inspection;

pub use error::{CacheError, Damage};
pub use inspection::{CachedObject, Cleaned, Inspection};

use crate::client::FetchedComponent;
use entry::{ComponentEntry, PackageEntry, to_bytes};
use files::{Files, Place};
use registry_core::closure::{Closure, ClosureError, ClosurePackage};
use registry_core::component::{ComponentError, VerifiedComponent};
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::limits::{LimitExceeded, Limits};
use registry_core::name::PackageName;
use registry_core::wit::Wit;
use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment variable that names the cache's folder. If it is empty, nothing is cached.
pub const FOLDER_VARIABLE: &str = "REGISTRY_CACHE_DIR";

/// A folder of verified packages and components. Nothing is created before the first of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    files: Files,
}

impl Cache {
    /// The cache in a folder, which need not exist.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { files: Files::new(folder.into()) }
    }

    /// The cache of this user: where [`FOLDER_VARIABLE`] says, or else in the system's folder for caches. None if the
    /// variable is empty, or if there is no such folder.
    pub fn of_user() -> Option<Self> {
        user_folder(|name| env::var_os(name)).map(Self::in_folder)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.files.folder()
    }

    /// A package with everything that it needs, every hash recomputed; none if a part of it is not here.
    ///
    /// # Errors
    /// [`CacheError::Damaged`] if a file does not have the hash that it is named by; [`CacheError::Io`] if a file cannot
    /// be read.
    pub fn package(&self, hash: &PackageHash, limits: &Limits) -> Result<Option<Wit>, CacheError> {
        let Some(closure) = self.closure([*hash], limits)? else { return Ok(None) };
        let damaged = |source: ClosureError| {
            CacheError::damaged(ObjectHash::Package(*hash), self.culprits(&closure, &source, limits), source)
        };
        closure.verify(hash, limits).map(Some).map_err(damaged)
    }

    /// A component with the packages that it names, every hash recomputed; none if a part of it is not here.
    ///
    /// # Errors
    /// As [`Cache::package`].
    pub fn component(&self, hash: &ComponentHash, limits: &Limits) -> Result<Option<FetchedComponent>, CacheError> {
        let (place, bytes_place) = (Place::ComponentEntry(*hash), Place::Component(*hash));
        let Some(entry) = self.read_component_entry(hash, limits)? else { return Ok(None) };
        let Some(bytes) = self.files.read(bytes_place, limits.component_size_bytes_max)? else { return Ok(None) };
        let Some(closure) = self.closure(entry.packages.iter().copied(), limits)? else { return Ok(None) };
        let damaged = |source: ComponentError| {
            let mut paths = match &source {
                ComponentError::HashMismatch { .. } => return self.damaged_bytes(hash, source),
                ComponentError::Closure(error) => self.culprits(&closure, error, limits),
                _ => self.paths(&closure),
            };
            paths.push(self.files.path(place));
            CacheError::damaged(ObjectHash::Component(*hash), paths, source)
        };
        let component = VerifiedComponent::check(hash, &bytes, &closure, limits).map_err(damaged)?;
        if component.view_id() != entry.view {
            let source = Damage::View { kept: entry.view, actual: component.view_id() };
            let paths = self.paths(&closure).into_iter().chain([self.files.path(place)]).collect();
            return Err(CacheError::damaged(ObjectHash::Component(*hash), paths, source));
        }
        Ok(Some(FetchedComponent { bytes, component }))
    }

    /// Keeps a verified package and everything that it needs.
    ///
    /// # Errors
    /// If a file cannot be written. What was written is whole and stays.
    pub fn keep_package(&self, wit: &Wit) -> Result<(), CacheError> {
        let closure = Closure::of(wit).map_err(CacheError::unkeepable)?;
        self.keep_packages(&closure, wit)
    }

    /// Keeps a verified component and the packages that it names.
    ///
    /// # Errors
    /// As [`Cache::keep_package`].
    pub fn keep_component(&self, fetched: &FetchedComponent) -> Result<(), CacheError> {
        let (component, hash) = (&fetched.component, fetched.component.hash());
        self.keep_packages(component.closure(), component.wit())?;
        self.files.write(Place::Component(hash), &fetched.bytes)?;
        let packages = component.closure().packages.iter().map(|package| package.hash).collect();
        let entry = ComponentEntry { hash, view: component.view_id(), packages };
        // Last, because it is what says that the rest is there.
        self.files.write(Place::ComponentEntry(hash), &to_bytes(&entry)?)
    }

    fn keep_packages(&self, closure: &Closure, wit: &Wit) -> Result<(), CacheError> {
        for package in &closure.packages {
            let place = Place::Package(package.hash);
            let Some(identity) = wit.identities().get(&PackageName::from(&package.name)) else { continue };
            self.files.write(place, &to_bytes(&PackageEntry::new(package.clone(), identity)?)?)?;
        }
        Ok(())
    }

    /// Removes files, such as those that [`CacheError::Damaged`] names. One that is gone already is no error.
    ///
    /// # Errors
    /// If a file cannot be removed, or is not one of the cache's.
    pub fn remove(&self, paths: &[PathBuf]) -> Result<(), CacheError> {
        paths.iter().try_for_each(|path| self.files.remove(path))
    }

    /// The packages of some hashes with everything that they need, each after those that it refers to: so the first one
    /// that is not what it claims to be is the one that changed. None if one is not here.
    fn closure(
        &self,
        roots: impl IntoIterator<Item = PackageHash>,
        limits: &Limits,
    ) -> Result<Option<Closure>, CacheError> {
        enum Step {
            Enter(PackageHash),
            Leave(ClosurePackage),
        }
        let mut steps: Vec<Step> = roots.into_iter().map(Step::Enter).collect();
        let (mut seen, mut packages) = (BTreeSet::new(), Vec::new());
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(package) => packages.push(package),
                Step::Enter(hash) if seen.insert(hash) => {
                    check_count(seen.len(), limits).map_err(|error| self.too_many(hash, error))?;
                    let Some(entry) = self.read_package_entry(&hash, limits)? else { return Ok(None) };
                    let dependencies = entry.dependencies.values().rev().copied().map(Step::Enter);
                    let dependencies: Vec<Step> = dependencies.collect();
                    steps.push(Step::Leave(ClosurePackage { name: entry.name, hash, wit: entry.wit }));
                    steps.extend(dependencies);
                }
                Step::Enter(_) => {}
            }
        }
        Ok(Some(Closure { packages }))
    }

    fn read_package_entry(&self, hash: &PackageHash, limits: &Limits) -> Result<Option<PackageEntry>, CacheError> {
        let place = Place::Package(*hash);
        let Some(bytes) = self.files.read(place, entry::size_bytes_max(limits))? else { return Ok(None) };
        let damaged = |source| CacheError::damaged(ObjectHash::Package(*hash), vec![self.files.path(place)], source);
        PackageEntry::from_bytes(&bytes, hash).map(Some).map_err(damaged)
    }

    fn read_component_entry(
        &self,
        hash: &ComponentHash,
        limits: &Limits,
    ) -> Result<Option<ComponentEntry>, CacheError> {
        let place = Place::ComponentEntry(*hash);
        let Some(bytes) = self.files.read(place, entry::size_bytes_max(limits))? else { return Ok(None) };
        let damaged = |source| CacheError::damaged(ObjectHash::Component(*hash), vec![self.files.path(place)], source);
        ComponentEntry::from_bytes(&bytes, hash).map(Some).map_err(damaged)
    }

    fn too_many(&self, hash: PackageHash, error: LimitExceeded) -> CacheError {
        CacheError::damaged(ObjectHash::Package(hash), vec![self.files.path(Place::Package(hash))], error)
    }

    fn damaged_bytes(&self, hash: &ComponentHash, source: ComponentError) -> CacheError {
        CacheError::damaged(ObjectHash::Component(*hash), vec![self.files.path(Place::Component(*hash))], source)
    }

    /// The files of a closure that are to blame for an error; all of them if that cannot be told.
    fn culprits(&self, closure: &Closure, error: &ClosureError, limits: &Limits) -> Vec<PathBuf> {
        if let ClosureError::HashMismatch { claimed, .. } = error {
            return vec![self.files.path(Place::Package(*claimed))];
        }
        let is_invalid =
            |package: &&ClosurePackage| Closure { packages: vec![(*package).clone()] }.parse(limits).is_err();
        let invalid: Vec<PathBuf> =
            closure.packages.iter().filter(is_invalid).map(|package| self.place(package)).collect();
        if invalid.is_empty() { self.paths(closure) } else { invalid }
    }

    fn paths(&self, closure: &Closure) -> Vec<PathBuf> {
        closure.packages.iter().map(|package| self.place(package)).collect()
    }

    fn place(&self, package: &ClosurePackage) -> PathBuf {
        self.files.path(Place::Package(package.hash))
    }
}

fn check_count(count: usize, limits: &Limits) -> Result<(), LimitExceeded> {
    LimitExceeded::check("the number of packages", count, limits.closure_packages_max, "closure_packages_max")
}

/// Where the cache is, for an environment.
fn user_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(folder) = variable(FOLDER_VARIABLE) {
        return Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty());
    }
    // A relative path in these variables is to be ignored (XDG Base Directory Specification).
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let system = absolute("XDG_CACHE_HOME").or_else(|| absolute("LOCALAPPDATA"));
    let folder = system.or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(folder.join("registry-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_the_cache_is() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(Variables, Option<&str>); 7] = [
            (&[], None),
            (&[("HOME", "/home/a")], Some("/home/a/.cache/registry-cache")),
            (&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/caches")], Some("/caches/registry-cache")),
            (&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "caches")], Some("/home/a/.cache/registry-cache")),
            (&[("HOME", "/home/a"), ("REGISTRY_CACHE_DIR", "here")], Some("here")),
            (&[("HOME", "/home/a"), ("REGISTRY_CACHE_DIR", "")], None),
            (&[("HOME", "")], None),
        ];
        for (variables, folder) in cases {
            let value =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
            assert_eq!(user_folder(value), folder.map(PathBuf::from), "{variables:?}");
        }
    }
}
