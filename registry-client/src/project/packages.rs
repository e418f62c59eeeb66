//! Packages whose hashes were recomputed, with their text.

use super::error::ProjectError;
use super::requirement::PackagePath;
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::id::PackageHash;
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wit::{Wit, WitError};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::TypeDefKind;

/// A package of a closure.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) hash: PackageHash,
    pub(super) dependencies: BTreeSet<ReleaseName>,
    /// Its canonical text.
    pub(super) wit: String,
    /// The names of its resource types, sorted.
    resources: BTreeSet<String>,
}

/// Packages with everything that they need.
#[derive(Debug, Clone, Default)]
pub(super) struct Packages {
    packages: BTreeMap<ReleaseName, Package>,
}

impl Packages {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ReleaseName, &Package)> {
        self.packages.iter()
    }

    pub(super) fn contains(&self, name: &ReleaseName) -> bool {
        self.packages.contains_key(name)
    }

    pub(super) fn get(&self, name: &ReleaseName) -> Option<&Package> {
        self.packages.get(name)
    }

    /// Adds a package with everything that it needs.
    pub(super) fn add(&mut self, wit: &Wit) -> Result<(), ProjectError> {
        let mut resources = resources(wit);
        for ClosurePackage { name, hash, wit: text } in Closure::of(wit)?.packages {
            let full_name = PackageName::from(&name);
            let identity = wit.identities().get(&full_name);
            let dependencies = identity.into_iter().flat_map(|identity| identity.dependencies.keys());
            let dependencies = dependencies.map(release_name).collect::<Result<_, _>>()?;
            let resources = resources.remove(&full_name).unwrap_or_default();
            self.insert(name, Package { hash, dependencies, wit: text, resources })?;
        }
        Ok(())
    }

    /// Adds packages that were added elsewhere.
    pub(super) fn extend(&mut self, others: &Self) -> Result<(), ProjectError> {
        others.packages.iter().try_for_each(|(name, package)| self.insert(name.clone(), package.clone()))
    }

    fn insert(&mut self, name: ReleaseName, package: Package) -> Result<(), ProjectError> {
        match self.packages.get(&name) {
            Some(first) if first.hash != package.hash => {
                Err(ProjectError::TwoContents { name, first: first.hash, second: package.hash })
            }
            Some(_) => Ok(()),
            None => {
                self.packages.insert(name, package);
                Ok(())
            }
        }
    }

    /// The versions of each package.
    pub(super) fn versions(&self) -> BTreeMap<PackagePath, BTreeSet<Version>> {
        let mut versions: BTreeMap<PackagePath, BTreeSet<Version>> = BTreeMap::new();
        for name in self.packages.keys() {
            versions.entry(PackagePath::from(name)).or_default().insert(name.version().clone());
        }
        versions
    }

    /// A sentence for each package that stands here in several versions and has resource types: a resource of one
    /// version is another type than that of the next, however alike they look.
    pub(super) fn warnings(&self) -> Vec<String> {
        let several = self.versions().into_iter().filter(|(_, versions)| versions.len() > 1);
        several.filter_map(|(path, versions)| self.warning(&path, &versions)).collect()
    }

    fn warning(&self, path: &PackagePath, versions: &BTreeSet<Version>) -> Option<String> {
        const SHOWN_RESOURCES_MAX: usize = 3;
        let names: Vec<ReleaseName> =
            versions.iter().filter_map(|version| path.release(version.clone()).ok()).collect();
        let resources: BTreeSet<&String> =
            names.iter().filter_map(|name| self.packages.get(name)).flat_map(|package| &package.resources).collect();
        if resources.is_empty() {
            return None;
        }
        let shown = resources.iter().take(SHOWN_RESOURCES_MAX).map(|name| format!("`{name}`"));
        let more = if resources.len() > SHOWN_RESOURCES_MAX { ", …" } else { "" };
        let shown = shown.collect::<Vec<_>>().join(", ");
        let needed: Vec<String> = names.iter().map(|name| self.needed(name)).collect();
        Some(format!(
            "`{path}` stands here in {} versions: {}; their resources ({shown}{more}) are different types, so that a value \
             of one version cannot be passed where another is expected",
            versions.len(),
            needed.join(", "),
        ))
    }

    /// A version, and what needs it.
    fn needed(&self, name: &ReleaseName) -> String {
        let dependents = self.packages.iter().filter(|(_, package)| package.dependencies.contains(name));
        let dependents: Vec<String> = dependents.map(|(dependent, _)| format!("`{dependent}`")).collect();
        match dependents.is_empty() {
            true => format!("{} (required)", name.version()),
            false => format!("{} (needed by {})", name.version(), dependents.join(", ")),
        }
    }
}

fn release_name(name: &PackageName) -> Result<ReleaseName, ProjectError> {
    ReleaseName::try_from(name).map_err(|error| WitError::Internal(error.to_string()).into())
}

/// The names of the resource types of each package.
fn resources(wit: &Wit) -> BTreeMap<PackageName, BTreeSet<String>> {
    let resolve = wit.resolve();
    let mut resources: BTreeMap<PackageName, BTreeSet<String>> = BTreeMap::new();
    for (_, package) in resolve.packages.iter() {
        let types = package.interfaces.values().flat_map(|id| &resolve.interfaces[*id].types);
        let own = types.filter(|(_, id)| matches!(resolve.types[**id].kind, TypeDefKind::Resource));
        resources.insert(PackageName::from(&package.name), own.map(|(name, _)| name.clone()).collect());
    }
    resources
}
