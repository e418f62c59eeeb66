//! What nobody can use any more.
//!
//! Why nothing goes away that somebody counts on:
//! - A blob is deleted in a transaction that sees that no manifest names it, and a manifest is written in a transaction
//!   that sees that its blobs are there. One transaction writes at a time, so one of the two sees the other.
//! - A blob cannot be found any more for a while before it is deleted, so who was told that it is there has that long
//!   to push the manifest, and who looks later pushes the blob again, which counts as pushed anew.
//! - An object gets its first row within the request that writes it, which ends long before the object is old. Every
//!   other row is copied from one that leads to it in the same transaction, or replaces it there. So an old object
//!   without a row will never have one again, and may be deleted after one statement has seen none.

use crate::store::connection::{Value, places, values};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) const IDLE_UPLOADS: &str = "DELETE FROM oci_uploads WHERE id IN \
     (SELECT id FROM oci_uploads WHERE touched_at < $1 ORDER BY touched_at LIMIT $2)";

/// That no manifest names them, the references of the tables would say as well.
pub(super) const UNBOUND_BLOBS: &str = "DELETE FROM oci_blobs WHERE (repository, digest) IN \
     (SELECT repository, digest FROM oci_blobs WHERE unbound_since < $1 ORDER BY unbound_since LIMIT $2)";

impl Store {
    /// Ends uploads to which nothing came since a time, at most `limit` of them. Answers how many it were.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_idle_oci_uploads(&self, since: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.delete(IDLE_UPLOADS, since, limit).await
    }

    /// Deletes blobs that no manifest names and that were pushed before a time, at most `limit` of them. Answers how
    /// many it were.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn delete_unbound_oci_blobs(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.delete(UNBOUND_BLOBS, before, limit).await
    }

    async fn delete(&self, sql: &'static str, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut transaction = self.database.write().await?;
        let deleted = transaction.execute(sql, values![before, limit]).await?;
        transaction.commit().await?;
        Ok(deleted)
    }

    /// Those of some objects to which no row leads.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn oci_objects_without_row(&self, objects: &[String]) -> Result<Vec<String>, StoreError> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sqlx::AssertSqlSafe(held_objects(objects.len()));
        let values = objects.iter().map(Value::from).collect();
        let rows = self.database.read().await?.rows(sql, values).await?;
        let held: BTreeSet<String> = rows.iter().map(|row| row.text("object")).collect::<Result<_, _>>()?;
        Ok(objects.iter().filter(|object| !held.contains(*object)).cloned().collect())
    }
}

/// One statement: between two, the last part of an upload could become a blob and be seen in neither.
pub(super) fn held_objects(count: usize) -> String {
    let places = places(1, count);
    format!(
        "SELECT object FROM oci_blobs WHERE object IN ({places}) \
         UNION SELECT object FROM oci_upload_parts WHERE object IN ({places})"
    )
}
