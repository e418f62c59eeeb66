//! Whether the account in use may publish into namespaces, asked before anything is sent.

use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, harmless};
use registry_client::{Client, ClientError, Ownership};
use registry_core::wire::{Namespace, Scope};
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

/// Why publishing into these namespaces would be refused; none if it would not, as far as the token in use allows to know.
pub(super) async fn objections(
    namespaces: BTreeSet<&str>,
    client: &Client,
    terminal: &Terminal,
) -> Result<Vec<Finding>, ClientError> {
    if namespaces.is_empty() {
        return Ok(Vec::new());
    }
    if !client.has_token() {
        return unclaimed(namespaces, client, terminal).await;
    }
    let ownership = client.ownership(namespaces.iter().copied()).await?;
    let mut objections: Vec<Finding> = not_allowed(&namespaces, &ownership).into_iter().collect();
    objections.extend(ownership.foreign.iter().map(|namespace| belongs_to_others(namespace, &ownership.account)));
    objections.extend((!ownership.unclaimed.is_empty()).then(|| not_claimed(&ownership.unclaimed)));
    Ok(objections)
}

/// What can be known without a token.
async fn unclaimed(
    namespaces: BTreeSet<&str>,
    client: &Client,
    terminal: &Terminal,
) -> Result<Vec<Finding>, ClientError> {
    let mut unclaimed = Vec::new();
    for name in namespaces {
        match client.namespace(name).await? {
            None => unclaimed.push(name.to_owned()),
            Some(_) => terminal.status(
                "Note",
                format_args!("there is no token to ask whether `{name}` is yours; publishing needs one"),
            ),
        }
    }
    Ok(if unclaimed.is_empty() { Vec::new() } else { vec![not_claimed(&unclaimed)] })
}

/// What the token does not allow, whatever its account owns.
fn not_allowed(namespaces: &BTreeSet<&str>, ownership: &Ownership) -> Option<Finding> {
    let token = &ownership.token;
    let outside = |only: &String| namespaces.iter().any(|namespace| namespace != only);
    let message = match &token.namespace {
        _ if !token.scopes.contains(&Scope::Publish) => "the token in use does not allow publishing".to_owned(),
        Some(only) if outside(only) => format!("the token in use allows publishing into `{only}` only"),
        _ => return None,
    };
    let hint =
        "`registry whoami` shows what it allows; `registry token create --scope publish` makes another".to_owned();
    Some(Finding { code: "forbidden", message, hint: Some(hint) })
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
        hint: Some(format!("`registry namespace claim {}`, or publish with `--claim`", namespaces.join(" "))),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
