//! What can be wrong with a project.

use super::manifest::MANIFEST_FILE;
use super::requirement::{PackagePath, Range, RequirementError};
use crate::error::ClientError;
use crate::local::LocalError;
use crate::output::OutputError;
use registry_core::id::PackageHash;
use registry_core::limits::LimitExceeded;
use registry_core::name::ReleaseName;
use registry_core::wit::WitError;
use semver::Version;
use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be done with a project. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// There is no project here.
    #[error("there is no `{MANIFEST_FILE}` in `{}` or in a folder above it", shown(.folder))]
    NoProject {
        /// Where it was looked for first.
        folder: PathBuf,
    },
    /// There is a project already.
    #[error("`{}` exists already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing of another tool.
    #[error("there is no `wkg.toml`, `wkg.lock` or `deps.toml` in `{}`", shown(.folder))]
    NothingToImport {
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// A file of another tool cannot be read.
    #[error("`{}` is not what its name says: {reason}", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The requirements cannot be read.
    #[error("`{}` is not a file of requirements: {reason}", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with its place if that is known.
        reason: String,
    },
    /// A requirement has another form.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// No release can answer a requirement.
    #[error("no release of `{path}` fits {}: {reason}", fit(.range))]
    Unsatisfiable {
        /// The package.
        path: PackagePath,
        /// Its versions; none if any would do.
        range: Option<Range>,
        /// Why, with the versions that there are.
        reason: String,
        /// The nearest version that can be used.
        nearest: Option<Version>,
    },
    /// Something is to be updated that is not required.
    #[error("`{0}` is not required in `{MANIFEST_FILE}`")]
    NotRequired(PackagePath),
    /// There is no lock, and it may not be made.
    #[error("there is no `{}`", .path.display())]
    NoLock {
        /// Where it would be.
        path: PathBuf,
    },
    /// The lock does not answer the requirements, and it may not be changed.
    #[error("the lock does not fit `{MANIFEST_FILE}`: {}", .differences.join("; "))]
    LockOutdated {
        /// What differs, one sentence each.
        differences: Vec<String>,
    },
    /// The lock cannot be read or does not fit together.
    #[error("`{}` is not a lock that can be used: {reason}", .path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The lock differs from the packages that it names.
    #[error("the lock was changed by something else than `registry`: `{name}`: {reason}")]
    EditedLock {
        /// The package.
        name: ReleaseName,
        /// In what it differs, with both hashes if these do.
        reason: String,
    },
    /// A package of the lock cannot be had.
    #[error("the lock gives `{name}` the hash {hash}, which cannot be fetched")]
    LockedPackage {
        /// The package.
        name: ReleaseName,
        /// Its hash in the lock.
        hash: PackageHash,
        /// Why.
        #[source]
        source: Box<ClientError>,
    },
    /// One name and version is bound to two contents.
    #[error("`{name}` has the hash {first} for one package and {second} for another")]
    TwoContents {
        /// The package.
        name: ReleaseName,
        /// One hash.
        first: PackageHash,
        /// The other.
        second: PackageHash,
    },
    /// A file that was fetched has changed since.
    #[error("`{}` was changed since it was fetched: its sha256 was {expected} and is {actual}", .path.display())]
    ChangedFile {
        /// The file.
        path: PathBuf,
        /// The sha256 of what was written.
        expected: String,
        /// The sha256 of what is there.
        actual: String,
    },
    /// A folder that `fetch` did not write holds another content of a package that it is to write.
    #[error("`{}` holds another `{name}` than the lock: {reason}", .path.display())]
    OtherContent {
        /// The file or folder.
        path: PathBuf,
        /// The package.
        name: ReleaseName,
        /// Both hashes, or why there is only one.
        reason: String,
    },
    /// The folder with the fetched packages does not hold what the lock says.
    #[error("the fetched packages differ from the lock: {}", .differences.join("; "))]
    DepsDiffer {
        /// In what, one sentence each, with both hashes where there are two.
        differences: Vec<String>,
    },
    /// A link stands where packages are written.
    #[error("`{}` is a symbolic link, and packages are written only inside of the project", .path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file of the project is too large.
    #[error("`{}` is too large", .path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// Which limit.
        #[source]
        source: LimitExceeded,
    },
    /// The operating system refused.
    #[error("cannot {verb} `{}`", .path.display())]
    Io {
        /// What was to be done.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: io::Error,
    },
    /// A WIT file of the project cannot be read.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// WIT cannot be parsed or printed.
    #[error(transparent)]
    Wit(#[from] WitError),
    /// What was fetched cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The registry or the cache cannot be used, or was refused.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl ProjectError {
    /// One word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::NoProject { .. } => "no_project",
            Self::NothingToImport { .. } => "nothing_to_import",
            Self::Foreign { .. } => "invalid_import",
            Self::Exists { .. } => "exists",
            Self::Manifest { .. } | Self::Requirement(_) => "invalid_requirements",
            Self::Unsatisfiable { .. } => "unsatisfiable",
            Self::NotRequired(_) => "not_required",
            Self::NoLock { .. } => "no_lock",
            Self::LockOutdated { .. } => "lock_outdated",
            Self::Lock { .. } | Self::EditedLock { .. } => "lock_invalid",
            Self::LockedPackage { source, .. } => source.code(),
            Self::TwoContents { .. } => "two_contents",
            Self::ChangedFile { .. } | Self::OtherContent { .. } | Self::DepsDiffer { .. } => "deps_changed",
            Self::Link { .. } => "link",
            Self::Limit { .. } => "limit_exceeded",
            Self::Io { .. } => "io",
            Self::Local(error) => error.code(),
            Self::Wit(_) => "internal",
            Self::Output(error) => error.code(),
            Self::Client(error) => error.code(),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoProject { .. } => {
                "`registry init` makes a project of this folder; `registry fetch SPEC` fetches without one".to_owned()
            }
            Self::NothingToImport { .. } => "`registry init` makes a project without them".to_owned(),
            Self::Exists { .. } => "add to it with `registry add namespace:name`".to_owned(),
            Self::Manifest { .. } => {
                format!("`registry init` in an empty folder shows what `{MANIFEST_FILE}` looks like")
            }
            Self::Unsatisfiable { path, nearest, .. } => match nearest {
                Some(nearest) => format!("the nearest is {nearest}: `registry add {path}@{nearest}` requires it"),
                None => "is the name right, and is this the right registry?".to_owned(),
            },
            Self::NotRequired(path) => format!("`registry add {path}` requires it"),
            Self::NoLock { .. } | Self::LockOutdated { .. } => {
                "`registry lock` brings it up to date; commit what it writes".to_owned()
            }
            Self::Lock { .. } | Self::EditedLock { .. } => {
                "take it from version control again, or delete it and run `registry lock`".to_owned()
            }
            Self::LockedPackage { source, .. } if source.is_not_found() => {
                "is this the registry that the lock was made with? If so: take the lock from version control again"
                    .to_owned()
            }
            Self::ChangedFile { .. } => "`registry fetch --force` puts back what was fetched".to_owned(),
            Self::DepsDiffer { .. } => "remove what you did not put there yourself, and fetch again".to_owned(),
            Self::OtherContent { .. } => "remove it, so that `registry fetch` can write the package".to_owned(),
            Self::Link { .. } => "remove the link, and fetch again".to_owned(),
            Self::TwoContents { .. } => "do not trust this registry, or tell its operator".to_owned(),
            Self::LockedPackage { source, .. } => return source.hint(),
            Self::Local(error) => return error.hint(),
            Self::Output(error) => return error.hint(),
            Self::Client(error) => return error.hint(),
            Self::Foreign { .. } | Self::Requirement(_) | Self::Limit { .. } | Self::Io { .. } | Self::Wit(_) => {
                return None;
            }
        };
        Some(text)
    }

    pub(super) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { verb, path: path.to_owned(), source }
    }
}

/// A folder as a person names it.
fn shown(folder: &Path) -> std::path::Display<'_> {
    if folder.as_os_str().is_empty() { Path::new(".").display() } else { folder.display() }
}

fn fit(range: &Option<Range>) -> String {
    range.as_ref().map_or_else(|| "a project".to_owned(), |range| format!("`{range}`"))
}
