//! Manifests on their way in. One of a WebAssembly artifact publishes what its layer holds, by the rules of every
//! publication.

use super::OciFault;
use super::blobs::blob_unknown;
use super::manifest::{Descriptor, Manifest, Parts};
use super::wasm_config::check_wasm_config;
use crate::app::releases::{publisher, refusal};
use crate::app::upload::ParsedUpload;
use crate::app::{App, AppError, Caller, PackageUpload};
use crate::blob;
use crate::oci::{Digest, Reference, Repository, Tag, TagError};
use crate::store::{ManifestForm, NewManifest, OciBlob, OciManifest, Written};
use bytes::Bytes;
use registry_core::id::{ComponentHash, ObjectHash};
use registry_core::limits::LimitExceeded;
use registry_core::name::ReleaseName;
use registry_core::wit::looks_like_wit;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
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
    Publish {
        /// As what. Without a tag the layer must be a release already.
        tagged: Option<ReleaseName>,
        /// The layer.
        layer: OciBlob,
    },
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
            Purpose::Publish { layer, .. } => usize::try_from(layer.size_bytes).unwrap_or(usize::MAX),
            Purpose::Keep => 0,
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
        let mut manifest = Manifest::parse(content_type, content, self.limits.oci_manifest_descriptors_max)?;
        let wasm = manifest.wasm()?.map(|(config, layer)| (config.clone(), layer.clone()));
        if wasm.is_some() {
            let (max, limit) = (self.limits.oci_wasm_manifest_size_bytes_max, "oci_wasm_manifest_size_bytes_max");
            LimitExceeded::check("the size of the manifest in bytes", bytes.len(), max, limit)?;
            manifest.parts.bring_here();
        }
        if wasm.is_none() {
            self.check_artifact(repository, reference, &manifest)?;
        }
        let blobs = self.check_parts(repository, &manifest.parts).await?;
        let purpose = match wasm {
            Some((config, layer)) => {
                let blob =
                    |part: &Descriptor| blobs.get(&part.digest).ok_or_else(|| blob_unknown(repository, &part.digest));
                self.purpose_of(repository, reference, blob(&config)?, blob(&layer)?).await?
            }
            None => Purpose::Keep,
        };
        let new = self.new_manifest(repository, reference, digest, manifest, content);
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
            Purpose::Publish { tagged, layer } => Some(self.publish_layer(caller, tagged, &layer, &mut new).await?),
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
        tagged: Option<ReleaseName>,
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
            match &tagged {
                Some(tagged) => check_name(tagged, &parsed.name)?,
                None => self.check_is_there(&new.repository, &parsed.name).await?,
            }
            new.manifest.version = Some(parsed.name.version().clone());
            let published = self.publish_parsed(caller, parsed, Some(new)).await?;
            return Ok(ObjectHash::Package(published.record.hash));
        }
        let hashed = layer.clone();
        let hash = self.workers.run(move || ComponentHash::of(&hashed)).await?;
        let name = match tagged {
            Some(tagged) => tagged,
            None => self.release_of_component(&new.repository, hash).await?,
        };
        new.manifest.version = Some(name.version().clone());
        // What is published stays anyway, so the layer needs no object of its own any more.
        new.shared = Some((blob.digest.clone(), blob::name_of(&ObjectHash::Component(hash))));
        let published = self.publish_component(caller, layer, Some(name), None, Some(new)).await?;
        Ok(ObjectHash::Component(published.record.hash))
    }

    /// Refuses a package that is not a release of the repository.
    async fn check_is_there(&self, repository: &Repository, name: &ReleaseName) -> Result<(), AppError> {
        let is_of_repository = (name.namespace(), name.name()) == (repository.namespace(), repository.name());
        if is_of_repository && self.store.release(name).await?.is_some() { Ok(()) } else { Err(no_release().into()) }
    }

    /// The release that a component is in a repository; the first by the bytes of the versions, if it is several.
    async fn release_of_component(
        &self,
        repository: &Repository,
        hash: ComponentHash,
    ) -> Result<ReleaseName, AppError> {
        let version = self.store.version_of_component(repository.namespace(), repository.name(), &hash).await?;
        release_name(repository, version.ok_or_else(no_release)?)
    }

    /// The blobs that a manifest names, as far as they are there. Refuses it if one is missing that must be, or has
    /// another size. The transaction that writes it looks again.
    async fn check_parts(&self, repository: &Repository, parts: &Parts) -> Result<BTreeMap<Digest, OciBlob>, AppError> {
        let (config, layers) = match parts {
            Parts::Image { config, layers } => (config, layers),
            Parts::Index(manifests) => {
                self.check_listed(repository, manifests).await?;
                return Ok(BTreeMap::new());
            }
        };
        let parts = || [config].into_iter().chain(layers);
        let named = parts().map(|part| &part.digest).collect();
        let blobs = self.store.oci_blobs(repository, named).await?;
        let blobs: BTreeMap<Digest, OciBlob> = blobs.into_iter().map(|blob| (blob.digest.clone(), blob)).collect();
        let mut missing = BTreeSet::new();
        for part in parts() {
            match blobs.get(&part.digest) {
                Some(blob) => check_size("blob", part, blob.size_bytes)?,
                None if !part.is_elsewhere => drop(missing.insert(part.digest.clone())),
                None => {}
            }
        }
        if missing.is_empty() {
            return Ok(blobs);
        }
        let missing = missing.into_iter().collect();
        Err(OciFault::ManifestBlobUnknown { repository: repository.clone(), missing }.into())
    }

    /// Refuses a list that says of manifests what they are not. That they are there is for the transaction to see.
    async fn check_listed(&self, repository: &Repository, manifests: &[Descriptor]) -> Result<(), AppError> {
        let named = manifests.iter().map(|part| &part.digest).collect();
        let held = self.store.oci_manifest_forms(repository, named).await?;
        let held: BTreeMap<&Digest, &ManifestForm> = held.iter().map(|form| (&form.digest, form)).collect();
        for part in manifests {
            let Some(form) = held.get(&part.digest) else { continue };
            check_size("manifest", part, form.size_bytes)?;
            if !form.media_type.eq_ignore_ascii_case(&part.media_type) {
                let message = format!(
                    "the manifest {} has the type `{}`, not `{}`",
                    part.digest, form.media_type, part.media_type
                );
                return Err(OciFault::ManifestInvalid(message).into());
            }
        }
        Ok(())
    }

    /// Refuses what is neither a WIT package nor a component, unless the namespace takes everything, and tags that most
    /// clients could never pull.
    fn check_artifact(
        &self,
        repository: &Repository,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(), OciFault> {
        if !self.takes_artifacts(repository.namespace()) {
            let (namespace, reason) = (repository.namespace().to_owned(), manifest.other_kind());
            return Err(OciFault::ArtifactRefused { namespace, reason });
        }
        match reference {
            Reference::Tag(tag) if !tag.is_of_specification() => Err(OciFault::Tag(TagError)),
            Reference::Tag(_) | Reference::Digest(_) => Ok(()),
        }
    }

    /// What becomes of a WebAssembly artifact: its tag says what it is published as.
    async fn purpose_of(
        &self,
        repository: &Repository,
        reference: &Reference,
        config: &OciBlob,
        layer: &OciBlob,
    ) -> Result<Purpose, AppError> {
        let json = self.oci_blob_bytes(config, self.limits.oci_config_size_bytes_max).await?;
        check_wasm_config(&json, &layer.digest)?;
        let not_a_version = |tag: &Tag| {
            let message = format!(
                "WIT packages and components are pushed under their versions, such as `1.0.0`; `{tag}` is not one"
            );
            OciFault::ManifestInvalid(message)
        };
        let tagged = match reference {
            Reference::Tag(tag) => Some(release_name(repository, tag.version().ok_or_else(|| not_a_version(tag))?)?),
            Reference::Digest(_) => None,
        };
        let size_bytes = usize::try_from(layer.size_bytes).unwrap_or(usize::MAX);
        let (max, limit) = self.wasm_size_limit();
        LimitExceeded::check("the size of the layer in bytes", size_bytes, max, limit)?;
        Ok(Purpose::Publish { tagged, layer: layer.clone() })
    }

    fn new_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        digest: Digest,
        manifest: Manifest,
        content: &str,
    ) -> NewManifest {
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
            manifest: OciManifest { digest, media_type, artifact_type, version: None, content },
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

/// Refuses a part that has another size than the manifest says.
fn check_size(kind: &str, part: &Descriptor, actual: u64) -> Result<(), OciFault> {
    if part.size_bytes == actual {
        return Ok(());
    }
    let what = format!("the {kind} {}", part.digest);
    Err(OciFault::SizeMismatch { what, claimed: part.size_bytes, actual })
}

fn tag_of(reference: &Reference) -> Option<Tag> {
    match reference {
        Reference::Tag(tag) => Some(tag.clone()),
        Reference::Digest(_) => None,
    }
}

/// A WebAssembly artifact that comes without a tag must be one of a release that is there.
fn no_release() -> OciFault {
    let message = "its layer is not a release of this repository; push it under its version";
    OciFault::ManifestInvalid(message.to_owned())
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
