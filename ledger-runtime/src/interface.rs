//! The functions that a contract offers, as its world declares them, and which of them can be called.

use crate::admission::coroutine::ObjectKind;
use registry_core::starstream;
use std::collections::HashMap;
use std::fmt;
use strsim::osa_distance;
use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, WorldId, WorldItem};

/// A contract's functions: those at the root of its world first, then those of its exported interfaces.
#[derive(Debug, Clone)]
pub struct Interface {
    functions: Vec<ContractFunction>,
    /// The index of each function by its full name.
    by_name: HashMap<String, usize>,
}

/// One function of a contract.
#[derive(Debug, Clone)]
pub struct ContractFunction {
    /// The interface that it belongs to, as in `demo:counting/counters@0.1.0`; none at the root of the world.
    pub interface: Option<String>,
    /// The function as WIT declares it.
    pub declaration: Function,
    /// Why it can't be called, if it can't.
    pub obstacle: Option<Obstacle>,
}

/// Why a function can't be called from outside its instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A parameter or the result is, or contains, a handle.
    #[error("{place} holds a handle of the resource `{resource}`, and handles exist only inside one instance")]
    Handle {
        /// Which parameter, or the result.
        place: String,
        /// The resource's name.
        resource: String,
    },
    /// The function, a parameter or the result is asynchronous.
    #[error("{place} is asynchronous ({kind}), and a call of a contract is not")]
    Asynchronous {
        /// The function, which parameter, or the result.
        place: String,
        /// What makes it so.
        kind: &'static str,
    },
    /// A type that values can't be written for.
    #[error("{place} holds a {kind}, which cannot be sent")]
    Unsupported {
        /// Which parameter, or the result.
        place: String,
        /// The kind of type.
        kind: &'static str,
    },
    /// Types contain each other too deeply.
    #[error("{place} holds types that are nested deeper than {max}")]
    TooDeep {
        /// Which parameter, or the result.
        place: String,
        /// The limit.
        max: usize,
    },
    /// The function belongs to a contract whose UTXOs are coroutines, which live on a chain.
    #[error("it runs on a chain only, as a transaction or the simulation of one (`ledger transact`, `chain.simulate`)")]
    OnChainOnly,
    /// The world declares the function behind an `@unstable` gate, and the component leaves it out.
    #[error("the component does not export it")]
    NotExported,
}

/// A name that is not that of a callable function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// There is no such function.
    #[error("the contract has no function `{name}`")]
    Unknown {
        /// The name given.
        name: String,
        /// The functions that can be called.
        available: Vec<String>,
    },
    /// The type of a UTXO has no such method.
    #[error("a UTXO of the type `{type_name}` has no method `{name}`")]
    UnknownMethod {
        /// The type.
        type_name: String,
        /// The name given.
        name: String,
        /// The methods that it has.
        available: Vec<String>,
    },
    /// The type of a token has no such function.
    #[error("a token of the type `{type_name}` has no function `{name}`")]
    UnknownOfToken {
        /// The type.
        type_name: String,
        /// The name given.
        name: String,
        /// The functions that it has: its methods, and those that burn it.
        available: Vec<String>,
    },
    /// It is a function of tokens, and a contract was named.
    #[error("`{name}` is a function of tokens of the type `{type_name}`, not of the contract")]
    OfToken {
        /// The name given.
        name: String,
        /// The type.
        type_name: String,
    },
    /// It is a method, and a contract was named.
    #[error("`{name}` is a method of UTXOs of the type `{type_name}`, not a function of the contract")]
    OfUtxo {
        /// The name given.
        name: String,
        /// The type.
        type_name: String,
    },
    /// It is a function of the contract, and a UTXO or a token was named.
    #[error("`{name}` is a function of the contract, not a method of the {kind}")]
    OfContract {
        /// The function as it is called.
        name: String,
        /// What was named.
        kind: ObjectKind,
    },
    /// Several functions are meant by a short name.
    #[error("`{name}` is the short name of several functions")]
    Ambiguous {
        /// The name given.
        name: String,
        /// Their full names.
        candidates: Vec<String>,
    },
    /// The function can't be called.
    #[error("`{name}` cannot be called: {obstacle}")]
    NotCallable {
        /// The function's full name.
        name: String,
        /// Why.
        obstacle: Obstacle,
    },
}

/// How deep types may contain each other, wherever they are read: as much as the codec's
/// [`ValueLimits`](crate::value::ValueLimits) allow.
pub const TYPE_DEPTH_MAX: usize = 100;

impl Interface {
    /// The functions that `world` exports.
    pub fn of(resolve: &Resolve, world: WorldId) -> Self {
        let is_coroutine = is_coroutine(resolve, world);
        let mut types = TypeObstacles { resolve, is_coroutine, known: HashMap::new() };
        let mut functions = Vec::new();
        let mut of_interfaces = Vec::new();
        for (key, item) in &resolve.worlds[world].exports {
            match item {
                WorldItem::Function(function) => functions.push(types.describe(None, function)),
                WorldItem::Interface { id, .. } => {
                    let name = resolve.name_world_key(key);
                    let declared = resolve.interfaces[*id].functions.values();
                    of_interfaces.extend(declared.map(|function| types.describe(Some(name.clone()), function)));
                }
                WorldItem::Type { .. } => {}
            }
        }
        functions.append(&mut of_interfaces);
        let by_name = functions.iter().enumerate().map(|(index, function)| (function.to_string(), index)).collect();
        Self { functions, by_name }
    }

    /// All functions.
    pub fn functions(&self) -> &[ContractFunction] {
        &self.functions
    }

    /// All functions, to note further obstacles.
    pub(crate) fn functions_mut(&mut self) -> &mut [ContractFunction] {
        &mut self.functions
    }

    /// The index of the function that `name` means: its full name (`name`, `package:path/interface@version#name`), or
    /// a shorter one without the version, or without version and package, if only one function is meant.
    ///
    /// # Errors
    /// If no function, or more than one, is meant, or if it can't be called.
    pub fn find(&self, name: &str) -> Result<usize, FunctionError> {
        let index = match self.by_name.get(name) {
            Some(index) => *index,
            None => self.find_short(name)?,
        };
        match self.functions.get(index).map(|function| (function, &function.obstacle)) {
            Some((_, None)) => Ok(index),
            Some((function, Some(obstacle))) => {
                Err(FunctionError::NotCallable { name: function.to_string(), obstacle: obstacle.clone() })
            }
            None => Err(self.unknown(name)),
        }
    }

    /// The full name of the function that `name` means.
    ///
    /// # Errors
    /// As [`Interface::find`].
    pub fn full_name(&self, name: &str) -> Result<String, FunctionError> {
        let index = self.find(name)?;
        self.functions.get(index).map(ToString::to_string).ok_or_else(|| self.unknown(name))
    }

    fn find_short(&self, name: &str) -> Result<usize, FunctionError> {
        let meant = |function: &ContractFunction| function.short_names().any(|short| short == name);
        let found: Vec<usize> = self
            .functions
            .iter()
            .enumerate()
            .filter_map(|(index, function)| meant(function).then_some(index))
            .collect();
        match found.as_slice() {
            [] => Err(self.unknown(name)),
            [index] => Ok(*index),
            _ => Err(FunctionError::Ambiguous { name: name.to_owned(), candidates: self.names(meant) }),
        }
    }

    fn unknown(&self, name: &str) -> FunctionError {
        let can_be_called =
            |function: &ContractFunction| function.obstacle.is_none() && !is_storage(&function.declaration);
        FunctionError::Unknown { name: name.to_owned(), available: self.names(can_be_called) }
    }

    fn names(&self, wanted: impl Fn(&ContractFunction) -> bool) -> Vec<String> {
        self.functions.iter().filter(|function| wanted(function)).map(ToString::to_string).collect()
    }
}

/// What gives the record that a UTXO keeps.
pub(crate) const GET_STORAGE: &str = "get-storage";
/// What takes it.
const SET_STORAGE: &str = "set-storage";

/// Whether only the ledger itself calls the function.
pub(crate) fn is_storage(function: &Function) -> bool {
    function.name == GET_STORAGE || function.name == SET_STORAGE
}

/// Whether the world is that of a contract of Starstream, whose UTXOs are coroutines. Handles of its UTXOs and tokens can be
/// sent, as their ids.
pub(crate) fn is_coroutine(resolve: &Resolve, world: WorldId) -> bool {
    starstream::is_contract(resolve, world)
}

/// Whether a resource of a contract of Starstream is that of UTXOs or that of tokens, of one type or of any.
pub(crate) fn object_kind(resolve: &Resolve, resource: TypeId) -> Option<ObjectKind> {
    let name = resource_name(resolve, resource)?;
    [ObjectKind::Utxo, ObjectKind::Token].into_iter().find(|kind| kind.resource_name() == name)
}

/// The name by which a resource is declared, whatever it is called where it is used.
pub(crate) fn resource_name(resolve: &Resolve, resource: TypeId) -> Option<&str> {
    resolve.types[declared(resolve, resource)].name.as_deref()
}

/// The type that an alias stands for in the end.
pub(crate) fn declared(resolve: &Resolve, mut ty: TypeId) -> TypeId {
    // An alias refers to what was declared before it, so this ends.
    while let TypeDefKind::Type(Type::Id(declared)) = &resolve.types[ty].kind {
        ty = *declared;
    }
    ty
}

impl FunctionError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        const SHOWN_MAX: usize = 12;
        let list = |names: &[String]| {
            let shown: Vec<String> = names.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect();
            match names.len().saturating_sub(SHOWN_MAX) {
                0 => shown.join(", "),
                more => format!("{} and {more} more", shown.join(", ")),
            }
        };
        match self {
            Self::Unknown { available, .. } if available.is_empty() => {
                Some("the contract has no function that can be called".to_owned())
            }
            Self::UnknownMethod { available, .. } | Self::UnknownOfToken { available, .. } if available.is_empty() => {
                Some("it has no functions".to_owned())
            }
            Self::Unknown { name, available }
            | Self::UnknownMethod { name, available, .. }
            | Self::UnknownOfToken { name, available, .. } => Some(match similar(name, available) {
                Some(similar) => format!("did you mean `{similar}`? There are {}", list(available)),
                None => format!("it has {}", list(available)),
            }),
            Self::Ambiguous { candidates, .. } => Some(format!("write one of {}", list(candidates))),
            Self::OfUtxo { .. } => Some(
                "name a UTXO in place of the contract: `p2:u…`, or `p2:c…#0`; `ledger utxos` lists them".to_owned(),
            ),
            Self::OfToken { .. } => {
                Some("name a token in place of the contract: `p2:k…`; `ledger tokens` lists them".to_owned())
            }
            Self::OfContract { name, kind } => {
                Some(format!("name the contract in place of the {kind}: `p2:c… {name}`"))
            }
            Self::NotCallable { obstacle: Obstacle::OnChainOnly, .. } => Some(
                "`ledger transact` sends it, and `ledger call` shows what it would do: `submit` and `simulate` of \
                 `ledger:node/chain`"
                    .to_owned(),
            ),
            Self::NotCallable { .. } => None,
        }
    }
}

/// The function that `wanted` most likely means, by the shortest name that means only it.
fn similar(wanted: &str, available: &[String]) -> Option<String> {
    // Texts of peers are compared too, so the work has a limit.
    const COMPARED_MAX: usize = 200;
    const LENGTH_BYTES_MAX: usize = 100;
    if wanted.len() > LENGTH_BYTES_MAX {
        return None;
    }
    let wanted_item = item(wanted).to_lowercase();
    let tolerance = (wanted_item.len() / 3).max(1);
    let compared = available.iter().take(COMPARED_MAX).filter(|name| name.len() <= LENGTH_BYTES_MAX);
    let distances = compared.map(|name| {
        let item = item(name);
        let last = item.rsplit_once('.').map_or(item, |(_, last)| last);
        let distance = osa_distance(item, &wanted_item).min(osa_distance(last, &wanted_item));
        (distance, osa_distance(&short(name), wanted), name)
    });
    let (_, _, nearest) = distances.filter(|(distance, ..)| *distance <= tolerance).min()?;
    let is_unique = available.iter().filter(|name| short(name) == short(nearest)).count() == 1;
    let suggestion = if is_unique { short(nearest) } else { nearest.clone() };
    (suggestion != wanted).then_some(suggestion)
}

/// A function's full name without the package and the version of its interface: `counters#clamp`.
fn short(name: &str) -> String {
    match name.rsplit_once('#') {
        Some((interface, function)) => {
            let path = interface.split_once('@').map_or(interface, |(path, _)| path);
            let interface = path.rsplit_once('/').map_or(path, |(_, interface)| interface);
            format!("{interface}#{function}")
        }
        None => name.to_owned(),
    }
}

/// A function's name without its interface, and without what kind of function it is: `counter.highest`.
fn item(name: &str) -> &str {
    let function = name.rsplit_once('#').map_or(name, |(_, function)| function);
    let function = function.rsplit_once("::").map_or(function, |(_, main)| main);
    function.rsplit_once(']').map_or(function, |(_, item)| item)
}

impl ContractFunction {
    fn short_names(&self) -> impl Iterator<Item = String> {
        let interface = self.interface.as_deref();
        let without_version = interface.and_then(|name| name.split_once('@')).map(|(name, _)| name);
        let last = without_version.or(interface).and_then(|name| name.rsplit_once('/')).map(|(_, name)| name);
        [without_version, last].into_iter().flatten().map(|interface| format!("{interface}#{}", self.declaration.name))
    }
}

impl fmt::Display for ContractFunction {
    /// The full name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{interface}#{}", self.declaration.name),
            None => f.write_str(&self.declaration.name),
        }
    }
}

/// Finds what keeps functions from being called; remembers each type, because types are shared.
struct TypeObstacles<'a> {
    resolve: &'a Resolve,
    is_coroutine: bool,
    known: HashMap<TypeId, Option<TypeObstacle>>,
}

#[derive(Clone)]
enum TypeObstacle {
    Handle(String),
    Asynchronous(&'static str),
    Unsupported(&'static str),
    TooDeep,
}

impl TypeObstacles<'_> {
    fn describe(&mut self, interface: Option<String>, function: &Function) -> ContractFunction {
        ContractFunction { interface, declaration: function.clone(), obstacle: self.of_function(function) }
    }

    fn of_function(&mut self, function: &Function) -> Option<Obstacle> {
        if function.kind.is_async() {
            return Some(Obstacle::Asynchronous { place: "the function".to_owned(), kind: "async func" });
        }
        let parameters = function.params.iter().map(|param| (format!("the parameter `{}`", param.name), &param.ty));
        let result = function.result.iter().map(|ty| ("the result".to_owned(), ty));
        parameters.chain(result).find_map(|(place, ty)| Some(self.of_type(ty, 1)?.at(place)))
    }

    fn of_type(&mut self, ty: &Type, depth: usize) -> Option<TypeObstacle> {
        match ty {
            Type::ErrorContext => Some(TypeObstacle::Asynchronous("error-context")),
            Type::Id(id) => {
                if let Some(known) = self.known.get(id) {
                    return known.clone();
                }
                let obstacle = self.of_definition(*id, depth);
                self.known.insert(*id, obstacle.clone());
                obstacle
            }
            _ => None,
        }
    }

    fn of_definition(&mut self, id: TypeId, depth: usize) -> Option<TypeObstacle> {
        if depth > TYPE_DEPTH_MAX {
            return Some(TypeObstacle::TooDeep);
        }
        let resolve = self.resolve;
        match &resolve.types[id].kind {
            TypeDefKind::Type(ty) | TypeDefKind::Option(ty) | TypeDefKind::List(ty) => self.of_type(ty, depth + 1),
            TypeDefKind::Record(record) => self.first(record.fields.iter().map(|field| &field.ty), depth),
            TypeDefKind::Tuple(tuple) => self.first(tuple.types.iter(), depth),
            TypeDefKind::Variant(variant) => {
                self.first(variant.cases.iter().filter_map(|case| case.ty.as_ref()), depth)
            }
            TypeDefKind::Result(result) => self.first([&result.ok, &result.err].into_iter().flatten(), depth),
            TypeDefKind::Flags(_) | TypeDefKind::Enum(_) => None,
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource))
                if self.is_coroutine && object_kind(resolve, *resource).is_some() =>
            {
                None
            }
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) => {
                Some(TypeObstacle::Handle(resolve.types[*resource].name.clone().unwrap_or_default()))
            }
            kind @ (TypeDefKind::Future(_) | TypeDefKind::Stream(_)) => Some(TypeObstacle::Asynchronous(kind.as_str())),
            kind @ (TypeDefKind::Resource
            | TypeDefKind::Map(..)
            | TypeDefKind::FixedLengthList(..)
            | TypeDefKind::Unknown) => Some(TypeObstacle::Unsupported(kind.as_str())),
        }
    }

    fn first<'t>(&mut self, mut parts: impl Iterator<Item = &'t Type>, depth: usize) -> Option<TypeObstacle> {
        parts.find_map(|ty| self.of_type(ty, depth + 1))
    }
}

impl TypeObstacle {
    fn at(self, place: String) -> Obstacle {
        match self {
            Self::Handle(resource) => Obstacle::Handle { place, resource },
            Self::Asynchronous(kind) => Obstacle::Asynchronous { place, kind },
            Self::Unsupported(kind) => Obstacle::Unsupported { place, kind },
            Self::TooDeep => Obstacle::TooDeep { place, max: TYPE_DEPTH_MAX },
        }
    }
}
