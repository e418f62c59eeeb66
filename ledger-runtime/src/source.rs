//! Where contracts come from when the node does not have them.

use futures::future::BoxFuture;
use ledger_core::ExternalId;
use registry_client::{Client, ClientError, FetchedComponent};
use registry_core::id::{ComponentHash, ObjectHash};

/// Gives verified components by hash: a registry, or what stands for one in a test.
pub trait ContractSource: Send + Sync + 'static {
    /// The component with this hash, verified with everything that it needs.
    ///
    /// # Errors
    /// If there is no such component, or it could not be fetched, or is not what was asked for.
    fn fetch(&self, hash: ComponentHash) -> BoxFuture<'_, Result<FetchedComponent, SourceError>>;

    /// The hash of the component whose bytes have this SHA-256. Whoever fetches it compares that.
    ///
    /// # Errors
    /// If there is no such component, or the source could not be asked.
    fn find(&self, sha256: [u8; 32]) -> BoxFuture<'_, Result<ComponentHash, SourceError>>;
}

/// Why a component was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The registry does not have it.
    #[error("the registry has no component {0}")]
    NotFound(ComponentHash),
    /// The registry does not have a component with these bytes.
    #[error("the registry has no component `{0}`")]
    NoneFound(ExternalId),
    /// The registry could not be used.
    #[error("the registry cannot be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another component came.
    #[error("the registry gave the component {0}")]
    Other(ComponentHash),
    /// What came is not what was asked for, or cannot be accepted.
    #[error("what the registry gave was refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ContractSource for Client {
    fn fetch(&self, hash: ComponentHash) -> BoxFuture<'_, Result<FetchedComponent, SourceError>> {
        Box::pin(async move { self.fetch_component(&hash).await.map_err(|error| sort_out(hash, error)) })
    }

    fn find(&self, sha256: [u8; 32]) -> BoxFuture<'_, Result<ComponentHash, SourceError>> {
        Box::pin(async move {
            let found = self.by_sha256(&sha256).await.map_err(|error| SourceError::Unavailable(error.into()))?;
            let component = found.into_iter().find_map(|found| match found.hash {
                ObjectHash::Component(hash) => Some(hash),
                _ => None,
            });
            component.ok_or(SourceError::NoneFound(ExternalId::Sha256(sha256)))
        })
    }
}

fn sort_out(hash: ComponentHash, error: ClientError) -> SourceError {
    if error.is_not_found() {
        SourceError::NotFound(hash)
    } else if error.is_refusal() || matches!(error, ClientError::Limit(_)) {
        SourceError::Refused(error.into())
    } else {
        SourceError::Unavailable(error.into())
    }
}
