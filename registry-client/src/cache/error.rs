//! What can be wrong with the cache.

use registry_core::closure::ClosureError;
use registry_core::component::ComponentError;
use registry_core::id::{ObjectHash, ViewId};
use registry_core::limits::LimitExceeded;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// Why the cache could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Files do not hold what they are named by.
    #[error("the cache holds damaged files for {hash}: {}", list(.paths))]
    Damaged {
        /// What was looked for.
        hash: ObjectHash,
        /// The files that are to blame, or all that could be.
        paths: Vec<PathBuf>,
        /// What is wrong, with both hashes if there are two.
        #[source]
        source: Box<Damage>,
    },
    /// Something that was verified has no form in which it can be kept.
    #[error("this cannot be kept in the cache: {0}")]
    Unkeepable(String),
    /// The operating system refused.
    #[error("the cache cannot use `{}`", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        #[source]
        source: io::Error,
    },
}

/// How a file of the cache is damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It is not an entry of the cache.
    #[error("it has another form: {0}")]
    Form(String),
    /// It is not what was written.
    #[error("its sha256 is {actual}, but {written} was written")]
    Digest {
        /// The sha256 in the file.
        written: String,
        /// That of what follows it.
        actual: String,
    },
    /// It is the entry of something else.
    #[error("it is the entry of {0}")]
    OtherObject(ObjectHash),
    /// The WIT does not have the hash.
    #[error(transparent)]
    Package(#[from] ClosureError),
    /// The component does not have the hash, or does not fit its packages.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component's world is another.
    #[error("the component's view is {actual}, but {kept} was kept with it")]
    View {
        /// What stands in the cache.
        kept: ViewId,
        /// What was computed.
        actual: ViewId,
    },
    /// It is larger than anything that is kept.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

impl CacheError {
    /// One word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "cache_damaged",
            Self::Unkeepable(_) => "internal",
            Self::Io { .. } => "io",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { .. } => Some(
                "nothing of it was used; fetching it with a connection replaces it, and so does \
                 `registry cache clean` and fetching again"
                    .to_owned(),
            ),
            Self::Io { .. } => Some(format!(
                "name another folder in `{}`, or leave that empty to cache nothing",
                super::FOLDER_VARIABLE
            )),
            Self::Unkeepable(_) => None,
        }
    }

    pub(super) fn damaged(hash: ObjectHash, paths: Vec<PathBuf>, source: impl Into<Damage>) -> Self {
        Self::Damaged { hash, paths, source: Box::new(source.into()) }
    }

    pub(super) fn unkeepable(reason: impl Display) -> Self {
        Self::Unkeepable(reason.to_string())
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

fn list(paths: &[PathBuf]) -> String {
    const SHOWN_PATHS_MAX: usize = 3;
    let shown: Vec<String> = paths.iter().take(SHOWN_PATHS_MAX).map(|path| format!("`{}`", path.display())).collect();
    match paths.len().saturating_sub(SHOWN_PATHS_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
