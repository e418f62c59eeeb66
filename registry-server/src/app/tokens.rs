//! Making, listing and revoking tokens.

use super::access::{Caller, TOKEN_PREFIX, secret_sha256};
use super::{App, AppError, InternalError, request};
use crate::store::{NewToken, Store, StoreError};
use jiff::Timestamp;
use registry_core::limits::LimitExceeded;
use registry_core::name::check_identifier;
use registry_core::wire::{CreateToken, CreatedToken, Scope, TokenInfo, TokenList, Whoami};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;

/// The account that runs the registry; the database has it from the beginning.
const ADMIN: &str = "admin";

/// What the tokens are for that the server itself makes.
const MADE_BY_SERVER: &str = "made by the server for whoever runs it";

/// Bytes of randomness in a token's secret, and in its id, which is no secret.
const SECRET_SIZE_BYTES: usize = 32;
const ID_SIZE_BYTES: usize = 8;

impl App {
    /// Whom a token speaks for.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn whoami(&self, caller: Caller) -> Result<Whoami, AppError> {
        let namespaces =
            self.store.namespaces_of(&caller.token.account, self.limits.namespaces_per_account_max).await?;
        let Caller { token, operator } = caller;
        Ok(Whoami { account: token.account.clone(), operator, token, namespaces })
    }

    /// Makes a token that can do no more than the one that makes it.
    ///
    /// # Errors
    /// If it would, or the request is not valid.
    pub(crate) async fn create_token(&self, caller: &Caller, json: &[u8]) -> Result<CreatedToken, AppError> {
        caller.require(Scope::Admin)?;
        let now = Timestamp::now();
        let info = self.new_token(caller, request(json)?, now)?;
        let max = self.limits.tokens_per_account_max;
        let good = usize::try_from(self.store.good_tokens(&info.account, now).await?).unwrap_or(usize::MAX);
        let what = format!("the number of good tokens of `{}`", info.account);
        LimitExceeded::check(what, good.saturating_add(1), max, "tokens_per_account_max")?;
        let (secret, token) = seal(info)?;
        self.store.insert_token(&token).await?;
        Ok(CreatedToken { token: secret.expose_secret().to_owned(), info: token.info })
    }

    /// The tokens of an account that a caller may see, the good ones first and each kind from the newest on: its own, and
    /// with a limited token those that are limited alike.
    ///
    /// # Errors
    /// If it is another account and the caller does not run the registry.
    pub(crate) async fn tokens(&self, caller: &Caller, account: Option<String>) -> Result<TokenList, AppError> {
        caller.require(Scope::Admin)?;
        let account = account.unwrap_or_else(|| caller.token.account.clone());
        if account != caller.token.account {
            caller.require_operator("list the tokens of other accounts")?;
            if !self.store.has_account(&account).await? {
                return Err(AppError::UnknownAccount(account));
            }
        }
        let (namespace, max) = (caller.token.namespace.as_deref(), self.limits.tokens_listed_max);
        Ok(TokenList { tokens: self.store.tokens(&account, namespace, Timestamp::now(), max).await? })
    }

    /// Revokes a token: the caller's own, another of the same account, or any for who runs the registry.
    ///
    /// # Errors
    /// If the caller may not, or there is no such token.
    pub(crate) async fn revoke_token(&self, caller: &Caller, id: &str) -> Result<(), AppError> {
        if id != caller.token.id {
            caller.require(Scope::Admin)?;
            let not_found = || AppError::NotFound(format!("the token `{}`", shown(id)));
            let found = self.store.token(id).await?.ok_or_else(not_found)?.info;
            if found.account != caller.token.account {
                caller.require_operator("revoke tokens of other accounts")?;
            }
            if !is_within(caller, found.namespace.as_deref()) {
                let message = format!("the token `{}` is limited to a namespace, and `{id}` is not", caller.token.id);
                return Err(AppError::Forbidden { message, hint: "use a token without a limit".to_owned() });
            }
        }
        self.store.revoke_token(id, Timestamp::now()).await?;
        Ok(())
    }

    fn new_token(&self, caller: &Caller, request: CreateToken, now: Timestamp) -> Result<TokenInfo, AppError> {
        let account = request.account.unwrap_or_else(|| caller.token.account.clone());
        check_identifier(&account)?;
        if account != caller.token.account {
            caller.require_operator("make tokens for other accounts")?;
        }
        let scopes: BTreeSet<Scope> = request.scopes.into_iter().collect();
        if scopes.is_empty() {
            return Err(AppError::Body("a token needs at least one scope".to_owned()));
        }
        scopes.iter().try_for_each(|scope| caller.require(*scope))?;
        self.check_text("the description", &request.description)?;
        request.namespace.as_deref().map_or(Ok(()), check_identifier)?;
        if !is_within(caller, request.namespace.as_deref()) {
            let only = caller.token.namespace.clone().unwrap_or_default();
            let message = format!("the token `{}` makes only tokens for the namespace `{only}`", caller.token.id);
            let hint = format!("add `--namespace {only}` to `registry token create`");
            return Err(AppError::Forbidden { message, hint });
        }
        check_expiry(caller, request.expires_at, now)?;
        Ok(TokenInfo {
            id: random_hex::<ID_SIZE_BYTES>()?,
            account,
            description: request.description,
            scopes: scopes.into_iter().collect(),
            namespace: request.namespace,
            created_at: now,
            expires_at: request.expires_at,
            revoked_at: None,
        })
    }
}

/// Makes a token for who runs the registry if there is no token at all. `None` if there is one.
///
/// `keep` has the secret before the database has the token: a crash between the two makes the next start begin anew.
///
/// # Errors
/// If the database fails, there is no randomness, or `keep` fails.
pub(crate) async fn first_admin_token<E: From<StoreError> + From<getrandom::Error>>(
    store: &Store,
    keep: impl FnOnce(&SecretString) -> Result<(), E>,
) -> Result<bool, E> {
    if store.has_tokens().await? {
        return Ok(false);
    }
    let (secret, token) = admin_token()?;
    keep(&secret)?;
    Ok(store.insert_first_token(&token).await?)
}

/// Makes another token for who runs the registry, and revokes all that this account had: one that is lost may be in wrong
/// hands, and have made others.
///
/// # Errors
/// As [`first_admin_token`].
pub(crate) async fn another_admin_token<E: From<StoreError> + From<getrandom::Error>>(
    store: &Store,
    keep: impl FnOnce(&SecretString) -> Result<(), E>,
) -> Result<(), E> {
    let (secret, token) = admin_token()?;
    keep(&secret)?;
    Ok(store.replace_tokens(&token).await?)
}

fn admin_token() -> Result<(SecretString, NewToken), getrandom::Error> {
    seal(TokenInfo {
        id: random_hex::<ID_SIZE_BYTES>()?,
        account: ADMIN.to_owned(),
        description: MADE_BY_SERVER.to_owned(),
        scopes: Scope::ALL.to_vec(),
        namespace: None,
        created_at: Timestamp::now(),
        expires_at: None,
        revoked_at: None,
    })
}

/// Gives a token its secret.
fn seal(info: TokenInfo) -> Result<(SecretString, NewToken), getrandom::Error> {
    let secret = SecretString::from(format!("{TOKEN_PREFIX}{}", random_hex::<SECRET_SIZE_BYTES>()?));
    let sha256 = secret_sha256(&secret);
    Ok((secret, NewToken { info, sha256 }))
}

fn random_hex<const SIZE_BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; SIZE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Whether what a token is limited to stands within what the caller's token is limited to.
fn is_within(caller: &Caller, namespace: Option<&str>) -> bool {
    let only = caller.token.namespace.as_deref();
    only.is_none() || only == namespace
}

fn check_expiry(caller: &Caller, expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), AppError> {
    if expires_at.is_some_and(|at| at <= now) {
        return Err(AppError::Body("`expires_at` is in the past".to_owned()));
    }
    match caller.token.expires_at {
        Some(end) if expires_at.is_none_or(|at| at > end) => {
            let message = format!("the token `{}` makes only tokens that expire by {end}", caller.token.id);
            let hint = "make one that expires earlier, or use a token that does not expire".to_owned();
            Err(AppError::Forbidden { message, hint })
        }
        _ => Ok(()),
    }
}

/// An id from an address, cut so that it does not fill a message.
fn shown(id: &str) -> String {
    id.chars().take(2 * ID_SIZE_BYTES).collect()
}

impl From<getrandom::Error> for AppError {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(InternalError::Random(error))
    }
}
