//! The database: names, hashes and what refers to what. SQL stands here and nowhere else.
//!
//! The queries are written so that the same text works on PostgreSQL: `$1` binds, `ON CONFLICT DO NOTHING`, and
//! decisions by the number of rows that were written, never by the name of a constraint.

mod components;
mod lock;
mod packages;
mod releases;

use crate::config::DatabaseUrl;
use crate::limits::ServerLimits;
use lock::DatabaseLock;
use registry_core::wire::ReleaseTarget;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::PathBuf;
use std::str::FromStr;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// A transaction that reads before it writes takes the lock at once: to take it later can fail.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory of the database cannot be created.
    #[error("`{path}` cannot be created")]
    Create {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another server has the database.
    #[error("another server is running on the database `{path}`")]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The tables cannot be created or brought up to date.
    #[error("the database's tables cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// No connection or lock became free in time.
    #[error("the database was busy for too long")]
    Busy(#[source] sqlx::Error),
    /// A query failed.
    #[error("the database failed")]
    Query(#[source] sqlx::Error),
    /// A row that this server cannot have written.
    #[error("the database holds `{text}`, which is not valid: {reason}")]
    Damaged {
        /// What stands there.
        text: String,
        /// Why it cannot be right.
        reason: String,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        /// The primary result code `SQLITE_BUSY`, which stands in the low byte of every code that extends it.
        const BUSY: i64 = 5;
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<i64>().ok());
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy(error),
            _ if code.is_some_and(|code| code & 0xff == BUSY) => Self::Busy(error),
            _ => Self::Query(error),
        }
    }
}

/// What came of writing something that is bound to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there now.
    Created,
    /// It was there already.
    Present,
    /// The name is bound to something else, and nothing was written.
    Bound(ReleaseTarget),
}

/// The database of one server.
#[derive(Debug)]
pub(crate) struct Store {
    readers: SqlitePool,
    writer: SqlitePool,
    _lock: DatabaseLock,
}

impl Store {
    /// Opens the database, creates it if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another server has it; else if it cannot be opened or migrated.
    pub(crate) async fn open(url: &DatabaseUrl, limits: &ServerLimits) -> Result<Self, StoreError> {
        let DatabaseUrl::Sqlite(path) = url;
        let lock = DatabaseLock::take(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(limits.database_wait_max);
        let pool = || SqlitePoolOptions::new().acquire_timeout(limits.database_wait_max);
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await.map_err(StoreError::Migrate)?;
        let readers = pool().max_connections(limits.database_readers_max).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer, _lock: lock })
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT hash FROM packages LIMIT 1").fetch_optional(&self.readers).await?;
        Ok(())
    }

    /// Closes all connections, after which everything written is in the database's own file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Reads a typed value out of a column.
fn parse<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error: T::Err| StoreError::Damaged { text: text.to_owned(), reason: error.to_string() })
}
