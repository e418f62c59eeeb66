//! One way to ask either database: the same SQL text, the same values in, the same rows out.

use super::{StoreError, parse};
use crate::oci::{Digest, Repository, Tag};
use jiff::Timestamp;
use registry_core::component::Direction;
use registry_core::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ViewId};
use registry_core::name::ReleaseName;
use semver::Version;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Database as Driver, Postgres, Row as _, SqlSafeStr, Sqlite, Transaction};
use std::ops::{Deref, DerefMut};
use std::str::FromStr;

/// A connection to one of the databases, for reading or inside of a transaction that may write.
pub(super) enum Connection {
    Sqlite(Access<Sqlite>),
    Postgres(Access<Postgres>),
}

/// What a connection is for.
pub(super) enum Access<DB: Driver> {
    Read(PoolConnection<DB>),
    Write(Transaction<'static, DB>),
}

/// What stands behind a `$1` in SQL.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Boolean(bool),
}

/// A row of an answer.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// The values behind `$1`, `$2` and so on.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::connection::Value::from($value)),*] };
}
pub(super) use values;

/// A statement of one driver with its values.
macro_rules! query {
    ($driver:ty, $sql:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query::<$driver>($sql), |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Integer(number) => query.bind(number),
            Value::Boolean(boolean) => query.bind(boolean),
        })
    };
}

impl Connection {
    /// Runs a statement and answers how many rows it wrote.
    pub(super) async fn execute(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(access) => query!(Sqlite, sql, values).execute(&mut **access).await?.rows_affected(),
            Self::Postgres(access) => query!(Postgres, sql, values).execute(&mut **access).await?.rows_affected(),
        })
    }

    /// All rows of an answer.
    pub(super) async fn rows(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(access) => {
                let rows = query!(Sqlite, sql, values).fetch_all(&mut **access).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(access) => {
                let rows = query!(Postgres, sql, values).fetch_all(&mut **access).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The row of an answer that has at most one.
    pub(super) async fn row(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The text for this database, where the two need different ones.
    pub(super) fn sql(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Makes what was written visible and durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(access) => access.commit().await,
            Self::Postgres(access) => access.commit().await,
        }
    }

    /// Undoes what was written, at once; a connection that is dropped does so later.
    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(access) => access.rollback().await,
            Self::Postgres(access) => access.rollback().await,
        }
    }
}

impl<DB: Driver> Access<DB> {
    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Read(_) => Ok(()),
            Self::Write(transaction) => Ok(transaction.commit().await?),
        }
    }

    async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Read(_) => Ok(()),
            Self::Write(transaction) => Ok(transaction.rollback().await?),
        }
    }
}

impl<DB: Driver> Deref for Access<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Read(connection) => connection,
            Self::Write(transaction) => transaction,
        }
    }
}

impl<DB: Driver> DerefMut for Access<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Read(connection) => connection,
            Self::Write(transaction) => transaction,
        }
    }
}

impl Row {
    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    pub(super) fn boolean(&self, column: &str) -> Result<bool, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A number, which is never negative in this database.
    pub(super) fn count(&self, column: &str) -> Result<u64, StoreError> {
        Ok(self.optional_integer(column)?.unwrap_or(0).unsigned_abs())
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        let missing = || StoreError::damaged(column, "there is no time");
        self.optional_time(column)?.ok_or_else(missing)
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        let Some(milliseconds) = self.optional_integer(column)? else { return Ok(None) };
        let time = Timestamp::from_millisecond(milliseconds);
        time.map(Some).map_err(|error| StoreError::damaged(&milliseconds.to_string(), &error.to_string()))
    }

    /// A hash, a version, or another value that is kept as text.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, column: &str) -> Result<T, StoreError> {
        parse(&self.text(column)?)
    }

    pub(super) fn optional_parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        self.optional_text(column)?.as_deref().map(parse).transpose()
    }

    /// The columns `namespace`, `name` and `version`.
    pub(super) fn release_name(&self) -> Result<ReleaseName, StoreError> {
        parse(&format!("{}:{}@{}", self.text("namespace")?, self.text("name")?, self.text("version")?))
    }

    fn optional_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Integer(Some(time.as_millisecond()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Integer(time.map(Timestamp::as_millisecond))
    }
}

impl From<Direction> for Value {
    fn from(direction: Direction) -> Self {
        Self::from(match direction {
            Direction::Import => "import",
            Direction::Export => "export",
        })
    }
}

/// Values that are kept in their text form.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl From<&$type> for Value {
            fn from(value: &$type) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }
    )*};
}

as_text!(str, String, PackageHash, ComponentHash, InterfaceId, ViewId, ObjectHash, Version, Digest, Repository, Tag);

/// `$first, $(first + 1), …`: a place for each of `count` values. Only numbers stand in it.
pub(super) fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
