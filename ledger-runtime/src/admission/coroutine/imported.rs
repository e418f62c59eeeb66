//! What a contract imports: the host's functions, events and effects, objects of its own, and other contracts.

use super::error::{Difference, ShapeError};
use super::host::{
    self, BUILTIN, CARDANO, CONTEXT, DYNAMIC_UTXO, EFFECTS, EVENTS, HANDLERS, SELF, TOKENS, tokens_function,
};
use super::reader::{ONE_RESOURCE, Reader, role};
use super::{HostFunction, ObjectKind};
use crate::abi::{AbiType, ObjectType, Resource, Resources, Shape, Signature};
use crate::admission::Executable;
use crate::admission::imports::{SCRIPTS, TOKEN_OF, UTXO_OF};
use ledger_core::ExternalId;
use wit_parser::{Function, FunctionKind, Handle, Interface, TypeDefKind, TypeId, WorldItem, WorldKey};

/// The type of objects for which an imported interface stands.
struct Origin {
    object: ObjectType,
    kind: ObjectKind,
    /// The interface's resource.
    resource: TypeId,
}

/// What the functions of such an interface may be.
const OBJECT_FUNCTION: &str = "a static function or a method of the object, `downcast` or `upcast`";

impl Reader<'_> {
    /// Notes what the resources of an import stand for, whether or not it fits otherwise.
    pub(super) fn resources(&mut self, key: &WorldKey, item: &WorldItem) {
        let (WorldKey::Interface(id), WorldItem::Interface { external_id, .. }) = (key, item) else { return };
        let (name, interface) = (self.resolve.name_world_key(key), &self.resolve.interfaces[*id]);
        let declared = match name.as_str() {
            BUILTIN | CONTEXT => host::resources(interface),
            _ => match self.origin(&name, external_id.as_deref(), interface) {
                Ok(origin) => Resources::from([(origin.resource, origin.any_or_this(Some(origin.object.clone())))]),
                Err(_) => return,
            },
        };
        for (id, resource) in declared {
            let resource_name = self.resolve.types[id].name.clone().unwrap_or_default();
            self.named_resources.insert((name.clone(), resource_name), resource.clone());
            self.resources.insert(id, resource);
        }
    }

    pub(super) fn import(&mut self, key: &WorldKey, item: &WorldItem) -> Result<(), ShapeError> {
        let resolve = self.resolve;
        let name = resolve.name_world_key(key);
        let place = format!("the import `{name}`");
        match (key, item) {
            (WorldKey::Interface(id), WorldItem::Interface { external_id, .. }) => {
                self.interface(&name, external_id.as_deref(), &resolve.interfaces[*id], &place)
            }
            // Names for types of other interfaces, and the types of the scripts.
            (WorldKey::Name(_), WorldItem::Type { id, .. })
                if !matches!(resolve.types[*id].kind, TypeDefKind::Resource) =>
            {
                Ok(())
            }
            _ => Err(ShapeError::unknown(place)),
        }
    }

    fn interface(
        &mut self,
        name: &str,
        external_id: Option<&str>,
        interface: &Interface,
        place: &str,
    ) -> Result<(), ShapeError> {
        if [BUILTIN, CONTEXT, CARDANO, TOKENS].contains(&name)
            && !self.host.offers(name, self.resolve, interface, &self.resources)
        {
            return Err(ShapeError::new(place, Difference::NotTheHosts));
        }
        let origin = match is_of_objects(name) {
            true => Some(self.origin(name, external_id, interface)?),
            false => None,
        };
        for function in interface.functions.values() {
            let place = || format!("the import `{name}` `{}`", function.name);
            let host = match &origin {
                Some(origin) => self.of_object(origin, function, place)?,
                None => self.function(name, function, place)?,
            };
            self.functions.insert((name.to_owned(), function.name.clone()), host);
        }
        if let Some(Origin { object, kind, .. }) = origin {
            self.imported.insert(name.to_owned(), (object, kind));
        }
        Ok(())
    }

    /// What a function of the interface `name` means, which is not one of objects.
    fn function(
        &self,
        name: &str,
        function: &Function,
        place: impl Fn() -> String + Copy,
    ) -> Result<HostFunction, ShapeError> {
        if let Some(host) = host::function(name, &function.name) {
            return Ok(host);
        }
        let is_free = function.kind == FunctionKind::Freestanding;
        let free = || if is_free { Ok(()) } else { Err(role(place(), "a function of no resource")) };
        let owned = |text: &str| text.to_owned();
        if name == TOKENS {
            let of_tokens = tokens_function(&function.name).ok_or_else(|| ShapeError::unknown(place()))?;
            return Ok(HostFunction::Tokens { function: of_tokens, signature: self.signature(function, 0, place)? });
        }
        if name == SCRIPTS {
            free()?;
            let contract = *self.contract_of(function.external_id.as_deref(), &place())?.hash();
            let (script, signature) = (function.name.clone(), self.signature(function, 0, place)?);
            return Ok(HostFunction::Script { contract, script, signature });
        }
        if name == DYNAMIC_UTXO {
            free()?;
            return self.dynamic_method(function, place);
        }
        if let Some(abi) = name.strip_prefix(HANDLERS) {
            free()?;
            return handler_function(abi, function)
                .ok_or_else(|| role(place(), "`install: func()` or `uninstall: func()`"));
        }
        let is_event = name.starts_with(EVENTS);
        if !is_event && !name.starts_with(EFFECTS) {
            return Err(ShapeError::unknown(format!("the import `{name}`")));
        }
        free()?;
        let signature = self.signature(function, 0, place)?;
        match (is_event, signature.result()) {
            (true, Some(_)) => Err(role(place(), "a function without a result")),
            (true, None) => Ok(HostFunction::Event { interface: owned(name), name: function.name.clone(), signature }),
            (false, _) => Ok(HostFunction::Effect { interface: owned(name), name: function.name.clone(), signature }),
        }
    }

    /// The type for which an interface of objects stands.
    fn origin(&self, name: &str, external_id: Option<&str>, interface: &Interface) -> Result<Origin, ShapeError> {
        let place = format!("the import `{name}`");
        let (kind, resource) = self.only_resource(interface).ok_or_else(|| role(&*place, ONE_RESOURCE))?;
        if let Some(own) = name.strip_prefix(SELF) {
            return Ok(Origin { object: ObjectType { contract: None, name: own.to_owned() }, kind, resource });
        }
        let of_utxos = name.strip_prefix(UTXO_OF).map(|name| (name, ObjectKind::Utxo));
        let of_objects = of_utxos.or_else(|| name.strip_prefix(TOKEN_OF).map(|name| (name, ObjectKind::Token)));
        let (other, demanded) = of_objects.ok_or_else(|| ShapeError::unknown(&*place))?;
        if kind != demanded {
            let expected = match demanded {
                ObjectKind::Utxo => "an interface with the resource `utxo`",
                ObjectKind::Token => "an interface with the resource `token`",
            };
            return Err(role(place, expected));
        }
        let contract = *self.contract_of(external_id, &place)?.hash();
        Ok(Origin { object: ObjectType { contract: Some(contract), name: other.to_owned() }, kind, resource })
    }

    /// The contract that an external id means.
    fn contract_of(&self, external_id: Option<&str>, place: &str) -> Result<&Executable, ShapeError> {
        let id: Option<ExternalId> = external_id.and_then(|text| text.parse().ok());
        let contract = id.and_then(|id| self.others.get(&id));
        let contract = contract.ok_or_else(|| ShapeError::new(place, Difference::NoContract))?;
        match contract.coroutine() {
            Some(_) => Ok(contract),
            None => Err(ShapeError::new(place, Difference::OtherForm { contract: *contract.hash() })),
        }
    }

    /// What a function of an interface of objects means.
    fn of_object(
        &self,
        origin: &Origin,
        function: &Function,
        place: impl Fn() -> String + Copy,
    ) -> Result<HostFunction, ShapeError> {
        let (object, name) = (origin.object.clone(), function.item_name().to_owned());
        let signature = |leading_handles| self.signature(function, leading_handles, place);
        match (&function.kind, origin.kind) {
            (FunctionKind::Static(of), ObjectKind::Utxo) if *of == origin.resource => {
                Ok(HostFunction::Main { object, main: name, signature: signature(0)? })
            }
            (FunctionKind::Static(of), ObjectKind::Token) if *of == origin.resource && function.result.is_some() => {
                Ok(HostFunction::Mint { object, function: name, signature: signature(0)? })
            }
            (FunctionKind::Static(of), ObjectKind::Token) if *of == origin.resource => {
                let burned = function.params.first().and_then(|parameter| self.owned(&parameter.ty));
                if burned != Some(origin.resource) {
                    return Err(role(place(), "a function that gives a token, or one that takes a token first"));
                }
                Ok(HostFunction::Burn { object, function: name, signature: signature(1)? })
            }
            (FunctionKind::Method(of), ObjectKind::Utxo) if *of == origin.resource => {
                Ok(HostFunction::Method { object, method: name, signature: signature(1)? })
            }
            (FunctionKind::Method(of), ObjectKind::Token) if *of == origin.resource => {
                Ok(HostFunction::TokenMethod { object, method: name, signature: signature(1)? })
            }
            (FunctionKind::Freestanding, _) if name == "downcast" => {
                let (from, to) = (origin.any_or_this(None), origin.any_or_this(Some(object)));
                let signature = signature(0)?;
                if !takes_one(&signature, &from) || !signature.result().is_some_and(|ty| is_option_of(ty, &to)) {
                    return Err(role(
                        place(),
                        "a function that takes one of any type, and gives an option of this type",
                    ));
                }
                Ok(HostFunction::Downcast { to, signature })
            }
            (FunctionKind::Freestanding, _) if name == "upcast" => {
                let (from, to) = (origin.any_or_this(Some(object)), origin.any_or_this(None));
                let signature = signature(0)?;
                if !takes_one(&signature, &from) || !signature.result().is_some_and(|ty| is_own(ty, &to)) {
                    return Err(role(place(), "a function that takes one of this type, and gives one of any type"));
                }
                Ok(HostFunction::Upcast { signature })
            }
            _ => Err(role(place(), OBJECT_FUNCTION)),
        }
    }

    /// A method of UTXOs of any type.
    fn dynamic_method(
        &self,
        function: &Function,
        place: impl Fn() -> String + Copy,
    ) -> Result<HostFunction, ShapeError> {
        let handle = function.params.first().and_then(|parameter| self.handle(&parameter.ty));
        let takes_utxo = match handle {
            Some(Handle::Borrow(resource)) => self.meaning(resource) == Some(&Resource::Utxo(None)),
            _ => false,
        };
        if !takes_utxo {
            return Err(role(place(), "a function that takes a borrowed UTXO of any type first"));
        }
        Ok(HostFunction::DynamicMethod {
            method: function.name.clone(),
            signature: self.signature(function, 1, place)?,
        })
    }
}

impl Origin {
    /// The resource of this kind of objects, of one type or of any.
    fn any_or_this(&self, object: Option<ObjectType>) -> Resource {
        match self.kind {
            ObjectKind::Utxo => Resource::Utxo(object),
            ObjectKind::Token => Resource::Token(object),
        }
    }
}

/// Whether an imported interface stands for a type of objects.
fn is_of_objects(name: &str) -> bool {
    [SELF, UTXO_OF, TOKEN_OF].iter().any(|prefix| name.starts_with(prefix))
}

/// The functions by which a script says that its contract handles effects.
fn handler_function(abi: &str, function: &Function) -> Option<HostFunction> {
    let interface = format!("{EFFECTS}{abi}");
    let is_bare = function.params.is_empty() && function.result.is_none();
    match function.name.as_str() {
        "install" if is_bare => Some(HostFunction::InstallHandler { interface }),
        "uninstall" if is_bare => Some(HostFunction::UninstallHandler { interface }),
        _ => None,
    }
}

/// Whether a function takes one handle of `resource`, own or lent, and nothing else.
fn takes_one(signature: &Signature, resource: &Resource) -> bool {
    match signature.parameters() {
        [(_, ty)] => matches!(ty.shape(), Shape::Own(of) | Shape::Borrow(of) if of == resource),
        _ => false,
    }
}

fn is_own(ty: &AbiType, resource: &Resource) -> bool {
    matches!(ty.shape(), Shape::Own(of) if of == resource)
}

fn is_option_of(ty: &AbiType, resource: &Resource) -> bool {
    let Shape::Variant(cases) = ty.shape() else { return false };
    match cases.as_slice() {
        [none, some] => {
            let is_option = (none.name.as_str(), some.name.as_str()) == ("none", "some") && none.payload.is_none();
            is_option && some.payload.as_ref().is_some_and(|ty| is_own(ty, resource))
        }
        _ => false,
    }
}
