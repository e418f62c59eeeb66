//! Names with versions, what they are bound to for ever, and what became of them.

use super::connection::{Connection, Row, Value, places, values};
use super::publication::{Publication, has_changed};
use super::search::refresh_entry;
use super::{Store, StoreError};
use jiff::Timestamp;
use registry_core::compatibility::Neighbours;
use registry_core::id::{ComponentHash, ObjectHash};
use registry_core::name::ReleaseName;
use registry_core::wire::{Deprecation, Release, ReleaseTarget, Yank};
use semver::Version;
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};

/// Everything about releases, for rows that [`release_in`] reads.
macro_rules! select_releases {
    ($condition:literal) => {
        concat!(
            "SELECT releases.namespace, releases.name, releases.version, releases.package_hash, \
             releases.component_hash, releases.published_at, releases.published_by, releases.yanked_at, \
             releases.yank_reason, releases.deprecation, releases.successor, downloads.count AS downloads \
             FROM releases LEFT JOIN downloads \
             ON downloads.hash = COALESCE(releases.package_hash, releases.component_hash) ",
            $condition
        )
    };
}

/// What came of taking a yank back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unyanked {
    /// The release as it is now.
    Done(Box<Release>),
    /// There is no such release.
    NotFound,
    /// The neighbours are not those any more that it was compared with; the decision must be made again.
    Changed,
}

impl Store {
    /// A release, with everything that is known of it.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn release(&self, name: &ReleaseName) -> Result<Option<Release>, StoreError> {
        release_of(&mut self.database.read().await?, name).await
    }

    /// The version under which `namespace:name` is a component; the first in the order of their bytes, if there are
    /// several.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn version_of_component(
        &self,
        namespace: &str,
        name: &str,
        hash: &ComponentHash,
    ) -> Result<Option<Version>, StoreError> {
        let sql = "SELECT version FROM releases WHERE namespace = $1 AND name = $2 AND component_hash = $3 \
                   ORDER BY version LIMIT 1";
        let row = self.database.read().await?.row(sql, values![namespace, name, hash]).await?;
        row.map(|row| row.parsed("version")).transpose()
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
        releases_in(&mut self.database.read().await?, namespace, name, releases_max).await
    }

    /// Yanks a release, or changes the reason. `None` if there is no such release.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn yank(
        &self,
        name: &ReleaseName,
        reason: &str,
        at: Timestamp,
    ) -> Result<Option<Release>, StoreError> {
        let sql = "UPDATE releases SET yanked_at = $4, yank_reason = $5 \
                   WHERE namespace = $1 AND name = $2 AND version = $3";
        update_release(self.database.write().await?, name, sql, values![at, reason]).await
    }

    /// Takes a yank back, if the release's neighbours are still those that it was `compared` with; `None` if nothing is
    /// compared in the namespace.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn unyank(
        &self,
        name: &ReleaseName,
        compared: Option<&Neighbours<ReleaseName>>,
    ) -> Result<Unyanked, StoreError> {
        let sql = "UPDATE releases SET yanked_at = NULL, yank_reason = NULL \
                   WHERE namespace = $1 AND name = $2 AND version = $3";
        let mut transaction = self.database.write().await?;
        let releases = releases_in(&mut transaction, name.namespace(), name.name(), usize::MAX).await?;
        let target = releases.iter().find(|release| release.name == *name).map(|release| release.target);
        if target.is_some_and(|target| has_changed(name, &target, compared, &releases)) {
            transaction.rollback().await?;
            return Ok(Unyanked::Changed);
        }
        let release = update_release(transaction, name, sql, Vec::new()).await?;
        Ok(release.map_or(Unyanked::NotFound, |release| Unyanked::Done(Box::new(release))))
    }

    /// Deprecates a release, or takes that back. `None` if there is no such release.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn deprecate(
        &self,
        name: &ReleaseName,
        deprecation: Option<&Deprecation>,
    ) -> Result<Option<Release>, StoreError> {
        let sql = "UPDATE releases SET deprecation = $4, successor = $5 \
                   WHERE namespace = $1 AND name = $2 AND version = $3";
        let message = deprecation.map(|deprecation| deprecation.message.clone());
        let successor = deprecation.and_then(|deprecation| deprecation.successor.clone());
        update_release(self.database.write().await?, name, sql, values![message, successor]).await
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
        let mut connection = self.database.read().await?;
        for table in ["packages", "components"] {
            let sql = format!("SELECT hash FROM {table} WHERE hash IN ({})", places(1, hashes.len()));
            let rows = connection.rows(AssertSqlSafe(sql), hashes.iter().map(Value::from).collect()).await?;
            for row in rows {
                present.insert(row.parsed("hash")?);
            }
        }
        Ok(present)
    }
}

/// Changes what is known of a release, and what a search finds of its name.
async fn update_release(
    mut transaction: Connection,
    name: &ReleaseName,
    sql: &'static str,
    more: Vec<Value>,
) -> Result<Option<Release>, StoreError> {
    let values = key(name).into_iter().chain(more).collect();
    if transaction.execute(sql, values).await? == 0 {
        transaction.rollback().await?;
        return Ok(None);
    }
    refresh_entry(&mut transaction, name.namespace(), name.name()).await?;
    let release = release_of(&mut transaction, name).await?;
    transaction.commit().await?;
    Ok(release)
}

/// The values of the columns that name a release.
pub(super) fn key(name: &ReleaseName) -> Vec<Value> {
    values![name.namespace(), name.name(), name.version()]
}

/// Binds a name, unless it is bound. Answers whether it was bound now, and what it is bound to.
pub(super) async fn bind(
    connection: &mut Connection,
    publication: &Publication<'_>,
    target: &ReleaseTarget,
) -> Result<(bool, ReleaseTarget), StoreError> {
    let name = publication.name;
    let (package, component) = match target {
        ReleaseTarget::Package(hash) => (Some(hash.to_string()), None),
        ReleaseTarget::Component(hash) => (None, Some(hash.to_string())),
    };
    let more = values![package, component, publication.publisher.at, publication.publisher.account];
    let inserted = connection
        .execute(
            "INSERT INTO releases (namespace, name, version, package_hash, component_hash, published_at, published_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            key(name).into_iter().chain(more).collect(),
        )
        .await?;
    if inserted == 1 {
        return Ok((true, *target));
    }
    let lost = || StoreError::damaged(&name.to_string(), "its binding is not there");
    Ok((false, release_of(connection, name).await?.ok_or_else(lost)?.target))
}

pub(super) async fn releases_in(
    connection: &mut Connection,
    namespace: &str,
    name: &str,
    releases_max: usize,
) -> Result<Vec<Release>, StoreError> {
    let sql = select_releases!("WHERE releases.namespace = $1 AND releases.name = $2 LIMIT $3");
    let rows = connection.rows(sql, values![namespace, name, releases_max]).await?;
    rows.iter().map(release_in).collect()
}

/// The releases of packages and components, each in the order of the names and at most `names_max` for one hash.
pub(super) async fn names_of(
    connection: &mut Connection,
    hashes: &[ObjectHash],
    names_max: usize,
) -> Result<BTreeMap<ObjectHash, Vec<ReleaseName>>, StoreError> {
    let mut names: BTreeMap<ObjectHash, Vec<ReleaseName>> = BTreeMap::new();
    let (mut packages, mut components) = (Vec::new(), Vec::new());
    for hash in hashes {
        match hash {
            ObjectHash::Package(_) => packages.push(Value::from(hash)),
            ObjectHash::Component(_) => components.push(Value::from(hash)),
        }
    }
    for (column, hashes) in [("package_hash", packages), ("component_hash", components)] {
        if hashes.is_empty() {
            continue;
        }
        let sql = format!(
            "SELECT hash, namespace, name, version FROM (
                 SELECT {column} AS hash, namespace, name, version,
                     row_number() OVER (PARTITION BY {column} ORDER BY namespace, name, version) AS place
                 FROM releases WHERE {column} IN ({})
             ) AS named WHERE place <= $1 ORDER BY hash, place",
            places(2, hashes.len())
        );
        let values = values![names_max].into_iter().chain(hashes).collect();
        for row in connection.rows(AssertSqlSafe(sql), values).await? {
            names.entry(row.parsed("hash")?).or_default().push(row.release_name()?);
        }
    }
    Ok(names)
}

async fn release_of(connection: &mut Connection, name: &ReleaseName) -> Result<Option<Release>, StoreError> {
    let sql = select_releases!("WHERE releases.namespace = $1 AND releases.name = $2 AND releases.version = $3");
    connection.row(sql, key(name)).await?.as_ref().map(release_in).transpose()
}

fn release_in(row: &Row) -> Result<Release, StoreError> {
    let reason = row.optional_text("yank_reason")?.unwrap_or_default();
    let successor = row.optional_text("successor")?;
    Ok(Release {
        name: row.release_name()?,
        target: target_in(row)?,
        published_at: row.optional_time("published_at")?,
        published_by: row.optional_text("published_by")?,
        yanked: row.optional_time("yanked_at")?.map(|at| Yank { reason, at }),
        deprecated: row.optional_text("deprecation")?.map(|message| Deprecation { message, successor }),
        downloads: row.count("downloads")?,
    })
}

/// Reads the columns `package_hash` and `component_hash`.
pub(super) fn target_in(row: &Row) -> Result<ReleaseTarget, StoreError> {
    match row.optional_parsed("package_hash")? {
        Some(hash) => Ok(ReleaseTarget::Package(hash)),
        None => Ok(ReleaseTarget::Component(row.parsed("component_hash")?)),
    }
}
