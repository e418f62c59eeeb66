//! Whether the account in use may publish into namespaces, asked before anything is sent.

use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, harmless};
use registry_client::Client;
use registry_core::wire::Namespace;
use std::collections::BTreeSet;

/// Makes sure that the account in use owns all of these namespaces. Those that nobody owns are claimed if that was asked
/// for; else they are an error, as are those that somebody else owns.
pub(super) async fn ensure_owned(
    namespaces: BTreeSet<&str>,
    claim: bool,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let ownership = client.ownership(namespaces).await?;
    if let Some(namespace) = ownership.foreign.first() {
        return Err(belongs_to_others(namespace, &ownership.account).into());
    }
    if !claim && !ownership.unclaimed.is_empty() {
        return Err(not_claimed(&ownership.unclaimed).into());
    }
    for name in ownership.unclaimed {
        client.claim_namespace(&name).await?;
        terminal.status("Claimed", format_args!("`{name}` for `{}`", harmless(&ownership.account)));
    }
    Ok(())
}

fn belongs_to_others(namespace: &Namespace, account: &str) -> Finding {
    let (name, owners) = (&namespace.name, quoted(&namespace.owners));
    Finding {
        code: "forbidden",
        message: format!("`{account}` does not own the namespace `{name}`, but {owners}; nothing was sent"),
        hint: Some(format!("an owner can let you: `registry namespace owner add {name} {account}`")),
    }
}

fn not_claimed(namespaces: &[String]) -> Finding {
    let what = if namespaces.len() == 1 { "the namespace" } else { "the namespaces" };
    Finding {
        code: "namespace_not_claimed",
        message: format!("nobody owns {what} {} yet; nothing was sent", quoted(namespaces)),
        hint: Some(format!("`registry namespace claim {}`, or give `--claim`", namespaces.join(" "))),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
