//! Texts and components by hash. Nothing here is trusted when it is read: the rules in `app` verify it again.

use crate::config::{BlobUrl, create_private_dir};
use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use registry_core::id::ObjectHash;
use std::sync::Arc;

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
    /// An object is larger than anything that was ever written.
    #[error("the blob `{path}` has {size_bytes} bytes, more than any that was accepted")]
    TooLarge {
        /// The object.
        path: String,
        /// Its size.
        size_bytes: u64,
    },
}

/// A store of immutable bytes under paths that are made of hashes alone.
#[derive(Debug, Clone)]
pub(crate) struct BlobStore {
    objects: Arc<dyn ObjectStore>,
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
        let store = Self { objects: Arc::new(local.with_fsync(true)) };
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
        written.map(|_| ()).map_err(|source| BlobError::Store { path: path.to_string(), source })
    }

    async fn read(&self, path: &Path, size_bytes_max: usize) -> Result<Bytes, BlobError> {
        let failed = |source| BlobError::Store { path: path.to_string(), source };
        let found = self.objects.get(path).await.map_err(failed)?;
        let size_bytes = found.meta.size;
        if size_bytes > size_bytes_max as u64 {
            return Err(BlobError::TooLarge { path: path.to_string(), size_bytes });
        }
        found.bytes().await.map_err(failed)
    }
}

/// All blobs stand in one directory, which is durable before the first is written. In a directory that is created when
/// it is needed, a blob could be answered for while another writer has yet to make the directory itself durable.
fn path_of(hash: &ObjectHash) -> Path {
    match hash {
        ObjectHash::Package(hash) => Path::from(format!("package-{}", hash.digest().to_hex())),
        ObjectHash::Component(hash) => Path::from(format!("component-{}", hash.digest().to_hex())),
    }
}
