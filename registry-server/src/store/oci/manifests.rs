//! Manifests, and the tags that name them.

use super::blobs::{OciBlob, check_pusher, insert_blob};
use crate::oci::{Digest, Repository, Tag};
use crate::store::connection::{Connection, Row, Value, places, values};
use crate::store::publication::{Publisher, Written};
use crate::store::{Page, Store, StoreError};
use jiff::Timestamp;
use registry_core::name::ReleaseName;
use semver::Version;
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// A manifest as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OciManifest {
    /// What it is named by.
    pub(crate) digest: Digest,
    /// Its media type.
    pub(crate) media_type: String,
    /// What kind of artifact it describes.
    pub(crate) artifact_type: Option<String>,
    /// The version of the release whose manifest it is.
    pub(crate) version: Option<Version>,
    /// The manifest byte for byte.
    pub(crate) content: String,
}

/// What lists of manifests say of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestForm {
    /// What it is named by.
    pub(crate) digest: Digest,
    /// Its media type.
    pub(crate) media_type: String,
    /// Its size.
    pub(crate) size_bytes: u64,
}

/// A manifest that is to be written, and what it must find in its repository.
#[derive(Debug, Clone)]
pub(crate) struct NewManifest {
    /// Where.
    pub(crate) repository: Repository,
    /// What.
    pub(crate) manifest: OciManifest,
    /// The manifest that it is about, which need not be there.
    pub(crate) subject: Option<Digest>,
    /// The tag that it is pushed under.
    pub(crate) tag: Option<Tag>,
    /// The blobs that it names.
    pub(crate) blobs: BTreeSet<Digest>,
    /// Blobs that it names and that may be elsewhere.
    pub(crate) foreign_blobs: BTreeSet<Digest>,
    /// The manifests that it lists.
    pub(crate) manifests: BTreeSet<Digest>,
    /// The object which holds one of the blobs from now on, because it has the same content and stays anyway.
    pub(crate) shared: Option<(Digest, String)>,
    /// How many manifests one release may have.
    pub(crate) manifests_per_release_max: usize,
}

/// Why a manifest was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ManifestRefusal {
    /// Blobs or manifests that it names are not in the repository.
    Missing(Repository, Vec<Digest>),
    /// The tag is bound to another manifest.
    TagBound(Tag, Digest),
    /// The tag is the version of a release, and this is no manifest of a release.
    TagOfRelease(Tag),
    /// The release has as many manifests as it may have.
    TooMany(Version),
}

/// Each of the two lists ends with the page, so that no page costs more than another.
pub(super) const TAGS: &str = "SELECT tag FROM
         (SELECT version AS tag FROM releases WHERE namespace = $1 AND name = $2 AND version > $4
          ORDER BY version LIMIT $5) AS versions
     UNION SELECT tag FROM
         (SELECT tag FROM oci_tags WHERE repository = $3 AND tag > $4 ORDER BY tag LIMIT $5) AS tags
     ORDER BY tag LIMIT $5";

pub(super) const REFERRERS: &str = "SELECT digest FROM oci_manifests
     WHERE repository = $1 AND subject = $2 AND digest > $3 ORDER BY digest LIMIT $4";

pub(super) const REFERRERS_OF_TYPE: &str = "SELECT digest FROM oci_manifests
     WHERE repository = $1 AND subject = $2 AND digest > $3 AND artifact_type = $5 ORDER BY digest LIMIT $4";

impl Store {
    /// A manifest by its digest.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<OciManifest>, StoreError> {
        let sql = "SELECT digest, media_type, artifact_type, version, content FROM oci_manifests \
                   WHERE repository = $1 AND digest = $2";
        let row = self.database.read().await?.row(sql, values![repository, digest]).await?;
        row.as_ref().map(manifest_in).transpose()
    }

    /// What those of the given manifests are like that a repository has.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_manifest_forms(
        &self,
        repository: &Repository,
        digests: BTreeSet<&Digest>,
    ) -> Result<Vec<ManifestForm>, StoreError> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let list = places(2, digests.len());
        let sql = format!(
            "SELECT digest, media_type, CAST(OCTET_LENGTH(content) AS BIGINT) AS size_bytes FROM oci_manifests \
             WHERE repository = $1 AND digest IN ({list})"
        );
        let values = values![repository].into_iter().chain(digests.into_iter().map(Value::from)).collect();
        let rows = self.database.read().await?.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(form_in).collect()
    }

    /// The manifest that a tag is bound to.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_tagged(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<OciManifest>, StoreError> {
        let sql = "SELECT digest, media_type, artifact_type, version, content
             FROM oci_tags JOIN oci_manifests ON oci_manifests.repository = oci_tags.repository
                 AND oci_manifests.digest = oci_tags.manifest
             WHERE oci_tags.repository = $1 AND oci_tags.tag = $2";
        let row = self.database.read().await?.row(sql, values![repository, tag]).await?;
        row.as_ref().map(manifest_in).transpose()
    }

    /// The version of the release that a manifest says something of: of those whose tags are bound to it, for one
    /// component can be several releases, one that is as it should be goes before those that are yanked or deprecated.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_release_tagged(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Version>, StoreError> {
        let sql = "SELECT version FROM releases
             WHERE namespace = $1 AND name = $2
                 AND version IN (SELECT tag FROM oci_tags WHERE repository = $3 AND manifest = $4)
             ORDER BY yanked_at IS NOT NULL, deprecation IS NOT NULL, version LIMIT 1";
        let values = values![repository.namespace(), repository.name(), repository, digest];
        let row = self.database.read().await?.row(sql, values).await?;
        row.map(|row| row.parsed("version")).transpose()
    }

    /// Whether anything was ever published in a repository.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn has_repository(&self, repository: &Repository) -> Result<bool, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT version FROM releases WHERE namespace = $1 AND name = $2 LIMIT 1";
        if connection.row(sql, values![repository.namespace(), repository.name()]).await?.is_some() {
            return Ok(true);
        }
        let sql = "SELECT digest FROM oci_manifests WHERE repository = $1 LIMIT 1";
        Ok(connection.row(sql, values![repository]).await?.is_some())
    }

    /// The versions of a repository's releases and its other tags in the order of their bytes, those after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_tags(
        &self,
        repository: &Repository,
        after: &str,
        limit: usize,
    ) -> Result<Page<String>, StoreError> {
        let values = values![repository.namespace(), repository.name(), repository, after, limit.saturating_add(1)];
        let rows = self.database.read().await?.rows(TAGS, values).await?;
        Ok(Page::of(rows.iter().map(|row| row.text("tag")).collect::<Result<_, _>>()?, limit))
    }

    /// The manifests that are about another one, by their digests, those after `after`.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Page<Digest>, StoreError> {
        let (sql, artifact_type) = match artifact_type {
            Some(artifact_type) => (REFERRERS_OF_TYPE, values![artifact_type]),
            None => (REFERRERS, Vec::new()),
        };
        let values = values![repository, subject, after, limit.saturating_add(1)];
        let values = values.into_iter().chain(artifact_type).collect();
        let rows = self.database.read().await?.rows(sql, values).await?;
        Ok(Page::of(rows.iter().map(|row| row.parsed("digest")).collect::<Result<_, _>>()?, limit))
    }

    /// Writes a manifest that publishes nothing: of an artifact that is no release, or another one of a release that is
    /// there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_manifest(
        &self,
        new: &NewManifest,
        publisher: &Publisher<'_>,
    ) -> Result<Written, StoreError> {
        let mut transaction = self.database.write().await?;
        let written = insert_artifact(&mut transaction, new, publisher).await?;
        if written.is_accepted() {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(written)
    }

    /// Writes a manifest that this server has made, with its blobs, unless its tag is bound meanwhile: then nothing is
    /// written, for the first one counts. Answers whether it was.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_made_manifest(
        &self,
        new: &NewManifest,
        blobs: &[OciBlob],
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        if let Some(tag) = &new.tag
            && bound_to(&mut transaction, &new.repository, tag).await?.is_some()
        {
            transaction.rollback().await?;
            return Ok(false);
        }
        for blob in blobs {
            insert_blob(&mut transaction, &new.repository, blob, None, at).await?;
        }
        let is_written = write_manifest(&mut transaction, new, None, at).await?.is_none();
        if is_written {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(is_written)
    }
}

async fn insert_artifact(
    connection: &mut Connection,
    new: &NewManifest,
    publisher: &Publisher<'_>,
) -> Result<Written, StoreError> {
    if let Some(refused) = check_pusher(connection, &new.repository, publisher).await? {
        return Ok(refused);
    }
    let refused = write_manifest(connection, new, Some(publisher.account), publisher.at).await?;
    Ok(refused.map_or(Written::Created, Written::ManifestRefused))
}

/// Writes a manifest, which blobs it names, and its tag, if everything that it names is there.
pub(in crate::store) async fn write_manifest(
    connection: &mut Connection,
    new: &NewManifest,
    by: Option<&str>,
    at: Timestamp,
) -> Result<Option<ManifestRefusal>, StoreError> {
    let there = present_blobs(connection, new).await?;
    let mut missing: Vec<Digest> = new.blobs.difference(&there).cloned().collect();
    missing.extend(missing_manifests(connection, new).await?);
    if !missing.is_empty() {
        return Ok(Some(ManifestRefusal::Missing(new.repository.clone(), missing)));
    }
    if let Some(refused) = check_tag(connection, new).await? {
        return Ok(Some(refused));
    }
    if insert_row(connection, new, by, at).await? {
        if let Some(refused) = check_count(connection, new).await? {
            return Ok(Some(refused));
        }
        bind_blobs(connection, new, &there).await?;
    }
    if let Some((blob, object)) = &new.shared {
        let sql = "UPDATE oci_blobs SET object = $3 WHERE repository = $1 AND digest = $2";
        connection.execute(sql, values![&new.repository, blob, object]).await?;
    }
    if let Some(tag) = &new.tag {
        let sql = "INSERT INTO oci_tags (repository, tag, manifest, tagged_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT DO NOTHING";
        connection.execute(sql, values![&new.repository, tag, &new.manifest.digest, at]).await?;
    }
    Ok(None)
}

/// The manifest that the version of a release is bound to as a tag, if it is no manifest of a release.
pub(in crate::store) async fn artifact_tagged_as(
    connection: &mut Connection,
    name: &ReleaseName,
) -> Result<Option<(Tag, Digest)>, StoreError> {
    // Names of packages are names of repositories, with few exceptions: these have no manifests.
    let Ok(repository) = Repository::new(name.namespace(), name.name()) else { return Ok(None) };
    let tag = Tag::of_version(name.version());
    let sql = "SELECT oci_tags.manifest
         FROM oci_tags JOIN oci_manifests ON oci_manifests.repository = oci_tags.repository
             AND oci_manifests.digest = oci_tags.manifest
         WHERE oci_tags.repository = $1 AND oci_tags.tag = $2 AND oci_manifests.version IS NULL";
    let row = connection.row(sql, values![&repository, &tag]).await?;
    row.map(|row| Ok((tag, row.parsed("manifest")?))).transpose()
}

async fn bound_to(
    connection: &mut Connection,
    repository: &Repository,
    tag: &Tag,
) -> Result<Option<Digest>, StoreError> {
    let sql = "SELECT manifest FROM oci_tags WHERE repository = $1 AND tag = $2";
    let row = connection.row(sql, values![repository, tag]).await?;
    row.map(|row| row.parsed("manifest")).transpose()
}

/// A tag stays with its first manifest. Further manifests of the same release have the same content, so they are no
/// reason to refuse anything.
async fn check_tag(connection: &mut Connection, new: &NewManifest) -> Result<Option<ManifestRefusal>, StoreError> {
    let (Some(tag), None) = (&new.tag, &new.manifest.version) else { return Ok(None) };
    if let Some(bound) = bound_to(connection, &new.repository, tag).await? {
        let is_other = bound != new.manifest.digest;
        return Ok(is_other.then(|| ManifestRefusal::TagBound(tag.clone(), bound)));
    }
    let sql = "SELECT version FROM releases WHERE namespace = $1 AND name = $2 AND version = $3";
    let values = values![new.repository.namespace(), new.repository.name(), tag];
    let release = connection.row(sql, values).await?;
    Ok(release.map(|_| ManifestRefusal::TagOfRelease(tag.clone())))
}

async fn check_count(connection: &mut Connection, new: &NewManifest) -> Result<Option<ManifestRefusal>, StoreError> {
    let Some(version) = &new.manifest.version else { return Ok(None) };
    let sql = "SELECT COUNT(*) AS count FROM oci_manifests WHERE repository = $1 AND version = $2";
    let row = connection.row(sql, values![&new.repository, version]).await?;
    let count = row.map_or(Ok(0), |row| row.count("count"))?;
    let is_over = count > new.manifests_per_release_max as u64;
    Ok(is_over.then(|| ManifestRefusal::TooMany(version.clone())))
}

async fn insert_row(
    connection: &mut Connection,
    new: &NewManifest,
    by: Option<&str>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let NewManifest { repository, manifest, subject, .. } = new;
    let text = |text: Option<&str>| text.map(str::to_owned);
    let inserted = connection
        .execute(
            "INSERT INTO oci_manifests
                 (repository, digest, media_type, artifact_type, subject, version, content, pushed_at, pushed_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            values![
                repository,
                &manifest.digest,
                &manifest.media_type,
                manifest.artifact_type.clone(),
                subject.as_ref().map(Digest::to_string),
                manifest.version.as_ref().map(Version::to_string),
                &manifest.content,
                at,
                text(by)
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Keeps blobs as long as their manifest, which is for ever.
async fn bind_blobs(
    connection: &mut Connection,
    new: &NewManifest,
    blobs: &BTreeSet<Digest>,
) -> Result<(), StoreError> {
    if blobs.is_empty() {
        return Ok(());
    }
    let digests = |values: Vec<Value>| values.into_iter().chain(blobs.iter().map(Value::from)).collect();
    let values = values![&new.repository, &new.manifest.digest];
    connection.execute(AssertSqlSafe(insert_bound(blobs.len())), digests(values)).await?;
    connection.execute(AssertSqlSafe(mark_bound(blobs.len())), digests(values![&new.repository])).await?;
    Ok(())
}

pub(super) fn insert_bound(count: usize) -> String {
    format!(
        "INSERT INTO oci_manifest_blobs (repository, manifest, blob) \
         SELECT repository, $2, digest FROM oci_blobs WHERE repository = $1 AND digest IN ({})",
        places(3, count)
    )
}

pub(super) fn mark_bound(count: usize) -> String {
    let digests = places(2, count);
    format!("UPDATE oci_blobs SET unbound_since = NULL WHERE repository = $1 AND digest IN ({digests})")
}

/// Those of the blobs that a manifest names which are in the repository.
async fn present_blobs(connection: &mut Connection, new: &NewManifest) -> Result<BTreeSet<Digest>, StoreError> {
    let named: BTreeSet<&Digest> = new.blobs.iter().chain(&new.foreign_blobs).collect();
    present(connection, "oci_blobs", &new.repository, named).await
}

async fn missing_manifests(connection: &mut Connection, new: &NewManifest) -> Result<Vec<Digest>, StoreError> {
    let there = present(connection, "oci_manifests", &new.repository, new.manifests.iter().collect()).await?;
    Ok(new.manifests.difference(&there).cloned().collect())
}

async fn present(
    connection: &mut Connection,
    table: &'static str,
    repository: &Repository,
    digests: BTreeSet<&Digest>,
) -> Result<BTreeSet<Digest>, StoreError> {
    if digests.is_empty() {
        return Ok(BTreeSet::new());
    }
    let list = places(2, digests.len());
    let sql = format!("SELECT digest FROM {table} WHERE repository = $1 AND digest IN ({list})");
    let values = values![repository].into_iter().chain(digests.into_iter().map(Value::from)).collect();
    let rows = connection.rows(AssertSqlSafe(sql), values).await?;
    rows.iter().map(|row| row.parsed("digest")).collect()
}

fn form_in(row: &Row) -> Result<ManifestForm, StoreError> {
    Ok(ManifestForm {
        digest: row.parsed("digest")?,
        media_type: row.text("media_type")?,
        size_bytes: row.count("size_bytes")?,
    })
}

fn manifest_in(row: &Row) -> Result<OciManifest, StoreError> {
    Ok(OciManifest {
        digest: row.parsed("digest")?,
        media_type: row.text("media_type")?,
        artifact_type: row.optional_text("artifact_type")?,
        version: row.optional_parsed("version")?,
        content: row.text("content")?,
    })
}
