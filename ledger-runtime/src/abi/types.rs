//! Types of values, with how the canonical ABI lays them out.

use super::error::UnsupportedType;
use crate::interface::TYPE_DEPTH_MAX;
use registry_core::id::ComponentHash;
use std::collections::HashMap;
use wit_parser::{Handle, Resolve, Type, TypeDefKind, TypeId};

/// A value's type and its layout.
///
/// Kinds of types that the ABI and the encoding treat alike are one [`Shape`]: a tuple is a record, and an enum, an
/// option and a result are variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbiType {
    shape: Shape,
    size_bytes: u32,
    align_bytes: u32,
    /// Where the payload of a variant begins, counted from the variant's own beginning.
    payload_offset_bytes: u32,
    flat: Vec<CoreType>,
    depth: usize,
    parts: usize,
}

/// What a value consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types of WIT by their own names")]
pub enum Shape {
    Bool,
    U8,
    S8,
    U16,
    S16,
    U32,
    S32,
    U64,
    S64,
    F32,
    F64,
    Char,
    /// A record or a tuple.
    Record(Vec<Field>),
    /// A variant, an enum, an option (`none`, `some`) or a result (`ok`, `err`).
    Variant(Vec<Case>),
    /// Flags: how many there are, at most 32.
    Flags(u32),
    /// A handle that changes hands.
    Own(Resource),
    /// A handle that is lent.
    Borrow(Resource),
}

/// A part of a record or a tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name; in a tuple its position.
    pub name: String,
    /// Its type.
    pub ty: AbiType,
    /// Where it begins in memory, counted from the record's beginning.
    pub offset_bytes: u32,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The type of what it carries.
    pub payload: Option<AbiType>,
}

/// What a handle may refer to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The context of a UTXO, through which it says that it goes on and which methods it has.
    Context,
    /// A UTXO, of any type if none is said.
    Utxo(Option<ObjectType>),
    /// A token, of any type if none is said.
    Token(Option<ObjectType>),
}

/// A type of UTXOs or tokens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectType {
    /// The contract that declares it; none for the contract in which this stands.
    pub contract: Option<ComponentHash>,
    /// The exported interface that declares it.
    pub name: String,
}

/// What the resources of a contract's WIT stand for. Others can't be used.
pub type Resources = HashMap<TypeId, Resource>;

/// The type of a core value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the types of WebAssembly by their own names")]
pub enum CoreType {
    I32,
    I64,
    F32,
    F64,
}

/// Of how many types a type may be made, itself and each use of each type counted. A record of two records of two
/// records grows with two to the power of its depth, while its text stays short.
pub(crate) const TYPE_PARTS_MAX: usize = 10_000;

/// Of how many types all functions of a contract may be made, each use of each type counted. A short text can name a
/// large type often, and each function keeps its own.
pub(crate) const CONTRACT_TYPE_PARTS_MAX: usize = 100_000;

impl AbiType {
    /// The type `ty` of a WIT.
    ///
    /// # Errors
    /// If it contains what can't be passed, or is too large.
    pub fn of(resolve: &Resolve, ty: &Type, resources: &Resources) -> Result<Self, UnsupportedType> {
        Builder { resolve, resources, parts_left: TYPE_PARTS_MAX }.ty(ty, 1)
    }

    /// What it consists of.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Bytes that a value takes in memory.
    pub fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    /// The address of a value in memory is a multiple of it.
    pub fn align_bytes(&self) -> u32 {
        self.align_bytes
    }

    /// The core values that a value consists of outside of memory.
    pub fn flat(&self) -> &[CoreType] {
        &self.flat
    }

    /// How deep types contain each other in it; 1 if it has no parts.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Of how many types it is made, itself and each use of each type counted.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// The fields of a record or a tuple; none for other types.
    pub fn fields(&self) -> &[Field] {
        match &self.shape {
            Shape::Record(fields) => fields,
            _ => &[],
        }
    }

    /// Whether a value of the type can hold handles.
    pub fn has_handles(&self) -> bool {
        match &self.shape {
            Shape::Record(fields) => fields.iter().any(|field| field.ty.has_handles()),
            Shape::Variant(cases) => cases.iter().filter_map(|case| case.payload.as_ref()).any(Self::has_handles),
            Shape::Own(_) | Shape::Borrow(_) => true,
            _ => false,
        }
    }

    /// Whether it is the same type as `other`, where each stands in its own contract: what one calls its own is by its
    /// contract for the other.
    pub fn is_same(&self, contract: &ComponentHash, other: &Self, of_other: &ComponentHash) -> bool {
        let is_same = |a: &Self, b: &Self| a.is_same(contract, b, of_other);
        match (&self.shape, &other.shape) {
            (Shape::Record(a), Shape::Record(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name && is_same(&a.ty, &b.ty))
            }
            (Shape::Variant(a), Shape::Variant(b)) => {
                let is_same_case = |a: &Case, b: &Case| match (&a.payload, &b.payload) {
                    (None, None) => a.name == b.name,
                    (Some(first), Some(second)) => a.name == b.name && is_same(first, second),
                    (None, Some(_)) | (Some(_), None) => false,
                };
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_case(a, b))
            }
            (Shape::Own(a), Shape::Own(b)) | (Shape::Borrow(a), Shape::Borrow(b)) => a.is_same(contract, b, of_other),
            (a, b) => a == b,
        }
    }

    pub(super) fn payload_offset_bytes(&self) -> u32 {
        self.payload_offset_bytes
    }

    pub(crate) fn own(resource: Resource) -> Self {
        Self::scalar(Shape::Own(resource), 4, CoreType::I32)
    }

    fn scalar(shape: Shape, size_bytes: u32, core: CoreType) -> Self {
        Self {
            shape,
            size_bytes,
            align_bytes: size_bytes,
            payload_offset_bytes: 0,
            flat: vec![core],
            depth: 1,
            parts: 1,
        }
    }

    fn record(parts: Vec<(String, Self)>) -> Result<Self, UnsupportedType> {
        let (mut end, mut align_bytes, mut depth, mut flat) = (0_u32, 1, 0, Vec::new());
        let count = parts.iter().map(|(_, ty)| ty.parts).sum::<usize>() + 1;
        let mut fields = Vec::with_capacity(parts.len());
        for (name, ty) in parts {
            let offset_bytes = aligned(end, ty.align_bytes)?;
            end = add(offset_bytes, ty.size_bytes)?;
            align_bytes = align_bytes.max(ty.align_bytes);
            depth = depth.max(ty.depth);
            flat.extend_from_slice(&ty.flat);
            fields.push(Field { name, ty, offset_bytes });
        }
        let size_bytes = aligned(end, align_bytes)?;
        let shape = Shape::Record(fields);
        Ok(Self { shape, size_bytes, align_bytes, payload_offset_bytes: 0, flat, depth: depth + 1, parts: count })
    }

    fn variant(cases: Vec<Case>) -> Result<Self, UnsupportedType> {
        let index_size_bytes = index_size_bytes(cases.len());
        let (mut payload_size_bytes, mut payload_align_bytes, mut depth) = (0, 1, 0);
        let (mut joined, mut flat) = (Vec::new(), vec![CoreType::I32]);
        for ty in cases.iter().filter_map(|case| case.payload.as_ref()) {
            payload_size_bytes = payload_size_bytes.max(ty.size_bytes);
            payload_align_bytes = payload_align_bytes.max(ty.align_bytes);
            depth = depth.max(ty.depth);
            join_all(&mut joined, &ty.flat);
        }
        flat.append(&mut joined);
        let align_bytes = payload_align_bytes.max(index_size_bytes);
        let payload_offset_bytes = aligned(index_size_bytes, payload_align_bytes)?;
        let size_bytes = aligned(add(payload_offset_bytes, payload_size_bytes)?, align_bytes)?;
        // A case counts like a type, because it has a name to keep.
        let parts = cases.iter().map(|case| 1 + case.payload.as_ref().map_or(0, |ty| ty.parts)).sum::<usize>() + 1;
        let shape = Shape::Variant(cases);
        Ok(Self { shape, size_bytes, align_bytes, payload_offset_bytes, flat, depth: depth + 1, parts })
    }

    fn flags(count: usize) -> Result<Self, UnsupportedType> {
        let count = u32::try_from(count).ok().filter(|count| *count <= 32).ok_or(UnsupportedType::TooManyFlags)?;
        let size_bytes = match count {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        Ok(Self::scalar(Shape::Flags(count), size_bytes, CoreType::I32))
    }
}

impl Resource {
    fn is_same(&self, contract: &ComponentHash, other: &Self, of_other: &ComponentHash) -> bool {
        match (self, other) {
            (Self::Utxo(Some(a)), Self::Utxo(Some(b))) | (Self::Token(Some(a)), Self::Token(Some(b))) => {
                a.contract(contract) == b.contract(of_other) && a.name == b.name
            }
            (a, b) => a == b,
        }
    }
}

impl ObjectType {
    /// The contract that declares it, where it stands in the contract `own`.
    pub fn contract<'a>(&'a self, own: &'a ComponentHash) -> &'a ComponentHash {
        self.contract.as_ref().unwrap_or(own)
    }
}

/// The next multiple of `align_bytes`, which is a power of two, from `offset` on.
fn aligned(offset: u32, align_bytes: u32) -> Result<u32, UnsupportedType> {
    offset.checked_next_multiple_of(align_bytes).ok_or(UnsupportedType::TooLarge)
}

/// Bytes of a case's index in memory.
pub(super) fn index_size_bytes(cases: usize) -> u32 {
    match cases {
        ..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        _ => 4,
    }
}

fn add(a: u32, b: u32) -> Result<u32, UnsupportedType> {
    a.checked_add(b).ok_or(UnsupportedType::TooLarge)
}

/// Every case of a variant uses the same core values, each wide enough for all of them.
fn join_all(joined: &mut Vec<CoreType>, flat: &[CoreType]) {
    for (index, core) in flat.iter().enumerate() {
        match joined.get_mut(index) {
            Some(before) => *before = before.join(*core),
            None => joined.push(*core),
        }
    }
}

impl CoreType {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::I32, Self::F32) | (Self::F32, Self::I32) => Self::I32,
            _ => Self::I64,
        }
    }
}

/// Makes one type, counting its parts.
struct Builder<'a> {
    resolve: &'a Resolve,
    resources: &'a Resources,
    parts_left: usize,
}

impl Builder<'_> {
    fn ty(&mut self, ty: &Type, depth: usize) -> Result<AbiType, UnsupportedType> {
        if depth > TYPE_DEPTH_MAX {
            return Err(UnsupportedType::TooDeep { max: TYPE_DEPTH_MAX });
        }
        self.count(1)?;
        let (shape, size_bytes, core) = match ty {
            Type::Bool => (Shape::Bool, 1, CoreType::I32),
            Type::U8 => (Shape::U8, 1, CoreType::I32),
            Type::S8 => (Shape::S8, 1, CoreType::I32),
            Type::U16 => (Shape::U16, 2, CoreType::I32),
            Type::S16 => (Shape::S16, 2, CoreType::I32),
            Type::U32 => (Shape::U32, 4, CoreType::I32),
            Type::S32 => (Shape::S32, 4, CoreType::I32),
            Type::U64 => (Shape::U64, 8, CoreType::I64),
            Type::S64 => (Shape::S64, 8, CoreType::I64),
            Type::F32 => (Shape::F32, 4, CoreType::F32),
            Type::F64 => (Shape::F64, 8, CoreType::F64),
            Type::Char => (Shape::Char, 4, CoreType::I32),
            Type::String => return Err(UnsupportedType::Kind { kind: "string" }),
            Type::ErrorContext => return Err(UnsupportedType::Kind { kind: "error-context" }),
            Type::Id(id) => return self.definition(*id, depth),
        };
        Ok(AbiType::scalar(shape, size_bytes, core))
    }

    fn definition(&mut self, id: TypeId, depth: usize) -> Result<AbiType, UnsupportedType> {
        let resolve = self.resolve;
        match &resolve.types[id].kind {
            TypeDefKind::Type(ty) => self.ty(ty, depth + 1),
            TypeDefKind::Record(record) => {
                self.record(record.fields.iter().map(|field| (field.name.clone(), &field.ty)), depth)
            }
            TypeDefKind::Tuple(tuple) => {
                self.record(tuple.types.iter().enumerate().map(|(index, ty)| (index.to_string(), ty)), depth)
            }
            TypeDefKind::Variant(variant) => {
                self.variant(variant.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref())), depth)
            }
            TypeDefKind::Enum(enumeration) => {
                self.variant(enumeration.cases.iter().map(|case| (case.name.as_str(), None)), depth)
            }
            TypeDefKind::Option(some) => self.variant([("none", None), ("some", Some(some))].into_iter(), depth),
            TypeDefKind::Result(result) => {
                self.variant([("ok", result.ok.as_ref()), ("err", result.err.as_ref())].into_iter(), depth)
            }
            TypeDefKind::Flags(flags) => AbiType::flags(flags.flags.len()),
            TypeDefKind::Handle(Handle::Own(resource)) => self.handle(*resource, Shape::Own),
            TypeDefKind::Handle(Handle::Borrow(resource)) => self.handle(*resource, Shape::Borrow),
            other => Err(UnsupportedType::Kind { kind: other.as_str() }),
        }
    }

    fn record<'t>(
        &mut self,
        fields: impl Iterator<Item = (String, &'t Type)>,
        depth: usize,
    ) -> Result<AbiType, UnsupportedType> {
        let fields = fields.map(|(name, ty)| Ok((name, self.ty(ty, depth + 1)?)));
        AbiType::record(fields.collect::<Result<_, UnsupportedType>>()?)
    }

    fn variant<'t>(
        &mut self,
        cases: impl Iterator<Item = (&'t str, Option<&'t Type>)>,
        depth: usize,
    ) -> Result<AbiType, UnsupportedType> {
        let cases = cases.map(|(name, ty)| {
            self.count(1)?;
            let payload = ty.map(|ty| self.ty(ty, depth + 1)).transpose()?;
            Ok(Case { name: name.to_owned(), payload })
        });
        AbiType::variant(cases.collect::<Result<_, UnsupportedType>>()?)
    }

    fn handle(&self, resource: TypeId, shape: fn(Resource) -> Shape) -> Result<AbiType, UnsupportedType> {
        let declared = declaration(self.resolve, resource);
        let resource = self.resources.get(&declared).ok_or_else(|| UnsupportedType::Resource {
            name: self.resolve.types[resource].name.clone().unwrap_or_default(),
        })?;
        Ok(AbiType::scalar(shape(resource.clone()), 4, CoreType::I32))
    }

    fn count(&mut self, parts: usize) -> Result<(), UnsupportedType> {
        self.parts_left =
            self.parts_left.checked_sub(parts).ok_or(UnsupportedType::TooManyParts { max: TYPE_PARTS_MAX })?;
        Ok(())
    }
}

/// Where a type is declared that may have come through `use`.
pub(crate) fn declaration(resolve: &Resolve, mut id: TypeId) -> TypeId {
    // wit-parser has no cycles of aliases.
    while let TypeDefKind::Type(Type::Id(next)) = resolve.types[id].kind {
        id = next;
    }
    id
}
