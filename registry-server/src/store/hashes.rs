//! What has a hash that begins with some digits, and what has a sha256.

use super::connection::{Connection, Value, places, values};
use super::releases::names_of;
use super::{Page, Store, StoreError};
use registry_core::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ViewId};
use registry_core::wire::{NamedHash, Sha256Match};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// All hashes that begin with a text such as `p2:w01ab`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HashRange(String);

impl HashRange {
    /// The hashes of one kind that begin with lowercase hexadecimal digits; `kind` is such as [`PackageHash::PREFIX`].
    pub(crate) fn new(kind: &str, digits: &str) -> Self {
        Self(format!("{kind}{digits}"))
    }

    /// The lowest text that begins so, and one above all that do: a hash goes on with digits up to `f`.
    fn bounds(&self) -> (String, String) {
        (self.0.clone(), format!("{}g", self.0))
    }
}

impl Store {
    /// Everything whose hash or id stands in one of the ranges, in the order of the hashes, with at most `names_max`
    /// names each.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn hashes_in(
        &self,
        ranges: &[HashRange],
        limit: usize,
        names_max: usize,
    ) -> Result<Page<NamedHash>, StoreError> {
        let mut connection = self.database.read().await?;
        let mut found = Vec::new();
        for range in ranges {
            found.extend(hashes_between(&mut connection, range, limit + 1).await?);
        }
        found.sort();
        let page = Page::of(found, limit);
        let names = names_of_hashes(&mut connection, &page.items, names_max).await?;
        let named = |(hash, kind): (String, String)| {
            let names = names.get(&hash).cloned().unwrap_or_default();
            NamedHash { hash, kind, names }
        };
        Ok(Page { items: page.items.into_iter().map(named).collect(), more: page.more })
    }

    /// The components whose bytes have a sha256 and the packages that were uploaded in bytes that have it, in the order
    /// of the hashes, at most `matches_max` of them with at most `names_max` names each.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn objects_by_sha256(
        &self,
        sha256: &str,
        matches_max: usize,
        names_max: usize,
    ) -> Result<Vec<Sha256Match>, StoreError> {
        let mut connection = self.database.read().await?;
        let rows = connection
            .rows(
                "SELECT hash FROM components WHERE sha256 = $1
                 UNION ALL SELECT hash FROM packages WHERE source_sha256 = $1 ORDER BY hash LIMIT $2",
                values![sha256, matches_max],
            )
            .await?;
        let hashes: Vec<ObjectHash> = rows.iter().map(|row| row.parsed("hash")).collect::<Result<_, _>>()?;
        let mut names = names_of(&mut connection, &hashes, names_max).await?;
        let named = |hash| Sha256Match { hash, names: names.remove(&hash).unwrap_or_default() };
        Ok(hashes.into_iter().map(named).collect())
    }
}

/// Hashes and the words for what they are.
async fn hashes_between(
    connection: &mut Connection,
    range: &HashRange,
    limit: usize,
) -> Result<Vec<(String, String)>, StoreError> {
    let (low, high) = range.bounds();
    let sql = if range.0.starts_with(PackageHash::PREFIX) {
        "SELECT hash, 'package' AS kind FROM packages WHERE hash >= $1 AND hash < $2 ORDER BY hash LIMIT $3"
    } else if range.0.starts_with(ComponentHash::PREFIX) {
        "SELECT hash, 'component' AS kind FROM components WHERE hash >= $1 AND hash < $2 ORDER BY hash LIMIT $3"
    } else if range.0.starts_with(ViewId::PREFIX) {
        "SELECT DISTINCT view_id AS hash, 'view' AS kind FROM components WHERE view_id >= $1 AND view_id < $2 \
         ORDER BY view_id LIMIT $3"
    } else {
        "SELECT DISTINCT id AS hash, kind FROM package_items WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3"
    };
    let rows = connection.rows(sql, values![low, high, limit]).await?;
    rows.iter().map(|row| Ok((row.text("hash")?, row.text("kind")?))).collect()
}

async fn names_of_hashes(
    connection: &mut Connection,
    found: &[(String, String)],
    names_max: usize,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut names = BTreeMap::new();
    let of = |prefix: &str| -> Vec<&String> {
        found.iter().map(|(hash, _)| hash).filter(|hash| hash.starts_with(prefix)).collect()
    };
    let objects = [of(PackageHash::PREFIX), of(ComponentHash::PREFIX)].concat();
    let objects: Vec<ObjectHash> = objects.into_iter().map(|hash| super::parse(hash)).collect::<Result<_, _>>()?;
    for (hash, releases) in names_of(connection, &objects, names_max).await? {
        names.insert(hash.to_string(), releases.iter().map(ToString::to_string).collect());
    }
    let items = "SELECT package_items.id AS hash, releases.namespace, releases.name, releases.version,
                     package_items.name AS item
                 FROM package_items JOIN releases ON releases.package_hash = package_items.package_hash
                 WHERE package_items.id IN";
    let views = "SELECT components.view_id AS hash, releases.namespace, releases.name, releases.version,
                     NULL AS item
                 FROM components JOIN releases ON releases.component_hash = components.hash
                 WHERE components.view_id IN";
    for (prefix, source) in [(InterfaceId::PREFIX, items), (ViewId::PREFIX, views)] {
        names.extend(names_in(connection, source, &of(prefix), names_max).await?);
    }
    Ok(names)
}

/// The names that a query gives for each hash, at most `names_max` for one.
async fn names_in(
    connection: &mut Connection,
    source: &str,
    hashes: &[&String],
    names_max: usize,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if hashes.is_empty() {
        return Ok(names);
    }
    let sql = format!(
        "SELECT hash, namespace, name, version, item FROM (
             SELECT named.*, row_number() OVER (PARTITION BY hash ORDER BY namespace, name, version, item) AS place
             FROM ({source} ({})) AS named
         ) AS placed WHERE place <= $1 ORDER BY hash, place",
        places(2, hashes.len())
    );
    let values = values![names_max].into_iter().chain(hashes.iter().map(|hash| Value::from(*hash))).collect();
    for row in connection.rows(AssertSqlSafe(sql), values).await? {
        let release = row.release_name()?;
        let name = match row.optional_text("item")? {
            Some(item) => format!("{}:{}/{item}@{}", release.namespace(), release.name(), release.version()),
            None => release.to_string(),
        };
        names.entry(row.text("hash")?).or_default().push(name);
    }
    Ok(names)
}
