//! The chain in one redb database: opened by one process at a time, written one block at a time.

use super::check::{self, CheckProgress, CheckReport};
use super::commit;
use super::error::{Fault, Location};
use super::snapshot::RedbSnapshot;
use super::tables::{
    CALLS, CLOSURES, COMPONENTS, CONTRACTS, FORMAT, FORMAT_1_TABLE, FORMAT_KEY, HEADERS, HELD_TOKENS, META, NODES,
    PACKAGES, PLACES, RECEIPTS, SERIALS, SHA256, TOKENS, TRANSACTIONS, Tables, UTXOS,
};
use super::{Snapshot, Storage, StorageError};
use crate::limits::Limits;
use ledger_core::SealedBlock;
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, StorageBackend, TableHandle};
use registry_core::limits::Limits as CoreLimits;
use registry_core::panics::catch_panic;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tracing::warn;

/// The name of the database in the data directory.
const FILE_NAME: &str = "ledger.redb";

/// A chain in one file.
///
/// After an error of the database, a full disk for example, it takes no more blocks, and reading may fail too. Drop it with
/// all its snapshots and open it again: everything that was acknowledged is there.
pub struct RedbStorage {
    location: Location,
    utxos_scanned_max: usize,
    database: OpenDatabase,
    latest: RwLock<Arc<RedbSnapshot>>,
    writing: Mutex<()>,
}

impl RedbStorage {
    /// Opens the chain in `directory`, or prepares the directory for one; it is created if it is not there.
    ///
    /// Checks that the last block is whole, that the header of every root in it is what was computed from the data, and
    /// that it follows the block below it. What is older is checked by [`RedbStorage::check`].
    ///
    /// # Errors
    /// If the directory cannot be used, another process has it, or it holds something else or is damaged.
    pub fn open(directory: &Path, limits: &Limits) -> Result<Self, StorageError> {
        let unusable = |error| StorageError::Directory { path: directory.to_owned(), error };
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let path = directory.join(FILE_NAME);
        if !path.try_exists().map_err(unusable)? {
            create(directory, &path, limits)?;
        }
        Self::open_file(&path, limits)
    }

    /// Opens the chain in `directory`, which must be there.
    ///
    /// # Errors
    /// [`StorageError::NoChain`] if there is none; else as [`RedbStorage::open`].
    pub fn open_existing(directory: &Path, limits: &Limits) -> Result<Self, StorageError> {
        let path = directory.join(FILE_NAME);
        match path.try_exists() {
            Ok(true) => Self::open_file(&path, limits),
            Ok(false) => Err(StorageError::NoChain { path: directory.to_owned() }),
            Err(error) => Err(StorageError::Directory { path: directory.to_owned(), error }),
        }
    }

    /// A chain that is gone when this is dropped: what a chain is executed again into, to compare it.
    ///
    /// # Errors
    /// If the database fails.
    pub fn in_memory(limits: &Limits) -> Result<Self, StorageError> {
        Self::with_backend(InMemoryBackend::new(), limits)
    }

    /// A chain on whatever keeps bytes: empty, or what a chain was kept on before.
    ///
    /// # Errors
    /// As [`RedbStorage::open`].
    pub fn with_backend(backend: impl StorageBackend, limits: &Limits) -> Result<Self, StorageError> {
        let location = Location(Arc::from(Path::new(FILE_NAME)));
        let database = location.run(|| {
            let database = OpenDatabase(Some(builder(limits).create_with_backend(backend)?));
            prepare(database.get()?)?;
            Ok(database)
        })?;
        Self::new(location, database, limits)
    }

    fn open_file(path: &Path, limits: &Limits) -> Result<Self, StorageError> {
        let location = Location(Arc::from(path));
        let database = location.run(|| Ok(OpenDatabase(Some(builder(limits).open(path)?))))?;
        Self::new(location, database, limits)
    }

    fn new(location: Location, database: OpenDatabase, limits: &Limits) -> Result<Self, StorageError> {
        check_format(&location, &database)?;
        let latest = location.run(|| {
            let tables = Tables::open(database.get()?)?;
            let snapshot = RedbSnapshot::new(location.clone(), tables, limits.utxos_scanned_max)?;
            check::check_tip(&snapshot.tables)?;
            Ok(snapshot)
        })?;
        let latest = RwLock::new(Arc::new(latest));
        Ok(Self { location, utxos_scanned_max: limits.utxos_scanned_max, database, latest, writing: Mutex::new(()) })
    }

    /// Computes everything again from the oldest block on and compares it with what is kept; also the structure of the
    /// file. `limits` are those of components.
    ///
    /// # Errors
    /// If the database fails, or a snapshot of this storage is still used. What differs is no error, but in the report.
    pub fn check(
        self,
        limits: &CoreLimits,
        progress: &mut dyn FnMut(CheckProgress),
    ) -> Result<CheckReport, StorageError> {
        let Self { location, mut database, latest, .. } = self;
        location.run(|| {
            let latest = latest.into_inner().unwrap_or_else(PoisonError::into_inner);
            let mut report = check::check(&latest.tables, limits, progress)?;
            drop(latest);
            check::check_file(database.get_mut()?, &mut report)?;
            Ok(report)
        })
    }

    fn latest(&self) -> Arc<RedbSnapshot> {
        Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, genesis: Option<&[u8]>, block: &SealedBlock) -> Result<(), StorageError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.latest();
        let after = self.location.run(|| {
            let database = self.database.get()?;
            commit::write(database, before.tip.as_ref(), genesis, block)?;
            RedbSnapshot::new(self.location.clone(), Tables::open(database)?, self.utxos_scanned_max)
        })?;
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        Ok(())
    }
}

impl Storage for RedbStorage {
    fn begin(&self, genesis: &[u8], block: &SealedBlock) -> Result<(), StorageError> {
        if self.latest().tip.is_some() {
            return Err(StorageError::NotNext("there is a chain already".to_owned()));
        }
        self.write(Some(genesis), block)
    }

    fn commit(&self, block: &SealedBlock) -> Result<(), StorageError> {
        if self.latest().tip.is_none() {
            return Err(StorageError::NotNext("there is no chain yet".to_owned()));
        }
        self.write(None, block)
    }

    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.latest()
    }
}

/// A database that is closed without stopping the thread, even if it is found damaged while it is being closed.
struct OpenDatabase(Option<Database>);

impl OpenDatabase {
    fn get(&self) -> Result<&Database, Fault> {
        self.0.as_ref().ok_or(Fault::Database(redb::Error::DatabaseClosed))
    }

    fn get_mut(&mut self) -> Result<&mut Database, Fault> {
        self.0.as_mut().ok_or(Fault::Database(redb::Error::DatabaseClosed))
    }
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        let database = self.0.take();
        if let Err(reason) = catch_panic(|| drop(database)) {
            warn!("the database could not be closed properly and will be repaired when it is opened: {reason}");
        }
    }
}

fn builder(limits: &Limits) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(limits.database_cache_size_bytes);
    builder
}

/// Makes a database that is whole from the moment on at which it has its name: a crash in the middle of the first write
/// would leave a file that cannot be opened.
fn create(directory: &Path, path: &Path, limits: &Limits) -> Result<(), StorageError> {
    let unusable = |error| StorageError::Directory { path: directory.to_owned(), error };
    let new = tempfile::Builder::new().prefix("new-").suffix(".redb").tempfile_in(directory).map_err(unusable)?;
    let location = Location(Arc::from(path));
    location.run(|| prepare(&builder(limits).create(new.path())?))?;
    new.as_file().sync_all().map_err(unusable)?;
    match new.persist_noclobber(path) {
        Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(failed.error)),
        _ => {}
    }
    sync_directory(directory).map_err(unusable)
}

/// A file whose name is not durable is lost with all that is written into it.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()?;
    match directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes the tables in a database that has none.
fn prepare(database: &Database) -> Result<(), Fault> {
    if !table_names(database)?.is_empty() {
        return Ok(());
    }
    let transaction = commit::begin(database)?;
    transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice())?;
    transaction.open_table(HEADERS)?;
    transaction.open_table(TRANSACTIONS)?;
    transaction.open_table(RECEIPTS)?;
    transaction.open_table(CALLS)?;
    transaction.open_table(PLACES)?;
    transaction.open_table(UTXOS)?;
    transaction.open_table(SERIALS)?;
    transaction.open_table(TOKENS)?;
    transaction.open_table(HELD_TOKENS)?;
    transaction.open_table(CONTRACTS)?;
    transaction.open_table(NODES)?;
    transaction.open_table(CLOSURES)?;
    transaction.open_table(COMPONENTS)?;
    transaction.open_table(PACKAGES)?;
    transaction.open_table(SHA256)?;
    Ok(transaction.commit()?)
}

fn table_names(database: &Database) -> Result<Vec<String>, Fault> {
    Ok(database.begin_read()?.list_tables()?.map(|table| table.name().to_owned()).collect())
}

fn check_format(location: &Location, database: &OpenDatabase) -> Result<(), StorageError> {
    let found = location.run(|| {
        let database = database.get()?;
        let names = table_names(database)?;
        let has = |name: &str| names.iter().any(|table| table == name);
        if has(META.name()) {
            let meta = database.begin_read()?.open_table(META)?;
            let format = meta.get(FORMAT_KEY)?.and_then(|bytes| bytes.value().try_into().ok().map(u32::from_le_bytes));
            return format.ok_or_else(|| Fault::Damaged("its format is not told".to_owned()));
        }
        // A node of format 1 that never got as far as its genesis left no table at all.
        if has(FORMAT_1_TABLE) || names.is_empty() {
            Ok(1)
        } else {
            Err(Fault::Damaged("it has other tables".to_owned()))
        }
    })?;
    let path = location.0.to_path_buf();
    if found == FORMAT { Ok(()) } else { Err(StorageError::OtherFormat { path, found, expected: FORMAT }) }
}
