//! Blobs: what they hold, verified.

use super::OciFault;
use crate::app::{App, AppError, sha256_hex};
use crate::blob;
use crate::oci::{Digest, Repository};
use crate::store::OciBlob;
use bytes::Bytes;
use registry_core::id::ObjectHash;
use registry_core::limits::LimitExceeded;

impl App {
    /// A blob of a repository, whether a manifest names it or not.
    ///
    /// # Errors
    /// [`OciFault::BlobUnknown`].
    pub(crate) async fn oci_blob(&self, repository: &Repository, digest: &Digest) -> Result<OciBlob, AppError> {
        let found = self.store.oci_blob(repository, digest).await?;
        found.ok_or_else(|| blob_unknown(repository, digest))
    }

    /// All bytes of a blob, verified.
    ///
    /// # Errors
    /// [`AppError::Limit`] if they are more than `size_bytes_max`.
    pub(crate) async fn oci_blob_bytes(&self, blob: &OciBlob, size_bytes_max: usize) -> Result<Bytes, AppError> {
        let size_bytes = usize::try_from(blob.size_bytes).unwrap_or(usize::MAX);
        let what = format!("the size of the blob {} in bytes", blob.digest);
        LimitExceeded::check(what, size_bytes, size_bytes_max, "size_bytes_max")?;
        if let Some(bytes) = self.oci_blobs.get(&blob.object) {
            return Ok(bytes);
        }
        let stored = self.blobs.object(&blob.object, size_bytes).await?;
        let expected = blob.clone();
        let bytes = self.workers.run(move || verify(&expected, stored)).await??;
        self.oci_blobs.insert(blob.object.clone(), bytes.clone());
        Ok(bytes)
    }

    /// Writes bytes as a new object under their sha256. Until a row leads to it, nothing does, and after a day it is
    /// collected.
    ///
    /// # Errors
    /// If the blob store fails.
    pub(crate) async fn new_oci_object(&self, bytes: Bytes) -> Result<OciBlob, AppError> {
        let object = blob::nameless()?;
        let (size_bytes, hashed) = (bytes.len() as u64, bytes.clone());
        let digest = self.workers.run(move || Digest::sha256(&hashed)).await?;
        self.blobs.put_object(&object, bytes).await?;
        Ok(OciBlob { sha256: digest.hex().to_owned(), digest, size_bytes, object })
    }

    /// The blob that a published component is, in the object that holds the component. `sha256` is that of its record.
    pub(crate) fn oci_blob_of_component(
        hash: registry_core::id::ComponentHash,
        sha256: &Digest,
        size_bytes: u64,
    ) -> OciBlob {
        let object = blob::name_of(&ObjectHash::Component(hash));
        OciBlob { sha256: sha256.hex().to_owned(), digest: sha256.clone(), size_bytes, object }
    }
}

fn blob_unknown(repository: &Repository, digest: &Digest) -> AppError {
    OciFault::BlobUnknown { repository: repository.clone(), digest: digest.clone() }.into()
}

fn verify(blob: &OciBlob, bytes: Bytes) -> Result<Bytes, AppError> {
    let actual = sha256_hex(&bytes);
    if actual == blob.sha256 {
        return Ok(bytes);
    }
    let (claimed, actual) = (blob.digest.clone(), Digest::sha256(&bytes));
    Err(AppError::damaged(&claimed, &OciFault::DigestMismatch { claimed: claimed.clone(), actual }))
}
