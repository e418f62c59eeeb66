//! From a parsed package to its hash: items, gates, docs and dependencies (`docs/hash.md`, chapter 4).

use super::docs::normalize;
use super::encode::{
    Direction, EncodeError, Encoder, References, Scope, interfaces_in_dependency_order, item_step, members, package_of,
};
use super::writer::{Leaf, Path, Step, Writer};
use crate::hash::{Digest, Domain};
use crate::id::{InterfaceId, PackageHash};
use crate::name::PackageName;
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{Docs, Function, PackageId, Resolve, Stability, TypeId, WorldId, WorldItem};

/// Everything that a package is named by, and what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageIdentity {
    /// Its name as written; the version may be absent.
    pub name: PackageName,
    /// Its hash.
    pub hash: PackageHash,
    /// Its interfaces by name.
    pub interfaces: BTreeMap<String, InterfaceId>,
    /// Its worlds by name.
    pub worlds: BTreeMap<String, InterfaceId>,
    /// The packages that it refers to directly, after `include` is expanded.
    pub dependencies: BTreeMap<PackageName, PackageHash>,
}

/// Identities of packages that are known already, by name.
pub type KnownPackages = BTreeMap<PackageName, PackageIdentity>;

/// Computes the identity of every package of a complete `Resolve`.
pub(crate) fn identify_all(resolve: &Resolve) -> Result<KnownPackages, EncodeError> {
    let identifier = Identifier::new(resolve, None)?;
    let mut known = KnownPackages::new();
    for package in resolve.topological_packages() {
        let identity = identifier.package(package, &known)?;
        known.insert(identity.name.clone(), identity);
    }
    Ok(known)
}

/// Computes the identity of `main` alone; the others' ids and hashes come from `known`, never from their views here.
pub(crate) fn identify_with(
    resolve: &Resolve,
    main: PackageId,
    known: &KnownPackages,
) -> Result<PackageIdentity, EncodeError> {
    Identifier::new(resolve, Some((main, known)))?.package(main, known)
}

struct Identifier<'a> {
    resolve: &'a Resolve,
    ids: BTreeMap<wit_parser::InterfaceId, Digest>,
}

impl<'a> Identifier<'a> {
    /// Computes the ids of all named interfaces, those of other packages than `main` from what is known of them.
    fn new(resolve: &'a Resolve, main: Option<(PackageId, &KnownPackages)>) -> Result<Self, EncodeError> {
        let mut ids = BTreeMap::new();
        for id in interfaces_in_dependency_order(resolve) {
            let digest = match main {
                Some((main, known)) if resolve.interfaces[id].package != Some(main) => {
                    match known_interface(resolve, id, known) {
                        Some(digest) => digest,
                        None => continue,
                    }
                }
                _ => Encoder { resolve, references: References::Ids(&ids) }.interface_id(id)?,
            };
            ids.insert(id, digest);
        }
        Ok(Self { resolve, ids })
    }

    fn encoder(&self) -> Encoder<'_> {
        Encoder { resolve: self.resolve, references: References::Ids(&self.ids) }
    }

    fn package(&self, id: PackageId, known: &KnownPackages) -> Result<PackageIdentity, EncodeError> {
        let package = &self.resolve.packages[id];
        let mut interfaces = BTreeMap::new();
        for (name, id) in &package.interfaces {
            let digest = self.ids.get(id).ok_or(EncodeError::Malformed("an interface of a package has no id"))?;
            interfaces.insert(name.clone(), *digest);
        }
        let mut worlds = BTreeMap::new();
        for (name, id) in &package.worlds {
            worlds.insert(name.clone(), self.encoder().world_id(*id)?);
        }
        let leaves = Leaves::collect(self.encoder(), id)?;
        let mut dependencies = BTreeMap::new();
        for name in leaves.dependencies {
            let identity = known.get(&name).ok_or_else(|| EncodeError::UnknownInterface(name.to_string()))?;
            dependencies.insert(name, identity.hash);
        }

        let mut writer = Writer::new(Domain::PACKAGE);
        writer.text(&package.name.namespace);
        writer.text(&package.name.name);
        writer.option(package.name.version.as_ref(), |writer, version| writer.text(&version.to_string()));
        writer.named_digests(&by_reference(&interfaces));
        writer.named_digests(&by_reference(&worlds));
        writer.digest(&leaves.meta.finish(Domain::META));
        writer.digest(&leaves.docs.finish(Domain::DOCS));
        writer.named_digests(&dependencies.iter().map(|(name, hash)| (name.to_string(), hash.digest())).collect());

        let typed = |items: BTreeMap<String, Digest>| {
            items.into_iter().map(|(name, digest)| (name, InterfaceId::from_digest(digest))).collect()
        };
        Ok(PackageIdentity {
            name: PackageName::from(&package.name),
            hash: PackageHash::from_digest(writer.finish()),
            interfaces: typed(interfaces),
            worlds: typed(worlds),
            dependencies,
        })
    }
}

fn by_reference(items: &BTreeMap<String, Digest>) -> BTreeMap<String, &Digest> {
    items.iter().map(|(name, digest)| (name.clone(), digest)).collect()
}

fn known_interface(resolve: &Resolve, id: wit_parser::InterfaceId, known: &KnownPackages) -> Option<Digest> {
    let (_, package) = package_of(resolve, id)?;
    let name = resolve.interfaces[id].name.as_ref()?;
    known.get(&package)?.interfaces.get(name).map(|id| *id.digest())
}

/// What a package's hash covers beside its items' ids.
struct Leaves<'a> {
    encoder: Encoder<'a>,
    package: PackageId,
    meta: Leaf,
    docs: Leaf,
    dependencies: BTreeSet<PackageName>,
}

impl<'a> Leaves<'a> {
    fn collect(encoder: Encoder<'a>, id: PackageId) -> Result<Self, EncodeError> {
        let resolve = encoder.resolve;
        let package = &resolve.packages[id];
        let mut leaves = Leaves {
            encoder,
            package: id,
            meta: Leaf::default(),
            docs: Leaf::default(),
            dependencies: BTreeSet::new(),
        };
        let root = Path::default();
        leaves.document(&root, &package.docs);
        for (name, id) in &package.interfaces {
            let interface = &resolve.interfaces[*id];
            let path = root.then(Step::Interface, name);
            leaves.document(&path, &interface.docs);
            leaves.attributes(&path, &interface.stability, None, &[]);
            leaves.interface(&path, *id, || Scope::interface(*id))?;
        }
        for (name, id) in &package.worlds {
            leaves.world(&root.then(Step::World, name), *id)?;
        }
        Ok(leaves)
    }

    fn world(&mut self, path: &Path, id: WorldId) -> Result<(), EncodeError> {
        let world = &self.encoder.resolve.worlds[id];
        self.document(path, &world.docs);
        self.attributes(path, &world.stability, None, &[]);
        for direction in Direction::BOTH {
            for (key, item) in self.encoder.sorted_items(direction.items(world))? {
                self.world_item(&item_step(path, direction, &key), id, key.0 == 1, item)?;
            }
        }
        Ok(())
    }

    fn world_item(
        &mut self,
        path: &Path,
        world: WorldId,
        keyed_by_interface: bool,
        item: &WorldItem,
    ) -> Result<(), EncodeError> {
        match item {
            WorldItem::Interface { id, stability, external_id, docs, .. } => {
                let interface = &self.encoder.resolve.interfaces[*id];
                let external_id = external_id.as_deref().filter(|_| keyed_by_interface);
                self.attributes(path, stability, external_id, &[]);
                if interface.name.is_some() {
                    self.depend_on(*id);
                    return Ok(());
                }
                self.document(path, &interface.docs);
                // The docs of the item itself, if it has any, take the place of the interface's.
                self.document(path, docs);
                self.interface(path, *id, || Scope::inline(*id, world))
            }
            WorldItem::Function(function) => self.function(path, Scope::world(world), function),
            WorldItem::Type { id, .. } => self.definition(path, Scope::world(world), *id),
        }
    }

    fn interface(
        &mut self,
        path: &Path,
        id: wit_parser::InterfaceId,
        scope: impl Fn() -> Scope,
    ) -> Result<(), EncodeError> {
        let interface = &self.encoder.resolve.interfaces[id];
        for (name, id) in &interface.types {
            self.definition(&path.then(Step::Type, name), scope(), *id)?;
        }
        for (name, function) in &interface.functions {
            self.function(&path.then(Step::Function, name), scope(), function)?;
        }
        Ok(())
    }

    fn definition(&mut self, path: &Path, mut scope: Scope, id: TypeId) -> Result<(), EncodeError> {
        let definition = &self.encoder.resolve.types[id];
        self.encoder.definition(&mut Writer::fragment(), &mut scope, id)?;
        self.attributes(path, &definition.stability, definition.external_id.as_deref(), &scope.foreign);
        self.document(path, &definition.docs);
        for (name, docs) in members(&definition.kind) {
            self.document(&path.then(Step::Member, name), docs);
        }
        Ok(())
    }

    fn function(&mut self, path: &Path, mut scope: Scope, function: &Function) -> Result<(), EncodeError> {
        self.encoder.function(&mut Writer::fragment(), &mut scope, function)?;
        self.attributes(path, &function.stability, None, &scope.foreign);
        self.document(path, &function.docs);
        Ok(())
    }

    fn document(&mut self, path: &Path, docs: &Docs) {
        if let Some(text) = docs.contents.as_deref().and_then(normalize) {
            let mut value = Writer::fragment();
            value.text(&text);
            self.docs.insert(path, value);
        }
    }

    /// Records gate, external-id, and the exact packages of the interfaces referred to; nothing if all are absent.
    fn attributes(
        &mut self,
        path: &Path,
        gate: &Stability,
        external_id: Option<&str>,
        foreign: &[wit_parser::InterfaceId],
    ) {
        let foreign: Vec<PackageName> = foreign.iter().filter_map(|id| self.depend_on(*id)).collect();
        if gate.is_unknown() && external_id.is_none() && foreign.is_empty() {
            return;
        }
        let mut value = Writer::fragment();
        write_gate(&mut value, gate);
        value.option(external_id, Writer::text);
        value.list(foreign.iter(), |writer, name| writer.text(&name.to_string()));
        self.meta.insert(path, value);
    }

    /// Notes the package of an interface as a dependency; `None` if it is this package itself.
    fn depend_on(&mut self, id: wit_parser::InterfaceId) -> Option<PackageName> {
        let (package, name) = package_of(self.encoder.resolve, id)?;
        if package == self.package {
            return None;
        }
        self.dependencies.insert(name.clone());
        Some(name)
    }
}

fn write_gate(writer: &mut Writer, gate: &Stability) {
    let deprecated = match gate {
        Stability::Unknown => {
            writer.tag(0);
            return;
        }
        Stability::Unstable { feature, deprecated } => {
            writer.tag(1);
            writer.text(feature);
            deprecated
        }
        Stability::Stable { since, deprecated } => {
            writer.tag(2);
            writer.text(&since.to_string());
            deprecated
        }
    };
    writer.option(deprecated.as_ref(), |writer, version| writer.text(&version.to_string()));
}
