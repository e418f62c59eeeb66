//! Collecting what nobody can use any more: uploads that lie still, blobs that no manifest names, objects without a row.

use super::uploads::before;
use crate::app::{App, AppError};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use registry_core::with_causes;
use std::collections::BTreeSet;
use std::mem;
use tracing::{info, warn};

/// Rows and objects that are looked at and deleted at one time, so that nobody waits for long to write.
const BATCH: usize = 200;

/// What was collected.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Collected {
    uploads: u64,
    blobs: u64,
    objects: u64,
}

impl App {
    /// Collects again and again. Several servers may do so at one time.
    pub(crate) async fn collect_garbage(&self) {
        let mut orphans = BTreeSet::new();
        loop {
            match self.collect(&mut orphans).await {
                Ok(collected) if collected == Collected::default() => {}
                Ok(Collected { uploads, blobs, objects }) => info!(
                    uploads,
                    blobs,
                    objects,
                    "collected {uploads} uploads that lay still, {blobs} blobs that no manifest names, and {objects} objects"
                ),
                Err(error) => warn!("collecting is tried again later: {}", with_causes(&error)),
            }
            tokio::time::sleep(self.limits.oci_collection_wait).await;
        }
    }

    async fn collect(&self, orphans: &mut BTreeSet<String>) -> Result<Collected, AppError> {
        let (now, limits) = (Timestamp::now(), &self.limits);
        let idle_since = before(now, limits.oci_upload_idle_max);
        let pushed_before = before(now, limits.oci_unbound_duration_max + limits.oci_push_duration_max);
        let mut collected = Collected::default();
        loop {
            let ended = self.store.end_idle_oci_uploads(idle_since, BATCH).await?;
            let deleted = self.store.delete_unbound_oci_blobs(pushed_before, BATCH).await?;
            collected.uploads += ended;
            collected.blobs += deleted;
            if ended == 0 && deleted == 0 {
                break;
            }
        }
        let written_before = before(now, limits.oci_object_age_min);
        collected.objects = self.blobs.delete_unfinished(written_before).await?;
        collected.objects += self.collect_objects(written_before, orphans).await?;
        Ok(collected)
    }

    /// Deletes the objects that had no row the last time either: until then they may have been on their way to somebody.
    async fn collect_objects(
        &self,
        written_before: Timestamp,
        orphans: &mut BTreeSet<String>,
    ) -> Result<u64, AppError> {
        let known = mem::take(orphans);
        let mut found = self.blobs.nameless_objects(written_before).try_chunks(BATCH).boxed();
        let mut deleted = 0;
        while let Some(objects) = found.next().await {
            let objects = objects.map_err(|failed| failed.1)?;
            for object in self.store.oci_objects_without_row(&objects).await? {
                if known.contains(&object) {
                    self.blobs.delete_object(&object).await?;
                    deleted += 1;
                } else {
                    orphans.insert(object);
                }
            }
        }
        Ok(deleted)
    }
}
