//! One server on one database.

use super::StoreError;
use crate::config::{create_private_dir, open_private_file, parent_of};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The locked file beside a database. The system releases it when the process ends, however it ends.
///
/// Two servers would not harm each other's data, but each could serve what the other has yet to migrate.
#[derive(Debug)]
pub(super) struct DatabaseLock(File);

impl DatabaseLock {
    /// Takes the lock, and creates the file and its directory if they are not there.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let create = |path: &Path, source| StoreError::Create { path: path.to_owned(), source };
        let dir = parent_of(database);
        create_private_dir(dir).map_err(|source| create(dir, source))?;
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = open_private_file(&path).map_err(|source| create(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: database.to_owned() }),
            Err(TryLockError::Error(source)) => Err(create(&path, source)),
        }
    }
}

impl Drop for DatabaseLock {
    fn drop(&mut self) {
        // Closing the file alone is not enough: a process that is being started at this moment has a copy of it.
        let _ = self.0.unlock();
    }
}
