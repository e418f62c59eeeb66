//! How types are called: by the shortest name that only one of them has.

use super::{Field, Function, Member, TypeDefinition};
use crate::wit::{declared_name, describe_type_by, follow_aliases};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wit_parser::{Handle, Param, Resolve, Type, TypeDefKind, TypeId};

/// The names that were given so far.
pub(super) struct Names<'a> {
    resolve: &'a Resolve,
    by_type: BTreeMap<TypeId, String>,
    taken: BTreeSet<String>,
    /// Named types that are not yet described.
    mentioned: VecDeque<TypeId>,
}

impl<'a> Names<'a> {
    pub(super) fn new(resolve: &'a Resolve) -> Self {
        Self { resolve, by_type: BTreeMap::new(), taken: BTreeSet::new(), mentioned: VecDeque::new() }
    }

    /// Lets a resource be called by a name, which other resources may share: the same object, seen from elsewhere.
    pub(super) fn share(&mut self, resource: TypeId, name: &str) {
        self.taken.insert(name.to_owned());
        self.by_type.insert(resource, name.to_owned());
    }

    /// Lets a resource be called by a name, or by its full name if another type has that one.
    pub(super) fn give(&mut self, resource: TypeId, name: &str, full_name: &str) {
        let is_free = self.taken.insert(name.to_owned());
        self.by_type.insert(resource, if is_free { name } else { full_name }.to_owned());
    }

    /// The resource that a type is a handle of.
    pub(super) fn resource_of(&self, ty: &Type) -> Option<TypeId> {
        let Type::Id(id) = follow_aliases(self.resolve, ty) else { return None };
        match self.resolve.types[id].kind {
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) => {
                match follow_aliases(self.resolve, &Type::Id(resource)) {
                    Type::Id(declared) => Some(declared),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A type in one line.
    pub(super) fn type_name(&mut self, ty: &Type) -> String {
        let resolve = self.resolve;
        describe_type_by(resolve, ty, &mut |id| self.name(id))
    }

    pub(super) fn field(&mut self, name: &str, ty: &Type) -> Field {
        Field { name: name.to_owned(), type_name: self.type_name(ty) }
    }

    pub(super) fn function(&mut self, name: &str, parameters: &[Param], result: Option<&Type>) -> Function {
        Function {
            name: name.to_owned(),
            parameters: parameters.iter().map(|parameter| self.field(&parameter.name, &parameter.ty)).collect(),
            result: result.map(|ty| self.type_name(ty)),
        }
    }

    /// The definitions of all types that were mentioned, and of those that these mention.
    pub(super) fn definitions(mut self) -> Vec<TypeDefinition> {
        let mut definitions = Vec::new();
        while let Some(id) = self.mentioned.pop_front() {
            let name = self.name(id).unwrap_or_default();
            let kind = &self.resolve.types[id].kind;
            definitions.push(TypeDefinition { name, kind: kind.as_str(), members: self.members(kind) });
        }
        definitions
    }

    fn members(&mut self, kind: &TypeDefKind) -> Vec<Member> {
        let mut member = |name: &str, ty: Option<&Type>| {
            let type_name = ty.map(|ty| self.type_name(ty));
            Member { name: name.to_owned(), type_name }
        };
        match kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().map(|field| member(&field.name, Some(&field.ty))).collect()
            }
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().map(|case| member(&case.name, case.ty.as_ref())).collect()
            }
            TypeDefKind::Enum(cases) => cases.cases.iter().map(|case| member(&case.name, None)).collect(),
            TypeDefKind::Flags(flags) => flags.flags.iter().map(|flag| member(&flag.name, None)).collect(),
            _ => Vec::new(),
        }
    }

    /// What a type with members, or a resource, is called; none if the type is written out.
    fn name(&mut self, id: TypeId) -> Option<String> {
        if let Some(known) = self.by_type.get(&id) {
            return Some(known.clone());
        }
        let definition = &self.resolve.types[id];
        let has_name = matches!(
            definition.kind,
            TypeDefKind::Record(_)
                | TypeDefKind::Variant(_)
                | TypeDefKind::Enum(_)
                | TypeDefKind::Flags(_)
                | TypeDefKind::Resource
        );
        let name = definition.name.as_deref().filter(|_| has_name)?;
        self.give(id, name, &declared_name(self.resolve, id));
        self.mentioned.push_back(id);
        self.by_type.get(&id).cloned()
    }
}
