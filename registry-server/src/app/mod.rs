//! The registry's rules: what may be published, and what is served. Neither HTTP nor SQL.

mod cache;
mod closures;
mod compatibility;
mod components;
mod downloads;
mod error;
mod explain;
mod index;
mod packages;
mod releases;
mod search;
mod upload;
mod workers;

pub(crate) use error::{AppError, InternalError};
pub(crate) use upload::PackageUpload;

use crate::blob::BlobStore;
use crate::limits::ServerLimits;
use crate::store::Store;
use bytes::Bytes;
use cache::{Cache, InMemory};
use downloads::Downloads;
use registry_core::id::{ComponentHash, ObjectHash};
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;
use workers::Workers;

/// One registry.
#[derive(Debug)]
pub(crate) struct App {
    store: Store,
    blobs: BlobStore,
    workers: Workers,
    documents: Cache<ObjectHash, Documents>,
    binaries: Cache<ComponentHash, Bytes>,
    downloads: Downloads,
    limits: Arc<ServerLimits>,
}

/// The verified texts of a package or a component, as they are served.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    /// The JSON of [`registry_core::wire::PackageClosure`] or [`registry_core::wire::ComponentClosure`].
    pub(crate) closure_json: Bytes,
    /// The package's canonical text, or the component's own world.
    pub(crate) wit: Bytes,
    /// The same with everything that it needs, as one text.
    pub(crate) flat: Bytes,
}

impl InMemory for Documents {
    fn size_bytes(&self) -> usize {
        self.closure_json.len() + self.wit.len() + self.flat.len()
    }
}

impl InMemory for Bytes {
    fn size_bytes(&self) -> usize {
        self.len()
    }
}

impl App {
    /// A registry on the given database and blob store.
    ///
    /// # Errors
    /// If its threads cannot be started.
    pub(crate) fn new(store: Store, blobs: BlobStore, limits: Arc<ServerLimits>) -> io::Result<Self> {
        let half_size_bytes = limits.cache_size_bytes_max / 2;
        Ok(Self {
            workers: Workers::start(&limits)?,
            documents: Cache::new(half_size_bytes),
            binaries: Cache::new(half_size_bytes),
            downloads: Downloads::default(),
            store,
            blobs,
            limits,
        })
    }

    /// The limits that hold here.
    pub(crate) fn limits(&self) -> &ServerLimits {
        &self.limits
    }

    /// Checks that the database and the blob store work.
    ///
    /// # Errors
    /// The first that does not.
    pub(crate) async fn ready(&self) -> Result<(), AppError> {
        self.store.ready().await?;
        Ok(self.blobs.ready().await?)
    }

    /// Writes what is still in memory and closes the database.
    pub(crate) async fn close(&self) {
        self.write_downloads().await;
        self.store.close().await;
    }
}

/// The sha256 of bytes in hexadecimal digits.
fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
