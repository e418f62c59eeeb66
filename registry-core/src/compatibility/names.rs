//! Names under which the items of two releases find each other: versions count only as far as their tracks.

use super::track::Track;
use crate::name::PackageName;
use crate::wit::Wit;
use crate::wit::encode::Direction;
use std::collections::BTreeMap;
use wit_parser::{InterfaceId, PackageId, Resolve, TypeId, TypeOwner, WorldItem, WorldKey};

/// The names of a side's packages and interfaces.
pub(super) struct Names {
    packages: BTreeMap<PackageId, String>,
    interfaces: BTreeMap<InterfaceId, String>,
}

impl Names {
    pub(super) fn of(resolve: &Resolve, main: PackageId) -> Self {
        let own = &resolve.packages[main].name;
        let packages: BTreeMap<PackageId, String> = resolve
            .packages
            .iter()
            .map(|(id, package)| (id, if id == main { String::new() } else { package_key(&package.name, own) }))
            .collect();
        let mut names = Self { packages, interfaces: BTreeMap::new() };
        for (id, interface) in resolve.interfaces.iter() {
            if let (Some(package), Some(name)) = (interface.package, &interface.name) {
                names.interfaces.insert(id, format!("{}/{name}", names.package(package)));
            }
        }
        names.add_inline_interfaces(resolve);
        names
    }

    fn add_inline_interfaces(&mut self, resolve: &Resolve) {
        for (_, world) in resolve.worlds.iter() {
            let package = world.package.map(|package| self.package(package).to_owned()).unwrap_or_default();
            for direction in Direction::BOTH {
                for (key, item) in direction.items(world) {
                    if let (WorldKey::Name(name), WorldItem::Interface { id, .. }) = (key, item) {
                        let place = format!("{package}/{} {} {name}", world.name, direction.keyword());
                        self.interfaces.entry(*id).or_insert(place);
                    }
                }
            }
        }
    }

    fn package(&self, id: PackageId) -> &str {
        self.packages.get(&id).map(String::as_str).unwrap_or_default()
    }

    /// The name of an interface: nothing for its package if that is the one compared, else with the track.
    pub(super) fn interface(&self, id: InterfaceId) -> &str {
        self.interfaces.get(&id).map(String::as_str).unwrap_or_default()
    }

    /// Whether an interface belongs to the package that is compared.
    pub(super) fn is_own(&self, id: InterfaceId) -> bool {
        self.interface(id).starts_with('/')
    }

    /// Where a named type is declared; `None` for one without a name.
    pub(super) fn origin(&self, resolve: &Resolve, id: TypeId) -> Option<String> {
        let definition = &resolve.types[id];
        let name = definition.name.as_ref()?;
        match definition.owner {
            TypeOwner::Interface(interface) => Some(format!("{}.{name}", self.interface(interface))),
            TypeOwner::World(world) => {
                let world = &resolve.worlds[world];
                let package = world.package.map(|package| self.package(package)).unwrap_or_default();
                Some(format!("{package}/{}.{name}", world.name))
            }
            TypeOwner::None => None,
        }
    }

    /// The name of a world's item: as [`Names::interface`] for a named interface, else its plain name.
    pub(super) fn world_item(&self, key: &WorldKey) -> String {
        match key {
            WorldKey::Name(name) => name.clone(),
            WorldKey::Interface(id) => self.interface(*id).to_owned(),
        }
    }
}

/// Another package by name and track. Another version of the compared package in its own track counts as that package.
fn package_key(name: &wit_parser::PackageName, own: &wit_parser::PackageName) -> String {
    let track = |name: &wit_parser::PackageName| name.version.as_ref().and_then(Track::of);
    let same_name = (&name.namespace, &name.name) == (&own.namespace, &own.name);
    if same_name && track(name).is_some() && track(name) == track(own) {
        return String::new();
    }
    let package = format!("{}:{}", name.namespace, name.name);
    match (track(name), &name.version) {
        (Some(track), _) => format!("{package}@{track}"),
        (None, Some(version)) => format!("{package}@{version}"),
        (None, None) => package,
    }
}

/// A package's direct dependencies by name and track; of several in a track, the highest version.
pub(super) fn dependencies(wit: &Wit) -> BTreeMap<(String, Option<String>), PackageName> {
    let mut dependencies = BTreeMap::new();
    for name in wit.identity().iter().flat_map(|identity| identity.dependencies.keys()) {
        let track = name.version.as_ref().map(|version| match Track::of(version) {
            Some(track) => track.to_string(),
            None => version.to_string(),
        });
        dependencies.insert((format!("{}:{}", name.namespace, name.name), track), name.clone());
    }
    dependencies
}
