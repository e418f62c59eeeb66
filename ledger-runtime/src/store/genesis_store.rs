//! What a node keeps durably: the genesis and its contracts, with everything that is needed to verify them again.
//!
//! One database file in the data directory, for one process at a time. Nothing in it is believed: what is read is
//! verified like what comes from a registry.

use crate::genesis::{Genesis, GenesisError};
use redb::{Database, DatabaseError, ReadableDatabase, TableDefinition, TableError, WriteTransaction};
use registry_client::FetchedComponent;
use registry_core::closure::Closure;
use registry_core::component::{ComponentError, VerifiedComponent};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits as CoreLimits;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the database in the data directory.
const FILE_NAME: &str = "ledger.redb";

/// The genesis, as JSON, under [`GENESIS_KEY`].
const CHAIN: TableDefinition<&str, &[u8]> = TableDefinition::new("chain");
/// The bytes of each contract's component by its hash.
const COMPONENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("components");
/// The packages that each contract needs, as JSON, by its hash.
const CLOSURES: TableDefinition<&str, &[u8]> = TableDefinition::new("closures");

const GENESIS_KEY: &str = "genesis";

/// The database reads files through a cache of its own; contracts are read once and then kept compiled.
const CACHE_SIZE_BYTES: usize = 32 << 20;

/// Why the data of a node can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory can't be made or used.
    #[error("cannot use the data directory `{}`", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Another process has it.
    #[error("the data directory `{}` is in use by another node", .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The database failed.
    #[error("the database `{}` cannot be used", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: Box<redb::Error>,
    },
    /// The genesis in it can't be read.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The packages of a contract can't be read.
    #[error("the packages kept for the contract {hash} cannot be read")]
    Closure {
        /// The contract.
        hash: ComponentHash,
        /// Why.
        #[source]
        error: serde_json::Error,
    },
    /// A contract of the genesis is not in it.
    #[error("the contract {hash} is missing in the data directory")]
    Missing {
        /// The contract.
        hash: ComponentHash,
    },
    /// A contract in it is not what it is kept as.
    #[error("the contract {hash} is damaged in the data directory")]
    Damaged {
        /// The contract.
        hash: ComponentHash,
        /// What is wrong.
        #[source]
        error: Box<ComponentError>,
    },
}

/// A node's own data.
pub struct Store {
    database: Database,
    path: PathBuf,
}

impl Store {
    /// Opens the data in `directory`, which is created if it is not there.
    ///
    /// # Errors
    /// If the directory or the database can't be used, or another process has it.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let unusable = |error| StoreError::Directory { path: directory.to_owned(), error };
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let path = directory.join(FILE_NAME);
        let opened = Database::builder().set_cache_size(CACHE_SIZE_BYTES).create(&path);
        let database = match opened {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(StoreError::InUse { path: directory.to_owned() }),
            Err(error) => return Err(StoreError::Database { path, error: Box::new(error.into()) }),
        };
        // A file whose name is not durable is lost with all that is written into it.
        sync_directory(directory).map_err(unusable)?;
        Ok(Self { database, path })
    }

    /// The genesis that was committed, if one was.
    ///
    /// # Errors
    /// If the database fails or holds something else.
    pub fn genesis(&self) -> Result<Option<Genesis>, StoreError> {
        let bytes = self.read(CHAIN, GENESIS_KEY).map_err(|error| self.failed(error))?;
        Ok(bytes.map(|bytes| Genesis::parse(&self.path, &bytes)).transpose()?)
    }

    /// The contract with this hash, verified once more; none if it is not kept here.
    ///
    /// # Errors
    /// If the database fails, or what it holds is not the contract.
    pub fn contract(&self, hash: &ComponentHash, limits: &CoreLimits) -> Result<Option<FetchedComponent>, StoreError> {
        let key = hash.to_string();
        let read = |table| self.read(table, &key).map_err(|error| self.failed(error));
        let (Some(bytes), Some(closure)) = (read(COMPONENTS)?, read(CLOSURES)?) else { return Ok(None) };
        let closure: Closure =
            serde_json::from_slice(&closure).map_err(|error| StoreError::Closure { hash: *hash, error })?;
        let component = VerifiedComponent::check(hash, &bytes, &closure, limits)
            .map_err(|error| StoreError::Damaged { hash: *hash, error: Box::new(error) })?;
        Ok(Some(FetchedComponent { bytes, component }))
    }

    /// Keeps a genesis with all its contracts: all of it, or nothing. When this returns, it survives a loss of power.
    ///
    /// # Errors
    /// If the database fails.
    pub fn commit<'a>(
        &self,
        genesis: &Genesis,
        contracts: impl Iterator<Item = &'a FetchedComponent>,
    ) -> Result<(), StoreError> {
        self.write(genesis, contracts).map_err(|error| self.failed(error))
    }

    fn write<'a>(
        &self,
        genesis: &Genesis,
        contracts: impl Iterator<Item = &'a FetchedComponent>,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        insert(&transaction, CHAIN, GENESIS_KEY, &json(genesis)?)?;
        for contract in contracts {
            let key = contract.component.hash().to_string();
            insert(&transaction, COMPONENTS, &key, &contract.bytes)?;
            insert(&transaction, CLOSURES, &key, &json(contract.component.closure())?)?;
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, table: TableDefinition<&str, &[u8]>, key: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        let transaction = self.database.begin_read()?;
        match transaction.open_table(table) {
            Ok(table) => Ok(table.get(key)?.map(|value| value.value().to_vec())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), error: Box::new(error) }
    }
}

fn insert(
    transaction: &WriteTransaction,
    table: TableDefinition<&str, &[u8]>,
    key: &str,
    value: &[u8],
) -> Result<(), redb::Error> {
    transaction.open_table(table)?.insert(key, value)?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, redb::Error> {
    serde_json::to_vec(value).map_err(|error| redb::Error::Io(error.into()))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()?;
    match directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
