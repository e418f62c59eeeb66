//! What only OCI clients can run into.

use crate::oci::{Digest, DigestError, Reference, ReferenceError, Repository, RepositoryError, Tag, TagError};
use crate::store::ManifestRefusal;
use semver::Version;

/// Why an OCI request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OciFault {
    /// The address names no repository.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A text is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A text is no tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// Nothing was ever published in the repository.
    #[error("`{0}` is not in this registry")]
    RepositoryUnknown(Repository),
    /// The repository has no such manifest.
    #[error("`{repository}` has no manifest `{reference}`")]
    ManifestUnknown {
        /// Where.
        repository: Repository,
        /// What was asked for.
        reference: Reference,
    },
    /// The repository has no such blob.
    #[error("`{repository}` has no blob `{digest}`")]
    BlobUnknown {
        /// Where.
        repository: Repository,
        /// What was asked for.
        digest: Digest,
    },
    /// The upload was never begun, is finished, was cancelled, or is too old.
    #[error("there is no upload `{0}`: it was never begun, is finished, or nothing came for too long")]
    UploadUnknown(String),
    /// A part of an upload does not begin where the last one ended.
    #[error("the upload has {size_bytes} bytes, so the next part begins there; this one begins at {start}")]
    OutOfOrder {
        /// What came so far.
        size_bytes: u64,
        /// Where the part begins.
        start: u64,
    },
    /// A header or a question of an upload that cannot be understood.
    #[error("{0}")]
    UploadInvalid(String),
    /// The content is another than was announced.
    #[error("the content has the digest {actual}, but {claimed} was announced")]
    DigestMismatch {
        /// What was announced.
        claimed: Digest,
        /// What came.
        actual: Digest,
    },
    /// The content is not as long as was announced.
    #[error("{what} has {actual} bytes, but {claimed} were announced")]
    SizeMismatch {
        /// What is too short or too long.
        what: String,
        /// What was announced.
        claimed: u64,
        /// What came.
        actual: u64,
    },
    /// The manifest breaks a rule.
    #[error("{0}")]
    ManifestInvalid(String),
    /// The manifest names blobs or manifests that were not pushed.
    #[error("the manifest names what is not in `{repository}`: {}", list(.missing))]
    ManifestBlobUnknown {
        /// Where.
        repository: Repository,
        /// What is missing.
        missing: Vec<Digest>,
    },
    /// The tag is bound to something else.
    #[error("the tag `{tag}` is bound to {bound} for ever")]
    TagBound {
        /// The tag.
        tag: Tag,
        /// What it is bound to.
        bound: Digest,
    },
    /// The tag is that of a release.
    #[error("the tag `{0}` is the version of a release, and this is not a manifest of a WIT package or a component")]
    TagOfRelease(Tag),
    /// A release has too many manifests.
    #[error("the release {0} is published with this very content, and has as many manifests as it may have")]
    TooManyManifests(Version),
    /// Something else than a WIT package or a component, where the operator does not allow it.
    #[error("the namespace `{namespace}` takes WIT packages and components only: {reason}")]
    ArtifactRefused {
        /// The namespace.
        namespace: String,
        /// Why this is neither.
        reason: String,
    },
    /// What is published is never deleted.
    #[error("{0} cannot be deleted: what is published here stays")]
    Immutable(&'static str),
    /// An account has too much that is not bound.
    #[error("{0}")]
    TooMuchUnbound(String),
}

fn list(digests: &[Digest]) -> String {
    digests.iter().map(|digest| format!("`{digest}`")).collect::<Vec<_>>().join(", ")
}

impl From<ReferenceError> for OciFault {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Tag(error) => Self::Tag(error),
            ReferenceError::Digest(error) => Self::Digest(error),
        }
    }
}

impl From<ManifestRefusal> for OciFault {
    fn from(refusal: ManifestRefusal) -> Self {
        match refusal {
            ManifestRefusal::Missing(repository, missing) => Self::ManifestBlobUnknown { repository, missing },
            ManifestRefusal::TagBound(tag, bound) => Self::TagBound { tag, bound },
            ManifestRefusal::TagOfRelease(tag) => Self::TagOfRelease(tag),
            ManifestRefusal::TooMany(version) => Self::TooManyManifests(version),
        }
    }
}

impl OciFault {
    /// The code of this error in the registry's own terms, and what to do.
    pub(crate) fn explain(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Repository(_) => {
                ("invalid_name", Some("a package `namespace:name` is the repository `namespace/name`"))
            }
            Self::Digest(_) => ("invalid_digest", None),
            Self::Tag(_) => ("invalid_tag", Some("the tag of a package or a component is its version")),
            Self::RepositoryUnknown(_) => ("not_found", Some("check the name, or publish it first")),
            Self::ManifestUnknown { .. } => ("not_found", Some("check the version, or publish it first")),
            Self::BlobUnknown { .. } => ("not_found", Some("push the blob into this repository, or mount it")),
            Self::UploadUnknown(_) => ("upload_unknown", Some("begin another upload")),
            Self::OutOfOrder { .. } => ("out_of_order", Some("send the parts one after the other, without a gap")),
            Self::UploadInvalid(_) => ("upload_invalid", None),
            Self::DigestMismatch { .. } => {
                ("digest_mismatch", Some("upload it again; something was changed on its way"))
            }
            Self::SizeMismatch { .. } => ("size_mismatch", Some("upload it again; a part may be missing")),
            Self::ManifestInvalid(_) => ("invalid_manifest", None),
            Self::ManifestBlobUnknown { .. } => ("missing_blobs", Some("push what a manifest names before it")),
            Self::TagBound { .. } | Self::TagOfRelease(_) => ("tag_bound", Some("choose another tag; tags never move")),
            Self::TooManyManifests(_) => ("too_many_manifests", Some("nothing is left to do: pull it by its tag")),
            Self::ArtifactRefused { .. } => {
                ("artifact_refused", Some("the operator can allow other artifacts with `--oci-artifacts NAMESPACE`"))
            }
            Self::Immutable(_) => {
                ("immutable", Some("a release that nobody should use can be yanked: `registry yank`"))
            }
            Self::TooMuchUnbound(_) => {
                ("too_much_unbound", Some("push the manifests of the blobs that you have pushed, or wait"))
            }
        }
    }
}
