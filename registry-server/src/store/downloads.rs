//! How often something was fetched.

use super::connection::values;
use super::{Store, StoreError};
use registry_core::id::ObjectHash;

impl Store {
    /// Adds to the counts of packages and components, all or none.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_downloads(&self, counts: &[(ObjectHash, u64)]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        for (hash, count) in counts {
            let sql = "INSERT INTO downloads (hash, count) VALUES ($1, $2) \
                       ON CONFLICT (hash) DO UPDATE SET count = downloads.count + excluded.count";
            transaction.execute(sql, values![hash, *count]).await?;
        }
        transaction.commit().await
    }
}
