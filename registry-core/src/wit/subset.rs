//! Is a partial view of an interface part of the registered one? (`docs/hash.md`, chapter 6.)
//!
//! Value types compare by structure after aliases are followed, resources by where they are declared.

use std::collections::BTreeSet;
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
};

/// What differs between the views of packages in `view` and the packages of the same name in `registered`.
pub(crate) fn package_differences(
    view: &Resolve,
    registered: &Resolve,
    is_compared: impl Fn(PackageId) -> bool,
) -> Vec<String> {
    let mut differences = Vec::new();
    for (id, package) in view.packages.iter().filter(|(id, _)| is_compared(*id)) {
        let Some(registered_package) = registered.package_names.get(&package.name) else {
            differences.push(format!("package `{}` is not there", view.packages[id].name));
            continue;
        };
        for (name, interface) in &package.interfaces {
            match registered.packages[*registered_package].interfaces.get(name) {
                Some(other) => differences.extend(interface_differences(view, *interface, registered, *other)),
                None => differences.push(format!("`{}` has no interface `{name}`", package.name)),
            }
        }
    }
    differences
}

/// What stands in the view of an interface and not, or differently, in the registered one.
fn interface_differences(
    view: &Resolve,
    view_id: InterfaceId,
    registered: &Resolve,
    registered_id: InterfaceId,
) -> Vec<String> {
    let mut comparison = Comparison { view, registered, equal: BTreeSet::new() };
    let name = view.id_of(view_id).unwrap_or_default();
    let (from, to) = (&view.interfaces[view_id], &registered.interfaces[registered_id]);
    let mut differences = Vec::new();
    for (item, ty) in &from.types {
        let result = match to.types.get(item) {
            Some(other) => comparison.types(&Type::Id(*ty), &Type::Id(*other)),
            None => Err("is not in the registered interface".to_owned()),
        };
        differences.extend(result.err().map(|reason| format!("`{name}`: type `{item}` {reason}")));
    }
    for (item, function) in &from.functions {
        let result = match to.functions.get(item) {
            Some(other) => comparison.functions(function, other),
            None => Err("is not in the registered interface".to_owned()),
        };
        differences.extend(result.err().map(|reason| format!("`{name}`: function `{item}` {reason}")));
    }
    differences
}

struct Comparison<'a> {
    view: &'a Resolve,
    registered: &'a Resolve,
    /// Pairs that were compared: without this memory the comparison is exponential.
    equal: BTreeSet<(TypeId, TypeId)>,
}

type Compared = Result<(), String>;

impl Comparison<'_> {
    fn functions(&mut self, a: &Function, b: &Function) -> Compared {
        if kind_number(&a.kind) != kind_number(&b.kind) {
            return Err("is of another kind".to_owned());
        }
        let names = |function: &Function| function.params.iter().map(|parameter| parameter.name.clone()).collect();
        let (from, to): (Vec<String>, Vec<String>) = (names(a), names(b));
        if from != to {
            return Err(format!("has the parameters ({}) instead of ({})", from.join(", "), to.join(", ")));
        }
        for (a, b) in a.params.iter().zip(&b.params) {
            self.types(&a.ty, &b.ty).map_err(|reason| format!("parameter `{}` {reason}", a.name))?;
        }
        self.optional(a.result.as_ref(), b.result.as_ref()).map_err(|reason| format!("result {reason}"))
    }

    fn optional(&mut self, a: Option<&Type>, b: Option<&Type>) -> Compared {
        match (a, b) {
            (None, None) => Ok(()),
            (Some(a), Some(b)) => self.types(a, b),
            (Some(_), None) => Err("has a type where the registered one has none".to_owned()),
            (None, Some(_)) => Err("has no type where the registered one has one".to_owned()),
        }
    }

    fn types(&mut self, a: &Type, b: &Type) -> Compared {
        match (follow_aliases(self.view, a), follow_aliases(self.registered, b)) {
            (Type::Id(a), Type::Id(b)) => self.definitions(a, b),
            (a, b) if a == b => Ok(()),
            (a, b) => Err(format!("is {} instead of {}", describe(self.view, &a), describe(self.registered, &b))),
        }
    }

    fn definitions(&mut self, a: TypeId, b: TypeId) -> Compared {
        if !self.equal.insert((a, b)) {
            return Ok(());
        }
        if let (Some(from), Some(to)) = (origin(self.view, a), origin(self.registered, b))
            && from != to
        {
            return Err(format!("is `{from}` instead of `{to}`"));
        }
        let (view, registered) = (self.view, self.registered);
        let different = || {
            let (from, to) = (describe(view, &Type::Id(a)), describe(registered, &Type::Id(b)));
            if from == to { format!("is another {to}") } else { format!("is {from} instead of {to}") }
        };
        match (&view.types[a].kind, &registered.types[b].kind) {
            (TypeDefKind::Resource, TypeDefKind::Resource) => Ok(()),
            (TypeDefKind::Handle(Handle::Own(a)), TypeDefKind::Handle(Handle::Own(b)))
            | (TypeDefKind::Handle(Handle::Borrow(a)), TypeDefKind::Handle(Handle::Borrow(b))) => {
                self.types(&Type::Id(*a), &Type::Id(*b))
            }
            (TypeDefKind::Record(a), TypeDefKind::Record(b)) => {
                if a.fields.iter().map(|field| &field.name).ne(b.fields.iter().map(|field| &field.name)) {
                    return Err(different());
                }
                a.fields.iter().zip(&b.fields).try_for_each(|(a, b)| {
                    self.types(&a.ty, &b.ty).map_err(|reason| format!("field `{}` {reason}", a.name))
                })
            }
            (TypeDefKind::Variant(a), TypeDefKind::Variant(b)) => {
                if a.cases.iter().map(|case| &case.name).ne(b.cases.iter().map(|case| &case.name)) {
                    return Err(different());
                }
                a.cases.iter().zip(&b.cases).try_for_each(|(a, b)| {
                    let result = self.optional(a.ty.as_ref(), b.ty.as_ref());
                    result.map_err(|reason| format!("case `{}` {reason}", a.name))
                })
            }
            (TypeDefKind::Flags(a), TypeDefKind::Flags(b))
                if a.flags.iter().map(|flag| &flag.name).eq(b.flags.iter().map(|flag| &flag.name)) =>
            {
                Ok(())
            }
            (TypeDefKind::Enum(a), TypeDefKind::Enum(b))
                if a.cases.iter().map(|case| &case.name).eq(b.cases.iter().map(|case| &case.name)) =>
            {
                Ok(())
            }
            (TypeDefKind::Tuple(a), TypeDefKind::Tuple(b)) if a.types.len() == b.types.len() => {
                a.types.iter().zip(&b.types).try_for_each(|(a, b)| self.types(a, b))
            }
            (TypeDefKind::Option(a), TypeDefKind::Option(b)) | (TypeDefKind::List(a), TypeDefKind::List(b)) => {
                self.types(a, b)
            }
            (TypeDefKind::FixedLengthList(a, n), TypeDefKind::FixedLengthList(b, m)) if n == m => self.types(a, b),
            (TypeDefKind::Map(a, c), TypeDefKind::Map(b, d)) => {
                self.types(a, b)?;
                self.types(c, d)
            }
            (TypeDefKind::Result(a), TypeDefKind::Result(b)) => {
                self.optional(a.ok.as_ref(), b.ok.as_ref())?;
                self.optional(a.err.as_ref(), b.err.as_ref())
            }
            (TypeDefKind::Future(a), TypeDefKind::Future(b)) | (TypeDefKind::Stream(a), TypeDefKind::Stream(b)) => {
                self.optional(a.as_ref(), b.as_ref())
            }
            _ => Err(different()),
        }
    }
}

fn follow_aliases(resolve: &Resolve, ty: &Type) -> Type {
    let mut current = *ty;
    while let Type::Id(id) = current
        && let TypeDefKind::Type(target) = resolve.types[id].kind
    {
        current = target;
    }
    current
}

/// Where a named type is declared: `namespace:package/interface@version.name`.
fn origin(resolve: &Resolve, id: TypeId) -> Option<String> {
    let definition = &resolve.types[id];
    match definition.owner {
        TypeOwner::Interface(interface) => Some(format!("{}.{}", resolve.id_of(interface)?, definition.name.as_ref()?)),
        TypeOwner::World(_) | TypeOwner::None => None,
    }
}

fn describe(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => resolve.types[*id].kind.as_str().to_owned(),
        primitive => format!("{primitive:?}").to_lowercase(),
    }
}

fn kind_number(kind: &FunctionKind) -> u8 {
    match kind {
        FunctionKind::Freestanding => 0,
        FunctionKind::AsyncFreestanding => 1,
        FunctionKind::Method(_) => 2,
        FunctionKind::AsyncMethod(_) => 3,
        FunctionKind::Static(_) => 4,
        FunctionKind::AsyncStatic(_) => 5,
        FunctionKind::Constructor(_) => 6,
    }
}
