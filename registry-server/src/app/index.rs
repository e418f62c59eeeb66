//! What a search finds of packages and components, and the indexing of what was published before there was an index.

use super::{App, AppError};
use crate::store::SearchDocument;
use registry_core::closure::Closure;
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentRecord, ReleaseTarget};
use registry_core::wit::{Outline, Wit, WorldInterface};
use registry_core::with_causes;
use std::sync::Arc;
use tracing::{info, warn};

/// What a search finds of a package.
pub(super) fn package_document(name: &ReleaseName, wit: &Wit) -> SearchDocument {
    let Outline { items, docs, summary } = wit.outline();
    SearchDocument::new(&name_text(name), &items, &docs, &summary)
}

/// What a search finds of a component under one of its names.
pub(super) fn component_document(name: &ReleaseName, record: &ComponentRecord) -> SearchDocument {
    let interfaces = record.interfaces.iter().map(|interface| interface.name.as_str());
    let items: Vec<&str> = interfaces.chain(record.metadata.searchable_texts()).collect();
    SearchDocument::new(&name_text(name), &items.join(" "), "", record.metadata.summary())
}

/// The name alone, for what cannot be read.
fn bare_document(name: &ReleaseName) -> SearchDocument {
    SearchDocument::new(&name_text(name), "", "", "")
}

fn name_text(name: &ReleaseName) -> String {
    format!("{} {}", name.namespace(), name.name())
}

impl App {
    /// Indexes everything that was published before there was an index, one release after the other, until there is
    /// nothing left. What fails for want of something is tried again later.
    pub(crate) async fn index_what_is_not(&self) {
        let mut indexed = 0_usize;
        loop {
            match self.index_batch().await {
                Ok(Batch { indexed: 0, failed: 0 }) => break,
                Ok(Batch { indexed: now, failed }) => {
                    indexed += now;
                    if failed == 0 {
                        continue;
                    }
                }
                Err(error) => warn!("what is not indexed cannot be listed: {}", with_causes(&error)),
            }
            tokio::time::sleep(self.limits.index_retry_wait).await;
        }
        if indexed > 0 {
            info!(indexed, "indexed {indexed} releases that were published before there was an index");
        }
    }

    async fn index_batch(&self) -> Result<Batch, AppError> {
        let mut batch = Batch { indexed: 0, failed: 0 };
        for (name, target) in self.store.releases_without_document(self.limits.index_batch_releases).await? {
            let done = match &target {
                ReleaseTarget::Package(hash) => self.index_package(&name, hash).await,
                ReleaseTarget::Component(hash) => self.index_component(&name, hash).await,
            };
            match done {
                Ok(()) => batch.indexed += 1,
                Err(error) => {
                    let seconds = self.limits.index_retry_wait.as_secs();
                    warn!(%name, "indexing `{name}` is tried again in {seconds} s: {}", with_causes(&error));
                    batch.failed += 1;
                }
            }
        }
        Ok(batch)
    }

    async fn index_package(&self, name: &ReleaseName, hash: &PackageHash) -> Result<(), AppError> {
        let closure = self.stored_closure(&[*hash]).await?;
        let (root, release, limits) = (*hash, name.clone(), Arc::clone(&self.limits));
        let read = self.workers.run(move || read_package(&release, root, &closure, &limits.content)).await?;
        let (document, worlds) = read.unwrap_or_else(|error| {
            warn!(%hash, "`{name}` is indexed by its name alone, because it is damaged: {}", with_causes(&error));
            (bare_document(name), Vec::new())
        });
        Ok(self.store.index_release(name, &document, Some((hash, &worlds))).await?)
    }

    async fn index_component(&self, name: &ReleaseName, hash: &ComponentHash) -> Result<(), AppError> {
        let document = component_document(name, &self.component(hash).await?);
        Ok(self.store.index_release(name, &document, None).await?)
    }
}

/// What came of some releases.
struct Batch {
    indexed: usize,
    failed: usize,
}

fn read_package(
    name: &ReleaseName,
    root: PackageHash,
    closure: &Closure,
    limits: &Limits,
) -> Result<(SearchDocument, Vec<WorldInterface>), AppError> {
    let wit = closure.verify(&root, limits).map_err(|error| AppError::damaged(root, &error))?;
    Ok((package_document(name, &wit), wit.world_interfaces()))
}
