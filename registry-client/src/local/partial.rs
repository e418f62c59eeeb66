//! What `wkg fetch` wrote into `deps`: of a package that another one there needs, it keeps only what is used.
//!
//! Such a part is valid, and has the name and the version of the whole. Published, it would take their place for ever, so
//! whoever publishes must be able to tell. The text alone does not: what shows it is that `wkg` wrote the file.

use super::files::FileReader;
use crate::project::{LOCK_FILE, Lock};
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wit::SourceFile;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The lock that `wkg` writes at the root of a project or a workspace whenever it writes `deps`.
const WKG_LOCK: &str = "wkg.lock";

/// The one file that it writes for a package.
const WKG_FILE: &str = "package.wit";

/// Packages of which perhaps only parts are here.
#[derive(Debug, Clone, Default)]
pub(super) struct Partial {
    names: BTreeSet<PackageName>,
    /// What our own lock has beside the one of `wkg`: `registry fetch` wrote those, whole.
    whole: BTreeSet<PackageHash>,
}

impl Partial {
    /// Takes in a package that `wkg` wrote and that may have been cut.
    pub(super) fn add(&mut self, name: PackageName, wkg_lock: &Path, limits: &Limits) {
        if self.names.insert(name) {
            self.whole.extend(locked(&wkg_lock.with_file_name(LOCK_FILE), limits));
        }
    }

    /// Takes out a package.
    pub(super) fn remove(&mut self, name: &PackageName) {
        self.names.remove(name);
    }

    /// Whether a package with this content may be only a part.
    pub(super) fn contains(&self, name: &PackageName, hash: &PackageHash) -> bool {
        self.names.contains(name) && !self.whole.contains(hash)
    }
}

/// The lock of the `wkg` that wrote a package's folder; `None` if another wrote it.
///
/// Its folders have the package's name and hold one file. Others write the same, but there is no lock of `wkg` above it.
pub(super) fn wkg_lock_of(name: &PackageName, files: &[SourceFile]) -> Option<PathBuf> {
    let [file] = files else { return None };
    // What the folder is called does not stand in a path such as `package.wit`.
    let path = fs::canonicalize(&file.path).ok()?;
    let folder = path.parent()?;
    let is_named = folder.file_name()?.to_str()? == name.to_string().replace([':', '@'], "-");
    if !is_named || path.file_name()? != WKG_FILE {
        return None;
    }
    folder.ancestors().map(|above| above.join(WKG_LOCK)).find(|lock| lock.is_file())
}

/// The hashes in a lock of ours. One that cannot be read vouches for nothing.
fn locked(path: &Path, limits: &Limits) -> Vec<PackageHash> {
    let Ok(bytes) = FileReader::new(limits).bytes(path) else { return Vec::new() };
    let lock = std::str::from_utf8(&bytes).ok().and_then(|text| Lock::parse(text, path).ok());
    lock.into_iter().flat_map(|lock| lock.packages.into_values()).map(|package| package.hash).collect()
}
