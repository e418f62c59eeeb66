//! Namespaces and the accounts that own them.

use super::connection::{Connection, Row, Value, places, values};
use super::{Page, Store, StoreError};
use jiff::Timestamp;
use registry_core::wire::{CompatibilityRule, Namespace};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// What came of claiming a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// It belongs to the account now.
    Created,
    /// It belonged to the account already.
    Present,
    /// It belongs to others.
    Taken,
    /// It differs from this other namespace by hyphens alone.
    TooSimilar(String),
}

/// What came of changing a namespace's owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerChange {
    /// It is as it was asked for.
    Done,
    /// There is no such namespace.
    NoNamespace,
    /// There is no such account.
    NoAccount,
    /// A namespace is never without an owner.
    LastOwner,
}

impl Store {
    /// Makes an account the owner of a namespace that nobody owns.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn claim_namespace(
        &self,
        name: &str,
        account: &str,
        at: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let mut transaction = self.database.write().await?;
        let found = find(&mut transaction, name).await?;
        if let Some(namespace) = found {
            transaction.rollback().await?;
            let is_owner = namespace.owners.iter().any(|owner| owner == account);
            return Ok(if is_owner { Claimed::Present } else { Claimed::Taken });
        }
        let skeleton = skeleton_of(name);
        let sql = "SELECT name FROM namespaces WHERE skeleton = $1 ORDER BY name LIMIT 1";
        if let Some(row) = transaction.row(sql, values![&skeleton]).await? {
            transaction.rollback().await?;
            return Ok(Claimed::TooSimilar(row.text("name")?));
        }
        let sql =
            "INSERT INTO namespaces (name, skeleton, relaxed, claimed_at, claimed_by) VALUES ($1, $2, $3, $4, $5)";
        transaction.execute(sql, values![name, &skeleton, false, at, account]).await?;
        insert_owner(&mut transaction, name, account).await?;
        transaction.commit().await?;
        Ok(Claimed::Created)
    }

    /// Adds an owner; who is one already stays one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_owner(&self, namespace: &str, account: &str) -> Result<OwnerChange, StoreError> {
        let mut transaction = self.database.write().await?;
        let change = if find(&mut transaction, namespace).await?.is_none() {
            OwnerChange::NoNamespace
        } else if !is_account(&mut transaction, account).await? {
            OwnerChange::NoAccount
        } else {
            insert_owner(&mut transaction, namespace, account).await?;
            OwnerChange::Done
        };
        transaction.commit().await?;
        Ok(change)
    }

    /// Removes an owner, unless that is the last one; who is none stays none.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn remove_owner(&self, namespace: &str, account: &str) -> Result<OwnerChange, StoreError> {
        let mut transaction = self.database.write().await?;
        let change = match find(&mut transaction, namespace).await? {
            None => OwnerChange::NoNamespace,
            Some(_) if !is_account(&mut transaction, account).await? => OwnerChange::NoAccount,
            Some(found) if found.owners == [account] => OwnerChange::LastOwner,
            Some(_) => {
                let sql = "DELETE FROM namespace_owners WHERE namespace = $1 AND account = $2";
                transaction.execute(sql, values![namespace, account]).await?;
                OwnerChange::Done
            }
        };
        transaction.commit().await?;
        Ok(change)
    }

    /// Sets whether a namespace's releases must be compatible. Answers whether there is such a namespace.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn set_compatibility(&self, namespace: &str, rule: CompatibilityRule) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let sql = "UPDATE namespaces SET relaxed = $2 WHERE name = $1";
        let is_set = transaction.execute(sql, values![namespace, rule == CompatibilityRule::Relaxed]).await? > 0;
        transaction.commit().await?;
        Ok(is_set)
    }

    /// A namespace with its owners.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn namespace(&self, name: &str) -> Result<Option<Namespace>, StoreError> {
        find(&mut self.database.read().await?, name).await
    }

    /// The namespaces whose names come after the given one, in the order of their names.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn namespaces(&self, after: &str, limit: usize) -> Result<Page<Namespace>, StoreError> {
        let mut connection = self.database.read().await?;
        let sql = "SELECT name, relaxed, claimed_at FROM namespaces WHERE name > $1 ORDER BY name LIMIT $2";
        let rows = connection.rows(sql, values![after, limit + 1]).await?;
        Ok(Page::of(with_owners(&mut connection, &rows).await?, limit))
    }

    /// How many namespaces an account has claimed and still owns: not those that others made it an owner of.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn claimed_by(&self, account: &str) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) AS claimed FROM namespaces JOIN namespace_owners \
                   ON namespace_owners.namespace = namespaces.name \
                   AND namespace_owners.account = namespaces.claimed_by WHERE namespaces.claimed_by = $1";
        let row = self.database.read().await?.row(sql, values![account]).await?;
        row.map_or(Ok(0), |row| row.count("claimed"))
    }

    /// The namespaces that an account owns, in the order of their names, at most `namespaces_max` of them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn namespaces_of(&self, account: &str, namespaces_max: usize) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT namespace FROM namespace_owners WHERE account = $1 ORDER BY namespace LIMIT $2";
        let rows = self.database.read().await?.rows(sql, values![account, namespaces_max]).await?;
        rows.iter().map(|row| row.text("namespace")).collect()
    }
}

/// What two names that look alike have in common.
fn skeleton_of(name: &str) -> String {
    name.replace('-', "")
}

async fn find(connection: &mut Connection, name: &str) -> Result<Option<Namespace>, StoreError> {
    let sql = "SELECT name, relaxed, claimed_at FROM namespaces WHERE name = $1";
    let rows = connection.rows(sql, values![name]).await?;
    Ok(with_owners(connection, &rows).await?.pop())
}

async fn with_owners(connection: &mut Connection, rows: &[Row]) -> Result<Vec<Namespace>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = rows.iter().map(|row| row.text("name")).collect::<Result<_, _>>()?;
    let sql = format!(
        "SELECT namespace, account FROM namespace_owners WHERE namespace IN ({}) ORDER BY namespace, account",
        places(1, names.len())
    );
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in connection.rows(AssertSqlSafe(sql), names.iter().map(Value::from).collect()).await? {
        owners.entry(row.text("namespace")?).or_default().push(row.text("account")?);
    }
    let namespace_in = |row: &Row| {
        let name = row.text("name")?;
        let relaxed = row.boolean("relaxed")?;
        Ok(Namespace {
            owners: owners.remove(&name).unwrap_or_default(),
            name,
            compatibility: if relaxed { CompatibilityRule::Relaxed } else { CompatibilityRule::Enforced },
            claimed_at: row.time("claimed_at")?,
        })
    };
    rows.iter().map(namespace_in).collect()
}

async fn insert_owner(connection: &mut Connection, namespace: &str, account: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO namespace_owners (namespace, account) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    connection.execute(sql, values![namespace, account]).await.map(drop)
}

async fn is_account(connection: &mut Connection, name: &str) -> Result<bool, StoreError> {
    Ok(connection.row("SELECT name FROM accounts WHERE name = $1", values![name]).await?.is_some())
}
