//! Packages, their items and their dependencies.

use super::releases::{bind, name_in};
use super::{BEGIN, Store, StoreError, Written, parse};
use registry_core::id::{InterfaceId, PackageHash};
use registry_core::name::ReleaseName;
use registry_core::wire::{PackageRecord, ReleaseTarget};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row};
use std::collections::BTreeMap;

const INTERFACE: &str = "interface";
const WORLD: &str = "world";

impl Store {
    /// Writes a package and binds its name, both or nothing. Its dependencies must be there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_package(&self, record: &PackageRecord) -> Result<Written, StoreError> {
        let mut transaction = self.writer.begin_with(BEGIN).await?;
        let created = insert_row(&mut transaction, record).await?;
        if created {
            insert_items(&mut transaction, &record.hash, INTERFACE, &record.interfaces).await?;
            insert_items(&mut transaction, &record.hash, WORLD, &record.worlds).await?;
            insert_dependencies(&mut transaction, record).await?;
        }
        let target = ReleaseTarget::Package(record.hash);
        let (_, bound) = bind(&mut transaction, &record.name, &target).await?;
        if bound != target {
            transaction.rollback().await?;
            return Ok(Written::Bound(bound));
        }
        transaction.commit().await?;
        Ok(if created { Written::Created } else { Written::Present })
    }

    /// Everything about a package, if it is there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn package(&self, hash: &PackageHash) -> Result<Option<PackageRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT packages.source_sha256, releases.namespace, releases.name, releases.version
             FROM packages JOIN releases ON releases.package_hash = packages.hash WHERE packages.hash = $1",
        )
        .bind(hash.to_string())
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PackageRecord {
            hash: *hash,
            name: name_in(&row)?,
            interfaces: self.items(hash, INTERFACE).await?,
            worlds: self.items(hash, WORLD).await?,
            dependencies: self.dependencies(hash).await?,
            source_sha256: row.try_get("source_sha256")?,
        }))
    }

    /// The given packages and everything that they depend on, those of them that are there, in no order and at most
    /// `packages_max` of them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn closure(
        &self,
        roots: &[PackageHash],
        packages_max: usize,
    ) -> Result<Vec<(ReleaseName, PackageHash)>, StoreError> {
        if roots.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new(
            "WITH RECURSIVE reached (hash) AS (SELECT packages.hash FROM packages WHERE packages.hash IN (",
        );
        let mut binds = query.separated(", ");
        for root in roots {
            binds.push_bind(root.to_string());
        }
        query.push(
            ") UNION SELECT package_dependencies.dependency_hash
                FROM package_dependencies JOIN reached ON package_dependencies.package_hash = reached.hash)
             SELECT reached.hash, releases.namespace, releases.name, releases.version
             FROM reached JOIN releases ON releases.package_hash = reached.hash LIMIT ",
        );
        query.push_bind(i64::try_from(packages_max).unwrap_or(i64::MAX));
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok((name_in(row)?, parse(row.try_get("hash")?)?))).collect()
    }

    async fn items(&self, hash: &PackageHash, kind: &str) -> Result<BTreeMap<String, InterfaceId>, StoreError> {
        let rows = sqlx::query("SELECT name, id FROM package_items WHERE package_hash = $1 AND kind = $2")
            .bind(hash.to_string())
            .bind(kind)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("name")?, parse(row.try_get("id")?)?))).collect()
    }

    async fn dependencies(&self, hash: &PackageHash) -> Result<BTreeMap<ReleaseName, PackageHash>, StoreError> {
        let rows = sqlx::query(
            "SELECT releases.namespace, releases.name, releases.version, package_dependencies.dependency_hash
             FROM package_dependencies JOIN releases ON releases.package_hash = package_dependencies.dependency_hash
             WHERE package_dependencies.package_hash = $1",
        )
        .bind(hash.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((name_in(row)?, parse(row.try_get("dependency_hash")?)?))).collect()
    }
}

async fn insert_row(connection: &mut SqliteConnection, record: &PackageRecord) -> Result<bool, StoreError> {
    let inserted = sqlx::query("INSERT INTO packages (hash, source_sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(record.hash.to_string())
        .bind(&record.source_sha256)
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn insert_items(
    connection: &mut SqliteConnection,
    hash: &PackageHash,
    kind: &str,
    items: &BTreeMap<String, InterfaceId>,
) -> Result<(), StoreError> {
    for (name, id) in items {
        sqlx::query("INSERT INTO package_items (package_hash, kind, name, id) VALUES ($1, $2, $3, $4)")
            .bind(hash.to_string())
            .bind(kind)
            .bind(name)
            .bind(id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn insert_dependencies(connection: &mut SqliteConnection, record: &PackageRecord) -> Result<(), StoreError> {
    for dependency in record.dependencies.values() {
        sqlx::query("INSERT INTO package_dependencies (package_hash, dependency_hash) VALUES ($1, $2)")
            .bind(record.hash.to_string())
            .bind(dependency.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
