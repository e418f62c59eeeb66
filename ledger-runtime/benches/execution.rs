//! How long calls take beside the bare engine, and how much memory contracts take.
//!
//! The bare engine has the same configuration, and also makes a fresh store with gas and limits for each call; so the
//! ratios are what the ledger adds. Rounds of all rows take turns, and each row shows its fastest round: other load on the
//! machine does not decide the ratios. Figures and command: docs/benchmarks.md.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "../tests/it/build.rs"]
#[allow(dead_code)]
mod build;

use bytes::Bytes;
use ledger_runtime::admission::{Executable, Export, Imports};
use ledger_runtime::compiled::CompiledCache;
use ledger_runtime::engine;
use ledger_runtime::execution::Executor;
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::{Writer, decode_parameters, encode_result};
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::limits::Limits as CoreLimits;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, Val};
use wasmtime::{ResourceLimiter, Store};

const GAS_LIMIT: u64 = 1_000_000;
const ROUNDS: usize = 15;
const CALLS_IN_ROUND: u32 = 5_000;

/// A guest with one page of memory, which it uses.
const WORLD: &str = "export take: func(x: s64); export give: func(x: s64) -> s64;";
const GUEST: &str = r#"(module
    (memory 1)
    (func (export "take") (param i64) (i64.store (i32.const 8) (local.get 0)))
    (func (export "give") (param i64) (result i64)
        (i64.store (i32.const 8) (local.get 0))
        (i64.add (i64.load (i32.const 8)) (i64.const 1))))"#;

fn main() {
    let bytes = build::component(&format!("package bench:guest; world guest {{ {WORLD} }}"), GUEST);
    calls(&bytes);
    start(&bytes);
    memory();
}

fn verified(bytes: &[u8]) -> VerifiedComponent {
    let limits = CoreLimits::default();
    DecodedComponent::decode(bytes, &limits).unwrap().verify(&Closure::default(), &limits).unwrap()
}

fn calls(bytes: &[u8]) {
    let profile = ExecutionProfile::default();
    let executor = Executor::new(profile.clone(), &Limits::default()).unwrap();
    let contract = Executable::admit(executor.engine(), &profile, &verified(bytes), bytes, &Imports::new()).unwrap();
    let contract = Arc::new(contract);
    let (take, give) = (contract.function("take").unwrap(), contract.function("give").unwrap());
    let bare = Bare::new(&executor, bytes);
    let mut parameters = Writer::new(64);
    parameters.signed(1_000).unwrap();
    let parameters = Bytes::from(parameters.into_bytes());
    let ready = [Val::S64(1_000)];
    let here = |export: &Export, values: &[Val]| {
        let outcome = executor.call_here(&contract, export, values, parameters.len(), GAS_LIMIT).unwrap();
        assert!(outcome.result.is_ok());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let types = (give.parameters(), give.result());

    let rows: [(&str, &mut dyn FnMut()); 8] = [
        ("bare engine: fresh store, instance, call, ready values", &mut || bare.call(&bare.take, &mut [])),
        ("the ledger's call, ready values", &mut || here(take, &ready)),
        ("bare engine, with a result", &mut || bare.call(&bare.give, &mut [Val::Bool(false)])),
        ("the ledger's call, with an encoded result", &mut || here(give, &ready)),
        ("the ledger's call, from bytes to bytes", &mut || {
            here(give, &decode_parameters::<Val>(types.0, &parameters, &profile.values).unwrap());
        }),
        ("the value codec alone", &mut || {
            let values: Vec<Val> = decode_parameters(types.0, black_box(&parameters), &profile.values).unwrap();
            let result = types.1.zip(values.first());
            black_box(encode_result(result, &profile.values).unwrap());
        }),
        ("the same on a worker thread, asked from an asynchronous task", &mut || {
            let call = executor.call(Arc::clone(&contract), "give", parameters.clone(), Some(GAS_LIMIT));
            assert!(runtime.block_on(call).unwrap().result.is_ok());
        }),
        ("a fresh store alone", &mut || drop(black_box(bare.store()))),
    ];
    table(rows);
}

/// Measures all rows in turns, and prints their fastest rounds and their ratios to the first.
fn table<const COUNT: usize>(rows: [(&str, &mut dyn FnMut()); COUNT]) {
    let mut fastest = [Duration::MAX; COUNT];
    let (names, mut works): (Vec<&str>, Vec<&mut dyn FnMut()>) = rows.into_iter().unzip();
    for _ in 0..ROUNDS {
        for (work, fastest) in works.iter_mut().zip(&mut fastest) {
            let started = Instant::now();
            (0..CALLS_IN_ROUND).for_each(|_| work());
            *fastest = started.elapsed().min(*fastest);
        }
    }
    println!("\n| | µs | ratio |\n|---|---|---|");
    for (name, time) in names.iter().zip(fastest) {
        let microseconds = time.as_secs_f64() * 1e6 / f64::from(CALLS_IN_ROUND);
        let ratio = time.as_secs_f64() / fastest[0].as_secs_f64();
        println!("| {name} | {microseconds:.2} | {ratio:.2} |");
    }
}

/// What somebody would write who knows the engine and nothing of ledgers.
struct Bare {
    instance: InstancePre<Limiter>,
    take: ComponentExportIndex,
    give: ComponentExportIndex,
}

struct Limiter;

impl Bare {
    fn new(executor: &Executor, bytes: &[u8]) -> Self {
        let component = Component::from_binary(executor.engine(), bytes).unwrap();
        let instance = Linker::new(executor.engine()).instantiate_pre(&component).unwrap();
        let find = |name| component.get_export_index(None, name).unwrap();
        Self { instance, take: find("take"), give: find("give") }
    }

    fn store(&self) -> Store<Limiter> {
        let mut store = Store::new(self.instance.engine(), Limiter);
        store.limiter(|limiter| limiter);
        store.set_fuel(GAS_LIMIT).unwrap();
        store
    }

    fn call(&self, function: &ComponentExportIndex, results: &mut [Val]) {
        let mut store = self.store();
        let instance = self.instance.instantiate(&mut store).unwrap();
        let function = instance.get_func(&mut store, function).unwrap();
        function.call(&mut store, &[Val::S64(1_000)], results).unwrap();
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 64 << 20)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 20_000)
    }
}

/// The first call of a contract: compiled, and loaded from the compiled code on disk.
fn start(guest: &[u8]) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/starstream");
    let read = |name: &str| std::fs::read(folder.join(name).join("component.wasm")).unwrap();
    let contracts = [("the guest above", guest.to_vec()), ("`counter`", read("counter")), ("`record`", read("record"))];
    let profile = ExecutionProfile::default();
    println!("\n| contract | bytes | set up the engine | compile | load | compile / load | verify and check |");
    println!("|---|---|---|---|---|---|---|");
    for (name, bytes) in contracts {
        let data = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let engine = engine::build(&profile, NonZeroU32::new(2).unwrap()).unwrap();
        let set_up = started.elapsed();
        let cache = CompiledCache::open(engine.clone(), data.path(), 1 << 30);
        let component = verified(&bytes);
        let admit = |cache: &CompiledCache| {
            let started = Instant::now();
            Executable::admit_with(cache, &profile, &component, &bytes, &Imports::new()).unwrap();
            started.elapsed()
        };
        let none = CompiledCache::without_files(engine);
        let compile = (0..ROUNDS).map(|_| admit(&none)).min().unwrap();
        admit(&cache);
        let load = (0..ROUNDS).map(|_| admit(&cache)).min().unwrap();
        let started = Instant::now();
        verified(&bytes);
        let verify = started.elapsed();
        let ratio = compile.as_secs_f64() / load.as_secs_f64();
        println!(
            "| {name} | {} | {set_up:.0?} | {compile:.1?} | {load:.0?} | {ratio:.0} | {verify:.1?} |",
            bytes.len()
        );
    }
}

/// Memory of this process for each contract that is ready to be called.
fn memory() {
    const CONTRACTS: u8 = 200;
    let before = resident_size_bytes();
    let executor = Executor::new(ExecutionProfile::default(), &Limits::default()).unwrap();
    let engine = resident_size_bytes();
    println!("\n| memory | KiB |\n|---|---|");
    println!("| an engine with its slots | {} |", engine.saturating_sub(before) >> 10);
    for name in ["counter", "record"] {
        let path = format!("{}/tests/starstream/{name}/component.wasm", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let component = verified(&bytes);
        let data = tempfile::tempdir().unwrap();
        let cache = CompiledCache::open(executor.engine().clone(), data.path(), 1 << 30);
        let admit = || Executable::admit_with(&cache, executor.profile(), &component, &bytes, &Imports::new()).unwrap();
        // What compiling takes for a while is not what a contract takes.
        drop((admit(), admit()));
        let before = resident_size_bytes();
        let kept: Vec<Executable> = (0..CONTRACTS).map(|_| admit()).collect();
        let each = resident_size_bytes().saturating_sub(before) / usize::from(CONTRACTS);
        println!("| a contract like `{name}` ({} KiB of WebAssembly) | {} |", bytes.len() >> 10, each >> 10);
        let counted = kept.first().map_or(0, Executable::size_bytes);
        println!("| the same, as the cache counts it | {} |", counted >> 10);
    }
}

/// The resident memory of this process, where the system tells it.
fn resident_size_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) << 10
}
