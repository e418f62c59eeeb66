//! Frozen gas: what calls cost and how they end, to the last unit.
//!
//! The numbers stand in `gas_vectors.json`. They are the same on every architecture, and a change of one is a change of
//! every chain's rules. `BLESS=1` writes the file anew.

use crate::build;
use crate::support::Machine;
use ledger_runtime::admission::Executable;
use ledger_runtime::execution::CallOutcome;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vector {
    contract: String,
    function: String,
    /// The encoded parameters in hexadecimal.
    parameters: String,
    gas_limit: u64,
    gas_used: u64,
    /// The encoded result in hexadecimal, or the kind of failure.
    outcome: String,
}

/// A contract in text form: its world, its core module, and its calls.
struct Case {
    name: &'static str,
    world: &'static str,
    wat: &'static str,
    functions: &'static [&'static str],
}

/// The gas limit of calls that end before it.
const ENOUGH: u64 = 50_000_000;
/// The gas limit of calls that do not.
const LITTLE: u64 = 200_000;

/// Calls of the example contracts: function and encoded parameters.
const EXAMPLES: [(&str, &str, &[u8], u64); 11] = [
    ("arithmetic", "gcd", &[0xaf, 0x08, 0xce, 0x03], ENOUGH),
    ("arithmetic", "gcd", &[0, 0], ENOUGH),
    ("arithmetic", "fibonacci", &[0], ENOUGH),
    ("arithmetic", "fibonacci", &[90], ENOUGH),
    // Stops itself, because the number is too large.
    ("arithmetic", "fibonacci", &[94], ENOUGH),
    ("shop", "order", &[0, 0, 0, 0], ENOUGH),
    ("shop", "order", &[1, 3, b't', b'e', b'a', 0xc2, 0x03, 2, 1, 10, 2, 0], ENOUGH),
    ("counter", "counters#[static]counter.highest", &[], ENOUGH),
    ("counter", "counters#clamp", &[0x88, 0x27], ENOUGH),
    ("endless", "run", &[], LITTLE),
    ("endless", "recurse", &[], ENOUGH),
];

/// One function for each class of operators, and one for each way to end.
const CASES: [Case; 5] = [
    Case {
        name: "operators",
        world: "export nothing: func(); export simple: func(); export branch: func(); export multiplication: func();
                export division: func(); export memory-access: func(); export float-arithmetic: func();
                export float-rounding: func(); export float-division: func(); export float-square-root: func();
                export call: func(); export tail-call: func(); export call-indirect: func();
                export table-access: func(); export reference: func();",
        wat: r#"(module
            (type $none (func))
            (memory 1) (table 3 funcref) (global $global (mut i64) (i64.const 1))
            (elem (i32.const 0) $nothing)
            (func $nothing (export "nothing") nop block end)
            (func (export "simple") (local $a i64)
                (local.set $a (i64.add (i64.const 1) (i64.xor (local.get $a) (global.get $global))))
                (global.set $global (select (local.get $a) (i64.const 2) (i64.lt_s (local.get $a) (i64.const 9)))))
            (func (export "branch") (local $n i32)
                (loop $again
                    (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10))))
                (block $a (block $b (br_table $a $b (i32.clz (local.get $n)))))
                (if (local.get $n) (then (br 0))))
            (func (export "multiplication") (drop (i64.mul (i64.const 3) (i64.extend_i32_u (i32.mul (i32.const 3) (i32.const 5))))))
            (func (export "division")
                (drop (i32.div_u (i32.const 7) (i32.const 2))) (drop (i64.rem_s (i64.const 7) (i64.const 2)))
                (drop (i64.popcnt (i64.const 7))))
            (func (export "memory-access")
                (i64.store (i32.const 8) (i64.const 7)) (i32.store8 (i32.const 9) (i32.const 1))
                (drop (i64.load32_s (i32.const 8))))
            (func (export "float-arithmetic")
                (drop (f64.add (f64.const 1) (f64.mul (f64.const 2) (f64.promote_f32 (f32.const 3)))))
                (drop (i64.trunc_sat_f64_s (f64.const 3))))
            (func (export "float-rounding") (drop (f64.nearest (f64.const 1.5))) (drop (f32.floor (f32.const 1.5))))
            (func (export "float-division") (drop (f64.div (f64.const 1) (f64.const 3))))
            (func (export "float-square-root") (drop (f64.sqrt (f64.const 2))))
            (func (export "call") (call $nothing) (call $nothing))
            (func (export "tail-call") (return_call $nothing))
            (func (export "call-indirect") (call_indirect (type $none) (i32.const 0)))
            (func (export "table-access") (table.set (i32.const 1) (table.get (i32.const 0))))
            (func (export "reference") (drop (ref.is_null (ref.func $nothing)))))"#,
        functions: &[
            "nothing",
            "simple",
            "branch",
            "multiplication",
            "division",
            "memory-access",
            "float-arithmetic",
            "float-rounding",
            "float-division",
            "float-square-root",
            "call",
            "tail-call",
            "call-indirect",
            "table-access",
            "reference",
        ],
    },
    Case {
        name: "memory",
        world: "export grow-none: func(); export grow-one: func(); export grow-ten: func(); export beyond-own: func();
                export beyond-limit: func(); export copy: func(); export copy-none: func(); export fill: func();
                export init: func(); export outside: func(); export copy-outside: func();",
        wat: r#"(module
            (memory 2 500) (data $data "0123456789")
            (func (export "grow-none") (drop (memory.grow (i32.const 0))))
            (func (export "grow-one") (drop (memory.grow (i32.const 1))))
            (func (export "grow-ten") (drop (memory.grow (i32.const 10))))
            (func (export "beyond-own") (drop (memory.grow (i32.const 499))))
            (func (export "beyond-limit") (drop (memory.grow (i32.const 1023))))
            (func (export "copy") (memory.copy (i32.const 0) (i32.const 100) (i32.const 1000)))
            (func (export "copy-none") (memory.copy (i32.const 0) (i32.const 100) (i32.const 0)))
            (func (export "fill") (memory.fill (i32.const 0) (i32.const 7) (i32.const 1000)))
            (func (export "init") (memory.init $data (i32.const 0) (i32.const 0) (i32.const 10)) (data.drop $data))
            (func (export "outside") (drop (i32.load (i32.const 131070))))
            (func (export "copy-outside") (memory.copy (i32.const 0) (i32.const 131000) (i32.const 1000))))"#,
        functions: &[
            "grow-none",
            "grow-one",
            "grow-ten",
            "beyond-own",
            "beyond-limit",
            "copy",
            "copy-none",
            "fill",
            "init",
            "outside",
            "copy-outside",
        ],
    },
    Case {
        name: "tables",
        world: "export grow: func(); export beyond-limit: func(); export copy: func(); export fill: func();
                export init: func(); export outside: func();",
        wat: r#"(module
            (table 10 funcref) (elem $elements func $run $run $run) (func $run)
            (func (export "grow") (drop (table.grow (ref.null func) (i32.const 5))))
            (func (export "beyond-limit") (drop (table.grow (ref.null func) (i32.const 20000))))
            (func (export "copy") (table.copy (i32.const 0) (i32.const 5) (i32.const 5)))
            (func (export "fill") (table.fill (i32.const 0) (ref.null func) (i32.const 10)))
            (func (export "init") (table.init $elements (i32.const 0) (i32.const 0) (i32.const 3)) (elem.drop $elements))
            (func (export "outside") (drop (table.get (i32.const 10)))))"#,
        functions: &["grow", "beyond-limit", "copy", "fill", "init", "outside"],
    },
    Case {
        name: "traps",
        world: "export stop: func(); export stop-late: func(); export by-zero: func(); export overflow: func();
                export conversion: func(); export empty-element: func(); export other-type: func();
                export outside-table: func(); export recurse: func(); export endless: func(); export twice: func();",
        wat: r#"(module
            (type $none (func)) (type $one (func (param i32)))
            (table 3 funcref) (elem (i32.const 0) $takes) (func $takes (type $one))
            (func (export "stop") unreachable)
            (func (export "stop-late") (local $n i32)
                (loop $again
                    (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
                unreachable)
            (func (export "by-zero") (local $n i32) (drop (i32.div_s (i32.const 1) (local.get $n))))
            (func (export "overflow") (local $n i32)
                (drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $n) (i32.const 1)))))
            (func (export "conversion") (drop (i32.trunc_f64_s (f64.const nan))))
            (func (export "empty-element") (call_indirect (type $none) (i32.const 1)))
            (func (export "other-type") (call_indirect (type $none) (i32.const 0)))
            (func (export "outside-table") (call_indirect (type $none) (i32.const 9)))
            (func $recurse (export "recurse") (call $recurse) (call $recurse))
            (func (export "endless") (loop $again (br $again)))
            (func $twice (export "twice") (return_call $twice)))"#,
        functions: &[
            "stop",
            "stop-late",
            "by-zero",
            "overflow",
            "conversion",
            "empty-element",
            "other-type",
            "outside-table",
            "recurse",
            "endless",
            "twice",
        ],
    },
    Case {
        name: "start",
        world: "export run: func() -> list<u8>;",
        wat: r#"(module
            (memory (export "memory") 3)
            (func $start (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 100)))
            (start $start)
            (func (export "run") (result i32) (i32.const 0)))"#,
        functions: &["run"],
    },
];

#[tokio::test]
async fn gas_is_frozen() {
    let machine = Machine::new();
    let mut calls = Vec::new();
    for (name, function, parameters, limit) in EXAMPLES {
        let contract = machine.admit(&build::example(name)).unwrap();
        calls.push(measure(&machine, name, &contract, function, parameters, limit).await);
    }
    for Case { name, world, wat, functions } in CASES {
        let contract = machine.contract(world, wat);
        for function in functions {
            let limit = if matches!(*function, "endless" | "twice") { LITTLE } else { ENOUGH };
            calls.push(measure(&machine, name, &contract, function, &[], limit).await);
        }
    }
    compare(&calls);
}

/// Makes a call, and again with exactly the gas that it used, and with one unit less.
async fn measure(
    machine: &Machine,
    name: &str,
    contract: &Arc<Executable>,
    function: &str,
    parameters: &[u8],
    gas_limit: u64,
) -> Vector {
    let call = |limit| machine.call(contract, function, parameters, Some(limit));
    let outcome = call(gas_limit).await.unwrap();
    let gas_used = outcome.gas_used;
    if gas_used < gas_limit {
        assert_eq!(call(gas_used).await.unwrap(), outcome, "{name} {function} with exactly its gas");
        let short = call(gas_used - 1).await.unwrap();
        assert_eq!(kind(&short), "out of gas", "{name} {function} with one unit less");
        assert_eq!(short.gas_used, gas_used - 1, "{name} {function} with one unit less");
    }
    let outcome = kind(&outcome);
    let (contract, function, parameters) = (name.to_owned(), function.to_owned(), hex::encode(parameters));
    Vector { contract, function, parameters, gas_limit, gas_used, outcome }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gas_vectors.json")
}

fn compare(actual: &[Vector]) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(), serde_json::to_string_pretty(actual).unwrap() + "\n").unwrap();
    }
    let frozen: Vec<Vector> = serde_json::from_slice(&std::fs::read(path()).unwrap()).unwrap();
    for (actual, frozen) in actual.iter().zip(&frozen) {
        assert_eq!(actual, frozen, "run with BLESS=1 if this change of every chain's rules is meant");
    }
    assert_eq!(actual.len(), frozen.len());
}

fn kind(outcome: &CallOutcome) -> String {
    match &outcome.result {
        Ok(bytes) => format!("ok {}", hex::encode(bytes)),
        Err(failure) => failure.kind.to_string(),
    }
}
