//! Everything that a request can come to, besides its answer: a word for programs, a message, and what to do.

use super::access::TokenFault;
use super::oci::OciFault;
use super::workers::WorkerError;
use crate::blob::BlobError;
use crate::store::StoreError;
use registry_core::closure::ClosureError;
use registry_core::compatibility::Incompatible;
use registry_core::component::ComponentError;
use registry_core::id::{ObjectHash, ParseIdError, ParsePrefixError};
use registry_core::limits::LimitExceeded;
use registry_core::name::{InterfaceSpecError, NameError, PackageName, ReleaseName};
use registry_core::wire::{Namespace, ReleaseTarget};
use registry_core::wit::{AdmissionError, WitError};
use registry_core::with_causes;
use std::error::Error;
use std::fmt::Display;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// Nothing has this hash or name.
    #[error("{0} is not in this registry")]
    NotFound(String),
    /// A text in the request is no hash.
    #[error(transparent)]
    Hash(#[from] ParseIdError),
    /// A text in the request is no name that can be published.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The body is not what its content type says.
    #[error("the body is not a valid request: {0}")]
    Body(String),
    /// A text in the request is not the beginning of a hash.
    #[error(transparent)]
    HashPrefix(#[from] ParsePrefixError),
    /// A text in the request names no interface.
    #[error(transparent)]
    Interface(#[from] InterfaceSpecError),
    /// A text in the request is no sha256.
    #[error("a sha256 has 64 lowercase hexadecimal digits")]
    Sha256,
    /// A text in the request is not what a page ended with.
    #[error("no page of this list ended with this `after`")]
    Cursor,
    /// A limit was crossed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The files hold more than one package.
    #[error("`{package}` has nested packages: {}", list(.nested))]
    NestedPackages {
        /// The package that was uploaded.
        package: PackageName,
        /// What is nested in it.
        nested: Vec<PackageName>,
    },
    /// Packages that are referred to and are not here.
    #[error("{of} refers to packages that are not in this registry: {}", list(.missing))]
    MissingDependencies {
        /// What was uploaded.
        of: String,
        /// All that is missing.
        missing: Vec<ReleaseName>,
    },
    /// A token is needed, and there is none.
    #[error("a token is needed for this")]
    TokenRequired {
        /// Whether the registry serves this machine alone.
        is_local: bool,
    },
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// The token is good, but not for this.
    #[error("{message}")]
    Forbidden {
        /// What it lacks.
        message: String,
        /// The command that helps.
        hint: String,
    },
    /// Nobody owns the namespace that is published into.
    #[error("nobody has claimed the namespace `{namespace}`")]
    NotClaimed {
        /// The namespace.
        namespace: String,
    },
    /// Others own the namespace that is claimed.
    #[error("the namespace `{}` belongs to {}", .0.name, list(&.0.owners))]
    NamespaceTaken(Namespace),
    /// The operator keeps the namespace back.
    #[error("the namespace `{0}` is reserved by this registry's operator")]
    NamespaceReserved(String),
    /// The namespace looks like another.
    #[error("the namespace `{name}` differs from `{other}` by hyphens alone")]
    NamespaceTooSimilar {
        /// What is claimed.
        name: String,
        /// What it looks like.
        other: String,
    },
    /// A namespace is never without an owner.
    #[error("`{account}` is the last owner of the namespace `{namespace}`")]
    LastOwner {
        /// The namespace.
        namespace: String,
        /// The owner.
        account: String,
    },
    /// Nobody has this account.
    #[error("there is no account `{0}`")]
    UnknownAccount(String),
    /// A text for people that cannot be shown to them as it is.
    #[error("{what} {reason}")]
    Text {
        /// What the text is.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The upload has another hash than its sender expects.
    #[error("the upload has the hash {actual}, but {claimed} was expected")]
    HashMismatch {
        /// What the sender expects.
        claimed: ObjectHash,
        /// The hash of the upload.
        actual: ObjectHash,
    },
    /// The name is bound to something else.
    #[error("`{name}` is bound to {bound} for ever; this upload has the hash {uploaded}")]
    ReleaseBound {
        /// The name.
        name: Box<ReleaseName>,
        /// What it is bound to.
        bound: ObjectHash,
        /// What was uploaded.
        uploaded: ObjectHash,
    },
    /// The name is one of components, and a package is uploaded, or the other way round.
    #[error("`{name}` is a {kind}; a {uploaded} cannot be published under the same name")]
    OtherKind {
        /// `namespace:name`.
        name: String,
        /// What its releases are.
        kind: &'static str,
        /// What was uploaded.
        uploaded: &'static str,
    },
    /// What is asked for is there for packages only.
    #[error("`{0}` is a component, and only packages have an archive of their WIT")]
    NotAPackage(Box<ReleaseName>),
    /// The upload is not a package that can be published.
    #[error(transparent)]
    Package(Box<AdmissionError>),
    /// The upload is not a component that can be published.
    #[error(transparent)]
    Component(Box<ComponentError>),
    /// The upload does not fit among the releases of its track.
    #[error(transparent)]
    Incompatible(Box<Incompatible>),
    /// What only OCI clients can run into.
    #[error(transparent)]
    Oci(#[from] OciFault),
    /// Too much is asked of the server at one time.
    #[error("the registry has too much to do at the moment")]
    Overloaded,
    /// Something failed that is not the client's business.
    #[error("the registry failed")]
    Internal(#[source] InternalError),
}

/// What failed inside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InternalError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A job panicked.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// What is stored is not what was published.
    #[error("the content stored for {hash} is damaged: {reason}")]
    Damaged {
        /// What was asked for.
        hash: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An archive of WIT cannot be written.
    #[error("an archive cannot be written")]
    Archive(#[source] std::io::Error),
    /// There is no randomness for secrets.
    #[error("the system gives no randomness")]
    Random(#[source] getrandom::Error),
    /// A handler panicked.
    #[error("a handler failed unexpectedly")]
    HandlerPanicked,
    /// An answer cannot be written as JSON.
    #[error("an answer cannot be written")]
    Answer(#[from] serde_json::Error),
}

impl AppError {
    /// An error about a name that is bound to something else than what was uploaded.
    pub(crate) fn bound(name: &ReleaseName, bound: &ReleaseTarget, uploaded: &ReleaseTarget) -> Self {
        Self::ReleaseBound { name: Box::new(name.clone()), bound: bound.hash(), uploaded: uploaded.hash() }
    }

    /// An error about an upload under a name whose releases are of the other kind.
    pub(crate) fn other_kind(name: &ReleaseName, uploaded: &ReleaseTarget) -> Self {
        let (kind, uploaded) = match uploaded {
            ReleaseTarget::Package(_) => ("component", "package"),
            ReleaseTarget::Component(_) => ("package", "component"),
        };
        Self::OtherKind { name: format!("{}:{}", name.namespace(), name.name()), kind, uploaded }
    }

    /// An error about stored content.
    pub(crate) fn damaged(hash: impl Display, reason: &dyn Error) -> Self {
        Self::Internal(InternalError::Damaged { hash: hash.to_string(), reason: with_causes(reason) })
    }

    /// The message with its causes, for people.
    pub(crate) fn message(&self) -> String {
        match self {
            // What failed inside is in the log, and nobody else's business.
            Self::Internal(_) => self.to_string(),
            // The details say in what.
            Self::Component(error) if matches!(**error, ComponentError::Differs(_)) => {
                "the component's interfaces differ from the registered ones".to_owned()
            }
            _ => with_causes(self),
        }
    }

    /// The single points, where there can be many: one line for each.
    pub(crate) fn details(&self) -> Vec<String> {
        match self {
            Self::Incompatible(error) => error.details(),
            Self::Component(error) => match &**error {
                ComponentError::Differs(differences) => differences.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

fn list(items: &[impl Display]) -> String {
    items.iter().map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ")
}

impl From<WitError> for AppError {
    fn from(error: WitError) -> Self {
        match error {
            WitError::Limit(error) => Self::Limit(error),
            error => Self::Package(Box::new(AdmissionError::Wit(error))),
        }
    }
}

impl From<AdmissionError> for AppError {
    fn from(error: AdmissionError) -> Self {
        match error {
            AdmissionError::Name(error) => Self::Name(error),
            AdmissionError::Wit(error) => error.into(),
            error => Self::Package(Box::new(error)),
        }
    }
}

impl From<ComponentError> for AppError {
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError::Limit(error) | ComponentError::Invalid(WitError::Limit(error)) => Self::Limit(error),
            // The packages come out of this registry's own store.
            ComponentError::Closure(ClosureError::Limit(error)) => Self::Limit(error),
            ComponentError::Closure(error) => Self::damaged("the component's packages", &error),
            error => Self::Component(Box::new(error)),
        }
    }
}

impl From<Incompatible> for AppError {
    fn from(error: Incompatible) -> Self {
        Self::Incompatible(Box::new(error))
    }
}

impl From<InternalError> for AppError {
    fn from(error: InternalError) -> Self {
        Self::Internal(error)
    }
}

impl From<WorkerError> for AppError {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Overloaded => Self::Overloaded,
            WorkerError::Panicked => Self::Internal(error.into()),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) => Self::Overloaded,
            error => Self::Internal(error.into()),
        }
    }
}

impl From<BlobError> for AppError {
    fn from(error: BlobError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<serde_json::Error> for AppError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.into())
    }
}
