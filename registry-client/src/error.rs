//! What can go wrong between a client and a registry.

use crate::cache::CacheError;
use registry_core::closure::ClosureError;
use registry_core::component::ComponentError;
use registry_core::id::ObjectHash;
use registry_core::limits::LimitExceeded;
use registry_core::name::{NameError, PackageName, ReleaseName, Spec};
use registry_core::wire::ErrorBody;
use std::error::Error;
use std::io;
use std::time::Duration;

/// Why a registry could not be used, or why its answer was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The text is not the URL of a registry.
    #[error("`{url}` is not the URL of a registry: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// This machine has nothing to check a registry's certificate with.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// No answer, or only a part of one.
    #[error("cannot reach the registry at `{url}`")]
    Unreachable {
        /// What was asked.
        url: String,
        /// The failure of the connection.
        #[source]
        source: reqwest::Error,
    },
    /// The registry did not answer in time.
    #[error("the registry at `{url}` did not answer in time (silence of at most {silence:?}, {total:?} in all)")]
    Timeout {
        /// What was asked.
        url: String,
        /// How long it may be silent.
        silence: Duration,
        /// How long one request may take.
        total: Duration,
    },
    /// The token is none that a registry made. It was not sent.
    #[error("the token is not of the form `regt_` and 64 hexadecimal digits")]
    TokenForm,
    /// A namespace, name or account that cannot be one. It was not sent.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A text that is not the id of a token. It was not sent.
    #[error("`{0}` is not the id of a token")]
    TokenId(String),
    /// Several tokens have an id that begins so.
    #[error("`{beginning}` is the beginning of several ids: {}", .ids.join(", "))]
    TokenIds {
        /// What was given.
        beginning: String,
        /// The ids.
        ids: Vec<String>,
    },
    /// A token where the id of one belongs. It was not sent, since URLs are written into logs.
    #[error("that is a token itself and not the id of one; it was not sent")]
    TokenSecret,
    /// The registry answered with an error: what was asked for is not there (`not_found`), not allowed
    /// (`token_required`, `token_invalid`, `forbidden`, `namespace_not_claimed`), or not right.
    #[error("{}", .body.message)]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own words.
        body: ErrorBody,
    },
    /// The answer is not one that a registry gives.
    #[error("the answer of `{url}` is not that of a registry: {reason}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// An answer, or something that was to be published, is too large.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The registry has no release of that name.
    #[error("the registry has no release of `{0}`")]
    NoRelease(Spec),
    /// The registry has no release of that version, but of others.
    #[error("the registry has no release `{name}`")]
    NoVersion {
        /// The release that was asked for.
        name: Box<ReleaseName>,
        /// The versions that it has, the newest first; not all if there are many.
        versions: Vec<String>,
    },
    /// Every release of that name is yanked, so that there is no newest one.
    #[error("every release of `{namespace}:{name}` is yanked, the newest, `{version}`, because: {reason}")]
    AllYanked {
        /// The part of the name before the colon.
        namespace: String,
        /// The part after it.
        name: String,
        /// The highest version.
        version: String,
        /// Why that was yanked.
        reason: String,
    },
    /// The registry answered with something else than what was asked for.
    #[error("the registry answered with {actual}, but {asked} was asked for")]
    OtherObject {
        /// What was asked for.
        asked: String,
        /// What came.
        actual: String,
    },
    /// The package that a release name is bound to has another name.
    #[error("the registry binds `{release}` to {hash}, but that package is called `{actual}`")]
    FalseBinding {
        /// The release that was asked for.
        release: Box<ReleaseName>,
        /// What the registry says it is.
        hash: ObjectHash,
        /// The name that the package has.
        actual: Box<PackageName>,
    },
    /// The packages that came are not those that were asked for.
    #[error("the registry's answer for {hash} was refused")]
    FalsePackages {
        /// What was asked for.
        hash: ObjectHash,
        /// What is wrong.
        #[source]
        source: Box<ClosureError>,
    },
    /// The component that came is not the one that was asked for, or does not fit its packages.
    #[error("the registry's answer for {hash} was refused")]
    FalseComponent {
        /// What was asked for.
        hash: ObjectHash,
        /// What is wrong.
        #[source]
        source: Box<ComponentError>,
    },
    /// The cache on this machine cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Something is not in the cache, and nothing may be asked.
    #[error("`{url}` would have to be asked, but `--offline` forbids it")]
    Offline {
        /// What would have been asked.
        url: String,
    },
    /// No thread to verify the answer on.
    #[error("the answer cannot be verified")]
    Thread(#[source] io::Error),
    /// The verification broke off, so that its result is unknown.
    #[error("the verification of the answer failed unexpectedly")]
    Interrupted,
}

impl ClientError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Url { .. } => {
                Some("a registry's URL looks like `http://127.0.0.1:7878` or `https://host`".to_owned())
            }
            Self::Tls(_) => Some("install your system's CA certificates (on Debian: `ca-certificates`)".to_owned()),
            Self::Unreachable { source, .. } if let Some(error) = tls_error(source) => Some(tls_hint(error).to_owned()),
            Self::Unreachable { source, .. } if source.is_connect() => {
                Some("is the registry running, and is this its URL? `registry-server` starts one".to_owned())
            }
            Self::Unreachable { .. } | Self::Timeout { .. } => Some("try again; look at the registry's log".to_owned()),
            Self::Refused { body, .. } => body.hint.clone(),
            Self::Answer { .. } => Some("is this the URL of a registry?".to_owned()),
            Self::NoVersion { name, versions } => Some(format!(
                "the registry has these versions of `{}:{}`, newest first: {}",
                name.namespace(),
                name.name(),
                versions.join(", ")
            )),
            Self::AllYanked { namespace, name, version, .. } => {
                Some(format!("a yanked release is still there for those who name it: `{namespace}:{name}@{version}`"))
            }
            Self::TokenForm => Some("a token is what `registry token create` printed, whole".to_owned()),
            Self::TokenSecret => Some(
                "`registry token list` shows the ids; `registry logout --revoke` revokes the token that `login` keeps"
                    .to_owned(),
            ),
            Self::TokenId(_) | Self::TokenIds { .. } => Some("`registry token list` shows the ids".to_owned()),
            Self::NoRelease(_) => Some("is the name right, and is this the right registry?".to_owned()),
            Self::OtherObject { .. }
            | Self::FalseBinding { .. }
            | Self::FalsePackages { .. }
            | Self::FalseComponent { .. } => {
                Some("nothing was written or used; do not trust this registry, or tell its operator".to_owned())
            }
            Self::Cache(error) => error.hint(),
            Self::Offline { .. } => {
                Some("run it once without `--offline`: what is fetched then is in the cache".to_owned())
            }
            Self::Setup(_) | Self::Name(_) | Self::Limit(_) | Self::Thread(_) | Self::Interrupted => None,
        }
    }

    /// One word for programs: the registry's, such as `not_found`, if it answered with one; else the client's.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { body, .. } => &body.code,
            Self::NoRelease(_) | Self::NoVersion { .. } => "not_found",
            Self::AllYanked { .. } => "all_yanked",
            Self::TokenForm => "token_invalid",
            Self::Url { .. } | Self::Name(_) | Self::TokenId(_) | Self::TokenIds { .. } | Self::TokenSecret => "usage",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Answer { .. } => "invalid_answer",
            Self::Limit(_) => "limit_exceeded",
            Self::OtherObject { .. }
            | Self::FalseBinding { .. }
            | Self::FalsePackages { .. }
            | Self::FalseComponent { .. } => "false_answer",
            Self::Cache(error) => error.code(),
            Self::Offline { .. } => "offline",
            Self::Tls(_) | Self::Setup(_) | Self::Thread(_) | Self::Interrupted => "internal",
        }
    }

    /// The single points of the registry's refusal, where there can be many: what broke, what differs.
    pub fn details(&self) -> &[String] {
        match self {
            Self::Refused { body, .. } => &body.details,
            _ => &[],
        }
    }

    /// Whether the registry answered that it does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.code() == "not_found"
    }

    /// Whether the answer was refused because it is not what was asked for.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::OtherObject { .. }
                | Self::FalseBinding { .. }
                | Self::FalsePackages { .. }
                | Self::FalseComponent { .. }
        )
    }
}

/// The failure of TLS on a connection that was made.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    // An `io::Error` is not the source of what it wraps: it stands for it.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.downcast_ref::<rustls::Error>().or_else(|| tls_error(wrapped?)).or_else(|| tls_error(error.source()?))
}

fn tls_hint(error: &rustls::Error) -> &'static str {
    if matches!(error, rustls::Error::InvalidMessage(_)) {
        return "it answers without TLS: does its URL begin with `http://`?";
    }
    "this system does not accept the registry's certificate: install its CA's, or use the right name"
}
