//! What a contract of this form must consist of, by its WIT.

use super::core_module::{CoreImport, CoreModule};
use super::error::{Difference, ShapeError};
use super::host::{self, BUILTIN, CARDANO, CONTEXT, EFFECTS, EVENTS, Host, SELF};
use super::wiring::{CoreFunction, Wiring};
use super::{Entry, HostFunction, HostImport, Method, Object, ObjectKind, method_ids};
use crate::abi::{
    AbiType, CONTRACT_TYPE_PARTS_MAX, CoreSignature, ObjectType, Resource, Resources, Signature, declaration,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ResourceId};
use wasmparser::types::Types;
use wit_parser::{
    Function, FunctionKind, Handle, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldId, WorldItem,
    WorldKey,
};

/// What the names of the core imports for a contract's own objects begin with.
const EXPORT: &str = "[export]";

/// What stands between an object and its resource in the name of the destructor.
const DESTRUCTOR: &str = "#[dtor]";

/// What an object's interface must be.
const ONE_RESOURCE: &str = "an interface with one resource, `utxo` or `token`";

/// What there must be.
pub(super) struct World {
    /// Functions of imported interfaces, by interface and name.
    functions: BTreeMap<(String, String), HostFunction>,
    pub(super) scripts: BTreeMap<String, Entry>,
    pub(super) objects: BTreeMap<String, Object>,
}

impl World {
    /// Reads the world of a contract.
    pub(super) fn of(resolve: &Resolve, world: WorldId) -> Result<Self, ShapeError> {
        let mut reader = Reader::new(resolve)?;
        let world = &resolve.worlds[world];
        for key in world.imports.keys() {
            reader.resources(key);
        }
        for (key, item) in &world.imports {
            reader.import(key, item)?;
        }
        for (key, item) in &world.exports {
            reader.export(key, item)?;
        }
        reader.finish()
    }

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
            return Some((drop_function(import.module, resource)?, CoreFunction::DropResource(id)));
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
            let lifted = wiring.instances.get(name.as_str());
            let lifted =
                lifted.ok_or_else(|| ShapeError::new(format!("the exported `{name}`"), Difference::Missing))?;
            for entry in object.entries() {
                // The names of core exports are the interface's, `#`, and the function's.
                let function = entry.core_name.get(name.len() + 1..).unwrap_or_default();
                check_entry(entry, lifted.get(function), module)?;
            }
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

fn drop_function(interface: &str, resource: &str) -> Option<HostFunction> {
    let object = match interface {
        CONTEXT => return (resource == "utxo-context").then_some(HostFunction::DropContext),
        BUILTIN => None,
        _ => Some(interface.strip_prefix(SELF)?),
    };
    let kind = kind_of(resource)?;
    Some(HostFunction::DropHandle(kind.resource(object)))
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

fn kind_of(resource: &str) -> Option<ObjectKind> {
    [ObjectKind::Utxo, ObjectKind::Token].into_iter().find(|kind| kind.resource_name() == resource)
}

impl Object {
    /// All its functions.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let methods = self.methods.values().map(|method| &method.entry);
        self.mains.values().chain(methods).chain([&self.get_storage, &self.set_storage])
    }
}

/// Goes through a world: first the resources of its imports, which types refer to, then its imports, then its exports.
struct Reader<'a> {
    resolve: &'a Resolve,
    host: Host,
    resources: Resources,
    functions: BTreeMap<(String, String), HostFunction>,
    /// The kinds of objects that the contract imports from itself.
    own: BTreeMap<String, ObjectKind>,
    scripts: BTreeMap<String, Entry>,
    objects: BTreeMap<String, Object>,
    /// The parts of types in all signatures that were made.
    type_parts: Cell<usize>,
}

impl<'a> Reader<'a> {
    fn new(resolve: &'a Resolve) -> Result<Self, ShapeError> {
        let host = Host::new().map_err(|reason| ShapeError::new("the host's WIT", Difference::Invalid { reason }))?;
        Ok(Self {
            resolve,
            host,
            resources: Resources::new(),
            functions: BTreeMap::new(),
            own: BTreeMap::new(),
            scripts: BTreeMap::new(),
            objects: BTreeMap::new(),
            type_parts: Cell::new(0),
        })
    }

    /// Notes what the resources of an import stand for, whether or not it fits otherwise.
    fn resources(&mut self, key: &WorldKey) {
        let WorldKey::Interface(id) = key else { return };
        let (name, interface) = (self.resolve.name_world_key(key), &self.resolve.interfaces[*id]);
        if [BUILTIN, CONTEXT].contains(&name.as_str()) {
            self.resources.extend(host::resources(interface));
        }
        if let Some((object, (kind, resource))) = name.strip_prefix(SELF).zip(self.only_resource(interface)) {
            self.resources.insert(resource, kind.resource(Some(object)));
        }
    }

    fn import(&mut self, key: &WorldKey, item: &WorldItem) -> Result<(), ShapeError> {
        let resolve = self.resolve;
        let name = resolve.name_world_key(key);
        let place = format!("the import `{name}`");
        match (key, item) {
            (WorldKey::Interface(id), WorldItem::Interface { .. }) => self.interface(&name, *id, &place),
            // Names for types of other interfaces, and the types of the scripts.
            (WorldKey::Name(_), WorldItem::Type { id, .. })
                if !matches!(resolve.types[*id].kind, TypeDefKind::Resource) =>
            {
                Ok(())
            }
            _ => Err(ShapeError::unknown(place)),
        }
    }

    fn interface(&mut self, name: &str, id: InterfaceId, place: &str) -> Result<(), ShapeError> {
        let interface = &self.resolve.interfaces[id];
        if [BUILTIN, CONTEXT, CARDANO].contains(&name) {
            return self.of_host(name, interface, place);
        }
        if let Some(object) = name.strip_prefix(SELF) {
            return self.of_self(name, object, interface, place);
        }
        let is_event = name.starts_with(EVENTS);
        if !is_event && !name.starts_with(EFFECTS) {
            return Err(ShapeError::unknown(place));
        }
        for function in interface.functions.values() {
            let place = || format!("the import `{name}` `{}`", function.name);
            if function.kind != FunctionKind::Freestanding {
                return Err(ShapeError::new(place(), Difference::Role { expected: "a function of no resource" }));
            }
            let signature = self.signature(function, 0, place)?;
            if is_event && signature.result().is_some() {
                return Err(ShapeError::new(place(), Difference::Role { expected: "a function without a result" }));
            }
            let (interface, function) = (name.to_owned(), function.name.clone());
            let host = if is_event {
                HostFunction::Event { interface, name: function.clone(), signature }
            } else {
                HostFunction::Effect { interface, name: function.clone(), signature }
            };
            self.functions.insert((name.to_owned(), function), host);
        }
        Ok(())
    }

    fn of_host(&mut self, name: &str, interface: &Interface, place: &str) -> Result<(), ShapeError> {
        if !self.host.offers(name, self.resolve, interface) {
            return Err(ShapeError::new(place, Difference::NotTheHosts));
        }
        for function in interface.functions.keys() {
            if let Some(host) = host::function(name, function) {
                self.functions.insert((name.to_owned(), function.clone()), host);
            }
        }
        Ok(())
    }

    /// The contract's own objects as its scripts see them.
    fn of_self(&mut self, name: &str, object: &str, interface: &Interface, place: &str) -> Result<(), ShapeError> {
        let (kind, resource) = self.only_resource(interface).ok_or_else(|| role(place, ONE_RESOURCE))?;
        self.own.insert(object.to_owned(), kind);
        for function in interface.functions.values() {
            let place = || format!("the import `{name}` `{}`", function.name);
            let host = match function.kind {
                FunctionKind::Static(of) if of == resource => HostFunction::Main {
                    object: ObjectType { contract: None, name: object.to_owned() },
                    main: function.item_name().to_owned(),
                    signature: self.signature(function, 0, place)?,
                },
                FunctionKind::Method(of) if of == resource => HostFunction::Method {
                    object: ObjectType { contract: None, name: object.to_owned() },
                    method: function.item_name().to_owned(),
                    signature: self.signature(function, 1, place)?,
                },
                _ => return Err(role(place(), "a static function or a method of the object")),
            };
            self.functions.insert((name.to_owned(), function.name.clone()), host);
        }
        Ok(())
    }

    fn export(&mut self, key: &WorldKey, item: &WorldItem) -> Result<(), ShapeError> {
        let place = format!("the export `{}`", self.resolve.name_world_key(key));
        match (key, item) {
            (WorldKey::Name(name), WorldItem::Function(function)) if function.kind == FunctionKind::Freestanding => {
                let signature = self.signature(function, 0, || place.clone())?;
                self.scripts.insert(name.clone(), Entry { core_name: name.clone(), signature });
                Ok(())
            }
            (WorldKey::Name(name), WorldItem::Interface { id, .. }) => {
                let object = self.object(name, &self.resolve.interfaces[*id], &place)?;
                self.objects.insert(name.clone(), object);
                Ok(())
            }
            _ => Err(ShapeError::unknown(place)),
        }
    }

    fn object(&self, name: &str, interface: &Interface, place: &str) -> Result<Object, ShapeError> {
        let (kind, resource) = self.only_resource(interface).ok_or_else(|| role(place, ONE_RESOURCE))?;
        let (mut mains, mut methods) = (BTreeMap::new(), BTreeMap::new());
        let (mut get_storage, mut set_storage) = (None, None);
        for function in interface.functions.values() {
            let place = || format!("the exported function `{name}#{}`", function.name);
            let entry = |signature| Entry { core_name: format!("{name}#{}", function.name), signature };
            match (&function.kind, function.name.as_str()) {
                (FunctionKind::Static(of), _) if *of == resource => {
                    let signature = self.main(name, kind, resource, function, place)?;
                    mains.insert(function.item_name().to_owned(), entry(signature));
                }
                (FunctionKind::Method(of), _) if *of == resource => {
                    let signature = self.signature(function, 1, place)?;
                    let name = function.item_name();
                    methods.insert(name.to_owned(), Method { entry: entry(signature), ids: method_ids(name) });
                }
                (FunctionKind::Freestanding, "get-storage") => {
                    get_storage = Some(entry(self.get_storage(resource, function, place)?));
                }
                (FunctionKind::Freestanding, "set-storage") => {
                    let takes_context = kind == ObjectKind::Utxo && self.takes_context(function);
                    let signature = self.making(name, kind, resource, function, takes_context.into(), place)?;
                    set_storage = Some(entry(signature));
                }
                _ => return Err(ShapeError::unknown(place())),
            }
        }
        let missing = |function: &str| ShapeError::new(format!("`{name}#{function}`"), Difference::Missing);
        let get_storage = get_storage.ok_or_else(|| missing("get-storage"))?;
        let set_storage = set_storage.ok_or_else(|| missing("set-storage"))?;
        let storage = storage(&get_storage, &set_storage);
        let storage = storage.ok_or_else(|| role(place, "an object with one record of plain values as its storage"))?;
        Ok(Object { kind, mains, methods, get_storage, set_storage, storage })
    }

    /// A function that makes an object: of a UTXO type with the context first, or any static function of a token type.
    fn main(
        &self,
        object: &str,
        kind: ObjectKind,
        resource: TypeId,
        function: &Function,
        place: impl Fn() -> String,
    ) -> Result<Signature, ShapeError> {
        match kind {
            ObjectKind::Utxo => {
                if !self.takes_context(function) {
                    return Err(role(place(), "a function that takes the context first"));
                }
                self.making(object, kind, resource, function, 1, place)
            }
            ObjectKind::Token if function.result.is_none() => self.signature(function, 0, place),
            ObjectKind::Token => self.making(object, kind, resource, function, 0, place),
        }
    }

    /// Whether a function gets the context of a UTXO as its first parameter.
    fn takes_context(&self, function: &Function) -> bool {
        let context = function.params.first().and_then(|parameter| self.owned(&parameter.ty));
        context.and_then(|id| self.resources.get(&id)) == Some(&Resource::Context)
    }

    /// A function that gives an own handle of the object's resource.
    fn making(
        &self,
        object: &str,
        kind: ObjectKind,
        resource: TypeId,
        function: &Function,
        leading_handles: usize,
        place: impl Fn() -> String,
    ) -> Result<Signature, ShapeError> {
        if function.result.as_ref().and_then(|ty| self.owned(ty)) != Some(resource) {
            return Err(role(place(), "a function that gives an object of its type"));
        }
        let without_result = Function { result: None, ..function.clone() };
        let signature = self.signature(&without_result, leading_handles, place)?;
        Ok(signature.giving(AbiType::own(kind.resource(Some(object)))))
    }

    /// The one function beside the methods that takes the object itself.
    fn get_storage(
        &self,
        resource: TypeId,
        function: &Function,
        place: impl Fn() -> String,
    ) -> Result<Signature, ShapeError> {
        let borrowed = function.params.first().and_then(|parameter| self.handle(&parameter.ty));
        let takes_object = match borrowed {
            Some(Handle::Borrow(of)) => declaration(self.resolve, of) == resource && function.params.len() == 1,
            _ => false,
        };
        let gives_record = matches!(function.result.map(|ty| self.kind(&ty)), Some(Some(TypeDefKind::Record(_))));
        if takes_object && gives_record {
            return self.signature(function, 1, place);
        }
        Err(role(place(), "a function that takes the object alone and gives a record"))
    }

    /// The resource of an own handle.
    fn owned(&self, ty: &Type) -> Option<TypeId> {
        match self.handle(ty)? {
            Handle::Own(resource) => Some(declaration(self.resolve, resource)),
            Handle::Borrow(_) => None,
        }
    }

    fn handle(&self, ty: &Type) -> Option<Handle> {
        match self.kind(ty)? {
            TypeDefKind::Handle(handle) => Some(*handle),
            _ => None,
        }
    }

    fn kind(&self, ty: &Type) -> Option<&'a TypeDefKind> {
        let Type::Id(id) = ty else { return None };
        Some(&self.resolve.types[declaration(self.resolve, *id)].kind)
    }

    /// The one resource that an interface declares, which is a UTXO or a token.
    fn only_resource(&self, interface: &Interface) -> Option<(ObjectKind, TypeId)> {
        let mut declared =
            interface.types.iter().filter(|(_, id)| matches!(self.resolve.types[**id].kind, TypeDefKind::Resource));
        match (declared.next(), declared.next()) {
            (Some((name, id)), None) => kind_of(name).map(|kind| (kind, *id)),
            _ => None,
        }
    }

    fn signature(
        &self,
        function: &Function,
        leading_handles: usize,
        place: impl Fn() -> String,
    ) -> Result<Signature, ShapeError> {
        let signature = Signature::of(self.resolve, function, leading_handles, &self.resources);
        let signature = signature.map_err(|error| ShapeError::new(place(), Difference::Function(error)))?;
        self.type_parts.set(self.type_parts.get() + signature.parts());
        if self.type_parts.get() > CONTRACT_TYPE_PARTS_MAX {
            return Err(ShapeError::new(place(), Difference::TooManyParts { max: CONTRACT_TYPE_PARTS_MAX }));
        }
        Ok(signature)
    }

    /// What a contract imports from itself it must have.
    fn finish(self) -> Result<World, ShapeError> {
        for (name, kind) in &self.own {
            let object = self.objects.get(name).filter(|object| object.kind == *kind);
            object.ok_or_else(|| ShapeError::new(format!("the exported `{name}`"), Difference::Missing))?;
        }
        for ((interface, name), function) in &self.functions {
            let (entry, signature) = match function {
                HostFunction::Main { object, main, signature } => {
                    (self.objects.get(&object.name).and_then(|object| object.mains.get(main)), signature)
                }
                HostFunction::Method { object, method, signature } => {
                    let object = self.objects.get(&object.name);
                    (object.and_then(|object| object.methods.get(method)).map(|method| &method.entry), signature)
                }
                _ => continue,
            };
            let is_same = entry.is_some_and(|entry| {
                let own = &entry.signature;
                own.parameters() == signature.parameters() && own.result() == signature.result()
            });
            if !is_same {
                return Err(role(format!("the import `{interface}` `{name}`"), "the object's function of that name"));
            }
        }
        Ok(World { functions: self.functions, scripts: self.scripts, objects: self.objects })
    }
}

/// The record that both functions of an object agree on.
fn storage(get: &Entry, set: &Entry) -> Option<AbiType> {
    let given = get.signature.result()?;
    let [(_, taken)] = set.signature.parameters() else { return None };
    (given == taken && !given.has_handles()).then(|| given.clone())
}

fn role(place: impl Into<String>, expected: &'static str) -> ShapeError {
    ShapeError::new(place, Difference::Role { expected })
}
