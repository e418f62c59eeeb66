//! Components: their own world as extracted from the bytes (the view), and whether it fits the registered packages.

use crate::closure::{Closure, ClosureError};
use crate::hash::Domain;
use crate::id::{ComponentHash, InterfaceId, PackageHash, ViewId};
use crate::limits::{LimitExceeded, Limits};
use crate::name::{NameError, PackageName, ReleaseName};
use crate::wit::encode::{EncodeError, Encoder, References, Scope, package_of};
use crate::wit::writer::Writer;
use crate::wit::{
    KnownPackages, PackageText, SourceFile, UnresolvedWit, WasmKind, Wit, WitError, check_resolve, decode,
    order_interfaces, subset, validate, wasm_kind, without_panic,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use wasmparser::component_types::ComponentEntityType;
use wit_component::DecodedWasm;
use wit_parser::{Resolve, Stability, Type, TypeDefKind, WorldId, WorldItem, WorldKey};

/// How a component is built that keeps every import at the version it was written against. Merging is what the tools do
/// unless they are told otherwise.
pub const BUILD_WITHOUT_MERGING: &str = "build it without merging imports: `wasm-tools component new \
    --merge-imports-based-on-semver=false`; with cargo for wasm32-wasip2: \
    `RUSTFLAGS=-Clink-arg=--merge-imports-based-on-semver=false`; in code: \
    `ComponentEncoder::merge_imports_based_on_semver(false)`";

/// Why something is not a component that can be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// A core module was given.
    #[error("this is a core WebAssembly module, not a component")]
    CoreModule,
    /// Wasm-encoded WIT was given.
    #[error("this is wasm-encoded WIT, not a component")]
    WitPackage,
    /// Not WebAssembly at all.
    #[error("this is not WebAssembly")]
    NotWasm,
    /// The bytes are not valid, or their WIT cannot be decoded.
    #[error("the component is not valid")]
    Invalid(#[source] WitError),
    /// Names of packages that nobody can register.
    #[error("the component refers to packages that cannot be registered: {}", crate::wit::sentences(.0))]
    Names(Vec<NameError>),
    /// Packages whose interfaces the component names and that are not there.
    #[error("the component refers to packages that are not there: {}", crate::wit::list(.0))]
    MissingPackages(Vec<ReleaseName>),
    /// The component's view of an interface is not the registered interface: one line for each item that differs.
    #[error("the component's interfaces differ from the registered ones: {}", .0.join("; "))]
    Differs(Vec<String>),
    /// The component does not fit its own world when that is made of the registered interfaces.
    #[error("the component does not fit its world made of the registered interfaces: {0}")]
    DoesNotFit(String),
    /// An interface without a version stands in the world several times, with different items each time.
    #[error(
        "`{0}` has no version and stands in the component's world several times with different items, so its own WIT \
         cannot tell which item is where"
    )]
    Ambiguous(String),
    /// The packages that came with it are not what they claim to be.
    #[error("the packages that the component needs are not what they claim to be")]
    Closure(#[from] ClosureError),
    /// The bytes have another hash.
    #[error("the component has the hash {actual}, but {claimed} was expected")]
    HashMismatch {
        /// The hash that was asked for.
        claimed: ComponentHash,
        /// The hash of the bytes.
        actual: ComponentHash,
    },
    /// A limit was crossed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

/// Whether an interface is imported or exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The component needs it.
    Import,
    /// The component offers it.
    Export,
}

/// How a component's view of an interface relates to the registered interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// Everything in the view is in the registered interface, with the very same references.
    Exact,
    /// The same, but for references that merging imports by semver moved to a later version of the same package.
    Merged,
}

/// A reference to a type that merging imports by semver moved to a later version of the type's package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MergedReference {
    /// The type's name in both interfaces.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Full name of the interface from which the registered interface takes it: `namespace:package/interface@version`.
    pub registered: String,
    /// Full name of the interface from which the component takes it.
    pub used: String,
}

impl fmt::Display for MergedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_name, registered, used } = self;
        write!(f, "`{used}.{{{type_name}}}` stands in the place of `{registered}.{{{type_name}}}`")
    }
}

/// A registered interface that a component imports or exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InterfaceUse {
    /// Import or export.
    pub direction: Direction,
    /// Full name: `namespace:package/interface@version`.
    pub name: String,
    /// The registered interface's id.
    pub id: InterfaceId,
    /// The package that it belongs to.
    pub package: PackageHash,
    /// How the view relates to it.
    pub relation: Relation,
    /// What was merged; empty if the relation is exact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedReference>,
}

/// A component whose bytes are valid and whose WIT is decoded, not yet compared with any registered package.
pub struct DecodedComponent<'a> {
    bytes: &'a [u8],
    view: Resolve,
    world: WorldId,
}

impl<'a> DecodedComponent<'a> {
    /// Validates the bytes and decodes their WIT.
    ///
    /// # Errors
    /// If the bytes are too many, not a component, or not valid.
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<Self, ComponentError> {
        let max = limits.component_size_bytes_max;
        LimitExceeded::check("the size of the component in bytes", bytes.len(), max, "component_size_bytes_max")?;
        match wasm_kind(bytes) {
            WasmKind::CoreModule => return Err(ComponentError::CoreModule),
            WasmKind::Other => return Err(ComponentError::NotWasm),
            WasmKind::Component => {}
        }
        match decode(bytes).map_err(ComponentError::Invalid)? {
            DecodedWasm::WitPackage(..) => Err(ComponentError::WitPackage),
            DecodedWasm::Component(view, world) => {
                check_resolve(&view, limits)?;
                let decoded = Self { bytes, view, world };
                decoded.check_occurrences()?;
                Ok(decoded)
            }
        }
    }

    /// Decoding makes one interface of all places of the world where an interface stands. For one with a version the
    /// registered interface counts; one without must have the same items everywhere, or two worlds would look alike.
    fn check_occurrences(&self) -> Result<(), ComponentError> {
        let repeated = self.repeated_interfaces();
        if repeated.is_empty() {
            return Ok(());
        }
        let types = validate(self.bytes).map_err(ComponentError::Invalid)?;
        for (interface, places) in repeated {
            let mut items = places.iter().map(|(direction, name)| {
                let item = match direction {
                    Direction::Import => types.component_item_for_import(name),
                    Direction::Export => types.component_item_for_export(name),
                };
                item.and_then(|item| match item.ty {
                    ComponentEntityType::Instance(id) => Some(types[id].exports.keys().collect::<BTreeSet<_>>()),
                    _ => None,
                })
            });
            let first = items.next();
            if items.any(|other| Some(other) != first) {
                return Err(ComponentError::Ambiguous(self.view.id_of(interface).unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Interfaces without a version that stand in the world more than once, with the names under which they do.
    fn repeated_interfaces(&self) -> BTreeMap<wit_parser::InterfaceId, Vec<(Direction, String)>> {
        let world = &self.view.worlds[self.world];
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (direction, items) in [(Direction::Import, &world.imports), (Direction::Export, &world.exports)] {
            for (key, item) in items {
                let WorldItem::Interface { id, .. } = item else { continue };
                let is_versioned = package_of(&self.view, *id).is_some_and(|(_, package)| package.version.is_some());
                if !is_versioned && self.view.interfaces[*id].name.is_some() {
                    places.entry(*id).or_default().push((direction, self.view.name_world_key(key)));
                }
            }
        }
        places.retain(|_, places| places.len() > 1);
        places
    }

    /// The versioned packages whose interfaces the component names.
    ///
    /// # Errors
    /// If a version or a name is one that nobody can register.
    pub fn packages(&self) -> Result<BTreeSet<ReleaseName>, ComponentError> {
        let (mut names, mut refused) = (BTreeSet::new(), Vec::new());
        for (_, package) in self.view.packages.iter().filter(|(_, package)| package.name.version.is_some()) {
            match ReleaseName::try_from(&PackageName::from(&package.name)) {
                Ok(name) => {
                    names.insert(name);
                }
                Err(reason) => refused.push(reason),
            }
        }
        if refused.is_empty() { Ok(names) } else { Err(ComponentError::Names(refused)) }
    }

    /// The names of what the component imports or exports: interfaces by their full names, everything else by its own.
    pub fn world_names(&self, direction: Direction) -> BTreeSet<String> {
        let world = &self.view.worlds[self.world];
        let items = match direction {
            Direction::Import => &world.imports,
            Direction::Export => &world.exports,
        };
        items.keys().map(|key| self.view.name_world_key(key)).collect()
    }

    /// Compares the component with the registered packages and names it and its view.
    ///
    /// The closure must hold the packages that the component names, with all their dependencies, and nothing else.
    ///
    /// # Errors
    /// If a package is missing or false, or the view of an interface is not part of the registered one: exactly, or but
    /// for references that were merged by semver.
    pub fn verify(self, closure: &Closure, limits: &Limits) -> Result<VerifiedComponent, ComponentError> {
        let hash = ComponentHash::of(self.bytes);
        self.verify_hashed(hash, closure, limits)
    }

    /// The same for bytes whose hash is known: to hash a large component takes longer than everything else.
    fn verify_hashed(
        self,
        hash: ComponentHash,
        closure: &Closure,
        limits: &Limits,
    ) -> Result<VerifiedComponent, ComponentError> {
        let named = self.packages()?;
        let given = closure.hashes();
        let missing: Vec<ReleaseName> = named.iter().filter(|name| !given.contains_key(name)).cloned().collect();
        if !missing.is_empty() {
            return Err(ComponentError::MissingPackages(missing));
        }
        let wit = self.complete(closure, limits)?;
        closure.check(wit.identities())?;
        let roots: Vec<PackageName> = named.iter().map(PackageName::from).collect();
        let reached = crate::wit::dependency_order(wit.identities(), roots.iter());
        closure.check_surplus(&reached.iter().map(|identity| &identity.name).collect())?;

        let is_registered = |id| self.view.packages[id].name.version.is_some();
        let findings = subset::compare_packages(&self.view, wit.resolve(), is_registered);
        if !findings.differences.is_empty() {
            return Err(ComponentError::Differs(findings.differences));
        }
        self.check_target(&wit, !findings.merged.is_empty())?;
        let interfaces = self.interfaces(wit.identities(), &findings.merged);
        let view_id = self.view_id(wit.identities()).map_err(|error| {
            ComponentError::Invalid(WitError::Encode { package: wit.name().clone(), source: error })
        })?;
        let canonical = Closure::of_packages(&wit, reached.into_iter()).map_err(ClosureError::from)?;
        let packages = named.iter().filter_map(|name| Some((name.clone(), **given.get(name)?))).collect();
        Ok(VerifiedComponent { hash, view_id, interfaces, packages, closure: canonical, wit })
    }

    /// The component's own world with the registered packages in the place of its views of them.
    fn complete(&self, closure: &Closure, limits: &Limits) -> Result<Wit, ComponentError> {
        let text = self.view_text().map_err(ComponentError::Invalid)?;
        let parsed = closure.parse(limits)?;
        let main = UnresolvedWit::parse(&[SourceFile::new("component.wit", text)], limits);
        main.and_then(|main| main.resolve(parsed, limits)).map_err(|error| match error {
            WitError::Limit(error) => ComponentError::Limit(error),
            other => ComponentError::Invalid(other),
        })
    }

    /// The component's world and its unversioned packages as one WIT text.
    fn view_text(&self) -> Result<String, WitError> {
        let main = self.view.worlds[self.world].package;
        let main = main.ok_or_else(|| WitError::Internal("the component's world has no package".to_owned()))?;
        let ordered = crate::wit::canonical_order(&self.view);
        let mut text = crate::wit::print_package(&ordered, main, true)?;
        let embedded = ordered.packages.iter().filter(|(id, package)| *id != main && package.name.version.is_none());
        let mut names: Vec<_> = embedded.map(|(id, package)| (package.name.to_string(), id)).collect();
        names.sort();
        for (_, id) in names {
            text.push('\n');
            text.push_str(&crate::wit::print_package(&ordered, id, false)?);
        }
        Ok(text)
    }

    /// Lets wit-component decide whether the component fits: it compares imports and exports each in their direction.
    fn check_target(&self, wit: &Wit, is_merged: bool) -> Result<(), ComponentError> {
        let mut resolve = wit.resolve().clone();
        let world = resolve.packages[wit.main()].worlds.values().next().copied();
        let world = world.ok_or_else(|| ComponentError::DoesNotFit("its world was lost in printing".to_owned()))?;
        self.leave_out_unstable(&mut resolve);
        if is_merged {
            self.merge_references(&mut resolve);
            order_interfaces(&mut resolve, world);
        }
        let fits = without_panic(&["component.wasm".to_owned()], || {
            wit_component::targets(&resolve, world, self.bytes)
                .map_err(|error| WitError::Internal(format!("{error:#}")))
        });
        fits.map_err(|error| {
            let missing = self.missing_exports(&resolve);
            if missing.is_empty() {
                ComponentError::DoesNotFit(error.to_string())
            } else {
                ComponentError::Differs(missing)
            }
        })
    }

    /// What the component does not export of the registered interfaces that it exports.
    fn missing_exports(&self, registered: &Resolve) -> Vec<String> {
        let exported = self.view.worlds[self.world].exports.values().filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some((*id, self.registered_interface(*id, registered)?)),
            WorldItem::Function(_) | WorldItem::Type { .. } => None,
        });
        let is_versioned =
            |id| package_of(&self.view, id).is_some_and(|(_, package): (_, PackageName)| package.version.is_some());
        let exported = exported.filter(|(view_id, _)| is_versioned(*view_id));
        exported.flat_map(|(view_id, id)| subset::missing_items(&self.view, view_id, registered, id)).collect()
    }

    /// A component need not export functions behind an `@unstable` gate: those that its view lacks do not count.
    fn leave_out_unstable(&self, registered: &mut Resolve) {
        for (view_id, interface) in self.view.interfaces.iter() {
            let id = self.registered_interface(view_id, registered);
            if let Some(registered) = id.and_then(|id| registered.interfaces.get_mut(id)) {
                registered.functions.retain(|name, function| {
                    interface.functions.contains_key(name) || !matches!(function.stability, Stability::Unstable { .. })
                });
            }
        }
    }

    /// Makes the registered interfaces take their types from where the view takes them: without this, a resource of
    /// one version could not stand for that of another.
    fn merge_references(&self, registered: &mut Resolve) {
        for (view_id, interface) in self.view.interfaces.iter() {
            let Some(id) = self.registered_interface(view_id, registered) else { continue };
            for (name, ty) in &interface.types {
                let Some(here) = registered.interfaces[id].types.get(name).copied() else { continue };
                let Type::Id(used) = subset::follow_aliases(&self.view, &Type::Id(*ty)) else { continue };
                let Type::Id(declared) = subset::follow_aliases(registered, &Type::Id(here)) else { continue };
                let Some(used) = subset::origin(&self.view, used) else { continue };
                if subset::origin(registered, declared).is_none_or(|declared| declared == used) {
                    continue;
                }
                if let Some(target) = used.find(registered) {
                    registered.types[here].kind = TypeDefKind::Type(Type::Id(target));
                }
            }
        }
    }

    /// The interface of the same full name among the registered packages.
    fn registered_interface(
        &self,
        view_id: wit_parser::InterfaceId,
        registered: &Resolve,
    ) -> Option<wit_parser::InterfaceId> {
        let interface = &self.view.interfaces[view_id];
        let package = &self.view.packages[interface.package?].name;
        let package = registered.package_names.get(package).copied()?;
        registered.packages[package].interfaces.get(interface.name.as_ref()?).copied()
    }

    /// The registered interfaces among the world's items, imports first, each in the order of names.
    fn interfaces(
        &self,
        known: &KnownPackages,
        merged: &BTreeMap<wit_parser::InterfaceId, BTreeSet<MergedReference>>,
    ) -> Vec<InterfaceUse> {
        let world = &self.view.worlds[self.world];
        let mut uses = BTreeMap::new();
        for (direction, items) in [(Direction::Import, &world.imports), (Direction::Export, &world.exports)] {
            for (key, item) in items {
                let (WorldKey::Interface(id), WorldItem::Interface { .. }) = (key, item) else { continue };
                let registered = package_of(&self.view, *id).and_then(|(_, package)| known.get(&package));
                let interface = self.view.interfaces[*id].name.as_ref().zip(self.view.id_of(*id));
                let Some((package, (name, full_name))) = registered.zip(interface) else { continue };
                let Some(interface_id) = package.interfaces.get(name).filter(|_| package.name.version.is_some()) else {
                    continue;
                };
                let merged: Vec<MergedReference> = merged.get(id).into_iter().flatten().cloned().collect();
                let interface_use = InterfaceUse {
                    direction,
                    name: full_name.clone(),
                    id: *interface_id,
                    package: package.hash,
                    relation: if merged.is_empty() { Relation::Exact } else { Relation::Merged },
                    merged,
                };
                uses.insert((direction, full_name), interface_use);
            }
        }
        uses.into_values().collect()
    }

    /// World items, unversioned interfaces in place, versioned ones by full name and registered id.
    fn view_id(&self, known: &KnownPackages) -> Result<ViewId, EncodeError> {
        let encoder = Encoder { resolve: &self.view, references: References::Names };
        let mut writer = Writer::new(Domain::VIEW);
        encoder.world_items(&mut writer, self.world)?;
        let (mut embedded, mut registered) = (BTreeMap::new(), BTreeMap::new());
        for (id, interface) in self.view.interfaces.iter() {
            let Some(name) = &interface.name else { continue };
            let Some((_, package)) = package_of(&self.view, id) else { continue };
            let full_name = encoder.full_name(id)?;
            if package.version.is_none() {
                embedded.insert(full_name, id);
                continue;
            }
            let known_id = known.get(&package).and_then(|package| package.interfaces.get(name));
            let known_id = known_id.ok_or_else(|| EncodeError::UnknownInterface(full_name.clone()))?;
            registered.insert(full_name, known_id.digest());
        }
        writer.count(embedded.len() as u64);
        for (full_name, id) in embedded {
            writer.text(&full_name);
            encoder.interface_body(&mut writer, &mut Scope::interface(id), id)?;
        }
        writer.named_digests(&registered);
        Ok(ViewId::from_digest(writer.finish()))
    }
}

/// A component that fits the registered packages.
#[derive(Clone)]
pub struct VerifiedComponent {
    hash: ComponentHash,
    view_id: ViewId,
    interfaces: Vec<InterfaceUse>,
    packages: BTreeMap<ReleaseName, PackageHash>,
    closure: Closure,
    wit: Wit,
}

impl VerifiedComponent {
    /// Verifies bytes that were asked for by hash, with the packages that they need.
    ///
    /// # Errors
    /// [`ComponentError::HashMismatch`] with both hashes if these are other bytes; else as [`DecodedComponent`].
    pub fn check(
        expected: &ComponentHash,
        bytes: &[u8],
        closure: &Closure,
        limits: &Limits,
    ) -> Result<Self, ComponentError> {
        let actual = ComponentHash::of(bytes);
        if &actual != expected {
            return Err(ComponentError::HashMismatch { claimed: *expected, actual });
        }
        DecodedComponent::decode(bytes, limits)?.verify_hashed(actual, closure, limits)
    }

    /// The hash of the bytes.
    pub fn hash(&self) -> ComponentHash {
        self.hash
    }

    /// The id of the component's own world.
    pub fn view_id(&self) -> ViewId {
        self.view_id
    }

    /// The registered interfaces that the component imports and exports.
    pub fn interfaces(&self) -> &[InterfaceUse] {
        &self.interfaces
    }

    /// What merging imports by semver moved to other versions, by the interface whose view it is in; empty if every view
    /// is exact.
    pub fn merged(&self) -> impl Iterator<Item = (&str, &MergedReference)> {
        let uses = self.interfaces.iter();
        uses.flat_map(|interface| interface.merged.iter().map(|reference| (interface.name.as_str(), reference)))
    }

    /// The packages that the component itself names, without what these refer to.
    pub fn packages(&self) -> &BTreeMap<ReleaseName, PackageHash> {
        &self.packages
    }

    /// The packages that the component needs, in canonical text.
    pub fn closure(&self) -> &Closure {
        &self.closure
    }

    /// The component's world (`root:component/root`) with everything that it needs. It is made of the registered
    /// interfaces, so where references were merged it also imports what these refer to.
    pub fn wit(&self) -> &Wit {
        &self.wit
    }

    /// The component's world in [`VerifiedComponent::wit`].
    pub fn world(&self) -> Option<WorldId> {
        self.wit.resolve().packages[self.wit.main()].worlds.values().next().copied()
    }

    /// The component's world and its unversioned packages as one WIT file that refers to registered packages by name.
    ///
    /// # Errors
    /// If the printer cannot express them.
    pub fn world_text(&self) -> Result<String, WitError> {
        let printer = PackageText::new(&self.wit);
        let mut text = printer.file(self.wit.name())?;
        for identity in self.wit.closure_order() {
            if identity.name.version.is_none() && &identity.name != self.wit.name() {
                text.push('\n');
                text.push_str(&printer.nested(&identity.name)?);
            }
        }
        Ok(text)
    }

    /// [`VerifiedComponent::world_text`] with the registered packages nested in it: it parses on its own.
    ///
    /// # Errors
    /// If the printer cannot express it.
    pub fn flat_text(&self) -> Result<String, WitError> {
        PackageText::new(&self.wit).flat()
    }
}
