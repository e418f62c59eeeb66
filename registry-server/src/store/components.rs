//! Components, the interfaces that they use and the packages that they need.

use super::connection::{Connection, Row, values};
use super::publication::{Publication, Publisher, Written, check_token, publish};
use super::{Store, StoreError};
use registry_core::component::{Direction, InterfaceUse, Relation};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::wire::{ComponentRecord, ReleaseTarget};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Store {
    /// Writes a component, with the packages that it names, and binds a name to it: all or nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_component(
        &self,
        record: &ComponentRecord,
        dependencies: &[PackageHash],
        publisher: &Publisher<'_>,
        publication: Option<&Publication<'_>>,
    ) -> Result<Written, StoreError> {
        let mut transaction = self.database.write().await?;
        if let Some(refused) = check_token(&mut transaction, publisher).await? {
            transaction.rollback().await?;
            return Ok(refused);
        }
        let is_new = insert_row(&mut transaction, record).await?;
        if is_new {
            insert_interfaces(&mut transaction, record).await?;
            insert_dependencies(&mut transaction, &record.hash, dependencies).await?;
        }
        let mut written = if is_new { Written::Created } else { Written::Present };
        if let Some(publication) = publication {
            let bound = publish(&mut transaction, publication, &ReleaseTarget::Component(record.hash)).await?;
            if bound != Written::Present {
                written = bound;
            }
        }
        if written.is_accepted() {
            transaction.commit().await?
        } else {
            transaction.rollback().await?
        }
        Ok(written)
    }

    /// Everything about a component, if it is there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn component(&self, hash: &ComponentHash) -> Result<Option<ComponentRecord>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT view_id, size_bytes, sha256, metadata FROM components WHERE hash = $1";
        let Some(row) = connection.row(sql, values![hash]).await? else { return Ok(None) };
        Ok(Some(ComponentRecord {
            hash: *hash,
            view: row.parsed("view_id")?,
            size_bytes: row.count("size_bytes")?,
            sha256: row.text("sha256")?,
            interfaces: interfaces(&mut connection, hash).await?,
            metadata: json_in(&row, "metadata")?,
        }))
    }

    /// The packages that a component names.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn component_dependencies(&self, hash: &ComponentHash) -> Result<Vec<PackageHash>, StoreError> {
        let sql = "SELECT dependency_hash FROM component_dependencies WHERE component_hash = $1";
        let rows = self.database.read().await?.rows(sql, values![hash]).await?;
        rows.iter().map(|row| row.parsed("dependency_hash")).collect()
    }
}

/// In the order in which the core gives them: imports first, each by name.
async fn interfaces(connection: &mut Connection, hash: &ComponentHash) -> Result<Vec<InterfaceUse>, StoreError> {
    let rows = connection
        .rows(
            "SELECT direction, name, interface_id, package_hash, relation, merged FROM component_interfaces
             WHERE component_hash = $1",
            values![hash],
        )
        .await?;
    let mut interfaces: Vec<InterfaceUse> = rows.iter().map(interface_in).collect::<Result<_, StoreError>>()?;
    interfaces.sort_by(|a, b| (a.direction, &a.name).cmp(&(b.direction, &b.name)));
    Ok(interfaces)
}

async fn insert_row(connection: &mut Connection, record: &ComponentRecord) -> Result<bool, StoreError> {
    let inserted = connection
        .execute(
            "INSERT INTO components (hash, view_id, size_bytes, sha256, metadata) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            values![&record.hash, &record.view, record.size_bytes, &record.sha256, json_of(&record.metadata)?],
        )
        .await?;
    Ok(inserted == 1)
}

async fn insert_interfaces(connection: &mut Connection, record: &ComponentRecord) -> Result<(), StoreError> {
    for InterfaceUse { direction, name, id, package, relation, merged } in &record.interfaces {
        let relation = relation_text(*relation);
        connection
            .execute(
                "INSERT INTO component_interfaces
                     (component_hash, direction, name, interface_id, package_hash, relation, merged)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                values![&record.hash, *direction, name, id, package, relation, json_of(merged)?],
            )
            .await?;
    }
    Ok(())
}

async fn insert_dependencies(
    connection: &mut Connection,
    hash: &ComponentHash,
    dependencies: &[PackageHash],
) -> Result<(), StoreError> {
    for dependency in dependencies {
        let sql = "INSERT INTO component_dependencies (component_hash, dependency_hash) VALUES ($1, $2)";
        connection.execute(sql, values![hash, dependency]).await?;
    }
    Ok(())
}

fn interface_in(row: &Row) -> Result<InterfaceUse, StoreError> {
    Ok(InterfaceUse {
        direction: direction_in(row)?,
        name: row.text("name")?,
        id: row.parsed("interface_id")?,
        package: row.parsed("package_hash")?,
        relation: relation_of(&row.text("relation")?)?,
        merged: json_in(row, "merged")?,
    })
}

/// Reads the column `direction`.
pub(super) fn direction_in(row: &Row) -> Result<Direction, StoreError> {
    match row.text("direction")?.as_str() {
        "import" => Ok(Direction::Import),
        "export" => Ok(Direction::Export),
        other => Err(unknown(other)),
    }
}

/// The relation that a word stands for.
pub(super) fn relation_of(text: &str) -> Result<Relation, StoreError> {
    match text {
        "exact" => Ok(Relation::Exact),
        "merged" => Ok(Relation::Merged),
        other => Err(unknown(other)),
    }
}

fn relation_text(relation: Relation) -> &'static str {
    match relation {
        Relation::Exact => "exact",
        Relation::Merged => "merged",
    }
}

/// A value as JSON; nothing if it is the one that stands for nothing.
fn json_of<T: Serialize + Default + PartialEq>(value: &T) -> Result<Option<String>, StoreError> {
    if value == &T::default() {
        return Ok(None);
    }
    serde_json::to_string(value).map(Some).map_err(|error| StoreError::damaged("a record", &error.to_string()))
}

/// What [`json_of`] wrote.
fn json_in<T: DeserializeOwned + Default>(row: &Row, column: &str) -> Result<T, StoreError> {
    let Some(text) = row.optional_text(column)? else { return Ok(T::default()) };
    serde_json::from_str(&text).map_err(|error| StoreError::damaged(&text, &error.to_string()))
}

fn unknown(text: &str) -> StoreError {
    StoreError::damaged(text, "this server does not know it")
}
