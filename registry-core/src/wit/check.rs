//! Limits on WIT, checked before and after parsing.

use super::encode::{dependencies_of, interfaces_in_dependency_order, members};
use super::parse::SourceFile;
use crate::limits::{LimitExceeded, Limits};
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{Handle, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeId, WorldItem};

/// Refuses brackets that are nested so deep that a recursive parser could overflow its stack.
pub(crate) fn check_nesting(file: &SourceFile, limits: &Limits) -> Result<(), LimitExceeded> {
    let (depth, position) = deepest_nesting(file.text.as_bytes());
    if depth <= limits.nesting_depth_max {
        return Ok(());
    }
    let before = file.text.get(..position).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let what = format!("{}:{line}:{column}: the depth of nested brackets", file.path);
    LimitExceeded::check(what, depth, limits.nesting_depth_max, "nesting_depth_max")
}

/// The greatest depth of nested brackets outside comments and strings, and the position of the bracket that reaches it.
fn deepest_nesting(text: &[u8]) -> (usize, usize) {
    let (mut depth, mut deepest, mut position) = (0_usize, (0, 0), 0);
    while let Some(byte) = text.get(position) {
        let rest = &text[position..];
        position += match byte {
            b'/' if rest.starts_with(b"//") => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => block_comment_size(rest),
            b'"' => string_size(rest),
            b'-' if rest.starts_with(b"->") => 2,
            b'<' | b'{' | b'(' => {
                depth += 1;
                if depth > deepest.0 {
                    deepest = (depth, position);
                }
                1
            }
            b'>' | b'}' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => 1,
        };
    }
    deepest
}

/// The size of the string that `text` begins with; a backslash escapes the byte after it.
fn string_size(text: &[u8]) -> usize {
    let mut position = 1;
    while let Some(byte) = text.get(position) {
        match byte {
            b'"' => return position + 1,
            b'\\' => position += 2,
            _ => position += 1,
        }
    }
    text.len()
}

/// The size of the comment that `text` begins with; block comments nest.
fn block_comment_size(text: &[u8]) -> usize {
    let (mut depth, mut position) = (0_usize, 0);
    while position < text.len() {
        let rest = &text[position..];
        if rest.starts_with(b"/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                break;
            }
        } else {
            position += 1;
        }
    }
    position
}

/// Checks counts and depths of everything that was parsed.
pub(crate) fn check_resolve(resolve: &Resolve, limits: &Limits) -> Result<(), LimitExceeded> {
    check_counts(resolve, limits)?;
    check_use_depth(resolve, limits)?;
    check_type_depth(resolve, limits)
}

fn check_counts(resolve: &Resolve, limits: &Limits) -> Result<(), LimitExceeded> {
    let check = |what: String, found, max, limit| LimitExceeded::check(what, found, max, limit);
    check(
        "the number of packages".into(),
        resolve.packages.len(),
        limits.closure_packages_max,
        "closure_packages_max",
    )?;
    for (_, package) in resolve.packages.iter() {
        let items = package.interfaces.len() + package.worlds.len();
        let what = format!("the number of interfaces and worlds of `{}`", package.name);
        check(what, items, limits.package_items_max, "package_items_max")?;
    }
    let items = resolve.interfaces.len() + resolve.worlds.len();
    check("the number of interfaces and worlds".into(), items, limits.closure_items_max, "closure_items_max")?;
    let functions: usize = resolve.interfaces.iter().map(|(_, interface)| interface.functions.len()).sum();
    let world_items: usize = resolve.worlds.iter().map(|(_, world)| world.imports.len() + world.exports.len()).sum();
    let members: usize = resolve.types.iter().map(|(_, definition)| members(&definition.kind).len()).sum();
    let definitions = resolve.types.len() + members + functions + world_items;
    check("the number of definitions".into(), definitions, limits.closure_definitions_max, "closure_definitions_max")
}

fn check_use_depth(resolve: &Resolve, limits: &Limits) -> Result<(), LimitExceeded> {
    let mut depths = BTreeMap::new();
    for id in interfaces_in_dependency_order(resolve) {
        let below = dependencies_of(resolve, id).iter().filter_map(|id| depths.get(id)).max().copied().unwrap_or(0);
        let depth: usize = below + 1;
        let name = resolve.id_of(id).unwrap_or_default();
        let what = format!("the depth of `use` below interface `{name}`");
        LimitExceeded::check(what, depth, limits.use_depth_max, "use_depth_max")?;
        depths.insert(id, depth);
    }
    Ok(())
}

/// The arena is topological: a type stands after those that it contains.
fn check_type_depth(resolve: &Resolve, limits: &Limits) -> Result<(), LimitExceeded> {
    let mut depths: Vec<usize> = Vec::with_capacity(resolve.types.len());
    for (_, definition) in resolve.types.iter() {
        let below = contained_types(&definition.kind)
            .into_iter()
            .filter_map(|id: TypeId| depths.get(id.index()))
            .max()
            .copied()
            .unwrap_or(0);
        let name = definition.name.as_deref().unwrap_or("without a name");
        let what = format!("the depth of type `{name}`");
        LimitExceeded::check(what, below + 1, limits.type_depth_max, "type_depth_max")?;
        depths.push(below + 1);
    }
    Ok(())
}

/// Checks how much the encoder will repeat: each interface and world brings copies of the interfaces that it uses.
pub(crate) fn check_encoded(resolve: &Resolve, package: PackageId, limits: &Limits) -> Result<(), LimitExceeded> {
    let package = &resolve.packages[package];
    let weights: BTreeMap<InterfaceId, usize> =
        resolve.interfaces.iter().map(|(id, _)| (id, weight(resolve, id))).collect();
    let worlds = package.worlds.values().flat_map(|id| {
        let world = &resolve.worlds[*id];
        world.imports.values().chain(world.exports.values())
    });
    let items = worlds.filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        WorldItem::Function(_) | WorldItem::Type { .. } => None,
    });
    let mut encoded = 0;
    // A world's items are elaborated, so each brings itself only; an interface brings all that it reaches.
    for id in items {
        encoded += weights.get(&id).copied().unwrap_or(0);
    }
    for id in package.interfaces.values() {
        encoded += reached(resolve, *id).iter().filter_map(|id| weights.get(id)).sum::<usize>();
        let what = format!("the number of definitions that the encoded `{}` repeats", package.name);
        LimitExceeded::check(what, encoded, limits.encoded_definitions_max, "encoded_definitions_max")?;
    }
    let what = format!("the number of definitions that the encoded `{}` repeats", package.name);
    LimitExceeded::check(what, encoded, limits.encoded_definitions_max, "encoded_definitions_max")
}

/// The interfaces that one takes types from, however indirectly, and itself.
fn reached(resolve: &Resolve, root: InterfaceId) -> BTreeSet<InterfaceId> {
    let mut reached = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        open.extend(dependencies_of(resolve, id).into_iter().filter(|dependency| reached.insert(*dependency)));
    }
    reached
}

/// Types with their members, and functions.
fn weight(resolve: &Resolve, id: InterfaceId) -> usize {
    let interface = &resolve.interfaces[id];
    let types = interface.types.values().map(|id| 1 + members(&resolve.types[*id].kind).len());
    types.sum::<usize>() + interface.functions.len()
}

fn contained_types(kind: &TypeDefKind) -> Vec<TypeId> {
    let types: Vec<Option<&Type>> = match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| Some(&field.ty)).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().map(Some).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| case.ty.as_ref()).collect(),
        TypeDefKind::Result(result) => vec![result.ok.as_ref(), result.err.as_ref()],
        TypeDefKind::Map(key, value) => vec![Some(key), Some(value)],
        TypeDefKind::Option(ty)
        | TypeDefKind::List(ty)
        | TypeDefKind::FixedLengthList(ty, _)
        | TypeDefKind::Type(ty) => vec![Some(ty)],
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => vec![ty.as_ref()],
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => return vec![*id],
        TypeDefKind::Resource | TypeDefKind::Flags(_) | TypeDefKind::Enum(_) | TypeDefKind::Unknown => Vec::new(),
    };
    types
        .into_iter()
        .flatten()
        .filter_map(|ty| match ty {
            Type::Id(id) => Some(*id),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::deepest_nesting;

    #[test]
    fn depth_counts_brackets_outside_comments_and_strings() {
        let table = [
            ("", 0),
            ("interface a { f: func(x: list<list<u8>>) -> u8; }", 4),
            ("// <<<<\ninterface a {}", 1),
            ("/* { /* { */ { */ interface a {}", 1),
            ("/* {", 0),
            ("@external-id(\"((((\") interface a {}", 1),
            ("@external-id(\"\\\"(((\") interface a { f: func(x: list<u8>); }", 3),
            ("f: func() -> u8; g: func() -> u8; {{", 2),
            ("\"(((", 0),
        ];
        for (text, depth) in table {
            assert_eq!(deepest_nesting(text.as_bytes()).0, depth, "{text}");
        }
    }
}
