//! What the parser's elaboration of worlds dropped: gates and external-ids that were written and do not count.

use super::encode::Direction;
use std::collections::BTreeMap;
use std::fmt;
use wit_parser::{AstItem, InterfaceId, PackageId, Resolve, Stability, UnresolvedPackage, WorldItem, WorldKey};

/// An attribute of a world item that was written and does not count (`docs/hash.md`, 4.3): an earlier item of the file
/// already implies the interface, or it stands on an `include`. The package's hash does not cover it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedAttribute {
    /// The world.
    pub world: String,
    /// The item: `import` or `export` and the interface.
    pub item: String,
    /// `gate` or `external-id`.
    pub attribute: &'static str,
    /// Why it does not count.
    pub reason: &'static str,
}

impl fmt::Display for DroppedAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { world, item, attribute, reason } = self;
        write!(f, "the {attribute} of `{item}` in world `{world}` has no effect: {reason}")
    }
}

/// Attributes as written: of items that name an interface, by world, direction and full interface name, and of `include`.
#[derive(Default)]
pub(crate) struct WrittenAttributes {
    items: ItemAttributes,
    includes: Vec<DroppedAttribute>,
}

type ItemAttributes = BTreeMap<(String, &'static str, String), (Stability, Option<String>)>;

/// Notes the attributes of the items that name an interface, before they are elaborated.
pub(crate) fn written_attributes(package: &UnresolvedPackage) -> WrittenAttributes {
    let names = interface_names(package);
    let mut written = WrittenAttributes::default();
    for (_, world) in package.worlds.iter() {
        for include in world.includes.iter().filter(|include| !include.stability.is_unknown()) {
            let included = &package.worlds[include.id].name;
            written.includes.push(DroppedAttribute {
                world: world.name.clone(),
                item: format!("include {included}"),
                attribute: "gate",
                reason: "an expanded `include` has none",
            });
        }
        for direction in Direction::BOTH {
            for (key, item) in direction.items(world) {
                if let (WorldKey::Interface(id), WorldItem::Interface { stability, external_id, .. }) = (key, item)
                    && let Some(name) = names.get(id)
                {
                    let place = (world.name.clone(), direction.keyword(), name.clone());
                    written.items.insert(place, (stability.clone(), external_id.clone()));
                }
            }
        }
    }
    written
}

/// Compares the attributes as written with those that the elaborated worlds have.
pub(crate) fn dropped_attributes(
    written: &WrittenAttributes,
    resolve: &Resolve,
    package: PackageId,
) -> Vec<DroppedAttribute> {
    let mut dropped = written.includes.clone();
    for (name, id) in &resolve.packages[package].worlds {
        for direction in Direction::BOTH {
            for (key, item) in direction.items(&resolve.worlds[*id]) {
                let (WorldKey::Interface(id), WorldItem::Interface { stability, external_id, .. }) = (key, item) else {
                    continue;
                };
                let interface = resolve.id_of(*id).unwrap_or_default();
                let place = (name.clone(), direction.keyword(), interface);
                let Some((written_gate, written_id)) = written.items.get(&place) else { continue };
                let differs = [("gate", written_gate != stability), ("external-id", written_id != external_id)];
                dropped.extend(differs.into_iter().filter(|(_, differs)| *differs).map(|(attribute, _)| {
                    DroppedAttribute {
                        world: name.clone(),
                        item: format!("{} {}", place.1, place.2),
                        attribute,
                        reason: "an earlier item implies this interface",
                    }
                }));
            }
        }
    }
    dropped
}

/// The full names of the interfaces of a package that is not resolved yet, those of other packages among them.
pub(crate) fn interface_names(package: &UnresolvedPackage) -> BTreeMap<InterfaceId, String> {
    let mut names = BTreeMap::new();
    for (id, interface) in package.interfaces.iter() {
        names.extend(interface.name.as_ref().map(|name| (id, package.name.interface_id(name))));
    }
    for (foreign, items) in &package.foreign_deps {
        for (name, (item, _)) in items {
            if let AstItem::Interface(id) = item {
                names.insert(*id, foreign.interface_id(name));
            }
        }
    }
    names
}
