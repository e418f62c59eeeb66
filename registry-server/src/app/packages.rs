//! Publishing and reading WIT packages.

use super::compatibility::{COMPARISONS_MAX, Candidate};
use super::releases::{publisher, written_anew};
use super::upload::{AdmittedUpload, ParsedUpload};
use super::{App, AppError, Caller, Documents, PackageUpload};
use crate::store::{NewManifest, Publication, Written};
use registry_core::closure::Closure;
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::wire::{PackageClosure, PackageRecord, Published, ReleaseTarget};
use registry_core::wit::PackageText;
use std::sync::Arc;

impl App {
    /// Publishes a package, all of whose dependencies are published already.
    ///
    /// # Errors
    /// If it breaks a rule; nothing is visible of it then.
    pub(crate) async fn publish_package(
        &self,
        caller: &Caller,
        upload: PackageUpload,
        expected: Option<PackageHash>,
    ) -> Result<Published<PackageRecord>, AppError> {
        let limits = Arc::clone(&self.limits);
        let parsed = self.workers.run(move || ParsedUpload::parse(upload, expected, &limits)).await??;
        self.publish_parsed(caller, parsed, None).await
    }

    /// Publishes a package that is parsed already, together with the OCI manifest that it was pushed with.
    ///
    /// # Errors
    /// As [`App::publish_package`].
    pub(super) async fn publish_parsed(
        &self,
        caller: &Caller,
        parsed: ParsedUpload,
        manifest: Option<&NewManifest>,
    ) -> Result<Published<PackageRecord>, AppError> {
        self.check_publisher(caller, parsed.name.namespace()).await?;
        let roots = self.packages_of(&format!("`{}`", parsed.name), &parsed.dependencies).await?;
        let dependencies = self.stored_closure(&roots).await?;
        let limits = Arc::clone(&self.limits);
        let admitted = self.workers.run(move || parsed.admit(&dependencies, &limits.content)).await??;
        let AdmittedUpload { record, text, worlds, document, wit } = admitted;
        let target = ReleaseTarget::Package(record.hash);
        let candidate = Candidate::Package(wit);
        let mut stored_text = Some(text);
        let _turn = self.turns.take(&record.name).await;
        for _ in 0..COMPARISONS_MAX {
            let compared = self.check_release(&record.name, &target, &candidate).await?;
            if let Some(text) = stored_text.take() {
                self.blobs.put(&target.hash(), text.into()).await?;
            }
            let (name, compared, document) = (&record.name, compared.as_ref(), &document);
            let publication = Publication { name, publisher: publisher(caller), compared, document, manifest };
            let written = self.store.insert_package(&record, &worlds, &publication).await?;
            if written != Written::Changed {
                let created = written_anew(written, &record.name, &target)?;
                return Ok(Published { created, record: self.package(&record.hash).await? });
            }
        }
        Err(AppError::Overloaded)
    }

    /// Everything about a package but its text.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn package(&self, hash: &PackageHash) -> Result<PackageRecord, AppError> {
        self.store.package(hash).await?.ok_or_else(|| AppError::NotFound(hash.to_string()))
    }

    /// A package's texts, verified.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn package_documents(&self, hash: &PackageHash) -> Result<Documents, AppError> {
        let key = ObjectHash::Package(*hash);
        if let Some(documents) = self.documents.get(&key) {
            return Ok(documents);
        }
        let stored = self.stored_closure(&[*hash]).await?;
        if stored.packages.is_empty() {
            return Err(AppError::NotFound(hash.to_string()));
        }
        let (root, limits) = (*hash, Arc::clone(&self.limits));
        let documents = self.workers.run(move || verify(root, &stored, &limits.content)).await??;
        self.documents.insert(key, documents.clone());
        Ok(documents)
    }
}

/// Recomputes every hash of a stored closure and prints what is served.
fn verify(root: PackageHash, stored: &Closure, limits: &Limits) -> Result<Documents, AppError> {
    let wit = stored.verify(&root, limits).map_err(|error| AppError::damaged(root, &error))?;
    let print = |error| AppError::damaged(root, &error);
    let text = PackageText::new(&wit);
    let closure = PackageClosure { root, packages: Closure::of(&wit).map_err(print)? };
    Ok(Documents {
        closure_json: serde_json::to_vec(&closure)?.into(),
        wit: text.file(wit.name()).map_err(print)?.into(),
        flat: text.flat().map_err(print)?.into(),
    })
}
