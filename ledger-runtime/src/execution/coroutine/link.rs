//! Binds a contract's imports to the host, once for all transactions.

use super::host;
use crate::abi::CoreType;
use crate::admission::coroutine::CoroutineContract;
use crate::execution::store::TransactionStore;
use wasmtime::{Engine, FuncType, InstancePre, Linker, Module, ValType};

/// What fresh instances of `module` are made from.
///
/// # Errors
/// If the module's imports are not those of `contract`.
pub(crate) fn link(
    engine: &Engine,
    module: &Module,
    contract: &CoroutineContract,
) -> wasmtime::Result<InstancePre<TransactionStore>> {
    let mut linker = Linker::new(engine);
    for import in &contract.imports {
        let function = import.function.clone();
        let serve = move |caller: wasmtime::Caller<'_, TransactionStore>,
                          parameters: &[wasmtime::Val],
                          results: &mut [wasmtime::Val]| {
            host::serve(caller, &function, parameters, results).map_err(|stopped| stopped.into_error())
        };
        let core = import.function.core_signature();
        let types = |types: &[CoreType]| types.iter().map(value_type).collect::<Vec<_>>();
        let ty = FuncType::new(engine, types(&core.parameters), types(&core.results));
        linker.func_new(&import.module, &import.name, ty, serve)?;
    }
    linker.instantiate_pre(module)
}

fn value_type(ty: &CoreType) -> ValType {
    match ty {
        CoreType::I32 => ValType::I32,
        CoreType::I64 => ValType::I64,
        CoreType::F32 => ValType::F32,
        CoreType::F64 => ValType::F64,
    }
}
