//! Uploads that are going on: parts that follow each other without a gap, each in an object of the blob store.

use super::blobs::{OciBlob, check_pusher, insert_blob};
use crate::oci::Repository;
use crate::store::connection::{Connection, Row, values};
use crate::store::{Publisher, Store, StoreError, Written};
use jiff::Timestamp;

/// Which upload, and whose it must be: to all others it is not there.
#[derive(Debug, Clone)]
pub(crate) struct UploadKey {
    /// Its id.
    pub(crate) id: String,
    /// Where the blob will be.
    pub(crate) repository: Repository,
    /// Who has begun it.
    pub(crate) account: String,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadPart {
    /// Its bytes.
    pub(crate) size_bytes: u64,
    /// Their sha256 in hexadecimal digits.
    pub(crate) sha256: String,
    /// The object of the blob store that holds it.
    pub(crate) object: String,
}

/// What an account may have that no manifest names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OciQuota {
    /// Uploads.
    pub(crate) uploads_max: u64,
    /// Parts of all uploads.
    pub(crate) parts_max: u64,
    /// Blobs.
    pub(crate) blobs_max: u64,
    /// Bytes of both.
    pub(crate) size_bytes_max: u64,
    /// Blobs that were pushed before are not counted: they are being collected.
    pub(crate) since: Timestamp,
}

/// What an account has that no manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unbound {
    /// Uploads.
    pub(crate) uploads: u64,
    /// Parts of all uploads.
    pub(crate) parts: u64,
    /// Blobs.
    pub(crate) blobs: u64,
    /// Bytes of both.
    pub(crate) size_bytes: u64,
}

pub(super) const SUM_OF_UPLOADS: &str = "SELECT COUNT(*) AS uploads, CAST(COALESCE(SUM(parts), 0) AS BIGINT) AS parts, \
     CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS size_bytes FROM oci_uploads WHERE account = $1";

pub(super) const SUM_OF_UNBOUND: &str = "SELECT COUNT(*) AS blobs, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS size_bytes \
     FROM oci_blobs WHERE pushed_by = $1 AND unbound_since >= $2";

impl OciQuota {
    /// Whether there is no room for another blob.
    pub(super) fn is_full(&self, unbound: &Unbound) -> bool {
        unbound.blobs >= self.blobs_max || unbound.size_bytes > self.size_bytes_max
    }
}

/// What came of beginning an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BegunUpload {
    /// Its parts can come.
    Done,
    /// The account has too much.
    TooMuch(Unbound),
}

/// What came of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AppendedPart {
    /// It is there.
    Done,
    /// There is no such upload.
    Unknown,
    /// The upload has so many bytes, and the part does not begin there.
    OutOfOrder(u64),
    /// The account has too much.
    TooMuch(Unbound),
}

/// What came of making an upload a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FinishedUpload {
    /// It is a blob, in this object: another one than it was written to if it was there before.
    Done(String),
    /// There is no such upload any more, or it has grown.
    Changed,
    /// Who pushes may not any more.
    Refused(Written),
}

impl Store {
    /// Begins an upload.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_oci_upload(
        &self,
        upload: &UploadKey,
        at: Timestamp,
        quota: &OciQuota,
    ) -> Result<BegunUpload, StoreError> {
        let mut transaction = self.database.write().await?;
        let unbound = unbound(&mut transaction, &upload.account, quota).await?;
        if unbound.uploads >= quota.uploads_max || quota.is_full(&unbound) {
            transaction.rollback().await?;
            return Ok(BegunUpload::TooMuch(unbound));
        }
        let sql = "INSERT INTO oci_uploads (id, repository, account, size_bytes, parts, touched_at) \
                   VALUES ($1, $2, $3, 0, 0, $4)";
        transaction.execute(sql, values![&upload.id, &upload.repository, &upload.account, at]).await?;
        transaction.commit().await?;
        Ok(BegunUpload::Done)
    }

    /// Appends a part to an upload that has `start` bytes. Of two that begin there, the first is appended.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn append_oci_part(
        &self,
        upload: &UploadKey,
        start: u64,
        part: &UploadPart,
        at: Timestamp,
        quota: &OciQuota,
    ) -> Result<AppendedPart, StoreError> {
        let mut transaction = self.database.write().await?;
        let appended = append(&mut transaction, upload, start, part, at, quota).await?;
        if appended == AppendedPart::Done {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(appended)
    }

    /// How many bytes an upload has, if it is there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_upload_size(&self, upload: &UploadKey) -> Result<Option<u64>, StoreError> {
        size_of(&mut self.database.read().await?, upload).await
    }

    /// The parts of an upload in their order, if it is there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_upload_parts(&self, upload: &UploadKey) -> Result<Option<Vec<UploadPart>>, StoreError> {
        let mut connection = self.database.read().await?;
        match size_of(&mut connection, upload).await? {
            Some(_) => parts_of(&mut connection, &upload.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Makes an upload of the blob's size a blob and ends it: both or nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn finish_oci_upload(
        &self,
        upload: &UploadKey,
        blob: &OciBlob,
        publisher: &Publisher<'_>,
    ) -> Result<FinishedUpload, StoreError> {
        let mut transaction = self.database.write().await?;
        let finished = finish(&mut transaction, upload, blob, publisher).await?;
        match finished {
            FinishedUpload::Done(_) => transaction.commit().await?,
            FinishedUpload::Changed | FinishedUpload::Refused(_) => transaction.rollback().await?,
        }
        Ok(finished)
    }

    /// Ends an upload and answers its objects, to which nothing leads any more. `None` if it is not there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_oci_upload(&self, upload: &UploadKey) -> Result<Option<Vec<String>>, StoreError> {
        let mut transaction = self.database.write().await?;
        if size_of(&mut transaction, upload).await?.is_none() {
            transaction.rollback().await?;
            return Ok(None);
        }
        let parts = parts_of(&mut transaction, &upload.id).await?;
        transaction.execute("DELETE FROM oci_uploads WHERE id = $1", values![&upload.id]).await?;
        transaction.commit().await?;
        Ok(Some(parts.into_iter().map(|part| part.object).collect()))
    }
}

async fn append(
    connection: &mut Connection,
    upload: &UploadKey,
    start: u64,
    part: &UploadPart,
    at: Timestamp,
    quota: &OciQuota,
) -> Result<AppendedPart, StoreError> {
    let unbound = unbound(connection, &upload.account, quota).await?;
    let sql = "UPDATE oci_uploads SET size_bytes = size_bytes + $5, parts = parts + 1, touched_at = $6 \
               WHERE id = $1 AND repository = $2 AND account = $3 AND size_bytes = $4";
    let values = values![&upload.id, &upload.repository, &upload.account, start, part.size_bytes, at];
    if connection.execute(sql, values).await? == 0 {
        let size_bytes = size_of(connection, upload).await?;
        return Ok(size_bytes.map_or(AppendedPart::Unknown, AppendedPart::OutOfOrder));
    }
    let is_too_large = unbound.size_bytes.saturating_add(part.size_bytes) > quota.size_bytes_max;
    if is_too_large || unbound.parts >= quota.parts_max {
        return Ok(AppendedPart::TooMuch(unbound));
    }
    let sql = "INSERT INTO oci_upload_parts (upload, start_byte, size_bytes, sha256, object) \
               VALUES ($1, $2, $3, $4, $5)";
    connection.execute(sql, values![&upload.id, start, part.size_bytes, &part.sha256, &part.object]).await?;
    Ok(AppendedPart::Done)
}

async fn finish(
    connection: &mut Connection,
    upload: &UploadKey,
    blob: &OciBlob,
    publisher: &Publisher<'_>,
) -> Result<FinishedUpload, StoreError> {
    if let Some(refused) = check_pusher(connection, &upload.repository, publisher).await? {
        return Ok(FinishedUpload::Refused(refused));
    }
    let sql = "DELETE FROM oci_uploads WHERE id = $1 AND repository = $2 AND account = $3 AND size_bytes = $4";
    let values = values![&upload.id, &upload.repository, &upload.account, blob.size_bytes];
    if connection.execute(sql, values).await? == 0 {
        return Ok(FinishedUpload::Changed);
    }
    let by = Some(upload.account.as_str());
    insert_blob(connection, &upload.repository, blob, by, publisher.at).await.map(FinishedUpload::Done)
}

async fn size_of(connection: &mut Connection, upload: &UploadKey) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT size_bytes FROM oci_uploads WHERE id = $1 AND repository = $2 AND account = $3";
    let row = connection.row(sql, values![&upload.id, &upload.repository, &upload.account]).await?;
    row.map(|row| row.count("size_bytes")).transpose()
}

async fn parts_of(connection: &mut Connection, upload: &str) -> Result<Vec<UploadPart>, StoreError> {
    let sql = "SELECT size_bytes, sha256, object FROM oci_upload_parts WHERE upload = $1 ORDER BY start_byte";
    let rows = connection.rows(sql, values![upload]).await?;
    rows.iter().map(part_in).collect()
}

fn part_in(row: &Row) -> Result<UploadPart, StoreError> {
    Ok(UploadPart { size_bytes: row.count("size_bytes")?, sha256: row.text("sha256")?, object: row.text("object")? })
}

/// What an account has that no manifest names.
pub(super) async fn unbound(
    connection: &mut Connection,
    account: &str,
    quota: &OciQuota,
) -> Result<Unbound, StoreError> {
    let uploads = the_row(connection.row(SUM_OF_UPLOADS, values![account]).await?)?;
    let blobs = the_row(connection.row(SUM_OF_UNBOUND, values![account, quota.since]).await?)?;
    Ok(Unbound {
        uploads: uploads.count("uploads")?,
        parts: uploads.count("parts")?,
        blobs: blobs.count("blobs")?,
        size_bytes: uploads.count("size_bytes")?.saturating_add(blobs.count("size_bytes")?),
    })
}

/// The row of a question about all rows together.
fn the_row(row: Option<Row>) -> Result<Row, StoreError> {
    row.ok_or_else(|| StoreError::damaged("a sum", "there is none"))
}
