//! One interface compared with another of its name: types and functions.

use super::words::definition_path;
use super::{Comparer, Notes, Rules, Step, is_unstable, union};
use crate::wit::describe_item;
use std::collections::BTreeMap;
use wit_parser::{Function, Interface, InterfaceId, Resolve, Stability, TypeDefKind, TypeId};

impl Comparer<'_> {
    /// Compares two interfaces; `path` is what changes in them are said of.
    pub(super) fn interface(&mut self, rules: Rules, path: &str, old: InterfaceId, new: InterfaceId) {
        let (old, new) = (&self.old.resolve.interfaces[old], &self.new.resolve.interfaces[new]);
        self.notes(
            path,
            Notes { docs: &old.docs, stability: &old.stability },
            Notes { docs: &new.docs, stability: &new.stability },
        );
        if rules.changed == Step::Breaking {
            self.settle(&old.types, &new.types);
        }
        for name in union(old.types.keys(), new.types.keys()) {
            let pair = (old.types.get(name).copied(), new.types.get(name).copied());
            let item = match pair {
                (_, Some(id)) => definition_path(self.new.resolve, id, name),
                (Some(id), None) => definition_path(self.old.resolve, id, name),
                (None, None) => continue,
            };
            self.definition(rules, &format!("{path}, {item}"), pair);
        }
        for name in union(old.functions.keys(), new.functions.keys()) {
            let pair = (old.functions.get(name), new.functions.get(name));
            let Some(function) = pair.1.or(pair.0) else { continue };
            let is_said_of_resource = match pair {
                (Some(function), None) => lacks_resource(new, function, self.old.resolve),
                (None, Some(function)) => lacks_resource(old, function, self.new.resolve),
                _ => false,
            };
            if !is_said_of_resource {
                self.function(rules, &format!("{path}, {}", describe_item(function)), pair);
            }
        }
    }

    /// Compares two interfaces that are no items of the compared package themselves, once for the same rules.
    pub(super) fn foreign_interface(&mut self, rules: Rules, path: &str, old: InterfaceId, new: InterfaceId) {
        if !self.done.insert((old, new, rules)) {
            return;
        }
        let gates = (&self.old.resolve.interfaces[old].stability, &self.new.resolve.interfaces[new].stability);
        if let Some(rules) = self.presence(rules, path, Some(gates.0), Some(gates.1)) {
            self.interface(rules, path, old, new);
        }
    }

    /// Compares two definitions of one name.
    pub(super) fn definition(&mut self, rules: Rules, path: &str, (old, new): (Option<TypeId>, Option<TypeId>)) {
        let (old_resolve, new_resolve) = (self.old.resolve, self.new.resolve);
        let gates = (old.map(|id| &old_resolve.types[id].stability), new.map(|id| &new_resolve.types[id].stability));
        let rules = self.presence(rules, path, gates.0, gates.1);
        let (Some(rules), Some(old), Some(new)) = (rules, old, new) else { return };
        for difference in self.definition_differences(old, new) {
            self.push(rules.changed, path, difference.to_string());
        }
        let (old, new) = (&old_resolve.types[old], &new_resolve.types[new]);
        let docs = (member_docs(&old.kind), member_docs(&new.kind));
        if docs.0.iter().any(|(name, old)| docs.1.get(name).is_some_and(|new| new != old)) {
            self.push(Step::None, path, "documentation of its members changed");
        }
        self.external_id(rules, path, old.external_id.as_ref(), new.external_id.as_ref());
        self.notes(
            path,
            Notes { docs: &old.docs, stability: &old.stability },
            Notes { docs: &new.docs, stability: &new.stability },
        );
    }

    /// Compares two functions of one name.
    pub(super) fn function(&mut self, rules: Rules, path: &str, pair: (Option<&Function>, Option<&Function>)) {
        let (old_resolve, new_resolve) = (self.old.resolve, self.new.resolve);
        let gates =
            (pair.0.map(|function| gate(old_resolve, function)), pair.1.map(|function| gate(new_resolve, function)));
        let rules = self.presence(rules, path, gates.0, gates.1);
        let (Some(rules), (Some(old), Some(new))) = (rules, pair) else { return };
        for difference in self.function_differences(old, new) {
            self.push(rules.changed, path, difference.to_string());
        }
        self.external_id(rules, path, old.external_id.as_ref(), new.external_id.as_ref());
        self.notes(
            path,
            Notes { docs: &old.docs, stability: &old.stability },
            Notes { docs: &new.docs, stability: &new.stability },
        );
    }

    /// Who implements it is not its type: components carry the id that they were built with.
    pub(super) fn external_id(&mut self, rules: Rules, path: &str, old: Option<&String>, new: Option<&String>) {
        if old != new {
            let step = if rules == Rules::UNSTABLE { Step::None } else { Step::Addition };
            let shown =
                |id: Option<&String>| id.map_or("none".to_owned(), |id| format!("`{}`", crate::id::shorten(id)));
            self.push(step, path, format!("its external-id is {}, was {}", shown(new), shown(old)));
        }
    }
}

/// Whether a function belongs to a resource that an interface of the other side lacks: then the resource came or went,
/// and all its functions with it.
fn lacks_resource(other: &Interface, function: &Function, resolve: &Resolve) -> bool {
    let resource = function.kind.resource().and_then(|id| resolve.types[id].name.as_ref());
    resource.is_some_and(|resource| !other.types.contains_key(resource))
}

/// What stands in front of a function: its own gate, or else that of its resource.
fn gate<'r>(resolve: &'r Resolve, function: &'r Function) -> &'r Stability {
    match function.kind.resource() {
        Some(id) if !is_unstable(&function.stability) && is_unstable(&resolve.types[id].stability) => {
            &resolve.types[id].stability
        }
        _ => &function.stability,
    }
}

fn member_docs(kind: &TypeDefKind) -> BTreeMap<&str, Option<String>> {
    crate::wit::encode::members(kind).into_iter().map(|(name, docs)| (name, super::normalized(docs))).collect()
}
