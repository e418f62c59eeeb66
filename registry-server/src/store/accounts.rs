//! Accounts and their tokens. Of a token's secret the database has only the sha256.

use super::connection::{Connection, Row, values};
use super::{Store, StoreError};
use jiff::Timestamp;
use registry_core::wire::{Scope, TokenInfo};

/// A token to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewToken {
    /// Everything but the secret.
    pub(crate) info: TokenInfo,
    /// The sha256 of the secret, in hexadecimal digits.
    pub(crate) sha256: String,
}

/// A token that is there, whether it is good or not.
#[derive(Debug, Clone)]
pub(crate) struct StoredToken {
    /// Everything but the secret.
    pub(crate) info: TokenInfo,
    /// The sha256 of the secret, in hexadecimal digits.
    pub(crate) sha256: String,
    /// Whether its account runs the registry.
    pub(crate) operator: bool,
}

const SELECT: &str = "SELECT tokens.id, tokens.sha256, tokens.account, tokens.description, tokens.publish, \
     tokens.yank, tokens.admin, tokens.namespace, tokens.created_at, tokens.expires_at, tokens.revoked_at, \
     accounts.operator FROM tokens JOIN accounts ON accounts.name = tokens.account";

impl Store {
    /// Writes a token, and its account if that is new.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_token(&self, token: &NewToken) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        insert(&mut transaction, token).await?;
        transaction.commit().await
    }

    /// Writes a token, and revokes all others of its account.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn replace_tokens(&self, token: &NewToken) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let TokenInfo { account, created_at, .. } = &token.info;
        let sql = "UPDATE tokens SET revoked_at = $2 WHERE account = $1 AND revoked_at IS NULL";
        transaction.execute(sql, values![account, *created_at]).await?;
        insert(&mut transaction, token).await?;
        transaction.commit().await
    }

    /// Writes a token if there is none at all, not even a revoked one. Answers whether it did.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn insert_first_token(&self, token: &NewToken) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let is_first = transaction.row("SELECT id FROM tokens LIMIT 1", Vec::new()).await?.is_none();
        if is_first {
            insert(&mut transaction, token).await?;
        }
        transaction.commit().await?;
        Ok(is_first)
    }

    /// The token whose secret has this sha256.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn token_by_sha256(&self, sha256: &str) -> Result<Option<StoredToken>, StoreError> {
        self.token_where("tokens.sha256 = $1", sha256).await
    }

    /// The token with this id.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn token(&self, id: &str) -> Result<Option<StoredToken>, StoreError> {
        self.token_where("tokens.id = $1", id).await
    }

    /// The tokens of an account, at most `tokens_max` of them: those that are good now first, so that others never push
    /// them out, and each kind from the newest on. With a namespace, those that are limited to it.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn tokens(
        &self,
        account: &str,
        namespace: Option<&str>,
        now: Timestamp,
        tokens_max: usize,
    ) -> Result<Vec<TokenInfo>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE tokens.account = $1 AND (CAST($2 AS TEXT) IS NULL OR tokens.namespace = $2) \
             ORDER BY CASE WHEN tokens.revoked_at IS NULL AND (tokens.expires_at IS NULL OR tokens.expires_at > $3) \
                 THEN 0 ELSE 1 END, tokens.created_at DESC, tokens.id DESC LIMIT $4"
        );
        let values = values![account, namespace.map(str::to_owned), now, tokens_max];
        let rows = self.database.read().await?.rows(sqlx::AssertSqlSafe(sql), values).await?;
        rows.iter().map(|row| Ok(token_in(row)?.info)).collect()
    }

    /// How many tokens of an account are good now.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn good_tokens(&self, account: &str, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) AS good FROM tokens \
                   WHERE account = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
        let row = self.database.read().await?.row(sql, values![account, now]).await?;
        row.map_or(Ok(0), |row| row.count("good"))
    }

    /// Revokes a token; one that was revoked before stays revoked since then. Answers whether there is such a token.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn revoke_token(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let sql = "UPDATE tokens SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1";
        let revoked = transaction.execute(sql, values![id, at]).await? > 0;
        transaction.commit().await?;
        Ok(revoked)
    }

    /// Whether there is any token, good or not.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn has_tokens(&self) -> Result<bool, StoreError> {
        Ok(self.database.read().await?.row("SELECT id FROM tokens LIMIT 1", Vec::new()).await?.is_some())
    }

    /// Whether there is such an account.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn has_account(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT name FROM accounts WHERE name = $1";
        Ok(self.database.read().await?.row(sql, values![name]).await?.is_some())
    }

    async fn token_where(&self, condition: &str, value: &str) -> Result<Option<StoredToken>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE {condition}"));
        self.database.read().await?.row(sql, values![value]).await?.as_ref().map(token_in).transpose()
    }
}

async fn insert(transaction: &mut Connection, token: &NewToken) -> Result<(), StoreError> {
    let info = &token.info;
    let sql = "INSERT INTO accounts (name, operator, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    transaction.execute(sql, values![&info.account, false, info.created_at]).await?;
    let has = |scope| info.scopes.contains(&scope);
    let values = values![
        &info.id,
        &token.sha256,
        &info.account,
        &info.description,
        has(Scope::Publish),
        has(Scope::Yank),
        has(Scope::Admin),
        info.namespace.clone(),
        info.created_at,
        info.expires_at
    ];
    let sql = "INSERT INTO tokens \
         (id, sha256, account, description, publish, yank, admin, namespace, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    transaction.execute(sql, values).await.map(drop)
}

fn token_in(row: &Row) -> Result<StoredToken, StoreError> {
    let mut scopes = Vec::new();
    for scope in Scope::ALL {
        if row.boolean(scope.as_str())? {
            scopes.push(scope);
        }
    }
    let info = TokenInfo {
        id: row.text("id")?,
        account: row.text("account")?,
        description: row.text("description")?,
        scopes,
        namespace: row.optional_text("namespace")?,
        created_at: row.time("created_at")?,
        expires_at: row.optional_time("expires_at")?,
        revoked_at: row.optional_time("revoked_at")?,
    };
    Ok(StoredToken { info, sha256: row.text("sha256")?, operator: row.boolean("operator")? })
}
