//! Where contracts come from when the node does not have them.

use futures::future::BoxFuture;
use registry_client::{Client, ClientError, FetchedComponent};
use registry_core::id::ComponentHash;

/// Gives verified components by hash: a registry, or what stands for one in a test.
pub trait ContractSource: Send + Sync + 'static {
    /// The component with this hash, verified with everything that it needs.
    ///
    /// # Errors
    /// If there is no such component, or it could not be fetched, or is not what was asked for.
    fn fetch(&self, hash: ComponentHash) -> BoxFuture<'_, Result<FetchedComponent, SourceError>>;
}

/// Why a component was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The registry does not have it.
    #[error("the registry has no component {0}")]
    NotFound(ComponentHash),
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
