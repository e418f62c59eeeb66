//! `registry token`

use crate::arguments::{TokenCommand, TokenCreateArguments};
use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, harmless, table};
use jiff::Timestamp;
use registry_client::{Client, ClientError};
use registry_core::wire::{CreateToken, Scope, TokenInfo};
use serde::Serialize;

#[derive(Serialize)]
struct TokenDocument<'a> {
    tokens: &'a [TokenInfo],
}

#[derive(Serialize)]
struct RevokedDocument<'a> {
    revoked: &'a str,
}

pub(super) async fn run(command: &TokenCommand, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        TokenCommand::Create(arguments) => create(arguments, client, terminal).await,
        TokenCommand::List { account } => list(account.as_deref(), client, terminal).await,
        TokenCommand::Revoke { id } => {
            let id = client.token_id(id).await?;
            client.revoke_token(&id).await.map_err(|error| unknown_token(error, &id))?;
            terminal.status("Revoked", format_args!("token {id}"));
            terminal.data(&RevokedDocument { revoked: &id }, "")
        }
    }
}

/// What a token allows.
pub(super) fn scopes(token: &TokenInfo) -> String {
    token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

/// What narrows a token down.
pub(super) fn facts(token: &TokenInfo) -> String {
    let namespace = token.namespace.iter().map(|namespace| format!(", only in `{namespace}`"));
    let expiry = token.expires_at.iter().map(|time| format!(", until {}", shown_time(time)));
    namespace.chain(expiry).collect()
}

fn unknown_token(error: ClientError, id: &str) -> Failure {
    if !error.is_not_found() {
        return error.into();
    }
    let message = format!("there is no token whose id is `{id}` or begins so");
    let hint = Some("`registry token list` shows the ids".to_owned());
    Finding { code: "not_found", message, hint }.into()
}

/// Making tokens needs one that may, and a token that ends makes none that outlives it.
async fn expiry(arguments: &TokenCreateArguments, client: &Client) -> Result<Option<Timestamp>, Failure> {
    let whoami = client.whoami().await?;
    if whoami.token.scopes.contains(&Scope::Admin) {
        return Ok(arguments.expires.map(|expiry| expiry.0).or(whoami.token.expires_at));
    }
    let (id, account) = (&whoami.token.id, &whoami.account);
    let message = format!("the token in use, {}, has no scope `admin`, which making tokens needs", harmless(id));
    let hint = format!(
        "`registry login` with a token of `{account}` that has it, or ask an operator: `registry token create \
         --account {account} --scope publish,yank,admin`"
    );
    Err(Finding { code: "forbidden", message, hint: Some(hint) }.into())
}

async fn create(arguments: &TokenCreateArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let request = CreateToken {
        description: arguments.description.clone(),
        scopes: arguments.scopes.clone(),
        namespace: arguments.namespace.clone(),
        expires_at: expiry(arguments, client).await?,
        account: arguments.account.clone(),
    };
    let created = client.create_token(&request).await?;
    let token = &created.info;
    let what = format!("token {} of `{}` for {}{}", token.id, token.account, scopes(token), facts(token));
    terminal.status("Created", format_args!("{}; it is not shown again", harmless(&what)));
    terminal.data(&created, format_args!("{}\n", harmless(&created.token)))
}

async fn list(account: Option<&str>, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let tokens = client.tokens(account).await?;
    let now = Timestamp::now();
    let headings = ["ID", "STATE", "SCOPES", "NAMESPACE", "CREATED", "EXPIRES", "DESCRIPTION"];
    let rows = tokens.iter().map(|token| {
        [
            token.id.clone(),
            state(token, now).to_owned(),
            scopes(token),
            token.namespace.clone().unwrap_or_else(|| "all".to_owned()),
            shown_time(&token.created_at),
            token.expires_at.as_ref().map_or_else(|| "never".to_owned(), shown_time),
            token.description.clone(),
        ]
    });
    terminal.data(&TokenDocument { tokens: &tokens }, table(headings, rows))
}

fn state(token: &TokenInfo, now: Timestamp) -> &'static str {
    match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        _ => "good",
    }
}

/// A time without what is below its seconds.
pub(super) fn shown_time(time: &Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
