//! A project's own WIT: which packages it names, and writing other versions of them into it.

use super::error::ProjectError;
use super::lock::Lock;
use super::requirement::{PackagePath, Range};
use super::wit_text::{Reference, declarations, references, rewrite};
use crate::local::read_sources;
use registry_core::limits::Limits;
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wit::SourceFile;
use semver::Version;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A version in the project's own WIT that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rewrite {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What the line named.
    pub from: ReleaseName,
    /// The version that it names now.
    pub to: Version,
}

/// The `.wit` files that lie directly in the project's WIT folder.
pub(super) struct Sources {
    files: Vec<SourceFile>,
    /// The packages that the files declare themselves.
    own: BTreeSet<PackageName>,
    /// The files that were rewritten.
    changed: BTreeSet<usize>,
}

impl Sources {
    /// Reads the files. A folder that does not exist holds none.
    pub(super) fn read(wit: &Path, limits: &Limits) -> Result<Self, ProjectError> {
        let files = if wit.exists() { read_sources(wit, limits)? } else { Vec::new() };
        let own = files.iter().flat_map(|file| declarations(&file.text)).collect();
        Ok(Self { files, own, changed: BTreeSet::new() })
    }

    /// The references to packages that are not declared here.
    fn references(&self) -> impl Iterator<Item = (&SourceFile, Reference, ReleaseName)> {
        let all = self.files.iter().flat_map(|file| references(&file.text).into_iter().map(move |found| (file, found)));
        all.filter_map(|(file, reference)| {
            let name = reference.package.release(reference.version.clone()).ok()?;
            (!self.own.contains(&PackageName::from(&name))).then_some((file, reference, name))
        })
    }

    /// The releases that the WIT refers to.
    pub(super) fn pins(&self) -> BTreeSet<ReleaseName> {
        self.references().map(|(_, _, name)| name).collect()
    }

    /// The highest version of each semver track of each package that the WIT refers to.
    pub(super) fn newest_references(&self) -> Vec<ReleaseName> {
        let mut newest: Vec<ReleaseName> = Vec::new();
        // Sorted by version within a package, so that a later one takes the place of the one before.
        for name in self.pins() {
            let is_same = |last: &ReleaseName| {
                PackagePath::from(last) == PackagePath::from(&name)
                    && Range::is_same_track(last.version(), name.version())
            };
            newest.pop_if(|last| is_same(last));
            newest.push(name);
        }
        newest
    }

    /// A sentence for each package that the WIT refers to and that is neither locked nor in `deps` otherwise.
    pub(super) fn dangling(&self, lock: &Lock, own: &BTreeSet<PackageName>) -> Vec<String> {
        let mut told = BTreeSet::new();
        let mut sentences = Vec::new();
        for (file, reference, name) in self.references() {
            let is_there = lock.packages.contains_key(&name) || own.contains(&PackageName::from(&name));
            if is_there || !told.insert(name.clone()) {
                continue;
            }
            let (path, line) = (&reference.package, reference.line);
            let sentence = match answer(lock, path, name.version()) {
                Some(locked) => format!(
                    "{}:{line} refers to `{name}`, and {} is locked: `registry update {path}` writes the locked version \
                     into the WIT, `registry add {path}@={}` asks for this one",
                    file.path,
                    locked.version(),
                    name.version(),
                ),
                None => format!(
                    "{}:{line} refers to `{name}`, which is not required: `registry add {name}` requires it",
                    file.path
                ),
            };
            sentences.push(sentence);
        }
        sentences
    }

    /// A sentence for each requirement that the WIT does not refer to. A project without WIT is not yet written.
    pub(super) fn unused(&self, lock: &Lock) -> Vec<String> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let used: BTreeSet<PackagePath> = self.references().map(|(_, reference, _)| reference.package).collect();
        let required: BTreeSet<&PackagePath> = lock.requirements.keys().map(|required| &required.path).collect();
        let unused = required.into_iter().filter(|path| !used.contains(*path));
        unused.map(|path| format!("`{path}` is required, and the project's own WIT does not refer to it")).collect()
    }

    /// Puts the versions of a new lock into the text.
    pub(super) fn rewrite(&mut self, before: Option<&Lock>, after: &Lock) -> Vec<Rewrite> {
        let mut rewrites = Vec::new();
        let own = &self.own;
        for (index, file) in self.files.iter_mut().enumerate() {
            let version = |reference: &Reference| new_version(reference, own, before, after);
            let (text, changes) = rewrite(&file.text, version);
            if changes.is_empty() {
                continue;
            }
            for (reference, to) in changes {
                let Ok(from) = reference.package.release(reference.version) else { continue };
                rewrites.push(Rewrite { file: PathBuf::from(&file.path), line: reference.line, from, to });
            }
            file.text = text;
            self.changed.insert(index);
        }
        rewrites
    }

    /// The files that were rewritten.
    pub(super) fn changed_files(&self) -> Vec<(PathBuf, String)> {
        let changed = self.changed.iter().filter_map(|index| self.files.get(*index));
        changed.map(|file| (PathBuf::from(&file.path), file.text.clone())).collect()
    }
}

/// The version that a reference should have: that which answers the requirement, or the only one that is locked. A
/// reference to another version that is locked too stays, unless that is where the requirement comes from.
fn new_version(
    reference: &Reference,
    own: &BTreeSet<PackageName>,
    before: Option<&Lock>,
    after: &Lock,
) -> Option<Version> {
    let path = &reference.package;
    let current = path.release(reference.version.clone()).ok()?;
    if own.contains(&PackageName::from(&current)) {
        return None;
    }
    let is_locked = after.packages.contains_key(&current);
    if let Some(answer) = answer(after, path, &reference.version) {
        let was_answer = before.is_some_and(|lock| lock.requirements.values().any(|locked| locked == &current));
        return (!is_locked || was_answer).then(|| answer.version().clone());
    }
    if is_locked {
        return None;
    }
    let mut versions = after.packages.keys().filter(|name| &PackagePath::from(*name) == path);
    let only = versions.next()?;
    versions.next().is_none().then(|| only.version().clone())
}

/// What answers the requirement of a package: of several, the one of the same semver track.
fn answer<'l>(lock: &'l Lock, path: &PackagePath, version: &Version) -> Option<&'l ReleaseName> {
    let mut answers = lock.requirements.iter().filter(|(required, _)| &required.path == path).map(|(_, locked)| locked);
    let first = answers.next()?;
    let is_same = |locked: &&ReleaseName| Range::is_same_track(locked.version(), version);
    let mut rest = answers.peekable();
    if is_same(&first) || rest.peek().is_none() { Some(first) } else { rest.find(is_same) }
}
