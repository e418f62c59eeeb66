//! Collecting what nobody can use any more: uploads that lie still, blobs that no manifest names, objects without a row.

use super::uploads::before;
use crate::app::{App, AppError};
use jiff::Timestamp;
use registry_core::with_causes;
use std::collections::BTreeSet;
use std::mem;
use tracing::{info, warn};

/// Rows and objects that are looked at and deleted at one time, so that nobody waits for long to write.
const BATCH: usize = 200;

/// Uploads that are ended at one time, with all their parts, of which there may be thousands.
const UPLOADS_BATCH: usize = 10;

/// What was collected.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Collected {
    uploads: u64,
    blobs: u64,
    objects: u64,
}

/// How a file is deleted.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Nameless,
    Unfinished,
}

impl App {
    /// Collects again and again. Several servers may do so at one time.
    pub(crate) async fn collect_garbage(&self) {
        let mut orphans = BTreeSet::new();
        loop {
            let collected = self.collect(&mut orphans).await;
            if collected != Collected::default() {
                let Collected { uploads, blobs, objects } = collected;
                info!(
                    uploads,
                    blobs,
                    objects,
                    "collected {uploads} uploads that lay still, {blobs} blobs that no manifest names, and {objects} objects"
                );
            }
            tokio::time::sleep(self.limits.oci_collection_wait).await;
        }
    }

    /// What cannot be done now keeps nothing else from being done.
    async fn collect(&self, orphans: &mut BTreeSet<String>) -> Collected {
        let (now, limits) = (Timestamp::now(), &self.limits);
        let idle_since = before(now, limits.oci_upload_idle_max);
        let pushed_before = before(now, limits.oci_unbound_duration_max + limits.oci_push_duration_max);
        let written_before = before(now, limits.oci_object_age_min);
        Collected {
            uploads: or_later(self.end_uploads(idle_since).await),
            blobs: or_later(self.delete_blobs(pushed_before).await),
            objects: or_later(self.delete_objects(written_before, orphans).await),
        }
    }

    async fn end_uploads(&self, idle_since: Timestamp) -> Result<u64, AppError> {
        let mut ended = 0;
        loop {
            match self.store.end_idle_oci_uploads(idle_since, UPLOADS_BATCH).await? {
                0 => return Ok(ended),
                more => ended += more,
            }
        }
    }

    async fn delete_blobs(&self, pushed_before: Timestamp) -> Result<u64, AppError> {
        let mut deleted = 0;
        loop {
            match self.store.delete_unbound_oci_blobs(pushed_before, BATCH).await? {
                0 => return Ok(deleted),
                more => deleted += more,
            }
        }
    }

    async fn delete_objects(&self, written_before: Timestamp, orphans: &mut BTreeSet<String>) -> Result<u64, AppError> {
        let files = self.blobs.old_files(written_before).await?;
        let unfinished = self.delete_files(Kind::Unfinished, &files.unfinished).await;
        let nameless = self.orphans(files.nameless, orphans).await?;
        Ok(unfinished + self.delete_files(Kind::Nameless, &nameless).await)
    }

    /// Those of some objects which have no row now, and had none the last time either: until then they may have been on
    /// their way to somebody.
    async fn orphans(&self, objects: Vec<String>, orphans: &mut BTreeSet<String>) -> Result<Vec<String>, AppError> {
        let known = mem::take(orphans);
        let mut found = Vec::new();
        for batch in objects.chunks(BATCH) {
            for object in self.store.oci_objects_without_row(batch).await? {
                if known.contains(&object) {
                    found.push(object.clone());
                }
                orphans.insert(object);
            }
        }
        Ok(found)
    }

    /// Deletes files and answers how many. Those that cannot be deleted keep none of the others.
    async fn delete_files(&self, kind: Kind, names: &[String]) -> u64 {
        let (mut deleted, mut failed) = (0, None);
        for name in names {
            let result = match kind {
                Kind::Nameless => self.blobs.delete_object(name).await,
                Kind::Unfinished => self.blobs.delete_unfinished(name).await,
            };
            match result {
                Ok(()) => deleted += 1,
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            let left = names.len() as u64 - deleted;
            warn!(left, "{left} files that nobody needs are left, the last of them because {}", with_causes(&error));
        }
        deleted
    }
}

fn or_later(collected: Result<u64, AppError>) -> u64 {
    collected.unwrap_or_else(|error| {
        warn!("collecting is tried again later: {}", with_causes(&error));
        0
    })
}
