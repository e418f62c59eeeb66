//! Blobs: what they hold, verified.

use super::OciFault;
use super::uploads::before;
use crate::app::releases::{publisher, refusal};
use crate::app::{App, AppError, Caller, InternalError};
use crate::blob;
use crate::oci::{Algorithm, Digest, Hasher, Repository};
use crate::store::{Mounted, OciBlob, OciSource, VisibleOciBlob};
use bytes::Bytes;
use futures::stream::try_unfold;
use futures::{Stream, TryStreamExt};
use jiff::Timestamp;
use registry_core::id::{ComponentHash, ObjectHash};
use registry_core::limits::LimitExceeded;
use std::future::ready;
use std::ops::Range;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

impl App {
    /// A blob as those find it who pull it, or who want to know whether they must push it. One that no manifest names
    /// is not found for a while before it is collected, so that whoever finds one has time to push the manifest.
    ///
    /// # Errors
    /// [`OciFault::BlobUnknown`].
    pub(crate) async fn visible_oci_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<VisibleOciBlob, AppError> {
        let found = self.store.visible_oci_blob(repository, digest, self.visible_since()).await?;
        found.ok_or_else(|| blob_unknown(repository, digest))
    }

    /// Gives a repository a blob that is somewhere in the registry already: in the given repository, or in any. Answers
    /// whether it is. Whoever may push may read everything.
    ///
    /// # Errors
    /// If the caller may not push, or has too much that no manifest names.
    pub(crate) async fn mount_oci_blob(
        &self,
        caller: &Caller,
        repository: &Repository,
        from: Option<&Repository>,
        digest: &Digest,
    ) -> Result<bool, AppError> {
        self.check_oci_pusher(caller, repository).await?;
        let source = OciSource { digest, repository: from, since: self.visible_since() };
        let (publisher, quota) = (publisher(caller), self.oci_quota());
        match self.store.mount_oci_blob(repository, &source, &publisher, &quota).await? {
            Mounted::Done => Ok(true),
            Mounted::Unknown => Ok(false),
            Mounted::TooMuch(unbound) => Err(self.too_much(&unbound)),
            Mounted::Refused(written) => Err(refusal(written, repository.namespace())),
        }
    }

    fn visible_since(&self) -> Timestamp {
        before(Timestamp::now(), self.limits.oci_unbound_duration_max)
    }

    /// A small blob that was verified and is in memory.
    pub(crate) fn oci_blob_in_memory(&self, blob: &OciBlob) -> Option<Bytes> {
        self.oci_blobs.get(&blob.object)
    }

    /// Verifies a blob of which only some bytes are to be read, unless its object still stands as it did when it was
    /// verified last.
    ///
    /// # Errors
    /// If it is damaged or cannot be read.
    pub(crate) async fn verify_oci_blob(self: &Arc<Self>, blob: &OciBlob) -> Result<(), AppError> {
        let _turn = self.turns.take_object(&blob.object).await;
        let state = self.blobs.object_state(&blob.object).await?;
        if self.verified.get(&blob.object).is_some_and(|verified| verified == state) {
            return Ok(());
        }
        let whole = self.oci_blob_stream(blob.clone(), 0..blob.size_bytes);
        whole.try_for_each(|_| ready(Ok(()))).await?;
        self.verified.insert(blob.object.clone(), state);
        Ok(())
    }

    /// Some bytes of a blob, as they are read. If they are all of it, the last of them come only if it is not damaged.
    pub(crate) fn oci_blob_stream(
        self: &Arc<Self>,
        blob: OciBlob,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, AppError>> + Send + use<> {
        let hasher = (range == (0..blob.size_bytes)).then(|| Hasher::new(Algorithm::Sha256));
        let (app, blob) = (Arc::clone(self), Arc::new(blob));
        try_unfold((range.start, hasher), move |(start, mut hasher)| {
            let (app, blob) = (Arc::clone(&app), Arc::clone(&blob));
            let end = start.saturating_add(app.limits.oci_read_size_bytes as u64).min(range.end);
            async move {
                if start >= end {
                    return Ok(None);
                }
                let bytes = app.blobs.object_range(&blob.object, start..end).await?;
                if let Some(hasher) = &mut hasher {
                    hasher.update(&bytes);
                }
                if let Some(hasher) = hasher.take_if(|_| end == blob.size_bytes) {
                    check(&blob, hasher.finish())?;
                }
                Ok(Some((bytes, (end, hasher))))
            }
        })
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
        // Those who read wait for each other, so that however many they are, nobody who publishes finds no place.
        let place = timeout(self.limits.job_wait_max, self.verifiers.acquire()).await;
        let _place = place.map_err(|_| AppError::Overloaded)?;
        if let Some(bytes) = self.oci_blobs.get(&blob.object) {
            return Ok(bytes);
        }
        let stored = self.blobs.object(&blob.object, size_bytes).await?;
        let expected = blob.clone();
        let bytes = hashing(move || verify(&expected, stored)).await??;
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
        let digest = hashing(move || Digest::sha256(&hashed)).await?;
        self.blobs.put_object(&object, bytes).await?;
        Ok(OciBlob { sha256: digest.hex().to_owned(), digest, size_bytes, object })
    }

    /// The blob that a published component is, in the object that holds the component. `sha256` is that of its record.
    pub(crate) fn oci_blob_of_component(hash: ComponentHash, sha256: &Digest, size_bytes: u64) -> OciBlob {
        let object = blob::name_of(&ObjectHash::Component(hash));
        OciBlob { sha256: sha256.hex().to_owned(), digest: sha256.clone(), size_bytes, object }
    }
}

/// Hashes what is in memory already. To wait for a place among the jobs of publishing would only keep it there.
pub(super) async fn hashing<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    Ok(spawn_blocking(job).await.map_err(|_| InternalError::HandlerPanicked)?)
}

/// A repository has no such blob.
pub(super) fn blob_unknown(repository: &Repository, digest: &Digest) -> AppError {
    OciFault::BlobUnknown { repository: repository.clone(), digest: digest.clone() }.into()
}

fn verify(blob: &OciBlob, bytes: Bytes) -> Result<Bytes, AppError> {
    check(blob, Digest::sha256(&bytes)).map(|()| bytes)
}

fn check(blob: &OciBlob, actual: Digest) -> Result<(), AppError> {
    if actual.hex() == blob.sha256 {
        return Ok(());
    }
    let claimed = Digest::of_sha256_hex(&blob.sha256).unwrap_or_else(|_| blob.digest.clone());
    // Its object, too, so that an operator can look for it in a backup.
    let what = format!("{} in the object `{}`", blob.digest, blob.object);
    Err(AppError::damaged(what, &OciFault::DigestMismatch { claimed, actual }))
}
