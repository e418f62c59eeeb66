//! The files of the cache: where they are, and how they are written and read.

use super::error::CacheError;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::limits::LimitExceeded;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where entries of this form are. Another form would have a folder of its own, beside it.
const FORM: &str = "v1";

const PACKAGES: &str = "packages";
const COMPONENTS: &str = "components";

/// One file of the cache.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Package(PackageHash),
    Component(ComponentHash),
    ComponentEntry(ComponentHash),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder whose contents are the cache. What else lies beside it is not touched.
    pub(super) fn contents(&self) -> PathBuf {
        self.folder.join(FORM)
    }

    pub(super) fn path(&self, place: Place) -> PathBuf {
        let (kind, digest, extension) = match &place {
            Place::Package(hash) => (PACKAGES, hash.digest(), "json"),
            Place::Component(hash) => (COMPONENTS, hash.digest(), "wasm"),
            Place::ComponentEntry(hash) => (COMPONENTS, hash.digest(), "json"),
        };
        self.contents().join(kind).join(file_name(digest, extension))
    }

    /// The bytes of a file; none if it is not here.
    pub(super) fn read(&self, place: Place, size_bytes_max: usize) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.path(place);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::io(&path, error)),
        };
        let mut bytes = Vec::new();
        // One byte more than allowed shows that the file is too large without reading all of it.
        let read = file.take(size_bytes_max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| CacheError::io(&path, error))?;
        let what = "the size of the file in bytes";
        LimitExceeded::check(what, bytes.len(), size_bytes_max, "size_bytes_max")
            .map_err(|error| CacheError::damaged(place.hash(), vec![path], error))?;
        Ok(Some(bytes))
    }

    /// Writes a file under another name and gives it its own. What is there already was written from the same hash.
    pub(super) fn write(&self, place: Place, bytes: &[u8]) -> Result<(), CacheError> {
        let path = self.path(place);
        if path.exists() {
            return Ok(());
        }
        // Somebody may empty the cache between the making of the folder and that of the file.
        let written = write_whole(&path, bytes).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => write_whole(&path, bytes),
            _ => Err(error),
        });
        written.map_err(|error| CacheError::io(&path, error))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), CacheError> {
        if !path.starts_with(self.contents()) {
            return Err(CacheError::io(path, io::Error::other("it is no file of this cache")));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CacheError::io(path, error)),
            _ => Ok(()),
        }
    }

    /// The hashes of all packages and components that have an entry, in order.
    pub(super) fn entries(&self) -> Result<Vec<ObjectHash>, CacheError> {
        let mut hashes: Vec<ObjectHash> = Vec::new();
        for (kind, prefix) in [(PACKAGES, PackageHash::PREFIX), (COMPONENTS, ComponentHash::PREFIX)] {
            let named = self.names(&self.contents().join(kind))?.into_iter();
            // A file with another name is not the cache's: one that was being written when its writer was killed.
            hashes.extend(named.filter_map(|digits| format!("{prefix}{digits}").parse::<ObjectHash>().ok()));
        }
        hashes.sort();
        hashes.dedup();
        Ok(hashes)
    }

    fn names(&self, folder: &Path) -> Result<Vec<String>, CacheError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(CacheError::io(folder, error)),
        };
        let stem = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.path().file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned())
        };
        entries.map(stem).collect::<io::Result<_>>().map_err(|error| CacheError::io(folder, error))
    }
}

impl Place {
    fn hash(&self) -> ObjectHash {
        match self {
            Self::Package(hash) => ObjectHash::Package(*hash),
            Self::Component(hash) | Self::ComponentEntry(hash) => ObjectHash::Component(*hash),
        }
    }
}

fn file_name(digest: &Digest, extension: &str) -> String {
    format!("{}.{extension}", digest.to_hex())
}

/// The file is for its owner's eyes, and is not forced to the disk: what a crash tears is found by its hash.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
