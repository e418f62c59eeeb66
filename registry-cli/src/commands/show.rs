//! `registry show`

use super::{Kind, name_of};
use crate::arguments::ShowArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use anstyle::Style;
use registry_client::local::LocalError;
use registry_client::{Client, Fetched, FetchedComponent};
use registry_core::component::Direction;
use registry_core::id::{ComponentHash, InterfaceId, PackageHash, ViewId};
use registry_core::name::ReleaseName;
use registry_core::wit::{PackageText, Wit};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use wit_parser::{WorldItem, WorldKey};

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
    let (release, fetched) = super::fetch(&arguments.spec, client, terminal).await?;
    let name = name_of(release, &fetched);
    match &fetched {
        Fetched::Package(wit) => {
            let package = Package::new(wit, arguments.wit)?;
            terminal.data(&package, package.wit.as_ref().map_or_else(|| package.to_string(), String::clone))
        }
        Fetched::Component(fetched) => {
            let component = Component::new(fetched, name, arguments.wit)?;
            terminal.data(&component, component.wit.as_ref().map_or_else(|| component.to_string(), String::clone))
        }
    }
}

impl Package {
    fn new(wit: &Wit, with_wit: bool) -> Result<Self, LocalError> {
        let identity = wit.identity()?;
        Ok(Self {
            kind: Kind::Package,
            name: identity.name.to_string(),
            hash: identity.hash,
            interfaces: identity.interfaces.clone(),
            worlds: identity.worlds.clone(),
            dependencies: dependencies(wit)?,
            wit: with_wit.then(|| PackageText::new(wit).file(wit.name())).transpose()?,
        })
    }
}

impl Component {
    fn new(fetched: &FetchedComponent, name: Option<ReleaseName>, with_wit: bool) -> Result<Self, LocalError> {
        let component = &fetched.component;
        Ok(Self {
            kind: Kind::Component,
            name,
            hash: component.hash(),
            size_bytes: fetched.bytes.len(),
            sha256: hex::encode(Sha256::digest(&fetched.bytes)),
            view: component.view_id(),
            imports: items(fetched, Direction::Import),
            exports: items(fetched, Direction::Export),
            dependencies: dependencies(component.wit())?,
            wit: with_wit.then(|| component.world_text()).transpose()?,
        })
    }
}

/// The direct dependencies. Packages without a version are part of the component itself.
fn dependencies(wit: &Wit) -> Result<BTreeMap<String, PackageHash>, LocalError> {
    let dependencies = wit.identity()?.dependencies.iter().filter(|(name, _)| name.version.is_some());
    Ok(dependencies.map(|(name, hash)| (name.to_string(), *hash)).collect())
}

fn items(fetched: &FetchedComponent, direction: Direction) -> Vec<Item> {
    let (resolve, registered) = (fetched.component.wit().resolve(), fetched.component.interfaces());
    let world = fetched.component.world().and_then(|id| resolve.worlds.get(id));
    let items = world.map(|world| match direction {
        Direction::Import => &world.imports,
        Direction::Export => &world.exports,
    });
    let id = |name: &str| {
        let found = registered.iter().find(|interface| interface.direction == direction && interface.name == name);
        found.map(|interface| interface.id)
    };
    let item = |(key, item): (&WorldKey, &WorldItem)| {
        let name = resolve.name_world_key(key);
        Item { kind: item.into(), id: id(&name), name }
    };
    let mut items: Vec<Item> = items.into_iter().flatten().map(item).collect();
    items.sort_by(|left, right| left.name.cmp(&right.name));
    items
}

impl Display for Package {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}{}{HEADING:#}", self.name)?;
        writeln!(f, "{}", self.hash)?;
        section(f, "interfaces", &rows(&self.interfaces))?;
        section(f, "worlds", &rows(&self.worlds))?;
        section(f, "dependencies", &rows(&self.dependencies))
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
        section(f, "imports", &item_rows(&self.imports))?;
        section(f, "exports", &item_rows(&self.exports))?;
        section(f, "dependencies", &rows(&self.dependencies))
    }
}

fn rows(items: &BTreeMap<String, impl Display>) -> Vec<(String, String)> {
    items.iter().map(|(name, id)| (name.clone(), id.to_string())).collect()
}

fn item_rows(items: &[Item]) -> Vec<(String, String)> {
    let note = |item: &Item| match (item.id, item.kind) {
        (Some(id), _) => id.to_string(),
        (None, ItemKind::Interface) => "part of the component".to_owned(),
        (None, ItemKind::Type) => "type".to_owned(),
        (None, ItemKind::Function) => String::new(),
    };
    items.iter().map(|item| (item.name.clone(), note(item))).collect()
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
