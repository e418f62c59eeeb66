//! Manifests, tags and referrers on their way out.

use super::OciFault;
use crate::app::{App, AppError};
use crate::oci::{Digest, Reference, Repository, Tag};
use crate::store::{OciManifest, Page};
use registry_core::name::ReleaseName;
use registry_core::wire::Release;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A manifest as it is served.
#[derive(Debug)]
pub(crate) struct ServedManifest {
    /// The manifest.
    pub(crate) manifest: OciManifest,
    /// The release whose manifest it is.
    pub(crate) release: Option<Release>,
}

/// A manifest that is about another one, as lists of referrers describe it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Referrer {
    media_type: String,
    size: u64,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Annotated {
    annotations: Option<BTreeMap<String, String>>,
}

impl App {
    /// A manifest by its digest, or by a tag: that of a release which was published in another way is made then.
    ///
    /// # Errors
    /// [`OciFault::ManifestUnknown`], or [`OciFault::RepositoryUnknown`] if nothing was ever published there.
    pub(crate) async fn oci_manifest(
        self: &Arc<Self>,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<ServedManifest, AppError> {
        let found = match reference {
            Reference::Tag(tag) => self.tagged(repository, tag).await?,
            Reference::Digest(digest) => self.by_digest(repository, digest).await?,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        self.check_repository(repository).await?;
        Err(OciFault::ManifestUnknown { repository: repository.clone(), reference: reference.clone() }.into())
    }

    async fn by_digest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ServedManifest>, AppError> {
        let Some(manifest) = self.store.oci_manifest(repository, digest).await? else { return Ok(None) };
        let Some(pushed_for) = &manifest.version else { return Ok(Some(ServedManifest { manifest, release: None })) };
        let tagged = self.store.oci_release_tagged(repository, digest).await?;
        let release = self.release_in(repository, tagged.as_ref().unwrap_or(pushed_for)).await?;
        Ok(Some(ServedManifest { manifest, release }))
    }

    async fn tagged(self: &Arc<Self>, repository: &Repository, tag: &Tag) -> Result<Option<ServedManifest>, AppError> {
        let release = match tag.version() {
            Some(version) => self.release_in(repository, &version).await?,
            None => None,
        };
        let manifest = match (self.store.oci_tagged(repository, tag).await?, &release) {
            (None, Some(release)) => self.make_manifest(repository, tag, release).await?,
            (found, _) => found,
        };
        Ok(manifest.map(|manifest| ServedManifest { manifest, release }))
    }

    /// The release that a repository has under a version.
    async fn release_in(&self, repository: &Repository, version: &Version) -> Result<Option<Release>, AppError> {
        match ReleaseName::new(repository.namespace(), repository.name(), version.clone()) {
            Ok(name) => Ok(self.store.release(&name).await?),
            Err(_) => Ok(None),
        }
    }

    /// Tags in the order of their bytes, those after `after`; without a limit as many as are ever listed.
    ///
    /// # Errors
    /// [`OciFault::RepositoryUnknown`].
    pub(crate) async fn oci_tags(
        &self,
        repository: &Repository,
        after: &str,
        limit: Option<usize>,
    ) -> Result<Page<String>, AppError> {
        let max = self.limits.releases_listed_max;
        let page = self.store.oci_tags(repository, after, limit.map_or(max, |limit| limit.min(max))).await?;
        if page.items.is_empty() {
            self.check_repository(repository).await?;
        }
        Ok(page)
    }

    /// The manifests that are about another one, in the order of their digests, those after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: &str,
    ) -> Result<Page<Referrer>, AppError> {
        let max = self.limits.oci_referrers_listed_max;
        let Page { items: digests, mut more } =
            self.store.oci_referrers(repository, subject, artifact_type, after, max).await?;
        let (mut items, mut size_bytes) = (Vec::new(), 0);
        for digest in digests {
            if size_bytes > self.limits.oci_referrers_size_bytes_max {
                more = true;
                break;
            }
            let Some(manifest) = self.store.oci_manifest(repository, &digest).await? else { continue };
            size_bytes += manifest.content.len();
            items.push(Referrer::of(manifest));
        }
        Ok(Page { items, more })
    }

    /// Refuses a repository in which nothing was ever published.
    async fn check_repository(&self, repository: &Repository) -> Result<(), AppError> {
        if self.store.has_repository(repository).await? {
            return Ok(());
        }
        Err(OciFault::RepositoryUnknown(repository.clone()).into())
    }
}

impl Referrer {
    /// Its digest, after which the next page begins.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    fn of(manifest: OciManifest) -> Self {
        let OciManifest { digest, media_type, artifact_type, content, .. } = manifest;
        let annotated = serde_json::from_str(&content).unwrap_or(Annotated { annotations: None });
        Self {
            media_type,
            size: content.len() as u64,
            digest: digest.to_string(),
            artifact_type,
            annotations: annotated.annotations,
        }
    }
}
