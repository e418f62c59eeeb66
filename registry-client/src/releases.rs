//! What may change of a release: whether it is yanked or deprecated.

use crate::client::{Client, other, parse, same};
use crate::error::ClientError;
use registry_core::name::ReleaseName;
use registry_core::wire::{Deprecation, Release, YankRequest};
use reqwest::Method;

impl Client {
    /// Hides a release from those who do not name its version or hash. It stays there for those who do.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `not_found`, `forbidden`, `token_required` or `token_invalid`.
    pub async fn yank(&self, name: &ReleaseName, reason: &str) -> Result<Release, ClientError> {
        let version = name.version().to_string();
        let request = YankRequest { reason: reason.to_owned() };
        let answer = self.change_with(Method::PUT, &state(name, &version, "yank"), &request).await?;
        checked(name, parse(&answer)?, |release| release.yanked.is_some())
    }

    /// Takes a yank back.
    ///
    /// # Errors
    /// As [`Client::yank`].
    pub async fn unyank(&self, name: &ReleaseName) -> Result<Release, ClientError> {
        let version = name.version().to_string();
        let answer = self.change(Method::DELETE, &state(name, &version, "yank")).await?;
        checked(name, parse(&answer)?, |release| release.yanked.is_none())
    }

    /// Tells the users of a release to go elsewhere.
    ///
    /// # Errors
    /// As [`Client::yank`].
    pub async fn deprecate(&self, name: &ReleaseName, deprecation: &Deprecation) -> Result<Release, ClientError> {
        let version = name.version().to_string();
        let answer = self.change_with(Method::PUT, &state(name, &version, "deprecation"), deprecation).await?;
        checked(name, parse(&answer)?, |release| release.deprecated.is_some())
    }

    /// Takes a deprecation back.
    ///
    /// # Errors
    /// As [`Client::yank`].
    pub async fn undeprecate(&self, name: &ReleaseName) -> Result<Release, ClientError> {
        let version = name.version().to_string();
        let answer = self.change(Method::DELETE, &state(name, &version, "deprecation")).await?;
        checked(name, parse(&answer)?, |release| release.deprecated.is_none())
    }
}

fn state<'a>(name: &'a ReleaseName, version: &'a str, state: &'a str) -> [&'a str; 5] {
    ["releases", name.namespace(), name.name(), version, state]
}

/// The release that was changed, if it has changed.
fn checked(
    name: &ReleaseName,
    release: Release,
    has_changed: impl Fn(&Release) -> bool,
) -> Result<Release, ClientError> {
    same(name, &release.name)?;
    if has_changed(&release) {
        return Ok(release);
    }
    Err(other(format!("a change of {name}"), "the same state"))
}
