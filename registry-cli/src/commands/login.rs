//! `registry login`

use crate::arguments::GlobalArguments;
use crate::credentials::{self, CredentialsFile, Login};
use crate::failure::Failure;
use crate::terminal::{Terminal, harmless};
use registry_core::wire::Whoami;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Document {
    /// What the token is kept under.
    registry: String,
    /// The file that keeps it.
    file: PathBuf,
    #[serde(flatten)]
    whoami: Whoami,
}

pub(super) async fn run(global: &GlobalArguments, terminal: &Terminal) -> Result<(), Failure> {
    let file = CredentialsFile::locate()?;
    let client = credentials::anonymous_client(global)?;
    let token = match credentials::given_token(global)? {
        Some(token) => token,
        None => credentials::entered_token(&client)?,
    };
    let client = credentials::with_token(client, token.clone(), global)?;
    let whoami = client.whoami().await?;
    let registry = credentials::origin(&client);
    file.keep(registry.clone(), Login::new(whoami.account.clone(), &token))?;

    let (account, path) = (harmless(&whoami.account), file.path().display());
    terminal.status("Logged in", format_args!("as `{account}` at {registry}; the token is kept in `{path}`"));
    terminal.data(&Document { registry, file: file.path().to_owned(), whoami }, "")
}
