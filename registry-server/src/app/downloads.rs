//! How often something was fetched, gathered in memory and written now and then.

use super::App;
use registry_core::id::ObjectHash;
use registry_core::with_causes;
use std::collections::HashMap;
use std::mem;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use tokio::time::timeout;
use tracing::warn;

/// Counts that are not written yet: at most one for each package and component that there is.
#[derive(Debug, Default)]
pub(super) struct Downloads(Mutex<HashMap<ObjectHash, u64>>);

impl Downloads {
    fn add(&self, hash: ObjectHash, count: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(hash).or_default() += count;
    }

    /// Everything counted so far, which is counted no more.
    fn take(&self) -> Vec<(ObjectHash, u64)> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

impl App {
    /// Counts one download of something that is there.
    pub(crate) fn count_download(&self, hash: ObjectHash) {
        self.downloads.add(hash, 1);
    }

    /// Writes what was counted, again and again until the server stops.
    pub(crate) async fn write_downloads_until(&self, stopped: impl Future) {
        let mut stopped = pin!(stopped);
        while timeout(self.limits.downloads_wait, &mut stopped).await.is_err() {
            self.write_downloads().await;
        }
    }

    /// Writes what was counted since the last time. If the database fails, it is kept for the next time.
    pub(crate) async fn write_downloads(&self) {
        let counts = self.downloads.take();
        if counts.is_empty() {
            return;
        }
        if let Err(error) = self.store.add_downloads(&counts).await {
            warn!("downloads are counted in memory, because they cannot be written: {}", with_causes(&error));
            counts.into_iter().for_each(|(hash, count)| self.downloads.add(hash, count));
        }
    }
}
