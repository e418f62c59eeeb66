//! How large packages become when they are resolved, estimated before: `include` and elaboration multiply, and the
//! parser's elaboration recurses along `use`.

use super::elaboration::interface_names;
use super::encode::{Direction, members};
use crate::limits::{LimitExceeded, Limits};
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{AstItem, InterfaceId, Type, TypeDefKind, TypeOwner, UnresolvedPackage, World, WorldId, WorldItem};

/// Checks the packages of a closure together, before they are resolved.
pub(crate) fn check_expansion(packages: &[&UnresolvedPackage], limits: &Limits) -> Result<(), LimitExceeded> {
    let check = |what: &str, found, max, limit| LimitExceeded::check(what, found, max, limit);
    let count = |size: fn(&UnresolvedPackage) -> usize| {
        packages.iter().map(|package| size(package)).fold(0, usize::saturating_add)
    };
    check("the number of packages", packages.len(), limits.closure_packages_max, "closure_packages_max")?;
    let items = count(own_items);
    check("the number of interfaces and worlds", items, limits.closure_items_max, "closure_items_max")?;
    let definitions = count(definitions);
    check("the number of definitions", definitions, limits.closure_definitions_max, "closure_definitions_max")?;

    let interfaces: Graph = packages.iter().flat_map(|package| interface_edges(package)).collect();
    let depths = fold(&interfaces, |below| below.iter().copied().max().unwrap_or(0) + 1);
    if let Some((name, depth)) = depths.iter().max_by_key(|(_, depth)| **depth) {
        let what = format!("the depth of `use` below interface `{name}`");
        LimitExceeded::check(what, *depth, limits.use_depth_max, "use_depth_max")?;
    }
    // What an interface reaches, at most: a diamond is counted along each path, but never more than all there is.
    let all = interfaces.len();
    let reach = fold(&interfaces, |below| below.iter().fold(1_usize, |sum, reach| sum.saturating_add(*reach)).min(all));
    let mut includes = Graph::new();
    let mut own = BTreeMap::new();
    for package in packages {
        for (name, included, size) in world_sizes(package, &reach, all) {
            includes.insert(name.clone(), included);
            own.insert(name, size);
        }
    }
    let sizes = fold_named(&includes, |name, below| {
        below.iter().fold(own.get(name).copied().unwrap_or(0), |sum, size| sum.saturating_add(*size))
    });
    let expanded = sizes.values().fold(definitions, |sum, size| sum.saturating_add(*size));
    let what = "the number of definitions, with `include` and implied imports expanded,";
    check(what, expanded, limits.closure_definitions_max, "closure_definitions_max")
}

/// Interfaces and worlds that a package declares; those of other packages stand in its arenas too.
pub(crate) fn own_items(package: &UnresolvedPackage) -> usize {
    let (interfaces, worlds) = foreign_items(package);
    (package.interfaces.len() + package.worlds.len()).saturating_sub(interfaces.len() + worlds.len())
}

fn definitions(package: &UnresolvedPackage) -> usize {
    let types = package.types.iter().map(|(_, definition)| 1 + members(&definition.kind).len());
    let functions = package.interfaces.iter().map(|(_, interface)| interface.functions.len());
    types.chain(functions).sum()
}

/// Names, and the names that each refers to.
type Graph = BTreeMap<String, Vec<String>>;

fn interface_edges(package: &UnresolvedPackage) -> Vec<(String, Vec<String>)> {
    let names = interface_names(package);
    let (foreign, _) = foreign_items(package);
    let own = names.iter().filter(|(id, _)| !foreign.contains(id));
    own.map(|(id, name)| (name.clone(), uses(package, &names, *id))).collect()
}

/// Interfaces and worlds of other packages, which stand in a package's arenas without their contents.
fn foreign_items(package: &UnresolvedPackage) -> (BTreeSet<InterfaceId>, BTreeSet<WorldId>) {
    let (mut interfaces, mut worlds) = (BTreeSet::new(), BTreeSet::new());
    for (item, _) in package.foreign_deps.values().flat_map(|items| items.values()) {
        match item {
            AstItem::Interface(id) => interfaces.insert(*id),
            AstItem::World(id) => worlds.insert(*id),
        };
    }
    (interfaces, worlds)
}

fn uses(package: &UnresolvedPackage, names: &BTreeMap<InterfaceId, String>, id: InterfaceId) -> Vec<String> {
    let types = package.interfaces[id].types.values();
    let targets = types.filter_map(|ty| match package.types[*ty].kind {
        TypeDefKind::Type(Type::Id(target)) => Some(package.types[target].owner),
        _ => None,
    });
    let interfaces = targets.filter_map(|owner| match owner {
        TypeOwner::Interface(other) if other != id => names.get(&other).cloned(),
        _ => None,
    });
    let unique: BTreeSet<String> = interfaces.collect();
    unique.into_iter().collect()
}

/// Each world's name, the worlds that it includes, and its size without them.
fn world_sizes<'a>(
    package: &'a UnresolvedPackage,
    reach: &'a BTreeMap<&str, usize>,
    all: usize,
) -> impl Iterator<Item = (String, Vec<String>, usize)> + 'a {
    let interfaces = interface_names(package);
    let worlds = world_names(package);
    let (_, foreign) = foreign_items(package);
    package.worlds.iter().filter_map(move |(id, world)| {
        let name = worlds.get(&id).filter(|_| !foreign.contains(&id))?.clone();
        let included = world.includes.iter().filter_map(|include| worlds.get(&include.id).cloned()).collect();
        Some((name, included, world_size(package, world, &interfaces, reach, all)))
    })
}

fn world_size(
    package: &UnresolvedPackage,
    world: &World,
    names: &BTreeMap<InterfaceId, String>,
    reach: &BTreeMap<&str, usize>,
    all: usize,
) -> usize {
    let (mut own, mut implied) = (0_usize, 0_usize);
    for item in Direction::BOTH.into_iter().flat_map(|direction| direction.items(world).values()) {
        own = own.saturating_add(1);
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = &package.interfaces[*id];
        if interface.name.is_none() {
            own = own.saturating_add(interface.types.len() + interface.functions.len());
        }
        let used = uses(package, names, *id);
        let reached = names.get(id).into_iter().chain(&used).filter_map(|name| reach.get(name.as_str()));
        implied = reached.fold(implied, |sum, reach| sum.saturating_add(*reach));
    }
    // An interface is imported once and exported once at most, whatever implies it.
    own.saturating_add(implied.min(all.saturating_mul(2)))
}

fn world_names(package: &UnresolvedPackage) -> BTreeMap<WorldId, String> {
    let own = package.worlds.iter().map(|(id, world)| (id, package.name.interface_id(&world.name)));
    let mut names: BTreeMap<WorldId, String> = own.collect();
    for (foreign, items) in &package.foreign_deps {
        for (name, (item, _)) in items {
            if let AstItem::World(id) = item {
                names.insert(*id, foreign.interface_id(name));
            }
        }
    }
    names
}

fn fold(graph: &Graph, value: impl Fn(&[usize]) -> usize) -> BTreeMap<&str, usize> {
    fold_named(graph, |_, below| value(below))
}

/// Gives each name a value made of the values of those that it refers to. An edge that closes a cycle counts nothing: the
/// parser refuses cycles later.
fn fold_named(graph: &Graph, value: impl Fn(&str, &[usize]) -> usize) -> BTreeMap<&str, usize> {
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for root in graph.keys() {
        let mut stack = vec![(root.as_str(), false)];
        while let Some((name, below_done)) = stack.pop() {
            let Some((name, edges)) = graph.get_key_value(name) else { continue };
            if below_done {
                let below: Vec<usize> = edges.iter().filter_map(|edge| values.get(edge.as_str()).copied()).collect();
                values.insert(name, value(name, &below));
            } else if seen.insert(name.as_str()) {
                stack.push((name, true));
                stack.extend(edges.iter().map(|edge| (edge.as_str(), false)));
            }
        }
    }
    values
}
