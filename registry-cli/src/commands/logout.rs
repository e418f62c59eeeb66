//! `registry logout`

use crate::arguments::{GlobalArguments, LogoutArguments};
use crate::credentials::{self, CredentialsFile};
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::{Client, ClientError};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    registry: String,
    /// Whether a token was kept.
    was_logged_in: bool,
    /// Whether it was revoked.
    is_revoked: bool,
}

pub(super) async fn run(
    arguments: &LogoutArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let file = CredentialsFile::locate()?;
    let client = credentials::anonymous_client(global)?;
    let registry = credentials::origin(&client);
    let Some(login) = file.login(&registry, terminal)? else {
        terminal.status("Unchanged", format_args!("no token is kept for {registry}"));
        return terminal.data(&Document { registry, was_logged_in: false, is_revoked: false }, "");
    };
    if arguments.revoke {
        revoke(&credentials::with_token(client, login.token(), global)?).await?;
        terminal.status("Revoked", format_args!("the token of `{}`", login.account));
    }
    file.forget(&registry)?;
    terminal.status("Logged out", format_args!("`{}` from {registry}", login.account));
    terminal.data(&Document { registry, was_logged_in: true, is_revoked: arguments.revoke }, "")
}

/// Revokes the client's own token. One that is no longer good need not be revoked.
async fn revoke(client: &Client) -> Result<(), ClientError> {
    let is_useless = |error: &ClientError| error.code() == "token_invalid";
    match client.whoami().await {
        Ok(whoami) => client.revoke_token(&whoami.token.id).await,
        Err(error) if is_useless(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
