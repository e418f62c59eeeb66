//! `registry tree`

use super::{Kind, name_of};
use crate::arguments::TreeArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::{Client, Fetched};
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wit::{KnownPackages, PackageIdentity, Wit};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

#[derive(Serialize)]
struct Document {
    kind: Kind,
    name: Option<ReleaseName>,
    hash: ObjectHash,
    dependencies: Vec<Node>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    /// Absent for a package without a version: it is part of the component.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<PackageHash>,
    /// Whether it occurs further up too; its dependencies stand there.
    is_repeated: bool,
    dependencies: Vec<Node>,
}

pub(super) async fn run(arguments: &TreeArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let (release, fetched) = super::fetch(&arguments.spec, client, terminal).await?;
    let name = name_of(release, &fetched);
    let (hash, wit): (ObjectHash, &Wit) = match &fetched {
        Fetched::Package(wit) => (ObjectHash::Package(wit.identity().map_err(anyhow::Error::new)?.hash), wit),
        Fetched::Component(fetched) => (ObjectHash::Component(fetched.component.hash()), fetched.component.wit()),
    };
    let root = wit.identity().map_err(anyhow::Error::new)?;
    let dependencies = nodes(root, wit.identities(), &mut BTreeSet::new());
    let document = Document { kind: hash.into(), name, hash, dependencies };
    terminal.data(&document, &document)
}

/// The dependencies of a package, each below the first that needs it. As deep as the longest chain of packages.
fn nodes<'a>(
    package: &'a PackageIdentity,
    known: &'a KnownPackages,
    shown: &mut BTreeSet<&'a PackageName>,
) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (name, hash) in &package.dependencies {
        let is_repeated = !shown.insert(name);
        let dependencies = match known.get(name) {
            Some(dependency) if !is_repeated => self::nodes(dependency, known, shown),
            _ => Vec::new(),
        };
        let hash = name.version.is_some().then_some(*hash);
        nodes.push(Node { name: name.to_string(), hash, is_repeated, dependencies });
    }
    nodes
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => writeln!(f, "{name} {}", self.hash)?,
            None => writeln!(f, "{}", self.hash)?,
        }
        branches(f, &self.dependencies, "")
    }
}

fn branches(f: &mut Formatter<'_>, nodes: &[Node], indent: &str) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        let is_last = index + 1 == nodes.len();
        let (branch, below) = if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let hash = node.hash.map_or_else(|| "(part of the component)".to_owned(), |hash| hash.to_string());
        let mark = if node.is_repeated { " (*)" } else { "" };
        writeln!(f, "{indent}{branch}{} {hash}{mark}", node.name)?;
        branches(f, &node.dependencies, &format!("{indent}{below}"))?;
    }
    Ok(())
}
