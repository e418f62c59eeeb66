//! Full-text search over the newest release of every name that is not yanked, by the databases' own indexes.

use super::connection::{Connection, Row, Value, values};
use super::packages::insert_worlds;
use super::releases::{key, target_in};
use super::words::column_of;
use super::{Page, Store, StoreError};
use registry_core::id::PackageHash;
use registry_core::name::ReleaseName;
use registry_core::wire::{Found, ReleaseTarget, SearchHit};
use registry_core::wit::WorldInterface;
use semver::Version;
use sqlx::AssertSqlSafe;

/// Characters of a summary.
const SUMMARY_CHARS_MAX: usize = 300;

/// What a search finds of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchDocument {
    summary: String,
    name_words: String,
    item_words: String,
    doc_words: String,
}

/// Where a page of hits begins: after this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchKey {
    /// Where its words stand.
    pub(crate) found: Found,
    /// The part before the colon.
    pub(crate) namespace: String,
    /// The part after the colon.
    pub(crate) name: String,
}

impl SearchDocument {
    /// The words of a name, of its items and of its documentation, and a sentence about it.
    pub(crate) fn new(name: &str, items: &str, docs: &str, summary: &str) -> Self {
        let line = summary.split(|character: char| character.is_control() || character.is_whitespace());
        let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        Self {
            summary: line.chars().take(SUMMARY_CHARS_MAX).collect(),
            name_words: column_of(name),
            item_words: column_of(items),
            doc_words: column_of(docs),
        }
    }
}

impl Store {
    /// The names in whose newest release all of the words stand, each as the beginning of a word there. Words come from
    /// [`super::words_of`]; with none, nothing is found.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn search(
        &self,
        words: &[String],
        kind: Option<SearchKind>,
        after: Option<&SearchKey>,
        limit: usize,
    ) -> Result<Page<SearchHit>, StoreError> {
        if words.is_empty() {
            return Ok(Page { items: Vec::new(), more: false });
        }
        let mut connection = self.database.read().await?;
        let matched = connection.sql(MATCHED_SQLITE, MATCHED_POSTGRES);
        let sql = format!(
            "WITH matched AS ({matched}), page AS (
                 SELECT matched.found, matched.namespace, matched.name, matched.version,
                     releases.package_hash, releases.component_hash
                 FROM matched JOIN releases ON releases.namespace = matched.namespace
                     AND releases.name = matched.name AND releases.version = matched.version
                 WHERE (matched.found, matched.namespace, matched.name) > ($4, $5, $6)
                     AND ($7 = '' OR ($7 = 'package') = (releases.package_hash IS NOT NULL))
                 ORDER BY matched.found, matched.namespace, matched.name LIMIT $8)
             SELECT page.*, search_documents.summary,
                 (SELECT CAST(SUM(downloads.count) AS BIGINT) FROM downloads WHERE downloads.hash IN (
                     SELECT COALESCE(others.package_hash, others.component_hash) FROM releases AS others
                     WHERE others.namespace = page.namespace AND others.name = page.name)) AS downloads
             FROM page JOIN search_documents ON search_documents.namespace = page.namespace
                 AND search_documents.name = page.name AND search_documents.version = page.version
             ORDER BY page.found, page.namespace, page.name"
        );
        let (found, namespace, name) =
            after.map_or((0, "", ""), |after| (after.found as u64, &after.namespace, &after.name));
        let more = values![found, namespace, name, kind.map_or("", SearchKind::as_str), limit + 1];
        let values = question(&connection, words).into_iter().chain(more).collect();
        let rows = connection.rows(AssertSqlSafe(sql), values).await?;
        Ok(Page::of(rows.iter().map(hit_in).collect::<Result<_, _>>()?, limit))
    }

    /// Releases that no search finds because they were published before there was an index, at most `limit` of them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn releases_without_document(
        &self,
        limit: usize,
    ) -> Result<Vec<(ReleaseName, ReleaseTarget)>, StoreError> {
        let rows = self
            .database
            .read()
            .await?
            .rows(
                "SELECT namespace, name, version, package_hash, component_hash FROM releases WHERE NOT EXISTS (
                     SELECT summary FROM search_documents WHERE search_documents.namespace = releases.namespace
                         AND search_documents.name = releases.name AND search_documents.version = releases.version)
                 ORDER BY namespace, name, version LIMIT $1",
                values![limit],
            )
            .await?;
        rows.iter().map(|row| Ok((row.release_name()?, target_in(row)?))).collect()
    }

    /// Makes a release known to searches, and a package's worlds to those who look for users of interfaces.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn index_release(
        &self,
        name: &ReleaseName,
        document: &SearchDocument,
        worlds: Option<(&PackageHash, &[WorldInterface])>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        if let Some((package, worlds)) = worlds {
            insert_worlds(&mut transaction, package, worlds).await?;
        }
        write_document(&mut transaction, name, document).await?;
        transaction.commit().await
    }
}

/// What to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchKind {
    /// WIT packages.
    Package,
    /// Components.
    Component,
}

impl SearchKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Component => "component",
        }
    }
}

/// Every entry with all the words, and the best place where all of them stand. `$1` to `$3` ask in the names alone, in
/// names and items, and everywhere.
const MATCHED_SQLITE: &str = "SELECT namespace, name, version, CASE
         WHEN id IN (SELECT rowid FROM search_words WHERE search_words MATCH $1) THEN 0
         WHEN id IN (SELECT rowid FROM search_words WHERE search_words MATCH $2) THEN 1
         ELSE 2 END AS found
     FROM search_entries WHERE id IN (SELECT rowid FROM search_words WHERE search_words MATCH $3)";
const MATCHED_POSTGRES: &str = "SELECT namespace, name, version, CAST(CASE
         WHEN names @@ CAST($1 AS TSQUERY) THEN 0
         WHEN items @@ CAST($2 AS TSQUERY) THEN 1
         ELSE 2 END AS BIGINT) AS found
     FROM search_entries WHERE docs @@ CAST($3 AS TSQUERY)";

/// The words in the databases' own languages. They are letters and digits alone, so they cannot leave their quotes.
fn question(connection: &Connection, words: &[String]) -> [Value; 3] {
    let joined = |quote: &str, prefix: &str, and: &str| {
        words.iter().map(|word| format!("{quote}{word}{quote}{prefix}")).collect::<Vec<_>>().join(and)
    };
    match connection {
        Connection::Sqlite(_) => {
            let all = joined("\"", "*", " AND ");
            let names = format!("{{name_words}} : ({all})");
            let items = format!("{{name_words item_words}} : ({all})");
            [names, items, all].map(Value::from)
        }
        Connection::Postgres(_) => {
            let all = joined("'", ":*", " & ");
            [all.clone(), all.clone(), all].map(Value::from)
        }
    }
}

fn hit_in(row: &Row) -> Result<SearchHit, StoreError> {
    Ok(SearchHit {
        name: row.release_name()?,
        target: target_in(row)?,
        summary: row.text("summary")?,
        found: match row.count("found")? {
            0 => Found::Name,
            1 => Found::Items,
            _ => Found::Docs,
        },
        downloads: row.count("downloads")?,
    })
}

/// Writes what is found of a release, and lets searches find it if it is the newest.
pub(super) async fn write_document(
    connection: &mut Connection,
    name: &ReleaseName,
    document: &SearchDocument,
) -> Result<(), StoreError> {
    let SearchDocument { summary, name_words, item_words, doc_words } = document;
    let more = values![summary, name_words, item_words, doc_words];
    connection
        .execute(
            "INSERT INTO search_documents (namespace, name, version, summary, name_words, item_words, doc_words)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (namespace, name, version) DO UPDATE SET summary = excluded.summary,
                 name_words = excluded.name_words, item_words = excluded.item_words, doc_words = excluded.doc_words",
            key(name).into_iter().chain(more).collect(),
        )
        .await?;
    refresh_entry(connection, name.namespace(), name.name()).await
}

/// Makes searches find of a name its newest release that is not yanked; nothing if there is none.
pub(super) async fn refresh_entry(connection: &mut Connection, namespace: &str, name: &str) -> Result<(), StoreError> {
    remove_entry(connection, namespace, name).await?;
    let rows = connection
        .rows(
            "SELECT search_documents.version FROM search_documents JOIN releases
                 ON releases.namespace = search_documents.namespace AND releases.name = search_documents.name
                     AND releases.version = search_documents.version
             WHERE releases.namespace = $1 AND releases.name = $2 AND releases.yanked_at IS NULL",
            values![namespace, name],
        )
        .await?;
    let versions: Vec<Version> = rows.iter().map(|row| row.parsed("version")).collect::<Result<_, _>>()?;
    match versions.into_iter().max_by(|a, b| precedence(a).cmp(&precedence(b))) {
        Some(newest) => insert_entry(connection, values![namespace, name, &newest]).await,
        None => Ok(()),
    }
}

/// Pre-releases stand below all releases, as for those who ask for the newest.
fn precedence(version: &Version) -> (bool, &Version) {
    (version.pre.is_empty(), version)
}

async fn remove_entry(connection: &mut Connection, namespace: &str, name: &str) -> Result<(), StoreError> {
    if let Connection::Sqlite(_) = connection {
        let sql = "DELETE FROM search_words WHERE rowid = \
                   (SELECT id FROM search_entries WHERE namespace = $1 AND name = $2)";
        connection.execute(sql, values![namespace, name]).await?;
    }
    let sql = "DELETE FROM search_entries WHERE namespace = $1 AND name = $2";
    connection.execute(sql, values![namespace, name]).await.map(drop)
}

async fn insert_entry(connection: &mut Connection, key: Vec<Value>) -> Result<(), StoreError> {
    let sql = connection.sql(
        "INSERT INTO search_entries (namespace, name, version) VALUES ($1, $2, $3)",
        "INSERT INTO search_entries (namespace, name, version, names, items, docs)
         SELECT namespace, name, version,
             array_to_tsvector(string_to_array(name_words, ' ')),
             array_to_tsvector(string_to_array(name_words, ' ') || string_to_array(item_words, ' ')),
             array_to_tsvector(string_to_array(name_words, ' ') || string_to_array(item_words, ' ')
                 || string_to_array(doc_words, ' '))
         FROM search_documents WHERE namespace = $1 AND name = $2 AND version = $3",
    );
    connection.execute(sql, key.clone()).await?;
    if let Connection::Sqlite(_) = connection {
        let sql = "INSERT INTO search_words (rowid, name_words, item_words, doc_words)
             SELECT search_entries.id, search_documents.name_words, search_documents.item_words,
                 search_documents.doc_words
             FROM search_entries JOIN search_documents ON search_documents.namespace = search_entries.namespace
                 AND search_documents.name = search_entries.name AND search_documents.version = search_entries.version
             WHERE search_entries.namespace = $1 AND search_entries.name = $2 AND search_entries.version = $3";
        connection.execute(sql, key).await?;
    }
    Ok(())
}
