//! Types and functions in words.

use crate::id::shorten;
use crate::wit::primitive;
use wit_parser::{Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// A type as WIT writes it; one with a name by its name.
pub(super) fn type_text(resolve: &Resolve, ty: &Type) -> String {
    shorten(&whole_type_text(resolve, ty))
}

fn whole_type_text(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return primitive(ty).to_owned() };
    let definition = &resolve.types[*id];
    if let Some(name) = &definition.name {
        return name.clone();
    }
    let text = |ty: &Type| whole_type_text(resolve, ty);
    let optional = |ty: &Option<Type>| ty.as_ref().map(text);
    match &definition.kind {
        TypeDefKind::List(ty) => format!("list<{}>", text(ty)),
        TypeDefKind::FixedLengthList(ty, length) => format!("list<{}, {length}>", text(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", text(ty)),
        TypeDefKind::Map(key, value) => format!("map<{}, {}>", text(key), text(value)),
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", tuple.types.iter().map(text).collect::<Vec<_>>().join(", ")),
        TypeDefKind::Result(result) => match (optional(&result.ok), optional(&result.err)) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{ok}>"),
            (None, Some(error)) => format!("result<_, {error}>"),
            (Some(ok), Some(error)) => format!("result<{ok}, {error}>"),
        },
        TypeDefKind::Future(ty) => with_element("future", optional(ty)),
        TypeDefKind::Stream(ty) => with_element("stream", optional(ty)),
        TypeDefKind::Handle(Handle::Own(id)) => text(&Type::Id(*id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", text(&Type::Id(*id))),
        TypeDefKind::Type(target) => text(target),
        kind => kind.as_str().to_owned(),
    }
}

fn with_element(name: &str, element: Option<String>) -> String {
    match element {
        Some(element) => format!("{name}<{element}>"),
        None => name.to_owned(),
    }
}

/// Where a named type is declared, with package and version.
pub(super) fn full_name(resolve: &Resolve, id: TypeId) -> String {
    let text = type_text(resolve, &Type::Id(id));
    let owner = match resolve.types[id].owner {
        TypeOwner::Interface(interface) => resolve.id_of(interface),
        TypeOwner::World(world) => {
            let world = &resolve.worlds[world];
            world.package.map(|package| resolve.id_of_name(package, &world.name))
        }
        TypeOwner::None => None,
    };
    match owner {
        Some(owner) => format!("`{text}` of `{owner}`"),
        None => format!("`{text}`"),
    }
}

/// The kind of a type, as a noun with its article.
pub(super) fn a_kind(kind: &TypeDefKind) -> String {
    match kind {
        TypeDefKind::Enum(_) | TypeDefKind::Option(_) => format!("an {}", kind.as_str()),
        TypeDefKind::Flags(_) => "flags".to_owned(),
        _ => format!("a {}", kind.as_str()),
    }
}

/// What a type definition is and is called: "record `point`".
pub(super) fn definition_path(resolve: &Resolve, id: TypeId, name: &str) -> String {
    match &resolve.types[id].kind {
        TypeDefKind::Resource => format!("resource `{name}`"),
        _ => format!("type `{name}`"),
    }
}
