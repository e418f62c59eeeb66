//! Does a release extend those before it in its semver track? (`docs/compatibility.md`)

use super::{App, AppError};
use crate::store::compared_with;
use bytes::Bytes;
use registry_core::closure::Closure;
use registry_core::compatibility::{Neighbours, check_release, compare, compare_components};
use registry_core::component::VerifiedComponent;
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wire::{CompatibilityRule, Release, ReleaseTarget};
use registry_core::wit::Wit;
use std::sync::Arc;

/// How often an upload is compared anew because its neighbours changed meanwhile. Uploads to one server wait for each
/// other ([`super::turns`]), so these are the uploads to other servers, and yanks.
pub(super) const COMPARISONS_MAX: usize = 5;

/// What is to be published, verified.
#[derive(Clone)]
pub(super) enum Candidate {
    /// A package.
    Package(Arc<Wit>),
    /// A component.
    Component(Arc<VerifiedComponent>),
}

/// A published neighbour as it is stored, not verified.
struct Stored {
    name: ReleaseName,
    content: StoredContent,
}

enum StoredContent {
    Package(PackageHash, Closure),
    Component(ComponentHash, Bytes, Closure),
}

impl App {
    /// Compares an upload with the nearest lower and higher releases of its track that are not yanked. Answers which these
    /// are, on which the decision rests, or `None` if nothing is compared in this namespace.
    ///
    /// # Errors
    /// [`AppError::Incompatible`].
    pub(super) async fn check_compatible(
        &self,
        name: &ReleaseName,
        target: &ReleaseTarget,
        candidate: &Candidate,
        releases: &[Release],
    ) -> Result<Option<Neighbours<ReleaseName>>, AppError> {
        let namespace = self.store.namespace(name.namespace()).await?;
        if namespace.is_some_and(|namespace| namespace.compatibility == CompatibilityRule::Relaxed) {
            return Ok(None);
        }
        let found = compared_with(name, target, releases);
        let stored = Neighbours { lower: self.stored(found.lower).await?, higher: self.stored(found.higher).await? };
        if stored.lower.is_some() || stored.higher.is_some() {
            let versions = releases.iter().map(|release| release.name.version().clone()).collect();
            let (name, candidate, limits) = (name.clone(), candidate.clone(), Arc::clone(&self.limits));
            let job = move || candidate.check(&name, stored, versions, &limits.content);
            self.workers.run(job).await??;
        }
        let name_of = |release: Option<&Release>| release.map(|release| release.name.clone());
        Ok(Some(Neighbours { lower: name_of(found.lower), higher: name_of(found.higher) }))
    }

    /// A published release as something that could be published now.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub(super) async fn published(&self, release: &Release) -> Result<Candidate, AppError> {
        let content = self.stored_content(release).await?;
        let limits = Arc::clone(&self.limits);
        self.workers.run(move || content.verified(&limits.content)).await?
    }

    async fn stored(&self, release: Option<&Release>) -> Result<Option<Stored>, AppError> {
        let Some(release) = release else { return Ok(None) };
        Ok(Some(Stored { name: release.name.clone(), content: self.stored_content(release).await? }))
    }

    async fn stored_content(&self, release: &Release) -> Result<StoredContent, AppError> {
        Ok(match release.target {
            ReleaseTarget::Package(hash) => StoredContent::Package(hash, self.stored_closure(&[hash]).await?),
            ReleaseTarget::Component(hash) => {
                let packages = self.store.component_dependencies(&hash).await?;
                let closure = self.stored_closure(&packages).await?;
                StoredContent::Component(hash, self.stored_component(&hash).await?, closure)
            }
        })
    }
}

impl Candidate {
    fn check(
        &self,
        name: &ReleaseName,
        stored: Neighbours<Stored>,
        versions: Vec<semver::Version>,
        limits: &Limits,
    ) -> Result<(), AppError> {
        let checked = match self {
            Self::Package(wit) => {
                let neighbours = verified(stored, |content| content.package(limits))?;
                check_release(name, wit, &neighbours, &versions, |old, new| compare(old, new, limits))
            }
            Self::Component(component) => {
                let neighbours = verified(stored, |content| content.component(limits))?;
                let compare = |old: &Arc<_>, new: &Arc<_>| compare_components(old, new, limits);
                check_release(name, component, &neighbours, &versions, compare)
            }
        };
        Ok(checked?)
    }
}

/// Verifies what is stored of the neighbours; one of another kind is none.
fn verified<T>(
    stored: Neighbours<Stored>,
    verify: impl Fn(StoredContent) -> Result<Option<T>, AppError>,
) -> Result<Neighbours<(ReleaseName, T)>, AppError> {
    let verified = |stored: Option<Stored>| match stored {
        Some(Stored { name, content }) => Ok::<_, AppError>(verify(content)?.map(|content| (name, content))),
        None => Ok(None),
    };
    Ok(Neighbours { lower: verified(stored.lower)?, higher: verified(stored.higher)? })
}

impl StoredContent {
    fn verified(self, limits: &Limits) -> Result<Candidate, AppError> {
        match self {
            Self::Package(hash, closure) => {
                let wit = closure.verify(&hash, limits).map_err(|error| AppError::damaged(hash, &error))?;
                Ok(Candidate::Package(Arc::new(wit)))
            }
            Self::Component(hash, bytes, closure) => {
                let verified = VerifiedComponent::check(&hash, &bytes, &closure, limits);
                let verified = verified.map_err(|error| AppError::damaged(hash, &error))?;
                Ok(Candidate::Component(Arc::new(verified)))
            }
        }
    }

    fn package(self, limits: &Limits) -> Result<Option<Arc<Wit>>, AppError> {
        match self.verified(limits)? {
            Candidate::Package(wit) => Ok(Some(wit)),
            Candidate::Component(_) => Ok(None),
        }
    }

    fn component(self, limits: &Limits) -> Result<Option<Arc<VerifiedComponent>>, AppError> {
        match self.verified(limits)? {
            Candidate::Component(component) => Ok(Some(component)),
            Candidate::Package(_) => Ok(None),
        }
    }
}
