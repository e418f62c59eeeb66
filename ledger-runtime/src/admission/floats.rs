//! Floats in a contract's types. The validator sees them in code only: a function that passes on what it is given has
//! none there.

use wit_parser::{Function, Resolve, Type, TypeDef, TypeDefKind, WorldItem};

/// Where a world and its interfaces mention floats, sorted.
pub(super) fn find(resolve: &Resolve) -> Vec<String> {
    let has_float = |definition: &&TypeDef| parts(&definition.kind).iter().any(is_float);
    let in_types = resolve.types.iter().map(|(_, definition)| definition).filter(has_float).map(|definition| {
        match &definition.name {
            Some(name) => format!("the type `{name}`"),
            None => "a type without a name".to_owned(),
        }
    });
    let of_interfaces = resolve.interfaces.iter().flat_map(|(_, interface)| interface.functions.values());
    let of_worlds = resolve.worlds.iter().flat_map(|(_, world)| {
        let items = world.imports.values().chain(world.exports.values());
        items.filter_map(|item| match item {
            WorldItem::Function(function) => Some(function),
            WorldItem::Interface { .. } | WorldItem::Type { .. } => None,
        })
    });
    let in_functions = of_interfaces
        .chain(of_worlds)
        .filter(|function| types(function).any(|ty| is_float(&ty)))
        .map(|function| format!("the function `{}`", function.name));
    let mut places: Vec<String> = in_types.chain(in_functions).collect();
    places.sort();
    places.dedup();
    places
}

fn is_float(ty: &Type) -> bool {
    matches!(ty, Type::F32 | Type::F64)
}

fn types(function: &Function) -> impl Iterator<Item = Type> {
    function.params.iter().map(|parameter| parameter.ty).chain(function.result)
}

/// The types that a definition consists of. Those that it names have definitions of their own.
fn parts(kind: &TypeDefKind) -> Vec<Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Result(result) => result.ok.into_iter().chain(result.err).collect(),
        TypeDefKind::Map(key, value) => vec![*key, *value],
        TypeDefKind::Option(ty)
        | TypeDefKind::List(ty)
        | TypeDefKind::FixedLengthList(ty, _)
        | TypeDefKind::Type(ty) => vec![*ty],
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().copied().collect(),
        TypeDefKind::Resource
        | TypeDefKind::Handle(_)
        | TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Unknown => Vec::new(),
    }
}
