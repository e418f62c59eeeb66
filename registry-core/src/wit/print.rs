//! Canonical text: what is served by hash, printed from what the hash covers and nothing else.

use super::docs::normalize;
use super::encode::{Direction, dependencies_of};
use super::parse::{Wit, WitError, without_panic};
use crate::name::PackageName;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use wit_component::WitPrinter;
use wit_parser::{Docs, InterfaceId, PackageId, Resolve, TypeDefKind, World, WorldId, WorldItem, WorldKey};

/// Prints packages of one set in canonical form.
pub struct PackageText<'a> {
    wit: &'a Wit,
    ordered: Resolve,
}

impl<'a> PackageText<'a> {
    /// Prepares printing: sorts what has no order, normalises docs, and leaves out what no hash covers.
    pub fn new(wit: &'a Wit) -> Self {
        Self { wit, ordered: canonical_order(&wit.resolve) }
    }

    /// One package as a file of its own, which refers to the others by name.
    ///
    /// # Errors
    /// If the package is not in the set, or the printer cannot express it.
    pub fn file(&self, name: &PackageName) -> Result<String, WitError> {
        self.print(name, true)
    }

    /// One package as a nested package, to be appended to a file.
    ///
    /// # Errors
    /// As [`PackageText::file`].
    pub fn nested(&self, name: &PackageName) -> Result<String, WitError> {
        self.print(name, false)
    }

    /// The main package with everything that it needs as one document: the main package first, under a `package`
    /// header, then the others as nested packages, each after those that it refers to.
    ///
    /// # Errors
    /// As [`PackageText::file`].
    pub fn flat(&self) -> Result<String, WitError> {
        let mut document = self.file(self.wit.name())?;
        for identity in self.wit.closure_order() {
            if &identity.name != self.wit.name() {
                document.push('\n');
                document.push_str(&self.nested(&identity.name)?);
            }
        }
        Ok(document)
    }

    fn print(&self, name: &PackageName, is_main: bool) -> Result<String, WitError> {
        let id = self.ordered.package_names.get(&wit_parser::PackageName::from(name)).copied();
        let id = id.ok_or_else(|| WitError::Internal(format!("`{name}` is not among the parsed packages")))?;
        print_package(&self.ordered, id, is_main)
    }
}

/// Prints one package of a `Resolve` as it stands there.
pub(crate) fn print_package(resolve: &Resolve, id: PackageId, is_main: bool) -> Result<String, WitError> {
    let name = resolve.packages[id].name.to_string();
    without_panic(&[], || {
        let mut printer = WitPrinter::default();
        printer
            .print_package(resolve, id, is_main)
            .map_err(|error| WitError::Internal(format!("`{name}` cannot be printed: {error:#}")))?;
        let text = printer.output.to_string();
        Ok(format!("{}\n", text.trim_end()))
    })
}

/// The same packages with everything sorted that has no order of its own.
pub(crate) fn canonical_order(resolve: &Resolve) -> Resolve {
    let mut ordered = resolve.clone();
    for (_, package) in ordered.packages.iter_mut() {
        normalize_docs(&mut package.docs);
        package.interfaces.sort_keys();
        package.worlds.sort_keys();
    }
    for (_, interface) in ordered.interfaces.iter_mut() {
        normalize_docs(&mut interface.docs);
        interface.types.sort_keys();
        interface.functions.sort_keys();
        interface.functions.values_mut().for_each(|function| normalize_docs(&mut function.docs));
    }
    for (_, definition) in ordered.types.iter_mut() {
        normalize_docs(&mut definition.docs);
        normalize_member_docs(&mut definition.kind);
    }
    let orders: Vec<_> = resolve
        .worlds
        .iter()
        .map(|(id, world)| (id, Direction::BOTH.map(|direction| item_order(resolve, direction.items(world)))))
        .collect();
    for (id, [imports, exports]) in orders {
        if let Some(world) = ordered.worlds.get_mut(id) {
            order_world(resolve, world, &imports, &exports);
        }
    }
    ordered
}

fn order_world(resolve: &Resolve, world: &mut World, imports: &[WorldKey], exports: &[WorldKey]) {
    normalize_docs(&mut world.docs);
    for (items, order) in [(&mut world.imports, imports), (&mut world.exports, exports)] {
        reorder(items, order);
        for item in items.values_mut() {
            match item {
                // Docs of an item that names an interface are not hashed, so they are not printed either.
                WorldItem::Interface { id, docs, .. } if resolve.interfaces[*id].name.is_some() => {
                    *docs = Docs::default();
                }
                WorldItem::Interface { docs, .. } => normalize_docs(docs),
                WorldItem::Function(function) => normalize_docs(&mut function.docs),
                WorldItem::Type { .. } => {}
            }
        }
    }
}

/// Puts the interfaces of a world first, each after those that it takes types from, and leaves the rest in its order: so
/// they can be encoded after their dependencies have changed.
pub(crate) fn order_interfaces(resolve: &mut Resolve, world: WorldId) {
    let orders = Direction::BOTH.map(|direction| {
        let items = direction.items(&resolve.worlds[world]);
        let interfaces = |key: &WorldKey| matches!(items.get(key), Some(WorldItem::Interface { .. }));
        let rest = items.keys().filter(|key| !interfaces(key)).cloned();
        let order = item_order(resolve, items).into_iter().filter(|key| interfaces(key));
        order.chain(rest).collect::<Vec<_>>()
    });
    if let Some(world) = resolve.worlds.get_mut(world) {
        let [imports, exports] = &orders;
        reorder(&mut world.imports, imports);
        reorder(&mut world.exports, exports);
    }
}

fn reorder<K: Eq + Hash, V>(items: &mut IndexMap<K, V>, order: &[K]) {
    let rank: IndexMap<&K, usize> = order.iter().enumerate().map(|(index, key)| (key, index)).collect();
    items.sort_by_cached_key(|key, _| rank.get(key).copied());
}

/// World items in the order of their names, but each after the items whose interfaces it takes types from: a parser that
/// meets it before them gives them its gate, or refuses the world.
fn item_order(resolve: &Resolve, items: &IndexMap<WorldKey, WorldItem>) -> Vec<WorldKey> {
    let names: BTreeMap<ItemName, &WorldKey> = items.keys().map(|key| (sort_name(resolve, key), key)).collect();
    let mut by_interface: BTreeMap<InterfaceId, Vec<&ItemName>> = BTreeMap::new();
    for (name, key) in &names {
        if let Some(WorldItem::Interface { id, .. }) = items.get(*key) {
            by_interface.entry(*id).or_default().push(name);
        }
    }
    let mut waits_for: BTreeMap<&ItemName, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<&ItemName, Vec<&ItemName>> = BTreeMap::new();
    for (name, key) in &names {
        let needed = items.get(*key).map(|item| item_dependencies(resolve, item)).unwrap_or_default();
        let needed = needed.iter().filter_map(|id| by_interface.get(id)).flatten().filter(|needed| **needed != name);
        let count = needed.map(|needed| dependents.entry(needed).or_default().push(name)).count();
        waits_for.insert(name, count);
    }
    let mut ready: BTreeSet<&ItemName> =
        waits_for.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    let mut order = Vec::with_capacity(items.len());
    while let Some(name) = ready.pop_first() {
        order.extend(names.get(name).map(|key| (*key).clone()));
        for dependent in dependents.remove(name).unwrap_or_default() {
            if let Some(count) = waits_for.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(dependent);
                }
            }
        }
    }
    order
}

/// Kind of the key, and the name: what items are sorted by.
type ItemName = (u8, String);

fn item_dependencies(resolve: &Resolve, item: &WorldItem) -> Vec<InterfaceId> {
    match item {
        WorldItem::Interface { id, .. } => dependencies_of(resolve, *id),
        WorldItem::Function(_) | WorldItem::Type { .. } => Vec::new(),
    }
}

fn sort_name(resolve: &Resolve, key: &WorldKey) -> ItemName {
    match key {
        WorldKey::Name(name) => (0, name.clone()),
        WorldKey::Interface(id) => (1, resolve.id_of(*id).unwrap_or_default()),
    }
}

fn normalize_docs(docs: &mut Docs) {
    docs.contents = docs.contents.as_deref().and_then(normalize);
}

fn normalize_member_docs(kind: &mut TypeDefKind) {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter_mut().for_each(|field| normalize_docs(&mut field.docs)),
        TypeDefKind::Variant(variant) => variant.cases.iter_mut().for_each(|case| normalize_docs(&mut case.docs)),
        TypeDefKind::Enum(cases) => cases.cases.iter_mut().for_each(|case| normalize_docs(&mut case.docs)),
        TypeDefKind::Flags(flags) => flags.flags.iter_mut().for_each(|flag| normalize_docs(&mut flag.docs)),
        _ => {}
    }
}
