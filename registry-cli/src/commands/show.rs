//! `registry show`

use super::Kind;
use super::token::shown_time;
use crate::arguments::ShowArguments;
use crate::failure::Failure;
use crate::terminal::{Terminal, harmless};
use anstyle::Style;
use registry_client::local::LocalError;
use registry_client::{Client, ClientError, Fetched, FetchedComponent};
use registry_core::component::{Direction, MergedReference, Relation};
use registry_core::id::{ComponentHash, InterfaceId, ObjectHash, PackageHash, ViewId};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::starstream::Contract;
use registry_core::wire::{ComponentMetadata, Release};
use registry_core::wit::{PackageText, Wit};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use wit_parser::{Resolve, WorldItem, WorldKey};

const HEADING: Style = Style::new().bold();

#[derive(Serialize)]
struct Package {
    kind: Kind,
    name: String,
    hash: PackageHash,
    interfaces: BTreeMap<String, InterfaceId>,
    worlds: BTreeMap<String, InterfaceId>,
    /// The packages that it refers to directly.
    dependencies: BTreeMap<String, PackageHash>,
    /// What the registry says about its release.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wit: Option<String>,
}

#[derive(Serialize)]
struct Component {
    kind: Kind,
    /// The name under which it was asked for; it has none of its own.
    name: Option<ReleaseName>,
    hash: ComponentHash,
    size_bytes: usize,
    sha256: String,
    view: ViewId,
    imports: Vec<Item>,
    exports: Vec<Item>,
    /// The registered packages that its world refers to.
    dependencies: BTreeMap<String, PackageHash>,
    /// All names that the registry has bound to it.
    names: Vec<ReleaseName>,
    /// What it is in Starstream's terms, if it is a contract of that form.
    #[serde(skip_serializing_if = "Option::is_none")]
    starstream: Option<Contract>,
    /// What its own metadata sections say.
    #[serde(skip_serializing_if = "ComponentMetadata::is_empty")]
    metadata: ComponentMetadata,
    /// What the registry says about the release that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wit: Option<String>,
}

/// Something that a component imports or exports.
#[derive(Serialize)]
struct Item {
    name: String,
    kind: ItemKind,
    /// The id of a registered interface; functions and a component's own interfaces have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<InterfaceId>,
    /// Whether the component has exactly the registered interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<Relation>,
    /// What differs from it, because imports were merged by semver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged: Vec<MergedReference>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum ItemKind {
    Interface,
    Function,
    Type,
}

impl From<&WorldItem> for ItemKind {
    fn from(item: &WorldItem) -> Self {
        match item {
            WorldItem::Interface { .. } => Self::Interface,
            WorldItem::Function(_) => Self::Function,
            WorldItem::Type { .. } => Self::Type,
        }
    }
}

pub(super) async fn run(arguments: &ShowArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let (release, fetched) = super::fetch_release(&arguments.spec, client, terminal).await?;
    match &fetched {
        Fetched::Package(wit) => {
            let release = match release {
                None => release_of(wit, client).await?,
                found => found,
            };
            let package = Package::new(wit, release, arguments.wit)?;
            terminal.data(&package, package.wit.as_ref().map_or_else(|| package.to_string(), String::clone))
        }
        Fetched::Component(fetched) => {
            let sha256 = Sha256::digest(&fetched.bytes).into();
            let names = names_of(fetched.component.hash(), &sha256, client).await?;
            let about = About { sha256, names, release };
            let component = Component::new(fetched, about, arguments.wit, client.limits())?;
            terminal.data(&component, component.wit.as_ref().map_or_else(|| component.to_string(), String::clone))
        }
    }
}

/// The release of a package that was asked for by hash.
async fn release_of(wit: &Wit, client: &Client) -> Result<Option<Release>, ClientError> {
    let Ok(name) = ReleaseName::try_from(wit.name()) else { return Ok(None) };
    match client.release(&name).await {
        Ok(release) => Ok(Some(release)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is known about a component beside its bytes.
struct About {
    sha256: [u8; 32],
    names: Vec<ReleaseName>,
    release: Option<Release>,
}

/// The names that the registry has bound to a component; it is asked by the digest of the bytes.
async fn names_of(hash: ComponentHash, sha256: &[u8; 32], client: &Client) -> Result<Vec<ReleaseName>, ClientError> {
    let matches = match client.by_sha256(sha256).await {
        Err(error) if error.is_not_found() => Vec::new(),
        found => found?,
    };
    let same = matches.into_iter().filter(|found| found.hash == ObjectHash::Component(hash));
    Ok(same.flat_map(|found| found.names).collect())
}

impl Package {
    fn new(wit: &Wit, release: Option<Release>, with_wit: bool) -> Result<Self, LocalError> {
        let identity = wit.identity()?;
        Ok(Self {
            kind: Kind::Package,
            name: identity.name.to_string(),
            hash: identity.hash,
            interfaces: identity.interfaces.clone(),
            worlds: identity.worlds.clone(),
            dependencies: texts(&identity.dependencies),
            release,
            wit: with_wit.then(|| PackageText::new(wit).file(wit.name())).transpose()?,
        })
    }
}

impl Component {
    fn new(fetched: &FetchedComponent, about: About, with_wit: bool, limits: &Limits) -> Result<Self, LocalError> {
        let component = &fetched.component;
        let About { sha256, names, release } = about;
        Ok(Self {
            kind: Kind::Component,
            name: release.as_ref().map(|release| release.name.clone()),
            hash: component.hash(),
            size_bytes: fetched.bytes.len(),
            sha256: hex::encode(sha256),
            view: component.view_id(),
            imports: items(fetched, Direction::Import),
            exports: items(fetched, Direction::Export),
            dependencies: texts(component.packages()),
            names,
            starstream: component.world().and_then(|world| Contract::of(component.wit().resolve(), world)),
            metadata: ComponentMetadata::read(&fetched.bytes, limits),
            release,
            wit: with_wit.then(|| component.world_text()).transpose()?,
        })
    }
}

fn texts(packages: &BTreeMap<impl Display, PackageHash>) -> BTreeMap<String, PackageHash> {
    packages.iter().map(|(name, hash)| (name.to_string(), *hash)).collect()
}

fn items(fetched: &FetchedComponent, direction: Direction) -> Vec<Item> {
    let (resolve, registered) = (fetched.component.wit().resolve(), fetched.component.interfaces());
    let world = fetched.component.world().and_then(|id| resolve.worlds.get(id));
    let items = world.map(|world| match direction {
        Direction::Import => &world.imports,
        Direction::Export => &world.exports,
    });
    let item = |(key, item): (&WorldKey, &WorldItem)| {
        let name = resolve.name_world_key(key);
        let found = registered.iter().find(|interface| interface.direction == direction && interface.name == name);
        // The world is made of the registered interfaces: after a merge these refer to more than the component does.
        if found.is_none() && is_registered(resolve, key) {
            return None;
        }
        let (id, relation) = (found.map(|interface| interface.id), found.map(|interface| interface.relation));
        let merged = found.map(|interface| interface.merged.clone()).unwrap_or_default();
        Some(Item { kind: item.into(), name, id, relation, merged })
    };
    let mut items: Vec<Item> = items.into_iter().flatten().filter_map(item).collect();
    items.sort_by(|left, right| left.name.cmp(&right.name));
    items
}

/// Whether an item is an interface of a versioned package.
fn is_registered(resolve: &Resolve, key: &WorldKey) -> bool {
    let WorldKey::Interface(id) = key else { return false };
    let package = resolve.interfaces.get(*id).and_then(|interface| interface.package);
    package.is_some_and(|package| resolve.packages[package].name.version.is_some())
}

impl Display for Package {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}{}{HEADING:#}", self.name)?;
        writeln!(f, "{}", self.hash)?;
        section(f, "interfaces", &rows(&self.interfaces))?;
        section(f, "worlds", &rows(&self.worlds))?;
        section(f, "dependencies", &rows(&self.dependencies))?;
        section(f, "release", &release_rows(self.release.as_ref()))
    }
}

impl Display for Component {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.name.iter().try_for_each(|name| writeln!(f, "{HEADING}{name}{HEADING:#}"))?;
        writeln!(f, "{}", self.hash)?;
        let facts = [
            ("size".to_owned(), format!("{} bytes", self.size_bytes)),
            ("sha256".to_owned(), self.sha256.clone()),
            ("view".to_owned(), self.view.to_string()),
        ];
        section(f, "component", &facts)?;
        let names: Vec<_> = self.names.iter().map(|name| (name.to_string(), String::new())).collect();
        section(f, "names", &names)?;
        section(f, "imports", &item_rows(&self.imports))?;
        section(f, "exports", &item_rows(&self.exports))?;
        section(f, "merged", &merged_rows(self.imports.iter().chain(&self.exports)))?;
        section(f, "dependencies", &rows(&self.dependencies))?;
        section(f, "metadata", &metadata_rows(&self.metadata))?;
        section(f, "release", &release_rows(self.release.as_ref()))?;
        self.starstream.iter().try_for_each(|contract| explanation(f, contract))
    }
}

/// A heading, and what the contract is in Starstream's terms.
fn explanation(f: &mut Formatter<'_>, contract: &Contract) -> fmt::Result {
    writeln!(f, "\n{HEADING}starstream{HEADING:#}")?;
    let text = contract.to_string();
    text.lines().try_for_each(|line| writeln!(f, "{}", format!("  {line}").trim_end()))
}

fn rows(items: &BTreeMap<String, impl Display>) -> Vec<(String, String)> {
    items.iter().map(|(name, id)| (name.clone(), id.to_string())).collect()
}

fn item_rows(items: &[Item]) -> Vec<(String, String)> {
    let note = |item: &Item| match (item.id, item.kind) {
        (Some(id), _) if item.merged.is_empty() => id.to_string(),
        (Some(id), _) => format!("{id}  merged"),
        (None, ItemKind::Interface) => "part of the component".to_owned(),
        (None, ItemKind::Type) => "type".to_owned(),
        (None, ItemKind::Function) => String::new(),
    };
    items.iter().map(|item| (item.name.clone(), note(item))).collect()
}

/// What was merged, each interface once.
fn merged_rows<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<(String, String)> {
    let rows = items.flat_map(|item| item.merged.iter().map(|reference| (item.name.clone(), reference.to_string())));
    rows.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a component says about itself. It may say anything, so nothing of it reaches the terminal as it is.
fn metadata_rows(metadata: &ComponentMetadata) -> Vec<(String, String)> {
    let texts = [
        ("name", &metadata.name),
        ("description", &metadata.description),
        ("authors", &metadata.authors),
        ("licenses", &metadata.licenses),
        ("source", &metadata.source),
        ("homepage", &metadata.homepage),
        ("revision", &metadata.revision),
        ("version", &metadata.version),
    ];
    let texts = texts.into_iter().filter_map(|(label, text)| Some((label.to_owned(), text.clone()?)));
    let producers = metadata.producers.iter();
    let producers = producers.map(|made| (made.role.clone(), format!("{} {}", made.name, made.version)));
    let crates = match metadata.dependencies.len() {
        0 => None,
        1 => Some("1 crate; `--json` lists it".to_owned()),
        count => Some(format!("{count} crates; `--json` lists them")),
    };
    let crates = crates.map(|crates| ("built from".to_owned(), crates));
    let ignored = metadata.ignored.iter();
    let ignored =
        ignored.map(|ignored| ("not readable".to_owned(), format!("{}: {}", ignored.section, ignored.reason)));
    let rows = texts.chain(producers).chain(crates).chain(ignored);
    rows.map(|(label, text)| (one_line(&label), one_line(&text))).collect()
}

fn release_rows(release: Option<&Release>) -> Vec<(String, String)> {
    let Some(release) = release else { return Vec::new() };
    let by = release.published_by.iter().map(|account| format!(" by {account}")).collect::<String>();
    let published = release.published_at.iter().map(|at| ("published", format!("{}{by}", shown_time(at))));
    let yanked = release.yanked.iter().map(|yank| ("yanked", format!("{}: {}", shown_time(&yank.at), yank.reason)));
    let deprecated = release.deprecated.iter().map(|deprecation| {
        let successor = deprecation.successor.iter().map(|successor| format!("; use `{successor}`"));
        ("deprecated", format!("{}{}", deprecation.message, successor.collect::<String>()))
    });
    let downloads = [("downloads", release.downloads.to_string())];
    let rows = published.chain(yanked).chain(deprecated).chain(downloads);
    rows.map(|(label, text)| (label.to_owned(), one_line(&text))).collect()
}

fn one_line(text: &str) -> String {
    harmless(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A heading and two columns; nothing if there are no rows.
fn section(f: &mut Formatter<'_>, heading: &str, rows: &[(String, String)]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{HEADING}{heading}{HEADING:#}")?;
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().try_for_each(|(name, value)| writeln!(f, "  {}", format!("{name:width$}  {value}").trim_end()))
}
