//! Packages with everything that they depend on, out of the database and the blob store.

use super::{App, AppError};
use futures::{StreamExt, TryStreamExt, stream};
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::limits::LimitExceeded;
use registry_core::name::ReleaseName;
use registry_core::wire::ReleaseTarget;
use std::collections::BTreeSet;

/// Blobs that are read side by side.
const READS_MAX: usize = 8;

impl App {
    /// The packages of the given names.
    ///
    /// # Errors
    /// [`AppError::MissingDependencies`] with all that are missing.
    pub(super) async fn packages_of(
        &self,
        of: &str,
        names: &BTreeSet<ReleaseName>,
    ) -> Result<Vec<PackageHash>, AppError> {
        let max = self.limits.content.closure_packages_max;
        LimitExceeded::check("the number of packages referred to", names.len(), max, "closure_packages_max")?;
        let (mut hashes, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match self.store.release(name).await?.map(|release| release.target) {
                Some(ReleaseTarget::Package(hash)) => hashes.push(hash),
                // A component of this name is no package, so the package is missing as well.
                Some(ReleaseTarget::Component(_)) | None => missing.push(name.clone()),
            }
        }
        if missing.is_empty() { Ok(hashes) } else { Err(AppError::MissingDependencies { of: of.to_owned(), missing }) }
    }

    /// The stored texts of packages and of all that they depend on, in no order and not verified.
    pub(super) async fn stored_closure(&self, roots: &[PackageHash]) -> Result<Closure, AppError> {
        let max = self.limits.content.closure_packages_max;
        let members = self.store.closure(roots, max + 1).await?;
        LimitExceeded::check("the number of packages", members.len(), max, "closure_packages_max")?;
        let packages = stream::iter(members).map(|(name, hash)| self.stored_package(name, hash)).buffered(READS_MAX);
        Ok(Closure { packages: packages.try_collect().await? })
    }

    async fn stored_package(&self, name: ReleaseName, hash: PackageHash) -> Result<ClosurePackage, AppError> {
        let bytes = self.blobs.get(&ObjectHash::Package(hash), self.limits.content.wit_size_bytes_max).await?;
        let wit = String::from_utf8(bytes.into()).map_err(|error| AppError::damaged(hash, &error))?;
        Ok(ClosurePackage { name, hash, wit })
    }
}
