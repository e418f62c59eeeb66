//! The canonical encoding of types, functions, interfaces and worlds (`docs/hash.md`, chapter 3).

use super::writer::{Path, Step, Writer};
use crate::hash::{Digest, Domain};
use crate::name::PackageName;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldId,
    WorldItem, WorldKey,
};

/// Something that the encoding has no form for, or that a parsed package should never hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An interface of another package whose id is not known.
    #[error("the id of interface `{0}` is not known")]
    UnknownInterface(String),
    /// A reference that the encoding cannot express.
    #[error("`{0}` refers to something outside its scope")]
    OutOfScope(String),
    /// A structure that wit-parser's own rules exclude.
    #[error("{0}")]
    Malformed(&'static str),
}

/// How references to other interfaces are written.
pub(crate) enum References<'a> {
    /// By id: packages.
    Ids(&'a BTreeMap<InterfaceId, Digest>),
    /// By full name: views, in which unversioned interfaces have no id.
    Names,
}

/// Writes definitions of one `Resolve`.
pub(crate) struct Encoder<'a> {
    pub(crate) resolve: &'a Resolve,
    pub(crate) references: References<'a>,
}

/// Where a definition stands, and what it referred to so far.
pub(crate) struct Scope {
    pub(crate) owner: TypeOwner,
    /// The world around it, if any.
    pub(crate) world: Option<WorldId>,
    /// The interfaces of other owners that were referred to, in order, with repeats.
    pub(crate) foreign: Vec<InterfaceId>,
}

impl Scope {
    pub(crate) fn interface(id: InterfaceId) -> Self {
        Self { owner: TypeOwner::Interface(id), world: None, foreign: Vec::new() }
    }

    pub(crate) fn world(id: WorldId) -> Self {
        Self { owner: TypeOwner::World(id), world: Some(id), foreign: Vec::new() }
    }

    /// An inline interface of a world.
    pub(crate) fn inline(id: InterfaceId, world: WorldId) -> Self {
        Self { owner: TypeOwner::Interface(id), world: Some(world), foreign: Vec::new() }
    }
}

/// Import or export.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Import,
    Export,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::Import, Self::Export];

    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
        }
    }

    pub(crate) fn items(self, world: &wit_parser::World) -> &IndexMap<WorldKey, WorldItem> {
        match self {
            Self::Import => &world.imports,
            Self::Export => &world.exports,
        }
    }
}

type Encoded = Result<(), EncodeError>;

impl Encoder<'_> {
    /// The id of a named interface: namespace, package name, interface name, types, functions.
    pub(crate) fn interface_id(&self, id: InterfaceId) -> Result<Digest, EncodeError> {
        let interface = &self.resolve.interfaces[id];
        let (package, name) = interface
            .package
            .zip(interface.name.as_ref())
            .ok_or(EncodeError::Malformed("an interface without a name has no id"))?;
        let mut writer = Writer::new(Domain::INTERFACE);
        self.owner_name(&mut writer, package, name);
        self.interface_body(&mut writer, &mut Scope::interface(id), id)?;
        Ok(writer.finish())
    }

    /// The id of a world: namespace, package name, world name, imports, exports.
    pub(crate) fn world_id(&self, id: WorldId) -> Result<Digest, EncodeError> {
        let world = &self.resolve.worlds[id];
        let package = world.package.ok_or(EncodeError::Malformed("a world without a package has no id"))?;
        let mut writer = Writer::new(Domain::WORLD);
        self.owner_name(&mut writer, package, &world.name);
        self.world_items(&mut writer, id)?;
        Ok(writer.finish())
    }

    /// Imports, then exports, each in the order of key kind and full name.
    pub(crate) fn world_items(&self, writer: &mut Writer, id: WorldId) -> Encoded {
        let world = &self.resolve.worlds[id];
        for direction in Direction::BOTH {
            let items = self.sorted_items(direction.items(world))?;
            writer.count(items.len() as u64);
            for (key, item) in items {
                writer.tag(key.0);
                writer.text(&key.1);
                self.world_item(writer, id, &key, item)?;
            }
        }
        Ok(())
    }

    /// Types, then functions, each in the order of their names.
    pub(crate) fn interface_body(&self, writer: &mut Writer, scope: &mut Scope, id: InterfaceId) -> Encoded {
        let interface = &self.resolve.interfaces[id];
        let types: BTreeMap<&String, &TypeId> = interface.types.iter().collect();
        writer.count(types.len() as u64);
        for (name, id) in types {
            writer.text(name);
            self.definition(writer, scope, *id)?;
        }
        let functions: BTreeMap<&String, &Function> = interface.functions.iter().collect();
        writer.count(functions.len() as u64);
        for function in functions.into_values() {
            self.function(writer, scope, function)?;
        }
        Ok(())
    }

    /// World items by (key kind, name): kind 0 is a plain name, kind 1 a full interface name.
    pub(crate) fn sorted_items<'w>(
        &self,
        items: &'w IndexMap<WorldKey, WorldItem>,
    ) -> Result<BTreeMap<(u8, String), &'w WorldItem>, EncodeError> {
        items.iter().map(|(key, item)| Ok((self.item_key(key)?, item))).collect()
    }

    fn item_key(&self, key: &WorldKey) -> Result<(u8, String), EncodeError> {
        match key {
            WorldKey::Name(name) => Ok((0, name.clone())),
            WorldKey::Interface(id) => Ok((1, self.full_name(*id)?)),
        }
    }

    /// `namespace:package/interface[@version]`.
    pub(crate) fn full_name(&self, id: InterfaceId) -> Result<String, EncodeError> {
        self.resolve.id_of(id).ok_or(EncodeError::Malformed("an inline interface has no full name"))
    }

    fn owner_name(&self, writer: &mut Writer, package: PackageId, name: &str) {
        let package = &self.resolve.packages[package].name;
        writer.text(&package.namespace);
        writer.text(&package.name);
        writer.text(name);
    }

    fn world_item(&self, writer: &mut Writer, world: WorldId, key: &(u8, String), item: &WorldItem) -> Encoded {
        match item {
            WorldItem::Interface { id, external_id, .. } => {
                let external_id = external_id.as_deref();
                if self.resolve.interfaces[*id].name.is_none() {
                    writer.tag(0x32);
                    writer.option(external_id, Writer::text);
                    return self.interface_body(writer, &mut Scope::inline(*id, world), *id);
                }
                self.item_by_reference(writer, key, *id, external_id)
            }
            WorldItem::Function(function) => {
                writer.tag(0x33);
                self.function(writer, &mut Scope::world(world), function)
            }
            WorldItem::Type { id, .. } => {
                writer.tag(0x34);
                self.definition(writer, &mut Scope::world(world), *id)
            }
        }
    }

    fn item_by_reference(
        &self,
        writer: &mut Writer,
        key: &(u8, String),
        id: InterfaceId,
        external_id: Option<&str>,
    ) -> Encoded {
        let has_plain_name = key.0 == 0;
        writer.tag(if has_plain_name { 0x31 } else { 0x30 });
        if has_plain_name {
            writer.text(&self.full_name(id)?);
        }
        if let References::Ids(ids) = self.references {
            writer.digest(self.id_in(ids, id)?);
        }
        // In a package an interface key's external-id stands in the meta leaf; a view has no such leaf.
        if has_plain_name || matches!(self.references, References::Names) {
            writer.option(external_id, Writer::text);
        }
        Ok(())
    }

    fn id_in<'i>(&self, ids: &'i BTreeMap<InterfaceId, Digest>, id: InterfaceId) -> Result<&'i Digest, EncodeError> {
        match ids.get(&id) {
            Some(digest) => Ok(digest),
            None => Err(EncodeError::UnknownInterface(self.full_name(id)?)),
        }
    }

    /// What a type's name stands for; in a view its external-id too.
    pub(crate) fn definition(&self, writer: &mut Writer, scope: &mut Scope, id: TypeId) -> Encoded {
        let definition = &self.resolve.types[id];
        self.kind(writer, scope, &definition.kind)?;
        if matches!(self.references, References::Names) {
            writer.option(definition.external_id.as_deref(), Writer::text);
        }
        Ok(())
    }

    pub(crate) fn function(&self, writer: &mut Writer, scope: &mut Scope, function: &Function) -> Encoded {
        writer.text(&function.name);
        let (tag, resource) = match function.kind {
            FunctionKind::Freestanding => (0x40, None),
            FunctionKind::AsyncFreestanding => (0x41, None),
            FunctionKind::Method(resource) => (0x42, Some(resource)),
            FunctionKind::AsyncMethod(resource) => (0x43, Some(resource)),
            FunctionKind::Static(resource) => (0x44, Some(resource)),
            FunctionKind::AsyncStatic(resource) => (0x45, Some(resource)),
            FunctionKind::Constructor(resource) => (0x46, Some(resource)),
        };
        writer.tag(tag);
        if let Some(resource) = resource {
            self.named_or_anonymous(writer, scope, resource)?;
        }
        writer.count(function.params.len() as u64);
        for parameter in &function.params {
            writer.text(&parameter.name);
            self.type_reference(writer, scope, &parameter.ty)?;
        }
        self.optional_type(writer, scope, function.result.as_ref())?;
        writer.option(function.external_id.as_deref(), Writer::text);
        Ok(())
    }

    fn type_reference(&self, writer: &mut Writer, scope: &mut Scope, ty: &Type) -> Encoded {
        let tag = match ty {
            Type::Bool => 0x01,
            Type::U8 => 0x02,
            Type::U16 => 0x03,
            Type::U32 => 0x04,
            Type::U64 => 0x05,
            Type::S8 => 0x06,
            Type::S16 => 0x07,
            Type::S32 => 0x08,
            Type::S64 => 0x09,
            Type::F32 => 0x0a,
            Type::F64 => 0x0b,
            Type::Char => 0x0c,
            Type::String => 0x0d,
            Type::ErrorContext => 0x0e,
            Type::Id(id) => return self.named_or_anonymous(writer, scope, *id),
        };
        writer.tag(tag);
        Ok(())
    }

    fn named_or_anonymous(&self, writer: &mut Writer, scope: &mut Scope, id: TypeId) -> Encoded {
        let definition = &self.resolve.types[id];
        let Some(name) = &definition.name else {
            return self.kind(writer, scope, &definition.kind);
        };
        match definition.owner {
            owner if owner == scope.owner => writer.tag(0x10),
            TypeOwner::Interface(interface) if self.resolve.interfaces[interface].name.is_some() => {
                self.foreign_interface(writer, interface)?;
                scope.foreign.push(interface);
            }
            TypeOwner::Interface(interface) => self.inline_interface(writer, scope, interface, name)?,
            TypeOwner::World(world) if scope.world == Some(world) => writer.tag(0x12),
            TypeOwner::World(_) | TypeOwner::None => return Err(EncodeError::OutOfScope(name.clone())),
        }
        writer.text(name);
        Ok(())
    }

    fn foreign_interface(&self, writer: &mut Writer, interface: InterfaceId) -> Encoded {
        match self.references {
            References::Ids(ids) => {
                writer.tag(0x11);
                writer.digest(self.id_in(ids, interface)?);
            }
            References::Names => {
                writer.tag(0x14);
                writer.text(&self.full_name(interface)?);
            }
        }
        Ok(())
    }

    /// A type of another inline interface of the same world: its direction and item name.
    fn inline_interface(&self, writer: &mut Writer, scope: &Scope, interface: InterfaceId, name: &str) -> Encoded {
        let world = scope.world.ok_or_else(|| EncodeError::OutOfScope(name.to_owned()))?;
        let world = &self.resolve.worlds[world];
        for direction in Direction::BOTH {
            for (key, item) in direction.items(world) {
                if let (WorldKey::Name(key), WorldItem::Interface { id, .. }) = (key, item)
                    && *id == interface
                {
                    writer.tag(0x13);
                    writer.tag(direction as u8);
                    writer.text(key);
                    return Ok(());
                }
            }
        }
        Err(EncodeError::OutOfScope(name.to_owned()))
    }

    fn optional_type(&self, writer: &mut Writer, scope: &mut Scope, ty: Option<&Type>) -> Encoded {
        writer.tag(u8::from(ty.is_some()));
        ty.map_or(Ok(()), |ty| self.type_reference(writer, scope, ty))
    }

    fn kind(&self, writer: &mut Writer, scope: &mut Scope, kind: &TypeDefKind) -> Encoded {
        match kind {
            TypeDefKind::Record(record) => {
                writer.tag(0x20);
                writer.count(record.fields.len() as u64);
                for field in &record.fields {
                    writer.text(&field.name);
                    self.type_reference(writer, scope, &field.ty)?;
                }
            }
            TypeDefKind::Resource => writer.tag(0x21),
            TypeDefKind::Handle(Handle::Own(resource)) => {
                writer.tag(0x22);
                self.named_or_anonymous(writer, scope, *resource)?;
            }
            TypeDefKind::Handle(Handle::Borrow(resource)) => {
                writer.tag(0x23);
                self.named_or_anonymous(writer, scope, *resource)?;
            }
            TypeDefKind::Flags(flags) => {
                writer.tag(0x24);
                writer.list(flags.flags.iter(), |writer, flag| writer.text(&flag.name));
            }
            TypeDefKind::Tuple(tuple) => {
                writer.tag(0x25);
                writer.count(tuple.types.len() as u64);
                for ty in &tuple.types {
                    self.type_reference(writer, scope, ty)?;
                }
            }
            TypeDefKind::Variant(variant) => {
                writer.tag(0x26);
                writer.count(variant.cases.len() as u64);
                for case in &variant.cases {
                    writer.text(&case.name);
                    self.optional_type(writer, scope, case.ty.as_ref())?;
                }
            }
            TypeDefKind::Enum(cases) => {
                writer.tag(0x27);
                writer.list(cases.cases.iter(), |writer, case| writer.text(&case.name));
            }
            TypeDefKind::Option(ty) => {
                writer.tag(0x28);
                self.type_reference(writer, scope, ty)?;
            }
            TypeDefKind::Result(result) => {
                writer.tag(0x29);
                self.optional_type(writer, scope, result.ok.as_ref())?;
                self.optional_type(writer, scope, result.err.as_ref())?;
            }
            TypeDefKind::List(ty) => {
                writer.tag(0x2a);
                self.type_reference(writer, scope, ty)?;
            }
            TypeDefKind::Map(key, value) => {
                writer.tag(0x2b);
                self.type_reference(writer, scope, key)?;
                self.type_reference(writer, scope, value)?;
            }
            TypeDefKind::FixedLengthList(ty, length) => {
                writer.tag(0x2c);
                self.type_reference(writer, scope, ty)?;
                writer.count(u64::from(*length));
            }
            TypeDefKind::Future(ty) => {
                writer.tag(0x2d);
                self.optional_type(writer, scope, ty.as_ref())?;
            }
            TypeDefKind::Stream(ty) => {
                writer.tag(0x2e);
                self.optional_type(writer, scope, ty.as_ref())?;
            }
            TypeDefKind::Type(ty) => {
                writer.tag(0x2f);
                self.type_reference(writer, scope, ty)?;
            }
            TypeDefKind::Unknown => return Err(EncodeError::Malformed("a type of unknown structure has no encoding")),
        }
        Ok(())
    }
}

/// The fields, cases or flags of a type with their docs.
pub(crate) fn members(kind: &TypeDefKind) -> Vec<(&str, &wit_parser::Docs)> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| (field.name.as_str(), &field.docs)).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| (case.name.as_str(), &case.docs)).collect(),
        TypeDefKind::Enum(cases) => cases.cases.iter().map(|case| (case.name.as_str(), &case.docs)).collect(),
        TypeDefKind::Flags(flags) => flags.flags.iter().map(|flag| (flag.name.as_str(), &flag.docs)).collect(),
        _ => Vec::new(),
    }
}

/// Named interfaces in an order in which each stands after those that it refers to.
pub(crate) fn interfaces_in_dependency_order(resolve: &Resolve) -> Vec<InterfaceId> {
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    for (root, interface) in resolve.interfaces.iter() {
        if interface.name.is_none() || !seen.insert(root) {
            continue;
        }
        let mut stack = vec![(root, dependencies_of(resolve, root))];
        while let Some((id, dependencies)) = stack.last_mut() {
            match dependencies.pop() {
                Some(next) if seen.insert(next) => stack.push((next, dependencies_of(resolve, next))),
                Some(_) => {}
                None => {
                    order.push(*id);
                    stack.pop();
                }
            }
        }
    }
    order
}

/// The named interfaces that an interface takes types from, each once.
pub(crate) fn dependencies_of(resolve: &Resolve, id: InterfaceId) -> Vec<InterfaceId> {
    let interfaces: BTreeSet<InterfaceId> = resolve
        .interfaces
        .get(id)
        .into_iter()
        .flat_map(|interface| interface.types.values())
        .filter_map(|id| used_interface(resolve, *id))
        .filter(|dependency| *dependency != id && resolve.interfaces[*dependency].name.is_some())
        .collect();
    interfaces.into_iter().collect()
}

/// The interface that a `use` takes this type from.
fn used_interface(resolve: &Resolve, id: TypeId) -> Option<InterfaceId> {
    let TypeDefKind::Type(Type::Id(target)) = resolve.types[id].kind else {
        return None;
    };
    match resolve.types[target].owner {
        TypeOwner::Interface(interface) => Some(interface),
        TypeOwner::World(_) | TypeOwner::None => None,
    }
}

/// The path step of a world item.
pub(crate) fn item_step(path: &Path, direction: Direction, key: &(u8, String)) -> Path {
    let step = match (direction, key.0) {
        (Direction::Import, 0) => Step::ImportByName,
        (Direction::Import, _) => Step::ImportByInterface,
        (Direction::Export, 0) => Step::ExportByName,
        (Direction::Export, _) => Step::ExportByInterface,
    };
    path.then(step, &key.1)
}

/// The name of the package that an interface belongs to.
pub(crate) fn package_of(resolve: &Resolve, id: InterfaceId) -> Option<(PackageId, PackageName)> {
    let package = resolve.interfaces[id].package?;
    Some((package, PackageName::from(&resolve.packages[package].name)))
}
