//! How long a unit of gas takes in each kind of work: how far the schedule of the execution profile is from time.
//!
//! Each kind of work runs many times in a loop of its own; the loop without work is subtracted. The spread of the last
//! column is what a contract can gain by doing only what is too cheap. Figures and command: docs/benchmarks.md.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use ledger_runtime::engine;
use ledger_runtime::profile::ExecutionProfile;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use wasmtime::{Engine, Instance, Linker, Module, ResourceLimiter, Store, Val};

/// What one step does with the parameters `$b` (i64), `$j` (i32) and `$h` (f64), which no compiler knows, and the locals
/// `$a`, `$i` and `$f` of the same types, and how often it is written into the loop.
const WORK: [(&str, &str, usize); 46] = [
    ("i64.add", "(local.set $a (i64.add (local.get $a) (local.get $b)))", 64),
    ("i64.rotl, i64.xor", "(local.set $a (i64.xor (local.get $b) (i64.rotl (local.get $a) (local.get $b))))", 32),
    ("select", "(local.set $a (select (local.get $b) (local.get $a) (i64.lt_s (local.get $a) (local.get $b))))", 32),
    ("global.get, global.set", "(global.set $g (i64.add (global.get $g) (local.get $b)))", 32),
    ("i64.mul", "(local.set $a (i64.mul (local.get $a) (local.get $b)))", 64),
    ("i64.div_u", "(local.set $a (i64.add (local.get $b) (i64.div_u (local.get $a) (local.get $b))))", 32),
    (
        "i64.div_s",
        "(local.set $a (i64.sub (i64.div_s (local.get $a) (local.get $b)) (i64.const 0x7ffffffffffffff0)))",
        32,
    ),
    ("i64.rem_s", "(local.set $a (i64.add (local.get $b) (i64.rem_s (local.get $a) (local.get $b))))", 32),
    ("i32.div_u", "(local.set $i (i32.or (i32.const 0x7f000000) (i32.div_u (local.get $i) (local.get $j))))", 32),
    ("i64.popcnt", "(local.set $a (i64.add (local.get $b) (i64.popcnt (local.get $a))))", 32),
    ("i64.clz", "(local.set $a (i64.add (local.get $b) (i64.clz (local.get $a))))", 32),
    ("i64.ctz", "(local.set $a (i64.add (local.get $b) (i64.ctz (local.get $a))))", 32),
    (
        "i32.load, each from where the last one says",
        "(local.set $i (i32.and (i32.const 0xfff8) (i32.load (local.get $i))))",
        32,
    ),
    (
        "i64.store",
        "(i64.store (local.get $i) (local.get $a)) (local.set $i (i32.xor (local.get $i) (local.get $j)))",
        32,
    ),
    (
        "i64.store8, then i64.load over it",
        "(i64.store8 (i32.const 64) (local.get $a)) (local.set $a (i64.load (i32.const 60)))",
        16,
    ),
    (
        "i32.load, anywhere in 32 MiB",
        "(local.set $i (i32.and (i32.const 0x1fffff8) (i32.mul (i32.const 0x9e3779b1) (i32.add (i32.add (local.get $i) (local.get $j)) (i32.load (local.get $i))))))",
        16,
    ),
    ("f64.add", "(local.set $f (f64.add (local.get $f) (local.get $h)))", 32),
    ("f64.mul", "(local.set $f (f64.mul (local.get $f) (local.get $h)))", 32),
    (
        "f64.mul of subnormal numbers",
        "(local.set $f (f64.mul (f64.const 0x1p-1030) (f64.add (local.get $f) (local.get $h))))",
        16,
    ),
    ("f64.min", "(local.set $f (f64.min (local.get $h) (f64.add (local.get $f) (local.get $h))))", 16),
    ("f64.div", "(local.set $f (f64.div (local.get $f) (local.get $h)))", 32),
    ("f64.sqrt", "(local.set $f (f64.sqrt (f64.add (local.get $f) (local.get $h))))", 16),
    ("f64.nearest", "(local.set $f (f64.nearest (f64.add (local.get $f) (local.get $h))))", 16),
    (
        "i64.trunc_sat_f64_u, f64.convert_i64_u",
        "(local.set $f (f64.convert_i64_u (i64.add (local.get $b) (i64.trunc_sat_f64_u (local.get $f)))))",
        16,
    ),
    (
        "if, guessed wrongly half of the time",
        "(local.set $a (i64.add (i64.mul (local.get $a) (i64.const 6364136223846793005)) (i64.const 1442695040888963407))) (if (i64.lt_s (local.get $a) (i64.const 0)) (then (global.set $g (local.get $b))))",
        16,
    ),
    (
        "br_table",
        "(local.set $a (i64.add (i64.mul (local.get $a) (i64.const 6364136223846793005)) (i64.const 1442695040888963407))) (block $x (block $y (block $z (br_table $x $y $z (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 62))))) (global.set $g (local.get $a))) (global.set $g (local.get $b)))",
        16,
    ),
    ("call", "(local.set $a (call $leaf (local.get $a)))", 16),
    (
        "call with 16 parameters",
        "(call $wide (local.get $a) (local.get $b) (local.get $a) (local.get $b) (local.get $a) (local.get $b) (local.get $a) (local.get $b) (local.get $a) (local.get $b) (local.get $a) (local.get $b) (local.get $a) (local.get $b) (local.get $a) (local.get $b))",
        8,
    ),
    ("return_call", "(local.set $a (call $tail (local.get $a)))", 16),
    (
        "call_indirect",
        "(local.set $a (call_indirect (type $leaf) (local.get $a) (i32.and (local.get $j) (i32.const 1))))",
        16,
    ),
    ("call of the host", "(call $host)", 16),
    ("table.get, table.set", "(table.set 0 (local.get $j) (table.get 0 (i32.const 1)))", 16),
    ("ref.func", "(table.set 0 (local.get $j) (ref.func $leaf))", 16),
    ("memory.size, table.size", "(local.set $i (i32.add (local.get $i) (i32.add (memory.size) (table.size 0))))", 16),
    ("memory.grow by 0", "(drop (memory.grow (i32.sub (local.get $j) (i32.const 7))))", 4),
    ("table.grow by 0", "(drop (table.grow 0 (ref.null func) (i32.sub (local.get $j) (i32.const 7))))", 4),
    ("memory.copy of 7 bytes", "(memory.copy (i32.const 0) (i32.const 1000) (local.get $j))", 4),
    (
        "memory.copy of 64 KiB",
        "(memory.copy (i32.const 1) (i32.const 65536) (i32.mul (local.get $j) (i32.const 9362)))",
        1,
    ),
    ("memory.fill of 7 bytes", "(memory.fill (i32.const 0) (i32.const 0) (local.get $j))", 4),
    ("memory.fill of 64 KiB", "(memory.fill (i32.const 0) (i32.const 0) (i32.mul (local.get $j) (i32.const 9362)))", 1),
    ("memory.init of 7 bytes", "(memory.init $data (i32.const 0) (i32.const 0) (local.get $j))", 4),
    ("table.copy of 7 elements", "(table.copy (i32.const 0) (i32.const 1000) (local.get $j))", 4),
    (
        "table.copy of 1,001 elements",
        "(table.copy (i32.const 0) (i32.const 1000) (i32.mul (local.get $j) (i32.const 143)))",
        1,
    ),
    (
        "table.fill of 1,001 elements",
        "(table.fill 0 (i32.const 0) (ref.null func) (i32.mul (local.get $j) (i32.const 143)))",
        1,
    ),
    ("table.init of 7 elements", "(table.init $elements (i32.const 0) (i32.const 0) (local.get $j))", 4),
    (
        "table.init of 98 elements",
        "(table.init $elements (i32.const 0) (i32.const 0) (i32.mul (local.get $j) (i32.const 14)))",
        1,
    ),
];

const ITERATIONS: i32 = 20_000;
const REPETITIONS: usize = 7;

fn main() {
    let engine = engine::build(&ExecutionProfile::default(), NonZeroU32::MIN).unwrap();
    let (empty_time, empty_gas) = work(&engine, "");
    println!("| work | ns | gas | ns for each unit |\n|---|---|---|---|");
    for (name, step, count) in WORK {
        let (time, gas) = work(&engine, &step.repeat(count));
        let steps = count as f64 * f64::from(ITERATIONS);
        row(name, time.saturating_sub(empty_time).as_secs_f64() * 1e9 / steps, (gas - empty_gas) as f64 / steps);
    }
    row("a loop without work", nanoseconds(empty_time), empty_gas as f64 / f64::from(ITERATIONS));
    for (name, touch) in [("64 MiB by pages of 64 KiB", false), ("the same, and a byte of each 4 KiB", true)] {
        let (time, gas) = growth(&engine, touch);
        row(&format!("memory.grow: {name}"), time.as_secs_f64() * 1e9, gas as f64);
    }
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(ITERATIONS)
}

fn row(name: &str, nanoseconds: f64, gas: f64) {
    println!("| {name} | {nanoseconds:.1} | {gas:.1} | {:.2} |", nanoseconds / gas);
}

/// The shortest time of the loop with `body`, and its gas.
fn work(engine: &Engine, body: &str) -> (Duration, u64) {
    let elements = "$leaf ".repeat(100);
    let wat = format!(
        r#"(module
            (type $leaf (func (param i64) (result i64)))
            (import "host" "nothing" (func $host))
            (memory 513) (table 3000 funcref) (global $g (mut i64) (i64.const 0))
            (data $data "0123456789") (elem $elements func {elements}) (elem (i32.const 0) {elements})
            (func $leaf (type $leaf) (i64.add (local.get 0) (i64.const 1)))
            (func $tail (type $leaf) (return_call $leaf (local.get 0)))
            (func $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
                (global.set $g (local.get 15)))
            (func (export "prepare") (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x2000000)))
            (func (export "run") (param $n i32) (param $b i64) (param $j i32) (param $h f64) (result i64)
                (local $a i64) (local $i i32) (local $f f64)
                (loop $again {body}
                    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (i64.add (local.get $a) (i64.add (i64.extend_i32_u (local.get $i)) (i64.reinterpret_f64 (local.get $f))))))"#
    );
    let module = Module::new(engine, wat::parse_str(wat).unwrap()).unwrap();
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "nothing", || ()).unwrap();
    let mut store = new_store(engine);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    // Memory that was never written is one page of zeros to the processor.
    instance.get_func(&mut store, "prepare").unwrap().call(&mut store, &[], &mut []).unwrap();
    let function = instance.get_func(&mut store, "run").unwrap();
    let mut measure = || {
        let (before, started) = (store.get_fuel().unwrap(), Instant::now());
        let parameters = [Val::I32(ITERATIONS), Val::I64(3), Val::I32(7), Val::from(1.000_001_f64)];
        function.call(&mut store, &parameters, &mut [Val::I64(0)]).unwrap();
        (started.elapsed(), before - store.get_fuel().unwrap())
    };
    (0..REPETITIONS).map(|_| measure()).min().unwrap()
}

/// The shortest time in which a contract gets all memory that it may have, and in which that is taken back.
fn growth(engine: &Engine, is_touched: bool) -> (Duration, u64) {
    let touch = r#"(local.set $n (i32.const 0))
        (loop $again
            (i32.store (local.get $n) (i32.const 1))
            (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 4096))) (i32.const 0x4000000))))"#;
    let wat = format!(
        r#"(module (memory 1) (func (export "run") (local $n i32)
            (loop $again
                (drop (memory.grow (i32.const 1)))
                (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1023))))
            {}))"#,
        if is_touched { touch } else { "" }
    );
    let module = Module::new(engine, wat::parse_str(wat).unwrap()).unwrap();
    let profile = ExecutionProfile::default();
    let pages = (profile.memory_size_bytes_max >> 16) as u64;
    let measure = |_| {
        let mut store = new_store(engine);
        let (before, started) = (store.get_fuel().unwrap(), Instant::now());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let function = instance.get_func(&mut store, "run").unwrap();
        function.call(&mut store, &[], &mut []).unwrap();
        let gas = before - store.get_fuel().unwrap() + pages * profile.gas_per_memory_page;
        drop(store);
        (started.elapsed(), gas)
    };
    (0..REPETITIONS).map(measure).min().unwrap()
}

struct Unlimited;

impl ResourceLimiter for Unlimited {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

fn new_store(engine: &Engine) -> Store<Unlimited> {
    let mut store = Store::new(engine, Unlimited);
    store.limiter(|limiter| limiter);
    store.set_fuel(u64::MAX / 2).unwrap();
    store
}
