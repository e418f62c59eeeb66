//! Why the data of a chain cannot be used, and what to do about it.

use registry_core::panics::catch_panic;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a chain's data cannot be used. Where they are is the operator's business: what can happen while a node runs, and
/// so is told to those who ask it, does not name the file. After [`StorageError::Database`] and [`StorageError::Damaged`] the storage must be
/// opened again before anything is written; everything that was acknowledged is there then.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The directory cannot be made or used.
    #[error("cannot use the data directory `{}`", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// No node has been started with this directory.
    #[error("there is no chain in the data directory `{}`", .path.display())]
    NoChain {
        /// The directory.
        path: PathBuf,
    },
    /// Another process has it, or another part of this one.
    #[error("the database `{}` is in use by another process", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version of this program.
    #[error("the database `{}` has format {found}, and this program reads format {expected}", .path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        found: u32,
        /// The format that is read.
        expected: u32,
    },
    /// The database failed.
    #[error("the chain's database failed")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: Box<redb::Error>,
    },
    /// What stands in the database is not what was written.
    #[error("the chain's database is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The block does not follow from what is kept. Nothing was written.
    #[error("the block cannot be committed: {0}")]
    NotNext(String),
}

impl StorageError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Directory { .. } => Some("name a directory that this user may write with --data-dir"),
            Self::NoChain { .. } => Some("name the directory that a node was started with: --data-dir"),
            Self::InUse { .. } => Some("stop the other process, or use another --data-dir"),
            Self::OtherFormat { found: 1, .. } => Some(
                "format 1 kept no transactions: move the directory away and start the node again with the same genesis",
            ),
            Self::OtherFormat { found: 2, .. } => Some(
                "in format 2 tokens had no ids, so its chain cannot go on: move the directory away and start the node again with the same genesis",
            ),
            Self::OtherFormat { .. } => Some("use the version of this program that wrote it, or another --data-dir"),
            Self::Database { error, .. } if is_full(error) => {
                Some("make room on the disk and start the node again: everything that it acknowledged is there")
            }
            Self::Database { .. } => {
                Some("look at the disk, then start the node again: everything that it acknowledged is there")
            }
            Self::Damaged { .. } => {
                Some("`ledger check` lists all that is wrong; put the data directory back from a copy")
            }
            Self::NotNext(_) => None,
        }
    }
}

fn is_full(error: &redb::Error) -> bool {
    matches!(error, redb::Error::Io(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

/// What goes wrong inside the storage, before it is told in which file.
#[derive(Debug)]
pub(super) enum Fault {
    Database(redb::Error),
    Damaged(String),
    NotNext(String),
}

macro_rules! from_database {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}

from_database!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

/// The file that errors are about.
#[derive(Debug, Clone)]
pub(super) struct Location(pub(super) Arc<Path>);

impl Location {
    /// Does something with the database and tells in which file it went wrong. The database stops the thread when it
    /// finds its own structure broken; here that is an error like others.
    pub(super) fn run<T>(&self, action: impl FnOnce() -> Result<T, Fault>) -> Result<T, StorageError> {
        catch_panic(action)
            .unwrap_or_else(|reason| Err(Fault::Damaged(format!("the database stopped: {reason}"))))
            .map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: Fault) -> StorageError {
        let path = self.0.to_path_buf();
        match fault {
            Fault::Database(redb::Error::DatabaseAlreadyOpen) => StorageError::InUse { path },
            Fault::Database(redb::Error::Corrupted(what)) => StorageError::Damaged { path, what },
            Fault::Database(redb::Error::Io(error)) if is_damage(&error) => {
                StorageError::Damaged { path, what: error.to_string() }
            }
            Fault::Database(error) => StorageError::Database { path, error: Box::new(error) },
            Fault::Damaged(what) => StorageError::Damaged { path, what },
            Fault::NotNext(what) => StorageError::NotNext(what),
        }
    }
}

/// The file is something else, or too short.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
