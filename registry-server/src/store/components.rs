//! Components, the interfaces that they use and the packages that they need.

use super::releases::bind;
use super::{BEGIN, Store, StoreError, Written, parse};
use registry_core::component::{Direction, InterfaceUse, Relation};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentRecord, ReleaseTarget};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

impl Store {
    /// Writes a component, with the packages that it names, and binds a name to it: all or nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_component(
        &self,
        record: &ComponentRecord,
        dependencies: &[PackageHash],
        name: Option<&ReleaseName>,
    ) -> Result<Written, StoreError> {
        let mut transaction = self.writer.begin_with(BEGIN).await?;
        let mut created = insert_row(&mut transaction, record).await?;
        if created {
            insert_interfaces(&mut transaction, record).await?;
            insert_dependencies(&mut transaction, &record.hash, dependencies).await?;
        }
        if let Some(name) = name {
            let target = ReleaseTarget::Component(record.hash);
            let (bound_now, bound) = bind(&mut transaction, name, &target).await?;
            if bound != target {
                transaction.rollback().await?;
                return Ok(Written::Bound(bound));
            }
            created |= bound_now;
        }
        transaction.commit().await?;
        Ok(if created { Written::Created } else { Written::Present })
    }

    /// Everything about a component, if it is there.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn component(&self, hash: &ComponentHash) -> Result<Option<ComponentRecord>, StoreError> {
        let row = sqlx::query("SELECT view_id, size_bytes, sha256 FROM components WHERE hash = $1")
            .bind(hash.to_string())
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let size_bytes: i64 = row.try_get("size_bytes")?;
        Ok(Some(ComponentRecord {
            hash: *hash,
            view: parse(row.try_get("view_id")?)?,
            size_bytes: size_bytes.unsigned_abs(),
            sha256: row.try_get("sha256")?,
            interfaces: self.interfaces(hash).await?,
        }))
    }

    /// The packages that a component names.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn component_dependencies(&self, hash: &ComponentHash) -> Result<Vec<PackageHash>, StoreError> {
        let rows = sqlx::query("SELECT dependency_hash FROM component_dependencies WHERE component_hash = $1")
            .bind(hash.to_string())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| parse(row.try_get("dependency_hash")?)).collect()
    }

    /// In the order in which the core gives them: imports first, each by name.
    async fn interfaces(&self, hash: &ComponentHash) -> Result<Vec<InterfaceUse>, StoreError> {
        let rows = sqlx::query(
            "SELECT direction, name, interface_id, package_hash, relation FROM component_interfaces
             WHERE component_hash = $1",
        )
        .bind(hash.to_string())
        .fetch_all(&self.readers)
        .await?;
        let mut interfaces: Vec<InterfaceUse> = rows.iter().map(interface_in).collect::<Result<_, StoreError>>()?;
        interfaces.sort_by(|a, b| (a.direction, &a.name).cmp(&(b.direction, &b.name)));
        Ok(interfaces)
    }
}

async fn insert_row(connection: &mut SqliteConnection, record: &ComponentRecord) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO components (hash, view_id, size_bytes, sha256) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(record.hash.to_string())
    .bind(record.view.to_string())
    .bind(i64::try_from(record.size_bytes).unwrap_or(i64::MAX))
    .bind(&record.sha256)
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn insert_interfaces(connection: &mut SqliteConnection, record: &ComponentRecord) -> Result<(), StoreError> {
    for interface in &record.interfaces {
        sqlx::query(
            "INSERT INTO component_interfaces (component_hash, direction, name, interface_id, package_hash, relation)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(record.hash.to_string())
        .bind(direction_text(interface.direction))
        .bind(&interface.name)
        .bind(interface.id.to_string())
        .bind(interface.package.to_string())
        .bind(relation_text(interface.relation))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn insert_dependencies(
    connection: &mut SqliteConnection,
    hash: &ComponentHash,
    dependencies: &[PackageHash],
) -> Result<(), StoreError> {
    for dependency in dependencies {
        sqlx::query("INSERT INTO component_dependencies (component_hash, dependency_hash) VALUES ($1, $2)")
            .bind(hash.to_string())
            .bind(dependency.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn interface_in(row: &SqliteRow) -> Result<InterfaceUse, StoreError> {
    let (direction, relation): (&str, &str) = (row.try_get("direction")?, row.try_get("relation")?);
    let unknown =
        |text: &str| StoreError::Damaged { text: text.to_owned(), reason: "this server does not know it".to_owned() };
    Ok(InterfaceUse {
        direction: match direction {
            "import" => Direction::Import,
            "export" => Direction::Export,
            other => return Err(unknown(other)),
        },
        name: row.try_get("name")?,
        id: parse(row.try_get("interface_id")?)?,
        package: parse(row.try_get("package_hash")?)?,
        relation: match relation {
            "exact" => Relation::Exact,
            other => return Err(unknown(other)),
        },
    })
}

fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::Import => "import",
        Direction::Export => "export",
    }
}

fn relation_text(relation: Relation) -> &'static str {
    match relation {
        Relation::Exact => "exact",
    }
}
