//! Publishing and reading components.

use super::access::TokenFault;
use super::compatibility::{COMPARISONS_MAX, Candidate};
use super::index::component_document;
use super::releases::{publisher, written_anew};
use super::{App, AppError, Caller, Documents, sha256_hex};
use crate::store::{NewManifest, Publication, Written};
use bytes::Bytes;
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::{ComponentHash, ObjectHash};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentClosure, ComponentMetadata, ComponentRecord, Published, ReleaseTarget};
use std::collections::BTreeSet;
use std::sync::Arc;

impl App {
    /// Publishes a component, all of whose packages are published already, and binds a name to it if one is given; with
    /// the name comes the OCI manifest that it was pushed with.
    ///
    /// # Errors
    /// If it breaks a rule; nothing is visible of it then.
    pub(crate) async fn publish_component(
        &self,
        caller: &Caller,
        bytes: Bytes,
        name: Option<ReleaseName>,
        expected: Option<ComponentHash>,
        manifest: Option<&NewManifest>,
    ) -> Result<Published<ComponentRecord>, AppError> {
        if let Some(name) = &name {
            self.check_publisher(caller, name.namespace()).await?;
        }
        let (upload, limits) = (bytes.clone(), Arc::clone(&self.limits));
        let names = self.workers.run(move || packages_named(&upload, expected, &limits.content)).await??;
        let dependencies = self.packages_of("the component", &names).await?;
        let closure = self.stored_closure(&dependencies).await?;
        let (upload, limits) = (bytes.clone(), Arc::clone(&self.limits));
        let (record, verified) = self.workers.run(move || admit(&upload, &closure, &limits.content)).await??;
        let key = ObjectHash::Component(record.hash);
        let Some(name) = name else {
            self.blobs.put(&key, bytes).await?;
            let written = self.store.insert_component(&record, &dependencies, &publisher(caller), None).await?;
            return match written {
                Written::TokenGone(id) => Err(TokenFault::Gone { id }.into()),
                written => Ok(Published { created: written == Written::Created, record }),
            };
        };
        let target = ReleaseTarget::Component(record.hash);
        let candidate = Candidate::Component(Arc::new(verified));
        let document = component_document(&name, &record);
        let mut stored_bytes = Some(bytes);
        let _turn = self.turns.take(&name).await;
        for _ in 0..COMPARISONS_MAX {
            let compared = self.check_release(&name, &target, &candidate).await?;
            if let Some(bytes) = stored_bytes.take() {
                self.blobs.put(&key, bytes).await?;
            }
            let (publisher, compared) = (publisher(caller), compared.as_ref());
            let publication = Publication { name: &name, publisher, compared, document: &document, manifest };
            let written = self.store.insert_component(&record, &dependencies, &publisher, Some(&publication)).await?;
            if written != Written::Changed {
                return Ok(Published { created: written_anew(written, &name, &target)?, record });
            }
        }
        Err(AppError::Overloaded)
    }

    /// Everything about a component but its bytes and texts.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn component(&self, hash: &ComponentHash) -> Result<ComponentRecord, AppError> {
        self.store.component(hash).await?.ok_or_else(|| AppError::NotFound(hash.to_string()))
    }

    /// A component's bytes, verified.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn component_bytes(&self, hash: &ComponentHash) -> Result<Bytes, AppError> {
        if let Some(bytes) = self.binaries.get(hash) {
            return Ok(bytes);
        }
        self.component(hash).await?;
        let stored = self.stored_component(hash).await?;
        let expected = *hash;
        let bytes = self.workers.run(move || verify_bytes(expected, stored)).await??;
        self.binaries.insert(*hash, bytes.clone());
        Ok(bytes)
    }

    /// A component's bytes as they are stored, for those who verify them anyway.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) async fn stored_component(&self, hash: &ComponentHash) -> Result<Bytes, AppError> {
        match self.binaries.get(hash) {
            Some(bytes) => Ok(bytes),
            None => {
                let size_bytes_max = self.limits.content.component_size_bytes_max;
                Ok(self.blobs.get(&ObjectHash::Component(*hash), size_bytes_max).await?)
            }
        }
    }

    /// A component's world and the packages that it needs, verified.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn component_documents(&self, hash: &ComponentHash) -> Result<Documents, AppError> {
        let key = ObjectHash::Component(*hash);
        if let Some(documents) = self.documents.get(&key) {
            return Ok(documents);
        }
        let record = self.component(hash).await?;
        let bytes = self.component_bytes(hash).await?;
        let closure = self.stored_closure(&self.store.component_dependencies(hash).await?).await?;
        let limits = Arc::clone(&self.limits);
        let documents = self.workers.run(move || verify(record, &bytes, &closure, &limits.content)).await??;
        self.documents.insert(key, documents.clone());
        Ok(documents)
    }
}

/// The packages that a component names. It is decoded again to be verified: what is decoded borrows the bytes, which
/// cannot be held while the packages are looked up.
fn packages_named(
    bytes: &[u8],
    expected: Option<ComponentHash>,
    limits: &Limits,
) -> Result<BTreeSet<ReleaseName>, AppError> {
    let names = DecodedComponent::decode(bytes, limits)?.packages()?;
    let Some(claimed) = expected else { return Ok(names) };
    let actual = ComponentHash::of(bytes);
    if claimed == actual {
        return Ok(names);
    }
    let (claimed, actual) = (ObjectHash::Component(claimed), ObjectHash::Component(actual));
    Err(AppError::HashMismatch { claimed, actual })
}

fn admit(bytes: &[u8], closure: &Closure, limits: &Limits) -> Result<(ComponentRecord, VerifiedComponent), AppError> {
    let verified = DecodedComponent::decode(bytes, limits)?.verify(closure, limits)?;
    let record = ComponentRecord {
        hash: verified.hash(),
        view: verified.view_id(),
        size_bytes: bytes.len() as u64,
        sha256: sha256_hex(bytes),
        interfaces: verified.interfaces().to_vec(),
        metadata: ComponentMetadata::read(bytes, limits),
    };
    Ok((record, verified))
}

fn verify_bytes(expected: ComponentHash, bytes: Bytes) -> Result<Bytes, AppError> {
    let actual = ComponentHash::of(&bytes);
    if actual == expected {
        return Ok(bytes);
    }
    let (claimed, actual) = (ObjectHash::Component(expected), ObjectHash::Component(actual));
    Err(AppError::damaged(expected, &AppError::HashMismatch { claimed, actual }))
}

fn verify(component: ComponentRecord, bytes: &[u8], closure: &Closure, limits: &Limits) -> Result<Documents, AppError> {
    let hash = component.hash;
    let verified =
        VerifiedComponent::check(&hash, bytes, closure, limits).map_err(|error| AppError::damaged(hash, &error))?;
    let print = |error| AppError::damaged(hash, &error);
    let wit = verified.world_text().map_err(print)?;
    let answer = ComponentClosure { component, wit: wit.clone(), packages: verified.closure().clone() };
    Ok(Documents {
        closure_json: serde_json::to_vec(&answer)?.into(),
        wit: wit.into(),
        flat: verified.flat_text().map_err(print)?.into(),
    })
}
