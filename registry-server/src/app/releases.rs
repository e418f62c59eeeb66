//! Names, and which hashes are not there.

use super::{App, AppError};
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
        match self.store.release(&name).await? {
            Some(target) => Ok(Release::new(name, target)),
            None => Err(AppError::NotFound(format!("`{name}`"))),
        }
    }

    /// Refuses an upload under a name that is bound to something else, before anything is written. Only the database's
    /// transaction decides between uploads at the same time.
    ///
    /// # Errors
    /// [`AppError::ReleaseBound`].
    pub(super) async fn check_unbound(&self, name: &ReleaseName, target: &ReleaseTarget) -> Result<(), AppError> {
        match self.store.release(name).await? {
            Some(bound) if bound != *target => Err(AppError::bound(name, &bound, target)),
            _ => Ok(()),
        }
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
