//! Which components become contracts, and what of them can be called.

use crate::build;
use crate::support::{Machine, chain};
use ledger_runtime::admission::{AdmissionError, Executable, Imports, compilation_cost};
use ledger_runtime::contracts::ContractError;
use ledger_runtime::interface::{FunctionError, Interface};
use ledger_runtime::profile::ExecutionProfile;
use registry_core::closure::Closure;
use registry_core::component::DecodedComponent;
use registry_core::id::ComponentHash;
use registry_core::limits::Limits;
use registry_core::wit::{SourceFile, UnresolvedWit, Wit};
use wit_parser::Resolve;

fn names(contract: &Executable) -> Vec<(String, bool)> {
    let functions = contract.interface().functions().iter();
    functions.map(|function| (function.to_string(), function.obstacle.is_none())).collect()
}

#[test]
fn all_functions_are_listed() {
    let contract = Machine::new().admit(&build::example("counter")).unwrap();
    let full = |name: &str| format!("demo:counting/counters@0.1.0#{name}");
    assert_eq!(
        names(&contract),
        [
            (full("[constructor]counter"), false),
            (full("[method]counter.increment"), false),
            (full("[static]counter.highest"), true),
            (full("clamp"), true),
            (full("sum"), false),
        ]
    );
}

#[test]
fn handles_are_refused_with_the_reason() {
    let contract = Machine::new().admit(&build::example("counter")).unwrap();
    let refused = |name: &str| contract.function(name).err().unwrap().to_string();
    assert_eq!(
        refused("counters#sum"),
        "`demo:counting/counters@0.1.0#sum` cannot be called: the parameter `counters` holds a handle of the resource \
         `counter`, and handles exist only inside one instance"
    );
    assert!(refused("counters#[constructor]counter").contains("the result holds a handle"));
    assert!(refused("counters#[method]counter.increment").contains("the parameter `self` holds a handle"));
}

#[test]
fn functions_are_found_by_short_names() {
    let contract = Machine::new().admit(&build::example("counter")).unwrap();
    for name in ["demo:counting/counters@0.1.0#clamp", "demo:counting/counters#clamp", "counters#clamp"] {
        assert!(contract.function(name).is_ok(), "{name}");
    }
    for name in ["clamp", "counters#", "#clamp", "counting/counters#clamp", "demo:counting/counters@0.1.1#clamp", ""] {
        let Err(FunctionError::Unknown { available, .. }) = contract.function(name) else { panic!("{name}") };
        assert_eq!(
            available,
            ["demo:counting/counters@0.1.0#[static]counter.highest", "demo:counting/counters@0.1.0#clamp"]
        );
    }
}

#[test]
fn a_short_name_of_several_functions_is_refused() {
    let contract = Machine::new().contract(
        "export left: interface { run: func(); } export demo:counting/counters@0.1.0; export run: func();",
        r#"(module
            (import "[export]demo:counting/counters@0.1.0" "[resource-new]counter" (func (param i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "left#run"))
            (func (export "run"))
            (func (export "demo:counting/counters@0.1.0#[constructor]counter") (param i64) (result i32) unreachable)
            (func (export "demo:counting/counters@0.1.0#[method]counter.increment") (param i32) (result i64) unreachable)
            (func (export "demo:counting/counters@0.1.0#[static]counter.highest") (result i64) unreachable)
            (func (export "demo:counting/counters@0.1.0#clamp") (param i64) (result i64) unreachable)
            (func (export "demo:counting/counters@0.1.0#sum") (param i32 i32) (result i64) unreachable)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#,
    );
    assert!(contract.function("run").is_ok());
    assert!(contract.function("left#run").is_ok());

    let mut resolve = Resolve::default();
    let package = resolve
        .push_str(
            "two.wit",
            "package demo:two; world two { export demo:a/api@1.0.0; export demo:b/api@1.0.0; }
             package demo:a@1.0.0 { interface api { run: func(); } }
             package demo:b@1.0.0 { interface api { run: func(); } }",
        )
        .unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let Err(FunctionError::Ambiguous { candidates, .. }) = Interface::of(&resolve, world).find("api#run") else {
        panic!()
    };
    assert_eq!(candidates, ["demo:a/api@1.0.0#run", "demo:b/api@1.0.0#run"]);
}

#[test]
fn what_cannot_be_sent_is_found_at_any_depth() {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str(
            "deep.wit",
            "package demo:deep;
             interface api {
                 resource thing;
                 record inner { things: list<option<thing>> }
                 variant outer { nothing, some(inner) }
                 a: func(values: list<tuple<u8, outer>>);
                 b: func() -> result<string, future<u8>>;
                 c: func(input: stream<u8>);
                 d: async func();
                 e: func() -> error-context;
                 f: func(x: result<option<list<u8>>, string>) -> tuple<f64, char>;
                 g: func(x: map<string, u8>);
             }
             world deep { export api; }",
        )
        .unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let interface = Interface::of(&resolve, world);
    let obstacle = |name: &str| interface.find(&format!("api#{name}")).err().map(|error| error.to_string());
    let expect = |name: &str, part: &str| {
        let found = obstacle(name).unwrap();
        assert!(found.ends_with(part), "{name}: {found}");
    };
    expect(
        "a",
        "the parameter `values` holds a handle of the resource `thing`, and handles exist only inside one instance",
    );
    expect("b", "the result is asynchronous (future), and a call of a contract is not");
    expect("c", "the parameter `input` is asynchronous (stream), and a call of a contract is not");
    expect("d", "the function is asynchronous (async func), and a call of a contract is not");
    expect("e", "the result is asynchronous (error-context), and a call of a contract is not");
    expect("g", "the parameter `x` holds a map, which cannot be sent");
    assert_eq!(obstacle("f"), None);
}

#[test]
fn imports_of_functions_are_refused_with_all_reasons() {
    let error = Machine::new().admit(&build::example("foreign-import")).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the ledger serves no functions and no resources, and the component imports:\n  `demo:clock/wall@0.1.0` (it holds the function `now`)"
    );

    let bytes = build::component(
        "package demo:test;
         world test {
             import alpha: func();
             import beta: interface { resource thing; run: func(); }
             use demo:goods/types@0.1.0.{item};
             export run: func(x: item);
         }",
        r#"(module
            (import "$root" "alpha" (func))
            (import "beta" "run" (func))
            (import "beta" "[resource-drop]thing" (func (param i32)))
            (memory (export "memory") 1)
            (func (export "run") (param i32 i32 i64 i32))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#,
    );
    let Err(AdmissionError::UnservedImports(imports)) = Machine::new().admit(&bytes) else { panic!() };
    let imports: Vec<String> = imports.iter().map(ToString::to_string).collect();
    assert_eq!(
        imports,
        ["`alpha` (it is a function)", "`beta` (it holds the resource `thing`, it holds the function `run`)"]
    );
}

#[test]
fn a_resource_is_refused_once_without_its_functions() {
    let bytes = build::component(
        "package demo:test;
         interface things { resource thing { size: func() -> u32; } }
         interface others { use things.{thing as other}; run: func(x: other); }
         world test { import things; import others; use things.{thing as mine}; export go: func(); }",
        r#"(module
            (import "demo:test/things" "[method]thing.size" (func (param i32) (result i32)))
            (import "demo:test/others" "run" (func (param i32)))
            (func (export "go")))"#,
    );
    let Err(AdmissionError::UnservedImports(imports)) = Machine::new().admit(&bytes) else { panic!() };
    let imports: Vec<String> = imports.iter().map(ToString::to_string).collect();
    assert_eq!(
        imports,
        ["`demo:test/others` (it holds the function `run`)", "`demo:test/things` (it holds the resource `thing`)"]
    );
}

#[test]
fn imports_of_types_are_served() {
    let machine = Machine::new();
    assert!(machine.admit(&build::example("shop")).is_ok());
}

fn refusal(machine: &Machine, wat: &str) -> String {
    let bytes = build::component("package demo:test; world test { export run: func(); }", wat);
    chain(&machine.admit(&bytes).err().unwrap())
}

#[test]
fn webassembly_outside_the_profile_is_refused() {
    let machine = Machine::new();
    for (wat, part) in [
        (r#"(module (func (export "run") (drop (i32x4.splat (i32.const 1)))))"#, "SIMD"),
        (r#"(module (memory 1) (memory 1) (func (export "run")))"#, "multiple memories"),
        (r#"(module (memory i64 1) (func (export "run")))"#, "memory64"),
        (r#"(module (memory 1 1 shared) (func (export "run")))"#, "threads"),
        (r#"(module (tag) (func (export "run")))"#, "exceptions"),
    ] {
        let refused = refusal(&machine, wat);
        assert!(refused.contains("not valid under the ledger's execution profile"), "{refused}");
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn limits_of_a_component() {
    let example = build::example("arithmetic");
    let small = ExecutionProfile { component_size_bytes_max: example.len() - 1, ..Default::default() };
    assert!(matches!(Machine::with(small).admit(&example), Err(AdmissionError::TooLarge { .. })));
    let exact = ExecutionProfile { component_size_bytes_max: example.len(), ..Default::default() };
    assert!(Machine::with(exact).admit(&example).is_ok());

    let machine = Machine::new();
    let long = format!(r#"(module (func (export "run") {}))"#, "(drop (i64.const 1))".repeat(50_000));
    let refused = refusal(&machine, &long);
    assert!(refused.contains("`function_size_bytes_max`"), "{refused}");
    // Each is within the size of a function, but would keep the compiler busy for a long time.
    let loops = "(loop (br_if 0 (local.get 0)))".repeat(8_000);
    let targets = "0 ".repeat(60_000);
    let locals = "i64 ".repeat(20_000);
    let sets: String = (0..20_000).map(|index| format!("(local.set {index} (local.get 0))")).collect();
    let few_loops = "(loop ".repeat(2_000);
    for body in [
        format!("(local i32) {loops}"),
        format!("(br_table {targets} (i32.const 0))"),
        format!("(local {locals}) {sets} {few_loops} {}", ")".repeat(2_000)),
    ] {
        let refused = refusal(&machine, &format!(r#"(module (func (export "run")) (func {body}))"#));
        assert!(refused.contains("`compilation_cost_max`"), "{refused}");
    }
    let memory = refusal(&machine, r#"(module (memory 2000) (func (export "run")))"#);
    assert!(memory.contains("cannot be compiled within the ledger's limits"), "{memory}");
    let table = refusal(&machine, r#"(module (table 30000 funcref) (func (export "run")))"#);
    assert!(table.contains("cannot be compiled within the ledger's limits"), "{table}");
}

#[test]
fn a_component_of_too_many_instances_is_refused() {
    let component = |count: usize| {
        let instances = "(core instance (instantiate $m))".repeat(count);
        wat::parse_str(format!(
            r#"(component
                (core module $m (func (export "run")))
                {instances}
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        ))
        .unwrap()
    };
    let machine = Machine::new();
    let max = usize::try_from(ExecutionProfile::default().core_instances_max).unwrap();
    assert!(machine.admit(&component(max - 1)).is_ok());
    let refused = chain(&machine.admit(&component(max)).err().unwrap());
    assert!(refused.contains("cannot be compiled within the ledger's limits"), "{refused}");
    assert!(refused.contains("core module instances"), "{refused}");
}

/// Some hundred bytes that mean millions of instances.
#[test]
fn instances_in_instances_are_counted_before_anything_is_compiled() {
    let nested = |depth: usize, count: usize| {
        let mut inner = "(component $c0)".to_owned();
        for level in 1..=depth {
            let instances = format!("(instance (instantiate $c{}))", level - 1).repeat(count);
            inner = format!("(component $c{level} {inner} {instances})");
        }
        wat::parse_str(format!(
            r#"(component {inner} (instance (instantiate $c{depth}))
                (core module $m (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        ))
        .unwrap()
    };
    let machine = Machine::new();
    machine.admit(&nested(2, 5)).unwrap();
    for bytes in [nested(5, 30), nested(19, 2)] {
        let error = machine.admit(&bytes).err().unwrap();
        assert!(matches!(error, AdmissionError::TooComplex { .. }), "{error}");
    }
}

/// A component that another one is given could be any, so what instantiating it takes is not known.
#[test]
fn components_that_are_given_to_others_are_not_instantiated() {
    let bytes = wat::parse_str(
        r#"(component
            (component $small)
            (component $maker (import "any" (component $any)) (instance (instantiate $any)))
            (instance (instantiate $maker (with "any" (component $small))))
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    )
    .unwrap();
    let error = Machine::new().admit(&bytes).err().unwrap();
    assert!(matches!(error, AdmissionError::TooComplex { .. }), "{error}");
}

/// What the engine cannot compute in advance becomes code, much more of it than there are bytes.
#[test]
fn what_initialises_modules_is_limited() {
    let machine = Machine::new();
    let with_offset = |count: usize| {
        let elements = "$run ".repeat(count);
        wat::parse_str(format!(
            r#"(component
                (core module $numbers (global (export "zero") i32 (i32.const 0)))
                (core instance $numbers (instantiate $numbers))
                (core module $m
                    (import "numbers" "zero" (global $zero i32))
                    (table 20000 funcref)
                    (elem (offset global.get $zero) func {elements})
                    (func $run (export "run")))
                (core instance $i (instantiate $m (with "numbers" (instance $numbers))))
                (func (export "run") (canon lift (core func $i "run"))))"#
        ))
        .unwrap()
    };
    machine.admit(&with_offset(100)).unwrap();
    let sum = "(i32.const 1) i32.add ".repeat(10_001);
    let expressions = "(ref.null func) ".repeat(20_001);
    let segments = r#"(data (i32.const 0) "")"#.repeat(10_001);
    let of = |items: &str| {
        build::component(
            "package demo:test; world test { export run: func(); }",
            &format!(r#"(module {items} (func (export "run")))"#),
        )
    };
    for bytes in [
        with_offset(20_000),
        of(&format!("(global i32 (i32.const 0) {sum})")),
        of(&format!("(elem funcref {expressions})").replace("(ref.null func)", "(item (ref.null func))")),
        of(&format!("(memory 1) {segments}")),
    ] {
        let error = machine.admit(&bytes).err().unwrap();
        assert!(matches!(error, AdmissionError::TooManyInitializers { .. }), "{error}");
        assert!(error.to_string().contains("`initializers_max`"), "{error}");
    }
}

/// Values that wait on the operand stack while functions are called are kept over each of the calls.
#[test]
fn values_that_are_kept_over_calls_weigh() {
    let waiting = |count: usize| {
        let (calls, sums) = ("(call $f (local.get 0))".repeat(count), "i32.add ".repeat(count - 1));
        build::component(
            "package demo:test; world test { export run: func(); }",
            &format!(
                r#"(module (func (export "run")) (func $f (param i32) (result i32) (local.get 0))
                    (func (param i32) (result i32) {calls} {sums}))"#
            ),
        )
    };
    let profile = ExecutionProfile::default();
    let cost = |count: usize| compilation_cost(&profile, &waiting(count)).unwrap();
    assert!(cost(10_000) > 80 * cost(1_000), "{} {}", cost(10_000), cost(1_000));
    let error = Machine::new().admit(&waiting(24_000)).err().unwrap();
    assert!(matches!(error, AdmissionError::TooComplex { .. }), "{error}");
}

/// The engine cannot pass strings from one inner component to another under the profile, and its compiler panics.
#[test]
fn a_component_for_which_the_compiler_panics_is_refused() {
    let bytes = wat::parse_str(
        r#"(component
            (component $callee
                (core module $m (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
                    (func (export "f") (param i32 i32)))
                (core instance $i (instantiate $m))
                (func (export "f") (param "s" string)
                    (canon lift (core func $i "f") (memory $i "memory") (realloc (func $i "realloc")))))
            (component $caller
                (import "f" (func $f (param "s" string)))
                (core module $memory (memory (export "memory") 1))
                (core instance $memory (instantiate $memory))
                (core func $lowered (canon lower (func $f) (memory $memory "memory")))
                (core module $m (import "x" "f" (func $f (param i32 i32)))
                    (func (export "run") (call $f (i32.const 0) (i32.const 1))))
                (core instance $i (instantiate $m (with "x" (instance (export "f" (func $lowered))))))
                (func (export "run") (canon lift (core func $i "run"))))
            (instance $a (instantiate $callee))
            (instance $b (instantiate $caller (with "f" (func $a "f"))))
            (export "run" (func $b "run")))"#,
    )
    .unwrap();
    let refused = chain(&Machine::new().admit(&bytes).err().unwrap());
    assert!(refused.contains("the compiler cannot compile it"), "{refused}");
}

#[test]
fn names_of_a_contract_are_limited_like_those_of_packages() {
    let machine = Machine::new();
    let [fits, long] = [128, 129].map(|count: usize| "a".repeat(count));
    let admit = |name: &str, world: &str, module: &str| {
        let world = world.replace("NAME", name);
        let wit = format!("package demo:test; world test {{ {world} }}");
        machine.admit(&build::component(&wit, &module.replace("NAME", name)))
    };
    let plain = r#"(module (func (export "run") (param i32)))"#;
    for (world, module) in [
        ("export NAME: func();", r#"(module (func (export "NAME")))"#),
        ("export run: func(NAME: u32);", plain),
        ("export NAME: interface { run: func(); }", r#"(module (func (export "NAME#run")))"#),
        ("use api.{NAME}; export run: func(x: NAME); } interface api { record NAME { x: u32 }", plain),
        ("use api.{item}; export run: func(x: item); } interface api { record item { NAME: u32 }", plain),
        ("use api.{item}; export run: func(x: item); } interface api { enum item { NAME }", plain),
        ("use api.{item}; export run: func(x: item); } interface api { flags item { NAME }", plain),
        ("use api.{item}; export run: func(x: item); } interface api { variant item { NAME }", plain),
    ] {
        admit(&fits, world, module).unwrap();
        let error = admit(&long, world, module).err().unwrap();
        assert!(matches!(error, AdmissionError::LongNames { .. }), "{world}: {error}");
        assert!(error.to_string().contains("`aaaa"), "{error}");
    }
}

/// A component need not export what its interface declares behind an unstable gate.
#[test]
fn a_function_that_the_component_leaves_out_cannot_be_called() {
    let text = "package demo:gated@1.0.0; interface api { run: func(); @unstable(feature = later) walk: func(); }";
    let mut packages = Resolve::default();
    packages.push_str("gated.wit", text).unwrap();
    let bytes = build::component_with(
        packages,
        "package demo:test; world test { export demo:gated/api@1.0.0; }",
        r#"(module (func (export "demo:gated/api@1.0.0#run")))"#,
    );
    let limits = Limits::default();
    let wit = Wit::parse(&[SourceFile::new("gated.wit", text)], &[], &limits).unwrap();
    let component =
        DecodedComponent::decode(&bytes, &limits).unwrap().verify(&Closure::of(&wit).unwrap(), &limits).unwrap();
    let machine = Machine::new();
    let contract =
        Executable::admit(machine.executor.engine(), machine.executor.profile(), &component, &bytes, &Imports::new())
            .unwrap();
    assert!(contract.function("api#run").is_ok());
    assert_eq!(
        contract.function("api#walk").err().unwrap().to_string(),
        "`demo:gated/api@1.0.0#walk` cannot be called: the component does not export it"
    );
}

#[test]
fn a_component_whose_imports_were_merged_is_refused_with_what_was_merged() {
    let texts = [
        "package demo:io@0.2.0; interface io { record r { n: u32 } }",
        "package demo:io@0.2.1; interface io { record r { n: u32 } }",
        "package demo:user@1.0.0; interface user { use demo:io/io@0.2.0.{r}; record s { r: r } }",
    ];
    let mut packages = Resolve::default();
    for (index, text) in texts.iter().enumerate() {
        packages.push_str(format!("{index}.wit"), text).unwrap();
    }
    let world = "package demo:test; world test {
        use demo:user/user@1.0.0.{s}; use demo:io/io@0.2.1.{r}; export run: func(s: s, r: r); }";
    let module = r#"(module (func (export "run") (param i32 i32)))"#;
    let limits = Limits::default();
    let parse = |text: &str| UnresolvedWit::parse(&[SourceFile::new("package.wit", text)], &limits).unwrap();
    let user = parse(texts[2]).resolve(vec![parse(texts[0])], &limits).unwrap();
    let newer = parse(texts[1]).resolve(Vec::new(), &limits).unwrap();
    let mut closure = Closure::of(&user).unwrap();
    closure.packages.extend(Closure::of(&newer).unwrap().packages);
    let machine = Machine::new();
    let admit = |is_merged: bool| {
        let bytes = build::component_merging(packages.clone(), world, module, is_merged);
        let component = DecodedComponent::decode(&bytes, &limits).unwrap().verify(&closure, &limits).unwrap();
        Executable::admit(machine.executor.engine(), machine.executor.profile(), &component, &bytes, &Imports::new())
            .map(|_| bytes)
    };
    let error = admit(true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the ledger runs only components whose interfaces are exactly the registered ones, and the imports of this one \
         were merged by semver:\n  `demo:user/user@1.0.0`: `demo:io/io@0.2.1.{r}` stands in the place of \
         `demo:io/io@0.2.0.{r}`"
    );
    let hash = ComponentHash::of(b"any");
    let hint = ContractError::Admission { hash, error }.hint().unwrap();
    assert!(hint.contains("wasm-tools component new --merge-imports-based-on-semver=false"), "{hint}");
    admit(false).unwrap();
}

#[test]
fn a_chain_without_floats_refuses_them_in_code_and_in_types() {
    let machine = Machine::with(ExecutionProfile { floats_allowed: false, ..ExecutionProfile::default() });
    let refusal = |items: &str, wat: &str| {
        let bytes = build::component(&format!("package demo:test; world test {{ {items} }}"), wat);
        Machine::new().admit(&bytes).unwrap();
        chain(&machine.admit(&bytes).err().unwrap())
    };
    let in_types = |items: &str, wat: &str, place: &str| {
        let message = refusal(items, wat);
        assert!(message.contains("allows no floats"), "{message}");
        assert!(message.ends_with(place), "{message}");
    };
    in_types(
        "export api: interface { record point { x: f64, y: s64 } run: func(at: point); }",
        r#"(module (func (export "api#run") (param f64 i64)))"#,
        "  the type `point`",
    );
    in_types("export run: func(x: f32);", r#"(module (func (export "run") (param f32)))"#, "  the function `run`");
    in_types(
        "export run: func(x: tuple<s8, option<f64>>);",
        r#"(module (func (export "run") (param i32 i32 f64)))"#,
        "  a type without a name",
    );
    for code in [
        "(drop (f64.add (f64.const 1) (f64.const 2)))",
        "(drop (i64.trunc_sat_f64_s (f64.const 2)))",
        "(block (param) (result) (drop (f32.const 0)))",
    ] {
        let message = refusal("export run: func();", &format!(r#"(module (func (export "run") {code}))"#));
        assert!(message.contains("not valid under the ledger's execution profile"), "{message}");
    }
    assert!(machine.admit(&build::example("arithmetic")).is_ok());
}
