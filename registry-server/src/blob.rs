//! Texts and components by hash. Nothing here is trusted when it is read: the rules in `app` verify it again.

use crate::config::{BlobUrl, create_private_dir};
use bytes::Bytes;
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use registry_core::id::ObjectHash;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::task::spawn_blocking;
use tracing::warn;

/// Tells what the store holds and in which layout; reading it is the test whether the store works.
const MARKER: (&str, &[u8]) = ("registry-blobs", b"layout 1\n");

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The directory cannot be created.
    #[error("the directory `{dir}` cannot be created")]
    Directory {
        /// The directory.
        dir: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store failed.
    #[error("the blob store failed on `{path}`")]
    Store {
        /// The object.
        path: String,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// The directory of all objects cannot be listed.
    #[error("the directory `{dir}` cannot be listed")]
    List {
        /// The directory.
        dir: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was never finished cannot be deleted.
    #[error("the unfinished file `{name}` cannot be deleted")]
    Unfinished {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An object is larger than anything that was ever written.
    #[error("the blob `{path}` has {size_bytes} bytes, more than any that was accepted")]
    TooLarge {
        /// The object.
        path: String,
        /// Its size.
        size_bytes: u64,
    },
}

/// Bytes of the pieces in which an object is written that is written piece by piece. Some stores want 5 MiB at least.
const PIECE_SIZE_BYTES: usize = 8 << 20;

/// Pieces of one object that are being written at one time.
const PIECES_MAX: usize = 1;

/// What the names of objects begin with that no hash of this registry names.
const NAMELESS_PREFIX: &str = "oci-";

/// What the names of all objects begin with.
const PREFIXES: [&str; 3] = ["package-", "component-", NAMELESS_PREFIX];

/// A store of immutable bytes: under names that are made of hashes, or under random ones which are never used again.
#[derive(Debug, Clone)]
pub(crate) struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    dir: PathBuf,
}

impl BlobStore {
    /// Opens the store, and creates it if it is not there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) async fn open(url: &BlobUrl) -> Result<Self, BlobError> {
        let BlobUrl::File(dir) = url;
        let name = dir.display().to_string();
        create_private_dir(dir).map_err(|source| BlobError::Directory { dir: name.clone(), source })?;
        let local = LocalFileSystem::new_with_prefix(dir).map_err(|source| BlobError::Store { path: name, source })?;
        // Without fsync, an answer could be given before its content is on the disk.
        let store = Self { objects: Arc::new(local.with_fsync(true)), dir: dir.clone() };
        let (marker, content) = MARKER;
        store.write(&Path::from(marker), Bytes::from_static(content)).await?;
        Ok(store)
    }

    /// Writes bytes durably and at once: a reader sees all of them or nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn put(&self, hash: &ObjectHash, bytes: Bytes) -> Result<(), BlobError> {
        self.write(&path_of(hash), bytes).await
    }

    /// Reads bytes that were written under a hash, at most `size_bytes_max` of them.
    ///
    /// # Errors
    /// If they are not there, are too many, or the store fails.
    pub(crate) async fn get(&self, hash: &ObjectHash, size_bytes_max: usize) -> Result<Bytes, BlobError> {
        self.read(&path_of(hash), size_bytes_max).await
    }

    /// Writes an object under a name that nobody else uses, durably and at once.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn put_object(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.write(&Path::from(name), bytes).await
    }

    /// Begins an object that is written piece by piece.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn write_object(&self, name: &str) -> Result<ObjectWriter, BlobError> {
        let path = Path::from(name);
        match self.objects.put_multipart(&path).await {
            Ok(upload) => {
                let upload = WriteMultipart::new_with_chunk_size(upload, PIECE_SIZE_BYTES);
                Ok(ObjectWriter { path, upload })
            }
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Reads an object of at most `size_bytes_max` bytes.
    ///
    /// # Errors
    /// If it is not there, is larger, or the store fails.
    pub(crate) async fn object(&self, name: &str, size_bytes_max: usize) -> Result<Bytes, BlobError> {
        self.read(&Path::from(name), size_bytes_max).await
    }

    /// Reads some bytes of an object.
    ///
    /// # Errors
    /// If they are not there, or the store fails.
    pub(crate) async fn object_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let path = Path::from(name);
        self.objects.get_range(&path, range).await.map_err(|source| failed(&path, source))
    }

    /// Puts an object in the place of another one with the same content, at once.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn replace_object(&self, name: &str, replaced: &str) -> Result<(), BlobError> {
        let path = Path::from(name);
        self.objects.rename(&path, &Path::from(replaced)).await.map_err(|source| failed(&path, source))
    }

    /// What says whether an object is still the same as before: it is another one after every change.
    ///
    /// # Errors
    /// If the object is not there, or the store fails.
    pub(crate) async fn object_state(&self, name: &str) -> Result<ObjectState, BlobError> {
        let path = Path::from(name);
        let found = self.objects.head(&path).await.map_err(|source| failed(&path, source))?;
        Ok(ObjectState {
            e_tag: found.e_tag.unwrap_or_default(),
            size_bytes: found.size,
            written_at: found.last_modified.timestamp_micros(),
        })
    }

    /// Deletes an object. One that is not there is deleted already.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn delete_object(&self, name: &str) -> Result<(), BlobError> {
        let path = Path::from(name);
        match self.objects.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// What nobody may need any more: files that were written before a time. All others in the directory, whatever they
    /// are, are neither looked at nor followed anywhere.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub(crate) async fn old_files(&self, before: Timestamp) -> Result<OldFiles, BlobError> {
        let (dir, name) = (self.dir.clone(), self.dir.display().to_string());
        let listed = spawn_blocking(move || old_files(&dir, before)).await;
        listed.map_err(io::Error::from).flatten().map_err(|source| BlobError::List { dir: name, source })
    }

    /// Deletes what was being written under the name of one of [`OldFiles::unfinished`], if it is still there.
    ///
    /// # Errors
    /// If it cannot be deleted.
    pub(crate) async fn delete_unfinished(&self, name: &str) -> Result<(), BlobError> {
        let file = self.dir.join(name);
        match spawn_blocking(move || fs::remove_file(file)).await.map_err(io::Error::from).flatten() {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(BlobError::Unfinished { name: name.to_owned(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Checks that the store can be read.
    ///
    /// # Errors
    /// If it cannot.
    pub(crate) async fn ready(&self) -> Result<(), BlobError> {
        let (marker, content) = MARKER;
        self.read(&Path::from(marker), content.len()).await.map(|_| ())
    }

    async fn write(&self, path: &Path, bytes: Bytes) -> Result<(), BlobError> {
        let written = self.objects.put(path, bytes.into()).await;
        written.map(|_| ()).map_err(|source| failed(path, source))
    }

    async fn read(&self, path: &Path, size_bytes_max: usize) -> Result<Bytes, BlobError> {
        let found = self.objects.get(path).await.map_err(|source| failed(path, source))?;
        let size_bytes = found.meta.size;
        if size_bytes > size_bytes_max as u64 {
            return Err(BlobError::TooLarge { path: path.to_string(), size_bytes });
        }
        found.bytes().await.map_err(|source| failed(path, source))
    }
}

/// An object as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectState {
    /// What the store names its content by. For a file: its inode, its time and its size.
    pub(crate) e_tag: String,
    size_bytes: u64,
    written_at: i64,
}

/// Old files of the directory of all objects, which a collector may delete.
#[derive(Debug, Default)]
pub(crate) struct OldFiles {
    /// The names of objects with random names.
    pub(crate) nameless: Vec<String>,
    /// The names of what was being written and never finished, because its server was killed.
    pub(crate) unfinished: Vec<String>,
}

/// An object that is being written. Nobody sees it before it is finished; one that is dropped never was.
#[derive(Debug)]
pub(crate) struct ObjectWriter {
    path: Path,
    upload: WriteMultipart,
}

impl ObjectWriter {
    /// Writes what comes next.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.upload.put(bytes);
        self.upload.wait_for_capacity(PIECES_MAX).await.map_err(|source| failed(&self.path, source))
    }

    /// Makes the object visible, durably and at once.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn finish(self) -> Result<(), BlobError> {
        self.upload.finish().await.map(drop).map_err(|source| failed(&self.path, source))
    }
}

/// A name for an object that no hash of this registry names.
///
/// # Errors
/// If there is no randomness.
pub(crate) fn nameless() -> Result<String, getrandom::Error> {
    Ok(format!("{NAMELESS_PREFIX}{}", random_hex()?))
}

/// 16 random bytes in hexadecimal digits: nobody has had them before, and nobody can guess them.
///
/// # Errors
/// If there is no randomness.
pub(crate) fn random_hex() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// The name of the object that holds a text or a component.
///
/// All objects stand in one directory, which is durable before the first is written. In a directory that is created when
/// it is needed, an object could be answered for while another writer has yet to make the directory itself durable.
pub(crate) fn name_of(hash: &ObjectHash) -> String {
    match hash {
        ObjectHash::Package(hash) => format!("package-{}", hash.digest().to_hex()),
        ObjectHash::Component(hash) => format!("component-{}", hash.digest().to_hex()),
    }
}

/// What cannot be looked at is left where it is.
fn old_files(dir: &std::path::Path, before: Timestamp) -> io::Result<OldFiles> {
    let mut old = OldFiles::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let names = match (is_nameless(&name), is_unfinished(&name)) {
            (true, _) => &mut old.nameless,
            (false, true) => &mut old.unfinished,
            (false, false) => continue,
        };
        match is_old_file(&entry, before) {
            Ok(true) => names.push(name),
            Ok(false) => {}
            // It was finished at this moment, or another server has deleted it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!("the file `{name}` is left where it is: {error}"),
        }
    }
    Ok(old)
}

/// Where a link leads is not asked: it is no file.
fn is_old_file(entry: &fs::DirEntry, before: Timestamp) -> io::Result<bool> {
    let metadata = entry.metadata()?;
    Ok(metadata.is_file() && metadata.modified()? < SystemTime::from(before))
}

fn is_nameless(name: &str) -> bool {
    let random = name.strip_prefix(NAMELESS_PREFIX);
    random.is_some_and(|random| random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A file is written under the name that it will have, a hash sign and a number, and then renamed.
fn is_unfinished(name: &str) -> bool {
    let Some((name, number)) = name.rsplit_once('#') else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (name == MARKER.0 || PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

fn path_of(hash: &ObjectHash) -> Path {
    Path::from(name_of(hash))
}

fn failed(path: &Path, source: object_store::Error) -> BlobError {
    BlobError::Store { path: path.to_string(), source }
}
