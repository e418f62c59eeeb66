//! `registry whoami`

use super::token::{facts, scopes};
use crate::failure::Failure;
use crate::terminal::{Terminal, harmless};
use registry_client::Client;

pub(super) async fn run(client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let whoami = client.whoami().await?;
    let role = if whoami.operator { " (operator)" } else { "" };
    let namespaces = if whoami.namespaces.is_empty() { "none".to_owned() } else { whoami.namespaces.join(", ") };
    let text = format!(
        "{}{role}\n  namespaces: {namespaces}\n  token: {} allows {}{}\n",
        whoami.account,
        whoami.token.id,
        scopes(&whoami.token),
        facts(&whoami.token),
    );
    terminal.data(&whoami, harmless(&text))
}
