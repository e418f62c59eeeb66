//! What a contract offers: scripts, types of objects, and handlers of effects.

use super::error::{Difference, ShapeError};
use super::host::EFFECTS;
use super::reader::{ONE_RESOURCE, Reader, role};
use super::{Entry, Method, Object, ObjectKind, method_ids};
use crate::abi::{AbiType, Resource, Shape, Signature, declaration};
use std::collections::BTreeMap;
use wit_parser::{Function, FunctionKind, Handle, Interface, TypeDefKind, TypeId, WorldItem, WorldKey};

impl Reader<'_> {
    pub(super) fn export(&mut self, key: &WorldKey, item: &WorldItem) -> Result<(), ShapeError> {
        let name = self.resolve.name_world_key(key);
        let place = format!("the export `{name}`");
        match (key, item) {
            (WorldKey::Name(_), WorldItem::Function(function)) if function.kind == FunctionKind::Freestanding => {
                let signature = self.signature(function, 0, || place.clone())?;
                self.scripts.insert(name.clone(), Entry { core_name: name, signature });
                Ok(())
            }
            (WorldKey::Name(_), WorldItem::Interface { id, .. }) => {
                let object = self.object(&name, &self.resolve.interfaces[*id], &place)?;
                self.objects.insert(name, object);
                Ok(())
            }
            (WorldKey::Interface(id), WorldItem::Interface { .. }) if name.starts_with(EFFECTS) => {
                let handlers = self.handlers(&name, &self.resolve.interfaces[*id])?;
                self.handlers.insert(name, handlers);
                Ok(())
            }
            _ => Err(ShapeError::unknown(place)),
        }
    }

    /// The functions that answer what others ask by an interface of effects.
    fn handlers(&self, name: &str, interface: &Interface) -> Result<BTreeMap<String, Entry>, ShapeError> {
        let entry = |function: &Function| {
            let core_name = format!("{name}#{}", function.name);
            let place = || format!("the exported function `{core_name}`");
            if function.kind != FunctionKind::Freestanding {
                return Err(role(place(), "a function of no resource"));
            }
            let signature = self.signature(function, 0, place)?;
            Ok((function.name.clone(), Entry { core_name, signature }))
        };
        interface.functions.values().map(entry).collect()
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
                    if kind == ObjectKind::Token && MOVES.contains(&name) {
                        check_move(&signature, place)?;
                    }
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
}

/// The methods of a token that are called when it is bound to a UTXO, and when it is unbound.
const MOVES: [&str; 2] = ["attach", "detach"];

/// What is called when a token is bound or unbound gets the UTXO, and nothing else.
fn check_move(signature: &Signature, place: impl Fn() -> String) -> Result<(), ShapeError> {
    let takes_utxo = match signature.parameters() {
        [(_, ty)] => *ty.shape() == Shape::Borrow(Resource::Utxo(None)),
        _ => false,
    };
    if takes_utxo && signature.result().is_none() {
        return Ok(());
    }
    Err(role(place(), "a function that takes a borrowed UTXO of any type, and gives nothing"))
}

/// The record that both functions of an object agree on.
fn storage(get: &Entry, set: &Entry) -> Option<AbiType> {
    let given = get.signature.result()?;
    let [(_, taken)] = set.signature.parameters() else { return None };
    (given == taken && !given.has_handles()).then(|| given.clone())
}
