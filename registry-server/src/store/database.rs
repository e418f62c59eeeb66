//! The two databases behind one store: how they are opened, and how a transaction begins.

use super::StoreError;
use super::connection::{Access, Connection};
use super::lock::DatabaseLock;
use crate::config::{DatabaseUrl, PostgresUrl, open_private_file};
use crate::limits::ServerLimits;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Database as Driver, Executor, PgConnection, Pool, Postgres, Sqlite};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

pub(super) static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");
pub(super) static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// A transaction that reads before it writes takes SQLite's lock at once: to take it later can fail.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";

/// What a statement sees must be what is committed when it begins, not when the transaction began: the transaction waits
/// for the lock first. So it does not leave the level to the settings of the database or of the user.
const POSTGRES_BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Ends with the transaction. It makes PostgreSQL like SQLite: one transaction writes at a time, whichever server it
/// belongs to, so what it has read stays true until it commits. The number is this server's own.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(8097865137419021)";

/// Connections to one of the databases.
#[derive(Debug)]
pub(super) enum Database {
    /// A file, with the lock that keeps other servers away.
    Sqlite(Pools<Sqlite>, #[expect(dead_code, reason = "it is held, never used")] DatabaseLock),
    /// A database that several servers may share.
    Postgres(Pools<Postgres>),
}

#[derive(Debug)]
pub(super) struct Pools<DB: Driver> {
    readers: Pool<DB>,
    /// One connection: those who write wait here rather than in the database.
    writer: Pool<DB>,
}

impl Database {
    /// Opens a database, creates it if it is a file that is not there, and brings its tables up to date.
    pub(super) async fn open(url: &DatabaseUrl, limits: &ServerLimits) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path, limits).await,
            DatabaseUrl::Postgres(url) => open_postgres(url, limits).await,
        }
    }

    /// A connection for reading.
    pub(super) async fn read(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Sqlite(pools, _) => Connection::Sqlite(Access::Read(pools.readers.acquire().await?)),
            Self::Postgres(pools) => Connection::Postgres(Access::Read(pools.readers.acquire().await?)),
        })
    }

    /// A transaction that nobody else writes beside. It is undone unless it is committed.
    pub(super) async fn write(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(pools, _) => {
                Ok(Connection::Sqlite(Access::Write(pools.writer.begin_with(SQLITE_BEGIN).await?)))
            }
            Self::Postgres(pools) => {
                let mut transaction = pools.writer.begin_with(POSTGRES_BEGIN).await?;
                transaction.execute(POSTGRES_LOCK).await?;
                Ok(Connection::Postgres(Access::Write(transaction)))
            }
        }
    }

    /// Closes all connections.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pools, _) => pools.close().await,
            Self::Postgres(pools) => pools.close().await,
        }
    }
}

impl<DB: Driver> Pools<DB> {
    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn open_sqlite(path: &Path, limits: &ServerLimits) -> Result<Database, StoreError> {
    let lock = DatabaseLock::take(path)?;
    // SQLite would let everybody read what it creates. Its other files get the mode of this one.
    open_private_file(path).map_err(|source| StoreError::Create { path: path.to_owned(), source })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(limits.database_wait_max);
    let writer = writer_pool(limits).connect_with(options.clone()).await?;
    SQLITE_MIGRATIONS.run(&writer).await.map_err(StoreError::Migrate)?;
    let readers = reader_pool(limits).connect_with(options.read_only(true)).await?;
    Ok(Database::Sqlite(Pools { readers, writer }, lock))
}

async fn open_postgres(url: &PostgresUrl, limits: &ServerLimits) -> Result<Database, StoreError> {
    let options = url.options().map_err(StoreError::Connect)?;
    reach(&options, limits.database_wait_max).await?;
    migrate_postgres(options.clone(), limits).await?;
    let patient = with_timeouts(options, limits.database_wait_max);
    let writer = writer_pool(limits).connect_with(patient.clone()).await?;
    let readers = patient.options([("default_transaction_read_only", "on")]);
    let readers = reader_pool(limits).connect_with(readers).await?;
    Ok(Database::Postgres(Pools { readers, writer }))
}

/// Connects once without a pool, which would try again and in the end only say that it took too long.
async fn reach(options: &PgConnectOptions, wait_max: Duration) -> Result<(), StoreError> {
    let connected = timeout(wait_max, PgConnection::connect_with(options)).await;
    let too_late = |_| sqlx::Error::Io(io::ErrorKind::TimedOut.into());
    let connection = connected.map_err(too_late).flatten().map_err(StoreError::Connect)?;
    Ok(connection.close().await?)
}

/// Changing tables may take longer than a request may wait, so it has a connection without the timeouts.
async fn migrate_postgres(options: PgConnectOptions, limits: &ServerLimits) -> Result<(), StoreError> {
    let pool = writer_pool::<Postgres>(limits).connect_with(options).await?;
    let migrated = POSTGRES_MIGRATIONS.run(&pool).await.map_err(StoreError::Migrate);
    pool.close().await;
    migrated
}

/// No statement, no lock and no server that went silent inside of a transaction may hold up the others for longer.
fn with_timeouts(options: PgConnectOptions, wait_max: Duration) -> PgConnectOptions {
    let settings = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
    options.options(settings.map(|setting| (setting, format!("{}ms", wait_max.as_millis()))))
}

fn writer_pool<DB: Driver>(limits: &ServerLimits) -> PoolOptions<DB> {
    PoolOptions::new().acquire_timeout(limits.database_wait_max).max_connections(1)
}

fn reader_pool<DB: Driver>(limits: &ServerLimits) -> PoolOptions<DB> {
    PoolOptions::new().acquire_timeout(limits.database_wait_max).max_connections(limits.database_readers_max)
}
