//! Types and functions in one short line of WIT, for messages.

use super::encode::members;
use super::subset::{follow_aliases, origin};
use std::fmt::{self, Write};
use wit_parser::{Function, FunctionKind, Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// Characters of a description; what is longer ends in an ellipsis.
const DESCRIPTION_CHARS_MAX: usize = 200;

/// A function as an item of its interface: ``method `blob.read` ``.
pub(crate) fn describe_item(function: &Function) -> String {
    let kind = match function.kind {
        FunctionKind::Freestanding | FunctionKind::AsyncFreestanding => "function",
        FunctionKind::Method(_) | FunctionKind::AsyncMethod(_) => "method",
        FunctionKind::Static(_) | FunctionKind::AsyncStatic(_) => "static function",
        FunctionKind::Constructor(_) => "constructor of",
    };
    // The names of a resource's functions begin with their kind in brackets.
    let name = function.name.split_once(']').map_or(function.name.as_str(), |(_, name)| name);
    format!("{kind} `{name}`")
}

/// The signature of a function as it is written: `async func(p: point) -> string`.
pub(crate) fn describe_function(resolve: &Resolve, function: &Function) -> String {
    describe(Naming::AsWritten, |description| {
        let kind = match function.kind {
            FunctionKind::Freestanding | FunctionKind::Method(_) => "func",
            FunctionKind::AsyncFreestanding | FunctionKind::AsyncMethod(_) => "async func",
            FunctionKind::Static(_) => "static func",
            FunctionKind::AsyncStatic(_) => "static async func",
            FunctionKind::Constructor(_) => "constructor",
        };
        write!(description, "{kind}(")?;
        for (index, parameter) in function.params.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(description, "{separator}{}: ", parameter.name)?;
            description.ty(resolve, &parameter.ty)?;
        }
        description.write_str(")")?;
        function.result.as_ref().map_or(Ok(()), |result| {
            description.write_str(" -> ")?;
            description.ty(resolve, result)
        })
    })
}

/// A type as it is referred to from anywhere: `list<u8>`, `demo:types/shapes@1.0.0.{point}`.
pub(crate) fn describe_type(resolve: &Resolve, ty: &Type) -> String {
    describe(Naming::Origin, |description| description.ty(resolve, ty))
}

/// A type as it is referred to where `name` gives definitions their names; those without a name are written out, and
/// handles as what they are handles of.
pub(crate) fn describe_type_by(resolve: &Resolve, ty: &Type, name: &mut dyn FnMut(TypeId) -> Option<String>) -> String {
    describe(Naming::By(name), |description| description.ty(resolve, ty))
}

/// A type as it is declared, without the types of its members: `record point { x, y }`.
pub(crate) fn describe_definition(resolve: &Resolve, id: TypeId) -> String {
    let definition = &resolve.types[id];
    let keyword = match &definition.kind {
        TypeDefKind::Record(_) => "record",
        TypeDefKind::Variant(_) => "variant",
        TypeDefKind::Enum(_) => "enum",
        TypeDefKind::Flags(_) => "flags",
        TypeDefKind::Resource => "resource",
        kind => return describe(Naming::Origin, |description| description.kind(resolve, kind)),
    };
    describe(Naming::Origin, |description| {
        write!(description, "{keyword} {}", definition.name.as_deref().unwrap_or_default())?;
        for (index, (name, _)) in members(&definition.kind).into_iter().enumerate() {
            let separator = if index > 0 { "," } else { " {" };
            write!(description, "{separator} {name}")?;
        }
        description.write_str(if members(&definition.kind).is_empty() { "" } else { " }" })
    })
}

/// A named type with the interface that declares it: `demo:types/shapes@1.0.0.{point}`.
pub(crate) fn declared_name(resolve: &Resolve, id: TypeId) -> String {
    describe(Naming::Origin, |description| description.origin(resolve, id))
}

fn describe(naming: Naming<'_>, write: impl FnOnce(&mut Description<'_>) -> fmt::Result) -> String {
    let mut description = Description { text: String::new(), chars_left: DESCRIPTION_CHARS_MAX, naming };
    match write(&mut description) {
        Ok(()) => description.text,
        Err(fmt::Error) => description.text + "…",
    }
}

/// Text that refuses to become too long: types can be as wide as they are deep.
struct Description<'n> {
    text: String,
    chars_left: usize,
    naming: Naming<'n>,
}

/// How types are called.
enum Naming<'n> {
    /// By the interface that declares them, whatever they are called where they are used.
    Origin,
    /// By the names that they have where they are used, without telling where they come from.
    AsWritten,
    /// By what this gives for the type that is meant in the end.
    By(&'n mut dyn FnMut(TypeId) -> Option<String>),
}

impl Write for Description<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.chars().count();
        self.text.extend(text.chars().take(self.chars_left));
        self.chars_left = self.chars_left.checked_sub(count).ok_or(fmt::Error)?;
        Ok(())
    }
}

impl Description<'_> {
    fn ty(&mut self, resolve: &Resolve, ty: &Type) -> fmt::Result {
        let ty = if matches!(self.naming, Naming::AsWritten) { *ty } else { follow_aliases(resolve, ty) };
        let Type::Id(id) = &ty else { return self.write_str(primitive(&ty)) };
        let definition = &resolve.types[*id];
        match (&mut self.naming, &definition.name, definition.owner) {
            (Naming::By(name), ..) => match name(*id) {
                Some(name) => self.write_str(&name),
                None => self.kind(resolve, &definition.kind),
            },
            (Naming::Origin, Some(_), TypeOwner::Interface(_)) => self.origin(resolve, *id),
            (_, Some(name), _) => self.write_str(name),
            (_, None, _) => self.kind(resolve, &definition.kind),
        }
    }

    fn origin(&mut self, resolve: &Resolve, id: TypeId) -> fmt::Result {
        match origin(resolve, id) {
            Some(origin) => write!(self, "{}.{{{}}}", origin.package.interface_id(origin.interface), origin.name),
            None => self.write_str(resolve.types[id].name.as_deref().unwrap_or_default()),
        }
    }

    fn kind(&mut self, resolve: &Resolve, kind: &TypeDefKind) -> fmt::Result {
        match kind {
            TypeDefKind::Type(ty) => self.ty(resolve, ty),
            TypeDefKind::Handle(Handle::Own(id)) => self.ty(resolve, &Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) if matches!(self.naming, Naming::By(_)) => {
                self.ty(resolve, &Type::Id(*id))
            }
            TypeDefKind::Handle(Handle::Borrow(id)) => self.arguments(resolve, "borrow", [Some(&Type::Id(*id))]),
            TypeDefKind::Option(ty) => self.arguments(resolve, "option", [Some(ty)]),
            TypeDefKind::List(ty) => self.arguments(resolve, "list", [Some(ty)]),
            TypeDefKind::Map(key, value) => self.arguments(resolve, "map", [Some(key), Some(value)]),
            TypeDefKind::Tuple(tuple) => self.arguments(resolve, "tuple", tuple.types.iter().map(Some)),
            TypeDefKind::Future(ty) => self.arguments(resolve, "future", [ty.as_ref()]),
            TypeDefKind::Stream(ty) => self.arguments(resolve, "stream", [ty.as_ref()]),
            TypeDefKind::Result(result) if result.err.is_none() => {
                self.arguments(resolve, "result", [result.ok.as_ref()])
            }
            TypeDefKind::Result(result) => {
                self.write_str("result<")?;
                match &result.ok {
                    Some(ok) => self.ty(resolve, ok)?,
                    None => self.write_str("_")?,
                }
                self.write_str(", ")?;
                result.err.as_ref().map_or(Ok(()), |err| self.ty(resolve, err))?;
                self.write_str(">")
            }
            TypeDefKind::FixedLengthList(ty, length) => {
                self.write_str("list<")?;
                self.ty(resolve, ty)?;
                write!(self, ", {length}>")
            }
            // These have names, except in a view that no encoder makes.
            TypeDefKind::Record(_)
            | TypeDefKind::Resource
            | TypeDefKind::Flags(_)
            | TypeDefKind::Variant(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Unknown => self.write_str(kind.as_str()),
        }
    }

    /// A name with types in angle brackets; without these if there are none.
    fn arguments<'t>(
        &mut self,
        resolve: &Resolve,
        name: &str,
        types: impl IntoIterator<Item = Option<&'t Type>>,
    ) -> fmt::Result {
        self.write_str(name)?;
        let mut separator = "<";
        for ty in types.into_iter().flatten() {
            self.write_str(separator)?;
            self.ty(resolve, ty)?;
            separator = ", ";
        }
        self.write_str(if separator == "<" { "" } else { ">" })
    }
}

/// The name of a type that needs no definition.
pub(crate) fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "type",
    }
}
