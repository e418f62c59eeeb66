//! Is a partial view of an interface part of the registered one? (`docs/hash.md`, chapter 6.)
//!
//! Value types compare by structure after aliases are followed, resources by where they are declared.

use super::describe::{declared_name, describe_definition, describe_function, describe_item, describe_type};
use crate::component::MergedReference;
use crate::id::shorten;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::rc::Rc;
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, PackageId, PackageName, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
};

/// Differences that one comparison lists; it tells that there are more.
const DIFFERENCES_LISTED_MAX: usize = 100;

/// What a comparison of views with the registered packages found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// One line for each item that is missing or differs: where, and both sides as WIT.
    pub(crate) differences: Vec<String>,
    /// Lines for items that differ only because a type differs that has a line of its own.
    consequences: Vec<String>,
    /// By interface of the view, the references that were merged by semver.
    pub(crate) merged: BTreeMap<InterfaceId, BTreeSet<MergedReference>>,
}

/// Compares the views of packages in `view` with the packages of the same name in `registered`.
pub(crate) fn compare_packages(
    view: &Resolve,
    registered: &Resolve,
    is_compared: impl Fn(PackageId) -> bool,
) -> Findings {
    let mut findings = Findings::default();
    for (_, package) in view.packages.iter().filter(|(id, _)| is_compared(*id)) {
        let there = registered.package_names.get(&package.name);
        for (name, interface) in &package.interfaces {
            let other = there.and_then(|id| registered.packages[*id].interfaces.get(name));
            match other {
                Some(other) => findings.compare_interfaces(view, *interface, registered, *other),
                None => findings.add(view, *interface, None, Difference::new("is not in the registered package")),
            }
        }
    }
    if findings.differences.is_empty() {
        // No cause without a line: whatever differs must be told.
        findings.differences = std::mem::take(&mut findings.consequences);
    }
    findings
}

/// The differences alone, where merged references are differences too.
pub(crate) fn package_differences(
    view: &Resolve,
    registered: &Resolve,
    is_compared: impl Fn(PackageId) -> bool,
) -> Vec<String> {
    let Findings { mut differences, merged, .. } = compare_packages(view, registered, is_compared);
    for (interface, references) in merged {
        let name = view.id_of(interface).unwrap_or_default();
        differences.extend(references.iter().map(|reference| shorten(&format!("`{name}`: {reference}"))));
    }
    differences
}

/// What a registered interface has and the view of it lacks, for interfaces that must be whole.
pub(crate) fn missing_items(
    view: &Resolve,
    view_id: InterfaceId,
    registered: &Resolve,
    registered_id: InterfaceId,
) -> Vec<String> {
    let mut findings = Findings::default();
    let (from, to) = (&view.interfaces[view_id], &registered.interfaces[registered_id]);
    let missing = || Difference::new("is not in the component, which exports the interface");
    for name in to.types.keys().filter(|name| !from.types.contains_key(*name)) {
        findings.add(view, view_id, Some(format!("type `{name}`")), missing());
    }
    for (_, function) in to.functions.iter().filter(|(name, _)| !from.functions.contains_key(*name)) {
        findings.add(view, view_id, Some(describe_item(function)), missing());
    }
    findings.differences
}

/// Whether merging imports by semver may have put a reference to `used` in the place of one to `registered`: the same
/// package in a later version of one track.
fn may_be_merged(registered: &PackageName, used: &PackageName) -> bool {
    let (Some(before), Some(after)) = (&registered.version, &used.version) else { return false };
    (&registered.namespace, &registered.name) == (&used.namespace, &used.name)
        && before < after
        && PackageName::version_compat_track(before) == PackageName::version_compat_track(after)
}

impl Findings {
    /// Looks for each item of the view in the registered interface.
    fn compare_interfaces(
        &mut self,
        view: &Resolve,
        view_id: InterfaceId,
        registered: &Resolve,
        registered_id: InterfaceId,
    ) {
        let owners = (TypeOwner::Interface(view_id), TypeOwner::Interface(registered_id));
        let mut comparison =
            Comparison { view, registered, owners, compared: BTreeMap::new(), merged: BTreeSet::new() };
        let (from, to) = (&view.interfaces[view_id], &registered.interfaces[registered_id]);
        let missing = || Err(Difference::new("is not in the registered interface"));
        for (name, ty) in &from.types {
            let other = to.types.get(name);
            let result = other.map_or_else(missing, |other| comparison.types(&Type::Id(*ty), &Type::Id(*other)));
            if let Err(difference) = result {
                let is_declared_here = !matches!(view.types[*ty].kind, TypeDefKind::Type(_));
                let difference = if is_declared_here { difference.here() } else { difference };
                self.add(view, view_id, Some(format!("type `{name}`")), difference);
            }
        }
        for (name, function) in &from.functions {
            let result = to.functions.get(name).map_or_else(missing, |other| comparison.functions(function, other));
            if let Err(difference) = result {
                self.add(view, view_id, Some(describe_item(function)), difference);
            }
        }
        if !comparison.merged.is_empty() {
            self.merged.insert(view_id, comparison.merged);
        }
    }

    fn add(&mut self, view: &Resolve, interface: InterfaceId, item: Option<String>, difference: Difference) {
        let name = view.id_of(interface).unwrap_or_default();
        let difference = item.into_iter().fold(difference, Difference::inside).inside(format!("`{name}`"));
        let (path, what, is_consequence) = difference.path();
        let lines = if is_consequence { &mut self.consequences } else { &mut self.differences };
        match lines.len() {
            0..DIFFERENCES_LISTED_MAX => lines.push(format!("{} {what}", shorten(&path.join(", ")))),
            DIFFERENCES_LISTED_MAX => lines.push("more differs that is not listed here".to_owned()),
            _ => {}
        }
    }
}

/// Why two types or functions differ: what is wrong, and the way to the place inside the item. Cheap to clone, because
/// the memory of a comparison keeps one for each pair of types.
#[derive(Clone)]
enum Difference {
    /// What is wrong, as the end of a sentence about the place.
    Here(Rc<str>),
    /// A place, and what is wrong inside it.
    Inside(Rc<(String, Difference)>),
    /// What is wrong with a named type, which has a line of its own in the interface that declares it.
    OfType(Rc<Difference>),
}

impl Difference {
    fn new(what: &str) -> Self {
        Self::Here(what.into())
    }

    fn instead(found: &str, expected: &str) -> Self {
        if found == expected {
            return Self::new(&format!("is another `{expected}`"));
        }
        Self::new(&format!("is `{found}` instead of `{expected}`"))
    }

    fn inside(self, place: impl Display) -> Self {
        Self::Inside(Rc::new((shorten(&place.to_string()), self)))
    }

    /// The same, told of the type itself.
    fn here(self) -> Self {
        match self {
            Self::OfType(difference) => (*difference).clone(),
            other => other,
        }
    }

    /// The way to the place, outermost first, what is wrong there, and whether that has a line of its own elsewhere.
    fn path(&self) -> (Vec<&str>, &str, bool) {
        let (mut path, mut is_consequence, mut current) = (Vec::new(), false, self);
        loop {
            match current {
                Self::Here(what) => return (path, what, is_consequence),
                Self::Inside(inside) => {
                    path.push(inside.0.as_str());
                    current = &inside.1;
                }
                Self::OfType(difference) => {
                    is_consequence = true;
                    current = difference;
                }
            }
        }
    }
}

type Compared = Result<(), Difference>;

struct Comparison<'a> {
    view: &'a Resolve,
    registered: &'a Resolve,
    /// The interface that is compared, in the view and among the registered ones.
    owners: (TypeOwner, TypeOwner),
    /// Pairs that were compared, with the result: without this memory the comparison is exponential.
    compared: BTreeMap<(TypeId, TypeId), Compared>,
    /// Types that are the same but for the version of the package that they were taken from.
    merged: BTreeSet<MergedReference>,
}

impl Comparison<'_> {
    fn functions(&mut self, a: &Function, b: &Function) -> Compared {
        let (from, to) = (a.params.iter(), b.params.iter());
        let same_parameters = from.map(|parameter| &parameter.name).eq(to.map(|parameter| &parameter.name));
        if kind_number(&a.kind) != kind_number(&b.kind) || !same_parameters || a.result.is_some() != b.result.is_some()
        {
            let (found, expected) = (describe_function(self.view, a), describe_function(self.registered, b));
            return Err(Difference::instead(&found, &expected));
        }
        for (a, b) in a.params.iter().zip(&b.params) {
            self.types(&a.ty, &b.ty).map_err(|difference| difference.inside(format!("parameter `{}`", a.name)))?;
        }
        self.optional(a.result.as_ref(), b.result.as_ref()).map_err(|difference| difference.inside("result"))
    }

    fn optional(&mut self, a: Option<&Type>, b: Option<&Type>) -> Compared {
        match (a, b) {
            (None, None) => Ok(()),
            (Some(a), Some(b)) => self.types(a, b),
            (Some(_), None) => Err(Difference::new("has a type where the registered one has none")),
            (None, Some(_)) => Err(Difference::new("has no type where the registered one has one")),
        }
    }

    fn types(&mut self, a: &Type, b: &Type) -> Compared {
        match (follow_aliases(self.view, a), follow_aliases(self.registered, b)) {
            (Type::Id(a), Type::Id(b)) => self.definitions(a, b),
            (a, b) if a == b => Ok(()),
            (a, b) => Err(Difference::instead(&describe_type(self.view, &a), &describe_type(self.registered, &b))),
        }
    }

    fn definitions(&mut self, a: TypeId, b: TypeId) -> Compared {
        if let Some(result) = self.compared.get(&(a, b)) {
            return result.clone();
        }
        let result = self.origins(a, b).and_then(|()| self.structures(a, b));
        let result = result.map_err(|difference| {
            let is_same =
                origin(self.view, a).is_some_and(|from| origin(self.registered, b).is_some_and(|to| from == to));
            if is_same { Difference::OfType(Rc::new(difference)) } else { difference }
        });
        self.compared.insert((a, b), result.clone());
        result
    }

    /// Named types of interfaces are declared in the same place, but for the package's version, which may be merged.
    fn origins(&mut self, a: TypeId, b: TypeId) -> Compared {
        let (Some(used), Some(registered)) = (origin(self.view, a), origin(self.registered, b)) else { return Ok(()) };
        if used == registered {
            return Ok(());
        }
        let is_foreign = self.view.types[a].owner != self.owners.0 && self.registered.types[b].owner != self.owners.1;
        let is_same_name = (used.interface, used.name) == (registered.interface, registered.name);
        if !(is_foreign && is_same_name && may_be_merged(registered.package, used.package)) {
            return Err(Difference::instead(&declared_name(self.view, a), &declared_name(self.registered, b)));
        }
        let interface = |origin: &Origin<'_>| origin.package.interface_id(origin.interface);
        self.merged.insert(MergedReference {
            type_name: used.name.to_owned(),
            registered: interface(&registered),
            used: interface(&used),
        });
        Ok(())
    }

    fn structures(&mut self, a: TypeId, b: TypeId) -> Compared {
        let (view, registered) = (self.view, self.registered);
        let different = || {
            let describe = match (origin(view, a), origin(registered, b)) {
                (Some(_), Some(_)) => describe_definition,
                _ => |resolve: &Resolve, id| describe_type(resolve, &Type::Id(id)),
            };
            Err(Difference::instead(&describe(view, a), &describe(registered, b)))
        };
        match (&view.types[a].kind, &registered.types[b].kind) {
            (TypeDefKind::Resource, TypeDefKind::Resource) => Ok(()),
            (TypeDefKind::Handle(Handle::Own(a)), TypeDefKind::Handle(Handle::Own(b)))
            | (TypeDefKind::Handle(Handle::Borrow(a)), TypeDefKind::Handle(Handle::Borrow(b))) => {
                self.types(&Type::Id(*a), &Type::Id(*b))
            }
            (TypeDefKind::Record(a), TypeDefKind::Record(b))
                if a.fields.iter().map(|field| &field.name).eq(b.fields.iter().map(|field| &field.name)) =>
            {
                a.fields.iter().zip(&b.fields).try_for_each(|(a, b)| {
                    let result = self.types(&a.ty, &b.ty);
                    result.map_err(|difference| difference.inside(format!("field `{}`", a.name)))
                })
            }
            (TypeDefKind::Variant(a), TypeDefKind::Variant(b))
                if a.cases.iter().map(|case| &case.name).eq(b.cases.iter().map(|case| &case.name)) =>
            {
                a.cases.iter().zip(&b.cases).try_for_each(|(a, b)| {
                    let result = self.optional(a.ty.as_ref(), b.ty.as_ref());
                    result.map_err(|difference| difference.inside(format!("case `{}`", a.name)))
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
                a.types.iter().zip(&b.types).enumerate().try_for_each(|(index, (a, b))| {
                    self.types(a, b).map_err(|difference| difference.inside(format!("element {}", index + 1)))
                })
            }
            (TypeDefKind::Option(a), TypeDefKind::Option(b)) => self.inner(a, b, "value of the option"),
            (TypeDefKind::List(a), TypeDefKind::List(b)) => self.inner(a, b, "element of the list"),
            (TypeDefKind::FixedLengthList(a, n), TypeDefKind::FixedLengthList(b, m)) if n == m => {
                self.inner(a, b, "element of the list")
            }
            (TypeDefKind::Map(a, c), TypeDefKind::Map(b, d)) => {
                self.inner(a, b, "key of the map")?;
                self.inner(c, d, "value of the map")
            }
            (TypeDefKind::Result(a), TypeDefKind::Result(b)) => {
                let ok = self.optional(a.ok.as_ref(), b.ok.as_ref());
                ok.map_err(|difference| difference.inside("`ok` of the result"))?;
                let err = self.optional(a.err.as_ref(), b.err.as_ref());
                err.map_err(|difference| difference.inside("`err` of the result"))
            }
            (TypeDefKind::Future(a), TypeDefKind::Future(b)) | (TypeDefKind::Stream(a), TypeDefKind::Stream(b)) => {
                self.optional(a.as_ref(), b.as_ref())
            }
            _ => different(),
        }
    }

    fn inner(&mut self, a: &Type, b: &Type, place: &str) -> Compared {
        self.types(a, b).map_err(|difference| difference.inside(place))
    }
}

/// The type that an alias, or a `use`, ends at.
pub(crate) fn follow_aliases(resolve: &Resolve, ty: &Type) -> Type {
    let mut current = *ty;
    while let Type::Id(id) = current
        && let TypeDefKind::Type(target) = resolve.types[id].kind
    {
        current = target;
    }
    current
}

/// Where a named type of a named interface is declared.
#[derive(PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    pub(crate) package: &'a PackageName,
    pub(crate) interface: &'a str,
    pub(crate) name: &'a str,
}

impl Origin<'_> {
    /// The type that is declared there in other packages.
    pub(crate) fn find(&self, resolve: &Resolve) -> Option<TypeId> {
        let package = resolve.package_names.get(self.package).copied()?;
        let interface = resolve.packages[package].interfaces.get(self.interface).copied()?;
        resolve.interfaces[interface].types.get(self.name).copied()
    }
}

/// Where a type is declared, if it has a name in a named interface.
pub(crate) fn origin(resolve: &Resolve, id: TypeId) -> Option<Origin<'_>> {
    let definition = &resolve.types[id];
    let TypeOwner::Interface(interface) = definition.owner else { return None };
    let interface = &resolve.interfaces[interface];
    Some(Origin {
        package: &resolve.packages[interface.package?].name,
        interface: interface.name.as_deref()?,
        name: definition.name.as_deref()?,
    })
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
