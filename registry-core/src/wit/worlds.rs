//! The interfaces that worlds import and export by their names.

use super::Wit;
use super::encode::package_of;
use crate::component::Direction;
use crate::id::InterfaceId;
use std::collections::BTreeSet;
use wit_parser::{World, WorldItem};

/// An interface that a world of a package imports or exports by its name. Interfaces that stand inline in a world have no
/// name of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorldInterface {
    /// The world's name.
    pub world: String,
    /// Import or export.
    pub direction: Direction,
    /// The interface's full name: `namespace:package/interface@version`.
    pub interface: String,
    /// The interface's id.
    pub id: InterfaceId,
}

impl Wit {
    /// The named interfaces of all worlds of the main package, sorted.
    pub fn world_interfaces(&self) -> Vec<WorldInterface> {
        let package = &self.resolve().packages[self.main()];
        let worlds = package.worlds.values().map(|id| &self.resolve().worlds[*id]);
        let mut interfaces: Vec<WorldInterface> = worlds.flat_map(|world| self.interfaces_of(world)).collect();
        interfaces.sort();
        interfaces
    }

    /// The full names of what the main package offers: its interfaces, its worlds, and what its worlds export.
    pub fn offered_names(&self) -> BTreeSet<String> {
        let (resolve, package) = (self.resolve(), &self.resolve().packages[self.main()]);
        let mut names: BTreeSet<String> = package.interfaces.values().filter_map(|id| resolve.id_of(*id)).collect();
        for (name, id) in &package.worlds {
            names.insert(package.name.interface_id(name));
            names.extend(resolve.worlds[*id].exports.keys().map(|key| resolve.name_world_key(key)));
        }
        names
    }

    fn interfaces_of(&self, world: &World) -> Vec<WorldInterface> {
        let imports = world.imports.values().map(|item| (Direction::Import, item));
        let exports = world.exports.values().map(|item| (Direction::Export, item));
        let named = imports.chain(exports).filter_map(|(direction, item)| {
            let WorldItem::Interface { id, .. } = item else { return None };
            let (_, package) = package_of(self.resolve(), *id)?;
            let name = self.resolve().interfaces[*id].name.as_ref()?;
            Some(WorldInterface {
                world: world.name.clone(),
                direction,
                interface: self.resolve().id_of(*id)?,
                id: *self.identities().get(&package)?.interfaces.get(name)?,
            })
        });
        named.collect()
    }
}
