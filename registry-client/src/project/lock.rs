//! `registry.lock`: the exact version and hash of every package that a project needs, however deep.
//!
//! One entry a package and one a requirement, each sorted by name and on lines of its own, so that two people who add
//! different requirements change different lines.

use super::error::ProjectError;
use super::packages::Packages;
use super::requirement::{PackagePath, Range, Requirement};
use registry_core::id::PackageHash;
use registry_core::name::ReleaseName;
use semver::Version;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// The file's name.
pub const LOCK_FILE: &str = "registry.lock";

/// The form that this program writes and reads.
const FORM: u32 = 1;

const HEAD: &str = "\
# Made by `registry`; keep it under version control. Every hash is checked whenever the lock is used: change
# `registry.toml`, or let `registry update` find newer versions.
";

/// What a project's requirements were resolved to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The release that answers each requirement, one of the lock's packages.
    pub requirements: BTreeMap<Requirement, ReleaseName>,
    /// All packages that these need, themselves included.
    pub packages: BTreeMap<ReleaseName, LockedPackage>,
}

/// A package of the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPackage {
    /// Its hash, which covers its dependencies.
    pub hash: PackageHash,
    /// The packages that it refers to directly.
    pub dependencies: BTreeSet<ReleaseName>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(rename = "version")]
    _form: u32,
    #[serde(default)]
    requirement: Vec<RequirementContent>,
    #[serde(default)]
    package: Vec<PackageContent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementContent {
    name: String,
    range: String,
    version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageContent {
    name: String,
    version: Version,
    hash: PackageHash,
    #[serde(default)]
    dependencies: BTreeSet<ReleaseName>,
}

impl Lock {
    /// The lock of some resolved requirements.
    pub(super) fn new(requirements: BTreeMap<Requirement, ReleaseName>, packages: &Packages) -> Self {
        let locked = |(name, package): (&ReleaseName, &super::packages::Package)| {
            (name.clone(), LockedPackage { hash: package.hash, dependencies: package.dependencies.clone() })
        };
        Self { requirements, packages: packages.iter().map(locked).collect() }
    }

    /// Reads the text of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// If it has another form, or does not fit together: an entry that another one needs is missing, a version does not
    /// fit its requirement, or an entry is one that nothing needs.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProjectError> {
        let invalid = |reason: String| ProjectError::Lock { path: path.to_owned(), reason };
        if text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
            return Err(invalid("it holds a merge conflict".to_owned()));
        }
        let form: Form = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        if form.version != FORM {
            return Err(invalid(format!("it has form {}, and this program knows form {FORM} only", form.version)));
        }
        let content: Content = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        let lock = Self::of_content(content).map_err(invalid)?;
        lock.check_form().map_err(invalid)?;
        Ok(lock)
    }

    fn of_content(content: Content) -> Result<Self, String> {
        let mut lock = Self::default();
        for package in content.package {
            let path = package.name.parse::<PackagePath>().map_err(|error| error.to_string())?;
            let name = path.release(package.version).map_err(|error| error.to_string())?;
            let locked = LockedPackage { hash: package.hash, dependencies: package.dependencies };
            if lock.packages.insert(name.clone(), locked).is_some() {
                return Err(format!("`{name}` stands in it twice"));
            }
        }
        for requirement in content.requirement {
            let path = requirement.name.parse::<PackagePath>().map_err(|error| error.to_string())?;
            let range = requirement.range.parse::<Range>().map_err(|error| error.to_string())?;
            let release = path.release(requirement.version).map_err(|error| error.to_string())?;
            let requirement = Requirement { path, range };
            if lock.requirements.insert(requirement.clone(), release).is_some() {
                return Err(format!("the requirement `{requirement}` stands in it twice"));
            }
        }
        Ok(lock)
    }

    /// Whether the entries fit each other, as far as that can be told without the packages.
    fn check_form(&self) -> Result<(), String> {
        for (Requirement { path, range }, release) in &self.requirements {
            if !range.contains(release.version()) {
                return Err(format!("it answers the requirement `{path}` of `{range}` with {}", release.version()));
            }
            if !self.packages.contains_key(release) {
                return Err(format!("`{release}`, which answers the requirement `{path}`, is missing in it"));
            }
        }
        for (name, package) in &self.packages {
            if let Some(missing) = package.dependencies.iter().find(|name| !self.packages.contains_key(*name)) {
                return Err(format!("`{missing}`, which `{name}` depends on, is missing in it"));
            }
        }
        let reached = self.reached();
        match self.packages.keys().find(|name| !reached.contains(name)) {
            Some(surplus) => Err(format!("nothing in it needs `{surplus}`")),
            None => Ok(()),
        }
    }

    fn reached(&self) -> BTreeSet<&ReleaseName> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&ReleaseName> = self.requirements.values().collect();
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(self.packages.get(name).into_iter().flat_map(|package| &package.dependencies));
            }
        }
        reached
    }

    /// The packages that no other depends on: their closures are all that the lock holds.
    pub(super) fn tops(&self) -> impl Iterator<Item = (&ReleaseName, &LockedPackage)> {
        let needed: BTreeSet<&ReleaseName> = self.packages.values().flat_map(|package| &package.dependencies).collect();
        self.packages.iter().filter(move |(name, _)| !needed.contains(name))
    }

    /// In which requirements the lock differs from those that it should answer, in words. None if it answers them.
    pub(super) fn differences(&self, requirements: &BTreeSet<Requirement>) -> Vec<String> {
        let missing = requirements.iter().filter(|required| !self.requirements.contains_key(*required));
        let surplus = self.requirements.keys().filter(|locked| !requirements.contains(*locked));
        let missing = missing.map(|required| format!("`{required}` is required and not in the lock"));
        missing.chain(surplus.map(|locked| format!("`{locked}` is in the lock and no longer required"))).collect()
    }

    /// Compares the lock with the packages themselves, whose hashes were recomputed.
    pub(super) fn check(&self, packages: &Packages) -> Result<(), ProjectError> {
        for (name, package) in packages.iter() {
            let edited = |reason: String| Err(ProjectError::EditedLock { name: name.clone(), reason });
            let Some(locked) = self.packages.get(name) else {
                return edited(format!("it is missing in the lock, and has the hash {}", package.hash));
            };
            if locked.hash != package.hash {
                return edited(format!("the lock has the hash {}, and the package has {}", locked.hash, package.hash));
            }
            if locked.dependencies != package.dependencies {
                let (locked, actual) = (list(&locked.dependencies), list(&package.dependencies));
                return edited(format!("the lock says that it depends on {locked}, and it depends on {actual}"));
            }
        }
        match self.packages.iter().find(|(name, _)| !packages.contains(name)) {
            Some((name, _)) => Err(ProjectError::EditedLock {
                name: name.clone(),
                reason: "no package in the lock needs it".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The file's text: the same lock is the same text.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}version = {FORM}\n");
        // Writing into a string cannot fail.
        for (Requirement { path, range }, release) in &self.requirements {
            let version = release.version();
            let _ =
                write!(text, "\n[[requirement]]\nname = \"{path}\"\nrange = \"{range}\"\nversion = \"{version}\"\n");
        }
        for (name, package) in &self.packages {
            let (path, version) = (PackagePath::from(name), name.version());
            let _ = write!(
                text,
                "\n[[package]]\nname = \"{path}\"\nversion = \"{version}\"\nhash = \"{}\"\n",
                package.hash
            );
            if !package.dependencies.is_empty() {
                text.push_str("dependencies = [\n");
                for dependency in &package.dependencies {
                    let _ = writeln!(text, "    \"{dependency}\",");
                }
                text.push_str("]\n");
            }
        }
        text
    }
}

/// The form alone, whatever else a newer program may have written.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

fn list(names: &BTreeSet<ReleaseName>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
