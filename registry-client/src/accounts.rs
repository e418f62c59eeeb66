//! Who is asking: accounts and their tokens.

use crate::client::{Client, other, parse, same};
use crate::error::ClientError;
use crate::http::TOKEN_PREFIX;
use registry_core::name::check_identifier;
use registry_core::wire::{CreateToken, CreatedToken, TokenInfo, TokenList, Whoami};
use reqwest::Method;
use std::collections::BTreeSet;

/// Characters of a token's id.
const TOKEN_ID_CHARS_MAX: usize = 128;

impl Client {
    /// Whom the token speaks for, and what it allows.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `token_required` or `token_invalid`; else if the registry cannot be used.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        let whoami: Whoami = self.get_record(&["whoami"]).await?;
        same(&whoami.account, &whoami.token.account)?;
        Ok(whoami)
    }

    /// Makes a token. Its secret is in this answer and nowhere else.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `forbidden` if the token of this client does not allow it.
    pub async fn create_token(&self, request: &CreateToken) -> Result<CreatedToken, ClientError> {
        let names = [&request.namespace, &request.account];
        names.into_iter().flatten().try_for_each(|name| check_identifier(name))?;
        let created: CreatedToken = parse(&self.change_with(Method::POST, &["tokens"], request).await?)?;
        check_rights(request, &created.info)?;
        Ok(created)
    }

    /// The tokens of an account, without their secrets; of the client's own if none is named.
    ///
    /// # Errors
    /// As [`Client::create_token`].
    pub async fn tokens(&self, account: Option<&str>) -> Result<Vec<TokenInfo>, ClientError> {
        account.map_or(Ok(()), check_identifier)?;
        let parameters: Vec<(&str, &str)> = account.into_iter().map(|account| ("account", account)).collect();
        let TokenList { tokens } = self.get_query(&["tokens"], &parameters).await?;
        if let Some(account) = account {
            tokens.iter().try_for_each(|token| same(&account, &token.account.as_str()))?;
        }
        Ok(tokens)
    }

    /// Makes a token useless.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `not_found` if there is no such token, with `forbidden` if it is somebody else's;
    /// [`ClientError::TokenSecret`] and [`ClientError::TokenId`] for what is no id, of which nothing is sent.
    pub async fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        check_token_id(id)?;
        self.change(Method::DELETE, &["tokens", id]).await.map(drop)
    }

    /// The id that begins so, if that is one of the account's own and of no other; else what was given.
    ///
    /// # Errors
    /// [`ClientError::TokenSecret`] and [`ClientError::TokenId`] for what is no beginning of an id, and if several of the
    /// account's tokens begin so.
    pub async fn token_id(&self, beginning: &str) -> Result<String, ClientError> {
        check_token_id(beginning)?;
        let mut own = self.tokens(None).await?;
        own.retain(|token| token.id.starts_with(beginning));
        match own.as_slice() {
            [token] => Ok(token.id.clone()),
            tokens if tokens.len() > 1 && tokens.iter().all(|token| token.id != beginning) => {
                let ids = tokens.iter().map(|token| token.id.clone()).collect();
                Err(ClientError::TokenIds { beginning: beginning.to_owned(), ids })
            }
            _ => Ok(beginning.to_owned()),
        }
    }
}

/// Refuses what is no id before anything is sent.
fn check_token_id(id: &str) -> Result<(), ClientError> {
    if id.trim_start().starts_with(TOKEN_PREFIX) {
        return Err(ClientError::TokenSecret);
    }
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if id.is_empty() || id.len() > TOKEN_ID_CHARS_MAX || !id.bytes().all(is_valid) {
        return Err(ClientError::TokenId(id.chars().take(TOKEN_ID_CHARS_MAX).collect()));
    }
    Ok(())
}

/// A token that can do more than was asked for would be given to somebody who must not have it.
fn check_rights(request: &CreateToken, token: &TokenInfo) -> Result<(), ClientError> {
    let (asked, actual): (BTreeSet<_>, BTreeSet<_>) = (request.scopes.iter().collect(), token.scopes.iter().collect());
    let outlives = request.expires_at.is_some_and(|asked| token.expires_at.is_none_or(|actual| actual > asked));
    let is_for_other = request.account.as_ref().is_some_and(|account| account != &token.account);
    if asked == actual && request.namespace == token.namespace && !outlives && !is_for_other {
        return Ok(());
    }
    Err(other("a token with certain rights", format!("token {} with others", token.id)))
}
