//! How many transactions of Starstream's contracts can be executed in a second, beside the bare engine doing the same calls.
//!
//! The bare engine has the same configuration, makes a fresh store with gas for each transaction and the same instances in
//! it, and the same calls between them; its host functions do nothing. What the ledger adds is what a ledger is for:
//! checks, encoding, handles, gating, records, the call table's digests. Nothing is committed here (see the bench `chain`).
//! Rounds of all rows take turns, and each row shows its fastest round. Figures and command: docs/benchmarks.md.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

use ledger_core::{
    Admission, BlockBuilder, ChainId, Deployment, Execution, Input, MemoryState, Moment, Outcome, RootCall, State,
    Transaction, Verdict,
};
use ledger_runtime::admission::coroutine::{CoroutineContract, host_interface_id};
use ledger_runtime::admission::{Executable, Imports};
use ledger_runtime::execution::{ContractProvider, Executor, NodeFault};
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::Writer;
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::{ComponentHash, UtxoId};
use registry_core::limits::Limits as CoreLimits;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Caller, Engine, Instance, InstancePre, Linker, Module, ResourceLimiter, Store, Val, ValType};

const GAS_LIMIT: u64 = 10_000_000;
const ROUNDS: usize = 15;
const TRANSACTIONS_IN_ROUND: u32 = 1_000;

fn main() {
    let (ticker, counter) = (Ledger::with("ticker"), Ledger::with("counter"));
    let (bare_ticker, bare_counter) = (Bare::of(&ticker), Bare::of(&counter));
    let script = ticker.transaction(ticker.function("make-ticked"), signed(100), &[]);
    let stored = counter.store(counter.function("create"), signed(5));
    let method = counter.transaction(RootCall::Method { utxo: stored, method: "bump".into() }, signed(1), &[stored]);
    table([
        ("bare engine: a script makes a UTXO and calls it 3 times", &mut || bare_ticker.script()),
        ("the ledger, the same", &mut || ticker.execute(&script)),
        ("bare engine: a record is loaded, a method called, the record read", &mut || bare_counter.method()),
        ("the ledger: a method of a stored UTXO", &mut || counter.execute(&method)),
    ]);
}

/// Measures all rows in turns. The ratio is that to the row before which is the bare engine's.
fn table<const COUNT: usize>(rows: [(&str, &mut dyn FnMut()); COUNT]) {
    let mut fastest = [Duration::MAX; COUNT];
    let (names, mut works): (Vec<&str>, Vec<&mut dyn FnMut()>) = rows.into_iter().unzip();
    for _ in 0..ROUNDS {
        for (work, fastest) in works.iter_mut().zip(&mut fastest) {
            let started = Instant::now();
            (0..TRANSACTIONS_IN_ROUND).for_each(|_| work());
            *fastest = started.elapsed().min(*fastest);
        }
    }
    println!("| | µs | transactions/s | ratio |\n|---|---|---|---|");
    for (index, (name, time)) in names.iter().zip(fastest).enumerate() {
        let seconds = time.as_secs_f64() / f64::from(TRANSACTIONS_IN_ROUND);
        let ratio = time.as_secs_f64() / fastest[index - index % 2].as_secs_f64();
        println!("| {name} | {:.2} | {:.0} | {ratio:.2} |", seconds * 1e6, 1.0 / seconds);
    }
}

/// One contract on a chain in memory.
struct Ledger {
    executor: Executor,
    contract: Arc<Deployed>,
    coroutine: CoroutineContract,
    component: Vec<u8>,
    state: std::cell::RefCell<MemoryState>,
}

struct Deployed(Arc<Executable>);

impl ContractProvider for Deployed {
    fn contract(&self, hash: &ComponentHash) -> Result<Option<Arc<Executable>>, NodeFault> {
        Ok((self.0.hash() == hash).then(|| Arc::clone(&self.0)))
    }
}

impl Ledger {
    fn with(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/starstream");
        let component = std::fs::read(folder.join(name).join("component.wasm")).unwrap();
        let (profile, verified) = (ExecutionProfile::default(), verified(&component));
        let executor = Executor::new(profile.clone(), &Limits::default()).unwrap();
        let imports = Imports::new();
        let contract = Executable::admit(executor.engine(), &profile, &verified, &component, &imports).unwrap();
        let coroutine = CoroutineContract::of(&profile, &verified, &component, &imports).unwrap();
        let (contract, state) = (Arc::new(Deployed(Arc::new(contract))), std::cell::RefCell::default());
        let ledger = Self { executor, contract, coroutine, component, state };
        ledger.deploy(&verified);
        ledger
    }

    fn deploy(&self, verified: &VerifiedComponent) {
        let contract = *self.contract.0.hash();
        let transaction = self.transaction(RootCall::Deploy { contract, gas_limit_max: None }, Vec::new(), &[]);
        let component = self.component.clone();
        let deployment = Deployment { contract, component, packages: Vec::new(), imports: Default::default() };
        let admission = Admission { view: verified.view_id(), host_interface: host_interface_id().unwrap() };
        self.block(|builder| {
            builder.push_deployment(transaction, 0, deployment, admission).unwrap();
        });
    }

    fn function(&self, function: &str) -> RootCall {
        RootCall::Function { contract: *self.contract.0.hash(), function: function.to_owned() }
    }

    fn transaction(&self, call: RootCall, arguments: Vec<u8>, inputs: &[UtxoId]) -> Transaction {
        let inputs = inputs.iter().map(|utxo| Input { utxo: *utxo, version: None }).collect();
        let (chain, references) = (chain(), Vec::new());
        Transaction {
            chain,
            nonce: 0,
            valid_from: 0,
            valid_until: u64::MAX,
            inputs,
            references,
            call,
            arguments,
            gas_limit: GAS_LIMIT,
        }
    }

    /// Makes a UTXO that stays.
    fn store(&self, call: RootCall, arguments: Vec<u8>) -> UtxoId {
        let transaction = self.transaction(call, arguments, &[]);
        let execution = self.execution(&transaction);
        let Outcome::Succeeded(effects) = &execution.outcome else { panic!("{execution:?}") };
        let utxo = effects.created[0].utxo;
        self.block(|builder| {
            builder.push(transaction, execution).unwrap();
        });
        utxo
    }

    fn block(&self, push: impl FnOnce(&mut BlockBuilder<'_>)) {
        let state = self.state.borrow().clone();
        let (profile, moment) = (self.executor.profile().id(), self.moment());
        let mut builder = BlockBuilder::begin(&state, chain(), profile, moment).unwrap();
        push(&mut builder);
        self.state.borrow_mut().apply(&builder.seal().unwrap()).unwrap();
    }

    fn moment(&self) -> Moment {
        let height = self.state.borrow().tip().unwrap().map_or(0, |tip| tip.moment.height + 1);
        Moment { height, slot: height, time_ms: height }
    }

    fn execution(&self, transaction: &Transaction) -> Execution {
        let state = self.state.borrow();
        match self.executor.execute(transaction, &self.moment(), &*state, self.contract.clone()).unwrap() {
            Verdict::Executed(execution) => execution,
            Verdict::Invalid(invalid) => panic!("{invalid}"),
        }
    }

    fn execute(&self, transaction: &Transaction) {
        let execution = self.execution(transaction);
        assert!(matches!(execution.outcome, Outcome::Succeeded(_)), "{execution:?}");
    }
}

fn chain() -> ChainId {
    "bench".parse().unwrap()
}

fn verified(bytes: &[u8]) -> VerifiedComponent {
    let limits = CoreLimits::default();
    DecodedComponent::decode(bytes, &limits).unwrap().verify(&Closure::default(), &limits).unwrap()
}

fn signed(number: i64) -> Vec<u8> {
    let mut writer = Writer::new(16);
    writer.signed(number).unwrap();
    writer.into_bytes()
}

/// What somebody would write who knows the engine and the shape of these contracts, and nothing of ledgers.
struct Bare {
    engine: Engine,
    instance: InstancePre<BareStore>,
    /// The interface that declares the one type of UTXOs.
    object: String,
}

/// The store of one transaction: the instance of its one UTXO, and how to make it.
struct BareStore {
    made: InstancePre<BareStore>,
    utxo: Option<Instance>,
    limiter: Limiter,
}

struct Limiter;

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 64 << 20)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000)
    }
}

impl Bare {
    fn of(ledger: &Ledger) -> Self {
        let engine = ledger.executor.engine().clone();
        let module = Module::new(&engine, ledger.coroutine.module_bytes(&ledger.component)).unwrap();
        let object = ledger.coroutine.objects.keys().next().unwrap().clone();
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ty = import.ty().unwrap_func().clone();
            // A main or a method of the contract's own UTXO is exported under the interface's name; all else does nothing.
            let own = import.module().strip_prefix("starstream:self/").map(|_| format!("{object}#{}", import.name()));
            let serve = move |caller: Caller<'_, BareStore>, parameters: &[Val], results: &mut [Val]| match &own {
                Some(export) if export.contains("[static]") => make(caller, export, parameters, results),
                Some(export) if export.contains("[method]") => call(caller, export, parameters, results),
                _ => {
                    // A handle for what the UTXO calls itself inside.
                    results.iter_mut().for_each(|result| *result = Val::I32(1));
                    Ok(())
                }
            };
            linker.func_new(import.module(), import.name(), ty, serve).unwrap();
        }
        Self { instance: linker.instantiate_pre(&module).unwrap(), engine, object }
    }

    fn store(&self) -> Store<BareStore> {
        let data = BareStore { made: self.instance.clone(), utxo: None, limiter: Limiter };
        let mut store = Store::new(&self.engine, data);
        store.limiter(|data| &mut data.limiter);
        store.set_fuel(GAS_LIMIT).unwrap();
        store
    }

    fn script(&self) {
        let mut store = self.store();
        let instance = self.instance.instantiate(&mut store).unwrap();
        let script = instance.get_func(&mut store, "make-ticked").unwrap();
        script.call(&mut store, &[Val::I64(100)], &mut [Val::I64(0)]).unwrap();
    }

    fn method(&self) {
        let mut store = self.store();
        let instance = self.instance.instantiate(&mut store).unwrap();
        let find = |store: &mut Store<BareStore>, name: &str| {
            instance.get_func(store, &format!("{}#{name}", self.object)).unwrap()
        };
        let set_storage = find(&mut store, "set-storage");
        // At its first yield, and all else is zero.
        let mut record: Vec<Val> = set_storage.ty(&store).params().map(|ty| zero(&ty)).collect();
        record[0] = Val::I32(1);
        set_storage.call(&mut store, &record, &mut [Val::I32(0)]).unwrap();
        find(&mut store, "[method]utxo.bump").call(&mut store, &[Val::I32(0), Val::I64(1)], &mut []).unwrap();
        find(&mut store, "get-storage").call(&mut store, &[Val::I32(0)], &mut [Val::I32(0)]).unwrap();
    }
}

/// A script makes the UTXO.
fn make(
    mut caller: Caller<'_, BareStore>,
    export: &str,
    parameters: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let made = caller.data().made.clone();
    let instance = made.instantiate(&mut caller)?;
    caller.data_mut().utxo = Some(instance);
    let main = instance.get_func(&mut caller, export).unwrap();
    let parameters: Vec<Val> = [Val::I32(0)].into_iter().chain(parameters.iter().cloned()).collect();
    main.call(&mut caller, &parameters, results)
}

/// A script calls the UTXO.
fn call(
    mut caller: Caller<'_, BareStore>,
    export: &str,
    parameters: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let instance = caller.data().utxo.unwrap();
    let method = instance.get_func(&mut caller, export).unwrap();
    method.call(&mut caller, parameters, results)
}

fn zero(ty: &ValType) -> Val {
    match ty {
        ValType::I64 => Val::I64(0),
        ValType::F32 => Val::F32(0),
        ValType::F64 => Val::F64(0),
        _ => Val::I32(0),
    }
}
