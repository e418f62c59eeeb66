//! Names in a component's own WIT. Those of registered packages have the same limit where they are published.

use super::AdmissionError;
use crate::profile::ExecutionProfile;
use std::collections::BTreeSet;
use wit_parser::{Function, Resolve, TypeDefKind, WorldItem, WorldKey};

/// Long names that are told, and characters of each.
const TOLD_MAX: usize = 10;
const TOLD_CHARS_MAX: usize = 60;

/// Checks the names of worlds, interfaces, functions, parameters, types, fields, cases and flags.
pub(super) fn check(profile: &ExecutionProfile, resolve: &Resolve) -> Result<(), AdmissionError> {
    let max = profile.identifier_chars_max;
    let mut long = LongNames { max, found: BTreeSet::new() };
    for (_, world) in &resolve.worlds {
        long.name(&world.name);
        for (key, item) in world.imports.iter().chain(&world.exports) {
            if let WorldKey::Name(name) = key {
                long.name(name);
            }
            if let WorldItem::Function(function) = item {
                long.function(function);
            }
        }
    }
    for (_, interface) in &resolve.interfaces {
        interface.name.iter().for_each(|name| long.name(name));
        interface.functions.values().for_each(|function| long.function(function));
    }
    for (_, definition) in &resolve.types {
        definition.name.iter().for_each(|name| long.name(name));
        long.parts(&definition.kind);
    }
    let names: Vec<String> = long.found.into_iter().collect();
    if names.is_empty() { Ok(()) } else { Err(AdmissionError::LongNames { names, max }) }
}

struct LongNames {
    max: usize,
    found: BTreeSet<String>,
}

impl LongNames {
    fn name(&mut self, name: &str) {
        if name.chars().nth(self.max).is_some() && self.found.len() < TOLD_MAX {
            self.found.insert(format!("`{}…`", name.chars().take(TOLD_CHARS_MAX).collect::<String>()));
        }
    }

    fn function(&mut self, function: &Function) {
        // The full name of a method is made of those of its resource and its own: `[method]counter.increment`. The
        // resource is a type, and is looked at there.
        self.name(function.name.rsplit(['.', ']']).next().unwrap_or_default());
        function.params.iter().for_each(|parameter| self.name(&parameter.name));
    }

    fn parts(&mut self, kind: &TypeDefKind) {
        match kind {
            TypeDefKind::Record(record) => record.fields.iter().for_each(|field| self.name(&field.name)),
            TypeDefKind::Variant(variant) => variant.cases.iter().for_each(|case| self.name(&case.name)),
            TypeDefKind::Enum(cases) => cases.cases.iter().for_each(|case| self.name(&case.name)),
            TypeDefKind::Flags(flags) => flags.flags.iter().for_each(|flag| self.name(&flag.name)),
            _ => {}
        }
    }
}
