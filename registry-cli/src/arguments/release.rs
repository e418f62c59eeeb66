//! Arguments of the commands that change what is said about a release, and of the one that lists releases.

use clap::Args;
use registry_core::name::{ReleaseName, Spec, SpecError};
use std::str::FromStr;

/// Arguments of `yank`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  registry yank my-team:shapes@1.2.0 --reason 'area is off by one'

A yanked release is no longer the newest of its name and not chosen for a range. It is still there for those who have it
in a lock, and for those who name its version or hash; they are told the reason. `registry unyank` takes it back.")]
pub(crate) struct YankArguments {
    /// The release.
    #[arg(value_name = "NAMESPACE:NAME@VERSION")]
    pub(crate) name: ReleaseName,
    /// Why, for those who use it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Arguments of `unyank`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  registry unyank my-team:shapes@1.2.0")]
pub(crate) struct UnyankArguments {
    /// The release.
    #[arg(value_name = "NAMESPACE:NAME@VERSION")]
    pub(crate) name: ReleaseName,
}

/// Arguments of `deprecate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry deprecate my-team:shapes@1.2.0 --message 'use 2.0' --successor my-team:shapes@2.0.0
  registry deprecate my-team:shapes@1.2.0 --undo

Unlike a yanked release a deprecated one is still chosen; whoever uses it is told the message.")]
pub(crate) struct DeprecateArguments {
    /// The release.
    #[arg(value_name = "NAMESPACE:NAME@VERSION")]
    pub(crate) name: ReleaseName,
    /// Why, and what to do.
    #[arg(long, value_name = "TEXT", required_unless_present = "undo")]
    pub(crate) message: Option<String>,
    /// What to use instead.
    #[arg(long, value_name = "NAMESPACE:NAME[@VERSION]")]
    pub(crate) successor: Option<Successor>,
    /// Take the deprecation back.
    #[arg(long, conflicts_with_all = ["message", "successor"])]
    pub(crate) undo: bool,
}

/// Arguments of `releases`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry releases wasi:http
  registry releases wasi:http --json")]
pub(crate) struct ReleasesArguments {
    /// The name without a version.
    #[arg(value_name = "NAMESPACE:NAME")]
    pub(crate) name: VersionlessName,
}

/// The name of all releases of a package or a component.
#[derive(Debug, Clone)]
pub(crate) struct VersionlessName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A text that is not a name without a version.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VersionlessNameError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error("it is not of the form `namespace:name`")]
    Form,
}

impl FromStr for VersionlessName {
    type Err = VersionlessNameError;

    fn from_str(text: &str) -> Result<Self, VersionlessNameError> {
        match text.parse()? {
            Spec::Newest { namespace, name } => Ok(Self { namespace, name }),
            Spec::Release(_) | Spec::Package(_) | Spec::Component(_) => Err(VersionlessNameError::Form),
        }
    }
}

/// What users of a deprecated release should use: a name with or without a version.
#[derive(Debug, Clone)]
pub(crate) struct Successor(pub(crate) String);

impl FromStr for Successor {
    type Err = VersionlessNameError;

    fn from_str(text: &str) -> Result<Self, VersionlessNameError> {
        match text.parse()? {
            Spec::Newest { .. } | Spec::Release(_) => Ok(Self(text.to_owned())),
            Spec::Package(_) | Spec::Component(_) => Err(VersionlessNameError::Form),
        }
    }
}
