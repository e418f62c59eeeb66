//! What differs between two types or two functions, in words.
//!
//! Whether they differ is known before: by their shapes. These functions only look for where.

use super::names::Names;
use super::shape::{ShapeId, Shapes};
use super::words::{a_kind, full_name, type_text};
use super::{Comparer, is_unstable};
use crate::wit::Wit;
use crate::wit::encode::dependencies_of;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use wit_parser::{Function, Handle, InterfaceId, Package, PackageId, Resolve, Type, TypeDefKind, TypeId};

/// One of the two packages or components that are compared.
pub(super) struct Side<'a> {
    pub(super) resolve: &'a Resolve,
    pub(super) main: PackageId,
    pub(super) names: Names,
    shapes: Vec<ShapeId>,
}

impl<'a> Side<'a> {
    pub(super) fn new(wit: &'a Wit, shapes: &mut Shapes) -> Self {
        let (resolve, main) = (wit.resolve(), wit.main());
        let names = Names::of(resolve, main);
        let shapes = shapes.of(resolve, main, &names);
        Self { resolve, main, names, shapes }
    }

    pub(super) fn package(&self) -> &'a Package {
        &self.resolve.packages[self.main]
    }

    /// Whether an interface with a name belongs to the package that is compared.
    pub(super) fn is_own_interface(&self, id: InterfaceId) -> bool {
        self.resolve.interfaces[id].package == Some(self.main) && self.resolve.interfaces[id].name.is_some()
    }

    /// The interfaces of other packages that stable interfaces take types from, however indirectly, by name and track;
    /// of several versions in a track, the highest.
    pub(super) fn used_interfaces(&self) -> BTreeMap<String, InterfaceId> {
        let own = self.package().interfaces.values().copied();
        let mut open: Vec<InterfaceId> =
            own.filter(|id| !is_unstable(&self.resolve.interfaces[*id].stability)).collect();
        let mut seen = BTreeSet::new();
        let mut used: BTreeMap<String, InterfaceId> = BTreeMap::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            open.extend(dependencies_of(self.resolve, id));
            if self.names.is_own(id) {
                continue;
            }
            let known = used.entry(self.names.interface(id).to_owned()).or_insert(id);
            if self.version(*known) < self.version(id) {
                *known = id;
            }
        }
        used
    }

    /// The version of the package that an interface belongs to.
    pub(super) fn version(&self, id: InterfaceId) -> Option<&'a Version> {
        let package = self.resolve.interfaces[id].package?;
        self.resolve.packages[package].name.version.as_ref()
    }

    fn shape(&self, id: TypeId) -> Option<ShapeId> {
        self.shapes.get(id.index()).copied()
    }

    /// The resource of an owning handle, which is written as that resource; any other type as it is.
    fn owned_resource(&self, ty: &Type) -> Type {
        match ty {
            Type::Id(id) => match self.resolve.types[*id].kind {
                TypeDefKind::Handle(Handle::Own(resource)) => Type::Id(resource),
                _ => *ty,
            },
            primitive => *primitive,
        }
    }

    fn follow_aliases(&self, ty: &Type) -> Type {
        let mut current = *ty;
        while let Type::Id(id) = current
            && let TypeDefKind::Type(target) = self.resolve.types[id].kind
        {
            current = target;
        }
        current
    }
}

/// One difference: where in the item, from the outside in, and what.
#[derive(Debug)]
pub(super) struct Difference {
    places: Vec<String>,
    what: String,
}

impl Difference {
    fn new(what: impl Into<String>) -> Self {
        Self { places: Vec::new(), what: what.into() }
    }

    fn within(mut self, place: impl Into<String>) -> Self {
        self.places.insert(0, place.into());
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.places.is_empty() {
            write!(f, "{} ", self.places.join(", "))?;
        }
        f.write_str(&self.what)
    }
}

/// Names with their types, as far as they have one.
type Named<'m> = Vec<(&'m str, Option<&'m Type>)>;

/// The members of a type or the parameters of a function.
struct Members<'m> {
    /// What one is called.
    noun: &'static str,
    old: Named<'m>,
    new: Named<'m>,
}

impl Comparer<'_> {
    fn is_same(&self, old: &Type, new: &Type) -> bool {
        match (self.old.follow_aliases(old), self.new.follow_aliases(new)) {
            (Type::Id(old), Type::Id(new)) => self.old.shape(old) == self.new.shape(new),
            (old, new) => old == new,
        }
    }

    /// All differences between two functions of one name.
    pub(super) fn function_differences(&mut self, old: &Function, new: &Function) -> Vec<Difference> {
        let mut differences = Vec::new();
        match (old.kind.is_async(), new.kind.is_async()) {
            (false, true) => differences.push(Difference::new("is `async` now")),
            (true, false) => differences.push(Difference::new("is no longer `async`")),
            _ => {}
        }
        let members = Members { noun: "parameter", old: parameters(old), new: parameters(new) };
        differences.extend(self.member_differences(&members, usize::MAX));
        let result = self.optional_difference(old.result.as_ref(), new.result.as_ref(), "a result");
        differences.extend(result.map(Difference::within_result));
        differences
    }

    /// All differences between two definitions of one name, those inside settled definitions left out.
    pub(super) fn definition_differences(&mut self, old: TypeId, new: TypeId) -> Vec<Difference> {
        if self.is_same(&Type::Id(old), &Type::Id(new)) {
            return Vec::new();
        }
        let target = |resolve: &Resolve, id: TypeId| match resolve.types[id].kind {
            TypeDefKind::Type(target) => (target, true),
            _ => (Type::Id(id), false),
        };
        match (target(self.old.resolve, old), target(self.new.resolve, new)) {
            ((_, false), (_, false)) => self.kind_differences(old, new, usize::MAX),
            ((old, _), (new, _)) => self.difference(&old, &new).into_iter().collect(),
        }
    }

    /// The first difference between two types where they are used.
    fn difference(&mut self, old: &Type, new: &Type) -> Option<Difference> {
        if self.is_same(old, new) || self.is_settled(old, new) {
            return None;
        }
        let ends = (self.old.follow_aliases(old), self.new.follow_aliases(new));
        if self.is_settled(&ends.0, &ends.1) {
            return None;
        }
        let (old_text, new_text) = (type_text(self.old.resolve, old), type_text(self.new.resolve, new));
        if old_text != new_text {
            return Some(Difference::new(format!("is `{new_text}`, was `{old_text}`")));
        }
        let (Type::Id(old), Type::Id(new)) = ends else {
            let (old, new) = (type_text(self.old.resolve, &ends.0), type_text(self.new.resolve, &ends.1));
            return Some(Difference::new(format!("is `{new}`, was `{old}`")));
        };
        if self.silent.contains(&(old, new)) {
            return None;
        }
        let difference = self.kind_differences(old, new, 1).pop();
        if difference.is_none() {
            self.silent.insert((old, new));
        }
        difference
    }

    fn is_settled(&self, old: &Type, new: &Type) -> bool {
        let (old, new) = (self.old.owned_resource(old), self.new.owned_resource(new));
        matches!((old, new), (Type::Id(old), Type::Id(new)) if self.settled.contains(&(old, new)))
    }

    /// Differences between two definitions that are no aliases, at most `max`.
    fn kind_differences(&mut self, old: TypeId, new: TypeId, max: usize) -> Vec<Difference> {
        if let Some(difference) = self.origin_difference(old, new) {
            return vec![difference];
        }
        let (old_resolve, new_resolve) = (self.old.resolve, self.new.resolve);
        let difference = match (&old_resolve.types[old].kind, &new_resolve.types[new].kind) {
            (TypeDefKind::List(old), TypeDefKind::List(new)) | (TypeDefKind::Option(old), TypeDefKind::Option(new)) => {
                self.difference(old, new)
            }
            (TypeDefKind::FixedLengthList(old, length), TypeDefKind::FixedLengthList(new, other))
                if length == other =>
            {
                self.difference(old, new)
            }
            (TypeDefKind::Map(old_key, old), TypeDefKind::Map(new_key, new)) => {
                self.difference(old_key, new_key).or_else(|| self.difference(old, new))
            }
            (TypeDefKind::Result(old), TypeDefKind::Result(new)) => self
                .optional_difference(old.ok.as_ref(), new.ok.as_ref(), "a success type")
                .or_else(|| self.optional_difference(old.err.as_ref(), new.err.as_ref(), "an error type")),
            (TypeDefKind::Future(old), TypeDefKind::Future(new))
            | (TypeDefKind::Stream(old), TypeDefKind::Stream(new)) => {
                self.optional_difference(old.as_ref(), new.as_ref(), "an element type")
            }
            (TypeDefKind::Tuple(old), TypeDefKind::Tuple(new)) if old.types.len() == new.types.len() => {
                old.types.iter().zip(&new.types).find_map(|(old, new)| self.difference(old, new))
            }
            (TypeDefKind::Handle(Handle::Own(old)), TypeDefKind::Handle(Handle::Own(new)))
            | (TypeDefKind::Handle(Handle::Borrow(old)), TypeDefKind::Handle(Handle::Borrow(new))) => {
                self.difference(&Type::Id(*old), &Type::Id(*new))
            }
            (old_kind, new_kind) => match members(old_kind, new_kind) {
                Some(members) => return self.member_differences(&members, max),
                None => Some(self.kinds_differ(old, new)),
            },
        };
        difference.into_iter().collect()
    }

    /// A type of another package is the same only if it stays that package's; a resource only where it is declared.
    fn origin_difference(&self, old: TypeId, new: TypeId) -> Option<Difference> {
        let origin = |side: &Side<'_>, id| side.names.origin(side.resolve, id);
        let (from, to) = (origin(&self.old, old), origin(&self.new, new));
        let is_resource = |side: &Side<'_>, id: TypeId| matches!(side.resolve.types[id].kind, TypeDefKind::Resource);
        let is_foreign = |origin: &Option<String>| origin.as_ref().is_some_and(|origin| !origin.starts_with('/'));
        let counts =
            is_foreign(&from) || is_foreign(&to) || (is_resource(&self.old, old) && is_resource(&self.new, new));
        (counts && from != to).then(|| {
            let (old, new) = (full_name(self.old.resolve, old), full_name(self.new.resolve, new));
            Difference::new(format!("is {new}, was {old}"))
        })
    }

    fn kinds_differ(&self, old: TypeId, new: TypeId) -> Difference {
        let (from, to) = (type_text(self.old.resolve, &Type::Id(old)), type_text(self.new.resolve, &Type::Id(new)));
        if from != to {
            return Difference::new(format!("is `{to}`, was `{from}`"));
        }
        let (old, new) = (&self.old.resolve.types[old].kind, &self.new.resolve.types[new].kind);
        Difference::new(format!("is {}, was {}", a_kind(new), a_kind(old)))
    }

    fn optional_difference(&mut self, old: Option<&Type>, new: Option<&Type>, noun: &str) -> Option<Difference> {
        match (old, new) {
            (None, None) => None,
            (Some(old), Some(new)) => self.difference(old, new),
            (Some(old), None) => {
                let old = type_text(self.old.resolve, old);
                Some(Difference::new(format!("no longer has {noun}, had `{old}`")))
            }
            (None, Some(new)) => {
                let new = type_text(self.new.resolve, new);
                Some(Difference::new(format!("has {noun} now: `{new}`")))
            }
        }
    }

    fn member_differences(&mut self, members: &Members<'_>, max: usize) -> Vec<Difference> {
        let noun = members.noun;
        let mut differences = name_differences(noun, &names_of(&members.old), &names_of(&members.new));
        let new: BTreeMap<&str, Option<&Type>> = members.new.iter().copied().collect();
        for (name, old) in &members.old {
            if differences.len() >= max {
                break;
            }
            let Some(new) = new.get(name) else { continue };
            let difference = self.optional_difference(*old, *new, "a value");
            differences.extend(difference.map(|difference| difference.within(format!("{noun} `{name}`"))));
        }
        differences.truncate(max);
        differences
    }
}

impl Difference {
    /// A function's result: that there is one now, or none any more, is said of the function itself.
    fn within_result(self) -> Self {
        if self.places.is_empty() && self.what.contains("has a result") { self } else { self.within("result") }
    }
}

fn parameters(function: &Function) -> Named<'_> {
    function.params.iter().map(|parameter| (parameter.name.as_str(), Some(&parameter.ty))).collect()
}

fn names_of<'m>(members: &[(&'m str, Option<&'m Type>)]) -> Vec<&'m str> {
    members.iter().map(|(name, _)| *name).collect()
}

/// Which names came, went or changed, or that their order did.
fn name_differences(noun: &str, old: &[&str], new: &[&str]) -> Vec<Difference> {
    let (old_names, new_names): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    let is_renamed = |old: &&str, new: &&str| !new_names.contains(old) && !old_names.contains(new);
    let is_only_renamed =
        old.len() == new.len() && old.iter().zip(new).all(|(old, new)| old == new || is_renamed(old, new));
    if is_only_renamed {
        let renamed = old.iter().zip(new).filter(|(old, new)| old != new);
        return renamed.map(|(old, new)| Difference::new(format!("{noun} `{old}` is called `{new}` now"))).collect();
    }
    let gone = old.iter().filter(|name| !new_names.contains(name));
    let come = new.iter().filter(|name| !old_names.contains(name));
    let gone = gone.map(|name| Difference::new(format!("{noun} `{name}` was removed")));
    let come = come.map(|name| Difference::new(format!("{noun} `{name}` was added")));
    let mut differences: Vec<Difference> = gone.chain(come).collect();
    if differences.is_empty() {
        let is_moved = old != new;
        differences.extend(is_moved.then(|| Difference::new(format!("has its {noun}s in another order"))));
    }
    differences
}

/// The members of two types of one kind that has members.
fn members<'m>(old: &'m TypeDefKind, new: &'m TypeDefKind) -> Option<Members<'m>> {
    let of = |kind: &'m TypeDefKind| -> Option<(&'static str, Named<'m>)> {
        Some(match kind {
            TypeDefKind::Record(record) => {
                ("field", record.fields.iter().map(|field| (field.name.as_str(), Some(&field.ty))).collect())
            }
            TypeDefKind::Variant(variant) => {
                ("case", variant.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref())).collect())
            }
            TypeDefKind::Enum(cases) => ("case", cases.cases.iter().map(|case| (case.name.as_str(), None)).collect()),
            TypeDefKind::Flags(flags) => ("flag", flags.flags.iter().map(|flag| (flag.name.as_str(), None)).collect()),
            _ => return None,
        })
    };
    let is_same_kind = std::mem::discriminant(old) == std::mem::discriminant(new);
    let ((noun, old), (_, new)) = of(old).zip(of(new)).filter(|_| is_same_kind)?;
    Some(Members { noun, old, new })
}
