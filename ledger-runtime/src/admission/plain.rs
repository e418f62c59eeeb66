//! Contracts without Starstream's shape, which run in the engine's component model.

use super::AdmissionError;
use crate::compiled::CompiledCache;
use crate::engine::compiled_size_bytes;
use crate::execution::TransactionStore;
use crate::interface::{ContractFunction, Interface, Obstacle};
use registry_core::component::VerifiedComponent;
use std::sync::Arc;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, Type};

/// Such a contract, compiled.
pub(crate) struct Plain {
    pub(crate) instance: InstancePre<TransactionStore>,
    /// How its state is read and loaded, if it has any.
    pub(crate) storage: Option<RootStorage>,
    /// For each function of the interface; none for those that can't be called.
    exports: Vec<Option<Arc<Export>>>,
}

/// Where a function is in the compiled code, and what it takes and gives.
pub struct Export {
    pub(crate) index: ComponentExportIndex,
    /// Its full name.
    pub(crate) name: String,
    /// Names and types.
    pub(crate) parameters: Vec<(String, Type)>,
    pub(crate) result: Option<Type>,
}

/// The functions by which the state of a contract is kept that is a type of UTXOs itself: `get-storage` and
/// `set-storage` at the root of its world, where one takes what the other gives.
#[derive(Clone)]
pub struct RootStorage {
    pub(crate) get: Arc<Export>,
    pub(crate) set: Arc<Export>,
}

impl Plain {
    /// Compiles a component, and says how large it became. Functions that it does not export get an obstacle.
    pub(super) fn admit(
        cache: &CompiledCache,
        component: &VerifiedComponent,
        bytes: &[u8],
        interface: &mut Interface,
    ) -> Result<(Self, usize), AdmissionError> {
        let compile = |error: wasmtime::Error| AdmissionError::Compile(error.into());
        let component = cache.component(component.hash(), bytes).map_err(compile)?;
        // Nothing is defined in this linker, so an import that needs something at run time fails here once more.
        let instance = Linker::new(cache.engine()).instantiate_pre(&component).map_err(compile)?;
        let exports = find_exports(&component, interface);
        let storage = RootStorage::of(interface, &exports);
        Ok((Self { instance, storage, exports }, compiled_size_bytes(&component)))
    }

    /// The function at `index` of the interface.
    pub(super) fn function(&self, index: usize) -> Option<&Arc<Export>> {
        self.exports.get(index).and_then(Option::as_ref)
    }
}

impl Export {
    /// Names and types of the parameters.
    pub fn parameters(&self) -> &[(String, Type)] {
        &self.parameters
    }

    /// The type of the result, if there is one.
    pub fn result(&self) -> Option<&Type> {
        self.result.as_ref()
    }
}

impl RootStorage {
    fn of(interface: &Interface, exports: &[Option<Arc<Export>>]) -> Option<Self> {
        let at_root = |name: &str| {
            let is_meant =
                |function: &ContractFunction| function.interface.is_none() && function.declaration.name == name;
            let index = interface.functions().iter().position(is_meant)?;
            exports.get(index)?.clone()
        };
        let (get, set) = (at_root("get-storage")?, at_root("set-storage")?);
        let fits = match (get.parameters.as_slice(), &get.result, set.parameters.as_slice(), &set.result) {
            ([], Some(given), [(_, taken)], None) => given == taken,
            _ => false,
        };
        fits.then_some(Self { get, set })
    }

    /// Whether `export` is one of the two, which only the ledger calls.
    pub(crate) fn is(&self, export: &Arc<Export>) -> bool {
        Arc::ptr_eq(&self.get, export) || Arc::ptr_eq(&self.set, export)
    }
}

/// Looks each function up in the compiled code, and notes those that are not there.
fn find_exports(component: &Component, interface: &mut Interface) -> Vec<Option<Arc<Export>>> {
    let find = |function: &mut ContractFunction| {
        if function.obstacle.is_some() {
            return None;
        }
        let export = find_export(component, function);
        if export.is_none() {
            function.obstacle = Some(Obstacle::NotExported);
        }
        export.map(Arc::new)
    };
    interface.functions_mut().iter_mut().map(find).collect()
}

fn find_export(component: &Component, function: &ContractFunction) -> Option<Export> {
    let instance = match &function.interface {
        Some(interface) => Some(component.get_export_index(None, interface)?),
        None => None,
    };
    let (item, index) = component.get_export(instance.as_ref(), &function.declaration.name)?;
    let ComponentItem::ComponentFunc(exported) = item else { return None };
    let parameters = exported.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
    let result = exported.results().next();
    Some(Export { index, name: function.to_string(), parameters, result })
}
