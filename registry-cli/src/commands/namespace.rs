//! `registry namespace`

use super::token::shown_time;
use crate::arguments::{NamespaceCommand, OwnerCommand, SetArguments};
use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, harmless, table};
use futures::TryStreamExt;
use registry_client::Client;
use registry_core::wire::{CompatibilityRule, Namespace, NamespaceSettings};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    namespaces: Vec<Namespace>,
}

pub(super) async fn run(command: &NamespaceCommand, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        NamespaceCommand::Claim { names } => claim(names, client, terminal).await,
        NamespaceCommand::Show { name } => show(name, client, terminal).await,
        NamespaceCommand::List => {
            let namespaces: Vec<Namespace> = client.namespaces().try_collect().await?;
            let text = shown(&namespaces);
            terminal.data(&Document { namespaces }, text)
        }
        NamespaceCommand::Owner(command) => change_owner(command, client, terminal).await,
        NamespaceCommand::Set(arguments) => set(arguments, client, terminal).await,
    }
}

async fn claim(names: &[String], client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let mut namespaces = Vec::new();
    for name in names {
        let claimed = client.claim_namespace(name).await?;
        if claimed.created {
            terminal.status("Claimed", format_args!("`{name}`"));
        } else {
            terminal.status("Unchanged", format_args!("`{name}` is yours already"));
        }
        namespaces.push(claimed.namespace);
    }
    terminal.data(&Document { namespaces }, "")
}

async fn show(name: &str, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let Some(namespace) = client.namespace(name).await? else {
        let hint = format!("`registry namespace claim {name}` makes it yours");
        return Err(Finding { code: "not_found", message: format!("nobody owns `{name}`"), hint: Some(hint) }.into());
    };
    let text = shown(std::slice::from_ref(&namespace));
    terminal.data(&namespace, text)
}

async fn change_owner(command: &OwnerCommand, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let namespace = match command {
        OwnerCommand::Add(arguments) => client.add_owner(&arguments.namespace, &arguments.account).await?,
        OwnerCommand::Remove(arguments) => client.remove_owner(&arguments.namespace, &arguments.account).await?,
    };
    let owners = harmless(&namespace.owners.join(", "));
    terminal.status("Changed", format_args!("`{}` is owned by {owners}", namespace.name));
    terminal.data(&namespace, "")
}

async fn set(arguments: &SetArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let settings = NamespaceSettings { compatibility: arguments.compatibility };
    let namespace = client.set_namespace(&arguments.namespace, &settings).await?;
    let rule = word(namespace.compatibility);
    terminal.status("Changed", format_args!("compatibility in `{}` is {rule}", namespace.name));
    terminal.data(&namespace, "")
}

fn shown(namespaces: &[Namespace]) -> String {
    let headings = ["NAMESPACE", "OWNERS", "COMPATIBILITY", "CLAIMED"];
    let rows = namespaces.iter().map(|namespace| {
        let rule = word(namespace.compatibility).to_owned();
        [namespace.name.clone(), namespace.owners.join(", "), rule, shown_time(&namespace.claimed_at)]
    });
    table(headings, rows)
}

fn word(rule: CompatibilityRule) -> &'static str {
    match rule {
        CompatibilityRule::Enforced => "enforced",
        CompatibilityRule::Relaxed => "relaxed",
    }
}
