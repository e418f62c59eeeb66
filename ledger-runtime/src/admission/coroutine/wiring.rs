//! How a component is put together, read from its bytes.
//!
//! A component's sections fill index spaces, to which later sections refer. [`Assembly`] keeps for every index what
//! stands behind it, as far as the shape allows it to be there at all.
//!
//! There is one module that matters, and it comes first. wit-component adds two small ones where it needs them (see
//! [`indirection`](super::indirection)); then what is behind a trampoline is known only at the end.

use super::error::{Difference, ShapeError};
use super::indirection::{FIXUPS_ARGUMENT, TABLE, Trampolines, number_of};
use super::shim::Shim;
use super::{MEMORY, REALLOC};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use wasmparser::component_types::{ComponentAnyTypeId, ResourceId};
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExport, ComponentExternalKind,
    ComponentImport, ComponentInstance, ComponentType, ComponentTypeRef, ExternalKind, Instance, InstantiationArg,
    Parser, Payload,
};

/// What goes where in a component with one core module.
pub(super) struct Wiring<'a> {
    /// Where the core module stands.
    pub(super) module: Range<usize>,
    /// What each core import, by module and name, is given.
    pub(super) imports: BTreeMap<(&'a str, &'a str), CoreFunction<'a>>,
    /// The core export behind each exported function of the component.
    pub(super) functions: BTreeMap<&'a str, &'a str>,
    /// The core export behind each function of each exported instance of the component.
    pub(super) instances: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
    /// The core exports that are the destructors of the component's own resources.
    pub(super) destructors: Vec<(ResourceId, CoreFunction<'a>)>,
}

/// A core function of the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CoreFunction<'a> {
    /// A function of an interface that the component imports.
    Imported { interface: &'a str, name: &'a str },
    /// Makes a handle of a resource.
    NewResource(ResourceId),
    /// Drops a handle of a resource.
    DropResource(ResourceId),
    /// Gives what a handle of a resource stands for.
    RepResource(ResourceId),
    /// An export of the core module.
    Exported(&'a str),
    /// Leads to a function that is known later.
    Trampoline(usize),
}

impl<'a> Wiring<'a> {
    /// Reads the component, whose types are `types`.
    pub(super) fn of(bytes: &'a [u8], types: &Types) -> Result<Self, ShapeError> {
        let mut assembly = Assembly::new(bytes, types);
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| ShapeError::invalid(&error))? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload if depth == 1 => assembly.section(payload)?,
                // What is inside of the module and of inner components is read where they are.
                _ => {}
            }
        }
        assembly.finish()
    }
}

/// What stands behind the indices of a component that is being read.
struct Assembly<'a, 't> {
    bytes: &'a [u8],
    types: &'t Types,
    modules: Vec<Range<usize>>,
    core_instances: Vec<CoreInstance<'a>>,
    core_functions: Vec<CoreFunction<'a>>,
    /// How many types there are so far.
    types_count: u32,
    /// The resources that have destructors, by the indices of their types.
    destructors: Vec<(u32, CoreFunction<'a>)>,
    functions: Vec<Function<'a>>,
    instances: Vec<Exporting<'a>>,
    shims: Vec<Shim<'a>>,
    exported_functions: BTreeMap<&'a str, &'a str>,
    exported_instances: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
}

enum CoreInstance<'a> {
    /// Items under the names by which a module imports them.
    Bundle(Bundle<'a>),
    /// That of a module, with the bundles from which it imports.
    OfModule(Module, BTreeMap<&'a str, Bundle<'a>>),
}

/// What a module of a component is, by its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Module {
    /// The contract's code.
    Main,
    /// wit-component's trampolines.
    Trampolines,
    /// What fills the table of the trampolines.
    Fixups,
}

/// The modules of a component in their order, where there is more than the first.
const MODULES: [Module; 3] = [Module::Main, Module::Trampolines, Module::Fixups];

type Bundle<'a> = BTreeMap<&'a str, CoreItem<'a>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CoreItem<'a> {
    Function(CoreFunction<'a>),
    /// The table of the trampolines; there is no other.
    Table,
}

#[derive(Clone, Copy)]
enum Function<'a> {
    Imported {
        interface: &'a str,
        name: &'a str,
    },
    /// The core export that was lifted.
    Lifted(&'a str),
}

#[derive(Clone)]
enum Exporting<'a> {
    Imported(&'a str),
    /// The core export behind each function.
    Shim(BTreeMap<&'a str, &'a str>),
}

impl<'a, 't> Assembly<'a, 't> {
    fn new(bytes: &'a [u8], types: &'t Types) -> Self {
        Self {
            bytes,
            types,
            modules: Vec::new(),
            core_instances: Vec::new(),
            core_functions: Vec::new(),
            types_count: 0,
            destructors: Vec::new(),
            functions: Vec::new(),
            instances: Vec::new(),
            shims: Vec::new(),
            exported_functions: BTreeMap::new(),
            exported_instances: BTreeMap::new(),
        }
    }

    fn section(&mut self, payload: Payload<'a>) -> Result<(), ShapeError> {
        match payload {
            // Types of core functions exist at compile time only.
            Payload::CustomSection(_) | Payload::CoreTypeSection(_) => Ok(()),
            Payload::ComponentTypeSection(section) => each(section, |ty| self.component_type(&ty)),
            Payload::ComponentImportSection(section) => each(section, |import| self.import(&import)),
            Payload::ModuleSection { unchecked_range, .. } => {
                self.modules.push(unchecked_range);
                Ok(())
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                self.shims.push(Shim::of(self.bytes.get(unchecked_range).unwrap_or_default())?);
                Ok(())
            }
            Payload::ComponentAliasSection(section) => each(section, |alias| self.alias(&alias)),
            Payload::ComponentCanonicalSection(section) => each(section, |function| self.canonical(&function)),
            Payload::InstanceSection(section) => each(section, |instance| self.core_instance(&instance)),
            Payload::ComponentInstanceSection(section) => each(section, |instance| self.instance(&instance)),
            Payload::ComponentExportSection(section) => each(section, |export| self.export(&export)),
            Payload::ComponentStartSection { .. } => Err(ShapeError::unknown("the component's start function")),
            _ => Err(ShapeError::unknown("a section of the component")),
        }
    }

    fn import(&mut self, import: &ComponentImport<'a>) -> Result<(), ShapeError> {
        let name = import.name.name;
        match import.ty {
            ComponentTypeRef::Instance(_) => self.instances.push(Exporting::Imported(name)),
            // Which types are imported is a matter of the WIT.
            ComponentTypeRef::Type(_) => self.types_count += 1,
            _ => return Err(ShapeError::unknown(format!("the import `{name}`"))),
        }
        Ok(())
    }

    /// Types exist at compile time only, but for a resource's destructor.
    fn component_type(&mut self, ty: &ComponentType<'a>) -> Result<(), ShapeError> {
        if let ComponentType::Resource { dtor: Some(destructor), .. } = ty {
            let unknown = || ShapeError::unknown("a resource's destructor");
            let function = *get(&self.core_functions, *destructor).ok_or_else(unknown)?;
            self.destructors.push((self.types_count, function));
        }
        self.types_count += 1;
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'a>) -> Result<(), ShapeError> {
        match *alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Type, .. } => {
                self.types_count += 1;
                Ok(())
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Func, instance_index, name } => {
                let Some(Exporting::Imported(interface)) = get(&self.instances, instance_index) else {
                    return Err(ShapeError::unknown(format!("the alias of `{name}`")));
                };
                self.functions.push(Function::Imported { interface, name });
                Ok(())
            }
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                self.core_alias(kind, instance_index, name)
            }
            ComponentAlias::InstanceExport { name, .. } => Err(ShapeError::unknown(format!("the alias of `{name}`"))),
            ComponentAlias::Outer { .. } => Err(ShapeError::unknown("an outer alias")),
        }
    }

    fn core_alias(&mut self, kind: ExternalKind, instance: u32, name: &'a str) -> Result<(), ShapeError> {
        let unknown = || ShapeError::unknown(format!("the alias of `{name}`"));
        let Some(CoreInstance::OfModule(module, _)) = get(&self.core_instances, instance) else {
            return Err(unknown());
        };
        match (module, kind) {
            (Module::Main, ExternalKind::Func) => self.core_functions.push(CoreFunction::Exported(name)),
            (Module::Trampolines, ExternalKind::Func) => {
                let number = number_of(name).ok_or_else(unknown)?;
                self.core_functions.push(CoreFunction::Trampoline(number));
            }
            // There is one memory and one table that can be used, so their indices need not be kept.
            (Module::Main, ExternalKind::Memory) if name == MEMORY => {}
            (Module::Trampolines, ExternalKind::Table) if name == TABLE => {}
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), ShapeError> {
        match function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                let Some(CoreFunction::Exported(name)) = get(&self.core_functions, *core_func_index) else {
                    return Err(ShapeError::unknown("a lifted function that is not of the core module"));
                };
                self.check_options(options, name)?;
                self.functions.push(Function::Lifted(name));
            }
            CanonicalFunction::Lower { func_index, options } => {
                let Some(Function::Imported { interface, name }) = get(&self.functions, *func_index) else {
                    return Err(ShapeError::unknown("a lowered function that is not imported"));
                };
                self.check_options(options, name)?;
                self.core_functions.push(CoreFunction::Imported { interface, name });
            }
            CanonicalFunction::ResourceNew { resource } => {
                let resource = self.resource(*resource)?;
                self.core_functions.push(CoreFunction::NewResource(resource));
            }
            CanonicalFunction::ResourceDrop { resource } => {
                let resource = self.resource(*resource)?;
                self.core_functions.push(CoreFunction::DropResource(resource));
            }
            CanonicalFunction::ResourceRep { resource } => {
                let resource = self.resource(*resource)?;
                self.core_functions.push(CoreFunction::RepResource(resource));
            }
            other => return Err(ShapeError::unknown(format!("the canonical function `{}`", variant_name(other)))),
        }
        Ok(())
    }

    fn resource(&self, index: u32) -> Result<ResourceId, ShapeError> {
        match self.types.as_ref().component_any_type_at(index) {
            ComponentAnyTypeId::Resource(resource) => Ok(resource.resource()),
            _ => Err(ShapeError::unknown(format!("the resource function of type {index}"))),
        }
    }

    /// A function may use the one memory, and says how it would get room in it. There are no texts and no lists, so
    /// nobody ever asks for room, and there is nothing to clean up.
    fn check_options(&self, options: &[CanonicalOption], name: &str) -> Result<(), ShapeError> {
        let unknown = options.iter().find(|option| match option {
            CanonicalOption::UTF8 | CanonicalOption::Memory(_) => false,
            CanonicalOption::Realloc(index) => {
                get(&self.core_functions, *index) != Some(&CoreFunction::Exported(REALLOC))
            }
            _ => true,
        });
        match unknown {
            None => Ok(()),
            Some(option) => {
                let option = variant_name(option);
                Err(ShapeError::new(format!("the function `{name}`"), Difference::Option { option }))
            }
        }
    }

    fn core_instance(&mut self, instance: &Instance<'a>) -> Result<(), ShapeError> {
        let instance = match instance {
            Instance::Instantiate { module_index, args } => {
                let module = get(&MODULES, *module_index).copied();
                let module = module.ok_or_else(|| ShapeError::unknown(format!("the core module {module_index}")))?;
                CoreInstance::OfModule(module, self.bundles(args)?)
            }
            Instance::FromExports(exports) => {
                let items = exports.iter().map(|export| {
                    let item = match export.kind {
                        ExternalKind::Func => get(&self.core_functions, export.index).copied().map(CoreItem::Function),
                        ExternalKind::Table => Some(CoreItem::Table),
                        _ => None,
                    };
                    let item = item.ok_or_else(|| ShapeError::unknown(format!("`{}`", export.name)))?;
                    Ok((export.name, item))
                });
                CoreInstance::Bundle(items.collect::<Result<_, ShapeError>>()?)
            }
        };
        self.core_instances.push(instance);
        Ok(())
    }

    fn bundles(&self, arguments: &[InstantiationArg<'a>]) -> Result<BTreeMap<&'a str, Bundle<'a>>, ShapeError> {
        let bundle = |argument: &InstantiationArg<'a>| match get(&self.core_instances, argument.index) {
            Some(CoreInstance::Bundle(items)) => Ok((argument.name, items.clone())),
            _ => Err(ShapeError::unknown(format!("the core instance for `{}`", argument.name))),
        };
        arguments.iter().map(bundle).collect()
    }

    fn instance(&mut self, instance: &ComponentInstance<'a>) -> Result<(), ShapeError> {
        let ComponentInstance::Instantiate { component_index, args } = instance else {
            return Err(ShapeError::unknown("an instance that is put together from items"));
        };
        let mut given = BTreeMap::new();
        for argument in args {
            match argument.kind {
                ComponentExternalKind::Func => {
                    let Some(Function::Lifted(core)) = get(&self.functions, argument.index) else {
                        return Err(ShapeError::unknown(format!("the argument `{}`", argument.name)));
                    };
                    given.insert(argument.name, *core);
                }
                // The resources that come out are compared with the module's (see `World::imports`).
                ComponentExternalKind::Type => {}
                _ => return Err(ShapeError::unknown(format!("the argument `{}`", argument.name))),
            }
        }
        let shim = get(&self.shims, *component_index).ok_or_else(|| ShapeError::unknown("an instance"))?;
        let functions = shim.functions.iter().map(|(export, import)| {
            let core = given.get(import).ok_or_else(|| ShapeError::new(format!("`{import}`"), Difference::Missing))?;
            Ok((*export, *core))
        });
        self.instances.push(Exporting::Shim(functions.collect::<Result<_, ShapeError>>()?));
        Ok(())
    }

    fn export(&mut self, export: &ComponentExport<'a>) -> Result<(), ShapeError> {
        let name = export.name.name;
        let unknown = || ShapeError::unknown(format!("the export `{name}`"));
        match export.kind {
            ComponentExternalKind::Func => {
                let function = *get(&self.functions, export.index).ok_or_else(unknown)?;
                let Function::Lifted(core) = function else { return Err(unknown()) };
                self.exported_functions.insert(name, core);
                self.functions.push(function);
            }
            ComponentExternalKind::Instance => {
                let instance = get(&self.instances, export.index).ok_or_else(unknown)?.clone();
                let Exporting::Shim(functions) = &instance else { return Err(unknown()) };
                self.exported_instances.insert(name, functions.clone());
                self.instances.push(instance);
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn finish(self) -> Result<Wiring<'a>, ShapeError> {
        let (module, targets) = match self.modules.as_slice() {
            [module] => (module, Vec::new()),
            [module, trampolines, fixups] => (module, self.targets(trampolines, fixups)?),
            modules => return Err(ShapeError::new("a core module", Difference::Count { count: modules.len() })),
        };
        let follow = |function: &CoreFunction<'a>| match function {
            CoreFunction::Trampoline(number) => targets.get(*number).copied(),
            other => Some(*other),
        };
        let mut imports = BTreeMap::new();
        for (module, items) in self.bundles_of(Module::Main, "an instance of the core module")? {
            for (name, item) in items {
                let function = match item {
                    CoreItem::Function(function) => follow(function),
                    CoreItem::Table => None,
                };
                let place = || ShapeError::unknown(format!("the core import `{module}` `{name}`"));
                imports.insert((*module, *name), function.ok_or_else(place)?);
            }
        }
        let destructors = self.destructors.iter().map(|(ty, function)| {
            let function = follow(function).ok_or_else(|| ShapeError::unknown("a resource's destructor"))?;
            Ok((self.resource(*ty)?, function))
        });
        Ok(Wiring {
            module: module.clone(),
            imports,
            destructors: destructors.collect::<Result<_, ShapeError>>()?,
            functions: self.exported_functions,
            instances: self.exported_instances,
        })
    }

    /// What each trampoline leads to.
    fn targets(&self, trampolines: &Range<usize>, fixups: &Range<usize>) -> Result<Vec<CoreFunction<'a>>, ShapeError> {
        let module = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        let trampolines = Trampolines::of(module(trampolines))?;
        trampolines.check_fixups(module(fixups))?;
        self.bundles_of(Module::Trampolines, "an instance of the module of trampolines")?;
        let bundles = self.bundles_of(Module::Fixups, "an instance of the module of fixups")?;
        let target = |number: usize| {
            let item = bundles.get(FIXUPS_ARGUMENT).and_then(|items| items.get(number.to_string().as_str()));
            match item {
                Some(CoreItem::Function(CoreFunction::Trampoline(_)) | CoreItem::Table) | None => {
                    Err(ShapeError::unknown(format!("what the trampoline {number} leads to")))
                }
                Some(CoreItem::Function(function)) => Ok(*function),
            }
        };
        (0..trampolines.count()).map(target).collect()
    }

    /// What the one instance of a module imports.
    fn bundles_of(&self, module: Module, place: &str) -> Result<&BTreeMap<&'a str, Bundle<'a>>, ShapeError> {
        let bundles = self.core_instances.iter().filter_map(|instance| match instance {
            CoreInstance::OfModule(of, bundles) if *of == module => Some(bundles),
            _ => None,
        });
        let bundles: Vec<_> = bundles.collect();
        match bundles.as_slice() {
            [bundles] => Ok(*bundles),
            several => Err(ShapeError::new(place, Difference::Count { count: several.len() })),
        }
    }
}

/// The name of an enum's variant, which is how the parser calls things, without what it holds.
fn variant_name(variant: &impl fmt::Debug) -> String {
    let text = format!("{variant:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

fn each<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    mut read: impl FnMut(T) -> Result<(), ShapeError>,
) -> Result<(), ShapeError> {
    section.into_iter().try_for_each(|item| read(item.map_err(|error: BinaryReaderError| ShapeError::invalid(&error))?))
}

fn get<T>(items: &[T], index: u32) -> Option<&T> {
    items.get(index as usize)
}

impl fmt::Display for CoreFunction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imported { interface, name } => write!(f, "`{interface}` `{name}`"),
            Self::NewResource(_) => f.write_str("the making of handles of the resource"),
            Self::DropResource(_) => f.write_str("the dropping of handles of the resource"),
            Self::RepResource(_) => f.write_str("the reading of handles of the resource"),
            Self::Exported(name) => write!(f, "the core export `{name}`"),
            Self::Trampoline(number) => write!(f, "the trampoline {number}"),
        }
    }
}
