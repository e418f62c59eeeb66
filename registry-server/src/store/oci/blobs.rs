//! The blobs of repositories: which content a digest stands for, and which object of the blob store holds it.

use crate::oci::{Digest, Repository};
use crate::store::connection::{Connection, Row, values};
use crate::store::{Store, StoreError};
use jiff::Timestamp;

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

const SELECT: &str = "SELECT digest, sha256, size_bytes, object FROM oci_blobs";

impl Store {
    /// A blob of a repository, whether a manifest names it or not.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<OciBlob>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE repository = $1 AND digest = $2"));
        let row = self.database.read().await?.row(sql, values![repository, digest]).await?;
        row.as_ref().map(blob_in).transpose()
    }
}

/// Writes a blob into a transaction. One that is there is kept and counts as pushed now. Answers the object that holds
/// it, which is another one then.
pub(in crate::store) async fn insert_blob(
    connection: &mut Connection,
    repository: &Repository,
    blob: &OciBlob,
    by: Option<&str>,
    at: Timestamp,
) -> Result<String, StoreError> {
    let OciBlob { digest, sha256, size_bytes, object } = blob;
    let sql = "INSERT INTO oci_blobs (repository, digest, sha256, size_bytes, object, pushed_at, pushed_by) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (repository, digest) DO UPDATE SET pushed_at = excluded.pushed_at RETURNING object";
    let values = values![repository, digest, sha256, *size_bytes, object, at, by.map(str::to_owned)];
    let missing = || StoreError::damaged(&digest.to_string(), "it was written and is not there");
    connection.row(sql, values).await?.ok_or_else(missing)?.text("object")
}

fn blob_in(row: &Row) -> Result<OciBlob, StoreError> {
    Ok(OciBlob {
        digest: row.parsed("digest")?,
        sha256: row.text("sha256")?,
        size_bytes: row.count("size_bytes")?,
        object: row.text("object")?,
    })
}
