//! Names, and which hashes are not there.

use super::compatibility::Candidate;
use super::{App, AppError};
use crate::store::{Publication, SearchDocument, Written};
use jiff::Timestamp;
use registry_core::id::ObjectHash;
use registry_core::limits::LimitExceeded;
use registry_core::name::ReleaseName;
use registry_core::wire::{MissingRequest, MissingResponse, Release, ReleaseList, ReleaseTarget};

impl App {
    /// What a name is bound to.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn release(&self, name: ReleaseName) -> Result<Release, AppError> {
        self.store.release(&name).await?.ok_or_else(|| AppError::NotFound(format!("`{name}`")))
    }

    /// Refuses an upload under a name that is bound to something else, or that breaks releases of its track, before
    /// anything is written. Only the database's transaction decides between uploads at the same time: it does so on the
    /// releases that are answered here, or on none if the upload was compared with nothing.
    ///
    /// # Errors
    /// [`AppError::ReleaseBound`] or [`AppError::Incompatible`].
    pub(super) async fn check_release(
        &self,
        name: &ReleaseName,
        target: &ReleaseTarget,
        candidate: &Candidate,
    ) -> Result<Option<Vec<Release>>, AppError> {
        match self.store.release(name).await? {
            Some(bound) if bound.target != *target => Err(AppError::bound(name, &bound.target, target)),
            Some(_) => Ok(None),
            None => self.check_compatible(name, candidate).await,
        }
    }

    /// A publication by the account that runs the registry.
    pub(super) async fn publication<'a>(
        &self,
        name: &'a ReleaseName,
        document: &'a SearchDocument,
        compared: Option<&'a [Release]>,
    ) -> Result<Publication<'a>, AppError> {
        let at = Timestamp::now();
        self.store.claim_namespace(name.namespace(), "admin", at).await?;
        Ok(Publication { name, account: "admin", at, compared, document })
    }

    /// The releases of `namespace:name`, the highest version first.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if there are none.
    pub(crate) async fn releases(&self, namespace: &str, name: &str) -> Result<ReleaseList, AppError> {
        let mut releases = self.store.releases(namespace, name, self.limits.releases_listed_max).await?;
        if releases.is_empty() {
            return Err(AppError::NotFound(format!("`{namespace}:{name}`")));
        }
        releases.sort_by(|a, b| b.name.version().cmp(a.name.version()));
        Ok(ReleaseList { releases })
    }

    /// Which of the given hashes are not there, in the order of the question.
    ///
    /// # Errors
    /// If the question is too long or not valid.
    pub(crate) async fn missing(&self, json: &[u8]) -> Result<MissingResponse, AppError> {
        let request: MissingRequest =
            serde_json::from_slice(json).map_err(|error| AppError::Body(error.to_string()))?;
        let max = self.limits.missing_hashes_max;
        LimitExceeded::check("the number of hashes", request.hashes.len(), max, "missing_hashes_max")?;
        let present = self.store.present(&request.hashes).await?;
        let missing: Vec<ObjectHash> = request.hashes.into_iter().filter(|hash| !present.contains(hash)).collect();
        Ok(MissingResponse { missing })
    }
}

/// Whether a publication created something.
///
/// # Errors
/// If it was refused.
pub(super) fn written_anew(written: Written, name: &ReleaseName, target: &ReleaseTarget) -> Result<bool, AppError> {
    match written {
        Written::Created => Ok(true),
        Written::Present => Ok(false),
        Written::Bound(bound) => Err(AppError::bound(name, &bound, target)),
        Written::NotClaimed | Written::NotOwner | Written::Changed => Err(AppError::Overloaded),
    }
}
