//! What a contract's WIT says: what can be called by which name, and the types of everything that is shown.

use super::Signature;
use crate::interface::{self, FunctionError, GET_STORAGE, Interface, TYPE_DEPTH_MAX, is_storage};
use ledger_core::RootCall;
use registry_core::id::{ComponentHash, UtxoId};
use registry_core::limits::Limits;
use registry_core::starstream::Contract;
use registry_core::wit::{SourceFile, Wit, WitError};
use std::collections::HashMap;
use wasm_wave::value::Type;
use wit_parser::{
    Function, FunctionKind, Handle, Param, Resolve, Type as WitType, TypeDefKind, TypeId, WorldId, WorldItem,
};

/// A contract's WIT, parsed.
pub struct ContractText {
    wit: Wit,
    world: WorldId,
    interface: Interface,
}

/// What a name means as the one call of a transaction.
#[derive(Debug, Clone)]
pub struct Callee {
    /// The call.
    pub call: RootCall,
    /// What people type: `create`, `counter::start`, `bump`.
    pub name: String,
    /// What it takes and gives, without what the ledger itself provides: a context, and the UTXO of a method.
    pub signature: Signature,
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
    /// by its name, a main function of a UTXO type as `type::main`. A contract that is itself the type of its UTXOs has
    /// the empty type's name: with `::function` the function is called in a fresh instance, which becomes a UTXO.
    ///
    /// # Errors
    /// If nothing that can be called is meant.
    pub fn callee(&self, contract: ComponentHash, name: &str) -> Result<Callee, CalleeError> {
        match name.split_once("::") {
            Some(("", function)) if self.is_type() => {
                let (function, declaration) = self.function(function)?;
                let call = RootCall::Main { contract, type_name: String::new(), main: function };
                self.described(call, name.to_owned(), &declaration.params, declaration)
            }
            Some((type_name, main)) => {
                let of_type = |function: &Function| self.is_main(function);
                let declaration = self.member(type_name, main, of_type).ok_or_else(|| self.unknown(name))?;
                let call = RootCall::Main { contract, type_name: type_name.to_owned(), main: main.to_owned() };
                self.described(call, name.to_owned(), self.without_context(&declaration.params), declaration)
            }
            None if self.is_coroutine() => {
                let declaration =
                    self.scripts().find(|script| script.name == name).ok_or_else(|| self.unknown(name))?;
                let call = RootCall::Function { contract, function: name.to_owned() };
                self.described(call, name.to_owned(), &declaration.params, declaration)
            }
            None => {
                let (function, declaration) = self.function(name)?;
                let call = RootCall::Function { contract, function: function.clone() };
                self.described(call, function, &declaration.params, declaration)
            }
        }
    }

    /// What `name` means as a method of `utxo`, which is of the type `type_name` of this contract.
    ///
    /// # Errors
    /// If the type has no such method.
    pub fn method(&self, utxo: UtxoId, type_name: &str, name: &str) -> Result<Callee, CalleeError> {
        if type_name.is_empty() {
            let (method, declaration) = self.function(name)?;
            let call = RootCall::Method { utxo, method: method.clone() };
            return self.described(call, method, &declaration.params, declaration);
        }
        let declaration =
            self.member(type_name, name, is_method).ok_or_else(|| self.unknown_method(type_name, name))?;
        let call = RootCall::Method { utxo, method: name.to_owned() };
        // The first parameter is the UTXO itself.
        let parameters = declaration.params.get(1..).unwrap_or_default();
        self.described(call, name.to_owned(), parameters, declaration)
    }

    /// The names of all scripts, plain functions and main functions that a transaction can call. A contract that is itself
    /// the type of its UTXOs has each function of its own twice: as one whose state is dropped, and as a main.
    pub fn callees(&self) -> Vec<String> {
        let mains = self.type_names().flat_map(|name| {
            let mains = self.members(name).filter(|function| self.is_main(function));
            mains.map(move |main| format!("{name}::{}", item_name(main)))
        });
        let scripts = || self.scripts().filter(|script| !is_storage(script)).map(|script| script.name.clone());
        let functions = self.interface.functions().iter();
        let functions = functions.filter(|function| function.obstacle.is_none() && !is_storage(&function.declaration));
        match self.is_coroutine() {
            true => scripts().chain(mains).collect(),
            false if self.is_type() => {
                functions.map(ToString::to_string).chain(scripts().map(|name| format!("::{name}"))).collect()
            }
            false => functions.map(ToString::to_string).collect(),
        }
    }

    /// The types of UTXOs that a contract of Starstream's declares.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        let is_coroutine = self.is_coroutine();
        self.exports().filter_map(|(name, _)| name).filter(move |_| is_coroutine)
    }

    /// The names of the methods of a type of UTXOs.
    pub fn methods(&self, type_name: &str) -> Vec<String> {
        self.members(type_name).filter(|function| is_method(function)).map(item_name).collect()
    }

    /// The type of the record that a UTXO of the type `type_name` keeps; none if the contract has no such type.
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
        Types { resolve: self.wit.resolve(), is_coroutine: self.is_coroutine(), known: HashMap::new() }
    }

    fn signature_of(&self, parameters: &[Param], result: Option<&WitType>) -> Result<Signature, TypeError> {
        let mut types = self.types();
        let named = parameters.iter().map(|parameter| Ok((parameter.name.clone(), types.of(&parameter.ty, 1)?)));
        let parameters = named.collect::<Result<_, TypeError>>()?;
        let result = result.map(|ty| types.of(ty, 1)).transpose()?;
        Ok(Signature { parameters, result, has_handles: types.is_coroutine })
    }

    fn described(
        &self,
        call: RootCall,
        name: String,
        parameters: &[Param],
        declaration: &Function,
    ) -> Result<Callee, CalleeError> {
        match self.signature_of(parameters, declaration.result.as_ref()) {
            Ok(signature) => Ok(Callee { call, name, signature }),
            Err(error) => Err(CalleeError::Type { name, error }),
        }
    }

    /// The full name and the declaration of a plain function.
    fn function(&self, name: &str) -> Result<(String, &Function), FunctionError> {
        let index = self.interface.find(name)?;
        let function = self.interface.functions().get(index).filter(|function| !is_storage(&function.declaration));
        function.map(|function| (function.to_string(), &function.declaration)).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> FunctionError {
        let of_type = self.type_names().find(|type_name| self.member(type_name, name, is_method).is_some());
        if let Some(type_name) = of_type {
            return FunctionError::OfUtxo { name: name.to_owned(), type_name: type_name.to_owned() };
        }
        FunctionError::Unknown { name: name.to_owned(), available: self.callees() }
    }

    fn unknown_method(&self, type_name: &str, name: &str) -> FunctionError {
        let main = format!("{type_name}::{name}");
        let mut callees = self.callees().into_iter();
        match callees.find(|callee| callee == name || *callee == main) {
            Some(name) => FunctionError::OfContract { name },
            None => FunctionError::UnknownMethod {
                type_name: type_name.to_owned(),
                name: name.to_owned(),
                available: self.methods(type_name),
            },
        }
    }

    /// What the world exports: each item with the name of the interface that it is, if it is one.
    fn exports(&self) -> impl Iterator<Item = (Option<&str>, &WorldItem)> {
        let exports = self.wit.resolve().worlds[self.world].exports.iter();
        exports.map(|(key, item)| match (key, item) {
            (wit_parser::WorldKey::Name(name), WorldItem::Interface { .. }) => (Some(name.as_str()), item),
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

    /// The functions of an exported interface without a package, which is how Starstream declares the types of UTXOs.
    fn members(&self, type_name: &str) -> impl Iterator<Item = &Function> {
        let exports = self.exports().filter(move |(name, _)| *name == Some(type_name));
        exports.flat_map(|(_, item)| match item {
            WorldItem::Interface { id, .. } => {
                self.wit.resolve().interfaces[*id].functions.values().collect::<Vec<_>>()
            }
            WorldItem::Function(_) | WorldItem::Type { .. } => Vec::new(),
        })
    }

    fn member(&self, type_name: &str, name: &str, is_wanted: impl Fn(&Function) -> bool) -> Option<&Function> {
        self.members(type_name).find(|function| is_wanted(function) && function.item_name() == name)
    }

    /// Whether the contract is itself the type of its UTXOs.
    pub fn is_type(&self) -> bool {
        self.scripts().any(|function| function.name == GET_STORAGE)
    }

    /// A static function that takes a context.
    fn is_main(&self, function: &Function) -> bool {
        matches!(function.kind, FunctionKind::Static(_))
            && self.without_context(&function.params).len() < function.params.len()
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

fn is_method(function: &Function) -> bool {
    matches!(function.kind, FunctionKind::Method(_))
}

fn item_name(function: &Function) -> String {
    function.item_name().to_owned()
}

/// Makes `wasm-wave`'s types; each named type once, so that types that share parts do not grow beyond measure.
struct Types<'a> {
    resolve: &'a Resolve,
    is_coroutine: bool,
    known: HashMap<TypeId, Type>,
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
                if self.is_coroutine && interface::is_utxo(resolve, *resource) =>
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
}
