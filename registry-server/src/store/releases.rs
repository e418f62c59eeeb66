//! Names with versions and what they are bound to.

use super::{Store, StoreError, parse};
use registry_core::id::ObjectHash;
use registry_core::name::ReleaseName;
use registry_core::wire::{Release, ReleaseTarget};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row};
use std::collections::BTreeSet;

impl Store {
    /// What a name is bound to.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn release(&self, name: &ReleaseName) -> Result<Option<ReleaseTarget>, StoreError> {
        target_of(&mut *self.readers.acquire().await?, name).await
    }

    /// The releases of `namespace:name`, in no order, at most `releases_max` of them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn releases(
        &self,
        namespace: &str,
        name: &str,
        releases_max: usize,
    ) -> Result<Vec<Release>, StoreError> {
        let rows = sqlx::query(
            "SELECT namespace, name, version, package_hash, component_hash FROM releases
             WHERE namespace = $1 AND name = $2 LIMIT $3",
        )
        .bind(namespace)
        .bind(name)
        .bind(i64::try_from(releases_max).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(Release::new(name_in(row)?, target_in(row)?))).collect()
    }

    /// Those of the given hashes that are there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn present(&self, hashes: &[ObjectHash]) -> Result<BTreeSet<ObjectHash>, StoreError> {
        let mut present = BTreeSet::new();
        if hashes.is_empty() {
            return Ok(present);
        }
        for table in ["packages", "components"] {
            let mut query = QueryBuilder::new(format!("SELECT hash FROM {table} WHERE hash IN ("));
            let mut binds = query.separated(", ");
            for hash in hashes {
                binds.push_bind(hash.to_string());
            }
            binds.push_unseparated(")");
            for row in query.build().fetch_all(&self.readers).await? {
                present.insert(parse(row.try_get("hash")?)?);
            }
        }
        Ok(present)
    }
}

/// Binds a name, unless it is bound. Answers whether it was bound now, and what it is bound to.
pub(super) async fn bind(
    connection: &mut SqliteConnection,
    name: &ReleaseName,
    target: &ReleaseTarget,
) -> Result<(bool, ReleaseTarget), StoreError> {
    let (package, component) = match target {
        ReleaseTarget::Package(hash) => (Some(hash.to_string()), None),
        ReleaseTarget::Component(hash) => (None, Some(hash.to_string())),
    };
    let inserted = sqlx::query(
        "INSERT INTO releases (namespace, name, version, package_hash, component_hash) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(name.namespace())
    .bind(name.name())
    .bind(name.version().to_string())
    .bind(package)
    .bind(component)
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok((true, *target));
    }
    let bound = target_of(connection, name).await?;
    let lost = || StoreError::Damaged { text: name.to_string(), reason: "its binding is not there".to_owned() };
    Ok((false, bound.ok_or_else(lost)?))
}

async fn target_of(connection: &mut SqliteConnection, name: &ReleaseName) -> Result<Option<ReleaseTarget>, StoreError> {
    let row = sqlx::query(
        "SELECT package_hash, component_hash FROM releases WHERE namespace = $1 AND name = $2 AND version = $3",
    )
    .bind(name.namespace())
    .bind(name.name())
    .bind(name.version().to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(target_in).transpose()
}

/// Reads the columns `namespace`, `name` and `version`.
pub(super) fn name_in(row: &SqliteRow) -> Result<ReleaseName, StoreError> {
    let [namespace, name, version]: [&str; 3] =
        [row.try_get("namespace")?, row.try_get("name")?, row.try_get("version")?];
    parse(&format!("{namespace}:{name}@{version}"))
}

fn target_in(row: &SqliteRow) -> Result<ReleaseTarget, StoreError> {
    let package: Option<&str> = row.try_get("package_hash")?;
    match package {
        Some(hash) => Ok(ReleaseTarget::Package(parse(hash)?)),
        None => Ok(ReleaseTarget::Component(parse(row.try_get("component_hash")?)?)),
    }
}
