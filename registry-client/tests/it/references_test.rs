//! References in real WIT: found where the parser finds them, and changed without changing anything else.

use crate::support::wasi;
use registry_client::project::{declarations, references, rewrite};
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wit::{SourceFile, UnresolvedWit};
use semver::Version;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of each package of WASI 0.2.4, 0.2.12 and 0.3.
fn packages() -> Vec<Vec<SourceFile>> {
    let folders = [wasi::old_deps(), wasi::deps(), wasi::deps_of("wasip3")];
    folders.iter().flat_map(|folder| entries(folder)).map(|path| files(&path)).collect()
}

fn files(path: &Path) -> Vec<SourceFile> {
    let paths = if path.is_dir() { entries(path) } else { vec![path.to_owned()] };
    let file = |path: PathBuf| SourceFile::new(path.display().to_string(), fs::read_to_string(&path).unwrap());
    paths.into_iter().map(file).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn references_and_declarations_are_those_that_the_parser_finds() {
    let packages = packages();
    assert!(packages.len() >= 20);
    for files in packages {
        let wit = UnresolvedWit::parse(&files, &Limits::default()).unwrap();
        let found = files.iter().flat_map(|file| references(&file.text));
        let found: BTreeSet<PackageName> = found
            .map(|reference| PackageName::from(&reference.package.release(reference.version).unwrap()))
            .filter(|name| name != &wit.name())
            .collect();
        assert_eq!(found, wit.foreign_packages(), "{}", wit.name());
        let declared: BTreeSet<PackageName> = files.iter().flat_map(|file| declarations(&file.text)).collect();
        assert_eq!(declared, BTreeSet::from([wit.name()]));
    }
}

#[test]
fn rewriting_real_wit_changes_the_versions_of_references_alone() {
    let new: Version = "9.8.7-rc.6".parse().unwrap();
    let mut changed = 0;
    for file in packages().into_iter().flatten() {
        let (rewritten, changes) = rewrite(&file.text, |_| Some(new.clone()));
        changed += changes.len();
        assert!(references(&rewritten).iter().all(|reference| reference.version == new), "{}", file.path);
        let mut versions = changes.iter().map(|(reference, _)| reference.version.to_string());
        let back: String = rewritten
            .split(&new.to_string())
            .flat_map(|part| [part.to_owned(), versions.next().unwrap_or_default()])
            .collect();
        assert_eq!(back, file.text, "{}", file.path);
    }
    assert!(changed > 100, "{changed}");
}
