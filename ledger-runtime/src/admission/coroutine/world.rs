//! What a contract of this form must consist of, by its WIT.

use super::core_module::{CoreImport, CoreModule};
use super::error::{Difference, ShapeError};
use super::wiring::{CoreFunction, Wiring};
use super::{Entry, HostFunction, HostImport, Object};
use crate::abi::{CoreSignature, Resource};
use std::collections::BTreeMap;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ResourceId};
use wasmparser::types::Types;

/// What the names of the core imports for a contract's own objects begin with.
const EXPORT: &str = "[export]";

/// What stands between an object and its resource in the name of the destructor.
const DESTRUCTOR: &str = "#[dtor]";

/// What there must be.
pub(super) struct World {
    /// Functions of imported interfaces, by interface and name.
    pub(super) functions: BTreeMap<(String, String), HostFunction>,
    /// What the resources of imported interfaces stand for, by interface and name.
    pub(super) resources: BTreeMap<(String, String), Resource>,
    pub(super) scripts: BTreeMap<String, Entry>,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) handlers: BTreeMap<String, BTreeMap<String, Entry>>,
}

impl World {
    /// What each import of the module means. It must be wired to the function of the same name, and have its core type.
    pub(super) fn imports(
        &self,
        module: &CoreModule<'_>,
        wiring: &Wiring<'_>,
        types: &Types,
    ) -> Result<Vec<HostImport>, ShapeError> {
        let import = |import: &CoreImport<'_>| {
            let place = || format!("the core import `{}` `{}`", import.module, import.name);
            let (function, expected) = self.meaning(import, types).ok_or_else(|| ShapeError::unknown(place()))?;
            let found = wiring.imports.get(&(import.module, import.name));
            let found = found.ok_or_else(|| ShapeError::new(place(), Difference::Missing))?;
            if *found != expected {
                return Err(wired(place(), &expected, found));
            }
            check_core_type(place, &function.core_signature(), &import.signature)?;
            Ok(HostImport { module: import.module.to_owned(), name: import.name.to_owned(), function })
        };
        module.imports.iter().map(import).collect()
    }

    /// What a core import means by its name, and what it must be wired to.
    fn meaning<'a>(&self, import: &CoreImport<'a>, types: &Types) -> Option<(HostFunction, CoreFunction<'a>)> {
        if let Some(object) = import.module.strip_prefix(EXPORT) {
            return self.of_own_resource(object, import.name, types);
        }
        if let Some(resource) = import.name.strip_prefix("[resource-drop]") {
            let id = imported_resource(types, import.module, resource)?;
            let dropped = self.resources.get(&(import.module.to_owned(), resource.to_owned()))?;
            let function = match dropped {
                Resource::Context => HostFunction::DropContext,
                other => HostFunction::DropHandle(other.clone()),
            };
            return Some((function, CoreFunction::DropResource(id)));
        }
        let function = self.functions.get(&(import.module.to_owned(), import.name.to_owned()))?;
        Some((function.clone(), CoreFunction::Imported { interface: import.module, name: import.name }))
    }

    fn of_own_resource<'a>(&self, object: &str, name: &str, types: &Types) -> Option<(HostFunction, CoreFunction<'a>)> {
        let resource = self.objects.get(object)?.kind.resource_name();
        let id = exported_resource(types, object, resource)?;
        let object = object.to_owned();
        let (operation, named) = name.split_once(']')?;
        match operation {
            _ if named != resource => None,
            "[resource-new" => Some((HostFunction::NewObject { object }, CoreFunction::NewResource(id))),
            "[resource-rep" => Some((HostFunction::RepObject { object }, CoreFunction::RepResource(id))),
            "[resource-drop" => Some((HostFunction::DropObject { object }, CoreFunction::DropResource(id))),
            _ => None,
        }
    }

    /// Every function that the contract offers must be the module's export of the same name, and have its core type.
    pub(super) fn check_exports(&self, module: &CoreModule<'_>, wiring: &Wiring<'_>) -> Result<(), ShapeError> {
        for (name, script) in &self.scripts {
            check_entry(script, wiring.functions.get(name.as_str()), module)?;
        }
        for (name, object) in &self.objects {
            check_interface(name, object.entries(), module, wiring)?;
        }
        for (name, handlers) in &self.handlers {
            check_interface(name, handlers.values(), module, wiring)?;
        }
        Ok(())
    }

    /// A destructor, which is never called, must be the module's for this very resource.
    pub(super) fn check_destructors(&self, wiring: &Wiring<'_>, types: &Types) -> Result<(), ShapeError> {
        for (resource, found) in &wiring.destructors {
            let mut objects = self.objects.iter();
            let object = objects.find(|(name, object)| {
                exported_resource(types, name, object.kind.resource_name()).as_ref() == Some(resource)
            });
            let place = "a resource's destructor";
            let (name, object) = object.ok_or_else(|| ShapeError::unknown(place))?;
            let expected = format!("{name}{DESTRUCTOR}{}", object.kind.resource_name());
            let expected = CoreFunction::Exported(&expected);
            if *found != expected {
                return Err(wired(place.to_owned(), &expected, found));
            }
        }
        Ok(())
    }
}

/// Compares the functions of an exported interface.
fn check_interface<'e>(
    name: &str,
    entries: impl Iterator<Item = &'e Entry>,
    module: &CoreModule<'_>,
    wiring: &Wiring<'_>,
) -> Result<(), ShapeError> {
    let lifted = wiring.instances.get(name);
    let lifted = lifted.ok_or_else(|| ShapeError::new(format!("the exported `{name}`"), Difference::Missing))?;
    for entry in entries {
        // The names of core exports are the interface's, `#`, and the function's.
        let function = entry.core_name.get(name.len() + 1..).unwrap_or_default();
        check_entry(entry, lifted.get(function), module)?;
    }
    Ok(())
}

fn check_entry(entry: &Entry, lifted: Option<&&str>, module: &CoreModule<'_>) -> Result<(), ShapeError> {
    let place = || format!("the exported function `{}`", entry.core_name);
    let lifted = *lifted.ok_or_else(|| ShapeError::new(place(), Difference::Missing))?;
    if lifted != entry.core_name {
        let (expected, found) = (CoreFunction::Exported(&entry.core_name), CoreFunction::Exported(lifted));
        return Err(wired(place(), &expected, &found));
    }
    let found = module.exports.get(lifted).ok_or_else(|| ShapeError::new(place(), Difference::Missing))?;
    check_core_type(place, &entry.signature.of_export(), found)
}

fn wired(place: String, expected: &CoreFunction<'_>, found: &CoreFunction<'_>) -> ShapeError {
    let (expected, mut found) = (expected.to_string(), found.to_string());
    if expected == found {
        // Resources have no names here.
        found = found.replace("the resource", "another resource");
    }
    ShapeError::new(place, Difference::Wired { expected, found })
}

fn check_core_type(
    place: impl Fn() -> String,
    expected: &CoreSignature,
    found: &CoreSignature,
) -> Result<(), ShapeError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(ShapeError::new(place(), Difference::CoreType { expected, found }))
}

fn imported_resource(types: &Types, interface: &str, name: &str) -> Option<ResourceId> {
    resource_of(types, types.component_item_for_import(interface)?.ty, name)
}

fn exported_resource(types: &Types, interface: &str, name: &str) -> Option<ResourceId> {
    resource_of(types, types.component_item_for_export(interface)?.ty, name)
}

fn resource_of(types: &Types, instance: ComponentEntityType, name: &str) -> Option<ResourceId> {
    let ComponentEntityType::Instance(id) = instance else { return None };
    match types[id].exports.get(name)?.ty {
        ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(resource), .. } => Some(resource.resource()),
        _ => None,
    }
}

impl Object {
    /// All its functions.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let methods = self.methods.values().map(|method| &method.entry);
        self.mains.values().chain(methods).chain([&self.get_storage, &self.set_storage])
    }
}
