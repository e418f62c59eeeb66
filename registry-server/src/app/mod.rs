//! The registry's rules: what may be published, and what is served. Neither HTTP nor SQL.

mod access;
mod archive;
mod cache;
mod closures;
mod compatibility;
mod components;
mod downloads;
mod error;
mod explain;
mod index;
mod namespaces;
mod oci;
mod packages;
mod releases;
mod search;
mod tokens;
mod turns;
mod upload;
mod workers;

pub(crate) use access::{Caller, TOKEN_PREFIX};
pub(crate) use error::{AppError, InternalError};
pub(crate) use oci::{OciFault, PushedManifest, Referrer, ServedManifest};
pub(crate) use tokens::{another_admin_token, first_admin_token};
pub(crate) use upload::PackageUpload;

use crate::blob::{BlobStore, ObjectState};
use crate::config::PublicUrl;
use crate::limits::ServerLimits;
use crate::store::Store;
use bytes::Bytes;
use cache::{Cache, InMemory};
use downloads::Downloads;
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::limits::LimitExceeded;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;
use turns::Turns;
use workers::Workers;

/// One registry.
#[derive(Debug)]
pub(crate) struct App {
    store: Store,
    blobs: BlobStore,
    workers: Workers,
    documents: Cache<ObjectHash, Documents>,
    archives: Cache<PackageHash, Bytes>,
    binaries: Cache<ComponentHash, Bytes>,
    /// The bytes of small blobs, by the names of their objects.
    oci_blobs: Cache<String, Bytes>,
    /// How the objects of large blobs stood when all of their bytes were verified.
    verified: Cache<String, ObjectState>,
    /// Places for those who read a small blob: publishing has its own.
    verifiers: Semaphore,
    downloads: Downloads,
    turns: Turns,
    reserved_namespaces: Vec<String>,
    artifact_namespaces: Vec<String>,
    public_url: Option<PublicUrl>,
    is_private: bool,
    is_local: bool,
    limits: Arc<ServerLimits>,
}

/// What who runs a registry decides.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Namespaces that nobody else claims.
    pub(crate) reserved_namespaces: Vec<String>,
    /// Namespaces that take OCI artifacts of any kind.
    pub(crate) artifact_namespaces: Vec<String>,
    /// Where clients reach the registry, if who runs it has said so.
    pub(crate) public_url: Option<PublicUrl>,
    /// Whether reading needs a token.
    pub(crate) is_private: bool,
    /// Whether only this machine can reach the registry.
    pub(crate) is_local: bool,
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

impl InMemory for ObjectState {
    /// Its entry has the name of the object too, which is about as long.
    fn size_bytes(&self) -> usize {
        2 * (size_of::<Self>() + self.e_tag.len())
    }
}

impl App {
    /// A registry on the given database and blob store.
    ///
    /// # Errors
    /// If its threads cannot be started.
    pub(crate) fn new(store: Store, blobs: BlobStore, rules: Rules, limits: Arc<ServerLimits>) -> io::Result<Self> {
        Ok(Self {
            workers: Workers::start(&limits)?,
            documents: Cache::new(limits.cache_size_bytes_max / 2),
            archives: Cache::new(limits.cache_size_bytes_max / 8),
            binaries: Cache::new(limits.cache_size_bytes_max / 8 * 3),
            oci_blobs: Cache::new(limits.oci_cache_size_bytes_max / 16 * 15),
            verified: Cache::new(limits.oci_cache_size_bytes_max / 16),
            verifiers: Semaphore::new(limits.oci_blobs_verified_max),
            downloads: Downloads::default(),
            turns: Turns::default(),
            store,
            blobs,
            reserved_namespaces: rules.reserved_namespaces,
            artifact_namespaces: rules.artifact_namespaces,
            public_url: rules.public_url,
            is_private: rules.is_private,
            is_local: rules.is_local,
            limits,
        })
    }

    /// Whether reading needs a token.
    pub(crate) fn is_private(&self) -> bool {
        self.is_private
    }

    /// Where clients reach the registry, if who runs it has said so.
    pub(crate) fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref()
    }

    /// Whether a namespace takes OCI artifacts that are neither WIT packages nor components.
    pub(crate) fn takes_artifacts(&self, namespace: &str) -> bool {
        self.artifact_namespaces.iter().any(|name| name == namespace)
    }

    /// Whether only this machine can reach the registry.
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
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

    /// Refuses a text that is too long or holds what no person writes.
    fn check_text(&self, what: &'static str, text: &str) -> Result<(), AppError> {
        LimitExceeded::check(
            format!("the length of {what} in characters"),
            text.chars().count(),
            self.limits.text_chars_max,
            "text_chars_max",
        )?;
        if text.chars().any(char::is_control) {
            return Err(AppError::Text { what, reason: "holds control characters; write it as one line" });
        }
        if text.chars().any(is_invisible) {
            return Err(AppError::Text { what, reason: "holds characters that nobody sees or that turn text around" });
        }
        Ok(())
    }

    /// Writes what is still in memory and closes the database.
    pub(crate) async fn close(&self) {
        self.write_downloads().await;
        self.store.close().await;
    }
}

/// Whether a character takes no room or changes the direction of others: with these a text can look like another one.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The JSON of a request.
fn request<T: DeserializeOwned>(json: &[u8]) -> Result<T, AppError> {
    serde_json::from_slice(json).map_err(|error| AppError::Body(error.to_string()))
}

/// The sha256 of bytes in hexadecimal digits.
fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
