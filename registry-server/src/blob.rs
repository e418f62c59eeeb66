//! Texts and components by hash. Nothing here is trusted when it is read: the rules in `app` verify it again.

use crate::config::{BlobUrl, create_private_dir};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use registry_core::id::ObjectHash;
use std::fs;
use std::future::ready;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

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
    /// What was never finished cannot be deleted.
    #[error("the directory `{dir}` cannot be tidied up")]
    Unfinished {
        /// The directory.
        dir: String,
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

    /// The names of all objects with random names that were written before a time, in no order.
    pub(crate) fn nameless_objects(&self, before: Timestamp) -> impl Stream<Item = Result<String, BlobError>> + use<> {
        let listed = self.objects.list(None).map_err(|source| failed(&Path::from(NAMELESS_PREFIX), source));
        listed.try_filter_map(move |object| {
            let is_old = object.last_modified.timestamp_millis() < before.as_millisecond();
            let name = object.location.to_string();
            ready(Ok((is_old && name.starts_with(NAMELESS_PREFIX)).then_some(name)))
        })
    }

    /// Deletes what was being written before a time and was never finished, because its server was killed. Answers how
    /// many objects it would have become.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn delete_unfinished(&self, before: Timestamp) -> Result<u64, BlobError> {
        let dir = self.dir.clone();
        let failed = |source| BlobError::Unfinished { dir: self.dir.display().to_string(), source };
        let deleted = tokio::task::spawn_blocking(move || delete_unfinished(&dir, before)).await;
        deleted.map_err(io::Error::from).and_then(|deleted| deleted).map_err(failed)
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

/// A file is written under the name that it will have, a hash sign and a number, and then renamed.
fn delete_unfinished(dir: &std::path::Path, before: Timestamp) -> io::Result<u64> {
    let mut deleted = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| Some(name.rsplit_once('#')?.1));
        if number.is_some_and(|number| number.parse::<u64>().is_ok()) {
            match delete_if_older(&entry, before) {
                Ok(is_deleted) => deleted += u64::from(is_deleted),
                // It was finished at this moment, or another server has deleted it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(deleted)
}

fn delete_if_older(file: &fs::DirEntry, before: Timestamp) -> io::Result<bool> {
    let is_older = file.metadata()?.modified()? < SystemTime::from(before);
    if is_older {
        fs::remove_file(file.path())?;
    }
    Ok(is_older)
}

fn path_of(hash: &ObjectHash) -> Path {
    Path::from(name_of(hash))
}

fn failed(path: &Path, source: object_store::Error) -> BlobError {
    BlobError::Store { path: path.to_string(), source }
}
