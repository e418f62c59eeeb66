//! Packages, their items and their dependencies.

use super::connection::{Connection, Value, places, values};
use super::publication::{Publication, Written, check_token, publish};
use super::{Store, StoreError};
use registry_core::id::{InterfaceId, PackageHash};
use registry_core::name::ReleaseName;
use registry_core::wire::{PackageRecord, ReleaseTarget};
use registry_core::wit::WorldInterface;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

const INTERFACE: &str = "interface";
const WORLD: &str = "world";

impl Store {
    /// Writes a package and binds its name, both or nothing. Its dependencies must be there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_package(
        &self,
        record: &PackageRecord,
        worlds: &[WorldInterface],
        publication: &Publication<'_>,
    ) -> Result<Written, StoreError> {
        let mut transaction = self.database.write().await?;
        if let Some(refused) = check_token(&mut transaction, &publication.publisher).await? {
            transaction.rollback().await?;
            return Ok(refused);
        }
        if insert_row(&mut transaction, record).await? {
            insert_items(&mut transaction, &record.hash, INTERFACE, &record.interfaces).await?;
            insert_items(&mut transaction, &record.hash, WORLD, &record.worlds).await?;
            insert_worlds(&mut transaction, &record.hash, worlds).await?;
            insert_dependencies(&mut transaction, record).await?;
        }
        let written = publish(&mut transaction, publication, &ReleaseTarget::Package(record.hash)).await?;
        if written.is_accepted() {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(written)
    }

    /// Everything about a package, if it is there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn package(&self, hash: &PackageHash) -> Result<Option<PackageRecord>, StoreError> {
        let mut connection = self.database.read().await?;
        let row = connection
            .row(
                "SELECT packages.source_sha256, releases.namespace, releases.name, releases.version
                 FROM packages JOIN releases ON releases.package_hash = packages.hash WHERE packages.hash = $1",
                values![hash],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PackageRecord {
            hash: *hash,
            name: row.release_name()?,
            interfaces: items(&mut connection, hash, INTERFACE).await?,
            worlds: items(&mut connection, hash, WORLD).await?,
            dependencies: dependencies(&mut connection, hash).await?,
            source_sha256: row.text("source_sha256")?,
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
        let sql = format!(
            "WITH RECURSIVE reached (hash) AS (
                 SELECT packages.hash FROM packages WHERE packages.hash IN ({})
                 UNION
                 SELECT package_dependencies.dependency_hash
                 FROM package_dependencies JOIN reached ON package_dependencies.package_hash = reached.hash)
             SELECT reached.hash, releases.namespace, releases.name, releases.version
             FROM reached JOIN releases ON releases.package_hash = reached.hash LIMIT $1",
            places(2, roots.len())
        );
        let values = values![packages_max].into_iter().chain(roots.iter().map(Value::from)).collect();
        let rows = self.database.read().await?.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(|row| Ok((row.release_name()?, row.parsed("hash")?))).collect()
    }
}

async fn items(
    connection: &mut Connection,
    hash: &PackageHash,
    kind: &str,
) -> Result<BTreeMap<String, InterfaceId>, StoreError> {
    let sql = "SELECT name, id FROM package_items WHERE package_hash = $1 AND kind = $2";
    let rows = connection.rows(sql, values![hash, kind]).await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.parsed("id")?))).collect()
}

async fn dependencies(
    connection: &mut Connection,
    hash: &PackageHash,
) -> Result<BTreeMap<ReleaseName, PackageHash>, StoreError> {
    let rows = connection
        .rows(
            "SELECT releases.namespace, releases.name, releases.version, package_dependencies.dependency_hash
             FROM package_dependencies JOIN releases ON releases.package_hash = package_dependencies.dependency_hash
             WHERE package_dependencies.package_hash = $1",
            values![hash],
        )
        .await?;
    rows.iter().map(|row| Ok((row.release_name()?, row.parsed("dependency_hash")?))).collect()
}

async fn insert_row(connection: &mut Connection, record: &PackageRecord) -> Result<bool, StoreError> {
    let sql = "INSERT INTO packages (hash, source_sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(connection.execute(sql, values![&record.hash, &record.source_sha256]).await? == 1)
}

async fn insert_items(
    connection: &mut Connection,
    hash: &PackageHash,
    kind: &str,
    items: &BTreeMap<String, InterfaceId>,
) -> Result<(), StoreError> {
    for (name, id) in items {
        let sql = "INSERT INTO package_items (package_hash, kind, name, id) VALUES ($1, $2, $3, $4)";
        connection.execute(sql, values![hash, kind, name, id]).await?;
    }
    Ok(())
}

/// Writes those that are not there yet: packages that were published before worlds were read have none.
pub(super) async fn insert_worlds(
    connection: &mut Connection,
    hash: &PackageHash,
    worlds: &[WorldInterface],
) -> Result<(), StoreError> {
    for WorldInterface { world, direction, interface, id } in worlds {
        let sql = "INSERT INTO world_interfaces (package_hash, world, direction, name, interface_id) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        connection.execute(sql, values![hash, world, *direction, interface, id]).await?;
    }
    Ok(())
}

async fn insert_dependencies(connection: &mut Connection, record: &PackageRecord) -> Result<(), StoreError> {
    for dependency in record.dependencies.values() {
        let sql = "INSERT INTO package_dependencies (package_hash, dependency_hash) VALUES ($1, $2)";
        connection.execute(sql, values![&record.hash, dependency]).await?;
    }
    Ok(())
}
