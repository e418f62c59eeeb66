//! The blobs of repositories: which content a digest stands for, and which object of the blob store holds it.

use super::uploads::{OciQuota, Unbound, unbound};
use crate::oci::{Digest, Repository};
use crate::store::connection::{Connection, Row, Value, places, values};
use crate::store::publication::{check_owner, check_token};
use crate::store::{Publisher, Store, StoreError, Written};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A blob of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OciBlob {
    /// What it was pushed under.
    pub(crate) digest: Digest,
    /// Its sha256 in hexadecimal digits, whatever the digest is made with.
    pub(crate) sha256: String,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// The object of the blob store that holds it. Other blobs may share it.
    pub(crate) object: String,
}

/// A blob as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VisibleOciBlob {
    /// The blob.
    pub(crate) blob: OciBlob,
    /// Whether a manifest names it. If not, it will go away.
    pub(crate) is_bound: bool,
}

/// Where a blob may be found that is to be in another repository as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OciSource<'a> {
    /// Its digest.
    pub(crate) digest: &'a Digest,
    /// The repository; any, if none is given.
    pub(crate) repository: Option<&'a Repository>,
    /// A blob that no manifest names is not found if it was pushed before.
    pub(crate) since: Timestamp,
}

/// What came of mounting a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mounted {
    /// The repository has it now.
    Done,
    /// It is not where it was looked for.
    Unknown,
    /// The account has too much that no manifest names.
    TooMuch(Unbound),
    /// Who pushes may not, or not any more.
    Refused(Written),
}

pub(super) const VISIBLE_IN_REPOSITORY: &str = "SELECT digest, sha256, size_bytes, object, unbound_since FROM oci_blobs \
     WHERE digest = $1 AND (unbound_since IS NULL OR unbound_since >= $2) AND repository = $3";

pub(super) const VISIBLE_ANYWHERE: &str = "SELECT digest, sha256, size_bytes, object, unbound_since FROM oci_blobs \
     WHERE digest = $1 AND (unbound_since IS NULL OR unbound_since >= $2) LIMIT 1";

pub(super) const INSERT: &str = "INSERT INTO oci_blobs \
     (repository, digest, sha256, size_bytes, object, unbound_since, pushed_by) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (repository, digest) DO UPDATE SET unbound_since = \
         CASE WHEN oci_blobs.unbound_since IS NULL THEN NULL ELSE excluded.unbound_since END, \
         pushed_by = CASE WHEN oci_blobs.unbound_since IS NULL THEN oci_blobs.pushed_by ELSE excluded.pushed_by END \
     RETURNING object";

impl Store {
    /// Those of the given blobs that a repository has, whether manifests name them or not.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_blobs(
        &self,
        repository: &Repository,
        digests: BTreeSet<&Digest>,
    ) -> Result<Vec<OciBlob>, StoreError> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let sql = of_repository(digests.len());
        let values = values![repository].into_iter().chain(digests.into_iter().map(Value::from)).collect();
        let rows = self.database.read().await?.rows(sqlx::AssertSqlSafe(sql), values).await?;
        rows.iter().map(blob_in).collect()
    }

    /// A blob of a repository that a manifest names, or that was pushed since a time.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn visible_oci_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        since: Timestamp,
    ) -> Result<Option<VisibleOciBlob>, StoreError> {
        let source = OciSource { digest, repository: Some(repository), since };
        find(&mut self.database.read().await?, &source).await
    }

    /// Gives a repository a blob that is somewhere else already. Both share the object.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn mount_oci_blob(
        &self,
        repository: &Repository,
        source: &OciSource<'_>,
        publisher: &Publisher<'_>,
        quota: &OciQuota,
    ) -> Result<Mounted, StoreError> {
        let mut transaction = self.database.write().await?;
        let mounted = mount(&mut transaction, repository, source, publisher, quota).await?;
        if mounted == Mounted::Done {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(mounted)
    }
}

pub(super) fn of_repository(count: usize) -> String {
    let digests = places(2, count);
    format!("SELECT digest, sha256, size_bytes, object FROM oci_blobs WHERE repository = $1 AND digest IN ({digests})")
}

async fn mount(
    connection: &mut Connection,
    repository: &Repository,
    source: &OciSource<'_>,
    publisher: &Publisher<'_>,
    quota: &OciQuota,
) -> Result<Mounted, StoreError> {
    if let Some(refused) = check_pusher(connection, repository, publisher).await? {
        return Ok(Mounted::Refused(refused));
    }
    let Some(VisibleOciBlob { blob, .. }) = find(connection, source).await? else { return Ok(Mounted::Unknown) };
    let unbound = unbound(connection, publisher.account, quota).await?;
    if quota.is_full(&unbound) {
        return Ok(Mounted::TooMuch(unbound));
    }
    insert_blob(connection, repository, &blob, Some(publisher.account), publisher.at).await?;
    Ok(Mounted::Done)
}

/// Refuses whoever could push when the request began, and cannot any more.
pub(super) async fn check_pusher(
    connection: &mut Connection,
    repository: &Repository,
    publisher: &Publisher<'_>,
) -> Result<Option<Written>, StoreError> {
    match check_token(connection, publisher).await? {
        Some(refused) => Ok(Some(refused)),
        None => check_owner(connection, repository.namespace(), publisher.account).await,
    }
}

/// Writes a blob that no manifest names yet into a transaction. One that is there is kept, and counts as pushed now, by whoever pushed it.
/// Answers the object that holds it, which is another one then.
pub(in crate::store) async fn insert_blob(
    connection: &mut Connection,
    repository: &Repository,
    blob: &OciBlob,
    by: Option<&str>,
    at: Timestamp,
) -> Result<String, StoreError> {
    let OciBlob { digest, sha256, size_bytes, object } = blob;
    let values = values![repository, digest, sha256, *size_bytes, object, at, by.map(str::to_owned)];
    let missing = || StoreError::damaged(&digest.to_string(), "it was written and is not there");
    connection.row(INSERT, values).await?.ok_or_else(missing)?.text("object")
}

async fn find(connection: &mut Connection, source: &OciSource<'_>) -> Result<Option<VisibleOciBlob>, StoreError> {
    let values = values![source.digest, source.since];
    let row = match source.repository {
        Some(repository) => {
            let values = values.into_iter().chain(values![repository]).collect();
            connection.row(VISIBLE_IN_REPOSITORY, values).await?
        }
        None => connection.row(VISIBLE_ANYWHERE, values).await?,
    };
    row.map(|row| {
        let is_bound = row.optional_time("unbound_since")?.is_none();
        Ok(VisibleOciBlob { blob: blob_in(&row)?, is_bound })
    })
    .transpose()
}

fn blob_in(row: &Row) -> Result<OciBlob, StoreError> {
    Ok(OciBlob {
        digest: row.parsed("digest")?,
        sha256: row.text("sha256")?,
        size_bytes: row.count("size_bytes")?,
        object: row.text("object")?,
    })
}
