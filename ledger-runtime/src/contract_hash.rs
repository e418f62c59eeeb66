//! How people name a contract: by its hash, and by nothing else.

use registry_core::id::{ComponentHash, ParseIdError};
use registry_core::name::Spec;

/// A text that is not a contract's hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractHashError {
    /// It is a name that a registry may know.
    #[error("`{0}` is a name, and the ledger knows contracts by hash only (`registry show {0}` prints it)")]
    Name(Spec),
    /// It is something else.
    #[error(transparent)]
    Malformed(#[from] ParseIdError),
}

/// Reads a contract's hash as a person writes it.
///
/// # Errors
/// If it is not one; a registry's name is told from other texts.
pub fn parse(text: &str) -> Result<ComponentHash, ContractHashError> {
    text.parse().map_err(|malformed| {
        // A version that is not complete names a contract too.
        let without_version = text.split_once('@').map_or(text, |(name, _)| name);
        match text.parse().or_else(|_| without_version.parse()) {
            Ok(name @ (Spec::Release(_) | Spec::Newest { .. })) => ContractHashError::Name(name),
            Ok(Spec::Package(_) | Spec::Component(_)) | Err(_) => ContractHashError::Malformed(malformed),
        }
    })
}
