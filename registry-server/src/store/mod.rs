//! The database: names, hashes, who may change them, and what can be found. SQL stands here and nowhere else.
//!
//! Each query is written once and runs on SQLite and on PostgreSQL: `$1` binds, `ON CONFLICT`, and decisions by the
//! number of rows that were written, never by the name of a constraint. On both, one transaction writes at a time
//! ([`Database::write`]). Lists come in pages that begin after a key, never at an offset.

mod accounts;
mod components;
mod connection;
#[cfg(test)]
mod contract_test;
mod database;
mod downloads;
mod hashes;
mod interfaces;
mod lock;
mod namespaces;
mod oci;
mod packages;
mod publication;
mod releases;
mod search;
mod words;

pub(crate) use accounts::NewToken;
pub(crate) use hashes::HashRange;
pub(crate) use interfaces::{InterfaceChoice, UserKey};
pub(crate) use namespaces::{Claimed, OwnerChange};
pub(crate) use oci::{
    AppendedPart, BegunUpload, FinishedUpload, ManifestForm, ManifestRefusal, Mounted, NewManifest, OciBlob,
    OciManifest, OciQuota, OciSource, Unbound, UploadKey, UploadPart, VisibleOciBlob,
};
pub(crate) use publication::{Publication, Publisher, Written, compared_with, other_kind};
pub(crate) use releases::Unyanked;
pub(crate) use search::{SearchDocument, SearchKey, SearchKind};
pub(crate) use words::words_of;

use crate::config::DatabaseUrl;
use crate::limits::ServerLimits;
use database::Database;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;
use std::path::PathBuf;
use std::str::FromStr;

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
    /// The database cannot be reached, or does not let this server in.
    #[error("the database cannot be used")]
    Connect(#[source] sqlx::Error),
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

impl StoreError {
    fn damaged(text: &str, reason: &str) -> Self {
        Self::Damaged { text: text.to_owned(), reason: reason.to_owned() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let is_busy = match &error {
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(error) => is_busy(&**error),
            _ => false,
        };
        if is_busy { Self::Busy(error) } else { Self::Query(error) }
    }
}

/// Whether a database asks to try again later.
fn is_busy(error: &dyn DatabaseError) -> bool {
    /// The primary result code `SQLITE_BUSY`, which stands in the low byte of every code that extends it.
    const SQLITE_BUSY: i64 = 5;
    /// Serialization failure, deadlock, too many connections, starting up, lock and statement timeout.
    const POSTGRES_BUSY: [&str; 6] = ["40001", "40P01", "53300", "57P03", "55P03", "57014"];
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return POSTGRES_BUSY.contains(&error.code());
    }
    let code = error.try_downcast_ref::<SqliteError>().and_then(|error| error.code()?.parse::<i64>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// What stands on it, in the order of the list.
    pub(crate) items: Vec<T>,
    /// Whether the list goes on after the last of them.
    pub(crate) more: bool,
}

impl<T> Page<T> {
    /// The first `limit` of rows that were asked for with `LIMIT limit + 1`.
    fn of(mut items: Vec<T>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }

    /// The item after which the next page begins; nothing on the last page.
    pub(crate) fn end(&self) -> Option<&T> {
        self.items.last().filter(|_| self.more)
    }
}

/// The database of one server.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    /// Opens the database, creates it if it is a file that is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another server has the file; else if it cannot be opened or migrated.
    pub(crate) async fn open(url: &DatabaseUrl, limits: &ServerLimits) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(url, limits).await? })
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        self.database.read().await?.row("SELECT hash FROM packages LIMIT 1", Vec::new()).await?;
        Ok(())
    }

    /// Closes all connections, after which everything written is in the database's own file.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }
}

/// Reads a typed value out of a column.
fn parse<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error: T::Err| StoreError::damaged(text, &error.to_string()))
}
