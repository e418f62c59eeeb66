//! Looking at the whole cache, and emptying it.

use super::error::CacheError;
use super::{Cache, ObjectHash};
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::Builder;

/// One package or component of the cache, and what its verification found.
#[derive(Debug)]
pub struct CachedObject {
    /// Its hash, by which it is named.
    pub hash: ObjectHash,
    /// A package's name; none for a component, or where the file cannot be read.
    pub name: Option<PackageName>,
    /// What was found.
    pub inspection: Inspection,
}

/// What the verification of one object found.
#[derive(Debug)]
pub enum Inspection {
    /// Every hash was recomputed and is right.
    Sound,
    /// Something that it needs is not in the cache: it is fetched again when it is needed.
    Incomplete,
    /// A file does not have the hash that it is named by.
    Damaged(CacheError),
}

/// What emptying the cache removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub size_bytes: u64,
}

impl Cache {
    /// Recomputes the hash of everything in the cache.
    ///
    /// # Errors
    /// If a file cannot be read. What is damaged is no error here.
    pub fn verify(&self, limits: &Limits) -> Result<Vec<CachedObject>, CacheError> {
        let mut sound: BTreeMap<PackageHash, PackageName> = BTreeMap::new();
        let verify = |hash| self.verify_object(hash, &mut sound, limits);
        self.files.entries()?.into_iter().map(verify).collect()
    }

    /// A package that is sound vouches for all that it needs, which are not read again.
    fn verify_object(
        &self,
        hash: ObjectHash,
        sound: &mut BTreeMap<PackageHash, PackageName>,
        limits: &Limits,
    ) -> Result<CachedObject, CacheError> {
        let (name, verified) = match hash {
            ObjectHash::Component(component) => (None, self.component(&component, limits).map(|found| found.is_some())),
            ObjectHash::Package(package) => {
                if !sound.contains_key(&package)
                    && let Ok(Some(wit)) = self.package(&package, limits)
                {
                    let members = wit.closure_order().into_iter();
                    sound.extend(members.map(|identity| (identity.hash, identity.name.clone())));
                }
                match sound.get(&package) {
                    Some(name) => (Some(name.clone()), Ok(true)),
                    None => {
                        (self.name_of(&package, limits), self.package(&package, limits).map(|found| found.is_some()))
                    }
                }
            }
        };
        let inspection = match verified {
            Ok(true) => Inspection::Sound,
            Ok(false) => Inspection::Incomplete,
            Err(error @ CacheError::Damaged { .. }) => Inspection::Damaged(error),
            Err(error) => return Err(error),
        };
        Ok(CachedObject { hash, name, inspection })
    }

    /// What a file that may be damaged says its name is.
    fn name_of(&self, hash: &PackageHash, limits: &Limits) -> Option<PackageName> {
        let entry = self.read_package_entry(hash, limits).ok()??;
        Some(PackageName::from(&entry.name))
    }

    /// Removes everything that is cached. Who uses the cache meanwhile finds nothing and fetches again.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn clean(&self) -> Result<Cleaned, CacheError> {
        let contents = self.files.contents();
        if !contents.exists() {
            return Ok(Cleaned::default());
        }
        let io = |error| CacheError::io(&contents, error);
        // Under another name nobody adds to it while it is being removed.
        let old = Builder::new().prefix(".registry-removed-").tempdir_in(self.folder()).map_err(io)?;
        let target = old.path().join("contents");
        match fs::rename(&contents, &target) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Cleaned::default()),
            renamed => renamed.map_err(io)?,
        }
        let cleaned = count(&target).map_err(io)?;
        old.close().map_err(io)?;
        Ok(cleaned)
    }
}

fn count(folder: &Path) -> io::Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                cleaned.files += 1;
                cleaned.size_bytes += metadata.len();
            }
        }
    }
    Ok(cleaned)
}
