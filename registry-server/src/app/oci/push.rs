//! Manifests on their way in. One of a WebAssembly artifact publishes what its layer holds, by the rules of every
//! publication.

use super::OciFault;
use super::manifest::{Descriptor, Manifest, Parts};
use super::wasm_config::check_wasm_config;
use crate::app::releases::{publisher, refusal, written_anew};
use crate::app::upload::ParsedUpload;
use crate::app::{App, AppError, Caller, PackageUpload};
use crate::blob;
use crate::oci::{Digest, Reference, Repository, Tag};
use crate::store::{NewManifest, OciBlob, OciManifest, Written};
use bytes::Bytes;
use registry_core::id::{ComponentHash, ObjectHash};
use registry_core::limits::LimitExceeded;
use registry_core::name::ReleaseName;
use registry_core::wit::looks_like_wit;
use semver::Version;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A manifest that is as it should be, and whose parts are there.
#[derive(Debug)]
pub(crate) struct CheckedManifest {
    new: NewManifest,
    purpose: Purpose,
}

/// What becomes of a manifest.
#[derive(Debug)]
enum Purpose {
    /// It publishes its layer.
    Publish(ReleaseName, OciBlob),
    /// It is another manifest of a release.
    Again(ReleaseName),
    /// It is stored.
    Keep,
}

/// A manifest that is stored.
#[derive(Debug)]
pub(crate) struct PushedManifest {
    /// What it is named by.
    pub(crate) digest: Digest,
    /// The manifest that it is about.
    pub(crate) subject: Option<Digest>,
    /// The package or the component whose manifest it is.
    pub(crate) hash: Option<ObjectHash>,
}

impl CheckedManifest {
    /// Bytes of the layer that must be in memory to publish it.
    pub(crate) fn layer_size_bytes(&self) -> usize {
        match &self.purpose {
            Purpose::Publish(_, layer) => usize::try_from(layer.size_bytes).unwrap_or(usize::MAX),
            Purpose::Again(_) | Purpose::Keep => 0,
        }
    }
}

impl App {
    /// Reads a manifest, and checks everything about it that can be checked without its layer.
    ///
    /// # Errors
    /// If the caller may not push, the manifest breaks a rule, or what it names is not there or of another size.
    pub(crate) async fn check_manifest(
        &self,
        caller: &Caller,
        repository: &Repository,
        reference: &Reference,
        content_type: Option<&str>,
        bytes: &Bytes,
    ) -> Result<CheckedManifest, AppError> {
        self.check_oci_pusher(caller, repository).await?;
        let digest = check_digest(reference, bytes)?;
        let utf8 =
            |error: std::str::Utf8Error| OciFault::ManifestInvalid(format!("the manifest is not UTF-8: {error}"));
        let content = std::str::from_utf8(bytes).map_err(utf8)?;
        let manifest = Manifest::parse(content_type, content, self.limits.oci_manifest_descriptors_max)?;
        let wasm = manifest.wasm()?.map(|(config, layer)| (config.clone(), layer.clone()));
        if wasm.is_none() && !self.takes_artifacts(repository.namespace()) {
            let (namespace, reason) = (repository.namespace().to_owned(), manifest.other_kind());
            return Err(OciFault::ArtifactRefused { namespace, reason }.into());
        }
        self.check_parts(repository, &manifest.parts).await?;
        let purpose = match wasm {
            Some((config, layer)) => self.release_of(repository, reference, &config, &layer).await?,
            None => Purpose::Keep,
        };
        let new = self.new_manifest(repository, reference, digest, manifest, content, &purpose);
        Ok(CheckedManifest { new, purpose })
    }

    /// Stores a manifest. If it is of a release, the layer is published together with it: both or nothing.
    ///
    /// # Errors
    /// As [`App::publish_package`] and [`App::publish_component`]; [`OciFault::TagBound`] if the tag is another's.
    pub(crate) async fn push_manifest(
        &self,
        caller: &Caller,
        checked: CheckedManifest,
    ) -> Result<PushedManifest, AppError> {
        let CheckedManifest { mut new, purpose } = checked;
        let hash = match purpose {
            Purpose::Publish(name, layer) => Some(self.publish_layer(caller, name, &layer, &mut new).await?),
            Purpose::Again(name) => {
                let release = self.release(name.clone()).await?;
                let written = self.store.insert_manifest(&new, &publisher(caller)).await?;
                written_anew(written, &name, &release.target)?;
                Some(release.target.hash())
            }
            Purpose::Keep => match self.store.insert_manifest(&new, &publisher(caller)).await? {
                Written::Created | Written::Present => None,
                refused => return Err(refusal(refused, new.repository.namespace())),
            },
        };
        Ok(PushedManifest { digest: new.manifest.digest, subject: new.subject, hash })
    }

    async fn publish_layer(
        &self,
        caller: &Caller,
        name: ReleaseName,
        blob: &OciBlob,
        new: &mut NewManifest,
    ) -> Result<ObjectHash, AppError> {
        let layer = self.oci_blob_bytes(blob, self.wasm_size_limit().0).await?;
        let (bytes, limits) = (layer.clone(), Arc::clone(&self.limits));
        let parsed = self.workers.run(move || {
            let is_wit = looks_like_wit(&bytes);
            is_wit.then(|| ParsedUpload::parse(PackageUpload::Encoded(bytes), None, &limits)).transpose()
        });
        if let Some(parsed) = parsed.await?? {
            check_name(&name, &parsed.name)?;
            let published = self.publish_parsed(caller, parsed, Some(new)).await?;
            return Ok(ObjectHash::Package(published.record.hash));
        }
        let hashed = layer.clone();
        let hash = self.workers.run(move || ComponentHash::of(&hashed)).await?;
        // What is published stays anyway, so the layer needs no object of its own any more.
        new.shared = Some((blob.digest.clone(), blob::name_of(&ObjectHash::Component(hash))));
        let published = self.publish_component(caller, layer, Some(name), Some(hash), Some(new)).await?;
        Ok(ObjectHash::Component(published.record.hash))
    }

    /// Refuses a manifest whose blobs are not there or have other sizes. The transaction that writes it looks again.
    async fn check_parts(&self, repository: &Repository, parts: &Parts) -> Result<(), AppError> {
        let Parts::Image { config, layers } = parts else { return Ok(()) };
        let mut missing = Vec::new();
        for part in [config].into_iter().chain(layers) {
            match self.store.oci_blob(repository, &part.digest).await? {
                Some(blob) if blob.size_bytes != part.size_bytes => {
                    let what = format!("the blob {}", part.digest);
                    return Err(
                        OciFault::SizeMismatch { what, claimed: part.size_bytes, actual: blob.size_bytes }.into()
                    );
                }
                None if !part.is_elsewhere => missing.push(part.digest.clone()),
                Some(_) | None => {}
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort();
        missing.dedup();
        Err(OciFault::ManifestBlobUnknown { repository: repository.clone(), missing }.into())
    }

    /// What a WebAssembly artifact publishes: by its tag. One without a tag must be one of a release that is there.
    async fn release_of(
        &self,
        repository: &Repository,
        reference: &Reference,
        config: &Descriptor,
        layer: &Descriptor,
    ) -> Result<Purpose, AppError> {
        let config = self.oci_blob(repository, &config.digest).await?;
        let json = self.oci_blob_bytes(&config, self.limits.oci_config_size_bytes_max).await?;
        check_wasm_config(&json, &layer.digest)?;
        let tag = match reference {
            Reference::Tag(tag) => tag,
            Reference::Digest(_) => {
                let version = self.store.oci_release_of_layer(repository, &layer.digest).await?;
                let unknown = "its layer is not that of a release of this repository; push it under its version";
                let version = version.ok_or_else(|| OciFault::ManifestInvalid(unknown.to_owned()))?;
                return Ok(Purpose::Again(release_name(repository, version)?));
            }
        };
        let not_a_version = || {
            let message = format!("WIT packages and components are pushed under their versions; `{tag}` is not one");
            OciFault::ManifestInvalid(message)
        };
        let name = release_name(repository, tag.version().ok_or_else(not_a_version)?)?;
        let layer = self.oci_blob(repository, &layer.digest).await?;
        let size_bytes = usize::try_from(layer.size_bytes).unwrap_or(usize::MAX);
        let (max, limit) = self.wasm_size_limit();
        LimitExceeded::check("the size of the layer in bytes", size_bytes, max, limit)?;
        Ok(Purpose::Publish(name, layer))
    }

    fn new_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        digest: Digest,
        manifest: Manifest,
        content: &str,
        purpose: &Purpose,
    ) -> NewManifest {
        let version = match purpose {
            Purpose::Publish(name, _) | Purpose::Again(name) => Some(name.version().clone()),
            Purpose::Keep => None,
        };
        let digests = |is_elsewhere: bool| -> BTreeSet<Digest> {
            let parts = manifest.parts.descriptors().filter(|part| part.is_elsewhere == is_elsewhere);
            parts.map(|part| part.digest.clone()).collect()
        };
        let (blobs, foreign_blobs, manifests) = match &manifest.parts {
            Parts::Image { .. } => (digests(false), digests(true), BTreeSet::new()),
            Parts::Index(_) => (BTreeSet::new(), BTreeSet::new(), digests(false)),
        };
        let Manifest { media_type, artifact_type, subject, .. } = manifest;
        let content = content.to_owned();
        NewManifest {
            repository: repository.clone(),
            manifest: OciManifest { digest, media_type, artifact_type, version, content },
            subject,
            tag: tag_of(reference),
            blobs,
            foreign_blobs,
            manifests,
            shared: None,
            manifests_per_release_max: self.limits.oci_manifests_per_release_max,
        }
    }
}

/// The digest that a manifest is stored under: that of its address, which must be its own.
fn check_digest(reference: &Reference, bytes: &[u8]) -> Result<Digest, OciFault> {
    let Reference::Digest(claimed) = reference else { return Ok(Digest::sha256(bytes)) };
    let actual = Digest::of(claimed.algorithm(), bytes);
    if actual == *claimed {
        return Ok(actual);
    }
    Err(OciFault::DigestMismatch { claimed: claimed.clone(), actual })
}

fn tag_of(reference: &Reference) -> Option<Tag> {
    match reference {
        Reference::Tag(tag) => Some(tag.clone()),
        Reference::Digest(_) => None,
    }
}

/// The release that a repository has under a version.
fn release_name(repository: &Repository, version: Version) -> Result<ReleaseName, AppError> {
    Ok(ReleaseName::new(repository.namespace(), repository.name(), version)?)
}

/// Refuses WIT that calls itself something else than it is pushed as.
fn check_name(pushed: &ReleaseName, own: &ReleaseName) -> Result<(), OciFault> {
    if own == pushed {
        return Ok(());
    }
    let message = format!("the layer holds the WIT package `{own}`, but it is pushed as `{pushed}`");
    Err(OciFault::ManifestInvalid(message))
}
