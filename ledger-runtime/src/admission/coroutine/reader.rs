//! Reads the world of a contract: what its imports mean, and what it offers.
//!
//! First come the resources of the imports, which all types refer to; then the imports (`imported`), then the exports
//! (`exported`); at last what is imported from a contract is compared with what that contract exports (`agreement`).

use super::error::{Difference, ShapeError};
use super::host::Host;
use super::world::World;
use super::{CoroutineContract, Entry, HostFunction, Object, ObjectKind};
use crate::abi::{CONTRACT_TYPE_PARTS_MAX, ObjectType, Resource, Resources, Signature, declaration};
use crate::admission::imports::Imports;
use registry_core::id::ComponentHash;
use std::cell::Cell;
use std::collections::BTreeMap;
use wit_parser::{Function, Handle, Interface, Resolve, Type, TypeDefKind, TypeId, WorldId};

/// What an object's interface must be.
pub(super) const ONE_RESOURCE: &str = "an interface with one resource, `utxo` or `token`";

/// What was read so far.
pub(super) struct Reader<'a> {
    pub(super) resolve: &'a Resolve,
    /// The contracts that it imports.
    pub(super) others: &'a Imports,
    pub(super) host: Host,
    /// What the resources of the imports stand for.
    pub(super) resources: Resources,
    pub(super) named_resources: BTreeMap<(String, String), Resource>,
    pub(super) functions: BTreeMap<(String, String), HostFunction>,
    /// The types of objects for which imported interfaces stand.
    pub(super) imported: BTreeMap<String, (ObjectType, ObjectKind)>,
    pub(super) scripts: BTreeMap<String, Entry>,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) handlers: BTreeMap<String, BTreeMap<String, Entry>>,
    /// The parts of types in all signatures that were made.
    type_parts: Cell<usize>,
}

impl World {
    /// Reads the world of the contract `contract`, which imports `others`.
    pub(super) fn of(
        resolve: &Resolve,
        world: WorldId,
        contract: &ComponentHash,
        others: &Imports,
    ) -> Result<Self, ShapeError> {
        let mut reader = Reader::new(resolve, others)?;
        let world = &resolve.worlds[world];
        for (key, item) in &world.imports {
            reader.resources(key, item);
        }
        for (key, item) in &world.imports {
            reader.import(key, item)?;
        }
        for (key, item) in &world.exports {
            reader.export(key, item)?;
        }
        reader.check_agreement(contract)?;
        let Reader { functions, named_resources, scripts, objects, handlers, .. } = reader;
        Ok(Self { functions, resources: named_resources, scripts, objects, handlers })
    }
}

impl<'a> Reader<'a> {
    fn new(resolve: &'a Resolve, others: &'a Imports) -> Result<Self, ShapeError> {
        let host = Host::new().map_err(|reason| ShapeError::new("the host's WIT", Difference::Invalid { reason }))?;
        Ok(Self {
            resolve,
            others,
            host,
            resources: Resources::new(),
            named_resources: BTreeMap::new(),
            functions: BTreeMap::new(),
            imported: BTreeMap::new(),
            scripts: BTreeMap::new(),
            objects: BTreeMap::new(),
            handlers: BTreeMap::new(),
            type_parts: Cell::new(0),
        })
    }

    /// A contract that is imported, if it is one of this form.
    pub(super) fn other(&self, contract: &ComponentHash) -> Option<&'a CoroutineContract> {
        let executable = self.others.values().find(|executable| executable.hash() == contract)?;
        executable.coroutine().map(|form| &form.contract)
    }

    /// What the resource of a handle stands for.
    pub(super) fn meaning(&self, resource: TypeId) -> Option<&Resource> {
        self.resources.get(&declaration(self.resolve, resource))
    }

    /// The resource of an own handle.
    pub(super) fn owned(&self, ty: &Type) -> Option<TypeId> {
        match self.handle(ty)? {
            Handle::Own(resource) => Some(declaration(self.resolve, resource)),
            Handle::Borrow(_) => None,
        }
    }

    pub(super) fn handle(&self, ty: &Type) -> Option<Handle> {
        match self.kind(ty)? {
            TypeDefKind::Handle(handle) => Some(*handle),
            _ => None,
        }
    }

    pub(super) fn kind(&self, ty: &Type) -> Option<&'a TypeDefKind> {
        let Type::Id(id) = ty else { return None };
        Some(&self.resolve.types[declaration(self.resolve, *id)].kind)
    }

    /// The one resource that an interface declares, which is a UTXO or a token.
    pub(super) fn only_resource(&self, interface: &Interface) -> Option<(ObjectKind, TypeId)> {
        let mut declared =
            interface.types.iter().filter(|(_, id)| matches!(self.resolve.types[**id].kind, TypeDefKind::Resource));
        match (declared.next(), declared.next()) {
            (Some((name, id)), None) => kind_of(name).map(|kind| (kind, *id)),
            _ => None,
        }
    }

    pub(super) fn signature(
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
}

fn kind_of(resource: &str) -> Option<ObjectKind> {
    [ObjectKind::Utxo, ObjectKind::Token].into_iter().find(|kind| kind.resource_name() == resource)
}

pub(super) fn role(place: impl Into<String>, expected: &'static str) -> ShapeError {
    ShapeError::new(place, Difference::Role { expected })
}
