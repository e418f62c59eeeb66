//! Uploads: who may push, part after part, and the blob at the end.

use super::OciFault;
use super::blobs::hashing;
use crate::app::releases::{publisher, refusal};
use crate::app::{App, AppError, Caller};
use crate::blob;
use crate::limits::ServerLimits;
use crate::oci::{Algorithm, Digest, Hasher, Repository};
use crate::store::{AppendedPart, BegunUpload, FinishedUpload, OciBlob, OciQuota, Unbound, UploadKey, UploadPart};
use bytes::Bytes;
use jiff::Timestamp;
use registry_core::limits::LimitExceeded;
use registry_core::wire::Scope;
use registry_core::with_causes;
use std::time::Duration;
use tracing::warn;

impl App {
    /// Refuses those who may not push into a repository, and repositories that could never take anything.
    ///
    /// # Errors
    /// If the caller does not own the namespace, or the name is none of a package and the namespace takes nothing else.
    pub(super) async fn check_oci_pusher(&self, caller: &Caller, repository: &Repository) -> Result<(), AppError> {
        self.check_publisher(caller, repository.namespace()).await?;
        if repository.is_package_name() || self.takes_artifacts(repository.namespace()) {
            return Ok(());
        }
        let reason = format!("`{}` is not the name of a package or a component", repository.name());
        Err(OciFault::ArtifactRefused { namespace: repository.namespace().to_owned(), reason }.into())
    }

    /// Begins an upload and answers its id.
    ///
    /// # Errors
    /// If the caller may not push, or has too much that no manifest names.
    pub(crate) async fn begin_oci_upload(&self, caller: &Caller, repository: &Repository) -> Result<String, AppError> {
        self.check_oci_pusher(caller, repository).await?;
        let id = blob::random_hex()?;
        let key = key(caller, repository, &id);
        match self.store.begin_oci_upload(&key, Timestamp::now(), &self.oci_quota()).await? {
            BegunUpload::Done => Ok(id),
            BegunUpload::TooMuch(unbound) => Err(self.too_much(&unbound)),
        }
    }

    /// How many bytes of an upload have come.
    ///
    /// # Errors
    /// [`OciFault::UploadUnknown`], also to all but the account that has begun it.
    pub(crate) async fn oci_upload_size(
        &self,
        caller: &Caller,
        repository: &Repository,
        id: &str,
    ) -> Result<u64, AppError> {
        caller.require_in(Scope::Publish, repository.namespace())?;
        let found = self.store.oci_upload_size(&key(caller, repository, id)).await?;
        found.ok_or_else(|| upload_unknown(id))
    }

    /// Appends bytes to an upload that has `start` bytes, and answers how many it has now. They are durable then.
    ///
    /// # Errors
    /// [`OciFault::OutOfOrder`] if the upload has another size, which it keeps; [`OciFault::UploadUnknown`];
    /// [`AppError::Limit`] if the blob would be too large.
    pub(crate) async fn append_to_oci_upload(
        &self,
        caller: &Caller,
        repository: &Repository,
        id: &str,
        start: u64,
        bytes: Bytes,
    ) -> Result<u64, AppError> {
        let size_bytes = bytes.len() as u64;
        let end = start.saturating_add(size_bytes);
        self.check_oci_blob_size(repository, end)?;
        let written = self.new_oci_object(bytes).await?;
        let part = UploadPart { size_bytes, sha256: written.sha256, object: written.object };
        let (key, now) = (key(caller, repository, id), Timestamp::now());
        let refused = match self.store.append_oci_part(&key, start, &part, now, &self.oci_quota()).await? {
            AppendedPart::Done => return Ok(end),
            AppendedPart::Unknown => upload_unknown(id),
            AppendedPart::OutOfOrder(size_bytes) => OciFault::OutOfOrder { size_bytes, start }.into(),
            AppendedPart::TooMuch(unbound) => self.too_much(&unbound),
        };
        self.delete_oci_objects(vec![part.object]).await;
        Err(refused)
    }

    /// Refuses blobs that are larger than their namespace takes.
    ///
    /// # Errors
    /// [`AppError::Limit`].
    pub(crate) fn check_oci_blob_size(&self, repository: &Repository, size_bytes: u64) -> Result<(), AppError> {
        let (size_bytes_max, name) = self.oci_blob_size_limit(repository);
        let size_bytes = usize::try_from(size_bytes).unwrap_or(usize::MAX);
        Ok(LimitExceeded::check("the size of the blob in bytes", size_bytes, size_bytes_max, name)?)
    }

    /// Makes an upload a blob of its repository. With another digest than the announced one, the upload has ended and
    /// nothing is there.
    ///
    /// # Errors
    /// [`OciFault::DigestMismatch`] or [`OciFault::UploadUnknown`], or if the caller may not push any more.
    pub(crate) async fn finish_oci_upload(
        &self,
        caller: &Caller,
        repository: &Repository,
        id: &str,
        digest: &Digest,
    ) -> Result<(), AppError> {
        caller.require_in(Scope::Publish, repository.namespace())?;
        let key = key(caller, repository, id);
        let parts = self.store.oci_upload_parts(&key).await?.ok_or_else(|| upload_unknown(id))?;
        let blob = match self.gather(&parts, digest).await {
            Ok(blob) => blob,
            // Somebody else has ended the upload meanwhile, and its parts are gone.
            Err(_) if self.store.oci_upload_size(&key).await?.is_none() => return Err(upload_unknown(id)),
            Err(error) => return Err(error),
        };
        let is_joined = !parts.iter().any(|part| part.object == blob.object);
        let refused = if blob.digest == *digest {
            // Whether it was written is not known if the database fails, so nothing is deleted then.
            match self.store.finish_oci_upload(&key, &blob, &publisher(caller)).await? {
                FinishedUpload::Done(held) => {
                    self.settle(&blob, &held).await;
                    let objects = parts.into_iter().map(|part| part.object);
                    self.delete_oci_objects(objects.filter(|_| is_joined).collect()).await;
                    return Ok(());
                }
                FinishedUpload::Changed => upload_unknown(id),
                FinishedUpload::Refused(written) => refusal(written, repository.namespace()),
            }
        } else if self.end_oci_upload(&key).await? {
            OciFault::DigestMismatch { claimed: digest.clone(), actual: blob.digest }.into()
        } else {
            upload_unknown(id)
        };
        if is_joined {
            self.delete_oci_objects(vec![blob.object]).await;
        }
        Err(refused)
    }

    /// Ends an upload without a blob.
    ///
    /// # Errors
    /// [`OciFault::UploadUnknown`].
    pub(crate) async fn cancel_oci_upload(
        &self,
        caller: &Caller,
        repository: &Repository,
        id: &str,
    ) -> Result<(), AppError> {
        caller.require_in(Scope::Publish, repository.namespace())?;
        if self.end_oci_upload(&key(caller, repository, id)).await? { Ok(()) } else { Err(upload_unknown(id)) }
    }

    async fn end_oci_upload(&self, key: &UploadKey) -> Result<bool, AppError> {
        match self.store.end_oci_upload(key).await? {
            Some(objects) => {
                self.delete_oci_objects(objects).await;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The parts as one object, with the digest of the algorithm that is asked for. A single part is that object already.
    async fn gather(&self, parts: &[UploadPart], asked: &Digest) -> Result<OciBlob, AppError> {
        match parts {
            [] => {
                let empty = self.new_oci_object(Bytes::new()).await?;
                Ok(OciBlob { digest: Digest::of(asked.algorithm(), b""), ..empty })
            }
            [part] => self.digest_of_part(part, asked).await,
            parts => self.join(parts, asked).await,
        }
    }

    async fn digest_of_part(&self, part: &UploadPart, asked: &Digest) -> Result<OciBlob, AppError> {
        let UploadPart { size_bytes, sha256, object } = part.clone();
        let digest = Digest::of_sha256_hex(&sha256).map_err(|error| AppError::damaged(&object, &error))?;
        let blob = OciBlob { digest, sha256, size_bytes, object };
        if blob.digest.algorithm() == asked.algorithm() {
            return Ok(blob);
        }
        let (bytes, algorithm) = (self.oci_blob_bytes(&blob, usize::MAX).await?, asked.algorithm());
        let digest = hashing(move || Digest::of(algorithm, &bytes)).await?;
        Ok(OciBlob { digest, ..blob })
    }

    /// Writes the parts one after the other into a new object. No more than a few of them are in memory.
    async fn join(&self, parts: &[UploadPart], asked: &Digest) -> Result<OciBlob, AppError> {
        let object = blob::nameless()?;
        let mut writer = self.blobs.write_object(&object).await?;
        let mut hashers = (Hasher::new(Algorithm::Sha256), Hasher::new(asked.algorithm()));
        for part in parts {
            let size_bytes = usize::try_from(part.size_bytes).unwrap_or(usize::MAX);
            let bytes = self.blobs.object(&part.object, size_bytes).await?;
            let hashed = bytes.clone();
            hashers = hashing(move || updated(hashers, &hashed)).await?;
            writer.write(bytes).await?;
        }
        writer.finish().await?;
        let (sha256, digest) = (hashers.0.finish().hex().to_owned(), hashers.1.finish());
        Ok(OciBlob { digest, sha256, size_bytes: parts.iter().map(|part| part.size_bytes).sum(), object })
    }

    /// A blob that was there already is kept in its own object. The same bytes have just come again, so they take the
    /// place of that object, which may be damaged.
    async fn settle(&self, blob: &OciBlob, held: &str) {
        if held != blob.object
            && let Err(error) = self.blobs.replace_object(&blob.object, held).await
        {
            warn!("the blob {} stays as it was, and is collected twice: {}", blob.digest, with_causes(&error));
        }
    }

    /// Deletes objects to which no row leads. What fails is collected later.
    pub(super) async fn delete_oci_objects(&self, objects: Vec<String>) {
        for object in objects {
            if let Err(error) = self.blobs.delete_object(&object).await {
                warn!("an object is left to be collected: {}", with_causes(&error));
            }
        }
    }

    fn oci_blob_size_limit(&self, repository: &Repository) -> (usize, &'static str) {
        if self.takes_artifacts(repository.namespace()) {
            return (self.limits.oci_blob_size_bytes_max, "oci_blob_size_bytes_max");
        }
        self.wasm_size_limit()
    }

    /// Bytes of the largest layer that can be published, and the limit's name.
    pub(super) fn wasm_size_limit(&self) -> (usize, &'static str) {
        let content = &self.limits.content;
        let components = (content.component_size_bytes_max, "component_size_bytes_max");
        components.max((content.wasm_wit_size_bytes_max, "wasm_wit_size_bytes_max"))
    }

    pub(super) fn oci_quota(&self) -> OciQuota {
        let limits = self.limits();
        let kept = limits.oci_unbound_duration_max + limits.oci_push_duration_max + limits.oci_collection_wait;
        OciQuota {
            uploads_max: limits.oci_uploads_per_account_max as u64,
            parts_max: limits.oci_upload_parts_per_account_max as u64,
            blobs_max: limits.oci_unbound_blobs_max as u64,
            size_bytes_max: limits.oci_unbound_size_bytes_max as u64,
            since: before(Timestamp::now(), kept),
        }
    }

    pub(super) fn too_much(&self, unbound: &Unbound) -> AppError {
        let Unbound { uploads, parts, blobs, size_bytes } = unbound;
        let ServerLimits {
            oci_uploads_per_account_max: uploads_max,
            oci_upload_parts_per_account_max: parts_max,
            oci_unbound_blobs_max: blobs_max,
            oci_unbound_size_bytes_max: size_bytes_max,
            ..
        } = self.limits();
        OciFault::TooMuchUnbound(format!(
            "you have {uploads} of {uploads_max} uploads in {parts} of {parts_max} parts, and {blobs} of {blobs_max} blobs \
             that no manifest names, of {size_bytes} bytes of {size_bytes_max} together"
        ))
        .into()
    }
}

/// A time before another.
pub(super) fn before(now: Timestamp, duration: Duration) -> Timestamp {
    now.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

fn key(caller: &Caller, repository: &Repository, id: &str) -> UploadKey {
    UploadKey { id: id.to_owned(), repository: repository.clone(), account: caller.token.account.clone() }
}

fn upload_unknown(id: &str) -> AppError {
    OciFault::UploadUnknown(id.to_owned()).into()
}

fn updated(hashers: (Hasher, Hasher), bytes: &[u8]) -> (Hasher, Hasher) {
    let (mut sha256, mut asked) = hashers;
    sha256.update(bytes);
    asked.update(bytes);
    (sha256, asked)
}
