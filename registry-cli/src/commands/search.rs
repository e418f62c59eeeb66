//! `registry search`, `who-imports`, `who-exports`, `dependents` and `identify`.

use super::Kind;
use crate::arguments::{DependentsArguments, IdentifyArguments, Limit, SearchArguments, UsersArguments};
use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, table};
use futures::{StreamExt, TryStreamExt};
use registry_client::{Client, ClientError, Items};
use registry_core::component::{Direction, Relation};
use registry_core::id::HashPrefix;
use registry_core::name::{InterfaceSpec, PackageName, ReleaseName};
use registry_core::wire::{
    Dependent, FoundItem, HashMatches, InterfaceUser, ItemKind, NamedHash, Release, ReleaseTarget, SearchHit, UserKind,
};
use serde::Serialize;

#[derive(Serialize)]
struct Hits {
    hits: Vec<SearchHit>,
    /// Whether there are more than were asked for.
    more: bool,
}

#[derive(Serialize)]
struct Users {
    users: Vec<InterfaceUser>,
    more: bool,
}

#[derive(Serialize)]
struct Dependents {
    dependents: Vec<Dependent>,
    more: bool,
}

pub(super) async fn search(arguments: &SearchArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let hits = client.search(&arguments.words.join(" "), arguments.kind.map(Into::into))?;
    let (hits, more) = first(hits, arguments.limit.limit, terminal).await?;
    tell_nothing(&hits, terminal);
    let rows = hits.iter().map(|hit| {
        let kind = Kind::from(hit.target.hash()).as_str().to_owned();
        [hit.name.to_string(), kind, hit.downloads.to_string(), hit.summary.clone()]
    });
    let text = lines(hits.is_empty(), ["NAME", "KIND", "DOWNLOADS", "SUMMARY"], rows);
    terminal.data(&Hits { hits, more }, text)
}

pub(super) async fn users(
    arguments: &UsersArguments,
    direction: Direction,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let users = client.interface_users(&arguments.interface, Some(direction));
    let (users, more) = first(users, arguments.limit.limit, terminal).await?;
    if users.is_empty() {
        ensure_published(&arguments.interface, client).await?;
        tell_nothing(&users, terminal);
    }
    let rows = users.iter().map(|user| {
        let (kind, relation) = (user_kind(user.kind).to_owned(), relation(user.relation).to_owned());
        [names_of(user), kind, user.interface.clone(), relation, user.hash.to_string()]
    });
    let text = lines(users.is_empty(), ["NAME", "KIND", "INTERFACE", "RELATION", "HASH"], rows);
    terminal.data(&Users { users, more }, text)
}

pub(super) async fn dependents(
    arguments: &DependentsArguments,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (_, ReleaseTarget::Package(hash)) = client.resolve(&arguments.spec).await? else {
        return Err(Failure::usage(format!("`{}` is a component, and nothing refers to components", arguments.spec)));
    };
    let (dependents, more) = first(client.dependents(&hash), arguments.limit.limit, terminal).await?;
    tell_nothing(&dependents, terminal);
    let rows = dependents.iter().map(|dependent| {
        let kind = Kind::from(dependent.hash).as_str().to_owned();
        [joined(&dependent.names), kind, dependent.hash.to_string()]
    });
    let text = lines(dependents.is_empty(), ["NAME", "KIND", "HASH"], rows);
    terminal.data(&Dependents { dependents, more }, text)
}

pub(super) async fn identify(
    arguments: &IdentifyArguments,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let prefix = &arguments.hash;
    let found = match prefix.to_string().parse() {
        Ok(interface) => places(client.items(&interface), prefix, arguments.limit.limit, terminal).await?,
        Err(_) => matches(prefix, client).await?,
    };
    if found.matches.is_empty() {
        let message = format!("the registry has nothing whose hash begins with `{prefix}`");
        let hint = "is this the right registry, and are all digits there?".to_owned();
        return Err(Finding { code: "not_found", message, hint: Some(hint) }.into());
    }
    if found.more {
        terminal.status("More", "there are more; give more digits");
    }
    let rows = found.matches.iter().map(|found| [found.kind.clone(), found.names.join(", "), found.hash.clone()]);
    terminal.data(&found, table(["KIND", "NAME", "HASH"], rows))
}

/// What has a hash that begins so, or bytes of this sha256.
async fn matches(prefix: &HashPrefix, client: &Client) -> Result<HashMatches, Failure> {
    let mut found = client.hashes(prefix).await?;
    if prefix.kind().is_some() {
        return Ok(found);
    }
    let mut sha256 = [0; 32];
    if hex::decode_to_slice(prefix.digits(), &mut sha256).is_ok() {
        let matches = client.by_sha256(&sha256).await?.into_iter();
        found.matches.extend(matches.map(|found| NamedHash {
            hash: found.hash.to_string(),
            kind: Kind::from(found.hash).as_str().to_owned(),
            names: found.names.iter().map(ToString::to_string).collect(),
        }));
    }
    Ok(found)
}

/// Where an interface or a world stands, which may be in many packages.
async fn places(
    items: Items<FoundItem>,
    id: &HashPrefix,
    limit: Limit,
    terminal: &Terminal,
) -> Result<HashMatches, Failure> {
    let (items, _) = first(items, limit, terminal).await?;
    let Some(item) = items.first() else {
        return Ok(HashMatches { matches: Vec::new(), more: false });
    };
    let kind = match item.kind {
        ItemKind::Interface => "interface",
        ItemKind::World => "world",
    };
    let names = items.iter().map(|item| item_name(&item.package, &item.item)).collect();
    let found = NamedHash { hash: id.to_string(), kind: kind.to_owned(), names };
    Ok(HashMatches { matches: vec![found], more: false })
}

/// Tells an interface that nobody uses from one that is not there.
async fn ensure_published(interface: &InterfaceSpec, client: &Client) -> Result<(), Failure> {
    let (is_there, hint) = match interface {
        InterfaceSpec::Id(id) => {
            (client.items(id).next().await.transpose()?.is_some(), "are all digits right?".to_owned())
        }
        InterfaceSpec::Name { package: PackageName { namespace, name, version }, interface } => {
            let releases = match client.releases(namespace, name).await {
                Err(error) if error.is_not_found() => Vec::new(),
                releases => releases?,
            };
            let is_meant = |release: &Release| version.as_ref().is_none_or(|version| version == release.name.version());
            (releases.iter().any(is_meant), format!("`registry search {interface}` finds names like it"))
        }
    };
    if is_there {
        return Ok(());
    }
    let message = format!("no such interface is published here: `{interface}`");
    Err(Finding { code: "not_found", message, hint: Some(hint) }.into())
}

/// The first items of a list, and whether there are more.
async fn first<T>(items: Items<T>, limit: Limit, terminal: &Terminal) -> Result<(Vec<T>, bool), ClientError> {
    let _progress = terminal.progress("asking the registry");
    let mut items: Vec<T> = items.take(limit.0.saturating_add(1)).try_collect().await?;
    let more = items.len() > limit.0;
    items.truncate(limit.0);
    if more {
        terminal.status("More", "there are more; `--limit all` shows them");
    }
    Ok((items, more))
}

fn tell_nothing<T>(found: &[T], terminal: &Terminal) {
    if found.is_empty() {
        terminal.status("Found", "nothing");
    }
}

/// A table, unless it would have headings only.
fn lines<const COLUMNS: usize>(
    is_empty: bool,
    headings: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    if is_empty { String::new() } else { table(headings, rows) }
}

fn names_of(user: &InterfaceUser) -> String {
    match &user.world {
        Some(world) => user.names.iter().map(|name| item_name(name, world)).collect::<Vec<_>>().join(", "),
        None => joined(&user.names),
    }
}

fn item_name(package: &ReleaseName, item: &str) -> String {
    format!("{}:{}/{item}@{}", package.namespace(), package.name(), package.version())
}

fn joined(names: &[ReleaseName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn user_kind(kind: UserKind) -> &'static str {
    match kind {
        UserKind::Component => "component",
        UserKind::World => "world",
    }
}

fn relation(relation: Option<Relation>) -> &'static str {
    match relation {
        Some(Relation::Exact) => "exact",
        Some(Relation::Merged) => "merged",
        None => "",
    }
}
