//! What a contract's WIT says: what can be called by which name, and the types of everything that is shown.

use super::{Handled, Handles, ObjectType, Signature};
use crate::admission::coroutine::ObjectKind;
use crate::interface::{self, FunctionError, GET_STORAGE, Interface, TYPE_DEPTH_MAX, is_storage};
use ledger_core::{RootCall, RootStep, StepCall, TokenRef, UtxoRef};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits;
use registry_core::starstream::Contract;
use registry_core::wit::{SourceFile, Wit, WitError};
use std::collections::{HashMap, HashSet};
use wasm_wave::value::Type;
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Param, Resolve, Type as WitType, TypeDefKind, TypeId, TypeOwner,
    WorldId, WorldItem, WorldKey,
};

/// A contract's WIT, parsed.
pub struct ContractText {
    wit: Wit,
    world: WorldId,
    interface: Interface,
}

/// What a name means as a call of a transaction.
#[derive(Debug, Clone)]
pub struct Callee {
    /// The call.
    pub call: StepCall,
    /// What people type: `create`, `counter::start`, `bump`.
    pub name: String,
    /// What it takes and gives, without what the ledger itself provides: a context, and the object of a method.
    pub signature: Signature,
    /// What it gives, if that is an object.
    pub gives: Option<GivenObject>,
}

/// The UTXO or the token that a function gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The name of its type, if it is one that the contract declares.
    pub type_name: Option<String>,
}

/// A name that means nothing that a transaction can call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalleeError {
    /// There is no such function, or it cannot be called.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// Values of one of its types cannot be written.
    #[error("`{name}` cannot be called with text: {error}")]
    Type {
        /// The function.
        name: String,
        /// Why.
        error: TypeError,
    },
}

/// Why a text is not that of a contract.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It is not WIT that parses on its own.
    #[error("the contract's WIT cannot be parsed")]
    Wit(#[from] Box<WitError>),
    /// The world is not in it.
    #[error("the contract's WIT has no world `{0}`")]
    NoWorld(String),
}

/// Why values of a type can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The kind of type has no text.
    #[error("a {0} has no text")]
    Unsupported(&'static str),
    /// The type has no parts, which components don't allow.
    #[error("a {0} without parts is not a type of a component")]
    Empty(&'static str),
    /// Types contain each other too deeply.
    #[error("the types are nested deeper than {TYPE_DEPTH_MAX}")]
    TooDeep,
}

impl ContractText {
    /// Parses the flat text of a contract whose world is called `world`, as in `root:component/root`.
    ///
    /// # Errors
    /// If it is not such a text.
    pub fn parse(text: &str, world: &str) -> Result<Self, TextError> {
        let limits = Limits { wit_size_bytes_max: Limits::default().closure_size_bytes_max, ..Limits::default() };
        let wit = Wit::parse(&[SourceFile::new("contract.wit", text)], &[], &limits).map_err(Box::new)?;
        let name = world.strip_prefix(&format!("{}/", wit.name()));
        let found = name.and_then(|name| wit.resolve().packages[wit.main()].worlds.get(name).copied());
        let world = found.ok_or_else(|| TextError::NoWorld(world.to_owned()))?;
        let interface = Interface::of(wit.resolve(), world);
        Ok(Self { wit, world, interface })
    }

    /// The functions of the contract.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Whether it is one of Starstream's: its UTXOs are coroutines.
    pub fn is_coroutine(&self) -> bool {
        interface::is_coroutine(self.wit.resolve(), self.world)
    }

    /// What it is in Starstream's terms, if it is one of Starstream's.
    pub fn starstream(&self) -> Option<Contract> {
        Contract::of(self.wit.resolve(), self.world)
    }

    /// What a function takes and gives.
    ///
    /// # Errors
    /// If values of one of its types can't be written.
    pub fn signature(&self, function: &Function) -> Result<Signature, TypeError> {
        self.signature_of(&function.params, function.result.as_ref())
    }

    /// What `name` means as a call of this contract, whose hash is `contract`: a coordination script or a plain function
    /// by its name, a main function of a UTXO type as `type::main`, a function that mints a token as `type::mint`. A contract that is itself the type of its UTXOs has
    /// the empty type's name: with `::function` the function is called in a fresh instance, which becomes a UTXO.
    ///
    /// # Errors
    /// If nothing that can be called is meant.
    pub fn callee(&self, contract: ComponentHash, name: &str) -> Result<Callee, CalleeError> {
        match name.split_once("::") {
            Some(("", function)) if self.is_type() => {
                let (function, declaration) = self.function(function)?;
                let call = StepCall::Main { contract, type_name: String::new(), main: function };
                self.described(call, name.to_owned(), &declaration.params, declaration)
            }
            Some((type_name, function)) => self.creator(contract, type_name, function, name),
            None if self.is_coroutine() => {
                let declaration =
                    self.scripts().find(|script| script.name == name).ok_or_else(|| self.unknown(name))?;
                let call = StepCall::Function { contract, function: name.to_owned() };
                self.described(call, name.to_owned(), &declaration.params, declaration)
            }
            None => {
                let (function, declaration) = self.function(name)?;
                let call = StepCall::Function { contract, function: function.clone() };
                self.described(call, function, &declaration.params, declaration)
            }
        }
    }

    /// A main function of a type of UTXOs, or a function that mints a token.
    fn creator(
        &self,
        contract: ComponentHash,
        type_name: &str,
        function: &str,
        name: &str,
    ) -> Result<Callee, CalleeError> {
        let type_of_call = type_name.to_owned();
        let kind = self.kind_of(type_name).ok_or_else(|| self.unknown(name))?;
        let declaration = self.member(type_name, function, |function| self.creates(kind, function));
        let declaration = declaration.ok_or_else(|| self.unknown(name))?;
        let call = match kind {
            ObjectKind::Utxo => StepCall::Main { contract, type_name: type_of_call, main: function.to_owned() },
            ObjectKind::Token => StepCall::Mint { contract, type_name: type_of_call, function: function.to_owned() },
        };
        let mut callee =
            self.described(call, name.to_owned(), self.without_context(&declaration.params), declaration)?;
        callee.gives = Some(GivenObject { kind, type_name: Some(type_name.to_owned()) });
        Ok(callee)
    }

    /// What `name` means as a method of `utxo`, which is of the type `type_name` of this contract.
    ///
    /// # Errors
    /// If the type has no such method.
    pub fn method(&self, utxo: UtxoRef, type_name: &str, name: &str) -> Result<Callee, CalleeError> {
        if type_name.is_empty() {
            let (method, declaration) = self.function(name)?;
            let call = StepCall::Method { utxo, method: method.clone() };
            return self.described(call, method, &declaration.params, declaration);
        }
        let unknown = || self.unknown_member(ObjectKind::Utxo, type_name, name);
        let declaration = self.member(type_name, name, is_method).ok_or_else(unknown)?;
        let call = StepCall::Method { utxo, method: name.to_owned() };
        self.described(call, name.to_owned(), without_self(declaration), declaration)
    }

    /// What `name` means as a function of `token`, which is of the type `type_name` of this contract: one of its methods,
    /// or a function that burns it.
    ///
    /// # Errors
    /// If the type has no such function.
    pub fn token_function(&self, token: TokenRef, type_name: &str, name: &str) -> Result<Callee, CalleeError> {
        let is_of_token = |function: &Function| is_method(function) || is_burn(function);
        let unknown = || self.unknown_member(ObjectKind::Token, type_name, name);
        let declaration = self.member(type_name, name, is_of_token).ok_or_else(unknown)?;
        let call = match is_method(declaration) {
            true => StepCall::TokenMethod { token, method: name.to_owned() },
            false => StepCall::Burn { token, function: name.to_owned() },
        };
        self.described(call, name.to_owned(), without_self(declaration), declaration)
    }

    /// What a function of an exported type takes and gives: a main function, without its context, or a function that mints
    /// or burns a token.
    ///
    /// # Errors
    /// If the type has no such function, or values of one of its types can't be written.
    pub fn object_function(&self, type_name: &str, function: &str) -> Result<Signature, CalleeError> {
        let is_static = |function: &Function| matches!(function.kind, FunctionKind::Static(_));
        let name = format!("{type_name}::{function}");
        let declaration = self.member(type_name, function, is_static).ok_or_else(|| self.unknown(&name))?;
        let signature = self.signature_of(self.without_context(&declaration.params), declaration.result.as_ref());
        signature.map_err(|error| CalleeError::Type { name, error })
    }

    /// What a method of an exported type of UTXOs or tokens takes and gives, without the object itself.
    ///
    /// # Errors
    /// As [`ContractText::object_function`].
    pub fn object_method(&self, type_name: &str, method: &str) -> Result<Signature, CalleeError> {
        let kind = self.kind_of(type_name).unwrap_or(ObjectKind::Utxo);
        let unknown = || self.unknown_member(kind, type_name, method);
        let declaration = self.member(type_name, method, is_method).ok_or_else(unknown)?;
        let signature = self.signature_of(without_self(declaration), declaration.result.as_ref());
        signature.map_err(|error| CalleeError::Type { name: method.to_owned(), error })
    }

    /// What a call that a transaction made takes and gives, whatever it was of: `function` is its name in the contract's
    /// WIT, and `type_name` the type of the UTXO or the token; none in a script and in a plain function. None if the WIT
    /// does not have it.
    ///
    /// # Errors
    /// If values of one of its types can't be written.
    pub fn called(&self, type_name: Option<&str>, function: &str) -> Result<Option<Signature>, TypeError> {
        let found = match type_name {
            Some("") | None => {
                let mut functions = self.interface.functions().iter();
                functions.find(|known| known.to_string() == function).map(|known| &known.declaration)
            }
            Some(type_name) => self.member(type_name, function, |_| true),
        };
        let signature = found.map(|declaration| {
            let parameters = match is_method(declaration) {
                true => without_self(declaration),
                false => self.without_context(&declaration.params),
            };
            self.signature_of(parameters, declaration.result.as_ref())
        });
        signature.transpose()
    }

    /// Whether a function of an exported type makes an object of it: a main function, or one that mints a token.
    pub fn is_creator(&self, type_name: &str, function: &str) -> bool {
        let kind = self.kind_of(type_name);
        kind.is_some_and(|kind| self.member(type_name, function, |function| self.creates(kind, function)).is_some())
    }

    /// The names of all scripts, plain functions, main functions and functions that mint, which a transaction can call. A contract that is itself
    /// the type of its UTXOs has each function of its own twice: as one whose state is dropped, and as a main.
    pub fn callees(&self) -> Vec<String> {
        let creators = self.types_of_objects().flat_map(|(name, kind)| {
            let creators = self.members(name).filter(move |function| self.creates(kind, function));
            creators.map(move |creator| format!("{name}::{}", item_name(creator)))
        });
        let scripts = || self.scripts().filter(|script| !is_storage(script)).map(|script| script.name.clone());
        let functions = self.interface.functions().iter();
        let functions = functions.filter(|function| function.obstacle.is_none() && !is_storage(&function.declaration));
        match self.is_coroutine() {
            true => scripts().chain(creators).collect(),
            false if self.is_type() => {
                functions.map(ToString::to_string).chain(scripts().map(|name| format!("::{name}"))).collect()
            }
            false => functions.map(ToString::to_string).collect(),
        }
    }

    /// The types of UTXOs that a contract of Starstream's declares.
    pub fn utxo_types(&self) -> impl Iterator<Item = &str> {
        self.types_of_objects().filter(|(_, kind)| *kind == ObjectKind::Utxo).map(|(name, _)| name)
    }

    /// The types of tokens that it declares.
    pub fn token_types(&self) -> impl Iterator<Item = &str> {
        self.types_of_objects().filter(|(_, kind)| *kind == ObjectKind::Token).map(|(name, _)| name)
    }

    fn types_of_objects(&self) -> impl Iterator<Item = (&str, ObjectKind)> {
        let is_coroutine = self.is_coroutine();
        let names = self.exports().filter_map(|(name, _)| name).filter(move |_| is_coroutine);
        names.filter_map(|name| Some((name, self.kind_of(name)?)))
    }

    /// What an exported interface without a package declares the type of.
    fn kind_of(&self, type_name: &str) -> Option<ObjectKind> {
        let resolve = self.wit.resolve();
        let types = resolve.interfaces.get(self.exported(type_name)?)?.types.iter();
        let mut resources = types.filter(|(_, ty)| matches!(resolve.types[**ty].kind, TypeDefKind::Resource));
        resources.find_map(|(_, resource)| interface::object_kind(resolve, *resource))
    }

    /// The names of the methods of a type of UTXOs, or of the functions of a type of tokens, those that burn one among
    /// them.
    pub fn methods(&self, type_name: &str) -> Vec<String> {
        let is_token = self.kind_of(type_name) == Some(ObjectKind::Token);
        let members = self.members(type_name);
        members.filter(|function| is_method(function) || is_token && is_burn(function)).map(item_name).collect()
    }

    /// The effects that scripts of the contract can handle: each by its interface and its name.
    pub fn handled(&self) -> Vec<String> {
        let is_handler =
            |interface: &Option<String>| interface.as_ref().is_some_and(|name| name.starts_with(EFFECTS_PACKAGE));
        let functions = self.interface.functions().iter();
        functions.filter(|function| is_handler(&function.interface)).map(ToString::to_string).collect()
    }

    /// The type of the record that a UTXO or a token of the type `type_name` keeps; none if the contract has no such type.
    ///
    /// # Errors
    /// If values of it can't be written.
    pub fn storage(&self, type_name: &str) -> Result<Option<Type>, TypeError> {
        let is_wanted = |function: &&Function| function.name == GET_STORAGE;
        let get_storage = match type_name {
            "" => self.scripts().find(is_wanted),
            _ => self.members(type_name).find(is_wanted),
        };
        let result = get_storage.and_then(|function| function.result.as_ref());
        result.map(|ty| self.types().of(ty, 1)).transpose()
    }

    /// The parameters of an event; none if the contract's WIT does not have it.
    ///
    /// # Errors
    /// If values of one of them can't be written.
    pub fn event(&self, interface: &str, name: &str) -> Result<Option<Signature>, TypeError> {
        let resolve = self.wit.resolve();
        let mut interfaces = resolve.interfaces.iter();
        let found = interfaces.find(|(id, _)| resolve.id_of(*id).is_some_and(|full_name| full_name == interface));
        let event = found.and_then(|(_, found)| found.functions.get(name));
        event.map(|event| self.signature(event)).transpose()
    }

    fn types(&self) -> Types<'_> {
        Types {
            resolve: self.wit.resolve(),
            is_coroutine: self.is_coroutine(),
            exported: self.exports().filter_map(|(name, item)| exported_interface(name?, item)).collect(),
            known: HashMap::new(),
            with_handles: HashSet::new(),
        }
    }

    fn signature_of(&self, parameters: &[Param], result: Option<&WitType>) -> Result<Signature, TypeError> {
        let mut types = self.types();
        let mut handles = Handles::default();
        let mut named = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            named.push((parameter.name.clone(), types.of(&parameter.ty, 1)?));
            handles.parameters.push(types.handles(&parameter.ty));
        }
        let result_type = result.map(|ty| types.of(ty, 1)).transpose()?;
        handles.result = result.map(|ty| types.handles(ty)).unwrap_or_default();
        Ok(Signature { parameters: named, result: result_type, handles: types.is_coroutine.then_some(handles) })
    }

    /// The object that a function gives.
    fn given(&self, result: Option<&WitType>) -> Option<GivenObject> {
        let resolve = self.wit.resolve();
        let Some(WitType::Id(id)) = result else { return None };
        let TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) =
            &resolve.types[interface::declared(resolve, *id)].kind
        else {
            return None;
        };
        let Handled { kind, object_type } = self.types().handled(*resource).filter(|_| self.is_coroutine())?;
        Some(GivenObject { kind, type_name: object_type.filter(|ty| ty.is_own).map(|ty| ty.name) })
    }

    fn described(
        &self,
        call: StepCall,
        name: String,
        parameters: &[Param],
        declaration: &Function,
    ) -> Result<Callee, CalleeError> {
        let gives = self.given(declaration.result.as_ref());
        match self.signature_of(parameters, declaration.result.as_ref()) {
            Ok(signature) => Ok(Callee { call, name, signature, gives }),
            Err(error) => Err(CalleeError::Type { name, error }),
        }
    }

    /// The full name and the declaration of a plain function.
    fn function(&self, name: &str) -> Result<(String, &Function), FunctionError> {
        let index = self.interface.find(name)?;
        let function = self.interface.functions().get(index).filter(|function| !is_storage(&function.declaration));
        function.map(|function| (function.to_string(), &function.declaration)).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, whole: &str) -> FunctionError {
        let name = whole.split_once("::").map_or(whole, |(_, function)| function);
        let is_member = |type_name: &str, kind: ObjectKind| {
            let of_kind = |function: &Function| is_method(function) || kind == ObjectKind::Token && is_burn(function);
            self.member(type_name, name, of_kind).is_some()
        };
        // `type::method` is understood too, to say what is meant.
        let of_type = match whole.split_once("::") {
            Some((type_name, _)) => {
                self.types_of_objects().find(|(known, kind)| *known == type_name && is_member(known, *kind))
            }
            None => self.types_of_objects().find(|(name, kind)| is_member(name, *kind)),
        };
        let name = whole.to_owned();
        match of_type {
            Some((type_name, ObjectKind::Utxo)) => FunctionError::OfUtxo { name, type_name: type_name.to_owned() },
            Some((type_name, ObjectKind::Token)) => FunctionError::OfToken { name, type_name: type_name.to_owned() },
            None => FunctionError::Unknown { name, available: self.callees() },
        }
    }

    fn unknown_member(&self, kind: ObjectKind, type_name: &str, name: &str) -> FunctionError {
        let creator = format!("{type_name}::{name}");
        let mut callees = self.callees().into_iter();
        if let Some(name) = callees.find(|callee| callee == name || *callee == creator) {
            return FunctionError::OfContract { name, kind };
        }
        let (available, type_name, name) = (self.methods(type_name), type_name.to_owned(), name.to_owned());
        match kind {
            ObjectKind::Utxo => FunctionError::UnknownMethod { type_name, name, available },
            ObjectKind::Token => FunctionError::UnknownOfToken { type_name, name, available },
        }
    }

    /// What the world exports: each item with the name of the interface that it is, if it is one.
    fn exports(&self) -> impl Iterator<Item = (Option<&str>, &WorldItem)> {
        let exports = self.wit.resolve().worlds[self.world].exports.iter();
        exports.map(|(key, item)| match (key, item) {
            (WorldKey::Name(name), WorldItem::Interface { .. }) => (Some(name.as_str()), item),
            _ => (None, item),
        })
    }

    /// The functions at the root of the world.
    fn scripts(&self) -> impl Iterator<Item = &Function> {
        self.exports().filter_map(|(_, item)| match item {
            WorldItem::Function(function) => Some(function),
            WorldItem::Interface { .. } | WorldItem::Type { .. } => None,
        })
    }

    /// An exported interface without a package, which is how Starstream declares the types of UTXOs and tokens.
    fn exported(&self, type_name: &str) -> Option<InterfaceId> {
        self.exports().find_map(|(name, item)| match item {
            WorldItem::Interface { id, .. } if name == Some(type_name) => Some(*id),
            _ => None,
        })
    }

    /// The functions of such an interface.
    fn members(&self, type_name: &str) -> impl Iterator<Item = &Function> {
        let declared = self.exported(type_name).map(|id| self.wit.resolve().interfaces[id].functions.values());
        declared.into_iter().flatten()
    }

    fn member(&self, type_name: &str, name: &str, is_wanted: impl Fn(&Function) -> bool) -> Option<&Function> {
        self.members(type_name).find(|function| is_wanted(function) && function.item_name() == name)
    }

    /// Whether the contract is itself the type of its UTXOs.
    pub fn is_type(&self) -> bool {
        self.scripts().any(|function| function.name == GET_STORAGE)
    }

    /// Whether a function of a type makes one of it: a static function that takes a context makes a UTXO, and a static
    /// function with a result mints a token.
    fn creates(&self, kind: ObjectKind, function: &Function) -> bool {
        let is_static = matches!(function.kind, FunctionKind::Static(_));
        is_static
            && match kind {
                ObjectKind::Utxo => self.without_context(&function.params).len() < function.params.len(),
                ObjectKind::Token => function.result.is_some(),
            }
    }

    fn without_context<'p>(&self, parameters: &'p [Param]) -> &'p [Param] {
        match parameters {
            [first, rest @ ..] if self.is_context(&first.ty) => rest,
            all => all,
        }
    }

    fn is_context(&self, ty: &WitType) -> bool {
        let resolve = self.wit.resolve();
        let WitType::Id(id) = ty else { return false };
        matches!(&resolve.types[*id].kind, TypeDefKind::Handle(Handle::Own(resource))
            if interface::resource_name(resolve, *resource) == Some(CONTEXT))
    }
}

/// The resource by which a UTXO of Starstream knows of its own life.
const CONTEXT: &str = "utxo-context";

/// The package under which a contract imports its own types.
const SELF_PACKAGE: &str = "starstream:self/";
/// The packages under which it imports types of other contracts.
const UTXO_PACKAGE: &str = "starstream:utxo/";
const TOKEN_PACKAGE: &str = "starstream:token/";
/// The package of the interfaces of effects.
const EFFECTS_PACKAGE: &str = "starstream:effects/";

impl Callee {
    /// The burning of a token without its code.
    pub fn discard(token: TokenRef) -> Self {
        let signature = Signature { parameters: Vec::new(), result: None, handles: Some(Handles::default()) };
        Self { call: StepCall::Discard { token }, name: "discard".to_owned(), signature, gives: None }
    }

    /// The whole call of a transaction that makes only this one, with its arguments. A single call of a token is a
    /// transaction of one step.
    pub fn alone(&self, arguments: Vec<u8>) -> (RootCall, Vec<u8>) {
        let call = match self.call.clone() {
            StepCall::Function { contract, function } => RootCall::Function { contract, function },
            StepCall::Main { contract, type_name, main } => RootCall::Main { contract, type_name, main },
            StepCall::Method { utxo: UtxoRef::Kept(utxo), method } => RootCall::Method { utxo, method },
            call => return (RootCall::Calls(vec![RootStep { call, arguments }]), Vec::new()),
        };
        (call, arguments)
    }
}

fn exported_interface<'a>(name: &'a str, item: &WorldItem) -> Option<(InterfaceId, &'a str)> {
    match item {
        WorldItem::Interface { id, .. } => Some((*id, name)),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    }
}

fn is_method(function: &Function) -> bool {
    matches!(function.kind, FunctionKind::Method(_))
}

/// A static function of a token's type without a result burns a token.
fn is_burn(function: &Function) -> bool {
    matches!(function.kind, FunctionKind::Static(_)) && function.result.is_none()
}

/// The parameters of a method without the object itself, which is the first; all parameters of what is no method.
fn without_self(function: &Function) -> &[Param] {
    match is_method(function) {
        true => function.params.get(1..).unwrap_or_default(),
        false => &function.params,
    }
}

fn item_name(function: &Function) -> String {
    function.item_name().to_owned()
}

/// Makes `wasm-wave`'s types; each named type once, so that types that share parts do not grow beyond measure.
struct Types<'a> {
    resolve: &'a Resolve,
    is_coroutine: bool,
    /// The names of the exported interfaces without a package, which declare the contract's own types.
    exported: HashMap<InterfaceId, &'a str>,
    known: HashMap<TypeId, Type>,
    /// The types among the known ones in which there is a handle.
    with_handles: HashSet<TypeId>,
}

impl Types<'_> {
    fn of(&mut self, ty: &WitType, depth: usize) -> Result<Type, TypeError> {
        Ok(match ty {
            WitType::Bool => Type::BOOL,
            WitType::U8 => Type::U8,
            WitType::U16 => Type::U16,
            WitType::U32 => Type::U32,
            WitType::U64 => Type::U64,
            WitType::S8 => Type::S8,
            WitType::S16 => Type::S16,
            WitType::S32 => Type::S32,
            WitType::S64 => Type::S64,
            WitType::F32 => Type::F32,
            WitType::F64 => Type::F64,
            WitType::Char => Type::CHAR,
            // There a string is a handle, so that nothing else can be one.
            WitType::String if self.is_coroutine => return Err(TypeError::Unsupported("string")),
            WitType::String => Type::STRING,
            WitType::ErrorContext => return Err(TypeError::Unsupported("error-context")),
            WitType::Id(id) => {
                if let Some(known) = self.known.get(id) {
                    return Ok(known.clone());
                }
                let made = self.of_definition(*id, depth)?;
                let kind = &self.resolve.types[*id].kind;
                let has_handle = |part: &WitType| matches!(part, WitType::Id(id) if self.has_handle(*id));
                if matches!(kind, TypeDefKind::Handle(_)) || parts(kind).into_iter().any(has_handle) {
                    self.with_handles.insert(*id);
                }
                self.known.insert(*id, made.clone());
                made
            }
        })
    }

    fn of_definition(&mut self, id: TypeId, depth: usize) -> Result<Type, TypeError> {
        if depth > TYPE_DEPTH_MAX {
            return Err(TypeError::TooDeep);
        }
        let inside = depth + 1;
        let resolve = self.resolve;
        let kind = &resolve.types[id].kind;
        let made = match kind {
            TypeDefKind::Type(ty) => Some(self.of(ty, inside)?),
            TypeDefKind::List(ty) => Some(Type::list(self.of(ty, inside)?)),
            TypeDefKind::Option(ty) => Some(Type::option(self.of(ty, inside)?)),
            TypeDefKind::Result(result) => {
                let ok = result.ok.as_ref().map(|ty| self.of(ty, inside)).transpose()?;
                let err = result.err.as_ref().map(|ty| self.of(ty, inside)).transpose()?;
                Some(Type::result(ok, err))
            }
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|field| Ok((field.name.as_str(), self.of(&field.ty, inside)?)));
                Type::record(fields.collect::<Result<Vec<_>, TypeError>>()?)
            }
            TypeDefKind::Tuple(tuple) => {
                let types = tuple.types.iter().map(|ty| self.of(ty, inside));
                Type::tuple(types.collect::<Result<Vec<_>, _>>()?)
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant
                    .cases
                    .iter()
                    .map(|case| Ok((case.name.as_str(), case.ty.as_ref().map(|ty| self.of(ty, inside)).transpose()?)));
                Type::variant(cases.collect::<Result<Vec<_>, TypeError>>()?)
            }
            TypeDefKind::Enum(cases) => Type::enum_ty(cases.cases.iter().map(|case| case.name.as_str())),
            TypeDefKind::Flags(flags) => Type::flags(flags.flags.iter().map(|flag| flag.name.as_str())),
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource))
                if self.is_coroutine && interface::object_kind(resolve, *resource).is_some() =>
            {
                Some(Type::STRING)
            }
            TypeDefKind::Resource
            | TypeDefKind::Handle(_)
            | TypeDefKind::Map(..)
            | TypeDefKind::FixedLengthList(..)
            | TypeDefKind::Future(_)
            | TypeDefKind::Stream(_)
            | TypeDefKind::Unknown => return Err(TypeError::Unsupported(kind.as_str())),
        };
        made.ok_or_else(|| TypeError::Empty(kind.as_str()))
    }

    /// What the handles in a type are of, in the order in which the type is written; as many as are ever shown.
    fn handles(&self, ty: &WitType) -> Vec<Handled> {
        let mut found = Vec::new();
        if self.is_coroutine {
            self.add_handles(ty, &mut found);
        }
        found
    }

    /// Every handle adds to what is found, and types without any were looked at when their values' types were made, so
    /// this ends soon also for types that share parts.
    fn add_handles(&self, ty: &WitType, found: &mut Vec<Handled>) {
        let WitType::Id(id) = ty else { return };
        if found.len() >= HANDLES_SHOWN_MAX || !self.has_handle(*id) {
            return;
        }
        match &self.resolve.types[*id].kind {
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) => {
                found.extend(self.handled(*resource));
            }
            kind => parts(kind).into_iter().for_each(|part| self.add_handles(part, found)),
        }
    }

    /// What a handle of a resource is of; none if that is neither a UTXO nor a token.
    fn handled(&self, resource: TypeId) -> Option<Handled> {
        let resolve = self.resolve;
        let kind = interface::object_kind(resolve, resource)?;
        let object_type = match resolve.types[interface::declared(resolve, resource)].owner {
            TypeOwner::Interface(owner) => self.object_type(owner),
            TypeOwner::World(_) | TypeOwner::None => None,
        };
        Some(Handled { kind, object_type })
    }

    /// The type that an interface declares. Own types are exported under their names, and imported from a package of their
    /// own, as are those of other contracts.
    fn object_type(&self, interface: InterfaceId) -> Option<ObjectType> {
        if let Some(name) = self.exported.get(&interface) {
            return Some(ObjectType { name: (*name).to_owned(), is_own: true });
        }
        let full_name = self.resolve.id_of(interface)?;
        let packages = [(SELF_PACKAGE, true), (UTXO_PACKAGE, false), (TOKEN_PACKAGE, false)];
        packages.into_iter().find_map(|(package, is_own)| {
            let name = full_name.strip_prefix(package)?.to_owned();
            Some(ObjectType { name, is_own })
        })
    }

    fn has_handle(&self, id: TypeId) -> bool {
        self.with_handles.contains(&id)
    }
}

/// Handles of a type of which it is known what they are of. More are not shown, because types are cut where they become
/// long.
const HANDLES_SHOWN_MAX: usize = 64;

/// The types of which a type consists, in the order in which they are written.
fn parts(kind: &TypeDefKind) -> Vec<&WitType> {
    match kind {
        TypeDefKind::Type(ty) | TypeDefKind::List(ty) | TypeDefKind::Option(ty) => vec![ty],
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).collect(),
        TypeDefKind::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty.as_ref()).collect(),
        _ => Vec::new(),
    }
}
