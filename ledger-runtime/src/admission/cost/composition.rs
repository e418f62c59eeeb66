//! How a component is put together.

use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Payload, Result,
};

/// An instance, an alias, an argument, an export of a component.
const UNITS_PER_ITEM: u64 = 100;
/// A function that crosses the border of a component that is not composed of others.
const UNITS_PER_CANONICAL_FUNCTION: u64 = 500;
/// A function that one inner component calls in another: the engine writes code that passes its values on.
const UNITS_PER_ADAPTER: u64 = 10_000;
/// The same for each byte of types, of which each adapter could use all.
const UNITS_PER_ADAPTED_TYPE_BYTE: u64 = 2;

/// What a component is put together from, those inside it counted as often as they are instantiated.
#[derive(Default)]
pub(in crate::admission) struct Composition {
    scopes: Vec<Scope>,
    whole: Parts,
    type_size_bytes: u64,
    /// Whether an inner component has functions of its own, so that there can be adapters.
    is_composed: bool,
}

/// What one instance of a component consists of, with everything that is instantiated in it.
#[derive(Clone, Copy, Default)]
struct Parts {
    items: u64,
    canonical_functions: u64,
}

/// A component that is being read, or a module.
#[derive(Default)]
struct Scope {
    is_component: bool,
    parts: Parts,
    /// Its index space of components. A component that it is given could be any.
    components: Vec<Option<Parts>>,
}

impl Composition {
    /// Counts what stands in one section.
    pub(in crate::admission) fn add(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::Version { encoding, .. } => {
                let is_component = *encoding == Encoding::Component;
                self.scopes.push(Scope { is_component, ..Scope::default() });
            }
            Payload::End(_) => self.end(),
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    self.items(
                        1 + match instance? {
                            Instance::Instantiate { args, .. } => args.len(),
                            Instance::FromExports(exports) => exports.len(),
                        },
                    );
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    self.instance(&instance?);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    self.items(1);
                    if let ComponentTypeRef::Component(_) = import?.ty {
                        self.component(None);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    self.items(1);
                    if export.kind == ComponentExternalKind::Component {
                        self.component(self.known(0, export.index));
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    self.canonical_function(&function?);
                }
            }
            Payload::ComponentTypeSection(section) => self.type_size_bytes += section.range().len() as u64,
            _ => {}
        }
        Ok(())
    }

    /// The estimate for all of it.
    pub(in crate::admission) fn units(&self) -> u64 {
        let per_function = match self.is_composed {
            true => UNITS_PER_ADAPTER.saturating_add(self.type_size_bytes.saturating_mul(UNITS_PER_ADAPTED_TYPE_BYTE)),
            false => UNITS_PER_CANONICAL_FUNCTION,
        };
        let of_functions = self.whole.canonical_functions.saturating_mul(per_function);
        self.whole.items.saturating_mul(UNITS_PER_ITEM).saturating_add(of_functions)
    }

    fn end(&mut self) {
        let Some(Scope { is_component, parts, .. }) = self.scopes.pop() else { return };
        if self.scopes.is_empty() {
            self.whole = parts;
        } else if is_component {
            self.component(Some(parts));
        }
    }

    fn instance(&mut self, instance: &ComponentInstance<'_>) {
        match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                self.items(1 + args.len());
                let parts = self.known(0, *component_index).unwrap_or(Parts::UNBOUNDED);
                self.change(|scope| scope.parts = scope.parts.with(parts));
            }
            ComponentInstance::FromExports(exports) => self.items(1 + exports.len()),
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        self.items(1);
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => self.component(None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                self.component(self.known(*count, *index));
            }
            _ => {}
        }
    }

    fn canonical_function(&mut self, function: &CanonicalFunction) {
        self.is_composed |= self.scopes.len() > 1
            && matches!(function, CanonicalFunction::Lift { .. } | CanonicalFunction::Lower { .. });
        self.change(|scope| scope.parts = scope.parts.with(Parts { items: 0, canonical_functions: 1 }));
    }

    fn items(&mut self, count: usize) {
        self.change(|scope| scope.parts = scope.parts.with(Parts { items: count as u64, canonical_functions: 0 }));
    }

    fn component(&mut self, parts: Option<Parts>) {
        self.change(|scope| scope.components.push(parts));
    }

    fn change(&mut self, change: impl FnOnce(&mut Scope)) {
        if let Some(scope) = self.scopes.last_mut() {
            change(scope);
        }
    }

    /// The component `index` of the scope that is `outward` scopes out.
    fn known(&self, outward: u32, index: u32) -> Option<Parts> {
        let scope = self.scopes.iter().rev().nth(usize::try_from(outward).ok()?)?;
        *scope.components.get(usize::try_from(index).ok()?)?
    }
}

impl Parts {
    /// Those of a component that is known only when it is instantiated. Nobody's compiler makes such components.
    const UNBOUNDED: Self = Self { items: u64::MAX, canonical_functions: u64::MAX };

    fn with(self, other: Self) -> Self {
        Self {
            items: self.items.saturating_add(other.items),
            canonical_functions: self.canonical_functions.saturating_add(other.canonical_functions),
        }
    }
}
