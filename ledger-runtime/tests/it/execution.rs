//! What calls give and cost, and what a contract can't do.

use crate::build;
use crate::support::{Machine, chain};
use ledger_core::{Failure, FailureFrame, FailureKind};
use ledger_runtime::admission::Executable;
use ledger_runtime::execution::CallError;
use ledger_runtime::profile::ExecutionProfile;
use wasm_wave::value::{Type, Value};

fn profile() -> ExecutionProfile {
    ExecutionProfile::default()
}

/// LEB128 as the parameters of `gcd` and `fibonacci` have it; the numbers here are below 128.
fn small(numbers: &[u8]) -> Vec<u8> {
    numbers.to_vec()
}

fn unsigned(value: u64) -> Vec<u8> {
    let mut writer = ledger_runtime::value::Writer::new(10);
    writer.unsigned(value).unwrap();
    writer.into_bytes()
}

/// The failure of a call that reached its limit: the call of `function` was the only one that was going on.
fn out_of_gas(contract: &Executable, function: &str, limit: u64) -> Failure {
    let frame = FailureFrame { contract: *contract.hash(), object: None, function: function.to_owned() };
    let failure = Failure::new(FailureKind::OutOfGas, format!("the gas limit of {limit} was reached"));
    Failure { frames: vec![frame], ..failure }
}

/// What every call costs.
fn fixed_gas() -> u64 {
    profile().gas_per_transaction + profile().gas_per_instance
}

#[tokio::test]
async fn integers() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("arithmetic")).unwrap();
    for (a, b, expected) in [(12, 18, 6), (0, 7, 7), (7, 0, 7), (0, 0, 0), (97, 89, 1)] {
        let outcome = machine.call(&contract, "gcd", &small(&[a, b]), None).await.unwrap();
        assert_eq!(outcome.result.unwrap(), unsigned(expected));
        assert!(outcome.gas_used > fixed_gas());
    }
    for (n, expected) in [(0, 0), (1, 1), (2, 1), (10, 55), (93, 12_200_160_415_121_876_738)] {
        let outcome = machine.call(&contract, "fibonacci", &small(&[n]), None).await.unwrap();
        assert_eq!(outcome.result.unwrap(), unsigned(expected));
    }
}

#[tokio::test]
async fn a_failing_contract_pays_for_what_it_did() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("arithmetic")).unwrap();
    let outcome = machine.call(&contract, "fibonacci", &small(&[94]), None).await.unwrap();
    assert_eq!(outcome.result.unwrap_err().to_string(), "trap: the contract stopped itself (`unreachable`)");
    assert!(outcome.gas_used > fixed_gas());
    assert!(outcome.gas_used < fixed_gas() + 1_000, "{}", outcome.gas_used);
}

#[tokio::test]
async fn all_kinds_of_values() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("shop")).unwrap();
    let item = || Type::record([("name", Type::STRING), ("unit-price", Type::U64), ("quantity", Type::U32)]).unwrap();
    let discount =
        || Type::variant([("full-price", None), ("percent", Some(Type::U8)), ("amount", Some(Type::U64))]).unwrap();
    let service = || Type::flags(["express", "gift-wrap"]).unwrap();
    let note = || Type::option(Type::STRING);
    let parameters: Vec<(String, Type)> =
        [("items", Type::list(item())), ("discount", discount()), ("service", service()), ("note", note())]
            .map(|(name, ty)| (name.to_owned(), ty))
            .to_vec();
    let receipt = Type::record([("lines", Type::U32), ("total", Type::U64), ("service", service()), ("note", note())]);
    let rejection = Type::variant([
        ("empty-order", None),
        ("discount-too-high", Some(Type::U8)),
        ("nothing-wanted", Some(Type::list(Type::STRING))),
    ]);
    let result = Type::result(receipt, rejection);
    let tea = r#"{name: "tea", unit-price: 450, quantity: 3}"#;
    let cup = r#"{name: "cup", unit-price: 999, quantity: 1}"#;
    let none = r#"{name: "air", unit-price: 1, quantity: 0}"#;
    let cases = [
        (format!("[{tea}, {cup}]"), "full-price", "{}", "none", "ok({lines: 2, total: 2349, service: {}})"),
        (
            format!("[{tea}]"),
            "percent(10)",
            "{express, gift-wrap}",
            r#"some("für dich")"#,
            r#"ok({lines: 1, total: 1965, service: {express, gift-wrap}, note: some("für dich")})"#,
        ),
        (
            format!("[{tea}]"),
            "amount(5000)",
            "{gift-wrap}",
            r#"some("")"#,
            r#"ok({lines: 1, total: 250, service: {gift-wrap}, note: some("")})"#,
        ),
        ("[]".to_owned(), "full-price", "{}", "none", "err(empty-order)"),
        (format!("[{tea}]"), "percent(101)", "{}", "none", "err(discount-too-high(101))"),
        (format!("[{none}, {tea}, {none}]"), "full-price", "{}", "none", r#"err(nothing-wanted(["air", "air"]))"#),
    ];
    for (items, discount, service, note, expected) in cases {
        let values: Vec<Value> = parameters
            .iter()
            .zip([items.as_str(), discount, service, note])
            .map(|((_, ty), text)| wasm_wave::from_str(ty, text).unwrap())
            .collect();
        let limits = profile().values;
        let bytes = ledger_runtime::value::encode_parameters(&parameters, &values, &limits).unwrap();
        let outcome = machine.call(&contract, "order", &bytes, None).await.unwrap();
        let value: Value =
            ledger_runtime::value::decode_result(Some(&result), &outcome.result.unwrap(), &limits).unwrap().unwrap();
        assert_eq!(wasm_wave::to_string(&value).unwrap(), expected);
    }
}

#[tokio::test]
async fn functions_of_an_interface_and_a_resource() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("counter")).unwrap();
    let outcome = machine.call(&contract, "demo:counting/counters@0.1.0#clamp", &unsigned(5000), None).await.unwrap();
    assert_eq!(outcome.result.unwrap(), unsigned(1000));
    let outcome = machine.call(&contract, "counters#[static]counter.highest", &[], None).await.unwrap();
    assert_eq!(outcome.result.unwrap(), unsigned(1000));
    let error = machine.call(&contract, "counters#sum", &[0], None).await.unwrap_err();
    assert!(matches!(error, CallError::Function(_)), "{error}");
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_gas() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("endless")).unwrap();
    for limit in [None, Some(20_000), Some(50_000_000)] {
        let outcome = machine.call(&contract, "run", &[], limit).await.unwrap();
        let limit = limit.unwrap_or(10_000_000);
        assert_eq!(outcome.result, Err(out_of_gas(&contract, "run", limit)));
        assert_eq!(outcome.gas_used, limit);
    }
    let error = machine.call(&contract, "run", &[], Some(100_000_001)).await.unwrap_err();
    assert_eq!(error.to_string(), "the gas limit 100000001 is over the maximum of 100000000");
}

#[tokio::test]
async fn an_endless_recursion_fills_its_stack() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("endless")).unwrap();
    let outcome = machine.call(&contract, "recurse", &[], None).await.unwrap();
    assert_eq!(outcome.result.unwrap_err().to_string(), "trap: the contract's calls are nested too deeply");
    assert_eq!(outcome.gas_used, 10_000_000, "what the engine counts is not current after this trap");
}

#[tokio::test]
async fn a_limit_equal_to_the_gas_used_suffices() {
    let machine = Machine::new();
    for (name, function, parameters) in [
        ("arithmetic", "gcd", vec![90, 40]),
        ("arithmetic", "fibonacci", vec![60]),
        ("shop", "order", vec![0, 0, 0, 0]),
    ] {
        let contract = machine.admit(&build::example(name)).unwrap();
        let outcome = machine.call(&contract, function, &parameters, None).await.unwrap();
        let used = outcome.gas_used;
        let again = machine.call(&contract, function, &parameters, Some(used)).await.unwrap();
        assert_eq!(again, outcome, "{function}");
        let short = machine.call(&contract, function, &parameters, Some(used - 1)).await.unwrap();
        assert_eq!(short.result, Err(out_of_gas(&contract, function, used - 1)), "{function}");
        assert_eq!(short.gas_used, used - 1);
    }
}

#[tokio::test]
async fn without_gas_nothing_runs() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("arithmetic")).unwrap();
    for limit in [0, 1, 10_000] {
        let outcome = machine.call(&contract, "gcd", &[1, 1], Some(limit)).await.unwrap();
        assert_eq!(outcome.result, Err(out_of_gas(&contract, "gcd", limit)));
        assert_eq!(outcome.gas_used, limit);
    }
}

#[tokio::test]
async fn values_and_memory_cost_gas() {
    let machine = Machine::new();
    let wat = |pages: u32| {
        format!(
            r#"(module
                (memory (export "memory") {pages})
                (func (export "run") (param i32 i32))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 16))"#
        )
    };
    let mut used = Vec::new();
    for (pages, count) in [(1, 1), (1, 101), (11, 1)] {
        let contract = machine.contract("export run: func(x: list<u8>);", &wat(pages));
        let mut parameters = vec![count];
        parameters.resize(1 + usize::from(count), 7);
        let outcome = machine.call(&contract, "run", &parameters, None).await.unwrap();
        assert_eq!(outcome.result, Ok(vec![]));
        used.push(outcome.gas_used);
    }
    assert_eq!(used[1] - used[0], 100 * profile().gas_per_value_byte);
    assert_eq!(used[2] - used[0], 10 * profile().gas_per_memory_page);
}

#[tokio::test]
async fn memory_costs_gas_even_if_the_call_fails() {
    let machine = Machine::new();
    let wat = r#"(module
        (memory 1)
        (func (export "grow-and-stop") (param i32) (drop (memory.grow (local.get 0))) unreachable))"#;
    let contract = machine.contract("export grow-and-stop: func(pages: u32);", wat);
    let call =
        async |pages: u64, limit| machine.call(&contract, "grow-and-stop", &unsigned(pages), limit).await.unwrap();
    let (little, much) = (call(0, None).await, call(100, None).await);
    assert_eq!(much.result.as_ref().unwrap_err().kind, FailureKind::Trap);
    assert!(much.gas_used - little.gas_used >= 100 * profile().gas_per_memory_page);
    let limit = little.gas_used + 100;
    assert_eq!(call(100, Some(limit)).await.result, Err(out_of_gas(&contract, "grow-and-stop", limit)));
}

#[tokio::test]
async fn memory_is_limited_for_all_memories_together() {
    let machine = Machine::new();
    let pages = profile().memory_size_bytes_max / (64 << 10);
    let wat = format!(
        r#"(module
            (memory 1)
            (func (export "fits") (drop (memory.grow (i32.const {}))))
            (func (export "exceeds") (drop (memory.grow (i32.const {}))))
            (func (export "again") (local $n i32)
                (loop $more (drop (memory.grow (i32.const 100))) (br $more))))"#,
        pages - 1,
        pages
    );
    let contract = machine.contract("export fits: func(); export exceeds: func(); export again: func();", &wat);
    assert_eq!(machine.call(&contract, "fits", &[], None).await.unwrap().result, Ok(vec![]));
    for function in ["exceeds", "again"] {
        let outcome = machine.call(&contract, function, &[], None).await.unwrap();
        let failure = outcome.result.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "limit: the contract asked for more than 67108864 bytes of memory (`memory_size_bytes_max`)"
        );
        assert_eq!(outcome.gas_used, 10_000_000);
    }
}

#[tokio::test]
async fn a_memory_ends_at_its_own_maximum_without_a_trap() {
    let machine = Machine::new();
    let wat = r#"(module
        (memory 1 2)
        (table 1 2 funcref)
        (func (export "memory") (result i32) (memory.grow (i32.const 2)))
        (func (export "table") (result i32) (table.grow (ref.null func) (i32.const 2))))"#;
    let contract = machine.contract("export memory: func() -> s32; export table: func() -> s32;", wat);
    for function in ["memory", "table"] {
        assert_eq!(machine.call(&contract, function, &[], None).await.unwrap().result, Ok(vec![0x7f]), "{function}");
    }
}

#[tokio::test]
async fn each_call_begins_anew() {
    let machine = Machine::new();
    let wat = r#"(module
        (memory 1)
        (global $count (mut i32) (i32.const 0))
        (func (export "next") (result i32)
            (global.set $count (i32.add (global.get $count) (i32.const 1)))
            (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
            (i32.add (global.get $count) (i32.load (i32.const 8)))))"#;
    let contract = machine.contract("export next: func() -> u32;", wat);
    for _ in 0..50 {
        assert_eq!(machine.call(&contract, "next", &[], None).await.unwrap().result, Ok(vec![2]));
    }
}

#[tokio::test]
async fn wrong_parameters_are_refused_before_anything_runs() {
    let machine = Machine::new();
    let contract = machine.admit(&build::example("arithmetic")).unwrap();
    for (parameters, message) in [
        (vec![1], "the parameters are not what `gcd` takes: parameter 2 `b`, byte 1: the bytes end too early"),
        (
            vec![1, 2, 3],
            "the parameters are not what `gcd` takes: parameters, byte 2: more bytes follow the last value (1)",
        ),
        (
            vec![0x80, 0, 1],
            "the parameters are not what `gcd` takes: parameter 1 `a`, byte 2: an integer is not in its shortest form",
        ),
        (vec![], "the parameters are not what `gcd` takes: parameter 1 `a`, byte 0: the bytes end too early"),
    ] {
        let error = machine.call(&contract, "gcd", &parameters, None).await.unwrap_err();
        assert_eq!(chain(&error), message);
    }
}

#[tokio::test]
async fn nan_is_canonical() {
    let machine = Machine::new();
    let wat = r#"(module
        (func (export "divide") (param f64 f64) (result f64) (f64.div (local.get 0) (local.get 1)))
        (func (export "odd-nan") (result f64) (f64.const -nan:0x4dead)))"#;
    let contract = machine.contract("export divide: func(a: f64, b: f64) -> f64; export odd-nan: func() -> f64;", wat);
    let canonical = 0x7ff8_0000_0000_0000_u64.to_le_bytes().to_vec();
    assert_eq!(machine.call(&contract, "divide", &[0; 16], None).await.unwrap().result, Ok(canonical.clone()));
    assert_eq!(machine.call(&contract, "odd-nan", &[], None).await.unwrap().result, Ok(canonical));
}

#[tokio::test]
async fn a_result_has_limits() {
    let machine = Machine::new();
    // A list of `count` bytes in a memory of 32 MiB.
    let wat = r#"(module
        (memory (export "memory") 512)
        (func (export "bytes") (param $count i32) (result i32)
            (i32.store (i32.const 0) (i32.const 16))
            (i32.store (i32.const 4) (local.get $count))
            (i32.const 0)))"#;
    let contract = machine.contract("export bytes: func(count: u32) -> list<u8>;", wat);
    let outcome = machine.call(&contract, "bytes", &unsigned(1000), None).await.unwrap();
    assert_eq!(outcome.result.unwrap().len(), 1002);
    let max = u64::try_from(profile().values.encoded_size_bytes_max).unwrap();
    let outcome = machine.call(&contract, "bytes", &unsigned(max), Some(100_000_000)).await.unwrap();
    assert!(outcome.result.unwrap_err().detail.contains("`encoded_size_bytes_max`"));
    // The engine itself stops before it lifts more than it may.
    let outcome = machine.call(&contract, "bytes", &unsigned(30 << 20), Some(100_000_000)).await.unwrap();
    let failure = outcome.result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trap, "{failure}");
    // Beyond the end of its memory.
    let outcome = machine.call(&contract, "bytes", &unsigned(u32::MAX.into()), None).await.unwrap();
    assert!(outcome.result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Trap), "{outcome:?}");
}

#[tokio::test]
async fn a_contract_that_breaks_the_rules_for_values_fails() {
    let machine = Machine::new();
    let wat = r#"(module
        (memory (export "memory") 1)
        (func (export "take") (param i32 i32))
        (func (export "give") (result i32) (i32.const 7))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x7fff_fff0)))"#;
    let contract = machine.contract("export take: func(x: string); export give: func() -> string;", wat);
    for (function, parameters) in [("take", vec![2, b'a', b'b']), ("give", vec![])] {
        let outcome = machine.call(&contract, function, &parameters, None).await.unwrap();
        assert!(outcome.result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Trap), "{outcome:?}");
        assert_eq!(outcome.gas_used, 10_000_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_give_the_same() {
    let machine = std::sync::Arc::new(Machine::new());
    let contract = machine.admit(&build::example("shop")).unwrap();
    let first = machine.call(&contract, "order", &[0, 0, 0, 0], None).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (machine, contract) = (std::sync::Arc::clone(&machine), std::sync::Arc::clone(&contract));
        calls.spawn(async move { machine.call(&contract, "order", &[0, 0, 0, 0], None).await.unwrap() });
    }
    while let Some(outcome) = calls.join_next().await {
        assert_eq!(outcome.unwrap(), first);
    }
}

#[tokio::test]
async fn setting_up_an_instance_costs_gas_too() {
    let machine = Machine::new();
    let endless = r#"(module (func $start (loop $again (br $again))) (start $start) (func (export "run")))"#;
    let contract = machine.contract("export run: func();", endless);
    let outcome = machine.call(&contract, "run", &[], None).await.unwrap();
    assert_eq!(outcome.result, Err(out_of_gas(&contract, "run", 10_000_000)));
    let failing = r#"(module (func $start (unreachable)) (start $start) (func (export "run")))"#;
    let contract = machine.contract("export run: func();", failing);
    let outcome = machine.call(&contract, "run", &[], None).await.unwrap();
    assert!(outcome.result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Trap), "{outcome:?}");
    assert!(outcome.gas_used < 10_100, "{}", outcome.gas_used);
}

/// Everything that wasmtime would check again for each part is checked once: a megabyte of the widest records takes
/// well under a second, and took minutes.
#[tokio::test]
async fn wide_records_are_read_in_linear_time() {
    let machine = Machine::new();
    let fields: Vec<String> = (0..1_000).map(|index| format!("field{index}: u8")).collect();
    let world = format!("record wide {{ {} }} export run: func(x: list<wide>);", fields.join(", "));
    let wat = r#"(module
        (memory (export "memory") 100)
        (func (export "run") (param i32 i32))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))"#;
    let contract = machine.contract(&world, wat);
    let mut parameters = unsigned(900);
    parameters.resize(parameters.len() + 900 * 1_000, 7);
    let started = std::time::Instant::now();
    let outcome = machine.call(&contract, "run", &parameters, Some(100_000_000)).await.unwrap();
    assert_eq!(outcome.result, Ok(vec![]));
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}
