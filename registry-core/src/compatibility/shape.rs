//! Types by structure: each distinct structure gets a number, so that comparing two types is comparing two numbers.

use super::names::Names;
use std::collections::HashMap;
use wit_parser::{Handle, PackageId, Resolve, Type, TypeDef, TypeDefKind, TypeId, TypeOwner};

/// A structure's number. Two types of either side have the same exactly if they are the same to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ShapeId(usize);

/// All structures of both sides.
#[derive(Default)]
pub(super) struct Shapes {
    ids: HashMap<Shape, ShapeId>,
}

#[derive(PartialEq, Eq, Hash)]
enum Shape {
    Primitive(Type),
    /// A resource is what it is by where it is declared.
    Resource(String),
    /// A value type of another package: users of that package know it by its name.
    Foreign(String, ShapeId),
    Record(Vec<(String, ShapeId)>),
    Variant(Vec<(String, Option<ShapeId>)>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    Tuple(Vec<ShapeId>),
    Option(ShapeId),
    Result(Option<ShapeId>, Option<ShapeId>),
    List(ShapeId),
    FixedLengthList(ShapeId, u32),
    Map(ShapeId, ShapeId),
    Future(Option<ShapeId>),
    Stream(Option<ShapeId>),
    Own(ShapeId),
    Borrow(ShapeId),
    /// A form that no complete package holds.
    Unknown(TypeId),
}

impl Shapes {
    /// The shape of each type of a side, in the order of its arena, in which each type stands after those it contains.
    pub(super) fn of(&mut self, resolve: &Resolve, main: PackageId, names: &Names) -> Vec<ShapeId> {
        let mut known: Vec<ShapeId> = Vec::with_capacity(resolve.types.len());
        for (id, definition) in resolve.types.iter() {
            let shape = self.definition(id, definition, resolve, names, &known);
            let is_alias = matches!(definition.kind, TypeDefKind::Type(_) | TypeDefKind::Resource);
            let shape = match names.origin(resolve, id) {
                Some(origin) if !is_alias && is_foreign(resolve, definition, main, names) => {
                    self.number(Shape::Foreign(origin, shape))
                }
                _ => shape,
            };
            known.push(shape);
        }
        known
    }

    fn number(&mut self, shape: Shape) -> ShapeId {
        let next = ShapeId(self.ids.len());
        *self.ids.entry(shape).or_insert(next)
    }

    /// The shape of a type whose parts are known.
    pub(super) fn ty(&mut self, ty: &Type, known: &[ShapeId]) -> ShapeId {
        match ty {
            Type::Id(id) => self.known(*id, known),
            primitive => self.number(Shape::Primitive(*primitive)),
        }
    }

    fn known(&mut self, id: TypeId, known: &[ShapeId]) -> ShapeId {
        match known.get(id.index()) {
            Some(shape) => *shape,
            None => self.number(Shape::Unknown(id)),
        }
    }

    fn definition(
        &mut self,
        id: TypeId,
        definition: &TypeDef,
        resolve: &Resolve,
        names: &Names,
        known: &[ShapeId],
    ) -> ShapeId {
        let shape = match &definition.kind {
            TypeDefKind::Type(target) => return self.ty(target, known),
            TypeDefKind::Resource => Shape::Resource(names.origin(resolve, id).unwrap_or_default()),
            TypeDefKind::Record(record) => Shape::Record(
                record.fields.iter().map(|field| (field.name.clone(), self.ty(&field.ty, known))).collect(),
            ),
            TypeDefKind::Variant(variant) => Shape::Variant(
                variant.cases.iter().map(|case| (case.name.clone(), self.optional(case.ty.as_ref(), known))).collect(),
            ),
            TypeDefKind::Enum(cases) => Shape::Enum(cases.cases.iter().map(|case| case.name.clone()).collect()),
            TypeDefKind::Flags(flags) => Shape::Flags(flags.flags.iter().map(|flag| flag.name.clone()).collect()),
            TypeDefKind::Tuple(tuple) => Shape::Tuple(tuple.types.iter().map(|ty| self.ty(ty, known)).collect()),
            TypeDefKind::Option(ty) => Shape::Option(self.ty(ty, known)),
            TypeDefKind::Result(result) => {
                Shape::Result(self.optional(result.ok.as_ref(), known), self.optional(result.err.as_ref(), known))
            }
            TypeDefKind::List(ty) => Shape::List(self.ty(ty, known)),
            TypeDefKind::FixedLengthList(ty, length) => Shape::FixedLengthList(self.ty(ty, known), *length),
            TypeDefKind::Map(key, value) => Shape::Map(self.ty(key, known), self.ty(value, known)),
            TypeDefKind::Future(ty) => Shape::Future(self.optional(ty.as_ref(), known)),
            TypeDefKind::Stream(ty) => Shape::Stream(self.optional(ty.as_ref(), known)),
            TypeDefKind::Handle(Handle::Own(id)) => Shape::Own(self.known(*id, known)),
            TypeDefKind::Handle(Handle::Borrow(id)) => Shape::Borrow(self.known(*id, known)),
            TypeDefKind::Unknown => Shape::Unknown(id),
        };
        self.number(shape)
    }

    fn optional(&mut self, ty: Option<&Type>, known: &[ShapeId]) -> Option<ShapeId> {
        ty.map(|ty| self.ty(ty, known))
    }
}

/// Whether a type is declared in another package than the one compared.
fn is_foreign(resolve: &Resolve, definition: &TypeDef, main: PackageId, names: &Names) -> bool {
    match definition.owner {
        TypeOwner::Interface(id) => !names.is_own(id),
        TypeOwner::World(id) => resolve.worlds[id].package != Some(main),
        TypeOwner::None => false,
    }
}
