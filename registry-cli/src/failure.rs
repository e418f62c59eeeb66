//! What a command can fail with, and how that ends the program.

use crate::credentials::CredentialsError;
use crate::terminal::USAGE_HINT;
use registry_client::ClientError;
use registry_client::cache::CacheError;
use registry_client::local::LocalError;
use registry_client::mirror::MirrorError;
use registry_client::output::OutputError;
use registry_client::project::ProjectError;
use registry_core::compatibility::Incompatible;
use serde::Serialize;
use std::io;

/// The word for programs of whatever was wrong before anything was asked.
pub(crate) const USAGE_CODE: &str = "usage";

/// What helps against a release that breaks others: the message has the version that it needs.
const INCOMPATIBLE_HINT: &str =
    "give it that version, or keep what broke; docs/compatibility.md says what is compatible";

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong; all of it is told.
    Error(anyhow::Error),
    /// The command was used in a way that cannot work.
    Usage {
        /// What is wrong.
        message: String,
        /// What a person can do about it, if it is more than reading the help.
        hint: Option<String>,
    },
    /// Something is refused, for reasons that were gathered before.
    Refused(FailureReport),
    /// Nobody reads the output any more, which is no error.
    BrokenPipe,
}

/// Something that a command found, with what a person can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Finding {
    /// One word for programs.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// A failure as `--json` prints it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FailureReport {
    /// One word for programs: the registry's for its own errors.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    /// The single points, where there can be many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) details: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl FailureReport {
    /// Something that went wrong.
    pub(crate) fn new(error: &anyhow::Error) -> Self {
        let mut messages = error.chain().map(ToString::to_string);
        let message = messages.next().unwrap_or_default();
        let causes = messages.collect();
        Self { code: code(error), message, causes, details: details(error), hint: hint(error) }
    }

    /// Wrong usage.
    pub(crate) fn usage(message: String, hint: Option<String>) -> Self {
        Self { code: USAGE_CODE.to_owned(), message, causes: Vec::new(), details: Vec::new(), hint }
    }
}

/// The first hint that an error in the chain has.
fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|error| {
        let client = error.downcast_ref::<ClientError>().and_then(ClientError::hint);
        let local = || error.downcast_ref::<LocalError>().and_then(LocalError::hint);
        let output = || error.downcast_ref::<OutputError>().and_then(OutputError::hint);
        let finding = || error.downcast_ref::<Finding>().and_then(|finding| finding.hint.clone());
        let credentials = || error.downcast_ref::<CredentialsError>().and_then(CredentialsError::hint);
        let project = || error.downcast_ref::<ProjectError>().and_then(ProjectError::hint);
        let cache = || error.downcast_ref::<CacheError>().and_then(CacheError::hint);
        let mirror = || error.downcast_ref::<MirrorError>().and_then(MirrorError::hint);
        let incompatible = || error.downcast_ref::<Incompatible>().map(|_| INCOMPATIBLE_HINT.to_owned());
        let own = client.or_else(local).or_else(output).or_else(finding).or_else(credentials);
        own.or_else(project).or_else(cache).or_else(mirror).or_else(incompatible)
    })
}

/// What the registry listed, or what was found here in its place.
fn details(error: &anyhow::Error) -> Vec<String> {
    let details = error.chain().find_map(|error| {
        let client = error.downcast_ref::<ClientError>().map(|error| error.details().to_vec());
        let mirror = || error.downcast_ref::<MirrorError>().map(|error| error.details().to_vec());
        client.or_else(mirror).or_else(|| error.downcast_ref::<Incompatible>().map(Incompatible::details))
    });
    details.unwrap_or_default()
}

/// The first word that an error in the chain has.
fn code(error: &anyhow::Error) -> String {
    let code = error.chain().find_map(|error| {
        let client = error.downcast_ref::<ClientError>().map(ClientError::code);
        let local = || error.downcast_ref::<LocalError>().map(LocalError::code);
        let output = || error.downcast_ref::<OutputError>().map(OutputError::code);
        let finding = || error.downcast_ref::<Finding>().map(|finding| finding.code);
        let credentials = || error.downcast_ref::<CredentialsError>().map(CredentialsError::code);
        let project = || error.downcast_ref::<ProjectError>().map(ProjectError::code);
        let cache = || error.downcast_ref::<CacheError>().map(CacheError::code);
        let mirror = || error.downcast_ref::<MirrorError>().map(MirrorError::code);
        let incompatible = || error.downcast_ref::<Incompatible>().map(|_| "incompatible");
        let own = client.or_else(local).or_else(output).or_else(finding).or_else(credentials);
        own.or_else(project).or_else(cache).or_else(mirror).or_else(incompatible)
    });
    code.unwrap_or("internal").to_owned()
}

impl From<Finding> for FailureReport {
    fn from(finding: Finding) -> Self {
        Self::new(&finding.into())
    }
}

impl Failure {
    /// Wrong usage that the help explains.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(USAGE_HINT.to_owned()) }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        if error.code() == USAGE_CODE {
            return Self::Usage { message: error.to_string(), hint: error.hint() };
        }
        Self::Error(error.into())
    }
}

impl From<MirrorError> for Failure {
    fn from(error: MirrorError) -> Self {
        Self::Error(error.into())
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        Self::Error(error.into())
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        Self::Error(error.into())
    }
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        Self::Error(error.into())
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::Error(error.into())
    }
}

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Finding> for Failure {
    fn from(error: Finding) -> Self {
        Self::Error(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::Error(anyhow::Error::new(error).context("cannot write to standard output"))
    }
}
