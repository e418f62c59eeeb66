//! Where an interface stands, who imports or exports it, and who depends on a package.

use super::components::{direction_in, relation_of};
use super::connection::{Connection, Row, Value, values};
use super::releases::names_of;
use super::{Page, Store, StoreError};
use registry_core::component::Direction;
use registry_core::id::{InterfaceId, ObjectHash, PackageHash};
use registry_core::name::ReleaseName;
use registry_core::wire::{Dependent, FoundItem, InterfaceUser, ItemKind, UserKind};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// The interfaces that somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InterfaceChoice {
    /// Those with an id.
    Id(InterfaceId),
    /// The one with a full name: `namespace:package/interface@version`.
    Name(String),
    /// Those with a name without a version: `namespace:package/interface`.
    AnyVersion(String),
}

/// Where a page of users begins: after this user. The default is before all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserKey {
    /// The component, or the package that the world stands in.
    pub(crate) hash: String,
    /// The world's name; empty for a component.
    pub(crate) world: String,
    /// `import` or `export`.
    pub(crate) direction: String,
    /// Full name of the interface.
    pub(crate) interface: String,
}

impl Store {
    /// Where interfaces and worlds with an id stand, in the order of the packages' hashes, kinds and names, after one of
    /// them. `after` is a package's hash, a kind and a name, all empty at the beginning.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn items_with_id(
        &self,
        id: &InterfaceId,
        after: [&str; 3],
        limit: usize,
    ) -> Result<Page<FoundItem>, StoreError> {
        let [package, kind, item] = after;
        let rows = self
            .database
            .read()
            .await?
            .rows(
                "SELECT package_items.package_hash, package_items.kind, package_items.name AS item,
                     releases.namespace, releases.name, releases.version
                 FROM package_items JOIN releases ON releases.package_hash = package_items.package_hash
                 WHERE package_items.id = $1
                     AND (package_items.package_hash, package_items.kind, package_items.name) > ($2, $3, $4)
                 ORDER BY package_items.package_hash, package_items.kind, package_items.name LIMIT $5",
                values![id, package, kind, item, limit + 1],
            )
            .await?;
        Ok(Page::of(rows.iter().map(item_in).collect::<Result<_, _>>()?, limit))
    }

    /// The components and worlds that import or export interfaces, in the order of [`UserKey`].
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn interface_users(
        &self,
        choice: &InterfaceChoice,
        direction: Option<Direction>,
        after: &UserKey,
        limit: usize,
        names_max: usize,
    ) -> Result<Page<InterfaceUser>, StoreError> {
        let (column, low, high) = choice.range();
        let directions = direction.map_or_else(
            || [Value::from(Direction::Import), Value::from(Direction::Export)],
            |direction| [Value::from(direction), Value::from(direction)],
        );
        let sql = format!(
            "SELECT hash, world, direction, interface, interface_id, relation FROM (
                 SELECT component_hash AS hash, '' AS world, direction, name AS interface, interface_id, relation
                 FROM component_interfaces WHERE {column} BETWEEN $1 AND $2
                 UNION ALL
                 SELECT package_hash AS hash, world, direction, name AS interface, interface_id, NULL AS relation
                 FROM world_interfaces WHERE {column} BETWEEN $1 AND $2
             ) AS users
             WHERE direction IN ($3, $4) AND (hash, world, direction, interface) > ($5, $6, $7, $8)
             ORDER BY hash, world, direction, interface LIMIT $9"
        );
        let after = values![&after.hash, &after.world, &after.direction, &after.interface, limit + 1];
        let values = values![low, high].into_iter().chain(directions).chain(after).collect();
        let mut connection = self.database.read().await?;
        let page = Page::of(connection.rows(AssertSqlSafe(sql), values).await?, limit);
        let names = names_of_rows(&mut connection, &page.items, names_max).await?;
        let users = page.items.iter().map(|row| user_in(row, &names)).collect::<Result<_, _>>()?;
        Ok(Page { items: users, more: page.more })
    }

    /// The packages and components that refer to a package directly, in the order of their hashes, after one of them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn dependents(
        &self,
        package: &PackageHash,
        after: &str,
        limit: usize,
        names_max: usize,
    ) -> Result<Page<Dependent>, StoreError> {
        let mut connection = self.database.read().await?;
        let rows = connection
            .rows(
                "SELECT hash FROM (
                     SELECT package_hash AS hash FROM package_dependencies WHERE dependency_hash = $1
                     UNION ALL
                     SELECT component_hash AS hash FROM component_dependencies WHERE dependency_hash = $1
                 ) AS dependents WHERE hash > $2 ORDER BY hash LIMIT $3",
                values![package, after, limit + 1],
            )
            .await?;
        let page = Page::of(rows, limit);
        let names = names_of_rows(&mut connection, &page.items, names_max).await?;
        let dependent_in = |row: &Row| {
            let hash = row.parsed("hash")?;
            Ok(Dependent { hash, names: names.get(&hash).cloned().unwrap_or_default() })
        };
        let dependents = page.items.iter().map(dependent_in).collect::<Result<_, StoreError>>()?;
        Ok(Page { items: dependents, more: page.more })
    }
}

impl InterfaceChoice {
    /// The column that decides, and the first and the last value of it that count.
    fn range(&self) -> (&'static str, String, String) {
        match self {
            Self::Id(id) => ("interface_id", id.to_string(), id.to_string()),
            Self::Name(name) => ("name", name.clone(), name.clone()),
            // A version is made of characters below `~`.
            Self::AnyVersion(name) => ("name", format!("{name}@"), format!("{name}@~")),
        }
    }
}

async fn names_of_rows(
    connection: &mut Connection,
    rows: &[Row],
    names_max: usize,
) -> Result<BTreeMap<ObjectHash, Vec<ReleaseName>>, StoreError> {
    let mut hashes: Vec<ObjectHash> = rows.iter().map(|row| row.parsed("hash")).collect::<Result<_, _>>()?;
    hashes.dedup();
    names_of(connection, &hashes, names_max).await
}

fn item_in(row: &Row) -> Result<FoundItem, StoreError> {
    Ok(FoundItem {
        kind: match row.text("kind")?.as_str() {
            "interface" => ItemKind::Interface,
            "world" => ItemKind::World,
            other => return Err(StoreError::damaged(other, "this server does not know it")),
        },
        package: row.release_name()?,
        hash: row.parsed("package_hash")?,
        item: row.text("item")?,
    })
}

fn user_in(row: &Row, names: &BTreeMap<ObjectHash, Vec<ReleaseName>>) -> Result<InterfaceUser, StoreError> {
    let hash = row.parsed("hash")?;
    let is_world = matches!(hash, ObjectHash::Package(_));
    Ok(InterfaceUser {
        kind: if is_world { UserKind::World } else { UserKind::Component },
        hash,
        names: names.get(&hash).cloned().unwrap_or_default(),
        world: is_world.then(|| row.text("world")).transpose()?,
        direction: direction_in(row)?,
        interface: row.text("interface")?,
        id: row.parsed("interface_id")?,
        relation: row.optional_text("relation")?.as_deref().map(relation_of).transpose()?,
    })
}
