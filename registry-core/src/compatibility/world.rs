//! Worlds compared: a package's worlds as contracts between components and hosts, a component's own as what it does.

use super::signature::Side;
use super::words::definition_path;
use super::{Comparer, Notes, Rules, Step, is_unstable};
use crate::wit::describe_item;
use crate::wit::encode::Direction;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{InterfaceId, Resolve, TypeId, World, WorldId, WorldItem, WorldKey};

/// Which rules hold for a world's items.
#[derive(Clone, Copy)]
struct WorldRules {
    import: Rules,
    /// For the contents of what is imported from a package with a version.
    import_contents: Rules,
    export: Rules,
}

impl WorldRules {
    const PACKAGE: Self = Self { import: Rules::OFFERED, import_contents: Rules::OFFERED, export: Rules::PROMISED };
    const COMPONENT: Self =
        Self { import: Rules::REQUIRED, import_contents: Rules::REQUIRED_INTERFACE, export: Rules::OFFERED };
    const UNSTABLE: Self = Self { import: Rules::UNSTABLE, import_contents: Rules::UNSTABLE, export: Rules::UNSTABLE };

    fn items(self, direction: Direction) -> Rules {
        match direction {
            Direction::Import => self.import,
            Direction::Export => self.export,
        }
    }
}

/// An item of a world with its key.
type Item<'a> = (&'a WorldKey, &'a WorldItem);

impl Comparer<'_> {
    /// Compares two worlds of a package.
    pub(super) fn world(&mut self, rules: Rules, path: &str, old: WorldId, new: WorldId) {
        let (old, new) = (&self.old.resolve.worlds[old], &self.new.resolve.worlds[new]);
        self.notes(
            path,
            Notes { docs: &old.docs, stability: &old.stability },
            Notes { docs: &new.docs, stability: &new.stability },
        );
        let rules = if rules == Rules::UNSTABLE { WorldRules::UNSTABLE } else { WorldRules::PACKAGE };
        self.world_items(rules, &format!("{path}, "), old, new);
    }

    /// Compares the worlds of two components.
    pub(super) fn component(&mut self, old: WorldId, new: WorldId) {
        let (old, new) = (&self.old.resolve.worlds[old], &self.new.resolve.worlds[new]);
        self.world_items(WorldRules::COMPONENT, "", old, new);
    }

    fn world_items(&mut self, rules: WorldRules, outer: &str, old: &World, new: &World) {
        for direction in Direction::BOTH {
            for (old, new) in self.pairs(direction.items(old), direction.items(new)) {
                self.world_item(rules, direction, outer, old, new);
            }
        }
    }

    /// Items of one name and track. Of several versions in a track the same one counts, or else the highest.
    fn pairs<'w>(
        &self,
        old: &'w IndexMap<WorldKey, WorldItem>,
        new: &'w IndexMap<WorldKey, WorldItem>,
    ) -> Vec<(Option<Item<'w>>, Option<Item<'w>>)> {
        let mut candidates: BTreeMap<String, Vec<Item<'w>>> = BTreeMap::new();
        for item in new {
            candidates.entry(self.new.names.world_item(item.0)).or_default().push(item);
        }
        let mut taken = BTreeSet::new();
        let mut pairs = Vec::new();
        for item in old {
            let others = candidates.get(&self.old.names.world_item(item.0)).map(Vec::as_slice).unwrap_or_default();
            let shown = self.old.resolve.name_world_key(item.0);
            let same = others.iter().find(|other| self.new.resolve.name_world_key(other.0) == shown);
            let other = same.or_else(|| others.iter().max_by_key(|other| version_of(&self.new, other.0)));
            taken.extend(other.map(|other| self.new.resolve.name_world_key(other.0)));
            pairs.push((Some(item), other.copied()));
        }
        let added = new.iter().filter(|item| !taken.contains(&self.new.resolve.name_world_key(item.0)));
        pairs.extend(added.map(|item| (None, Some(item))));
        pairs
    }

    fn world_item(
        &mut self,
        rules: WorldRules,
        direction: Direction,
        outer: &str,
        old: Option<Item<'_>>,
        new: Option<Item<'_>>,
    ) {
        let (old_resolve, new_resolve) = (self.old.resolve, self.new.resolve);
        let names = (
            old.map(|item| item_path(old_resolve, item, self.old.names.world_item(item.0))),
            new.map(|item| item_path(new_resolve, item, self.new.names.world_item(item.0))),
        );
        let Some(name) = names.0.or(names.1) else { return };
        let path = format!("{outer}{} {name}", direction.keyword());
        let item_rules = rules.items(direction);
        match (old.map(|item| item.1), new.map(|item| item.1)) {
            (Some(WorldItem::Function(old)), Some(WorldItem::Function(new))) => {
                self.function(item_rules, &path, (Some(old), Some(new)));
            }
            (Some(WorldItem::Type { id: old, .. }), Some(WorldItem::Type { id: new, .. })) => {
                self.definition(item_rules, &path, (Some(*old), Some(*new)));
            }
            (Some(old @ WorldItem::Interface { .. }), Some(new @ WorldItem::Interface { .. })) => {
                self.interface_item(rules, direction, &path, old, new);
            }
            (Some(old), Some(new)) => {
                let what = format!("is {}, was {}", a_kind(new), a_kind(old));
                self.push(item_rules.changed, &path, what);
            }
            (old, new) => {
                let gates = (old.map(|item| item.stability(old_resolve)), new.map(|item| item.stability(new_resolve)));
                self.presence(item_rules, &path, gates.0, gates.1);
            }
        }
    }

    fn interface_item(
        &mut self,
        rules: WorldRules,
        direction: Direction,
        path: &str,
        old: &WorldItem,
        new: &WorldItem,
    ) {
        let gates = (old.stability(self.old.resolve), new.stability(self.new.resolve));
        let Some(item_rules) = self.presence(rules.items(direction), path, Some(gates.0), Some(gates.1)) else {
            return;
        };
        let (
            WorldItem::Interface { id: old, external_id: old_external_id, .. },
            WorldItem::Interface { id: new, external_id: new_external_id, .. },
        ) = (old, new)
        else {
            return;
        };
        self.external_id(item_rules, path, old_external_id.as_ref(), new_external_id.as_ref());
        if gates.0 != gates.1 {
            self.push(Step::None, path, "its gate (`@since`, `@unstable`, `@deprecated`) changed");
        }
        if self.is_compared_by_itself(*old, *new) {
            if item_rules == Rules::PROMISED && self.done.insert((*old, *new, item_rules)) {
                self.additions(path, *old, *new);
            }
            return;
        }
        let has_version = self.old.version(*old).is_some();
        let contents = match direction {
            Direction::Import if has_version && item_rules != Rules::UNSTABLE => rules.import_contents,
            _ => item_rules,
        };
        self.foreign_interface(contents, path, *old, *new);
    }

    /// An interface of the package has its own place in the list of changes; only what its exporters lack is said here.
    fn is_compared_by_itself(&self, old: InterfaceId, new: InterfaceId) -> bool {
        self.old.is_own_interface(old) && self.new.is_own_interface(new)
    }

    fn additions(&mut self, path: &str, old: InterfaceId, new: InterfaceId) {
        if is_unstable(&self.old.resolve.interfaces[old].stability) {
            return;
        }
        let before = std::mem::take(&mut self.changes);
        self.interface(Rules::PROMISED_ADDITIONS, path, old, new);
        let additions = std::mem::replace(&mut self.changes, before);
        self.changes.extend(additions.into_iter().filter(|change| change.step == Step::Breaking));
    }
}

fn version_of<'a>(side: &Side<'a>, key: &WorldKey) -> Option<&'a semver::Version> {
    match key {
        WorldKey::Interface(id) => side.version(*id),
        WorldKey::Name(_) => None,
    }
}

/// What an item is and is called; an interface of the compared package without the package.
fn item_path(resolve: &Resolve, (key, item): Item<'_>, name: String) -> String {
    match item {
        WorldItem::Function(function) => describe_item(function),
        WorldItem::Type { id, .. } => definition_path(resolve, *id, &name),
        WorldItem::Interface { .. } => match (key, name.strip_prefix('/')) {
            (WorldKey::Interface(_), Some(own)) => format!("`{own}`"),
            _ => format!("`{}`", resolve.name_world_key(key)),
        },
    }
}

fn a_kind(item: &WorldItem) -> &'static str {
    match item {
        WorldItem::Interface { .. } => "an interface",
        WorldItem::Function(_) => "a function",
        WorldItem::Type { .. } => "a type",
    }
}

/// The types that stand in a world itself, by their names.
pub(super) fn types_of(world: &World) -> IndexMap<String, TypeId> {
    let items = world.imports.iter().chain(&world.exports);
    items
        .filter_map(|(key, item)| match (key, item) {
            (WorldKey::Name(name), WorldItem::Type { id, .. }) => Some((name.clone(), *id)),
            _ => None,
        })
        .collect()
}
